/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"
#include "supervisor/keeper/exit-frame.h"
#include "supervisor/keeper/snapshot-frame.h"

struct crowd;
struct keeper_link;

/**
 * struct keeper_link_events - what comes from a keeper
 * @snapshot: greeting, and each change
 * @exited:   a life has ended; comes before the snapshot that follows from it
 * @answer:   we have subscribed, or a request was refused
 * @gone:     the connection has ended; called once. Free the link: that is allowed inside any of
 *            these callbacks
 * @sockets:  an answer that came with descriptors (KEEPER_GET_FDS); those that are kept are taken
 *            with steal_fd(), the others are closed. NULL: they are closed and @answer is called
 */
struct keeper_link_events {
	void (*snapshot)(const struct keeper_snapshot *snapshot, void *userdata);
	void (*exited)(const struct keeper_exit *report, void *userdata);
	void (*answer)(const struct keeper_answer *answer, void *userdata);
	void (*gone)(void *userdata);
	void (*sockets)(const struct keeper_answer *answer, int *fds, size_t n_fds, void *userdata);
};

/**
 * keeper_link_open() - connect to a keeper's control socket and subscribe
 * @crowd:      where it stands with others while its service crashes again and again; outlives it
 * @path:       control socket
 * @since_life: exits of later lives that were missed are reported first
 * @events:     borrowed, outlives the link
 *
 * Return: 0; -ENOENT or -ECONNREFUSED when no keeper is there; negative errno.
 */
must_check int keeper_link_open(struct crowd *crowd, const char *path, uint64_t since_life,
				const struct keeper_link_events *events, void *userdata,
				struct keeper_link **ret_link);

/** keeper_link_free() - hang up; NULL is allowed */
void keeper_link_free(struct keeper_link *k);

/**
 * keeper_link_send() - send a request; the header is filled in here
 * @request: command, arg, cause, asker; with a serial it is answered, without one only refused
 * @fds:     @n_fds descriptors for KEEPER_SET_FDS, borrowed
 *
 * What a full queue does not take waits here, at most 64 requests.
 * Context: calls nobody back; a broken connection is told by the loop.
 * Return: 0, -ENOBUFS when the keeper does not read, -ENOTCONN after @gone, negative errno.
 */
must_check int keeper_link_send(struct keeper_link *k, const struct keeper_request *request,
				const int *fds, size_t n_fds);

/**
 * keeper_link_command() - keeper_link_send() of a command that needs no more than its asker
 */
must_check int keeper_link_command(struct keeper_link *k, enum keeper_command command,
				   const char *asker);
