/* SPDX-License-Identifier: MIT */

/*
 * systemd's D-Bus interface, the part that we use, in both directions.
 *
 * The manager tells everybody on its own socket of every change of every unit. What is not ours is
 * dropped after a look at the object path; of the rest three properties are read. Which units there
 * are is asked with one call for all, since to ask for one that is not loaded would load it.
 */

#include "supervisor/unit-bus.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/text.h"
#include "supervisor/bus.h"
#include "supervisor/unit-message.h"
#include "supervisor/unit-name.h"

#define MANAGER "org.freedesktop.systemd1.Manager"
#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"
#define SERVICE_INTERFACE "org.freedesktop.systemd1.Service"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define OUR_PATHS "/org/freedesktop/systemd1/unit/slicekeep"
#define OUR_UNITS "slicekeep"

#define UNITS_MAX 16384

struct unit_bus {
	struct bus bus;
	struct unit_bus_owner owner;
	bool is_reloading;
};

/* A call on its way. */
struct flight {
	struct unit_bus *bus;
	uint64_t token;
	unit_bus_fn fn;
	enum {
		FLIGHT_JOB,
		FLIGHT_PID,
		FLIGHT_PLAIN
	} reply;
	char unit[UNIT_NAME_MAX];
};

/* --- answers ------------------------------------------------------------------------------- */

/* Names that the manager gives to its errors; the errno that sd-bus makes of them is a guess. */
static int error_code(const char *name, int code)
{
	static const struct {
		const char *name;
		int code;
	} known[] = {
		{"org.freedesktop.systemd1.UnitExists", -EEXIST},
		{"org.freedesktop.systemd1.NoSuchUnit", -ENOENT},
		{"org.freedesktop.DBus.Error.NoReply", -ETIMEDOUT},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (text_equal(name, known[i].name))
			return known[i].code;
	return code;
}

static void read_reply(struct flight *f, sd_bus_message *m, struct unit_answer *a,
		       char pid_text[static 16])
{
	const struct bus_library *l = &f->bus->bus.sd;
	uint32_t pid = 0;

	if (f->reply == FLIGHT_JOB && l->sd_bus_message_read(m, "o", &a->job) < 0)
		a->code = -EBADMSG;
	if (f->reply == FLIGHT_PID && l->sd_bus_message_read(m, "v", "u", &pid) < 0)
		a->code = -EBADMSG;
	if (f->reply == FLIGHT_PID) {
		snprintf(pid_text, 16, "%u", pid);
		a->text = pid_text;
	}
}

static void on_answer(int code, sd_bus_message *m, void *userdata)
{
	cleanup_free struct flight *f = userdata;
	const struct bus_library *l = &f->bus->bus.sd;
	const sd_bus_error *error = m ? l->sd_bus_message_get_error(m) : NULL;
	struct unit_answer a = {.code = code, .text = ""};
	char pid_text[16] = "";

	if (code == 0)
		read_reply(f, m, &a, pid_text);
	else if (error)
		a.code = error_code(error->name, code);
	if (code < 0)
		a.text = error && error->message ? error->message : strerror(-a.code);
	if (f->fn)
		f->fn(f->unit, f->token, &a, f->bus->owner.userdata);
	else if (a.code < 0 && a.code != -ENOENT && a.code != -ECONNRESET)
		log_warning("systemd, about \"%s\": %s", f->unit, a.text);
}

/* --- calls --------------------------------------------------------------------------------- */

/* Takes the message. */
static int send_call(struct unit_bus *b, const struct unit_call *call, sd_bus_message *m, int reply)
{
	struct flight *f = calloc(1, sizeof(*f));
	int code;

	if (!f) {
		b->bus.sd.sd_bus_message_unref(m);
		return -ENOMEM;
	}
	f->bus = b;
	f->token = call->token;
	f->fn = call->fn;
	f->reply = reply;
	snprintf(f->unit, sizeof(f->unit), "%s", call->unit);
	code = bus_call(&b->bus, m, on_answer, f);
	if (code < 0)
		free(f);
	return code;
}

/* What has been put into a message goes, unless that failed. */
static int send_if(struct unit_bus *b, int code, const struct unit_call *call, sd_bus_message *m,
		   int reply)
{
	if (code >= 0)
		return send_call(b, call, m, reply);
	b->bus.sd.sd_bus_message_unref(m);
	return code;
}

static int add_aux(const struct bus_library *l, sd_bus_message *m, const struct unit_made *aux,
		   size_t n_aux)
{
	int r = l->sd_bus_message_open_container(m, 'a', "(sa(sv))");

	for (size_t i = 0; r >= 0 && i < n_aux; i++) {
		r = l->sd_bus_message_open_container(m, 'r', "sa(sv)");
		if (r >= 0)
			r = l->sd_bus_message_append(m, "s", aux[i].unit);
		if (r >= 0)
			r = unit_message_add(l, m, aux[i].properties);
		if (r >= 0)
			r = l->sd_bus_message_close_container(m);
	}
	return r < 0 ? r : l->sd_bus_message_close_container(m);
}

int unit_bus_start(struct unit_bus *b, const struct unit_call *call,
		   const struct unit_properties *p, const struct unit_made *aux, size_t n_aux)
{
	const struct bus_library *l = &b->bus.sd;
	sd_bus_message *m = NULL;
	int code = bus_message_new(&b->bus, NULL, MANAGER, "StartTransientUnit", &m);

	if (code < 0)
		return code;
	/* "fail" is refused while a slice that has lost its last member is being stopped. */
	code = l->sd_bus_message_append(m, "ss", call->unit, "replace");
	if (code >= 0)
		code = unit_message_add(l, m, p);
	if (code >= 0)
		code = add_aux(l, m, aux, n_aux);
	return send_if(b, code, call, m, FLIGHT_JOB);
}

static int send_job(struct unit_bus *b, const struct unit_call *call, const char *method)
{
	sd_bus_message *m = NULL;
	int code = bus_message_new(&b->bus, NULL, MANAGER, method, &m);

	if (code < 0)
		return code;
	code = b->bus.sd.sd_bus_message_append(m, "ss", call->unit, "replace");
	return send_if(b, code, call, m, FLIGHT_JOB);
}

int unit_bus_stop(struct unit_bus *b, const struct unit_call *call)
{
	return send_job(b, call, "StopUnit");
}

/* One that was started too often is not started again before that is forgiven. */
int unit_bus_revive(struct unit_bus *b, const struct unit_call *call)
{
	struct unit_call forgive = {.unit = call->unit};
	sd_bus_message *m = NULL;
	int code = bus_message_new(&b->bus, NULL, MANAGER, "ResetFailedUnit", &m);

	if (code < 0)
		return code;
	code = b->bus.sd.sd_bus_message_append(m, "s", call->unit);
	code = send_if(b, code, &forgive, m, FLIGHT_PLAIN);
	return code < 0 ? code : send_job(b, call, "StartUnit");
}

int unit_bus_kill(struct unit_bus *b, const struct unit_call *call)
{
	sd_bus_message *m = NULL;
	int code = bus_message_new(&b->bus, NULL, MANAGER, "KillUnit", &m);

	if (code < 0)
		return code;
	code = b->bus.sd.sd_bus_message_append(m, "ssi", call->unit, "all", 9);
	return send_if(b, code, call, m, FLIGHT_PLAIN);
}

int unit_bus_set(struct unit_bus *b, const struct unit_call *call, const struct unit_properties *p)
{
	sd_bus_message *m = NULL;
	int code = bus_message_new(&b->bus, NULL, MANAGER, "SetUnitProperties", &m);

	if (code < 0)
		return code;
	code = b->bus.sd.sd_bus_message_append(m, "sb", call->unit, 1);
	if (code >= 0)
		code = unit_message_add(&b->bus.sd, m, p);
	return send_if(b, code, call, m, FLIGHT_PLAIN);
}

int unit_bus_main_pid(struct unit_bus *b, const struct unit_call *call)
{
	char path[UNIT_PATH_MAX];
	sd_bus_message *m = NULL;
	int code;

	unit_name_path(call->unit, path);
	code = bus_message_new(&b->bus, path, PROPERTIES, "Get", &m);
	if (code < 0)
		return code;
	code = b->bus.sd.sd_bus_message_append(m, "ss", SERVICE_INTERFACE, "MainPID");
	return send_if(b, code, call, m, FLIGHT_PID);
}

/* --- the list ------------------------------------------------------------------------------ */

struct listing {
	struct unit_bus *bus;
	uint64_t serial;
};

static enum unit_activity activity_of(const char *active)
{
	if (strcmp(active, "inactive") == 0 || strcmp(active, "failed") == 0)
		return UNIT_INACTIVE;
	return strcmp(active, "active") == 0 ? UNIT_ACTIVE : UNIT_MOVING;
}

/* Into an array that grows. Return: 1 for a unit, 0 at the end, negative errno. */
static int read_unit(const struct bus_library *l, sd_bus_message *m, struct unit_found **units,
		     size_t n)
{
	const char *name, *description, *active, *skipped;
	uint32_t job;
	int r = l->sd_bus_message_read(m, "(ssssssouso)", &name, &description, &skipped, &active,
				       &skipped, &skipped, &skipped, &job, &skipped, &skipped);

	if (r <= 0)
		return r;
	if (n % 64 == 0) {
		struct unit_found *grown = reallocarray(*units, n + 64, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		*units = grown;
	}
	(*units)[n] = (struct unit_found){
		.unit = name,
		.description = description,
		/* With a job it is on its way to somewhere. */
		.activity = job != 0 ? UNIT_MOVING : activity_of(active),
	};
	return 1;
}

static void on_list(int code, sd_bus_message *m, void *userdata)
{
	cleanup_free struct listing *listing = userdata;
	cleanup_free struct unit_found *units = NULL;
	struct unit_bus *b = listing->bus;
	const struct bus_library *l = &b->bus.sd;
	size_t n = 0;

	if (code == 0)
		code = l->sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
	for (int r = 1; code >= 0 && r > 0 && n<UNITS_MAX; n += r> 0) {
		r = read_unit(l, m, &units, n);
		code = MIN_OF(r, 0);
	}
	if (code >= 0) {
		b->owner.events->listed(listing->serial, units, n, b->owner.userdata);
	} else if (code != -ECONNRESET) { /* which is told for all */
		log_error("systemd does not say which units there are: %s", strerror(-code));
		b->owner.events->unlisted(code, b->owner.userdata);
	}
}

int unit_bus_list(struct unit_bus *b, uint64_t serial)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	sd_bus_message *m = NULL;
	int code = listing ? 0 : -ENOMEM;

	if (code == 0)
		code = bus_message_new(&b->bus, NULL, MANAGER, "ListUnitsByPatterns", &m);
	if (code == 0) {
		*listing = (struct listing){.bus = b, .serial = serial};
		code = b->bus.sd.sd_bus_message_append(m, "asas", 0, 1, OUR_UNITS "*");
	}
	if (code >= 0)
		code = bus_call(&b->bus, m, on_list, listing);
	else if (m)
		b->bus.sd.sd_bus_message_unref(m);
	if (code < 0)
		free(listing);
	return code;
}

/* --- signals ------------------------------------------------------------------------------- */

/* What is read out of a change of properties; NULL and -1: not among them. */
struct change {
	const char *active;
	const char *result;
	int32_t status;
};

static int read_property(const struct bus_library *l, sd_bus_message *m, struct change *c)
{
	const char *name;
	int r = l->sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	if (strcmp(name, "ActiveState") == 0)
		return l->sd_bus_message_read(m, "v", "s", &c->active);
	if (strcmp(name, "Result") == 0)
		return l->sd_bus_message_read(m, "v", "s", &c->result);
	if (strcmp(name, "ExecMainStatus") == 0)
		return l->sd_bus_message_read(m, "v", "i", &c->status);
	return l->sd_bus_message_skip(m, "v");
}

static int read_change(const struct bus_library *l, sd_bus_message *m, struct change *c)
{
	const char *interface;
	int r = l->sd_bus_message_read(m, "s", &interface);

	if (r < 0 ||
	    (strcmp(interface, UNIT_INTERFACE) != 0 && strcmp(interface, SERVICE_INTERFACE) != 0))
		return r;
	r = l->sd_bus_message_enter_container(m, 'a', "{sv}");
	while (r >= 0 && (r = l->sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_property(l, m, c);
		if (r >= 0)
			r = l->sd_bus_message_exit_container(m);
	}
	return r;
}

static void on_change(struct unit_bus *b, sd_bus_message *m)
{
	const struct bus_library *l = &b->bus.sd;
	const char *path = l->sd_bus_message_get_path(m);
	struct change c = {.status = -1};
	char unit[UNIT_NAME_MAX];

	if (!path || !text_starts(path, OUR_PATHS) || !unit_name_of_path(path, unit))
		return;
	if (read_change(l, m, &c) < 0) {
		log_warning("systemd, about \"%s\": a change that cannot be read", unit);
		return;
	}
	if (c.result)
		b->owner.events->result(unit, c.result, c.status, b->owner.userdata);
	if (c.active)
		b->owner.events->active(unit, activity_of(c.active), b->owner.userdata);
}

static void on_unit(struct unit_bus *b, sd_bus_message *m,
		    void (*tell)(const char *unit, void *userdata))
{
	const char *unit;

	if (b->bus.sd.sd_bus_message_read(m, "s", &unit) > 0 && text_starts(unit, OUR_UNITS))
		tell(unit, b->owner.userdata);
}

static void on_job(struct unit_bus *b, sd_bus_message *m)
{
	const char *job, *unit, *result;
	uint32_t id;

	if (b->bus.sd.sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) > 0 &&
	    text_starts(unit, OUR_UNITS))
		b->owner.events->job_done(unit, job, result, b->owner.userdata);
}

/* At a daemon-reload everything is unloaded and loaded again, and that is told of each unit. */
static void on_reloading(struct unit_bus *b, sd_bus_message *m)
{
	int begins = 0;

	if (b->bus.sd.sd_bus_message_read(m, "b", &begins) <= 0)
		return;
	b->is_reloading = begins;
	if (!begins)
		b->owner.events->reloaded(b->owner.userdata);
}

static void on_signal(sd_bus_message *m, void *userdata)
{
	struct unit_bus *b = userdata;
	const struct bus_library *l = &b->bus.sd;

	if (l->sd_bus_message_is_signal(m, MANAGER, "Reloading") > 0)
		on_reloading(b, m);
	else if (b->is_reloading)
		return;
	else if (l->sd_bus_message_is_signal(m, PROPERTIES, "PropertiesChanged") > 0)
		on_change(b, m);
	else if (l->sd_bus_message_is_signal(m, MANAGER, "UnitRemoved") > 0)
		on_unit(b, m, b->owner.events->unloaded);
	else if (l->sd_bus_message_is_signal(m, MANAGER, "UnitNew") > 0)
		on_unit(b, m, b->owner.events->made);
	else if (l->sd_bus_message_is_signal(m, MANAGER, "JobRemoved") > 0)
		on_job(b, m);
}

/* --- coming and going ---------------------------------------------------------------------- */

static void on_opened(void *userdata)
{
	struct unit_bus *b = userdata;

	b->owner.events->opened(b->owner.userdata);
}

static void on_closed(void *userdata)
{
	struct unit_bus *b = userdata;

	b->is_reloading = false;
	b->owner.events->closed(b->owner.userdata);
}

static const struct bus_events bus_events = {
	.opened = on_opened,
	.closed = on_closed,
	.told = on_signal,
};

static int find_socket(char **ret_path, struct error *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	bool is_root = geteuid() == 0;
	struct stat st;

	if (lstat("/run/systemd/system", &st) < 0)
		return error_set(err, -ENOTSUP, "this machine was not booted with systemd");
	if (!is_root && (!runtime || runtime[0] != '/'))
		return error_set(err, -ENOTSUP,
				 "XDG_RUNTIME_DIR is not set: there is no systemd of this user "
				 "(log in, or \"loginctl enable-linger\")");
	if (asprintf(ret_path, "%s/systemd/private", is_root ? "/run" : runtime) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

int unit_bus_new(const struct unit_bus_owner *owner, struct unit_bus **ret_bus, struct error *err)
{
	cleanup_free struct unit_bus *b = calloc(1, sizeof(*b));
	struct bus_owner ours = {.loop = owner->loop, .events = &bus_events, .userdata = b};
	cleanup_free char *path = NULL;
	int code;

	if (!b)
		return error_set(err, -ENOMEM, "out of memory");
	code = find_socket(&path, err);
	if (code == 0)
		code = bus_init(&b->bus, &ours, path, owner->patient, err);
	if (code < 0)
		return code;
	b->owner = *owner;
	*ret_bus = steal_ptr(b);
	return 0;
}

void unit_bus_free(struct unit_bus *b)
{
	if (!b)
		return;
	bus_done(&b->bus);
	free(b);
}
