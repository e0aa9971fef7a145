/* SPDX-License-Identifier: MIT */

/*
 * Readiness and health with a prober of our own: what it answers is decided by the test.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/model.h"
#include "lib/clock.h"
#include "lib/error.h"
#include "supervisor/readiness.h"

/** struct prober - answers the next probes with these, then with the last one for ever */
struct prober {
	const char *answers; /* + passed, - failed, ? unknown, x cannot be started, . never ends */
	unsigned n_started;
	unsigned n_cancelled;
	struct loop *loop;
	struct loop_timer timer;
	probe_fn fn;
	void *userdata;
	enum probe_outcome outcome;
};

struct world {
	struct loop *loop;
	struct prober prober;
	struct readiness readiness;
	enum readiness_result result;
	unsigned n_results;
};

static void on_answer(void *userdata)
{
	struct prober *p = userdata;

	p->fn(p->outcome, p->outcome == PROBE_PASSED ? "ok" : "connection refused", p->userdata);
}

int prober_start(struct prober *p, const struct config_probe *what,
		 const struct probe_subject *subject, const struct probe_asker *asker,
		 struct probe **ret_probe, struct error *err)
{
	char answer = *p->answers;

	p->n_started++;
	if (p->answers[1])
		p->answers++;
	if (answer == 'x')
		return error_set(err, -EAGAIN, "no probe today");
	p->fn = asker->fn;
	p->userdata = asker->userdata;
	p->outcome = answer == '+' ? PROBE_PASSED : answer == '-' ? PROBE_FAILED : PROBE_UNKNOWN;
	*ret_probe = (struct probe *)p;
	return answer == '.' ? 0 : loop_timer_set(&p->timer, 0);
}

void probe_cancel(struct probe *probe)
{
	struct prober *p = (struct prober *)probe;

	if (!p)
		return;
	p->n_cancelled++;
	assert_int_equal(loop_timer_set(&p->timer, USEC_INFINITY), 0);
}

static void on_result(enum readiness_result result, void *userdata)
{
	struct world *w = userdata;

	w->result = result;
	w->n_results++;
	loop_stop(w->loop, 0);
}

static int setup(void **fixture)
{
	static struct world w;

	w = (struct world){0};
	if (loop_new(&w.loop) < 0 ||
	    loop_timer_init(&w.prober.timer, w.loop, on_answer, &w.prober) < 0)
		return -1;
	w.prober.loop = w.loop;
	*fixture = &w;
	return readiness_init(&w.readiness, w.loop, &w.prober, on_result, &w);
}

static int teardown(void **fixture)
{
	struct world *w = *fixture;

	readiness_done(&w->readiness);
	loop_timer_done(&w->prober.timer);
	loop_free(w->loop);
	return 0;
}

static const struct probe_subject nobody = {.name = "shop"};

static void await(struct world *w, const char *answers, const struct config_probe *what)
{
	w->prober.answers = answers;
	readiness_await(&w->readiness, what, &nobody, clock_now_usec());
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->n_results, 1);
}

static void readiness_probe_is_repeated_until_it_succeeds(void **fixture)
{
	struct config_probe tcp = {.kind = CONFIG_PROBE_TCP, .timeout_usec = USEC_PER_MINUTE};
	struct world *w = *fixture;

	await(w, "-x?-+", &tcp);
	assert_int_equal(w->result, READINESS_OK);
	assert_int_equal(w->prober.n_started, 5);
}

static void readiness_past_its_timeout_is_late_and_says_why(void **fixture)
{
	struct config_probe tcp = {.kind = CONFIG_PROBE_TCP, .timeout_usec = 30 * USEC_PER_MSEC};
	struct world *w = *fixture;

	await(w, "-", &tcp);
	assert_int_equal(w->result, READINESS_LATE);
	assert_string_equal(w->readiness.text, "connection refused");
}

static void readiness_late_cancels_the_probe_that_hangs(void **fixture)
{
	struct config_probe tcp = {.kind = CONFIG_PROBE_TCP, .timeout_usec = 10 * USEC_PER_MSEC};
	struct world *w = *fixture;

	await(w, ".", &tcp);
	assert_int_equal(w->result, READINESS_LATE);
	assert_int_equal(w->prober.n_cancelled, 1);
}

static void readiness_up_for_needs_no_probe(void **fixture)
{
	struct config_probe up = {.kind = CONFIG_PROBE_UP_FOR, .up_for_usec = 5 * USEC_PER_MSEC};
	struct world *w = *fixture;

	await(w, "-", &up);
	assert_int_equal(w->result, READINESS_OK);
	assert_int_equal(w->prober.n_started, 0);
}

static void readiness_notify_only_has_a_deadline(void **fixture)
{
	struct config_probe notify = {.kind = CONFIG_PROBE_NOTIFY,
				      .timeout_usec = 5 * USEC_PER_MSEC};
	struct world *w = *fixture;

	await(w, "+", &notify);
	assert_int_equal(w->result, READINESS_LATE);
	assert_int_equal(w->prober.n_started, 0);
}

static void readiness_log_probe_that_ends_without_a_match_is_late(void **fixture)
{
	struct config_probe log = {.kind = CONFIG_PROBE_LOG, .timeout_usec = USEC_PER_MINUTE};
	struct world *w = *fixture;

	await(w, "-", &log);
	assert_int_equal(w->result, READINESS_LATE);
}

static void readiness_log_probe_that_nobody_could_make_is_repeated(void **fixture)
{
	struct config_probe log = {.kind = CONFIG_PROBE_LOG, .timeout_usec = USEC_PER_MINUTE};
	struct world *w = *fixture;

	await(w, "x+", &log);
	assert_int_equal(w->result, READINESS_OK);
}

static void health_failures_in_a_row_are_counted(void **fixture)
{
	struct config_probe http = {.kind = CONFIG_PROBE_HTTP, .every_usec = 1, .failures = 3};
	struct world *w = *fixture;

	w->prober.answers = "+--+-?-x-";
	readiness_watch(&w->readiness, &http, &nobody);
	assert_int_equal(loop_run(w->loop), 0);
	assert_int_equal(w->result, READINESS_UNHEALTHY);
	assert_int_equal(w->prober.n_started, 9);
}

static void readiness_ended_says_nothing_any_more(void **fixture)
{
	struct config_probe tcp = {.kind = CONFIG_PROBE_TCP, .timeout_usec = 5 * USEC_PER_MSEC};
	struct config_probe up = {.kind = CONFIG_PROBE_UP_FOR, .up_for_usec = 20 * USEC_PER_MSEC};
	struct world *w = *fixture;

	w->prober.answers = ".";
	readiness_await(&w->readiness, &tcp, &nobody, clock_now_usec());
	readiness_end(&w->readiness);
	await(w, ".", &up);
	assert_int_equal(w->result, READINESS_OK);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WORLD(readiness_probe_is_repeated_until_it_succeeds),
		WITH_WORLD(readiness_past_its_timeout_is_late_and_says_why),
		WITH_WORLD(readiness_late_cancels_the_probe_that_hangs),
		WITH_WORLD(readiness_up_for_needs_no_probe),
		WITH_WORLD(readiness_notify_only_has_a_deadline),
		WITH_WORLD(readiness_log_probe_that_ends_without_a_match_is_late),
		WITH_WORLD(readiness_log_probe_that_nobody_could_make_is_repeated),
		WITH_WORLD(health_failures_in_a_row_are_counted),
		WITH_WORLD(readiness_ended_says_nothing_any_more),
	};

	return cmocka_run_group_tests_name("readiness", tests, NULL, NULL);
}
