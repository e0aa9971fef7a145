/* SPDX-License-Identifier: MIT */

/*
 * The name of a stream, and the names of its files.
 *
 * A segment is LOGDIR/SERVICE/INSTANCE.STREAM.SEQ.log with its index beside it; packed, both end in
 * .zst. The sequence number
 * only ever grows; a stream's first one is the wall-clock second of its birth rather than 1, so
 * that a store that was emptied never gives a number again that somebody's cursor still holds.
 */

#include "log/stream-id.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

static const char *const names[] = {
	[INTAKE_STREAM_OUT] = "out",
	[INTAKE_STREAM_ERR] = "err",
	[INTAKE_STREAM_BOTH] = "both",
	[INTAKE_STREAM_EVENT] = "event",
};

static const char *const suffixes[] = {
	[SEGMENT_FILE_LOG] = "log",
	[SEGMENT_FILE_LOG_PACKED] = "log.zst",
	[SEGMENT_FILE_INDEX] = "idx",
	[SEGMENT_FILE_INDEX_PACKED] = "idx.zst",
};

static_assert(ARRAY_LEN(suffixes) == SEGMENT_FILE_COUNT, "each file has a name");

const char *stream_name(uint32_t stream)
{
	return stream < ARRAY_LEN(names) ? names[stream] : NULL;
}

int stream_from_name(const char *name, uint32_t *ret_stream)
{
	for (uint32_t i = INTAKE_STREAM_OUT; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0) {
			*ret_stream = i;
			return 0;
		}
	return -EINVAL;
}

int stream_id_compare(const struct stream_id *a, const struct stream_id *b)
{
	int order = strcmp(a->service, b->service);

	if (order != 0)
		return order;
	if (a->instance != b->instance)
		return a->instance < b->instance ? -1 : 1;
	return a->stream < b->stream ? -1 : a->stream > b->stream;
}

const char *stream_id_format(const struct stream_id *id, char buf[static STREAM_ID_TEXT_MAX])
{
	(void)snprintf(buf, STREAM_ID_TEXT_MAX, "%s.%" PRIu32 ".%s", id->service, id->instance,
		       stream_name(id->stream) ?: "?");
	return buf;
}

/* Decimal digits up to @end_char; no sign, no blank, no overflow. */
static int number_parse(const char **s, char end_char, uint64_t max, uint64_t *ret)
{
	const char *p = *s;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > (max - digit) / 10)
			return -EINVAL;
		value = value * 10 + digit;
	}
	if (*p != end_char)
		return -EINVAL;
	*s = end_char ? p + 1 : p;
	*ret = value;
	return 0;
}

/* "out." and the like: the word up to the dot. */
static int stream_parse(const char **s, char end_char, uint32_t *ret_stream)
{
	for (uint32_t i = INTAKE_STREAM_OUT; i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(*s, names[i], n) == 0 && (*s)[n] == end_char) {
			*s += end_char ? n + 1 : n;
			*ret_stream = i;
			return 0;
		}
	}
	return -EINVAL;
}

int stream_id_parse(const char *text, struct stream_id *ret_id)
{
	struct stream_id id = {0};
	const char *dot = strchr(text, '.');
	uint64_t instance;

	if (!dot || (size_t)(dot - text) > STREAM_SERVICE_MAX)
		return -EINVAL;
	memcpy(id.service, text, (size_t)(dot - text));
	if (!text_name_valid(id.service))
		return -EINVAL;
	text = dot + 1;
	if (number_parse(&text, '.', UINT32_MAX, &instance) < 0)
		return -EINVAL;
	if (stream_parse(&text, '\0', &id.stream) < 0)
		return -EINVAL;
	id.instance = (uint32_t)instance;
	*ret_id = id;
	return 0;
}

const char *segment_name(const struct stream_id *id, uint64_t seq, enum segment_file file,
			 char buf[static SEGMENT_NAME_MAX])
{
	(void)snprintf(buf, SEGMENT_NAME_MAX, "%" PRIu32 ".%s.%010" PRIu64 ".%s", id->instance,
		       stream_name(id->stream) ?: "?", seq, suffixes[file]);
	return buf;
}

int segment_name_parse(const char *name, struct stream_id *ret_id, uint64_t *ret_seq,
		       enum segment_file *ret_file)
{
	uint64_t instance, seq;
	uint32_t stream;

	if (number_parse(&name, '.', UINT32_MAX, &instance) < 0 ||
	    stream_parse(&name, '.', &stream) < 0 || number_parse(&name, '.', INT64_MAX, &seq) < 0)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
		if (strcmp(name, suffixes[i]) == 0) {
			ret_id->instance = (uint32_t)instance;
			ret_id->stream = stream;
			*ret_seq = seq;
			*ret_file = (enum segment_file)i;
			return 0;
		}
	return -EINVAL;
}
