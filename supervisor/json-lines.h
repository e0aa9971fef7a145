/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/*
 * A file of JSON texts, one a line, that grows at its end: exit reports and events.
 */

/**
 * json_lines_mend() - close a line that a crash tore, so that it does not swallow the next one
 * @path: need not be there
 *
 * To be done once before the first line is added: what is added later is never left torn.
 *
 * Return: 0 or negative errno.
 */
must_check int json_lines_mend(const char *path);

/**
 * json_lines_append() - write one line behind the others
 * @fd:   -1 at first; stays open for the next line, and is the caller's to close
 * @path: made 0600 if it is not there, or not any more
 * @line: compact JSON, @len bytes without the newline
 * @ret_size: bytes in the file now
 *
 * One write(2): a crash tears the last line at most. A line for which the disk has no room is taken
 * back.
 *
 * Return: 0 or negative errno.
 */
must_check int json_lines_append(int *fd, const char *path, const char *line, size_t len,
				 uint64_t *ret_size);

/**
 * struct json_lines - the lines at the end of a file
 * @data:     heap; the first @len bytes are whole lines
 * @torn_len: bytes of a last line without its newline, behind them
 * @has_more: there are older lines in the file
 */
struct json_lines {
	char *data;
	size_t len;
	size_t torn_len;
	bool has_more;
};

#define cleanup_json_lines cleanup(json_lines_done)

/**
 * json_lines_read() - read the last lines
 * @max: bytes that are looked at; an older line that does not fit whole is left out
 *
 * A file that is not there has no lines. Return: 0 or negative errno.
 */
must_check int json_lines_read(const char *path, size_t max, struct json_lines *ret_lines);

/** json_lines_done() - free; a zeroed one is allowed */
void json_lines_done(struct json_lines *l);

/**
 * json_lines_next() - the line behind @offset
 * @offset:   where to look, 0 at first; moved behind the line
 * @ret_line: borrowed from @l, not terminated, without its newline
 *
 * Return: false when there is none.
 */
bool json_lines_next(const struct json_lines *l, size_t *offset, const char **ret_line,
		     size_t *ret_len);

/** json_lines_previous() - the line before @offset, which is l->len at first; as json_lines_next()
 */
bool json_lines_previous(const struct json_lines *l, size_t *offset, const char **ret_line,
			 size_t *ret_len);
