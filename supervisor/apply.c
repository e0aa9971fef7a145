/* SPDX-License-Identifier: MIT */

/*
 * A config becomes the applied one.
 *
 * All or nothing: the text is parsed, and for each process that the plan touches its user and its
 * env_file are looked up, before the revision is stored and the first service changes; what fails
 * until then leaves everything as it is. After that nothing can be refused any more - a program
 * that does not exist is a service that fails, not a config that does.
 *
 * run/applied names the revision that counts. It lies below run/, so it ends with the platform:
 * after `down` and after a reboot the file on disk is read.
 */

#include "supervisor/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/text.h"
#include "config/load.h"
#include "config/plan.h"
#include "config/revision.h"
#include "supervisor/environment.h"
#include "supervisor/events.h"
#include "supervisor/groups.h"
#include "supervisor/identity.h"
#include "supervisor/log-keeping.h"
#include "supervisor/manager.h"
#include "supervisor/own.h"
#include "supervisor/service-keeper.h"

#define ID_CONFIG_INVALID "io.slicekeep.supervisor.ConfigInvalid"

static int parse(struct manager *m, const char *text, struct config **ret_config, struct error *err)
{
	struct config_rules rules = {
		.system_layout = m->paths->layout == LAYOUT_SYSTEM,
		.check_files = true,
	};
	int code;

	if (text)
		code = config_parse(text, strlen(text), m->paths->config, &rules, ret_config, err);
	else
		code = config_load(m->paths->config, &rules, ret_config, err);
	if (code < 0 && err)
		snprintf(err->id, sizeof(err->id), "%s", ID_CONFIG_INVALID);
	return code;
}

/* What was applied once was right; that a file it names has gone since must not keep us away from
 * what runs. */
static int parse_applied(struct manager *m, const char *text, struct config **ret_config,
			 struct error *err)
{
	struct config_rules rules = {0};

	return config_parse(text, strlen(text), m->paths->config, &rules, ret_config, err);
}

static void plan_clear(struct plan *p)
{
	plan_done(p);
}

/* --- carrying out -------------------------------------------------------------------------- */

static enum plan_effect effect_on(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_rows; i++)
		if (text_equal(plan->rows[i].name, name))
			return plan->rows[i].effect;
	return PLAN_NOTHING;
}

/**
 * struct lineup - all services of a config that is about to be applied: the processes of the config
 * in its order, what left it, our own daemons
 * @is_new: of each, whether it was made for this config
 */
struct lineup {
	struct service **services;
	bool *is_new;
	size_t n;
};

static void lineup_clear(struct lineup *l)
{
	for (size_t i = 0; l->services && i < l->n; i++)
		if (l->is_new[i])
			service_free(l->services[i]);
	free(l->services);
	free(l->is_new);
}

static void lineup_add(struct lineup *l, struct service *s, bool is_new)
{
	l->services[l->n] = s;
	l->is_new[l->n++] = is_new;
}

/* All that can fail; nothing has changed yet. */
static int lineup_make(struct manager *m, struct config *config, struct lineup *l)
{
	size_t room = m->n_services + config->n_processes + 1;
	int code = 0;

	l->services = calloc(room, sizeof(struct service *));
	l->is_new = calloc(room, sizeof(bool));
	if (!l->services || !l->is_new)
		return -ENOMEM;
	for (size_t i = 0; code == 0 && i < config->n_processes; i++) {
		const struct config_process *p = &config->processes[i];
		struct service *s = manager_find(m, p->name);
		bool is_new = !s;

		if (is_new)
			code = service_new(&m->context, config, p, false, &s);
		if (code == 0)
			lineup_add(l, s, is_new);
	}
	for (size_t i = 0; code == 0 && i < m->n_services; i++) {
		struct service *s = m->services[i];

		if (s->system || !config_find(config, s->process->name))
			lineup_add(l, s, false);
	}
	return code;
}

static void remove_service(struct service *s)
{
	s->removed = true;
	s->wanted = false;
	s->renewing = false;
}

/* One that comes back while it is being removed is a new one: what still runs is the old. */
static void bring_back(struct manager *m, struct service *s)
{
	s->removed = false;
	s->wanted = manager_wanted_by_default(m, s->process);
	s->renewing = s->state != SLOT_STOPPED;
}

/* Nothing of this can fail. */
static void lineup_take(struct manager *m, struct config *config, const struct plan *plan,
			struct lineup *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct service *s = l->services[i];
		const struct config_process *p = config_find(config, s->process->name);

		if (s->system)
			continue;
		if (l->is_new[i]) {
			s->wanted = manager_wanted_by_default(m, p);
			continue;
		}
		if (!p) {
			remove_service(s);
			continue;
		}
		service_change(s, config, p, effect_on(plan, p->name));
		if (s->removed)
			bring_back(m, s);
		/* One that is to start by itself now would start at our successor's otherwise. */
		s->wanted |= manager_wanted_by_default(m, p);
	}
	manager_take_services(m, l->services, l->n);
	l->services = NULL;
}

static void remember_applied(struct manager *m, uint64_t revision)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%" PRIu64 "\n", revision);
	int code = file_write_quick(m->applied_file, text, (size_t)n, 0600);

	if (code < 0)
		log_error("cannot write \"%s\": %s", m->applied_file, strerror(-code));
}

void apply_forget(struct manager *m)
{
	(void)unlink(m->applied_file);
}

/* All or nothing; our own daemons come last, and one that cannot follow keeps what it has. */
static int carry_out(struct manager *m, struct config *config, uint64_t revision, struct error *err)
{
	cleanup(plan_clear) struct plan plan = {0};
	cleanup(lineup_clear) struct lineup lineup = {0};
	struct config *old;
	int code = plan_make(m->config, config, &plan);

	if (code == 0)
		code = lineup_make(m, config, &lineup);
	if (code < 0)
		return error_set(err, code, "cannot carry the config out: %s", strerror(-code));
	/* From here on a supervisor that comes back goes on with this revision. */
	remember_applied(m, revision);
	m->context.revision = revision;
	lineup_take(m, config, &plan, &lineup);
	old = m->config;
	m->config = config_ref(config);
	groups_change(m, old);
	log_keeping_change(m->log_keeping, m->config);
	config_unref(old);
	return 0;
}

/* --- catching up --------------------------------------------------------------------------- */

/* The config of a revision that was applied before; NULL when it is not kept any more. */
static struct config *old_config(struct manager *m, uint64_t number)
{
	struct revision revision = {0};
	struct config *config = NULL;
	struct error err = {0};

	if (revision_load(m->revisions_folder, number, &revision, &err) < 0 ||
	    parse_applied(m, revision.source, &config, &err) < 0)
		log_notice("revision %" PRIu64 " is not known any more: %s", number, err.text);
	revision_done(&revision);
	return config;
}

/* What runs by a spec of revision @number is brought to the one that is applied. */
static void catch_up_from(struct manager *m, uint64_t number)
{
	cleanup(plan_clear) struct plan plan = {0};
	struct config *old = old_config(m, number);

	if (old && plan_make(old, m->config, &plan) < 0)
		log_error("out of memory: what runs may be of an older config");
	for (size_t i = 0; old && i < m->n_services; i++) {
		struct service *s = m->services[i];
		enum plan_effect effect;

		if (s->system || s->removed || s->snapshot.spec_revision != number)
			continue;
		effect = effect_on(&plan, s->process->name);
		if (effect != PLAN_NOTHING)
			service_change(s, m->config, s->process, effect);
	}
	config_unref(old);
}

static bool lags(const struct manager *m, size_t i)
{
	const struct service *s = m->services[i];

	return !s->system && !s->removed && s->snapshot.spec_revision &&
	       s->snapshot.spec_revision != m->context.revision;
}

void apply_catch_up(struct manager *m)
{
	for (size_t i = 0; i < m->n_services; i++) {
		uint64_t number = m->services[i]->snapshot.spec_revision;
		bool is_first = lags(m, i);

		for (size_t k = 0; k < i && is_first; k++)
			is_first = !lags(m, k) || m->services[k]->snapshot.spec_revision != number;
		if (is_first)
			catch_up_from(m, number);
	}
}

/* --- checks before ------------------------------------------------------------------------- */

static int check_process(struct manager *m, const struct config_process *p, struct error *err)
{
	struct identity id = {0};
	char **env = NULL;
	int code = service_find_identity(&m->context, p, &id, err);

	if (code == 0)
		code = environment_build(m->context.inherit, &id, p, &env, err);
	strings_free(env);
	identity_done(&id);
	if (code < 0)
		error_prefix(err, "processes.%s", p->name);
	return code;
}

static int check_plan(struct manager *m, const struct config *config, const struct plan *plan,
		      struct error *err)
{
	for (size_t i = 0; i < plan->n_rows; i++) {
		const struct plan_row *row = &plan->rows[i];
		int code;

		if (row->effect != PLAN_START && row->effect != PLAN_RESTART)
			continue;
		code = check_process(m, config_find(config, row->name), err);
		if (code < 0) {
			snprintf(err->id, sizeof(err->id), "%s", ID_CONFIG_INVALID);
			return code;
		}
	}
	return 0;
}

/* --- the public ways in -------------------------------------------------------------------- */

static json_t *plan_json(const struct plan *plan)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows && i < plan->n_rows; i++) {
		const struct plan_row *row = &plan->rows[i];

		json_array_append_new(rows, json_pack("{s:s, s:s, s:s}", "name", row->name,
						      "effect", plan_effect_name(row->effect),
						      "why", row->why ? row->why : ""));
	}
	return rows;
}

static json_t *warnings_json(const struct config *config)
{
	json_t *warnings = json_array();

	for (size_t i = 0; i < strings_len(config->warnings); i++)
		json_array_append_new(warnings, json_string(config->warnings[i]));
	return warnings;
}

int apply_plan(struct manager *m, const char *text, json_t **ret_reply, struct error *err)
{
	cleanup(plan_clear) struct plan plan = {0};
	struct config *config = NULL;
	int code = parse(m, text, &config, err);

	if (code < 0)
		return code;
	code = plan_make(m->config, config, &plan);
	if (code == 0)
		code = check_plan(m, config, &plan, err);
	if (code == 0)
		*ret_reply = json_pack("{s:o, s:o}", "rows", plan_json(&plan), "warnings",
				       warnings_json(config));
	config_unref(config);
	return code;
}

static char *source_text(const struct config *config)
{
	cleanup_json json_t *source = config_source(config);

	return source ? json_dumps(source, JSON_INDENT(2)) : NULL;
}

static int store(struct manager *m, const struct config *config, const struct apply_request *r,
		 uint64_t *ret_revision, struct error *err)
{
	cleanup_free char *source = source_text(config);
	int code;

	if (!source)
		return error_set(err, -ENOMEM, "out of memory");
	/* The file last: the next start reads it, while a revision more means nothing. */
	code = revision_save(m->revisions_folder, r->who, r->why, source, ret_revision, err);
	if (code < 0 || !r->save || !r->text)
		return code;
	code = file_write_atomic(m->paths->config, r->text, strlen(r->text), 0600);
	if (code < 0)
		return error_set(err, code, "cannot write \"%s\": %s", m->paths->config,
				 strerror(-code));
	return 0;
}

static void announce_config(struct manager *m, uint64_t revision, const struct apply_request *r)
{
	char text[128];
	struct event event = {.kind = "config", .text = text, .who = r->who};

	snprintf(text, sizeof(text), "config revision %" PRIu64 " applied: %s", revision, r->why);
	events_add(m->events, &event);
}

int apply_config(struct manager *m, const struct apply_request *request, json_t **ret_reply,
		 struct error *err)
{
	cleanup(plan_clear) struct plan plan = {0};
	struct config *config = NULL;
	uint64_t revision = 0;
	int code = parse(m, request->text, &config, err);

	if (code < 0)
		return code;
	code = plan_make(m->config, config, &plan);
	if (code == 0)
		code = check_plan(m, config, &plan, err);
	if (code == 0)
		code = store(m, config, request, &revision, err);
	if (code == 0)
		code = carry_out(m, config, revision, err);
	if (code == 0) {
		struct error own = {0};

		announce_config(m, revision, request);
		if (own_daemons_apply(m, &own) < 0)
			log_error("our own daemons keep their options: %s", own.text);
		*ret_reply = json_pack("{s:I, s:o, s:o}", "revision", (json_int_t)revision, "rows",
				       plan_json(&plan), "warnings", warnings_json(config));
	}
	config_unref(config);
	return code;
}

static int applied_revision(struct manager *m, struct revision *ret_revision)
{
	cleanup_free char *text = NULL;
	struct error ignored = {0};
	int code = file_read(m->applied_file, 64, &text, NULL);

	if (code < 0)
		return code;
	return revision_load(m->revisions_folder, strtoull(text, NULL, 10), ret_revision, &ignored);
}

int apply_first(struct manager *m, struct error *err)
{
	struct apply_request request = {.who = "up", .why = "start"};
	struct revision applied = {0};
	struct config *config = NULL;
	uint64_t revision = 0;
	int code;

	if (applied_revision(m, &applied) == 0) {
		code = parse_applied(m, applied.source, &config, err);
		revision = applied.number;
		revision_done(&applied);
	} else {
		code = parse(m, NULL, &config, err);
		if (code == 0)
			code = store(m, config, &request, &revision, err);
	}
	if (code == 0)
		code = carry_out(m, config, revision, err);
	if (code == 0)
		code = own_daemons_apply(m, err);
	config_unref(config);
	return code;
}
