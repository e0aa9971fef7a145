/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a keeper and the collector say to each other over the intake, a SEQPACKET Unix socket.
 *
 * Each life of a payload has a pipe of its own per stream. The keeper OFFERs its read end (by
 * SCM_RIGHTS) and keeps a duplicate, so a collector that dies takes nothing with it; its successor
 * is offered the same pipes again. A second descriptor is a transit (lib/transit.h), both ends of a
 * pipe in which there is nothing but bytes of the stream's earliest life that is not DRAINED yet:
 * the collector may move there what the pipe holds, and the keeper offers it with all lives of the
 * stream. Neither a keeper nor a collector has to know of it. END says that the whole process tree
 * of that life is gone: what the pipe holds now is all it will ever hold, even if a stranger still
 * has the write end. DRAINED is the collector's answer, to END or to the pipe's end of file:
 * everything is stored and the keeper may close its duplicate. Lives of one stream are stored in
 * the order of their numbers: a later one waits until the earlier one has been drained.
 *
 * The supervisor, ci, router and scheduler come through the same door with what happened: each
 * offers a pipe as the service of its own name, instance 0, stream "event", with its start as the
 * life, and writes one JSON object a line into it, whole lines with a write(2) of at most PIPE_BUF
 * bytes, so that no kill tears one:
 *
 *   {"seq":812,"at_usec":1795232340123456,"service":"shop","instance":0,"kind":"exit",
 *    "level":"error","text":"exit 1 after 2s","who":"cli root","life":…,"exit":{"life":…,…}}
 *
 * seq: growing number; at_usec: when it happened, never later than now; text: one line for people.
 * All others may be missing: service and instance: whom it is about, as they are written in plain
 * ASCII; level: error or warning; who: on whose behalf; life: the life of the service that begins;
 * exit: it ends one, exit.life. A line that is none of these is passed over by readers. What the
 * store has already is asked by Query ("tail": 1, "streams": ["event"]), which answers with the
 * seq: behind it a daemon goes on after a kill, see supervisor/timeline.c.
 *
 * Header only and pure: the keeper links nothing.
 */

#include "lib/base.h"

#define INTAKE_MAGIC 0x736b6c31u /* "skl1" */
#define INTAKE_NAME_MAX 64
/** Descriptors of an OFFER: a pipe's read end and a transit. */
#define INTAKE_FDS_MAX 2

enum intake_kind {
	INTAKE_OFFER = 1,   /* keeper -> collector, with one or two descriptors */
	INTAKE_END = 2,     /* keeper -> collector */
	INTAKE_DRAINED = 3, /* collector -> keeper */
	INTAKE_RETAIN = 4,  /* supervisor -> collector; a struct intake_retain */
	INTAKE_TROUBLE = 5, /* collector -> supervisor: a stream cannot be stored, or can again */
};

enum intake_stream {
	INTAKE_STREAM_OUT = 1,
	INTAKE_STREAM_ERR = 2,
	INTAKE_STREAM_BOTH = 3,  /* merge_streams: both through one pipe */
	INTAKE_STREAM_EVENT = 4, /* what happened, told by a daemon of ours as lines of JSON */
};

/** enum intake_policy - what happens on a full disk */
enum intake_policy {
	INTAKE_POLICY_BLOCK = 0,
	INTAKE_POLICY_DROP = 1,
};

/**
 * struct intake_frame - the one message
 * @magic:    INTAKE_MAGIC
 * @kind:     enum intake_kind
 * @stream:   enum intake_stream
 * @instance: slot of the service
 * @life:     number of the life: wall clock of its start in microseconds, growing;
 *            INTAKE_TROUBLE: the errno why it cannot be stored, 0: it can again
 * @policy:   enum intake_policy
 * @name:     service, NUL-padded
 */
struct intake_frame {
	uint32_t magic;
	uint16_t kind;
	uint16_t stream;
	uint32_t instance;
	uint32_t policy;
	uint64_t life;
	char name[INTAKE_NAME_MAX];
};

static_assert(sizeof(struct intake_frame) == 88, "the intake frame is part of the wire format");

/**
 * struct intake_retain - how much of a service is kept, and for how long
 * @magic:        INTAKE_MAGIC
 * @kind:         INTAKE_RETAIN
 * @reserved:     0
 * @round:        larger than 0, the same in all frames that are told together, another each time
 * @max_bytes:    0: the total alone counts
 * @max_age_usec: 0: for as long as there is room
 * @name:         service, NUL-padded; "": all that have none of their own
 *
 * A round is told again from its beginning on each connection and whenever something has changed.
 * The frame for "" ends it, and only with it services that the round did not name lose what was
 * said of them before. Who ended the last one is told of TROUBLE: of what there is at once, and of
 * what comes and goes.
 */
struct intake_retain {
	uint32_t magic;
	uint16_t kind;
	uint16_t reserved;
	uint64_t round;
	uint64_t max_bytes;
	uint64_t max_age_usec;
	char name[INTAKE_NAME_MAX];
};

static_assert(sizeof(struct intake_retain) == 96, "and so is this one");
