/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct api;
struct board;
struct loop;
struct store;

/**
 * api_new() - serve io.slicekeep.log
 * @listen_fd: Varlink socket, taken over
 * @writer_fd: SEQPACKET to the writer, borrowed
 *
 * Return: 0 or negative errno.
 */
must_check int api_new(struct loop *l, const struct store *store, const struct board *board,
		       int listen_fd, int writer_fd, struct api **ret_api);

/** api_free() - hang up on everybody; NULL is allowed */
void api_free(struct api *a);

struct reader_request;

/** api_rotated() - the writer has answered a request */
void api_rotated(struct api *a, const struct reader_request *request);
