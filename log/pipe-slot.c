/* SPDX-License-Identifier: MIT */

/*
 * The slot of a pipe: two that have one name must not share a stream, because the collector stores
 * the lives of a stream one after the other, and the second program would stand still until the
 * first has ended.
 *
 * So each takes a slot of its own, by a lock on a file below the run folder that ends with the
 * process. Slots are counted from PIPE_SLOT_FIRST on, where no service has one: a service that is
 * given the same name one day must not wait for a pipe either. The files are removed; whoever has
 * locked one that is no longer there takes it again.
 */

#include "log/pipe-slot.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/text.h"

void pipe_slot_done(struct pipe_slot *s)
{
	if (s->fd >= 0)
		(void)unlink(s->path);
	close_fd(&s->fd);
	free(s->path);
	s->path = NULL;
}

static bool is_still_there(int fd, const char *path)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && lstat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

/* Return: 0, -EWOULDBLOCK when somebody has it, negative errno. */
static int slot_lock(struct pipe_slot *s, const char *run_dir, const struct stream_id *id)
{
	char name[STREAM_ID_TEXT_MAX];
	cleanup_text struct text t = {0};
	cleanup_free char *path = NULL;

	text_addf(&t, "%s/pipe-%s", run_dir, stream_id_format(id, name));
	path = text_take(&t);
	if (!path)
		return -ENOMEM;
	while (true) {
		cleanup_close int fd = file_lock(path);

		if (fd < 0)
			return steal_fd(&fd);
		if (!is_still_there(fd, path))
			continue;
		s->fd = steal_fd(&fd);
		s->path = steal_ptr(path);
		return 0;
	}
}

static int slot_take_given(struct pipe_slot *s, const char *run_dir, const struct stream_id *id,
			   struct error *err)
{
	cleanup_text struct text keeper = {0};
	int r;

	text_addf(&keeper, "%s/keeper/%s-%u.sock", run_dir, id->service, id->instance);
	if (!keeper.data)
		return -ENOMEM;
	if (access(keeper.data, F_OK) == 0)
		return error_set(err, -EBUSY,
				 "\"%s\" is a service whose slot %u prints itself; choose another "
				 "name, or leave out --instance",
				 id->service, id->instance);
	r = slot_lock(s, run_dir, id);
	if (r == -EWOULDBLOCK)
		return error_set(err, -EBUSY,
				 "another pipe \"%s\" has the slot %u; leave out --instance to get "
				 "a free one",
				 id->service, id->instance);
	return r;
}

static int slot_take_free(struct pipe_slot *s, const char *run_dir, struct stream_id *id,
			  struct error *err)
{
	int r = -EWOULDBLOCK;

	for (uint32_t i = 0; i < PIPE_SLOTS_MAX && r == -EWOULDBLOCK; i++) {
		id->instance = PIPE_SLOT_FIRST + i;
		r = slot_lock(s, run_dir, id);
	}
	if (r == -EWOULDBLOCK)
		return error_set(err, -EBUSY,
				 "%d pipes \"%s\" are open already; choose another name",
				 PIPE_SLOTS_MAX, id->service);
	return r;
}

int pipe_slot_take(struct pipe_slot *s, const char *run_dir, struct stream_id *id, bool given,
		   struct error *err)
{
	int r;

	*s = (struct pipe_slot){.fd = -1};
	r = file_make_folders(run_dir, 0755);
	if (r == 0)
		r = given ? slot_take_given(s, run_dir, id, err)
			  : slot_take_free(s, run_dir, id, err);
	if (r < 0 && r != -EBUSY)
		error_set(err, r,
			  "cannot make a lock file in \"%s\": %s; run it as root or as the "
			  "collector's user, for example with sudo",
			  run_dir, strerror(-r));
	return r;
}
