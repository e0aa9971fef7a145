/* SPDX-License-Identifier: MIT */

/* A cgroup is removed from its leaves; its files need no removing. See cgroups(7). */

#include "supervisor/cgroup-remove.h"

#include <errno.h>
#include <ftw.h>
#include <unistd.h>

#define OPEN_FOLDERS_MAX 8

static int remove_folder(const char *path, const struct stat *st, int type, struct FTW *where)
{
	return type == FTW_DP && rmdir(path) < 0 ? errno : 0;
}

int cgroup_remove(const char *folder)
{
	int code = nftw(folder, remove_folder, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);

	if (code < 0)
		code = errno;
	return code == ENOENT ? 0 : -code;
}
