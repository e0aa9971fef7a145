/* SPDX-License-Identifier: MIT */
#include "lib/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/lib/temp.h"

/*
 * The calls that may fail while a file is replaced. A test says which of them fails, counted from
 * its own start, and with which errno.
 */
static const char *failing_call;
static unsigned failing_turn;
static int failing_errno;
static unsigned n_fsyncs;

static bool fails(const char *call)
{
	if (!failing_call || strcmp(call, failing_call) != 0 || failing_turn-- != 0)
		return false;
	failing_call = NULL;
	errno = failing_errno;
	return true;
}

ssize_t __real_write(int fd, const void *data, size_t n);
ssize_t __wrap_write(int fd, const void *data, size_t n);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

ssize_t __wrap_write(int fd, const void *data, size_t n)
{
	return fails("write") ? -1 : __real_write(fd, data, n);
}

int __wrap_fsync(int fd)
{
	n_fsyncs++;
	return fails("fsync") ? -1 : __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	return fails("rename") ? -1 : __real_rename(from, to);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails("fchmod") ? -1 : __real_fchmod(fd, mode);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails("realloc") ? NULL : __real_realloc(p, size);
}

static struct temp temp;

static int begin(void **state)
{
	failing_call = NULL;
	n_fsyncs = 0;
	temp_init(&temp);
	return 0;
}

static int end(void **state)
{
	temp_done(&temp);
	return 0;
}

static void put(const char *path, const char *content)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_holds(const char *path, const char *expected)
{
	cleanup_free char *data = NULL;
	size_t len = 0;

	assert_int_equal(file_read(path, 1000000, &data, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(data, expected);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void read_gives_all_bytes_and_a_nul(void **state)
{
	const char *path = temp_path(&temp, "f");
	cleanup_free char *data = NULL;

	put(path, "");
	assert_holds(path, "");
	put(path, "hello\n");
	assert_holds(path, "hello\n");
	assert_int_equal(file_read(path, 6, &data, NULL), 0);
}

static void read_of_each_size_around_its_steps_is_right(void **state)
{
	static const size_t sizes[] = {4094, 4095, 4096, 4097, 8190, 8191, 8192, 8193, 100000};
	static char content[100001];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		memset(content, 'a' + (int)i, sizes[i]);
		content[sizes[i]] = '\0';
		put(temp_path(&temp, "f"), content);
		assert_holds(temp_path(&temp, "f"), content);
	}
}

static void read_refuses_one_byte_too_many(void **state)
{
	const char *path = temp_path(&temp, "f");
	char *data = NULL;

	put(path, "12345");
	assert_int_equal(file_read(path, 4, &data, NULL), -EFBIG);
	assert_int_equal(file_read(path, 0, &data, NULL), -EFBIG);
	assert_null(data);
	assert_int_equal(file_read("/dev/zero", 100000, &data, NULL), -EFBIG);
	assert_int_equal(file_read(path, 5, &data, NULL), 0);
	free(data);
	data = NULL;
	assert_int_equal(file_read(path, SIZE_MAX, &data, NULL), 0);
	free(data);
}

static void read_of_a_file_in_proc_does_not_trust_its_size(void **state)
{
	cleanup_free char *data = NULL;
	size_t len = 0;

	assert_int_equal(file_read("/proc/self/status", 100000, &data, &len), 0);
	assert_true(len > 100);
	assert_non_null(strstr(data, "Pid:"));
}

static void read_forwards_errors(void **state)
{
	char *data = NULL;
	int before = open_fds();

	assert_int_equal(file_read(temp_path(&temp, "none"), 10, &data, NULL), -ENOENT);
	assert_int_equal(file_read(temp.path, 10, &data, NULL), -EISDIR);
	put(temp_path(&temp, "f"), "x");
	failing_call = "realloc";
	failing_turn = 0;
	assert_int_equal(file_read(temp_path(&temp, "f"), 10, &data, NULL), -ENOMEM);
	assert_null(data);
	assert_int_equal(open_fds(), before);
}

static void read_never_waits_for_a_fifo(void **state)
{
	const char *path = temp_path(&temp, "fifo");
	cleanup_close int writer = -1;
	char *data = NULL;

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_holds(path, "");
	writer = open(path, O_RDWR | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(file_read(path, 10, &data, NULL), -EAGAIN);
}

/* --- replacing -------------------------------------------------------------------------------- */

static void write_makes_a_file_of_the_mode_whatever_the_umask(void **state)
{
	static const mode_t modes[] = {0600, 0640, 0644};
	mode_t saved = umask(0);

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		const char *path = temp_path(&temp, "f");
		struct stat st;

		(void)umask(i == 0 ? 0 : 077);
		assert_int_equal(file_write_atomic(path, "x", 1, modes[i]), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i]);
	}
	(void)umask(saved);
}

static void write_replaces_the_content_and_keeps_what_readers_have(void **state)
{
	const char *path = temp_path(&temp, "f");
	cleanup_close int reader = -1;
	char old[8] = "";

	assert_int_equal(file_write_atomic(path, "old", 3, 0600), 0);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(file_write_atomic(path, "newer", 5, 0600), 0);
	assert_holds(path, "newer");
	assert_int_equal(read(reader, old, sizeof(old)), 3);
	assert_string_equal(old, "old");
	assert_int_equal(folder_count(temp.path), 1);
}

static void write_atomic_syncs_the_file_and_its_folder(void **state)
{
	assert_int_equal(file_write_atomic(temp_path(&temp, "f"), "x", 1, 0600), 0);
	assert_int_equal(n_fsyncs, 2);
}

static void write_quick_does_the_same_without_syncing(void **state)
{
	assert_int_equal(file_write_quick(temp_path(&temp, "f"), "quick", 5, 0600), 0);
	assert_int_equal(n_fsyncs, 0);
	assert_holds(temp_path(&temp, "f"), "quick");
	assert_int_equal(folder_count(temp.path), 1);
}

static void write_of_a_bare_name_goes_to_the_current_folder(void **state)
{
	cleanup_close int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(chdir(temp.path), 0);
	assert_int_equal(file_write_atomic("bare", "x", 1, 0600), 0);
	assert_int_equal(fchdir(back), 0);
	assert_holds(temp_path(&temp, "bare"), "x");
}

static void write_of_the_longest_name_works(void **state)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	assert_int_equal(file_write_atomic(temp_path(&temp, name), "x", 1, 0600), 0);
	assert_holds(temp_path(&temp, name), "x");
}

static void write_that_fails_leaves_the_old_content_and_nothing_else(void **state)
{
	static const struct {
		const char *call;
		unsigned turn;
		int error;
	} rows[] = {
		{"write", 0, ENOSPC},
		{"fsync", 0, EIO},
		{"rename", 0, EXDEV},
		{"fchmod", 0, EPERM},
	};
	const char *path = temp_path(&temp, "f");
	int before = open_fds();

	put(path, "old");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		failing_call = rows[i].call;
		failing_turn = rows[i].turn;
		failing_errno = rows[i].error;
		assert_int_equal(file_write_atomic(path, "new", 3, 0600), -rows[i].error);
		assert_null(failing_call);
		assert_holds(path, "old");
		assert_int_equal(folder_count(temp.path), 1);
		assert_int_equal(open_fds(), before);
	}
}

static void write_whose_folder_cannot_be_synced_is_not_called_safe(void **state)
{
	failing_call = "fsync";
	failing_turn = 1;
	failing_errno = EIO;
	assert_int_equal(file_write_atomic(temp_path(&temp, "f"), "new", 3, 0600), -EIO);
	assert_int_equal(folder_count(temp.path), 1);
}

static void write_where_it_cannot_be_fails(void **state)
{
	assert_int_equal(file_write_atomic(temp_path(&temp, "none/f"), "x", 1, 0600), -ENOENT);
	assert_int_equal(mkdir(temp_path(&temp, "d"), 0700), 0);
	assert_int_equal(file_write_atomic(temp_path(&temp, "d"), "x", 1, 0600), -EISDIR);
	assert_int_equal(folder_count(temp.path), 1);
}

static void write_replaces_a_symbolic_link_and_not_its_target(void **state)
{
	struct stat st;

	put(temp_path(&temp, "target"), "precious");
	assert_int_equal(symlink("target", temp_path(&temp, "link")), 0);
	assert_int_equal(file_write_atomic(temp_path(&temp, "link"), "x", 1, 0600), 0);
	assert_holds(temp_path(&temp, "target"), "precious");
	assert_int_equal(lstat(temp_path(&temp, "link"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

/* --- folders ---------------------------------------------------------------------------------- */

static void make_folders_makes_all_that_are_missing(void **state)
{
	struct stat st;

	assert_int_equal(file_make_folders(temp_path(&temp, "a/b/c"), 0700), 0);
	assert_int_equal(stat(temp_path(&temp, "a/b/c"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(file_make_folders(temp_path(&temp, "a/b/c"), 0700), 0);
	assert_int_equal(file_make_folders(temp_path(&temp, "a//x/../d/"), 0700), 0);
	assert_int_equal(stat(temp_path(&temp, "a/d"), &st), 0);
	assert_int_equal(file_make_folders("/", 0700), 0);
}

static void make_folders_refuses_a_file_on_the_way(void **state)
{
	put(temp_path(&temp, "f"), "");
	assert_int_equal(file_make_folders(temp_path(&temp, "f"), 0700), -ENOTDIR);
	assert_int_equal(file_make_folders(temp_path(&temp, "f/a/b"), 0700), -ENOTDIR);
	assert_int_equal(file_make_folders("", 0700), -ENOENT);
}

/* --- paths as text ---------------------------------------------------------------------------- */

static void assert_joined(const char *base, const char *path, const char *expected)
{
	cleanup_free char *joined = file_path_join(base, path);

	assert_string_equal(joined, expected);
}

static void join_puts_relative_paths_behind_the_base(void **state)
{
	assert_joined("/a", "b", "/a/b");
	assert_joined("/a/", "b/", "/a/b");
	assert_joined("/a", "", "/a");
	assert_joined("a", "b", "a/b");
	assert_joined("", "b", "b");
	assert_joined("", "", ".");
	assert_joined("/", "b", "/b");
	assert_joined("/", "", "/");
}

static void join_takes_absolute_paths_alone(void **state)
{
	assert_joined("/a", "/b/c", "/b/c");
	assert_joined("a", "/", "/");
}

static void join_resolves_dots_by_text(void **state)
{
	assert_joined("/a/b", "../c", "/a/c");
	assert_joined("/a/b", "./c/.", "/a/b/c");
	assert_joined("/a", "b/../../c", "/c");
	assert_joined("/a", "../../..", "/");
	assert_joined("/", "../x", "/x");
	assert_joined("a", "..", ".");
	assert_joined("a", "../..", "..");
	assert_joined("a", "../../b", "../b");
	assert_joined("..", "..", "../..");
	assert_joined("../x", "../..", "../..");
	assert_joined("/a//b", ".//c", "/a/b/c");
	assert_joined("/a", "...", "/a/...");
	assert_joined("/a", "..b/.c", "/a/..b/.c");
	assert_joined("x/y", "..", "x");
	assert_joined("/x", "..", "/");
}

static void assert_folder(const char *path, const char *expected)
{
	cleanup_free char *folder = file_folder_of(path);

	assert_string_equal(folder, expected);
}

static void folder_of_a_path_is_what_stands_before_its_last_name(void **state)
{
	assert_folder("/a/b", "/a");
	assert_folder("/a", "/");
	assert_folder("/", "/");
	assert_folder("a", ".");
	assert_folder("", ".");
	assert_folder("a/b/", "a");
	assert_folder("a//b", "a");
	assert_folder("//b", "/");
}

/* --- locks ------------------------------------------------------------------------------------ */

static void lock_belongs_to_one_at_a_time(void **state)
{
	const char *path = temp_path(&temp, "lock");
	int fd = file_lock(path);
	struct stat st;

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	assert_int_equal(file_lock(path), -EWOULDBLOCK);
	close(fd);
	fd = file_lock(path);
	assert_true(fd >= 0);
	close(fd);
}

static void lock_where_it_cannot_be_fails(void **state)
{
	assert_int_equal(file_lock(temp_path(&temp, "none/lock")), -ENOENT);
}

#define test_with_folder(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_with_folder(read_gives_all_bytes_and_a_nul),
		test_with_folder(read_of_each_size_around_its_steps_is_right),
		test_with_folder(read_refuses_one_byte_too_many),
		test_with_folder(read_of_a_file_in_proc_does_not_trust_its_size),
		test_with_folder(read_forwards_errors),
		test_with_folder(read_never_waits_for_a_fifo),
		test_with_folder(write_makes_a_file_of_the_mode_whatever_the_umask),
		test_with_folder(write_replaces_the_content_and_keeps_what_readers_have),
		test_with_folder(write_atomic_syncs_the_file_and_its_folder),
		test_with_folder(write_quick_does_the_same_without_syncing),
		test_with_folder(write_of_a_bare_name_goes_to_the_current_folder),
		test_with_folder(write_of_the_longest_name_works),
		test_with_folder(write_that_fails_leaves_the_old_content_and_nothing_else),
		test_with_folder(write_whose_folder_cannot_be_synced_is_not_called_safe),
		test_with_folder(write_where_it_cannot_be_fails),
		test_with_folder(write_replaces_a_symbolic_link_and_not_its_target),
		test_with_folder(make_folders_makes_all_that_are_missing),
		test_with_folder(make_folders_refuses_a_file_on_the_way),
		test_with_folder(join_puts_relative_paths_behind_the_base),
		test_with_folder(join_takes_absolute_paths_alone),
		test_with_folder(join_resolves_dots_by_text),
		test_with_folder(folder_of_a_path_is_what_stands_before_its_last_name),
		test_with_folder(lock_belongs_to_one_at_a_time),
		test_with_folder(lock_where_it_cannot_be_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
