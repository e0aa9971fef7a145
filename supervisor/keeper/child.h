/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "supervisor/keeper/sockets.h"
#include "supervisor/keeper/spec.h"

struct page;

#define CHILD_WORD_MAX 48
#define CHILD_NAMES_MAX (KEEPER_FDS_MAX * KEEPER_FD_NAME_MAX + 16)

/**
 * struct child - all that the child needs between fork and exec
 * @out @err:     descriptors that become 1 and 2, -1: as they are
 * @keeper:       whose child it must still be
 * @outlives:     the payload may outlive the keeper, because another one will find it
 * @page:         where a failed step is noted
 * @credentials:  the manager's variable of that name, "CREDENTIALS_DIRECTORY=…"; NULL: it has given
 * none
 * @cgroup:       to be entered by the child itself; NULL when clone3 has done that
 *
 * The words are the keeper's part of the environment.
 */
struct child {
	const struct spec *spec;
	const struct sockets *sockets;
	struct page *page;
	int out;
	int err;
	pid_t keeper;
	bool outlives;
	char *credentials;
	const struct cgroup *cgroup;
	char notify[CHILD_WORD_MAX];
	char listen_pid[CHILD_WORD_MAX];
	char listen_fds[CHILD_WORD_MAX];
	char listen_names[CHILD_NAMES_MAX];
	char watchdog_pid[CHILD_WORD_MAX];
	char watchdog_usec[CHILD_WORD_MAX];
};

/**
 * child_prepare() - put the keeper's words into the environment of the spec
 * @notify: address of NOTIFY_SOCKET
 *
 * Context: in the keeper, before each spawn.
 */
void child_prepare(struct child *c, const char *notify);

/**
 * child_run() - become the payload
 *
 * Context: in the child, whose memory may be the keeper's: writes only to @c and its page.
 * Does not return: exec, or exit after the failed step is in the page.
 */
_Noreturn void child_run(struct child *c);
