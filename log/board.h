/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/stream-id.h"

/** Streams that are shown at a time; more are collected as well, but not shown. */
#define BOARD_ROWS_MAX 4096
#define BOARD_LAG_BUCKETS 6
#define BOARD_LAG_BUCKET_USEC (10 * USEC_PER_SEC)

/** enum board_state - how a stream is doing */
enum board_state {
	BOARD_COLLECTING,
	BOARD_BLOCKED,  /* cannot be stored: the pipe is left full */
	BOARD_DROPPING, /* cannot be stored: what comes is thrown away and counted */
};

/**
 * struct board_row - one stream that somebody may still write to
 * @n_pipes: open ones; 0: the row is free
 * @state:   enum board_state
 * @code:    negative errno behind the state
 */
struct board_row {
	struct stream_id id;
	uint32_t n_pipes;
	uint32_t state;
	int32_t code;
};

/**
 * struct board - what the writer tells the reader about itself, in shared memory
 * @stored_bytes: on disk, indexes included
 * @segments:     on disk
 * @splices:      since the writer's start
 * @dropped_bytes: since the writer's start
 * @lag_usec:     longest delay in each of the last buckets of time
 * @lag_bucket:   which bucket of time that was
 * @n_rows:       rows below this index may be in use
 */
struct board {
	uint64_t stored_bytes;
	uint64_t segments;
	uint64_t splices;
	uint64_t dropped_bytes;
	uint64_t lag_usec[BOARD_LAG_BUCKETS];
	uint64_t lag_bucket[BOARD_LAG_BUCKETS];
	uint32_t n_rows;
	struct board_row rows[BOARD_ROWS_MAX];
};

/**
 * board_new() - make one
 * @ret_fd: descriptor to hand to the reader
 *
 * Return: 0 or negative errno. It lives as long as the process.
 */
must_check int board_new(struct board **ret_board, int *ret_fd);

/** board_map() - look at the one behind @fd, read-only; Return: 0 or negative errno */
must_check int board_map(int fd, const struct board **ret_board);

/** board_row_take() - a free row for a stream, or NULL when all are taken */
struct board_row *board_row_take(struct board *b, const struct stream_id *id);

/** board_lag_note() - something waited for @lag_usec, at @now_usec (monotonic) */
void board_lag_note(struct board *b, usec_t now_usec, usec_t lag_usec);

/** board_lag() - longest delay in the last minute */
usec_t board_lag(const struct board *b, usec_t now_usec);

struct text;

/** board_note() - what a person should know, "no space left on device: db blocks"; may add nothing
 */
void board_note(const struct board *b, struct text *t);

/** board_pipes() - open pipes of a service, or of all when @service is NULL */
uint64_t board_pipes(const struct board *b, const char *service);
