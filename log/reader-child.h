/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/intake-frame.h"

struct loop;
struct reader_child;
struct writer;

/** Descriptors of the reader process. */
enum {
	READER_FD_LISTEN = 3, /* Varlink socket */
	READER_FD_WRITER = 4, /* SEQPACKET to the writer */
	READER_FD_BOARD = 5,
};

/**
 * struct reader_request - reader -> writer: rotate; the writer sends it back when it is done
 * @service: "" means all
 */
struct reader_request {
	uint64_t serial;
	char service[INTAKE_NAME_MAX];
};

/**
 * reader_child_new() - start the reader as soon as somebody calls
 * @listen_fd: listening Varlink socket, taken over
 * @log_dir:   passed on
 *
 * Return: 0 or negative errno.
 */
must_check int reader_child_new(struct loop *l, struct writer *w, int listen_fd,
				const char *log_dir, bool debug, struct reader_child **ret_child);

/** reader_child_free() - hang up on the reader, which ends it. NULL is allowed */
void reader_child_free(struct reader_child *c);
