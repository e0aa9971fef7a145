/* SPDX-License-Identifier: MIT */

/*
 * The last few frames that were unpacked, for all readers of a store together.
 *
 * A reader goes through the lines of a segment and the records of its index side by side, in steps
 * that are far smaller than a frame; and one query may read a thousand streams. So the frames do
 * not belong to whoever reads: there are FRAME_CACHE_SLOTS of them, the one that was used longest
 * ago makes way, and everybody copies the small window that he needs. Memory is bounded whatever is
 * asked; what costs more when more streams are merged than there are slots is time.
 *
 * That a frame is damaged is remembered like its bytes, so that it is said again without a try.
 */

#include "log/frame-cache.h"

#include "lib/fd.h"

#include "log/packed.h"

/**
 * struct slot - one frame
 * @id:      file whose it is; 0: free
 * @used:    when it was asked for last, in calls
 * @code:    0, or -EBADMSG
 */
struct slot {
	uint64_t id;
	size_t i_frame;
	char *data;
	uint64_t used;
	int code;
};

struct frame_cache {
	struct slot slots[FRAME_CACHE_SLOTS];
	struct frame_unpacker *unpacker;
	char *packed;
	uint64_t calls;
	uint64_t ids;
};

int frame_cache_new(struct frame_cache **ret_cache)
{
	*ret_cache = calloc(1, sizeof(**ret_cache));
	return *ret_cache ? 0 : -ENOMEM;
}

static void slot_clear(struct slot *s)
{
	free(s->data);
	*s = (struct slot){0};
}

void frame_cache_free(struct frame_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < FRAME_CACHE_SLOTS; i++)
		slot_clear(&c->slots[i]);
	frame_unpacker_free(c->unpacker);
	free(c->packed);
	free(c);
}

uint64_t frame_cache_id(struct frame_cache *c)
{
	return ++c->ids;
}

void frame_cache_forget(struct frame_cache *c, uint64_t id)
{
	for (size_t i = 0; i < FRAME_CACHE_SLOTS; i++)
		if (c->slots[i].id == id)
			slot_clear(&c->slots[i]);
}

/* The frame's slot, or the one that makes way for it. */
static struct slot *slot_find(struct frame_cache *c, uint64_t id, size_t i_frame)
{
	struct slot *oldest = &c->slots[0];

	for (size_t i = 0; i < FRAME_CACHE_SLOTS; i++) {
		struct slot *s = &c->slots[i];

		if (s->id == id && s->i_frame == i_frame)
			return s;
		if (s->used < oldest->used)
			oldest = s;
	}
	return oldest;
}

static int reserve(struct frame_cache *c, struct slot *s)
{
	if (!c->packed)
		c->packed = malloc(frame_packed_max());
	if (!s->data)
		s->data = malloc(FRAME_BYTES_MAX);
	if (!c->packed || !s->data)
		return -ENOMEM;
	return c->unpacker ? 0 : frame_unpacker_new(&c->unpacker);
}

static int slot_fill(struct frame_cache *c, struct slot *s, const struct packed *p, size_t i_frame)
{
	uint64_t begin = seek_table_begin(&p->table, i_frame);
	uint64_t n_bytes = seek_table_begin(&p->table, i_frame + 1) - begin;
	ssize_t n;
	int r = reserve(c, s);

	s->id = 0;
	if (r < 0)
		return r;
	if (n_bytes > frame_packed_max())
		return -EBADMSG;
	n = packed_read_at(p->fd, c->packed, (size_t)n_bytes, begin);
	if (n < 0)
		return (int)n;
	return frame_unpack(c->unpacker, s->data, seek_table_size(&p->table, i_frame), c->packed,
			    (size_t)n);
}

int frame_cache_get(struct frame_cache *c, const struct packed *p, size_t i, const char **ret_data)
{
	struct slot *s = slot_find(c, p->id, i);

	s->used = ++c->calls;
	if (s->id != p->id || s->i_frame != i) {
		int r = slot_fill(c, s, p, i);

		if (r < 0 && r != -EBADMSG)
			return r;
		s->id = p->id;
		s->i_frame = i;
		s->code = r;
	}
	*ret_data = s->data;
	return s->code;
}
