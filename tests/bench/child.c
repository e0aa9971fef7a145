/* SPDX-License-Identifier: MIT */

/*
 * child [NAME] - the least that a service can be, and a witness of when it began.
 *
 * No libc: its first instructions read the monotonic clock, then one datagram goes to the bench, so
 * nothing polls and the reader's own delay does not count. Then it waits for ever, or with
 * $BENCH_SPIN uses all the CPU that it gets. Without NAME it is called like the folder that it runs
 * in, as a supervisor of folders starts it.
 *
 * Once the file $BENCH_STORM exists it says nothing, adds one byte to it and exits 1: the size of
 * the file is the number of starts of all services together.
 */

#include "hello.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

static long call(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static size_t copy(char *to, const char *from, size_t max)
{
	size_t n = 0;

	while (from && from[n] && n + 1 < max) {
		to[n] = from[n];
		n++;
	}
	return n;
}

static const char *value_of(char **env, const char *key)
{
	for (; *env; env++) {
		size_t n = 0;

		while (key[n] && (*env)[n] == key[n])
			n++;
		if (!key[n] && (*env)[n] == '=')
			return *env + n + 1;
	}
	return NULL;
}

static const char *last_part(const char *path)
{
	const char *last = path;

	for (; *path; path++)
		if (*path == '/')
			last = path + 1;
	return last;
}

static void leave_if_there_is_a_storm(const char *path)
{
	long fd = path ? call(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_APPEND, 0, 0, 0) : -1;

	if (fd < 0)
		return;
	call(SYS_write, fd, (long)".", 1, 0, 0, 0);
	call(SYS_exit_group, 1, 0, 0, 0, 0, 0);
}

static void say(const struct hello *hello, const char *socket_name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t n = copy(address.sun_path + 1, socket_name, sizeof(address.sun_path) - 1);
	long fd = call(SYS_socket, AF_UNIX, SOCK_DGRAM, 0, 0, 0, 0);

	call(SYS_sendto, fd, (long)hello, sizeof(*hello), 0, (long)&address,
	     (long)(offsetof(struct sockaddr_un, sun_path) + 1 + n));
}

__attribute__((noreturn, used)) void child_main(long *stack);

void child_main(long *stack)
{
	struct timespec now = {0};
	char folder[256] = "";
	struct hello hello = {0};
	long argc = stack[0];
	char **argv = (char **)(stack + 1);
	char **env = argv + argc + 1;

	call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0, 0, 0);
	leave_if_there_is_a_storm(value_of(env, "BENCH_STORM"));
	hello.at_nsec = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	hello.pid = (uint32_t)call(SYS_getpid, 0, 0, 0, 0, 0, 0);
	if (argc < 2)
		call(SYS_getcwd, (long)folder, sizeof(folder), 0, 0, 0, 0);
	copy(hello.name, argc > 1 ? argv[1] : last_part(folder), sizeof(hello.name));
	say(&hello, value_of(env, "BENCH_SOCKET"));
	while (value_of(env, "BENCH_SPIN"))
		;
	for (;;)
		call(SYS_pause, 0, 0, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall child_main\n");
