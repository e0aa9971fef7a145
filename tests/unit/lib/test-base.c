/* SPDX-License-Identifier: MIT */
#include "lib/base.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/list.h"

/* The words of base.h and the list, which every file trusts without looking. */

static void usec_sums_saturate(void **state)
{
	assert_int_equal(usec_add(1, 2), 3);
	assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
	assert_true(usec_add(USEC_INFINITY - 1, 2) == USEC_INFINITY);
}

static void usec_differences_stop_at_zero_and_infinity_stays(void **state)
{
	assert_int_equal(usec_sub(5, 2), 3);
	assert_int_equal(usec_sub(2, 5), 0);
	assert_true(usec_sub(USEC_INFINITY, 5) == USEC_INFINITY);
}

static void steal_ptr_leaves_null(void **state)
{
	char *p = strdup("x");
	char *q = steal_ptr(p);

	assert_null(p);
	assert_string_equal(q, "x");
	free(q);
}

static void close_fd_keeps_errno(void **state)
{
	int fd = 9999; /* not open: close(2) fails with EBADF */

	errno = ENOENT;
	close_fd(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, ENOENT);
}

static void cleanup_close_closes_at_the_end_of_its_block(void **state)
{
	int number;

	{
		cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		assert_true(fd >= 0);
		number = fd;
	}
	assert_int_equal(fcntl(number, F_GETFD), -1);
}

struct element {
	int value;
	struct list link;
};

static void list_keeps_the_order_of_appending(void **state)
{
	struct list l = LIST_INIT(l);
	struct element elements[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
	int expected = 0;

	for (size_t i = 0; i < 3; i++)
		list_append(&l, &elements[i].link);
	list_for_each(it, &l)
		assert_int_equal(list_entry(it, struct element, link)->value, expected++);
	assert_int_equal(expected, 3);
}

static void list_element_may_be_removed_while_running_and_twice(void **state)
{
	struct list l = LIST_INIT(l);
	struct element elements[3] = {{.value = 0}, {.value = 1}, {.value = 2}};
	int seen = 0;

	for (size_t i = 0; i < 3; i++)
		list_append(&l, &elements[i].link);
	list_for_each_safe(it, &l) {
		list_remove(it);
		list_remove(it);
		seen++;
	}
	assert_int_equal(seen, 3);
	assert_true(list_empty(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usec_sums_saturate),
		cmocka_unit_test(usec_differences_stop_at_zero_and_infinity_stays),
		cmocka_unit_test(steal_ptr_leaves_null),
		cmocka_unit_test(close_fd_keeps_errno),
		cmocka_unit_test(cleanup_close_closes_at_the_end_of_its_block),
		cmocka_unit_test(list_keeps_the_order_of_appending),
		cmocka_unit_test(list_element_may_be_removed_while_running_and_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
