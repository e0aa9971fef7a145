/* SPDX-License-Identifier: MIT */
#include "log/packed.h"

#include <string.h>
#include <sys/mman.h>

#include "lib/fd.h"

#include "log/frame-cache.h"
#include "log/frame.h"
#include "log/lines.h"
#include "tests/fuzz/fuzz.h"

/*
 * A packed file of any bytes whatever, and one of ours with one byte changed.
 *
 * Any file is read to its end without an error but for damaged frames, and of ours each frame that
 * was not changed is found as it was, unless the change was in the table; the numbers of lines are
 * right or unknown. Input: two bytes say
 * which byte of a packed file is changed and one says how; the rest is the plain text of that file,
 * and it is read as a packed one, too.
 */

#define FRAME 64

static int file_make(const void *data, size_t n_bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	fuzz_require(fd >= 0 && fd_write_all(fd, data, n_bytes) == 0);
	return fd;
}

/* Read all of it, frame by frame; the number of bytes in damaged ones. */
static uint64_t read_through(const struct packed *p, const uint8_t *expected)
{
	static uint8_t data[FRAME_BYTES_MAX];
	uint64_t damaged = 0;

	for (uint64_t offset = 0; offset < p->table.bytes;) {
		uint64_t end = packed_frame_end(p, offset);
		ssize_t n = packed_read(p, data, (size_t)(end - offset), offset);

		fuzz_require(end > offset && (n == -EBADMSG || n == (ssize_t)(end - offset)));
		if (n == -EBADMSG)
			damaged += end - offset;
		else if (expected)
			fuzz_require(memcmp(data, expected + offset, (size_t)n) == 0);
		offset = end;
	}
	return damaged;
}

/* What is known of the numbers of lines is right. */
static void check_lines(const struct packed *p, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < p->lines.n_frames; i++) {
		uint32_t n = 0;

		for (size_t at = i * FRAME; at < MIN_OF((i + 1) * FRAME, size); at++)
			n += data[at] == '\n';
		fuzz_require(line_table_lines(&p->lines, i) == n || size > LINE_BYTES_MAX);
	}
}

static void read_any(const uint8_t *data, size_t size, struct frame_cache *cache)
{
	struct packed p;

	fuzz_require(packed_open(&p, file_make(data, size), cache) == 0);
	(void)read_through(&p, NULL);
	packed_close(&p);
}

static void read_ours(const uint8_t *data, size_t size, uint64_t place, uint8_t change,
		      struct frame_cache *cache)
{
	cleanup_close int from = file_make(data, size), to = file_make("", 0);
	size_t n_frames = (size + FRAME - 1) / FRAME;
	size_t tables_bytes = line_table_text_bytes(n_frames) + seek_table_text_bytes(n_frames, 8);
	struct packed p;
	uint64_t bytes;
	uint8_t byte;

	fuzz_require(packed_pack(from, to, FRAME, UINT64_MAX, true, &bytes) == 0);
	place %= bytes;
	fuzz_require(pread(to, &byte, 1, (off_t)place) == 1);
	byte ^= change;
	fuzz_require(pwrite(to, &byte, 1, (off_t)place) == 1);
	fuzz_require(packed_open(&p, steal_fd(&to), cache) == 0);
	if (place < bytes - tables_bytes) {
		/* One byte is part of one frame. */
		fuzz_require(p.table.bytes == size && p.lines.n_frames == n_frames);
		fuzz_require(read_through(&p, data) <= FRAME);
	} else {
		(void)read_through(&p, NULL);
	}
	check_lines(&p, data, size);
	packed_close(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_cache *cache;

	if (size < 3)
		return 0;
	fuzz_require(frame_cache_new(&cache) == 0);
	read_ours(data + 3, size - 3, (uint64_t)data[0] << 8 | data[1], data[2], cache);
	read_any(data + 3, size - 3, cache);
	frame_cache_free(cache);
	return 0;
}
