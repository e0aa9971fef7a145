/* SPDX-License-Identifier: MIT */

/*
 * Where in a JSON document something is: for a person as "processes.shop.ports.0", for an editor as
 * a line number.
 *
 * jansson keeps no positions, and a second parser that does would be a second opinion about what
 * the file says. So the line is looked for only when there is something to complain about: one pass
 * over a text that jansson has already found to be valid JSON, which lets the scanner be naive. It
 * keeps two numbers, how deep it is and how many parts of the place it has found so far. A
 * container is on the way exactly when it lies one deeper than the parts found; everything else is
 * skipped by counting brackets. No recursion, no memory.
 */

#include "config/place.h"

#include <ctype.h>
#include <string.h>

#include <jansson.h>

#include "lib/json.h"
#include "lib/text.h"

#define PLACE_KEY_SHOWN_MAX 64

void place_push_key(struct place *w, const char *key)
{
	if (w->n_parts < PLACE_PARTS_MAX)
		w->parts[w->n_parts] = (struct place_part){.key = key};
	w->n_parts++;
}

void place_push_index(struct place *w, size_t index)
{
	if (w->n_parts < PLACE_PARTS_MAX)
		w->parts[w->n_parts] = (struct place_part){.index = index};
	w->n_parts++;
}

void place_pop(struct place *w)
{
	assert(w->n_parts > 0);
	w->n_parts--;
}

static bool is_plain(const char *key)
{
	for (const char *c = key; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("_-$", *c))
			return false;
	}
	return *key && strlen(key) <= PLACE_KEY_SHOWN_MAX;
}

/* Where to cut a long key: never inside of a character. */
static size_t shown_len(const char *key)
{
	size_t len = strnlen(key, PLACE_KEY_SHOWN_MAX);

	while (len > 0 && ((unsigned char)key[len] & 0xc0) == 0x80)
		len--;
	return len;
}

void place_add_text(const struct place *w, struct text *t)
{
	for (size_t i = 0; i < MIN_OF(w->n_parts, PLACE_PARTS_MAX); i++) {
		const struct place_part *part = &w->parts[i];
		bool plain = !part->key || is_plain(part->key);

		if (i > 0 && plain)
			text_add(t, ".");
		if (!part->key) {
			text_addf(t, "%zu", part->index);
		} else if (plain) {
			text_add(t, part->key);
		} else {
			size_t len = shown_len(part->key);

			text_add(t, "[\"");
			text_add_escaped(t, part->key, len, false);
			text_add(t, part->key[len] ? "…\"]" : "\"]");
		}
	}
}

/*
 * struct scanner - a pass over valid JSON
 * @level:     containers that are open at @at
 * @n_found:   leading parts of the place that were found
 * @index:     element that @at is in, in the container that is on the way
 * @is_object: what that container is
 * @wants_key: the next string in it is a key
 */
struct scanner {
	const struct place *place;
	const char *at;
	const char *end;
	unsigned line;
	unsigned found_line;
	size_t level;
	size_t n_found;
	size_t index;
	bool is_object;
	bool wants_key;
};

static bool is_on_the_way(const struct scanner *s)
{
	return s->level == s->n_found + 1;
}

/* The value that was found turned out to hold nothing. */
static bool is_beyond(const struct scanner *s)
{
	return s->n_found > 0 && s->level == s->n_found;
}

static void take_part(struct scanner *s)
{
	s->n_found++;
	s->found_line = s->line;
}

static bool key_equals(const char *token, size_t len, const char *key)
{
	cleanup_json json_t *decoded = NULL;

	if (!memchr(token, '\\', len))
		return len == strlen(key) + 2 && !memcmp(token + 1, key, len - 2);
	decoded = json_loadb(token, len, JSON_DECODE_ANY, NULL);
	return decoded && text_equal(json_string_value(decoded), key);
}

/* Behind the closing quote of the string that begins at @at. */
static const char *string_end(const struct scanner *s)
{
	const char *c = s->at + 1;

	while (c < s->end && *c != '"')
		c += *c == '\\' ? 2 : 1;
	return MIN_OF(c + 1, s->end);
}

static void scan_string(struct scanner *s)
{
	const struct place_part *part = &s->place->parts[s->n_found];
	const char *end = string_end(s);

	if (is_on_the_way(s) && s->is_object && s->wants_key) {
		s->wants_key = false;
		if (part->key && key_equals(s->at, (size_t)(end - s->at), part->key))
			take_part(s);
	}
	s->at = end;
}

static void scan_open(struct scanner *s)
{
	s->level++;
	if (is_on_the_way(s)) {
		s->is_object = *s->at == '{';
		s->wants_key = s->is_object;
		s->index = 0;
	}
	s->at++;
}

static void scan_comma(struct scanner *s)
{
	if (is_on_the_way(s)) {
		s->wants_key = s->is_object;
		s->index++;
	}
	s->at++;
}

/* The first byte of an element's value decides whether it is the one that is looked for. */
static void scan_element(struct scanner *s)
{
	const struct place_part *part = &s->place->parts[s->n_found];

	if (is_on_the_way(s) && !s->is_object && !part->key && part->index == s->index)
		take_part(s);
}

/* Return: whether to go on. */
static bool scan_token(struct scanner *s)
{
	switch (*s->at) {
	case '\n':
		s->line++;
		s->at++;
		return true;
	case ' ':
	case '\t':
	case '\r':
	case ':':
		s->at++;
		return true;
	case ',':
		if (is_beyond(s))
			return false;
		scan_comma(s);
		return true;
	case '}':
	case ']':
		if (is_beyond(s) || is_on_the_way(s))
			return false;
		s->level--;
		s->at++;
		return true;
	default:
		break;
	}
	scan_element(s);
	if (*s->at == '{' || *s->at == '[')
		scan_open(s);
	else if (*s->at == '"')
		scan_string(s);
	else
		s->at++;
	return true;
}

unsigned place_line(const struct place *w, const char *text, size_t len)
{
	struct scanner s = {.place = w, .at = text, .end = text + len, .line = 1, .found_line = 1};
	size_t n_parts = MIN_OF(w->n_parts, PLACE_PARTS_MAX);

	while (s.at < s.end && s.n_found < n_parts) {
		if (!scan_token(&s))
			break;
	}
	return s.found_line;
}
