/* SPDX-License-Identifier: MIT */

/*
 * The link to a keeper, against a keeper that the test plays itself, badly where it has to be.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "lib/fd.h"
#include "supervisor/crowd.h"
#include "supervisor/keeper-link.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

struct world {
	struct temp temp;
	struct loop *loop;
	struct crowd *crowd;
	int listener;
	int keeper; /* the keeper's end */
	struct keeper_link *link;
	struct keeper_snapshot snapshot;
	struct keeper_exit report;
	struct keeper_answer answer;
	unsigned n_snapshots, n_exits, n_answers, n_gone, n_sockets;
	size_t n_fds;
	int fd; /* taken out of an answer */
	bool hang_up;
};

static void on_snapshot(const struct keeper_snapshot *snapshot, void *userdata)
{
	struct world *w = userdata;

	w->snapshot = *snapshot;
	w->n_snapshots++;
	if (w->hang_up) {
		keeper_link_free(w->link);
		w->link = NULL;
	}
}

static void on_exited(const struct keeper_exit *report, void *userdata)
{
	struct world *w = userdata;

	w->report = *report;
	w->n_exits++;
}

static void on_answer(const struct keeper_answer *answer, void *userdata)
{
	struct world *w = userdata;

	w->answer = *answer;
	w->n_answers++;
}

static void on_gone(void *userdata)
{
	struct world *w = userdata;

	w->n_gone++;
	if (w->hang_up) {
		keeper_link_free(w->link);
		w->link = NULL;
	}
}

static void on_sockets(const struct keeper_answer *answer, int *fds, size_t n_fds, void *userdata)
{
	struct world *w = userdata;

	w->n_sockets++;
	w->n_fds = n_fds;
	w->fd = steal_fd(&fds[0]);
}

static const struct keeper_link_events handlers = {
	.snapshot = on_snapshot,
	.exited = on_exited,
	.answer = on_answer,
	.gone = on_gone,
	.sockets = on_sockets,
};

static struct keeper_header header(enum keeper_message message)
{
	return (struct keeper_header){
		.magic = KEEPER_MAGIC,
		.version = KEEPER_VERSION,
		.message = (uint16_t)message,
	};
}

/* What the keeper receives next; the socket blocks, the test has a deadline of its own. */
static struct keeper_request receive(const struct world *w)
{
	struct keeper_request request;
	struct pollfd p = {.fd = w->keeper, .events = POLLIN};
	size_t n_fds = 0;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(fd_receive(w->keeper, &request, sizeof(request), NULL, 0, &n_fds),
			 sizeof(request));
	assert_int_equal(request.header.magic, KEEPER_MAGIC);
	assert_int_equal(request.header.version, KEEPER_VERSION);
	assert_int_equal(request.header.message, KEEPER_MESSAGE_REQUEST);
	return request;
}

static void say(const struct world *w, const void *message, size_t n_bytes)
{
	assert_int_equal(fd_send(w->keeper, message, n_bytes, NULL, 0), 0);
}

static void say_snapshot(const struct world *w, enum keeper_state state)
{
	struct keeper_snapshot snapshot = {
		.header = header(KEEPER_MESSAGE_SNAPSHOT),
		.state = state,
		.keeper_pid = 4711,
	};

	memset(snapshot.status, 'x', sizeof(snapshot.status));
	say(w, &snapshot, sizeof(snapshot));
}

static bool is_gone(void *userdata)
{
	return ((struct world *)userdata)->n_gone > 0;
}

static bool has_snapshot(void *userdata)
{
	return ((struct world *)userdata)->n_snapshots > 0;
}

static bool has_all(void *userdata)
{
	struct world *w = userdata;

	return w->n_snapshots && w->n_exits && w->n_answers && w->n_sockets;
}

static void keeper_link_open_subscribes(void **state)
{
	struct world *w = *state;
	struct keeper_request request = receive(w);

	assert_int_equal(request.command, KEEPER_SUBSCRIBE);
	assert_int_equal(request.since_life, 42);
	assert_true(request.serial > 0);
}

static void keeper_link_tells_every_kind_of_message(void **state)
{
	struct world *w = *state;
	struct keeper_exit report = {.header = header(KEEPER_MESSAGE_EXIT), .life = 7};
	struct keeper_answer answer = {.header = header(KEEPER_MESSAGE_ANSWER), .result = -ESRCH};
	int fds[2] = {w->listener, w->listener};

	memset(report.path, 'p', sizeof(report.path));
	memset(report.asker, 'a', sizeof(report.asker));
	say(w, &report, sizeof(report));
	say_snapshot(w, KEEPER_RUNNING);
	say(w, &answer, sizeof(answer));
	answer.result = 0;
	assert_int_equal(fd_send(w->keeper, &answer, sizeof(answer), fds, 2), 0);
	assert_true(until(w->loop, has_all, w));
	assert_int_equal(w->report.life, 7);
	assert_int_equal(strlen(w->report.path), KEEPER_PATH_MAX - 1);
	assert_int_equal(strlen(w->report.asker), KEEPER_ASKER_MAX - 1);
	assert_int_equal(w->snapshot.state, KEEPER_RUNNING);
	assert_int_equal(strlen(w->snapshot.status), KEEPER_STATUS_MAX - 1);
	assert_int_equal(w->answer.result, -ESRCH);
	assert_int_equal(w->n_fds, 2);
	assert_true(fcntl(w->fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(w->n_gone, 0);
}

static void keeper_link_sends_commands_with_their_asker(void **state)
{
	struct world *w = *state;
	struct keeper_request request = {.command = KEEPER_FAIL, .cause = KEEPER_CAUSE_HEALTH};
	char long_asker[200];

	memset(long_asker, 'x', sizeof(long_asker) - 1);
	long_asker[sizeof(long_asker) - 1] = '\0';
	receive(w);
	assert_int_equal(keeper_link_command(w->link, KEEPER_STOP, "cli root"), 0);
	assert_int_equal(keeper_link_command(w->link, KEEPER_LEAVE, long_asker), 0);
	assert_int_equal(keeper_link_command(w->link, KEEPER_START, NULL), 0);
	assert_int_equal(keeper_link_send(w->link, &request, NULL, 0), 0);
	request = receive(w);
	assert_int_equal(request.command, KEEPER_STOP);
	assert_string_equal(request.asker, "cli root");
	request = receive(w);
	assert_int_equal(strlen(request.asker), KEEPER_ASKER_MAX - 1);
	assert_int_equal(receive(w).command, KEEPER_START);
	request = receive(w);
	assert_int_equal(request.cause, KEEPER_CAUSE_HEALTH);
	assert_int_equal(request.serial, 0);
}

static void keeper_link_passes_descriptors(void **state)
{
	struct world *w = *state;
	struct keeper_request request = {.command = KEEPER_SET_FDS, .arg = 2};
	int fds[KEEPER_FDS_MAX + 1] = {w->listener, w->listener};
	int arrived[4];
	size_t n = 0;

	receive(w);
	assert_int_equal(keeper_link_send(w->link, &request, fds, 2), 0);
	assert_int_equal(fd_receive(w->keeper, &request, sizeof(request), arrived, 4, &n),
			 sizeof(request));
	assert_int_equal(n, 2);
	close(arrived[0]);
	close(arrived[1]);
	assert_int_equal(keeper_link_send(w->link, &request, fds, KEEPER_FDS_MAX + 1), -E2BIG);
}

static void keeper_link_to_a_keeper_that_does_not_read_is_bounded(void **state)
{
	struct world *w = *state;
	int fds[1] = {w->listener};
	struct keeper_request request = {.command = KEEPER_SET_FDS, .arg = 1};
	unsigned sent = 0;
	int n_fds_before;
	int r;

	receive(w);
	n_fds_before = open_fds();
	while ((r = keeper_link_send(w->link, &request, fds, 1)) == 0) {
		request.serial = ++sent;
		assert_true(sent < 100000);
	}
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(open_fds(), n_fds_before + 64);
	/* It reads again: everything that was taken arrives, in order. */
	assert_int_equal(fd_set_nonblock(w->keeper, true), 0);
	for (unsigned i = 0; i < sent; i++) {
		int arrived[1];
		size_t n = 0;

		while (fd_receive(w->keeper, &request, sizeof(request), arrived, 1, &n) ==
		       -EAGAIN) {
			w->n_snapshots = 0;
			say_snapshot(w, KEEPER_RUNNING);
			assert_true(until(w->loop, has_snapshot, w));
		}
		assert_int_equal(request.serial, i);
		assert_int_equal(n, 1);
		close(arrived[0]);
	}
	assert_int_equal(open_fds(), n_fds_before);
	assert_int_equal(w->n_gone, 0);
}

static void keeper_link_ends_with_the_keeper(void **state)
{
	struct world *w = *state;

	say_snapshot(w, KEEPER_STOPPING);
	close_fd(&w->keeper);
	assert_true(keeper_link_command(w->link, KEEPER_STOP, NULL) < 0);
	assert_true(until(w->loop, is_gone, w));
	assert_int_equal(w->n_snapshots, 1); /* its last words came first */
	assert_int_equal(w->n_gone, 1);
	assert_int_equal(keeper_link_command(w->link, KEEPER_STOP, NULL), -ENOTCONN);
}

static void keeper_link_may_be_freed_in_any_callback(void **state)
{
	struct world *w = *state;

	w->hang_up = true;
	say_snapshot(w, KEEPER_RUNNING);
	say_snapshot(w, KEEPER_RUNNING);
	assert_true(until(w->loop, has_snapshot, w));
	assert_null(w->link);
	assert_int_equal(w->n_snapshots, 1);
	assert_int_equal(w->n_gone, 0);
}

static void keeper_link_may_be_freed_when_gone(void **state)
{
	struct world *w = *state;

	w->hang_up = true;
	close_fd(&w->keeper);
	assert_true(until(w->loop, is_gone, w));
	assert_null(w->link);
}

/* Bytes that no keeper of ours would send; each ends the link. */
static void keeper_link_nonsense_ends_it(void **state)
{
	struct world *w = *state;
	unsigned char bytes[2048] = {0};
	struct keeper_snapshot *snapshot = (struct keeper_snapshot *)bytes;
	static const struct {
		size_t n_bytes;
		uint32_t magic;
		uint16_t version;
		uint16_t message;
		uint32_t state;
	} nonsense[] = {
		{1, KEEPER_MAGIC, KEEPER_VERSION, KEEPER_MESSAGE_SNAPSHOT, 0},
		{sizeof(struct keeper_header), KEEPER_MAGIC, KEEPER_VERSION, 0, 0},
		{sizeof(*snapshot) - 1, KEEPER_MAGIC, KEEPER_VERSION, KEEPER_MESSAGE_SNAPSHOT, 0},
		{sizeof(*snapshot) + 1, KEEPER_MAGIC, KEEPER_VERSION, KEEPER_MESSAGE_SNAPSHOT, 0},
		{sizeof(bytes), KEEPER_MAGIC, KEEPER_VERSION, KEEPER_MESSAGE_SNAPSHOT, 0},
		{sizeof(*snapshot), KEEPER_MAGIC + 1, KEEPER_VERSION, KEEPER_MESSAGE_SNAPSHOT, 0},
		{sizeof(*snapshot), KEEPER_MAGIC, KEEPER_VERSION + 1, KEEPER_MESSAGE_SNAPSHOT, 0},
		{sizeof(*snapshot), KEEPER_MAGIC, KEEPER_VERSION, KEEPER_MESSAGE_SNAPSHOT,
		 KEEPER_STATE_COUNT},
		{sizeof(struct keeper_request), KEEPER_MAGIC, KEEPER_VERSION,
		 KEEPER_MESSAGE_REQUEST, 0},
		{sizeof(struct keeper_exit), KEEPER_MAGIC, KEEPER_VERSION, KEEPER_MESSAGE_EXIT,
		 KEEPER_CAUSE_COUNT},
		{sizeof(*snapshot), KEEPER_MAGIC, KEEPER_VERSION, KEEPER_MESSAGE_ANSWER, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(nonsense); i++) {
		memset(bytes, 0, sizeof(bytes));
		snapshot->header.magic = nonsense[i].magic;
		snapshot->header.version = nonsense[i].version;
		snapshot->header.message = nonsense[i].message;
		snapshot->state = nonsense[i].state; /* the cause, in an exit */
		w->n_gone = 0;
		say(w, bytes, nonsense[i].n_bytes);
		assert_true(until(w->loop, is_gone, w));
		assert_int_equal(w->n_snapshots + w->n_exits + w->n_answers, 0);
		keeper_link_free(w->link);
		close_fd(&w->keeper);
		assert_int_equal(keeper_link_open(w->crowd, temp_path(&w->temp, "k.sock"), 42,
						  &handlers, w, &w->link),
				 0);
		w->keeper = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(w->keeper >= 0);
	}
}

static void keeper_link_without_a_keeper_fails(void **state)
{
	struct world *w = *state;
	struct keeper_link *link = NULL;

	assert_int_equal(keeper_link_open(w->crowd, temp_path(&w->temp, "none.sock"), 0, &handlers,
					  w, &link),
			 -ENOENT);
	close_fd(&w->listener);
	assert_int_equal(
		keeper_link_open(w->crowd, temp_path(&w->temp, "k.sock"), 0, &handlers, w, &link),
		-ECONNREFUSED);
	assert_null(link);
}

static int setup(void **state)
{
	static struct world w;
	const char *path;

	w = (struct world){.fd = -1};
	temp_init(&w.temp);
	path = temp_path(&w.temp, "k.sock");
	w.listener = fd_unix_listen(path, SOCK_SEQPACKET, 0600);
	if (w.listener < 0 || loop_new(&w.loop) < 0 ||
	    crowd_new(w.loop, CROWD_NAP_USEC, &w.crowd) < 0 ||
	    keeper_link_open(w.crowd, path, 42, &handlers, &w, &w.link) < 0)
		return -1;
	w.keeper = accept4(w.listener, NULL, NULL, SOCK_CLOEXEC);
	*state = &w;
	return w.keeper < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	keeper_link_free(w->link);
	close_fd(&w->keeper);
	close_fd(&w->listener);
	close_fd(&w->fd);
	crowd_free(w->crowd);
	loop_free(w->loop);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeper_link_open_subscribes),
		TEST(keeper_link_tells_every_kind_of_message),
		TEST(keeper_link_sends_commands_with_their_asker),
		TEST(keeper_link_passes_descriptors),
		TEST(keeper_link_to_a_keeper_that_does_not_read_is_bounded),
		TEST(keeper_link_ends_with_the_keeper),
		TEST(keeper_link_may_be_freed_in_any_callback),
		TEST(keeper_link_may_be_freed_when_gone),
		TEST(keeper_link_nonsense_ends_it),
		TEST(keeper_link_without_a_keeper_fails),
	};

	return cmocka_run_group_tests_name("keeper-link", tests, NULL, NULL);
}
