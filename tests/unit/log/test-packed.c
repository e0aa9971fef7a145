/* SPDX-License-Identifier: MIT */
#include "log/packed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/fd.h"

#include "log/frame-cache.h"
#include "log/frame.h"
#include "log/lines.h"

#define FRAME 4096
#define N_BYTES (3 * FRAME + 100)

static char plain[N_BYTES];

/* Whoever reads there is told that the disk cannot. */
static uint64_t bad_sector = UINT64_MAX;

ssize_t __real_fd_read_at(int fd, void *to, size_t n_bytes, uint64_t offset);
ssize_t __wrap_fd_read_at(int fd, void *to, size_t n_bytes, uint64_t offset);

ssize_t __wrap_fd_read_at(int fd, void *to, size_t n_bytes, uint64_t offset)
{
	if (bad_sector >= offset && bad_sector - offset < n_bytes)
		return -EIO;
	return __real_fd_read_at(fd, to, n_bytes, offset);
}

/** struct box - a packed file in memory, and who reads it */
struct box {
	int fd;
	uint64_t bytes;
	struct frame_cache *cache;
	struct packed packed;
};

static int memory_file(const void *data, size_t n_bytes)
{
	int fd = memfd_create("packed", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, data, n_bytes), 0);
	return fd;
}

static struct box box_of(size_t n_bytes, bool has_lines)
{
	struct box b = {.fd = memfd_create("packed", MFD_CLOEXEC), .packed = {.fd = -1}};
	cleanup_close int from = memory_file(plain, n_bytes);
	struct stat st;

	assert_int_equal(packed_pack(from, b.fd, FRAME, UINT64_MAX, has_lines, &b.bytes), 0);
	assert_int_equal(fstat(b.fd, &st), 0);
	assert_int_equal(st.st_size, b.bytes);
	assert_int_equal(frame_cache_new(&b.cache), 0);
	return b;
}

static struct box box_make(size_t n_bytes)
{
	return box_of(n_bytes, true);
}

static void box_open(struct box *b)
{
	assert_int_equal(packed_open(&b->packed, dup(b->fd), b->cache), 0);
}

static void box_done(struct box *b)
{
	packed_close(&b->packed);
	frame_cache_free(b->cache);
	close_fd(&b->fd);
}

/* Turn one byte of the file round. */
static void box_damage(struct box *b, uint64_t offset)
{
	char byte;

	assert_int_equal(pread(b->fd, &byte, 1, (off_t)offset), 1);
	byte = (char)~byte;
	assert_int_equal(pwrite(b->fd, &byte, 1, (off_t)offset), 1);
}

static void assert_reads(struct box *b, uint64_t offset, size_t wanted, ssize_t expected)
{
	char got[N_BYTES + 1];

	assert_int_equal(packed_read(&b->packed, got, wanted, offset), expected);
	if (expected > 0)
		assert_memory_equal(got, plain + offset, (size_t)expected);
}

static int plain_fill(void **state)
{
	for (size_t i = 0; i < N_BYTES; i++)
		plain[i] = (char)("line of a log\n"[i % 14] + (i / 700) % 3);
	return 0;
}

static void packed_read_gives_what_was_packed(void **state)
{
	struct box b = box_make(N_BYTES);

	box_open(&b);
	assert_int_equal(b.packed.table.bytes, N_BYTES);
	assert_int_equal(b.packed.table.n_frames, 4);
	assert_true(b.bytes < N_BYTES);
	assert_reads(&b, 0, N_BYTES, N_BYTES);
	assert_reads(&b, FRAME - 1, 2, 2);
	assert_reads(&b, N_BYTES - 7, 100, 7);
	assert_reads(&b, N_BYTES, 1, 0);
	assert_int_equal(packed_frame_begin(&b.packed, FRAME + 5), FRAME);
	assert_int_equal(packed_frame_end(&b.packed, N_BYTES - 1), N_BYTES);
	box_done(&b);
}

static void packed_pack_without_room_says_so(void **state)
{
	struct box b = box_make(N_BYTES);
	cleanup_close int from = memory_file(plain, N_BYTES), to = memory_file("", 0);
	uint64_t bytes;
	struct stat st;

	assert_int_equal(packed_pack(from, to, FRAME, b.bytes - 1, true, &bytes), -ENOSPC);
	assert_int_equal(fstat(to, &st), 0);
	assert_true((uint64_t)st.st_size < b.bytes);
	assert_int_equal(packed_pack(from, to, FRAME, b.bytes, true, &bytes), 0);
	assert_int_equal(bytes, b.bytes);
	box_done(&b);
}

static void packed_empty_file_reads_as_empty(void **state)
{
	struct box b = box_make(0);

	box_open(&b);
	assert_int_equal(b.packed.table.bytes, 0);
	assert_reads(&b, 0, 10, 0);
	box_done(&b);
}

static void packed_damaged_frame_costs_its_own_bytes_only(void **state)
{
	struct box b = box_make(N_BYTES);

	box_open(&b);
	box_damage(&b, b.packed.table.ends[0] + 40);
	assert_reads(&b, 0, N_BYTES, FRAME);
	assert_reads(&b, FRAME, 1, -EBADMSG);
	assert_reads(&b, 2 * FRAME - 1, 1, -EBADMSG);
	assert_reads(&b, 2 * FRAME, N_BYTES, FRAME + 100);
	box_done(&b);
}

static void packed_frame_that_the_disk_cannot_read_is_damaged(void **state)
{
	struct box b = box_make(N_BYTES);

	box_open(&b);
	bad_sector = b.packed.table.ends[0] + 40;
	assert_reads(&b, 0, N_BYTES, FRAME);
	assert_reads(&b, FRAME, 1, -EBADMSG);
	assert_reads(&b, 2 * FRAME, N_BYTES, FRAME + 100);
	bad_sector = UINT64_MAX;
	box_done(&b);
}

static void packed_numbers_that_the_disk_cannot_read_cost_nothing_else(void **state)
{
	struct box b = box_make(N_BYTES);

	box_open(&b);
	bad_sector = b.packed.table.ends[3] + 4;
	packed_close(&b.packed);
	box_open(&b);
	bad_sector = UINT64_MAX;
	assert_true(b.packed.has_lost_lines);
	assert_reads(&b, 0, N_BYTES, N_BYTES);
	box_done(&b);
}

static void packed_without_its_table_is_read_frame_by_frame(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct box b = box_make(N_BYTES);

		if (i == 0)
			box_damage(&b, b.bytes - 1); /* the footer's magic */
		else if (i == 1)
			box_damage(&b, b.bytes - SEEK_FOOTER_BYTES - 12); /* a length */
		else
			assert_int_equal(ftruncate(b.fd, (off_t)b.bytes - 1), 0);
		box_open(&b);
		assert_int_equal(b.packed.table.bytes, N_BYTES);
		assert_reads(&b, 0, N_BYTES, N_BYTES);
		box_done(&b);
	}
}

static void packed_cut_in_a_frame_keeps_those_before(void **state)
{
	struct box b = box_make(N_BYTES);

	box_open(&b);
	assert_int_equal(ftruncate(b.fd, (off_t)b.packed.table.ends[2] - 3), 0);
	packed_close(&b.packed);
	box_open(&b);
	assert_int_equal(b.packed.table.bytes, 3 * FRAME);
	assert_reads(&b, 0, N_BYTES, 2 * FRAME);
	assert_reads(&b, 2 * FRAME, 1, -EBADMSG);
	box_done(&b);
}

static void packed_junk_is_empty(void **state)
{
	struct box b = {.fd = memory_file("no frame at all", 15)};

	assert_int_equal(frame_cache_new(&b.cache), 0);
	box_open(&b);
	assert_int_equal(b.packed.table.bytes, 0);
	box_done(&b);
}

static void frame_cache_keeps_files_apart(void **state)
{
	struct box b = box_make(N_BYTES);
	struct packed second;
	char byte;

	box_open(&b);
	assert_reads(&b, 0, 10, 10);
	packed_close(&b.packed);
	/* The same place in memory, and another file. */
	plain[0] ^= 1;
	{
		struct box other = box_make(N_BYTES);

		assert_int_equal(packed_open(&b.packed, dup(other.fd), b.cache), 0);
		box_done(&other);
	}
	assert_int_equal(packed_open(&second, dup(b.fd), b.cache), 0);
	assert_reads(&b, 0, 10, 10);
	assert_int_equal(packed_read(&second, &byte, 1, 0), 1);
	assert_int_equal(byte, plain[0] ^ 1);
	plain[0] ^= 1;
	packed_close(&second);
	box_done(&b);
}

static void frame_cache_has_room_for_any_number_of_frames(void **state)
{
	struct box b = box_make(N_BYTES);
	struct packed more[FRAME_CACHE_SLOTS];

	box_open(&b);
	for (size_t i = 0; i < FRAME_CACHE_SLOTS; i++)
		assert_int_equal(packed_open(&more[i], dup(b.fd), b.cache), 0);
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < FRAME_CACHE_SLOTS; i++) {
			char got[N_BYTES];

			assert_int_equal(packed_read(&more[i], got, N_BYTES, 0), N_BYTES);
			assert_memory_equal(got, plain, N_BYTES);
			assert_reads(&b, 0, N_BYTES, N_BYTES);
		}
	for (size_t i = 0; i < FRAME_CACHE_SLOTS; i++)
		packed_close(&more[i]);
	box_done(&b);
}

/* --- numbers of lines ------------------------------------------------------------------------- */

static void assert_counts(const struct line_table *t)
{
	assert_int_equal(t->n_frames, 4);
	for (size_t i = 0; i < 4; i++) {
		uint32_t n = 0;

		for (size_t at = i * FRAME; at < MIN_OF((i + 1) * FRAME, (size_t)N_BYTES); at++)
			n += plain[at] == '\n';
		assert_int_equal(line_table_lines(t, i), n);
	}
	assert_int_equal(line_table_lines(t, 4), LINES_UNKNOWN);
}

static void packed_file_knows_the_number_of_lines_in_each_frame(void **state)
{
	struct box b = box_make(N_BYTES);
	struct line_table again = {0};

	box_open(&b);
	assert_counts(&b.packed.lines);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(packed_count(&b.packed, i, &again), 0);
	line_table_end(&again);
	assert_counts(&again);
	line_table_done(&again);
	box_done(&b);
}

static void packed_file_of_a_former_version_is_whole_without_them(void **state)
{
	struct box b = box_of(N_BYTES, false);

	box_open(&b);
	assert_false(b.packed.is_rebuilt || b.packed.has_lost_lines);
	assert_int_equal(line_table_lines(&b.packed.lines, 0), LINES_UNKNOWN);
	assert_reads(&b, 0, N_BYTES, N_BYTES);
	box_done(&b);
}

static void numbers_that_are_damaged_cost_nothing_else(void **state)
{
	uint64_t end = line_table_text_bytes(4), tail = seek_table_text_bytes(4, 8);

	for (uint64_t i = 0; i < end; i++) {
		struct box b = box_make(N_BYTES);

		box_damage(&b, b.bytes - tail - end + i);
		box_open(&b);
		assert_true(b.packed.has_lost_lines && !b.packed.is_rebuilt);
		assert_int_equal(line_table_lines(&b.packed.lines, 0), LINES_UNKNOWN);
		assert_reads(&b, 0, N_BYTES, N_BYTES);
		box_done(&b);
	}
}

/* Longest line that is one, and one that is two; both over two frames. */
static void line_that_is_too_long_leaves_its_frames_without_a_number(void **state)
{
	static char text[3 * LINE_BYTES_MAX];

	for (size_t more = 0; more < 2; more++) {
		struct line_table t = {0};
		size_t half = LINE_BYTES_MAX;

		memset(text, 'x', sizeof(text));
		text[9] = text[10 + LINE_BYTES_MAX + more] = text[2 * half + 5] = '\n';
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(line_table_count(&t, text + i * half, half), 0);
		line_table_end(&t);
		assert_int_equal(line_table_lines(&t, 0), more ? LINES_UNKNOWN : 1);
		assert_int_equal(line_table_lines(&t, 1), more ? LINES_UNKNOWN : 1);
		assert_int_equal(line_table_lines(&t, 2), 1);
		line_table_done(&t);
	}
}

static void frame_that_is_lost_has_no_number(void **state)
{
	struct line_table t = {0};

	assert_int_equal(line_table_count(&t, "a\nb\nc", 5), 0);
	assert_int_equal(line_table_count(&t, NULL, 5), 0);
	assert_int_equal(line_table_count(&t, "d\ne\n", 4), 0);
	line_table_end(&t);
	assert_int_equal(line_table_lines(&t, 0), 2);
	assert_int_equal(line_table_lines(&t, 1), LINES_UNKNOWN);
	assert_int_equal(line_table_lines(&t, 2), 2);
	line_table_done(&t);
}

/* --- the table -------------------------------------------------------------------------------- */

static void seek_table_refuses_frames_that_no_packer_of_ours_makes(void **state)
{
	struct seek_table t = {0};

	assert_int_equal(seek_table_add(&t, 10, 0), -EBADMSG);
	assert_int_equal(seek_table_add(&t, 10, FRAME_BYTES_MAX + 1), -EBADMSG);
	assert_int_equal(seek_table_add(&t, 10, FRAME), 0);
	assert_int_equal(seek_table_add(&t, 10, FRAME + 1), -EBADMSG);
	assert_int_equal(seek_table_add(&t, 10, 1), 0);
	assert_int_equal(seek_table_add(&t, 10, 1), -EBADMSG);
	assert_int_equal(t.bytes, FRAME + 1);
	assert_int_equal(seek_table_size(&t, 0), FRAME);
	assert_int_equal(seek_table_size(&t, 1), 1);
	seek_table_done(&t);
}

static void seek_table_written_is_read_back(void **state)
{
	struct seek_table t = {0}, back = {0};
	uint8_t text[SEEK_HEADER_BYTES + 2 * 8 + SEEK_FOOTER_BYTES];

	assert_int_equal(seek_table_add(&t, 1000, FRAME), 0);
	assert_int_equal(seek_table_add(&t, 20, 17), 0);
	assert_int_equal(seek_table_text_bytes(2, 8), sizeof(text));
	seek_table_write(&t, text);
	assert_int_equal(seek_table_read(text, sizeof(text), 1020 + sizeof(text), &back), 0);
	assert_int_equal(back.n_frames, 2);
	assert_int_equal(back.bytes, t.bytes);
	assert_memory_equal(back.ends, t.ends, 2 * sizeof(*t.ends));
	seek_table_done(&back);
	/* Frames that are more than the file. */
	assert_int_equal(seek_table_read(text, sizeof(text), 1019 + sizeof(text), &back), -EBADMSG);
	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] ^= 0x55;
		if (seek_table_read(text, sizeof(text), 1020 + sizeof(text), &back) == 0)
			seek_table_done(&back);
		assert_int_equal(seek_table_read(text, i, 1020 + sizeof(text), &back), -EBADMSG);
		text[i] ^= 0x55;
	}
	seek_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_read_gives_what_was_packed),
		cmocka_unit_test(packed_pack_without_room_says_so),
		cmocka_unit_test(packed_empty_file_reads_as_empty),
		cmocka_unit_test(packed_damaged_frame_costs_its_own_bytes_only),
		cmocka_unit_test(packed_frame_that_the_disk_cannot_read_is_damaged),
		cmocka_unit_test(packed_numbers_that_the_disk_cannot_read_cost_nothing_else),
		cmocka_unit_test(packed_without_its_table_is_read_frame_by_frame),
		cmocka_unit_test(packed_cut_in_a_frame_keeps_those_before),
		cmocka_unit_test(packed_junk_is_empty),
		cmocka_unit_test(frame_cache_keeps_files_apart),
		cmocka_unit_test(frame_cache_has_room_for_any_number_of_frames),
		cmocka_unit_test(packed_file_knows_the_number_of_lines_in_each_frame),
		cmocka_unit_test(packed_file_of_a_former_version_is_whole_without_them),
		cmocka_unit_test(numbers_that_are_damaged_cost_nothing_else),
		cmocka_unit_test(line_that_is_too_long_leaves_its_frames_without_a_number),
		cmocka_unit_test(frame_that_is_lost_has_no_number),
		cmocka_unit_test(seek_table_refuses_frames_that_no_packer_of_ours_makes),
		cmocka_unit_test(seek_table_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, plain_fill, NULL);
}
