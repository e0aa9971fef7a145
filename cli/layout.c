/* SPDX-License-Identifier: MIT */
/*
 * Which platform is meant.
 *
 * Root means that of the system, anybody else his own, and SLICEKEEP_HOME says it for everybody;
 * the daemons know no more than that. Here, where a person types, there is one exception: the group
 * slicekeep exists to operate the system's services, so a member who has no config of his own means
 * those. What runs at the moment is not looked at: the same words mean the same platform before and
 * after a crash.
 */
#include "cli/layout.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/paths.h"
#include "cli/command.h"

static void close_group_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

/*
 * The supervisor asks the same of whoever calls it. The file itself is read: the package makes the
 * group there, and a static program cannot ask the name service.
 */
static bool is_operator(void)
{
	cleanup(close_group_file) FILE *file = fopen("/etc/group", "re");
	const struct group *group = NULL;

	while (file && (group = fgetgrent(file))) {
		if (strcmp(group->gr_name, "slicekeep") == 0)
			return group_member(group->gr_gid);
	}
	return false;
}

static bool has_config(const struct paths *paths)
{
	return access(paths->config, F_OK) == 0;
}

int layout_choose(struct cli *cli, struct error *err)
{
	int code;

	if (!cli->system) {
		/* Without a session of his own a member has no paths either. */
		code = paths_init(&cli->paths, err);
		if (code == 0 && (cli->paths.layout != LAYOUT_USER || has_config(&cli->paths)))
			return 0;
		if (!is_operator())
			return code;
		paths_done(&cli->paths);
	}
	/* Who is started by us shall mean the same. */
	if (unsetenv("SLICEKEEP_HOME") < 0)
		return error_set(err, -errno, "cannot forget SLICEKEEP_HOME: %s", strerror(errno));
	cli->guest = geteuid() != 0;
	return paths_init_system(&cli->paths, err);
}
