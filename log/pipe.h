/* SPDX-License-Identifier: MIT */
#pragma once

/**
 * pipe_main() - `slicekeep-log pipe NAME`: hand over what comes on stdin
 * @argv: behind the word "pipe"
 *
 * Return: exit code: 0 when everything is stored, 1 failed, 2 usage.
 */
int pipe_main(int argc, char **argv);
