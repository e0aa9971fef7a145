/* SPDX-License-Identifier: MIT */
/*
 * Reading the segments while the collector is down.
 *
 * What a segment is, and how a filter is applied to it, is known to slicekeep-log alone; so its
 * program is run as a short-lived reader: `slicekeep-log read FILTER`, the filter as JSON as it
 * stands in the interface, one line of JSON on its stdout for each Line.
 */
#include "cli/log-direct.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/paths.h"
#include "lib/spawn.h"

/** Lines that are handed over together. */
#define BATCH_MAX 256
/* What it exits with. */
#define EXIT_BAD_FILTER 2
#define EXIT_NO_SERVICE 3

struct reader {
	FILE *out;
	pid_t pid;
};

static int reader_start(const json_t *filter, struct reader *ret_reader, struct error *err)
{
	cleanup_free char *program = paths_program("slicekeep-log");
	cleanup_free char *text = json_dumps(filter, JSON_COMPACT);
	cleanup_close int write_end = -1;
	int fds[2];
	int code;

	if (!program)
		return error_set(err, -errno, "cannot find \"slicekeep-log\" beside this program");
	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	write_end = fds[1];
	ret_reader->out = fdopen(fds[0], "r");
	if (!ret_reader->out) {
		close_fd(&fds[0]);
		return error_set(err, -ENOMEM, "out of memory");
	}

	const char *argv[] = {program, "read", text, NULL};
	struct spawn spawn = {
		.argv = (char *const *)argv, .in_fd = -1, .out_fd = write_end, .err_fd = -1};

	code = spawn_run(&spawn, &ret_reader->pid);
	if (code < 0) {
		(void)fclose(ret_reader->out);
		return error_set(err, code, "cannot start \"%s\": %s", program, strerror(-code));
	}
	return 0;
}

/* Why it failed stands on stderr already, in its own words. */
static int reader_finish(struct reader *r, struct error *err)
{
	int status = 0;

	(void)fclose(r->out);
	while (waitpid(r->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_set(err, -errno, "cannot wait for the reader: %s",
					 strerror(errno));
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_SERVICE)
		return error_set_id(err, -EREMOTEIO, "io.slicekeep.log.NoSuchService",
				    "there is no such service");
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_BAD_FILTER)
		return error_set_id(err, -EREMOTEIO, "io.slicekeep.log.BadPattern",
				    "nothing can be looked for like that");
	return error_set(err, -EIO, "the segments could not be read");
}

static int hand_over(json_t *batch, json_t *filter, log_sink *sink, void *userdata,
		     struct error *err)
{
	cleanup_json json_t *reply = json_pack("{s:O}", "lines", batch);
	int code;

	if (!reply)
		return error_set(err, -ENOMEM, "out of memory");
	code = sink(batch, userdata);
	if (code == 0 && log_source_advance(filter, reply) < 0)
		code = error_set(err, -ENOMEM, "out of memory");
	(void)json_array_clear(batch);
	return code;
}

static int read_lines(FILE *from, json_t *filter, log_sink *sink, void *userdata, struct error *err)
{
	cleanup_json json_t *batch = json_array();
	cleanup_free char *line = NULL;
	size_t cap = 0;
	int code = 0;

	while (code == 0 && getline(&line, &cap, from) > 0) {
		json_t *object = json_loads(line, 0, NULL);

		if (!object)
			return error_set(err, -EBADMSG, "the reader printed no JSON");
		if (json_array_append_new(batch, object) < 0)
			return error_set(err, -ENOMEM, "out of memory");
		if (json_array_size(batch) == BATCH_MAX)
			code = hand_over(batch, filter, sink, userdata, err);
	}
	return code < 0 ? code : hand_over(batch, filter, sink, userdata, err);
}

int log_direct_read(const struct cli *cli, json_t *filter, log_sink *sink, void *userdata,
		    struct error *err)
{
	struct reader reader = {0};
	int code = reader_start(filter, &reader, err);
	int finished;

	if (code < 0)
		return code;
	code = read_lines(reader.out, filter, sink, userdata, err);
	finished = reader_finish(&reader, code < 0 ? NULL : err);
	return code < 0 ? code : finished;
}
