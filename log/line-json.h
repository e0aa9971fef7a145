/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

struct line;

/** line_json() - a Line of io.slicekeep.log without its cursor; a new reference, or NULL */
json_t *line_json(const struct line *line);
