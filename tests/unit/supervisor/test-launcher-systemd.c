/* SPDX-License-Identifier: MIT */

/*
 * The systemd launcher with a bus that is this test: what is asked of the manager, and what becomes
 * of its answers, its signals and its silence.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "config/limits.h"
#include "supervisor/launcher.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/fake-unit-bus.h"

#define UNIT "slicekeep-shop-0.service"
#define JOB "/org/freedesktop/systemd1/job/7"

struct world {
	struct temp temp;
	struct loop *loop;
	struct paths paths;
	struct launcher *launcher;
	struct unit_bus bus;
	char control[128];
	unsigned n_gone, n_started, n_failed, n_stopped_by, n_changed;
	char text[256];
};

static struct world world;

char *__wrap_paths_program(const char *name);

char *__wrap_paths_program(const char *name)
{
	return strdup("/libexec/slicekeep-keeper");
}

/* --- who is told --------------------------------------------------------------------------- */

static void on_gone(const char *name, unsigned instance, pid_t pid, int wait_status, void *userdata)
{
	struct world *w = userdata;

	w->n_gone++;
}

static void on_started(const char *name, unsigned instance, void *userdata)
{
	struct world *w = userdata;

	w->n_started++;
}

static void on_failed(const char *name, unsigned instance, const char *text, void *userdata)
{
	struct world *w = userdata;

	w->n_failed++;
	snprintf(w->text, sizeof(w->text), "%s", text);
}

static void on_stopped_by(const char *name, unsigned instance, const char *who, void *userdata)
{
	struct world *w = userdata;

	assert_int_equal(w->n_gone, 0);
	w->n_stopped_by++;
}

static void on_changed(void *userdata)
{
	struct world *w = userdata;

	w->n_changed++;
}

static const struct launcher_events handlers = {
	.keeper_gone = on_gone,
	.started = on_started,
	.start_failed = on_failed,
	.stopped_by = on_stopped_by,
	.changed = on_changed,
};

/* --- what happens -------------------------------------------------------------------------- */

static void list(struct world *w, const struct unit_found *units, size_t n)
{
	w->bus.events->listed(w->bus.list.token, units, n, w->bus.userdata);
}

static void answer_start(struct world *w, int code, const char *text)
{
	struct unit_answer a = {.code = code, .text = text, .job = code == 0 ? JOB : NULL};

	w->bus.start.fn(w->bus.start.unit, w->bus.start.token, &a, w->bus.userdata);
}

static int start(struct world *w, struct error *err)
{
	static struct config_limits limits;
	struct launch what = {
		.name = "shop",
		.spec = "/run/spec",
		.control = w->control,
		.slice = "web",
		.limits = &limits,
		.stop_usec = USEC_PER_SEC,
		.run = true,
	};

	config_limits_unset(&limits);
	return w->launcher->ops->start(w->launcher, &what, err);
}

/* Brings it to life the usual way. */
static void start_well(struct world *w)
{
	assert_int_equal(start(w, NULL), 0);
	answer_start(w, 0, "");
	w->bus.events->active(UNIT, UNIT_ACTIVE, w->bus.userdata);
	w->bus.events->job_done(UNIT, JOB, "done", w->bus.userdata);
	assert_int_equal(w->n_started, 1);
}

/* The manager has unloaded it. */
static void unload(struct world *w, const char *unit)
{
	w->bus.events->unloaded(unit, w->bus.userdata);
}

static void describe(const struct world *w, char text[static 4608])
{
	snprintf(text, 4608, "shop, kept by slicekeep in %s", w->paths.run);
}

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

static void launcher_without_a_manager_says_so(void **state)
{
	struct launcher_owner owner = {.events = &handlers};
	struct launcher *l = NULL;
	struct error err = {0};

	world.bus.is_gone = true;
	assert_int_equal(launcher_systemd_new(&owner, &l, &err), -ECONNREFUSED);
	assert_null(l);
	assert_string_equal(err.text, "systemd does not answer");
	world.bus.is_gone = false;
}

/* ------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	struct launcher_owner owner = {.events = &handlers, .userdata = &world};

	world = (struct world){0};
	fake_bus = &world.bus;
	temp_init(&world.temp);
	assert_int_equal(loop_new(&world.loop), 0);
	world.paths.run = world.temp.path;
	snprintf(world.control, sizeof(world.control), "%s", temp_path(&world.temp, "shop-0.sock"));
	owner.loop = world.loop;
	owner.paths = &world.paths;
	assert_int_equal(launcher_systemd_new(&owner, &world.launcher, NULL), 0);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	world.launcher->ops->free(world.launcher);
	loop_free(world.loop);
	temp_done(&world.temp);
	return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(start_before_the_first_list_is_refused),
		T(start_makes_a_unit_with_its_slices),
		T(start_where_its_slices_are_leaves_them_alone),
		T(start_that_is_refused_says_why),
		T(start_whose_job_fails_says_how_its_keeper_ended),
		T(start_twice_is_refused),
		T(start_over_a_keeper_that_answers_is_refused),
		T(start_lost_with_the_connection_is_found_in_the_list),
		T(start_lost_before_the_connection_was_has_failed),
		T(start_is_not_judged_by_a_list_from_before),
		T(end_is_told_when_the_unit_is_unloaded),
		T(end_with_something_left_kills_it),
		T(end_that_is_a_restart_kills_nothing),
		T(end_by_systemctl_is_somebodys_will),
		T(end_that_we_asked_for_is_nobody_elses),
		T(end_while_nobody_listened_is_seen_in_the_list),
		T(stop_without_a_connection_is_ordered_with_the_next),
		T(unit_that_was_there_is_adopted),
		T(unit_that_nobody_claims_is_stopped),
		T(unit_that_was_left_dead_is_killed),
		T(unit_of_another_slicekeep_is_left_alone),
		T(limits_of_a_unit_change_while_it_runs),
		T(limits_of_a_slice_change_where_it_is_there),
		T(launcher_without_a_manager_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
