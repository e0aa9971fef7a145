/* SPDX-License-Identifier: MIT */

/*
 * What a group promises is at least what its members are promised.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/units.h"
#include "config/load.h"
#include "config/model.h"
#include "supervisor/group-limits.h"

#define MIB (UINT64_C(1) << 20)

static struct config *config_of(const char *text)
{
	struct config_rules rules = {0};
	struct config *c = NULL;
	struct error err = {0};
	char json[2048];
	size_t n = 0;

	for (; text[n]; n++)
		json[n] = text[n] == '\'' ? '"' : text[n];
	if (config_parse(json, n, "/c/config.json", &rules, &c, &err) < 0)
		fail_msg("%s", err.text);
	return c;
}

static void assert_promises(const struct config *c, const char *group, uint64_t min, uint64_t low)
{
	struct config_limits l;

	group_limits(c, group, &l);
	assert_true(l.memory_min == min);
	assert_true(l.memory_low == low);
}

static void group_without_limits_has_none(void **state unused)
{
	struct config *c = config_of("{'processes': {'a': {'command': 'p'}}}");

	assert_promises(c, "default", LIMIT_UNSET, LIMIT_UNSET);
	assert_promises(c, NULL, LIMIT_UNSET, LIMIT_UNSET);
	assert_false(group_has_limits(c, "default"));
	assert_false(group_has_limits(c, NULL));
	config_unref(c);
}

static void group_of_members_promises_their_sum(void **state unused)
{
	struct config *c =
		config_of("{'slices': {'web': {}}, 'processes': {"
			  " 'a': {'command': 'p', 'slice': 'web', 'limits': {'memory_low': '64M'}},"
			  " 'b': {'command': 'p', 'slice': 'web', 'limits': {'memory_low': '32M',"
			  "       'memory_min': '8M'}},"
			  " 'c': {'command': 'p', 'limits': {'memory_low': '1M'}}}}");

	assert_promises(c, "web", 8 * MIB, 96 * MIB);
	assert_promises(c, "default", LIMIT_UNSET, MIB);
	assert_promises(c, NULL, 8 * MIB, 97 * MIB);
	assert_true(group_has_limits(c, NULL));
	config_unref(c);
}

static void group_with_a_greater_promise_of_its_own_keeps_it(void **state unused)
{
	struct config *c = config_of(
		"{'slices': {'web': {'memory_low': '1G', 'memory_max': '2G'}, 'x': {'memory_low': "
		"0}},"
		" 'processes': {"
		" 'a': {'command': 'p', 'slice': 'web', 'limits': {'memory_low': '64M'}},"
		" 'b': {'command': 'p', 'slice': 'x', 'limits': {'memory_low': '64M'}}}}");
	struct config_limits l;

	assert_promises(c, "web", LIMIT_UNSET, 1024 * MIB);
	assert_promises(c, "x", LIMIT_UNSET, 64 * MIB);
	assert_promises(c, NULL, LIMIT_UNSET, 1088 * MIB);
	group_limits(c, "web", &l);
	assert_true(l.memory_max == 2048 * MIB);
	group_limits(c, NULL, &l);
	assert_true(l.memory_max == LIMIT_UNSET);
	config_unref(c);
}

static void group_with_a_boundless_member_promises_all(void **state unused)
{
	struct config *c = config_of("{'processes': {"
				     " 'a': {'command': 'p', 'limits': {'memory_min': 'max'}},"
				     " 'b': {'command': 'p', 'limits': {'memory_min': '1M'}}}}");

	assert_promises(c, "default", SIZE_INFINITY, LIMIT_UNSET);
	config_unref(c);
}

static void group_of_several_instances_counts_each(void **state unused)
{
	struct config *c = config_of("{'processes': {'a': {'command': 'p', 'instances': 3,"
				     " 'limits': {'memory_low': '10M'}}}}");

	assert_promises(c, "default", LIMIT_UNSET, 30 * MIB);
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(group_without_limits_has_none),
		cmocka_unit_test(group_of_members_promises_their_sum),
		cmocka_unit_test(group_with_a_greater_promise_of_its_own_keeps_it),
		cmocka_unit_test(group_with_a_boundless_member_promises_all),
		cmocka_unit_test(group_of_several_instances_counts_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
