/* SPDX-License-Identifier: MIT */

/*
 * family FIFO LOCK [ignore-term] [storm] [exit=CODE] - a service that is hard to get rid of.
 *
 * It has a child in its process group, one in a session of its own, a double-forked daemon, and
 * with "storm" a child that forks without end (each fork lives for a moment). All of them ignore
 * SIGTERM. Every one inherits the write end of FIFO, so that its end of file says that all are
 * gone, and the lock on LOCK, which belongs to the open file and so lasts as long as any of them: a
 * later life that does not get it at once says VIOLATION and has proven that the sweep was not
 * complete.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void ignore_signals(void)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static void stay(void)
{
	for (;;)
		pause();
}

static void fork_without_end(void)
{
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		pid_t pid = fork();

		if (pid == 0) {
			struct timespec moment = {.tv_nsec = 2000000};

			setsid();
			nanosleep(&moment, NULL);
			_exit(0);
		}
		if (pid < 0) {
			struct timespec moment = {.tv_nsec = 200000};

			nanosleep(&moment, NULL);
		}
	}
}

static void start_child(bool session, bool again, bool storm)
{
	pid_t pid = fork();

	if (pid > 0 && again)
		waitpid(pid, NULL, 0);
	if (pid != 0)
		return;
	ignore_signals();
	if (session)
		setsid();
	if (again && fork() != 0)
		_exit(0);
	if (storm)
		fork_without_end();
	stay();
}

int main(int argc, char **argv)
{
	bool storm = false;
	int code = -1;
	int lock;

	if (argc < 3 || open(argv[1], O_WRONLY) < 0)
		return 99;
	lock = open(argv[2], O_RDWR | O_CREAT, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0) {
		puts("VIOLATION: somebody of an earlier life is still there");
		return 98;
	}
	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "ignore-term"))
			ignore_signals();
		else if (!strcmp(argv[i], "storm"))
			storm = true;
		else if (!strncmp(argv[i], "exit=", 5))
			code = atoi(argv[i] + 5);
	}
	start_child(false, false, false);
	start_child(true, false, false);
	start_child(true, true, false);
	if (storm)
		start_child(true, false, true);
	puts("ready");
	fflush(stdout);
	if (code >= 0)
		return code;
	stay();
}
