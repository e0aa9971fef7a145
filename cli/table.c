/* SPDX-License-Identifier: MIT */
/*
 * Columns. The width of a cell is its number of characters, not of bytes, and colour is added when
 * a row is printed: it must never count as width.
 */
#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define GAP 2

struct table_cell {
	char *text;
	size_t width;
	enum paint paint;
};

/* Characters of valid UTF-8. Wide ones count as one: names are ASCII, remarks stand last. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_init(struct table *t, const char *const *heads, size_t n_columns)
{
	assert(n_columns > 0 && n_columns <= TABLE_COLUMNS_MAX);
	*t = (struct table){.heads = heads, .n_columns = n_columns};
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	*t = (struct table){0};
}

static bool table_grow(struct table *t)
{
	size_t cap = t->cap ? t->cap * 2 : 64;
	struct table_cell *cells;

	if (t->n_cells < t->cap)
		return true;
	cells = reallocarray(t->cells, cap, sizeof(*cells));
	if (!cells)
		return false;
	t->cells = cells;
	t->cap = cap;
	return true;
}

void table_add(struct table *t, enum paint paint, const char *s)
{
	cleanup_text struct text safe = {0};
	char *copy = NULL;

	if (t->failed)
		return;
	text_add_escaped(&safe, s, strlen(s), false);
	if (table_grow(t))
		copy = text_take(&safe);
	if (!copy) {
		t->failed = true;
		return;
	}
	t->cells[t->n_cells++] = (struct table_cell){copy, width_of(copy), paint};
}

void table_addf(struct table *t, enum paint paint, const char *fmt, ...)
{
	cleanup_free char *s = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0) {
		s = NULL;
		t->failed = true;
		return;
	}
	table_add(t, paint, s);
}

static void find_widths(const struct table *t, size_t *widths)
{
	for (size_t i = 0; i < t->n_columns; i++)
		widths[i] = width_of(t->heads[i]);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t *width = &widths[i % t->n_columns];

		*width = MAX_OF(*width, t->cells[i].width);
	}
}

/* Bytes of the first @n characters. */
static size_t bytes_of(const char *s, size_t n)
{
	size_t i = 0;

	while (s[i] && (n > 0 || ((unsigned char)s[i] & 0xc0) == 0x80)) {
		i++;
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			n--;
	}
	return i;
}

static void print_row(const struct table_cell *cells, const size_t *widths, size_t n_columns,
		      const struct style *style, size_t columns_max, struct text *out)
{
	size_t column = 0; /* where the next character goes */
	size_t blanks = 0; /* owed, but paid only if something follows */

	for (size_t i = 0; i < n_columns; i++) {
		size_t room = columns_max > column + blanks ? columns_max - column - blanks : 0;
		size_t width = columns_max > 0 ? MIN_OF(cells[i].width, room) : cells[i].width;

		if (width > 0) {
			text_addf(out, "%*s%s", (int)blanks, "", style_on(style, cells[i].paint));
			text_add_bytes(out, cells[i].text, bytes_of(cells[i].text, width));
			text_add(out, cells[i].paint == PAINT_NONE ? "" : style_off(style));
			column += blanks + width;
			blanks = 0;
		}
		blanks += widths[i] - width + GAP;
	}
	text_add(out, "\n");
}

int table_print(const struct table *t, const struct style *style, size_t columns_max,
		struct text *out)
{
	struct table_cell heads[TABLE_COLUMNS_MAX];
	size_t widths[TABLE_COLUMNS_MAX];

	assert(t->n_columns > 0);
	if (t->failed)
		return -ENOMEM;
	find_widths(t, widths);
	for (size_t i = 0; i < t->n_columns; i++)
		heads[i] =
			(struct table_cell){(char *)t->heads[i], width_of(t->heads[i]), PAINT_HEAD};
	print_row(heads, widths, t->n_columns, style, columns_max, out);
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		print_row(t->cells + i, widths, t->n_columns, style, columns_max, out);
	return out->failed ? -ENOMEM : 0;
}
