/* SPDX-License-Identifier: MIT */
#include "config/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/config/process-text.h"

static void probes_are_read(void **state)
{
	struct config *c =
		config_with("'command': 'p', 'ready': {'tcp': 8080, 'timeout': '5s'},"
			    " 'health': {'exec': 'check --fast \\\"a b\\\"', 'every': '1s',"
			    " 'timeout': '2s', 'failures': 5}");
	const struct config_process *s = &c->processes[0];
	cleanup_free char *argv = words(s->health.argv);

	assert_int_equal(s->ready.kind, CONFIG_PROBE_TCP);
	assert_string_equal(s->ready.target, "127.0.0.1:8080");
	assert_int_equal(s->ready.timeout_usec, 5 * USEC_PER_SEC);
	assert_int_equal(s->health.kind, CONFIG_PROBE_EXEC);
	assert_string_equal(argv, "[check][--fast][a b]");
	assert_int_equal(s->health.every_usec, USEC_PER_SEC);
	assert_int_equal(s->health.timeout_usec, 2 * USEC_PER_SEC);
	assert_int_equal(s->health.failures, 5);
	config_unref(c);
}

static void probe_targets_name_a_port_of_this_machine(void **state)
{
	static const char *const good[] = {"'tcp': '8080'",
					   "'tcp': 'localhost:80'",
					   "'tcp': '[::1]:80'",
					   "'tcp': '${PORT}'",
					   "'tcp': '127.0.0.1:${PORT}'",
					   "'http': 'http://localhost:80'",
					   "'http': 'http://[::1]:${PORT}/health?x=1'",
					   "'http': 'http://127.0.0.1:80/a:b@c'"};
	static const char *const bad[] = {"'tcp': 'x'",
					  "'tcp': 0",
					  "'tcp': 65536",
					  "'tcp': 'example.org:80'",
					  "'tcp': ''",
					  "'http': 'http://127.0.0.1/health'",
					  "'http': 'ftp://127.0.0.1:80/'",
					  "'http': 'http://example.org:80/'",
					  "'http': '127.0.0.1:80'",
					  "'http': 'https://127.0.0.1:1'",
					  "'http': 'http://127.0.0.1:80/a b'",
					  "'http': 'http://x@127.0.0.1:80/'",
					  "'http': 80"};
	char members[256];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		(void)snprintf(members, sizeof(members),
			       "'command': 'p', 'ports': ['${PORT}'], 'ready': {%s}", good[i]);
		config_unref(config_with(members));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(members, sizeof(members), "'ready': {%s}", bad[i]);
		assert_non_null(error_with(members));
	}
}

static void probes_that_make_no_sense_are_errors(void **state)
{
	assert_error_with("'ready': {'notify': true, 'tcp': 80}",
			  "processes.s.ready.tcp: one kind of probe is enough: 'notify' is there "
			  "already");
	assert_error_with("'ready': {'notify': false}",
			  "processes.s.ready.notify: must be true, or left out");
	assert_error_with("'health': {'every': '1s'}",
			  "processes.s.health: one of notify, tcp, http, exec is missing");
	assert_error_with(
		"'health': {'log': 'x'}",
		"processes.s.health.log: unknown key; known are: notify tcp http exec every "
		"timeout failures");
	assert_error_with("'ready': {'exec': []}", "processes.s.ready.exec: must name a program");
	assert_error_with("'ready': {'exec': ''}", "processes.s.ready.exec: must name a program");
	assert_error_with("'ready': {'exec': [null]}",
			  "processes.s.ready.exec: entry 0 must be a text, not null");
	assert_error_with("'ready': {'log': '('}",
			  "processes.s.ready.log: '(' cannot be used: Unmatched ( or \\(");
	assert_error_with("'ready': {'up_for': '20s', 'timeout': '10s'}",
			  "processes.s.ready.timeout: is over before up_for is");
}

static void up_for_beyond_the_default_timeout_moves_it(void **state)
{
	struct config *c = config_with("'command': 'p', 'ready': {'up_for': '1m'}");

	assert_int_equal(c->processes[0].ready.timeout_usec, 2 * USEC_PER_MINUTE);
	config_unref(c);
}

static void probe_on_a_shared_listen_is_an_error(void **state)
{
	assert_error_with("'listen': '0.0.0.0:80', 'ready': {'tcp': 80}",
			  "processes.s.ready: on a shared `listen` any instance would answer, or "
			  "none: use notify, log or exec");
	assert_error_with("'listen': ['0.0.0.0:80'], 'health': {'http': 'http://127.0.0.1:80/'}",
			  "processes.s.health: on a shared `listen` any instance would answer, or "
			  "none: use notify, log or exec");
}

static void probe_with_a_slots_port_needs_one(void **state)
{
	assert_error_with("'ready': {'tcp': '${PORT}'}",
			  "processes.s.ready: names ${PORT}, but 'ports' has no \"${PORT}\"");
	assert_error_with("'instances': 2, 'ports': ['${PORT}'], 'health': {'tcp': 80}",
			  "processes.s.health: with several instances it must name ${PORT}");
}

static void fixed_port_with_several_instances_is_an_error(void **state)
{
	assert_error_with(
		"'instances': 2, 'ports': [8080]",
		"processes.s.ports: a fixed port with several instances: write \"${PORT}\" "
		"or use 'listen'");
}

static void ports_are_checked(void **state)
{
	assert_error_with("'ports': [0]", "processes.s.ports.0: is no port: 1 to 65535");
	assert_error_with("'ports': [-1]", "processes.s.ports.0: is no port: 1 to 65535");
	assert_error_with("'ports': [65536]", "processes.s.ports.0: is no port: 1 to 65535");
	assert_error_with("'ports': [80, 'http']",
			  "processes.s.ports.1: 'http' is no port: 1 to 65535, or \"${PORT}\"");
	assert_error_with("'ports': [true]",
			  "processes.s.ports.0: must be a port or \"${PORT}\", not a boolean");
}

static void listen_takes_one_a_list_or_named_ones(void **state)
{
	struct config *c = config_with("'command': 'p', 'listen': {'http': '0.0.0.0:80',"
				       " 'admin': '/run/s.sock'}");

	assert_int_equal(c->processes[0].n_listen, 2);
	assert_string_equal(c->processes[0].listen[1].name, "admin");
	assert_string_equal(c->processes[0].listen[1].address, "/run/s.sock");
	config_unref(c);
	c = config_with("'command': 'p', 'listen': ['0.0.0.0:80', '[::]:80']");
	assert_int_equal(c->processes[0].n_listen, 2);
	assert_string_equal(c->processes[0].listen[0].name, "s");
	config_unref(c);
	assert_error_with("'listen': 'example.org:80'",
			  "processes.s.listen: 'example.org:80' is no address: write "
			  "\"127.0.0.1:8080\", \"[::]:80\" or the absolute path of a socket");
	assert_error_with(
		"'listen': {'A b': '0.0.0.0:80'}",
		"processes.s.listen[\"A b\"]: no valid name for a socket: a-z, 0-9, '-', '_'");
	assert_error_with("'listen': [80]",
			  "processes.s.listen.0: must be an address, not an integer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_are_read),
		cmocka_unit_test(probe_targets_name_a_port_of_this_machine),
		cmocka_unit_test(probes_that_make_no_sense_are_errors),
		cmocka_unit_test(up_for_beyond_the_default_timeout_moves_it),
		cmocka_unit_test(probe_on_a_shared_listen_is_an_error),
		cmocka_unit_test(probe_with_a_slots_port_needs_one),
		cmocka_unit_test(fixed_port_with_several_instances_is_an_error),
		cmocka_unit_test(ports_are_checked),
		cmocka_unit_test(listen_takes_one_a_list_or_named_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
