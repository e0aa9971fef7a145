/* SPDX-License-Identifier: MIT */
/*
 * How the cli reaches a daemon that may be away for a moment.
 *
 * A supervisor may die at any time and is back within a second, so a verb must neither fail because
 * of that nor wait for one that nobody has started. What tells the two apart is the supervisor's
 * own keeper: while it is alive, waiting is right; without it, it is useless and the answer comes
 * at once. The kernel tells when the socket file is made anew; it does not tell when listen(2) was
 * called on it a moment later, hence the short second look.
 */
#include "cli/connect.h"

#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/varlink/client.h"
#include "cli/command.h"
#include "cli/outermost.h"

/** From bind(2) to listen(2), with much to spare. */
#define SECOND_LOOK_MSEC 20
/** Between the removal of an old socket and the new one, with much to spare. */
#define RENEWED_USEC (100 * USEC_PER_MSEC)

void connect_close(struct varlink_client **client)
{
	varlink_client_free(*client);
	*client = NULL;
}

int connect_once(const struct cli *cli, const char *name, struct varlink_client **ret_client,
		 struct error *err)
{
	cleanup_free char *path = file_path_join(cli->paths.run, name);

	if (!path)
		return error_set(err, -ENOMEM, "out of memory");
	return varlink_client_connect(path, ret_client, err);
}

/* Whether somebody may take our connection later: the socket is missing, or nobody listens. */
static bool is_away(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED || code == -EAGAIN;
}

static int wait_for_change(int watch_fd, int wake_fd)
{
	struct pollfd p[] = {
		{.fd = watch_fd, .events = POLLIN},
		{.fd = wake_fd, .events = POLLIN}, /* ignored when it is -1 */
	};
	char events[4096];
	int n;

	do {
		n = poll(p, ARRAY_LEN(p), SECOND_LOOK_MSEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (p[1].revents)
		return -EINTR;
	/* Only that something happened matters, not what. */
	if (p[0].revents && read(watch_fd, events, sizeof(events)) < 0)
		return -errno;
	return 0;
}

int connect_wait(const struct cli *cli, const char *name, usec_t deadline_usec, int wake_fd,
		 struct varlink_client **ret_client, struct error *err)
{
	cleanup_close int watch = inotify_init1(IN_CLOEXEC);
	int code;

	if (watch < 0)
		return error_set(err, -errno, "cannot watch \"%s\": %s", cli->paths.run,
				 strerror(errno));
	if (inotify_add_watch(watch, cli->paths.run, IN_CREATE | IN_MOVED_TO) < 0)
		return error_set(err, -errno, "cannot watch \"%s\": %s", cli->paths.run,
				 strerror(errno));
	for (;;) {
		code = connect_once(cli, name, ret_client, err);
		if (!is_away(code))
			return code;
		if (clock_now_usec() >= deadline_usec)
			return error_set(err, -ETIMEDOUT, "nobody answers at \"%s/%s\"",
					 cli->paths.run, name);
		code = wait_for_change(watch, wake_fd);
		if (code < 0)
			return error_set(err, code, "cannot wait: %s", strerror(-code));
	}
}

static int explain_absence(const struct cli *cli, int code, struct error *err)
{
	struct keepers keepers = {0};
	size_t n = 0;

	if (keepers_find(&cli->paths, &keepers) == 0)
		n = keepers.n;
	keepers_done(&keepers);
	if (n > 0)
		return error_set(err, code,
				 "the supervisor is gone, while %zu service%s still run%s under "
				 "keepers; \"%s up\" takes them over",
				 n, n == 1 ? "" : "s", n == 1 ? "s" : "", cli->hint);
	return error_set(err, code, "nothing is running here (%s); start it with \"%s%s up\"",
			 cli->paths.run, cli->guest ? "sudo " : "", cli->hint);
}

int supervisor_try(const struct cli *cli, struct supervisor *ret_supervisor, struct error *err)
{
	*ret_supervisor = (struct supervisor){.cli = cli};
	return connect_once(cli, "supervisor.sock", &ret_supervisor->client, err);
}

int connect_back(const struct cli *cli, const char *name, usec_t wait_usec,
		 struct varlink_client **ret_client, struct error *err)
{
	cleanup_close int keeper = -1;
	int code = connect_once(cli, name, ret_client, err);
	usec_t deadline_usec;
	bool has_left;

	if (!is_away(code))
		return code;
	keeper = outermost_pidfd(&cli->paths);
	/* One that is too busy for us, or closed to us, is there, but its end cannot be watched:
	 * the deadline is all there is. */
	if (keeper < 0 && keeper != -EAGAIN && keeper != -EACCES)
		return explain_absence(cli, code, err);
	/* Who ends in order takes its socket along; who is killed leaves it. */
	has_left = keeper == -EACCES && code == -ENOENT;
	deadline_usec = clock_now_usec() + (has_left ? RENEWED_USEC : wait_usec);
	code = connect_wait(cli, name, deadline_usec, MAX_OF(keeper, -1), ret_client, err);
	if (code == -EINTR || (code == -ETIMEDOUT && has_left))
		return explain_absence(cli, -ECONNREFUSED, err);
	return code;
}

int supervisor_open(const struct cli *cli, struct supervisor *ret_supervisor, struct error *err)
{
	int code;

	*ret_supervisor = (struct supervisor){.cli = cli};
	code = connect_back(cli, "supervisor.sock", CONNECT_BACK_USEC, &ret_supervisor->client,
			    err);
	/* Whether the keeper is alive is not for a guest to see. */
	if (code == -ETIMEDOUT && cli->guest)
		return error_set(err, code,
				 "nobody answers at \"%s/supervisor.sock\"; \"sudo %s up\" starts "
				 "what does not run",
				 cli->paths.run, cli->hint);
	if (code == -ETIMEDOUT)
		return error_set(err, code,
				 "the supervisor does not come back, though its keeper is alive; "
				 "\"%s doctor\" looks into it",
				 cli->hint);
	return code;
}

int supervisor_reopen(struct supervisor *s, struct error *err)
{
	const struct cli *cli = s->cli;

	supervisor_close(s);
	return supervisor_open(cli, s, err);
}

void supervisor_close(struct supervisor *s)
{
	connect_close(&s->client);
}

bool supervisor_broke(int code)
{
	return code == -ECONNRESET || code == -EPIPE;
}

int supervisor_ask(struct supervisor *s, const char *method, json_t *parameters, json_t **ret_reply,
		   struct error *err)
{
	cleanup_json json_t *kept = parameters;
	usec_t deadline_usec = clock_now_usec() + CONNECT_ANSWER_USEC;
	int code;

	for (;;) {
		code = varlink_client_call(s->client, method, json_incref(kept), deadline_usec,
					   ret_reply, err);
		if (!supervisor_broke(code) || clock_now_usec() >= deadline_usec)
			return code;
		code = supervisor_reopen(s, err);
		if (code < 0)
			return code;
	}
}
