/* SPDX-License-Identifier: MIT */

/*
 * A cursor: "1 shop.0.out:1795232340:4711:12:104711 shop.0.err:…", opaque to everyone else.
 *
 * It names the place in each stream that was being read, not a point in time: two streams may hold
 * equal stamps, and a clock may have been set, and still nothing is skipped or repeated. A stream
 * that it does not name was born later and is read from its beginning. The last number, which may
 * be missing, is for the case that the segment is not there any more: so much was read, and what is
 * left begins so far behind it.
 */

#include "log/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define CURSOR_VERSION "1"

void cursor_done(struct cursor *c)
{
	free(c->places);
	*c = (struct cursor){0};
}

void cursor_begin_text(struct text *t)
{
	text_add(t, CURSOR_VERSION);
}

void cursor_add_text(struct text *t, const struct cursor_place *place)
{
	char id[STREAM_ID_TEXT_MAX];

	text_addf(t, " %s:%" PRIu64 ":%" PRIu64 ":%" PRIu64, stream_id_format(&place->id, id),
		  place->seq, place->offset, place->record);
	if (place->passed_bytes > 0)
		text_addf(t, ":%" PRIu64, place->passed_bytes);
}

static int number_read(const char **s, char end_char, uint64_t *ret)
{
	char *end;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(*s, &end, 10);
	if (errno != 0 || *ret > INT64_MAX || *end != end_char)
		return -EINVAL;
	*s = end_char ? end + 1 : end;
	return 0;
}

static int place_parse(char *word, struct cursor_place *ret_place)
{
	char *colon = strchr(word, ':');
	const char *s;
	int r;

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	s = colon + 1;
	if (stream_id_parse(word, &ret_place->id) < 0 ||
	    number_read(&s, ':', &ret_place->seq) < 0 ||
	    number_read(&s, ':', &ret_place->offset) < 0)
		return -EINVAL;
	r = number_read(&s, '\0', &ret_place->record);
	if (r < 0 && number_read(&s, ':', &ret_place->record) == 0)
		r = number_read(&s, '\0', &ret_place->passed_bytes);
	return r;
}

static int place_compare(const void *a, const void *b)
{
	const struct cursor_place *x = a, *y = b;

	return stream_id_compare(&x->id, &y->id);
}

static size_t words_count(const char *s)
{
	size_t n = 0;

	for (; (s = strchr(s, ' ')); s++)
		n++;
	return n;
}

int cursor_parse(const char *s, struct cursor *ret_cursor)
{
	cleanup_free char *copy = strdup(s);
	cleanup_free struct cursor_place *places = NULL;
	size_t n_places = words_count(s), n = 0;
	char *rest = copy, *word;

	if (n_places > CURSOR_STREAMS_MAX)
		return -EINVAL;
	places = calloc(n_places + 1, sizeof(*places));
	if (!copy || !places)
		return -ENOMEM;
	if (!text_equal(strsep(&rest, " "), CURSOR_VERSION))
		return -EINVAL;
	while ((word = strsep(&rest, " ")))
		if (place_parse(word, &places[n++]) < 0)
			return -EINVAL;
	qsort(places, n, sizeof(*places), place_compare);
	*ret_cursor = (struct cursor){.places = steal_ptr(places), .n_places = n};
	return 0;
}

const struct cursor_place *cursor_find(const struct cursor *c, const struct stream_id *id)
{
	struct cursor_place key = {.id = *id};

	if (c->n_places == 0)
		return NULL;
	return bsearch(&key, c->places, c->n_places, sizeof(key), place_compare);
}
