/* SPDX-License-Identifier: MIT */
/*
 * frames: what a peer may put into the buffer, and what it costs.
 */
#include "lib/varlink/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"

void *__wrap_realloc(void *p, size_t n);
void *__real_realloc(void *p, size_t n);

void *__wrap_memchr(const void *bytes, int c, size_t n);
void *__real_memchr(const void *bytes, int c, size_t n);

static bool out_of_memory;
static size_t n_scanned;

void *__wrap_realloc(void *p, size_t n)
{
	return out_of_memory ? NULL : __real_realloc(p, n);
}

void *__wrap_memchr(const void *bytes, int c, size_t n)
{
	n_scanned += n;
	return __real_memchr(bytes, c, n);
}

#define cleanup_frames cleanup(frames_done)

static void put(struct frames *f, const char *bytes, size_t n)
{
	while (n > 0) {
		char *room;
		size_t size;

		assert_int_equal(frames_room(f, &room, &size), 0);
		size = MIN_OF(size, n);
		memcpy(room, bytes, size);
		frames_received(f, size);
		bytes += size;
		n -= size;
	}
}

static void assert_next(struct frames *f, const char *expected)
{
	const char *message;
	size_t n;

	assert_true(frames_next(f, &message, &n));
	assert_int_equal(n, strlen(expected));
	assert_string_equal(message, expected);
}

static void assert_nothing(struct frames *f)
{
	const char *message;
	size_t n;

	assert_false(frames_waiting(f));
	assert_false(frames_next(f, &message, &n));
}

static void frames_empty_has_no_message(void **state)
{
	cleanup_frames struct frames f;

	frames_init(&f, 10);
	assert_nothing(&f);
	assert_int_equal(frames_len(&f), 0);
}

static void frames_several_at_once_come_in_order(void **state)
{
	cleanup_frames struct frames f;

	frames_init(&f, 100);
	put(&f, "one\0two\0\0thr", 12);
	assert_next(&f, "one");
	assert_true(frames_waiting(&f));
	assert_next(&f, "two");
	assert_next(&f, "");
	assert_nothing(&f);
	put(&f, "ee", 3);
	assert_next(&f, "three");
	assert_nothing(&f);
}

static void frames_message_in_single_bytes_is_put_together(void **state)
{
	static const char text[] = "{\"method\":\"a.B\"}";
	cleanup_frames struct frames f;

	frames_init(&f, sizeof(text));
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		put(&f, text + i, 1);
		assert_nothing(&f);
	}
	put(&f, "", 1);
	assert_next(&f, text);
}

static void frames_long_message_in_small_pieces_is_looked_at_once(void **state)
{
	cleanup_frames struct frames f;
	char piece[100];

	memset(piece, 'x', sizeof(piece));
	frames_init(&f, VARLINK_MESSAGE_MAX);
	n_scanned = 0;
	for (int i = 0; i < 10000; i++) {
		put(&f, piece, sizeof(piece));
		assert_nothing(&f);
	}
	assert_int_equal(n_scanned, 10000 * sizeof(piece));
}

static void frames_longest_message_is_accepted(void **state)
{
	cleanup_frames struct frames f;
	char *room;
	size_t size;

	frames_init(&f, 8);
	put(&f, "12345678", 8);
	assert_int_equal(frames_room(&f, &room, &size), 0);
	assert_int_equal(size, 1);
	put(&f, "", 1);
	assert_next(&f, "12345678");
}

static void frames_longer_message_is_refused(void **state)
{
	cleanup_frames struct frames f;
	char *room;
	size_t size;

	frames_init(&f, 8);
	put(&f, "123456789", 9);
	assert_int_equal(frames_room(&f, &room, &size), -EMSGSIZE);
}

static void frames_limit_counts_the_message_in_the_making_only(void **state)
{
	cleanup_frames struct frames f;

	frames_init(&f, 8);
	for (int i = 0; i < 10000; i++) {
		put(&f, "123456", 7);
		assert_next(&f, "123456");
	}
	assert_true(f.cap <= 4096);
}

static void frames_stream_of_odd_pieces_stays_small(void **state)
{
	cleanup_frames struct frames f;
	const char *message;
	size_t n, n_seen = 0;

	/* Pieces of 1000 bytes cut messages of 700 at every possible place. */
	char stream[7000];

	memset(stream, 'x', sizeof(stream));
	for (size_t i = 699; i < sizeof(stream); i += 700)
		stream[i] = '\0';
	frames_init(&f, 8192);
	for (int round = 0; round < 1000; round++)
		for (size_t i = 0; i < sizeof(stream); i += 1000) {
			put(&f, stream + i, 1000);
			while (frames_next(&f, &message, &n)) {
				assert_int_equal(n, 699);
				n_seen++;
			}
		}
	assert_int_equal(n_seen, 10000);
	assert_true(f.cap <= 16384);
}

static void frames_appended_object_is_compact_and_ends_in_nul(void **state)
{
	cleanup_json json_t *j = json_pack("{s:s, s:[i,i]}", "a", "b", "c", 1, 2);
	cleanup_frames struct frames f;

	frames_init(&f, 100);
	assert_int_equal(frames_append(&f, j), 0);
	assert_int_equal(frames_append(&f, j), 0);
	assert_next(&f, "{\"a\":\"b\",\"c\":[1,2]}");
	assert_next(&f, "{\"a\":\"b\",\"c\":[1,2]}");
	assert_nothing(&f);
}

static void frames_appended_object_too_long_leaves_nothing_behind(void **state)
{
	cleanup_json json_t *large = json_pack("{s:s}", "key", "a value of some length");
	cleanup_json json_t *small = json_pack("{s:i}", "k", 1);
	cleanup_frames struct frames f;

	frames_init(&f, 10);
	assert_int_equal(frames_append(&f, small), 0);
	assert_int_equal(frames_append(&f, large), -EMSGSIZE);
	assert_int_equal(frames_append(&f, small), 0);
	assert_next(&f, "{\"k\":1}");
	assert_next(&f, "{\"k\":1}");
	assert_nothing(&f);
}

static void frames_appended_parts_are_one_message(void **state)
{
	struct frames_part parts[] = {{"{\"a\":", 5}, {"1", 1}, {"}", 1}};
	cleanup_frames struct frames f;

	frames_init(&f, 7);
	assert_int_equal(frames_append_parts(&f, parts, ARRAY_LEN(parts)), 0);
	parts[1] = (struct frames_part){"12", 2};
	assert_int_equal(frames_append_parts(&f, parts, ARRAY_LEN(parts)), -EMSGSIZE);
	out_of_memory = true;
	frames_done(&f);
	parts[1].n = 1;
	assert_int_equal(frames_append_parts(&f, parts, ARRAY_LEN(parts)), -ENOMEM);
	out_of_memory = false;
	assert_nothing(&f);
	assert_int_equal(frames_append_parts(&f, parts, ARRAY_LEN(parts)), 0);
	assert_int_equal(frames_append_parts(&f, parts, ARRAY_LEN(parts)), 0);
	assert_next(&f, "{\"a\":1}");
	assert_next(&f, "{\"a\":1}");
	assert_nothing(&f);
}

static void frames_without_memory_keep_what_they_have(void **state)
{
	cleanup_json json_t *j = json_pack("{s:s+}", "key", "0123456789abcdef", "0123456789abcdef");
	cleanup_frames struct frames f;
	size_t n = 0;
	char *room;
	int r = 0;

	frames_init(&f, 4096);
	assert_int_equal(frames_append(&f, j), 0);
	n++;
	out_of_memory = true;
	for (; r == 0; n++)
		r = frames_append(&f, j);
	assert_int_equal(r, -ENOMEM);
	out_of_memory = false;
	for (size_t i = 1; i < n; i++)
		assert_next(&f, "{\"key\":\"0123456789abcdef0123456789abcdef\"}");
	assert_nothing(&f);

	frames_done(&f);
	out_of_memory = true;
	assert_int_equal(frames_room(&f, &room, &n), -ENOMEM);
	out_of_memory = false;
}

static void frames_sent_in_pieces_give_large_memory_back(void **state)
{
	cleanup_json json_t *j = json_object();
	cleanup_frames struct frames f;
	cleanup_free char *text = malloc(100000);

	memset(text, 'x', 99999);
	text[99999] = '\0';
	assert_int_equal(json_object_set_new(j, "x", json_string(text)), 0);
	frames_init(&f, 200000);
	assert_int_equal(frames_append(&f, j), 0);
	while (frames_len(&f) > 0) {
		assert_non_null(f.data);
		frames_sent(&f, MIN_OF(frames_len(&f), (size_t)1000));
	}
	assert_null(f.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_empty_has_no_message),
		cmocka_unit_test(frames_several_at_once_come_in_order),
		cmocka_unit_test(frames_message_in_single_bytes_is_put_together),
		cmocka_unit_test(frames_long_message_in_small_pieces_is_looked_at_once),
		cmocka_unit_test(frames_longest_message_is_accepted),
		cmocka_unit_test(frames_longer_message_is_refused),
		cmocka_unit_test(frames_limit_counts_the_message_in_the_making_only),
		cmocka_unit_test(frames_stream_of_odd_pieces_stays_small),
		cmocka_unit_test(frames_appended_object_is_compact_and_ends_in_nul),
		cmocka_unit_test(frames_appended_object_too_long_leaves_nothing_behind),
		cmocka_unit_test(frames_appended_parts_are_one_message),
		cmocka_unit_test(frames_without_memory_keep_what_they_have),
		cmocka_unit_test(frames_sent_in_pieces_give_large_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
