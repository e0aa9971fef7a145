/* SPDX-License-Identifier: MIT */
#include "log/filter.h"

#include <string.h>

#include "lib/error.h"
#include "lib/text.h"
#include "tests/fuzz/fuzz.h"

/*
 * What a caller, and the log folder, may hand to the collector as text: filters, cursors, names.
 */

static void check_names(const char *s)
{
	char text[STREAM_ID_TEXT_MAX], name[SEGMENT_NAME_MAX];
	struct stream_id id = {.service = "x"}, again;
	enum segment_file file;
	uint64_t seq, seq_again;

	if (stream_id_parse(s, &id) == 0) {
		fuzz_require(stream_id_parse(stream_id_format(&id, text), &again) == 0);
		fuzz_require(stream_id_compare(&id, &again) == 0);
	}
	if (segment_name_parse(s, &id, &seq, &file) == 0) {
		enum segment_file file_again;

		segment_name(&id, seq, file, name);
		fuzz_require(segment_name_parse(name, &again, &seq_again, &file_again) == 0);
		fuzz_require(seq == seq_again && file == file_again);
	}
}

static void check_cursor(const char *s)
{
	cleanup_text struct text text = {0};
	struct cursor cursor, again;

	if (cursor_parse(s, &cursor) < 0)
		return;
	cursor_begin_text(&text);
	for (size_t i = 0; i < cursor.n_places; i++) {
		cursor_add_text(&text, &cursor.places[i]);
		fuzz_require(cursor_find(&cursor, &cursor.places[i].id));
	}
	fuzz_require(cursor_parse(text.data, &again) == 0);
	fuzz_require(again.n_places == cursor.n_places);
	cursor_done(&again);
	cursor_done(&cursor);
}

static void check_filter(const char *s, size_t size)
{
	json_t *object = json_loadb(s, size, JSON_REJECT_DUPLICATES, NULL);
	struct stream_id id = {.service = "x", .stream = 1};
	struct line line = {.id = &id, .text = s, .n_bytes = size};
	struct error err = {0};
	struct filter filter;

	if (json_is_object(object) && filter_read(object, &filter, &err) == 0) {
		(void)filter_wants_stream(&filter, &id);
		(void)filter_wants_line(&filter, &line);
		filter_done(&filter);
	}
	fuzz_require(!json_is_object(object) || err.code == 0 || err.text[0] != '\0');
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *s = strndup((const char *)data, size);

	fuzz_require(s != NULL);
	check_names(s);
	check_cursor(s);
	check_filter((const char *)data, size);
	return 0;
}
