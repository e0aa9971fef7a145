/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

#include "log/stream-id.h"

struct error;
struct frame_cache;

/**
 * struct store - the log folder
 * @dir_fd: everything is opened relative to it
 * @path:   for messages
 * @frames: of all its packed files that are being read
 */
struct store {
	int dir_fd;
	char *path;
	struct frame_cache *frames;
};

/**
 * store_open() - open the log folder
 * @create: make it if it is not there
 *
 * Return: 0 or negative errno; store_done() is allowed in either case.
 */
must_check int store_open(struct store *s, const char *path, bool create, struct error *err);

/** store_done() - close it; a zeroed store is not allowed, a failed store_open() is */
void store_done(struct store *s);

/**
 * store_lock() - become the only writer; waits while another one is still there
 * @ret_fd: holds the lock until it is closed
 *
 * Context: blocks, so only before the loop runs.
 * Return: 0 or negative errno.
 */
must_check int store_lock(const struct store *s, int *ret_fd, struct error *err);

/** store_make_folder() - make a service's folder; Return: 0, also when it is there; negative errno
 */
must_check int store_make_folder(const struct store *s, const char *service);

/** store_has_service() - whether anything was ever stored under that name */
bool store_has_service(const struct store *s, const char *service);

/**
 * store_open_file() - open one file of a segment
 * @flags: of open(2); O_CLOEXEC and O_NOFOLLOW are added
 *
 * Return: descriptor or negative errno.
 */
must_check int store_open_file(const struct store *s, const struct stream_id *id, uint64_t seq,
			       enum segment_file file, int flags);

/** store_has_segment() - whether there is one of that number, plain or packed, or may be */
bool store_has_segment(const struct store *s, const struct stream_id *id, uint64_t seq);

/** store_delete() - delete all files of a segment; Return: 0, also when it was gone; negative errno
 */
must_check int store_delete(const struct store *s, const struct stream_id *id, uint64_t seq);

/** store_remove_folder() - remove a service's folder, if nothing is in it any more */
void store_remove_folder(const struct store *s, const char *service);

/**
 * struct store_entry - one segment as the folder shows it
 * @packed:      as it is stored, what @log_bytes and @index_bytes are as well
 * @index_bytes: 0 when the index is missing
 * @at_usec:     modification time: the arrival of its newest byte
 */
struct store_entry {
	struct stream_id id;
	uint64_t seq;
	bool packed;
	uint64_t log_bytes;
	uint64_t index_bytes;
	usec_t at_usec;
};

/** store_entry_fn() - called for each; Return: 0 to go on, anything else ends the listing */
typedef int (*store_entry_fn)(const struct store_entry *entry, void *userdata);

/**
 * store_list() - the segments of one service, in no order
 *
 * Context: a housekeeper that is about to delete what it has packed waits for the end of @fn.
 * Return: 0, what @fn returned, or negative errno (-ENOENT: no such service).
 */
must_check int store_list(const struct store *s, const char *service, store_entry_fn fn,
			  void *userdata);

/**
 * store_sweep() - delete what a kill has left in a service's folder: indexes without a segment
 *
 * Context: with the store's lock.
 */
void store_sweep(const struct store *s, const char *service);

/** store_service_fn() - called for each service; Return: as store_entry_fn() */
typedef int (*store_service_fn)(const char *service, void *userdata);

/** store_services() - the names of all services that have a folder, in no order; Return: as above
 */
must_check int store_services(const struct store *s, store_service_fn fn, void *userdata);

/** store_fs_bytes() - size of the file system, 0: it does not know; Return: 0 or negative errno */
must_check int store_fs_bytes(const struct store *s, uint64_t *ret_bytes);
