/* SPDX-License-Identifier: MIT */
#pragma once

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "lib/base.h"

/*
 * A folder for one test, and what is in it. Header only, so that a test still lists the .c files of
 * the project alone.
 */

#define TEMP_PATH_MAX 4096

/** struct temp - a temporary folder */
struct temp {
	char path[64];
};

/** temp_init() - make it; a test that cannot have one ends here */
static inline void temp_init(struct temp *t)
{
	(void)snprintf(t->path, sizeof(t->path), "/tmp/slicekeep-test-XXXXXX");
	if (!mkdtemp(t->path))
		abort();
}

/** temp_remove_one() - what temp_done() does with each entry */
static inline int temp_remove_one(const char *path, const struct stat *st, int kind,
				  struct FTW *where)
{
	return remove(path);
}

/** temp_done() - remove the folder and all that is in it */
static inline void temp_done(struct temp *t)
{
	if (nftw(t->path, temp_remove_one, 8, FTW_DEPTH | FTW_PHYS) < 0)
		abort();
}

/** temp_path() - "FOLDER/NAME" in one of eight buffers that take turns */
static inline const char *temp_path(const struct temp *t, const char *name)
{
	static char paths[8][TEMP_PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % ARRAY_LEN(paths)];

	if (snprintf(path, TEMP_PATH_MAX, "%s/%s", t->path, name) >= TEMP_PATH_MAX)
		abort();
	return path;
}

/** folder_count() - entries of a folder without "." and ".." */
static inline int folder_count(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return -1;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(dir);
	return n;
}

/** open_fds() - how many descriptors this process has */
static inline int open_fds(void)
{
	return folder_count("/proc/self/fd") - 1;
}
