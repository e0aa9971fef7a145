/* SPDX-License-Identifier: MIT */

/*
 * Units that were there before us, and limits that change.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/error.h"
#include "tests/unit/supervisor/systemd-world.h"
#include "tests/unit/supervisor/until.h"

static void describe(const struct world *w, char text[static 4608])
{
	snprintf(text, 4608, "shop, kept by slicekeep in %s", w->paths.run);
}

/* --- coming back --------------------------------------------------------------------------- */

static void unit_that_was_there_is_adopted(void **state)
{
	struct unit_found unit = {UNIT, "", UNIT_ACTIVE};
	char text[4608];
	struct world *w = *state;

	describe(w, text);
	unit.description = text;
	assert_int_equal(w->launcher->ops->adopt(w->launcher, "shop", 0, 77), 0);
	list(w, &unit, 1);
	list(w, &unit, 1);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), 0);
	assert_int_equal(w->bus.stop.n, 0);
	w->bus.events->active(UNIT, UNIT_INACTIVE, w->bus.userdata);
	unload(w, UNIT);
	assert_int_equal(w->n_gone, 1);
}

static void unit_that_nobody_claims_is_stopped(void **state)
{
	struct unit_found unit = {UNIT, "", UNIT_ACTIVE};
	char text[4608];
	struct world *w = *state;

	describe(w, text);
	unit.description = text;
	list(w, &unit, 1);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), -EBUSY);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), -EBUSY);
	assert_int_equal(w->bus.stop.n, 1);
	unload(w, UNIT);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), 0);
}

static void unit_that_was_left_dead_is_killed(void **state)
{
	struct unit_found unit = {UNIT, "", UNIT_INACTIVE};
	char text[4608];
	struct world *w = *state;

	describe(w, text);
	unit.description = text;
	list(w, &unit, 1);
	assert_int_equal(w->bus.kill.n, 1);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), -EBUSY);
}

static void unit_of_another_slicekeep_is_left_alone(void **state)
{
	struct unit_found units[] = {
		{UNIT, "shop, kept by slicekeep in /elsewhere", UNIT_INACTIVE},
		{"slicekeep-supervisor-0.service", "", UNIT_ACTIVE},
	};
	struct world *w = *state;

	list(w, units, 2);
	assert_int_equal(w->bus.kill.n, 0);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), 0);
	assert_int_equal(w->bus.stop.n, 0);
}

/* --- limits -------------------------------------------------------------------------------- */

static void limits_of_a_unit_change_while_it_runs(void **state)
{
	struct world *w = *state;
	struct config_limits l;

	config_limits_unset(&l);
	l.memory_max = 1000000;
	list(w, NULL, 0);
	assert_int_equal(w->launcher->ops->set_limits(w->launcher, "shop", 0, &l, NULL), -ENOENT);
	start_well(w);
	assert_int_equal(w->launcher->ops->set_limits(w->launcher, "shop", 0, &l, NULL), 0);
	assert_string_equal(w->bus.set.unit, UNIT);
	assert_true(w->bus.memory_max == 1000000);
}

static void limits_of_a_slice_change_where_it_is_there(void **state)
{
	struct world *w = *state;
	struct config_limits l;

	config_limits_unset(&l);
	l.memory_max = 2000000;
	list(w, NULL, 0);
	assert_int_equal(w->launcher->ops->limit_group(w->launcher, "web", &l, NULL), 0);
	assert_int_equal(w->bus.set.n, 0);
	start_well(w);
	assert_int_equal(w->launcher->ops->limit_group(w->launcher, "web", &l, NULL), 0);
	assert_string_equal(w->bus.set.unit, "slicekeep-web.slice");
	assert_true(w->bus.memory_max == 2000000);
}

static void limits_are_for_slices_of_ours_alone(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	w->bus.events->made("slicekeeper.slice", w->bus.userdata);
	w->bus.events->made("slicekeep-a-b.slice", w->bus.userdata);
	assert_int_equal(w->bus.set.n, 0);
	w->bus.events->made("slicekeep-a\\x2db.slice", w->bus.userdata);
	assert_int_equal(w->bus.set.n, 1);
	w->bus.events->made("slicekeep.slice", w->bus.userdata);
	assert_int_equal(w->bus.set.n, 2);
}

static void on_confirmed(const char *refused, void *userdata)
{
	struct world *w = userdata;

	w->n_confirmed++;
	snprintf(w->text, sizeof(w->text), "%s", refused ? refused : "");
}

static void limits_are_confirmed_by_what_is_answered_after_them(void **state)
{
	struct world *w = *state;
	struct config_limits l;

	config_limits_unset(&l);
	list(w, NULL, 0);
	start_well(w);
	assert_int_equal(w->launcher->ops->set_limits(w->launcher, "shop", 0, &l, NULL), 0);
	assert_int_equal(w->launcher->ops->confirm(w->launcher, on_confirmed, w), 0);
	assert_int_equal(w->n_confirmed, 0);
	list(w, NULL, 0);
	assert_int_equal(w->n_confirmed, 1);
	assert_string_equal(w->text, "");
}

static void limits_that_systemd_refuses_are_not_confirmed(void **state)
{
	struct unit_answer refused = {.code = -EINVAL, .text = "Value out of range"};
	struct world *w = *state;
	struct config_limits l;

	config_limits_unset(&l);
	list(w, NULL, 0);
	start_well(w);
	assert_int_equal(w->launcher->ops->set_limits(w->launcher, "shop", 0, &l, NULL), 0);
	assert_int_equal(w->launcher->ops->confirm(w->launcher, on_confirmed, w), 0);
	w->bus.set.fn(UNIT, 0, &refused, w->bus.userdata);
	list(w, NULL, 0);
	assert_non_null(strstr(w->text, "Value out of range"));
	assert_int_equal(w->launcher->ops->confirm(w->launcher, on_confirmed, w), 0);
	w->bus.events->closed(w->bus.userdata);
	assert_string_equal(w->text, "systemd has hung up");
	assert_int_equal(w->n_confirmed, 2);
}

static void limits_are_not_waited_for_when_systemd_gives_no_list(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	start_well(w);
	assert_int_equal(w->launcher->ops->confirm(w->launcher, on_confirmed, w), 0);
	w->bus.events->unlisted(-ETIMEDOUT, w->bus.userdata);
	assert_int_equal(w->n_confirmed, 1);
	assert_string_equal(w->text, "systemd does not answer at the moment");
}

static void list_that_does_not_come_is_asked_for_again(void **state)
{
	struct world *w = *state;
	struct error err = {0};

	assert_int_equal(w->bus.list.n, 1);
	w->bus.events->unlisted(-ETIMEDOUT, w->bus.userdata);
	assert_int_equal(w->bus.list.n, 2);
	assert_int_equal(start(w, &err), -EAGAIN);
	list(w, NULL, 0);
	assert_int_equal(start(w, &err), 0);
}

static void list_that_is_refused_is_asked_for_when_it_is_needed(void **state)
{
	struct world *w = *state;

	w->bus.events->unlisted(-EACCES, w->bus.userdata);
	assert_int_equal(w->bus.list.n, 1);
	w->bus.events->reloaded(w->bus.userdata);
	assert_int_equal(w->bus.list.n, 2);
	w->bus.events->reloaded(w->bus.userdata);
	w->bus.events->unlisted(-EACCES, w->bus.userdata);
	assert_int_equal(w->bus.list.n, 3);
}

static void limits_set_while_systemd_is_away_are_due(void **state)
{
	struct unit_found units[] = {{UNIT, "", UNIT_ACTIVE},
				     {"slicekeep.slice", "", UNIT_ACTIVE},
				     {"slicekeep-web.slice", "", UNIT_ACTIVE}};
	struct world *w = *state;
	struct config_limits l;

	config_limits_unset(&l);
	list(w, NULL, 0);
	start_well(w);
	w->bus.events->closed(w->bus.userdata);
	w->bus.is_gone = true;
	assert_int_equal(w->launcher->ops->set_limits(w->launcher, "shop", 0, &l, NULL), 0);
	assert_int_equal(w->launcher->ops->limit_group(w->launcher, "web", &l, NULL), 0);
	assert_int_equal(w->launcher->ops->confirm(w->launcher, on_confirmed, w), 0);
	assert_non_null(strstr(w->text, "does not answer"));
	assert_int_equal(w->n_due, 0);
	w->bus.is_gone = false;
	w->bus.events->opened(w->bus.userdata);
	list(w, units, 3);
	assert_int_equal(w->n_due, 1);
	assert_int_equal(w->bus.set.n, 1);
	assert_string_equal(w->bus.set.unit, "slicekeep-web.slice");
}

static void launcher_without_a_manager_says_so(void **state)
{
	struct launcher_owner owner = {.events = &handlers};
	struct launcher *l = NULL;
	struct error err = {0};

	world.bus.is_gone = true;
	assert_int_equal(launcher_systemd_new(&owner, false, &l, &err), -ECONNREFUSED);
	assert_null(l);
	assert_string_equal(err.text, "systemd does not answer");
	world.bus.is_gone = false;
}

/* --- a manager that is slow ---------------------------------------------------------------- */

static usec_t passed_usec;

usec_t __real_clock_now_usec(void);
usec_t __wrap_clock_now_usec(void);

usec_t __wrap_clock_now_usec(void)
{
	return __real_clock_now_usec() + passed_usec;
}

static bool looked_thrice(void *userdata)
{
	unsigned *n = userdata;

	return ++*n == 3;
}

/* The time that has passed is noticed when the next one is started. */
static void pass(struct world *w, usec_t usec)
{
	unsigned n_looks = 0;

	passed_usec += usec;
	w->instance++;
	assert_int_equal(start(w, NULL), 0);
	assert_true(until(w->loop, looked_thrice, &n_looks));
}

static void start_that_waits_for_its_turn_is_waited_for(void **state)
{
	struct world *w = *state;

	list(w, NULL, 0);
	assert_int_equal(start(w, NULL), 0);
	pass(w, 15 * USEC_PER_SEC);
	w->bus.events->job_done("another.service", "/another", "done", w->bus.userdata);
	pass(w, 10 * USEC_PER_SEC);
	assert_int_equal(w->n_failed, 0);
	pass(w, 11 * USEC_PER_SEC);
	assert_true(w->n_failed > 0);
	assert_non_null(strstr(w->text, "it does not answer"));
	passed_usec = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(unit_that_was_there_is_adopted),
		T(unit_that_nobody_claims_is_stopped),
		T(unit_that_was_left_dead_is_killed),
		T(unit_of_another_slicekeep_is_left_alone),
		T(limits_of_a_unit_change_while_it_runs),
		T(limits_are_for_slices_of_ours_alone),
		T(limits_of_a_slice_change_where_it_is_there),
		T(limits_are_confirmed_by_what_is_answered_after_them),
		T(limits_that_systemd_refuses_are_not_confirmed),
		T(limits_are_not_waited_for_when_systemd_gives_no_list),
		T(list_that_does_not_come_is_asked_for_again),
		T(list_that_is_refused_is_asked_for_when_it_is_needed),
		T(limits_set_while_systemd_is_away_are_due),
		T(start_that_waits_for_its_turn_is_waited_for),
		T(launcher_without_a_manager_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
