/* SPDX-License-Identifier: MIT */
#include "cli/findings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"

static const struct style plain;

static void findings_are_listed_with_their_verdict(void **state)
{
	cleanup(findings_done) struct findings f = {0};
	cleanup_text struct text out = {0};

	finding_add(&f, "disk", VERDICT_OK, "%d free", 5);
	finding_add(&f, "config", VERDICT_WRONG, "line\nbreak");
	finding_add(&f, "pid 1", VERDICT_NOTE, "init");
	findings_print(&f, &plain, &out);
	assert_string_equal(out.data, "ok     disk        5 free\n"
				      "wrong  config      line\\x0abreak\n"
				      "note   pid 1       init\n");
	assert_int_equal(findings_wrong(&f), 1);
	assert_false(f.failed);
}

static void findings_that_are_none_print_nothing(void **state)
{
	cleanup(findings_done) struct findings f = {0};
	cleanup_text struct text out = {0};

	findings_print(&f, &plain, &out);
	assert_int_equal(out.len, 0);
	assert_int_equal(findings_wrong(&f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(findings_are_listed_with_their_verdict),
		cmocka_unit_test(findings_that_are_none_print_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
