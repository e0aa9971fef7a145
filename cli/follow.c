/* SPDX-License-Identifier: MIT */
/*
 * Following lines, or events.
 *
 * They come from a daemon that may die at any time, so what is kept is not the connection but the
 * place: a cursor for lines, a number for events. A stream that breaks off is begun again at its
 * place as soon as the daemon takes connections.
 *
 * A reader that goes away (`… -f | head`) is noticed by poll(2), not by the next line, which may
 * never come.
 */
#include "cli/follow.h"

#include <poll.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/varlink/client.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/log-source.h"
#include "cli/outermost.h"

/** How long a daemon that is away is waited for, as long as somebody brings it back. */
#define BACK_USEC (30 * USEC_PER_SEC)
#define EVENTS_BATCH 256

static json_t *log_parameters(struct follow *f)
{
	return json_pack("{s:o}", "filter", json_deep_copy(f->filter));
}

static json_t *event_parameters(struct follow *f)
{
	return json_pack("{s:I, s:i, s:O}", "since", (json_int_t)f->since, "limit", EVENTS_BATCH,
			 "names", f->names);
}

static int begin(struct follow *f, struct varlink_client **client, struct error *err)
{
	int code = connect_back(f->cli, f->filter ? "log.sock" : "supervisor.sock", BACK_USEC,
				client, err);

	if (code < 0)
		return code;
	if (f->filter)
		return varlink_client_begin(*client, "io.slicekeep.log.Follow", log_parameters(f),
					    err);
	return varlink_client_begin(*client, "io.slicekeep.supervisor.Events", event_parameters(f),
				    err);
}

static int take(struct follow *f, const json_t *reply)
{
	const json_t *items = json_object_get(reply, f->filter ? "lines" : "events");
	int code = f->filter ? f->missed(reply, f->userdata) : 0;

	if (code == 0)
		code = f->take(items, f->userdata);
	if (code < 0)
		return code;
	if (f->filter)
		return log_source_advance(f->filter, reply);
	f->since =
		json_get_uint(json_array_get(items, json_array_size(items) - 1), "seq", f->since);
	return 0;
}

/* Takes what has arrived; -ETIMEDOUT when there is nothing more at the moment. */
static int drain(struct follow *f, struct varlink_client **client, struct error *err)
{
	int code;

	do {
		cleanup_json json_t *reply = NULL;

		code = varlink_client_next(*client, clock_now_usec(), &reply, err);
		if (code == 0)
			code = -ECONNRESET; /* it said goodbye */
		if (code > 0) {
			code = take(f, reply);
			if (code == -ENOMEM)
				error_set(err, code, "out of memory");
			code = code < 0 ? code : 1;
		}
	} while (code > 0);
	return code;
}

/* Connected if need be, drained. Return: 0, 1 when it broke off and is to be begun again. */
static int turn(struct follow *f, struct varlink_client **client, struct error *err)
{
	int code = 0;

	if (!*client)
		code = begin(f, client, err);
	if (code == 0)
		code = drain(f, client, err);
	if (code == -ETIMEDOUT && *client)
		return 0;
	if (!supervisor_broke(code))
		return code;
	/* Broken off: nothing brings it back when the supervisor's keeper has gone too. */
	connect_close(client);
	if (!outermost_is_alive(&f->cli->paths))
		return error_set(err, code, "the platform has ended");
	return 1;
}

/* Whether somebody still reads what we print. */
static bool wait_for_news(const struct varlink_client *client)
{
	struct pollfd fds[] = {
		{.fd = varlink_client_fd(client), .events = POLLIN},
		{.fd = STDOUT_FILENO, .events = 0},
	};

	while (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno == EINTR)
		;
	return !(fds[1].revents & (POLLERR | POLLHUP | POLLNVAL));
}

int follow_run(struct follow *f, struct error *err)
{
	cleanup_client struct varlink_client *client = NULL;
	int code;

	do {
		code = turn(f, &client, err);
	} while (code > 0 || (code == 0 && wait_for_news(client)));
	return code;
}
