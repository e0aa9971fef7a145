/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/intake-frame.h"
#include "lib/list.h"

struct error;
struct loop;
struct stream_shared;
struct writer;

/** Pipes at a time. */
#define WRITER_PIPES_MAX 8192

/**
 * struct writer_config - where and how much
 * @log_dir:       folder; made if it is not there
 * @total_bytes:   cap on everything; 0: the default
 * @segment_bytes: size at which a segment is rotated
 */
struct writer_config {
	const char *log_dir;
	uint64_t total_bytes;
	uint64_t segment_bytes;
};

/** struct writer_peer - who offers pipes and is told of them: those that were his last */
struct writer_peer {
	struct list pipes;
};

/**
 * writer_tell_fn() - a pipe is drained and closed, or a stream cannot be stored, or can again
 * @peer:  who offered the pipe last, or told the rules; never one that is gone
 * @frame: what to tell it
 *
 * Context: may call writer_forget().
 */
typedef void (*writer_tell_fn)(struct writer_peer *peer, const struct intake_frame *frame);

/**
 * writer_new() - take over the log folder, waiting for a former writer's end
 *
 * Return: 0 or negative errno with a text.
 */
must_check int writer_new(struct loop *l, const struct writer_config *config, writer_tell_fn tell,
			  struct writer **ret_writer, struct error *err);

/** writer_free() - close everything; what the pipes hold stays there. NULL is allowed */
void writer_free(struct writer *w);

/** writer_board() - descriptor of the board, for the reader; borrowed */
int writer_board(const struct writer *w);

/**
 * writer_offer() - collect from a pipe from now on
 * @frame: valid, see intake_frame_valid()
 * @fds:   @n_fds: read end, and perhaps a transit; taken over in any case
 * @peer:  whom to tell when it is drained; with a list that was initialised
 *
 * Return: 0, or negative errno: offer it again later.
 */
must_check int writer_offer(struct writer *w, const struct intake_frame *frame, const int *fds,
			    size_t n_fds, struct writer_peer *peer);

/** writer_end() - nobody will write to that pipe any more */
void writer_end(struct writer *w, const struct intake_frame *frame);

/**
 * writer_retain() - a rule of retention
 * @frame: valid, see intake_retain_valid()
 * @peer:  whom to tell of troubles once the round has ended
 *
 * Return: 0 or negative errno: say everything again later.
 */
must_check int writer_retain(struct writer *w, const struct intake_retain *frame,
			     struct writer_peer *peer);

/** writer_forget() - a peer has gone; its pipes are collected from all the same */
void writer_forget(struct writer *w, struct writer_peer *peer);

/** writer_finish() - give every pipe one more turn: what it holds now is stored afterwards */
void writer_finish(struct writer *w);

/** writer_rotate() - begin new segments for a service, or for all when @service is "" */
void writer_rotate(struct writer *w, const char *service);

/** writer_stored_fn() - bytes may have been stored, or a segment been sealed */
typedef void (*writer_stored_fn)(void *userdata);

/** writer_watch() - call @fn after each turn of a stream; NULL: nobody any more */
void writer_watch(struct writer *w, writer_stored_fn fn, void *userdata);

/** writer_shared() - what is stored, for whoever packs it; borrowed */
struct stream_shared *writer_shared(struct writer *w);
