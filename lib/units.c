/* SPDX-License-Identifier: MIT */
#include "lib/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Sizes, durations and percentages as people write them in a config file.
 *
 * All arithmetic is on integers: "0.1G" through a double would be a byte off, and a limit that is
 * shown must be the limit that is set. What does not fit is -ERANGE and never wraps; the largest
 * value means "no limit" and cannot be reached by writing a number.
 */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{"T", UINT64_C(1) << 40},
	{"G", UINT64_C(1) << 30},
	{"M", UINT64_C(1) << 20},
	{"K", UINT64_C(1) << 10},
};

/* "ms" stands before "m": the first that matches is taken. */
static const struct unit duration_units[] = {
	{"ms", USEC_PER_MSEC},  {"d", USEC_PER_DAY}, {"h", USEC_PER_HOUR},
	{"m", USEC_PER_MINUTE}, {"s", USEC_PER_SEC},
};

/* More digits behind the point than this would overflow when multiplied with a terabyte. */
#define FRACTION_DIGITS_MAX 6
#define FRACTION_SCALE 1000000

/**
 * struct number - a decimal number as it was written
 * @whole:    before the point
 * @fraction: behind it, in units of 1 / FRACTION_SCALE
 * @has_fraction: there was a point
 */
struct number {
	uint64_t whole;
	uint64_t fraction;
	bool has_fraction;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits[.digits] and moves *s behind it. */
static int number_read(const char **s, struct number *ret)
{
	struct number n = {0};
	uint64_t scale = FRACTION_SCALE;
	const char *p = *s;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(n.whole, 10, &n.whole) ||
		    __builtin_add_overflow(n.whole, (uint64_t)(*p - '0'), &n.whole))
			return -ERANGE;
	}
	if (*p == '.') {
		n.has_fraction = true;
		if (!is_digit(*++p) || strspn(p, "0123456789") > FRACTION_DIGITS_MAX)
			return -EINVAL;
		for (; is_digit(*p); p++) {
			scale /= 10;
			n.fraction += (uint64_t)(*p - '0') * scale;
		}
	}
	*s = p;
	*ret = n;
	return 0;
}

static int number_times(const struct number *n, uint64_t factor, uint64_t *ret)
{
	uint64_t value;

	if (__builtin_mul_overflow(n->whole, factor, &value) ||
	    __builtin_add_overflow(value, n->fraction * factor / FRACTION_SCALE, &value))
		return -ERANGE;
	*ret = value;
	return 0;
}

/* The unit that *s begins with, *s moved behind it; NULL when it begins with none. */
static const struct unit *unit_read(const char **s, const struct unit *units, size_t n_units)
{
	for (size_t i = 0; i < n_units; i++) {
		size_t len = strlen(units[i].name);

		if (strncmp(*s, units[i].name, len) == 0) {
			*s += len;
			return &units[i];
		}
	}
	return NULL;
}

int size_parse(const char *s, uint64_t *ret_bytes)
{
	const struct unit *unit;
	struct number n;
	uint64_t bytes;
	int r;

	if (strcmp(s, "max") == 0) {
		*ret_bytes = SIZE_INFINITY;
		return 0;
	}
	r = number_read(&s, &n);
	if (r < 0)
		return r;
	unit = unit_read(&s, size_units, ARRAY_LEN(size_units));
	if (*s != '\0' || (!unit && n.has_fraction))
		return -EINVAL;
	r = number_times(&n, unit ? unit->factor : 1, &bytes);
	if (r < 0)
		return r;
	if (bytes == SIZE_INFINITY)
		return -ERANGE;
	*ret_bytes = bytes;
	return 0;
}

int duration_parse(const char *s, usec_t *ret_usec)
{
	usec_t sum = 0;

	if (strcmp(s, "infinity") == 0) {
		*ret_usec = USEC_INFINITY;
		return 0;
	}
	if (strcmp(s, "0") == 0) {
		*ret_usec = 0;
		return 0;
	}
	do {
		const struct unit *unit;
		struct number n;
		usec_t part;
		int r;

		r = number_read(&s, &n);
		if (r < 0)
			return r;
		unit = unit_read(&s, duration_units, ARRAY_LEN(duration_units));
		if (!unit)
			return -EINVAL;
		r = number_times(&n, unit->factor, &part);
		if (r < 0 || __builtin_add_overflow(sum, part, &sum) || sum == USEC_INFINITY)
			return -ERANGE;
	} while (*s != '\0');
	*ret_usec = sum;
	return 0;
}

int percent_parse(const char *s, unsigned *ret_percent)
{
	struct number n;
	int r;

	r = number_read(&s, &n);
	if (r < 0)
		return r;
	if (n.has_fraction || strcmp(s, "%") != 0)
		return -EINVAL;
	if (n.whole < 1 || n.whole > PERCENT_MAX)
		return -ERANGE;
	*ret_percent = (unsigned)n.whole;
	return 0;
}

const char *size_format(uint64_t bytes, char buf[static UNITS_TEXT_MAX])
{
	const struct unit *unit = size_units;
	uint64_t rest;
	uint64_t tenths;

	if (bytes == SIZE_INFINITY) {
		(void)snprintf(buf, UNITS_TEXT_MAX, "max");
		return buf;
	}
	if (bytes < 1024) {
		(void)snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64 "B", bytes);
		return buf;
	}
	/* What would be rounded to 1024 of a unit is 1 of the next. */
	while (bytes < unit->factor - unit->factor / 2048)
		unit++;
	/* Divided first: ten times the bytes may not fit. */
	rest = bytes % unit->factor;
	tenths = bytes / unit->factor * 10 + (rest * 10 + unit->factor / 2) / unit->factor;
	if (tenths < 100 && tenths % 10 != 0)
		(void)snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64 ".%" PRIu64 "%s", tenths / 10,
			       tenths % 10, unit->name);
	else
		(void)snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64 "%s",
			       bytes / unit->factor + (rest >= unit->factor / 2), unit->name);
	return buf;
}

const char *duration_format(usec_t usec, char buf[static UNITS_TEXT_MAX])
{
	static const struct unit shown[] = {
		{"d", USEC_PER_DAY},
		{"h", USEC_PER_HOUR},
		{"m", USEC_PER_MINUTE},
		{"s", USEC_PER_SEC},
	};
	size_t i = 0;
	uint64_t second = 0;

	if (usec == USEC_INFINITY) {
		(void)snprintf(buf, UNITS_TEXT_MAX, "infinity");
		return buf;
	}
	if (usec < USEC_PER_SEC) {
		(void)snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64 "ms", usec / USEC_PER_MSEC);
		return buf;
	}
	while (usec < shown[i].factor)
		i++;
	if (i + 1 < ARRAY_LEN(shown))
		second = usec % shown[i].factor / shown[i + 1].factor;
	if (second > 0)
		(void)snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64 "%s%" PRIu64 "%s",
			       usec / shown[i].factor, shown[i].name, second, shown[i + 1].name);
	else
		(void)snprintf(buf, UNITS_TEXT_MAX, "%" PRIu64 "%s", usec / shown[i].factor,
			       shown[i].name);
	return buf;
}
