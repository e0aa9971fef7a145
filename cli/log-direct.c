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
#include "lib/text.h"

/** Lines that are handed over together. */
#define BATCH_MAX 256
/* What it exits with. */
#define EXIT_BAD_FILTER 2
#define EXIT_NO_SERVICE 3

/**
 * struct reader - the program while it runs
 * @out: lines
 * @err_fd: why it failed, in its own words
 */
struct reader {
	FILE *out;
	int err_fd;
	pid_t pid;
};

static void reader_close(struct reader *r)
{
	if (r->out)
		(void)fclose(r->out);
	r->out = NULL;
	close_fd(&r->err_fd);
}

static int reader_spawn(struct reader *r, char *const *argv, struct error *err)
{
	cleanup_close int out_end = -1;
	cleanup_close int err_end = -1;
	int fds[2];
	int code;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	out_end = fds[1];
	r->out = fdopen(fds[0], "r");
	if (!r->out) {
		close_fd(&fds[0]);
		return error_set(err, -ENOMEM, "out of memory");
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	r->err_fd = fds[0];
	err_end = fds[1];

	struct spawn spawn = {.argv = argv, .in_fd = -1, .out_fd = out_end, .err_fd = err_end};

	code = spawn_run(&spawn, &r->pid);
	if (code < 0)
		return error_set(err, code, "cannot start \"%s\": %s", argv[0], strerror(-code));
	return 0;
}

static int reader_start(const json_t *filter, struct reader *r, struct error *err)
{
	cleanup_free char *program = paths_program("slicekeep-log");
	cleanup_free char *text = json_dumps(filter, JSON_COMPACT);
	int code;

	if (!program)
		return error_set(err, -errno, "cannot find \"slicekeep-log\" beside this program");
	if (!text)
		return error_set(err, -ENOMEM, "out of memory");

	const char *argv[] = {program, "read", text, NULL};

	code = reader_spawn(r, (char *const *)argv, err);
	if (code < 0)
		reader_close(r);
	return code;
}

/* What it said last, without its name. */
static void read_complaint(const struct reader *r, char *buf, size_t size)
{
	static const char name[] = "slicekeep-log: ";
	ssize_t n = read(r->err_fd, buf, size - 1);

	buf[MAX_OF(n, 0)] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (text_starts(buf, name))
		memmove(buf, buf + strlen(name), strlen(buf) - strlen(name) + 1);
	if (buf[0] == '\0')
		(void)snprintf(buf, size, "the segments could not be read");
}

static int reader_finish(struct reader *r, struct error *err)
{
	char said[256];
	int status = 0;

	read_complaint(r, said, sizeof(said));
	reader_close(r);
	while (waitpid(r->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_set(err, -errno, "cannot wait for the reader: %s",
					 strerror(errno));
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_SERVICE)
		return error_set_id(err, -EREMOTEIO, "io.slicekeep.log.NoSuchService", "%s", said);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_BAD_FILTER)
		return error_set_id(err, -EREMOTEIO, "io.slicekeep.log.BadPattern", "%s", said);
	return error_set(err, -EIO, "%s", said);
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

int log_direct_read(json_t *filter, log_sink *sink, void *userdata, struct error *err)
{
	struct reader reader = {.err_fd = -1};
	int code = reader_start(filter, &reader, err);
	int finished;

	if (code < 0)
		return code;
	code = read_lines(reader.out, filter, sink, userdata, err);
	/* A sink that has enough closes the pipe, and the reader ends by itself. */
	if (code < 0)
		reader_close(&reader);
	finished = reader_finish(&reader, code < 0 ? NULL : err);
	return code < 0 ? code : finished;
}
