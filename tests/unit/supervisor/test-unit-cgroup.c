/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/unit-cgroup.h"
#include "tests/unit/lib/temp.h"

#define UNIT "slicekeep-my\\x2ddb-0.service"

static void make(const struct temp *temp, const char *name)
{
	assert_int_equal(mkdir(temp_path(temp, name), 0700), 0);
}

static bool is_there(const struct temp *temp, const char *name)
{
	return access(temp_path(temp, name), F_OK) == 0;
}

static void cgroup_of_an_unloaded_unit_goes_with_what_is_in_it(void **state)
{
	struct temp *temp = *state;

	make(temp, "slicekeep-web.slice");
	make(temp, "slicekeep-web.slice/" UNIT);
	make(temp, "slicekeep-web.slice/" UNIT "/payload");
	make(temp, "slicekeep-web.slice/slicekeep-web-0.service");
	make(temp, "other.slice");
	make(temp, "other.slice/" UNIT);
	unit_cgroup_remove_below(temp->path, UNIT);
	assert_false(is_there(temp, "slicekeep-web.slice/" UNIT));
	assert_true(is_there(temp, "slicekeep-web.slice/slicekeep-web-0.service"));
	assert_true(is_there(temp, "other.slice/" UNIT));
	/* systemd has removed it: the usual case. */
	unit_cgroup_remove_below(temp->path, UNIT);
	assert_true(is_there(temp, "slicekeep-web.slice"));
}

static int setup(void **state)
{
	static struct temp temp;

	temp_init(&temp);
	*state = &temp;
	return 0;
}

static int teardown(void **state)
{
	temp_done(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cgroup_of_an_unloaded_unit_goes_with_what_is_in_it,
						setup, teardown),
	};

	return cmocka_run_group_tests_name("unit-cgroup", tests, NULL, NULL);
}
