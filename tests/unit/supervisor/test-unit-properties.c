/* SPDX-License-Identifier: MIT */

/*
 * From limits and launches to properties of units, and what slices get by themselves.
 */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/units.h"
#include "config/limits.h"
#include "supervisor/sandbox.h"
#include "supervisor/slice-defaults.h"
#include "supervisor/unit-properties.h"
#include "supervisor/unit-sandbox.h"

#define MEBIBYTE ((uint64_t)1024 * 1024)

static uint64_t number(const struct unit_properties *p, const char *name)
{
	const struct unit_property *item = unit_properties_find(p, name);

	assert_non_null(item);
	assert_int_equal(item->type, UNIT_NUMBER);
	return item->number;
}

static const char *text(const struct unit_properties *p, const char *name)
{
	const struct unit_property *item = unit_properties_find(p, name);

	assert_non_null(item);
	assert_int_equal(item->type, UNIT_TEXT);
	return item->text;
}

static struct unit_properties p;

static void add_limits(const struct config_limits *l)
{
	p.n = 0;
	unit_properties_add_limits(&p, l);
}

static void limits_unset_are_all_lifted(void **fixture unused)
{
	struct config_limits l;

	config_limits_unset(&l);
	add_limits(&l);
	assert_true(number(&p, "MemoryMin") == 0);
	assert_true(number(&p, "MemoryLow") == 0);
	assert_true(number(&p, "MemoryHigh") == UINT64_MAX);
	assert_true(number(&p, "MemoryMax") == UINT64_MAX);
	assert_true(number(&p, "MemorySwapMax") == UINT64_MAX);
	assert_true(number(&p, "CPUWeight") == UINT64_MAX);
	assert_true(number(&p, "CPUQuotaPerSecUSec") == UINT64_MAX);
	assert_true(number(&p, "IOWeight") == UINT64_MAX);
	assert_true(number(&p, "TasksMax") == UINT64_MAX);
	assert_int_equal(unit_properties_find(&p, "AllowedCPUs")->number, 0);
	assert_null(unit_properties_find(&p, "IOReadBandwidthMax")->text);
	assert_null(unit_properties_find(&p, "IOWriteBandwidthMax")->text);
}

static void limits_set_are_systemds(void **fixture unused)
{
	struct config_limits l;

	config_limits_unset(&l);
	l.memory_max = 256 * MEBIBYTE;
	l.swap_max = 0;
	l.cpu_quota_percent = 150;
	l.tasks_max = 128;
	l.io_write_max = 10 * MEBIBYTE;
	l.io_path = (char *)"/srv/shop";
	add_limits(&l);
	assert_true(number(&p, "MemoryMax") == 256 * MEBIBYTE);
	assert_true(number(&p, "MemorySwapMax") == 0);
	assert_true(number(&p, "CPUQuotaPerSecUSec") == 1500000);
	assert_true(number(&p, "TasksMax") == 128);
	assert_null(unit_properties_find(&p, "IOReadBandwidthMax")->text);
	assert_string_equal(unit_properties_find(&p, "IOWriteBandwidthMax")->text, "/srv/shop");
	assert_true(unit_properties_find(&p, "IOWriteBandwidthMax")->number == 10 * MEBIBYTE);
}

static void limits_of_a_disk_without_a_path_are_left_out(void **fixture unused)
{
	struct config_limits l;

	config_limits_unset(&l);
	l.io_read_max = MEBIBYTE;
	add_limits(&l);
	assert_null(unit_properties_find(&p, "IOReadBandwidthMax")->text);
}

static void limits_of_cpus_are_a_mask(void **fixture unused)
{
	const struct unit_property *cpus;
	struct config_limits l;

	config_limits_unset(&l);
	l.cpus = (char *)"0-2,9,8191";
	add_limits(&l);
	cpus = unit_properties_find(&p, "AllowedCPUs");
	assert_int_equal(cpus->number, 1024);
	assert_int_equal(cpus->bytes[0], 0x07);
	assert_int_equal(cpus->bytes[1], 0x02);
	assert_int_equal(cpus->bytes[1023], 0x80);
	l.cpus = (char *)"3";
	add_limits(&l);
	cpus = unit_properties_find(&p, "AllowedCPUs");
	assert_int_equal(cpus->number, 1);
	assert_int_equal(cpus->bytes[0], 0x08);
}

static void keeper_is_kept_alive_and_its_payload_too(void **fixture unused)
{
	static const char *const argv[] = {"/bin/keeper", "--unit", NULL};
	static const char *const before[] = {"slicekeep-supervisor-0.service", NULL};
	struct unit_keeper k = {
		.description = "shop",
		.slice = "slicekeep-web.slice",
		.argv = argv,
		.stop = argv,
		.before = before,
		.oom_score = -1000,
		.stop_usec = 30 * USEC_PER_SEC,
	};

	p.n = 0;
	unit_properties_add_keeper(&p, &k);
	assert_string_equal(text(&p, "Slice"), "slicekeep-web.slice");
	assert_string_equal(text(&p, "Restart"), "always");
	assert_string_equal(text(&p, "KillMode"), "process");
	assert_string_equal(text(&p, "OOMPolicy"), "continue");
	assert_string_equal(text(&p, "Type"), "notify");
	assert_true(number(&p, "RestartUSec") == 0);
	assert_true(number(&p, "TimeoutStopUSec") == 30 * USEC_PER_SEC);
	assert_int_equal((int)unit_properties_find(&p, "OOMScoreAdjust")->number, -1000);
	assert_ptr_equal(unit_properties_find(&p, "Before")->argv, before);
	assert_ptr_equal(unit_properties_find(&p, "ExecStart")->argv, argv);
	assert_ptr_equal(unit_properties_find(&p, "ExecStop")->argv, argv);
	assert_null(unit_properties_find(&p, "ExecStopPost"));
	/* Either would keep a name from being used again, or give the cgroup away. */
	assert_null(unit_properties_find(&p, "After"));
	assert_null(unit_properties_find(&p, "User"));
}

static void keeper_of_the_supervisor_leaves_nothing(void **fixture unused)
{
	static const char *const argv[] = {"/bin/keeper", NULL};
	struct unit_keeper k = {.argv = argv, .oom_score = INT_MIN, .outermost = true};

	p.n = 0;
	unit_properties_add_keeper(&p, &k);
	assert_string_equal(text(&p, "KillMode"), "mixed");
	assert_string_equal(text(&p, "Type"), "exec");
	assert_null(unit_properties_find(&p, "Delegate"));
	assert_null(unit_properties_find(&p, "OOMScoreAdjust"));
	assert_null(unit_properties_find(&p, "Before"));
}

static void slice_of_all_groups_leaves_the_system_a_tenth(void **fixture unused)
{
	struct config_limits l;

	config_limits_unset(&l);
	slice_defaults_add(NULL, 10240 * MEBIBYTE, &l);
	assert_true(l.memory_max == 9216 * MEBIBYTE);
	config_limits_unset(&l);
	slice_defaults_add(NULL, 1024 * MEBIBYTE, &l);
	assert_true(l.memory_max == 768 * MEBIBYTE);
	config_limits_unset(&l);
	slice_defaults_add(NULL, 400 * MEBIBYTE, &l);
	assert_true(l.memory_max == 200 * MEBIBYTE);
}

static void slice_of_all_groups_promises_what_ours_needs(void **fixture unused)
{
	struct config_limits all, ours;

	config_limits_unset(&all);
	config_limits_unset(&ours);
	all.memory_min = 100 * MEBIBYTE;
	slice_defaults_add(NULL, 10240 * MEBIBYTE, &all);
	slice_defaults_add(SLICE_SYSTEM, 10240 * MEBIBYTE, &ours);
	assert_true(ours.memory_min > 0 && ours.memory_min != LIMIT_UNSET);
	assert_true(all.memory_min == 100 * MEBIBYTE + ours.memory_min);
	assert_true(ours.memory_max == LIMIT_UNSET);
}

static void slice_of_a_group_gets_nothing_by_itself(void **fixture unused)
{
	struct config_limits l, none;

	config_limits_unset(&l);
	config_limits_unset(&none);
	slice_defaults_add("web", 1024 * MEBIBYTE, &l);
	assert_true(config_limits_equal(&l, &none));
}

static struct config_process boxed(const char *const *argv)
{
	return (struct config_process){
		.sandbox = CONFIG_SANDBOX_DEFAULT,
		.cwd = (char *)"/srv/web",
		.argv = (char **)argv,
	};
}

static void add_sandbox(const struct config_process *process, const char *home, const char *run)
{
	struct sandbox sandbox = sandbox_of(process, home, run);
	struct unit_sandbox unit = {.sandbox = &sandbox, .keeper = "/usr/libexec/keeper"};

	p.n = 0;
	p.n_words = 0;
	unit_properties_add_sandbox(&p, &unit);
}

/* The words of all properties of that name, "A B|C", or "-". */
static const char *words_of(const char *name)
{
	static char all[512];

	snprintf(all, sizeof(all), "-");
	for (size_t i = 0; i < p.n; i++) {
		if (strcmp(p.items[i].name, name) != 0)
			continue;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "|");
		for (const char *const *word = p.items[i].argv; *word; word++)
			snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s", *word);
	}
	return all[1] ? all + 3 : all;
}

static const char *const plain[] = {"node", NULL};

static void sandbox_off_is_nothing(void **fixture unused)
{
	struct config_process process = boxed(plain);

	process.sandbox = CONFIG_SANDBOX_OFF;
	add_sandbox(&process, "/srv/web", "/run/slicekeep");
	assert_int_equal(p.n, 0);
}

static void sandbox_has_its_walls_and_the_keepers_folder_stays_writable(void **fixture unused)
{
	struct config_process process = boxed(plain);

	add_sandbox(&process, "/srv/web", "/run/slicekeep");
	assert_string_equal(text(&p, "ProtectSystem"), "strict");
	assert_string_equal(text(&p, "ProtectHome"), "yes");
	assert_true(unit_properties_find(&p, "NoNewPrivileges")->number);
	assert_true(unit_properties_find(&p, "PrivateDevices")->number);
	assert_string_equal(words_of("ReadWritePaths"), "/run/slicekeep");
	assert_string_equal(words_of("BindPaths"), "-");
	assert_string_equal(words_of("BindReadOnlyPaths"), "-");
	assert_string_equal(words_of("RestrictAddressFamilies"),
			    "AF_UNIX AF_INET AF_INET6 AF_NETLINK");
	assert_string_equal(words_of("TemporaryFileSystem"),
			    "/tmp:mode=1777,nosuid,nodev,size=50% "
			    "/var/tmp:mode=1777,nosuid,nodev,size=50%");
}

static void sandbox_has_nothing_that_breaks_the_keeper(void **fixture unused)
{
	static const char *const breaking[] = {
		"PrivateTmp",
		"ProtectControlGroups",
		"PrivateUsers",
		"RestrictNamespaces",
		"CapabilityBoundingSet",
		"SystemCallFilter",
		"PrivateNetwork",
		"User",
		"DynamicUser",
	};
	struct config_process process = boxed(plain);

	add_sandbox(&process, "/srv/web", "/run/slicekeep");
	for (size_t i = 0; i < ARRAY_LEN(breaking); i++)
		assert_null(unit_properties_find(&p, breaking[i]));
}

static void sandbox_of_a_service_at_home_lets_homes_be_read(void **fixture unused)
{
	struct config_process process = boxed(plain);

	add_sandbox(&process, "/home/ann", "/run/slicekeep");
	assert_string_equal(text(&p, "ProtectHome"), "read-only");
	process.cwd = (char *)"/root";
	add_sandbox(&process, NULL, "/run/slicekeep");
	assert_string_equal(text(&p, "ProtectHome"), "read-only");
	process.cwd = (char *)"/homework";
	add_sandbox(&process, NULL, "/run/slicekeep");
	assert_string_equal(text(&p, "ProtectHome"), "yes");
}

static void sandbox_binds_what_a_private_folder_would_hide(void **fixture unused)
{
	static const char *const program[] = {"/var/tmp/build/app", NULL};
	char *writable[] = {(char *)"/tmp/shared", (char *)"/srv/data", NULL};
	struct config_process process = boxed(program);

	process.cwd = (char *)"/tmp";
	process.writable = writable;
	add_sandbox(&process, NULL, "/tmp/home/run");
	assert_string_equal(words_of("BindPaths"), "/tmp/home/run /tmp/shared");
	assert_string_equal(words_of("ReadWritePaths"), "/srv/data");
	assert_string_equal(words_of("BindReadOnlyPaths"), "/var/tmp/build/app");
	process.cwd = (char *)"/tmp/shared";
	add_sandbox(&process, NULL, "/tmp/home/run");
	assert_string_equal(words_of("BindPaths"), "/tmp/home/run /tmp/shared");
	assert_string_equal(words_of("BindReadOnlyPaths"), "/var/tmp/build/app");
}

static void sandbox_whose_tmp_is_writable_has_the_machines(void **fixture unused)
{
	char *writable[] = {(char *)"/tmp", NULL};
	struct config_process process = boxed(plain);

	process.writable = writable;
	process.cwd = (char *)"/tmp/app";
	add_sandbox(&process, NULL, "/run/slicekeep");
	assert_string_equal(words_of("TemporaryFileSystem"),
			    "/var/tmp:mode=1777,nosuid,nodev,size=50%");
	assert_string_equal(words_of("ReadWritePaths"), "/run/slicekeep /tmp");
	assert_string_equal(words_of("BindReadOnlyPaths"), "-");
}

static void sandbox_of_a_users_manager_only_filters(void **fixture unused)
{
	struct config_process process = boxed(plain);
	struct sandbox sandbox = sandbox_of(&process, "/home/ann", "/run/user/1000/slicekeep");
	struct unit_sandbox unit = {.sandbox = &sandbox, .keeper = "/k", .is_user = true};

	p.n = 0;
	p.n_words = 0;
	unit_properties_add_sandbox(&p, &unit);
	assert_true(unit_properties_find(&p, "NoNewPrivileges")->number);
	assert_null(unit_properties_find(&p, "ProtectSystem"));
	assert_null(unit_properties_find(&p, "TemporaryFileSystem"));
	assert_null(unit_properties_find(&p, "PrivateDevices"));
}

static void credentials_are_loaded_also_without_a_sandbox(void **fixture unused)
{
	char *credentials[] = {(char *)"pg:/etc/pg", NULL};
	struct config_process process = boxed(plain);

	process.sandbox = CONFIG_SANDBOX_OFF;
	process.credentials = credentials;
	add_sandbox(&process, NULL, "/run/slicekeep");
	assert_int_equal(p.n, 1);
	assert_string_equal(words_of("LoadCredential"), "pg:/etc/pg");
}

static void sandbox_of_the_most_paths_fits(void **fixture unused)
{
	char *writable[CONFIG_WRITABLE_MAX + 1] = {NULL};
	struct config_process process = boxed(plain);

	for (size_t i = 0; i < CONFIG_WRITABLE_MAX; i++)
		writable[i] = (char *)(i % 2 ? "/tmp/x" : "/srv/x");
	process.writable = writable;
	process.script = (char *)"/tmp/app/main.js";
	add_sandbox(&process, "/tmp/home", "/tmp/run");
	assert_true(p.n_words <= UNIT_WORDS_MAX);
	assert_non_null(strstr(words_of("BindReadOnlyPaths"), "/tmp/home"));
}

static void properties_fit_all_together(void **fixture unused)
{
	static const char *const argv[] = {"/bin/keeper", NULL};
	struct unit_keeper k = {
		.argv = argv,
		.stop = argv,
		.stop_post = argv,
		.before = argv,
		.env = argv,
	};
	struct config_process process = boxed(plain);
	struct config_limits l;

	config_limits_unset(&l);
	add_sandbox(&process, NULL, "/run/slicekeep");
	unit_properties_add_keeper(&p, &k);
	unit_properties_add_limits(&p, &l);
	assert_true(p.n <= UNIT_PROPERTIES_MAX);
	for (size_t i = 0; i < p.n; i++)
		assert_ptr_equal(unit_properties_find(&p, p.items[i].name), &p.items[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_unset_are_all_lifted),
		cmocka_unit_test(limits_set_are_systemds),
		cmocka_unit_test(limits_of_a_disk_without_a_path_are_left_out),
		cmocka_unit_test(limits_of_cpus_are_a_mask),
		cmocka_unit_test(keeper_is_kept_alive_and_its_payload_too),
		cmocka_unit_test(keeper_of_the_supervisor_leaves_nothing),
		cmocka_unit_test(properties_fit_all_together),
		cmocka_unit_test(slice_of_all_groups_leaves_the_system_a_tenth),
		cmocka_unit_test(slice_of_all_groups_promises_what_ours_needs),
		cmocka_unit_test(slice_of_a_group_gets_nothing_by_itself),
		cmocka_unit_test(sandbox_off_is_nothing),
		cmocka_unit_test(sandbox_has_its_walls_and_the_keepers_folder_stays_writable),
		cmocka_unit_test(sandbox_has_nothing_that_breaks_the_keeper),
		cmocka_unit_test(sandbox_of_a_service_at_home_lets_homes_be_read),
		cmocka_unit_test(sandbox_binds_what_a_private_folder_would_hide),
		cmocka_unit_test(sandbox_whose_tmp_is_writable_has_the_machines),
		cmocka_unit_test(sandbox_of_a_users_manager_only_filters),
		cmocka_unit_test(credentials_are_loaded_also_without_a_sandbox),
		cmocka_unit_test(sandbox_of_the_most_paths_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
