/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config;

/** enum plan_effect - what a new config does to one process */
enum plan_effect {
	PLAN_NOTHING,
	PLAN_LIVE, /* policies and limits: changed while it runs */
	PLAN_RESTART,
	PLAN_START, /* new */
	PLAN_STOP,  /* removed */
	PLAN_EFFECT_COUNT,
};

/**
 * struct plan_row - one process of the union of both configs
 * @name: borrowed from one of the configs
 * @why:  "args and env changed", "not in the config any more"; heap
 */
struct plan_row {
	const char *name;
	enum plan_effect effect;
	char *why;
};

/** struct plan - rows in the order of the new file, removed ones last */
struct plan {
	struct plan_row *rows;
	size_t n_rows;
};

/**
 * plan_make() - what applying @to changes against @from (NULL: nothing was there)
 *
 * Pure; both configs must outlive the plan. Return: 0 or -ENOMEM.
 */
must_check int plan_make(const struct config *from, const struct config *to, struct plan *ret_plan);

/** plan_done() - free the rows */
void plan_done(struct plan *p);

/** plan_effect_name() - "nothing", "live", "restart", "start", "stop" */
const char *plan_effect_name(enum plan_effect effect);
