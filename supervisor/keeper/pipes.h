/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/intake-frame.h"

struct spec;

/** Pipes that may wait for a collector: eight lives with two streams. */
#define PIPES_MAX 16

/**
 * struct pipes_entry - one stream of one life
 * @fd:          read end, a duplicate of what the collector has
 * @held:        write end, as long as a later life may have to use the pipe; -1
 * @is_over:     the life's processes are gone
 * @is_known:    some collector has been offered it
 * @is_offered @is_end_said: on the present connection
 */
struct pipes_entry {
	uint64_t life;
	int fd;
	int held;
	uint16_t stream;
	bool is_over;
	bool is_known;
	bool is_offered;
	bool is_end_said;
};

/** struct pipes_spare - both ends of a pipe that is as good as new, or -1 */
struct pipes_spare {
	int fd;
	int held;
};

/**
 * struct pipes - everything that the payload printed and the collector has not yet stored
 * @spare:      by stream: what a silent life has left for the next one
 * @transit:    by stream: through which the collector takes the pipes of all lives, or -1
 * @link:       connection to the collector, -1
 * @retry_usec: when to connect again, USEC_INFINITY: no need
 * @is_shared:  a life writes into its predecessor's pipes, and that has been said
 * @is_full:    the link takes no more now
 * @is_moved:   pipes have come, gone or ended since somebody took note of that
 * @is_refused: nobody listened when we last wanted to connect
 */
struct pipes {
	struct pipes_entry entries[PIPES_MAX];
	size_t n;
	struct pipes_spare spare[INTAKE_STREAM_BOTH + 1];
	int transit[INTAKE_STREAM_BOTH + 1];
	int link;
	bool is_full;
	bool is_refused;
	bool is_shared;
	bool is_moved;
	usec_t linked_usec;
	usec_t retry_usec;
	usec_t pause_usec;
};

/** pipes_init() - none, and no connection */
void pipes_init(struct pipes *p);

/**
 * pipes_open() - pipes for a new life, owned by the payload's uid
 * @ret_out @ret_err: write ends, CLOEXEC, until pipes_pump() or pipes_end(); the same one when the
 *                    spec merges them; both -1 when the spec has no intake
 *
 * Return: 0 or negative errno.
 */
must_check int pipes_open(struct pipes *p, const struct spec *spec, uint64_t life, int *ret_out,
			  int *ret_err);

/** pipes_forget_spare() - another program comes next, and shares no pipe with the last one */
void pipes_forget_spare(struct pipes *p);

/** pipes_revive() - the entries are those of a former keeper: what it held is held again */
void pipes_revive(struct pipes *p);

/**
 * pipes_end() - the life's processes are gone: what its pipes hold is all they will ever hold
 *
 * Those that nobody knows and that hold nothing are kept for the next life, or closed.
 */
void pipes_end(struct pipes *p);

/** pipes_prepare() - make the transits that pipes_pump() offers; before anybody may know of them
 * they are noted down for another keeper */
void pipes_prepare(struct pipes *p);

/** pipes_pump() - let go of them, connect if need be, tell the collector what it does not know */
void pipes_pump(struct pipes *p, const struct spec *spec, usec_t now_usec);

/** pipes_read() - the link has something to read, or is broken */
void pipes_read(struct pipes *p, usec_t now_usec);

/** pipes_await() - whether the collector has something to answer */
bool pipes_await(const struct pipes *p);

/** pipes_hang_up() - end the connection so that everything that was told still arrives */
void pipes_hang_up(struct pipes *p);

/** pipes_hurry() - if there is no connection, try it at once: no time is left to wait for one */
void pipes_hurry(struct pipes *p);

/** pipes_spill() - where nobody listens, empty them into our stderr, as far as it takes it */
void pipes_spill(const struct pipes *p);

/** pipes_left_bytes() - what nobody has taken yet, nor is about to store */
uint64_t pipes_left_bytes(const struct pipes *p);

/** pipes_are_stored() - nothing is left in them, nor on its way to a disk */
bool pipes_are_stored(const struct pipes *p);
