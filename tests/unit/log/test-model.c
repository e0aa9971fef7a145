/* SPDX-License-Identifier: MIT */

/*
 * The small decisions: the order of lives, when a segment ends, when a pipe is looked at.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log/heap.h"
#include "log/lives.h"
#include "log/pace.h"
#include "log/rotate.h"

/* --- lives ------------------------------------------------------------------------------------ */

static void lives_offered_in_any_order_are_stored_by_number(void **state)
{
	static const uint64_t order[] = {30, 10, 50, 20, 40};
	struct life life[ARRAY_LEN(order)] = {0};
	struct lives l;

	lives_init(&l);
	assert_null(lives_head(&l));
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		life[i].number = order[i];
		assert_int_equal(lives_insert(&l, &life[i]), 0);
	}
	for (uint64_t number = 10; number <= 50; number += 10) {
		assert_int_equal(lives_head(&l)->number, number);
		lives_remove(&l, lives_head(&l));
	}
	assert_null(lives_head(&l));
	assert_int_equal(l.n_lives, 0);
}

static void life_with_the_same_number_comes_behind(void **state)
{
	struct life first = {.number = 7}, second = {.number = 7};
	struct lives l;

	lives_init(&l);
	assert_int_equal(lives_insert(&l, &first), 0);
	assert_int_equal(lives_insert(&l, &second), 0);
	assert_ptr_equal(lives_head(&l), &first);
	assert_ptr_equal(lives_find(&l, 7), &second);
	assert_null(lives_find(&l, 8));
}

static void lives_beyond_the_limit_are_refused(void **state)
{
	struct life life[LIVES_MAX + 1] = {0};
	struct lives l;

	lives_init(&l);
	for (size_t i = 0; i < LIVES_MAX; i++)
		assert_int_equal(lives_insert(&l, &life[i]), 0);
	assert_int_equal(lives_insert(&l, &life[LIVES_MAX]), -ENOBUFS);
}

/* --- rotate ----------------------------------------------------------------------------------- */

static void segment_below_its_limit_is_kept(void **state)
{
	struct rotate r = {.limit_bytes = 1000};

	assert_int_equal(rotate_decide(&r, 0, true), ROTATE_KEEP);
	assert_int_equal(rotate_room(&r, 0), 1000);
	assert_int_equal(rotate_decide(&r, 999, true), ROTATE_KEEP);
	assert_int_equal(rotate_room(&r, 999), 1);
	assert_false(rotate_is_due(&r, 999));
}

static void segment_at_its_limit_ends_with_the_line(void **state)
{
	struct rotate r = {.limit_bytes = 1000};

	assert_int_equal(rotate_decide(&r, 1000, false), ROTATE_SEEK);
	assert_int_equal(rotate_decide(&r, 1700, false), ROTATE_SEEK);
	assert_int_equal(rotate_decide(&r, 1717, true), ROTATE_NOW);
}

static void line_that_does_not_end_is_cut(void **state)
{
	struct rotate r = {.limit_bytes = 1000};

	assert_int_equal(rotate_decide(&r, 1000, false), ROTATE_SEEK);
	assert_int_equal(rotate_decide(&r, 1000 + ROTATE_OVER_MAX - 1, false), ROTATE_SEEK);
	assert_int_equal(rotate_decide(&r, 1000 + ROTATE_OVER_MAX, false), ROTATE_MID_LINE);
}

static void rotation_that_is_asked_for_waits_for_the_line_end(void **state)
{
	struct rotate r = {.limit_bytes = 1000};

	rotate_ask(&r, 500);
	assert_int_equal(rotate_decide(&r, 500, false), ROTATE_SEEK);
	assert_int_equal(rotate_decide(&r, 510, true), ROTATE_NOW);
}

static void empty_segment_is_not_rotated_on_demand(void **state)
{
	struct rotate r = {.limit_bytes = 1000};

	rotate_ask(&r, 0);
	assert_int_equal(rotate_decide(&r, 0, true), ROTATE_KEEP);
}

static void limit_that_shrank_counts_from_where_it_was_seen(void **state)
{
	struct rotate r = {.limit_bytes = 64 << 20};

	assert_int_equal(rotate_decide(&r, 32 << 20, false), ROTATE_KEEP);
	r.limit_bytes = 1 << 20;
	assert_int_equal(rotate_decide(&r, 32 << 20, false), ROTATE_SEEK);
}

static void limit_is_shared_by_many_streams(void **state)
{
	assert_int_equal(rotate_limit(32 << 20, UINT64_C(2) << 30, 1), 32 << 20);
	assert_int_equal(rotate_limit(32 << 20, UINT64_C(2) << 30, 1024), 1 << 20);
	assert_int_equal(rotate_limit(32 << 20, UINT64_C(2) << 30, 1 << 30), ROTATE_LIMIT_MIN);
	assert_int_equal(rotate_limit(32 << 20, UINT64_C(2) << 30, 0), 32 << 20);
}

/* --- pace ------------------------------------------------------------------------------------- */

#define ROOM_BYTES 65536

/* A pipe whose next quick turn shows its steady use; the last was a millisecond before. */
static struct pace in_steady_use(usec_t now_usec)
{
	struct pace p = {.room_bytes = ROOM_BYTES};

	now_usec -= PACE_STEADY_TURNS * USEC_PER_MSEC;
	for (unsigned i = 0; i < PACE_STEADY_TURNS; i++, now_usec += USEC_PER_MSEC)
		assert_int_equal(pace_turn(&p, 100, now_usec), 0);
	return p;
}

static void pipe_that_is_quiet_is_watched(void **state)
{
	struct pace p = {.room_bytes = ROOM_BYTES};

	for (usec_t i = 1; i < 100; i++)
		assert_int_equal(pace_turn(&p, 100, USEC_PER_SEC + i * PACE_QUICK_USEC), 0);
}

static void few_lines_at_once_are_no_steady_use(void **state)
{
	struct pace p = in_steady_use(USEC_PER_SEC);

	assert_int_equal(pace_turn(&p, 100, USEC_PER_SEC + PACE_QUICK_USEC), 0);
	assert_int_equal(pace_turn(&p, 100, USEC_PER_SEC + PACE_QUICK_USEC + 1), 0);
}

static void flood_is_no_steady_use(void **state)
{
	struct pace p = {.room_bytes = ROOM_BYTES};

	for (usec_t i = 1; i < 100; i++)
		assert_int_equal(pace_turn(&p, PACE_SMALL_BYTES, USEC_PER_SEC + i), 0);
}

static void pipe_in_steady_use_naps_until_it_is_empty(void **state)
{
	struct pace p = in_steady_use(USEC_PER_SEC);
	usec_t now_usec = USEC_PER_SEC;

	for (int i = 0; i < 50; i++) {
		usec_t due_usec = pace_turn(&p, 1600, now_usec);

		assert_in_range(due_usec, now_usec + 1, now_usec + PACE_NAP_MAX_USEC);
		now_usec = due_usec;
	}
	assert_int_equal(pace_turn(&p, 0, now_usec), 0);
	assert_int_equal(pace_turn(&p, 100, now_usec + 1), 0);
}

static void nap_is_half_as_long_as_the_pipe_takes_to_fill(void **state)
{
	struct pace p = in_steady_use(USEC_PER_SEC);

	assert_true(pace_turn(&p, 100, USEC_PER_SEC) > 0);
	/* It filled a quarter in two milliseconds, so it is due four later, on the beat. */
	assert_int_equal(pace_turn(&p, ROOM_BYTES / 4, USEC_PER_SEC + 2000), USEC_PER_SEC + 4000);
	assert_int_equal(pace_turn(&p, ROOM_BYTES, USEC_PER_SEC + 2100), 0);
	assert_int_equal(pace_turn(&p, 100, USEC_PER_SEC + 2200), 0);
}

static void naps_end_on_a_common_beat(void **state)
{
	struct pace p = in_steady_use(USEC_PER_SEC), other = in_steady_use(USEC_PER_SEC + 300);

	assert_int_equal(pace_turn(&p, 100, USEC_PER_SEC),
			 pace_turn(&other, 100, USEC_PER_SEC + 300));
}

static void steady_use_has_to_be_shown_again(void **state)
{
	struct pace p = in_steady_use(USEC_PER_SEC);
	usec_t now_usec = USEC_PER_SEC, due_usec = now_usec;
	unsigned n_naps = 0;

	/* From now on there is just one line for each nap. */
	for (; n_naps <= PACE_TRUST_TURNS && due_usec > 0; n_naps++, now_usec = due_usec)
		due_usec = pace_turn(&p, 100, due_usec);
	assert_in_range(n_naps, PACE_TRUST_TURNS / 2, PACE_TRUST_TURNS);
}

/* --- heap ------------------------------------------------------------------------------------- */

static bool smaller(const void *a, const void *b)
{
	return *(const unsigned *)a < *(const unsigned *)b;
}

static void heap_pops_in_order(void **state)
{
	unsigned numbers[100], seed = 3, last = 0;
	struct heap h;

	heap_init(&h, smaller);
	assert_null(heap_pop(&h));
	assert_int_equal(heap_reserve(&h, ARRAY_LEN(numbers)), 0);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		seed = seed * 1103515245 + 12345;
		numbers[i] = seed / 65536 % 50;
		heap_push(&h, &numbers[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		unsigned *next = heap_pop(&h);

		assert_true(*next >= last);
		last = *next;
	}
	assert_null(heap_pop(&h));
	heap_done(&h);
}

static void heap_without_one_item_stays_in_order(void **state)
{
	for (size_t taken = 0; taken < 40; taken++) {
		unsigned numbers[40], seed = (unsigned)taken, last = 0;
		struct heap h;

		heap_init(&h, smaller);
		assert_int_equal(heap_reserve(&h, ARRAY_LEN(numbers)), 0);
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
			seed = seed * 1103515245 + 12345;
			numbers[i] = seed / 65536 % 1000;
			heap_push(&h, &numbers[i]);
		}
		heap_remove(&h, &numbers[taken]);
		heap_remove(&h, &numbers[taken]);
		assert_int_equal(h.n, ARRAY_LEN(numbers) - 1);
		while (h.n > 0) {
			unsigned *next = heap_pop(&h);

			assert_ptr_not_equal(next, &numbers[taken]);
			assert_true(*next >= last);
			last = *next;
		}
		heap_done(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_offered_in_any_order_are_stored_by_number),
		cmocka_unit_test(life_with_the_same_number_comes_behind),
		cmocka_unit_test(lives_beyond_the_limit_are_refused),
		cmocka_unit_test(segment_below_its_limit_is_kept),
		cmocka_unit_test(segment_at_its_limit_ends_with_the_line),
		cmocka_unit_test(line_that_does_not_end_is_cut),
		cmocka_unit_test(rotation_that_is_asked_for_waits_for_the_line_end),
		cmocka_unit_test(empty_segment_is_not_rotated_on_demand),
		cmocka_unit_test(limit_that_shrank_counts_from_where_it_was_seen),
		cmocka_unit_test(limit_is_shared_by_many_streams),
		cmocka_unit_test(pipe_that_is_quiet_is_watched),
		cmocka_unit_test(few_lines_at_once_are_no_steady_use),
		cmocka_unit_test(flood_is_no_steady_use),
		cmocka_unit_test(pipe_in_steady_use_naps_until_it_is_empty),
		cmocka_unit_test(nap_is_half_as_long_as_the_pipe_takes_to_fill),
		cmocka_unit_test(naps_end_on_a_common_beat),
		cmocka_unit_test(steady_use_has_to_be_shown_again),
		cmocka_unit_test(heap_pops_in_order),
		cmocka_unit_test(heap_without_one_item_stays_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
