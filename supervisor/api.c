/* SPDX-License-Identifier: MIT */

/*
 * The interface io.slicekeep.supervisor: parameters in, one call of the manager, an answer out.
 *
 * Who may do what is the server's business (the role in the table below, from the peer's uid); what
 * a caller claims to be is never asked for.
 */

#include "supervisor/api.h"

#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/message.h"
#include "lib/varlink/server.h"
#include "config/mask.h"
#include "config/revision.h"
#include "supervisor/apply.h"
#include "supervisor/describe.h"
#include "supervisor/events.h"
#include "supervisor/exit-store.h"
#include "supervisor/io.slicekeep.supervisor.varlink.h"
#include "supervisor/launcher.h"
#include "supervisor/limits.h"
#include "supervisor/manager.h"
#include "supervisor/numbers-answer.h"
#include "supervisor/operation.h"
#include "supervisor/sampler.h"
#include "supervisor/stream.h"

#define ID_NO_SUCH_SERVICE "io.slicekeep.supervisor.NoSuchService"
#define ID_SHUTTING_DOWN "io.slicekeep.supervisor.ShuttingDown"
#define ID_ACTION_FAILED "io.slicekeep.supervisor.ActionFailed"

#define EXITS_DEFAULT 20
#define EVENTS_DEFAULT 100
#define HISTORY_DEFAULT 60
#define WHO_MAX 40

struct api {
	struct manager *manager;
	struct varlink_server *server;
	char *path; /* NULL while nobody listens there */
};

/* --- who ----------------------------------------------------------------------------------- */

static const char *who(const struct varlink_call *call, char buf[static WHO_MAX])
{
	uid_t uid = varlink_call_peer(call)->uid;
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(buf, WHO_MAX, "%.*s", WHO_MAX - 1, pw->pw_name);
	else
		snprintf(buf, WHO_MAX, "uid %u", (unsigned)uid);
	return buf;
}

static enum varlink_role role(int sock, const struct fd_peer *peer, void *userdata)
{
	const struct api *a = userdata;
	const struct group *operators;

	if (peer->uid == 0 || peer->uid == geteuid())
		return VARLINK_ROLE_ADMIN;
	if (a->manager->paths->layout != LAYOUT_SYSTEM)
		return VARLINK_ROLE_NONE;
	operators = getgrnam("slicekeep");
	if (operators && fd_peer_in_group(sock, peer, operators->gr_gid))
		return VARLINK_ROLE_OPERATE;
	return VARLINK_ROLE_NONE;
}

static int no_such_service(struct varlink_call *call, const char *name)
{
	char message[80];

	snprintf(message, sizeof(message), "no service \"%.*s\"", TEXT_NAME_MAX, name ? name : "");
	varlink_call_error(call, ID_NO_SUCH_SERVICE,
			   json_pack("{s:s, s:o}", "name", name ? name : "", "message",
				     json_text(message, strlen(message))));
	return 0;
}

/* --- looking ------------------------------------------------------------------------------- */

static int reply(struct varlink_call *call, json_t *parameters, struct error *err)
{
	if (!parameters)
		return error_set(err, -ENOMEM, "out of memory");
	varlink_call_reply(call, parameters);
	return 0;
}

static int on_status(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	const struct api *a = userdata;
	bool count = json_get_bool(parameters, "count", false);

	return reply(call, describe_status(a->manager, count), err);
}

static int on_list(struct varlink_call *call, json_t *parameters, void *userdata, struct error *err)
{
	struct api *a = userdata;
	json_t *names = json_object_get(parameters, "names");
	cleanup_text struct text services = {0};
	struct describe_how how = {
		.count = json_get_bool(parameters, "count", false),
		.live = json_get_bool(parameters, "live", false),
		.brief = json_get_bool(parameters, "brief", false),
	};

	if (varlink_call_wants_more(call))
		return stream_services(a->manager, call, names, how, err);
	describe_services(a->manager, names, how, &services);
	varlink_call_reply_text(call, &services);
	return 0;
}

static int on_exits(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	struct api *a = userdata;
	const char *name = json_get_string(parameters, "name");
	size_t limit = (size_t)json_get_uint(parameters, "limit", EXITS_DEFAULT);
	json_t *exits;

	if (!name || !text_name_valid(name))
		return no_such_service(call, name);
	exits = exit_store_load(a->manager->context.exits_folder, name, limit);
	if (!manager_find(a->manager, name) && json_array_size(exits) == 0) {
		json_decref(exits);
		return no_such_service(call, name);
	}
	return reply(call, json_pack("{s:o}", "exits", exits), err);
}

static int on_events(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	struct api *a = userdata;
	json_t *names = json_object_get(parameters, "names");
	uint64_t since = json_get_uint(parameters, "since", 0);
	size_t limit = (size_t)json_get_uint(parameters, "limit", EVENTS_DEFAULT);
	cleanup_strings char **list = NULL;

	if (varlink_call_wants_more(call))
		return stream_events(a->manager, call, since, limit, names, err);
	if (stream_names(names, &list) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return reply(
		call,
		json_pack("{s:o}", "events", events_since(a->manager->events, since, limit, list)),
		err);
}

/* --- acting -------------------------------------------------------------------------------- */

/* Return: the first of @names that is no service, or NULL. */
static const char *unknown_name(const struct manager *m, const json_t *names)
{
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (!name || !manager_find(m, name))
			return name ? name : "";
	}
	return NULL;
}

static int operate(struct varlink_call *call, json_t *parameters, struct api *a,
		   enum operation_kind kind, struct error *err)
{
	char asker[WHO_MAX];
	struct operation_order order = {
		.kind = kind,
		.names = json_object_get(parameters, "names"),
		.wait = json_get_bool(parameters, "wait", false),
		.asker = who(call, asker),
	};
	const char *unknown = unknown_name(a->manager, order.names);

	if (unknown)
		return no_such_service(call, unknown);
	if (a->manager->stopping)
		return error_set_id(err, -ESHUTDOWN, ID_SHUTTING_DOWN,
				    "everything is being stopped: try again when it is down");
	return operation_begin(a->manager, call, &order, err);
}

static int on_start(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	return operate(call, parameters, userdata, OPERATION_START, err);
}

static int on_stop(struct varlink_call *call, json_t *parameters, void *userdata, struct error *err)
{
	return operate(call, parameters, userdata, OPERATION_STOP, err);
}

static int on_restart(struct varlink_call *call, json_t *parameters, void *userdata,
		      struct error *err)
{
	return operate(call, parameters, userdata, OPERATION_RESTART, err);
}

static int on_shutdown(struct varlink_call *call, json_t *parameters unused, void *userdata,
		       struct error *err)
{
	struct api *a = userdata;
	char asker[WHO_MAX];
	struct operation_order order = {
		.kind = OPERATION_SHUTDOWN,
		.wait = true,
		.asker = who(call, asker),
	};

	return operation_begin(a->manager, call, &order, err);
}

static int signal_number(const char *name)
{
	if (text_starts(name, "SIG"))
		name += 3;
	for (int signo = 1; signo < NSIG; signo++)
		if (text_equal(sigabbrev_np(signo), name))
			return signo;
	return -EINVAL;
}

static int on_signal(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	struct api *a = userdata;
	const char *name = json_get_string(parameters, "name");
	const char *signal = json_get_string(parameters, "signal");
	struct service *s = name ? manager_find(a->manager, name) : NULL;
	int signo = signal ? signal_number(signal) : -EINVAL;
	char asker[WHO_MAX];
	int code;

	if (!s)
		return no_such_service(call, name);
	if (signo < 0)
		return error_set_id(err, -EINVAL, ID_ACTION_FAILED,
				    "no signal \"%s\": try HUP, USR1, TERM, …",
				    signal ? signal : "");
	code = service_signal(s, signo, who(call, asker));
	if (code < 0)
		return error_set_id(err, code, ID_ACTION_FAILED, "\"%s\" has no process", name);
	varlink_call_reply(call, NULL);
	return 0;
}

/* --- limits -------------------------------------------------------------------------------- */

static int on_limits(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	struct api *a = userdata;
	const char *name = json_get_string(parameters, "name");
	const struct service *s = name ? manager_find(a->manager, name) : NULL;

	return s ? reply(call, limits_describe(a->manager, s), err) : no_such_service(call, name);
}

/**
 * struct waiting - a call that is answered when the kernel has what it asked for
 * @call: NULL: the caller has hung up
 */
struct waiting {
	struct varlink_call *call;
	uint64_t revision;
};

static void on_confirmed(const char *refused, void *userdata)
{
	cleanup_free struct waiting *w = userdata;
	struct error err = {0};

	if (!w->call)
		return;
	if (refused) {
		error_set(&err, -EIO, "%s", refused);
		varlink_call_fail(w->call, &err);
		return;
	}
	varlink_call_reply(w->call, json_pack("{s:I}", "revision", (json_int_t)w->revision));
}

static void on_caller_gone(void *userdata)
{
	struct waiting *w = userdata;

	w->call = NULL;
}

static int answer_when_set(struct api *a, struct varlink_call *call, struct error *err)
{
	struct launcher *l = a->manager->launcher;
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return error_set(err, -ENOMEM, "out of memory");
	*w = (struct waiting){.call = call, .revision = a->manager->context.revision};
	varlink_call_watch(call, on_caller_gone, NULL, w);
	if (l->ops->confirm(l, on_confirmed, w) == 0)
		return 0;
	free(w);
	return error_set(err, -ENOMEM, "out of memory");
}

static int on_set_limits(struct varlink_call *call, json_t *parameters, void *userdata,
			 struct error *err)
{
	struct api *a = userdata;
	const char *name = json_get_string(parameters, "name");
	const struct service *s = name ? manager_find(a->manager, name) : NULL;
	char asker[WHO_MAX];
	struct limits_change change = {
		.limits = json_object_get(parameters, "limits"),
		.save = json_get_bool(parameters, "save", false),
		.who = who(call, asker),
	};
	int code;

	if (!s)
		return no_such_service(call, name);
	if (change.save && varlink_call_role(call) != VARLINK_ROLE_ADMIN)
		return error_set_id(err, -EPERM, VARLINK_ERROR_PERMISSION_DENIED,
				    "only an administrator may write to the config file");
	code = limits_set(a->manager, s, &change, err);
	return code < 0 ? code : answer_when_set(a, call, err);
}

/* --- numbers ------------------------------------------------------------------------------- */

static int on_numbers(struct varlink_call *call, json_t *parameters, void *userdata,
		      struct error *err)
{
	struct api *a = userdata;
	json_t *names = json_object_get(parameters, "names");
	cleanup_text struct text numbers = {0};

	if (varlink_call_wants_more(call))
		return numbers_stream(a->manager, call, names, err);
	numbers_look(a->manager, names);
	numbers_describe(a->manager, names, &numbers);
	varlink_call_reply_text(call, &numbers);
	return 0;
}

static int on_history(struct varlink_call *call, json_t *parameters, void *userdata,
		      struct error *err)
{
	struct api *a = userdata;
	bool is_minutes = json_get_bool(parameters, "minutes", false);
	cleanup_text struct text moments = {0};
	const struct sampler_past past = {
		.name = json_get_string(parameters, "name"),
		.is_slice = json_get_bool(parameters, "slice", false),
		.step = is_minutes ? RING_STEP_MINUTE : RING_STEP_SECOND,
		.limit = (size_t)json_get_uint(parameters, "limit", HISTORY_DEFAULT),
	};
	int code;

	if (!past.name || !text_name_valid(past.name))
		return no_such_service(call, past.name);
	code = numbers_describe_past(a->manager, &past, &moments);
	if (code < 0)
		return error_set(err, code, "cannot read the history of \"%s\": %s", past.name,
				 strerror(-code));
	varlink_call_reply_text(call, &moments);
	return 0;
}

/* --- the config ---------------------------------------------------------------------------- */

static int on_plan(struct varlink_call *call, json_t *parameters, void *userdata, struct error *err)
{
	struct api *a = userdata;
	json_t *answer = NULL;
	int code = apply_plan(a->manager, json_get_string(parameters, "text"), &answer, err);

	return code < 0 ? code : reply(call, answer, err);
}

static int on_apply(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	struct api *a = userdata;
	char asker[WHO_MAX];
	const char *why = json_get_string(parameters, "why");
	struct apply_request request = {
		.text = json_get_string(parameters, "text"),
		.save = json_get_bool(parameters, "save", false),
		.who = who(call, asker),
		.why = why ? why : "apply",
	};
	json_t *answer = NULL;
	int code;

	if (a->manager->stopping)
		return error_set_id(err, -ESHUTDOWN, ID_SHUTTING_DOWN,
				    "everything is being stopped: try again when it is down");
	code = apply_config(a->manager, &request, &answer, err);
	return code < 0 ? code : reply(call, answer, err);
}

static int on_config(struct varlink_call *call, json_t *parameters unused, void *userdata,
		     struct error *err)
{
	struct api *a = userdata;
	const struct config *c = a->manager->config;
	cleanup_json json_t *source = config_source(c);
	cleanup_json json_t *shown = NULL;
	cleanup_free char *text = NULL;

	if (source && varlink_call_role(call) == VARLINK_ROLE_ADMIN)
		shown = json_incref(source);
	else if (source)
		shown = config_mask(source);
	if (shown)
		text = json_dumps(shown, JSON_INDENT(2));
	if (!text)
		return error_set(err, -ENOMEM, "out of memory");
	return reply(call,
		     json_pack("{s:s, s:I}", "text", text, "revision",
			       (json_int_t)a->manager->context.revision),
		     err);
}

static int on_revisions(struct varlink_call *call, json_t *parameters unused, void *userdata,
			struct error *err)
{
	struct api *a = userdata;

	return reply(call,
		     json_pack("{s:o}", "revisions", revision_list(a->manager->revisions_folder)),
		     err);
}

/* --- the server ---------------------------------------------------------------------------- */

static const struct varlink_method methods[] = {
	{"Status", VARLINK_ROLE_READ, on_status},
	{"List", VARLINK_ROLE_READ, on_list},
	{"Exits", VARLINK_ROLE_READ, on_exits},
	{"Events", VARLINK_ROLE_READ, on_events},
	{"Start", VARLINK_ROLE_OPERATE, on_start},
	{"Stop", VARLINK_ROLE_OPERATE, on_stop},
	{"Restart", VARLINK_ROLE_OPERATE, on_restart},
	{"Signal", VARLINK_ROLE_OPERATE, on_signal},
	{"Limits", VARLINK_ROLE_READ, on_limits},
	{"SetLimits", VARLINK_ROLE_OPERATE, on_set_limits},
	{"Numbers", VARLINK_ROLE_READ, on_numbers},
	{"History", VARLINK_ROLE_READ, on_history},
	{"Plan", VARLINK_ROLE_READ, on_plan},
	{"Apply", VARLINK_ROLE_ADMIN, on_apply},
	{"Config", VARLINK_ROLE_READ, on_config},
	{"Revisions", VARLINK_ROLE_READ, on_revisions},
	{"Shutdown", VARLINK_ROLE_ADMIN, on_shutdown},
};

const struct varlink_interface api_interface = {
	.name = "io.slicekeep.supervisor",
	.text = io_slicekeep_supervisor_varlink,
	.methods = methods,
	.n_methods = ARRAY_LEN(methods),
};

int api_new(struct manager *m, struct api **ret_api, struct error *err)
{
	cleanup_free char *path = file_path_join(m->paths->run, "supervisor.sock");
	struct api *a = path ? calloc(1, sizeof(*a)) : NULL;
	int code;
	int fd;

	if (!a)
		return error_set(err, -ENOMEM, "out of memory");
	a->manager = m;
	code = varlink_server_new(m->loop, role, a, &a->server);
	if (code == 0)
		code = varlink_server_add(a->server, &api_interface);
	fd = code < 0 ? code : fd_unix_listen(path, SOCK_STREAM, 0666);
	if (fd >= 0)
		code = varlink_server_listen(a->server, fd);
	if (code < 0 || fd < 0) {
		code = code < 0 ? code : fd;
		api_free(a);
		return error_set(err, code, "cannot listen on \"%s\": %s", path, strerror(-code));
	}
	a->path = steal_ptr(path);
	*ret_api = a;
	return 0;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	varlink_server_free(a->server);
	if (a->path)
		(void)unlink(a->path);
	free(a->path);
	free(a);
}
