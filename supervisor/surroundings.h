/* SPDX-License-Identifier: MIT */
#pragma once

#include "supervisor/exit-report.h"
#include "supervisor/oom-victim.h"

struct service;

/** struct surroundings - what was going on around an exit; @around points into it */
struct surroundings {
	struct exit_surroundings around;
	char victim[OOM_VICTIM_MAX];
};

/** surroundings_look() - look for it now, right after the exit */
void surroundings_look(const struct service *s, const struct keeper_exit *e,
		       struct surroundings *ret);
