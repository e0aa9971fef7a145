/* SPDX-License-Identifier: MIT */

/*
 * What applying a config does to each process.
 *
 * One table says for every part of a process what a change of it costs. What the payload got when
 * it was started (its arguments, environment, user, folder, sockets) can only change with it:
 * restart. What slicekeep does around it (limits, policies, probes, order) changes while it runs: a
 * change of policy never restarts. The dearest of the changed parts is the effect, and only the
 * parts that make it so dear are the reason.
 */

#include "config/plan.h"

#include <string.h>

#include "lib/text.h"
#include "config/model.h"
#include "config/vector.h"

typedef bool part_equal(const struct config_process *a, const struct config_process *b);

static bool program_equal(const struct config_process *a, const struct config_process *b)
{
	return text_equal(a->argv[0], b->argv[0]) && text_equal(a->script, b->script);
}

static bool args_equal(const struct config_process *a, const struct config_process *b)
{
	return strings_equal(a->argv + 1, b->argv + 1);
}

static bool env_equal(const struct config_process *a, const struct config_process *b)
{
	return strings_equal(a->env, b->env);
}

static bool env_file_equal(const struct config_process *a, const struct config_process *b)
{
	return text_equal(a->env_file, b->env_file);
}

static bool cwd_equal(const struct config_process *a, const struct config_process *b)
{
	return text_equal(a->cwd, b->cwd);
}

static bool user_equal(const struct config_process *a, const struct config_process *b)
{
	return text_equal(a->user, b->user);
}

static bool groups_equal(const struct config_process *a, const struct config_process *b)
{
	return strings_equal(a->groups, b->groups);
}

static bool slice_equal(const struct config_process *a, const struct config_process *b)
{
	return text_equal(a->slice, b->slice);
}

static bool type_equal(const struct config_process *a, const struct config_process *b)
{
	return a->type == b->type;
}

static bool listen_equal(const struct config_process *a, const struct config_process *b)
{
	if (a->n_listen != b->n_listen)
		return false;
	for (size_t i = 0; i < a->n_listen; i++) {
		if (strcmp(a->listen[i].name, b->listen[i].name) != 0 ||
		    strcmp(a->listen[i].address, b->listen[i].address) != 0)
			return false;
	}
	return true;
}

static bool streams_equal(const struct config_process *a, const struct config_process *b)
{
	return a->merge_streams == b->merge_streams;
}

static bool ports_equal(const struct config_process *a, const struct config_process *b)
{
	return a->n_ports == b->n_ports &&
	       (a->n_ports == 0 || !memcmp(a->ports, b->ports, a->n_ports * sizeof(*a->ports)));
}

static size_t n_slot_ports(const struct config_process *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_ports; i++)
		n += c->ports[i] == 0;
	return n;
}

static bool slot_ports_equal(const struct config_process *a, const struct config_process *b)
{
	return n_slot_ports(a) == n_slot_ports(b);
}

static bool later_equal(const struct config_process *a, const struct config_process *b,
			const char *key)
{
	json_t *x = json_object_get(a->later, key), *y = json_object_get(b->later, key);

	return x == y || (x && y && json_equal(x, y));
}

static bool sandbox_equal(const struct config_process *a, const struct config_process *b)
{
	return a->sandbox == b->sandbox && strings_equal(a->writable, b->writable) &&
	       strings_equal(a->credentials, b->credentials);
}

static bool limits_equal(const struct config_process *a, const struct config_process *b)
{
	return config_limits_equal(&a->limits, &b->limits);
}

static bool restart_equal(const struct config_process *a, const struct config_process *b)
{
	return a->restart_when == b->restart_when &&
	       a->restart_delay_usec == b->restart_delay_usec &&
	       a->restart_max_delay_usec == b->restart_max_delay_usec &&
	       a->restart_max == b->restart_max;
}

static bool probe_equal(const struct config_probe *x, const struct config_probe *y)
{
	return x->kind == y->kind && text_equal(x->target, y->target) &&
	       strings_equal(x->argv, y->argv) && x->up_for_usec == y->up_for_usec &&
	       x->timeout_usec == y->timeout_usec && x->every_usec == y->every_usec &&
	       x->failures == y->failures;
}

static bool ready_equal(const struct config_process *a, const struct config_process *b)
{
	return probe_equal(&a->ready, &b->ready);
}

static bool health_equal(const struct config_process *a, const struct config_process *b)
{
	return probe_equal(&a->health, &b->health);
}

static bool stop_equal(const struct config_process *a, const struct config_process *b)
{
	return a->stop_signal == b->stop_signal && a->stop_timeout_usec == b->stop_timeout_usec;
}

static bool after_equal(const struct config_process *a, const struct config_process *b)
{
	return strings_equal(a->after, b->after);
}

static bool autostart_equal(const struct config_process *a, const struct config_process *b)
{
	return a->autostart == b->autostart;
}

static bool log_equal(const struct config_process *a, const struct config_process *b)
{
	return a->log.policy == b->log.policy && a->log.max_total_bytes == b->log.max_total_bytes &&
	       a->log.max_age_usec == b->log.max_age_usec;
}

static bool rollout_equal(const struct config_process *a, const struct config_process *b)
{
	return a->exclusive == b->exclusive && a->drain_usec == b->drain_usec &&
	       a->min_healthy_usec == b->min_healthy_usec && a->max_parallel == b->max_parallel;
}

static bool instances_equal(const struct config_process *a, const struct config_process *b)
{
	return a->instances == b->instances;
}

static bool schedule_equal(const struct config_process *a, const struct config_process *b)
{
	return later_equal(a, b, "schedule") && later_equal(a, b, "watch");
}

/* Dearest first; within one effect in the order in which they are named. */
static const struct part {
	const char *name;
	part_equal *equal;
	enum plan_effect effect;
} parts[] = {
	{"program", program_equal, PLAN_RESTART},
	{"args", args_equal, PLAN_RESTART},
	{"env", env_equal, PLAN_RESTART},
	{"env_file", env_file_equal, PLAN_RESTART},
	{"cwd", cwd_equal, PLAN_RESTART},
	{"user", user_equal, PLAN_RESTART},
	{"groups", groups_equal, PLAN_RESTART},
	{"slice", slice_equal, PLAN_RESTART},
	{"type", type_equal, PLAN_RESTART},
	{"listen", listen_equal, PLAN_RESTART},
	{"number of ports", slot_ports_equal, PLAN_RESTART},
	{"merge_streams", streams_equal, PLAN_RESTART},
	{"sandbox", sandbox_equal, PLAN_RESTART},
	{"limits", limits_equal, PLAN_LIVE},
	{"restart", restart_equal, PLAN_LIVE},
	{"ready", ready_equal, PLAN_LIVE},
	{"health", health_equal, PLAN_LIVE},
	{"stop", stop_equal, PLAN_LIVE},
	{"after", after_equal, PLAN_LIVE},
	{"autostart", autostart_equal, PLAN_LIVE},
	{"ports", ports_equal, PLAN_LIVE},
	{"log", log_equal, PLAN_LIVE},
	{"rollout", rollout_equal, PLAN_LIVE},
	{"instances", instances_equal, PLAN_LIVE},
	{"schedule", schedule_equal, PLAN_LIVE},
};

/* "args and env changed", "args, env and cwd changed"; NULL when out of memory. */
static char *reason(const char *const *names, size_t n)
{
	struct text t = {0};

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			text_add(&t, i + 1 == n ? " and " : ", ");
		text_add(&t, names[i]);
	}
	text_add(&t, n > 0 ? " changed" : "unchanged");
	return text_take(&t);
}

static void compare(const struct config_process *from, const struct config_process *to,
		    struct plan_row *row)
{
	const char *names[ARRAY_LEN(parts)];
	size_t n = 0;

	row->effect = PLAN_NOTHING;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].equal(from, to) ||
		    (row->effect != PLAN_NOTHING && parts[i].effect != row->effect))
			continue;
		row->effect = parts[i].effect;
		names[n++] = parts[i].name;
	}
	row->why = reason(names, n);
}

static struct plan_row *add_row(struct plan *p, const char *name)
{
	struct plan_row *row = &p->rows[p->n_rows++];

	row->name = name;
	return row;
}

/* @from is NULL when it is new. */
static void add_wanted(struct plan *p, const struct config_process *from,
		       const struct config_process *to)
{
	struct plan_row *row = add_row(p, to->name);

	if (from) {
		compare(from, to, row);
		return;
	}
	row->effect = PLAN_START;
	row->why = strdup(to->autostart ? "new" : "new, and not started by itself");
}

static void add_removed(struct plan *p, const struct config_process *from)
{
	struct plan_row *row = add_row(p, from->name);

	row->effect = PLAN_STOP;
	row->why = strdup("not in the config any more");
}

static bool is_whole(const struct plan *p)
{
	for (size_t i = 0; i < p->n_rows; i++) {
		if (!p->rows[i].why)
			return false;
	}
	return true;
}

int plan_make(const struct config *from, const struct config *to, struct plan *ret_plan)
{
	struct plan p = {0};
	size_t n_from = from ? from->n_processes : 0;

	p.rows = calloc(to->n_processes + n_from + 1, sizeof(*p.rows));
	if (!p.rows)
		return -ENOMEM;
	for (size_t i = 0; i < to->n_processes; i++)
		add_wanted(&p, from ? config_find(from, to->processes[i].name) : NULL,
			   &to->processes[i]);
	for (size_t i = 0; i < n_from; i++) {
		if (!config_find(to, from->processes[i].name))
			add_removed(&p, &from->processes[i]);
	}
	if (!is_whole(&p)) {
		plan_done(&p);
		return -ENOMEM;
	}
	*ret_plan = p;
	return 0;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n_rows; i++)
		free(p->rows[i].why);
	free(p->rows);
	*p = (struct plan){0};
}

const char *plan_effect_name(enum plan_effect effect)
{
	static const char *const names[] = {
		[PLAN_NOTHING] = "nothing", [PLAN_LIVE] = "live", [PLAN_RESTART] = "restart",
		[PLAN_START] = "start",     [PLAN_STOP] = "stop",
	};

	static_assert(ARRAY_LEN(names) == PLAN_EFFECT_COUNT, "a name for each effect");
	return names[effect];
}
