/* SPDX-License-Identifier: MIT */

/*
 * Names of streams, files and places: what is written must be read again, and nothing else may be.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "log/cursor.h"
#include "log/stream-id.h"

static const struct stream_id shop = {.service = "shop", .instance = 3, .stream = 2};

static void stream_id_written_is_read_again(void **state)
{
	char text[STREAM_ID_TEXT_MAX];
	struct stream_id id;

	assert_string_equal(stream_id_format(&shop, text), "shop.3.err");
	assert_int_equal(stream_id_parse(text, &id), 0);
	assert_int_equal(stream_id_compare(&id, &shop), 0);
}

static void stream_id_of_the_largest_size_fits(void **state)
{
	struct stream_id id = {.instance = UINT32_MAX, .stream = 3}, again;
	char text[STREAM_ID_TEXT_MAX];

	memset(id.service, 'x', STREAM_SERVICE_MAX);
	stream_id_format(&id, text);
	assert_int_equal(stream_id_parse(text, &again), 0);
	assert_int_equal(stream_id_compare(&id, &again), 0);
}

static void stream_id_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"shop",
		"shop.0",
		"shop.0.",
		"shop.0.in",
		"shop..out",
		"shop.-1.out",
		"shop.x.out",
		"../etc.0.out",
		"Shop.0.out",
		".0.out",
		"shop.0.outs",
		"shop.4294967296.out",
		"shop.0.out.",
		"shop. 0.out",
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.0.out",
	};
	struct stream_id id;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(stream_id_parse(bad[i], &id), -EINVAL);
}

static void stream_ids_are_ordered_by_service_instance_stream(void **state)
{
	struct stream_id other = shop;

	other.stream = 1;
	assert_true(stream_id_compare(&other, &shop) < 0);
	other.instance = 4;
	assert_true(stream_id_compare(&other, &shop) > 0);
	memcpy(other.service, "db", 3);
	assert_true(stream_id_compare(&other, &shop) < 0);
}

static void segment_name_written_is_read_again(void **state)
{
	char name[SEGMENT_NAME_MAX];
	enum segment_file file;
	struct stream_id id;
	uint64_t seq;

	assert_string_equal(segment_name(&shop, 1795232340, SEGMENT_FILE_LOG, name),
			    "3.err.1795232340.log");
	assert_int_equal(segment_name_parse(name, &id, &seq, &file), 0);
	assert_int_equal(id.instance, 3);
	assert_int_equal(id.stream, 2);
	assert_int_equal(seq, 1795232340);
	assert_int_equal(file, SEGMENT_FILE_LOG);
	assert_string_equal(segment_name(&shop, 1, SEGMENT_FILE_INDEX, name),
			    "3.err.0000000001.idx");
	assert_int_equal(segment_name_parse(name, &id, &seq, &file), 0);
	assert_int_equal(seq, 1);
	assert_int_equal(file, SEGMENT_FILE_INDEX);
}

static void file_that_is_no_segment_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		".",
		"..",
		".lock",
		"0.out.1",
		"0.out.1.",
		"0.out..log",
		"0.out.1.gz",
		"0.out.1.log~",
		"x.out.1.log",
		"0.xxx.1.log",
		"0.out.99999999999999999999.log",
		"0.out.-1.log",
		"4294967296.out.1.log",
	};
	enum segment_file file;
	struct stream_id id;
	uint64_t seq;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(segment_name_parse(bad[i], &id, &seq, &file), -EINVAL);
}

static void cursor_written_is_read_again(void **state)
{
	struct cursor_place a = {
		.id = shop, .seq = 17, .offset = 4711, .record = 3, .passed_bytes = 5000};
	struct cursor_place b = {.id = {.service = "db", .stream = 1}, .seq = 18};
	struct text text = {0};
	struct cursor c;

	cursor_begin_text(&text);
	cursor_add_text(&text, &a);
	cursor_add_text(&text, &b);
	assert_int_equal(cursor_parse(text.data, &c), 0);
	assert_int_equal(c.n_places, 2);
	assert_int_equal(cursor_find(&c, &shop)->offset, 4711);
	assert_int_equal(cursor_find(&c, &shop)->record, 3);
	assert_int_equal(cursor_find(&c, &shop)->passed_bytes, 5000);
	assert_int_equal(cursor_find(&c, &b.id)->seq, 18);
	assert_int_equal(cursor_find(&c, &b.id)->passed_bytes, 0);
	a.id.instance = 0;
	assert_null(cursor_find(&c, &a.id));
	cursor_done(&c);
	text_done(&text);
}

static void cursor_without_places_knows_no_stream(void **state)
{
	struct cursor c;

	assert_int_equal(cursor_parse("1", &c), 0);
	assert_null(cursor_find(&c, &shop));
	cursor_done(&c);
}

static void cursor_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2",
		"1 ",
		"1 shop",
		"1 shop.0.out",
		"1 shop.0.out:1",
		"1 shop.0.out:1:2",
		"1 shop.0.out:1:2:",
		"1 shop.0.out:1:2:3:",
		"1 shop.0.out:1:2:3:4:5",
		"1 shop.0.out:1:2:3:-4",
		"1 shop.0.out:-1:2:3",
		"1 shop.0.out: 1:2:3",
		"1 shop.0.out:99999999999999999999:2:3",
		"1  shop.0.out:1:2:3",
		"1 ../x.0.out:1:2:3",
	};
	struct cursor c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(cursor_parse(bad[i], &c), -EINVAL);
}

static void cursor_of_too_many_streams_is_refused(void **state)
{
	char *text = malloc(CURSOR_STREAMS_MAX + 3);
	struct cursor c;

	assert_non_null(text);
	memset(text, ' ', CURSOR_STREAMS_MAX + 2);
	text[0] = '1';
	text[CURSOR_STREAMS_MAX + 2] = '\0';
	assert_int_equal(cursor_parse(text, &c), -EINVAL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_id_written_is_read_again),
		cmocka_unit_test(stream_id_of_the_largest_size_fits),
		cmocka_unit_test(stream_id_that_is_none_is_refused),
		cmocka_unit_test(stream_ids_are_ordered_by_service_instance_stream),
		cmocka_unit_test(segment_name_written_is_read_again),
		cmocka_unit_test(file_that_is_no_segment_is_refused),
		cmocka_unit_test(cursor_written_is_read_again),
		cmocka_unit_test(cursor_without_places_knows_no_stream),
		cmocka_unit_test(cursor_that_is_none_is_refused),
		cmocka_unit_test(cursor_of_too_many_streams_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
