/* SPDX-License-Identifier: MIT */
#include "log/mend.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/fd.h"

#include "log/blob.h"
#include "log/examine.h"
#include "log/packed.h"
#include "tests/fuzz/fuzz.h"

/*
 * A segment and its index of any bytes whatever, examined, mended, and examined again.
 *
 * To look always comes to an end, and what was mended is right afterwards, while the bytes that
 * could be read before are the same. Input: what it is (enum what), two bytes say how long the
 * index is, two which byte of a packed file is changed, one how; then the index, behind a good
 * header if wished, and the segment.
 */

#define FRAME 64
#define HEAD_BYTES 6

enum what {
	HAS_HEADER = 1,
	IS_PACKED = 2,      /* the files are packed ones of any bytes … */
	IS_OURS = 4,        /* … or ours, and then one byte of one of them is changed: */
	IS_LOG_CHANGED = 8, /* the segment's, or else the index's */
	IS_NEWEST = 16,
};

static const struct stream_id id = {.service = "fuzz", .stream = 1};

static struct store store;
static unsigned seen[FAULT_KIND_COUNT];
static bool is_all_mended;

static void store_remove(void)
{
	ignore_result(store_delete(&store, &id, 1));
	(void)unlinkat(store.dir_fd, id.service, AT_REMOVEDIR);
	(void)unlinkat(store.dir_fd, ".housekeeper", 0);
	(void)unlinkat(store.dir_fd, ".lock", 0);
	(void)rmdir(store.path);
	store_done(&store);
}

static void store_make(void)
{
	static char path[] = "/dev/shm/slicekeep-fuzz-XXXXXX";

	if (store.path) {
		fuzz_require(store_delete(&store, &id, 1) == 0);
		return;
	}
	fuzz_require(mkdtemp(path) && store_open(&store, path, false, NULL) == 0);
	fuzz_require(atexit(store_remove) == 0);
	fuzz_require(store_make_folder(&store, "fuzz") == 0);
}

/* --- the files -------------------------------------------------------------------------------- */

static int file_make(enum segment_file file)
{
	int fd = store_open_file(&store, &id, 1, file, O_RDWR | O_CREAT | O_TRUNC);

	fuzz_require(fd >= 0);
	return fd;
}

static void file_write(enum segment_file file, const void *head, size_t n_head, const uint8_t *data,
		       size_t size)
{
	cleanup_close int fd = file_make(file);

	fuzz_require(fd_write_all(fd, head, n_head) == 0 && fd_write_all(fd, data, size) == 0);
}

/* Replace a plain file by a packed one, of which a byte may be changed. */
static void file_pack(enum segment_file plain, enum segment_file packed, uint64_t place,
		      uint8_t change)
{
	cleanup_close int from = store_open_file(&store, &id, 1, plain, O_RDONLY);
	cleanup_close int to = file_make(packed);
	char path[SEGMENT_NAME_MAX + 8], name[SEGMENT_NAME_MAX];
	uint64_t bytes;
	uint8_t byte;

	fuzz_require(from >= 0 && packed_pack(from, to, FRAME, UINT64_MAX,
					      plain == SEGMENT_FILE_LOG, &bytes) == 0);
	place %= bytes;
	fuzz_require(pread(to, &byte, 1, (off_t)place) == 1);
	byte ^= change;
	fuzz_require(pwrite(to, &byte, 1, (off_t)place) == 1);
	(void)snprintf(path, sizeof(path), "fuzz/%s", segment_name(&id, 1, plain, name));
	fuzz_require(unlinkat(store.dir_fd, path, 0) == 0);
}

static void segment_make(const uint8_t *head, const uint8_t *data, size_t n_index, size_t size)
{
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 1};
	uint64_t place = (uint64_t)head[3] << 8 | head[4];
	bool is_raw = (head[0] & (IS_PACKED | IS_OURS)) == IS_PACKED;
	bool is_log = head[0] & IS_LOG_CHANGED;

	file_write(is_raw ? SEGMENT_FILE_INDEX_PACKED : SEGMENT_FILE_INDEX, &header,
		   head[0] & HAS_HEADER && !is_raw ? sizeof(header) : 0, data, n_index);
	file_write(is_raw ? SEGMENT_FILE_LOG_PACKED : SEGMENT_FILE_LOG, "", 0, data + n_index,
		   size - n_index);
	if (!(head[0] & IS_OURS))
		return;
	file_pack(SEGMENT_FILE_LOG, SEGMENT_FILE_LOG_PACKED, place, is_log ? head[5] : 0);
	file_pack(SEGMENT_FILE_INDEX, SEGMENT_FILE_INDEX_PACKED, place, is_log ? 0 : head[5]);
}

/* A sum of all bytes that can be read, and of their places. */
static uint64_t segment_sum(void)
{
	uint64_t sum = 14695981039346656037u, offset = 0;
	uint8_t bytes[FRAME];
	struct blob log;

	fuzz_require(blob_open(&log, &store, &id, 1, BLOB_LOG) == 0);
	while (offset < UINT64_MAX) {
		ssize_t n = blob_read(&log, bytes, sizeof(bytes), offset);

		fuzz_require(n >= 0 || n == -EBADMSG);
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			sum = (sum ^ bytes[i] ^ (offset + (uint64_t)i)) * 1099511628211u;
		offset = n > 0 ? offset + (uint64_t)n : blob_damage_end(&log, offset);
	}
	blob_close(&log);
	return sum;
}

/* --- looking and mending ---------------------------------------------------------------------- */

static void on_fault(const struct examined *e, const struct fault *fault, void *userdata)
{
	struct index_header header = {.magic = INDEX_MAGIC, .version = INDEX_VERSION, .seq = 1};
	const struct mender *m = userdata;
	int r = 0;

	seen[fault->kind]++;
	fuzz_require(memchr(fault->what, '\0', sizeof(fault->what)) && fault->what[0]);
	if (m && fault->kind == FAULT_INDEX)
		r = mend_index(m, e, e->has_header ? &e->header : &header);
	else if (m && fault->kind == FAULT_TABLE)
		r = mend_table(m, e, fault);
	fuzz_require(r == 0 || (r == -EBADMSG && fault->kind == FAULT_TABLE));
	is_all_mended &= r == 0;
}

/* Return: frames that are damaged. */
static unsigned examine(const struct mender *m, uint8_t what)
{
	struct examiner x = {.store = &store,
			     .deadline_usec = USEC_INFINITY,
			     .found = on_fault,
			     .userdata = (void *)m};
	struct examined e = {.entry = {.id = id, .seq = 1}, .is_newest = what & IS_NEWEST};
	struct examined next = {.has_header = true, .header = {.base_bytes = 1}};

	memset(seen, 0, sizeof(seen));
	examine_measure(&x, &e);
	fuzz_require(!e.is_gone && e.log_code == 0);
	examine_frame(&x, &e);
	x.userdata = NULL;
	examine_joint(&x, &e, &next);
	x.userdata = (void *)m;
	fuzz_require(examine_content(&x, &e));
	return seen[FAULT_FRAME];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned n_damaged;
	struct mender m;
	size_t n_index;
	uint64_t sum;

	if (size < HEAD_BYTES)
		return 0;
	n_index = MIN_OF((size_t)data[1] << 8 | data[2], size - HEAD_BYTES);
	store_make();
	segment_make(data, data + HEAD_BYTES, n_index, size - HEAD_BYTES);
	sum = segment_sum();
	fuzz_require(mender_begin(&m, &store, NULL) == 0);
	is_all_mended = true;
	n_damaged = examine(&m, data[0]);
	mender_done(&m);
	fuzz_require(segment_sum() == sum);
	fuzz_require(examine(NULL, data[0]) == n_damaged);
	fuzz_require(seen[FAULT_INDEX] == 0);
	fuzz_require(seen[FAULT_TABLE] == 0 || !is_all_mended);
	return 0;
}
