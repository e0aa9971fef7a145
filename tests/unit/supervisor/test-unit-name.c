/* SPDX-License-Identifier: MIT */

/*
 * Names of units, and back.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/unit-name.h"

static void unit_of_a_plain_name_is_readable(void **fixture unused)
{
	char unit[UNIT_NAME_MAX];

	unit_name_service("shop", 3, unit);
	assert_string_equal(unit, "slicekeep-shop-3.service");
}

static void unit_of_a_name_with_dashes_escapes_them(void **fixture unused)
{
	char unit[UNIT_NAME_MAX];

	unit_name_service("my-shop-2", 0, unit);
	assert_string_equal(unit, "slicekeep-my\\x2dshop\\x2d2-0.service");
}

static void slice_of_a_group_is_one_level_below_ours(void **fixture unused)
{
	char unit[UNIT_NAME_MAX];

	unit_name_slice("web-front", unit);
	assert_string_equal(unit, "slicekeep-web\\x2dfront.slice");
	unit_name_slice(NULL, unit);
	assert_string_equal(unit, "slicekeep.slice");
}

static void unit_of_the_longest_name_is_whole(void **fixture unused)
{
	static const char name[] = "a-----------------------------------------------";
	char unit[UNIT_NAME_MAX], back[UNIT_NAME_MAX];
	unsigned instance = 0;

	assert_int_equal(strlen(name), 48);
	unit_name_service(name, 9999, unit);
	assert_true(unit_name_parse(unit, back, &instance));
	assert_string_equal(back, name);
	assert_int_equal(instance, 9999);
}

static void parse_of_units_of_others_refuses(void **fixture unused)
{
	static const char *const others[] = {
		"ssh.service",
		"slicekeep.service",
		"slicekeep-.service",
		"slicekeep-shop.service",
		"slicekeep-shop-.service",
		"slicekeep--0.service",
		"slicekeep-shop-0.slice",
		"slicekeep-shop-0.service.service",
		"slicekeep-a-b-0.service",
		"slicekeep-Shop-0.service",
		"slicekeep-shop-10000.service",
		"slicekeep-shop--1.service",
	};
	char name[UNIT_NAME_MAX];
	unsigned instance;

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		assert_false(unit_name_parse(others[i], name, &instance));
}

static void path_of_a_unit_is_systemds(void **fixture unused)
{
	char path[UNIT_PATH_MAX];

	unit_name_path("slicekeep-my\\x2dshop-0.service", path);
	assert_string_equal(path, "/org/freedesktop/systemd1/unit/"
				  "slicekeep_2dmy_5cx2dshop_2d0_2eservice");
}

static void path_of_a_unit_leads_back(void **fixture unused)
{
	char path[UNIT_PATH_MAX], unit[UNIT_NAME_MAX];

	unit_name_path("slicekeep-my\\x2dshop-0.service", path);
	assert_true(unit_name_of_path(path, unit));
	assert_string_equal(unit, "slicekeep-my\\x2dshop-0.service");
}

static void path_that_is_none_of_a_unit_is_refused(void **fixture unused)
{
	char path[UNIT_PATH_MAX + UNIT_NAME_MAX] = "/org/freedesktop/systemd1/unit/";
	char unit[UNIT_NAME_MAX];

	assert_false(unit_name_of_path("/org/freedesktop/systemd1/job/7", unit));
	assert_false(unit_name_of_path(path, unit));
	assert_false(unit_name_of_path("/org/freedesktop/systemd1/unit/a_", unit));
	assert_false(unit_name_of_path("/org/freedesktop/systemd1/unit/a_2", unit));
	assert_false(unit_name_of_path("/org/freedesktop/systemd1/unit/a_zz", unit));
	memset(path + strlen(path), 'a', UNIT_NAME_MAX);
	assert_false(unit_name_of_path(path, unit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unit_of_a_plain_name_is_readable),
		cmocka_unit_test(unit_of_a_name_with_dashes_escapes_them),
		cmocka_unit_test(slice_of_a_group_is_one_level_below_ours),
		cmocka_unit_test(unit_of_the_longest_name_is_whole),
		cmocka_unit_test(parse_of_units_of_others_refuses),
		cmocka_unit_test(path_of_a_unit_is_systemds),
		cmocka_unit_test(path_of_a_unit_leads_back),
		cmocka_unit_test(path_that_is_none_of_a_unit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
