/* SPDX-License-Identifier: MIT */

/*
 * The methods of io.slicekeep.log. What has to be computed is in query, follow and services; what
 * the writer knows stands on the board; only Rotate asks it for something.
 */

#include "log/api.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/list.h"
#include "lib/text.h"
#include "lib/varlink/server.h"

#include "log/board.h"
#include "log/job.h"
#include "log/reader-child.h"
#include "log/services.h"
#include "log/store.h"

#include "io.slicekeep.log.varlink.h"

/** Calls of Rotate that wait for the writer. */
#define ROTATIONS_MAX 256
/** Without anybody connected; then the process ends, and the next caller starts another. */
#define IDLE_USEC (10 * USEC_PER_SEC)

struct api {
	struct loop *loop;
	const struct store *store;
	const struct board *board;
	struct varlink_server *server;
	struct list rotations;
	unsigned n_rotations;
	uint64_t serial;
	int writer_fd;
	bool has_group;
	gid_t group;
};

/**
 * struct rotation - a caller of Rotate
 * @names:  array of those that are rotated one after the other; empty: all at once
 * @i_name: the next one
 * @serial: of the request that was sent for it last
 */
struct rotation {
	struct list link;
	struct api *api;
	struct varlink_call *call;
	json_t *names;
	size_t i_name;
	uint64_t serial;
};

/* --- lines ------------------------------------------------------------------------------------ */

static int start_job(struct api *a, struct varlink_call *call, json_t *parameters, bool follow,
		     struct error *err)
{
	json_t *filter = json_object_get(parameters, "filter");
	struct job_order order = {.follow = follow};
	int r;

	if (filter && !json_is_object(filter))
		return error_set_id(err, -EINVAL, "org.varlink.service.InvalidParameter", "filter");
	order.limit = json_get_uint(parameters, "limit", JOB_LIMIT_DEFAULT);
	r = filter ? filter_read(filter, &order.filter, err) : 0;
	return r < 0 ? r : job_start(a->loop, a->store, call, &order, err);
}

static int on_query(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	return start_job(userdata, call, parameters, false, err);
}

static int on_follow(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	if (!varlink_call_wants_more(call))
		return error_set(err, -EINVAL, "call Follow with \"more\"");
	return start_job(userdata, call, parameters, true, err);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static int on_services(struct varlink_call *call, json_t *parameters, void *userdata,
		       struct error *err)
{
	struct api *a = userdata;
	json_t *services = NULL;
	int r = services_json(a->store, a->board, &services);

	if (r < 0)
		return error_set(err, r, "cannot read the log folder \"%s\": %s", a->store->path,
				 strerror(-r));
	varlink_call_reply(call, json_pack("{s:o}", "services", services));
	return 0;
}

static int on_stats(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	struct api *a = userdata;
	const struct board *b = a->board;
	cleanup_text struct text note = {0};
	json_t *stats;

	board_note(b, &note);
	stats = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I}", "pipes", (json_int_t)board_pipes(b, NULL),
		"stored_bytes", (json_int_t)b->stored_bytes, "segments", (json_int_t)b->segments,
		"splices", (json_int_t)b->splices, "dropped", (json_int_t)b->dropped_bytes,
		"lag_usec", (json_int_t)board_lag(b, clock_now_usec()));
	if (stats && note.len > 0 &&
	    json_object_set_new(stats, "note", json_text(note.data, note.len)) < 0) {
		json_decref(stats);
		return -ENOMEM;
	}
	if (!stats)
		return -ENOMEM;
	varlink_call_reply(call, stats);
	return 0;
}

/* --- Rotate ----------------------------------------------------------------------------------- */

static void rotation_free(struct rotation *r)
{
	list_remove(&r->link);
	r->api->n_rotations--;
	json_decref(r->names);
	free(r);
}

static void on_rotation_gone(void *userdata)
{
	rotation_free(userdata);
}

/* One at a time, so that no more wait for the writer than its socket holds. */
static int rotation_send(struct rotation *r, struct error *err)
{
	struct api *a = r->api;
	struct reader_request request = {.serial = ++a->serial};
	const char *name = json_string_value(json_array_get(r->names, r->i_name++));

	r->serial = request.serial;
	(void)snprintf(request.service, sizeof(request.service), "%s", name ?: "");
	if (send(a->writer_fd, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return error_set(err, -errno, "the collector does not answer: %s", strerror(errno));
	return 0;
}

static int check_names(struct api *a, const json_t *names, struct error *err)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		const char *s = json_string_value(name);

		if (!s || !store_has_service(a->store, s))
			return error_set_id(err, -ENOENT, "io.slicekeep.log.NoSuchService",
					    "nothing is stored of \"%s\"", s ?: "?");
	}
	return 0;
}

static int on_rotate(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	struct api *a = userdata;
	struct rotation *rotation;
	json_t *names = json_object_get(parameters, "names");
	int r;

	if (names && !json_is_array(names))
		return error_set_id(err, -EINVAL, "org.varlink.service.InvalidParameter", "names");
	if (a->n_rotations >= ROTATIONS_MAX)
		return error_set(err, -EBUSY, "too many calls of Rotate wait; try again");
	r = check_names(a, names, err);
	if (r < 0)
		return r;
	rotation = calloc(1, sizeof(*rotation));
	if (!rotation)
		return -ENOMEM;
	*rotation = (struct rotation){.api = a, .call = call, .names = json_incref(names)};
	list_append(&a->rotations, &rotation->link);
	a->n_rotations++;
	r = rotation_send(rotation, err);
	if (r < 0) {
		rotation_free(rotation);
		return r;
	}
	varlink_call_watch(call, on_rotation_gone, NULL, rotation);
	return 0;
}

static void rotation_go_on(struct rotation *rotation)
{
	struct varlink_call *call = rotation->call;
	struct error err = {0};
	bool is_done = rotation->i_name >= json_array_size(rotation->names);

	if (!is_done && rotation_send(rotation, &err) == 0)
		return;
	rotation_free(rotation);
	if (is_done)
		varlink_call_reply(call, NULL);
	else
		varlink_call_fail(call, &err);
}

void api_rotated(struct api *a, const struct reader_request *request)
{
	list_for_each_safe(it, &a->rotations) {
		struct rotation *rotation = list_entry(it, struct rotation, link);

		if (rotation->serial != request->serial)
			continue;
		rotation_go_on(rotation);
		break;
	}
}

/* --- the interface ---------------------------------------------------------------------------- */

static const struct varlink_method methods[] = {
	{"Query", VARLINK_ROLE_READ, on_query},       {"Follow", VARLINK_ROLE_READ, on_follow},
	{"Services", VARLINK_ROLE_READ, on_services}, {"Stats", VARLINK_ROLE_READ, on_stats},
	{"Rotate", VARLINK_ROLE_OPERATE, on_rotate},
};

static const struct varlink_interface interface = {
	.name = "io.slicekeep.log",
	.text = io_slicekeep_log,
	.methods = methods,
	.n_methods = ARRAY_LEN(methods),
};

/* Root and our own uid may do all, the group "slicekeep" may operate, others are refused. */
static enum varlink_role role_of(int sock, const struct fd_peer *peer, void *userdata)
{
	const struct api *a = userdata;

	if (peer->uid == 0 || peer->uid == geteuid())
		return VARLINK_ROLE_ADMIN;
	if (a->has_group && fd_peer_in_group(sock, peer, a->group))
		return VARLINK_ROLE_OPERATE;
	return VARLINK_ROLE_NONE;
}

/* The process has nothing else to do than to answer. */
static void on_idle(void *userdata)
{
	const struct api *a = userdata;

	loop_stop(a->loop, 0);
}

int api_new(struct loop *l, const struct store *store, const struct board *board, int listen_fd,
	    int writer_fd, struct api **ret_api)
{
	struct api *a = calloc(1, sizeof(*a));
	const struct group *group = getgrnam("slicekeep");
	int r;

	if (!a) {
		close_fd(&listen_fd);
		return -ENOMEM;
	}
	*a = (struct api){.loop = l, .store = store, .board = board, .writer_fd = writer_fd};
	a->has_group = group != NULL;
	a->group = group ? group->gr_gid : 0;
	list_init(&a->rotations);
	r = varlink_server_new(l, role_of, a, &a->server);
	if (r == 0)
		r = varlink_server_watch_idle(a->server, IDLE_USEC, on_idle, a);
	if (r == 0)
		r = varlink_server_add(a->server, &interface);
	if (r == 0)
		r = varlink_server_listen(a->server, listen_fd);
	else
		close_fd(&listen_fd);
	if (r < 0) {
		api_free(a);
		return r;
	}
	*ret_api = a;
	return 0;
}

void api_free(struct api *a)
{
	if (!a)
		return;
	varlink_server_free(a->server);
	list_for_each_safe(it, &a->rotations)
		rotation_free(list_entry(it, struct rotation, link));
	free(a);
}
