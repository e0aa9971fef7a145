/* SPDX-License-Identifier: MIT */

/*
 * Listening sockets of a service. The supervisor that bound them keeps its descriptors for as long
 * as it lives; the keeper has its own. After the supervisor's death the keeper's are the only ones,
 * and if that keeper dies as well, the address is bound anew: a Unix socket's name is simply
 * replaced, and clients that find nobody behind the old one connect again.
 */

#include "supervisor/sockets.h"

#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "supervisor/keeper-link.h"

int sockets_add(struct sockets *s, const char *name, const char *path, int type)
{
	struct sockets_wanted *grown;
	struct sockets_wanted *w;

	if (s->n == KEEPER_FDS_MAX || strlen(name) >= sizeof(w->name))
		return -ENOSPC;
	grown = reallocarray(s->wanted, s->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	s->wanted = grown;
	w = &grown[s->n];
	w->path = strdup(path);
	if (!w->path)
		return -ENOMEM;
	snprintf(w->name, sizeof(w->name), "%s", name);
	w->type = type;
	s->fds[s->n++] = -1;
	return 0;
}

int sockets_bind(struct sockets *s, struct error *err)
{
	for (size_t i = 0; i < s->n; i++) {
		int fd;

		if (s->fds[i] >= 0)
			continue;
		fd = fd_unix_listen(s->wanted[i].path, s->wanted[i].type, 0666);
		if (fd < 0)
			return error_set(err, fd, "cannot listen on \"%s\": %s", s->wanted[i].path,
					 strerror(-fd));
		s->fds[i] = fd;
	}
	return 0;
}

int sockets_send(const struct sockets *s, struct keeper_link *keeper)
{
	struct keeper_request request = {.command = KEEPER_SET_FDS, .arg = (int32_t)s->n};

	for (size_t i = 0; i < s->n; i++)
		snprintf(request.fd_names[i], sizeof(request.fd_names[i]), "%s", s->wanted[i].name);
	return keeper_link_send(keeper, &request, s->fds, s->n);
}

void sockets_done(struct sockets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		close_fd(&s->fds[i]);
		free(s->wanted[i].path);
	}
	free(s->wanted);
	*s = (struct sockets){0};
}
