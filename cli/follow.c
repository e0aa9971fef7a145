/* SPDX-License-Identifier: MIT */
/*
 * Following lines and events.
 *
 * Both come from daemons that may die at any time, so what is kept is not the connection but the
 * place: a cursor for the lines, a number for the events. A stream that breaks off is begun again
 * at its place as soon as its daemon takes connections; the other one goes on meanwhile.
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

static int begin(struct follow *f, struct varlink_client **client, bool lines, struct error *err)
{
	int code = connect_back(f->cli, lines ? "log.sock" : "supervisor.sock", BACK_USEC, client,
				err);

	if (code < 0)
		return code;
	if (lines)
		return varlink_client_begin(*client, "io.slicekeep.log.Follow", log_parameters(f),
					    err);
	return varlink_client_begin(*client, "io.slicekeep.supervisor.Events", event_parameters(f),
				    err);
}

static int take_lines(struct follow *f, const json_t *reply)
{
	int code = f->lines(json_object_get(reply, "lines"), f->userdata);

	return code < 0 ? code : log_source_advance(f->filter, reply);
}

static int take_events(struct follow *f, const json_t *reply)
{
	const json_t *events = json_object_get(reply, "events");
	const json_t *last = json_array_get(events, json_array_size(events) - 1);

	f->since = json_get_uint(last, "seq", f->since);
	return f->happened(events, f->userdata);
}

/* Takes what has arrived; -ETIMEDOUT when there is nothing more at the moment. */
static int drain(struct follow *f, struct varlink_client **client, bool lines, struct error *err)
{
	int code;

	do {
		cleanup_json json_t *reply = NULL;

		code = varlink_client_next(*client, clock_now_usec(), &reply, err);
		if (code == 0)
			code = -ECONNRESET; /* it said goodbye */
		if (code > 0 && lines)
			code = take_lines(f, reply) < 0 ? -EIO : 1;
		else if (code > 0)
			code = take_events(f, reply) < 0 ? -EIO : 1;
	} while (code > 0);
	return code;
}

/* One turn of one stream: connected if need be, drained. */
static int turn(struct follow *f, struct varlink_client **client, bool lines, struct error *err)
{
	int code = 0;

	if (!*client)
		code = begin(f, client, lines, err);
	if (code == 0)
		code = drain(f, client, lines, err);
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
static bool wait_for_news(const struct varlink_client *lines, const struct varlink_client *events)
{
	struct pollfd fds[] = {
		{.fd = lines ? varlink_client_fd(lines) : -1, .events = POLLIN},
		{.fd = events ? varlink_client_fd(events) : -1, .events = POLLIN},
		{.fd = STDOUT_FILENO, .events = 0},
	};

	while (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno == EINTR)
		;
	return !(fds[2].revents & (POLLERR | POLLHUP | POLLNVAL));
}

int follow_run(struct follow *f, struct error *err)
{
	cleanup_client struct varlink_client *lines = NULL;
	cleanup_client struct varlink_client *events = NULL;
	int code;

	do {
		int more = 0;

		code = f->filter ? turn(f, &lines, true, err) : 0;
		more |= code > 0;
		if (code >= 0 && f->events)
			code = turn(f, &events, false, err);
		more |= code > 0;
		if (code >= 0 && !more && !wait_for_news(lines, events))
			break;
	} while (code >= 0);
	return code < 0 ? code : 0;
}
