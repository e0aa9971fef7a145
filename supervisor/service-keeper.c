/* SPDX-License-Identifier: MIT */

/*
 * What a service does to its keeper: prepare a life, start a keeper for it, give orders.
 *
 * Identity and environment are looked up anew for each start that was asked for: the user may have
 * come into being and the env_file may have changed since the last one. They are prepared before an
 * order is carried out, so that `restart` of a service whose env_file is gone fails with a text and
 * leaves the old life running.
 */

#include "supervisor/service-keeper.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/log.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "supervisor/environment.h"
#include "supervisor/group-limits.h"
#include "supervisor/keeper-link.h"
#include "supervisor/launcher.h"
#include "supervisor/run-files.h"
#include "supervisor/sandbox.h"
#include "supervisor/service-hearing.h"
#include "supervisor/service.h"
#include "supervisor/spec-file.h"

const char *service_group(const struct service *s)
{
	return s->system ? "system" : group_of(s->process);
}

static int make_cgroup(const struct service *s, char **ret_folder, struct error *err)
{
	struct launcher *l = s->context->launcher;
	struct launch what = {
		.name = s->process->name,
		.instance = SERVICE_SLOT,
		.slice = service_group(s),
		.limits = &s->process->limits,
	};

	return l->ops->cgroup(l, &what, ret_folder, err);
}

int service_write_spec(const struct service *s, struct error *err)
{
	const struct service_context *c = s->context;
	cleanup_free char *spec = run_file_spec(c->paths, s->process->name, SERVICE_SLOT);
	cleanup_free char *intake = run_file_intake(c->paths);
	cleanup_free char *cgroup = NULL;
	struct spec_file file = {
		.instance = SERVICE_SLOT,
		.revision = c->revision,
		.last_life = MAX_OF(s->life, s->ended_life),
		.env = s->env,
		.id = &s->identity,
		.intake = intake,
	};
	int code;

	if (!spec || !intake)
		return error_set(err, -ENOMEM, "out of memory");
	code = make_cgroup(s, &cgroup, err);
	if (code < 0)
		return code;
	file.cgroup = cgroup;
	return spec_file_write(spec, s->process, &file, err);
}

int service_find_identity(const struct service_context *c, const struct config_process *p,
			  struct identity *ret_id, struct error *err)
{
	cleanup_free char *owner = NULL;
	int code;

	if (p->user || c->paths->layout != LAYOUT_SYSTEM)
		return identity_resolve(p->user, p->groups, ret_id, err);
	owner = identity_of_folder(p->cwd);
	if (!owner)
		return error_set(err, -errno, "cannot see who owns \"%s\": %s", p->cwd,
				 strerror(errno));
	code = identity_resolve(owner, p->groups, ret_id, err);
	if (code < 0 || ret_id->uid != 0)
		return code;
	identity_done(ret_id);
	return error_set(err, -EPERM,
			 "would run as root, the owner of \"%s\": name a \"user\" "
			 "(\"user\": \"root\" if root is meant)",
			 p->cwd);
}

/* Our own daemons run as we do. */
static int find_identity(const struct service *s, struct identity *ret_id, struct error *err)
{
	if (s->system)
		return identity_resolve(NULL, NULL, ret_id, err);
	return service_find_identity(s->context, s->process, ret_id, err);
}

int service_look_up(struct service *s, struct error *err)
{
	const struct config_process *p = s->process;
	struct identity id = {0};
	char **env = NULL;
	int code = find_identity(s, &id, err);

	if (code == 0)
		code = environment_build(s->context->inherit, &id, p, &env, err);
	if (code < 0) {
		identity_done(&id);
		return code;
	}
	identity_done(&s->identity);
	strings_free(s->env);
	s->identity = id;
	s->env = env;
	return 0;
}

int service_prepare(struct service *s, struct error *err)
{
	int code = service_look_up(s, err);

	if (code < 0)
		return code;
	service_probe(s); /* a probe borrows what was looked up before */
	return service_write_spec(s, err);
}

/* What is missing systemd would refuse with a number; a person wants to know which one it is. */
static int check_there(const struct sandbox *s, struct error *err)
{
	for (size_t i = 0; s->is_on && s->writes[i]; i++)
		if (access(s->writes[i], F_OK) < 0)
			return error_set(err, -errno, "writable: \"%s\": %s", s->writes[i],
					 strerror(errno));
	for (size_t i = 0; i < strings_len(s->credentials); i++) {
		const char *path = strchr(s->credentials[i], ':') + 1;

		if (access(path, R_OK) < 0)
			return error_set(err, -errno, "credentials: cannot read \"%s\": %s", path,
					 strerror(errno));
	}
	return 0;
}

int service_launch(struct service *s, struct error *err)
{
	const struct service_context *c = s->context;
	cleanup_free char *spec = run_file_spec(c->paths, s->process->name, SERVICE_SLOT);
	cleanup_free char *control = run_file_control(c->paths, s->process->name, SERVICE_SLOT);
	struct sandbox sandbox;
	struct launch what = {
		.name = s->process->name,
		.instance = SERVICE_SLOT,
		.spec = spec,
		.control = control,
		.slice = service_group(s),
		.limits = &s->process->limits,
		.sandbox = &sandbox,
		.stop_usec = s->process->stop_timeout_usec,
		.run = s->sockets.n == 0,
	};
	int code;

	if (!spec || !control)
		return error_set(err, -ENOMEM, "out of memory");
	code = sockets_bind(&s->sockets, err);
	if (code == 0)
		code = service_prepare(s, err);
	sandbox = sandbox_of(s->process, s->identity.home, c->paths->run);
	if (code == 0)
		code = check_there(&sandbox, err);
	if (code == 0)
		code = c->launcher->ops->start(c->launcher, &what, err);
	if (code < 0 && code != -EEXIST)
		return code;
	s->has_keeper = true;
	s->keeper_watched = code == 0;
	service_connect(s);
	return 0;
}

/* What nobody can take, because the keeper's process has ended, is answered by its end. */
static void check_told(struct service *s, int code)
{
	if (code < 0 && !s->has_keeper)
		service_feed(s, SLOT_EVENT_GONE);
	else if (code < 0)
		log_warning("%s: its keeper does not take orders now: %s", s->process->name,
			    strerror(-code));
}

static int command(struct service *s, enum keeper_command order)
{
	if (!s->keeper)
		return -ENOTCONN;
	return keeper_link_command(s->keeper, order, s->asker ? s->asker : "supervisor");
}

void service_tell(struct service *s, enum keeper_command order)
{
	check_told(s, command(s, order));
}

void service_tell_hold(struct service *s, usec_t until_usec)
{
	struct keeper_request hold = {.command = KEEPER_HOLD, .until_usec = until_usec};

	/* One that cannot be told goes ahead, as without a supervisor. */
	if (s->keeper)
		ignore_result(keeper_link_send(s->keeper, &hold, NULL, 0));
}

void service_tell_leave(struct service *s)
{
	struct launcher *l = s->context->launcher;

	service_tell(s, KEEPER_LEAVE);
	if (s->has_keeper)
		l->ops->stop(l, s->process->name, SERVICE_SLOT);
}

/* Those of a predecessor are gone with it; its keeper may have died before it was given any. */
static int hand_over_sockets(struct service *s)
{
	struct error err = {0};
	int code = sockets_bind(&s->sockets, &err);

	if (code < 0)
		log_error("%s: %s", s->process->name, err.text);
	return code < 0 ? code : sockets_send(&s->sockets, s->keeper);
}

void service_tell_start(struct service *s)
{
	int code = s->sockets.n && s->keeper ? hand_over_sockets(s) : 0;

	check_told(s, code < 0 ? code : command(s, KEEPER_START));
}

void service_tell_failure(struct service *s, enum keeper_cause cause, const char *asker)
{
	struct keeper_request request = {.command = KEEPER_FAIL, .cause = cause};

	snprintf(request.asker, sizeof(request.asker), "%s", asker);
	check_told(s, s->keeper ? keeper_link_send(s->keeper, &request, NULL, 0) : -ENOTCONN);
}

int service_signal(struct service *s, int signo, const char *asker)
{
	struct keeper_request request = {.command = KEEPER_SIGNAL, .arg = signo};

	if (!s->keeper || !s->snapshot.main_pid)
		return -ESRCH;
	snprintf(request.asker, sizeof(request.asker), "%s", asker);
	return keeper_link_send(s->keeper, &request, NULL, 0);
}
