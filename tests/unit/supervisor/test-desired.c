/* SPDX-License-Identifier: MIT */

/*
 * The operator's will: what is on disk is what counts.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/file.h"
#include "supervisor/desired.h"
#include "tests/unit/lib/temp.h"

static void write_file(const struct temp *t, const char *text)
{
	assert_int_equal(file_write_quick(temp_path(t, "desired.json"), text, strlen(text), 0600),
			 0);
}

static void desired_never_touched_is_default(void **state)
{
	struct temp *t = *state;
	struct desired *d = NULL;

	assert_int_equal(desired_open(t->path, &d, NULL), 0);
	assert_int_equal(desired_get(d, "shop"), DESIRED_DEFAULT);
	desired_close(d);
	assert_int_equal(folder_count(t->path), 0);
}

static void desired_set_survives_a_restart(void **state)
{
	struct temp *t = *state;
	struct desired *d = NULL;
	struct stat st;

	assert_int_equal(desired_open(t->path, &d, NULL), 0);
	assert_int_equal(desired_set(d, "shop", DESIRED_STOP, NULL), 0);
	assert_int_equal(desired_set(d, "worker", DESIRED_RUN, NULL), 0);
	assert_int_equal(desired_set(d, "db", DESIRED_STOP, NULL), 0);
	assert_int_equal(desired_set(d, "db", DESIRED_DEFAULT, NULL), 0);
	desired_close(d);

	assert_int_equal(desired_open(t->path, &d, NULL), 0);
	assert_int_equal(desired_get(d, "shop"), DESIRED_STOP);
	assert_int_equal(desired_get(d, "worker"), DESIRED_RUN);
	assert_int_equal(desired_get(d, "db"), DESIRED_DEFAULT);
	desired_close(d);
	assert_int_equal(stat(temp_path(t, "desired.json"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void desired_set_again_does_not_write(void **state)
{
	struct temp *t = *state;
	struct desired *d = NULL;

	assert_int_equal(desired_open(t->path, &d, NULL), 0);
	assert_int_equal(desired_set(d, "shop", DESIRED_STOP, NULL), 0);
	assert_int_equal(unlink(temp_path(t, "desired.json")), 0);
	assert_int_equal(desired_set(d, "shop", DESIRED_STOP, NULL), 0);
	assert_int_equal(folder_count(t->path), 0);
	desired_close(d);
}

static void desired_of_many_is_one_will(void **state)
{
	static const char *const names[] = {"shop", "worker", "db"};
	struct temp *t = *state;
	struct error err = {0};
	struct desired *d = NULL;

	assert_int_equal(desired_open(t->path, &d, NULL), 0);
	assert_int_equal(desired_set(d, "worker", DESIRED_RUN, NULL), 0);
	assert_int_equal(desired_set_all(d, names, ARRAY_LEN(names), DESIRED_STOP, &err), 0);
	assert_int_equal(unlink(temp_path(t, "desired.json")), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(desired_set(d, names[i], DESIRED_STOP, &err), 0);
	assert_int_equal(folder_count(t->path), 0); /* all of it was written at once */
	assert_int_equal(desired_set_all(d, names, 0, DESIRED_RUN, &err), 0);
	desired_close(d);
}

static void desired_that_cannot_be_written_stays_as_it_was(void **state)
{
	struct temp *t = *state;
	struct error err = {0};
	struct desired *d = NULL;

	assert_int_equal(mkdir(temp_path(t, "state"), 0700), 0);
	assert_int_equal(desired_open(temp_path(t, "state"), &d, NULL), 0);
	assert_int_equal(rmdir(temp_path(t, "state")), 0);
	assert_int_equal(desired_set(d, "shop", DESIRED_STOP, &err), -ENOENT);
	assert_non_null(strstr(err.text, "desired.json"));
	assert_int_equal(desired_get(d, "shop"), DESIRED_DEFAULT);
	desired_close(d);
}

static void desired_damaged_is_refused(void **state)
{
	static const char *const damaged[] = {
		"",
		"{\"shop\":",
		"[]",
		"{\"shop\": true}",
		"{\"shop\": \"maybe\"}",
		"{\"../shop\": \"stop\"}",
		"{\"shop\": \"stop\", \"shop\": \"run\"}",
	};
	struct temp *t = *state;

	for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
		struct error err = {0};
		struct desired *d = NULL;

		write_file(t, damaged[i]);
		assert_int_equal(desired_open(t->path, &d, &err), -EBADMSG);
		assert_null(d);
		assert_non_null(strstr(err.text, "desired.json"));
	}
}

static void desired_unreadable_is_an_error(void **state)
{
	struct temp *t = *state;
	struct error err = {0};
	struct desired *d = NULL;

	assert_int_equal(mkdir(temp_path(t, "desired.json"), 0700), 0);
	assert_int_equal(desired_open(t->path, &d, &err), -EISDIR);
	assert_non_null(strstr(err.text, "desired.json"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(desired_never_touched_is_default, setup, teardown),
		cmocka_unit_test_setup_teardown(desired_set_survives_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(desired_set_again_does_not_write, setup, teardown),
		cmocka_unit_test_setup_teardown(desired_of_many_is_one_will, setup, teardown),
		cmocka_unit_test_setup_teardown(desired_that_cannot_be_written_stays_as_it_was,
						setup, teardown),
		cmocka_unit_test_setup_teardown(desired_damaged_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(desired_unreadable_is_an_error, setup, teardown),
	};

	return cmocka_run_group_tests_name("desired", tests, NULL, NULL);
}
