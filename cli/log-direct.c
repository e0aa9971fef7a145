/* SPDX-License-Identifier: MIT */
/*
 * Reading the segments when the collector does not do it.
 *
 * What a segment is, and how a filter is applied to it, is known to slicekeep-log alone; so its
 * program is run as a short-lived reader: `slicekeep-log read FILTER`, the filter as JSON as it
 * stands in the interface, one line of JSON on its stdout for each Line.
 *
 * A disk that does not answer holds that reader where not even SIGKILL reaches it. Who has a
 * deadline, or enough, goes on without it, and does not wait for its end.
 */
#include "cli/log-direct.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/paths.h"
#include "lib/spawn.h"
#include "lib/text.h"

/** Lines that are handed over together. */
#define BATCH_MAX 256
#define READ_BYTES 16384
/* What it exits with. */
#define EXIT_BAD_FILTER 2
#define EXIT_NO_SERVICE 3

/**
 * struct reader - the program while it runs
 * @out_fd: lines
 * @err_fd: why it failed, in its own words
 */
struct reader {
	int out_fd;
	int err_fd;
	pid_t pid;
	usec_t deadline_usec;
};

static void reader_close(struct reader *r)
{
	close_fd(&r->out_fd);
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
	r->out_fd = fds[0];
	out_end = fds[1];
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

/* Return: 1 with more in @t, 0 at the end, negative errno. */
static int read_more(struct reader *r, struct text *t, struct error *err)
{
	struct pollfd p = {.fd = r->out_fd, .events = POLLIN};
	char buf[READ_BYTES];
	ssize_t n;
	int ready;

	do {
		ready = poll(&p, 1, clock_msec_until(r->deadline_usec));
	} while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return error_set(err, -ETIMEDOUT, "the disk does not answer");
	n = ready < 0 ? -1 : read(r->out_fd, buf, sizeof(buf));
	if (n < 0)
		return error_set(err, -errno, "cannot read the lines: %s", strerror(errno));
	text_add_bytes(t, buf, (size_t)n);
	return t->failed ? error_set(err, -ENOMEM, "out of memory") : n > 0;
}

static int take_line(const char *line, size_t n, json_t *batch, struct error *err)
{
	json_t *object = json_loadb(line, n, 0, NULL);

	if (!object)
		return error_set(err, -EBADMSG, "the reader printed no JSON");
	if (json_array_append_new(batch, object) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

/* Moves whole lines from @t into @batch, until it is full. Return: whether it is, or negative. */
static int take_lines(struct text *t, json_t *batch, struct error *err)
{
	size_t taken = 0;
	const char *end;
	int code = 0;

	while (code == 0 && json_array_size(batch) < BATCH_MAX && taken < t->len &&
	       (end = memchr(t->data + taken, '\n', t->len - taken))) {
		size_t n = (size_t)(end - t->data) - taken;

		code = take_line(t->data + taken, n, batch, err);
		taken += n + 1;
	}
	t->len -= taken;
	if (taken > 0)
		memmove(t->data, t->data + taken, t->len + 1);
	return code < 0 ? code : json_array_size(batch) == BATCH_MAX;
}

static int read_lines(struct reader *r, json_t *filter, log_sink *sink, void *userdata,
		      struct error *err)
{
	cleanup_json json_t *batch = json_array();
	cleanup_text struct text t = {0};
	int more, code;

	do {
		more = read_more(r, &t, err);
		if (more < 0)
			return more;
		while ((code = take_lines(&t, batch, err)) > 0) {
			code = hand_over(batch, filter, sink, userdata, err);
			if (code < 0)
				return code;
		}
	} while (code == 0 && more > 0);
	return code < 0 ? code : hand_over(batch, filter, sink, userdata, err);
}

int log_direct_read(json_t *filter, usec_t deadline_usec, log_sink *sink, void *userdata,
		    struct error *err)
{
	struct reader reader = {.out_fd = -1, .err_fd = -1, .deadline_usec = deadline_usec};
	int code = reader_start(filter, &reader, err);

	if (code < 0)
		return code;
	code = read_lines(&reader, filter, sink, userdata, err);
	if (code == 0)
		return reader_finish(&reader, err);
	(void)kill(reader.pid, SIGKILL);
	reader_close(&reader);
	return code;
}
