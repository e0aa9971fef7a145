/* SPDX-License-Identifier: MIT */

/*
 * Which lines somebody wants: the Filter of the interface as a struct.
 *
 * Patterns are POSIX extended regular expressions on bytes. What looks for them is ours
 * (log/search.c): a line may be long, hold NULs, and come from anybody.
 */

#include "log/filter.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"

#include "log/event.h"
#include "log/pattern.h"
#include "log/search.h"

void filter_done(struct filter *f)
{
	strings_free(f->names);
	free(f->fixed);
	search_free(f->grep);
	cursor_done(&f->cursor);
	*f = (struct filter){0};
}

static int keep_fixed(struct filter *f, const char *text, size_t n)
{
	f->fixed = strndup(text, n);
	f->n_fixed = n;
	return f->fixed ? 0 : -ENOMEM;
}

static int read_grep(struct filter *f, const char *pattern, struct error *err)
{
	char fixed[PATTERN_BYTES_MAX];
	const char *reason;
	size_t n_fixed;
	int r;

	if (strlen(pattern) > PATTERN_BYTES_MAX || pattern_cost(pattern) > PATTERN_COST_MAX)
		return error_set_id(
			err, -EINVAL, "io.slicekeep.log.BadPattern",
			"the pattern is too long or repeats too much: at most %d bytes, "
			"and %d with all repetitions written out",
			PATTERN_BYTES_MAX, PATTERN_COST_MAX);
	r = search_new(pattern, &f->grep, &reason);
	if (r == -EINVAL)
		return error_set_id(err, r, "io.slicekeep.log.BadPattern",
				    "\"%s\" is no POSIX extended regular expression: %s", pattern,
				    reason);
	if (r < 0)
		return r;
	n_fixed = pattern_fixed(pattern, fixed);
	return n_fixed ? keep_fixed(f, fixed, n_fixed) : 0;
}

static int read_names(struct filter *f, const json_t *names, struct error *err)
{
	size_t n = json_array_size(names);

	if (n == 0)
		return 0;
	if (n > FILTER_NAMES_MAX)
		return error_set(err, -E2BIG, "at most %d names", FILTER_NAMES_MAX);
	f->names = calloc(n + 1, sizeof(*f->names));
	if (!f->names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (!name || !text_name_valid(name))
			return error_set_id(err, -EINVAL, "io.slicekeep.log.NoSuchService",
					    "\"%s\" is no name of a service", name ?: "?");
		f->names[i] = strdup(name);
		if (!f->names[i])
			return -ENOMEM;
	}
	return 0;
}

static int read_streams(struct filter *f, const json_t *streams, struct error *err)
{
	for (size_t i = 0; i < json_array_size(streams); i++) {
		const char *name = json_string_value(json_array_get(streams, i));
		uint32_t stream;

		if (!name || stream_from_name(name, &stream) < 0)
			return error_set(err, -EINVAL,
					 "\"%s\" is no stream; there are out, err, both and event",
					 name ?: "?");
		f->streams |= 1u << stream;
	}
	return 0;
}

static int read_level(struct filter *f, const char *name, struct error *err)
{
	f->level = severity_parse(name, strlen(name));
	if (f->level == SEVERITY_UNKNOWN)
		return error_set(err, -EINVAL,
				 "\"%s\" is no level; there are error, warning, info, debug …",
				 name);
	f->has_level = true;
	return 0;
}

static int read_cursor(struct filter *f, const char *text, struct error *err)
{
	int r = cursor_parse(text, &f->cursor);

	if (r < 0)
		return error_set_id(err, r, "io.slicekeep.log.BadPattern",
				    "this is no cursor; pass one from an earlier answer");
	f->has_cursor = true;
	return 0;
}

/** struct wish - the plain fields of a Filter */
struct wish {
	json_t *names, *streams;
	char *grep, *cursor, *level;
	uint64_t instance, since, until, since_life, until_life, tail;
	bool fixed, unknown_ok;
};

static void wish_done(struct wish *w)
{
	json_decref(w->names);
	json_decref(w->streams);
	free(w->grep);
	free(w->cursor);
	free(w->level);
}

static const struct json_field wish_fields[] = {
	{"names", JSON_KIND_ARRAY, offsetof(struct wish, names), false},
	{"streams", JSON_KIND_ARRAY, offsetof(struct wish, streams), false},
	{"grep", JSON_KIND_STRING, offsetof(struct wish, grep), false},
	{"cursor", JSON_KIND_STRING, offsetof(struct wish, cursor), false},
	{"fixed", JSON_KIND_BOOL, offsetof(struct wish, fixed), false},
	{"unknown_ok", JSON_KIND_BOOL, offsetof(struct wish, unknown_ok), false},
	{"level", JSON_KIND_STRING, offsetof(struct wish, level), false},
	{"instance", JSON_KIND_UINT, offsetof(struct wish, instance), false},
	{"since_at_usec", JSON_KIND_UINT, offsetof(struct wish, since), false},
	{"until_at_usec", JSON_KIND_UINT, offsetof(struct wish, until), false},
	{"since_life", JSON_KIND_UINT, offsetof(struct wish, since_life), false},
	{"until_life", JSON_KIND_UINT, offsetof(struct wish, until_life), false},
	{"tail", JSON_KIND_UINT, offsetof(struct wish, tail), false},
};

static int wish_take(const struct wish *w, struct filter *f, struct error *err)
{
	int r = 0;

	f->has_instance = w->instance != UINT64_MAX;
	if (f->has_instance && w->instance > UINT32_MAX)
		return error_set(err, -EINVAL, "there is no slot with that number");
	f->instance = (uint32_t)w->instance;
	f->unknown_ok = w->unknown_ok;
	f->since_usec = w->since;
	f->until_usec = w->until;
	f->since_life = w->since_life;
	f->until_life = w->until_life;
	f->has_tail = w->tail != UINT64_MAX;
	f->tail = w->tail;
	r = read_names(f, w->names, err);
	if (r == 0)
		r = read_streams(f, w->streams, err);
	if (r == 0 && w->grep)
		r = w->fixed ? keep_fixed(f, w->grep, strlen(w->grep)) : read_grep(f, w->grep, err);
	if (r == 0 && w->level)
		r = read_level(f, w->level, err);
	if (r == 0 && w->cursor)
		r = read_cursor(f, w->cursor, err);
	return r;
}

int filter_read(const json_t *object, struct filter *ret_filter, struct error *err)
{
	cleanup(wish_done) struct wish wish = {.instance = UINT64_MAX, .tail = UINT64_MAX};
	struct filter f = {0};
	int r;

	r = json_read_fields(object, wish_fields, ARRAY_LEN(wish_fields), &wish, err);
	if (r == 0)
		r = wish_take(&wish, &f, err);
	if (r < 0) {
		filter_done(&f);
		return r;
	}
	*ret_filter = f;
	return 0;
}

bool filter_names(const struct filter *f, const char *service)
{
	for (size_t i = 0; f->names && f->names[i]; i++)
		if (strcmp(f->names[i], service) == 0)
			return true;
	return false;
}

/* Who looks for a text looks for lines, unless he says that it is events. */
static bool wants_events(const struct filter *f)
{
	if (f->streams != 0)
		return f->streams & 1u << INTAKE_STREAM_EVENT;
	return !f->grep && !f->fixed;
}

bool filter_wants_stream(const struct filter *f, const struct stream_id *id)
{
	/* Its events are each about another instance. */
	if (id->stream == INTAKE_STREAM_EVENT)
		return wants_events(f);
	if (f->has_instance && f->instance != id->instance)
		return false;
	return f->streams == 0 || f->streams & 1u << id->stream;
}

/* A line that does not say is as bad as most are, as for the journal. */
static bool is_bad_enough(const struct filter *f, const struct line *line)
{
	enum severity severity =
		line->event ? line->event->level
			    : meaning_severity(line->n_bytes ? line->text : "", line->n_bytes);

	return (severity == SEVERITY_UNKNOWN ? SEVERITY_INFO : severity) <= f->level;
}

static bool filter_matches(const struct filter *f, const struct line *line)
{
	const char *text = line->n_bytes ? line->text : "";

	if (f->fixed && !memmem(text, line->n_bytes, f->fixed, f->n_fixed))
		return false;
	return !f->grep || search_finds(f->grep, text, line->n_bytes);
}

/* A daemon that was asked for shows all that it told. */
static bool is_about_wanted(const struct filter *f, const struct line *line)
{
	if (f->has_instance && f->instance != line->id->instance)
		return false;
	return !f->names || filter_names(f, line->id->service) ||
	       filter_names(f, line->writer->service);
}

bool filter_wants_all(const struct filter *f)
{
	return !f->has_level && !f->fixed && !f->grep && f->since_life == 0 && f->until_life == 0;
}

bool filter_wants_line(const struct filter *f, const struct line *line)
{
	if (line->event && !is_about_wanted(f, line))
		return false;
	if (line->at_usec < f->since_usec || line->life < f->since_life)
		return false;
	if (f->until_usec != 0 && line->at_usec > f->until_usec)
		return false;
	if (f->until_life != 0 && line->life > f->until_life)
		return false;
	/* What was lost may have been what is looked for, but for a text there is none to show. */
	if (line->dropped > 0)
		return !f->grep && !f->fixed;
	if (f->has_level && !is_bad_enough(f, line))
		return false;
	return filter_matches(f, line);
}
