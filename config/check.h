/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct parse;

/**
 * check_references() - whether what the parts of a config say about each other fits
 *
 * `after` names existing processes and leads in no circle, `slice` and a hook's `services` exist,
 * no two processes have the same port or socket.
 *
 * Return: 0, -EINVAL with a text, -ENOMEM.
 */
must_check int check_references(struct parse *p);

/**
 * check_files() - what the file system has to say: root is written out in the system layout, the
 * file with secrets is nobody else's
 *
 * Return: 0 (with warnings in the config), -EINVAL with a text, -ENOMEM.
 */
must_check int check_files(struct parse *p);

/** check_later() - warnings about what this build does not carry out; Return: 0 or -ENOMEM */
must_check int check_later(struct parse *p);
