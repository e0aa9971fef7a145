/* SPDX-License-Identifier: MIT */

/*
 * Lines at the end of a file: what is torn or cut off is never given out.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"
#include "supervisor/json-lines.h"
#include "tests/unit/lib/temp.h"

static int append(const char *path, const char *line, uint64_t *ret_size)
{
	cleanup_close int fd = -1;

	return json_lines_append(&fd, path, line, strlen(line), ret_size);
}

static void assert_next(const struct json_lines *l, size_t *offset, const char *expected)
{
	const char *line = NULL;
	size_t len = 0;

	assert_true(json_lines_next(l, offset, &line, &len));
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(line, expected, len);
}

static void assert_previous(const struct json_lines *l, size_t *offset, const char *expected)
{
	const char *line = NULL;
	size_t len = 0;

	assert_true(json_lines_previous(l, offset, &line, &len));
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(line, expected, len);
}

static void json_lines_appended_are_read_in_both_directions(void **state)
{
	struct temp *t = *state;
	const char *path = temp_path(t, "a.jsonl");
	cleanup_json_lines struct json_lines l = {0};
	const char *line;
	uint64_t size = 0;
	size_t offset = 0;
	size_t len;
	struct stat st;

	assert_int_equal(append(path, "{\"a\":1}", &size), 0);
	assert_int_equal(append(path, "{}", &size), 0);
	assert_int_equal(append(path, "{\"b\":22}", &size), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(size, st.st_size);
	assert_int_equal(st.st_mode & 07777, 0600);

	assert_int_equal(json_lines_read(path, 1000, &l), 0);
	assert_int_equal(l.torn_len, 0);
	assert_next(&l, &offset, "{\"a\":1}");
	assert_next(&l, &offset, "{}");
	assert_next(&l, &offset, "{\"b\":22}");
	assert_false(json_lines_next(&l, &offset, &line, &len));
	assert_previous(&l, &offset, "{\"b\":22}");
	assert_previous(&l, &offset, "{}");
	assert_previous(&l, &offset, "{\"a\":1}");
	assert_false(json_lines_previous(&l, &offset, &line, &len));
}

static void json_lines_deleted_file_is_begun_anew(void **state)
{
	const char *path = temp_path(*state, "a.jsonl");
	cleanup_json_lines struct json_lines lines = {0};
	cleanup_close int fd = -1;
	size_t offset = 0;
	uint64_t size;

	assert_int_equal(json_lines_append(&fd, path, "{\"n\":1}", 7, &size), 0);
	assert_int_equal(json_lines_append(&fd, path, "{\"n\":2}", 7, &size), 0);
	assert_int_equal(size, 16);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(json_lines_append(&fd, path, "{\"n\":3}", 7, &size), 0);
	assert_int_equal(size, 8);
	assert_int_equal(json_lines_read(path, 1024, &lines), 0);
	assert_next(&lines, &offset, "{\"n\":3}");
}

static void json_lines_without_a_file_are_none(void **state)
{
	cleanup_json_lines struct json_lines l = {0};
	const char *line;
	size_t offset = 0;
	size_t len;

	assert_int_equal(json_lines_read(temp_path(*state, "none"), 1000, &l), 0);
	assert_false(json_lines_next(&l, &offset, &line, &len));
	assert_false(json_lines_previous(&l, &offset, &line, &len));
}

static void json_lines_torn_line_is_closed_by_mending(void **state)
{
	const char *path = temp_path(*state, "a.jsonl");
	cleanup_json_lines struct json_lines l = {0};
	uint64_t size = 0;
	size_t offset = 0;

	assert_int_equal(file_write_quick(path, "{}\n{\"to", 7, 0600), 0);
	assert_int_equal(json_lines_read(path, 1000, &l), 0);
	assert_int_equal(l.len, 3);
	assert_int_equal(l.torn_len, 4);
	json_lines_done(&l);

	assert_int_equal(json_lines_mend(path), 0);
	assert_int_equal(append(path, "{\"b\":2}", &size), 0);
	assert_int_equal(size, 7 + 1 + 8);
	assert_int_equal(json_lines_read(path, 1000, &l), 0);
	assert_next(&l, &offset, "{}");
	assert_next(&l, &offset, "{\"to");
	assert_next(&l, &offset, "{\"b\":2}");
}

static void json_lines_mending_what_is_whole_changes_nothing(void **state)
{
	const char *path = temp_path(*state, "a.jsonl");
	struct stat st;

	assert_int_equal(json_lines_mend(path), 0);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(file_write_quick(path, "{}\n", 3, 0600), 0);
	assert_int_equal(json_lines_mend(path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);
}

/* As on a disk that is almost full, the first bytes of the line find room. */
static void json_lines_without_room_are_taken_back(void **state)
{
	const char *path = temp_path(*state, "a.jsonl");
	struct rlimit old;
	struct rlimit small;
	struct stat st;
	uint64_t size = 0;
	int r;

	assert_int_equal(append(path, "{}", &size), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){.rlim_cur = 6, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = append(path, "{\"long\":1}", &size);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 3);
}

static void json_lines_of_a_large_file_begin_at_a_whole_line(void **state)
{
	const char *path = temp_path(*state, "a.jsonl");
	const char *text = "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n";
	const char *line;
	size_t len;

	assert_int_equal(file_write_quick(path, text, strlen(text), 0600), 0);
	for (size_t max = 0; max < strlen(text) + 2; max++) {
		cleanup_json_lines struct json_lines l = {0};
		size_t offset = 0;
		size_t n = 0;

		assert_int_equal(json_lines_read(path, max, &l), 0);
		while (json_lines_next(&l, &offset, &line, &len)) {
			assert_int_equal(len, 7);
			assert_int_equal(line[0], '{');
			n++;
		}
		assert_int_equal(n, max == 24 || max == 25 ? 3 : max == 0 ? 0 : (max - 1) / 8);
	}
}

static void json_lines_in_an_unwritable_place_are_an_error(void **state)
{
	struct temp *t = *state;
	struct json_lines l;
	uint64_t size;

	assert_int_equal(append(temp_path(t, "none/a.jsonl"), "{}", &size), -ENOENT);
	assert_int_equal(symlink("/etc/passwd", temp_path(t, "link")), 0);
	assert_int_equal(append(temp_path(t, "link"), "{}", &size), -ELOOP);
	assert_int_equal(json_lines_read(temp_path(t, "link"), 100, &l), -ELOOP);
}

static void json_lines_on_a_full_disk_are_an_error(void **state)
{
	uint64_t size;

	assert_int_equal(append("/dev/full", "{}", &size), -ENOSPC);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(json_lines_appended_are_read_in_both_directions),
		TEST(json_lines_deleted_file_is_begun_anew),
		TEST(json_lines_without_a_file_are_none),
		TEST(json_lines_torn_line_is_closed_by_mending),
		TEST(json_lines_mending_what_is_whole_changes_nothing),
		TEST(json_lines_without_room_are_taken_back),
		TEST(json_lines_of_a_large_file_begin_at_a_whole_line),
		TEST(json_lines_in_an_unwritable_place_are_an_error),
		TEST(json_lines_on_a_full_disk_are_an_error),
	};

	return cmocka_run_group_tests_name("json-lines", tests, NULL, NULL);
}
