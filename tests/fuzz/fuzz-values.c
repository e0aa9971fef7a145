/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lib/base.h"
#include "lib/clock.h"
#include "lib/units.h"
#include "tests/fuzz/fuzz.h"

/*
 * Short values: sizes, durations, percentages and points in time. What is shown of a value that
 * was read fits its buffer; a number never turns into "no limit".
 */

#define NOW_USEC (UINT64_C(1795258800) * USEC_PER_SEC)
#define YEAR_10000_USEC (UINT64_C(253402300800) * USEC_PER_SEC)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *s = strndup((const char *)data, size);
	char units[UNITS_TEXT_MAX];
	char time[CLOCK_TEXT_MAX];
	uint64_t value = 0;
	unsigned percent = 0;

	fuzz_require(s != NULL);
	if (size_parse(s, &value) == 0) {
		fuzz_require((value == SIZE_INFINITY) == (strcmp(s, "max") == 0));
		fuzz_require(strlen(size_format(value, units)) < UNITS_TEXT_MAX);
	}
	if (duration_parse(s, &value) == 0) {
		fuzz_require((value == USEC_INFINITY) == (strcmp(s, "infinity") == 0));
		fuzz_require(strlen(duration_format(value, units)) < UNITS_TEXT_MAX);
	}
	if (percent_parse(s, &percent) == 0)
		fuzz_require(percent >= 1 && percent <= PERCENT_MAX);
	if (clock_parse(s, NOW_USEC, &value) == 0) {
		fuzz_require(strlen(clock_format_utc(value, time)) < CLOCK_TEXT_MAX);
		/* A leap second at the end of the year 9999 is in one that has five digits. */
		fuzz_require(value >= YEAR_10000_USEC || clock_parse(time, NOW_USEC, &value) == 0);
	}
	return 0;
}
