/* SPDX-License-Identifier: MIT */
#include "lib/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "tests/unit/lib/temp.h"

/* The end of processes as events of the loop; its other sources are in test-loop.c. */

int __real_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options);

/* How often waitid(2) finds nothing, though the process has ended. */
static unsigned n_idle_waits;

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	if (n_idle_waits == 0)
		return __real_waitid(type, id, info, options);
	n_idle_waits--;
	return 0;
}

/* A test that waits for nothing that comes fails after this time. */
#define DEADLINE_USEC (20 * USEC_PER_SEC)
#define TIMED_OUT 99

static struct loop *loop;
static struct loop_timer guard;

static void on_guard(void *userdata)
{
	loop_stop(loop, TIMED_OUT);
}

static int begin(void **state)
{
	if (loop_new(&loop) < 0 || loop_timer_init(&guard, loop, on_guard, NULL) < 0)
		return -1;
	return loop_timer_set(&guard, clock_now_usec() + DEADLINE_USEC);
}

static int end(void **state)
{
	loop_timer_done(&guard);
	loop_free(loop);
	return 0;
}

struct child {
	struct loop_pid source;
	pid_t pid;
	int status;
	int n_calls;
};

static void on_child(pid_t pid, int wait_status, void *userdata)
{
	struct child *c = userdata;

	c->pid = pid;
	c->status = wait_status;
	c->n_calls++;
	loop_stop(loop, 0);
}

/* A child that ends as soon as @release is closed: by exit code, or by a signal below zero. */
static pid_t child_start(int *release, int how)
{
	int fds[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(fds[1]);
		if (read(fds[0], &c, 1) == 0 && how < 0)
			raise(-how);
		_exit(how);
	}
	close(fds[0]);
	*release = fds[1];
	return pid;
}

static void child_that_exits_is_reaped_with_its_code(void **state)
{
	struct child c = {0};
	int release;
	pid_t pid = child_start(&release, 42);

	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child, &c), 0);
	close(release);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(c.pid, pid);
	assert_true(WIFEXITED(c.status));
	assert_int_equal(WEXITSTATUS(c.status), 42);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void child_that_is_killed_is_reaped_with_its_signal(void **state)
{
	struct child c = {0};
	int release;
	pid_t pid = child_start(&release, -SIGKILL);

	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child, &c), 0);
	close(release);
	assert_int_equal(loop_run(loop), 0);
	assert_true(WIFSIGNALED(c.status));
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
}

static void child_that_is_dead_already_is_still_reaped(void **state)
{
	struct child c = {0};
	siginfo_t info;
	int release;
	pid_t pid = child_start(&release, 3);

	close(release);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child, &c), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(WEXITSTATUS(c.status), 3);
}

static void child_that_cannot_be_reaped_yet_is_waited_for(void **state)
{
	struct child c = {0};
	int release;
	pid_t pid = child_start(&release, 4);

	n_idle_waits = 2;
	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child, &c), 0);
	close(release);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(n_idle_waits, 0);
	assert_int_equal(c.n_calls, 1);
	assert_int_equal(WEXITSTATUS(c.status), 4);
}

static void child_is_reaped_and_its_sibling_is_not(void **state)
{
	struct child c = {0};
	int release[2];
	pid_t sibling = child_start(&release[0], 1);
	pid_t pid = child_start(&release[1], 2);
	int status = 0;
	siginfo_t info;

	close(release[0]);
	close(release[1]);
	/* Both are dead before anybody looks. */
	assert_int_equal(waitid(P_PID, (id_t)sibling, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child, &c), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(WEXITSTATUS(c.status), 2);
	assert_int_equal(waitpid(sibling, &status, 0), sibling);
	assert_int_equal(WEXITSTATUS(status), 1);
}

static void child_by_a_descriptor_of_the_caller_closes_it(void **state)
{
	struct child c = {0};
	int before = open_fds();
	int release;
	pid_t pid = child_start(&release, 0);
	int pidfd = pidfd_open(pid, 0);

	assert_true(pidfd >= 0);
	assert_int_equal(loop_pid_init(&c.source, loop, pid, pidfd, on_child, &c), 0);
	close(release);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(c.n_calls, 1);
	assert_false(loop_watches_pid(loop, pid));
	assert_int_equal(open_fds(), before);
}

static void process_that_is_no_child_ends_with_an_unknown_status(void **state)
{
	struct child c = {0};
	int report[2];
	int release[2];
	pid_t middle;
	pid_t grandchild = 0;
	char byte;

	/* The middle process ends, so that its child is nobody's of ours. */
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	assert_int_equal(pipe2(release, O_CLOEXEC), 0);
	middle = fork();
	if (middle == 0) {
		pid_t pid = fork();

		close(release[1]);
		if (pid == 0)
			_exit(read(release[0], &byte, 1) == 0 ? 5 : 6);
		_exit(write(report[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	assert_int_equal(read(report[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_int_equal(loop_pid_init(&c.source, loop, grandchild, -1, on_child, &c), 0);
	close(release[1]);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(c.pid, grandchild);
	assert_int_equal(c.status, -1);
	close(release[0]);
	close(report[0]);
	close(report[1]);
}

static void process_that_is_gone_is_refused(void **state)
{
	struct child c = {0};
	int release;
	pid_t pid = child_start(&release, 0);

	close(release);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child, &c), -ESRCH);
}

static void child_that_is_no_longer_watched_runs_on(void **state)
{
	struct child c = {0};
	int before = open_fds();
	int release;
	pid_t pid = child_start(&release, 8);
	int status = 0;

	assert_false(loop_watches_pid(loop, pid));
	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child, &c), 0);
	assert_true(loop_watches_pid(loop, pid));
	loop_pid_done(&c.source);
	loop_pid_done(&c.source);
	assert_false(loop_watches_pid(loop, pid));
	assert_int_equal(kill(pid, 0), 0);
	close(release);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 8);
	assert_int_equal(c.n_calls, 0);
	assert_int_equal(open_fds(), before);
}

static void on_child_restart(pid_t pid, int wait_status, void *userdata)
{
	struct child *c = userdata;
	int release;

	if (++c->n_calls == 3) {
		loop_stop(loop, 0);
		return;
	}
	pid = child_start(&release, 0);
	assert_int_equal(loop_pid_init(&c->source, loop, pid, -1, on_child_restart, c), 0);
	close(release);
}

static void child_may_be_followed_by_another_inside_the_callback(void **state)
{
	struct child c = {0};
	int release;
	pid_t pid = child_start(&release, 0);

	assert_int_equal(loop_pid_init(&c.source, loop, pid, -1, on_child_restart, &c), 0);
	close(release);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(c.n_calls, 3);
}

#define test_with_loop(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_loop(child_that_exits_is_reaped_with_its_code),
		test_with_loop(child_that_is_killed_is_reaped_with_its_signal),
		test_with_loop(child_that_is_dead_already_is_still_reaped),
		test_with_loop(child_that_cannot_be_reaped_yet_is_waited_for),
		test_with_loop(child_is_reaped_and_its_sibling_is_not),
		test_with_loop(child_by_a_descriptor_of_the_caller_closes_it),
		test_with_loop(process_that_is_no_child_ends_with_an_unknown_status),
		test_with_loop(process_that_is_gone_is_refused),
		test_with_loop(child_that_is_no_longer_watched_runs_on),
		test_with_loop(child_may_be_followed_by_another_inside_the_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
