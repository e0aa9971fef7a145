/* SPDX-License-Identifier: MIT */
#include "cli/service-table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/json.h"
#include "lib/text.h"

static const struct style plain;

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static const char services_text[] =
	"[{\"name\": \"site\", \"state\": \"running\", \"desired\": \"run\", \"pid\": 10,"
	"  \"uptime_usec\": 3000000, \"restarts\": 0, \"ports\": [8000], \"after\": [],"
	"  \"cpu_usec\": 34000, \"memory_bytes\": 9437184,"
	"  \"waits_for\": [], \"slots\": [{\"instance\": 0, \"state\": \"running\", \"pid\": 10,"
	"  \"ports\": [8000]}]},"
	" {\"name\": \"worker\", \"state\": \"starting\", \"desired\": \"run\", \"restarts\": 0,"
	"  \"ports\": [], \"after\": [\"site\"], \"waits_for\": [\"site\"], \"note\":"
	"  \"waits for site\"},"
	" {\"name\": \"moody\", \"state\": \"backoff\", \"desired\": \"run\", \"restarts\": 3,"
	"  \"ports\": [], \"ended\": {\"cause\": \"exit\", \"code\": 1}},"
	" {\"name\": \"stubborn\", \"state\": \"running\", \"desired\": \"run\","
	"  \"uptime_usec\": 3000000, \"restarts\": 0, \"processes\": 4, \"after\": [\"site\"],"
	"  \"cpu_usec\": 1534000, \"memory_bytes\": 125829120, \"memory_max_bytes\": 268435456,"
	"  \"listening\": [80, 443]},"
	" {\"name\": \"calm\", \"state\": \"stopped\", \"desired\": \"stop\", \"restarts\": 1},"
	" {\"name\": \"log\", \"state\": \"running\", \"desired\": \"run\", \"system\": true,"
	"  \"pid\": 11, \"uptime_usec\": 4000000, \"restarts\": 0}]";

static void table_tells_what_is_odd_about_a_service(void **state)
{
	cleanup_json json_t *services = parse(services_text);
	cleanup_text struct text out = {0};

	assert_int_equal(service_table(services, 0, &plain, 0, &out), 0);
	assert_string_equal(
		out.data,
		"SERVICE   STATE     UP  CPU   MEMORY     RESTARTS    PORTS\n"
		"site      running   3s  3%    9M         0           8000\n"
		"worker    starting  -   -     -          0           -       waits for site\n"
		"moody     backoff   -   -     -          3 (exit 1)  -       why moody\n"
		"stubborn  running   3s  153%  120M/256M  0           80 443  after site, "
		"4 processes\n"
		"calm      stopped   -   -     -          1           -\n"
		"log       running   4s  -     -          0           -       part of "
		"slicekeep\n");
}

static void table_uptime_goes_on_between_answers(void **state)
{
	cleanup_json json_t *services = parse(services_text);
	cleanup_text struct text out = {0};

	assert_int_equal(service_table(services, 2 * USEC_PER_SEC, &plain, 0, &out), 0);
	assert_non_null(strstr(out.data, "site      running   5s"));
	assert_non_null(strstr(out.data, "moody     backoff   -"));
}

static void table_survives_an_answer_without_anything_in_it(void **state)
{
	cleanup_json json_t *services = parse("[{}, {\"name\": 1, \"state\": []}]");
	cleanup_text struct text out = {0};

	assert_int_equal(service_table(services, 0, &plain, 0, &out), 0);
	assert_string_equal(out.data, "SERVICE  STATE  UP  CPU  MEMORY  RESTARTS  PORTS\n"
				      "?        ?      -   -    -       0         -\n"
				      "?        ?      -   -    -       0         -\n");
}

static void footer_counts_what_is_ours(void **state)
{
	cleanup_json json_t *status =
		parse("{\"processes\": 2, \"keepers\": 7, \"pss_bytes\": 5347738, \"limits_note\": "
		      "\"limits not "
		      "enforced: no cgroups\","
		      " \"warnings\": [\"\\\"schedule\\\" is not carried out yet\"]}");
	cleanup_text struct text out = {0};

	service_footer(status, true, &out);
	assert_string_equal(out.data, "warning: \"schedule\" is not carried out yet\n"
				      "limits not enforced: no cgroups\n"
				      "slicekeep itself: 2 daemons, 7 keepers, 5.1M\n");
}

static void footer_says_why_there_are_no_limits_in_one_line(void **state)
{
	cleanup_json json_t *bracket = parse(
		"{\"limits_note\": \"limits not enforced: no controllers here (boot it anew)\"}");
	cleanup_json json_t *path = parse(
		"{\"limits_note\": \"limits not enforced: the cgroup "
		"\\\"/sys/fs/cgroup/system.slice/some-unit.service\\\" is not delegated to us\"}");
	cleanup_text struct text out = {0};

	service_footer(bracket, false, &out);
	service_footer(path, false, &out);
	assert_string_equal(out.data, "limits not enforced: no controllers here\n"
				      "limits not enforced: the cgroup "
				      "\"/sys/fs/cgroup/system.slice/some-unit.service\"…\n");
}

static void footer_is_silent_where_nothing_is_to_be_said(void **state)
{
	cleanup_json json_t *status = parse("{\"keepers\": 1, \"warnings\": []}");
	cleanup_text struct text out = {0};

	service_footer(status, false, &out);
	assert_int_equal(out.len, 0);
}

static void export_has_null_where_the_wire_has_nothing(void **state)
{
	cleanup_json json_t *services = parse(services_text);
	cleanup_json json_t *exported = service_exported(services);
	const json_t *moody = json_array_get(exported, 2);
	const json_t *site = json_array_get(exported, 0);
	const json_t *slot = json_array_get(json_object_get(site, "slots"), 0);

	assert_true(json_is_null(json_object_get(moody, "pid")));
	assert_int_equal(json_get_uint(site, "pid", 0), 10);
	assert_true(json_is_null(json_object_get(slot, "next_start_usec")));
	/* The answer itself stays as it was. */
	assert_null(json_object_get(json_array_get(services, 2), "pid"));
}

static void list_is_settled_when_nothing_is_on_its_way(void **state)
{
	static const struct {
		const char *service;
		bool settled;
	} rows[] = {
		{"[]", true},
		{"[{\"state\": \"running\"}, {\"state\": \"failed\"}, {\"state\": \"done\"}]",
		 true},
		{"[{\"state\": \"running\"}, {\"state\": \"starting\"}]", false},
		{"[{\"state\": \"stopping\"}]", false},
		{"[{\"state\": \"backoff\"}]", true},
		{"[{\"state\": \"stopped\", \"desired\": \"stop\"}]", true},
		{"[{\"state\": \"stopped\", \"desired\": \"run\"}]", false},
		{"[{\"state\": \"stopped\"}]", false},
		{"[{\"state\": \"failed\"}, {\"state\": \"starting\", \"waits_for\": [\"a\"]}]",
		 true},
		{"[{\"state\": \"starting\"}, {\"state\": \"starting\", \"waits_for\": [\"a\"]}]",
		 false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cleanup_json json_t *services = parse(rows[i].service);

		assert_int_equal(service_list_settled(services), rows[i].settled);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_tells_what_is_odd_about_a_service),
		cmocka_unit_test(table_uptime_goes_on_between_answers),
		cmocka_unit_test(table_survives_an_answer_without_anything_in_it),
		cmocka_unit_test(footer_counts_what_is_ours),
		cmocka_unit_test(footer_says_why_there_are_no_limits_in_one_line),
		cmocka_unit_test(footer_is_silent_where_nothing_is_to_be_said),
		cmocka_unit_test(export_has_null_where_the_wire_has_nothing),
		cmocka_unit_test(list_is_settled_when_nothing_is_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
