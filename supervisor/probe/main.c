/* SPDX-License-Identifier: MIT */
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "supervisor/probe/probe-frame.h"
#include "supervisor/probe/tasks.h"

/*
 * slicekeep-probe: connects to ports and pages on behalf of the supervisor.
 *
 * The supervisor holds all authority and therefore reads nothing that a service sends. This program
 * reads it, and has nothing to lose: it is nobody, in no group, can gain no privilege, write no
 * file and start no process. It says "ok" or "failed" with a few bytes of text, and if a server
 * makes it crash, the supervisor starts another one and counts the attempt as failed.
 *
 * It lives as long as the other end of its standard input. When as many attempts are under way as
 * it may have, it reads no further requests: they wait in the socket, and then in the supervisor.
 */

#define NOBODY 65534

static const char usage[] =
	"Usage: slicekeep-probe\n"
	"\n"
	"Connects to ports and pages for slicekeep-supervisor, which starts it with a\n"
	"SEQPACKET socket as standard input. There is nothing to be gained from starting\n"
	"it by hand.\n"
	"\n"
	"  --help, --version, --debug\n";

struct program {
	struct loop *loop;
	struct loop_fd input;
	struct tasks *tasks;
	bool waits; /* a reply for the supervisor to read */
};

/* Return: 0 or negative errno; after a failure nothing may be probed. */
static int drop_privileges(void)
{
	const struct rlimit none = {0};

	if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
			       setresuid(NOBODY, NOBODY, NOBODY) < 0))
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (chdir("/") < 0 || setrlimit(RLIMIT_FSIZE, &none) < 0 ||
	    setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
		return -errno;
	return 0;
}

static void watch(struct program *p, int events)
{
	if (loop_fd_set(&p->input, events) < 0)
		loop_stop(p->loop, 1);
}

/* A task has ended, so there is room for a request, or at least for its reply one day. */
static int on_reply(const struct probe_reply *reply, void *userdata)
{
	struct program *p = userdata;
	int r = fd_send(STDIN_FILENO, reply, sizeof(*reply), NULL, 0);

	p->waits = r == -EAGAIN;
	watch(p, LOOP_READ | (p->waits ? LOOP_WRITE : 0));
	return r;
}

static void take_request(struct program *p)
{
	struct probe_request request;
	size_t n_fds = 0;
	ssize_t n = fd_receive(STDIN_FILENO, &request, sizeof(request), NULL, 0, &n_fds);

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		loop_stop(p->loop, 0);
		return;
	}
	if ((size_t)n != sizeof(request) || request.magic != PROBE_MAGIC ||
	    request.version != PROBE_VERSION) {
		log_error("the supervisor speaks another version");
		loop_stop(p->loop, 1);
		return;
	}
	request.target[PROBE_TARGET_MAX - 1] = '\0';
	tasks_request(p->tasks, &request);
}

static void on_input(int fd, int events, void *userdata)
{
	struct program *p = userdata;

	if ((events & LOOP_WRITE) && tasks_flush(p->tasks)) {
		p->waits = false;
		watch(p, LOOP_READ);
	}
	if (tasks_full(p->tasks))
		watch(p, p->waits ? LOOP_WRITE : 0);
	else if (events & LOOP_READ)
		take_request(p);
}

static bool is_seqpacket(int fd)
{
	int type = 0;
	socklen_t length = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_SEQPACKET;
}

static int run(struct program *p)
{
	int r = fd_set_nonblock(STDIN_FILENO, true);

	if (r == 0)
		r = loop_new(&p->loop);
	if (r == 0)
		r = tasks_new(p->loop, on_reply, p, &p->tasks);
	if (r == 0)
		r = loop_fd_init(&p->input, p->loop, STDIN_FILENO, LOOP_READ, on_input, p);
	if (r == 0)
		r = loop_run(p->loop);
	if (r < 0)
		log_error("cannot probe: %s", strerror(-r));
	loop_fd_done(&p->input);
	tasks_free(p->tasks);
	loop_free(p->loop);
	return r == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct daemon_hello hello;
	struct program p = {0};
	int r = daemon_options(argc, argv, usage, &hello);

	if (r != 0)
		return r > 0 ? 0 : 2;
	if (!is_seqpacket(STDIN_FILENO)) {
		fputs(usage, stderr);
		return 2;
	}
	daemon_prepare(&hello);
	r = drop_privileges();
	if (r < 0) {
		log_error("cannot become nobody: %s", strerror(-r));
		return 1;
	}
	return run(&p);
}
