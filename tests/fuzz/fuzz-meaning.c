/* SPDX-License-Identifier: MIT */
#include "lib/meaning.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/*
 * What a line says of itself: whatever it holds, the answer is in bounds, and its parts belong
 * together.
 */

static bool is_within(const char *part, size_t n_part, const char *whole, size_t n_whole)
{
	return part >= whole && part + n_part <= whole + n_whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* An exact allocation, so that a read beyond its end is seen. */
	cleanup_free char *line = malloc(size ? size : 1);
	struct meaning m;

	fuzz_require(line);
	memcpy(line, data, size);
	meaning_of(line, size, &m);
	fuzz_require(m.severity == SEVERITY_UNKNOWN || severity_name(m.severity));
	fuzz_require(meaning_severity(line, size) == m.severity);
	if (m.object) {
		fuzz_require(m.message || m.severity != SEVERITY_UNKNOWN);
		fuzz_require(!m.level_key || json_object_get(m.object, m.level_key));
		fuzz_require(!m.message || m.message_key);
	} else {
		fuzz_require(!m.message || is_within(m.message, m.n_message, line, size));
		fuzz_require(!m.level_key && !m.message_key && !m.time_key);
	}
	meaning_done(&m);
	return 0;
}
