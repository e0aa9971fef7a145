/* SPDX-License-Identifier: MIT */
#include "supervisor/spec-file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/text.h"
#include "lib/units.h"
#include "config/model.h"
#include "supervisor/identity.h"
#include "supervisor/keeper/spec-format.h"

/*
 * Writes what a keeper is to run. The file holds the whole environment, secrets included, so it is
 * 0600 from its first byte and replaced by rename: a keeper that reads it at any moment sees the
 * old spec or the new one. It is checked here against the keeper's bounds, because here there is
 * somebody who can be told; a keeper could only fail to start.
 */

/** The keeper takes no longer durations; nobody waits for a service for longer than a year. */
#define DURATION_MAX_USEC (366 * USEC_PER_DAY)

/* The records, each ended by a NUL byte. */
static void add_string(struct text *t, const char *key, const char *value)
{
	text_add(t, key);
	text_add(t, "=");
	text_add_bytes(t, value, strlen(value) + 1);
}

static void add_number(struct text *t, const char *key, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	add_string(t, key, digits);
}

static void add_duration(struct text *t, const char *key, usec_t usec)
{
	add_number(t, key, MIN_OF(usec, DURATION_MAX_USEC));
}

static void add_strings(struct text *t, const char *key, char *const *values)
{
	for (size_t i = 0; values && values[i]; i++)
		add_string(t, key, values[i]);
}

static void add_identity(struct text *t, const struct identity *id)
{
	if (!id->set)
		return;
	add_number(t, "uid", id->uid);
	add_number(t, "gid", id->gid);
	for (size_t i = 0; i < id->n_groups; i++)
		add_number(t, "group", id->groups[i]);
}

static const char *restart_name(enum config_restart_when when)
{
	switch (when) {
	case CONFIG_RESTART_NEVER:
		return "never";
	case CONFIG_RESTART_ON_FAILURE:
		return "on-failure";
	case CONFIG_RESTART_ALWAYS:
		break;
	}
	return "always";
}

static void add_policy(struct text *t, const struct config_process *p)
{
	add_string(t, "type", p->type == CONFIG_TYPE_ONESHOT ? "oneshot" : "service");
	add_string(t, "restart", restart_name(p->restart_when));
	add_duration(t, "delay_usec", p->restart_delay_usec);
	add_duration(t, "max_delay_usec", p->restart_max_delay_usec);
	if (p->restart_max > 0)
		add_number(t, "max_restarts", p->restart_max);
	add_number(t, "stop_signal", (uint64_t)p->stop_signal);
	add_duration(t, "stop_usec", p->stop_timeout_usec);
	if (p->ready.kind == CONFIG_PROBE_NOTIFY)
		add_string(t, "ready", "notify");
	if (p->log.policy == CONFIG_LOG_DROP)
		add_string(t, "log_policy", "drop");
	if (p->merge_streams)
		add_string(t, "merge_streams", "1");
}

static void add_limits(struct text *t, const struct config_limits *limits)
{
	char score[16];
	struct rlimit ours;

	/* "max" is what we may have ourselves: the kernel refuses more to anybody. */
	if (limits->open_files == SIZE_INFINITY && getrlimit(RLIMIT_NOFILE, &ours) == 0)
		add_number(t, "open_files", ours.rlim_max);
	else if (limits->open_files < LIMIT_UNSET)
		add_number(t, "open_files", limits->open_files);
	if (limits->has_oom_score) {
		snprintf(score, sizeof(score), "%d", limits->oom_score);
		add_string(t, "oom_score", score);
	}
}

static int check_bounds(const struct config_process *p, const struct spec_file *s,
			struct error *err)
{
	if (strings_len(p->argv) == 0)
		return error_set(err, -EINVAL, "\"%s\" has no program to run", p->name);
	if (strings_len(p->argv) > SPEC_ARGV_MAX)
		return error_set(err, -E2BIG, "\"%s\" has more than %d arguments", p->name,
				 SPEC_ARGV_MAX);
	if (strings_len(s->env) > SPEC_ENV_MAX)
		return error_set(err, -E2BIG, "\"%s\" has more than %d environment variables",
				 p->name, SPEC_ENV_MAX);
	if (s->id->n_groups > SPEC_GROUPS_MAX)
		return error_set(err, -E2BIG, "the user of \"%s\" is in more than %d groups",
				 p->name, SPEC_GROUPS_MAX);
	return 0;
}

static void compose(struct text *t, const struct config_process *p, const struct spec_file *s)
{
	text_add_bytes(t, SPEC_MAGIC, sizeof(SPEC_MAGIC));
	add_string(t, "name", p->name);
	add_number(t, "instance", s->instance);
	add_number(t, "revision", s->revision);
	if (s->last_life > 0)
		add_number(t, "last_life", s->last_life);
	add_strings(t, "argv", p->argv);
	add_strings(t, "env", s->env);
	if (p->cwd)
		add_string(t, "cwd", p->cwd);
	add_identity(t, s->id);
	if (p->sandbox == CONFIG_SANDBOX_DEFAULT)
		add_string(t, "confine", "1");
	add_policy(t, p);
	add_limits(t, &p->limits);
	if (s->watchdog_usec > 0)
		add_duration(t, "watchdog_usec", s->watchdog_usec);
	if (s->intake)
		add_string(t, "intake", s->intake);
	if (s->cgroup)
		add_string(t, "cgroup", s->cgroup);
}

int spec_file_write(const char *path, const struct config_process *p, const struct spec_file *s,
		    struct error *err)
{
	cleanup_text struct text t = {0};
	int r = check_bounds(p, s, err);

	if (r < 0)
		return r;
	compose(&t, p, s);
	if (t.failed)
		return -ENOMEM;
	if (t.len > SPEC_BYTES_MAX)
		return error_set(err, -E2BIG,
				 "arguments and environment of \"%s\" are larger than %d bytes",
				 p->name, SPEC_BYTES_MAX);
	r = file_write_quick(path, t.data, t.len, 0600);
	if (r < 0)
		return error_set(err, r, "cannot write \"%s\": %s", path, strerror(-r));
	return 0;
}
