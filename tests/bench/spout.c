/* SPDX-License-Identifier: MIT */

/*
 * spout NAME LINES WRITE_BYTES USEC - a service that prints.
 *
 * It says hello as NAME, waits for SIGUSR1, prints LINES numbered lines of 100 bytes, WRITE_BYTES a
 * write and one write every USEC (0: as fast as its pipe takes them), and says hello as NAME.end.
 */

#include "hello.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 100
#define LINES_A_WRITE_MAX 64

static void say(const char *name, const char *suffix)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *to = getenv("BENCH_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct hello hello = {.pid = (uint32_t)getpid()};
	struct timespec now;
	int n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	hello.at_nsec = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	snprintf(hello.name, sizeof(hello.name), "%s%s", name, suffix);
	n = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", to ? to : "");
	sendto(fd, &hello, sizeof(hello), 0, (struct sockaddr *)&address,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n));
	close(fd);
}

static void wait_for_usr1(void)
{
	sigset_t set;
	int which;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &which);
}

static void number(char *line, unsigned long n)
{
	for (char *digit = line + 9; digit >= line; digit--, n /= 10)
		*digit = (char)('0' + n % 10);
}

static void write_all(const char *text, size_t n)
{
	while (n > 0) {
		ssize_t wrote = write(STDOUT_FILENO, text, n);

		if (wrote < 0)
			_exit(1);
		text += wrote;
		n -= (size_t)wrote;
	}
}

static void wait_until(struct timespec *at, long usec)
{
	at->tv_nsec += usec * 1000;
	at->tv_sec += at->tv_nsec / 1000000000;
	at->tv_nsec %= 1000000000;
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL);
}

static void print_lines(unsigned long n_lines, size_t a_write, long usec)
{
	char text[LINES_A_WRITE_MAX * LINE_BYTES];
	struct timespec at;

	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < LINES_A_WRITE_MAX; i++)
		text[(i + 1) * LINE_BYTES - 1] = '\n';
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (unsigned long n = 0; n < n_lines; n += a_write) {
		if (a_write > n_lines - n)
			a_write = n_lines - n;
		for (size_t i = 0; i < a_write; i++)
			number(text + i * LINE_BYTES, n + i);
		write_all(text, a_write * LINE_BYTES);
		if (usec)
			wait_until(&at, usec);
	}
}

int main(int argc, char **argv)
{
	sigset_t set;
	size_t a_write;

	if (argc != 5)
		return 2;
	a_write = strtoul(argv[3], NULL, 10) / LINE_BYTES;
	if (a_write < 1 || a_write > LINES_A_WRITE_MAX)
		return 2;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say(argv[1], "");
	wait_for_usr1();
	print_lines(strtoul(argv[2], NULL, 10), a_write, strtol(argv[4], NULL, 10));
	say(argv[1], ".end");
	for (;;)
		pause();
}
