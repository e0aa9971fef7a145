/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/un.h>

#include "lib/base.h"

/**
 * address_make() - the address of a Unix socket whose path may be longer than sun_path (107 bytes)
 * @path:       where it is; its last part must fit by itself
 * @suffix:     appended to the last part, or ""
 * @ret_folder: descriptor that the address leads through; keep it open as long as it is used. -1
 *              when the path fits as it is
 *
 * Return: 0, -ENAMETOOLONG, or the errno of opening the folder.
 */
must_check int address_make(const char *path, const char *suffix, struct sockaddr_un *ret_address,
			    int *ret_folder);
