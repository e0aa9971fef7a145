/* SPDX-License-Identifier: MIT */
#include "lib/fd.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/unit/lib/temp.h"

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);

/* What the next calls of write(2) do: an errno, or at most so many bytes. */
static int write_errors[4];
static size_t write_most;
static unsigned n_writes;

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
	int error = n_writes < ARRAY_LEN(write_errors) ? write_errors[n_writes] : 0;

	n_writes++;
	if (error == 0)
		return __real_write(fd, data, write_most ? MIN_OF(n, write_most) : n);
	errno = error;
	return -1;
}

int __real_chmod(const char *path, mode_t mode);
int __wrap_chmod(const char *path, mode_t mode);

/* Permissions that a socket file had before it got its final ones. */
static mode_t mode_before_chmod;

int __wrap_chmod(const char *path, mode_t mode)
{
	struct stat st;

	if (stat(path, &st) == 0)
		mode_before_chmod = st.st_mode & 07777;
	return __real_chmod(path, mode);
}

static struct temp temp;

static int begin(void **state)
{
	memset(write_errors, 0, sizeof(write_errors));
	write_most = 0;
	n_writes = 0;
	temp_init(&temp);
	return 0;
}

static int end(void **state)
{
	temp_done(&temp);
	return 0;
}

static bool is_nonblock(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static bool is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

/* --- flags and writing ------------------------------------------------------------------------ */

static void fd_flags_are_set_and_cleared_alone(void **state)
{
	cleanup_close int fd = open("/dev/null", O_WRONLY | O_APPEND);

	assert_int_equal(fd_set_nonblock(fd, true), 0);
	assert_int_equal(fd_set_cloexec(fd, true), 0);
	assert_true(is_nonblock(fd) && is_cloexec(fd));
	assert_int_equal(fd_set_nonblock(fd, false), 0);
	assert_int_equal(fd_set_cloexec(fd, false), 0);
	assert_false(is_nonblock(fd) || is_cloexec(fd));
	assert_true(fcntl(fd, F_GETFL) & O_APPEND);
}

static void fd_flags_of_nothing_are_an_error(void **state)
{
	assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
	assert_int_equal(fd_set_cloexec(-1, true), -EBADF);
}

static void write_all_goes_on_after_interruptions_and_short_writes(void **state)
{
	cleanup_close int fd = open(temp_path(&temp, "f"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char back[16] = "";

	write_errors[0] = EINTR;
	write_errors[2] = EINTR;
	write_most = 3;
	assert_int_equal(fd_write_all(fd, "0123456789", 10), 0);
	assert_int_equal(pread(fd, back, sizeof(back), 0), 10);
	assert_string_equal(back, "0123456789");
}

static void write_all_forwards_errors(void **state)
{
	write_errors[0] = ENOSPC;
	assert_int_equal(fd_write_all(1, "x", 1), -ENOSPC);
	assert_int_equal(fd_write_all(-1, "", 0), 0);
}

/* --- messages --------------------------------------------------------------------------------- */

struct pair {
	int a;
	int b;
};

static struct pair pair_new(int flags)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0, fds), 0);
	return (struct pair){.a = fds[0], .b = fds[1]};
}

static void pair_done(struct pair *p)
{
	close_fd(&p->a);
	close_fd(&p->b);
}

static void message_arrives_with_its_descriptors(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	int fds[] = {open("/dev/null", O_RDONLY), open(temp.path, O_RDONLY | O_DIRECTORY)};
	int got[4] = {-1, -1, -1, -1};
	struct stat expected;
	struct stat st;
	size_t n = 99;
	char data[8];

	assert_int_equal(fd_send(p.a, "hello", 5, fds, 2), 0);
	assert_int_equal(fd_receive(p.b, data, sizeof(data), got, 4, &n), 5);
	assert_memory_equal(data, "hello", 5);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(fstat(fds[i], &expected), 0);
		assert_int_equal(fstat(got[i], &st), 0);
		assert_true(st.st_ino == expected.st_ino);
		assert_true(is_cloexec(got[i]));
		close(fds[i]);
		close(got[i]);
	}
}

static void message_without_descriptors_has_none(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	char data[8];
	size_t n = 99;

	assert_int_equal(fd_send(p.a, "x", 1, NULL, 0), 0);
	assert_int_equal(fd_receive(p.b, data, sizeof(data), NULL, 0, &n), 1);
	assert_int_equal(n, 0);
}

static void message_with_as_many_descriptors_as_allowed_arrives(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	int fds[FD_SEND_MAX + 1];
	int got[FD_SEND_MAX];
	size_t n = 0;
	char c;

	for (size_t i = 0; i <= FD_SEND_MAX; i++)
		fds[i] = p.a;
	assert_int_equal(fd_send(p.a, "x", 1, fds, FD_SEND_MAX), 0);
	assert_int_equal(fd_receive(p.b, &c, 1, got, FD_SEND_MAX, &n), 1);
	assert_int_equal(n, FD_SEND_MAX);
	for (size_t i = 0; i < n; i++)
		close_fd(&got[i]);
	assert_int_equal(fd_send(p.a, "x", 1, fds, FD_SEND_MAX + 1), -EINVAL);
}

static void message_of_no_bytes_is_refused(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);

	assert_int_equal(fd_send(p.a, "", 0, NULL, 0), -EINVAL);
}

static void descriptors_that_do_not_fit_are_closed(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	int fds[] = {p.a, p.a, p.a};
	int before = open_fds();
	int got = -1;
	size_t n = 0;
	char c;

	assert_int_equal(fd_send(p.a, "x", 1, fds, 3), 0);
	assert_int_equal(fd_receive(p.b, &c, 1, &got, 1, &n), 1);
	assert_int_equal(n, 1);
	close_fd(&got);
	assert_int_equal(open_fds(), before);
}

static void message_that_is_cut_short_leaves_no_descriptors(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	int before = open_fds();
	int got[2];
	size_t n = 99;
	char c;

	assert_int_equal(fd_send(p.a, "long", 4, &p.a, 1), 0);
	assert_int_equal(fd_receive(p.b, &c, 1, got, 2, &n), -EMSGSIZE);
	assert_int_equal(n, 99);
	assert_int_equal(open_fds(), before);
}

static void descriptors_arrive_beside_credentials(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	int fds[FD_SEND_MAX];
	int got[FD_SEND_MAX];
	int on = 1;
	size_t n = 0;
	char c;

	for (size_t i = 0; i < FD_SEND_MAX; i++)
		fds[i] = p.a;
	assert_int_equal(setsockopt(p.b, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	assert_int_equal(fd_send(p.a, "x", 1, fds, FD_SEND_MAX), 0);
	assert_int_equal(fd_receive(p.b, &c, 1, got, FD_SEND_MAX, &n), 1);
	assert_int_equal(n, FD_SEND_MAX);
	for (size_t i = 0; i < n; i++)
		close_fd(&got[i]);
}

static void receive_at_the_end_gives_nothing(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	size_t n = 99;
	char c;

	close_fd(&p.a);
	assert_int_equal(fd_receive(p.b, &c, 1, NULL, 0, &n), 0);
	assert_int_equal(n, 0);
}

static void receive_of_nothing_yet_is_again(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(SOCK_NONBLOCK);
	size_t n;
	char c;

	assert_int_equal(fd_receive(p.b, &c, 1, NULL, 0, &n), -EAGAIN);
}

static void send_to_a_full_queue_is_again(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(SOCK_NONBLOCK);
	static const char block[4096];
	int r = 0;

	for (int i = 0; i < 100000 && r == 0; i++)
		r = fd_send(p.a, block, sizeof(block), NULL, 0);
	assert_int_equal(r, -EAGAIN);
}

static void send_to_nobody_fails_without_a_signal(void **state)
{
	int fds[2];

	/* A stream: the kernel sends SIGPIPE for no other kind. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	close(fds[1]);
	assert_int_equal(fd_send(fds[0], "x", 1, NULL, 0), -EPIPE);
	close(fds[0]);
}

/* --- Unix sockets by path --------------------------------------------------------------------- */

/* A folder below the temporary one whose path is longer than a socket address. */
static const char *deep_folder(void)
{
	static char path[TEMP_PATH_MAX];
	static const char name[] = "/a-folder-with-a-name-of-forty-characters";
	size_t len = strlen(temp.path);

	memcpy(path, temp.path, len + 1);
	for (int i = 0; i < 4; i++) {
		memcpy(path + len, name, sizeof(name));
		len += sizeof(name) - 1;
		assert_int_equal(mkdir(path, 0700), 0);
	}
	assert_true(strlen(path) > 150);
	return path;
}

static void assert_talks(const char *path, int type)
{
	cleanup_close int listener = fd_unix_listen(path, type, 0600);
	cleanup_close int client = -1;
	cleanup_close int server = -1;
	char c = 0;

	assert_true(listener >= 0);
	assert_true(is_cloexec(listener) && is_nonblock(listener));
	client = fd_unix_connect(path, type);
	assert_true(client >= 0);
	assert_true(is_cloexec(client) && is_nonblock(client));
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	assert_int_equal(__real_write(client, "x", 1), 1);
	assert_int_equal(read(server, &c, 1), 1);
	assert_int_equal(c, 'x');
}

static void socket_path_fits_up_to_107_bytes(void **state)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	path[107] = '\0';
	assert_true(fd_socket_path_fits(path));
	path[107] = 'a';
	path[108] = '\0';
	assert_false(fd_socket_path_fits(path));
	assert_true(fd_socket_path_fits(""));
}

static void socket_talks_at_a_short_path(void **state)
{
	assert_talks(temp_path(&temp, "s"), SOCK_STREAM);
	assert_talks(temp_path(&temp, "p"), SOCK_SEQPACKET);
}

static void socket_talks_at_a_path_of_any_length(void **state)
{
	char path[TEMP_PATH_MAX];
	int before = open_fds();

	(void)snprintf(path, sizeof(path), "%s/sock", deep_folder());
	assert_talks(path, SOCK_STREAM);
	assert_talks(path, SOCK_SEQPACKET);
	assert_int_equal(open_fds(), before);
}

static void socket_talks_at_each_length_around_the_border(void **state)
{
	for (size_t len = 100; len < 116; len++) {
		char path[200];

		memset(path, 'n', sizeof(path));
		memcpy(path, temp.path, strlen(temp.path));
		path[strlen(temp.path)] = '/';
		path[len] = '\0';
		assert_talks(path, SOCK_STREAM);
	}
}

static void socket_file_has_its_mode_whatever_the_umask(void **state)
{
	static const mode_t masks[] = {0, 077, 0777};
	static const mode_t modes[] = {0600, 0660, 0666};
	mode_t saved = umask(0);

	for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
		for (size_t j = 0; j < ARRAY_LEN(modes); j++) {
			const char *path = temp_path(&temp, "s");
			struct stat st;
			int fd;

			(void)umask(masks[i]);
			fd = fd_unix_listen(path, SOCK_STREAM, modes[j]);
			assert_true(fd >= 0);
			close(fd);
			assert_int_equal(stat(path, &st), 0);
			assert_int_equal(st.st_mode & 07777, modes[j]);
			/* And never more, not even for a moment. */
			assert_int_equal(mode_before_chmod & ~modes[j], 0);
		}
	}
	(void)umask(saved);
}

static void listen_replaces_a_socket_that_was_left(void **state)
{
	const char *path = temp_path(&temp, "s");
	int old = fd_unix_listen(path, SOCK_STREAM, 0600);

	assert_true(old >= 0);
	close(old);
	assert_int_equal(fd_unix_connect(path, SOCK_STREAM), -ECONNREFUSED);
	assert_talks(path, SOCK_STREAM);
}

static void listen_keeps_a_file_that_is_no_socket(void **state)
{
	const char *path = temp_path(&temp, "s");
	cleanup_close int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	struct stat st;

	assert_true(file >= 0);
	assert_int_equal(fd_unix_listen(path, SOCK_STREAM, 0600), -EADDRINUSE);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void socket_errors_say_what_is_wrong_with_the_path(void **state)
{
	char longest[TEMP_PATH_MAX];
	char missing[TEMP_PATH_MAX];
	const char *deep = deep_folder();
	int before = open_fds();

	(void)snprintf(longest, sizeof(longest), "%s/", deep);
	memset(longest + strlen(longest), 'n', 300);
	longest[strlen(deep) + 301] = '\0';
	(void)snprintf(missing, sizeof(missing), "%s/missing/sock", deep);

	assert_int_equal(fd_unix_listen("", SOCK_STREAM, 0600), -ENOENT);
	assert_int_equal(fd_unix_connect("", SOCK_STREAM), -ENOENT);
	assert_int_equal(fd_unix_listen(longest, SOCK_STREAM, 0600), -ENAMETOOLONG);
	assert_int_equal(fd_unix_connect(longest, SOCK_STREAM), -ENAMETOOLONG);
	assert_int_equal(fd_unix_connect(longest + strlen(deep) + 1, SOCK_STREAM), -ENAMETOOLONG);
	assert_int_equal(fd_unix_listen(missing, SOCK_STREAM, 0600), -ENOENT);
	assert_int_equal(fd_unix_connect(missing, SOCK_STREAM), -ENOENT);
	assert_int_equal(fd_unix_connect(temp_path(&temp, "nobody"), SOCK_STREAM), -ENOENT);
	assert_int_equal(fd_unix_connect(temp_path(&temp, "no/body"), SOCK_STREAM), -ENOENT);
	assert_int_equal(fd_unix_listen("/dev/null/s", SOCK_STREAM, 0600), -ENOTDIR);
	assert_int_equal(open_fds(), before);
}

static void connect_to_a_socket_of_another_type_is_refused(void **state)
{
	const char *path = temp_path(&temp, "s");
	cleanup_close int listener = fd_unix_listen(path, SOCK_STREAM, 0600);

	assert_true(listener >= 0);
	assert_int_equal(fd_unix_connect(path, SOCK_SEQPACKET), -EPROTOTYPE);
}

static void connect_to_a_full_backlog_is_again(void **state)
{
	const char *path = temp_path(&temp, "s");
	cleanup_close int listener = fd_unix_listen(path, SOCK_STREAM, 0600);
	int clients[8];
	size_t n = 0;
	int r = 0;

	assert_true(listener >= 0);
	assert_int_equal(listen(listener, 1), 0);
	while (n < ARRAY_LEN(clients) && (r = fd_unix_connect(path, SOCK_STREAM)) >= 0)
		clients[n++] = r;
	assert_int_equal(r, -EAGAIN);
	while (n > 0)
		close(clients[--n]);
}

/* --- peers ------------------------------------------------------------------------------------ */

static void peer_is_who_made_the_socket(void **state)
{
	cleanup(pair_done) struct pair p = pair_new(0);
	struct fd_peer peer;

	assert_int_equal(fd_peer_get(p.a, &peer), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
}

static void peer_of_no_socket_is_an_error(void **state)
{
	cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct fd_peer peer;

	assert_int_equal(fd_peer_get(fd, &peer), -ENOTSOCK);
	assert_int_equal(fd_peer_get(-1, &peer), -EBADF);
}

/*
 * Runs in a child, because root takes groups that it did not have; others keep those that they
 * have. The exit status is 0, or tells what was wrong.
 */
static int child_with_groups(void)
{
	static const gid_t chosen[] = {70001, 70002};
	struct pair p;
	struct fd_peer peer;
	gid_t groups[1024];
	int n;

	if (geteuid() == 0 && setgroups(ARRAY_LEN(chosen), chosen) < 0)
		return 2;
	p = pair_new(0);
	n = getgroups((int)ARRAY_LEN(groups), groups);
	if (n < 0 || fd_peer_get(p.a, &peer) < 0)
		return 3;
	for (int i = 0; i < n; i++) {
		if (!fd_peer_in_group(p.a, &peer, groups[i]))
			return 4;
	}
	if (!fd_peer_in_group(p.a, &peer, getegid()))
		return 5;
	return fd_peer_in_group(p.a, &peer, 70003) ? 6 : 0;
}

static void peer_is_in_its_primary_and_supplementary_groups_and_no_other(void **state)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(child_with_groups());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(WIFEXITED(status));
}

static void peer_that_is_gone_has_no_groups(void **state)
{
	struct fd_peer peer = {.gid = 1};

	assert_false(fd_peer_in_group(-1, &peer, 54321));
}

#define test_with_folder(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_folder(fd_flags_are_set_and_cleared_alone),
		test_with_folder(fd_flags_of_nothing_are_an_error),
		test_with_folder(write_all_goes_on_after_interruptions_and_short_writes),
		test_with_folder(write_all_forwards_errors),
		test_with_folder(message_arrives_with_its_descriptors),
		test_with_folder(message_without_descriptors_has_none),
		test_with_folder(message_with_as_many_descriptors_as_allowed_arrives),
		test_with_folder(message_of_no_bytes_is_refused),
		test_with_folder(descriptors_that_do_not_fit_are_closed),
		test_with_folder(message_that_is_cut_short_leaves_no_descriptors),
		test_with_folder(descriptors_arrive_beside_credentials),
		test_with_folder(receive_at_the_end_gives_nothing),
		test_with_folder(receive_of_nothing_yet_is_again),
		test_with_folder(send_to_a_full_queue_is_again),
		test_with_folder(send_to_nobody_fails_without_a_signal),
		test_with_folder(socket_path_fits_up_to_107_bytes),
		test_with_folder(socket_talks_at_a_short_path),
		test_with_folder(socket_talks_at_a_path_of_any_length),
		test_with_folder(socket_talks_at_each_length_around_the_border),
		test_with_folder(socket_file_has_its_mode_whatever_the_umask),
		test_with_folder(listen_replaces_a_socket_that_was_left),
		test_with_folder(listen_keeps_a_file_that_is_no_socket),
		test_with_folder(socket_errors_say_what_is_wrong_with_the_path),
		test_with_folder(connect_to_a_socket_of_another_type_is_refused),
		test_with_folder(connect_to_a_full_backlog_is_again),
		test_with_folder(peer_is_who_made_the_socket),
		test_with_folder(peer_of_no_socket_is_an_error),
		test_with_folder(peer_is_in_its_primary_and_supplementary_groups_and_no_other),
		test_with_folder(peer_that_is_gone_has_no_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
