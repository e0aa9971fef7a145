/* SPDX-License-Identifier: MIT */
/*
 * An action that takes a while, shown while it goes on.
 *
 * On a terminal a block of lines, one a service, is drawn again at each step; elsewhere each
 * service gets one line when it has come to its end. What has ended is remembered, so that after
 * the death of the supervisor only the rest is asked for again: a service is never restarted twice
 * because of us, and none is forgotten.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/client.h"
#include "cli/connect.h"
#include "cli/print.h"

int progress_init(struct progress *p, const struct style *style, bool silent)
{
	*p = (struct progress){.rows = json_object(), .style = *style, .silent = silent};
	return p->rows ? 0 : -ENOMEM;
}

void progress_done(struct progress *p)
{
	json_decref(p->rows);
	p->rows = NULL;
}

static bool is_done(const json_t *row)
{
	return json_get_bool(row, "done", false);
}

void progress_line(const json_t *row, const struct style *style, struct text *out)
{
	const char *name = json_get_string(row, "name");
	const char *state = json_get_string(row, "state");
	const char *text = json_get_string(row, "text");
	bool failed = is_done(row) && !json_get_bool(row, "ok", true);
	enum paint paint = failed ? PAINT_BAD : style_state(state ? state : "");

	text_add(out, name);
	text_addf(out, " %s%s%s", style_on(style, paint), state ? state : "?", style_off(style));
	if (text && text[0]) {
		text_add(out, ": ");
		text_add_escaped(out, text, strlen(text), false);
	}
	if (!is_done(row))
		text_add(out, " …");
}

/* A block that is taller than the terminal could not be written over. */
static bool draws_block(const struct progress *p)
{
	return p->style.terminal && json_object_size(p->rows) < p->style.rows;
}

static void draw_block(struct progress *p)
{
	cleanup_text struct text out = {0};
	const char *name;
	json_t *row;

	if (p->drawn > 0)
		text_addf(&out, "\x1b[%uA\r\x1b[J", p->drawn);
	p->drawn = 0;
	json_object_foreach(p->rows, name, row) {
		progress_line(row, &p->style, &out);
		text_add(&out, "\n");
		p->drawn++;
	}
	(void)print_text(&out);
	(void)fflush(stdout);
}

static void print_end(const struct progress *p, const json_t *row)
{
	cleanup_text struct text out = {0};

	progress_line(row, &p->style, &out);
	text_add(&out, "\n");
	(void)print_text(&out);
	(void)fflush(stdout);
}

static int take_row(struct progress *p, json_t *row)
{
	const char *name = json_get_string(row, "name");
	bool was_done = is_done(json_object_get(p->rows, name ? name : ""));

	if (!name || was_done)
		return 0;
	if (json_object_set(p->rows, name, row) < 0)
		return -ENOMEM;
	if (!p->silent && !draws_block(p) && is_done(row))
		print_end(p, row);
	return 0;
}

static int take_reply(struct progress *p, const json_t *reply)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(reply, "progress"), i, row) {
		if (take_row(p, row) < 0)
			return -ENOMEM;
	}
	if (!p->silent && draws_block(p))
		draw_block(p);
	return 0;
}

/* The names that have not come to their end; all of @names as long as nothing was heard. */
static json_t *names_left(const struct progress *p, const json_t *names)
{
	cleanup_json json_t *left = json_array();
	const char *name;
	json_t *row;

	if (json_object_size(p->rows) == 0)
		return json_deep_copy(names);
	json_object_foreach(p->rows, name, row) {
		if (!is_done(row) && json_array_append_new(left, json_string(name)) < 0)
			return NULL;
	}
	return steal_ptr(left);
}

static int run_once(struct progress *p, struct supervisor *s, const char *method,
		    const json_t *names, struct error *err)
{
	json_t *parameters = NULL;
	int code;

	if (names) {
		parameters = json_pack("{s:o, s:b}", "names", names_left(p, names), "wait", 1);
		if (!parameters)
			return error_set(err, -ENOMEM, "out of memory");
	}
	code = varlink_client_begin(s->client, method, parameters, err);
	if (code < 0)
		return code;
	do {
		cleanup_json json_t *reply = NULL;

		code = varlink_client_next(s->client, USEC_INFINITY, &reply, err);
		if (code >= 0 && take_reply(p, reply) < 0)
			return error_set(err, -ENOMEM, "out of memory");
	} while (code > 0);
	return code;
}

/* Whether there is nothing left to ask for. An empty list would mean all. */
static bool all_done(const struct progress *p)
{
	const char *name;
	json_t *row;

	json_object_foreach(p->rows, name, row) {
		if (!is_done(row))
			return false;
	}
	return json_object_size(p->rows) > 0;
}

int progress_run(struct progress *p, struct supervisor *s, const char *method, const json_t *names,
		 struct error *err)
{
	for (;;) {
		int code = run_once(p, s, method, names, err);

		if (!supervisor_broke(code) || !names)
			return code;
		code = supervisor_reopen(s, err);
		if (code < 0 || all_done(p))
			return code;
	}
}

size_t progress_failures(const struct progress *p)
{
	const char *name;
	json_t *row;
	size_t n = 0;

	json_object_foreach(p->rows, name, row)
		n += is_done(row) && !json_get_bool(row, "ok", true);
	return n;
}

int progress_print_json(const struct progress *p)
{
	cleanup_json json_t *array = json_array();
	const char *name;
	json_t *row;

	json_object_foreach(p->rows, name, row) {
		if (json_array_append(array, row) < 0)
			return print_out_of_memory();
	}
	return print_json(array);
}
