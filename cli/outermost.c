/* SPDX-License-Identifier: MIT */
/*
 * The outermost keeper, the one that keeps the supervisor itself; and the keepers seen from
 * outside.
 *
 * The cli does not speak the keepers' control protocol. All that it wants to know is who holds a
 * control socket, which the kernel tells of any connection, and when that process has ended, which
 * its pidfd tells: no pid file that may lie, no waiting for a name to go away.
 */
#include "cli/outermost.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/paths.h"
#include "lib/spawn.h"
#include "lib/text.h"

#define CONTROL_SOCKET "keeper/supervisor-0.sock"

/** Words of the keeper's command line, and the NULL. */
#define KEEPER_WORDS 21

bool outermost_is_alive(const struct paths *paths)
{
	cleanup_free char *path = file_path_join(paths->run, CONTROL_SOCKET);
	cleanup_close int fd = -1;

	if (!path)
		return false;
	fd = fd_unix_connect(path, SOCK_SEQPACKET);
	/* A full backlog, and a folder that is closed to us, have an owner as well. */
	return fd >= 0 || fd == -EAGAIN || fd == -EACCES;
}

struct outermost_files {
	char *keeper;
	char *supervisor;
	char *control;
	char *intake;
};

static void files_done(struct outermost_files *f)
{
	free(f->keeper);
	free(f->supervisor);
	free(f->control);
	free(f->intake);
}

static int files_find(const struct paths *paths, struct outermost_files *f, struct error *err)
{
	f->keeper = paths_program("slicekeep-keeper");
	if (!f->keeper)
		return error_set(err, -errno,
				 "cannot find \"slicekeep-keeper\" beside this program");
	f->supervisor = paths_program("slicekeep-supervisor");
	if (!f->supervisor)
		return error_set(err, -errno,
				 "cannot find \"slicekeep-supervisor\" beside this program");
	f->control = file_path_join(paths->run, CONTROL_SOCKET);
	f->intake = file_path_join(paths->run, "log.intake");
	if (!f->control || !f->intake)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

static int make_keeper_folder(const struct paths *paths, struct error *err)
{
	cleanup_free char *folder = file_path_join(paths->run, "keeper");
	int code = folder ? file_make_folders(folder, 0700) : -ENOMEM;

	if (code < 0)
		return error_set(err, code, "cannot make the folder \"%s/keeper\": %s", paths->run,
				 strerror(-code));
	return 0;
}

/* What the last `down` has left: whoever found it would go on going down. */
static int forget_down(const struct paths *paths, struct error *err)
{
	cleanup_free char *path = file_path_join(paths->run, "going-down");

	if (!path)
		return error_set(err, -ENOMEM, "out of memory");
	if (unlink(path) < 0 && errno != ENOENT)
		return error_set(err, -errno, "cannot remove \"%s\": %s", path, strerror(errno));
	return 0;
}

/* Its stop may take as long as the
 * slowest service wants, so it has no deadline of its own. */
static void fill_argv(const struct outermost_files *files, const char *launcher,
		      const char *argv[static KEEPER_WORDS])
{
	const char *const words[KEEPER_WORDS] = {
		files->keeper,
		"--name",
		"supervisor",
		"--sweep=main",
		"--restart",
		"on-failure",
		"--delay",
		"100ms",
		"--max-delay",
		"1s",
		"--stop-timeout",
		"24h",
		"--intake",
		files->intake,
		"--control",
		files->control,
		"--",
		files->supervisor,
		"--launcher",
		launcher,
		NULL,
	};

	memcpy(argv, words, sizeof(words));
}

static int prepare(const struct paths *paths, struct outermost_files *files, struct error *err)
{
	int code = files_find(paths, files, err);

	if (code == 0)
		code = make_keeper_folder(paths, err);
	if (code == 0)
		code = forget_down(paths, err);
	return code;
}

int outermost_start(const struct paths *paths, int said_fd, pid_t *ret_pid, struct error *err)
{
	cleanup(files_done) struct outermost_files files = {0};
	const char *argv[KEEPER_WORDS];
	struct spawn spawn = {
		.argv = (char *const *)argv,
		.in_fd = -1,
		.out_fd = said_fd,
		.err_fd = said_fd,
		.session = true,
	};
	int code = prepare(paths, &files, err);

	if (code < 0)
		return code;
	/* What our caller left open for us must not be held by what we leave behind. */
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot let go of descriptors: %s", strerror(errno));
	fill_argv(&files, "direct", argv);
	code = spawn_run(&spawn, ret_pid);
	if (code < 0)
		return error_set(err, code, "cannot start \"%s\": %s", files.keeper,
				 strerror(-code));
	return 0;
}

/* What the process @pid prints, and whether it ends well. */
static int read_child(pid_t pid, int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;
	int status = -1;

	while (n > 0 && len + 1 < size) {
		n = read(fd, text + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int outermost_enter(const struct paths *paths, pid_t *ret_pid, struct error *err)
{
	cleanup(files_done) struct outermost_files files = {0};
	cleanup_close int read_end = -1, write_end = -1;
	const char *argv[2 + KEEPER_WORDS] = {NULL, "--enter-unit"};
	struct spawn spawn = {.argv = (char *const *)argv, .in_fd = -1};
	char said[ERROR_TEXT_MAX];
	int ends[2], code = prepare(paths, &files, err);
	pid_t pid = 0;

	if (code < 0)
		return code;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	read_end = ends[0];
	write_end = ends[1];
	argv[0] = files.supervisor;
	fill_argv(&files, "systemd", argv + 2);
	spawn.out_fd = write_end;
	spawn.err_fd = write_end;
	code = spawn_run(&spawn, &pid);
	if (code < 0)
		return error_set(err, code, "cannot start \"%s\": %s", files.supervisor,
				 strerror(-code));
	close_fd(&write_end);
	code = read_child(pid, read_end, said, sizeof(said));
	if (code < 0)
		return error_set(err, code, "%s", said[0] ? said : "its helper was killed");
	*ret_pid = (pid_t)strtol(said, NULL, 10);
	return 0;
}

int process_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

int process_wait(int pidfd, usec_t deadline_usec)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	for (;;) {
		int n = poll(&p, 1, clock_msec_until(deadline_usec));

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

/* The process that called listen(2) on a control socket. */
static int keeper_pidfd(const char *path)
{
	cleanup_close int sock = fd_unix_connect(path, SOCK_SEQPACKET);
	struct fd_peer peer;
	int code;

	if (sock < 0)
		return sock;
	code = fd_peer_get(sock, &peer);
	return code < 0 ? code : process_pidfd(peer.pid);
}

int outermost_pidfd(const struct paths *paths)
{
	cleanup_free char *path = file_path_join(paths->run, CONTROL_SOCKET);

	return path ? keeper_pidfd(path) : -ENOMEM;
}

static int keepers_add(struct keepers *k, const char *folder, const char *name)
{
	cleanup_free char *path = file_path_join(folder, name);
	cleanup_close int pidfd = -1;
	int *pidfds;

	if (!path)
		return -ENOMEM;
	pidfd = keeper_pidfd(path);
	if (pidfd < 0)
		return 0; /* a socket file that a dead keeper has left */
	pidfds = reallocarray(k->pidfds, k->n + 1, sizeof(*pidfds));
	if (!pidfds)
		return -ENOMEM;
	k->pidfds = pidfds;
	k->pidfds[k->n++] = steal_fd(&pidfd);
	return 0;
}

static int keepers_read(DIR *dir, const char *folder, struct keepers *k)
{
	const struct dirent *entry;
	int code = 0;

	while (code == 0 && (entry = readdir(dir))) {
		if (text_ends(entry->d_name, ".sock"))
			code = keepers_add(k, folder, entry->d_name);
	}
	return code;
}

int keepers_find(const struct paths *paths, struct keepers *ret_keepers)
{
	cleanup_free char *folder = file_path_join(paths->run, "keeper");
	struct keepers k = {0};
	DIR *dir;
	int code;

	if (!folder)
		return -ENOMEM;
	dir = opendir(folder);
	if (!dir && errno != ENOENT)
		return -errno;
	code = dir ? keepers_read(dir, folder, &k) : 0;
	if (dir)
		(void)closedir(dir);
	if (code < 0)
		keepers_done(&k);
	else
		*ret_keepers = k;
	return code;
}

void keepers_signal(const struct keepers *k, int signo)
{
	/* One that has ended already is what was wanted. */
	for (size_t i = 0; i < k->n; i++)
		(void)syscall(SYS_pidfd_send_signal, k->pidfds[i], signo, NULL, 0);
}

int keepers_wait(const struct keepers *k, usec_t deadline_usec)
{
	int code = 0;

	for (size_t i = 0; i < k->n && code == 0; i++)
		code = process_wait(k->pidfds[i], deadline_usec);
	return code;
}

void keepers_done(struct keepers *k)
{
	for (size_t i = 0; i < k->n; i++)
		close_fd(&k->pidfds[i]);
	free(k->pidfds);
	*k = (struct keepers){0};
}
