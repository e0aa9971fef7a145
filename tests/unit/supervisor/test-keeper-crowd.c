/* SPDX-License-Identifier: MIT */

/*
 * The link to a keeper whose service crashes again and again, among others like it. The keeper is
 * the test. Naps last for an hour here, so that nothing that was heard has waited for their end.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/fd.h"
#include "supervisor/crowd.h"
#include "supervisor/keeper-link.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

/** Others in the crowd, who never say anything; with them it is large enough to nap. */
#define N_OTHERS CROWD_NAP_FROM
/** So many looks at the loop that whatever is listened to has been heard. */
#define LOOKS 20

struct world {
	struct temp temp;
	struct loop *loop;
	struct crowd *crowd;
	struct crowd_member others[N_OTHERS];
	int others_pipe[2];
	int listener;
	int keeper; /* the keeper's end */
	struct keeper_link *link;
	uint64_t life; /* of the last death that was heard of */
	unsigned n_snapshots, n_exits, n_gone;
	unsigned n_wanted, n_looks;
	bool hang_up;
};

static void on_snapshot(const struct keeper_snapshot *snapshot unused, void *userdata)
{
	struct world *w = userdata;

	w->n_snapshots++;
	if (w->hang_up) {
		keeper_link_free(w->link);
		w->link = NULL;
	}
}

static void on_exited(const struct keeper_exit *report, void *userdata)
{
	struct world *w = userdata;

	w->life = report->life;
	w->n_exits++;
}

static void on_answer(const struct keeper_answer *answer unused, void *userdata unused)
{
}

static void on_gone(void *userdata)
{
	((struct world *)userdata)->n_gone++;
}

static const struct keeper_link_events handlers = {
	.snapshot = on_snapshot,
	.exited = on_exited,
	.answer = on_answer,
	.gone = on_gone,
};

static struct keeper_header header(enum keeper_message message)
{
	return (struct keeper_header){
		.magic = KEEPER_MAGIC,
		.version = KEEPER_VERSION,
		.message = (uint16_t)message,
	};
}

static void say(const struct world *w, const void *message, size_t n_bytes)
{
	assert_int_equal(fd_send(w->keeper, message, n_bytes, NULL, 0), 0);
}

static void say_snapshot(const struct world *w, enum keeper_state state)
{
	struct keeper_snapshot snapshot = {
		.header = header(KEEPER_MESSAGE_SNAPSHOT),
		.state = state,
	};

	say(w, &snapshot, sizeof(snapshot));
}

static bool is_gone(void *userdata)
{
	return ((struct world *)userdata)->n_gone > 0;
}

static bool has_snapshot(void *userdata)
{
	return ((struct world *)userdata)->n_snapshots > 0;
}

/* A life of a crash loop: one of many that die at once. */
static void say_death(const struct world *w, uint64_t life)
{
	struct keeper_exit report = {
		.header = header(KEEPER_MESSAGE_EXIT),
		.life = life,
		.n_failures = KEEPER_BUDGET_FROM,
		.uptime_usec = USEC_PER_MSEC,
		.next_usec = clock_now_usec() + USEC_PER_HOUR,
	};

	say(w, &report, sizeof(report));
}

static bool has_exits(void *userdata)
{
	const struct world *w = userdata;

	return w->n_exits >= w->n_wanted;
}

static bool hears(struct world *w, unsigned n_exits)
{
	w->n_wanted = n_exits;
	return until(w->loop, has_exits, w);
}

static bool has_looked(void *userdata)
{
	return ++((struct world *)userdata)->n_looks >= LOOKS;
}

static void say_answer(const struct world *w)
{
	struct keeper_answer answer = {.header = header(KEEPER_MESSAGE_ANSWER), .serial = 1};

	say(w, &answer, sizeof(answer));
}

static bool is_silent(struct world *w)
{
	unsigned n_exits = w->n_exits, n_snapshots = w->n_snapshots;

	w->n_looks = 0;
	return until(w->loop, has_looked, w) && w->n_exits == n_exits &&
	       w->n_snapshots == n_snapshots;
}

/* It answers that we have subscribed; in the crowd, the second of two deaths begins a nap. */
static void fall_asleep(struct world *w)
{
	say_answer(w);
	for (uint64_t life = 1; life <= 2; life++) {
		say_death(w, life);
		assert_true(hears(w, w->n_exits + 1));
	}
	say_death(w, 3);
	assert_true(is_silent(w));
}

static void keeper_link_of_a_crash_loop_naps_with_the_others(void **state)
{
	struct world *w = *state;

	fall_asleep(w);
	assert_int_equal(w->n_exits, 2);
	assert_int_equal(w->n_gone, 0);
}

static void keeper_link_that_is_told_something_is_heard_at_once(void **state)
{
	struct world *w = *state;

	fall_asleep(w);
	assert_int_equal(keeper_link_command(w->link, KEEPER_STOP, NULL), 0);
	assert_true(hears(w, 3));
	assert_int_equal(w->life, 3);
	say_snapshot(w, KEEPER_BACKOFF);
	say_death(w, 4);
	assert_true(hears(w, 4));
	w->n_snapshots = 0;
	say_snapshot(w, KEEPER_IDLE);
	assert_true(until(w->loop, has_snapshot, w));
}

static void keeper_link_that_was_answered_naps_again(void **state)
{
	struct world *w = *state;

	fall_asleep(w);
	assert_int_equal(keeper_link_command(w->link, KEEPER_SIGNAL, NULL), 0);
	assert_true(hears(w, 3));
	say_answer(w);
	say_death(w, 4);
	assert_true(hears(w, 4));
	say_death(w, 5);
	assert_true(is_silent(w));
}

/* Nobody waits for what comes of these. */
static void keeper_link_that_is_told_to_hold_naps_on(void **state)
{
	static const enum keeper_command told[] = {KEEPER_HOLD, KEEPER_READY, KEEPER_RELOAD};
	struct world *w = *state;

	fall_asleep(w);
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		assert_int_equal(keeper_link_command(w->link, told[i], NULL), 0);
		assert_true(is_silent(w));
	}
}

static void keeper_link_of_a_service_that_lives_is_heard_at_once(void **state)
{
	struct world *w = *state;

	say_answer(w);
	say_death(w, 1);
	say_snapshot(w, KEEPER_BACKOFF);
	assert_true(until(w->loop, has_snapshot, w));
	w->n_snapshots = 0;
	say_snapshot(w, KEEPER_RUNNING);
	assert_true(until(w->loop, has_snapshot, w));
	for (unsigned i = 0; i < 3; i++) {
		w->n_snapshots = 0;
		say_snapshot(w, KEEPER_RUNNING);
		assert_true(until(w->loop, has_snapshot, w));
	}
}

/* Each of these has too much to say, or is waited for by somebody. */
static void keeper_link_of_another_death_is_heard_at_once(void **state)
{
	struct world *w = *state;
	struct keeper_exit report = {
		.header = header(KEEPER_MESSAGE_EXIT),
		.n_failures = KEEPER_BUDGET_FROM,
		.uptime_usec = USEC_PER_MSEC,
	};
	struct keeper_exit deaths[] = {report, report, report};

	say_answer(w);
	deaths[0].next_usec = clock_now_usec(); /* it is back already */
	deaths[1].next_usec = clock_now_usec() + USEC_PER_HOUR;
	deaths[1].n_failures = KEEPER_BUDGET_FROM - 1;
	deaths[2].next_usec = clock_now_usec() + USEC_PER_HOUR;
	deaths[2].uptime_usec = USEC_PER_SEC;
	for (size_t i = 0; i < 3 * ARRAY_LEN(deaths); i++) {
		say(w, &deaths[i % ARRAY_LEN(deaths)], sizeof(report));
		assert_true(hears(w, (unsigned)i + 1));
	}
}

static void keeper_link_may_be_freed_in_a_nap(void **state)
{
	struct world *w = *state;

	fall_asleep(w);
	keeper_link_free(w->link);
	w->link = NULL;
	assert_true(is_silent(w));
}

static void keeper_link_in_the_crowd_may_be_freed_in_its_callback(void **state)
{
	struct world *w = *state;

	say_answer(w);
	say_death(w, 1);
	assert_true(hears(w, 1));
	w->hang_up = true;
	say_snapshot(w, KEEPER_BACKOFF);
	assert_true(until(w->loop, has_snapshot, w));
	assert_null(w->link);
}

static void keeper_link_in_the_crowd_ends_with_the_keeper(void **state)
{
	struct world *w = *state;

	say_answer(w);
	say_death(w, 1);
	assert_true(hears(w, 1));
	close_fd(&w->keeper);
	assert_true(until(w->loop, is_gone, w));
	assert_int_equal(w->n_gone, 1);
}

static void ignore(void *userdata unused)
{
}

static int make_crowd(struct world *w)
{
	int r = loop_new(&w->loop);

	if (r == 0)
		r = crowd_new(w->loop, USEC_PER_HOUR, &w->crowd);
	if (r == 0)
		r = pipe2(w->others_pipe, O_CLOEXEC);
	for (size_t i = 0; r == 0 && i < N_OTHERS; i++)
		r = crowd_join(w->crowd, &w->others[i],
			       fcntl(w->others_pipe[0], F_DUPFD_CLOEXEC, 3), ignore, NULL);
	return r;
}

static void unmake_crowd(struct world *w)
{
	for (size_t i = 0; i < N_OTHERS; i++) {
		crowd_leave(&w->others[i]);
		close_fd(&w->others[i].fd);
	}
	close_fd(&w->others_pipe[0]);
	close_fd(&w->others_pipe[1]);
	crowd_free(w->crowd);
	loop_free(w->loop);
}

static int setup(void **state)
{
	static struct world w;
	const char *path;

	w = (struct world){0};
	temp_init(&w.temp);
	path = temp_path(&w.temp, "k.sock");
	w.listener = fd_unix_listen(path, SOCK_SEQPACKET, 0600);
	if (w.listener < 0 || make_crowd(&w) < 0 ||
	    keeper_link_open(w.crowd, path, 0, &handlers, &w, &w.link) < 0)
		return -1;
	w.keeper = accept4(w.listener, NULL, NULL, SOCK_CLOEXEC);
	*state = &w;
	return w.keeper < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	keeper_link_free(w->link);
	close_fd(&w->keeper);
	close_fd(&w->listener);
	unmake_crowd(w);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeper_link_of_a_crash_loop_naps_with_the_others),
		TEST(keeper_link_that_is_told_something_is_heard_at_once),
		TEST(keeper_link_that_was_answered_naps_again),
		TEST(keeper_link_that_is_told_to_hold_naps_on),
		TEST(keeper_link_of_a_service_that_lives_is_heard_at_once),
		TEST(keeper_link_of_another_death_is_heard_at_once),
		TEST(keeper_link_may_be_freed_in_a_nap),
		TEST(keeper_link_in_the_crowd_may_be_freed_in_its_callback),
		TEST(keeper_link_in_the_crowd_ends_with_the_keeper),
	};

	return cmocka_run_group_tests_name("keeper-crowd", tests, NULL, NULL);
}
