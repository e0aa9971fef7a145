/* SPDX-License-Identifier: MIT */
#include "lib/service-manager.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "tests/unit/lib/temp.h"

static int clear(void **state)
{
	static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
						"LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};

	for (size_t i = 0; i < ARRAY_LEN(variables); i++)
		unsetenv(variables[i]);
	return 0;
}

static void set_pid(const char *variable, pid_t pid)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	setenv(variable, text, 1);
}

/* --- notify ----------------------------------------------------------------------------------- */

/* A manager at @name, "@…" for an abstract one; NOTIFY_SOCKET says where. */
static int listen_at(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", name);
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void assert_heard(int fd, const char *expected)
{
	char buf[64] = "";
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	assert_int_equal(n, strlen(expected));
	assert_string_equal(buf, expected);
}

static void notify_without_a_manager_is_silent(void **state)
{
	assert_int_equal(service_manager_notify("READY=1"), 0);
}

static void notify_reaches_a_path(void **state)
{
	struct temp temp;
	cleanup_close int fd = -1;

	temp_init(&temp);
	fd = listen_at(temp_path(&temp, "notify"));
	assert_int_equal(service_manager_notify("READY=1\nSTATUS=up"), 1);
	assert_heard(fd, "READY=1\nSTATUS=up");
	temp_done(&temp);
}

static void notify_reaches_an_abstract_name(void **state)
{
	char name[64];
	cleanup_close int fd = -1;

	(void)snprintf(name, sizeof(name), "@slicekeep-test-%d", (int)getpid());
	fd = listen_at(name);
	assert_int_equal(service_manager_notify("STOPPING=1"), 1);
	assert_heard(fd, "STOPPING=1");
}

static void notify_of_a_manager_that_is_gone_is_an_error(void **state)
{
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	assert_int_equal(service_manager_notify("READY=1"), -ENOENT);
}

static void notify_to_an_address_of_another_kind_is_refused(void **state)
{
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_int_equal(service_manager_notify("READY=1"), -EAFNOSUPPORT);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(service_manager_notify("READY=1"), -EAFNOSUPPORT);
}

static void notify_to_a_name_that_is_too_long_is_refused(void **state)
{
	char name[200];

	memset(name, 'a', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(service_manager_notify("READY=1"), -ENAMETOOLONG);
}

/* --- watchdog --------------------------------------------------------------------------------- */

static void watchdog_that_is_not_asked_for_is_none(void **state)
{
	usec_t usec = 7;

	assert_int_equal(service_manager_watchdog(&usec), 0);
	setenv("WATCHDOG_USEC", "3000000", 1);
	set_pid("WATCHDOG_PID", getppid());
	assert_int_equal(service_manager_watchdog(&usec), 0);
}

static void watchdog_is_for_all_or_for_the_pid_named(void **state)
{
	usec_t usec = 0;

	setenv("WATCHDOG_USEC", "3000000", 1);
	assert_int_equal(service_manager_watchdog(&usec), 1);
	assert_int_equal(usec, 3000000);
	set_pid("WATCHDOG_PID", getpid());
	assert_int_equal(service_manager_watchdog(&usec), 1);
}

static void watchdog_of_nonsense_is_an_error(void **state)
{
	static const char *const nonsense[] = {
		"", "0", "-1", "1s", " 12", "1e6", "18446744073709551615"};
	usec_t usec = 0;

	for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
		setenv("WATCHDOG_USEC", nonsense[i], 1);
		assert_int_equal(service_manager_watchdog(&usec), -EINVAL);
	}
	setenv("WATCHDOG_USEC", "1", 1);
	setenv("WATCHDOG_PID", "me", 1);
	assert_int_equal(service_manager_watchdog(&usec), -EINVAL);
}

/* --- sockets ---------------------------------------------------------------------------------- */

static void listen_fds_of_another_process_are_not_ours(void **state)
{
	assert_int_equal(service_manager_listen_fds(), 0);
	setenv("LISTEN_FDS", "2", 1);
	assert_int_equal(service_manager_listen_fds(), 0);
	set_pid("LISTEN_PID", getppid());
	assert_int_equal(service_manager_listen_fds(), 0);
	set_pid("LISTEN_PID", getpid());
	assert_int_equal(service_manager_listen_fds(), 2);
}

static void listen_fds_of_nonsense_are_an_error(void **state)
{
	set_pid("LISTEN_PID", getpid());
	assert_int_equal(service_manager_listen_fds(), 0);
	setenv("LISTEN_FDS", "2147483647", 1);
	assert_int_equal(service_manager_listen_fds(), -EINVAL);
	setenv("LISTEN_FDS", "two", 1);
	assert_int_equal(service_manager_listen_fds(), -EINVAL);
	setenv("LISTEN_PID", "1x", 1);
	assert_int_equal(service_manager_listen_fds(), -EINVAL);
}

static void listen_fd_has_the_name_at_its_place(void **state)
{
	assert_false(service_manager_listen_fd_is(0, "web"));
	setenv("LISTEN_FDNAMES", "web::control", 1);
	assert_true(service_manager_listen_fd_is(0, "web"));
	assert_false(service_manager_listen_fd_is(0, "we"));
	assert_false(service_manager_listen_fd_is(0, "webs"));
	assert_true(service_manager_listen_fd_is(1, ""));
	assert_true(service_manager_listen_fd_is(2, "control"));
	assert_false(service_manager_listen_fd_is(2, "web"));
	assert_false(service_manager_listen_fd_is(3, "control"));
	assert_false(service_manager_listen_fd_is(3, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(notify_without_a_manager_is_silent, clear),
		cmocka_unit_test_setup(notify_reaches_a_path, clear),
		cmocka_unit_test_setup(notify_reaches_an_abstract_name, clear),
		cmocka_unit_test_setup(notify_of_a_manager_that_is_gone_is_an_error, clear),
		cmocka_unit_test_setup(notify_to_an_address_of_another_kind_is_refused, clear),
		cmocka_unit_test_setup(notify_to_a_name_that_is_too_long_is_refused, clear),
		cmocka_unit_test_setup(watchdog_that_is_not_asked_for_is_none, clear),
		cmocka_unit_test_setup(watchdog_is_for_all_or_for_the_pid_named, clear),
		cmocka_unit_test_setup(watchdog_of_nonsense_is_an_error, clear),
		cmocka_unit_test_setup(listen_fds_of_another_process_are_not_ours, clear),
		cmocka_unit_test_setup(listen_fds_of_nonsense_are_an_error, clear),
		cmocka_unit_test_setup(listen_fd_has_the_name_at_its_place, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
