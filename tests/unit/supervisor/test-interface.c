/* SPDX-License-Identifier: MIT */

/*
 * The interface file and the table of methods tell the same.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/varlink/idl.h"
#include "lib/varlink/server.h"
#include "supervisor/api.h"

static void interface_file_and_table_name_the_same_methods(void **fixture unused)
{
	struct error err = {0};
	int code = idl_check(&api_interface, &err);

	if (code < 0)
		fail_msg("%s", err.text);
}

static void interface_without_a_method_of_the_file_is_noticed(void **fixture unused)
{
	struct varlink_interface less = api_interface;
	struct error err = {0};

	less.n_methods--;
	assert_int_equal(idl_check(&less, &err), -EINVAL);
}

static void interface_changes_nothing_without_the_right_to(void **fixture unused)
{
	static const char *const looking[] = {"Status",  "List", "Exits",  "Events",    "Numbers",
					      "History", "Plan", "Config", "Revisions", "Limits"};

	for (size_t i = 0; i < api_interface.n_methods; i++) {
		const struct varlink_method *m = &api_interface.methods[i];
		bool looks = false;

		for (size_t k = 0; k < ARRAY_LEN(looking); k++)
			looks |= !strcmp(m->name, looking[k]);
		assert_int_equal(looks, m->role == VARLINK_ROLE_READ);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interface_file_and_table_name_the_same_methods),
		cmocka_unit_test(interface_without_a_method_of_the_file_is_noticed),
		cmocka_unit_test(interface_changes_nothing_without_the_right_to),
	};

	return cmocka_run_group_tests_name("interface", tests, NULL, NULL);
}
