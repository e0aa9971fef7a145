/* SPDX-License-Identifier: MIT */

/*
 * The process tree below the keeper, from /proc. Children are asked for from their parents
 * (/proc/PID/task/TID/children), which costs what the tree costs; scanning all of /proc for parents
 * would cost what the host costs. Children hang on the thread that forked them, so every thread is
 * asked. No opendir(): it allocates.
 */

#include "supervisor/keeper/tree.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "supervisor/keeper/text.h"

/* Deeper than any real tree; ends the walk should /proc ever show a loop. */
#define DEPTH_MAX 4096

struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

struct list {
	int signal;
	pid_t *pids;
	size_t n;
	size_t max;
};

static int parse_stat(char *text, struct tree_process *ret_process)
{
	/* The name may hold anything, a ")" too: what follows it begins behind the last one. */
	char *at = strrchr(text, ')');
	uint64_t number = 0;

	if (!at || strlen(at) < 4)
		return -ESRCH;
	at += 4; /* ") S " */
	for (int field = 4; field <= 22; field++) {
		char *end = strchr(at, ' ');

		if (!end)
			return -ESRCH;
		*end = '\0';
		if (field == 4 && text_number(at, INT32_MAX, &number) == 0)
			ret_process->parent = (pid_t)number;
		if (field == 22 && text_number(at, UINT64_MAX, &number) == 0)
			ret_process->start = number;
		at = end + 1;
	}
	return 0;
}

int tree_look(pid_t pid, struct tree_process *ret_process)
{
	struct tree_process process = {0};
	cleanup_close int fd = -1;
	char path[32], text[512];
	ssize_t n;
	int r;

	text_format(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	r = parse_stat(text, &process);
	if (r < 0)
		return r;
	*ret_process = process;
	return 0;
}

bool tree_has(pid_t root, pid_t pid)
{
	struct tree_process process;

	for (int i = 0; i < DEPTH_MAX && pid > 1; i++) {
		if (tree_look(pid, &process) < 0)
			return false;
		if (process.parent == root)
			return true;
		pid = process.parent;
	}
	return false;
}

/* Our own dead child: it needs no signal, has no children, and waits only to be reaped. */
static bool is_corpse(pid_t pid)
{
	siginfo_t info = {.si_pid = 0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

static void take_pid(struct list *list, pid_t pid)
{
	if (list->n == list->max || is_corpse(pid))
		return;
	(void)kill(pid, list->signal);
	list->pids[list->n++] = pid;
}

/* Signal and append the pids in "12 345 6 " that may be cut anywhere; the cut number is kept in
 * *carry. */
static void take_pids(struct list *list, const char *text, size_t len, pid_t *carry)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			*carry = *carry * 10 + (text[i] - '0');
			continue;
		}
		if (*carry > 0)
			take_pid(list, *carry);
		*carry = 0;
	}
}

static void list_children(struct list *list, pid_t pid, const char *thread)
{
	cleanup_close int fd = -1;
	char path[64], text[512];
	pid_t carry = 0;
	ssize_t n;

	text_format(path, sizeof(path), "/proc/%d/task/%s/children", pid, thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while ((n = read(fd, text, sizeof(text))) > 0)
		take_pids(list, text, (size_t)n, &carry);
}

static void list_threads(struct list *list, pid_t pid)
{
	union {
		struct entry first;
		char bytes[1024];
	} entries;
	cleanup_close int fd = -1;
	char path[32];
	long n;

	text_format(path, sizeof(path), "/proc/%d/task", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	while ((n = syscall(SYS_getdents64, fd, &entries, sizeof(entries))) > 0) {
		for (long at = 0; at < n;) {
			const struct entry *entry = (const void *)(entries.bytes + at);

			if (entry->name[0] != '.')
				list_children(list, pid, entry->name);
			at += entry->bytes;
		}
	}
}

/* NOLINTNEXTLINE(readability-non-const-parameter): written through the list */
size_t tree_signal(pid_t root, int signal, pid_t *ret_pids, size_t max)
{
	struct list list = {.signal = signal, .pids = ret_pids, .max = max};

	list_threads(&list, root);
	for (size_t i = 0; i < list.n; i++)
		list_threads(&list, list.pids[i]);
	return list.n;
}
