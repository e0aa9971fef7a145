/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct daemon_hello;

/**
 * housekeeper_main() - the housekeeper process: one pass through the log folder
 * @sync: have the disk take what is being written, too
 *
 * Context: descriptor as in log/housekeeper-child.h.
 * Return: exit code.
 */
int housekeeper_main(const struct daemon_hello *hello, const char *log_dir, bool sync);
