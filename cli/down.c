/* SPDX-License-Identifier: MIT */
/*
 * down: everything is stopped, in order, and gone when this returns.
 *
 * The supervisor answers when the services, the collector and the keepers of all of them have
 * ended; that itself and its own keeper have too is seen with their pidfds, taken before the order
 * was given: a process that has no name any more still has its pidfd. A keeper that still has a
 * name then was beyond the supervisor's sight, and is waited for as well.
 */
#include "cli/down.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/varlink/client.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/outermost.h"
#include "cli/progress.h"

/** From the supervisor's answer to the end of the last process; a collector empties its pipes. */
#define END_USEC (30 * USEC_PER_SEC)

struct down_options {
	bool json;
};

/* It binds its socket itself, so the kernel names it. */
static int supervisor_pidfd(const struct supervisor *s, struct error *err)
{
	struct fd_peer peer;
	int code = fd_peer_get(varlink_client_fd(s->client), &peer);
	int pidfd = code < 0 ? code : process_pidfd(peer.pid);

	return pidfd < 0
		       ? error_set(err, pidfd, "cannot watch the supervisor: %s", strerror(-pidfd))
		       : pidfd;
}

/* A supervisor that dies in the middle goes on when it is back; one that is gone was the last. */
static int order_shutdown(struct supervisor *s, struct progress *p, struct error *err)
{
	int code;

	for (;;) {
		code = progress_run(p, s, "io.slicekeep.supervisor.Shutdown", NULL, err);
		if (!supervisor_broke(code))
			return code;
		code = supervisor_reopen(s, err);
		if (code == -ENOENT || code == -ECONNREFUSED)
			return 0;
		if (code < 0)
			return code;
	}
}

static int wait_for_keepers(const struct paths *paths, usec_t deadline_usec)
{
	cleanup(keepers_done) struct keepers keepers = {0};
	int code = keepers_find(paths, &keepers);

	return code < 0 ? code : keepers_wait(&keepers, deadline_usec);
}

/* @outer_pidfd: of the supervisor's own keeper; negative when it has none. */
static int wait_for_end(const struct paths *paths, int pidfd, int outer_pidfd, struct error *err)
{
	usec_t deadline_usec = clock_now_usec() + END_USEC;
	int code = process_wait(pidfd, deadline_usec);

	if (code == 0 && outer_pidfd >= 0)
		code = process_wait(outer_pidfd, deadline_usec);
	if (code == 0)
		code = wait_for_keepers(paths, deadline_usec);
	if (code < 0)
		return error_set(err, -EIO,
				 "the services are stopped, but not all of slicekeep's own "
				 "processes have ended: %s",
				 strerror(-code));
	return 0;
}

int down_shutdown(struct supervisor *s, bool json, struct error *err)
{
	cleanup(progress_done) struct progress p = {0};
	cleanup_close int pidfd = supervisor_pidfd(s, err);
	cleanup_close int outer_pidfd = outermost_pidfd(&s->cli->paths);
	int code;

	if (pidfd < 0)
		return pidfd;
	if (progress_init(&p, &s->cli->out, json) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	code = order_shutdown(s, &p, err);
	if (code == 0)
		code = wait_for_end(&s->cli->paths, pidfd, outer_pidfd, err);
	if (json)
		(void)progress_print_json(&p);
	else if (code == 0)
		(void)printf("everything is stopped\n");
	return code;
}

/* Services whose supervisor has gone for good: their keepers know how to stop them, if not when. */
static int down_orphans(const struct cli *cli, bool json, struct error *err)
{
	cleanup(keepers_done) struct keepers keepers = {0};
	int code = keepers_find(&cli->paths, &keepers);

	if (code < 0)
		return error_set(err, code, "cannot look for keepers: %s", strerror(-code));
	if (json)
		(void)printf("[]\n");
	if (keepers.n == 0 && !json)
		(void)printf("nothing is running here (%s)\n", cli->paths.run);
	if (keepers.n == 0)
		return 0;
	(void)fprintf(stderr, "slicekeep: the supervisor is gone; %zu keepers are told to stop\n",
		      keepers.n);
	keepers_signal(&keepers, SIGTERM);
	code = keepers_wait(&keepers, USEC_INFINITY);
	if (code < 0)
		return error_set(err, code, "cannot wait for keepers: %s", strerror(-code));
	if (!json)
		(void)printf("everything is stopped\n");
	return 0;
}

static int down_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	struct down_options o = {0};
	struct options_rest rest;
	struct error err = {0};
	int code;

	if (!command_options(&command_down, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words > 0)
		return command_usage(&command_down, "one service is stopped by \"stop %s\"",
				     rest.words[0]);
	code = supervisor_open(cli, &s, &err);
	if (code == -ENOENT || code == -ECONNREFUSED)
		code = down_orphans(cli, o.json, &err);
	else if (code == 0)
		code = down_shutdown(&s, o.json, &err);
	return code < 0 ? command_fail(&err) : CLI_DONE;
}

static const struct option_row down_rows[] = {
	{"json", 0, OPTION_FLAG, offsetof(struct down_options, json), NULL,
	 "an array of outcomes, for programs"},
};

const struct command command_down = {
	.name = "down",
	.group = COMMAND_PLATFORM,
	.synopsis = "[--json]",
	.summary = "stop all services in order, and the platform itself",
	.details = "The next \"up\" starts the same services again.",
	.options = down_rows,
	.n_options = ARRAY_LEN(down_rows),
	.run = down_run,
};
