/* SPDX-License-Identifier: MIT */
#include "lib/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/service-manager.h"
#include "lib/text.h"

/*
 * The manners of a daemon, towards whoever manages it: a systemd or a keeper, which speak the same
 * protocol.
 *
 * Which of the descriptors that were handed over were given out is remembered here, because the
 * number of one that its owner has closed soon belongs to something else.
 */

/* More sockets than this are not looked at. */
#define LISTEN_FDS_MAX 64

/* A watchdog that is asked for more often than this would keep a processor busy. */
#define HEARTBEAT_MIN_USEC (10 * USEC_PER_MSEC)

static uint64_t listen_fds_taken; /* bit N: LISTEN_FDS_START + N has an owner */

int daemon_options(int argc, char **argv, const char *usage, struct daemon_hello *ret_hello)
{
	struct daemon_hello hello = {.program = program_invocation_short_name};

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			(void)fputs(usage, stdout);
			return 1;
		}
		if (strcmp(argv[i], "--version") == 0) {
			(void)printf("%s %s\n", hello.program, SLICEKEEP_VERSION);
			return 1;
		}
		if (strcmp(argv[i], "--debug") != 0) {
			(void)fprintf(stderr, "%s: unknown argument \"%s\"; see --help\n",
				      hello.program, argv[i]);
			return -EINVAL;
		}
		hello.debug = true;
	}
	*ret_hello = hello;
	return 0;
}

static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_warning("cannot raise the limit of open files: %m");
}

void daemon_prepare(const struct daemon_hello *hello)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)umask(077);
	log_init(hello->debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	raise_open_files();
}

static void notify(const char *message)
{
	int r = service_manager_notify(message);

	if (r < 0)
		log_warning("cannot tell the service manager how we are: %s", strerror(-r));
}

void daemon_ready(const char *status)
{
	cleanup_text struct text message = {0};
	cleanup_free char *line = NULL;

	text_add(&message, "READY=1");
	if (status) {
		/* A newline would begin another assignment. */
		text_add(&message, "\nSTATUS=");
		text_add_bytes(&message, status, strcspn(status, "\n"));
	}
	line = text_take(&message);
	notify(line ? line : "READY=1");
}

void daemon_stopping(void)
{
	notify("STOPPING=1");
}

struct daemon_watchdog {
	struct loop_timer timer;
	usec_t every_usec;
};

static void on_heartbeat(void *userdata)
{
	struct daemon_watchdog *w = userdata;
	int r;

	notify("WATCHDOG=1");
	r = loop_timer_set(&w->timer, usec_add(clock_now_usec(), w->every_usec));
	if (r < 0)
		log_error("cannot set the timer of the watchdog: %s", strerror(-r));
}

int daemon_watchdog_start(struct loop *l, struct daemon_watchdog **ret_watchdog)
{
	struct daemon_watchdog *w;
	usec_t timeout_usec;
	int r;

	r = service_manager_watchdog(&timeout_usec);
	if (r < 0)
		return r;
	if (r == 0) {
		*ret_watchdog = NULL;
		return 0;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->every_usec = MAX_OF(timeout_usec / 2, HEARTBEAT_MIN_USEC);
	r = loop_timer_init(&w->timer, l, on_heartbeat, w);
	if (r == 0)
		r = loop_timer_set(&w->timer, clock_now_usec());
	if (r < 0) {
		daemon_watchdog_free(w);
		return r;
	}
	*ret_watchdog = w;
	return 0;
}

void daemon_watchdog_free(struct daemon_watchdog *w)
{
	if (!w)
		return;
	loop_timer_done(&w->timer);
	free(w);
}

int daemon_listen_fd(const char *name)
{
	int n = service_manager_listen_fds();

	if (n < 0)
		return n;
	n = MIN_OF(n, LISTEN_FDS_MAX);
	/* All of them, so that none that nobody asks for reaches a child. */
	for (int i = 0; i < n; i++) {
		int r = listen_fds_taken & (UINT64_C(1) << i)
				? 0
				: fd_set_cloexec(LISTEN_FDS_START + i, true);

		if (r < 0)
			return r;
	}
	for (int i = 0; i < n; i++) {
		int r;

		if (listen_fds_taken & (UINT64_C(1) << i) || !service_manager_listen_fd_is(i, name))
			continue;
		r = fd_set_nonblock(LISTEN_FDS_START + i, true);
		if (r < 0)
			return r;
		listen_fds_taken |= UINT64_C(1) << i;
		return LISTEN_FDS_START + i;
	}
	return -ENOENT;
}
