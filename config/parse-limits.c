/* SPDX-License-Identifier: MIT */

/*
 * Caps of a process and of a slice.
 *
 * One table for both, its first part what a cgroup can do and a slice can have too. Whether a cap
 * is enforced is the launcher's to say, and not a matter of the config. The least memory is a
 * megabyte: below it nothing starts, and who writes 256 meant 256M.
 */

#include <ctype.h>
#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"
#include "config/model.h"
#include "config/parse.h"

#define MEMORY_MIN_BYTES UINT64_C(1048576)
#define RATE_MIN_BYTES UINT64_C(4096)
#define WEIGHT_MAX 10000
#define TASKS_MAX 4194304
#define OPEN_FILES_MIN 16
#define OPEN_FILES_MAX 1048576
#define CPU_NUMBER_MAX 8191
#define OOM_SCORE_MAX 1000

/* "150%" of one CPU, or "max". */
static int read_quota(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	const char *s = json_string_value(value);
	uint64_t *target = member;
	unsigned percent;

	if (!s)
		return parse_fail_kind(p, "a share of one CPU such as \"150%\"", value);
	if (!strcmp(s, "max")) {
		*target = SIZE_INFINITY;
		return 0;
	}
	if (percent_parse(s, &percent) < 0)
		return parse_fail(p, "'%s' is no share of one CPU: \"1%%\" to \"100000%%\"", s);
	*target = percent;
	return 0;
}

/* The number that @s begins with, up to CPU_NUMBER_MAX; NULL when it begins with none. */
static const char *skip_cpu(const char *s, unsigned long *ret_cpu)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return NULL;
	*ret_cpu = strtoul(s, &end, 10);
	return *ret_cpu <= CPU_NUMBER_MAX ? end : NULL;
}

static bool is_cpu_list(const char *s)
{
	for (;;) {
		unsigned long first = 0, last = 0;

		s = skip_cpu(s, &first);
		if (s && *s == '-') {
			s = skip_cpu(s + 1, &last);
			if (last < first)
				return false;
		}
		if (!s || (*s && *s != ','))
			return false;
		if (!*s)
			return true;
		s++;
	}
}

static int read_cpus(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	int r;

	r = parse_text(p, value, f, member);
	if (r == 0 && !is_cpu_list(json_string_value(value)))
		return parse_fail(p, "'%s' is no list of CPUs: write \"0-3,6\"",
				  json_string_value(value));
	return r;
}

static int read_number_or_max(struct parse *p, const json_t *value, const struct field *f,
			      void *member)
{
	uint64_t *target = member;

	if (json_is_string(value) && !strcmp(json_string_value(value), "max")) {
		*target = SIZE_INFINITY;
		return 0;
	}
	if (!json_is_integer(value))
		return parse_fail_kind(p, "an integer or \"max\"", value);
	return parse_integer(p, value, f, member);
}

static int read_oom_score(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct config_limits *l = member;
	json_int_t score = json_integer_value(value);

	if (!json_is_integer(value))
		return parse_fail_kind(p, "an integer", value);
	if (score < -OOM_SCORE_MAX || score > OOM_SCORE_MAX)
		return parse_fail(p, "%" JSON_INTEGER_FORMAT " is out of range: -%d to %d", score,
				  OOM_SCORE_MAX, OOM_SCORE_MAX);
	l->oom_score = (int)score;
	l->has_oom_score = true;
	return 0;
}

#define AT(member) offsetof(struct config_limits, member)

/* What a slice can have too comes first. */
static const struct field limits_fields[] = {
	{"memory_min", parse_size, AT(memory_min)},
	{"memory_low", parse_size, AT(memory_low)},
	{"memory_high", parse_size, AT(memory_high), MEMORY_MIN_BYTES},
	{"memory_max", parse_size, AT(memory_max), MEMORY_MIN_BYTES},
	{"swap_max", parse_size, AT(swap_max)},
	{"cpu_weight", parse_integer, AT(cpu_weight), 1, WEIGHT_MAX},
	{"cpu_quota", read_quota, AT(cpu_quota_percent)},
	{"cpus", read_cpus, AT(cpus), .max = 256},
	{"io_weight", parse_integer, AT(io_weight), 1, WEIGHT_MAX},
	{"io_read_max", parse_size, AT(io_read_max), RATE_MIN_BYTES},
	{"io_write_max", parse_size, AT(io_write_max), RATE_MIN_BYTES},
	{"io_path", parse_path, AT(io_path)},
	{"tasks_max", read_number_or_max, AT(tasks_max), 1, TASKS_MAX},
	{"open_files", read_number_or_max, AT(open_files), OPEN_FILES_MIN, OPEN_FILES_MAX},
	{"oom_score", read_oom_score, 0},
};

#define N_SLICE_FIELDS (ARRAY_LEN(limits_fields) - 2)

static int check_order(struct parse *p, const struct config_limits *l)
{
	cleanup_text struct text place = {0};

	if (l->memory_high == LIMIT_UNSET || l->memory_max == LIMIT_UNSET ||
	    l->memory_high <= l->memory_max)
		return 0;
	place_add_text(&p->place, &place);
	return parse_warn(p, "%s: memory_high is above memory_max and has no effect",
			  place.data ? place.data : "limits");
}

int parse_limits(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	int r = parse_object(p, value, limits_fields, ARRAY_LEN(limits_fields), member);

	return r < 0 ? r : check_order(p, member);
}

int parse_slice_limits(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	int r = parse_object(p, value, limits_fields, N_SLICE_FIELDS, member);

	return r < 0 ? r : check_order(p, member);
}

int parse_finish_rates(struct parse *p, struct config_limits *limits, const char *folder)
{
	if (!config_limits_have_rates(limits) || limits->io_path)
		return 0;
	limits->io_path = strdup(folder);
	return limits->io_path ? 0 : parse_fail_memory(p);
}
