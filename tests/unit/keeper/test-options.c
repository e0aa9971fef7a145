/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/options.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/keeper/reserve.h"

static struct spec_fault fault;

static int parse(char **argv, struct options *o)
{
	char *env[] = {(char *)"PATH=/bin", (char *)"NOTIFY_SOCKET=/x", (char *)"A=1", NULL};

	fault.text[0] = '\0';
	return options_parse(argv, env, o, &fault);
}

#define words(...) ((char *[]){(char *)"keeper", __VA_ARGS__, NULL})

static void program_comes_after_the_dashes(void **state)
{
	struct options o;

	assert_int_equal(parse(words((char *)"--name", (char *)"shop", (char *)"--", (char *)"--x",
				     (char *)"y"),
			       &o),
			 0);
	assert_string_equal(o.spec.name, "shop");
	assert_int_equal(o.spec.n_argv, 2);
	assert_string_equal(o.spec.argv[0], "--x");
	assert_null(o.spec.argv[2]);
}

static void first_word_without_a_dash_is_the_program(void **state)
{
	struct options o;

	assert_int_equal(parse(words((char *)"sleep", (char *)"--name", (char *)"5"), &o), 0);
	assert_int_equal(o.spec.n_argv, 3);
	assert_string_equal(o.spec.name, "keeper");
}

static void environment_is_passed_but_for_the_keepers_own(void **state)
{
	struct options o;

	assert_int_equal(parse(words((char *)"true"), &o), 0);
	assert_int_equal(o.spec.n_env, 2);
	assert_string_equal(o.spec.env[1], "A=1");
}

static void too_large_an_environment_is_refused(void **state)
{
	static char *env[SPEC_ENV_MAX + 2];
	struct options o;

	for (size_t i = 0; i <= SPEC_ENV_MAX; i++)
		env[i] = (char *)"A=1";
	assert_int_equal(options_parse(words((char *)"true"), env, &o, &fault), -E2BIG);
	assert_string_equal(fault.text, "too many variables");
	env[SPEC_ENV_MAX] = NULL;
	assert_int_equal(options_parse(words((char *)"true"), env, &o, &fault), 0);
	assert_ptr_equal(o.spec.env, reserve.env);
}

static void values_are_read(void **state)
{
	struct options o;
	int r = parse(words((char *)"--restart=on-failure", (char *)"--delay", (char *)"1ms",
			    (char *)"--max-delay", (char *)"2m", (char *)"--max-restarts",
			    (char *)"9", (char *)"--stop-signal=SIGINT", (char *)"--stop-timeout=3",
			    (char *)"--instance=4", (char *)"--intake=/i", (char *)"--cgroup=/c",
			    (char *)"--watchdog=5s", (char *)"--sweep=main", (char *)"--oneshot",
			    (char *)"--control", (char *)"/s", (char *)"true"),
		      &o);

	assert_int_equal(r, 0);
	assert_int_equal(o.spec.rule.restart, MACHINE_RESTART_ON_FAILURE);
	assert_int_equal(o.spec.rule.backoff.delay_usec, USEC_PER_MSEC);
	assert_int_equal(o.spec.rule.backoff.max_delay_usec, 2 * USEC_PER_MINUTE);
	assert_int_equal(o.spec.rule.backoff.max_restarts, 9);
	assert_int_equal(o.spec.stop_signal, SIGINT);
	assert_int_equal(o.spec.rule.stop_usec, 3 * USEC_PER_SEC);
	assert_int_equal(o.spec.instance, 4);
	assert_string_equal(o.spec.intake, "/i");
	assert_string_equal(o.spec.cgroup, "/c");
	assert_int_equal(o.spec.watchdog_usec, 5 * USEC_PER_SEC);
	assert_true(o.spec.is_sweeping_main);
	assert_true(o.is_oneshot && o.spec.rule.is_oneshot);
	assert_string_equal(o.control, "/s");
	assert_int_equal(o.control_fd, -1);
}

static void signals_have_names_and_numbers(void **state)
{
	static const struct {
		const char *word;
		int number;
	} signals[] = {{"TERM", SIGTERM}, {"SIGQUIT", SIGQUIT}, {"12", 12}, {"64", 64}};
	struct options o;

	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		assert_int_equal(parse(words((char *)"--stop-signal", (char *)signals[i].word,
					     (char *)"true"),
				       &o),
				 0);
		assert_int_equal(o.spec.stop_signal, signals[i].number);
	}
}

static void refuse(char **argv, const char *text)
{
	struct options o;

	assert_int_equal(parse(argv, &o), -EINVAL);
	assert_string_equal(fault.text, text);
}

static void wrong_words_are_explained(void **state)
{
	refuse(words((char *)"--nam", (char *)"x"), "--nam: unknown option (see --help)");
	refuse(words((char *)"--name"), "--name: needs a value (see --help)");
	refuse(words((char *)"--name="), "--name: '' is not a value that it takes (see --help)");
	refuse(words((char *)"--start=1"), "--start: takes no value (see --help)");
	refuse(words((char *)"--stop-signal=NONE", (char *)"x"),
	       "--stop-signal: 'NONE' is not a value that it takes (see --help)");
	refuse(words((char *)"--stop-signal=0", (char *)"x"),
	       "--stop-signal: '0' is not a value that it takes (see --help)");
	refuse(words((char *)"--delay=9999999h", (char *)"x"),
	       "--delay: '9999999h' is not a value that it takes (see --help)");
	refuse(words((char *)"--control=/s", (char *)"--control-fd=3", (char *)"x"),
	       "--control: not together with --control-fd (see --help)");
}

static void there_must_be_something_to_run(void **state)
{
	const char *text = "what is to run?: give PROGRAM after -- or --spec FILE (see --help)";

	refuse((char *[]){(char *)"keeper", NULL}, text);
	refuse(words((char *)"--"), text);
	refuse(words((char *)"--spec=/s", (char *)"--", (char *)"x"), text);
}

static void help_needs_nothing_to_run(void **state)
{
	struct options o;

	assert_int_equal(parse(words((char *)"--help"), &o), 0);
	assert_true(o.is_help);
	assert_int_equal(parse(words((char *)"--version"), &o), 0);
	assert_true(o.is_version);
	assert_non_null(strstr(options_help(), "--stop-timeout"));
}

static void unit_is_a_main_process_with_a_control_socket(void **state)
{
	struct options o;

	assert_int_equal(
		parse(words((char *)"--unit", (char *)"--control=/run/x", (char *)"true"), &o), 0);
	assert_int_equal(o.unit, OPTIONS_UNIT_MAIN);
	assert_int_equal(parse(words((char *)"--unit", (char *)"true"), &o), -EINVAL);
	assert_string_equal(fault.text, "--unit: needs --control (see --help)");
	assert_int_equal(parse(words((char *)"--unit", (char *)"--control=/run/x",
				     (char *)"--cgroup=/c", (char *)"true"),
			       &o),
			 -EINVAL);
}

static void end_of_a_unit_has_no_program(void **state)
{
	struct options o;

	assert_int_equal(parse(words((char *)"--unit-stop", (char *)"--control=/run/x"), &o), 0);
	assert_int_equal(o.unit, OPTIONS_UNIT_STOP);
	assert_int_equal(parse(words((char *)"--unit-stopped", (char *)"--control=/run/x"), &o), 0);
	assert_int_equal(o.unit, OPTIONS_UNIT_STOPPED);
	assert_int_equal(
		parse(words((char *)"--unit-stopped", (char *)"--control=/run/x", (char *)"true"),
		      &o),
		-EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_comes_after_the_dashes),
		cmocka_unit_test(first_word_without_a_dash_is_the_program),
		cmocka_unit_test(environment_is_passed_but_for_the_keepers_own),
		cmocka_unit_test(too_large_an_environment_is_refused),
		cmocka_unit_test(values_are_read),
		cmocka_unit_test(signals_have_names_and_numbers),
		cmocka_unit_test(wrong_words_are_explained),
		cmocka_unit_test(there_must_be_something_to_run),
		cmocka_unit_test(help_needs_nothing_to_run),
		cmocka_unit_test(unit_is_a_main_process_with_a_control_socket),
		cmocka_unit_test(end_of_a_unit_has_no_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
