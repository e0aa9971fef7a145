/* SPDX-License-Identifier: MIT */

/*
 * A pipe, its transit, and a collector that dies between the two.
 */

#include "log/feed.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/transit.h"

/** struct world - what a keeper keeps: @fds are a pipe's read end and a transit */
struct world {
	int fds[2];
	int write_fd;
	struct feed feed;
};

static int duplicate(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void offer(struct world *w, size_t n_fds)
{
	int fds[2] = {duplicate(w->fds[0]), n_fds > 1 ? duplicate(w->fds[1]) : -1};

	assert_int_equal(feed_init(&w->feed, fds, n_fds), 0);
}

static int setup(void **state)
{
	static struct world w;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	w = (struct world){.fds = {ends[0], transit_new()}, .write_fd = ends[1]};
	assert_true(w.fds[1] >= 0);
	offer(&w, 2);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	feed_done(&w->feed);
	close_fd(&w->fds[0]);
	close_fd(&w->fds[1]);
	close_fd(&w->write_fd);
	return 0;
}

static void print(const struct world *w, const char *text)
{
	assert_int_equal(write(w->write_fd, text, strlen(text)), strlen(text));
}

/* What can be stored now, which is then stored up to @max_bytes. */
static void assert_comes(struct world *w, const char *text, size_t max_bytes)
{
	char bytes[64];
	ssize_t n;

	feed_begin(&w->feed);
	n = feed_advance(&w->feed, max_bytes);
	assert_int_equal(n, strlen(text));
	assert_int_equal(read(feed_front(&w->feed), bytes, (size_t)n), n);
	assert_memory_equal(bytes, text, strlen(text));
	feed_took(&w->feed, (size_t)n);
}

static void die(struct world *w)
{
	feed_done(&w->feed);
	offer(w, 2);
}

static void bytes_come_through_the_transit_in_order(void **state)
{
	struct world *w = *state;

	assert_int_equal(feed_advance(&w->feed, 100), -EAGAIN);
	print(w, "one\ntwo\n");
	assert_comes(w, "one\n", 4);
	assert_comes(w, "two\n", 100);
	close_fd(&w->write_fd);
	assert_int_equal(feed_advance(&w->feed, 100), 0);
}

static void what_was_on_its_way_when_a_collector_died_comes_first(void **state)
{
	struct world *w = *state;

	print(w, "early\n");
	assert_int_equal(feed_advance(&w->feed, 100), 6);
	print(w, "late\n");
	close_fd(&w->write_fd);
	die(w);
	assert_true(feed_is_left(&w->feed));
	assert_comes(w, "ear", 3);
	die(w);
	assert_comes(w, "ly\n", 100);
	assert_false(feed_is_left(&w->feed));
	assert_comes(w, "late\n", 100);
	assert_int_equal(feed_advance(&w->feed, 100), 0);
}

static void keeper_without_a_transit_is_taken_from_directly(void **state)
{
	struct world *w = *state;

	feed_done(&w->feed);
	offer(w, 1);
	print(w, "one\n");
	assert_int_equal(feed_advance(&w->feed, 3), 3);
	assert_int_equal(feed_front(&w->feed), w->feed.pipe_fd);
	assert_int_equal(feed_room(&w->feed), fcntl(w->fds[0], F_GETPIPE_SZ));
}

static void transit_of_another_keeper_is_used_once_the_former_one_is_empty(void **state)
{
	struct world *w = *state;
	int fds[2] = {duplicate(w->fds[0]), transit_new()};
	int other = duplicate(fds[1]);
	struct feed offered;
	char byte;

	print(w, "early\n");
	assert_int_equal(feed_advance(&w->feed, 100), 6);
	assert_int_equal(feed_init(&offered, fds, 2), 0);
	feed_renew(&w->feed, &offered);
	feed_done(&offered);
	assert_comes(w, "early\n", 100);
	print(w, "late\n");
	feed_begin(&w->feed);
	assert_int_equal(feed_advance(&w->feed, 100), 5);
	assert_int_equal(read(other, &byte, 1), 1);
	assert_int_equal(byte, 'l');
	close_fd(&other);
}

static void transit_grows_with_its_pipe_within_bounds(void **state)
{
	struct world *w = *state;

	assert_int_equal(feed_room(&w->feed), fcntl(w->fds[0], F_GETPIPE_SZ));
	assert_int_equal(fcntl(w->write_fd, F_SETPIPE_SZ, 1 << 20), 1 << 20);
	assert_int_equal(feed_room(&w->feed), 256 << 10);
	assert_int_equal(fcntl(w->fds[1], F_GETPIPE_SZ), 256 << 10);
}

static void what_is_no_pipe_is_refused(void **state)
{
	struct world *w = *state;
	int fds[2] = {open("/dev/null", O_RDWR | O_CLOEXEC), -1};
	struct feed feed;

	assert_int_equal(feed_init(&feed, fds, 1), -EINVAL);
	fds[0] = duplicate(w->fds[0]);
	fds[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_int_equal(feed_init(&feed, fds, 2), -EINVAL);
}

#define test_of(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_of(bytes_come_through_the_transit_in_order),
		test_of(what_was_on_its_way_when_a_collector_died_comes_first),
		test_of(keeper_without_a_transit_is_taken_from_directly),
		test_of(transit_of_another_keeper_is_used_once_the_former_one_is_empty),
		test_of(transit_grows_with_its_pipe_within_bounds),
		test_of(what_is_no_pipe_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
