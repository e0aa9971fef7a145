/* SPDX-License-Identifier: MIT */
#include "log/lines.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

/*
 * The line splitter, forwards and backwards: both must find the same pieces, and each place must
 * lead to one of their beginnings.
 *
 * Long lines are what matters, and they do not fit into an input: a byte from 0x80 on stands for a
 * run of up to 128 KiB of the same letter.
 */

#define TEXT_BYTES_MAX ((size_t)1024 * 1024)
#define PIECES_MAX 8192

static size_t text_make(const uint8_t *data, size_t size, char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		size_t run = data[i] < 0x80 ? 1 : (size_t)(data[i] - 0x7f) * 1024 + i % 3;

		run = MIN_OF(run, TEXT_BYTES_MAX - n);
		memset(text + n, data[i] < 0x80 ? data[i] : 'x', run);
		n += run;
	}
	return n;
}

static size_t forwards(const char *text, size_t n, uint64_t *starts)
{
	size_t n_pieces = 0;

	for (uint64_t at = 0; at < n && n_pieces < PIECES_MAX;) {
		struct line_piece piece = {.total_bytes = n - at};

		if (lines_next(text + at, n - at, at, &piece) > 0)
			fuzz_require(piece.text_bytes + piece.ended == piece.total_bytes);
		fuzz_require(piece.total_bytes > 0 && piece.total_bytes <= n - at);
		fuzz_require(piece.text_bytes <= LINE_BYTES_MAX);
		starts[n_pieces++] = at;
		at += piece.total_bytes;
	}
	return n_pieces;
}

static uint64_t start_before(const char *text, uint64_t at, bool align)
{
	size_t n = (size_t)MIN_OF((uint64_t)LINE_LOOK_BACK_MAX, at);
	uint64_t start = at;
	int r = align ? lines_align(text + at - n, n, at, n == at, &start)
		      : lines_back(text + at - n, n, at, n == at, &start);

	fuzz_require(r > 0 && start <= at);
	return start;
}

static bool is_start(const uint64_t *starts, size_t n_pieces, uint64_t at)
{
	size_t low = 0, high = n_pieces;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (starts[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n_pieces && starts[low] == at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t starts[PIECES_MAX];
	static char text[TEXT_BYTES_MAX];
	size_t n = text_make(data, size, text);
	size_t n_pieces = forwards(text, n, starts);
	uint64_t at = n;

	if (n_pieces == PIECES_MAX || n == 0)
		return 0;
	for (size_t i = n_pieces; i > 0; i--) {
		at = start_before(text, at, false);
		fuzz_require(at == starts[i - 1]);
	}
	fuzz_require(at == 0);
	for (uint64_t place = 1; place <= n; place += 1 + n / 64) {
		at = start_before(text, place, true);
		/* Behind the last newline there is nothing yet, but it is where a line begins. */
		fuzz_require(at == n || is_start(starts, n_pieces, at));
	}
	return 0;
}
