/* SPDX-License-Identifier: MIT */

/*
 * Stores that are damaged on purpose: what is found, and what it is like after it was mended.
 */

#include "log/mend.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "log/examine.h"
#include "log/packed.h"
#include "log/tape.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/log/pen.h"

#define SEGMENTS 3
#define LINES 400
#define FRAME_BYTES ((size_t)1024)

static struct temp temp;

/* Called before a file that was made gets its times, and so its name. */
static void (*meanwhile)(void);

int __real_futimens(int fd, const struct timespec times[2]);
int __wrap_futimens(int fd, const struct timespec times[2]);

int __wrap_futimens(int fd, const struct timespec times[2])
{
	if (meanwhile)
		meanwhile();
	return __real_futimens(fd, times);
}

/* What was found last. */
static struct {
	unsigned n[FAULT_KIND_COUNT];
	struct fault last;
} seen;

/* --- the store -------------------------------------------------------------------------------- */

static void path_of(uint64_t seq, enum segment_file file, char path[static 128])
{
	char name[SEGMENT_NAME_MAX];

	(void)snprintf(path, 128, "shop/%s", segment_name(&shop, seq, file, name));
}

static void pack_file(uint64_t seq, enum segment_file plain, enum segment_file packed)
{
	cleanup_close int from = store_open_file(&store, &shop, seq, plain, O_RDONLY);
	cleanup_close int to = store_open_file(&store, &shop, seq, packed, O_RDWR | O_CREAT);
	char path[128];
	uint64_t bytes;

	assert_int_equal(packed_pack(from, to, FRAME_BYTES, UINT64_MAX,
				     packed == SEGMENT_FILE_LOG_PACKED, &bytes),
			 0);
	path_of(seq, plain, path);
	assert_int_equal(unlinkat(store.dir_fd, path, 0), 0);
}

static void store_make(bool packed)
{
	struct pen p = {.log_fd = -1, .index_fd = -1, .seq = 100, .at_usec = 1000000};

	for (int i = 0; i < SEGMENTS; i++) {
		pen_next(&p, false);
		pen_begin_life(&p);
		for (int line = 0; line < LINES; line++) {
			char text[32];
			int n = snprintf(text, sizeof(text), "line %d %d\n", i, line);

			p.at_usec += 1000;
			pen_write(&p, text, (size_t)n);
		}
		pen_record(&p, INDEX_END, p.life);
	}
	pen_close(&p);
	for (uint64_t seq = 101; packed && seq < 101 + SEGMENTS; seq++) {
		pack_file(seq, SEGMENT_FILE_LOG, SEGMENT_FILE_LOG_PACKED);
		pack_file(seq, SEGMENT_FILE_INDEX, SEGMENT_FILE_INDEX_PACKED);
	}
}

static int store_setup(bool packed)
{
	struct error err = {0};
	char path[4096];

	temp_init(&temp);
	(void)snprintf(path, sizeof(path), "%s", temp_path(&temp, "log"));
	assert_int_equal(store_open(&store, path, true, &err), 0);
	assert_int_equal(store_make_folder(&store, shop.service), 0);
	store_make(packed);
	return 0;
}

static int setup_plain(void **state)
{
	return store_setup(false);
}

static int setup_packed(void **state)
{
	return store_setup(true);
}

static int teardown(void **state)
{
	store_done(&store);
	temp_done(&temp);
	return 0;
}

/* --- damage ----------------------------------------------------------------------------------- */

static off_t size_of(uint64_t seq, enum segment_file file)
{
	cleanup_close int fd = store_open_file(&store, &shop, seq, file, O_RDONLY);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_size;
}

static void flip(uint64_t seq, enum segment_file file, off_t place)
{
	cleanup_close int fd = store_open_file(&store, &shop, seq, file, O_RDWR);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, place), 1);
	byte = (char)~byte;
	assert_int_equal(pwrite(fd, &byte, 1, place), 1);
}

static void cut(uint64_t seq, enum segment_file file, off_t bytes)
{
	cleanup_close int fd = store_open_file(&store, &shop, seq, file, O_RDWR);

	assert_int_equal(ftruncate(fd, bytes), 0);
}

static void lose(uint64_t seq, enum segment_file file)
{
	char path[128];

	path_of(seq, file, path);
	assert_int_equal(unlinkat(store.dir_fd, path, 0), 0);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void on_fault(const struct examined *e, const struct fault *fault, void *userdata)
{
	seen.n[fault->kind]++;
	seen.last = *fault;
}

/* Examine everything; one of the segments as the caller gets it. */
static struct examined examine(uint64_t seq)
{
	struct examiner x = {.store = &store, .deadline_usec = USEC_INFINITY, .found = on_fault};
	struct examined e[SEGMENTS] = {0};

	memset(&seen, 0, sizeof(seen));
	for (size_t i = 0; i < SEGMENTS; i++) {
		e[i].entry = (struct store_entry){.id = shop, .seq = 101 + i, .at_usec = 5000000};
		e[i].is_newest = i + 1 == SEGMENTS;
		examine_measure(&x, &e[i]);
		examine_frame(&x, &e[i]);
		if (i > 0)
			examine_joint(&x, &e[i - 1], &e[i]);
		assert_true(examine_content(&x, &e[i]));
	}
	return e[seq - 101];
}

static void assert_found(enum fault_kind kind, unsigned n)
{
	for (int i = 0; i < FAULT_KIND_COUNT; i++)
		assert_int_equal(seen.n[i], i == (int)kind ? n : 0);
}

static unsigned count_lines(usec_t *ret_last_at_usec)
{
	struct tape tape;
	unsigned n = 0;
	int r;

	tape_init(&tape, &store, &shop);
	for (uint64_t seq = 101; seq < 101 + SEGMENTS; seq++)
		assert_int_equal(tape_add(&tape, seq), 0);
	assert_int_equal(tape_seek_begin(&tape), 0);
	while ((r = tape_load(&tape)) == 1) {
		n += !tape.line.damaged && tape.line.n_bytes > 0;
		*ret_last_at_usec = tape.line.at_usec;
		tape_advance(&tape);
	}
	assert_int_equal(r, 0);
	tape_done(&tape);
	return n;
}

static void assert_all_lines(void)
{
	usec_t at_usec;

	assert_int_equal(count_lines(&at_usec), SEGMENTS * LINES);
}

static void with_mender(void (*fn)(const struct mender *m, uint64_t seq), uint64_t seq)
{
	struct error err = {0};
	struct mender m;

	assert_int_equal(mender_begin(&m, &store, &err), 0);
	fn(&m, seq);
	mender_done(&m);
}

static void mend_that_index(const struct mender *m, uint64_t seq)
{
	struct examined before = seq > 101 ? examine(seq - 1) : (struct examined){0};
	struct examined e = examine(seq);
	struct index_header header = {.magic = INDEX_MAGIC,
				      .version = INDEX_VERSION,
				      .seq = seq,
				      .base_bytes = before.header.base_bytes + before.bytes};

	assert_int_equal(mend_index(m, &e, e.has_header ? &e.header : &header), 0);
}

static void mend_that_table(const struct mender *m, uint64_t seq)
{
	struct examined e = examine(seq);

	assert_int_equal(seen.last.kind, FAULT_TABLE);
	assert_int_equal(mend_table(m, &e, &seen.last), 0);
}

/* --- plain segments --------------------------------------------------------------------------- */

static void store_that_is_whole_has_no_faults(void **state)
{
	(void)examine(101);
	assert_found(FAULT_INDEX, 0);
	assert_all_lines();
}

static void index_that_is_lost_is_made_anew(void **state)
{
	lose(102, SEGMENT_FILE_INDEX);
	(void)examine(102);
	assert_found(FAULT_INDEX, 1);
	with_mender(mend_that_index, 102);
	(void)examine(102);
	assert_found(FAULT_INDEX, 0);
	assert_all_lines();
}

static void index_without_its_header_keeps_its_records(void **state)
{
	off_t bytes = size_of(102, SEGMENT_FILE_INDEX);

	flip(102, SEGMENT_FILE_INDEX, 0);
	(void)examine(102);
	assert_found(FAULT_INDEX, 1);
	with_mender(mend_that_index, 102);
	(void)examine(102);
	assert_found(FAULT_INDEX, 0);
	assert_int_equal(size_of(102, SEGMENT_FILE_INDEX), bytes);
	assert_all_lines();
}

static void record_that_is_wrong_spoils_no_other(void **state)
{
	off_t bytes = size_of(102, SEGMENT_FILE_INDEX), record = (off_t)index_offset_of(57);

	flip(102, SEGMENT_FILE_INDEX, record + 8 + 3);      /* its time */
	flip(102, SEGMENT_FILE_INDEX, record + 5 * 24 + 2); /* the end of another one */
	(void)examine(102);
	assert_found(FAULT_INDEX, 1);
	with_mender(mend_that_index, 102);
	(void)examine(102);
	assert_found(FAULT_INDEX, 0);
	assert_int_equal(size_of(102, SEGMENT_FILE_INDEX), bytes - 2 * 24);
	assert_all_lines();
}

static void segment_that_was_cut_leaves_a_gap(void **state)
{
	off_t bytes = size_of(102, SEGMENT_FILE_LOG);
	usec_t at_usec;

	cut(102, SEGMENT_FILE_LOG, bytes - 1000);
	(void)examine(102);
	assert_int_equal(seen.n[FAULT_INDEX], 1);
	assert_int_equal(seen.n[FAULT_GAP], 1);
	with_mender(mend_that_index, 102);
	(void)examine(102);
	assert_found(FAULT_GAP, 1);
	assert_non_null(strstr(seen.last.what, "1000 bytes between"));
	assert_in_range(count_lines(&at_usec), SEGMENTS * LINES - 1000 / 10,
			SEGMENTS * LINES - 1000 / 14 + 1);
}

static void segment_that_is_written_is_left_alone(void **state)
{
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 103};
	struct examined e;
	struct error err = {0};
	struct mender m;
	int collector = -1;

	assert_int_equal(store_lock(&store, &collector, &err), 0);
	lose(103, SEGMENT_FILE_INDEX);
	e = examine(103);
	assert_found(FAULT_INDEX, 1);
	assert_int_equal(mender_begin(&m, &store, &err), 0);
	assert_int_equal(mend_index(&m, &e, &header), -EBUSY);
	mender_done(&m);
	close_fd(&collector);
	with_mender(mend_that_index, 103);
	(void)examine(103);
	assert_found(FAULT_INDEX, 0);
}

static void collector_starts_while_the_store_is_mended(void **state)
{
	struct error err = {0};
	struct mender m;
	int fd;

	assert_int_equal(mender_begin(&m, &store, &err), 0);
	lose(103, SEGMENT_FILE_INDEX);
	mend_that_index(&m, 103);
	fd = openat(store.dir_fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close_fd(&fd);
	mender_done(&m);
}

static void segment_that_has_grown_since_is_left_alone(void **state)
{
	struct examined e = examine(103);
	struct error err = {0};
	struct mender m;
	off_t bytes = size_of(103, SEGMENT_FILE_LOG);

	cut(103, SEGMENT_FILE_LOG, bytes + 10);
	assert_int_equal(mender_begin(&m, &store, &err), 0);
	assert_int_equal(mend_index(&m, &e, &e.header), -EBUSY);
	mender_done(&m);
}

static void index_belongs_to_whoever_owns_its_segment(void **state)
{
	cleanup_close int fd = store_open_file(&store, &shop, 102, SEGMENT_FILE_LOG, O_RDWR);
	cleanup_close int index_fd = -1;
	bool is_root = geteuid() == 0;
	struct stat st;

	assert_int_equal(fchmod(fd, 0604), 0);
	if (is_root)
		assert_int_equal(fchown(fd, 4242, 4243), 0);
	lose(102, SEGMENT_FILE_INDEX);
	with_mender(mend_that_index, 102);
	index_fd = store_open_file(&store, &shop, 102, SEGMENT_FILE_INDEX, O_RDONLY);
	assert_int_equal(fstat(index_fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_uid, is_root ? 4242 : geteuid());
}

/* --- packed ones ------------------------------------------------------------------------------ */

static void table_that_is_cut_is_written_anew(void **state)
{
	off_t bytes = size_of(102, SEGMENT_FILE_LOG_PACKED);

	for (off_t lost = 1; lost < 40; lost += 13) {
		cut(102, SEGMENT_FILE_LOG_PACKED, bytes - lost);
		(void)examine(102);
		assert_found(FAULT_TABLE, 1);
		with_mender(mend_that_table, 102);
		(void)examine(102);
		assert_found(FAULT_TABLE, 0);
		assert_int_equal(size_of(102, SEGMENT_FILE_LOG_PACKED), bytes);
		assert_all_lines();
	}
}

static void assert_same_file(uint64_t seq, const uint8_t *data, size_t n_bytes)
{
	cleanup_close int fd =
		store_open_file(&store, &shop, seq, SEGMENT_FILE_LOG_PACKED, O_RDONLY);
	cleanup_free uint8_t *now = malloc(n_bytes);

	assert_int_equal(size_of(seq, SEGMENT_FILE_LOG_PACKED), n_bytes);
	assert_int_equal(fd_read_at(fd, now, n_bytes, 0), n_bytes);
	assert_memory_equal(now, data, n_bytes);
}

static void numbers_of_lines_that_are_damaged_are_counted_anew(void **state)
{
	size_t n_bytes = (size_t)size_of(102, SEGMENT_FILE_LOG_PACKED);
	cleanup_close int fd =
		store_open_file(&store, &shop, 102, SEGMENT_FILE_LOG_PACKED, O_RDONLY);
	cleanup_free uint8_t *data = malloc(n_bytes);
	struct packed p;
	off_t behind;

	assert_int_equal(fd_read_at(fd, data, n_bytes, 0), n_bytes);
	assert_int_equal(packed_open(&p, steal_fd(&fd), store.frames), 0);
	behind = (off_t)seek_table_text_bytes(p.table.n_frames, 8);
	packed_close(&p);
	flip(102, SEGMENT_FILE_LOG_PACKED, (off_t)n_bytes - behind - 6);
	(void)examine(102);
	assert_found(FAULT_TABLE, 1);
	assert_non_null(strstr(seen.last.what, "numbers of its lines"));
	with_mender(mend_that_table, 102);
	(void)examine(102);
	assert_found(FAULT_TABLE, 0);
	assert_same_file(102, data, n_bytes);
	assert_all_lines();
}

static void retention_deletes(void)
{
	meanwhile = NULL;
	assert_int_equal(store_delete(&store, &shop, 102), 0);
}

static void segment_that_retention_deletes_does_not_come_back(void **state)
{
	cut(102, SEGMENT_FILE_LOG_PACKED, size_of(102, SEGMENT_FILE_LOG_PACKED) - 1);
	meanwhile = retention_deletes;
	with_mender(mend_that_table, 102);
	assert_false(store_has_segment(&store, &shop, 102));
	assert_int_equal(folder_count(temp_path(&temp, "log/shop")), 2 * (SEGMENTS - 1));
}

static void frame_that_is_damaged_costs_itself_only(void **state)
{
	usec_t at_usec;

	flip(102, SEGMENT_FILE_LOG_PACKED, 100);
	(void)examine(102);
	assert_found(FAULT_FRAME, 1);
	assert_non_null(strstr(seen.last.what, "1 of "));
	assert_in_range(count_lines(&at_usec), SEGMENTS * LINES - FRAME_BYTES / 10 - 2,
			SEGMENTS * LINES - FRAME_BYTES / 14);
}

static void packed_index_that_is_damaged_keeps_its_other_frames(void **state)
{
	usec_t before_usec, after_usec;

	(void)count_lines(&before_usec);
	flip(102, SEGMENT_FILE_INDEX_PACKED, size_of(102, SEGMENT_FILE_INDEX_PACKED) / 3);
	(void)examine(102);
	assert_found(FAULT_INDEX, 1);
	with_mender(mend_that_index, 102);
	(void)examine(102);
	assert_found(FAULT_INDEX, 0);
	assert_all_lines();
	(void)count_lines(&after_usec);
	assert_int_equal(before_usec, after_usec);
}

static void packed_index_that_is_lost_is_made_anew(void **state)
{
	lose(101, SEGMENT_FILE_INDEX_PACKED);
	(void)examine(101);
	assert_found(FAULT_INDEX, 1);
	with_mender(mend_that_index, 101);
	(void)examine(101);
	assert_found(FAULT_INDEX, 0);
	assert_all_lines();
}

static void table_of_a_file_that_lost_more_is_left_as_it_is(void **state)
{
	off_t bytes = size_of(102, SEGMENT_FILE_LOG_PACKED);
	struct error err = {0};
	struct examined e;
	struct mender m;

	cut(102, SEGMENT_FILE_LOG_PACKED, bytes * 2 / 3);
	e = examine(102);
	assert_int_equal(seen.n[FAULT_TABLE], 1);
	seen.last.kind = FAULT_TABLE;
	seen.last.file = SEGMENT_FILE_LOG_PACKED;
	seen.last.seq = 102;
	assert_int_equal(mender_begin(&m, &store, &err), 0);
	assert_int_equal(mend_table(&m, &e, &seen.last), -EBADMSG);
	mender_done(&m);
	assert_int_equal(size_of(102, SEGMENT_FILE_LOG_PACKED), bytes * 2 / 3);
}

#define PLAIN(test) cmocka_unit_test_setup_teardown(test, setup_plain, teardown)
#define PACKED(test) cmocka_unit_test_setup_teardown(test, setup_packed, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(store_that_is_whole_has_no_faults),
		PLAIN(index_that_is_lost_is_made_anew),
		PLAIN(index_without_its_header_keeps_its_records),
		PLAIN(record_that_is_wrong_spoils_no_other),
		PLAIN(segment_that_was_cut_leaves_a_gap),
		PLAIN(segment_that_is_written_is_left_alone),
		PLAIN(collector_starts_while_the_store_is_mended),
		PLAIN(segment_that_has_grown_since_is_left_alone),
		PLAIN(index_belongs_to_whoever_owns_its_segment),
		PACKED(store_that_is_whole_has_no_faults),
		PACKED(table_that_is_cut_is_written_anew),
		PACKED(numbers_of_lines_that_are_damaged_are_counted_anew),
		PACKED(segment_that_retention_deletes_does_not_come_back),
		PACKED(frame_that_is_damaged_costs_itself_only),
		PACKED(packed_index_that_is_damaged_keeps_its_other_frames),
		PACKED(packed_index_that_is_lost_is_made_anew),
		PACKED(table_of_a_file_that_lost_more_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
