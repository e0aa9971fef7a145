/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "lib/meaning.h"

#include "log/cursor.h"
#include "log/stream-id.h"

struct error;
struct event;
struct search;

#define FILTER_NAMES_MAX 4096

/**
 * struct line - one line as it is handed out
 * @id:      whose; of an event, whom it is about
 * @event:   what it tells, when it is no line but an event; @writer: who told of it. Else NULL
 * @text:    @n_bytes, without the newline; may hold anything; valid until the next line is fetched
 * @cut:     it was longer than LINE_BYTES_MAX and goes on in the next one
 * @open:    no newline came yet
 * @dropped: no line, but so many bytes that a full disk had no room for, or
 * @damaged: that were stored and cannot be read any more
 */
struct line {
	const struct stream_id *id;
	const struct stream_id *writer;
	const struct event *event;
	const char *text;
	size_t n_bytes;
	usec_t at_usec;
	uint64_t life;
	uint64_t dropped;
	bool damaged;
	bool cut;
	bool open;
};

/**
 * struct filter - which lines; a zeroed one means all
 * @names:     NULL-terminated, or NULL for all services
 * @unknown_ok: one of which nothing is stored is no error
 * @streams:   bits 1 << enum intake_stream; 0: all
 * @until_usec: last moment that counts; 0: no end
 * @until_life: last life that counts; 0: no end
 * @tail:      the last that many, if @has_tail
 * @level:     at least as bad as that, if @has_level
 * @fixed:     a text that has to be there as it is, or NULL; @n_fixed bytes
 * @grep:      NULL: any text; a search changes what it remembers
 */
struct filter {
	char **names;
	bool unknown_ok;
	bool has_instance;
	bool has_tail;
	bool has_cursor;
	bool has_level;
	uint32_t instance;
	uint32_t streams;
	usec_t since_usec;
	usec_t until_usec;
	uint64_t since_life;
	uint64_t until_life;
	uint64_t tail;
	enum severity level;
	char *fixed;
	size_t n_fixed;
	struct search *grep;
	struct cursor cursor;
};

/** filter_done() - free; @f is empty afterwards */
void filter_done(struct filter *f);

/**
 * filter_read() - take a Filter of io.slicekeep.log
 * @object:     borrowed
 * @ret_filter: ended by filter_done()
 *
 * Return: 0, or negative errno with the error to answer (BadPattern, NoSuchService, a bad field).
 */
must_check int filter_read(const json_t *object, struct filter *ret_filter, struct error *err);

/** filter_names() - whether a service is one of those that are asked for by name */
bool filter_names(const struct filter *f, const char *service);

/** filter_wants_stream() - whether lines of that stream may be wanted; the service is not looked at
 */
bool filter_wants_stream(const struct filter *f, const struct stream_id *id);

/** filter_wants_all() - whether a line is wanted whatever it says, and whatever life it is of */
bool filter_wants_all(const struct filter *f);

/** filter_wants_line() - whether that line is wanted, as far as its time, life and text go */
bool filter_wants_line(const struct filter *f, const struct line *line);
