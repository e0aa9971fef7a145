/* SPDX-License-Identifier: MIT */

/*
 * floor LIST SOCKET - the least that a supervisor can be, to measure the others against.
 * floor SOCKET REQUEST - the least that its command line can be.
 *
 * LIST names one service a line: NAME<TAB>PROGRAM<TAB>ARG…. Each is started with vfork and exec,
 * and again as soon as it ends; nothing is logged, stored, ordered, swept or limited. On SOCKET,
 * "status" is answered with a line a service and "restart NAME" (or "--all") with a SIGTERM to it.
 * SIGTERM ends all. A bounded number of children is reaped a turn: otherwise a crash storm starves
 * the socket.
 */

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVICES_MAX 1024
#define ARGS_MAX 16
#define REAPED_A_TURN 64

struct service {
	char *argv[ARGS_MAX];
	char *name;
	pid_t pid;
};

static struct service services[SERVICES_MAX];
static size_t n_services;
static bool stopping;

static void start(struct service *s)
{
	s->pid = vfork();
	if (s->pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv(s->argv[0], s->argv);
		_exit(127);
	}
}

static void read_list(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	while (file && n_services < SERVICES_MAX && getline(&line, &room, file) > 0) {
		struct service *s = &services[n_services++];
		char *rest = strdup(line);
		char *word;
		size_t n = 0;

		s->name = strsep(&rest, "\t\n");
		while ((word = strsep(&rest, "\t\n")) && *word && n + 1 < ARGS_MAX)
			s->argv[n++] = word;
	}
	free(line);
	if (file)
		fclose(file);
}

/* Return: whether there may be more to reap. */
static bool reap(void)
{
	for (int n = 0; n < REAPED_A_TURN; n++) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid <= 0)
			return false;
		for (size_t i = 0; i < n_services; i++)
			if (services[i].pid == pid && !stopping)
				start(&services[i]);
	}
	return true;
}

static void answer(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char text[SERVICES_MAX * 32], request[64] = "";
	ssize_t n = read(fd, request, sizeof(request) - 1);
	size_t used = 0;

	for (size_t i = 0; n > 0 && i < n_services; i++) {
		struct service *s = &services[i];

		if (!strcmp(request, "status"))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %d\n",
						 s->name, s->pid);
		else if (!strcmp(request, "restart --all") ||
			 (!strncmp(request, "restart ", 8) && !strcmp(request + 8, s->name)))
			kill(s->pid, SIGTERM);
	}
	n = write(fd, text, used);
	close(fd);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0)
		return -1;
	return fd;
}

static int ask(const char *path, const char *request)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[4096];
	ssize_t n;

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(fd, request, strlen(request)) < 0)
		return 1;
	while ((n = read(fd, text, sizeof(text))) > 0)
		if (write(STDOUT_FILENO, text, (size_t)n) < 0)
			return 1;
	return n < 0;
}

static void stop_all(void)
{
	stopping = true;
	for (size_t i = 0; i < n_services; i++)
		kill(services[i].pid, SIGTERM);
	while (wait(NULL) > 0)
		continue;
	exit(0);
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = {{.fd = -1}, {.fd = -1}};
	bool more = false;
	sigset_t mask;

	if (argc != 3)
		return 2;
	if (!strcmp(argv[2], "status") || !strncmp(argv[2], "restart ", 8))
		return ask(argv[1], argv[2]);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fds[0] = (struct pollfd){signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0};
	fds[1] = (struct pollfd){listen_on(argv[2]), POLLIN, 0};
	read_list(argv[1]);
	for (size_t i = 0; i < n_services; i++)
		start(&services[i]);
	while (poll(fds, 2, more ? 0 : -1) >= 0) {
		struct signalfd_siginfo info;

		while (read(fds[0].fd, &info, sizeof(info)) == sizeof(info))
			if (info.ssi_signo == SIGTERM)
				stop_all();
		more = reap();
		if (fds[1].revents)
			answer(fds[1].fd);
	}
	return 1;
}
