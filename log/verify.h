/* SPDX-License-Identifier: MIT */
#pragma once

/**
 * verify_main() - `slicekeep-log verify [--repair] [NAME…]`: whether the store is what it should be
 * @argv: behind the word "verify"
 *
 * Return: exit code: 0, 1 when something is wrong and was not repaired, 2 usage, 3 no such service.
 */
int verify_main(int argc, char **argv);
