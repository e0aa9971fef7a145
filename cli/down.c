/* SPDX-License-Identifier: MIT */
/*
 * down: everything is stopped, in order, and gone when this returns.
 *
 * The supervisor's answer says that the services are stopped; that the supervisor, the collector
 * and the keepers have ended too is seen with the pidfds of all of them, taken before the order was
 * given: a process that has no name any more still has its pidfd.
 */
#include "cli/down.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/outermost.h"
#include "cli/progress.h"

/** From the supervisor's answer to the end of the last process; a collector empties its pipes. */
#define END_USEC (30 * USEC_PER_SEC)

struct down_options {
	bool json;
};

static int supervisor_pidfd(struct supervisor *s, struct error *err)
{
	cleanup_json json_t *status = NULL;
	int code = supervisor_ask(s, "io.slicekeep.supervisor.Status", NULL, &status, err);
	int pidfd;

	if (code < 0)
		return code;
	pidfd = process_pidfd((pid_t)json_get_uint(status, "pid", 0));
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

static int wait_for_end(const struct keepers *keepers, int pidfd, struct error *err)
{
	usec_t deadline_usec = clock_now_usec() + END_USEC;
	int code = process_wait(pidfd, deadline_usec);

	if (code == 0)
		code = keepers_wait(keepers, deadline_usec);
	if (code < 0)
		return error_set(err, -EIO,
				 "the services are stopped, but not all of slicekeep's own "
				 "processes have ended: %s",
				 strerror(-code));
	return 0;
}

int down_shutdown(struct supervisor *s, bool json, struct error *err)
{
	cleanup(keepers_done) struct keepers keepers = {0};
	cleanup(progress_done) struct progress p = {0};
	cleanup_close int pidfd = supervisor_pidfd(s, err);
	int code;

	if (pidfd < 0)
		return pidfd;
	if (progress_init(&p, &s->cli->out, json) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	code = keepers_find(&s->cli->paths, &keepers);
	if (code < 0)
		return error_set(err, code, "cannot look for keepers: %s", strerror(-code));
	code = order_shutdown(s, &p, err);
	if (code == 0)
		code = wait_for_end(&keepers, pidfd, err);
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
