/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct cli;
struct error;

/**
 * layout_choose() - find out which platform the person means
 * @cli: its system is read, its paths and guest are set
 *
 * Return: 0 or negative errno with a text.
 */
must_check int layout_choose(struct cli *cli, struct error *err);
