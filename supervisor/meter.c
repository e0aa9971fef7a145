/* SPDX-License-Identifier: MIT */
#include "supervisor/meter.h"

#include <fcntl.h>

#include "supervisor/numbers.h"

/*
 * A pread(2) of a file that is open costs a fifteenth of open, read and close (2.4 against 37 us in
 * the machine of the tests): most of that is the way through the folders. It also costs the kernel
 * a page for each file, which is why the files that hardly ever change are not kept.
 */

void meter_init(struct meter *m)
{
	m->folder = -1;
	for (size_t i = 0; i < CGROUP_FILE_RARE; i++)
		m->fds[i] = -1;
}

int meter_open(struct meter *m, int at, const char *path)
{
	m->folder = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->folder < 0)
		return -errno;
	for (enum cgroup_file i = 0; i < CGROUP_FILE_RARE; i++)
		m->fds[i] = openat(m->folder, cgroup_file_name(i), O_RDONLY | O_CLOEXEC);
	return 0;
}

void meter_close(struct meter *m)
{
	if (m->folder < 0)
		return;
	for (size_t i = 0; i < CGROUP_FILE_RARE; i++)
		close_fd(&m->fds[i]);
	close_fd(&m->folder);
}

bool meter_is_open(const struct meter *m)
{
	return m->folder >= 0;
}

static int read_file(int fd, enum cgroup_file file, struct numbers *n)
{
	char text[CGROUP_TEXT_MAX];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len < 0)
		return -errno;
	text[len] = '\0';
	cgroup_text_read(file, text, n);
	return 0;
}

/* A file that cannot be read, as pressure with psi=0, is none. */
int meter_read(const struct meter *m, struct numbers *n)
{
	int r = 0;

	for (enum cgroup_file i = 0; i < CGROUP_FILE_RARE && r != -ENODEV; i++) {
		if (m->fds[i] >= 0)
			r = read_file(m->fds[i], i, n);
	}
	return r == -ENODEV ? r : 0;
}

void meter_read_rare(const struct meter *m, struct numbers *n)
{
	for (enum cgroup_file i = CGROUP_FILE_RARE; i < CGROUP_FILE_COUNT; i++) {
		cleanup_close int fd = openat(m->folder, cgroup_file_name(i), O_RDONLY | O_CLOEXEC);

		n->value[NUMBER_MEMORY_PEAK_BYTES + (i - CGROUP_FILE_RARE)] = NUMBER_UNKNOWN;
		if (fd >= 0)
			ignore_result(read_file(fd, i, n));
	}
}
