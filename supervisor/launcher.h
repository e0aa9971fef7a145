/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "supervisor/launch.h"

struct config_limits;
struct error;

/*
 * How keepers come into being: directly as our children, or as transient units of systemd. Beyond
 * this interface nothing in the supervisor knows which one it is.
 */

struct launcher;

/**
 * struct launcher_events - what a launcher reports, from the loop only
 * @keeper_gone: a keeper that start() began or adopt() took has ended; @wait_status as of
 *               waitpid(2), or -1 when it was not our child. @pid 0: whichever it was last, and
 *               nothing that it kept is left
 * @started:     a keeper, the first or one that was restarted, takes connections
 * @start_failed: a keeper that start() began does not come; @text says why. NULL: what was in its
 *               way has passed, the next one may come
 * @stopped_by:  somebody has ended a keeper on purpose with a tool of the launcher's own, such as
 *               systemctl: that is the operator's will. keeper_gone follows
 * @changed:     what sweep() could not do yet it may do now
 * @limits_due:  limits could not be set while the system was away: now they can, set them again
 */
struct launcher_events {
	void (*keeper_gone)(const char *name, unsigned instance, pid_t pid, int wait_status,
			    void *userdata);
	void (*started)(const char *name, unsigned instance, void *userdata);
	void (*start_failed)(const char *name, unsigned instance, const char *text, void *userdata);
	void (*stopped_by)(const char *name, unsigned instance, const char *who, void *userdata);
	void (*changed)(void *userdata);
	void (*limits_due)(void *userdata);
};

/** launcher_confirmed_fn() - @refused: what the system said to one of the limits; NULL: all hold */
typedef void (*launcher_confirmed_fn)(const char *refused, void *userdata);

/**
 * struct launcher_ops - one launcher
 * @start:       Return: 0, or negative errno with a text; never blocks on the keeper, and what goes
 *               wrong later is told by start_failed
 * @cgroup:      before a spec is written: the folder of cgroup v2 that the payload goes into, made
 *               with its limits; heap, NULL when there is none or the keeper finds its own.
 *               Return: 0, or negative errno with a text
 * @set_limits:  change caps of a running instance, now or when limits_due is told. Return: 0,
 *               -ENOENT when there is none, -EOPNOTSUPP where nothing enforces
 * @cgroup_name: the cgroup that has an instance's limits, below the mount of cgroup v2; heap.
 *               Return: 0, -ENOENT when there is none now, negative errno
 * @limit_group: give a group as a whole its caps; NULL: all groups together. Return: as @set_limits
 * @confirm:     call @fn once, perhaps at once, when the kernel has the limits that were set before
 * @sweep:       a keeper died and its control socket is dead: kill whatever it left. @known are the
 *               @n_known pids of keepers that live; those that start() or adopt() watches are known
 *               anyway. Return: processes killed, all of them dead now; -EBUSY when some are not
 *               dead yet: sweep again before that service starts; negative errno
 * @limits_note: why limits are not enforced, "limits not enforced: …", or NULL; borrowed
 * @sandbox_note: what of a sandbox is not enforced, or NULL; borrowed
 * @free:        forget everything; keepers run on
 * @adopt:       watch a keeper that an earlier supervisor started; one that is watched already
 *               stays as it is. Return: 0, -ESRCH when it is gone, negative errno
 * @stop:        a keeper was told to leave: see to it that it ends in bounded time, and that
 * nothing brings it back
 * @set_outermost: the keeper that this supervisor runs under, if it is our parent; 0: there is none
 */
struct launcher_ops {
	const char *name;
	int (*start)(struct launcher *l, const struct launch *what, struct error *err);
	int (*cgroup)(struct launcher *l, const struct launch *what, char **ret_folder,
		      struct error *err);
	int (*set_limits)(struct launcher *l, const char *name, unsigned instance,
			  const struct config_limits *limits, struct error *err);
	int (*cgroup_name)(struct launcher *l, const char *name, unsigned instance,
			   char **ret_name);
	int (*limit_group)(struct launcher *l, const char *group,
			   const struct config_limits *limits, struct error *err);
	int (*confirm)(struct launcher *l, launcher_confirmed_fn fn, void *userdata);
	int (*sweep)(struct launcher *l, const pid_t *known, size_t n_known);
	const char *(*limits_note)(struct launcher *l);
	const char *(*sandbox_note)(struct launcher *l);
	void (*free)(struct launcher *l);
	int (*adopt)(struct launcher *l, const char *name, unsigned instance, pid_t pid);
	void (*stop)(struct launcher *l, const char *name, unsigned instance);
	void (*set_outermost)(struct launcher *l, pid_t pid);
};

/** struct launcher - what each launcher embeds first */
struct launcher {
	const struct launcher_ops *ops;
};
