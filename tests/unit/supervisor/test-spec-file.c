/* SPDX-License-Identifier: MIT */

/*
 * The spec: what a keeper reads is exactly what the config says, and nobody else reads it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "config/model.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/text.h"
#include "lib/units.h"
#include "supervisor/identity.h"
#include "supervisor/keeper/spec-format.h"
#include "supervisor/spec-file.h"
#include "tests/unit/lib/temp.h"

static char *argv[] = {(char *)"node", (char *)"server.js", (char *)"a b\n", (char *)"", NULL};
static char *env[] = {(char *)"PATH=/bin", (char *)"SECRET=\377\n", NULL};
static const struct identity nobody_set;

static struct config_process minimal(void)
{
	return (struct config_process){
		.name = (char *)"shop",
		.argv = argv,
		.cwd = (char *)"/srv/shop",
		.stop_signal = SIGTERM,
		.stop_timeout_usec = 10 * USEC_PER_SEC,
		.limits = {.open_files = LIMIT_UNSET},
	};
}

/* How many records are @record; the file must begin with the magic and end with a NUL byte. */
static size_t count(const struct temp *t, const char *record)
{
	cleanup_free char *data = NULL;
	size_t found = 0;
	size_t len = 0;

	assert_int_equal(file_read(temp_path(t, "spec"), SPEC_BYTES_MAX, &data, &len), 0);
	assert_string_equal(data, SPEC_MAGIC);
	assert_true(len > 0 && data[len - 1] == '\0');
	for (const char *at = data; at < data + len; at += strlen(at) + 1)
		found += strcmp(at, record) == 0;
	return found;
}

static bool has_key(const struct temp *t, const char *key)
{
	cleanup_free char *data = NULL;
	size_t len = 0;

	assert_int_equal(file_read(temp_path(t, "spec"), SPEC_BYTES_MAX, &data, &len), 0);
	for (const char *at = data; at < data + len; at += strlen(at) + 1) {
		if (text_starts(at, key) && at[strlen(key)] == '=')
			return true;
	}
	return false;
}

static void spec_file_holds_every_setting(void **state)
{
	struct temp *t = *state;
	gid_t groups[] = {27, 44};
	struct identity id = {
		.set = true, .uid = 1000, .gid = 1001, .groups = groups, .n_groups = 2};
	struct config_process p = minimal();
	struct spec_file s = {
		.instance = 3,
		.revision = 17,
		.last_life = 5,
		.env = env,
		.id = &id,
		.intake = "/run/log.intake",
		.cgroup = "/sys/fs/cgroup/x",
		.watchdog_usec = 5000000,
	};
	static const char *const expected[] = {
		"name=shop",
		"instance=3",
		"revision=17",
		"last_life=5",
		"argv=node",
		"argv=server.js",
		"argv=a b\n",
		"argv=",
		"env=PATH=/bin",
		"env=SECRET=\377\n",
		"cwd=/srv/shop",
		"uid=1000",
		"gid=1001",
		"group=27",
		"group=44",
		"confine=1",
		"type=oneshot",
		"restart=on-failure",
		"delay_usec=100000",
		"max_delay_usec=30000000",
		"max_restarts=5",
		"stop_signal=2",
		"stop_usec=60000000",
		"ready=notify",
		"watchdog_usec=5000000",
		"open_files=4096",
		"oom_score=-500",
		"intake=/run/log.intake",
		"log_policy=drop",
		"merge_streams=1",
		"cgroup=/sys/fs/cgroup/x",
	};

	p.sandbox = CONFIG_SANDBOX_DEFAULT;
	p.type = CONFIG_TYPE_ONESHOT;
	p.restart_when = CONFIG_RESTART_ON_FAILURE;
	p.restart_delay_usec = 100 * USEC_PER_MSEC;
	p.restart_max_delay_usec = 30 * USEC_PER_SEC;
	p.restart_max = 5;
	p.stop_signal = SIGINT;
	p.stop_timeout_usec = USEC_PER_MINUTE;
	p.ready.kind = CONFIG_PROBE_NOTIFY;
	p.limits.open_files = 4096;
	p.limits.has_oom_score = true;
	p.limits.oom_score = -500;
	p.log.policy = CONFIG_LOG_DROP;
	p.merge_streams = true;
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++)
		assert_int_equal(count(t, expected[i]), 1);
}

static void spec_file_leaves_out_what_is_not_set(void **state)
{
	static const char *const absent[] = {
		"uid",           "gid",        "group",     "max_restarts", "ready",
		"watchdog_usec", "open_files", "oom_score", "intake",       "log_policy",
		"merge_streams", "cgroup",     "sweep",
	};
	struct temp *t = *state;
	struct config_process p = minimal();
	struct spec_file s = {.env = env, .id = &nobody_set};

	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, NULL), 0);
	assert_int_equal(count(t, "type=service"), 1);
	assert_int_equal(count(t, "restart=always"), 1);
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		assert_false(has_key(t, absent[i]));
}

static void spec_file_is_for_its_owner_only(void **state)
{
	struct temp *t = *state;
	struct config_process p = minimal();
	struct spec_file s = {.env = env, .id = &nobody_set};
	mode_t old = umask(0);
	struct stat st;

	assert_int_equal(file_write_quick(temp_path(t, "spec"), "old", 3, 0644), 0);
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, NULL), 0);
	umask(old);
	assert_int_equal(stat(temp_path(t, "spec"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(folder_count(t->path), 1);
}

static void spec_file_unlimited_is_what_the_keeper_can_take(void **state)
{
	struct temp *t = *state;
	struct config_process p = minimal();
	struct spec_file s = {.env = env, .id = &nobody_set};
	struct rlimit ours;
	char record[64];

	p.limits.open_files = SIZE_INFINITY;
	p.stop_timeout_usec = USEC_INFINITY;
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &ours), 0);
	snprintf(record, sizeof(record), "open_files=%llu", (unsigned long long)ours.rlim_max);
	assert_int_equal(count(t, record), 1);
	assert_int_equal(count(t, "stop_usec=31622400000000"), 1);
}

static void spec_file_beyond_the_bounds_is_refused(void **state)
{
	struct temp *t = *state;
	struct config_process p = minimal();
	cleanup_free char *large = malloc(SPEC_BYTES_MAX + 1);
	char *large_argv[] = {(char *)"node", large, NULL};
	char **many = calloc(SPEC_ENV_MAX + 2, sizeof(*many));
	struct identity crowd = {.set = true, .n_groups = SPEC_GROUPS_MAX + 1};
	struct spec_file s = {.env = env, .id = &nobody_set};
	struct error err = {0};

	assert_non_null(large);
	assert_non_null(many);
	memset(large, 'x', SPEC_BYTES_MAX);
	large[SPEC_BYTES_MAX] = '\0';
	p.argv = large_argv;
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, &err), -E2BIG);
	assert_non_null(strstr(err.text, "shop"));

	for (size_t i = 0; i <= SPEC_ENV_MAX; i++)
		many[i] = env[0];
	p = minimal();
	s.env = many;
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, &err), -E2BIG);
	p.argv = many;
	s.env = env;
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, &err), -E2BIG);
	p = minimal();
	s.id = &crowd;
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, &err), -E2BIG);
	p.argv = many + SPEC_ENV_MAX + 1;
	s.id = &nobody_set;
	assert_int_equal(spec_file_write(temp_path(t, "spec"), &p, &s, &err), -EINVAL);
	assert_int_equal(folder_count(t->path), 0);
	free(many);
}

static void spec_file_in_an_unwritable_place_names_it(void **state)
{
	struct config_process p = minimal();
	struct spec_file s = {.env = env, .id = &nobody_set};
	struct error err = {0};

	assert_int_equal(spec_file_write(temp_path(*state, "none/spec"), &p, &s, &err), -ENOENT);
	assert_non_null(strstr(err.text, "none/spec"));
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
		TEST(spec_file_holds_every_setting),
		TEST(spec_file_leaves_out_what_is_not_set),
		TEST(spec_file_is_for_its_owner_only),
		TEST(spec_file_unlimited_is_what_the_keeper_can_take),
		TEST(spec_file_beyond_the_bounds_is_refused),
		TEST(spec_file_in_an_unwritable_place_names_it),
	};

	return cmocka_run_group_tests_name("spec-file", tests, NULL, NULL);
}
