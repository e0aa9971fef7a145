/* SPDX-License-Identifier: MIT */
/*
 * What services and slices use, as two tables of the same columns.
 */
#include "cli/usage-table.h"

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "cli/table.h"
#include "cli/words.h"

static bool is_of(const json_t *numbers, const char *kind)
{
	return text_equal(json_get_string(numbers, "kind"), kind);
}

static uint64_t cpu_of(const json_t *numbers)
{
	return json_get_uint(json_object_get(numbers, "per_second"), "cpu_usec", 0);
}

/* The busier first, then the larger; otherwise as in the config. */
static int by_use(const void *a, const void *b)
{
	const json_t *one = *(json_t *const *)a;
	const json_t *other = *(json_t *const *)b;
	uint64_t cpu = cpu_of(one), other_cpu = cpu_of(other);
	uint64_t memory = json_get_uint(one, "memory_bytes", 0);
	uint64_t other_memory = json_get_uint(other, "memory_bytes", 0);

	if (cpu != other_cpu)
		return cpu < other_cpu ? 1 : -1;
	return (memory < other_memory) - (memory > other_memory);
}

static void add_waits(struct table *t, const json_t *per_second)
{
	static const char *const keys[] = {"cpu_some_usec", "memory_some_usec", "io_some_usec"};
	cleanup_text struct text waits = {0};
	char buf[WORDS_MAX];
	bool any = false;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		any |= json_object_get(per_second, keys[i]) != NULL;
		text_add(&waits, i > 0 ? " " : "");
		text_add(&waits, words_usage(per_second, keys[i], words_percent, buf));
	}
	table_add(t, PAINT_NONE, any && waits.data ? waits.data : "-");
}

static void add_row(struct table *t, const json_t *numbers)
{
	const json_t *per_second = json_object_get(numbers, "per_second");
	const char *name = json_get_string(numbers, "name");
	char buf[WORDS_MAX];

	table_add(t, PAINT_NONE, name ? name : "?");
	table_add(t, PAINT_NONE, words_usage(per_second, "cpu_usec", words_percent, buf));
	table_add(t, PAINT_NONE, words_usage(per_second, "throttled_usec", words_percent, buf));
	table_add(t, PAINT_NONE, words_memory(numbers, buf));
	table_add(t, PAINT_NONE, words_usage(numbers, "swap_bytes", words_bytes, buf));
	table_add(t, PAINT_NONE, words_usage(numbers, "tasks", words_count, buf));
	table_add(t, PAINT_NONE, words_usage(per_second, "io_read_bytes", words_bytes, buf));
	table_add(t, PAINT_NONE, words_usage(per_second, "io_write_bytes", words_bytes, buf));
	add_waits(t, per_second);
}

/* Those of one kind, sorted; heap, NULL when out of memory. */
static json_t **rows_of(const json_t *numbers, const char *kind, size_t *ret_n)
{
	json_t **rows = calloc(json_array_size(numbers) + 1, sizeof(json_t *));
	size_t n = 0;
	json_t *one;
	size_t i;

	if (!rows)
		return NULL;
	json_array_foreach(numbers, i, one) {
		if (is_of(one, kind) && json_object_get(one, "per_second"))
			rows[n++] = one;
	}
	qsort(rows, n, sizeof(json_t *), by_use);
	*ret_n = n;
	return rows;
}

/* Into @lines_max lines: a head, rows, and how many more there are. */
static int print_rows(json_t *const *rows, size_t n, const char *head, const struct style *style,
		      size_t lines_max, struct text *out)
{
	const char *const heads[] = {head,    "CPU",  "HELD",  "MEMORY",          "SWAP",
				     "TASKS", "READ", "WRITE", "WAITS cpu mem io"};
	size_t shown = n < lines_max ? n : lines_max - MIN_OF(lines_max, (size_t)2);
	cleanup_table struct table t = {0};
	int code;

	if (n == 0 || lines_max == 0)
		return 0;
	table_init(&t, heads, ARRAY_LEN(heads));
	for (size_t i = 0; i < shown; i++)
		add_row(&t, rows[i]);
	code = table_print(&t, style, style->columns, out);
	if (shown < n && lines_max > 1)
		text_addf(out, "and %zu more\n", n - shown);
	return code;
}

/* With its head. */
static size_t lines_of(size_t n)
{
	return n > 0 ? n + 1 : 0;
}

int usage_table(const json_t *numbers, const struct style *style, struct text *out)
{
	size_t n_services = 0, n_slices = 0, lines = SIZE_MAX, lines_of_services;
	cleanup_free json_t **services = rows_of(numbers, "service", &n_services);
	cleanup_free json_t **slices = rows_of(numbers, "slice", &n_slices);
	int code;

	if (!services || !slices)
		return -ENOMEM;
	if (n_services == 0) {
		text_add(out, "nothing runs\n");
		return out->failed ? -ENOMEM : 0;
	}
	/* The last line of a terminal is the cursor's. */
	if (style->rows > 0)
		lines = style->rows - 1;
	lines_of_services = MAX_OF(lines - MIN_OF(lines, lines_of(n_slices)), lines / 2);
	lines_of_services = MIN_OF(lines_of_services, lines_of(n_services));
	code = print_rows(services, n_services, "SERVICE", style, lines_of_services, out);
	if (code == 0)
		code = print_rows(slices, n_slices, "SLICE", style, lines - lines_of_services, out);
	return code < 0 || out->failed ? -ENOMEM : 0;
}
