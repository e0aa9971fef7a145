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

#define FRAME 4096
#define N_BYTES (3 * FRAME + 100)

static char plain[N_BYTES];

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

static struct box box_make(size_t n_bytes)
{
	struct box b = {.fd = memfd_create("packed", MFD_CLOEXEC), .packed = {.fd = -1}};
	cleanup_close int from = memory_file(plain, n_bytes);
	struct stat st;

	assert_int_equal(packed_pack(from, b.fd, FRAME, UINT64_MAX, &b.bytes), 0);
	assert_int_equal(fstat(b.fd, &st), 0);
	assert_int_equal(st.st_size, b.bytes);
	assert_int_equal(frame_cache_new(&b.cache), 0);
	return b;
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

	assert_int_equal(packed_pack(from, to, FRAME, b.bytes - 1, &bytes), -ENOSPC);
	assert_int_equal(fstat(to, &st), 0);
	assert_true((uint64_t)st.st_size < b.bytes);
	assert_int_equal(packed_pack(from, to, FRAME, b.bytes, &bytes), 0);
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
	/* Frames that do not fill the file. */
	assert_int_equal(seek_table_read(text, sizeof(text), 1021 + sizeof(text), &back), -EBADMSG);
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
		cmocka_unit_test(packed_without_its_table_is_read_frame_by_frame),
		cmocka_unit_test(packed_cut_in_a_frame_keeps_those_before),
		cmocka_unit_test(packed_junk_is_empty),
		cmocka_unit_test(frame_cache_keeps_files_apart),
		cmocka_unit_test(frame_cache_has_room_for_any_number_of_frames),
		cmocka_unit_test(seek_table_refuses_frames_that_no_packer_of_ours_makes),
		cmocka_unit_test(seek_table_written_is_read_back),
	};

	return cmocka_run_group_tests(tests, plain_fill, NULL);
}
