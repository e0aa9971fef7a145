/* SPDX-License-Identifier: MIT */
#include "log/event.h"

#include <string.h>

#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

/*
 * A line of the store that should tell of an event: one that is understood has all its parts, and
 * is about a service that there can be.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct stream_id writer = {.service = "supervisor",
						.stream = INTAKE_STREAM_EVENT};
	/* An exact allocation, so that a read beyond its end is seen. */
	cleanup_free char *line = malloc(size ? size : 1);
	struct event e;

	fuzz_require(line);
	memcpy(line, data, size);
	if (event_read(line, size, &writer, &e) < 0)
		return 0;
	fuzz_require(e.kind && e.text && strlen(e.text) == e.n_text && e.at_usec > 0);
	fuzz_require(text_name_valid(e.about.service));
	fuzz_require(e.about.stream == INTAKE_STREAM_EVENT);
	fuzz_require(severity_name(e.level));
	fuzz_require(event_comes_before(&e, UINT64_MAX) || e.life == UINT64_MAX);
	event_done(&e);
	return 0;
}
