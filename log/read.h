/* SPDX-License-Identifier: MIT */
#pragma once

/**
 * read_main() - `slicekeep-log read [--log-dir DIR] [FILTER]`: answer a query without a daemon
 * @argv: behind the word "read"
 *
 * Return: exit code: 0, 1 failed, 2 usage or a bad filter, 3 no such service.
 */
int read_main(int argc, char **argv);
