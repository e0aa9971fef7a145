/* SPDX-License-Identifier: MIT */

/*
 * A payload that does what payloads do to their supervisors.
 *
 *   tree FIFO WORD…
 *
 * opens FIFO for writing, which every descendant inherits, so that its end of file proves that all
 * of them are gone; does what the words say, writes one byte into FIFO when all of it is done, in
 * the children too, and waits for a signal.
 *
 *   child     a child in its own process group
 *   session   a child in a session of its own
 *   daemon    a double-forked daemon, whose parent is gone
 *   threads   a child that was forked by a second thread
 *   storm     for a minute, processes that live just long enough to make their successor
 *   stubborn  SIGTERM and SIGINT are ignored
 *   exit      exits 3 instead of waiting
 *   crash     is killed by SIGSEGV instead of waiting
 */

#include <pthread.h>
#include <signal.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STORM_WIDTH 4
#define STORM_SECONDS 60

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* A child says by a byte that it is where it wants to be. */
static void say(int fd)
{
	if (write(fd, "c", 1) != 1)
		_exit(1);
}

static void hear(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		_exit(1);
}

static void make_child(int said)
{
	if (fork() == 0) {
		say(said);
		wait_for_ever();
	}
}

static void make_session(int said)
{
	if (fork() == 0) {
		(void)setsid();
		say(said);
		wait_for_ever();
	}
}

static void make_daemon(int said)
{
	pid_t pid = fork();

	if (pid > 0) {
		(void)waitpid(pid, NULL, 0);
		return;
	}
	(void)setsid();
	if (fork() > 0)
		_exit(0);
	(void)signal(SIGHUP, SIG_IGN);
	say(said);
	wait_for_ever();
}

static void *run_thread(void *arg)
{
	make_child((int)(intptr_t)arg);
	wait_for_ever();
	return arg;
}

static void make_threads(int said)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_thread, (void *)(intptr_t)said) != 0)
		_exit(1);
}

/* Who looks for these processes one by one finds only pids of the past. */
static void run_storm(time_t end)
{
	struct timespec pause = {.tv_nsec = 2000 * 1000};

	(void)setsid();
	while (time(NULL) < end) {
		if (fork() > 0)
			_exit(0);
		(void)nanosleep(&pause, NULL);
	}
	_exit(0);
}

static void make_storm(void)
{
	time_t end = time(NULL) + STORM_SECONDS;

	for (int i = 0; i < STORM_WIDTH; i++) {
		if (fork() == 0)
			run_storm(end);
	}
}

static bool is_word(const char *word, const char *name)
{
	return strcmp(word, name) == 0;
}

/* Whether it is the name of a child, which is made then. */
static bool make(const char *name, int said)
{
	static const struct {
		const char *name;
		void (*make)(int said);
	} makers[] = {
		{"child", make_child},
		{"session", make_session},
		{"daemon", make_daemon},
		{"threads", make_threads},
	};

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		if (is_word(name, makers[i].name)) {
			makers[i].make(said);
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_WRONLY) : -1;
	int said[2], n_children = 0;
	char last = 'w';

	if (fd < 0 || pipe2(said, O_CLOEXEC) < 0)
		return 1;
	for (int i = 2; i < argc; i++) {
		if (make(argv[i], said[1]))
			n_children++;
		else if (is_word(argv[i], "storm"))
			make_storm();
		else if (is_word(argv[i], "stubborn"))
			(void)(signal(SIGTERM, SIG_IGN), signal(SIGINT, SIG_IGN));
		else
			last = argv[i][0];
	}
	for (; n_children > 0; n_children--)
		hear(said[0]);
	if (write(fd, "r", 1) != 1)
		return 1;
	if (last == 'e')
		return 3;
	if (last == 'c')
		(void)raise(SIGSEGV);
	wait_for_ever();
}
