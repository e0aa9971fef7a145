/* SPDX-License-Identifier: MIT */

/*
 * Users and groups: what root may give, what anybody else may not, and what was probably meant.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/error.h"
#include "supervisor/identity.h"
#include "tests/unit/lib/temp.h"

/* The number of a group that everybody has, and nobody is in. */
static char *extra_groups[] = {(char *)"4242", (char *)"tty", (char *)"4242", NULL};

static bool has_group(const struct identity *id, gid_t gid)
{
	for (size_t i = 0; i < id->n_groups; i++) {
		if (id->groups[i] == gid)
			return true;
	}
	return false;
}

static void identity_of_nobody_in_particular_changes_nothing(void **state)
{
	struct identity id = {0};

	assert_int_equal(identity_resolve(NULL, NULL, &id, NULL), 0);
	assert_false(id.set);
	identity_done(&id);
}

static void identity_unknown_user_names_the_nearest(void **state)
{
	struct identity id = {0};
	struct error err = {0};

	assert_int_equal(identity_resolve("deamon", NULL, &id, &err), -ENOENT);
	assert_non_null(strstr(err.text, "\"deamon\""));
	assert_non_null(strstr(err.text, "did you mean \"daemon\"?"));
	assert_int_equal(identity_resolve("zzzzzzzzzzzz", NULL, &id, &err), -ENOENT);
	assert_null(strstr(err.text, "did you mean"));
	assert_int_equal(identity_resolve("-1", NULL, &id, &err), -ENOENT);
	assert_int_equal(identity_resolve("4294967295", NULL, &id, &err), -ENOENT);
	assert_int_equal(identity_resolve("", NULL, &id, &err), -ENOENT);
}

static void identity_unknown_group_is_named(void **state)
{
	char *groups[] = {(char *)"zzzzzz", NULL};
	struct identity id = {0};
	struct error err = {0};

	assert_int_equal(identity_resolve(NULL, groups, &id, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no group \"zzzzzz\""));
}

/* Runs in a child, so that it can be somebody else. Return: 0 when all is as it should be. */
static int as_root(void)
{
	struct identity id = {0};
	struct group *tty = getgrnam("tty");
	struct passwd *daemon_user = getpwnam("daemon");

	if (!tty || !daemon_user || identity_resolve("daemon", extra_groups, &id, NULL) < 0)
		return 1;
	if (!id.set || id.uid != daemon_user->pw_uid || id.gid != daemon_user->pw_gid)
		return 2;
	if (strcmp(id.name, "daemon") != 0 || strcmp(id.home, daemon_user->pw_dir) != 0 ||
	    !id.shell)
		return 3;
	if (!has_group(&id, 4242) || !has_group(&id, tty->gr_gid) || has_group(&id, 0))
		return 4;
	identity_done(&id);
	/* A number without an entry: nothing of ours comes with it. */
	if (identity_resolve("123456", NULL, &id, NULL) < 0 || id.uid != 123456 ||
	    id.gid != 123456 || id.n_groups != 1 || id.groups[0] != 123456)
		return 5;
	identity_done(&id);
	if (identity_resolve("1", NULL, &id, NULL) < 0 || strcmp(id.name, "daemon") != 0)
		return 6;
	identity_done(&id);
	/* Groups alone: ourselves, with more. */
	if (identity_resolve(NULL, extra_groups, &id, NULL) < 0 || id.uid != 0 ||
	    !has_group(&id, 4242))
		return 7;
	identity_done(&id);
	return 0;
}

static int as_nobody(void)
{
	struct identity id = {0};
	struct error err = {0};

	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
		return 1;
	if (identity_resolve("daemon", NULL, &id, &err) != -EPERM || !strstr(err.text, "daemon"))
		return 2;
	if (identity_resolve(NULL, extra_groups, &id, &err) != -EPERM || !strstr(err.text, "4242"))
		return 3;
	if (identity_resolve("deamon", NULL, &id, &err) != -ENOENT)
		return 4;
	return 0;
}

/* Ourselves, by name, without being root. */
static int as_ourselves(void)
{
	struct identity id = {0};
	char number[16];

	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
		return 1;
	snprintf(number, sizeof(number), "%u", geteuid());
	if (identity_resolve(number, NULL, &id, NULL) < 0 || id.set)
		return 2;
	return 0;
}

static void assert_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void identity_for_root_is_looked_up(void **state)
{
	if (geteuid() == 0)
		assert_child(as_root);
	else
		assert_child(as_nobody);
}

static void identity_of_somebody_else_needs_root(void **state)
{
	assert_child(as_nobody);
	assert_child(as_ourselves);
}

static void identity_of_folder_is_its_owner(void **state)
{
	struct temp t;
	struct passwd *us = getpwuid(geteuid());
	char *name;

	temp_init(&t);
	name = identity_of_folder(t.path);
	assert_non_null(us);
	assert_string_equal(name, us->pw_name);
	free(name);
	if (geteuid() == 0) {
		assert_int_equal(chown(t.path, 123456, 1), 0);
		name = identity_of_folder(t.path);
		assert_string_equal(name, "123456");
		free(name);
	}
	temp_done(&t);
	assert_null(identity_of_folder(t.path));
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_of_nobody_in_particular_changes_nothing),
		cmocka_unit_test(identity_unknown_user_names_the_nearest),
		cmocka_unit_test(identity_unknown_group_is_named),
		cmocka_unit_test(identity_for_root_is_looked_up),
		cmocka_unit_test(identity_of_somebody_else_needs_root),
		cmocka_unit_test(identity_of_folder_is_its_owner),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
