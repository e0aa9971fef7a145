/* SPDX-License-Identifier: MIT */

/*
 * What systemd leaves of a unit's cgroup.
 *
 * It removes the cgroup of a unit when it hears that the last process has gone, and unloads a unit
 * that has ended when there is nothing in its cgroup any more. Where processes outlive their unit,
 * as a payload does whose keeper was killed, the second may come before the first is heard (seen
 * with 252): then the unit is forgotten and its cgroup stays, empty, for ever.
 *
 * It is looked for where it can be, one level below the slice of all of ours, because whoever finds
 * a unit that is ending does not know its slice. The slices themselves are systemd's.
 */

#include "supervisor/unit-cgroup.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "supervisor/cgroup-remove.h"
#include "supervisor/own-cgroup.h"

#define MOUNT "/sys/fs/cgroup/"
#define TOP_SLICE "slicekeep.slice"

void unit_cgroup_remove_below(const char *top, const char *unit)
{
	cleanup_free char *pattern = NULL;
	glob_t found = {0};

	if (asprintf(&pattern, "%s/slicekeep-*.slice/%s", top, unit) < 0)
		return;
	/* What is escaped in a unit's name is part of the name. */
	if (glob(pattern, GLOB_NOESCAPE | GLOB_NOSORT, NULL, &found) != 0)
		found.gl_pathc = 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		int code = cgroup_remove(found.gl_pathv[i]);

		if (code < 0)
			log_warning("systemd has left the cgroup \"%s\", and it stays: %s",
				    found.gl_pathv[i], strerror(-code));
		else
			log_debug("systemd has left the cgroup \"%s\"", found.gl_pathv[i]);
	}
	globfree(&found);
}

void unit_cgroup_remove(const char *unit)
{
	cleanup_free char *own = own_cgroup_of(getpid());
	const char *slice = own ? strstr(own, TOP_SLICE "/") : NULL;
	cleanup_free char *top = NULL;

	if (!slice || asprintf(&top, MOUNT "%.*s" TOP_SLICE, (int)(slice - own), own) < 0)
		return;
	unit_cgroup_remove_below(top, unit);
}
