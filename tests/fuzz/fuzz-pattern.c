/* SPDX-License-Identifier: MIT */
#include "config/pattern.h"

#include <regex.h>
#include <string.h>

#include "config/address.h"
#include "tests/fuzz/fuzz.h"

/*
 * Regular expressions and addresses of a config: an expression that has no fault compiles and
 * matches within the memory that a fuzzer is given.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char fault[PATTERN_FAULT_MAX];
	cleanup_free char *s = strndup((const char *)data, size);
	regex_t compiled;

	fuzz_require(s);
	if (address_is_bindable(s))
		fuzz_require(s[0] == '/' || address_is_target(s));
	if (pattern_fault(s, fault))
		return 0;
	fuzz_require(regcomp(&compiled, s, REG_EXTENDED | REG_NOSUB) == 0);
	(void)regexec(&compiled, "listening on port 8080", 0, NULL, 0);
	regfree(&compiled);
	return 0;
}
