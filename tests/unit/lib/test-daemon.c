/* SPDX-License-Identifier: MIT */
#include "lib/daemon.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/loop.h"
#include "tests/unit/lib/temp.h"

/* --- a service manager ------------------------------------------------------------------------ */

struct manager {
	struct temp temp;
	int sock;
};

static void manager_open(struct manager *m)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	temp_init(&m->temp);
	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", temp_path(&m->temp, "notify"));
	m->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(m->sock >= 0);
	assert_int_equal(bind(m->sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
	setenv("NOTIFY_SOCKET", addr.sun_path, 1);
}

static void manager_done(struct manager *m)
{
	unsetenv("NOTIFY_SOCKET");
	close_fd(&m->sock);
	temp_done(&m->temp);
}

static const char *manager_heard(struct manager *m)
{
	static char buf[512];
	ssize_t n = recv(m->sock, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return "(nothing)";
	buf[n] = '\0';
	return buf;
}

/*
 * Runs @fn in a child, because it changes what belongs to the whole process; what it returns is
 * the line that failed.
 */
static void assert_in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Inside such a child: 0 is success, so a failure is a number that is looked up in the file. */
#define expect(number, condition)        \
	do {                             \
		if (!(condition))        \
			return (number); \
	} while (0)

/* --- options ---------------------------------------------------------------------------------- */

static int options_of(const char *first, const char *second, struct daemon_hello *hello)
{
	char *argv[] = {(char *)"daemon", (char *)first, (char *)second, NULL};
	int argc = first ? second ? 3 : 2 : 1;

	return daemon_options(argc, argv, "usage: daemon\n", hello);
}

static void options_that_are_absent_go_on(void **state)
{
	struct daemon_hello hello = {0};

	assert_int_equal(options_of(NULL, NULL, &hello), 0);
	assert_string_equal(hello.program, "test-lib-daemon");
	assert_false(hello.debug);
	assert_int_equal(options_of("--debug", NULL, &hello), 0);
	assert_true(hello.debug);
}

static void options_help_and_version_end_the_program(void **state)
{
	struct daemon_hello hello = {0};

	assert_int_equal(options_of("--help", NULL, &hello), 1);
	assert_int_equal(options_of("--debug", "--version", &hello), 1);
}

static void options_that_are_unknown_are_refused(void **state)
{
	struct daemon_hello hello = {0};

	assert_int_equal(options_of("--verbose", NULL, &hello), -EINVAL);
	assert_int_equal(options_of("--debug", "file", &hello), -EINVAL);
	assert_null(hello.program);
}

/* --- preparation ------------------------------------------------------------------------------ */

static int child_prepares(void)
{
	struct daemon_hello hello = {.program = "x"};
	struct sigaction action;
	struct rlimit limit;

	expect(1, getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = MIN_OF(limit.rlim_max, (rlim_t)64);
	expect(2, setrlimit(RLIMIT_NOFILE, &limit) == 0);
	daemon_prepare(&hello);
	expect(3, sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
	expect(4, umask(0) == 077);
	expect(5, getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == limit.rlim_max);
	return 0;
}

static void prepare_sets_signals_umask_and_the_limit_of_files(void **state)
{
	assert_in_child(child_prepares);
}

/* --- notifications ---------------------------------------------------------------------------- */

static void ready_tells_the_manager(void **state)
{
	cleanup(manager_done) struct manager m;

	manager_open(&m);
	daemon_ready("50 services");
	assert_string_equal(manager_heard(&m), "READY=1\nSTATUS=50 services");
	daemon_ready(NULL);
	assert_string_equal(manager_heard(&m), "READY=1");
	daemon_stopping();
	assert_string_equal(manager_heard(&m), "STOPPING=1");
}

static void ready_says_one_line_only(void **state)
{
	cleanup(manager_done) struct manager m;

	manager_open(&m);
	daemon_ready("fine\nMAINPID=1");
	assert_string_equal(manager_heard(&m), "READY=1\nSTATUS=fine");
}

static void ready_without_a_manager_is_silent(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	daemon_ready("x");
	daemon_stopping();
}

/* --- the watchdog ----------------------------------------------------------------------------- */

struct heartbeats {
	struct loop *loop;
	struct loop_fd source;
	struct manager *manager;
	int n;
};

static void on_heartbeat(int fd, int events, void *userdata)
{
	struct heartbeats *h = userdata;

	assert_string_equal(manager_heard(h->manager), "WATCHDOG=1");
	if (++h->n == 3)
		loop_stop(h->loop, 0);
}

static void on_timeout(void *userdata)
{
	loop_stop(userdata, 99);
}

static void watchdog_beats_at_half_of_its_time(void **state)
{
	cleanup(manager_done) struct manager m;
	struct heartbeats h = {.manager = &m};
	struct daemon_watchdog *w = NULL;
	struct loop_timer guard;
	usec_t begin;

	manager_open(&m);
	setenv("WATCHDOG_USEC", "60000", 1);
	assert_int_equal(loop_new(&h.loop), 0);
	assert_int_equal(loop_timer_init(&guard, h.loop, on_timeout, h.loop), 0);
	begin = clock_now_usec();
	assert_int_equal(loop_timer_set(&guard, begin + 20 * USEC_PER_SEC), 0);
	assert_int_equal(loop_fd_init(&h.source, h.loop, m.sock, LOOP_READ, on_heartbeat, &h), 0);
	assert_int_equal(daemon_watchdog_start(h.loop, &w), 0);
	assert_non_null(w);
	assert_int_equal(loop_run(h.loop), 0);
	/* The first at once, two more after 30 ms each. */
	assert_true(clock_now_usec() - begin >= 60 * USEC_PER_MSEC);
	daemon_watchdog_free(w);
	loop_timer_done(&guard);
	loop_fd_done(&h.source);
	loop_free(h.loop);
	unsetenv("WATCHDOG_USEC");
}

static void watchdog_that_nobody_asked_for_is_none(void **state)
{
	struct daemon_watchdog *w = (void *)1;
	struct loop *loop;

	unsetenv("WATCHDOG_USEC");
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(daemon_watchdog_start(loop, &w), 0);
	assert_null(w);
	daemon_watchdog_free(NULL);
	loop_free(loop);
}

static void watchdog_of_nonsense_is_an_error(void **state)
{
	struct daemon_watchdog *w = NULL;
	struct loop *loop;

	setenv("WATCHDOG_USEC", "soon", 1);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(daemon_watchdog_start(loop, &w), -EINVAL);
	assert_null(w);
	loop_free(loop);
	unsetenv("WATCHDOG_USEC");
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* Puts three sockets where a manager would and says so in the environment. */
static int pass_sockets(const char *names)
{
	char number[16];

	for (int i = 0; i < 3; i++) {
		int sock = socket(AF_UNIX, SOCK_STREAM, 0);

		if (sock != 3 + i && (dup2(sock, 3 + i) < 0 || close(sock) < 0))
			return -1;
	}
	(void)snprintf(number, sizeof(number), "%d", (int)getpid());
	setenv("LISTEN_PID", number, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", names, 1);
	return 0;
}

static int child_takes_sockets(void)
{
	expect(1, pass_sockets("web:control:web") == 0);
	expect(2, daemon_listen_fd("control") == 4);
	expect(3, daemon_listen_fd("web") == 3);
	expect(4, daemon_listen_fd("web") == 5);
	expect(5, daemon_listen_fd("web") == -ENOENT);
	expect(6, daemon_listen_fd("control") == -ENOENT);
	expect(7, daemon_listen_fd("other") == -ENOENT);
	for (int fd = 3; fd < 6; fd++) {
		expect(8, fcntl(fd, F_GETFD) == FD_CLOEXEC);
		expect(9, fcntl(fd, F_GETFL) & O_NONBLOCK);
	}
	return 0;
}

static void sockets_are_found_by_name_and_given_out_once(void **state)
{
	assert_in_child(child_takes_sockets);
}

static int child_closes_its_socket(void)
{
	expect(1, pass_sockets("a:b:c") == 0);
	expect(2, daemon_listen_fd("a") == 3);
	expect(3, close(3) == 0);
	expect(4, open("/dev/null", O_RDONLY) == 3); /* the number is somebody else's now */
	expect(5, daemon_listen_fd("a") == -ENOENT);
	return 0;
}

static void socket_that_was_closed_is_not_given_out_again(void **state)
{
	assert_in_child(child_closes_its_socket);
}

static int child_asks_for_the_first_only(void)
{
	expect(1, pass_sockets("a:b:c") == 0);
	expect(2, daemon_listen_fd("a") == 3);
	for (int fd = 3; fd < 6; fd++)
		expect(3, fcntl(fd, F_GETFD) == FD_CLOEXEC);
	return 0;
}

static void sockets_that_nobody_asks_for_reach_no_child(void **state)
{
	assert_in_child(child_asks_for_the_first_only);
}

static int child_is_not_meant(void)
{
	expect(1, pass_sockets("a:b:c") == 0);
	setenv("LISTEN_PID", "1", 1);
	expect(2, daemon_listen_fd("a") == -ENOENT);
	return 0;
}

static void sockets_for_another_process_are_not_taken(void **state)
{
	assert_in_child(child_is_not_meant);
}

static int child_without_sockets(void)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	expect(1, daemon_listen_fd("a") == -ENOENT);
	return 0;
}

static void sockets_that_were_not_passed_are_not_there(void **state)
{
	assert_in_child(child_without_sockets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_that_are_absent_go_on),
		cmocka_unit_test(options_help_and_version_end_the_program),
		cmocka_unit_test(options_that_are_unknown_are_refused),
		cmocka_unit_test(prepare_sets_signals_umask_and_the_limit_of_files),
		cmocka_unit_test(ready_tells_the_manager),
		cmocka_unit_test(ready_says_one_line_only),
		cmocka_unit_test(ready_without_a_manager_is_silent),
		cmocka_unit_test(watchdog_beats_at_half_of_its_time),
		cmocka_unit_test(watchdog_that_nobody_asked_for_is_none),
		cmocka_unit_test(watchdog_of_nonsense_is_an_error),
		cmocka_unit_test(sockets_are_found_by_name_and_given_out_once),
		cmocka_unit_test(socket_that_was_closed_is_not_given_out_again),
		cmocka_unit_test(sockets_that_nobody_asks_for_reach_no_child),
		cmocka_unit_test(sockets_for_another_process_are_not_taken),
		cmocka_unit_test(sockets_that_were_not_passed_are_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
