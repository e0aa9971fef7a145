/* SPDX-License-Identifier: MIT */
#include "supervisor/disk.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/file.h"

/*
 * From a path to its disk, and what that can do. The kernel counts and caps input and output per
 * disk and refuses the number of a partition, which is what stat(2) gives; a partition's folder in
 * sysfs lies in that of its disk. A mapped device (LVM, LUKS) is a disk of its own there.
 */

#define NUMBER_MAX 64
#define FILE_MAX_BYTES 65536

static int read_number(const char *path, char ret[DISK_MAX])
{
	cleanup_free char *text = NULL;
	int r = file_read(path, NUMBER_MAX, &text, NULL);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	snprintf(ret, DISK_MAX, "%s", text);
	return 0;
}

void disk_of(const char *sys, const char *path, char ret[DISK_MAX])
{
	cleanup_free char *partition = NULL, *whole = NULL;
	struct stat st;

	ret[0] = '\0';
	if (stat(path, &st) < 0 || major(st.st_dev) == 0)
		return;
	snprintf(ret, DISK_MAX, "%u:%u", major(st.st_dev), minor(st.st_dev));
	if (asprintf(&partition, "%s/dev/block/%s/partition", sys, ret) < 0 ||
	    asprintf(&whole, "%s/dev/block/%s/../dev", sys, ret) < 0)
		return;
	if (access(partition, F_OK) == 0)
		ignore_result(read_number(whole, ret));
}

static bool file_has(const char *path, const char *words)
{
	cleanup_free char *text = NULL;

	return file_read(path, FILE_MAX_BYTES, &text, NULL) == 0 && strstr(text, words);
}

bool disk_has_weights(const char *sys, const char *disk)
{
	cleanup_free char *scheduler = NULL, *qos = NULL, *enabled = NULL;

	if (asprintf(&scheduler, "%s/dev/block/%s/queue/scheduler", sys, disk) < 0 ||
	    asprintf(&qos, "%s/fs/cgroup/io.cost.qos", sys) < 0 ||
	    asprintf(&enabled, "%s enable=1", disk) < 0)
		return false;
	return file_has(scheduler, "[bfq]") || file_has(qos, enabled);
}
