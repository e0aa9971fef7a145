/* SPDX-License-Identifier: MIT */

/*
 * What is deleted: who has how much, which rule holds for whom, and what goes first.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "log/catalog.h"
#include "log/retention.h"
#include "log/rotate.h"

#define MUCH UINT64_MAX

static struct catalog c;

static int setup(void **state)
{
	catalog_init(&c);
	return 0;
}

static int teardown(void **state)
{
	catalog_done(&c);
	return 0;
}

static struct stream_id id_of(const char *service)
{
	struct stream_id id = {.stream = 1};

	(void)snprintf(id.service, sizeof(id.service), "%s", service);
	return id;
}

static void add(const char *service, uint64_t seq, uint64_t bytes, usec_t at)
{
	struct stream_id id = id_of(service);

	assert_int_equal(catalog_add(&c, &id, seq, bytes, at), 0);
}

static struct share *share_of(const char *service)
{
	struct share *share = shares_get(&c.shares, service);

	assert_non_null(share);
	return share;
}

static void tell(const char *service, uint64_t max_bytes, usec_t max_age_usec, uint64_t round)
{
	struct rule rule = {max_bytes, max_age_usec};

	if (service)
		assert_int_equal(shares_tell(&c.shares, service, rule, round), 0);
	else
		shares_told(&c.shares, rule, round);
}

static void assert_is(const struct catalog_entry *entry, const char *service, uint64_t seq)
{
	assert_non_null(entry);
	assert_string_equal(entry->share->service, service);
	assert_int_equal(entry->seq, seq);
}

/* --- catalog ---------------------------------------------------------------------------------- */

static void entries_are_kept_oldest_first(void **state)
{
	add("b", 1, 100, 20);
	add("a", 2, 100, 30);
	add("a", 1, 100, 10);
	assert_is(catalog_oldest(&c), "a", 1);
	assert_is(catalog_oldest_of(share_of("a")), "a", 1);
	assert_is(catalog_oldest_of(share_of("b")), "b", 1);
	assert_int_equal(share_of("a")->bytes, 200);
	catalog_drop(&c, catalog_oldest(&c));
	assert_is(catalog_oldest(&c), "b", 1);
	assert_is(catalog_oldest_of(share_of("a")), "a", 2);
	assert_int_equal(share_of("a")->bytes, 100);
	assert_int_equal(c.bytes, 200);
	assert_int_equal(c.n_entries, 2);
}

static void entry_knows_whose_it_is(void **state)
{
	struct stream_id id = {.service = "shop", .instance = 3, .stream = 2}, again;

	assert_int_equal(catalog_add(&c, &id, 1, 1, 1), 0);
	again = catalog_entry_id(catalog_oldest(&c));
	assert_int_equal(stream_id_compare(&id, &again), 0);
}

static void newest_segment_of_a_stream_has_the_largest_number(void **state)
{
	add("a", 3, 1, 10); /* a clock was set back in between */
	add("a", 2, 1, 50);
	add("b", 9, 1, 60);
	assert_is(catalog_newest_of(share_of("a"), 0, 1), "a", 3);
	assert_null(catalog_newest_of(share_of("a"), 0, 2));
	assert_null(catalog_newest_of(share_of("a"), 1, 1));
}

/* --- shares ----------------------------------------------------------------------------------- */

static void share_goes_with_the_last_that_needs_it(void **state)
{
	struct share *share = share_of("a");

	share->n_streams = 1;
	add("a", 1, 1, 10);
	tell("a", 1, 1, 5);
	catalog_drop(&c, catalog_oldest(&c));
	share->n_streams = 0;
	shares_release(&c.shares, share);
	assert_false(list_empty(&c.shares.list));
	tell(NULL, 0, 0, 6);
	assert_true(list_empty(&c.shares.list));
}

static void rule_of_its_own_comes_before_the_common_one(void **state)
{
	tell("a", 7, 0, 5);
	tell(NULL, 0, 9, 5);
	assert_int_equal(share_rule(&c.shares, share_of("a"))->max_bytes, 7);
	assert_int_equal(share_rule(&c.shares, share_of("a"))->max_age_usec, 0);
	assert_int_equal(share_rule(&c.shares, share_of("b"))->max_age_usec, 9);
}

static void rule_holds_until_a_round_without_it_has_ended(void **state)
{
	add("a", 1, 1, 10);
	tell("a", 7, 0, 5);
	tell(NULL, 0, 0, 5);
	tell("b", 8, 0, 6);
	assert_int_equal(share_rule(&c.shares, share_of("a"))->max_bytes, 7);
	tell(NULL, 3, 0, 6);
	assert_int_equal(share_rule(&c.shares, share_of("a"))->max_bytes, 3);
	assert_int_equal(share_rule(&c.shares, share_of("b"))->max_bytes, 8);
}

static void round_that_breaks_off_takes_no_rule(void **state)
{
	tell("a", 7, 0, 5);
	tell(NULL, 0, 0, 5);
	tell("b", 8, 0, 6);
	tell("a", 9, 0, 7);
	tell(NULL, 0, 0, 7);
	assert_int_equal(share_rule(&c.shares, share_of("a"))->max_bytes, 9);
	assert_int_equal(share_rule(&c.shares, share_of("b"))->max_bytes, 0);
}

/* --- caps ------------------------------------------------------------------------------------- */

static void total_that_is_exceeded_takes_the_oldest_of_all(void **state)
{
	add("b", 1, 100, 20);
	add("a", 2, 100, 30);
	add("a", 1, 100, 10);
	assert_null(retention_excess(&c, NULL, 50, 350));
	assert_is(retention_excess(&c, NULL, 51, 350), "a", 1);
	assert_is(retention_excess(&c, share_of("b"), 51, 350), "a", 1);
}

static void service_over_its_cap_loses_its_own_oldest(void **state)
{
	tell("a", 150, 0, 5);
	add("b", 1, 100, 10);
	add("a", 1, 100, 20);
	assert_null(retention_excess(&c, NULL, 0, MUCH));
	add("a", 2, 100, 30);
	assert_is(retention_excess(&c, NULL, 0, MUCH), "a", 1);
	assert_is(retention_excess(&c, share_of("a"), 0, MUCH), "a", 1);
	assert_null(retention_excess(&c, share_of("b"), 0, MUCH));
	assert_is(retention_excess(&c, share_of("a"), 0, 1), "a", 1);
	catalog_drop(&c, retention_excess(&c, NULL, 0, MUCH));
	assert_null(retention_excess(&c, NULL, 0, MUCH));
}

static void what_is_being_written_counts_for_the_cap(void **state)
{
	tell("a", 150, 0, 5);
	add("a", 1, 100, 20);
	share_of("a")->bytes += 51;
	assert_is(retention_excess(&c, NULL, 51, MUCH), "a", 1);
	catalog_drop(&c, catalog_oldest(&c));
	assert_null(retention_excess(&c, NULL, 51, MUCH));
	share_of("a")->bytes += 1000;
	assert_null(retention_excess(&c, NULL, 1051, 1));
}

static void common_cap_holds_for_each_service(void **state)
{
	tell(NULL, 150, 0, 5);
	add("a", 1, 100, 10);
	add("b", 1, 100, 20);
	assert_null(retention_excess(&c, NULL, 0, MUCH));
	add("b", 2, 100, 30);
	assert_is(retention_excess(&c, NULL, 0, MUCH), "b", 1);
}

static void default_cap_is_2g_or_a_tenth(void **state)
{
	assert_int_equal(retention_default_total(UINT64_C(1) << 40), UINT64_C(2) << 30);
	assert_int_equal(retention_default_total(UINT64_C(10) << 30), UINT64_C(1) << 30);
	assert_int_equal(retention_default_total(0), UINT64_C(2) << 30);
}

static void small_cap_makes_small_segments(void **state)
{
	struct rule none = {0}, small = {.max_bytes = 1 << 20}, tiny = {.max_bytes = 65536};

	assert_int_equal(retention_limit(&none, 32 << 20, 2), 32 << 20);
	assert_int_equal(retention_limit(&small, 32 << 20, 2), 256 << 10);
	assert_int_equal(retention_limit(&small, 128 << 10, 2), 128 << 10);
	assert_int_equal(retention_limit(&tiny, 32 << 20, 2), ROTATE_LIMIT_MIN);
}

/* --- age -------------------------------------------------------------------------------------- */

static void without_an_age_nothing_is_ever_due(void **state)
{
	usec_t due = 0;

	add("a", 1, 100, 10);
	assert_null(retention_expired(&c, USEC_INFINITY - 1, &due));
	assert_int_equal(due, USEC_INFINITY);
}

static void segment_goes_when_its_newest_byte_is_too_old(void **state)
{
	usec_t due = 0;

	tell(NULL, 0, 100, 5);
	tell("b", 0, 20, 6);
	tell("c", 0, 0, 6);
	tell(NULL, 0, 100, 6);
	add("c", 1, 1, 1);
	add("a", 1, 1, 10);
	add("a", 2, 1, 40);
	add("b", 1, 1, 95);
	assert_null(retention_expired(&c, 109, &due));
	assert_int_equal(due, 110);
	assert_is(retention_expired(&c, 110, &due), "a", 1);
	catalog_drop(&c, retention_expired(&c, 110, &due));
	assert_null(retention_expired(&c, 110, &due));
	assert_int_equal(due, 115);
	assert_is(retention_expired(&c, 115, &due), "b", 1);
}

static void age_beyond_all_times_is_never_due(void **state)
{
	usec_t due = 0;

	tell(NULL, 0, USEC_INFINITY, 5);
	add("a", 1, 1, 10);
	assert_null(retention_expired(&c, USEC_INFINITY - 1, &due));
	assert_int_equal(due, USEC_INFINITY);
}

static void segment_spans_a_tenth_of_the_age(void **state)
{
	struct rule none = {0}, week = {.max_age_usec = 10 * USEC_PER_DAY};

	assert_int_equal(retention_span(&none), USEC_INFINITY);
	assert_int_equal(retention_span(&week), USEC_PER_DAY);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(entries_are_kept_oldest_first),
		CASE(entry_knows_whose_it_is),
		CASE(newest_segment_of_a_stream_has_the_largest_number),
		CASE(share_goes_with_the_last_that_needs_it),
		CASE(rule_of_its_own_comes_before_the_common_one),
		CASE(rule_holds_until_a_round_without_it_has_ended),
		CASE(round_that_breaks_off_takes_no_rule),
		CASE(total_that_is_exceeded_takes_the_oldest_of_all),
		CASE(service_over_its_cap_loses_its_own_oldest),
		CASE(what_is_being_written_counts_for_the_cap),
		CASE(common_cap_holds_for_each_service),
		CASE(default_cap_is_2g_or_a_tenth),
		CASE(small_cap_makes_small_segments),
		CASE(without_an_age_nothing_is_ever_due),
		CASE(segment_goes_when_its_newest_byte_is_too_old),
		CASE(age_beyond_all_times_is_never_due),
		CASE(segment_spans_a_tenth_of_the_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
