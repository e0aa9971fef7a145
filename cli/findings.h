/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "cli/style.h"
#include "lib/base.h"

struct text;

/** enum verdict - of one check of `doctor` */
enum verdict {
	VERDICT_OK,
	VERDICT_NOTE,  /* worth knowing, nothing is broken */
	VERDICT_WRONG, /* something has to be done */
	VERDICT_COUNT,
};

/**
 * struct findings - what the checks found
 * @rows:   array of {check, verdict, text}
 * @failed: an allocation failed
 */
struct findings {
	json_t *rows;
	bool failed;
};

/** finding_add() - one more, the text formatted */
void finding_add(struct findings *f, const char *check, enum verdict verdict, const char *fmt, ...)
	printf_like(4, 5);

/** findings_wrong() - how many say that something has to be done */
size_t findings_wrong(const struct findings *f);

/** findings_print() - append them as a list */
void findings_print(const struct findings *f, const struct style *style, struct text *out);

/** findings_done() - drop the rows */
void findings_done(struct findings *f);
