/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/intake-frame.h"

struct intake;
struct loop;
struct writer;
struct writer_peer;

/** Keepers at a time. */
#define INTAKE_KEEPERS_MAX 4096

/**
 * intake_new() - listen for keepers
 * @w:  whom offers go to; outlives the intake
 * @fd: listening SEQPACKET socket, taken over
 *
 * Return: 0 or negative errno.
 */
must_check int intake_new(struct loop *l, struct writer *w, int fd, struct intake **ret_intake);

/** intake_free() - hang up on everybody; before the writer is freed. NULL is allowed */
void intake_free(struct intake *i);

/** intake_finish() - hear those who wait and what they have said, once more before the end */
void intake_finish(struct intake *i);

/** intake_tell() - tell a keeper, or the supervisor; a writer_tell_fn() */
void intake_tell(struct writer_peer *peer, const struct intake_frame *frame);

/** intake_frame_valid() - whether a keeper may say that; pure */
bool intake_frame_valid(const struct intake_frame *f, size_t n_bytes, size_t n_fds);

/** intake_retain_valid() - whether that is a rule of retention; pure */
bool intake_retain_valid(const struct intake_retain *f, size_t n_bytes, size_t n_fds);
