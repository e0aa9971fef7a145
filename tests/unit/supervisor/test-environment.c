/* SPDX-License-Identifier: MIT */

/*
 * The environment of a payload: four layers, and an env_file that is read as its user reads it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "config/model.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/text.h"
#include "supervisor/environment.h"
#include "supervisor/identity.h"
#include "tests/unit/lib/temp.h"

static const struct identity as_we_are;
static char *no_env[] = {NULL};

static const char *value_of(char *const *env, const char *key)
{
	const char *found = NULL;

	for (size_t i = 0; env[i]; i++) {
		if (!text_starts(env[i], key) || env[i][strlen(key)] != '=')
			continue;
		assert_null(found); /* a variable stands there once */
		found = env[i] + strlen(key) + 1;
	}
	return found;
}

static struct config_process with_file(const struct temp *t, const char *text)
{
	struct config_process p = {
		.name = (char *)"shop",
		.env = no_env,
		.env_file = (char *)temp_path(t, ".env"),
	};

	if (text)
		assert_int_equal(file_write_quick(p.env_file, text, strlen(text), 0600), 0);
	return p;
}

static void environment_later_layers_win(void **state)
{
	char *inherit[] = {(char *)"A=inherited",
			   (char *)"B=inherited",
			   (char *)"C=inherited",
			   (char *)"HOME=/inherited",
			   (char *)"no equals",
			   (char *)"=odd",
			   NULL};
	char *own[] = {(char *)"C=own", (char *)"D=own", (char *)"USER=own", NULL};
	struct identity id = {
		.set = true,
		.uid = geteuid(),
		.gid = getegid(),
		.name = (char *)"shop",
		.home = (char *)"/home/shop",
		.shell = (char *)"/bin/sh",
	};
	struct config_process p = with_file(*state, "B=file\nC=file\nAA='a b'\n");
	cleanup_strings char **env = NULL;

	p.env = own;
	assert_int_equal(environment_build(inherit, &id, &p, &env, NULL), 0);
	assert_string_equal(value_of(env, "A"), "inherited");
	assert_string_equal(value_of(env, "B"), "file");
	assert_string_equal(value_of(env, "C"), "own");
	assert_string_equal(value_of(env, "D"), "own");
	assert_string_equal(value_of(env, "AA"), "a b");
	assert_string_equal(value_of(env, "HOME"), "/home/shop");
	assert_string_equal(value_of(env, "LOGNAME"), "shop");
	assert_string_equal(value_of(env, "SHELL"), "/bin/sh");
	assert_string_equal(value_of(env, "USER"), "own");
	assert_int_equal(strings_len(env), 9);
}

static void environment_of_our_start_up_is_not_inherited(void **state)
{
	char *inherit[] = {(char *)"NOTIFY_SOCKET=@x", (char *)"LISTEN_PID=1",
			   (char *)"LISTEN_FDS=1",     (char *)"LISTEN_FDNAMES=x",
			   (char *)"WATCHDOG_PID=1",   (char *)"WATCHDOG_USEC=1",
			   (char *)"LISTEN=kept",      NULL};
	struct config_process p = {.name = (char *)"shop"};
	cleanup_strings char **env = NULL;

	assert_int_equal(environment_build(inherit, &as_we_are, &p, &env, NULL), 0);
	assert_int_equal(strings_len(env), 1);
	assert_string_equal(env[0], "LISTEN=kept");
}

static void environment_file_that_cannot_be_read_is_named(void **state)
{
	struct temp *t = *state;
	struct config_process p = with_file(t, NULL);
	struct error err = {0};
	char **env = NULL;

	assert_int_equal(environment_build(NULL, &as_we_are, &p, &env, &err), -ENOENT);
	assert_non_null(strstr(err.text, ".env"));
	assert_int_equal(mkfifo(p.env_file, 0600), 0);
	assert_int_equal(environment_build(NULL, &as_we_are, &p, &env, &err), -EINVAL);
	assert_non_null(strstr(err.text, "regular"));
	assert_int_equal(unlink(p.env_file), 0);
	assert_int_equal(mkdir(p.env_file, 0700), 0);
	assert_int_equal(environment_build(NULL, &as_we_are, &p, &env, &err), -EINVAL);
	assert_null(env);
}

static void environment_file_with_a_mistake_is_not_quoted(void **state)
{
	struct config_process p = with_file(*state, "A=1\nTOPSECRET\n");
	struct error err = {0};
	char **env = NULL;

	assert_int_equal(environment_build(NULL, &as_we_are, &p, &env, &err), -EINVAL);
	assert_non_null(strstr(err.text, ".env"));
	assert_non_null(strstr(err.text, "2"));
	assert_null(strstr(err.text, "TOPSECRET"));
}

static void environment_file_beyond_its_bound_is_refused(void **state)
{
	struct config_process p = with_file(*state, "");
	struct error err = {0};
	char **env = NULL;

	assert_int_equal(truncate(p.env_file, 1024 * 1024 + 1), 0);
	assert_int_equal(environment_build(NULL, &as_we_are, &p, &env, &err), -EFBIG);
	assert_non_null(strstr(err.text, "1048576"));
}

static void environment_with_too_many_variables_is_refused(void **state)
{
	struct config_process p = {.name = (char *)"shop"};
	cleanup_strings char **many = calloc(4098, sizeof(*many));
	struct error err = {0};
	char **env = NULL;

	assert_non_null(many);
	for (int i = 0; i < 4097; i++)
		assert_true(asprintf(&many[i], "V%d=1", i) > 0);
	assert_int_equal(environment_build(many, &as_we_are, &p, &env, &err), -E2BIG);
	assert_non_null(strstr(err.text, "shop"));
}

/* The file is root's, or readable through a group of root's: its user cannot read it, so we do not.
 */
static void environment_file_is_read_with_the_rights_of_its_user(void **state)
{
	struct temp *t = *state;
	struct config_process p = with_file(t, "SECRET=1\n");
	struct identity id = {
		.set = true,
		.uid = 65534,
		.gid = 65534,
		.name = (char *)"nobody",
		.home = (char *)"/",
		.shell = (char *)"/bin/sh",
	};
	gid_t ours[] = {0, 4242};
	gid_t after[8];
	struct error err = {0};
	char **env = NULL;

	if (geteuid() != 0) {
		/* Without root there is nobody else's right to be had: only our own. */
		assert_int_equal(chmod(p.env_file, 0), 0);
		assert_int_equal(environment_build(NULL, &as_we_are, &p, &env, &err), -EACCES);
		return;
	}
	assert_int_equal(setgroups(2, ours), 0);
	assert_int_equal(chmod(t->path, 0755), 0);
	assert_int_equal(chown(p.env_file, 0, 4242), 0);
	assert_int_equal(chmod(p.env_file, 0640), 0);
	assert_int_equal(environment_build(NULL, &id, &p, &env, &err), -EACCES);
	assert_non_null(strstr(err.text, "as user nobody"));
	assert_null(env);

	assert_int_equal(chmod(p.env_file, 0644), 0);
	assert_int_equal(environment_build(NULL, &id, &p, &env, &err), 0);
	assert_string_equal(value_of(env, "SECRET"), "1");
	strings_free(env);

	/* And we are ourselves again. */
	assert_int_equal(getgroups(8, after), 2);
	assert_int_equal(after[1], 4242);
	assert_int_equal(setfsuid((uid_t)-1), 0);
	assert_int_equal(setfsgid((gid_t)-1), getegid());
}

static int setup(void **state)
{
	static struct temp t;

	temp_init(&t);
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	temp_done(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(environment_later_layers_win),
		TEST(environment_of_our_start_up_is_not_inherited),
		TEST(environment_file_that_cannot_be_read_is_named),
		TEST(environment_file_with_a_mistake_is_not_quoted),
		TEST(environment_file_beyond_its_bound_is_refused),
		TEST(environment_with_too_many_variables_is_refused),
		TEST(environment_file_is_read_with_the_rights_of_its_user),
	};

	return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
