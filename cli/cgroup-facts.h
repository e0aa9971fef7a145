/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * struct cgroup_facts - where this process stands in cgroup v2
 * @folder:    its cgroup's folder below the mount, heap; NULL when there is none
 * @read_only: the mount is
 * @outside:   its cgroup is not in the part of the tree that is mounted here
 * @old:       other controllers are bound to cgroup v1
 */
struct cgroup_facts {
	char *folder;
	bool read_only;
	bool outside;
	bool old;
};

/**
 * cgroup_facts_read() - from the texts of /proc/self/cgroup and /proc/self/mountinfo
 *
 * Return: 0 or -ENOMEM.
 */
must_check int cgroup_facts_read(const char *cgroup, const char *mountinfo,
				 struct cgroup_facts *ret_facts);

/** cgroup_facts_done() - free the folder */
void cgroup_facts_done(struct cgroup_facts *f);

/**
 * cgroup_facts_obstacle() - why limits cannot be enforced from here, and how to get there
 * @controllers: text of the cgroup's cgroup.controllers, "" when it could not be read
 * @writable:    whether we may write into the folder
 * @systemd:     pid 1 is systemd
 *
 * Return: a sentence, or NULL when nothing stands in the way.
 */
const char *cgroup_facts_obstacle(const struct cgroup_facts *f, const char *controllers,
				  bool writable, bool systemd);
