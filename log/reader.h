/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct daemon_hello;

/**
 * reader_main() - the reader process: serve io.slicekeep.log until the writer is gone
 * @log_dir: folder
 *
 * Context: descriptors as in log/reader-child.h.
 * Return: exit code.
 */
int reader_main(const struct daemon_hello *hello, const char *log_dir);
