/* SPDX-License-Identifier: MIT */
/*
 * What the certification sends to and fro, in one table for both ends.
 *
 * Peers differ in what they may: a float without a fraction arrives as an integer, a nullable
 * member that is null may be absent. They do not differ in anything else.
 */
#include "tests/certification/chain.h"

#include <stdio.h>
#include <string.h>

#define STRUCT "\"bool\":false,\"int\":2,\"float\":3.141592653589793,\"string\":\"a lot of string\""
#define MAP "{\"bar\":\"Bar\",\"foo\":\"Foo\"}"
#define SET "{\"one\":{},\"two\":{},\"three\":{}}"
#define MYTYPE                                                                                \
	"{\"object\":{\"method\":\"org.varlink.certification.Test09\","                       \
	"\"parameters\":{\"map\":" MAP "}},"                                                  \
	"\"enum\":\"two\",\"struct\":{\"first\":1,\"second\":\"2\"},"                         \
	"\"array\":[\"one\",\"two\",\"three\"],\"dictionary\":" MAP ",\"stringset\":" SET "," \
	"\"nullable\":null,\"nullable_array_struct\":null,"                                   \
	"\"interface\":{\"foo\":[null,{\"Foo\":\"foo\",\"Bar\":\"bar\"},null,"                \
	"{\"one\":\"foo\",\"two\":\"bar\"}],\"anon\":{\"foo\":true,\"bar\":false}}}"
#define REPLY(n) "\"Reply number " #n "\""

const struct chain_test chain_tests[CHAIN_TESTS] = {
	{"Test01", CHAIN_WAY_CALL, "{}", "{\"bool\":true}"},
	{"Test02", CHAIN_WAY_CALL, "{\"bool\":true}", "{\"int\":1}"},
	{"Test03", CHAIN_WAY_CALL, "{\"int\":1}", "{\"float\":1.0}"},
	{"Test04", CHAIN_WAY_CALL, "{\"float\":1.0}", "{\"string\":\"ping\"}"},
	{"Test05", CHAIN_WAY_CALL, "{\"string\":\"ping\"}", "{" STRUCT "}"},
	{"Test06", CHAIN_WAY_CALL, "{" STRUCT "}", "{\"struct\":{" STRUCT "}}"},
	{"Test07", CHAIN_WAY_CALL, "{\"struct\":{" STRUCT "}}", "{\"map\":" MAP "}"},
	{"Test08", CHAIN_WAY_CALL, "{\"map\":" MAP "}", "{\"set\":" SET "}"},
	{"Test09", CHAIN_WAY_CALL, "{\"set\":" SET "}", "{\"mytype\":" MYTYPE "}"},
	{"Test10", CHAIN_WAY_MORE, "{\"mytype\":" MYTYPE "}", "{\"string\":\"Reply number \"}"},
	{"Test11", CHAIN_WAY_ONEWAY,
	 "{\"last_more_replies\":[" REPLY(1) "," REPLY(2) "," REPLY(3) "," REPLY(4) "," REPLY(
		 5) "," REPLY(6) "," REPLY(7) "," REPLY(8) "," REPLY(9) "," REPLY(10) "]}",
	 "{}"},
};

json_t *chain_answer(const struct chain_test *t, int i)
{
	json_t *answer = json_loads(t->gives, 0, NULL);

	if (answer && t->way == CHAIN_WAY_MORE &&
	    json_object_set_new(answer, "string", json_sprintf("Reply number %d", i)) < 0) {
		json_decref(answer);
		return NULL;
	}
	return answer;
}

/* Descends into what we want, so no peer decides how deep. */
static bool value_matches(const json_t *wanted, const json_t *got)
{
	const char *key;
	json_t *member;
	size_t i, n_present = 0;

	if (!got || json_is_null(wanted))
		return json_is_null(wanted) && (!got || json_is_null(got));
	if (json_is_real(wanted))
		return json_is_number(got) && json_number_value(got) == json_real_value(wanted);
	if (json_typeof(wanted) != json_typeof(got))
		return false;
	if (json_is_array(wanted)) {
		json_array_foreach(wanted, i, member)
			if (!value_matches(member, json_array_get(got, i)))
				return false;
		return json_array_size(wanted) == json_array_size(got);
	}
	if (!json_is_object(wanted))
		return json_equal(wanted, got);
	json_object_foreach((json_t *)wanted, key, member) {
		if (!value_matches(member, json_object_get(got, key)))
			return false;
		n_present += json_object_get(got, key) != NULL;
	}
	return n_present == json_object_size(got);
}

bool chain_matches(const char *wanted, const json_t *got)
{
	json_t *value = json_loads(wanted, 0, NULL);
	bool matches = value && value_matches(value, got);

	json_decref(value);
	return matches;
}
