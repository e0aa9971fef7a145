/* SPDX-License-Identifier: MIT */

/*
 * The connection to the manager, with a manager that is a child of this test: what is answered,
 * what is refused, what breaks, and what comes back.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "supervisor/bus.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

#define INTERFACE "org.freedesktop.systemd1.Manager"

struct world {
	struct temp temp;
	struct loop *loop;
	struct bus bus;
	struct bus_library library;
	int listener;
	pid_t manager;
	unsigned n_opened, n_closed, n_told, n_answers;
	int code;
	char text[64];
};

static struct world world;

/* --- the manager --------------------------------------------------------------------------- */

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
	const struct bus_library *l = &world.library;
	const char *word = "";
	sd_bus_message *reply = NULL;

	if (l->sd_bus_message_read(m, "s", &word) <= 0 || strcmp(word, "leave") == 0)
		_exit(0);
	if (strcmp(word, "refuse") == 0)
		return sd_bus_reply_method_errorf(m, "org.freedesktop.systemd1.NoSuchUnit", "no");
	if (strcmp(word, "tell") == 0 &&
	    sd_bus_emit_signal(sd_bus_message_get_bus(m), "/x", INTERFACE, "Told", "s", "x") < 0)
		_exit(1);
	if (sd_bus_message_new_method_return(m, &reply) < 0 ||
	    sd_bus_message_append(reply, "s", word) < 0 || sd_bus_send(NULL, reply, NULL) < 0)
		_exit(1);
	return 1;
}

/* One connection, to its end. */
static _Noreturn void serve(int listener)
{
	int fd = accept(listener, NULL, NULL);
	sd_id128_t id = {{1}};
	sd_bus *bus = NULL;

	if (fd < 0 || sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 ||
	    sd_bus_set_server(bus, 1, id) < 0 || sd_bus_negotiate_fds(bus, 1) < 0 ||
	    sd_bus_add_object(bus, NULL, "/org/freedesktop/systemd1", on_call, NULL) < 0 ||
	    sd_bus_start(bus) < 0)
		_exit(1);
	for (;;) {
		int r = sd_bus_process(bus, NULL);

		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
		if (r < 0)
			_exit(0);
	}
}

static void start_manager(struct world *w)
{
	w->manager = fork();
	assert_true(w->manager >= 0);
	if (w->manager == 0) {
		assert_int_equal(fd_set_nonblock(w->listener, false), 0);
		serve(w->listener);
	}
}

static void end_manager(struct world *w)
{
	assert_int_equal(kill(w->manager, SIGKILL), 0);
	assert_int_equal(waitpid(w->manager, NULL, 0), w->manager);
	w->manager = 0;
}

/* --- who uses it --------------------------------------------------------------------------- */

static void on_opened(void *userdata)
{
	((struct world *)userdata)->n_opened++;
}

static void on_closed(void *userdata)
{
	((struct world *)userdata)->n_closed++;
}

static void on_told(sd_bus_message *m, void *userdata)
{
	((struct world *)userdata)->n_told++;
}

static const struct bus_events events = {
	.opened = on_opened,
	.closed = on_closed,
	.told = on_told,
};

static void on_answer(int code, sd_bus_message *m, void *userdata)
{
	struct world *w = userdata;
	const char *text = "";

	w->n_answers++;
	w->code = code;
	if (code == 0)
		assert_true(w->library.sd_bus_message_read(m, "s", &text) > 0);
	snprintf(w->text, sizeof(w->text), "%s", text);
}

static int call(struct world *w, const char *word)
{
	sd_bus_message *m = NULL;
	int code = bus_message_new(&w->bus, NULL, INTERFACE, "Echo", &m);

	if (code < 0)
		return code;
	assert_true(w->library.sd_bus_message_append(m, "s", word) >= 0);
	return bus_call(&w->bus, m, on_answer, w);
}

static bool is_answered(void *userdata)
{
	return ((struct world *)userdata)->n_answers > 0;
}

static bool is_closed(void *userdata)
{
	return ((struct world *)userdata)->n_closed > 0;
}

static bool is_opened(void *userdata)
{
	return ((struct world *)userdata)->n_opened > 0;
}

static int connect_to_manager(struct world *w, bool patient, struct error *err)
{
	struct bus_owner owner = {.loop = w->loop, .events = &events, .userdata = w};

	return bus_init(&w->bus, &owner, temp_path(&w->temp, "private"), patient, err);
}

/* --- what is promised ---------------------------------------------------------------------- */

static void call_is_answered(void **state)
{
	struct world *w = *state;

	start_manager(w);
	assert_int_equal(connect_to_manager(w, false, NULL), 0);
	assert_int_equal(call(w, "hello"), 0);
	assert_int_equal(w->n_answers, 0);
	assert_true(until(w->loop, is_answered, w));
	assert_int_equal(w->code, 0);
	assert_string_equal(w->text, "hello");
}

static void call_that_is_refused_is_an_error(void **state)
{
	struct world *w = *state;

	start_manager(w);
	assert_int_equal(connect_to_manager(w, false, NULL), 0);
	assert_int_equal(call(w, "refuse"), 0);
	assert_true(until(w->loop, is_answered, w));
	assert_true(w->code < 0 && w->code != -ECONNRESET);
}

static void signal_is_told(void **state)
{
	struct world *w = *state;

	start_manager(w);
	assert_int_equal(connect_to_manager(w, false, NULL), 0);
	assert_int_equal(call(w, "tell"), 0);
	assert_true(until(w->loop, is_answered, w));
	assert_int_equal(w->n_told, 1);
}

static void call_whose_manager_leaves_is_answered_once(void **state)
{
	struct world *w = *state;

	start_manager(w);
	assert_int_equal(connect_to_manager(w, false, NULL), 0);
	assert_int_equal(call(w, "leave"), 0);
	assert_true(until(w->loop, is_closed, w));
	assert_int_equal(w->n_answers, 1);
	assert_int_equal(w->code, -ECONNRESET);
	assert_int_equal(call(w, "hello"), -ENOTCONN);
	assert_int_equal(waitpid(w->manager, NULL, 0), w->manager);
	start_manager(w);
	assert_true(until(w->loop, is_opened, w));
	w->n_answers = 0;
	assert_int_equal(call(w, "again"), 0);
	assert_true(until(w->loop, is_answered, w));
	assert_string_equal(w->text, "again");
}

static void manager_that_is_not_there_is_an_error(void **state)
{
	struct world *w = *state;
	struct error err = {0};

	assert_int_equal(unlink(temp_path(&w->temp, "private")), 0);
	assert_int_equal(connect_to_manager(w, false, &err), -ENOENT);
	assert_non_null(strstr(err.text, "systemd does not answer"));
}

static void manager_that_is_waited_for_comes(void **state)
{
	struct world *w = *state;
	const char *path = temp_path(&w->temp, "private");
	const char *away = temp_path(&w->temp, "away");

	assert_int_equal(rename(path, away), 0);
	assert_int_equal(connect_to_manager(w, true, NULL), 0);
	assert_int_equal(call(w, "hello"), -ENOTCONN);
	assert_int_equal(rename(away, path), 0);
	start_manager(w);
	assert_true(until(w->loop, is_opened, w));
	assert_int_equal(call(w, "hello"), 0);
	assert_true(until(w->loop, is_answered, w));
	assert_int_equal(w->code, 0);
}

static void call_that_waits_at_the_end_is_answered(void **state)
{
	struct world *w = *state;

	assert_int_equal(connect_to_manager(w, false, NULL), 0);
	assert_int_equal(call(w, "hello"), 0);
	bus_done(&w->bus);
	assert_int_equal(w->n_answers, 1);
	assert_int_equal(w->code, -ECONNRESET);
}

static int set_up(void **state)
{
	world = (struct world){0};
	temp_init(&world.temp);
	assert_int_equal(loop_new(&world.loop), 0);
	assert_int_equal(bus_library_load(&world.library, NULL), 0);
	world.listener = fd_unix_listen(temp_path(&world.temp, "private"), SOCK_STREAM, 0600);
	assert_true(world.listener >= 0);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	bus_done(&w->bus);
	if (w->manager)
		end_manager(w);
	close_fd(&w->listener);
	bus_library_unload(&w->library);
	loop_free(w->loop);
	temp_done(&w->temp);
	return 0;
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(call_is_answered),
		T(call_that_is_refused_is_an_error),
		T(signal_is_told),
		T(call_whose_manager_leaves_is_answered_once),
		T(manager_that_is_not_there_is_an_error),
		T(manager_that_is_waited_for_comes),
		T(call_that_waits_at_the_end_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
