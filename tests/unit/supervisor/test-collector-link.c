/* SPDX-License-Identifier: MIT */

/*
 * The connection to the collector, against a collector that the test plays itself: it comes, goes,
 * does not read, and says nonsense.
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
#include "supervisor/collector-link.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

struct world {
	struct temp temp;
	struct loop *loop;
	int listener;
	int collector; /* its end of the connection */
	struct collector_link *link;
	struct collector_user user;
	struct intake_frame answer;
	unsigned n_connected, n_answers, n_wanted;
};

static struct intake_frame frame_of(enum intake_kind kind)
{
	return (struct intake_frame){
		.magic = INTAKE_MAGIC,
		.kind = (uint16_t)kind,
		.stream = INTAKE_STREAM_OUT,
		.life = 1,
		.name = "supervisor",
	};
}

static void on_connected(void *userdata)
{
	struct world *w = userdata;
	struct intake_frame frame = frame_of(INTAKE_OFFER);

	w->n_connected++;
	assert_int_equal(collector_link_send(w->link, &frame, sizeof(frame), &w->listener, 1), 0);
}

static void on_answered(const struct intake_frame *frame, void *userdata)
{
	struct world *w = userdata;

	w->answer = *frame;
	w->n_answers++;
}

static bool is_connected(void *userdata)
{
	const struct world *w = userdata;

	return w->n_connected >= w->n_wanted;
}

static bool is_answered(void *userdata)
{
	const struct world *w = userdata;

	return w->n_answers > 0;
}

/* The collector that the link finds next. */
static void collect(struct world *w)
{
	w->n_wanted = w->n_connected + 1;
	assert_true(until(w->loop, is_connected, w));
	close_fd(&w->collector);
	w->collector = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(w->collector >= 0);
}

static void receive_offer(struct world *w)
{
	struct intake_frame frame;
	int fd = -1;
	size_t n_fds = 0;

	assert_int_equal(fd_receive(w->collector, &frame, sizeof(frame), &fd, 1, &n_fds),
			 sizeof(frame));
	assert_int_equal(frame.kind, INTAKE_OFFER);
	assert_int_equal(n_fds, 1);
	close(fd);
}

static void collector_that_comes_is_told(void **state)
{
	struct world *w = *state;
	struct intake_frame frame = frame_of(INTAKE_DRAINED);

	assert_int_equal(collector_link_send(w->link, &frame, sizeof(frame), NULL, 0), -ENOTCONN);
	collect(w);
	receive_offer(w);
	assert_int_equal(fd_send(w->collector, &frame, sizeof(frame), NULL, 0), 0);
	assert_true(until(w->loop, is_answered, w));
	assert_int_equal(w->answer.life, 1);
	assert_string_equal(w->answer.name, "supervisor");
}

static void collector_that_was_away_is_told_again(void **state)
{
	struct world *w = *state;

	collect(w);
	for (int i = 0; i < 3; i++) {
		close_fd(&w->collector);
		collect(w);
		receive_offer(w);
	}
	assert_int_equal(w->n_connected, 4);
}

static void collector_nobody_listens_is_tried_until_somebody_does(void **state)
{
	struct world *w = *state;
	const char *path = temp_path(&w->temp, "log.intake");

	collect(w);
	assert_int_equal(unlink(path), 0);
	close_fd(&w->listener);
	close_fd(&w->collector);
	w->listener = fd_unix_listen(temp_path(&w->temp, "other"), SOCK_SEQPACKET, 0600);
	assert_int_equal(rename(temp_path(&w->temp, "other"), path), 0);
	collect(w);
	receive_offer(w);
}

static void collector_that_stands_is_joined_at_once(void **state)
{
	struct world *w = *state;
	struct collector_user late = {
		.connected = on_connected,
		.userdata = w,
	};

	collect(w);
	collector_link_join(w->link, &late);
	assert_int_equal(w->n_connected, 2);
	collector_link_leave(&late);
	collector_link_leave(&late);
	receive_offer(w);
	receive_offer(w);
}

static void collector_that_says_nonsense_is_left(void **state)
{
	struct world *w = *state;
	struct intake_frame unterminated = frame_of(INTAKE_DRAINED);
	struct intake_frame strange = frame_of(INTAKE_DRAINED);

	memset(unterminated.name, 'x', sizeof(unterminated.name));
	strange.magic++;
	collect(w);
	assert_int_equal(fd_send(w->collector, &strange, sizeof(strange), NULL, 0), 0);
	collect(w);
	assert_int_equal(fd_send(w->collector, &unterminated, sizeof(unterminated), NULL, 0), 0);
	collect(w);
	assert_int_equal(fd_send(w->collector, &strange, 7, NULL, 0), 0);
	collect(w);
	assert_int_equal(w->n_answers, 0);
}

static void collector_that_does_not_read_is_told_when_it_does(void **state)
{
	struct world *w = *state;
	const int n_sent = 2000;
	int n_fds_before;

	collect(w);
	receive_offer(w);
	n_fds_before = open_fds();
	for (int i = 0; i < n_sent; i++) {
		struct intake_frame frame = frame_of(INTAKE_OFFER);

		frame.life = (uint64_t)i;
		assert_int_equal(
			collector_link_send(w->link, &frame, sizeof(frame), &w->listener, 1), 0);
	}
	assert_true(open_fds() > n_fds_before); /* some of them wait */
	for (int i = 0; i < n_sent; i++) {
		struct intake_frame frame;
		int fd = -1;
		size_t n_fds = 0;

		while (fd_receive(w->collector, &frame, sizeof(frame), &fd, 1, &n_fds) == -EAGAIN) {
			struct intake_frame answer = frame_of(INTAKE_DRAINED);

			/* Only to turn the loop once more. */
			w->n_answers = 0;
			assert_int_equal(fd_send(w->collector, &answer, sizeof(answer), NULL, 0),
					 0);
			assert_true(until(w->loop, is_answered, w));
		}
		assert_int_equal(frame.life, i);
		assert_int_equal(n_fds, 1);
		close(fd);
	}
	assert_int_equal(open_fds(), n_fds_before);
	assert_int_equal(w->n_connected, 1);
}

static void collector_that_dies_takes_what_waits_with_it(void **state)
{
	struct world *w = *state;
	int n_fds_before = open_fds();

	collect(w);
	for (int i = 0; i < 2000; i++) {
		struct intake_frame frame = frame_of(INTAKE_OFFER);

		assert_int_equal(
			collector_link_send(w->link, &frame, sizeof(frame), &w->listener, 1), 0);
	}
	close_fd(&w->collector);
	collect(w);
	receive_offer(w);
	assert_int_equal(open_fds(), n_fds_before + 2); /* both ends of the connection */
}

static int setup(void **state)
{
	static struct world w;
	const char *path;

	w = (struct world){.collector = -1};
	w.user = (struct collector_user){
		.connected = on_connected, .answered = on_answered, .userdata = &w};
	temp_init(&w.temp);
	path = temp_path(&w.temp, "log.intake");
	w.listener = fd_unix_listen(path, SOCK_SEQPACKET, 0600);
	if (w.listener < 0 || loop_new(&w.loop) < 0 ||
	    collector_link_new(w.loop, path, &w.link) < 0)
		return -1;
	collector_link_join(w.link, &w.user);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	collector_link_free(w->link);
	close_fd(&w->collector);
	close_fd(&w->listener);
	loop_free(w->loop);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(collector_that_comes_is_told),
		TEST(collector_that_was_away_is_told_again),
		TEST(collector_nobody_listens_is_tried_until_somebody_does),
		TEST(collector_that_stands_is_joined_at_once),
		TEST(collector_that_says_nonsense_is_left),
		TEST(collector_that_does_not_read_is_told_when_it_does),
		TEST(collector_that_dies_takes_what_waits_with_it),
	};

	return cmocka_run_group_tests_name("collector-link", tests, NULL, NULL);
}
