/* SPDX-License-Identifier: MIT */

/*
 * That the platform goes down, as a file: run/going-down, with who asked for it.
 *
 * A supervisor that is killed in the middle of `down` is brought back by its keeper, and the cli
 * that would tell it again may be gone as well: without the file it would start everything that had
 * just been stopped. So it is written before the first service is told, and stays: only `up`, which
 * starts a new outermost keeper, removes it. Were it removed at the end of `down`, a supervisor
 * killed between that and its exit would find nothing.
 */

#include "supervisor/going-down.h"

#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/paths.h"

/** Enough for any asker. */
#define ASKER_MAX 256

static char *mark(const struct paths *paths)
{
	return file_path_join(paths->run, "going-down");
}

int going_down_remember(const struct paths *paths, const char *asker)
{
	cleanup_free char *path = mark(paths);

	return path ? file_write_quick(path, asker, strlen(asker), 0600) : -ENOMEM;
}

char *going_down_asker(const struct paths *paths)
{
	cleanup_free char *path = mark(paths);
	char *asker = NULL;

	return path && file_read(path, ASKER_MAX, &asker, NULL) == 0 ? asker : NULL;
}

void going_down_forget(const struct paths *paths)
{
	cleanup_free char *path = mark(paths);

	if (path)
		(void)unlink(path);
}
