/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * say() - one line on stderr: "slicekeep-keeper: shop.0: TEXT"
 * @format: as text_format(); no line end
 *
 * Context: never blocks and never fails; a reader that does not read loses the line.
 */
void say(const char *format, ...) printf_like(1, 2);

/** say_for() - whose keeper this is, for the lines that follow; @name is borrowed */
void say_for(const char *name, unsigned instance);
