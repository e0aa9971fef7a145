/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/filter.h"

struct error;
struct query;
struct store;
struct text;

/** Streams that one query may read. */
#define QUERY_STREAMS_MAX CURSOR_STREAMS_MAX

/** Outcomes of query_next() beside 1 (a line) and negative errno. */
enum {
	QUERY_END = 0,   /* nothing more, for now */
	QUERY_PAUSE = 2, /* the budget is used up; call again */
};

/**
 * query_new() - begin to read
 * @store:  outlives the query
 * @filter: taken over, in any case
 * @follow: lines that are not complete are waited for, and not handed out as open
 *
 * Return: 0, or negative errno with the error to answer.
 */
must_check int query_new(const struct store *store, struct filter *filter, bool follow,
			 struct query **ret_query, struct error *err);

/** query_free() - NULL is allowed */
void query_free(struct query *q);

/**
 * query_next() - the next line, of all streams by time
 * @budget:   lines that may be looked at before QUERY_PAUSE; counted down, for long ones by more
 * @ret_line: on 1; borrowed until the next call
 *
 * Return: 1, QUERY_END, QUERY_PAUSE, or negative errno.
 */
must_check int query_next(struct query *q, unsigned *budget, const struct line **ret_line);

/** query_peek() - the same line, which stays the next one; Return: as query_next() */
must_check int query_peek(struct query *q, unsigned *budget, const struct line **ret_line);

/**
 * query_cursor() - append the text of a cursor that goes on behind the last line handed out
 *
 * Return: false while the last N lines are looked for: then there is no such place yet.
 */
must_check bool query_cursor(const struct query *q, struct text *t);

/** query_skipped() - bytes that retention deleted under our hands since the last call */
uint64_t query_skipped(struct query *q);

/** query_filter() - what it looks for; borrowed */
const struct filter *query_filter(const struct query *q);

/**
 * query_stream_fn() - called for each stream that is read
 * @newest: number of its newest segment
 */
typedef void (*query_stream_fn)(size_t i_stream, const struct stream_id *id, uint64_t newest,
				void *userdata);

/** query_streams() - call @fn for each */
void query_streams(const struct query *q, query_stream_fn fn, void *userdata);

/** query_wake() - stream @i_stream has grown; Return: 0 or negative errno */
must_check int query_wake(struct query *q, size_t i_stream);

/** query_rescan() - a service's folder has new files; Return: 0 or negative errno */
must_check int query_rescan(struct query *q, const char *service);
