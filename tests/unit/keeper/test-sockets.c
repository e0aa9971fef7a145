/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/sockets.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

static void close_all(struct sockets *s)
{
	assert_int_equal(sockets_set(s, NULL, 0, NULL), 0);
	assert_int_equal(s->n, 0);
}

static void sockets_are_held_out_of_the_way(void **state)
{
	cleanup_close int a = open("/dev/null", O_RDONLY), b = open("/dev/zero", O_RDONLY);
	char names[2][KEEPER_FD_NAME_MAX] = {"web", "api"};
	struct sockets s = {0};
	char joined[64];

	assert_int_equal(sockets_set(&s, (int[]){a, b}, 2, names), 0);
	assert_int_equal(s.n, 2);
	for (size_t i = 0; i < s.n; i++) {
		assert_true(s.fds[i] >= SOCKETS_FD_FROM);
		assert_int_equal(fcntl(s.fds[i], F_GETFD), FD_CLOEXEC);
	}
	sockets_join_names(&s, joined, sizeof(joined));
	assert_string_equal(joined, "web:api");
	close_all(&s);
}

static void setting_again_closes_the_old_ones(void **state)
{
	cleanup_close int a = open("/dev/null", O_RDONLY);
	char names[1][KEEPER_FD_NAME_MAX] = {"web"};
	struct sockets s = {0};
	int old;

	assert_int_equal(sockets_set(&s, &a, 1, names), 0);
	old = s.fds[0];
	close_all(&s);
	assert_int_equal(fcntl(old, F_GETFD), -1);
}

static void bad_descriptor_keeps_the_old_ones(void **state)
{
	cleanup_close int a = open("/dev/null", O_RDONLY);
	char names[2][KEEPER_FD_NAME_MAX] = {"web", "api"};
	struct sockets s = {0};

	assert_int_equal(sockets_set(&s, &a, 1, names), 0);
	assert_int_equal(sockets_set(&s, (int[]){a, 9999}, 2, names), -EBADF);
	assert_int_equal(s.n, 1);
	assert_int_equal(fcntl(s.fds[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(sockets_set(&s, &a, KEEPER_FDS_MAX + 1, names), -E2BIG);
	close_all(&s);
}

static void longest_names_fit(void **state)
{
	char names[KEEPER_FDS_MAX][KEEPER_FD_NAME_MAX];
	char joined[KEEPER_FDS_MAX * KEEPER_FD_NAME_MAX];
	cleanup_close int a = open("/dev/null", O_RDONLY);
	int fds[KEEPER_FDS_MAX];
	struct sockets s = {0};

	for (size_t i = 0; i < KEEPER_FDS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "%031zu", i);
		fds[i] = a;
	}
	assert_int_equal(sockets_set(&s, fds, KEEPER_FDS_MAX, names), 0);
	sockets_join_names(&s, joined, sizeof(joined));
	assert_int_equal(strlen(joined), KEEPER_FDS_MAX * KEEPER_FD_NAME_MAX - 1);
	close_all(&s);
}

static void set_env(const char *pid, const char *count, const char *names)
{
	assert_int_equal(setenv("LISTEN_PID", pid, 1), 0);
	assert_int_equal(setenv("LISTEN_FDS", count, 1), 0);
	assert_int_equal(setenv("LISTEN_FDNAMES", names, 1), 0);
}

static void sockets_of_another_process_are_not_taken(void **state)
{
	struct sockets s = {0};

	set_env("1", "3", "a:b:c");
	assert_int_equal(sockets_inherit(&s), 0);
	assert_int_equal(s.n, 0);
	set_env("x", "3", "a:b:c");
	assert_int_equal(sockets_inherit(&s), 0);
	assert_int_equal(unsetenv("LISTEN_PID"), 0);
	assert_int_equal(sockets_inherit(&s), 0);
	assert_int_equal(s.n, 0);
}

static void senseless_count_is_refused(void **state)
{
	struct sockets s = {0};
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	set_env(pid, "17", "");
	assert_int_equal(sockets_inherit(&s), -ERANGE);
	set_env(pid, "-1", "");
	assert_int_equal(sockets_inherit(&s), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_held_out_of_the_way),
		cmocka_unit_test(setting_again_closes_the_old_ones),
		cmocka_unit_test(bad_descriptor_keeps_the_old_ones),
		cmocka_unit_test(longest_names_fit),
		cmocka_unit_test(sockets_of_another_process_are_not_taken),
		cmocka_unit_test(senseless_count_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
