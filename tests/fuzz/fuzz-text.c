/* SPDX-License-Identifier: MIT */
#include "lib/text.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/*
 * The parts of text.c that read foreign bytes: splitting into words, UTF-8, escaping for a
 * terminal. What was escaped is valid UTF-8 without control characters, but for tabs and colours.
 */

static void check_escaped(const char *s, size_t n, bool keep_ansi)
{
	cleanup_text struct text once = {0};
	cleanup_text struct text twice = {0};

	text_add_escaped(&once, s, n, keep_ansi);
	fuzz_require(!once.failed && text_utf8_valid(once.data ? once.data : "", once.len));
	for (size_t i = 0; i < once.len; i++) {
		unsigned char c = (unsigned char)once.data[i];

		fuzz_require(c >= 0x20 || c == '\t' || (keep_ansi && c == '\033'));
		fuzz_require(c != 0x7f);
	}
	/* Safe text is left as it is. */
	text_add_escaped(&twice, once.data ? once.data : "", once.len, keep_ansi);
	fuzz_require(twice.len == once.len);
}

static void check_words(const char *s)
{
	cleanup_strings char **words = NULL;

	if (text_split_words(s, &words) < 0) {
		fuzz_require(!words);
		return;
	}
	for (size_t i = 0; words[i]; i++)
		fuzz_require(strlen(words[i]) <= strlen(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const candidates[] = {"start", "stop", "restart", "a", ""};
	cleanup_free char *s = strndup((const char *)data, size);

	fuzz_require(s != NULL);
	check_escaped((const char *)data, size, false);
	check_escaped((const char *)data, size, true);
	check_words(s);
	fuzz_require(!text_name_valid(s) || strlen(s) <= TEXT_NAME_MAX);
	(void)text_nearest(s, candidates, ARRAY_LEN(candidates));
	return 0;
}
