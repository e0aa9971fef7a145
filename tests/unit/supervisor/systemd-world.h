/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>
#include <string.h>

#include "lib/loop.h"
#include "lib/paths.h"
#include "config/limits.h"
#include "supervisor/launcher.h"
#include "supervisor/launchers.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/fake-unit-bus.h"

/*
 * A systemd launcher on a bus that the test plays. Header only, as fake-unit-bus.h; cmocka.h comes
 * before it.
 */

#define UNIT "slicekeep-shop-0.service"
#define JOB "/org/freedesktop/systemd1/job/7"

struct world {
	struct temp temp;
	struct loop *loop;
	struct paths paths;
	struct launcher *launcher;
	struct unit_bus bus;
	char control[128], text[256];
	unsigned instance, n_gone, n_started, n_failed, n_missed;
	unsigned n_stopped_by, n_changed, n_confirmed, n_due;
};

static struct world world;

static void on_gone(const char *name, unsigned instance, pid_t pid, int wait_status, void *userdata)
{
	((struct world *)userdata)->n_gone++;
}

static void on_started(const char *name, unsigned instance, void *userdata)
{
	((struct world *)userdata)->n_started++;
}

static void on_failed(const char *name, unsigned instance, const char *text, void *userdata)
{
	struct world *w = userdata;

	*(text ? &w->n_failed : &w->n_missed) += 1;
	snprintf(w->text, sizeof(w->text), "%s", text ? text : "");
}

static void on_stopped_by(const char *name, unsigned instance, const char *who, void *userdata)
{
	struct world *w = userdata;

	assert_int_equal(w->n_gone, 0);
	w->n_stopped_by++;
}

static void on_changed(void *userdata)
{
	((struct world *)userdata)->n_changed++;
}

static void on_due(void *userdata)
{
	((struct world *)userdata)->n_due++;
}

static const struct launcher_events handlers = {
	.keeper_gone = on_gone,
	.started = on_started,
	.start_failed = on_failed,
	.stopped_by = on_stopped_by,
	.changed = on_changed,
	.limits_due = on_due,
};

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
		.instance = w->instance,
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

static void start_well(struct world *w)
{
	assert_int_equal(start(w, NULL), 0);
	answer_start(w, 0, "");
	w->bus.events->active(UNIT, UNIT_ACTIVE, w->bus.userdata);
	w->bus.events->job_done(UNIT, JOB, "done", w->bus.userdata);
	assert_int_equal(w->n_started, 1);
}

static void unload(struct world *w, const char *unit)
{
	w->bus.events->unloaded(unit, w->bus.userdata);
}

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
	assert_int_equal(launcher_systemd_new(&owner, false, &world.launcher, NULL), 0);
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
