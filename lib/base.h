/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The words that every file may use: sizes of arrays, clean-up attributes, time.
 *
 * Header only and pure, so that the keeper, which links nothing, can include it too. A variable
 * with a cleanup attribute holds a harmless value (NULL, -1) from its first line on; steal_ptr()
 * and steal_fd() give its content away and leave the harmless value behind.
 */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define unused __attribute__((unused))
#define cleanup(fn) __attribute__((cleanup(fn)))

/** ignore_result() - say that the result of a must_check function is of no interest here */
#define ignore_result(call)                                \
	do {                                               \
		__typeof__(call) ignored_ unused = (call); \
	} while (0)

/** usec_t - microseconds; NAME_usec says of what: a duration, deadline (monotonic) or at (wall) */
typedef uint64_t usec_t;

#define USEC_INFINITY UINT64_MAX
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/** usec_add() - sum that saturates at USEC_INFINITY */
static inline usec_t usec_add(usec_t a, usec_t b)
{
	return a > USEC_INFINITY - b ? USEC_INFINITY : a + b;
}

/** usec_sub() - difference that saturates at 0; USEC_INFINITY minus anything stays infinite */
static inline usec_t usec_sub(usec_t a, usec_t b)
{
	if (a == USEC_INFINITY)
		return USEC_INFINITY;
	return a > b ? a - b : 0;
}

/** steal_ptr() - hand a pointer out of a cleanup variable */
#define steal_ptr(p)                         \
	__extension__({                      \
		__typeof__(p) stolen_ = (p); \
		(p) = NULL;                  \
		stolen_;                     \
	})

/** steal_fd() - hand a file descriptor out of a cleanup variable */
static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/** free_ptr() - clean-up handler behind cleanup_free */
static inline void free_ptr(void *pp)
{
	free(*(void **)pp);
}

/** close_fd() - close a descriptor if there is one; errno stays as it was */
static inline void close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

#define cleanup_free cleanup(free_ptr)
#define cleanup_close cleanup(close_fd)
