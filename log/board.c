/* SPDX-License-Identifier: MIT */

/*
 * The board: what the writer tells about itself without ever being asked.
 *
 * Readers run in another process. If they had to ask, a reader that is slow or gone would have to
 * be waited for, queued for or given up on, all of it in the process that must only collect. So the
 * writer just notes what it does in a page that the reader has mapped; nobody waits for anybody.
 * The numbers are for people: each is right by itself, two of them may be one splice apart.
 */

#include "log/board.h"

#include <string.h>
#include <sys/mman.h>

#include "lib/text.h"

/** Services that a note names before it says "and more". */
#define NOTE_NAMES_MAX 3

int board_new(struct board **ret_board, int *ret_fd)
{
	cleanup_close int fd = memfd_create("slicekeep-log-board", MFD_CLOEXEC);
	void *memory;

	if (fd < 0 || ftruncate(fd, sizeof(struct board)) < 0)
		return -errno;
	memory = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret_board = memory;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int board_map(int fd, const struct board **ret_board)
{
	void *memory = mmap(NULL, sizeof(struct board), PROT_READ, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	*ret_board = memory;
	return 0;
}

struct board_row *board_row_take(struct board *b, const struct stream_id *id)
{
	for (uint32_t i = 0; i < BOARD_ROWS_MAX; i++) {
		struct board_row *row = &b->rows[i];

		if (row->n_pipes != 0)
			continue;
		row->id = *id;
		row->state = BOARD_COLLECTING;
		row->code = 0;
		b->n_rows = MAX_OF(b->n_rows, i + 1);
		return row;
	}
	return NULL;
}

void board_lag_note(struct board *b, usec_t now_usec, usec_t lag_usec)
{
	uint64_t bucket = now_usec / BOARD_LAG_BUCKET_USEC;
	size_t i = bucket % BOARD_LAG_BUCKETS;

	if (b->lag_bucket[i] != bucket) {
		b->lag_bucket[i] = bucket;
		b->lag_usec[i] = 0;
	}
	b->lag_usec[i] = MAX_OF(b->lag_usec[i], lag_usec);
}

usec_t board_lag(const struct board *b, usec_t now_usec)
{
	uint64_t bucket = now_usec / BOARD_LAG_BUCKET_USEC;
	usec_t lag = 0;

	for (size_t i = 0; i < BOARD_LAG_BUCKETS; i++)
		if (b->lag_bucket[i] + BOARD_LAG_BUCKETS > bucket)
			lag = MAX_OF(lag, b->lag_usec[i]);
	return lag;
}

void board_note(const struct board *b, struct text *t)
{
	const char *last = "";
	unsigned n = 0;

	for (uint32_t i = 0; i < MIN_OF(b->n_rows, (uint32_t)BOARD_ROWS_MAX); i++) {
		const struct board_row *row = &b->rows[i];

		if (row->n_pipes == 0 || row->state == BOARD_COLLECTING ||
		    strcmp(row->id.service, last) == 0)
			continue;
		last = row->id.service;
		if (n++ == NOTE_NAMES_MAX) {
			text_add(t, "; and more");
			return;
		}
		text_addf(t, "%s%s: %s %s", n > 1 ? "; " : "", strerror(-row->code),
			  row->id.service, row->state == BOARD_BLOCKED ? "blocks" : "drops");
	}
}

uint64_t board_pipes(const struct board *b, const char *service)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < MIN_OF(b->n_rows, (uint32_t)BOARD_ROWS_MAX); i++)
		if (!service || strcmp(b->rows[i].id.service, service) == 0)
			n += b->rows[i].n_pipes;
	return n;
}
