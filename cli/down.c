/* SPDX-License-Identifier: MIT */
/*
 * down: everything is stopped, in order, and gone when this returns.
 *
 * The supervisor answers when the services, the collector and the keepers of all of them have
 * ended. That it has itself is seen with its pidfd, taken before the order was given: a process
 * that has no name any more still has its pidfd. That its keeper has, is the end of all waiting for
 * a supervisor that may come back. A keeper that is there then was beyond the supervisor's sight,
 * or lost it in the middle, and is told by us.
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
#include "cli/up.h"

/** From the supervisor's answer to the end of the last process; a collector empties its pipes. */
#define END_USEC (30 * USEC_PER_SEC)

struct down_options {
	bool json;
};

/* It binds its socket itself, so the kernel names it. */
static int supervisor_pidfd(const struct supervisor *s)
{
	struct fd_peer peer;
	int code = fd_peer_get(varlink_client_fd(s->client), &peer);

	return code < 0 ? code : process_pidfd(peer.pid);
}

/* One supervisor does what it can until it ends, by itself or by a kill. */
static int shut_down_once(struct supervisor *s, struct progress *p, struct error *err)
{
	cleanup_close int pidfd = supervisor_pidfd(s);
	int code;

	if (pidfd < 0 && pidfd != -ESRCH)
		return error_set(err, pidfd, "cannot watch the supervisor: %s", strerror(-pidfd));
	code = progress_run(p, s, "io.slicekeep.supervisor.Shutdown", NULL, err);
	if (code < 0 && !supervisor_broke(code))
		return code;
	code = pidfd < 0 ? 0 : process_wait(pidfd, clock_now_usec() + END_USEC);
	if (code < 0)
		return error_set(err, -EIO, "the supervisor does not end: %s", strerror(-code));
	return 0;
}

/* One that is killed, even after its answer, is started again by its keeper and would start the
 * services again: it is told as well, until nobody comes back. */
static int shut_down(struct supervisor *s, struct progress *p, struct error *err)
{
	int code;

	do {
		code = shut_down_once(s, p, err);
		if (code < 0)
			return code;
		connect_close(&s->client);
		code = connect_back(s->cli, "supervisor.sock", END_USEC, &s->client, err);
	} while (code == 0);
	if (code == -ETIMEDOUT)
		return error_set(err, -EIO, "the supervisor has ended, but its keeper has not");
	return code == -ENOENT || code == -ECONNREFUSED ? 0 : code;
}

/* Keepers whose supervisor has gone for good know how to stop their services, if not when. */
static int stop_orphans(const struct paths *paths, size_t *ret_n, struct error *err)
{
	cleanup(keepers_done) struct keepers keepers = {0};
	int code = keepers_find(paths, &keepers);

	if (code < 0)
		return error_set(err, code, "cannot look for keepers: %s", strerror(-code));
	*ret_n = keepers.n;
	if (keepers.n == 0)
		return 0;
	(void)fprintf(stderr, "slicekeep: the supervisor is gone; %zu keeper%s told to stop\n",
		      keepers.n, keepers.n == 1 ? " is" : "s are");
	keepers_signal(&keepers, SIGTERM);
	code = keepers_wait(&keepers, USEC_INFINITY);
	if (code < 0)
		return error_set(err, code, "cannot wait for keepers: %s", strerror(-code));
	return 0;
}

int down_shutdown(struct supervisor *s, bool json, struct error *err)
{
	cleanup(progress_done) struct progress p = {0};
	/* Its socket goes a moment before the process does. */
	cleanup_close int keeper = outermost_pidfd(&s->cli->paths);
	size_t n_orphans;
	int code;

	if (progress_init(&p, &s->cli->out, json) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	code = shut_down(s, &p, err);
	if (code == 0)
		code = stop_orphans(&s->cli->paths, &n_orphans, err);
	if (code == 0 && keeper >= 0)
		code = process_wait(keeper, clock_now_usec() + END_USEC);
	if (code == -ETIMEDOUT)
		code = error_set(err, -EIO, "the supervisor has ended, but its keeper has not");
	if (json)
		(void)progress_print_json(&p);
	else if (code == 0)
		(void)printf("everything is stopped\n");
	return code;
}

/* Without a supervisor, and without one that will be back. */
static int down_orphans(const struct cli *cli, bool json, struct error *err)
{
	size_t n = 0;
	int code = stop_orphans(&cli->paths, &n, err);

	if (json)
		(void)printf("[]\n");
	else if (code == 0 && n == 0)
		(void)printf("nothing is running here (%s)\n", cli->paths.run);
	else if (code == 0)
		(void)printf("everything is stopped\n");
	return code;
}

static int down_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	struct down_options o = {0};
	struct options_rest rest;
	struct error err = {0};
	cleanup_close int turn = -1;
	int code;

	if (!command_options(cli, &command_down, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words > 0)
		return command_usage(cli, &command_down, "one service is stopped by \"stop %s\"",
				     rest.words[0]);
	/* An `up` that waits for our end must not begin before it: its keepers would look like
	 * orphans. One that has begun is not waited for. */
	turn = up_take_turn(cli, false, &err);
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
