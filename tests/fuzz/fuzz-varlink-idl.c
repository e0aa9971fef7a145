/* SPDX-License-Identifier: MIT */
/*
 * Interface definitions: whatever the text is, the parser ends, says which line is wrong, and what
 * it found stands in the text.
 */
#include "lib/varlink/idl.h"

#include <string.h>

#include "lib/error.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = strndup((const char *)data, size);
	cleanup_idl struct idl idl = {0};
	struct error err = {0};

	fuzz_require(text != NULL);
	if (idl_parse(text, &idl, &err) < 0) {
		fuzz_require(!idl.members && strncmp(err.text, "line ", 5) == 0);
		return 0;
	}
	fuzz_require(strstr(text, idl.interface) != NULL);
	for (size_t i = 0; i < idl.n_members; i++) {
		const struct idl_member *m = &idl.members[i];

		fuzz_require(idl_find(&idl, m->kind, m->name) == m);
		fuzz_require(strstr(text, m->name) != NULL);
	}
	return 0;
}
