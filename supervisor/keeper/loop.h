/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct keeper;

/**
 * loop_run() - watch everything until the keeper has left
 * @signals: a signalfd of SIGCHLD, SIGTERM, SIGINT and SIGHUP, which are blocked
 *
 * Return: 0, or negative errno when the kernel cannot even wait.
 */
must_check int loop_run(struct keeper *k, int signals);
