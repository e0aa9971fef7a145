/* SPDX-License-Identifier: MIT */

/*
 * What is told to the collector and heard of it. The connection and the time line are played by the
 * test.
 */

#include "supervisor/log-keeping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/model.h"
#include "supervisor/collector-link.h"
#include "supervisor/events.h"

#define TOLD_MAX 8

static struct config_process processes[] = {
	{.name = (char *)"plain"},
	{.name = (char *)"capped", .log = {.max_total_bytes = 1000}},
	{.name = (char *)"short", .log = {.max_age_usec = 7}},
};
static struct config config = {.refs = 1,
			       .processes = processes,
			       .n_processes = ARRAY_LEN(processes),
			       .log_max_age_usec = 100};

static struct log_keeping *keeping;
static struct collector_user *user;
static bool is_connected;
static int code_of_send;
static struct intake_retain told[TOLD_MAX];
static size_t n_told;
static char announced[LOG_KEEPING_NOTE_MAX];
static size_t n_announced;

void collector_link_join(struct collector_link *c, struct collector_user *u)
{
	user = u;
}

void collector_link_leave(struct collector_user *u)
{
	assert_ptr_equal(u, user);
}

int collector_link_send(struct collector_link *c, const void *frame, size_t n_bytes, const int *fds,
			size_t n_fds)
{
	if (!is_connected)
		return -ENOTCONN;
	assert_int_equal(n_bytes, sizeof(told[0]));
	assert_int_equal(n_fds, 0);
	assert_true(n_told < TOLD_MAX);
	if (code_of_send == 0)
		memcpy(&told[n_told++], frame, n_bytes);
	return code_of_send;
}

void events_add(struct events *e, const struct event *event)
{
	assert_string_equal(event->kind, "log");
	(void)snprintf(announced, sizeof(announced), "%s %s", event->service, event->text);
	n_announced++;
}

static int setup(void **state)
{
	is_connected = false;
	n_told = n_announced = 0;
	code_of_send = 0;
	return log_keeping_new(NULL, NULL, &keeping);
}

static int teardown(void **state)
{
	log_keeping_free(keeping);
	assert_int_equal(config.refs, 1);
	return 0;
}

static void connect_now(void)
{
	is_connected = true;
	n_told = 0;
	user->connected(user->userdata);
}

/* --- rules ------------------------------------------------------------------------------------ */

static void assert_told(size_t i, const char *name, uint64_t max_bytes, usec_t max_age_usec)
{
	assert_int_equal(told[i].magic, INTAKE_MAGIC);
	assert_int_equal(told[i].kind, INTAKE_RETAIN);
	assert_string_equal(told[i].name, name);
	assert_int_equal(told[i].max_bytes, max_bytes);
	assert_int_equal(told[i].max_age_usec, max_age_usec);
	assert_true(told[i].round > 0 && told[i].round == told[0].round);
}

static void collector_that_comes_is_told_all_and_the_common_rule_last(void **state)
{
	log_keeping_change(keeping, &config);
	assert_int_equal(n_told, 0);
	connect_now();
	assert_int_equal(n_told, 3);
	assert_told(0, "capped", 1000, 100);
	assert_told(1, "short", 0, 7);
	assert_told(2, "", 0, 100);
}

static void each_telling_is_a_round_of_its_own(void **state)
{
	uint64_t round;

	log_keeping_change(keeping, &config);
	connect_now();
	round = told[0].round;
	while (told[0].round == round) { /* the clock has only microseconds */
		n_told = 0;
		log_keeping_change(keeping, &config);
		assert_int_equal(n_told, 3);
	}
	assert_true(told[0].round > round);
}

static void without_a_config_nothing_is_told(void **state)
{
	connect_now();
	assert_int_equal(n_told, 0);
}

static void telling_that_fails_ends_without_the_common_rule(void **state)
{
	is_connected = true;
	code_of_send = -ENOBUFS;
	log_keeping_change(keeping, &config);
	assert_int_equal(n_told, 0);
}

/* --- troubles --------------------------------------------------------------------------------- */

static void hear(const char *name, uint16_t stream, uint32_t policy, int code)
{
	struct intake_frame frame = {.magic = INTAKE_MAGIC,
				     .kind = INTAKE_TROUBLE,
				     .stream = stream,
				     .policy = policy,
				     .life = (uint64_t)code};

	(void)snprintf(frame.name, sizeof(frame.name), "%s", name);
	user->answered(&frame, user->userdata);
}

static void assert_note(const char *service, const char *note)
{
	char buf[LOG_KEEPING_NOTE_MAX];
	const char *said = log_keeping_note(keeping, service, buf);

	if (note)
		assert_string_equal(said, note);
	else
		assert_null(said);
}

static void trouble_is_noted_and_announced_once(void **state)
{
	hear("db", INTAKE_STREAM_OUT, INTAKE_POLICY_BLOCK, ENOSPC);
	hear("db", INTAKE_STREAM_ERR, INTAKE_POLICY_BLOCK, ENOSPC);
	assert_note("db", "its output is held up: No space left on device");
	assert_note("shop", NULL);
	assert_int_equal(n_announced, 1);
	assert_string_equal(announced, "db its output is held up: No space left on device");
}

static void trouble_ends_with_that_of_the_last_stream(void **state)
{
	hear("db", INTAKE_STREAM_OUT, INTAKE_POLICY_DROP, ENOSPC);
	hear("db", INTAKE_STREAM_ERR, INTAKE_POLICY_DROP, ENOSPC);
	hear("db", INTAKE_STREAM_OUT, INTAKE_POLICY_DROP, 0);
	assert_note("db", "its output is dropped: No space left on device");
	assert_int_equal(n_announced, 1);
	hear("db", INTAKE_STREAM_ERR, INTAKE_POLICY_DROP, 0);
	assert_note("db", NULL);
	assert_int_equal(n_announced, 2);
	assert_string_equal(announced, "db its output is stored again");
}

static void trouble_goes_with_its_collector(void **state)
{
	hear("db", INTAKE_STREAM_OUT, INTAKE_POLICY_BLOCK, EDQUOT);
	hear("db", INTAKE_STREAM_ERR, INTAKE_POLICY_BLOCK, EDQUOT);
	assert_int_equal(n_announced, 1);
	connect_now();
	assert_note("db", NULL);
	assert_int_equal(n_announced, 2);
	assert_string_equal(announced, "db another collector takes its output");
	connect_now();
	assert_int_equal(n_announced, 2);
	hear("db", INTAKE_STREAM_OUT, INTAKE_POLICY_BLOCK, EDQUOT);
	assert_string_equal(announced, "db its output is held up: Disk quota exceeded");
}

static void end_of_no_trouble_is_nothing(void **state)
{
	hear("db", INTAKE_STREAM_OUT, INTAKE_POLICY_BLOCK, 0);
	assert_int_equal(n_announced, 0);
}

static void answers_to_others_are_left_to_them(void **state)
{
	struct intake_frame frame = {.kind = INTAKE_DRAINED, .life = ENOSPC, .name = "db"};

	user->answered(&frame, user->userdata);
	assert_note("db", NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(collector_that_comes_is_told_all_and_the_common_rule_last),
		CASE(each_telling_is_a_round_of_its_own),
		CASE(without_a_config_nothing_is_told),
		CASE(telling_that_fails_ends_without_the_common_rule),
		CASE(trouble_is_noted_and_announced_once),
		CASE(trouble_ends_with_that_of_the_last_stream),
		CASE(trouble_goes_with_its_collector),
		CASE(end_of_no_trouble_is_nothing),
		CASE(answers_to_others_are_left_to_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
