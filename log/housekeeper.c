/* SPDX-License-Identifier: MIT */

/*
 * The housekeeper: what takes time or the disk, and must not delay collecting.
 *
 * The writer starts it, it makes one pass through the log folder and ends: it packs each segment
 * that is complete, which is each that is not the newest of its stream, and it has the disk take
 * what was written since the last pass. It runs at low priority, one at a time under a lock, and
 * dies with the writer. It may be killed at any instruction (log/packing.c), and nothing waits for
 * it.
 *
 * What is kept of a stream, then, through which crash:
 * - of the collector, the housekeeper or a reader: everything (log/segment.c);
 * - of the kernel, or of the power: what is packed, since a plain file is only deleted when the
 *   disk has said that it has the packed one; and of the rest what was stored a sync interval and
 *   one pass before. The interval is 10 s unless log.sync says otherwise; with 0 it is what the
 *   kernel does by itself, about 30 s;
 * - of the disk: what the damaged frame held is lost, and said where it is missing.
 *
 * Since when files have to be synced is written in the lock's file at the end of each pass in which
 * all of them were. A clock that was set back makes that a time to come, and then everything is.
 */

#include "log/housekeeper.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/clock.h"
#include "lib/daemon.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/log.h"

#include "log/housekeeper-child.h"
#include "log/packing.h"
#include "log/store.h"

#define LOCK_NAME ".housekeeper"
#define NICE_LOWEST 19
/** Times of files come from a clock that is behind by a tick. */
#define TICK_USEC (10 * USEC_PER_MSEC)

/**
 * struct pass
 * @is_behind:   something could not be synced: the next pass has to do it
 * @synced_usec: what was written after that (wall clock) may not be on the disk
 * @entries:     @n_entries segments of the folder that is looked at
 */
struct pass {
	struct store store;
	int lock_fd;
	bool sync;
	bool is_behind;
	usec_t began_usec;
	usec_t synced_usec;
	struct store_entry *entries;
	size_t n_entries;
	size_t room;
};

/* --- syncing ---------------------------------------------------------------------------------- */

static int pass_lock(struct pass *p)
{
	int r;

	p->lock_fd = openat(p->store.dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0)
		return -errno;
	/* A former one is dying with its writer. */
	while ((r = flock(p->lock_fd, LOCK_EX)) < 0 && errno == EINTR)
		;
	if (r < 0)
		return -errno;
	p->began_usec = usec_sub(clock_at_usec(), TICK_USEC);
	if (pread(p->lock_fd, &p->synced_usec, sizeof(p->synced_usec), 0) !=
		    sizeof(p->synced_usec) ||
	    p->synced_usec > p->began_usec)
		p->synced_usec = 0;
	return 0;
}

static bool was_written(const struct pass *p, const struct stat *st)
{
	return (usec_t)st->st_mtim.tv_sec * USEC_PER_SEC + (usec_t)st->st_mtim.tv_nsec / 1000 >=
	       p->synced_usec;
}

static int file_sync(const struct pass *p, const struct store_entry *entry, enum segment_file file)
{
	cleanup_close int fd = store_open_file(&p->store, &entry->id, entry->seq, file, O_RDONLY);
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return was_written(p, &st) && fdatasync(fd) < 0 ? -errno : 0;
}

/* Bytes first: records that are ahead of them would be dropped. */
static int segment_sync(const struct pass *p, const struct store_entry *entry)
{
	int r = file_sync(p, entry, SEGMENT_FILE_LOG);

	return r < 0 ? r : file_sync(p, entry, SEGMENT_FILE_INDEX);
}

/* The names of what is new. */
static int folder_sync(const struct pass *p, int dir_fd)
{
	struct stat st;

	if (!p->sync)
		return 0;
	if (fstat(dir_fd, &st) < 0)
		return -errno;
	return was_written(p, &st) && fsync(dir_fd) < 0 ? -errno : 0;
}

/* --- one folder ------------------------------------------------------------------------------- */

static int on_segment(const struct store_entry *entry, void *userdata)
{
	struct pass *p = userdata;

	if (p->n_entries == p->room) {
		size_t room = MAX_OF(p->room * 2, (size_t)64);
		struct store_entry *grown = reallocarray(p->entries, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		p->entries = grown;
		p->room = room;
	}
	p->entries[p->n_entries++] = *entry;
	return 0;
}

static int entry_order(const void *a, const void *b)
{
	const struct store_entry *x = a, *y = b;
	int order = stream_id_compare(&x->id, &y->id);

	return order ? order : x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool is_newest(const struct pass *p, size_t i)
{
	return i + 1 == p->n_entries ||
	       stream_id_compare(&p->entries[i].id, &p->entries[i + 1].id) != 0;
}

static void on_packed(const struct store_entry *entry, uint64_t bytes, void *userdata)
{
	struct housekeeper_note note = {.id = entry->id, .seq = entry->seq, .bytes = bytes};

	/* Where the writer is gone, so are we. */
	ignore_result(send(HOUSEKEEPER_FD_WRITER, &note, sizeof(note), MSG_NOSIGNAL));
}

/* What cannot be packed now, on a disk that is nearly full for example, is synced as it is. */
static int segment_keep(struct pass *p, int dir_fd, size_t i)
{
	const struct store_entry *entry = &p->entries[i];
	int r = 0, code;

	if (entry->packed)
		return packing_finish(dir_fd, entry);
	if (!is_newest(p, i)) {
		r = packing_pack(&p->store, dir_fd, entry, on_packed, p);
		if (r == 0)
			return 0;
	}
	code = p->sync ? segment_sync(p, entry) : 0;
	p->is_behind |= code < 0;
	return code < 0 ? code : MIN_OF(r, 0);
}

static int folder_keep(struct pass *p, const char *service)
{
	cleanup_close int dir_fd =
		openat(p->store.dir_fd, service, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (dir_fd < 0)
		return -errno;
	packing_clean(dir_fd);
	p->n_entries = 0;
	r = store_list(&p->store, service, on_segment, p);
	if (r < 0)
		return r;
	if (p->n_entries > 0)
		qsort(p->entries, p->n_entries, sizeof(*p->entries), entry_order);
	for (size_t i = 0; i < p->n_entries; i++) {
		r = segment_keep(p, dir_fd, i);
		if (r < 0 && r != -ENOSPC)
			log_warning("cannot pack or sync a segment of \"%s\": %s", service,
				    strerror(-r));
	}
	return folder_sync(p, dir_fd);
}

/* One that cannot be kept, or that retention has removed, must not be the end of all others. */
static int on_service(const char *service, void *userdata)
{
	struct pass *p = userdata;
	int r = folder_keep(p, service);

	if (r == -ENOENT || r == 0)
		return 0;
	p->is_behind = true;
	log_warning("cannot pack or sync the segments of \"%s\": %s", service, strerror(-r));
	return 0;
}

/* --- the pass --------------------------------------------------------------------------------- */

static int pass_make(struct pass *p)
{
	int r = pass_lock(p);

	if (r == 0)
		r = store_services(&p->store, on_service, p);
	if (r == 0)
		r = folder_sync(p, p->store.dir_fd);
	if (r == 0 && p->sync && !p->is_behind &&
	    pwrite(p->lock_fd, &p->began_usec, sizeof(p->began_usec), 0) < 0)
		r = -errno;
	return r;
}

static void give_way(void)
{
	(void)setpriority(PRIO_PROCESS, 0, NICE_LOWEST);
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		      IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_NR_LEVELS - 1));
}

int housekeeper_main(const struct daemon_hello *hello, const char *log_dir, bool sync)
{
	struct pass pass = {.store = {.dir_fd = -1}, .lock_fd = -1, .sync = sync};
	struct error err = {0};
	char byte;
	int r;

	(void)prctl(PR_SET_NAME, "slicekeep-log");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	daemon_prepare(hello);
	if (fd_set_cloexec(HOUSEKEEPER_FD_WRITER, true) < 0) {
		log_error("the housekeeper is started by slicekeep-log itself");
		return 1;
	}
	/* The writer may have died before its death was arranged to be ours. */
	if (recv(HOUSEKEEPER_FD_WRITER, &byte, 1, MSG_DONTWAIT) == 0)
		return 0;
	give_way();
	r = store_open(&pass.store, log_dir, false, &err);
	if (r == 0) {
		r = pass_make(&pass);
		if (r < 0)
			error_set(&err, r, "cannot keep \"%s\": %s", log_dir, strerror(-r));
	}
	if (r < 0)
		log_error("housekeeper: %s", err.text);
	free(pass.entries);
	close_fd(&pass.lock_fd);
	store_done(&pass.store);
	return r < 0 ? 1 : 0;
}
