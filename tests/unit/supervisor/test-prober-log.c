/* SPDX-License-Identifier: MIT */

/*
 * Probes that wait for a line, with a collector that the test plays itself.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "config/model.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/paths.h"
#include "lib/varlink/server.h"
#include "supervisor/prober.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

struct world {
	struct temp temp;
	struct loop *loop;
	struct paths paths;
	struct prober *prober;
	/* the collector */
	struct varlink_server *collector;
	struct varlink_call *follow;
	json_t *filter;
	const char *pattern_error;
	/* what was answered */
	struct probe *probe;
	unsigned n_answers;
	enum probe_outcome outcome;
	char text[200];
};

static void on_probe(enum probe_outcome outcome, const char *text, void *userdata)
{
	struct world *w = userdata;

	w->probe = NULL;
	w->n_answers++;
	w->outcome = outcome;
	snprintf(w->text, sizeof(w->text), "%s", text);
}

static bool has_answer(void *userdata)
{
	return ((struct world *)userdata)->n_answers > 0;
}

static void assert_answer(struct world *w, enum probe_outcome outcome, const char *text)
{
	assert_true(until(w->loop, has_answer, w));
	assert_int_equal(w->n_answers, 1);
	assert_string_equal(w->text, text);
	assert_int_equal(w->outcome, outcome);
}

static void on_follow_gone(void *userdata)
{
	((struct world *)userdata)->follow = NULL;
}

static int method_follow(struct varlink_call *call, json_t *parameters, void *userdata,
			 struct error *err)
{
	struct world *w = userdata;

	if (w->pattern_error)
		return error_set_id(err, -EINVAL, "io.slicekeep.log.BadPattern", "%s",
				    w->pattern_error);
	json_decref(w->filter);
	w->filter = json_deep_copy(json_object_get(parameters, "filter"));
	w->follow = call;
	varlink_call_watch(call, on_follow_gone, NULL, w);
	return 0;
}

static const struct varlink_method methods[] = {
	{"Follow", VARLINK_ROLE_READ, method_follow},
};

static const struct varlink_interface interface = {
	.name = "io.slicekeep.log",
	.text = "interface io.slicekeep.log\nmethod Follow(filter: object) -> (lines: []object)\n",
	.methods = methods,
	.n_methods = ARRAY_LEN(methods),
};

static void open_collector(struct world *w)
{
	assert_int_equal(varlink_server_new(w->loop, NULL, w, &w->collector), 0);
	assert_int_equal(varlink_server_add(w->collector, &interface), 0);
	assert_int_equal(
		varlink_server_listen(w->collector, fd_unix_listen(temp_path(&w->temp, "log.sock"),
								   SOCK_STREAM, 0600)),
		0);
}

static void close_collector(struct world *w)
{
	varlink_server_free(w->collector);
	w->collector = NULL;
	w->follow = NULL;
}

static bool is_followed(void *userdata)
{
	return ((struct world *)userdata)->follow != NULL;
}

static bool is_not_followed(void *userdata)
{
	return !is_followed(userdata);
}

static void say(struct world *w, json_t *line)
{
	assert_true(varlink_call_continue(w->follow, line ? json_pack("{s:[o]}", "lines", line)
							  : json_pack("{s:[]}", "lines")));
}

static void begin_log(struct world *w, usec_t timeout_usec)
{
	struct probe_subject subject = {.name = "shop", .instance = 2, .life = 42};
	struct probe_asker asker = {.fn = on_probe, .userdata = w};
	struct config_probe what = {
		.kind = CONFIG_PROBE_LOG,
		.target = (char *)"^ready",
		.timeout_usec = timeout_usec,
	};

	w->n_answers = 0;
	assert_int_equal(prober_start(w->prober, &what, &subject, &asker, &w->probe, NULL), 0);
	assert_int_equal(w->n_answers, 0);
}

static void prober_log_first_line_is_the_answer(void **state)
{
	struct world *w = *state;

	open_collector(w);
	begin_log(w, 10 * USEC_PER_SEC);
	assert_true(until(w->loop, is_followed, w));
	assert_string_equal(json_get_string(w->filter, "grep"), "^ready");
	assert_int_equal(json_get_uint(w->filter, "instance", 0), 2);
	assert_int_equal(json_get_uint(w->filter, "since_life", 0), 42);
	assert_int_equal(json_array_size(json_object_get(w->filter, "names")), 1);
	say(w, NULL);
	say(w, json_pack("{s:s, s:i}", "text", "", "dropped", 5));
	say(w, json_pack("{s:s}", "text", "ready to go"));
	assert_answer(w, PROBE_PASSED, "a line matched");
}

static void prober_log_waits_for_a_collector_that_is_away(void **state)
{
	struct world *w = *state;

	begin_log(w, 15 * USEC_PER_SEC);
	open_collector(w);
	assert_true(until(w->loop, is_followed, w));
	close_collector(w);
	open_collector(w);
	assert_true(until(w->loop, is_followed, w));
	say(w, json_pack("{s:s}", "text", "ready"));
	assert_answer(w, PROBE_PASSED, "a line matched");
}

static void prober_log_without_a_line_is_a_timeout(void **state)
{
	struct world *w = *state;

	open_collector(w);
	begin_log(w, 3 * USEC_PER_SEC); /* in which a slow machine gets so far as to follow */
	assert_true(until(w->loop, is_followed, w));
	assert_answer(w, PROBE_FAILED, "timeout after 3s");
	close_collector(w);
	begin_log(w, 50 * USEC_PER_MSEC);
	assert_answer(w, PROBE_FAILED, "timeout after 50ms");
}

static void prober_log_bad_pattern_is_an_answer(void **state)
{
	struct world *w = *state;

	open_collector(w);
	w->pattern_error = "unmatched (\033[31m";
	begin_log(w, 10 * USEC_PER_SEC);
	assert_answer(w, PROBE_FAILED, "unmatched (\\x1b[31m");
}

static void prober_log_cancelled_lets_the_collector_go(void **state)
{
	struct world *w = *state;

	open_collector(w);
	begin_log(w, 10 * USEC_PER_SEC);
	assert_true(until(w->loop, is_followed, w));
	probe_cancel(w->probe);
	assert_true(until(w->loop, is_not_followed, w));
	assert_int_equal(w->n_answers, 0);
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){0};
	temp_init(&w.temp);
	w.paths.run = w.temp.path;
	*state = &w;
	if (loop_new(&w.loop) < 0)
		return -1;
	return prober_new(w.loop, &w.paths, &w.prober);
}

static int teardown(void **state)
{
	struct world *w = *state;

	prober_free(w->prober);
	varlink_server_free(w->collector);
	json_decref(w->filter);
	loop_free(w->loop);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prober_log_first_line_is_the_answer),
		TEST(prober_log_waits_for_a_collector_that_is_away),
		TEST(prober_log_without_a_line_is_a_timeout),
		TEST(prober_log_bad_pattern_is_an_answer),
		TEST(prober_log_cancelled_lets_the_collector_go),
	};

	return cmocka_run_group_tests_name("prober-log", tests, NULL, NULL);
}
