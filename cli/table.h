/* SPDX-License-Identifier: MIT */
#pragma once

#include "cli/style.h"
#include "lib/base.h"

struct text;

#define TABLE_COLUMNS_MAX 9

struct table_cell;

/**
 * struct table - cells that are printed below each other
 * @heads:  @n_columns titles, borrowed; the last one may be "" for a column of remarks
 * @cells:  row by row
 * @failed: an allocation failed; later calls do nothing and nothing is printed
 */
struct table {
	const char *const *heads;
	size_t n_columns;
	struct table_cell *cells;
	size_t n_cells;
	size_t cap;
	bool failed;
};

#define cleanup_table cleanup(table_done)

/** table_init() - an empty table */
void table_init(struct table *t, const char *const *heads, size_t n_columns);

/** table_done() - free the cells */
void table_done(struct table *t);

/** table_add() - the next cell, row after row; its text is copied and made safe for a terminal */
void table_add(struct table *t, enum paint paint, const char *s);

/** table_addf() - the next cell, formatted */
void table_addf(struct table *t, enum paint paint, const char *fmt, ...) printf_like(3, 4);

/**
 * table_print() - append heads and rows, columns two blanks apart, no blanks at the end of a line
 * @columns_max: lines are cut at this width; 0: never
 *
 * Return: 0 or -ENOMEM.
 */
must_check int table_print(const struct table *t, const struct style *style, size_t columns_max,
			   struct text *out);
