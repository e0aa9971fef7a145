/* SPDX-License-Identifier: MIT */

/*
 * Our own daemons, supervised by the same code as everybody else's: a keeper each, restarts, exit
 * reports, a row in `ls`. What differs is their definition, which is written here instead of in the
 * config: they come back within a second whatever happens, and their sockets are bound by us, so
 * that nobody is refused while one of them is being restarted or upgraded, nor between our first
 * answer and its start: whoever finds us finds them.
 */

#include "supervisor/own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/log.h"
#include "config/load.h"
#include "supervisor/manager.h"
#include "supervisor/run-files.h"

static void add_option(json_t *args, const char *name, uint64_t value, const char *unit)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRIu64 "%s", value, unit);
	json_array_append_new(args, json_string(name));
	json_array_append_new(args, json_string(text));
}

/* The definition is put together as a config of its own, which the parser gives all its defaults.
 */
static json_t *log_definition(const struct manager *m, const char *program)
{
	const struct config *c = m->config;
	json_t *args = json_array();

	if (c->log_max_total_bytes)
		add_option(args, "--max-total", c->log_max_total_bytes, "");
	if (c->segment_bytes)
		add_option(args, "--segment", c->segment_bytes, "");
	if (c->log_sync_usec != USEC_INFINITY)
		add_option(args, "--sync", c->log_sync_usec / USEC_PER_MSEC, "ms");
	return json_pack("{s:s, s:o, s:s, s:{s:b}, s:{s:s, s:s}}", "command", program, "args", args,
			 "cwd", "/", "ready", "notify", 1, "restart", "delay", "100ms", "max_delay",
			 "1s");
}

static int add_log_sockets(struct manager *m, struct service *s)
{
	cleanup_free char *intake = run_file_intake(m->paths);
	cleanup_free char *varlink = file_path_join(m->paths->run, "log.sock");
	int code;

	if (!intake || !varlink)
		return -ENOMEM;
	code = sockets_add(&s->sockets, "intake", intake, SOCK_SEQPACKET);
	if (code == 0)
		code = sockets_add(&s->sockets, "varlink", varlink, SOCK_STREAM);
	return code;
}

static int parse_definition(struct manager *m, const char *program, struct config **ret_own,
			    struct error *err)
{
	json_t *definition = log_definition(m, program);
	json_t *file = definition ? json_pack("{s:{s:o}}", "processes", "log", definition) : NULL;
	cleanup_free char *text = file ? json_dumps(file, JSON_COMPACT) : NULL;
	struct config_rules rules = {.own_daemons = true};

	json_decref(file);
	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	return config_parse(text, strlen(text), "/our-own-daemons.json", &rules, ret_own, err);
}

static int add_log(struct manager *m, struct error *err)
{
	struct service *s = NULL;
	int code = service_new(&m->context, m->own, &m->own->processes[0], true, &s);

	if (code == 0)
		code = add_log_sockets(m, s);
	if (code < 0) {
		service_free(s);
		return error_set(err, code, "out of memory");
	}
	s->wanted = manager_wanted_by_default(m, s->process);
	code = manager_add_service(m, s);
	return code < 0 ? error_set(err, code, "out of memory") : 0;
}

static int change_log(struct manager *m, struct service *s, struct config *old, struct error *err)
{
	struct plan plan = {0};
	int code = plan_make(old, m->own, &plan);

	if (code < 0)
		return error_set(err, code, "out of memory");
	service_change(s, m->own, &m->own->processes[0],
		       plan.n_rows > 0 ? plan.rows[0].effect : PLAN_NOTHING);
	plan_done(&plan);
	return 0;
}

int own_daemons_apply(struct manager *m, struct error *err)
{
	cleanup_free char *program = paths_program("slicekeep-log");
	struct service *s = manager_find(m, "log");
	struct config *old = m->own;
	struct config *own = NULL;
	int code;

	if (!program)
		return error_set(err, -ENOENT,
				 "the program \"slicekeep-log\" is missing: install it");
	code = parse_definition(m, program, &own, err);
	if (code < 0 || !own)
		return code;
	m->own = own;
	code = s ? change_log(m, s, old, err) : add_log(m, err);
	config_unref(old);
	return code;
}

void own_daemons_listen(struct manager *m)
{
	for (size_t i = 0; i < m->n_services; i++) {
		struct service *s = m->services[i];
		struct error err = {0};

		if (!s->has_keeper && sockets_bind(&s->sockets, &err) < 0)
			log_debug("%s: %s", s->process->name, err.text); /* its start says it */
	}
}
