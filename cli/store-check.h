/* SPDX-License-Identifier: MIT */
#pragma once

struct cli;
struct findings;

/** store_check() - have the store verified, for a bounded time, and add what was found */
void store_check(const struct cli *cli, struct findings *findings);
