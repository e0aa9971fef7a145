/* SPDX-License-Identifier: MIT */

/*
 * One process: its table, its defaults, and what its keys mean for each other.
 *
 * Members come in any order, so what depends on two of them (a oneshot's restart policy, probes and
 * `listen`) is decided in process_finish(), when all are known.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/scalar.h"
#include "config/vector.h"

#define RESTART_DELAY_USEC (100 * USEC_PER_MSEC)
#define RESTART_MAX_DELAY_USEC (30 * USEC_PER_SEC)
#define STOP_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define READY_UP_FOR_USEC USEC_PER_SEC
#define READY_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define HEALTH_EVERY_USEC (10 * USEC_PER_SEC)
#define HEALTH_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define HEALTH_FAILURES 3
#define MIN_HEALTHY_USEC USEC_PER_SEC
#define INSTANCES_MAX 64
#define AFTER_MAX 512
#define GROUPS_MAX 256
#define GLOBS_MAX 256
#define CREDENTIALS_MAX 256
#define VARIABLES_MAX 4000

/** struct draft - a process that is being read; @restart_when is -1 until it is given */
struct draft {
	struct config_process out;
	char *command;
	const json_t *args;
	const json_t *hook;
	int restart_when;
	const json_t *ignored;
};

static const char *const type_words[] = {"service", "oneshot", NULL};
static const char *const when_words[] = {"always", "on-failure", "never", NULL};
static const char *const policy_words[] = {"block", "drop", NULL};
static const char *const sandbox_words[] = {"off", "default", NULL};

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"SIGTERM", SIGTERM}, {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},   {"SIGHUP", SIGHUP},
	{"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2}, {"SIGWINCH", SIGWINCH}, {"SIGALRM", SIGALRM},
	{"SIGABRT", SIGABRT}, {"SIGPWR", SIGPWR},   {"SIGKILL", SIGKILL},
};

static int read_signal(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	const char *names[ARRAY_LEN(signals)];
	const char *s = json_string_value(value);
	const char *near;
	int *target = member;

	if (!s)
		return parse_fail_kind(p, "a signal such as \"SIGTERM\"", value);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		names[i] = signals[i].name;
		if (!strcmp(s, names[i])) {
			*target = signals[i].number;
			return 0;
		}
	}
	near = text_nearest(s, names, ARRAY_LEN(names));
	return parse_fail(p, "'%s' is no signal to stop with, did you mean '%s'?", s,
			  near ? near : "SIGTERM");
}

static int read_instances(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	int r;

	r = parse_unsigned(p, value, f, member);
	if (r == 0 && json_integer_value(value) > 1)
		r = parse_note_later(p, f->key, value);
	return r;
}

static int read_credential(struct parse *p, const char *name, const json_t *value,
			   const struct field *f, char ***credentials)
{
	cleanup_free char *path = NULL;
	char *credential = NULL;
	int r;

	if (!text_name_valid(name))
		return parse_fail(p, "no valid name: a-z, 0-9, '-', '_'");
	r = parse_path(p, value, f, &path);
	if (r < 0)
		return r;
	if (asprintf(&credential, "%s:%s", name, path) < 0)
		credential = NULL;
	return strings_add(credentials, credential) < 0 ? parse_fail_memory(p) : 0;
}

static int read_credentials(struct parse *p, const json_t *object, const struct field *f,
			    void *member)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return parse_fail_kind(p, "an object of files", object);
	if (json_object_size(object) > CREDENTIALS_MAX)
		return parse_fail(p, "more than %d credentials", CREDENTIALS_MAX);
	json_object_foreach((json_t *)object, key, value) {
		int r;

		place_push_key(&p->place, key);
		r = read_credential(p, key, value, f, member);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	return 0;
}

/* Globs that only a later build looks at: right, and not kept. */
static int check_strings(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	cleanup_strings char **strings = NULL;

	return parse_strings(p, value, f, &strings);
}

static int check_text(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	cleanup_free char *s = NULL;

	return parse_text(p, value, f, &s);
}

#define AT(member) offsetof(struct draft, member)

static int read_restart(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	static const struct field fields[] = {
		{"when", parse_word, AT(restart_when), .words = when_words},
		{"delay", parse_duration, AT(out.restart_delay_usec), USEC_PER_MSEC, USEC_PER_DAY},
		{"max_delay", parse_duration, AT(out.restart_max_delay_usec), USEC_PER_MSEC,
		 USEC_PER_DAY},
		{"max_restarts", parse_unsigned, AT(out.restart_max), 1, 1000000},
	};
	struct draft *d = member;
	int r;

	r = parse_object(p, value, fields, ARRAY_LEN(fields), d);
	if (r < 0)
		return r;
	if (d->out.restart_delay_usec <= d->out.restart_max_delay_usec)
		return 0;
	if (json_object_get(value, "max_delay"))
		return parse_fail(p, "delay is longer than max_delay");
	d->out.restart_max_delay_usec = d->out.restart_delay_usec;
	return 0;
}

static int read_stop(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	static const struct field fields[] = {
		{"signal", read_signal, AT(out.stop_signal)},
		{"timeout", parse_duration, AT(out.stop_timeout_usec), 0, USEC_PER_DAY},
	};

	return parse_object(p, value, fields, ARRAY_LEN(fields), member);
}

static int read_log(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	static const struct field fields[] = {
		{"policy", parse_word, AT(out.log.policy), .words = policy_words},
		{"max_total", parse_size, AT(out.log.max_total_bytes), 65536},
		{"max_age", parse_duration, AT(out.log.max_age_usec), USEC_PER_MINUTE,
		 36500 * USEC_PER_DAY},
	};

	return parse_object(p, value, fields, ARRAY_LEN(fields), member);
}

static const struct field process_fields[] = {
	{"script", parse_path, AT(out.script)},
	{"command", parse_text, AT(command)},
	{"args", parse_borrowed, AT(args)},
	{"cwd", parse_path, AT(out.cwd)},
	{"env", parse_environment, AT(out.env), .max = VARIABLES_MAX},
	{"env_file", parse_path, AT(out.env_file)},
	{"user", parse_text, AT(out.user), .max = 256},
	{"groups", parse_strings, AT(out.groups), 0, GROUPS_MAX},
	{"slice", parse_text, AT(out.slice)},
	{"instances", read_instances, AT(out.instances), 1, INSTANCES_MAX},
	{"ports", parse_ports, AT(out)},
	{"listen", parse_listen, AT(out), .later = true},
	{"limits", parse_limits, AT(out.limits)},
	{"restart", read_restart, 0},
	{"ready", parse_ready, AT(out.ready)},
	{"health", parse_health, AT(out.health)},
	{"stop", read_stop, 0},
	{"after", parse_strings, AT(out.after), 0, AFTER_MAX},
	{"type", parse_word, AT(out.type), .words = type_words},
	{"autostart", parse_bool, AT(out.autostart)},
	{"schedule", check_text, AT(ignored), .max = 256, .later = true},
	{"watch", check_strings, AT(ignored), 0, GLOBS_MAX, .later = true},
	{"exclusive", parse_bool, AT(out.exclusive), .later = true},
	{"drain", parse_duration, AT(out.drain_usec), 0, USEC_PER_DAY, .later = true},
	{"min_healthy_time", parse_duration, AT(out.min_healthy_usec), 0, USEC_PER_DAY,
	 .later = true},
	{"max_parallel", parse_unsigned, AT(out.max_parallel), 1, INSTANCES_MAX, .later = true},
	{"sandbox", parse_word, AT(out.sandbox), .words = sandbox_words},
	{"writable", parse_paths, AT(out.writable), 0, CONFIG_WRITABLE_MAX},
	{"credentials", read_credentials, AT(out.credentials)},
	{"merge_streams", parse_bool, AT(out.merge_streams)},
	{"log", read_log, 0},
	{"webhook", parse_borrowed, AT(hook)},
};

static void set_defaults(struct draft *d)
{
	d->restart_when = -1;
	d->out = (struct config_process){
		.instances = 1,
		.restart_delay_usec = RESTART_DELAY_USEC,
		.restart_max_delay_usec = RESTART_MAX_DELAY_USEC,
		.health = {.timeout_usec = HEALTH_TIMEOUT_USEC,
			   .every_usec = HEALTH_EVERY_USEC,
			   .failures = HEALTH_FAILURES},
		.stop_signal = SIGTERM,
		.stop_timeout_usec = STOP_TIMEOUT_USEC,
		.autostart = true,
		.drain_usec = USEC_INFINITY,
		.min_healthy_usec = MIN_HEALTHY_USEC,
		.max_parallel = 1,
	};
	config_limits_unset(&d->out.limits);
}

static int finish_oneshot(struct parse *p, struct draft *d)
{
	if (d->restart_when == CONFIG_RESTART_ALWAYS)
		return parse_fail_member(
			p, "restart", "when",
			"a oneshot that succeeded is done: 'on-failure' or 'never'");
	if (d->out.ready.kind != CONFIG_PROBE_NONE)
		return parse_fail_member(p, "ready", NULL,
					 "a oneshot is ready when it has exited with 0");
	if (d->out.health.kind != CONFIG_PROBE_NONE)
		return parse_fail_member(p, "health", NULL, "a oneshot has an end and no health");
	if (d->out.ready.timeout_usec == 0)
		d->out.ready.timeout_usec = USEC_INFINITY;
	d->out.restart_when = d->restart_when < 0 ? CONFIG_RESTART_NEVER
						  : (enum config_restart_when)d->restart_when;
	return 0;
}

static int finish_service(struct parse *p, struct draft *d)
{
	struct config_probe *ready = &d->out.ready;
	bool has_timeout = ready->timeout_usec > 0;

	if (ready->kind == CONFIG_PROBE_NONE) {
		ready->kind = CONFIG_PROBE_UP_FOR;
		ready->up_for_usec = READY_UP_FOR_USEC;
	}
	if (!has_timeout)
		ready->timeout_usec = MAX_OF(READY_TIMEOUT_USEC, 2 * ready->up_for_usec);
	if (ready->kind == CONFIG_PROBE_UP_FOR && ready->up_for_usec > ready->timeout_usec)
		return parse_fail_member(p, "ready", "timeout", "is over before up_for is");
	d->out.restart_when = d->restart_when < 0 ? CONFIG_RESTART_ALWAYS
						  : (enum config_restart_when)d->restart_when;
	return 0;
}

static int finish_sandbox(struct parse *p, const struct config_process *c)
{
	if (c->sandbox == CONFIG_SANDBOX_DEFAULT || strings_len(c->writable) == 0)
		return 0;
	return parse_warn(p,
			  "processes.%s.writable: has no effect without \"sandbox\": \"default\"",
			  c->name);
}

/* What the members mean for each other. */
static int process_finish(struct parse *p, struct draft *d)
{
	struct config_process *out = &d->out;
	int r;

	if (!out->cwd)
		out->cwd = strdup(p->config->folder);
	if (!out->cwd)
		return parse_fail_memory(p);
	r = parse_finish_rates(p, &out->limits, out->cwd);
	if (r < 0)
		return r;
	if (out->drain_usec == USEC_INFINITY)
		out->drain_usec = out->stop_timeout_usec;
	r = out->type == CONFIG_TYPE_ONESHOT ? finish_oneshot(p, d) : finish_service(p, d);
	if (r == 0)
		r = finish_sandbox(p, out);
	if (r == 0)
		r = parse_finish_ports(p, out);
	return r;
}

static int read_draft(struct parse *p, const char *name, const json_t *object, struct draft *d)
{
	int r;

	r = parse_name(p, name);
	if (r < 0)
		return r;
	d->out.name = strdup(name);
	d->out.later = json_object();
	if (!d->out.name || !d->out.later)
		return parse_fail_memory(p);
	p->later = d->out.later;
	r = parse_object(p, object, process_fields, ARRAY_LEN(process_fields), d);
	if (r == 0)
		r = process_finish(p, d);
	p->later = NULL;
	if (r == 0)
		r = parse_command(p, d->out.script, d->command, d->args, &d->out);
	if (r == 0 && d->hook) {
		place_push_key(&p->place, "webhook");
		r = parse_hook(p, name, d->hook);
		place_pop(&p->place);
	}
	return r;
}

int parse_process(struct parse *p, const char *name, const json_t *object,
		  struct config_process *target)
{
	struct draft d = {0};
	int r;

	set_defaults(&d);
	r = read_draft(p, name, object, &d);
	/* Half-read or not: the config owns it, and frees it. */
	*target = d.out;
	free(d.command);
	return r;
}
