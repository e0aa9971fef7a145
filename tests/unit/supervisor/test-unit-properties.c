/* SPDX-License-Identifier: MIT */

/*
 * From limits and launches to properties of units, and what slices get by themselves.
 */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/units.h"
#include "config/limits.h"
#include "supervisor/slice-defaults.h"
#include "supervisor/unit-properties.h"

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
	struct config_limits l;

	config_limits_unset(&l);
	p.n = 0;
	unit_properties_add_keeper(&p, &k);
	unit_properties_add_limits(&p, &l);
	assert_true(p.n <= UNIT_PROPERTIES_MAX);
	for (size_t i = 0; i < p.n; i++)
		assert_ptr_equal(unit_properties_find(&p, p.items[i].name), &p.items[i]);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
