/* SPDX-License-Identifier: MIT */

/*
 * Events as they lie in the store: whole ones are understood, everything else tells nothing.
 */

#include "log/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct stream_id writer = {.service = "supervisor", .stream = INTAKE_STREAM_EVENT};

static struct event event_of(const char *text)
{
	struct event e;

	assert_int_equal(event_read(text, strlen(text), &writer, &e), 0);
	return e;
}

static void event_tells_whom_it_is_about(void **state)
{
	struct event e = event_of("{\"seq\":812,\"at_usec\":77,\"service\":\"shop\",\"instance\":3,"
				  "\"kind\":\"start\",\"text\":\"started, pid 7\",\"who\":\"root\","
				  "\"life\":76}");

	assert_int_equal(e.seq, 812);
	assert_int_equal(e.at_usec, 77);
	assert_string_equal(e.about.service, "shop");
	assert_int_equal(e.about.instance, 3);
	assert_int_equal(e.about.stream, INTAKE_STREAM_EVENT);
	assert_string_equal(e.kind, "start");
	assert_string_equal(e.text, "started, pid 7");
	assert_int_equal(e.n_text, 14);
	assert_string_equal(e.who, "root");
	assert_int_equal(e.level, SEVERITY_INFO);
	assert_int_equal(e.life, 76);
	assert_false(e.ends);
	event_done(&e);
	event_done(&e);
}

static void event_about_nobody_is_its_writers(void **state)
{
	struct event e = event_of("{\"at_usec\":77,\"kind\":\"config\",\"text\":\"applied\"}");

	assert_string_equal(e.about.service, "supervisor");
	assert_int_equal(e.seq + e.life, 0);
	assert_null(e.who);
	event_done(&e);
	/* A name that no service can bear is none. */
	e = event_of("{\"at_usec\":77,\"service\":\"../x\",\"kind\":\"a\",\"text\":\"b\"}");
	assert_string_equal(e.about.service, "supervisor");
	event_done(&e);
	e = event_of("{\"at_usec\":77,\"service\":\"s\",\"instance\":5000000000,\"kind\":\"a\","
		     "\"text\":\"b\"}");
	assert_string_equal(e.about.service, "supervisor");
	event_done(&e);
}

static void event_level_is_what_its_writer_says(void **state)
{
	struct event e = event_of("{\"at_usec\":1,\"kind\":\"a\",\"text\":\"b\",\"level\":"
				  "\"error\"}");

	assert_int_equal(e.level, SEVERITY_ERROR);
	event_done(&e);
	e = event_of("{\"at_usec\":1,\"kind\":\"a\",\"text\":\"b\",\"level\":\"strange\"}");
	assert_int_equal(e.level, SEVERITY_INFO);
	event_done(&e);
}

static void event_that_is_damaged_tells_nothing(void **state)
{
	static const char *const damaged[] = {
		"",
		"{",
		"[]",
		"nonsense",
		"{\"at_usec\":1,\"kind\":\"a\",\"te",
		"{\"at_usec\":1,\"kind\":\"a\"}",
		"{\"at_usec\":1,\"text\":\"a\"}",
		"{\"kind\":\"a\",\"text\":\"a\"}",
		"{\"at_usec\":-1,\"kind\":\"a\",\"text\":\"a\"}",
		"{\"at_usec\":\"1\",\"kind\":\"a\",\"text\":\"a\"}",
		"{\"at_usec\":1,\"kind\":7,\"text\":\"a\"}",
		"{\"at_usec\":1,\"kind\":\"a\",\"text\":\"a\"} x",
		"{\"at_usec\":1,\"kind\":\"a\",\"kind\":\"b\",\"text\":\"a\"}",
	};

	for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
		struct event e;

		assert_int_equal(event_read(damaged[i], strlen(damaged[i]), &writer, &e), -EBADMSG);
	}
}

static void event_that_begins_a_life_comes_before_its_lines(void **state)
{
	struct event e = event_of("{\"at_usec\":9,\"kind\":\"start\",\"text\":\"b\",\"life\":50}");

	assert_false(event_comes_before(&e, 49));
	assert_true(event_comes_before(&e, 50));
	assert_true(event_comes_before(&e, 51));
	event_done(&e);
}

static void event_that_ends_a_life_comes_behind_its_lines(void **state)
{
	struct event e = event_of("{\"at_usec\":9,\"kind\":\"exit\",\"text\":\"b\",\"life\":1,"
				  "\"exit\":{\"life\":50}}");

	assert_true(e.ends);
	assert_int_equal(e.life, 50);
	assert_false(event_comes_before(&e, 49));
	assert_false(event_comes_before(&e, 50));
	assert_true(event_comes_before(&e, 51));
	event_done(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event_tells_whom_it_is_about),
		cmocka_unit_test(event_about_nobody_is_its_writers),
		cmocka_unit_test(event_level_is_what_its_writer_says),
		cmocka_unit_test(event_that_is_damaged_tells_nothing),
		cmocka_unit_test(event_that_begins_a_life_comes_before_its_lines),
		cmocka_unit_test(event_that_ends_a_life_comes_behind_its_lines),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
