/* SPDX-License-Identifier: MIT */
/*
 * A buffer of NUL-ended messages.
 *
 * Two promises: a byte is looked at once, however slowly a long message trickles in (searching
 * from the start after each read is quadratic, and a peer decides how often we read), and a
 * message is handed out where it lies, so that nothing is copied between recv(2) and the parser.
 * Only a message in the making can grow the input: its reader takes no more while a complete one
 * waits. An idle peer costs at most FRAMES_KEEP bytes.
 */
#include "lib/varlink/frames.h"

#include <string.h>

/** What an empty buffer may keep allocated. */
#define FRAMES_KEEP ((size_t)4096)

void frames_init(struct frames *f, size_t max_bytes)
{
	*f = (struct frames){.max = max_bytes};
}

void frames_done(struct frames *f)
{
	free(f->data);
	frames_init(f, f->max);
}

size_t frames_len(const struct frames *f)
{
	return f->end - f->start;
}

/* Moves what is left to the front; the offsets keep their meaning. */
static void frames_compact(struct frames *f)
{
	size_t n = frames_len(f);

	if (f->start == 0)
		return;
	if (n > 0)
		memmove(f->data, f->data + f->start, n);
	f->scanned = f->scanned > f->start ? f->scanned - f->start : 0;
	f->start = 0;
	f->end = n;
}

static int frames_reserve(struct frames *f, size_t n_bytes)
{
	size_t cap = f->cap > 0 ? f->cap : FRAMES_KEEP;
	char *data;

	if (f->cap - f->end >= n_bytes)
		return 0;
	/* Moving no more than was consumed since the last time keeps this linear. */
	if (f->start >= frames_len(f))
		frames_compact(f);
	while (cap - f->end < n_bytes)
		cap *= 2;
	if (cap == f->cap)
		return 0;
	data = realloc(f->data, cap);
	if (!data)
		return -ENOMEM;
	f->data = data;
	f->cap = cap;
	return 0;
}

int frames_room(struct frames *f, char **ret_room, size_t *ret_size)
{
	size_t begun = frames_len(f);
	int r;

	/* One byte more than a message may have: its NUL. */
	if (begun > f->max)
		return -EMSGSIZE;
	r = frames_reserve(f, MIN_OF(FRAMES_KEEP, f->max + 1 - begun));
	if (r < 0)
		return r;
	*ret_room = f->data + f->end;
	*ret_size = MIN_OF(f->cap - f->end, f->max + 1 - begun);
	return 0;
}

void frames_received(struct frames *f, size_t n_bytes)
{
	assert(n_bytes <= f->cap - f->end);
	f->end += n_bytes;
}

bool frames_waiting(struct frames *f)
{
	const char *nul = NULL;

	if (f->scanned < f->start)
		f->scanned = f->start;
	if (f->scanned < f->end)
		nul = memchr(f->data + f->scanned, '\0', f->end - f->scanned);
	f->scanned = nul ? (size_t)(nul - f->data) : f->end;
	return nul;
}

bool frames_next(struct frames *f, const char **ret_message, size_t *ret_len)
{
	if (!frames_waiting(f))
		return false;
	*ret_message = f->data + f->start;
	*ret_len = f->scanned - f->start;
	f->start = f->scanned + 1;
	return true;
}

struct frames_dump {
	struct frames *frames;
	size_t left;
	int result;
};

static int on_dump(const char *bytes, size_t n, void *userdata)
{
	struct frames_dump *d = userdata;

	d->result = n > d->left ? -EMSGSIZE : frames_reserve(d->frames, n);
	if (d->result < 0)
		return -1;
	memcpy(d->frames->data + d->frames->end, bytes, n);
	d->frames->end += n;
	d->left -= n;
	return 0;
}

int frames_append(struct frames *f, const json_t *message)
{
	struct frames_dump d = {.frames = f, .left = f->max};
	size_t before = frames_len(f);

	if (json_dump_callback(message, on_dump, &d, JSON_COMPACT) < 0 && d.result == 0)
		d.result = -ENOMEM;
	if (d.result == 0)
		d.result = frames_reserve(f, 1);
	if (d.result < 0) {
		f->end = f->start + before;
		return d.result;
	}
	f->data[f->end++] = '\0';
	return 0;
}

int frames_append_parts(struct frames *f, const struct frames_part *parts, size_t n_parts)
{
	size_t left = f->max;
	int r;

	for (size_t i = 0; i < n_parts; i++) {
		if (parts[i].n > left)
			return -EMSGSIZE;
		left -= parts[i].n;
	}
	r = frames_reserve(f, f->max - left + 1);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n_parts; i++) {
		memcpy(f->data + f->end, parts[i].bytes, parts[i].n);
		f->end += parts[i].n;
	}
	f->data[f->end++] = '\0';
	return 0;
}

void frames_sent(struct frames *f, size_t n_bytes)
{
	assert(n_bytes <= frames_len(f));
	f->start += n_bytes;
	if (f->start < f->end)
		return;
	if (f->cap > FRAMES_KEEP) {
		frames_done(f);
		return;
	}
	f->start = 0;
	f->end = 0;
	f->scanned = 0;
}
