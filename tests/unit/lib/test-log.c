/* SPDX-License-Identifier: MIT */
#include "lib/log.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>

#include <cmocka.h>

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
static bool reopening_fails;

int __wrap_open64(const char *path, int flags, ...)
{
	if (reopening_fails) {
		errno = EACCES;
		return -1;
	}
	return __real_open64(path, flags, 0600);
}

/* Standard error of the test, and what stands in its place: @in is read, 2 is written. */
static int real_stderr = -1;
static int in = -1;

static void redirect(int read_end, int write_end)
{
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(real_stderr >= 0);
	assert_int_equal(dup2(write_end, STDERR_FILENO), STDERR_FILENO);
	close(write_end);
	in = read_end;
}

static void redirect_to_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	redirect(fds[0], fds[1]);
}

static int restore(void **state)
{
	if (real_stderr >= 0)
		(void)dup2(real_stderr, STDERR_FILENO);
	close_fd(&real_stderr);
	close_fd(&in);
	reopening_fails = false;
	log_init(LOG_LEVEL_INFO);
	return 0;
}

static const char *received(void)
{
	static char buf[1 << 17];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(buf) - 1 && (n = read(in, buf + len, sizeof(buf) - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return buf;
}

/* Fills the pipe behind descriptor 2 to its last byte. */
static void fill(void)
{
	static const char block[PIPE_BUF];
	int flags = fcntl(STDERR_FILENO, F_GETFL);
	size_t n = sizeof(block);

	assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK), 0);
	while (n > 0) {
		if (write(STDERR_FILENO, block, n) < 0)
			n /= 2;
	}
	assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags), 0);
}

/* Behind the zeroes that fill() wrote. */
static const char *received_after_filling(void)
{
	char buf[PIPE_BUF];
	ssize_t n = 1;

	while (n > 0)
		n = read(in, buf, sizeof(buf));
	return received();
}

static void log_to_a_pipe_has_the_level_in_front(void **state)
{
	redirect_to_pipe();
	log_init(LOG_LEVEL_DEBUG);
	log_error("e %d", 1);
	log_warning("w");
	log_notice("n");
	log_info("i");
	log_debug("d");
	assert_string_equal(received(), "<3>e 1\n<4>w\n<5>n\n<6>i\n<7>d\n");
}

static void log_to_a_socket_has_the_level_in_front(void **state)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	redirect(fds[0], fds[1]);
	log_init(LOG_LEVEL_INFO);
	log_info("to the journal");
	assert_string_equal(received(), "<6>to the journal\n");
}

static void log_to_a_file_is_plain(void **state)
{
	FILE *file = tmpfile();
	int read_end;

	assert_non_null(file);
	read_end = fcntl(fileno(file), F_DUPFD_CLOEXEC, 10);
	redirect(read_end, fcntl(fileno(file), F_DUPFD_CLOEXEC, 10));
	assert_int_equal(fclose(file), 0);
	log_init(LOG_LEVEL_INFO);
	log_error("plain");
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	assert_string_equal(received(), "plain\n");
}

static void log_leaves_out_what_is_above_its_level(void **state)
{
	redirect_to_pipe();
	log_init(LOG_LEVEL_WARNING);
	log_notice("no");
	log_warning("yes");
	assert_string_equal(received(), "<4>yes\n");
}

static void log_keeps_errno_and_prints_it(void **state)
{
	redirect_to_pipe();
	log_init(LOG_LEVEL_INFO);
	errno = ENOENT;
	log_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(received(), "<6>No such file or directory\n");
}

static void log_line_stays_one_harmless_line(void **state)
{
	redirect_to_pipe();
	log_init(LOG_LEVEL_INFO);
	log_info("a\n<3>forged\033[2J\x7f\tä\xc2\x9bz");
	assert_string_equal(received(), "<6>a?<3>forged?[2J?\tä??z\n");
}

static void log_line_that_is_too_long_is_cut_between_characters(void **state)
{
	char text[5000] = "";
	const char *line;
	size_t len;

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "ä", 3);
	redirect_to_pipe();
	log_init(LOG_LEVEL_INFO);
	for (int shift = 0; shift < 2; shift++) {
		log_info("%*s%s", shift, "", text);
		line = received();
		len = strlen(line);
		assert_true(len > 2000 && len <= PIPE_BUF);
		assert_string_equal(line + len - strlen("ä…\n"), "ä…\n");
	}
}

static void log_does_not_change_the_pipe_for_others(void **state)
{
	redirect_to_pipe();
	log_init(LOG_LEVEL_INFO);
	assert_false(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK);
}

static void log_to_a_full_pipe_drops_counts_and_tells(void **state)
{
	redirect_to_pipe();
	log_init(LOG_LEVEL_INFO);
	fill();
	log_info("lost");
	log_info("lost too");
	assert_string_equal(received_after_filling(), "");
	log_info("heard");
	log_info("again");
	assert_string_equal(
		received(),
		"<4>lines lost here because standard error was full: 2\n<6>heard\n<6>again\n");
}

static void log_to_a_full_pipe_of_somebody_else_drops_as_well(void **state)
{
	redirect_to_pipe();
	reopening_fails = true;
	log_init(LOG_LEVEL_INFO);
	log_info("fits");
	assert_string_equal(received(), "<6>fits\n");
	fill();
	log_info("lost");
	assert_string_equal(received_after_filling(), "");
	log_info("heard");
	assert_string_equal(received(),
			    "<4>lines lost here because standard error was full: 1\n<6>heard\n");
}

static void log_to_a_full_socket_drops_as_well(void **state)
{
	static const char block[4096];
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	redirect(fds[0], fds[1]);
	log_init(LOG_LEVEL_INFO);
	while (send(STDERR_FILENO, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	while (send(STDERR_FILENO, block, 1, MSG_DONTWAIT) > 0)
		;
	log_info("lost");
	assert_string_equal(received_after_filling(), "");
	log_info("heard");
	assert_string_equal(received(),
			    "<4>lines lost here because standard error was full: 1\n<6>heard\n");
}

static void log_to_a_terminal_is_plain_and_drops_when_it_is_stopped(void **state)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	int other;

	assert_true(terminal >= 0);
	assert_int_equal(grantpt(terminal), 0);
	assert_int_equal(unlockpt(terminal), 0);
	other = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(other >= 0);
	redirect(terminal, other);
	log_init(LOG_LEVEL_INFO);
	log_info("seen");
	assert_string_equal(received(), "seen\r\n");
	assert_int_equal(tcflow(STDERR_FILENO, TCOOFF), 0);
	log_info("lost");
	assert_int_equal(tcflow(STDERR_FILENO, TCOON), 0);
	log_info("heard");
	assert_string_equal(received(),
			    "lines lost here because standard error was full: 1\r\nheard\r\n");
}

static void log_without_standard_error_does_nothing(void **state)
{
	redirect_to_pipe();
	close(STDERR_FILENO);
	log_init(LOG_LEVEL_INFO);
	log_info("into the void");
}

#define test_with_stderr(test) cmocka_unit_test_teardown(test, restore)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_stderr(log_to_a_pipe_has_the_level_in_front),
		test_with_stderr(log_to_a_socket_has_the_level_in_front),
		test_with_stderr(log_to_a_file_is_plain),
		test_with_stderr(log_leaves_out_what_is_above_its_level),
		test_with_stderr(log_keeps_errno_and_prints_it),
		test_with_stderr(log_line_stays_one_harmless_line),
		test_with_stderr(log_line_that_is_too_long_is_cut_between_characters),
		test_with_stderr(log_does_not_change_the_pipe_for_others),
		test_with_stderr(log_to_a_full_pipe_drops_counts_and_tells),
		test_with_stderr(log_to_a_full_pipe_of_somebody_else_drops_as_well),
		test_with_stderr(log_to_a_full_socket_drops_as_well),
		test_with_stderr(log_to_a_terminal_is_plain_and_drops_when_it_is_stopped),
		test_with_stderr(log_without_standard_error_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
