/* SPDX-License-Identifier: MIT */

/*
 * Which launcher it is. The choice is made once, here; beyond it nobody asks.
 *
 * By itself systemd is chosen only where we are a unit of its: a supervisor that a person starts by
 * hand, or that runs in a container, is nobody's unit, and what it started would be restarted by
 * one that never heard of it.
 */

#include "supervisor/launchers.h"

#include <string.h>

#include "lib/error.h"
#include "lib/log.h"
#include "supervisor/own-cgroup.h"

static int new_auto(const struct launcher_owner *owner, struct launcher **ret_launcher,
		    struct error *err)
{
	cleanup_free char *unit = own_cgroup_unit();
	struct error reason = {0};

	if (!unit)
		return launcher_direct_new(owner, ret_launcher, err);
	if (launcher_systemd_new(owner, false, ret_launcher, &reason) == 0)
		return 0;
	log_warning("launcher direct, not systemd: %s", reason.text);
	return launcher_direct_new(owner, ret_launcher, err);
}

/* A supervisor that comes back must not change its mind because systemd is away for a moment. */
static int new_systemd(const struct launcher_owner *owner, struct launcher **ret_launcher,
		       struct error *err)
{
	return launcher_systemd_new(owner, true, ret_launcher, err);
}

static const struct {
	const char *name;
	int (*make)(const struct launcher_owner *owner, struct launcher **ret_launcher,
		    struct error *err);
} launchers[] = {
	{"auto", new_auto},
	{"direct", launcher_direct_new},
	{"systemd", new_systemd},
};

bool launcher_is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(launchers); i++)
		if (strcmp(launchers[i].name, name) == 0)
			return true;
	return false;
}

int launcher_new(const char *name, const struct launcher_owner *owner,
		 struct launcher **ret_launcher, struct error *err)
{
	for (size_t i = 0; i < ARRAY_LEN(launchers); i++)
		if (strcmp(launchers[i].name, name) == 0)
			return launchers[i].make(owner, ret_launcher, err);
	return error_set(err, -EINVAL, "unknown launcher \"%s\": auto, systemd or direct", name);
}
