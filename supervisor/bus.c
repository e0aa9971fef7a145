/* SPDX-License-Identifier: MIT */

/*
 * The connection to systemd's manager.
 *
 * It is the manager's own socket, the one that systemctl uses, and not the system bus: it is there
 * before and after the bus daemon is, does not end with it, and a message has one hop instead of
 * two. What it costs is that daemon-reexec ends it; then a new one is made, and whoever uses us
 * asks for the state of everything anew.
 *
 * Nothing blocks: sd-bus is given a connected socket, tells what it waits for, and is turned when
 * that has come. Each call has a deadline of its own, so a manager that is stopped in a debugger is
 * an error of each call and not of the loop.
 */

#include "supervisor/bus.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/log.h"

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"

/** Messages in one turn of the loop. */
#define MESSAGES_PER_TURN 32

/** Between two tries to connect. */
#define PAUSE_MIN_USEC (50 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC (2 * USEC_PER_SEC)

/* A call that waits for its answer. */
struct bus_call {
	struct list link;
	struct bus *bus;
	sd_bus_slot *slot;
	bus_answer_fn fn;
	void *userdata;
};

/* --- turning ------------------------------------------------------------------------------- */

static void answer(struct bus_call *c, int code, sd_bus_message *m)
{
	bus_answer_fn fn = c->fn;
	void *userdata = c->userdata;

	list_remove(&c->link);
	c->bus->sd.sd_bus_slot_unref(c->slot);
	free(c);
	fn(code, m, userdata);
}

static void answer_all(struct bus *b)
{
	while (!list_empty(&b->calls))
		answer(list_entry(b->calls.next, struct bus_call, link), -ECONNRESET, NULL);
}

static void drop_link(struct bus *b)
{
	loop_fd_done(&b->socket);
	ignore_result(loop_timer_set(&b->timer, USEC_INFINITY));
	b->sd.sd_bus_close_unref(b->link);
	b->link = NULL;
}

static void try_again(struct bus *b, int fault)
{
	int code = loop_timer_set(&b->again, clock_now_usec() + b->pause_usec);

	b->fault = fault;
	b->pause_usec = MIN_OF(b->pause_usec * 2, PAUSE_MAX_USEC);
	if (code < 0)
		log_error("cannot set a timer: systemd is not connected to any more");
}

/* Its own callbacks come first; what they start fails, as there is no link. */
static void lose(struct bus *b, int fault)
{
	drop_link(b);
	b->fault = fault;
	answer_all(b);
	b->owner.events->closed(b->owner.userdata);
	try_again(b, fault);
}

/* Watches what sd-bus waits for now. Return: 0 or negative errno. */
static int arm(struct bus *b)
{
	int events = b->sd.sd_bus_get_events(b->link);
	uint64_t deadline_usec = USEC_INFINITY;
	int code = events < 0 ? events : 0;

	if (code == 0)
		code = loop_fd_set(&b->socket, (events & POLLIN ? LOOP_READ : 0) |
						       (events & POLLOUT ? LOOP_WRITE : 0));
	if (code == 0)
		code = b->sd.sd_bus_get_timeout(b->link, &deadline_usec);
	return code < 0 ? code : loop_timer_set(&b->timer, deadline_usec);
}

static void turn(struct bus *b)
{
	int code = 1;

	for (int i = 0; b->link && code > 0 && i < MESSAGES_PER_TURN; i++)
		code = b->sd.sd_bus_process(b->link, NULL);
	if (b->link && code >= 0)
		code = arm(b);
	if (b->link && code < 0)
		lose(b, code);
}

static void on_socket(int fd, int events, void *userdata)
{
	turn(userdata);
}

static void on_timer(void *userdata)
{
	turn(userdata);
}

/* --- connecting ---------------------------------------------------------------------------- */

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct bus *b = userdata;

	if (b->sd.sd_bus_message_is_signal(m, NULL, NULL) > 0)
		b->owner.events->told(m, b->owner.userdata);
	return 0;
}

/* The socket is sd-bus's from the moment on in which it has taken it. */
static int start_link(struct bus *b, int *fd)
{
	struct bus_library *l = &b->sd;
	int code = l->sd_bus_new(&b->link);

	if (code >= 0)
		code = l->sd_bus_set_fd(b->link, *fd, *fd);
	if (code < 0)
		return code;
	ignore_result(steal_fd(fd));
	code = l->sd_bus_negotiate_fds(b->link, 1);
	if (code >= 0)
		code = l->sd_bus_add_filter(b->link, NULL, on_message, b);
	if (code >= 0)
		code = l->sd_bus_start(b->link);
	return MIN_OF(code, 0);
}

static int connect_to(struct bus *b)
{
	cleanup_close int fd = fd_unix_connect(b->path, SOCK_STREAM);
	int code = fd < 0 ? fd : start_link(b, &fd);

	if (code == 0)
		code = loop_fd_init(&b->socket, b->owner.loop, b->sd.sd_bus_get_fd(b->link), 0,
				    on_socket, b);
	if (code == 0)
		code = arm(b);
	if (code < 0 && b->link)
		drop_link(b);
	return code;
}

static void on_again(void *userdata)
{
	struct bus *b = userdata;
	int code = connect_to(b);

	if (code < 0) {
		try_again(b, code);
		return;
	}
	b->fault = 0;
	b->pause_usec = PAUSE_MIN_USEC;
	b->owner.events->opened(b->owner.userdata);
}

int bus_init(struct bus *b, const struct bus_owner *owner, const char *path, bool patient,
	     struct error *err)
{
	int code;

	*b = (struct bus){.owner = *owner, .pause_usec = PAUSE_MIN_USEC};
	list_init(&b->calls);
	code = bus_library_load(&b->sd, err);
	if (code < 0)
		return code;
	b->path = strdup(path);
	code = b->path ? loop_timer_init(&b->timer, owner->loop, on_timer, b) : -ENOMEM;
	if (code == 0)
		code = loop_timer_init(&b->again, owner->loop, on_again, b);
	if (code == 0)
		code = connect_to(b);
	if (code < 0 && patient && code != -ENOMEM) {
		log_warning("systemd does not answer at \"%s\": %s", path, strerror(-code));
		try_again(b, code);
		code = 0;
	}
	if (code < 0) {
		bus_done(b);
		return error_set(err, code, "systemd does not answer at \"%s\": %s", path,
				 strerror(-code));
	}
	return 0;
}

void bus_done(struct bus *b)
{
	if (!b->sd.handle)
		return;
	if (b->link)
		drop_link(b);
	answer_all(b);
	loop_timer_done(&b->timer);
	loop_timer_done(&b->again);
	free(b->path);
	bus_library_unload(&b->sd);
	*b = (struct bus){0};
}

/* --- calling ------------------------------------------------------------------------------- */

int bus_message_new(struct bus *b, const char *path, const char *interface, const char *method,
		    sd_bus_message **ret_message)
{
	int code;

	if (!b->link)
		return -ENOTCONN;
	code = b->sd.sd_bus_message_new_method_call(b->link, ret_message, DESTINATION,
						    path ? path : MANAGER_PATH, interface, method);
	return MIN_OF(code, 0);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	struct bus_call *c = userdata;

	const struct bus_library *l = &c->bus->sd;

	/* A connection that ends answers everything itself, in words of a manager that is slow. */
	if (l->sd_bus_is_open(c->bus->link) <= 0)
		answer(c, -ECONNRESET, NULL);
	else
		answer(c, -l->sd_bus_message_get_errno(m), m);
	return 0;
}

int bus_call(struct bus *b, sd_bus_message *m, bus_answer_fn fn, void *userdata)
{
	struct bus_call *c = calloc(1, sizeof(*c));
	int code = c ? 0 : -ENOMEM;

	if (code == 0) {
		*c = (struct bus_call){.bus = b, .fn = fn, .userdata = userdata};
		list_init(&c->link);
		code = b->sd.sd_bus_call_async(b->link, &c->slot, m, on_answer, c, BUS_ANSWER_USEC);
	}
	b->sd.sd_bus_message_unref(m);
	if (code < 0) {
		free(c);
		return code;
	}
	list_append(&b->calls, &c->link);
	/* What could not be sent at once is sent when the socket takes it. */
	code = arm(b);
	if (code < 0)
		ignore_result(loop_timer_set(&b->timer, 0));
	return 0;
}
