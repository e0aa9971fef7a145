/* SPDX-License-Identifier: MIT */
#include "config/revision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "tests/unit/lib/temp.h"

static struct temp temp;

static int make_temp(void **state)
{
	temp_init(&temp);
	return 0;
}

static int remove_temp(void **state)
{
	temp_done(&temp);
	return 0;
}

static uint64_t save(const char *source)
{
	struct error err = {0};
	uint64_t number = 0;

	if (revision_save(temp_path(&temp, "revisions"), "cli root", "add shop", source, &number,
			  &err) < 0)
		fail_msg("%s", err.text);
	return number;
}

static void first_revision_is_one(void **state)
{
	struct revision r;
	struct stat st;

	assert_int_equal(save("{\n\"a\": 1}\n"), 1);
	assert_int_equal(revision_load(temp_path(&temp, "revisions"), 0, &r, NULL), 0);
	assert_int_equal(r.number, 1);
	assert_true(r.at_usec > 0);
	assert_string_equal(r.who, "cli root");
	assert_string_equal(r.why, "add shop");
	assert_string_equal(r.source, "{\n\"a\": 1}\n");
	revision_done(&r);
	assert_int_equal(stat(temp_path(&temp, "revisions/000001"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(temp_path(&temp, "revisions"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void same_source_gets_the_same_number(void **state)
{
	assert_int_equal(save("{}"), 1);
	assert_int_equal(save("{}"), 1);
	assert_int_equal(save("{ }"), 2);
	assert_int_equal(save("{}"), 3);
}

static void old_revision_is_read_back(void **state)
{
	struct revision r;

	(void)save("{}");
	(void)save("{ }");
	assert_int_equal(revision_load(temp_path(&temp, "revisions"), 1, &r, NULL), 0);
	assert_string_equal(r.source, "{}");
	revision_done(&r);
}

static void oldest_goes_when_there_are_too_many(void **state)
{
	cleanup_json json_t *list = NULL;
	char source[32];

	for (int i = 0; i < REVISIONS_MAX + 5; i++) {
		(void)snprintf(source, sizeof(source), "{\"a\": %d}", i);
		assert_int_equal(save(source), i + 1);
	}
	assert_int_equal(folder_count(temp_path(&temp, "revisions")), REVISIONS_MAX);
	list = revision_list(temp_path(&temp, "revisions"));
	assert_int_equal(json_array_size(list), REVISIONS_MAX);
	assert_int_equal(json_get_uint(json_array_get(list, 0), "number", 0), REVISIONS_MAX + 5);
	assert_int_equal(json_get_uint(json_array_get(list, REVISIONS_MAX - 1), "number", 0), 6);
}

static void list_has_no_sources(void **state)
{
	cleanup_json json_t *list = NULL;

	(void)save("{}");
	list = revision_list(temp_path(&temp, "revisions"));
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(json_object_size(json_array_get(list, 0)), 4);
	assert_string_equal(json_get_string(json_array_get(list, 0), "why"), "add shop");
}

static void nothing_was_applied_yet(void **state)
{
	cleanup_json json_t *list = revision_list(temp_path(&temp, "none"));
	struct error err = {0};
	struct revision r;

	assert_int_equal(json_array_size(list), 0);
	assert_int_equal(revision_load(temp_path(&temp, "none"), 0, &r, &err), -ENOENT);
	assert_string_equal(err.text, "no config was applied yet");
	assert_int_equal(revision_load(temp_path(&temp, "none"), 7, &r, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no revision 7"));
}

static void damaged_revision_is_named_and_passed_over(void **state)
{
	struct error err = {0};
	struct revision r;
	cleanup_json json_t *list = NULL;

	(void)save("{}");
	assert_int_equal(
		file_write_atomic(temp_path(&temp, "revisions/000002"), "\0rubbish", 8, 0600), 0);
	assert_int_equal(revision_load(temp_path(&temp, "revisions"), 0, &r, &err), -EBADMSG);
	assert_non_null(strstr(err.text, "000002' is damaged: remove it"));
	list = revision_list(temp_path(&temp, "revisions"));
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(save("{}"), 3);
}

static void foreign_files_are_left_alone(void **state)
{
	(void)save("{}");
	assert_int_equal(file_write_atomic(temp_path(&temp, "revisions/notes"), "x", 1, 0600), 0);
	assert_int_equal(file_write_atomic(temp_path(&temp, "revisions/12"), "x", 1, 0600), 0);
	assert_int_equal(save("{ }"), 2);
	assert_int_equal(access(temp_path(&temp, "revisions/notes"), F_OK), 0);
}

static void folder_that_cannot_be_made_is_named(void **state)
{
	struct error err = {0};
	uint64_t number;

	assert_int_equal(file_write_atomic(temp_path(&temp, "file"), "x", 1, 0600), 0);
	assert_int_equal(revision_save(temp_path(&temp, "file/revisions"), "who", "why", "{}",
				       &number, &err),
			 -ENOTDIR);
	assert_non_null(strstr(err.text, "/file/revisions'"));
}

static void words_of_a_stranger_are_bounded_and_text(void **state)
{
	char why[5000];
	struct revision r;
	uint64_t number;

	memset(why, 'x', sizeof(why));
	why[0] = '\xff';
	why[1] = '\n';
	why[4999] = 0;
	assert_int_equal(
		revision_save(temp_path(&temp, "revisions"), "who", why, "{}", &number, NULL), 0);
	assert_int_equal(revision_load(temp_path(&temp, "revisions"), 0, &r, NULL), 0);
	assert_true(strlen(r.why) < 600);
	assert_string_equal(r.source, "{}");
	revision_done(&r);
}

#define with_temp(f) cmocka_unit_test_setup_teardown(f, make_temp, remove_temp)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_temp(first_revision_is_one),
		with_temp(same_source_gets_the_same_number),
		with_temp(old_revision_is_read_back),
		with_temp(oldest_goes_when_there_are_too_many),
		with_temp(list_has_no_sources),
		with_temp(nothing_was_applied_yet),
		with_temp(damaged_revision_is_named_and_passed_over),
		with_temp(foreign_files_are_left_alone),
		with_temp(folder_that_cannot_be_made_is_named),
		with_temp(words_of_a_stranger_are_bounded_and_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
