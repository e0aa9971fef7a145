/* SPDX-License-Identifier: MIT */
#include "lib/spawn.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/lib/temp.h"

/* Reads a pipe to its end, which comes when the child has closed its copies. */
static const char *read_all(int fd)
{
	static char buf[65536];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return buf;
}

static int exit_status(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static struct spawn shell(char **argv, const char *script)
{
	argv[0] = (char *)"/bin/sh";
	argv[1] = (char *)"-c";
	argv[2] = (char *)script;
	argv[3] = NULL;
	return (struct spawn){.argv = argv, .in_fd = -1, .out_fd = -1, .err_fd = -1};
}

/* Runs @s with its standard output in a pipe; what it printed. */
static const char *output_of(struct spawn *s)
{
	const char *output;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s->out_fd = fds[1];
	assert_int_equal(spawn_run(s, &pid), 0);
	close(fds[1]);
	output = read_all(fds[0]);
	close(fds[0]);
	assert_int_equal(exit_status(pid), 0);
	return output;
}

/* A pipe that holds @content and has ended; returns the read end. */
static int pipe_with(const char *content)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], content, strlen(content)), strlen(content));
	close(fds[1]);
	return fds[0];
}

static void spawn_gives_the_three_standard_descriptors(void **state)
{
	cleanup_close int in = pipe_with("input");
	cleanup_close int err_in = -1;
	char *argv[4];
	struct spawn s = shell(argv, "cat; echo error >&2");
	int err[2];

	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	err_in = err[0];
	s.in_fd = in;
	s.err_fd = err[1];
	assert_string_equal(output_of(&s), "input");
	close(err[1]);
	assert_string_equal(read_all(err_in), "error\n");
}

static void spawn_without_input_reads_nothing(void **state)
{
	char *argv[4];
	struct spawn s = shell(argv, "readlink /proc/self/fd/0; cat");

	assert_string_equal(output_of(&s), "/dev/null\n");
}

static void spawn_passes_descriptors_from_three_on_and_no_others(void **state)
{
	cleanup_close int a = pipe_with("a");
	cleanup_close int b = pipe_with("b");
	const int fds[] = {a, b};
	char *argv[4];
	struct spawn s = shell(argv, "cat <&3; cat <&4; cd /proc/self/fd; echo *");

	s.fds = fds;
	s.n_fds = 2;
	/* The shell opens the folder for its pattern, with the lowest free number. */
	assert_string_equal(output_of(&s), "ab0 1 2 3 4 5\n");
}

static void spawn_passes_descriptors_whose_numbers_are_each_others_targets(void **state)
{
	/* In a child, where the numbers 3 and 4 may be taken without asking. */
	pid_t pid = fork();

	if (pid == 0) {
		int a = pipe_with("a");
		int b = pipe_with("b");
		const int fds[] = {4, 3};
		char *argv[4];
		struct spawn s = shell(argv, "test \"$(cat <&3)$(cat <&4)\" = ba");
		pid_t child;

		a = fcntl(a, F_DUPFD, 30);
		b = fcntl(b, F_DUPFD, 30);
		if (dup2(a, 3) < 0 || dup2(b, 4) < 0)
			_exit(2);
		s.fds = fds;
		s.n_fds = 2;
		_exit(spawn_run(&s, &child) == 0 && exit_status(child) == 0 ? 0 : 1);
	}
	assert_int_equal(exit_status(pid), 0);
}

static void spawn_passes_descriptors_though_we_have_no_standard_ones(void **state)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* The low numbers are free: a copy must not end up where another is going. */
		int fds[6];
		char *argv[4];
		struct spawn s = shell(argv, "test \"$(cat <&3 && cat <&4 && cat <&5 && "
					     "cat <&6 && cat <&7 && cat <&8)\" = abcdef");
		pid_t child;

		for (int i = 0; i < 6; i++) {
			const char content[] = {(char)('a' + i), '\0'};

			fds[i] = fcntl(pipe_with(content), F_DUPFD_CLOEXEC, 40);
		}
		if (close_range(0, 39, 0) < 0)
			_exit(2);
		s.fds = fds;
		s.n_fds = 6;
		_exit(spawn_run(&s, &child) == 0 && exit_status(child) == 0 ? 0 : 1);
	}
	assert_int_equal(exit_status(pid), 0);
}

static void spawn_swaps_standard_descriptors(void **state)
{
	cleanup_close int in = pipe_with("x");
	pid_t pid = fork();

	if (pid == 0) {
		/* Our 1 becomes its 0 and our 0 its 1. */
		char *argv[4];
		struct spawn s = shell(argv, "test \"$(cat)\" = x && test -c /proc/self/fd/1");
		pid_t child;
		int null = open("/dev/null", O_RDWR);

		if (dup2(in, 1) < 0 || dup2(null, 0) < 0)
			_exit(2);
		s.in_fd = 1;
		s.out_fd = 0;
		_exit(spawn_run(&s, &child) == 0 && exit_status(child) == 0 ? 0 : 1);
	}
	assert_int_equal(exit_status(pid), 0);
}

static void spawn_passes_as_many_descriptors_as_allowed(void **state)
{
	int fds[SPAWN_FDS_MAX + 1];
	char *argv[4];
	struct spawn s = shell(argv, "test -e /proc/self/fd/18 && ! test -e /proc/self/fd/20");
	pid_t pid;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = STDIN_FILENO;
	s.fds = fds;
	s.n_fds = SPAWN_FDS_MAX;
	assert_int_equal(spawn_run(&s, &pid), 0);
	assert_int_equal(exit_status(pid), 0);
	s.n_fds = SPAWN_FDS_MAX + 1;
	assert_int_equal(spawn_run(&s, &pid), -EINVAL);
}

static void spawn_gives_the_environment_or_ours(void **state)
{
	char *const env[] = {(char *)"SPAWN_TEST=theirs", NULL};
	char *argv[4];
	struct spawn s = shell(argv, "echo $SPAWN_TEST");

	setenv("SPAWN_TEST", "ours", 1);
	assert_string_equal(output_of(&s), "ours\n");
	s.env = env;
	assert_string_equal(output_of(&s), "theirs\n");
	unsetenv("SPAWN_TEST");
}

static void spawn_resets_signals(void **state)
{
	cleanup_free char *status = NULL;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction saved;
	char *argv[4];
	struct spawn s = shell(argv, "exec grep -E 'Sig(Blk|Ign)' /proc/self/status");
	sigset_t blocked;
	sigset_t saved_mask;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGCHLD);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &saved_mask), 0);
	assert_int_equal(sigaction(SIGPIPE, &ignore, &saved), 0);
	status = strdup(output_of(&s));
	assert_int_equal(sigaction(SIGPIPE, &saved, NULL), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &saved_mask, NULL), 0);
	assert_string_equal(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void spawn_starts_a_session_when_asked(void **state)
{
	char *const argv[] = {(char *)"/bin/cat", NULL};
	struct spawn s = {.argv = argv, .out_fd = -1, .err_fd = -1};
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s.in_fd = fds[0];
	assert_int_equal(spawn_run(&s, &pid), 0);
	assert_int_equal(getsid(pid), getsid(0));
	close(fds[1]);
	assert_int_equal(exit_status(pid), 0);
	close(fds[0]);

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	s.in_fd = fds[0];
	s.session = true;
	assert_int_equal(spawn_run(&s, &pid), 0);
	assert_int_equal(getsid(pid), pid);
	close(fds[1]);
	assert_int_equal(exit_status(pid), 0);
	close(fds[0]);
}

static void spawn_gives_back_the_errno_of_exec(void **state)
{
	char *const missing[] = {(char *)"/nonexistent/program", NULL};
	char *const forbidden[] = {(char *)"/etc/passwd", NULL};
	char *const none[] = {NULL};
	struct spawn s = {.argv = missing, .in_fd = -1, .out_fd = -1, .err_fd = -1};
	int before = open_fds();
	pid_t pid = 77;

	assert_int_equal(spawn_run(&s, &pid), -ENOENT);
	s.argv = forbidden;
	assert_int_equal(spawn_run(&s, &pid), -EACCES);
	s.argv = none;
	assert_int_equal(spawn_run(&s, &pid), -EINVAL);
	assert_int_equal(pid, 77);
	assert_int_equal(open_fds(), before);
	/* No zombie was left either. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void spawn_with_a_bad_descriptor_starts_nothing(void **state)
{
	const int fds[] = {0, 9999};
	char *argv[4];
	struct spawn s = shell(argv, "exit 0");
	int before = open_fds();
	pid_t pid;

	s.fds = fds;
	s.n_fds = 2;
	assert_int_equal(spawn_run(&s, &pid), -EBADF);
	assert_int_equal(open_fds(), before);
}

static void spawn_leaves_no_descriptor_in_the_parent(void **state)
{
	char *argv[4];
	struct spawn s = shell(argv, "exit 3");
	const int fds[] = {0, 1};
	int before = open_fds();
	pid_t pid;
	int status;

	s.in_fd = 0;
	s.fds = fds;
	s.n_fds = 2;
	assert_int_equal(spawn_run(&s, &pid), 0);
	status = exit_status(pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
	assert_int_equal(open_fds(), before);
}

/* Whatever the test was started with, the programs that it starts get what it says and no more. */
static int inherit_nothing(void **state)
{
	return close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spawn_gives_the_three_standard_descriptors),
		cmocka_unit_test(spawn_without_input_reads_nothing),
		cmocka_unit_test(spawn_passes_descriptors_from_three_on_and_no_others),
		cmocka_unit_test(spawn_passes_descriptors_whose_numbers_are_each_others_targets),
		cmocka_unit_test(spawn_passes_descriptors_though_we_have_no_standard_ones),
		cmocka_unit_test(spawn_swaps_standard_descriptors),
		cmocka_unit_test(spawn_passes_as_many_descriptors_as_allowed),
		cmocka_unit_test(spawn_gives_the_environment_or_ours),
		cmocka_unit_test(spawn_resets_signals),
		cmocka_unit_test(spawn_starts_a_session_when_asked),
		cmocka_unit_test(spawn_gives_back_the_errno_of_exec),
		cmocka_unit_test(spawn_with_a_bad_descriptor_starts_nothing),
		cmocka_unit_test(spawn_leaves_no_descriptor_in_the_parent),
	};

	return cmocka_run_group_tests(tests, inherit_nothing, NULL);
}
