/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct error;

/**
 * struct identity - who a service runs as
 * @set:    false: as we do, nothing is changed
 * @groups: @n_groups supplementary groups
 * @name @home @shell: heap
 */
struct identity {
	bool set;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	char *name;
	char *home;
	char *shell;
};

/**
 * identity_resolve() - look up a user and extra groups (getpwnam_r(3), getgrouplist(3))
 * @user:   name or number; NULL: as we do
 * @groups: NULL-terminated extra groups, or NULL
 * @err:    "no user \"shp\" on this machine, did you mean \"shop\"?"
 *
 * Return: 0, -ENOENT for an unknown name, -EPERM when we are not root and it is somebody else.
 */
must_check int identity_resolve(const char *user, char *const *groups,
				struct identity *ret_identity, struct error *err);

/** identity_of_folder() - the owner of @folder as a user name; heap, or NULL with errno */
char *identity_of_folder(const char *folder);

/** identity_done() - free the groups and names; it is nobody in particular afterwards */
void identity_done(struct identity *id);
