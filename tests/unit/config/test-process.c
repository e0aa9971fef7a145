/* SPDX-License-Identifier: MIT */
#include "config/parse.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "lib/units.h"
#include "tests/unit/config/process-text.h"

static void assert_argv(const char *members, const char *expected)
{
	struct config *c = config_with(members);
	cleanup_free char *got = words(c->processes[0].argv);

	assert_string_equal(got, expected);
	config_unref(c);
}

static void process_of_a_command_has_defaults(void **state)
{
	struct config *c = config_with("'command': 'p'");
	const struct config_process *s = &c->processes[0];

	assert_int_equal(c->n_processes, 1);
	assert_string_equal(s->name, "s");
	assert_string_equal(s->cwd, "/srv/keep");
	assert_int_equal(s->type, CONFIG_TYPE_SERVICE);
	assert_int_equal(s->instances, 1);
	assert_true(s->autostart);
	assert_false(s->merge_streams);
	assert_int_equal(s->restart_when, CONFIG_RESTART_ALWAYS);
	assert_int_equal(s->restart_delay_usec, 100 * USEC_PER_MSEC);
	assert_int_equal(s->restart_max_delay_usec, 30 * USEC_PER_SEC);
	assert_int_equal(s->restart_max, 0);
	assert_int_equal(s->stop_signal, SIGTERM);
	assert_int_equal(s->stop_timeout_usec, 10 * USEC_PER_SEC);
	assert_int_equal(s->drain_usec, 10 * USEC_PER_SEC);
	assert_int_equal(s->min_healthy_usec, USEC_PER_SEC);
	assert_int_equal(s->ready.kind, CONFIG_PROBE_UP_FOR);
	assert_int_equal(s->ready.up_for_usec, USEC_PER_SEC);
	assert_int_equal(s->ready.timeout_usec, 30 * USEC_PER_SEC);
	assert_int_equal(s->health.kind, CONFIG_PROBE_NONE);
	assert_true(s->limits.memory_max == LIMIT_UNSET);
	assert_true(s->limits.open_files == LIMIT_UNSET);
	assert_false(s->limits.has_oom_score);
	assert_null(s->user);
	assert_null(s->env_file);
	assert_null(c->warnings);
	assert_int_equal(c->segment_bytes, 16 << 20);
	config_unref(c);
}

static void oneshot_is_never_restarted_and_has_time(void **state)
{
	struct config *c = config_with("'command': 'p', 'type': 'oneshot'");
	const struct config_process *s = &c->processes[0];

	assert_int_equal(s->type, CONFIG_TYPE_ONESHOT);
	assert_int_equal(s->restart_when, CONFIG_RESTART_NEVER);
	assert_int_equal(s->ready.kind, CONFIG_PROBE_NONE);
	assert_true(s->ready.timeout_usec == USEC_INFINITY);
	config_unref(c);
	c = config_with("'command': 'p', 'type': 'oneshot', 'ready': {'timeout': '10m'}");
	assert_int_equal(c->processes[0].ready.timeout_usec, 10 * USEC_PER_MINUTE);
	config_unref(c);
}

static void oneshot_has_no_probe_and_an_end(void **state)
{
	assert_error_with("'type': 'oneshot', 'restart': {'when': 'always'}",
			  "processes.s.restart.when: a oneshot that succeeded is done: "
			  "'on-failure' or 'never'");
	assert_error_with("'type': 'oneshot', 'ready': {'notify': true}",
			  "processes.s.ready: a oneshot is ready when it has exited with 0");
	assert_error_with("'type': 'oneshot', 'health': {'exec': 'x'}",
			  "processes.s.health: a oneshot has an end and no health");
}

static void args_take_any_shape(void **state)
{
	assert_argv("'command': 'p'", "[p]");
	assert_argv("'command': 'p', 'args': 'a  \\\"b c\\\" d\\\\ e'", "[p][a][b c][d e]");
	assert_argv("'command': 'p', 'args': ''", "[p]");
	assert_argv("'command': 'p', 'args': ['', 7, 0.5, true, null, {'x': [1]}]",
		    "[p][][7][0.5][true][null][{\"x\":[1]}]");
	assert_argv("'command': 'p', 'args': {'host': '::', 'port': 1}",
		    "[p][{\"host\":\"::\",\"port\":1}]");
	assert_argv("'command': 'p', 'args': 7505", "[p][7505]");
	assert_argv("'command': 'p', 'args': []", "[p]");
	assert_error_with("'args': 'a \\\"b'", "processes.s.args: a quote that is not closed");
}

static void script_gets_its_interpreter(void **state)
{
	static const char *const rows[][2] = {
		{"main.js", "[node][/srv/keep/main.js]"}, {"m.mjs", "[node][/srv/keep/m.mjs]"},
		{"m.cjs", "[node][/srv/keep/m.cjs]"},     {"m.py", "[python3][/srv/keep/m.py]"},
		{"m.rb", "[ruby][/srv/keep/m.rb]"},       {"m.sh", "[sh][/srv/keep/m.sh]"},
		{"m.pl", "[perl][/srv/keep/m.pl]"},       {"m.php", "[php][/srv/keep/m.php]"},
		{"../x/serve", "[/srv/x/serve]"},         {"/usr/bin/serve", "[/usr/bin/serve]"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char members[128];

		(void)snprintf(members, sizeof(members), "'script': '%s'", rows[i][0]);
		assert_argv(members, rows[i][1]);
	}
}

static void command_with_script_runs_command_script_args(void **state)
{
	assert_argv("'command': 'deno', 'script': 'm.js', 'args': ['x']",
		    "[deno][/srv/keep/m.js][x]");
}

static void command_with_a_slash_starts_at_the_cwd(void **state)
{
	assert_argv("'command': 'bin/x', 'cwd': '../shop'", "[/srv/shop/bin/x]");
	assert_argv("'command': './x'", "[/srv/keep/x]");
	assert_argv("'command': '/bin/x'", "[/bin/x]");
	assert_argv("'command': 'x', 'cwd': '/tmp'", "[x]");
}

static void command_with_arguments_says_where_they_belong(void **state)
{
	assert_config_error("{'processes': {'s': {'command': 'node server.js'}}}",
			    "1: processes.s.command: 'node server.js' is a program with arguments: "
			    "write \"command\": \"node\" and the rest as \"args\"");
	assert_config_error("{'processes': {'s': {'command': 'python3 /srv/app.py'}}}",
			    "1: processes.s.command: 'python3 /srv/app.py' is a program with "
			    "arguments: write \"command\": \"python3\" and the rest as \"args\"");
	assert_argv("'command': '/opt/My App/run'", "[/opt/My App/run]");
}

static void process_without_program_is_an_error(void **state)
{
	assert_config_error("{'processes': {'s': {}}}",
			    "1: processes.s: needs a 'command' or a 'script'");
	assert_config_error("{'processes': {'s': {'command': ''}}}",
			    "1: processes.s.command: must not be empty");
	assert_config_error("{'processes': {'s': []}}",
			    "1: processes.s: must be an object, not an array");
}

static void paths_start_at_the_configs_folder(void **state)
{
	struct config *c = config_with("'command': 'p', 'cwd': '../shop', 'env_file': '.env'");

	assert_string_equal(c->processes[0].cwd, "/srv/shop");
	assert_string_equal(c->processes[0].env_file, "/srv/keep/.env");
	config_unref(c);
}

static void env_keeps_its_order_and_makes_text(void **state)
{
	struct config *c = config_with("'command': 'p', 'env': {'B': 1, 'A': 'x=y', 'C': true,"
				       " 'D': '', 'E': 0.1}");
	cleanup_free char *env = words(c->processes[0].env);

	assert_string_equal(env, "[B=1][A=x=y][C=true][D=][E=0.1]");
	config_unref(c);
}

static void env_refuses_what_is_no_variable(void **state)
{
	assert_error_with("'env': {'A=B': 1}",
			  "processes.s.env[\"A=B\"]: no name of an environment variable");
	assert_error_with("'env': {'': 1}",
			  "processes.s.env[\"\"]: no name of an environment variable");
	assert_error_with("'env': {'A': null}",
			  "processes.s.env.A: must be a text, number or boolean, not null");
	assert_error_with("'env': {'A': []}",
			  "processes.s.env.A: must be a text, number or boolean, not an array");
	assert_error_with(
		"'env': {'NOTIFY_SOCKET': '/x'}",
		"processes.s.env.NOTIFY_SOCKET: is set by slicekeep itself: leave it out");
	assert_error_with("'env': ['A=1']", "processes.s.env: must be an object, not an array");
}

static void unknown_key_suggests_the_nearest(void **state)
{
	assert_error_with("'limts': {}", "processes.s.limts: unknown key, did you mean 'limits'?");
	assert_error_with("'limits': {'memory_mx': 1}",
			  "processes.s.limits.memory_mx: unknown key, did you mean 'memory_max'?");
	assert_error_with("'stop': {'kill': 1}",
			  "processes.s.stop.kill: unknown key; known are: signal timeout");
}

static void wrong_types_are_errors(void **state)
{
	assert_error_with("'cwd': 7", "processes.s.cwd: must be a string, not an integer");
	assert_error_with("'autostart': 'yes'",
			  "processes.s.autostart: must be true or false, not a string");
	assert_error_with("'instances': 1.5", "processes.s.instances: must be an integer, not a "
					      "fraction");
	assert_error_with("'after': 'db'", "processes.s.after: must be an array, not a string");
	assert_error_with("'groups': [1]",
			  "processes.s.groups.0: must be a string, not an integer");
	assert_error_with("'limits': []", "processes.s.limits: must be an object, not an array");
	assert_error_with("'type': true", "processes.s.type: must be a word, not a boolean");
	assert_error_with("'ports': 80", "processes.s.ports: must be an array of ports, not an "
					 "integer");
	assert_error_with(
		"'stop': {'timeout': []}",
		"processes.s.stop.timeout: must be a duration such as \"10s\", not an array");
	assert_error_with("'stop': {'signal': 15}",
			  "processes.s.stop.signal: must be a signal such as \"SIGTERM\", not an "
			  "integer");
}

static void words_suggest_the_nearest(void **state)
{
	assert_error_with("'restart': {'when': 'on_failure'}",
			  "processes.s.restart.when: unknown 'on_failure', did you mean "
			  "'on-failure'?");
	assert_error_with("'type': 'daemon'",
			  "processes.s.type: unknown 'daemon': one of 'service', 'oneshot'");
	assert_error_with("'stop': {'signal': 'TERM'}",
			  "processes.s.stop.signal: 'TERM' is no signal to stop with, did you mean "
			  "'SIGTERM'?");
}

static void durations_need_a_unit_and_a_range(void **state)
{
	assert_error_with("'stop': {'timeout': 5}",
			  "processes.s.stop.timeout: a duration needs a unit: \"5s\" or \"5ms\"");
	assert_error_with("'stop': {'timeout': 'soon'}",
			  "processes.s.stop.timeout: 'soon' is no duration: write \"100ms\", "
			  "\"10s\", \"1h30m\"");
	assert_error_with("'stop': {'timeout': '2d'}",
			  "processes.s.stop.timeout: '2d' is out of range: 0ms to 1d");
	assert_error_with("'restart': {'delay': '5s', 'max_delay': '1s'}",
			  "processes.s.restart: delay is longer than max_delay");
}

static void delay_above_the_default_raises_max_delay(void **state)
{
	struct config *c = config_with("'command': 'p', 'restart': {'delay': '1m'}");

	assert_int_equal(c->processes[0].restart_max_delay_usec, USEC_PER_MINUTE);
	config_unref(c);
}

static void limits_are_read(void **state)
{
	struct config *c = config_with(
		"'command': 'p', 'limits': {'memory_low': 0, 'memory_high': '200M',"
		" 'memory_max': 268435456, 'swap_max': 'max', 'cpu_weight': 10000, 'cpu_quota':"
		" '150%', 'cpus': '0-3,6', 'io_weight': 1, 'io_read_max': '1.5M', 'io_write_max':"
		" 4096, 'io_path': 'data', 'tasks_max': 'max', 'open_files': 4096, 'oom_score': "
		"-5}");
	const struct config_limits *l = &c->processes[0].limits;

	assert_int_equal(l->memory_low, 0);
	assert_int_equal(l->memory_high, 200 << 20);
	assert_int_equal(l->memory_max, 256 << 20);
	assert_true(l->swap_max == SIZE_INFINITY);
	assert_true(l->memory_min == LIMIT_UNSET);
	assert_int_equal(l->cpu_weight, 10000);
	assert_int_equal(l->cpu_quota_percent, 150);
	assert_string_equal(l->cpus, "0-3,6");
	assert_int_equal(l->io_read_max, 1572864);
	assert_string_equal(l->io_path, "/srv/keep/data");
	assert_true(l->tasks_max == SIZE_INFINITY);
	assert_int_equal(l->open_files, 4096);
	assert_int_equal(l->oom_score, -5);
	assert_true(l->has_oom_score);
	config_unref(c);
}

static void limits_out_of_range_are_errors(void **state)
{
	assert_error_with("'limits': {'memory_max': 0}",
			  "processes.s.limits.memory_max: 0 bytes are too few, at least 1M");
	assert_error_with("'limits': {'memory_max': 256}",
			  "processes.s.limits.memory_max: 256 bytes are too few, at least 1M: did "
			  "you mean \"256M\"?");
	assert_error_with("'limits': {'memory_max': '5X'}",
			  "processes.s.limits.memory_max: '5X' is no size: write bytes, \"64M\", "
			  "\"1.5G\" or \"max\"");
	assert_error_with("'limits': {'memory_max': -1}",
			  "processes.s.limits.memory_max: -1 is no size");
	assert_error_with("'limits': {'memory_max': '16777215T'}",
			  "processes.s.limits.memory_max: is more than any machine has");
	assert_error_with("'limits': {'cpu_weight': 0}",
			  "processes.s.limits.cpu_weight: 0 is out of range: 1 to 10000");
	assert_error_with("'limits': {'cpu_quota': '0%'}",
			  "processes.s.limits.cpu_quota: '0%' is no share of one CPU: \"1%\" to "
			  "\"100000%\"");
	assert_error_with("'limits': {'oom_score': 1001}",
			  "processes.s.limits.oom_score: 1001 is out of range: -1000 to 1000");
	assert_error_with("'limits': {'open_files': 3}",
			  "processes.s.limits.open_files: 3 is out of range: 16 to 1048576");
}

static void cpu_lists_are_checked(void **state)
{
	static const char *const bad[] = {"a",  "1-",  "-1",  "1,",
					  ",1", "3-1", "1 2", "0-99999999999"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char members[128];

		(void)snprintf(members, sizeof(members), "'limits': {'cpus': '%s'}", bad[i]);
		assert_non_null(strstr(error_with(members), "is no list of CPUs"));
	}
}

static void memory_high_above_max_is_a_warning(void **state)
{
	struct config *c = config_with("'command': 'p', 'limits': {'memory_high': '2G',"
				       " 'memory_max': '1G'}");

	assert_string_equal(c->warnings[0], "processes.s.limits: memory_high is above memory_max "
					    "and has no effect");
	config_unref(c);
}

static void later_keys_are_validated_kept_and_warned_about(void **state)
{
	struct config *c = config_with(
		"'command': 'p', 'instances': 2, 'schedule': '03:00', 'watch': ['src/**'],"
		" 'exclusive': true, 'drain': '5s', 'min_healthy_time': '2s', 'max_parallel': 2");
	const json_t *later = c->processes[0].later;

	assert_int_equal(json_object_size(later), 7);
	assert_string_equal(json_string_value(json_object_get(later, "schedule")), "03:00");
	assert_int_equal(strings_len(c->warnings), 1);
	assert_string_equal(
		c->warnings[0],
		"processes.s.{instances,schedule,watch,exclusive,drain,min_healthy_time,"
		"max_parallel}: accepted, not carried out by this build");
	config_unref(c);
}

static void later_keys_that_are_wrong_are_errors(void **state)
{
	assert_error_with("'watch': [1]", "processes.s.watch.0: must be a string, not an integer");
	assert_error_with("'max_parallel': 65",
			  "processes.s.max_parallel: 65 is out of range: 1 to 64");
	assert_error_with("'instances': 65", "processes.s.instances: 65 is out of range: 1 to 64");
	assert_error_with("'schedule': ''", "processes.s.schedule: must not be empty");
}

static void sandbox_is_off_and_empty_by_default(void **state)
{
	struct config *c = config_with("'command': 'p'");

	assert_int_equal(c->processes[0].sandbox, CONFIG_SANDBOX_OFF);
	assert_int_equal(strings_len(c->processes[0].writable), 0);
	assert_int_equal(strings_len(c->processes[0].credentials), 0);
	config_unref(c);
}

static void sandbox_paths_are_absolute(void **state)
{
	struct config *c = config_with("'command': 'p', 'sandbox': 'default', 'writable': ['data',"
				       " '/srv/x'], 'credentials': {'pg': '/etc/pg', 'b': 'c'}");
	const struct config_process *p = &c->processes[0];

	assert_int_equal(p->sandbox, CONFIG_SANDBOX_DEFAULT);
	assert_string_equal(p->writable[0], "/srv/keep/data");
	assert_string_equal(p->writable[1], "/srv/x");
	assert_string_equal(p->credentials[0], "pg:/etc/pg");
	assert_string_equal(p->credentials[1], "b:/srv/keep/c");
	assert_int_equal(strings_len(c->warnings), 0);
	config_unref(c);
}

static void writable_without_a_sandbox_is_warned_about(void **state)
{
	struct config *c = config_with("'command': 'p', 'writable': ['/x']");

	assert_string_equal(c->warnings[0], "processes.s.writable: has no effect without "
					    "\"sandbox\": \"default\"");
	config_unref(c);
}

static void sandbox_that_is_wrong_is_an_error(void **state)
{
	assert_error_with("'sandbox': 'strict'",
			  "processes.s.sandbox: unknown 'strict': one of 'off', 'default'");
	assert_error_with("'writable': 'data'",
			  "processes.s.writable: must be an array, not a string");
	assert_error_with("'credentials': {'a b': '/x'}",
			  "processes.s.credentials[\"a b\"]: no valid name: a-z, 0-9, '-', '_'");
	assert_error_with("'credentials': ['/x']",
			  "processes.s.credentials: must be an object of files, not an array");
}

static void warning_of_many_processes_is_one_line(void **state)
{
	cleanup_text struct text t = {0};
	struct config *c;

	text_add(&t, "{'processes': {");
	for (int i = 0; i < 500; i++)
		text_addf(&t, "%s's%d': {'command': 'p', 'exclusive': true}", i > 0 ? "," : "", i);
	text_add(&t, "}}");
	c = config_of(t.data);
	assert_int_equal(strings_len(c->warnings), 1);
	assert_string_equal(c->warnings[0],
			    "processes.s0.exclusive: accepted, not carried out by this build "
			    "(also s1, s2, s3 and 496 more)");
	config_unref(c);
}

static void log_of_a_process_is_read(void **state)
{
	struct config *c = config_with("'command': 'p', 'merge_streams': true, 'log': {'policy':"
				       " 'drop', 'max_total': '64M', 'max_age': '7d'}");
	const struct config_process *s = &c->processes[0];

	assert_true(s->merge_streams);
	assert_int_equal(s->log.policy, CONFIG_LOG_DROP);
	assert_int_equal(s->log.max_total_bytes, 64 << 20);
	assert_int_equal(s->log.max_age_usec, 7 * USEC_PER_DAY);
	assert_null(c->warnings);
	config_unref(c);
}

static void restart_and_stop_are_read(void **state)
{
	struct config *c = config_with("'command': 'p', 'restart': {'when': 'on-failure', 'delay':"
				       " '1s', 'max_delay': '1m', 'max_restarts': 3}, 'stop':"
				       " {'signal': 'SIGINT', 'timeout': '0'}, 'autostart': false");
	const struct config_process *s = &c->processes[0];

	assert_int_equal(s->restart_when, CONFIG_RESTART_ON_FAILURE);
	assert_int_equal(s->restart_delay_usec, USEC_PER_SEC);
	assert_int_equal(s->restart_max_delay_usec, USEC_PER_MINUTE);
	assert_int_equal(s->restart_max, 3);
	assert_int_equal(s->stop_signal, SIGINT);
	assert_int_equal(s->stop_timeout_usec, 0);
	assert_false(s->autostart);
	config_unref(c);
}

static void too_much_is_refused(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "{'processes': {'s': {'command': 'p', 'args': ['x'");
	for (int i = 0; i < 4000; i++)
		text_add(&t, ",1");
	text_add(&t, "]}}}");
	assert_string_equal(config_error(t.data), "1: processes.s.args: more than 4000 arguments");
}

static void very_long_argument_is_refused(void **state)
{
	cleanup_text struct text t = {0};

	text_add(&t, "{'processes': {'s': {'command': 'p', 'args': ['");
	for (int i = 0; i < 131072 / 8; i++)
		text_add(&t, "xxxxxxxx");
	text_add(&t, "']}}}");
	assert_string_equal(config_error(t.data),
			    "1: processes.s.args: entry 0 is longer than 131071 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(process_of_a_command_has_defaults),
		cmocka_unit_test(oneshot_is_never_restarted_and_has_time),
		cmocka_unit_test(oneshot_has_no_probe_and_an_end),
		cmocka_unit_test(args_take_any_shape),
		cmocka_unit_test(script_gets_its_interpreter),
		cmocka_unit_test(command_with_script_runs_command_script_args),
		cmocka_unit_test(command_with_a_slash_starts_at_the_cwd),
		cmocka_unit_test(command_with_arguments_says_where_they_belong),
		cmocka_unit_test(process_without_program_is_an_error),
		cmocka_unit_test(paths_start_at_the_configs_folder),
		cmocka_unit_test(env_keeps_its_order_and_makes_text),
		cmocka_unit_test(env_refuses_what_is_no_variable),
		cmocka_unit_test(unknown_key_suggests_the_nearest),
		cmocka_unit_test(wrong_types_are_errors),
		cmocka_unit_test(words_suggest_the_nearest),
		cmocka_unit_test(durations_need_a_unit_and_a_range),
		cmocka_unit_test(delay_above_the_default_raises_max_delay),
		cmocka_unit_test(limits_are_read),
		cmocka_unit_test(limits_out_of_range_are_errors),
		cmocka_unit_test(cpu_lists_are_checked),
		cmocka_unit_test(memory_high_above_max_is_a_warning),
		cmocka_unit_test(later_keys_are_validated_kept_and_warned_about),
		cmocka_unit_test(later_keys_that_are_wrong_are_errors),
		cmocka_unit_test(sandbox_is_off_and_empty_by_default),
		cmocka_unit_test(sandbox_paths_are_absolute),
		cmocka_unit_test(writable_without_a_sandbox_is_warned_about),
		cmocka_unit_test(sandbox_that_is_wrong_is_an_error),
		cmocka_unit_test(warning_of_many_processes_is_one_line),
		cmocka_unit_test(log_of_a_process_is_read),
		cmocka_unit_test(restart_and_stop_are_read),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(very_long_argument_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
