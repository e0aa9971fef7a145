/* SPDX-License-Identifier: MIT */
/*
 * Where stored lines come from.
 *
 * The collector is asked first. Its socket outlives it, so a connection may be taken by nobody for
 * a moment, and a disk that stands still may hold it: the first answer has a deadline, after which
 * the segments are read without it. When it dies in the middle of an answer, reading goes on at the
 * cursor: no line is missing or shown twice.
 */
#include "cli/log-source.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/client.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/log-direct.h"

#define ANSWER_USEC (3 * USEC_PER_SEC)
/** Without a line for so long, a life that has ended has nothing more to say. */
#define SILENCE_USEC (100 * USEC_PER_MSEC)
/** … and for so long its lines are waited for in any case. */
#define FRESH_USEC (500 * USEC_PER_MSEC)

int log_source_advance(json_t *filter, const json_t *reply)
{
	const json_t *lines = json_object_get(reply, "lines");
	const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
	json_t *cursor = json_object_get(reply, "cursor");

	if (!cursor)
		cursor = json_object_get(last, "cursor");
	if (!json_is_string(cursor))
		return 0;
	return json_object_set(filter, "cursor", cursor) < 0 ? -ENOMEM : 0;
}

bool log_source_is_down(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED || code == -EAGAIN || code == -ETIMEDOUT ||
	       supervisor_broke(code);
}

/* Why it is not the collector that reads. Where the supervisor holds its socket, one that is
 * stopped is not told from one that is held up. */
static const char *absence(int code)
{
	return code == -ETIMEDOUT || code == -EAGAIN ? "the collector does not answer"
						     : "the collector is down";
}

static int read_once(const struct log_source *s, json_t *filter, log_sink *sink, void *userdata,
		     struct error *err)
{
	cleanup_client struct varlink_client *client = NULL;
	json_t *parameters;
	int code;

	code = connect_once(s->cli, "log.sock", &client, err);
	if (code < 0)
		return code;
	parameters = json_pack("{s:o}", "filter", json_deep_copy(filter));
	code = varlink_client_begin(client, "io.slicekeep.log.Query", parameters, err);
	while (code >= 0) {
		cleanup_json json_t *reply = NULL;
		int more = varlink_client_next(client, clock_now_usec() + ANSWER_USEC, &reply, err);

		if (more < 0)
			return more;
		code = s->missed ? s->missed(reply, userdata) : 0;
		if (code == 0)
			code = sink(json_object_get(reply, "lines"), userdata);
		if (code == 0 && log_source_advance(filter, reply) < 0)
			code = error_set(err, -ENOMEM, "out of memory");
		if (more == 0)
			break;
	}
	return code;
}

int log_source_read(struct log_source *s, json_t *filter, log_sink *sink, void *userdata,
		    struct error *err)
{
	int code = read_once(s, filter, sink, userdata, err);
	usec_t deadline_usec = USEC_INFINITY;

	if (supervisor_broke(code))
		code = read_once(s, filter, sink, userdata, err);
	if (!log_source_is_down(code))
		return code;
	if (access(s->cli->paths.log, F_OK) < 0 && errno == ENOENT)
		return error_set(err, -ENOENT,
				 "nothing is stored here (%s); start it with \"%s%s up\"",
				 s->cli->paths.log, s->cli->guest ? "sudo " : "", s->cli->hint);
	if (s->cli->guest)
		return error_set(err, -EACCES,
				 "%s; only root may read the segments without it: \"sudo %s log\"",
				 absence(code), s->cli->hint);
	if (!s->told)
		(void)fprintf(stderr, "slicekeep: %s; the segments are read without it\n",
			      absence(code));
	s->told = true;
	if (s->patience_usec > 0)
		deadline_usec = usec_add(clock_now_usec(), s->patience_usec);
	return log_direct_read(filter, deadline_usec, sink, userdata, err);
}

static int keep_lines(const json_t *lines, void *userdata)
{
	json_t *kept = userdata;
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line) {
		if (json_array_append(kept, line) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int set_number(json_t *object, const char *key, uint64_t number)
{
	return json_object_set_new(object, key, json_integer((json_int_t)number));
}

static json_t *tail_filter(const struct log_tail *tail)
{
	cleanup_json json_t *filter =
		json_pack("{s:[s], s:[s, s, s], s:i}", "names", tail->name, "streams", "out", "err",
			  "both", "tail", (int)tail->n);
	int bad = 0;

	if (tail->life > 0)
		bad |= set_number(filter, "since_life", tail->life) |
		       set_number(filter, "until_life", tail->life);
	if (tail->until_at_usec > 0)
		bad |= set_number(filter, "until_at_usec", tail->until_at_usec);
	return bad ? NULL : steal_ptr(filter);
}

/* Reads nothing: comes back when no line has come for a moment. */
static void await_silence(const struct cli *cli, const struct log_tail *tail)
{
	cleanup_client struct varlink_client *client = NULL;
	usec_t end_usec = clock_now_usec() + FRESH_USEC;
	struct error ignored = {0};
	int code;

	if (connect_once(cli, "log.sock", &client, &ignored) < 0)
		return;
	code = varlink_client_begin(client, "io.slicekeep.log.Follow",
				    json_pack("{s:{s:[s], s:[s, s, s], s:i}}", "filter", "names",
					      tail->name, "streams", "out", "err", "both", "tail",
					      0),
				    &ignored);
	while (code >= 0 && clock_now_usec() < end_usec) {
		cleanup_json json_t *reply = NULL;

		code = varlink_client_next(client, clock_now_usec() + SILENCE_USEC, &reply,
					   &ignored);
	}
}

json_t *log_source_tail(const struct cli *cli, const struct log_tail *tail)
{
	cleanup_json json_t *filter = tail_filter(tail);
	cleanup_json json_t *lines = json_array();
	struct log_source source = {.cli = cli, .told = true, .patience_usec = ANSWER_USEC};
	struct error err = {0};
	int code = 0;

	if (tail->fresh)
		await_silence(cli, tail);
	if (filter && lines)
		code = log_source_read(&source, filter, keep_lines, lines, &err);
	if (code == -ETIMEDOUT)
		(void)fprintf(stderr, "slicekeep: the last lines cannot be read: %s\n", err.text);
	return steal_ptr(lines);
}

/* While the collector is down: each service has a folder of its own. */
static json_t *services_on_disk(const struct cli *cli)
{
	cleanup_json json_t *services = json_array();
	const struct dirent *entry;
	DIR *dir = opendir(cli->paths.log);
	int bad = 0;

	while (dir && !bad && (entry = readdir(dir))) {
		if (text_name_valid(entry->d_name))
			bad = json_array_append_new(services,
						    json_pack("{s:s}", "name", entry->d_name));
	}
	if (dir)
		(void)closedir(dir);
	return bad ? NULL : steal_ptr(services);
}

json_t *log_source_services(const struct cli *cli)
{
	cleanup_client struct varlink_client *client = NULL;
	cleanup_json json_t *reply = NULL;
	struct error ignored = {0};

	if (connect_once(cli, "log.sock", &client, &ignored) < 0 ||
	    varlink_client_call(client, "io.slicekeep.log.Services", NULL,
				clock_now_usec() + ANSWER_USEC, &reply, &ignored) < 0)
		return services_on_disk(cli);
	return json_incref(json_object_get(reply, "services"));
}
