/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/intake-frame.h"

#define STREAM_SERVICE_MAX 48
#define STREAM_ID_TEXT_MAX 72
#define SEGMENT_NAME_MAX 64

/**
 * struct stream_id - whose output: one stream of one slot of one service
 * @service:  name as text_name_valid() has it
 * @instance: slot
 * @stream:   enum intake_stream
 */
struct stream_id {
	char service[STREAM_SERVICE_MAX + 1];
	uint32_t instance;
	uint32_t stream;
};

/** enum segment_file - the files of a segment; in this order they are deleted */
enum segment_file {
	SEGMENT_FILE_LOG,          /* the bytes as they came */
	SEGMENT_FILE_LOG_PACKED,   /* the same, see log/packed.h */
	SEGMENT_FILE_INDEX,        /* when they came, see log/index.h */
	SEGMENT_FILE_INDEX_PACKED, /* the same */
	SEGMENT_FILE_COUNT,
};

/** stream_name() - "out", "err", "both", "event"; NULL for anything else */
const char *stream_name(uint32_t stream);

/** stream_from_name() - the reverse; Return: 0 or -EINVAL */
must_check int stream_from_name(const char *name, uint32_t *ret_stream);

/** stream_id_compare() - order by service, instance, stream; <0, 0, >0 as strcmp(3) */
int stream_id_compare(const struct stream_id *a, const struct stream_id *b);

/** stream_id_format() - "shop.0.out"; returns @buf */
const char *stream_id_format(const struct stream_id *id, char buf[static STREAM_ID_TEXT_MAX]);

/** stream_id_parse() - read what stream_id_format() wrote; Return: 0 or -EINVAL */
must_check int stream_id_parse(const char *text, struct stream_id *ret_id);

/** segment_name() - file name inside the service's folder, "0.out.1795232340.log"; returns @buf */
const char *segment_name(const struct stream_id *id, uint64_t seq, enum segment_file file,
			 char buf[static SEGMENT_NAME_MAX]);

/**
 * segment_name_parse() - read what segment_name() wrote
 * @name:   a file in a service's folder, hostile or not
 * @ret_id: instance and stream are written, the service is left alone
 *
 * Return: 0 or -EINVAL.
 */
must_check int segment_name_parse(const char *name, struct stream_id *ret_id, uint64_t *ret_seq,
				  enum segment_file *ret_file);
