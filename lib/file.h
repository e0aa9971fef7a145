/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"

struct error;

/**
 * file_read() - read a whole file
 * @path:     which
 * @max:      more bytes than this are refused
 * @ret_data: heap, NUL-terminated behind its length, freed by the caller
 * @ret_len:  bytes before that NUL; NULL when of no interest
 *
 * Context: never waits; a FIFO without data gives -EAGAIN, one without a writer is empty.
 * Return: 0, -EFBIG, -ENOMEM or the errno of open(2) and read(2).
 */
must_check int file_read(const char *path, size_t max, char **ret_data, size_t *ret_len);

/**
 * file_write_atomic() - replace a file so that a crash leaves the old content or the new
 * @path: target; its folder must exist
 * @mode: permissions of the new file
 *
 * Written to a temporary file beside it, fsync(2), rename(2), fsync of the folder.
 *
 * Return: 0 or negative errno; nothing is left behind on failure.
 */
must_check int file_write_atomic(const char *path, const void *data, size_t n_bytes, mode_t mode);

/**
 * file_write_quick() - the same without fsync, for files below run/ that a reboot empties anyway
 */
must_check int file_write_quick(const char *path, const void *data, size_t n_bytes, mode_t mode);

/** file_make_folders() - mkdir -p, @mode less the umask for each; Return: 0 or negative errno */
must_check int file_make_folders(const char *path, mode_t mode);

/**
 * file_path_join() - "@base/@path", or @path alone when it is absolute; "." and ".." are resolved
 * by text ("a/../b" becomes "b"), symbolic links are not followed
 *
 * Return: heap string, or NULL when out of memory.
 */
char *file_path_join(const char *base, const char *path);

/** file_folder_of() - the folder that holds @path ("." for a bare name); heap or NULL */
char *file_folder_of(const char *path);

/**
 * file_lock() - open @path, made 0600 if it is not there, and take an exclusive flock(2) on it,
 * without waiting
 *
 * Return: descriptor that holds the lock, -EWOULDBLOCK when somebody else has it, negative errno.
 */
must_check int file_lock(const char *path);
