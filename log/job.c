/* SPDX-License-Identifier: MIT */

/*
 * A job: one caller's Query or Follow, from the first line to the last answer.
 *
 * It looks at a bounded number of lines in each turn of the loop, so a search through gigabytes
 * delays nobody else's answer by more than a turn. What it found is collected into a batch; a batch
 * that the caller has no room for stops the job, and with it the reading, until the socket has
 * drained. A caller who waits for a long search gets an empty answer now and then: it can tell a
 * search that goes on from a reader that hangs, and where to go on if it has to begin again.
 *
 * A follower who comes back from a long time without taking anything is brought to the present, and
 * told of the gap (log/gap.c). Until it is told, its cursor stays in front of the gap.
 */

#include "log/job.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "lib/varlink/server.h"

#include "log/follow.h"
#include "log/gap.h"
#include "log/line-json.h"
#include "log/query.h"

#define TURN_LINES_MAX 2000
#define BATCH_LINES_MAX 512
#define BATCH_BYTES_MAX ((size_t)64 * 1024)
/** Text in the only answer of a call without "more". */
#define SINGLE_BYTES_MAX ((size_t)1024 * 1024)
/** What a line without text counts for. */
#define LINE_OVERHEAD_BYTES 128
#define SILENCE_USEC_MAX (1 * USEC_PER_SEC)

/**
 * struct job
 * @call:    NULL once it has been answered
 * @batch:   lines that are not sent yet, of @batch_bytes
 * @paused:  the caller has no room
 * @resumed: it had none until now
 * @gap_cursor: place in front of the gap that is open; NULL when there is none
 * @sent_usec: of the last answer, monotonic
 */
struct job {
	struct loop *loop;
	const struct store *store;
	struct varlink_call *call;
	struct query *query;
	struct follow *follow;
	struct loop_timer turn;
	json_t *batch;
	size_t batch_bytes;
	uint64_t limit;
	usec_t sent_usec;
	bool wants_follow;
	bool paused;
	bool resumed;
	struct gap gap;
	json_t *gap_cursor;
};

static void job_free(struct job *j)
{
	follow_free(j->follow);
	query_free(j->query);
	loop_timer_done(&j->turn);
	json_decref(j->batch);
	json_decref(j->gap_cursor);
	free(j);
}

static void job_fail(struct job *j, int code)
{
	struct error err = {0};

	error_set(&err, code, code == -ENOMEM ? "out of memory" : "cannot read on: %s",
		  strerror(-code));
	varlink_call_fail(j->call, &err);
	job_free(j);
}

/* --- answers ---------------------------------------------------------------------------------- */

static json_t *job_cursor(const struct job *j)
{
	cleanup_text struct text text = {0};
	cleanup_free char *cursor = NULL;

	if (j->gap_cursor)
		return json_incref(j->gap_cursor);
	if (!query_cursor(j->query, &text))
		return json_null();
	cursor = text_take(&text);
	return cursor ? json_string(cursor) : NULL;
}

static int job_put(json_t *answer, const char *key, uint64_t number)
{
	return json_object_set_new(answer, key, json_integer((json_int_t)number));
}

/* The batch as an answer; the batch is empty afterwards. NULL when out of memory. */
static json_t *job_answer(struct job *j)
{
	json_t *lines = j->batch, *cursor = job_cursor(j), *answer;
	json_t *last = json_array_get(lines, json_array_size(lines) - 1);
	uint64_t skipped = query_skipped(j->query);

	j->batch = json_array();
	j->batch_bytes = 0;
	j->sent_usec = clock_now_usec();
	if (last && json_object_set(last, "cursor", cursor) < 0) {
		json_decref(lines);
		json_decref(cursor);
		return NULL;
	}
	answer = json_pack("{s:o, s:o}", "lines", lines, "cursor", cursor);
	if (answer && skipped > 0 && job_put(answer, "skipped", skipped) < 0) {
		json_decref(answer);
		return NULL;
	}
	return j->batch ? answer : (json_decref(answer), NULL);
}

static bool job_has_more(const struct job *j)
{
	return varlink_call_wants_more(j->call);
}

/* @answer: taken over. Return: 0, or negative errno. */
static int job_send(struct job *j, json_t *answer)
{
	if (varlink_call_continue(j->call, answer))
		return 0;
	j->paused = true;
	return j->follow ? follow_pause(j->follow, true) : 0;
}

/* Send what was found. Return: 0, or negative errno. */
static int job_flush(struct job *j)
{
	json_t *answer = job_answer(j);

	return answer ? job_send(j, answer) : -ENOMEM;
}

static void job_finish(struct job *j)
{
	json_t *answer = job_answer(j);

	if (!answer) {
		job_fail(j, -ENOMEM);
		return;
	}
	varlink_call_reply(j->call, answer);
	job_free(j);
}

/* --- gaps ------------------------------------------------------------------------------------- */

/* What it would get now stands where a Query finds it again. */
static int job_open_gap(struct job *j)
{
	usec_t now_at_usec = clock_at_usec();
	int r = follow_look(j->follow);

	if (r < 0)
		return r;
	j->gap_cursor = job_cursor(j);
	if (!j->gap_cursor)
		return -ENOMEM;
	gap_begin(&j->gap, now_at_usec);
	return 0;
}

static int job_close_gap(struct job *j)
{
	cleanup_json json_t *from = steal_ptr(j->gap_cursor);
	json_t *answer = job_answer(j);

	if (!answer || json_object_set(answer, "skipped_from", from) < 0 ||
	    job_put(answer, "skipped_lines", j->gap.n_lines) < 0 ||
	    job_put(answer, "skipped_bytes", j->gap.n_bytes) < 0 ||
	    job_put(answer, "skipped_until_at_usec", j->gap.until_at_usec) < 0) {
		json_decref(answer);
		return -ENOMEM;
	}
	gap_end(&j->gap, clock_at_usec());
	return job_send(j, answer);
}

/* Whether a caller who has room again is too slow. Return: as query_next(). */
static int job_resume(struct job *j, unsigned *budget)
{
	const struct line *line;
	int r = query_peek(j->query, budget, &line);

	if (r == QUERY_PAUSE || r < 0)
		return r;
	j->resumed = false;
	if (r == 1 && gap_is_due(&j->gap, line, clock_at_usec()))
		r = job_open_gap(j);
	return r < 0 ? r : 1;
}

/* Leave out a line, or close the gap before it. Return: as query_next(). */
static int job_pass(struct job *j, unsigned *budget)
{
	const struct line *line;
	int r = query_peek(j->query, budget, &line);

	if (r == QUERY_PAUSE || r < 0)
		return r;
	if (r == QUERY_END || !gap_take(&j->gap, line))
		return job_close_gap(j) < 0 ? -ENOMEM : 1;
	return query_next(j->query, budget, &line);
}

/* --- turns ------------------------------------------------------------------------------------ */

static int job_take(struct job *j, const struct line *line)
{
	json_t *object = line_json(line);

	if (!object || json_array_append_new(j->batch, object) < 0)
		return -ENOMEM;
	gap_took(&j->gap, line, clock_at_usec());
	j->batch_bytes += line->n_bytes + LINE_OVERHEAD_BYTES;
	if (!job_has_more(j))
		return 0;
	if (json_array_size(j->batch) < BATCH_LINES_MAX && j->batch_bytes < BATCH_BYTES_MAX)
		return 0;
	return job_flush(j);
}

static bool job_is_full(const struct job *j)
{
	return !job_has_more(j) &&
	       (json_array_size(j->batch) >= j->limit || j->batch_bytes >= SINGLE_BYTES_MAX);
}

/* Everything that there was has been read. */
static int job_reached_end(struct job *j)
{
	gap_caught_up(&j->gap, clock_at_usec());
	if (j->wants_follow)
		return json_array_size(j->batch) > 0 ? job_flush(j) : 0;
	job_finish(j);
	return 1;
}

/* One line. Return: as query_next(). */
static int job_step(struct job *j, unsigned *budget)
{
	const struct line *line;
	int r;

	if (j->resumed)
		return job_resume(j, budget);
	if (gap_is_open(&j->gap))
		return job_pass(j, budget);
	r = query_next(j->query, budget, &line);
	return r == 1 && job_take(j, line) < 0 ? -ENOMEM : r;
}

/* Look for lines. Return: 1 when the job is gone, 0, or negative errno. */
static int job_turn(struct job *j)
{
	unsigned budget = TURN_LINES_MAX;
	int r = 1;

	while (r == 1 && !j->paused && !job_is_full(j)) {
		if (budget-- == 0) {
			r = QUERY_PAUSE;
			break;
		}
		r = job_step(j, &budget);
	}
	if (r < 0 || j->paused)
		return MIN_OF(r, 0);
	if (r == QUERY_END || job_is_full(j))
		return job_reached_end(j);
	if (job_has_more(j) && clock_now_usec() - j->sent_usec > SILENCE_USEC_MAX)
		r = job_flush(j);
	if (r < 0 || j->paused)
		return MIN_OF(r, 0);
	return loop_timer_set(&j->turn, clock_now_usec());
}

static void on_turn(void *userdata)
{
	struct job *j = userdata;
	int r = job_turn(j);

	if (r < 0)
		job_fail(j, r);
}

static void on_news(int code, void *userdata)
{
	struct job *j = userdata;

	if (code < 0)
		job_fail(j, code);
	else if (!j->paused)
		on_turn(j);
}

static void on_drained(void *userdata)
{
	struct job *j = userdata;
	int r;

	if (!j->paused)
		return;
	j->paused = false;
	j->resumed = j->wants_follow;
	r = j->follow ? follow_pause(j->follow, false) : 0;
	if (r == 0)
		r = loop_timer_set(&j->turn, clock_now_usec());
	if (r < 0)
		job_fail(j, r);
}

static void on_gone(void *userdata)
{
	job_free(userdata);
}

/* --- birth ------------------------------------------------------------------------------------ */

static const char *follow_advice(int code)
{
	if (code == -EMFILE)
		return "; end another follow or raise fs.inotify.max_user_instances";
	return code == -ENOSPC ? "; follow fewer services or raise fs.inotify.max_user_watches"
			       : "";
}

static int job_prepare(struct job *j, struct job_order *order, struct error *err)
{
	int r;

	j->wants_follow = order->follow;
	j->limit = order->limit;
	j->sent_usec = clock_now_usec();
	j->gap.begun_at_usec = clock_at_usec();
	j->batch = json_array();
	r = query_new(j->store, &order->filter, order->follow, &j->query, err);
	if (r < 0)
		return r;
	if (order->follow) {
		r = follow_new(j->loop, j->store, j->query, on_news, j, &j->follow);
		if (r < 0)
			return error_set(err, r, "cannot follow: %s%s", strerror(-r),
					 follow_advice(r));
	}
	r = j->batch ? loop_timer_init(&j->turn, j->loop, on_turn, j) : -ENOMEM;
	return r < 0 ? r : loop_timer_set(&j->turn, clock_now_usec());
}

int job_start(struct loop *l, const struct store *store, struct varlink_call *call,
	      struct job_order *order, struct error *err)
{
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (!j) {
		filter_done(&order->filter);
		return -ENOMEM;
	}
	j->loop = l;
	j->store = store;
	j->call = call;
	r = job_prepare(j, order, err);
	if (r < 0) {
		job_free(j);
		return r;
	}
	varlink_call_watch(call, on_gone, on_drained, j);
	return 0;
}
