/* SPDX-License-Identifier: MIT */

/*
 * What happens between fork and exec, and nothing else does. Every step either succeeds or leaves
 * its name, errno and path in the page, so that "could not start" always says what and why.
 *
 * The order matters. Descriptors and limits come first, while we may still do it; then groups, gid
 * and uid; then the parent-death signal, because the kernel forgets it when the uid changes, and
 * then the question whether the keeper still lives, because it could have died before that signal
 * was set; the folder last, so that it is entered with the user's rights.
 *
 * A payload that may outlive its keeper has no such signal, but the question stands: it is in its
 * cgroup by then, so the next keeper either finds this process or can kill it, and a child that
 * was too slow for that gives up by itself.
 *
 * The ids are set by plain system calls: libc's wrappers would talk to the threads of a process
 * whose memory this child only borrows.
 */

#include "supervisor/keeper/child.h"

#include <grp.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/clock.h"
#include "supervisor/keeper/confine.h"
#include "supervisor/keeper/page.h"
#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/text.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#ifdef SYS_setresuid32 /* the old calls of 32-bit machines cut ids to 16 bits */
#define SETGROUPS SYS_setgroups32
#define SETRESGID SYS_setresgid32
#define SETRESUID SYS_setresuid32
#else
#define SETGROUPS SYS_setgroups
#define SETRESGID SYS_setresgid
#define SETRESUID SYS_setresuid
#endif

_Noreturn static void fail(struct child *c, enum keeper_exec_step step, const char *path)
{
	c->page->exec.error = errno;
	c->page->exec.step = step;
	text_copy(c->page->exec.path, sizeof(c->page->exec.path), path);
	_exit(127);
}

static void add_word(struct child *c, size_t *n, char *word)
{
	c->spec->env[c->spec->n_env + (*n)++] = word;
}

void child_prepare(struct child *c, const char *notify)
{
	size_t n = 0, used;

	static_assert(SPEC_ENV_OWN >= 7 + 1, "room for each word and the end");
	text_format(c->notify, sizeof(c->notify), "NOTIFY_SOCKET=%s", notify);
	add_word(c, &n, c->notify);
	if (c->sockets->n > 0) {
		text_format(c->listen_fds, sizeof(c->listen_fds), "LISTEN_FDS=%u",
			    (unsigned)c->sockets->n);
		used = text_format(c->listen_names, sizeof(c->listen_names), "LISTEN_FDNAMES=");
		sockets_join_names(c->sockets, c->listen_names + used,
				   sizeof(c->listen_names) - used);
		add_word(c, &n, c->listen_pid);
		add_word(c, &n, c->listen_fds);
		add_word(c, &n, c->listen_names);
	}
	if (c->spec->watchdog_usec > 0) {
		text_format(c->watchdog_usec, sizeof(c->watchdog_usec), "WATCHDOG_USEC=%llu",
			    (unsigned long long)c->spec->watchdog_usec);
		add_word(c, &n, c->watchdog_pid);
		add_word(c, &n, c->watchdog_usec);
	}
	if (c->credentials)
		add_word(c, &n, c->credentials);
	add_word(c, &n, NULL);
}

static void set_streams(struct child *c)
{
	if (c->out >= 0 && dup2(c->out, STDOUT_FILENO) < 0)
		fail(c, KEEPER_EXEC_PIPE, "stdout");
	if (c->err >= 0 && dup2(c->err, STDERR_FILENO) < 0)
		fail(c, KEEPER_EXEC_PIPE, "stderr");
	for (size_t i = 0; i < c->sockets->n; i++) {
		if (dup2(c->sockets->fds[i], 3 + (int)i) < 0)
			fail(c, KEEPER_EXEC_PIPE, c->sockets->names[i]);
	}
}

static void set_limits(struct child *c)
{
	const char *path = "/proc/self/oom_score_adj";
	struct rlimit files = {.rlim_cur = c->spec->open_files, .rlim_max = c->spec->open_files};
	char text[16];

	if (c->spec->open_files > 0 && setrlimit(RLIMIT_NOFILE, &files) < 0)
		fail(c, KEEPER_EXEC_LIMIT, "open_files");
	if (c->spec->oom_score >= -1000) {
		size_t len = text_format(text, sizeof(text), "%d", c->spec->oom_score);
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, text, len) < 0)
			fail(c, KEEPER_EXEC_LIMIT, path);
	}
}

static void confine(struct child *c)
{
	const struct spec *s = c->spec;
	const char *folder = c->credentials ? strchr(c->credentials, '=') + 1 : NULL;
	int r = folder && s->has_uid ? confine_credentials(folder, s->uid, s->gid) : 0;

	if (r < 0) {
		errno = -r;
		fail(c, KEEPER_EXEC_CREDENTIALS, folder);
	}
	r = s->is_confined ? confine_privileges() : 0;
	if (r < 0) {
		errno = -r;
		fail(c, KEEPER_EXEC_CONFINE, "");
	}
}

static void set_ids(struct child *c)
{
	const struct spec *s = c->spec;

	if (s->has_gid) {
		/* An ordinary user may not set groups, and has none too many. */
		if (syscall(SETGROUPS, s->n_groups, s->groups) < 0 &&
		    (errno != EPERM || s->n_groups > 0))
			fail(c, KEEPER_EXEC_GROUPS, "");
		if (syscall(SETRESGID, s->gid, s->gid, s->gid) < 0)
			fail(c, KEEPER_EXEC_GROUPS, "");
	}
	if (s->has_uid && syscall(SETRESUID, s->uid, s->uid, s->uid) < 0)
		fail(c, KEEPER_EXEC_USER, "");
}

static void bind_to_keeper(struct child *c)
{
	if (!c->outlives && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		fail(c, KEEPER_EXEC_USER, "PDEATHSIG");
	if (getppid() != c->keeper)
		_exit(127);
}

static void reset_signals(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	/* All others are at their defaults in the keeper too. */
	(void)sigaction(SIGPIPE, &standard, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static const char *find_path(char *const *env)
{
	for (; *env; env++) {
		const char *path = text_starts(*env, "PATH=");

		if (path)
			return path;
	}
	return PATH_DEFAULT;
}

/* There is such a file, so what is missing is what its first line names: say that. */
_Noreturn static void fail_program(struct child *c, const char *file)
{
	struct page_exec *exec = &c->page->exec;
	int error = errno, fd = error == ENOENT ? open(file, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd < 0 ? 0 : read(fd, exec->path, sizeof(exec->path) - 1);
	char *name = exec->path + 2;

	errno = error;
	if (n < 3 || exec->path[0] != '#' || exec->path[1] != '!')
		fail(c, KEEPER_EXEC_PROGRAM, file);
	exec->path[n] = '\0';
	name += strspn(name, " \t");
	name[strcspn(name, " \t\r\n")] = '\0';
	memmove(exec->path, name, strlen(name) + 1);
	fail(c, KEEPER_EXEC_PROGRAM, exec->path);
}

/* As execvpe(), but without a shell for a file that is no program, and with its name at the end. */
static void exec_by_path(struct child *c)
{
	char *file = reserve.path;
	const char *program = c->spec->argv[0];
	int worst = ENOENT;

	for (const char *at = find_path(c->spec->env);; at++) {
		size_t len = strcspn(at, ":");

		if (len > 0 && len + strlen(program) + 2 <= sizeof(reserve.path)) {
			memcpy(file, at, len);
			text_format(file + len, sizeof(reserve.path) - len, "/%s", program);
			(void)execve(file, c->spec->argv, c->spec->env);
			if (errno == ENOENT && access(file, F_OK) < 0)
				errno = ENOTDIR;
			if (errno != ENOTDIR && errno != EACCES)
				fail_program(c, file);
			worst = errno == EACCES ? EACCES : worst;
		}
		at += len;
		if (!*at)
			break;
	}
	errno = worst;
	fail(c, KEEPER_EXEC_PROGRAM, program);
}

_Noreturn void child_run(struct child *c)
{
	const struct spec *s = c->spec;
	pid_t pid = getpid();

	c->page->main_pid = pid; /* first of all: it says that we live */
	if (c->outlives)
		c->page->born_until_usec = clock_usec(CLOCK_BOOTTIME);
	if (setsid() < 0)
		fail(c, KEEPER_EXEC_FORK, "setsid");
	if (c->cgroup && cgroup_enter(c->cgroup) < 0)
		fail(c, KEEPER_EXEC_CGROUP, s->cgroup);
	set_streams(c);
	set_limits(c);
	confine(c);
	set_ids(c);
	bind_to_keeper(c);
	if (s->cwd && chdir(s->cwd) < 0)
		fail(c, KEEPER_EXEC_CWD, s->cwd);
	text_format(c->listen_pid, sizeof(c->listen_pid), "LISTEN_PID=%d", pid);
	text_format(c->watchdog_pid, sizeof(c->watchdog_pid), "WATCHDOG_PID=%d", pid);
	reset_signals();
	if (!strchr(s->argv[0], '/'))
		exec_by_path(c);
	(void)execve(s->argv[0], s->argv, s->env);
	fail_program(c, s->argv[0]);
}
