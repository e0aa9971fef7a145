/* SPDX-License-Identifier: MIT */

/*
 * The segment that is written, on real files and pipes; disk errors come from wrapped system calls.
 */

#include "log/segment.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/file.h"
#include "log/store.h"
#include "tests/unit/lib/temp.h"

static const struct stream_id shop = {.service = "shop", .stream = 1};

static struct temp temp;
static struct store store;
static int pipe_fds[2];
static int fail_pwrite_of_bytes; /* pwrite of so many bytes fails with ENOSPC; 0: none does */
static usec_t now_usec;

ssize_t __real_pwrite64(int fd, const void *data, size_t n, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset);
ssize_t __real_pwrite(int fd, const void *data, size_t n, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t offset);
usec_t __wrap_clock_at_usec(void);

ssize_t __wrap_pwrite64(int fd, const void *data, size_t n, off_t offset)
{
	return __wrap_pwrite(fd, data, n, offset);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t n, off_t offset)
{
	if ((int)n == fail_pwrite_of_bytes) {
		errno = ENOSPC;
		return -1;
	}
	return __real_pwrite(fd, data, n, offset);
}

usec_t __wrap_clock_at_usec(void)
{
	return now_usec;
}

static int setup(void **state)
{
	temp_init(&temp);
	now_usec = 1000000000;
	fail_pwrite_of_bytes = 0;
	assert_int_equal(store_open(&store, temp.path, false, NULL), 0);
	assert_int_equal(store_make_folder(&store, "shop"), 0);
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	return 0;
}

static int teardown(void **state)
{
	close_fd(&pipe_fds[0]);
	close_fd(&pipe_fds[1]);
	store_done(&store);
	temp_done(&temp);
	return 0;
}

static void print(const char *text)
{
	assert_int_equal(write(pipe_fds[1], text, strlen(text)), strlen(text));
}

static struct segment create(uint64_t seq)
{
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = seq};
	struct segment s;

	segment_init(&s);
	assert_int_equal(segment_create(&s, &store, &shop, &header), 0);
	return s;
}

static off_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(temp_path(&temp, name), &st), 0);
	return st.st_size;
}

static struct index_record record_of(const struct segment *s, uint64_t i)
{
	struct index_record record;

	assert_int_equal(pread(s->index_fd, &record, sizeof(record), (off_t)index_offset_of(i)),
			 sizeof(record));
	return record;
}

static void reading_does_not_write_the_time_of_access(void **state)
{
	struct segment s = create(1);
	int fd = store_open_file(&store, &shop, 1, SEGMENT_FILE_LOG, O_RDONLY);

	assert_true(fd >= 0 && fcntl(fd, F_GETFL) & O_NOATIME);
	close_fd(&fd);
	segment_close(&s);
}

static void splice_moves_bytes_and_stamps_them(void **state)
{
	struct segment s = create(1);
	struct index_record record;

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	print("hello\n");
	assert_int_equal(segment_splice(&s, pipe_fds[0], 65536, 7), 6);
	assert_int_equal(s.bytes, 6);
	record = record_of(&s, 1);
	assert_int_equal(record.end, 6);
	assert_int_equal(record.value, 7);
	assert_int_equal(index_record_at(&record), now_usec);
	assert_int_equal(segment_splice(&s, pipe_fds[0], 65536, 7), -EAGAIN);
	close_fd(&pipe_fds[1]);
	assert_int_equal(segment_splice(&s, pipe_fds[0], 65536, 7), 0);
	segment_close(&s);
}

static void segment_opened_again_goes_on_at_the_end(void **state)
{
	struct segment s = create(1);

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	print("one\ntwo");
	assert_int_equal(segment_splice(&s, pipe_fds[0], 4, 7), 4);
	segment_close(&s);
	assert_int_equal(segment_open(&s, &store, &shop, 1), 0);
	assert_true(s.life_open);
	assert_int_equal(s.life, 7);
	assert_true(segment_at_line_end(&s));
	assert_int_equal(segment_splice(&s, pipe_fds[0], 65536, 7), 3);
	assert_false(segment_at_line_end(&s));
	assert_int_equal(segment_mark(&s, INDEX_END, 7), 0);
	assert_true(segment_at_line_end(&s));
	assert_int_equal(size_of("shop/0.out.0000000001.log"), 7);
	segment_close(&s);
}

static void bytes_without_a_record_get_the_files_time(void **state)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
					  {.tv_sec = 2000, .tv_nsec = 5000}};
	struct segment s = create(1);
	struct index_record record;

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	print("kept");
	assert_int_equal(splice(pipe_fds[0], NULL, s.log_fd, NULL, 100, 0), 4);
	assert_int_equal(futimens(s.log_fd, times), 0);
	segment_close(&s);
	assert_int_equal(segment_open(&s, &store, &shop, 1), 0);
	assert_int_equal(s.bytes, 4);
	print(" and more");
	now_usec = 3000 * USEC_PER_SEC;
	assert_int_equal(segment_splice(&s, pipe_fds[0], 100, 7), 9);
	record = record_of(&s, 1);
	assert_int_equal(record.end, 4);
	assert_int_equal(record.value, 7);
	assert_int_equal(index_record_at(&record), 2000 * USEC_PER_SEC + 5);
	record = record_of(&s, 2);
	assert_int_equal(record.end, 13);
	segment_close(&s);
}

static void records_beyond_the_end_are_dropped(void **state)
{
	struct segment s = create(1);

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	print("12345");
	assert_int_equal(segment_splice(&s, pipe_fds[0], 2, 7), 2);
	assert_int_equal(segment_splice(&s, pipe_fds[0], 2, 7), 2);
	assert_int_equal(ftruncate(s.log_fd, 2), 0);
	segment_close(&s);
	assert_int_equal(segment_open(&s, &store, &shop, 1), 0);
	assert_int_equal(s.bytes, 2);
	assert_int_equal(s.index_bytes, index_offset_of(2));
	assert_false(s.has_pending);
	assert_int_equal(size_of("shop/0.out.0000000001.idx"), index_offset_of(2));
	segment_close(&s);
}

static void torn_record_is_dropped(void **state)
{
	struct segment s = create(1);

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	assert_int_equal(ftruncate(s.index_fd, (off_t)index_offset_of(1) + 5), 0);
	segment_close(&s);
	assert_int_equal(segment_open(&s, &store, &shop, 1), 0);
	assert_int_equal(s.index_bytes, index_offset_of(1));
	assert_true(s.life_open);
	segment_close(&s);
}

static void damaged_index_is_made_anew(void **state)
{
	struct segment s = create(1);

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	print("12345\n");
	assert_int_equal(segment_splice(&s, pipe_fds[0], 100, 7), 6);
	assert_int_equal(__real_pwrite(s.index_fd, "xxxx", 4, 0), 4);
	segment_close(&s);
	assert_int_equal(segment_open(&s, &store, &shop, 1), 0);
	assert_int_equal(s.bytes, 6);
	assert_true(s.has_pending);
	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 8), 0);
	assert_int_equal(record_of(&s, 0).end, 6);
	assert_int_equal(s.index_bytes, index_offset_of(2));
	segment_close(&s);
}

static void create_does_not_touch_a_segment_that_is_there(void **state)
{
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 1};
	struct segment s = create(1), other;

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	segment_init(&other);
	assert_int_equal(segment_create(&other, &store, &shop, &header), -EEXIST);
	assert_false(segment_is_open(&other));
	assert_int_equal(size_of("shop/0.out.0000000001.idx"), index_offset_of(1));
	segment_close(&s);
}

static void segment_that_cannot_be_looked_for_may_be_there(void **state)
{
	assert_false(store_has_segment(&store, &shop, 1));
	assert_int_equal(remove(temp_path(&temp, "shop")), 0);
	assert_false(store_has_segment(&store, &shop, 1));
	assert_int_equal(symlink("shop", temp_path(&temp, "shop")), 0); /* ELOOP */
	assert_true(store_has_segment(&store, &shop, 1));
}

static void index_left_alone_by_a_kill_is_made_again(void **state)
{
	struct segment s = create(1);

	segment_close(&s);
	assert_int_equal(remove(temp_path(&temp, "shop/0.out.0000000001.log")), 0);
	s = create(1);
	assert_int_equal(s.bytes, 0);
	segment_close(&s);
}

static void create_on_a_full_disk_leaves_no_segment(void **state)
{
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 1};
	struct segment s;

	fail_pwrite_of_bytes = sizeof(header);
	segment_init(&s);
	assert_int_equal(segment_create(&s, &store, &shop, &header), -ENOSPC);
	assert_false(segment_is_open(&s));
	assert_int_equal(folder_count(temp_path(&temp, "shop")), 0);
}

static void create_does_not_touch_a_packed_segment(void **state)
{
	const char *packed = temp_path(&temp, "shop/0.out.0000000001.log.zst");
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 1};
	struct segment s;

	assert_int_equal(file_write_quick(packed, "x", 1, 0600), 0);
	fail_pwrite_of_bytes = sizeof(header);
	segment_init(&s);
	assert_int_equal(segment_create(&s, &store, &shop, &header), -EEXIST);
	assert_int_equal(size_of("shop/0.out.0000000001.log.zst"), 1);
}

static void record_without_room_is_kept_and_stops_the_next_batch(void **state)
{
	struct segment s = create(1);

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	print("one\ntwo\n");
	fail_pwrite_of_bytes = sizeof(struct index_record);
	assert_int_equal(segment_splice(&s, pipe_fds[0], 4, 7), 4);
	assert_true(s.has_pending);
	assert_int_equal(segment_splice(&s, pipe_fds[0], 4, 7), -ENOSPC);
	assert_int_equal(s.bytes, 4);
	assert_int_equal(segment_mark(&s, INDEX_END, 7), -ENOSPC);
	assert_true(s.life_open);
	fail_pwrite_of_bytes = 0;
	assert_int_equal(segment_splice(&s, pipe_fds[0], 4, 7), 4);
	assert_int_equal(record_of(&s, 1).end, 4);
	assert_int_equal(record_of(&s, 2).end, 8);
	segment_close(&s);
}

static void clock_that_steps_back_is_held_and_noted(void **state)
{
	struct segment s = create(1);
	struct index_record record;

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	now_usec -= USEC_PER_SEC;
	print("a\n");
	assert_int_equal(segment_splice(&s, pipe_fds[0], 100, 7), 2);
	record = record_of(&s, 1);
	assert_int_equal(index_record_at(&record), 1000000000);
	assert_false(s.stepped_back);
	now_usec -= INDEX_STEP_BACK_USEC;
	print("b\n");
	assert_int_equal(segment_splice(&s, pipe_fds[0], 100, 7), 2);
	assert_true(s.stepped_back);
	segment_close(&s);
}

static void life_behind_a_mark_of_dropped_bytes_is_found(void **state)
{
	struct segment s = create(1);

	assert_int_equal(segment_mark(&s, INDEX_BEGIN, 7), 0);
	assert_int_equal(segment_mark(&s, INDEX_DROPPED, 4711), 0);
	segment_close(&s);
	assert_int_equal(segment_open(&s, &store, &shop, 1), 0);
	assert_int_equal(s.life, 7);
	assert_true(s.life_open);
	segment_close(&s);
}

static void failed_open_keeps_no_descriptor(void **state)
{
	int before = open_fds();
	struct segment s;

	segment_init(&s);
	assert_int_equal(segment_open(&s, &store, &shop, 99), -ENOENT);
	assert_false(segment_is_open(&s));
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reading_does_not_write_the_time_of_access, setup,
						teardown),
		cmocka_unit_test_setup_teardown(splice_moves_bytes_and_stamps_them, setup,
						teardown),
		cmocka_unit_test_setup_teardown(segment_opened_again_goes_on_at_the_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(bytes_without_a_record_get_the_files_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(records_beyond_the_end_are_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(torn_record_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_index_is_made_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(create_does_not_touch_a_segment_that_is_there,
						setup, teardown),
		cmocka_unit_test_setup_teardown(segment_that_cannot_be_looked_for_may_be_there,
						setup, teardown),
		cmocka_unit_test_setup_teardown(index_left_alone_by_a_kill_is_made_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(create_on_a_full_disk_leaves_no_segment, setup,
						teardown),
		cmocka_unit_test_setup_teardown(create_does_not_touch_a_packed_segment, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			record_without_room_is_kept_and_stops_the_next_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(clock_that_steps_back_is_held_and_noted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(life_behind_a_mark_of_dropped_bytes_is_found, setup,
						teardown),
		cmocka_unit_test_setup_teardown(failed_open_keeps_no_descriptor, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
