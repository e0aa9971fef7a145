/* SPDX-License-Identifier: MIT */
#include "tests/unit/log/pen.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "log/lines.h"
#include "log/packed.h"

const struct stream_id shop = {.service = "shop", .stream = 1};
struct store store;
unsigned pen_seed;
bool pen_packs;
unsigned pen_damages = 3;
size_t pen_frame_bytes;

unsigned any(unsigned below)
{
	pen_seed = pen_seed * 1103515245 + 12345;
	return pen_seed / 65536 % below;
}

static const struct stream_id *id_of(const struct pen *p)
{
	return p->id ?: &shop;
}

void pen_record(struct pen *p, enum index_kind kind, uint64_t value)
{
	struct index_record r = index_record_make(kind, p->bytes, p->at_usec, value);

	assert_int_equal(write(p->index_fd, &r, sizeof(r)), sizeof(r));
}

void pen_close(struct pen *p)
{
	close_fd(&p->log_fd);
	close_fd(&p->index_fd);
}

/* Turn a byte of a packed file round. */
static void damage(int fd, uint64_t bytes)
{
	uint64_t place = any((unsigned)bytes);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, (off_t)place), 1);
	byte = (char)~byte;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)place), 1);
}

/* Pack one file of the last segment, and perhaps damage it. */
static void pen_pack_file(const struct pen *p, int plain_fd, enum segment_file file)
{
	struct timespec times[2] = {{.tv_sec = (time_t)(p->at_usec / USEC_PER_SEC),
				     .tv_nsec = (long)(p->at_usec % USEC_PER_SEC * 1000)}};
	cleanup_close int fd =
		store_open_file(&store, id_of(p), p->seq, file, O_RDWR | O_CREAT | O_EXCL);
	uint64_t bytes;

	assert_int_equal(packed_pack(plain_fd, fd, pen_frame_bytes ?: (size_t)1 << (9 + any(10)),
				     UINT64_MAX, file == SEGMENT_FILE_LOG_PACKED && any(4) > 0,
				     &bytes),
			 0);
	if (pen_damages && any(pen_damages) == 0)
		damage(fd, bytes);
	times[1] = times[0];
	assert_int_equal(futimens(fd, times), 0);
}

static void pen_pack(struct pen *p)
{
	char name[SEGMENT_NAME_MAX];
	static const enum segment_file plain[] = {SEGMENT_FILE_LOG, SEGMENT_FILE_INDEX};

	pen_pack_file(p, p->log_fd, SEGMENT_FILE_LOG_PACKED);
	pen_pack_file(p, p->index_fd, SEGMENT_FILE_INDEX_PACKED);
	for (size_t i = 0; i < ARRAY_LEN(plain) && any(8) > 0; i++) {
		cleanup_close int dir_fd = openat(store.dir_fd, id_of(p)->service, O_RDONLY);

		segment_name(id_of(p), p->seq, plain[i], name);
		assert_int_equal(unlinkat(dir_fd, name, 0), 0);
	}
}

void pen_next(struct pen *p, bool continues)
{
	struct index_header header = {.magic = INDEX_MAGIC,
				      .version = INDEX_VERSION,
				      .flags = continues ? INDEX_FLAG_CONTINUES : 0,
				      .seq = p->seq + 1,
				      .previous = p->seq,
				      .base_bytes = p->base + p->bytes,
				      .created_at_usec = p->at_usec,
				      .life = p->life};

	if (pen_packs && p->log_fd >= 0)
		pen_pack(p);
	pen_close(p);
	p->base += p->bytes;
	p->bytes = 0;
	p->seq++;
	p->log_fd = store_open_file(&store, id_of(p), p->seq, SEGMENT_FILE_LOG, O_RDWR | O_CREAT);
	p->index_fd =
		store_open_file(&store, id_of(p), p->seq, SEGMENT_FILE_INDEX, O_RDWR | O_CREAT);
	assert_true(p->log_fd >= 0 && p->index_fd >= 0);
	assert_int_equal(write(p->index_fd, &header, sizeof(header)), sizeof(header));
}

void pen_write(struct pen *p, const char *text, size_t n)
{
	assert_int_equal(write(p->log_fd, text, n), n);
	p->bytes += n;
	p->at_usec += any(3);
	pen_record(p, INDEX_DATA, p->life);
}

void pen_begin_life(struct pen *p)
{
	p->life += 10;
	pen_record(p, INDEX_BEGIN, p->life);
}

void pen_line(struct pen *p, size_t n, bool whole)
{
	static char text[4 * LINE_BYTES_MAX];

	memset(text, 'a' + (int)any(26), n);
	if (whole)
		text[n++] = '\n';
	for (size_t done = 0; done < n;) {
		size_t batch = 1 + any(any(2) ? 50 : 40000);

		batch = MIN_OF(batch, n - done);
		pen_write(p, text + done, batch);
		done += batch;
	}
}

static size_t any_length(void)
{
	static const size_t special[] = {
		0, 1, LINE_BYTES_MAX - 1, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, 2 * LINE_BYTES_MAX};

	switch (any(20)) {
	case 0:
		return special[any(ARRAY_LEN(special))];
	case 1:
		return any(3 * LINE_BYTES_MAX);
	default:
		return any(200);
	}
}

void store_write(unsigned n_lines)
{
	struct pen p = {.log_fd = -1, .index_fd = -1, .seq = 100, .at_usec = 1000000};

	pen_next(&p, false);
	pen_begin_life(&p);
	for (unsigned i = 0; i < n_lines; i++) {
		bool whole = any(30) > 0;

		pen_line(&p, any_length(), whole);
		if (!whole || any(40) == 0) {
			if (any(2))
				pen_record(&p, INDEX_END, p.life);
			pen_begin_life(&p);
		}
		if (any(50) == 0)
			pen_record(&p, INDEX_DROPPED, 1 + any(1000));
		if (any(60) == 0)
			pen_next(&p, false);
	}
	pen_close(&p);
}
