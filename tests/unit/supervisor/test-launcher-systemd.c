/* SPDX-License-Identifier: MIT */

/*
 * The systemd launcher with a bus that is this test: what is asked of the manager at a start, and
 * what becomes of its answers, its signals and its silence.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "tests/unit/supervisor/systemd-world.h"

/* --- starting ------------------------------------------------------------------------------ */

static void start_before_the_first_list_is_refused(void **state)
{
	struct world *w = *state;
	struct error err = {0};

	assert_int_equal(start(w, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "does not answer"));
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), -EBUSY);
}

static void start_makes_a_unit_with_its_slices(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), 0);
	assert_string_equal(w->bus.start.unit, UNIT);
	assert_string_equal(w->bus.slice, "slicekeep-web.slice");
	assert_int_equal(w->bus.n_aux, 2);
	assert_string_equal(w->bus.aux[0], "slicekeep.slice");
	assert_string_equal(w->bus.aux[1], "slicekeep-web.slice");
	assert_int_equal(w->n_started, 0);
}

static void start_where_its_slices_are_leaves_them_alone(void **state)
{
	struct unit_found slices[] = {{"slicekeep.slice", "", UNIT_ACTIVE},
				      {"slicekeep-web.slice", "", UNIT_ACTIVE}};
	struct world *w = *state;

	list(w, slices, 2);
	assert_int_equal(w->bus.set.n, 2);
	assert_int_equal(start(w, NULL), 0);
	assert_int_equal(w->bus.n_aux, 0);
	/* It ended at the same moment and was made again, by systemd. */
	unload(w, "slicekeep-web.slice");
	w->bus.events->made("slicekeep-web.slice", w->bus.userdata);
	assert_int_equal(w->bus.set.n, 3);
	assert_string_equal(w->bus.set.unit, "slicekeep-web.slice");
}

static void start_that_is_refused_says_why(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), 0);
	answer_start(w, -EINVAL, "Cannot set property");
	assert_int_equal(w->n_failed, 1);
	assert_string_equal(w->text, "systemd refuses its unit: Cannot set property");
	/* Nothing is in the way of the next, which makes the slices as well. */
	assert_int_equal(start(w, NULL), 0);
	assert_int_equal(w->bus.n_aux, 2);
}

static void start_whose_slice_has_just_gone_is_no_failure(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	unload(w, UNIT);
	assert_int_equal(w->n_gone, 1);
	assert_int_equal(start(w, NULL), 0);
	assert_int_equal(w->bus.n_aux, 0);
	unload(w, "slicekeep-web.slice");
	answer_start(w, -ENOENT, "Unit slicekeep-web.slice not found.");
	assert_int_equal(w->n_failed, 0);
	assert_int_equal(w->n_missed, 1);
	/* The next one makes it; that something else is missing is a failure. */
	assert_int_equal(start(w, NULL), 0);
	assert_int_equal(w->bus.n_aux, 1);
	assert_string_equal(w->bus.aux[0], "slicekeep-web.slice");
	answer_start(w, -ENOENT, "Unit another.slice not found.");
	assert_int_equal(w->n_failed, 1);
}

static void start_whose_job_fails_says_how_its_keeper_ended(void **state)
{
	struct world *w = *state;
	struct error err = {0};

	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), 0);
	answer_start(w, 0, "");
	w->bus.events->result(UNIT, "exit-code", 203, w->bus.userdata);
	w->bus.events->job_done(UNIT, JOB, "failed", w->bus.userdata);
	assert_int_equal(w->n_failed, 1);
	assert_non_null(strstr(w->text, "exit-code, status 203"));
	assert_string_equal(w->bus.stop.unit, UNIT);
	assert_int_equal(start(w, &err), -EBUSY);
	unload(w, UNIT);
	assert_int_equal(start(w, NULL), 0);
}

static void start_twice_is_refused(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	assert_int_equal(start(w, NULL), -EBUSY);
}

static void start_over_a_keeper_that_answers_is_refused(void **state)
{
	struct world *w = *state;
	cleanup_close int control = fd_unix_listen(w->control, SOCK_SEQPACKET, 0600);

	assert_true(control >= 0);
	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), -EEXIST);
	assert_int_equal(w->bus.start.n, 0);
}

static void start_lost_with_the_connection_is_found_in_the_list(void **state)
{
	struct unit_found unit = {UNIT, "", UNIT_ACTIVE};
	struct world *w = *state;

	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), 0);
	answer_start(w, -ECONNRESET, "");
	w->bus.events->closed(w->bus.userdata);
	w->bus.events->opened(w->bus.userdata);
	list(w, &unit, 1);
	assert_int_equal(w->n_failed, 0);
	assert_int_equal(w->n_started, 1);
}

static void start_lost_before_the_connection_was_has_failed(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), 0);
	answer_start(w, -ECONNRESET, "");
	w->bus.events->closed(w->bus.userdata);
	w->bus.events->opened(w->bus.userdata);
	list(w, NULL, 0);
	assert_int_equal(w->n_failed, 1);
}

static void start_is_not_judged_by_the_end_of_an_earlier_unit(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), 0);
	unload(w, UNIT);
	assert_int_equal(w->n_failed, 0);
	answer_start(w, 0, "");
	w->bus.events->job_done(UNIT, JOB, "done", w->bus.userdata);
	assert_int_equal(w->n_failed, 0);
	unload(w, UNIT);
	assert_int_equal(w->n_gone, 1);
}

static void start_is_not_judged_by_a_list_from_before(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	uint64_t earlier;

	list(w, NULL, 0);
	start_well(w);
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	unload(w, UNIT);
	earlier = w->bus.list.token;
	assert_int_equal(start(w, &err), 0);
	w->bus.events->listed(earlier, NULL, 0, w->bus.userdata);
	assert_int_equal(w->n_failed, 0);
}

/* --- ending -------------------------------------------------------------------------------- */

static void end_is_told_when_the_unit_is_unloaded(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	assert_int_equal(w->n_gone, 0);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), -EBUSY);
	unload(w, UNIT);
	assert_int_equal(w->n_gone, 1);
	assert_int_equal(w->n_stopped_by, 0);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), 0);
}

static void end_with_something_left_kills_it(void **state)
{
	struct unit_found unit = {UNIT, "", UNIT_INACTIVE};
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	assert_int_equal(w->bus.kill.n, 0);
	list(w, &unit, 1);
	assert_int_equal(w->bus.kill.n, 1);
	assert_string_equal(w->bus.kill.unit, UNIT);
	unload(w, UNIT);
	assert_int_equal(w->n_gone, 1);
}

static void end_that_is_a_restart_kills_nothing(void **state)
{
	struct unit_found unit = {UNIT, "", UNIT_MOVING};
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	list(w, &unit, 1);
	w->bus.events->active(UNIT, UNIT_ACTIVE, w->bus.userdata);
	w->bus.events->job_done(UNIT, "/another", "done", w->bus.userdata);
	assert_int_equal(w->bus.kill.n, 0);
	assert_int_equal(w->n_gone, 0);
	assert_int_equal(w->n_started, 2);
	/* Its later end is not the doing of whoever restarted it. */
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	unload(w, UNIT);
	assert_int_equal(w->n_stopped_by, 0);
}

static void end_by_systemctl_is_somebodys_will(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	w->bus.events->active(UNIT, UNIT_MOVING, w->bus.userdata);
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	w->bus.events->job_done(UNIT, "/another", "done", w->bus.userdata);
	unload(w, UNIT);
	assert_int_equal(w->n_stopped_by, 1);
	assert_int_equal(w->n_gone, 1);
}

static void end_that_we_asked_for_is_nobody_elses(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	w->launcher->ops->stop(w->launcher, "shop", 0);
	assert_string_equal(w->bus.stop.unit, UNIT);
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	w->bus.events->job_done(UNIT, "/another", "done", w->bus.userdata);
	unload(w, UNIT);
	assert_int_equal(w->n_stopped_by, 0);
	assert_int_equal(w->n_gone, 1);
}

static void end_while_nobody_listened_is_seen_in_the_list(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	w->bus.events->closed(w->bus.userdata);
	assert_int_equal(start(w, NULL), -EAGAIN);
	w->bus.events->opened(w->bus.userdata);
	list(w, NULL, 0);
	assert_int_equal(w->n_gone, 1);
}

static void stop_without_a_connection_is_ordered_with_the_next(void **state)
{
	struct unit_found unit = {UNIT, "", UNIT_ACTIVE};
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	w->bus.events->closed(w->bus.userdata);
	w->bus.is_gone = true;
	w->launcher->ops->stop(w->launcher, "shop", 0);
	assert_int_equal(w->bus.stop.n, 0);
	w->bus.is_gone = false;
	w->bus.events->opened(w->bus.userdata);
	list(w, &unit, 1);
	assert_int_equal(w->bus.stop.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(start_before_the_first_list_is_refused),
		T(start_makes_a_unit_with_its_slices),
		T(start_where_its_slices_are_leaves_them_alone),
		T(start_that_is_refused_says_why),
		T(start_whose_slice_has_just_gone_is_no_failure),
		T(start_whose_job_fails_says_how_its_keeper_ended),
		T(start_twice_is_refused),
		T(start_over_a_keeper_that_answers_is_refused),
		T(start_lost_with_the_connection_is_found_in_the_list),
		T(start_lost_before_the_connection_was_has_failed),
		T(start_is_not_judged_by_the_end_of_an_earlier_unit),
		T(start_is_not_judged_by_a_list_from_before),
		T(end_is_told_when_the_unit_is_unloaded),
		T(end_with_something_left_kills_it),
		T(end_that_is_a_restart_kills_nothing),
		T(end_by_systemctl_is_somebodys_will),
		T(end_that_we_asked_for_is_nobody_elses),
		T(end_while_nobody_listened_is_seen_in_the_list),
		T(stop_without_a_connection_is_ordered_with_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
