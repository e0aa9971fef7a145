/* SPDX-License-Identifier: MIT */

/*
 * Stores made at random, read in every way there is: what comes must always be the same lines.
 *
 * A store is written as files, with lines of all lengths, lives that end in mid-line, batches that
 * end anywhere and segments of any size. Reading it forwards once gives the list that everything
 * else is compared to; the list itself is compared to what was written.
 */

#include "log/tape.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "log/lines.h"
#include "log/store.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/log/pen.h"

#define LINES_MAX 20000
#define ROUNDS 25

static struct temp temp;
static struct tape tape;

/* --- reading ---------------------------------------------------------------------------------- */

struct seen {
	struct cursor_place place;
	uint64_t life;
	usec_t at_usec;
	size_t n_bytes;
	uint64_t dropped;
	unsigned hash;
	bool damaged;
	bool cut, open;
};

static struct seen seen_of(const struct tape *t)
{
	struct seen s = {.place = tape_place(t),
			 .life = t->line.life,
			 .at_usec = t->line.at_usec,
			 .n_bytes = t->line.n_bytes,
			 .dropped = t->line.dropped,
			 .damaged = t->line.damaged,
			 .cut = t->line.cut,
			 .open = t->line.open};

	for (size_t i = 0; i < t->line.n_bytes; i++)
		s.hash = s.hash * 31 + (unsigned char)t->line.text[i];
	return s;
}

/* What was dropped is said forwards only. */
static bool is_mark(const struct seen *s)
{
	return s->dropped > 0 && !s->damaged;
}

static void assert_same(const struct seen *a, const struct seen *b)
{
	assert_int_equal(a->place.seq, b->place.seq);
	assert_int_equal(a->place.offset, b->place.offset);
	assert_int_equal(a->n_bytes, b->n_bytes);
	assert_int_equal(a->life, b->life);
	assert_int_equal(a->at_usec, b->at_usec);
	assert_int_equal(a->dropped, b->dropped);
	assert_int_equal(a->damaged, b->damaged);
	assert_int_equal(a->hash, b->hash);
	assert_int_equal(a->cut, b->cut);
	assert_int_equal(a->open, b->open);
}

static bool line_is_mark(void)
{
	struct seen seen = seen_of(&tape);

	return is_mark(&seen);
}

static struct seen all[LINES_MAX];
static size_t n_all;

static int on_segment(const struct store_entry *entry, void *userdata)
{
	return tape_add(&tape, entry->seq);
}

static void tape_begin(void)
{
	tape_init(&tape, &store, &shop);
	assert_int_equal(store_list(&store, "shop", on_segment, NULL), 0);
	assert_int_equal(tape_seek_begin(&tape), 0);
}

static void read_all(void)
{
	int r;

	n_all = 0;
	while ((r = tape_load(&tape)) > 0) {
		assert_true(n_all < LINES_MAX);
		assert_true(tape.line.n_bytes <= LINE_BYTES_MAX);
		all[n_all++] = seen_of(&tape);
		tape_advance(&tape);
	}
	assert_int_equal(r, 0);
}

static void check_backwards(void)
{
	size_t i = n_all;
	int r;

	assert_int_equal(tape_seek_until(&tape, 0), 0);
	while ((r = tape_back(&tape)) > 0) {
		struct seen seen = seen_of(&tape);

		while (i > 0 && is_mark(&all[i - 1]))
			i--; /* marks are passed over */
		assert_true(i > 0);
		assert_same(&seen, &all[--i]);
	}
	assert_int_equal(r, 0);
	while (i > 0 && is_mark(&all[i - 1]))
		i--;
	assert_int_equal(i, 0);
}

/* Leap back from each line: over lines that are there, and over as many as it says, but for damaged
 * ones, of which fewer are left. Return: lines that were leapt over. */
static uint64_t check_leaps(void)
{
	uint64_t n_leapt = 0;

	for (size_t i = n_all; i > 0; i--) {
		usec_t since_usec = any(2) ? all[i - 1].at_usec - any(200) : 0;
		size_t j = i - 1;
		bool is_damaged = false;
		uint64_t n;

		if (is_mark(&all[j]))
			continue;
		assert_int_equal(tape_seek_place(&tape, &all[j].place), 0);
		assert_int_equal(tape_load(&tape), 1);
		assert_int_equal(tape_leap(&tape, any(2) ? any(300) : 100000, since_usec, &n), 0);
		if (n == 0)
			continue;
		n_leapt += n;
		for (; tape_place(&tape).offset != all[j].place.offset; j--) {
			assert_true(j > 0 && all[j].place.seq == all[j - 1].place.seq);
			assert_false(is_mark(&all[j - 1]));
			assert_int_equal(all[j - 1].life, all[i - 1].life);
			assert_true(all[j - 1].at_usec >= since_usec);
			is_damaged |= all[j - 1].damaged;
		}
		assert_true(is_damaged ? i - 1 - j <= n : i - 1 - j == n);
	}
	return n_leapt;
}

static void check_places(void)
{
	for (size_t i = 0; i < n_all; i++) {
		struct seen seen;

		assert_int_equal(tape_seek_place(&tape, &all[i].place), 0);
		assert_int_equal(tape_load(&tape), 1);
		seen = seen_of(&tape);
		assert_same(&seen, &all[i]);
	}
}

/* The first line of at least that time must be met, and nothing far before it. */
static void check_since(usec_t since_usec)
{
	size_t first = 0;
	int r;

	while (first < n_all && all[first].at_usec < since_usec)
		first++;
	assert_int_equal(tape_seek_since(&tape, since_usec, 0), 0);
	while ((r = tape_load(&tape)) > 0 && tape.line.at_usec < since_usec)
		tape_advance(&tape);
	assert_int_equal(r, first < n_all);
	if (r > 0) {
		struct seen seen = seen_of(&tape);

		assert_same(&seen, &all[first]);
	}
}

static void check_until(usec_t until_usec)
{
	size_t last = n_all;
	int r;

	while (last > 0 && (all[last - 1].at_usec > until_usec || is_mark(&all[last - 1])))
		last--;
	assert_int_equal(tape_seek_until(&tape, until_usec), 0);
	r = tape_back(&tape);
	assert_int_equal(r, last > 0);
	if (r > 0) {
		struct seen seen = seen_of(&tape);

		assert_same(&seen, &all[last - 1]);
	}
}

static void check_life(uint64_t life)
{
	size_t first = 0;
	int r;

	while (first < n_all && (all[first].life < life || is_mark(&all[first])))
		first++;
	assert_int_equal(tape_seek_since(&tape, 0, life), 0);
	while ((r = tape_load(&tape)) > 0 && (tape.line.life < life || line_is_mark()))
		tape_advance(&tape);
	assert_int_equal(r, first < n_all);
	if (r > 0) {
		struct seen seen = seen_of(&tape);

		assert_same(&seen, &all[first]);
	}
}

/* --- tests ------------------------------------------------------------------------------------ */

static int setup(void **state)
{
	temp_init(&temp);
	assert_int_equal(store_open(&store, temp.path, false, NULL), 0);
	assert_int_equal(store_make_folder(&store, "shop"), 0);
	return 0;
}

static int teardown(void **state)
{
	tape_done(&tape);
	store_done(&store);
	temp_done(&temp);
	return 0;
}

/* Nothing but what is damaged may be missing: the lines cover each segment. */
static uint64_t check_coverage(void)
{
	uint64_t damaged = 0;

	for (size_t i = 0; i + 1 < n_all; i++) {
		const struct seen *a = &all[i], *b = &all[i + 1];
		uint64_t n_bytes = b->place.offset - a->place.offset;

		if (a->place.seq != b->place.seq)
			continue;
		assert_true(n_bytes == a->n_bytes || n_bytes == a->n_bytes + 1 || a->damaged);
		if (a->damaged) {
			assert_int_equal(n_bytes, a->dropped);
			damaged += n_bytes;
		}
	}
	return damaged;
}

static void check_random_stores(void **state)
{
	uint64_t damaged = 0, n_leapt = 0;

	for (unsigned round = 1; round <= ROUNDS; round++) {
		pen_seed = round;
		if (round > 1)
			assert_int_equal(setup(state), 0);
		store_write(150 + any(200));
		tape_begin();
		read_all();
		damaged += check_coverage();
		check_backwards();
		n_leapt += check_leaps();
		check_places();
		for (usec_t at = all[0].at_usec; at <= all[n_all - 1].at_usec + 1;
		     at += 1 + any(40)) {
			check_since(at);
			check_until(at);
		}
		for (uint64_t life = 10; life < all[n_all - 1].life + 20; life += 10)
			check_life(life);
		if (round < ROUNDS)
			assert_int_equal(teardown(state), 0);
	}
	assert_int_equal(damaged > 0, pen_packs);
	assert_int_equal(n_leapt > 300, pen_packs);
}

static void lines_of_a_random_store_are_the_same_in_every_way(void **state)
{
	check_random_stores(state);
}

static void lines_of_packed_and_damaged_segments_are_the_same_in_every_way(void **state)
{
	pen_packs = true;
	check_random_stores(state);
	pen_packs = false;
}

static void line_texts(const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(tape_load(&tape), 1);
		assert_int_equal(tape.line.n_bytes, strlen(texts[i]));
		assert_memory_equal(tape.line.text, texts[i], tape.line.n_bytes);
		tape_advance(&tape);
	}
}

static void last_line_without_newline_is_open_until_its_life_ends(void **state)
{
	struct pen p = {.log_fd = -1, .index_fd = -1};

	pen_next(&p, false);
	pen_begin_life(&p);
	pen_write(&p, "whole\npart", 10);
	tape_begin();
	line_texts((const char *const[]){"whole"}, 1);
	assert_int_equal(tape_load(&tape), 1);
	assert_true(tape.line.open);
	pen_record(&p, INDEX_END, p.life);
	assert_int_equal(tape_refresh(&tape), 0);
	assert_int_equal(tape_load(&tape), 1);
	assert_false(tape.line.open);
	assert_int_equal(tape.line.n_bytes, 4);
	pen_close(&p);
}

static void line_over_two_segments_is_cut_where_the_next_continues(void **state)
{
	struct pen p = {.log_fd = -1, .index_fd = -1};

	pen_next(&p, false);
	pen_begin_life(&p);
	pen_write(&p, "begin", 5);
	pen_next(&p, true);
	pen_write(&p, "end\nlost", 8);
	pen_next(&p, false); /* its header was damaged: nothing says that it continues */
	pen_write(&p, "x\n", 2);
	pen_close(&p);
	tape_begin();
	assert_int_equal(tape_load(&tape), 1);
	assert_true(tape.line.cut);
	assert_false(tape.line.open);
	line_texts((const char *const[]){"begin", "end"}, 2);
	assert_int_equal(tape_load(&tape), 1);
	assert_false(tape.line.cut);
	line_texts((const char *const[]){"lost", "x"}, 2);
	assert_int_equal(tape_load(&tape), 0);
}

static void growing_stream_is_followed_into_new_segments(void **state)
{
	struct pen p = {.log_fd = -1, .index_fd = -1};

	pen_next(&p, false);
	pen_begin_life(&p);
	tape_begin();
	assert_int_equal(tape_load(&tape), 0);
	pen_write(&p, "one\n", 4);
	assert_int_equal(tape_refresh(&tape), 0);
	line_texts((const char *const[]){"one"}, 1);
	assert_int_equal(tape_load(&tape), 0);
	tape_rest(&tape);
	pen_write(&p, "two\n", 4);
	pen_next(&p, false);
	pen_write(&p, "three\n", 6);
	assert_int_equal(tape_add(&tape, p.seq), 0);
	assert_int_equal(tape_refresh(&tape), 0);
	line_texts((const char *const[]){"two", "three"}, 2);
	assert_int_equal(tape.skipped_bytes, 0);
	pen_close(&p);
}

static void segment_that_grew_before_the_next_began_is_read_to_its_end(void **state)
{
	struct pen p = {.log_fd = -1, .index_fd = -1};

	pen_next(&p, false);
	pen_begin_life(&p);
	pen_write(&p, "one\ntw", 6);
	tape_begin();
	line_texts((const char *const[]){"one"}, 1);
	pen_write(&p, "o\nthree\n", 8);
	pen_next(&p, false);
	pen_write(&p, "four\n", 5);
	pen_close(&p);
	/* Nobody says that the first has grown: a reader who is behind is not woken. */
	assert_int_equal(tape_add(&tape, p.seq), 0);
	line_texts((const char *const[]){"two", "three", "four"}, 3);
	assert_int_equal(tape.skipped_bytes, 0);
}

static void deleted_segments_are_skipped_and_counted(void **state)
{
	struct pen p = {.log_fd = -1, .index_fd = -1};

	pen_next(&p, false);
	pen_begin_life(&p);
	pen_write(&p, "1\n2\n", 4);
	tape_begin();
	line_texts((const char *const[]){"1"}, 1);
	tape_rest(&tape);
	for (int i = 0; i < 3; i++) {
		pen_next(&p, false);
		pen_write(&p, "more\n", 5);
		assert_int_equal(tape_add(&tape, p.seq), 0);
	}
	for (uint64_t seq = 1; seq <= 3; seq++)
		assert_int_equal(store_delete(&store, &shop, seq), 0);
	assert_int_equal(tape_refresh(&tape), 0);
	line_texts((const char *const[]){"more"}, 1);
	assert_int_equal(tape.skipped_bytes, 2 + 5 + 5);
	assert_int_equal(tape_back(&tape), 1);
	assert_int_equal(tape_back(&tape), 0);
	pen_close(&p);
}

static void bytes_without_records_belong_to_the_last_life(void **state)
{
	struct pen p = {.log_fd = -1, .index_fd = -1};

	pen_next(&p, false);
	pen_begin_life(&p);
	pen_write(&p, "one\n", 4);
	assert_int_equal(write(p.log_fd, "two\n", 4), 4);
	tape_begin();
	line_texts((const char *const[]){"one"}, 1);
	assert_int_equal(tape_load(&tape), 1);
	assert_int_equal(tape.line.life, p.life);
	assert_true(tape.line.at_usec > 1000000000);
	pen_close(&p);
}

static void records_that_are_ahead_of_the_bytes_wait(void **state)
{
	struct pen p = {.log_fd = -1, .index_fd = -1};

	pen_next(&p, false);
	pen_begin_life(&p);
	pen_write(&p, "one\n", 4);
	p.bytes = 100; /* the power went before these bytes were on the disk */
	pen_record(&p, INDEX_DATA, p.life);
	tape_begin();
	line_texts((const char *const[]){"one"}, 1);
	assert_int_equal(tape_load(&tape), 0);
	pen_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_of_a_random_store_are_the_same_in_every_way,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			lines_of_packed_and_damaged_segments_are_the_same_in_every_way, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			last_line_without_newline_is_open_until_its_life_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(
			line_over_two_segments_is_cut_where_the_next_continues, setup, teardown),
		cmocka_unit_test_setup_teardown(growing_stream_is_followed_into_new_segments, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			segment_that_grew_before_the_next_began_is_read_to_its_end, setup,
			teardown),
		cmocka_unit_test_setup_teardown(deleted_segments_are_skipped_and_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bytes_without_records_belong_to_the_last_life,
						setup, teardown),
		cmocka_unit_test_setup_teardown(records_that_are_ahead_of_the_bytes_wait, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
