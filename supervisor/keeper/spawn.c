/* SPDX-License-Identifier: MIT */

/*
 * Making a process: clone3() straight into its cgroup (moving it there afterwards
 * takes a lock of the whole system), and with VFORK, so that the keeper goes on when the child has
 * become the payload or has written down why not; no pipe is needed to learn it.
 *
 * The child borrows the keeper's memory (CLONE_VM) where that can be done: copying even a small
 * address space costs as much again as the rest of the call. It then needs a stack of its own, and
 * no libc offers clone3() with one, hence the few lines of assembly. Elsewhere, and under
 * AddressSanitizer, which must not see two stacks, it gets a copy. Where there is no clone3() at
 * all (an old seccomp filter answers ENOSYS, valgrind too), fork() and a pipe that exec closes do
 * the same, slower.
 *
 * Kernels since 6.14, and stable ones, have a mistake: whether a newborn process is to be killed is
 * decided by comparing how often the cgroups of its parent and of itself were killed, when it
 * should be its own before and after. So in a cgroup that cgroup.kill has once emptied everybody
 * dies at birth. A child that has not executed its first instruction tells; from then on children
 * enter by themselves.
 *
 * There is no pidfd: as long as nobody but us reaps our child its pid is its own, and a pidfd would
 * be a twentieth of what a restart costs.
 */

#include "supervisor/keeper/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "supervisor/keeper/cgroup.h"
#include "supervisor/keeper/child.h"
#include "supervisor/keeper/page.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP UINT64_C(0x200000000)
#endif

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define SHARES_MEMORY 1
#else
#define SHARES_MEMORY 0
#endif

/* Deep enough for the child's steps, whose frames are small. */
#define STACK_BYTES 3072

struct clone3_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack;
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};

#if SHARES_MEMORY
/* The child begins on its own stack and must not return from here: child_run() never does. */
static long clone3_and_run(struct clone3_args *args, struct child *c)
{
	char stack[STACK_BYTES] __attribute__((aligned(16)));
	register struct child *child __asm__("rbx") = c;
	long result;

	args->stack = (uint64_t)(uintptr_t)stack;
	args->stack_size = sizeof(stack);
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%rbx, %%rdi\n\t"
			 "call *%[run]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "0"((long)SYS_clone3), "D"(args), "S"(sizeof(*args)),
			   "r"(child), [run] "r"(child_run)
			 : "rcx", "r11", "memory", "cc");
	args->stack = 0;
	return result;
}
#else
static long clone3_and_run(struct clone3_args *args, struct child *c)
{
	long result = syscall(SYS_clone3, args, sizeof(*args));

	if (result == 0)
		child_run(c);
	return result < 0 ? -errno : result;
}
#endif

static int spawn_by_clone3(struct child *c, const struct cgroup *cgroup, pid_t *ret_pid)
{
	bool is_born_there = cgroup->dir >= 0 && !cgroup->is_late;
	struct clone3_args args = {
		.flags = CLONE_VFORK | (SHARES_MEMORY ? CLONE_VM : 0),
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (is_born_there) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup->dir;
	}
	c->cgroup = is_born_there ? NULL : cgroup;
	c->page->main_pid = 0;
	pid = clone3_and_run(&args, c);
	if (pid < 0)
		return (int)pid;
	*ret_pid = (pid_t)pid;
	return 0;
}

/* Until the other end is closed, by exec or by an exit. */
static void wait_for_exec(int fd)
{
	char byte;

	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

static int spawn_by_fork(struct child *c, const struct cgroup *cgroup, pid_t *ret_pid)
{
	cleanup_close int ours = -1, theirs = -1;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	c->cgroup = cgroup;
	pid = fork();
	if (pid == 0)
		child_run(c);
	if (pid < 0)
		return -errno;
	close_fd(&theirs);
	wait_for_exec(ours);
	*ret_pid = pid;
	return 0;
}

static void reap_stillborn(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int spawn_child(struct child *c, struct cgroup *cgroup, pid_t *ret_pid)
{
	int r = spawn_by_clone3(c, cgroup, ret_pid);

	if (r == 0 && c->page->main_pid == 0 && cgroup->dir >= 0 && !cgroup->is_late) {
		reap_stillborn(*ret_pid);
		cgroup->is_late = true;
		r = spawn_by_clone3(c, cgroup, ret_pid);
	}
	if (r == -ENOSYS)
		r = spawn_by_fork(c, cgroup, ret_pid);
	return r;
}
