/* SPDX-License-Identifier: MIT */
/*
 * The list that `doctor` makes: each check says one thing, and how bad it is.
 */
#include "cli/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"

static const char *const verdict_names[] = {
	[VERDICT_OK] = "ok",
	[VERDICT_NOTE] = "note",
	[VERDICT_WRONG] = "wrong",
};

static_assert(ARRAY_LEN(verdict_names) == VERDICT_COUNT, "each verdict has a name");

void finding_add(struct findings *f, const char *check, enum verdict verdict, const char *fmt, ...)
{
	cleanup_free char *text = NULL;
	json_t *row;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		f->failed = true;
		return;
	}
	if (!f->rows)
		f->rows = json_array();
	row = json_pack("{s:s, s:s, s:o}", "check", check, "verdict", verdict_names[verdict],
			"text", json_text(text, (size_t)n));
	if (json_array_append_new(f->rows, row) < 0)
		f->failed = true;
}

static bool is_verdict(const json_t *row, enum verdict verdict)
{
	return text_equal(json_get_string(row, "verdict"), verdict_names[verdict]);
}

size_t findings_wrong(const struct findings *f)
{
	size_t n = 0;
	size_t i;
	json_t *row;

	json_array_foreach(f->rows, i, row)
		n += is_verdict(row, VERDICT_WRONG);
	return n;
}

static enum paint paint_of(const json_t *row)
{
	if (is_verdict(row, VERDICT_WRONG))
		return PAINT_BAD;
	return is_verdict(row, VERDICT_NOTE) ? PAINT_BUSY : PAINT_GOOD;
}

void findings_print(const struct findings *f, const struct style *style, struct text *out)
{
	size_t i;
	json_t *row;

	json_array_foreach(f->rows, i, row) {
		const char *text = json_get_string(row, "text");

		text_addf(out, "%s%-5s%s  %-10s  ", style_on(style, paint_of(row)),
			  json_get_string(row, "verdict"), style_off(style),
			  json_get_string(row, "check"));
		text_add_escaped(out, text, strlen(text), false);
		text_add(out, "\n");
	}
}

void findings_done(struct findings *f)
{
	json_decref(f->rows);
	f->rows = NULL;
}
