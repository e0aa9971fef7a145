/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct keeper;
struct options;

/**
 * handover_exec() - replace this program by the one that now lies at its path, and go on there
 * @peer:   place of the peer that asked, who gets its answer from the new program
 * @serial: of its request
 *
 * Return: only when it failed, with everything as it was: negative errno.
 */
must_check int handover_exec(struct keeper *k, uint32_t peer, uint32_t serial);

/**
 * handover_resume() - in the new program: take everything over, and answer the peer that asked
 * @k:       all zero
 * @options: of the command line, with resume_fd
 *
 * Return: 0 or negative errno.
 */
must_check int handover_resume(struct keeper *k, const struct options *options);
