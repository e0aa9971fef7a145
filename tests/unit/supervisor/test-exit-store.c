/* SPDX-License-Identifier: MIT */

/*
 * The exit reports of a service: newest first, bounded, and never lost to a damaged neighbour.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/json.h"
#include "supervisor/exit-store.h"
#include "tests/unit/lib/temp.h"

static int fd;

static char *report(uint64_t life, unsigned instance, const char *padding)
{
	cleanup_json json_t *j = json_pack("{s:I, s:i, s:s}", "life", (json_int_t)life, "instance",
					   (int)instance, "summary", padding);

	char *text = json_dumps(j, JSON_COMPACT);

	assert_non_null(text);
	return text;
}

static void append(const struct temp *t, uint64_t life, unsigned instance, const char *padding)
{
	cleanup_free char *j = report(life, instance, padding);

	assert_int_equal(exit_store_append(&fd, t->path, "shop", j), 0);
}

static uint64_t life_at(const json_t *reports, size_t i)
{
	return json_get_uint(json_array_get(reports, i), "life", 0);
}

static uint64_t newest_life(const struct temp *t, unsigned instance)
{
	cleanup_json json_t *newest = NULL;
	uint64_t life = 0;

	assert_int_equal(exit_store_begin(t->path, "shop", instance, &newest, &life), 0);
	return life;
}

static void exit_store_begins_with_what_was_last(void **state)
{
	struct temp *t = *state;
	cleanup_json json_t *newest = NULL;
	uint64_t life = 0;

	append(t, 10, 0, "");
	append(t, 20, 1, "the newest of all");
	assert_int_equal(exit_store_begin(t->path, "shop", 0, &newest, &life), 0);
	assert_int_equal(life, 10);
	assert_string_equal(json_get_string(newest, "summary"), "the newest of all");
	assert_int_equal(exit_store_begin(t->path, "../shop", 0, &newest, &life), -EINVAL);
}

static void exit_store_loads_the_newest_first(void **state)
{
	struct temp *t = *state;
	cleanup_json json_t *reports = NULL;

	for (uint64_t life = 1; life <= 5; life++)
		append(t, life, 0, "exit 1");
	reports = exit_store_load(t->path, "shop", 3);
	assert_int_equal(json_array_size(reports), 3);
	assert_int_equal(life_at(reports, 0), 5);
	assert_int_equal(life_at(reports, 2), 3);
}

static void exit_store_of_an_unknown_service_is_empty(void **state)
{
	struct temp *t = *state;
	cleanup_json json_t *reports = exit_store_load(t->path, "shop", 3);

	assert_non_null(reports);
	assert_int_equal(json_array_size(reports), 0);
	assert_int_equal(newest_life(t, 0), 0);
}

static void exit_store_newest_life_is_that_of_the_slot(void **state)
{
	struct temp *t = *state;

	append(t, 10, 0, "");
	append(t, 20, 1, "");
	append(t, 30, 0, "");
	assert_int_equal(newest_life(t, 0), 30);
	assert_int_equal(newest_life(t, 1), 20);
	assert_int_equal(newest_life(t, 2), 0);
	/* However far back that is. */
	for (uint64_t life = 31; life < 181; life++)
		append(t, life, 0,
		       "a report like any other, of an instance that crashes all day long");
	assert_int_equal(newest_life(t, 0), 180);
	assert_int_equal(newest_life(t, 1), 20);
}

static void exit_store_damaged_lines_are_passed_over(void **state)
{
	static const char text[] = "{\"life\":1,\"instance\":0}\n"
				   "\377\376 not JSON\n"
				   "\n"
				   "{\"life\":2,\"instance\":0}\n"
				   "{\"life\":3,\"inst";
	struct temp *t = *state;
	cleanup_json json_t *reports = NULL;

	assert_int_equal(file_write_quick(temp_path(t, "shop.jsonl"), text, sizeof(text) - 1, 0600),
			 0);
	assert_int_equal(newest_life(t, 0), 2);
	append(t, 4, 0, "after the torn one");
	reports = exit_store_load(t->path, "shop", 100);
	assert_int_equal(json_array_size(reports), 3);
	assert_int_equal(life_at(reports, 0), 4);
	assert_int_equal(life_at(reports, 1), 2);
	assert_int_equal(life_at(reports, 2), 1);
}

static void exit_store_is_bounded_in_reports_and_bytes(void **state)
{
	struct temp *t = *state;
	cleanup_json json_t *reports = NULL;
	char padding[400];
	struct stat st;

	memset(padding, 'x', sizeof(padding) - 1);
	padding[sizeof(padding) - 1] = '\0';
	for (uint64_t life = 1; life <= 3000; life++) {
		append(t, life, 0, padding);
		assert_int_equal(stat(temp_path(t, "shop.jsonl"), &st), 0);
		assert_true(st.st_size <= 260 * 1024);
	}
	assert_int_equal(folder_count(t->path), 1);
	reports = exit_store_load(t->path, "shop", 100000);
	assert_int_equal(json_array_size(reports), EXIT_REPORTS_MAX);
	for (size_t i = 0; i < EXIT_REPORTS_MAX; i++)
		assert_int_equal(life_at(reports, i), 3000 - i);
}

static void exit_store_bad_name_is_refused(void **state)
{
	struct temp *t = *state;
	cleanup_free char *j = report(1, 0, "");

	assert_int_equal(exit_store_append(&fd, t->path, "../shop", j), -EINVAL);
	assert_int_equal(exit_store_append(&fd, t->path, "", j), -EINVAL);
	assert_null(exit_store_load(t->path, "a/b", 1));
	assert_int_equal(exit_store_append(&fd, temp_path(t, "none"), "shop", j), -ENOENT);
}

static int setup(void **state)
{
	static struct temp t;

	temp_init(&t);
	fd = -1;
	*state = &t;
	return 0;
}

static int teardown(void **state)
{
	close_fd(&fd);
	temp_done(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exit_store_begins_with_what_was_last),
		TEST(exit_store_loads_the_newest_first),
		TEST(exit_store_of_an_unknown_service_is_empty),
		TEST(exit_store_newest_life_is_that_of_the_slot),
		TEST(exit_store_damaged_lines_are_passed_over),
		TEST(exit_store_is_bounded_in_reports_and_bytes),
		TEST(exit_store_bad_name_is_refused),
	};

	return cmocka_run_group_tests_name("exit-store", tests, NULL, NULL);
}
