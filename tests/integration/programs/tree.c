/* SPDX-License-Identifier: MIT */

/*
 * A payload that does what payloads do to their supervisors.
 *
 *   tree FIFO WORD…
 *
 * opens FIFO for writing, which every descendant inherits, so that its end of file proves that all
 * of them are gone; does what the words say, writes one byte into FIFO, and waits for a signal.
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
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define STORM_WIDTH 4
#define STORM_SECONDS 60

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

static void make_child(void)
{
	if (fork() == 0)
		wait_for_ever();
}

static void make_session(void)
{
	if (fork() == 0) {
		(void)setsid();
		wait_for_ever();
	}
}

static void make_daemon(void)
{
	if (fork() > 0)
		return;
	(void)setsid();
	if (fork() > 0)
		_exit(0);
	(void)signal(SIGHUP, SIG_IGN);
	wait_for_ever();
}

static void *run_thread(void *arg)
{
	make_child();
	wait_for_ever();
	return arg;
}

static void make_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_thread, NULL) != 0)
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

static int is_word(const char *word, const char *name)
{
	return strcmp(word, name) == 0;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_WRONLY) : -1;
	char last = 'w';

	if (fd < 0)
		return 1;
	for (int i = 2; i < argc; i++) {
		if (is_word(argv[i], "child"))
			make_child();
		else if (is_word(argv[i], "session"))
			make_session();
		else if (is_word(argv[i], "daemon"))
			make_daemon();
		else if (is_word(argv[i], "threads"))
			make_threads();
		else if (is_word(argv[i], "storm"))
			make_storm();
		else if (is_word(argv[i], "stubborn"))
			(void)(signal(SIGTERM, SIG_IGN), signal(SIGINT, SIG_IGN));
		else
			last = argv[i][0];
	}
	if (write(fd, "r", 1) != 1)
		return 1;
	if (last == 'e')
		return 3;
	if (last == 'c')
		(void)raise(SIGSEGV);
	wait_for_ever();
}
