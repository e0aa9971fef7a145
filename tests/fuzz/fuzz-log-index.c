/* SPDX-License-Identifier: MIT */
#include "log/tape.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "log/packed.h"
#include "log/segment.h"
#include "log/store.h"
#include "tests/fuzz/fuzz.h"

/*
 * A segment with any index whatever, read in both directions and then gone on with.
 *
 * A damaged index may cost stamps and never a byte: the lines that are found cover the segment from
 * its beginning to its end. And whoever leaps over lines of a packed segment lands where he would
 * have come line by line. Input: two bytes say how long the index is, then come the index (behind
 * a good header, if the first bit is set) and the bytes of the segment.
 */

#define FRAME 64

static const struct stream_id id = {.service = "fuzz", .stream = 1};

static struct store store;

static void store_remove(void)
{
	ignore_result(store_delete(&store, &id, 1));
	(void)unlinkat(store.dir_fd, id.service, AT_REMOVEDIR);
	(void)rmdir(store.path);
	store_done(&store);
}

static void store_make(void)
{
	static char path[] = "/dev/shm/slicekeep-fuzz-XXXXXX";

	if (store.path)
		return;
	fuzz_require(mkdtemp(path) && store_open(&store, path, false, NULL) == 0);
	fuzz_require(atexit(store_remove) == 0);
	fuzz_require(store_make_folder(&store, "fuzz") == 0);
}

static void file_write(enum segment_file file, const void *head, size_t n_head, const uint8_t *data,
		       size_t size)
{
	cleanup_close int fd = store_open_file(&store, &id, 1, file, O_RDWR | O_CREAT | O_TRUNC);

	fuzz_require(fd >= 0 && write(fd, head, n_head) == (ssize_t)n_head);
	fuzz_require(write(fd, data, size) == (ssize_t)size);
}

static void read_forwards(struct tape *t, size_t size)
{
	uint64_t covered = 0;
	size_t n_lines = 0;
	int r;

	fuzz_require(tape_seek_begin(t) == 0);
	while ((r = tape_load(t)) > 0) {
		fuzz_require(t->offset == covered && t->next_offset >= covered);
		fuzz_require(t->next_offset > covered || t->next_record > t->record);
		covered = t->next_offset;
		fuzz_require(n_lines++ <= size + t->view.n_records);
		tape_advance(t);
	}
	fuzz_require(r == 0 && covered == size);
}

static void read_backwards(struct tape *t)
{
	uint64_t before;
	int r;

	fuzz_require(tape_seek_until(t, 0) == 0);
	before = t->offset;
	while ((r = tape_back(t)) > 0) {
		fuzz_require(t->offset < before);
		before = t->offset;
	}
	fuzz_require(r == 0);
}

static void segment_pack(void)
{
	cleanup_close int from = store_open_file(&store, &id, 1, SEGMENT_FILE_LOG, O_RDONLY);
	cleanup_close int to = store_open_file(&store, &id, 1, SEGMENT_FILE_LOG_PACKED,
					       O_RDWR | O_CREAT | O_TRUNC);
	uint64_t bytes;

	fuzz_require(from >= 0 && to >= 0);
	fuzz_require(packed_pack(from, to, FRAME, UINT64_MAX, true, &bytes) == 0);
}

static void segment_hide(bool is_hidden)
{
	char path[SEGMENT_NAME_MAX + 8], hidden[] = "fuzz/hidden", name[SEGMENT_NAME_MAX];

	(void)snprintf(path, sizeof(path), "fuzz/%s", segment_name(&id, 1, SEGMENT_FILE_LOG, name));
	fuzz_require(renameat(store.dir_fd, is_hidden ? path : hidden, store.dir_fd,
			      is_hidden ? hidden : path) == 0);
}

static void tape_open_one(struct tape *t)
{
	tape_init(t, &store, &id);
	fuzz_require(tape_add(t, 1) == 0);
}

/* Places are found by halving, which is right only then. */
static bool index_is_ordered(struct tape *t)
{
	struct index_record before = {0}, record;

	for (uint64_t i = 0; i < t->view.n_records; i++, before = record) {
		fuzz_require(view_record(&t->view, i, &record) == 0);
		if (record.end < before.end || index_record_at(&record) < index_record_at(&before))
			return false;
	}
	return true;
}

/* Go back by leaps; each is compared with as many steps. */
static void leap(uint64_t max_lines)
{
	struct tape t, step;
	uint64_t n = 0;
	bool is_ordered;

	tape_open_one(&t);
	tape_open_one(&step);
	fuzz_require(tape_seek_until(&t, 0) == 0);
	is_ordered = index_is_ordered(&t);
	while (tape_back(&t) > 0) {
		struct cursor_place place = tape_place(&t);

		fuzz_require(tape_leap(&t, max_lines, 0, &n) == 0 && n <= max_lines);
		fuzz_require(n == 0 || t.offset < place.offset);
		if (n == 0 || !is_ordered)
			continue;
		fuzz_require(tape_seek_place(&step, &place) == 0 && tape_load(&step) > 0);
		for (; n > 0; n--)
			fuzz_require(tape_back(&step) == 1);
		fuzz_require(step.offset == t.offset && step.record == t.record);
	}
	tape_done(&t);
	tape_done(&step);
}

static void seek(struct tape *t, uint64_t number)
{
	struct cursor_place place = {.id = id, .seq = 1, .offset = number, .record = number >> 8};

	fuzz_require(tape_seek_since(t, number, 0) == 0 && tape_load(t) >= 0);
	fuzz_require(tape_seek_since(t, 0, number) == 0 && tape_load(t) >= 0);
	fuzz_require(tape_seek_until(t, number) == 0 && tape_back(t) >= 0);
	fuzz_require(tape_seek_place(t, &place) == 0 && tape_load(t) >= 0);
}

static void go_on_writing(size_t size)
{
	struct segment s;

	fuzz_require(segment_open(&s, &store, &id, 1) == 0);
	fuzz_require(s.bytes == size);
	fuzz_require(segment_mark(&s, INDEX_BEGIN, 7) == 0);
	fuzz_require(s.life == 7 && s.life_open && !s.has_pending);
	segment_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 1};
	struct tape t;
	size_t n_index;
	uint64_t number = 0;

	if (size < 2)
		return 0;
	n_index = MIN_OF((size_t)data[0] / 2 * 256 + data[1], size - 2);
	store_make();
	file_write(SEGMENT_FILE_INDEX, &header, data[0] & 1 ? sizeof(header) : 0, data + 2,
		   n_index);
	data += 2 + n_index;
	size -= 2 + n_index;
	file_write(SEGMENT_FILE_LOG, "", 0, data, size);
	memcpy(&number, data, MIN_OF(size, sizeof(number)));

	segment_pack();
	segment_hide(true);
	leap(number % 200);
	segment_hide(false);

	for (int round = 0; round < 2; round++) {
		tape_init(&t, &store, &id);
		fuzz_require(tape_add(&t, 1) == 0);
		read_forwards(&t, size);
		read_backwards(&t);
		seek(&t, number % (size + 2));
		tape_done(&t);
		go_on_writing(size);
	}
	return 0;
}
