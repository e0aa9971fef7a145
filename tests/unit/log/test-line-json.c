/* SPDX-License-Identifier: MIT */

/*
 * Lines as JSON, whatever bytes they are made of.
 */

#include "log/line-json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log/event.h"
#include "log/filter.h"

static const struct stream_id id = {.service = "shop", .instance = 1, .stream = 2};

static void assert_json(const struct line *line, const char *expected)
{
	json_t *object = line_json(line), *wanted = json_loads(expected, 0, NULL);

	assert_non_null(object);
	assert_non_null(wanted);
	if (!json_equal(object, wanted)) {
		char *text = json_dumps(object, 0);

		print_error("%s instead of %s\n", text, expected);
		free(text);
		fail();
	}
	json_decref(object);
	json_decref(wanted);
}

#define COMMON \
	"\"service\": \"shop\", \"instance\": 1, \"stream\": \"err\", \"life\": 5, \"at_usec\": 9"

static struct line line_of(const char *text, size_t n_bytes)
{
	return (struct line){.id = &id, .text = text, .n_bytes = n_bytes, .at_usec = 9, .life = 5};
}

static void line_of_text_has_no_raw(void **state)
{
	struct line line = line_of("gr\xc3\xbcn", 5);

	assert_json(&line, "{" COMMON ", \"text\": \"gr\xc3\xbcn\"}");
	line = line_of(NULL, 0);
	assert_json(&line, "{" COMMON ", \"text\": \"\"}");
}

static void line_that_is_an_event_says_what_it_tells(void **state)
{
	struct event e = {.kind = "exit", .level = SEVERITY_ERROR, .seq = 7, .who = "root"};
	struct line line = line_of("<3>exit 1", 9);

	line.event = &e;
	assert_json(&line, "{" COMMON ", \"text\": \"<3>exit 1\", \"event\": \"exit\", "
			   "\"level\": \"error\", \"seq\": 7, \"who\": \"root\"}");
	e = (struct event){.kind = "start", .level = SEVERITY_INFO};
	assert_json(&line, "{" COMMON ", \"text\": \"<3>exit 1\", \"event\": \"start\", "
			   "\"level\": \"info\"}");
}

static void line_of_bytes_comes_twice(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *json;
	} cases[] = {
		{"\xff", 1, "{" COMMON ", \"text\": \"\xef\xbf\xbd\", \"raw\": \"/w==\"}"},
		{"a\xff", 2, "{" COMMON ", \"text\": \"a\xef\xbf\xbd\", \"raw\": \"Yf8=\"}"},
		{"ab\xff", 3, "{" COMMON ", \"text\": \"ab\xef\xbf\xbd\", \"raw\": \"YWL/\"}"},
		{"a\0b", 3,
		 "{" COMMON ", \"text\": \"a\xef\xbf\xbd"
		 "b\", \"raw\": \"YQBi\"}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct line line = line_of(cases[i].bytes, cases[i].n);

		assert_json(&line, cases[i].json);
	}
}

static void line_says_what_it_says_of_itself(void **state)
{
	static const char text[] = "{\"level\":30,\"time\":1795232340500,\"msg\":\"a\"}";
	struct line line = line_of("<4>slow", 7);

	assert_json(&line, "{" COMMON ", \"text\": \"<4>slow\", \"level\": \"warning\","
			   " \"message\": \"slow\"}");
	line = line_of(text, strlen(text));
	assert_json(&line, "{" COMMON ", \"text\": \"{\\\"level\\\":30,\\\"time\\\":"
			   "1795232340500,\\\"msg\\\":\\\"a\\\"}\", \"level\": \"info\","
			   " \"message\": \"a\", \"said_at\": \"1795232340500\"}");
}

/* Who reads the answer takes no \u0000, and one line must not keep him from all others. */
static void line_with_a_nul_in_what_it_says_can_be_read(void **state)
{
	static const char line[] =
		"{\"level\":\"info\",\"time\":\"1\\u00002\",\"msg\":\"a\\u0000b\"}";
	struct line l = line_of(line, strlen(line));
	json_t *object = line_json(&l), *read;
	char *text = json_dumps(object, 0);

	read = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(read);
	assert_string_equal(json_string_value(json_object_get(read, "said_at")), "1\xef\xbf\xbd"
										 "2");
	assert_string_equal(json_string_value(json_object_get(read, "message")), "a\xef\xbf\xbd"
										 "b");
	json_decref(read);
	json_decref(object);
	free(text);
}

static void line_tells_what_is_special_about_it(void **state)
{
	struct line line = line_of("x", 1);

	line.cut = true;
	assert_json(&line, "{" COMMON ", \"text\": \"x\", \"cut\": true}");
	line.cut = false;
	line.open = true;
	assert_json(&line, "{" COMMON ", \"text\": \"x\", \"open\": true}");
	line = line_of("", 0);
	line.dropped = 4711;
	assert_json(&line, "{" COMMON ", \"text\": \"\", \"dropped\": 4711}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_of_text_has_no_raw),
		cmocka_unit_test(line_of_bytes_comes_twice),
		cmocka_unit_test(line_that_is_an_event_says_what_it_tells),
		cmocka_unit_test(line_says_what_it_says_of_itself),
		cmocka_unit_test(line_with_a_nul_in_what_it_says_can_be_read),
		cmocka_unit_test(line_tells_what_is_special_about_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
