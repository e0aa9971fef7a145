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

#include "lib/error.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "supervisor/environment.h"
#include "supervisor/keeper-link.h"
#include "supervisor/launcher.h"
#include "supervisor/run-files.h"
#include "supervisor/service.h"
#include "supervisor/spec-file.h"

int service_write_spec(const struct service *s, struct error *err)
{
	const struct service_context *c = s->context;
	cleanup_free char *spec = run_file_spec(c->paths, s->process->name, SERVICE_SLOT);
	cleanup_free char *intake = run_file_intake(c->paths);
	struct spec_file file = {
		.instance = SERVICE_SLOT,
		.revision = c->revision,
		.env = s->env,
		.id = &s->identity,
		.intake = intake,
	};

	if (!spec || !intake)
		return error_set(err, -ENOMEM, "out of memory");
	return spec_file_write(spec, s->process, &file, err);
}

int service_prepare(struct service *s, struct error *err)
{
	const struct config_process *p = s->process;
	struct identity id = {0};
	char **env = NULL;
	int code = identity_resolve(p->user, p->groups, &id, err);

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
	return service_write_spec(s, err);
}

int service_launch(struct service *s, struct error *err)
{
	const struct service_context *c = s->context;
	cleanup_free char *spec = run_file_spec(c->paths, s->process->name, SERVICE_SLOT);
	cleanup_free char *control = run_file_control(c->paths, s->process->name, SERVICE_SLOT);
	struct launch what = {
		.name = s->process->name,
		.instance = SERVICE_SLOT,
		.spec = spec,
		.control = control,
		.slice = s->process->slice,
		.limits = &s->process->limits,
		.run = s->sockets.n == 0,
	};
	int code;

	if (!spec || !control)
		return error_set(err, -ENOMEM, "out of memory");
	code = sockets_bind(&s->sockets, err);
	if (code == 0)
		code = service_prepare(s, err);
	if (code == 0)
		code = c->launcher->ops->start(c->launcher, &what, err);
	/* A keeper that was started and could not be talked to is still there: talk to it now. */
	if (code < 0 && code != -EEXIST)
		return code;
	code = service_adopt(s);
	if (code < 0)
		error_set(err, code, "cannot talk to its keeper: %s", strerror(-code));
	return code;
}

int service_command(struct service *s, enum keeper_command command)
{
	if (!s->keeper)
		return -ENOTCONN;
	return keeper_link_command(s->keeper, command, s->asker ? s->asker : "supervisor");
}

int service_command_start(struct service *s)
{
	int code = s->sockets.n && s->keeper ? sockets_send(&s->sockets, s->keeper) : 0;

	return code < 0 ? code : service_command(s, KEEPER_START);
}

int service_command_fail(struct service *s, enum keeper_cause cause, const char *asker)
{
	struct keeper_request request = {.command = KEEPER_FAIL, .cause = cause};

	if (!s->keeper)
		return -ENOTCONN;
	snprintf(request.asker, sizeof(request.asker), "%s", asker);
	return keeper_link_send(s->keeper, &request, NULL, 0);
}

int service_signal(struct service *s, int signo, const char *asker)
{
	struct keeper_request request = {.command = KEEPER_SIGNAL, .arg = signo};

	if (!s->keeper || !s->snapshot.main_pid)
		return -ESRCH;
	snprintf(request.asker, sizeof(request.asker), "%s", asker);
	return keeper_link_send(s->keeper, &request, NULL, 0);
}
