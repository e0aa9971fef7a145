/* SPDX-License-Identifier: MIT */

/*
 * Keepers as transient units of systemd: what unit-watch.c knows of units, in the words of a
 * launcher, and what a keeper's unit looks like.
 */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/paths.h"
#include "supervisor/control-socket.h"
#include "supervisor/launcher.h"
#include "supervisor/launchers.h"
#include "supervisor/own-cgroup.h"
#include "supervisor/unit-name.h"
#include "supervisor/unit-properties.h"
#include "supervisor/unit-sandbox.h"
#include "supervisor/unit-watch.h"

/** Beside its payload's own time, a keeper needs some to sweep and to hand over its last lines. */
#define STOP_EXTRA_USEC (20 * USEC_PER_SEC)

/** A killed keeper is the end of the evidence; root's is spared by the kernel. */
#define OOM_SCORE_ROOT (-1000)

struct systemd {
	struct launcher base;
	struct unit_watch *watch;
	char *program;
	char *own_unit;
	char *gaps;
};

static struct systemd *systemd_of(struct launcher *l)
{
	return container_of(l, struct systemd, base);
}

/* What is only borrowed lives as long as this. */
static int start_unit(struct systemd *s, const struct launch *what, struct unit_properties *p,
		      struct error *err)
{
	char instance[16], slice[UNIT_NAME_MAX], text[UNIT_DESCRIPTION_MAX];
	const char *argv[] = {
		s->program,
		"--unit",
		"--name",
		what->name,
		"--instance",
		instance,
		"--spec",
		what->spec,
		"--control",
		what->control,
		what->run ? "--start" : NULL,
		NULL,
	};
	const char *const before[] = {s->own_unit, NULL};
	const char *stop[] = {s->program, "--unit-stop", "--control", what->control, NULL};
	const char *stopped[] = {s->program, "--unit-stopped", "--control", what->control, NULL};
	struct unit_keeper keeper = {
		.description = text,
		.slice = slice,
		.argv = argv,
		.stop = stop,
		.stop_post = stopped,
		.before = before,
		.oom_score = geteuid() == 0 ? OOM_SCORE_ROOT : INT_MIN,
		.stop_usec = usec_add(what->stop_usec, STOP_EXTRA_USEC),
	};
	struct unit_sandbox sandbox = {
		.sandbox = what->sandbox,
		.keeper = s->program,
		.is_user = geteuid() != 0,
	};
	struct unit_wanted wanted = {
		.name = what->name,
		.instance = what->instance,
		.slice = slice,
		.properties = p,
	};

	snprintf(instance, sizeof(instance), "%u", what->instance);
	unit_watch_describe(s->watch, what->name, text);
	unit_name_slice(what->slice, slice);
	unit_properties_add_keeper(p, &keeper);
	unit_properties_add_limits(p, what->limits);
	if (what->sandbox)
		unit_properties_add_sandbox(p, &sandbox);
	return unit_watch_start(s->watch, &wanted, err);
}

static int systemd_start(struct launcher *l, const struct launch *what, struct error *err)
{
	cleanup_free struct unit_properties *p = calloc(1, sizeof(*p));
	int code = control_socket_check(what, err);

	if (code < 0)
		return code;
	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	return start_unit(systemd_of(l), what, p, err);
}

/* A keeper finds its payload's cgroup below its own. */
static int systemd_cgroup(struct launcher *l, const struct launch *what, char **ret_folder,
			  struct error *err)
{
	*ret_folder = NULL;
	return 0;
}

static int systemd_set_limits(struct launcher *l, const char *name, unsigned instance,
			      const struct config_limits *limits, struct error *err)
{
	cleanup_free struct unit_properties *p = calloc(1, sizeof(*p));

	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	unit_properties_add_limits(p, limits);
	return unit_watch_change(systemd_of(l)->watch, name, instance, p, err);
}

/* Its keeper lives where the limits are. */
static int systemd_cgroup_name(struct launcher *l, const char *name, unsigned instance,
			       char **ret_name)
{
	pid_t keeper = unit_watch_keeper(systemd_of(l)->watch, name, instance);

	*ret_name = keeper ? own_cgroup_of(keeper) : NULL;
	return *ret_name ? 0 : -ENOENT;
}

static int systemd_limit_group(struct launcher *l, const char *group,
			       const struct config_limits *limits, struct error *err)
{
	int code = unit_watch_limit(systemd_of(l)->watch, group, limits);

	return code < 0 ? error_set(err, code, "out of memory") : 0;
}

static int systemd_confirm(struct launcher *l, launcher_confirmed_fn fn, void *userdata)
{
	return unit_watch_confirm(systemd_of(l)->watch, fn, userdata);
}

static int systemd_sweep(struct launcher *l, const pid_t *known, size_t n_known)
{
	return unit_watch_sweep(systemd_of(l)->watch) ? 0 : -EBUSY;
}

static const char *systemd_limits_note(struct launcher *l)
{
	return systemd_of(l)->gaps;
}

static const char *systemd_sandbox_note(struct launcher *l)
{
	return geteuid() == 0
		       ? NULL
		       : "sandbox: no new privileges, but a user's systemd protects no files";
}

static int systemd_adopt(struct launcher *l, const char *name, unsigned instance, pid_t pid)
{
	return unit_watch_claim(systemd_of(l)->watch, name, instance, pid);
}

static void systemd_stop(struct launcher *l, const char *name, unsigned instance)
{
	unit_watch_stop(systemd_of(l)->watch, name, instance);
}

static void systemd_set_outermost(struct launcher *l, pid_t pid)
{
}

static void systemd_free(struct launcher *l)
{
	struct systemd *s = systemd_of(l);

	unit_watch_free(s->watch);
	free(s->program);
	free(s->own_unit);
	free(s->gaps);
	free(s);
}

static const struct launcher_ops systemd_ops = {
	.name = "systemd",
	.start = systemd_start,
	.cgroup = systemd_cgroup,
	.set_limits = systemd_set_limits,
	.cgroup_name = systemd_cgroup_name,
	.limit_group = systemd_limit_group,
	.confirm = systemd_confirm,
	.sweep = systemd_sweep,
	.limits_note = systemd_limits_note,
	.sandbox_note = systemd_sandbox_note,
	.free = systemd_free,
	.adopt = systemd_adopt,
	.stop = systemd_stop,
	.set_outermost = systemd_set_outermost,
};

static int systemd_init(struct systemd *s, const struct launcher_owner *owner, bool patient,
			struct error *err)
{
	s->program = paths_program("slicekeep-keeper");
	if (!s->program)
		return error_set(err, -errno, "cannot find the program \"slicekeep-keeper\": %s",
				 strerror(errno));
	s->own_unit = own_cgroup_unit();
	s->gaps = own_cgroup_gaps();
	return unit_watch_new(owner, patient, &s->watch, err);
}

int launcher_systemd_new(const struct launcher_owner *owner, bool patient,
			 struct launcher **ret_launcher, struct error *err)
{
	struct systemd *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return error_set(err, -ENOMEM, "out of memory");
	s->base.ops = &systemd_ops;
	code = systemd_init(s, owner, patient, err);
	if (code < 0) {
		systemd_free(&s->base);
		return code;
	}
	*ret_launcher = &s->base;
	return 0;
}
