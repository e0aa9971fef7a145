/* SPDX-License-Identifier: MIT */
/*
 * Renewing our own daemons while the services run on.
 *
 * For the supervisor there is no order to do so, and none is needed: it may die at any time, its
 * keeper brings it back, and it takes the running keepers over. So it is killed, and what is waited
 * for is an answer from another process than before.
 */
#include "cli/renew.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/outermost.h"
#include "cli/print.h"
#include "cli/progress.h"

#define END_USEC (5 * USEC_PER_SEC)

static int ask_pid(struct supervisor *s, pid_t *ret_pid, struct error *err)
{
	cleanup_json json_t *status = NULL;
	int code = supervisor_ask(s, "io.slicekeep.supervisor.Status", NULL, &status, err);

	if (code < 0)
		return code;
	*ret_pid = (pid_t)json_get_uint(status, "pid", 0);
	return *ret_pid > 1 ? 0 : error_set(err, -EBADMSG, "the supervisor has no pid");
}

static int kill_and_wait(pid_t pid, struct error *err)
{
	cleanup_close int pidfd = process_pidfd(pid);
	int code = pidfd < 0 ? pidfd : 0;

	if (code == 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0)
		code = -errno;
	if (code == 0)
		code = process_wait(pidfd, clock_now_usec() + END_USEC);
	if (code < 0)
		return error_set(err, code, "cannot renew the supervisor (pid %d): %s", (int)pid,
				 strerror(-code));
	return 0;
}

static int renew(struct supervisor *s, struct error *err)
{
	pid_t before = 0;
	pid_t after = 0;
	int code;

	if (!outermost_is_alive(&s->cli->paths))
		return error_set(err, -ECHILD,
				 "the supervisor has lost its keeper, nobody would bring it back; "
				 "\"%s down\" and \"%s up\" put that right",
				 s->cli->hint, s->cli->hint);
	code = ask_pid(s, &before, err);
	if (code == 0)
		code = kill_and_wait(before, err);
	if (code == 0)
		code = supervisor_reopen(s, err);
	if (code == 0)
		code = ask_pid(s, &after, err);
	if (code == 0)
		(void)printf("supervisor renewed: pid %d, was %d\n", (int)after, (int)before);
	return code;
}

int renew_supervisor(struct cli *cli)
{
	cleanup_supervisor struct supervisor s = {0};
	struct error err = {0};

	if (supervisor_open(cli, &s, &err) < 0 || renew(&s, &err) < 0)
		return command_fail(&err);
	return CLI_DONE;
}

/* The names of our daemons that are services; the supervisor is not among them. */
static json_t *own_daemons(const json_t *services)
{
	cleanup_json json_t *names = json_array();
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		const char *name = json_get_string(service, "name");

		if (json_get_bool(service, "system", false) &&
		    json_array_append_new(names, json_string(name)) < 0)
			return NULL;
	}
	return steal_ptr(names);
}

static int renew_daemons(struct supervisor *s, struct error *err)
{
	cleanup(progress_done) struct progress p = {0};
	cleanup_json json_t *reply = NULL;
	cleanup_json json_t *names = NULL;
	int code = supervisor_ask(s, "io.slicekeep.supervisor.List", NULL, &reply, err);

	if (code < 0)
		return code;
	names = own_daemons(json_object_get(reply, "services"));
	if (!names || progress_init(&p, &s->cli->out, false) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	/* An empty list would mean all services. */
	if (json_array_size(names) == 0)
		return 0;
	code = progress_run(&p, s, "io.slicekeep.supervisor.Restart", names, err);
	if (code == 0 && progress_failures(&p) > 0)
		return error_set(err, -EIO, "not all daemons came back");
	return code;
}

int renew_platform(struct cli *cli)
{
	cleanup_supervisor struct supervisor s = {0};
	struct error err = {0};

	if (supervisor_open(cli, &s, &err) < 0 || renew_daemons(&s, &err) < 0 ||
	    renew(&s, &err) < 0)
		return command_fail(&err);
	return CLI_DONE;
}
