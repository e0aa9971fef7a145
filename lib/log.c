/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/*
 * The voice of a daemon: one line, one write(2), never a wait.
 *
 * O_NONBLOCK belongs to the open pipe and not to our descriptor: set on 2 it would be set for every
 * other program that has the same pipe, our children and the shell included. So a pipe is opened
 * once more through /proc and that one, private to the log, is made non-blocking. Where that is not
 * permitted the pipe is asked by poll(2) before each line; it then has room for PIPE_BUF bytes. A
 * terminal is asked as well: somebody who presses Ctrl-S must not stop a daemon.
 *
 * A line and the note about lost ones in front of it are at most PIPE_BUF bytes, so a pipe takes
 * both or nothing. Control characters become '?': a line that quotes a stranger must stay one line.
 *
 * The state below is the one exception from "no globals": standard error is a global itself.
 */

#define LINE_MAX_BYTES 2048
#define NOTE_MAX_BYTES 128

static_assert(LINE_MAX_BYTES + NOTE_MAX_BYTES <= PIPE_BUF, "a pipe could take half a line");

/* How standard error is written to. */
enum log_sink {
	LOG_SINK_FILE,
	LOG_SINK_PIPE, /* our own non-blocking way into it */
	LOG_SINK_POLL, /* a terminal, or a pipe that could not be opened again */
	LOG_SINK_SOCKET,
};

static struct {
	enum log_level max_level;
	enum log_sink sink;
	bool prefixed;
	int pipe_fd;
	unsigned long n_dropped;
} log_state = {
	.max_level = LOG_LEVEL_INFO,
	.sink = LOG_SINK_FILE,
	.pipe_fd = -1,
};

static void choose_sink(mode_t mode)
{
	log_state.prefixed = S_ISFIFO(mode) || S_ISSOCK(mode);
	log_state.sink = LOG_SINK_FILE;
	if (S_ISSOCK(mode))
		log_state.sink = LOG_SINK_SOCKET;
	if (S_ISCHR(mode) || S_ISFIFO(mode))
		log_state.sink = LOG_SINK_POLL;
	if (!S_ISFIFO(mode))
		return;
	log_state.pipe_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (log_state.pipe_fd >= 0)
		log_state.sink = LOG_SINK_PIPE;
}

void log_init(enum log_level max_level)
{
	struct stat st;

	close_fd(&log_state.pipe_fd);
	log_state.max_level = max_level;
	choose_sink(fstat(STDERR_FILENO, &st) < 0 ? 0 : st.st_mode);
}

static bool write_waiting(const char *line, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDERR_FILENO, line, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		line += written;
		n -= (size_t)written;
	}
	return true;
}

static bool write_polled(const char *line, size_t n)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) && write_waiting(line, n);
}

static bool write_line(const char *line, size_t n)
{
	switch (log_state.sink) {
	case LOG_SINK_PIPE:
		return write(log_state.pipe_fd, line, n) == (ssize_t)n;
	case LOG_SINK_SOCKET:
		return send(STDERR_FILENO, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
	case LOG_SINK_POLL:
		return write_polled(line, n);
	case LOG_SINK_FILE:
		break;
	}
	return write_waiting(line, n);
}

/* Makes what would end the line, or steer a terminal, harmless. */
static void defuse(char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)s[0];
		unsigned char next = (unsigned char)s[1];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			*s = '?';
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			s[0] = s[1] = '?';
	}
}

/* Appends to the @len bytes in @buf, which has room for @size; returns the new length. */
static printf_like(4, 0) size_t
	append(char *buf, size_t size, size_t len, const char *fmt, va_list args)
{
	static const char cut_mark[] = "…";
	int n = vsnprintf(buf + len, size - len, fmt, args);

	if (n < 0)
		return len;
	defuse(buf + len);
	if ((size_t)n < size - len)
		return len + (size_t)n;
	len = size - sizeof(cut_mark);
	while (((unsigned char)buf[len] & 0xc0) == 0x80)
		len--;
	memcpy(buf + len, cut_mark, sizeof(cut_mark));
	return len + sizeof(cut_mark) - 1;
}

static size_t put_prefix(char *buf, size_t size, enum log_level level)
{
	int n = log_state.prefixed ? snprintf(buf, size, "<%d>", (int)level) : 0;

	return n > 0 ? (size_t)n : 0;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char buf[NOTE_MAX_BYTES + LINE_MAX_BYTES];
	int saved = errno;
	size_t len = 0;
	va_list args;

	if (level > log_state.max_level)
		return;
	if (log_state.n_dropped > 0) {
		int n;

		len = put_prefix(buf, NOTE_MAX_BYTES, LOG_LEVEL_WARNING);
		n = snprintf(buf + len, NOTE_MAX_BYTES - len,
			     "lines lost here because standard error was full: %lu\n",
			     log_state.n_dropped);
		len += n > 0 ? (size_t)n : 0;
	}
	len += put_prefix(buf + len, sizeof(buf) - len, level);
	errno = saved; /* for %m */
	va_start(args, fmt);
	len = append(buf, sizeof(buf) - 1, len, fmt, args);
	va_end(args);
	buf[len++] = '\n';
	if (write_line(buf, len))
		log_state.n_dropped = 0;
	else
		log_state.n_dropped++;
	errno = saved;
}
