/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/intake-frame.h"

#include "log/stream-id.h"

struct error;

/**
 * struct inlet - one pipe that is offered to the collector for as long as it takes
 * @offer:       frame that is sent with @pipe_fd
 * @path:        of the intake
 * @pipe_fd:     read end, borrowed
 * @transit_fd:  that is offered with it, -1 before
 * @link:        connection, -1 while there is none
 * @has_linked:  there was a connection at some time
 * @alone_usec:  since when there is none
 * @retry_usec:  when to connect again; USEC_INFINITY: no need
 */
struct inlet {
	struct intake_frame offer;
	char *path;
	int pipe_fd;
	int transit_fd;
	int link;
	bool has_linked;
	usec_t linked_usec;
	usec_t alone_usec;
	usec_t retry_usec;
	usec_t pause_usec;
};

/**
 * inlet_init() - nothing is offered yet
 * @life: its number
 *
 * Return: 0 or -ENOMEM; inlet_done() is allowed in either case.
 */
must_check int inlet_init(struct inlet *i, const char *run_dir, const struct stream_id *id,
			  uint64_t life, int pipe_fd);

/** inlet_done() - hang up, so that what was offered still arrives */
void inlet_done(struct inlet *i);

/**
 * inlet_pump() - connect and offer, if that is due
 *
 * Return: 0, also when the collector is not there, or negative errno with a text when waiting for
 * it is of no use.
 */
must_check int inlet_pump(struct inlet *i, usec_t now_usec, struct error *err);

/** inlet_read() - the link has something to read; whether everything is stored, for good */
bool inlet_read(struct inlet *i, usec_t now_usec);
