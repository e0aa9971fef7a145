/* SPDX-License-Identifier: MIT */

/*
 * shape up LIST - the least that has slicekeep's shape, as floor.c is the least of all.
 *
 * What it costs that each service has a keeper, all have one collector, and exits are written down
 * by somebody else, before any of these does more than that: the same programs start one after the
 * other (a command, the outermost keeper, the supervisor, the collector, the keepers), each life
 * has new pipes for stdout and stderr, which the collector gets, and each exit is a line on disk.
 * Who dies within a second waits a second, as in the daemontools family.
 *
 * Built twice, as slicekeep is: `shape` without any library, for the command and the keepers, and
 * `shape-linked` with libevent and jansson, for the supervisor and the collector.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Descriptors that are handed down, and as many bytes as slicekeep's frames and lines have. */
#define REPORTS_FD 3
#define PIPES_FD 4
#define OFFER_BYTES 88
#define REPORT_BYTES 448
#define LINE_BYTES 275

static char plain[4096], linked[4096];

/* A program as a child; it gets these descriptors and no others. */
static pid_t run(const char *program, char *const argv[], const int *fds, int n)
{
	pid_t pid = vfork();

	if (pid == 0) {
		for (int i = 0; i < n; i++)
			dup2(fds[i], REPORTS_FD + i);
		execv(program, argv);
		_exit(127);
	}
	return pid;
}

static int wait_for_all(void)
{
	while (wait(NULL) > 0)
		;
	return 0;
}

static int up(char *list)
{
	char *argv[] = {plain, (char *)"outermost", list, NULL};

	run(plain, argv, NULL, 0);
	return wait_for_all();
}

static int outermost(char *list)
{
	char *argv[] = {linked, (char *)"supervise", list, NULL};

	run(linked, argv, NULL, 0);
	return wait_for_all();
}

static void start_keepers(const char *path, const int *fds)
{
	FILE *file = fopen(path, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *rest = line, *name = strsep(&rest, "\t\n"), *program = strsep(&rest, "\t\n");
		char *argv[] = {plain, (char *)"keep", program, name, NULL};

		run(plain, argv, fds, 2);
	}
	if (file)
		fclose(file);
}

/* Beyond the numbers that children get, so that no dup2() hits one. */
static void make_pair(int pair[2])
{
	int low[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, low) < 0)
		exit(1);
	for (int i = 0; i < 2; i++) {
		pair[i] = fcntl(low[i], F_DUPFD_CLOEXEC, 10);
		close(low[i]);
	}
}

static int supervise(const char *list)
{
	char *argv[] = {linked, (char *)"collect", NULL};
	char report[REPORT_BYTES], line[LINE_BYTES] = "";
	int exits = open("/dev/shm", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	int reports[2], pipes[2];

	make_pair(reports);
	make_pair(pipes);
	start_keepers(list, (int[]){reports[1], pipes[1]});
	run(linked, argv, (int[]){-1, pipes[0]}, 2);
	while (recv(reports[0], report, sizeof(report), 0) > 0)
		if (write(exits, line, sizeof(line)) < 0)
			return 1;
	return 1;
}

static void take_pipes(int epoll)
{
	char offer[OFFER_BYTES], room[CMSG_SPACE(2 * sizeof(int))];
	struct iovec data = {.iov_base = offer, .iov_len = sizeof(offer)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	int fds[2];

	if (recvmsg(PIPES_FD, &message, MSG_CMSG_CLOEXEC) <= 0)
		return;
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fds));
	for (int i = 0; i < 2; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};

		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
	}
}

static int collect(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = PIPES_FD};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(epoll, EPOLL_CTL_ADD, PIPES_FD, &event);
	while (epoll_wait(epoll, &event, 1, -1) > 0) {
		if (event.data.fd == PIPES_FD)
			take_pipes(epoll);
		else
			close(event.data.fd);
	}
	return 1;
}

static void hand_over(const int *fds)
{
	char offer[OFFER_BYTES] = "", room[CMSG_SPACE(2 * sizeof(int))] = "";
	struct iovec data = {.iov_base = offer, .iov_len = sizeof(offer)};
	struct msghdr message = {.msg_iov = &data,
				 .msg_iovlen = 1,
				 .msg_control = room,
				 .msg_controllen = sizeof(room)};
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	*head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS,
				 .cmsg_len = CMSG_LEN(2 * sizeof(int))};
	memcpy(CMSG_DATA(head), fds, 2 * sizeof(int));
	sendmsg(PIPES_FD, &message, MSG_NOSIGNAL);
}

static void live(char *const argv[])
{
	int out[2], err[2];
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		exit(1);
	pid = vfork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	hand_over((int[]){out[0], err[0]});
	waitpid(pid, NULL, 0);
	close(out[0]);
	close(err[0]);
}

static int keep(char *const argv[])
{
	char report[REPORT_BYTES] = "";
	time_t begin;

	fcntl(REPORTS_FD, F_SETFD, FD_CLOEXEC);
	fcntl(PIPES_FD, F_SETFD, FD_CLOEXEC);
	for (;;) {
		begin = time(NULL);
		live(argv);
		if (send(REPORTS_FD, report, sizeof(report), MSG_NOSIGNAL) < 0)
			return 1;
		if (time(NULL) - begin < 2)
			nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
	}
}

int main(int argc, char **argv)
{
	ssize_t n = readlink("/proc/self/exe", plain, sizeof(plain) - 8);

	if (n < 0 || argc < 2)
		return 2;
	if (n > 7 && !strcmp(plain + n - 7, "-linked"))
		plain[n - 7] = '\0';
	snprintf(linked, sizeof(linked), "%.4000s-linked", plain);
	if (!strcmp(argv[1], "collect"))
		return collect();
	if (!strcmp(argv[1], "keep"))
		return keep(argv + 2);
	if (argc != 3)
		return 2;
	if (!strcmp(argv[1], "up"))
		return up(argv[2]);
	return !strcmp(argv[1], "supervise") ? supervise(argv[2]) : outermost(argv[2]);
}
