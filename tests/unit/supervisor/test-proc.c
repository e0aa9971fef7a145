/* SPDX-License-Identifier: MIT */

/*
 * What /proc tells of processes, and who listens, on this very process and children of it.
 */

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "supervisor/listeners.h"
#include "supervisor/numbers.h"
#include "supervisor/proc.h"

#define MIB ((size_t)1 << 20)

static pid_t begin_child(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	return pid;
}

static void end_child(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void tree_has_children_and_ends_at_its_bound(void **state)
{
	pid_t one = begin_child(), other = begin_child();
	pid_t pids[8];

	assert_int_equal(proc_tree(getpid(), pids, 8), 3);
	assert_int_equal(pids[0], getpid());
	assert_true(pids[1] == one || pids[1] == other);
	assert_int_equal(proc_tree(getpid(), pids, 2), 2);
	end_child(one);
	end_child(other);
	assert_int_equal(proc_tree(getpid(), pids, 8), 1);
}

static void kept_are_all_but_the_keeper(void **state)
{
	pid_t one = begin_child();
	pid_t pids[8];

	assert_int_equal(proc_kept(getpid(), one, pids, 8), 1);
	assert_int_equal(pids[0], one);
	end_child(one);
}

static void kept_by_one_that_was_killed_are_found_by_their_main_process(void **state)
{
	pid_t keeper = begin_child(), main = begin_child();
	pid_t pids[8];

	assert_int_equal(proc_kept(keeper, main, pids, 8), 1);
	assert_int_equal(pids[0], main);
	end_child(keeper);
	end_child(main);
}

static void measure_sees_memory_cpu_and_threads(void **state)
{
	pid_t self = getpid();
	struct numbers before, after;
	volatile uint64_t spun = 0;
	char *held;

	proc_measure(&self, 1, &before);
	held = mmap(NULL, 32 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(held != MAP_FAILED);
	memset(held, 1, 32 * MIB);
	do {
		for (int i = 0; i < 1000000; i++)
			spun++;
		proc_measure(&self, 1, &after);
	} while (after.value[NUMBER_CPU_USEC] < before.value[NUMBER_CPU_USEC] + 30000);
	assert_in_range(after.value[NUMBER_MEMORY_BYTES] - before.value[NUMBER_MEMORY_BYTES],
			30 * MIB, 36 * MIB);
	assert_int_equal(after.value[NUMBER_TASKS], 1);
	assert_true(after.value[NUMBER_SWAP_BYTES] == NUMBER_UNKNOWN);
	assert_int_equal(munmap(held, 32 * MIB), 0);
}

static void measure_counts_what_processes_share_once(void **state)
{
	char *shared =
		mmap(NULL, 32 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[2] = {getpid()};
	struct numbers n;

	assert_true(shared != MAP_FAILED);
	memset(shared, 1, 32 * MIB);
	pids[1] = fork();
	assert_true(pids[1] >= 0);
	if (pids[1] == 0) {
		memset(shared, 2, 32 * MIB);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pids[1], NULL, WUNTRACED), pids[1]);
	proc_measure(pids, 2, &n);
	assert_in_range(n.value[NUMBER_MEMORY_BYTES], 32 * MIB, 56 * MIB);
	assert_int_equal(n.value[NUMBER_TASKS], 2);
	end_child(pids[1]);
	assert_int_equal(munmap(shared, 32 * MIB), 0);
}

static void measure_of_what_is_gone_knows_nothing(void **state)
{
	pid_t pid = begin_child();
	struct numbers n;

	end_child(pid);
	proc_measure(&pid, 1, &n);
	for (size_t i = 0; i < NUMBER_COUNT; i++)
		assert_true(n.value[i] == NUMBER_UNKNOWN);
}

static int listen_at(int family, uint16_t *ret_port)
{
	int fd = socket(family, SOCK_STREAM, 0);
	struct sockaddr_in6 address = {.sin6_family = (sa_family_t)family};
	socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(address);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0)
		return -1;
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	*ret_port = ntohs(address.sin6_port);
	return fd;
}

static void listeners_of_a_process_are_its_ports_in_order(void **state)
{
	static const int families[] = {AF_INET, AF_INET6, AF_INET};
	struct listeners all = {0};
	uint16_t ports[4], port = 0;
	uint32_t sum = 0;
	int fds[3];
	size_t n_open = 0;
	size_t n;

	for (size_t i = 0; i < 3; i++) {
		fds[n_open] = listen_at(families[i], &port);
		if (fds[n_open] < 0)
			continue; /* a machine without IPv6 */
		n_open++;
		sum += port;
	}
	assert_true(n_open >= 2);
	assert_int_equal(listeners_load(&all), 0);
	n = listeners_of(&all, getpid(), ports, 0, ARRAY_LEN(ports));
	assert_int_equal(n, n_open);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || ports[i - 1] < ports[i]);
		sum -= ports[i];
	}
	assert_int_equal(sum, 0);
	/* Seen again, they are the same; and no more than there is room for. */
	assert_int_equal(listeners_of(&all, getpid(), ports, n, ARRAY_LEN(ports)), n);
	assert_int_equal(listeners_of(&all, getpid(), ports, 0, 1), 1);
	listeners_done(&all);
	while (n_open > 0)
		close(fds[--n_open]);
	assert_int_equal(listeners_load(&all), 0);
	assert_int_equal(listeners_of(&all, getpid(), ports, 0, ARRAY_LEN(ports)), 0);
	listeners_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_has_children_and_ends_at_its_bound),
		cmocka_unit_test(kept_are_all_but_the_keeper),
		cmocka_unit_test(kept_by_one_that_was_killed_are_found_by_their_main_process),
		cmocka_unit_test(measure_sees_memory_cpu_and_threads),
		cmocka_unit_test(measure_counts_what_processes_share_once),
		cmocka_unit_test(measure_of_what_is_gone_knows_nothing),
		cmocka_unit_test(listeners_of_a_process_are_its_ports_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
