/* SPDX-License-Identifier: MIT */

/*
 * Descriptors that are listened to together. A nap that must not be waited for lasts for an hour
 * here, and one that must be over is short.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/crowd.h"
#include "tests/unit/supervisor/until.h"

#define LONG_USEC USEC_PER_HOUR
#define N_MEMBERS CROWD_NAP_FROM
/** So many looks at the loop that whatever is listened to has been heard. */
#define LOOKS 20

struct world;

struct speaker {
	struct world *world;
	struct crowd_member member;
	unsigned n_heard;
	int pipe[2];
	bool is_deaf;    /* leaves unread what it is told of */
	bool is_jealous; /* makes all others leave */
};

struct world {
	struct loop *loop;
	struct crowd *crowd;
	struct speaker speakers[N_MEMBERS];
	unsigned n_heard;
	unsigned n_wanted;
	unsigned n_looks;
};

static void on_speaker(void *userdata)
{
	struct speaker *s = userdata;
	struct world *w = s->world;
	char byte;

	s->n_heard++;
	w->n_heard++;
	if (!s->is_deaf)
		assert_int_equal(read(s->pipe[0], &byte, 1), 1);
	for (size_t i = 0; s->is_jealous && i < N_MEMBERS; i++) {
		if (&w->speakers[i] != s)
			crowd_leave(&w->speakers[i].member);
	}
}

static void begin(struct world *w, usec_t nap_usec, size_t n_members)
{
	*w = (struct world){0};
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(crowd_new(w->loop, nap_usec, &w->crowd), 0);
	assert_ptr_equal(crowd_loop(w->crowd), w->loop);
	for (size_t i = 0; i < N_MEMBERS; i++) {
		struct speaker *s = &w->speakers[i];

		s->world = w;
		assert_int_equal(pipe(s->pipe), 0);
		if (i < n_members)
			assert_int_equal(
				crowd_join(w->crowd, &s->member, s->pipe[0], on_speaker, s), 0);
	}
}

static void end(struct world *w)
{
	for (size_t i = 0; i < N_MEMBERS; i++) {
		crowd_leave(&w->speakers[i].member);
		close(w->speakers[i].pipe[0]);
		close(w->speakers[i].pipe[1]);
	}
	crowd_free(w->crowd);
	loop_free(w->loop);
}

static void speak(struct world *w, size_t i)
{
	assert_int_equal(write(w->speakers[i].pipe[1], "x", 1), 1);
}

static bool has_heard(void *userdata)
{
	const struct world *w = userdata;

	return w->n_heard >= w->n_wanted;
}

static void hear(struct world *w, unsigned n_wanted)
{
	w->n_wanted = n_wanted;
	assert_true(until(w->loop, has_heard, w));
	assert_int_equal(w->n_heard, n_wanted);
}

static bool has_looked(void *userdata)
{
	return ++((struct world *)userdata)->n_looks >= LOOKS;
}

static void look(struct world *w)
{
	w->n_looks = 0;
	assert_true(until(w->loop, has_looked, w));
}

static void crowd_of_few_hears_everybody_at_once(void **state unused)
{
	struct world w;

	begin(&w, LONG_USEC, CROWD_NAP_FROM - 1);
	for (unsigned i = 0; i < 5; i++) {
		speak(&w, i);
		hear(&w, i + 1);
	}
	end(&w);
}

static void crowd_of_many_naps_after_somebody_was_heard(void **state unused)
{
	struct world w;

	begin(&w, LONG_USEC, N_MEMBERS);
	speak(&w, 3);
	hear(&w, 1);
	speak(&w, 4);
	look(&w);
	assert_int_equal(w.n_heard, 1);
	end(&w);
}

static void crowd_after_a_nap_hears_all_who_have_spoken(void **state unused)
{
	struct world w;

	begin(&w, USEC_PER_MSEC, N_MEMBERS);
	for (unsigned round = 1; round <= 3; round++) {
		for (size_t i = 0; i < N_MEMBERS; i++)
			speak(&w, i);
		hear(&w, round * N_MEMBERS);
		for (size_t i = 0; i < N_MEMBERS; i++)
			assert_int_equal(w.speakers[i].n_heard, round);
	}
	/* And it listens again after one in which nobody spoke. */
	look(&w);
	speak(&w, 0);
	hear(&w, 3 * N_MEMBERS + 1);
	end(&w);
}

static void crowd_member_that_was_made_to_leave_is_not_heard(void **state unused)
{
	struct world w;

	begin(&w, USEC_PER_MSEC, N_MEMBERS);
	for (size_t i = 0; i < N_MEMBERS; i++) {
		w.speakers[i].is_jealous = true;
		speak(&w, i);
	}
	hear(&w, 1);
	look(&w);
	assert_int_equal(w.n_heard, 1);
	end(&w);
}

static void crowd_that_does_not_end_to_speak_lets_others_have_their_turn(void **state unused)
{
	struct world w;

	begin(&w, LONG_USEC, N_MEMBERS);
	w.speakers[0].is_deaf = true;
	speak(&w, 0);
	look(&w);
	/* It is not left alone for a nap, either. */
	assert_true(w.speakers[0].n_heard > LOOKS);
	end(&w);
}

static void crowd_member_that_has_left_may_join_again(void **state unused)
{
	struct world w;
	struct speaker *s = &w.speakers[0];

	begin(&w, LONG_USEC, 1);
	crowd_leave(&s->member);
	crowd_leave(&s->member);
	speak(&w, 0);
	look(&w);
	assert_int_equal(w.n_heard, 0);
	assert_int_equal(crowd_join(w.crowd, &s->member, s->pipe[0], on_speaker, s), 0);
	hear(&w, 1);
	end(&w);
}

static void crowd_does_not_take_what_is_no_descriptor(void **state unused)
{
	struct crowd_member m = {0};
	struct world w;

	begin(&w, LONG_USEC, 0);
	assert_int_equal(crowd_join(w.crowd, &m, -1, on_speaker, NULL), -EBADF);
	assert_null(m.crowd);
	crowd_leave(&m);
	crowd_free(NULL);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crowd_of_few_hears_everybody_at_once),
		cmocka_unit_test(crowd_of_many_naps_after_somebody_was_heard),
		cmocka_unit_test(crowd_after_a_nap_hears_all_who_have_spoken),
		cmocka_unit_test(crowd_member_that_was_made_to_leave_is_not_heard),
		cmocka_unit_test(crowd_that_does_not_end_to_speak_lets_others_have_their_turn),
		cmocka_unit_test(crowd_member_that_has_left_may_join_again),
		cmocka_unit_test(crowd_does_not_take_what_is_no_descriptor),
	};

	return cmocka_run_group_tests_name("crowd", tests, NULL, NULL);
}
