/* SPDX-License-Identifier: MIT */

/*
 * Listening sockets that live with the keeper, so that connections wait in their backlog while the
 * payload is being replaced. They are held at high numbers: the child moves them to 3, 4, … with
 * plain dup2(), and none can be overwritten before it has been moved.
 */

#include "supervisor/keeper/sockets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/keeper/text.h"

static void close_all(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++)
		close_fd(&s->fds[i]);
	s->n = 0;
}

int sockets_set(struct sockets *s, const int *fds, size_t n, char (*names)[KEEPER_FD_NAME_MAX])
{
	struct sockets set = {.is_moved = true};

	if (n > KEEPER_FDS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, SOCKETS_FD_FROM);

		if (fd < 0) {
			int r = -errno;

			close_all(&set);
			return r;
		}
		set.fds[set.n] = fd;
		text_copy(set.names[set.n++], KEEPER_FD_NAME_MAX, names[i]);
	}
	close_all(s);
	*s = set;
	return 0;
}

/* The names in "a:b:c", as far as there are any. */
static void split_names(const char *joined, char (*names)[KEEPER_FD_NAME_MAX], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(joined, ":");

		text_clean(names[i], KEEPER_FD_NAME_MAX, joined, len);
		joined += len;
		joined += *joined == ':';
	}
}

static int read_count(size_t *ret_n)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t number, n = 0;
	int r = 0;

	if (pid && count && text_number(pid, INT32_MAX, &number) == 0 &&
	    number == (uint64_t)getpid())
		r = text_number(count, KEEPER_FDS_MAX, &n);
	*ret_n = (size_t)n;
	return r;
}

size_t sockets_count_inherited(void)
{
	size_t n;

	return read_count(&n) < 0 ? 0 : n;
}

int sockets_inherit(struct sockets *s)
{
	char names[KEEPER_FDS_MAX][KEEPER_FD_NAME_MAX];
	const char *joined = getenv("LISTEN_FDNAMES");
	int fds[KEEPER_FDS_MAX];
	size_t n;
	int r = read_count(&n);

	if (r < 0 || n == 0)
		return r;
	for (size_t i = 0; i < n; i++)
		fds[i] = 3 + (int)i;
	split_names(joined ? joined : "", names, n);
	r = sockets_set(s, fds, n, names);
	for (size_t i = 0; r == 0 && i < n; i++)
		close_fd(&fds[i]);
	return r;
}

int sockets_pick(struct sockets *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		int fd = s->fds[i];

		if (strcmp(s->names[i], name) != 0)
			continue;
		s->n--;
		memmove(&s->fds[i], &s->fds[i + 1], (s->n - i) * sizeof(s->fds[0]));
		memmove(s->names[i], s->names[i + 1], (s->n - i) * sizeof(s->names[0]));
		return fd;
	}
	return -1;
}

void sockets_join_names(const struct sockets *s, char *buf, size_t cap)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < s->n; i++)
		used += text_format(buf + used, cap - used, "%s%s", i > 0 ? ":" : "", s->names[i]);
}
