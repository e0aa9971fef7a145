/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/notice.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/*
 * Datagrams of sd_notify(3): whatever a payload sends, the status can be shown and the numbers are
 * within their bounds.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notice n;

	notice_parse((const char *)data, size, &n);
	fuzz_require(memchr(n.status, '\0', sizeof(n.status)));
	for (const char *c = n.status; *c; c++)
		fuzz_require((unsigned char)*c >= 0x20 && *c != 0x7f);
	fuzz_require(n.has_status || !n.status[0]);
	fuzz_require(n.main_pid >= 0);
	fuzz_require(n.watchdog_usec <= 366 * USEC_PER_DAY);
	return 0;
}
