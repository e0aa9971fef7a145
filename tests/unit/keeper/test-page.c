/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/page.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct page *make(int *ret_fd)
{
	struct page *page = NULL;

	assert_int_equal(page_new(&page, ret_fd), 0);
	return page;
}

static void destroy(struct page *page)
{
	assert_int_equal(munmap(page, sizeof(*page)), 0);
}

static void add(struct page *page, uint64_t life)
{
	page_add_exit(page, &(struct keeper_exit){.life = life});
}

static void new_page_is_empty_and_ours(void **state)
{
	cleanup_close int fd = -1;
	struct page *page = make(&fd);

	assert_int_equal(page->keeper_pid, getpid());
	assert_null(page_exit_after(page, 0));
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	destroy(page);
}

static void what_a_child_writes_is_seen(void **state)
{
	cleanup_close int fd = -1;
	struct page *page = make(&fd);
	pid_t pid = fork();

	if (pid == 0) {
		page->main_pid = 4711;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(page->main_pid, 4711);
	destroy(page);
}

static void exits_are_found_in_order(void **state)
{
	cleanup_close int fd = -1;
	struct page *page = make(&fd);

	for (uint64_t life = 10; life < 15; life++)
		add(page, life);
	assert_int_equal(page_exit_after(page, 0)->life, 10);
	assert_int_equal(page_exit_after(page, 10)->life, 11);
	assert_int_equal(page_exit_after(page, 13)->life, 14);
	assert_null(page_exit_after(page, 14));
	destroy(page);
}

static void ring_keeps_the_newest(void **state)
{
	cleanup_close int fd = -1;
	struct page *page = make(&fd);

	for (uint64_t life = 1; life <= 3 * KEEPER_EXITS_MAX + 1; life++)
		add(page, life);
	assert_int_equal(page_exit_after(page, 0)->life, 2 * KEEPER_EXITS_MAX + 2);
	assert_int_equal(page_exit_after(page, 3 * KEEPER_EXITS_MAX)->life,
			 3 * KEEPER_EXITS_MAX + 1);
	destroy(page);
}

static void opened_page_is_the_same(void **state)
{
	cleanup_close int fd = -1;
	struct page *page = make(&fd), *again = NULL;

	add(page, 5);
	assert_int_equal(page_open(fd, &again), 0);
	assert_int_equal(page_exit_after(again, 0)->life, 5);
	destroy(again);
	destroy(page);
}

static void page_of_somebody_else_is_refused(void **state)
{
	cleanup_close int fd = -1, null = open("/dev/null", O_RDWR), none = -1;
	struct page *page = make(&fd), *again = NULL;

	page->version++;
	assert_int_equal(page_open(fd, &again), -EBADMSG);
	page->version--;
	page->magic = 0;
	assert_int_equal(page_open(fd, &again), -EBADMSG);
	assert_int_equal(ftruncate(fd, sizeof(*page) - 1), 0);
	assert_int_equal(page_open(fd, &again), -EBADMSG);
	assert_int_equal(page_open(null, &again), -EBADMSG);
	assert_int_equal(page_open(none, &again), -EBADF);
	assert_null(again);
	destroy(page);
}

static void second_report_of_a_life_replaces_the_first(void **state)
{
	cleanup_close int fd = -1;
	struct page *page = make(&fd);

	add(page, 1);
	add(page, 2);
	page_add_exit(page, &(struct keeper_exit){.life = 2, .n_killed = 5});
	assert_int_equal(page->n_exits, 2);
	assert_int_equal(page_exit_after(page, 1)->n_killed, 5);
	destroy(page);
}

static void last_note_counts_and_the_one_before_stands_beside_it(void **state)
{
	cleanup_close int fd = -1;
	struct page *page = make(&fd);

	assert_null(page_state(page));
	for (unsigned n = 1; n <= 5; n++) {
		page_note(page, &(struct page_state){.machine.n_failures = n});
		assert_int_equal(page_state(page)->machine.n_failures, n);
	}
	assert_int_equal(page->states[(page->n_notes + 1) % 2].machine.n_failures, 4);
	destroy(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_page_is_empty_and_ours),
		cmocka_unit_test(what_a_child_writes_is_seen),
		cmocka_unit_test(exits_are_found_in_order),
		cmocka_unit_test(ring_keeps_the_newest),
		cmocka_unit_test(second_report_of_a_life_replaces_the_first),
		cmocka_unit_test(last_note_counts_and_the_one_before_stands_beside_it),
		cmocka_unit_test(opened_page_is_the_same),
		cmocka_unit_test(page_of_somebody_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
