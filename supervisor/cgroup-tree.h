/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config_limits;
struct delegation;
struct error;

/**
 * struct cgroup_tree - our cgroups below a delegated folder
 *
 * DELEGATED/slicekeep/GROUP/NAME-INSTANCE holds what an instance runs and has its limits;
 * DELEGATED/slicekeep/GROUP the limits that a group shares; DELEGATION_LEAF ourselves and keepers.
 */
struct cgroup_tree;

/** struct cgroup_place - where an instance belongs */
struct cgroup_place {
	const char *group;
	const char *name;
	unsigned instance;
};

/** cgroup_is_kept - whether an instance is somebody's concern */
typedef bool cgroup_is_kept(const char *name, unsigned instance, void *userdata);

/**
 * cgroup_tree_open() - move whoever is in the delegated folder into the leaf, enable its
 * controllers
 *
 * Return: 0, or negative errno with a text.
 */
must_check int cgroup_tree_open(const struct delegation *d, struct cgroup_tree **ret_tree,
				struct error *err);

/** cgroup_tree_free() - forget it; the cgroups stay. NULL is allowed */
void cgroup_tree_free(struct cgroup_tree *t);

/**
 * cgroup_tree_make() - make the cgroup of an instance, with its limits; one that is there stays
 * as it is
 * @ret_folder: its path, heap
 *
 * Return: 0, or negative errno with a text.
 */
must_check int cgroup_tree_make(struct cgroup_tree *t, const struct cgroup_place *place,
				const struct config_limits *limits, char **ret_folder,
				struct error *err);

/**
 * cgroup_tree_name() - the cgroup of an instance, below the mount of cgroup v2
 * @ret_name: heap
 *
 * Return: 0, -ENOENT when there is none, negative errno.
 */
must_check int cgroup_tree_name(struct cgroup_tree *t, const char *name, unsigned instance,
				char **ret_name);

/**
 * cgroup_tree_limit() - give the cgroup of an instance other limits; those not set are lifted
 *
 * Return: 0, -ENOENT when there is no such cgroup, negative errno with a text.
 */
must_check int cgroup_tree_limit(struct cgroup_tree *t, const char *name, unsigned instance,
				 const struct config_limits *limits, struct error *err);

/**
 * cgroup_tree_limit_group() - the same for a group as a whole, which is made if it is not there;
 * NULL: for all groups together
 */
must_check int cgroup_tree_limit_group(struct cgroup_tree *t, const char *group,
				       const struct config_limits *limits, struct error *err);

/**
 * cgroup_tree_remove() - remove the cgroup of an instance, and kill whatever is in it
 *
 * Return: how many processes were killed, at least; -EBUSY when they are not gone yet: try again;
 * negative errno.
 */
must_check int cgroup_tree_remove(struct cgroup_tree *t, const char *name, unsigned instance);

/** cgroup_tree_clean() - the same for every instance that nobody keeps */
must_check int cgroup_tree_clean(struct cgroup_tree *t, cgroup_is_kept *is_kept, void *userdata);
