/* SPDX-License-Identifier: MIT */

/*
 * `slicekeep-log verify`: walks through the store and says, file by file, what is wrong, what it
 * costs, and what mends it.
 *
 * What costs next to nothing is looked at everywhere first: sizes, headers, seek tables, whether
 * each segment begins where the one before ends, files that belong to nobody. Reading all that is
 * stored comes second and may be given a time; what was left out then is said.
 */

#include "log/verify.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "lib/units.h"

#include "log/examine.h"
#include "log/mend.h"
#include "log/store.h"

enum {
	EXIT_FAULTS = 1,
	EXIT_USAGE = 2,
	EXIT_NO_SERVICE = 3,
};

/** A file that is younger may be about to become part of a segment. */
#define SETTLED_USEC (10 * USEC_PER_SEC)

static const char usage[] =
	"usage: slicekeep-log verify [--repair] [--max-time DURATION] [--log-dir DIR] [NAME…]\n";

/**
 * struct verify - one run of the subcommand
 * @segments:   of the service that is looked at, sorted
 * @n_faults @n_mended: found, and of these repaired
 * @n_read:     segments whose content was looked at
 * @is_unknown: nothing is stored of a service that was named
 */
struct verify {
	char *log_dir;
	char **names;
	bool repair;
	bool is_unknown;
	usec_t max_usec;
	struct store store;
	struct mender mender;
	struct examiner examiner;
	struct examined *segments;
	size_t n_segments;
	size_t room;
	uint64_t n_services;
	uint64_t n_all;
	uint64_t n_read;
	uint64_t n_bytes;
	uint64_t n_faults;
	uint64_t n_mended;
};

/* --- one fault -------------------------------------------------------------------------------- */

static const char *const remedies[] = {
	[FAULT_INDEX] = "--repair makes it anew from what is there",
	[FAULT_TABLE] = "--repair writes it anew",
	[FAULT_FRAME] = "nothing brings them back; all other lines are shown",
	[FAULT_GAP] = "nothing brings them back",
	[FAULT_ORPHAN] = "--repair removes it",
	[FAULT_SCRATCH] = "the collector's next pass removes it, and --repair does",
	[FAULT_FOREIGN] = "move it away if nobody needs it here",
	[FAULT_UNREADABLE] = "look at the disk, and at who may read it",
};

static_assert(ARRAY_LEN(remedies) == FAULT_KIND_COUNT, "each fault has a remedy");

static bool is_one_stream(const struct verify *v, size_t i, size_t j)
{
	return j < v->n_segments &&
	       stream_id_compare(&v->segments[i].entry.id, &v->segments[j].entry.id) == 0;
}

/* The header of an index that has none: it goes on from the segment before, or up to the next. */
static struct index_header header_of(const struct verify *v, size_t i)
{
	const struct examined *e = &v->segments[i];
	struct index_header h = {.magic = INDEX_MAGIC, .version = INDEX_VERSION};

	if (e->has_header)
		return e->header;
	h.seq = e->entry.seq;
	h.created_at_usec = e->entry.at_usec;
	if (i > 0 && is_one_stream(v, i - 1, i)) {
		h.previous = v->segments[i - 1].entry.seq;
		h.base_bytes = v->segments[i - 1].header.base_bytes + v->segments[i - 1].bytes;
	} else if (is_one_stream(v, i, i + 1) && v->segments[i + 1].has_header &&
		   v->segments[i + 1].header.base_bytes > e->bytes) {
		h.base_bytes = v->segments[i + 1].header.base_bytes - e->bytes;
	}
	return h;
}

static int mend(struct verify *v, const struct examined *e, const struct fault *fault)
{
	size_t i;
	int r;

	if (fault->kind == FAULT_ORPHAN || fault->kind == FAULT_SCRATCH)
		return mend_remove(&v->mender, fault);
	if (fault->kind == FAULT_TABLE)
		return mend_table(&v->mender, e, fault);
	i = (size_t)(e - v->segments);
	v->segments[i].header = header_of(v, i);
	r = mend_index(&v->mender, e, &e->header);
	v->segments[i].has_header |= r == 0;
	return r;
}

static bool can_be_mended(enum fault_kind kind)
{
	return kind == FAULT_INDEX || kind == FAULT_TABLE || kind == FAULT_ORPHAN ||
	       kind == FAULT_SCRATCH;
}

/* An examine_fn(). */
static void on_fault(const struct examined *e, const struct fault *fault, void *userdata)
{
	struct verify *v = userdata;
	cleanup_text struct text path = {0};
	int r;

	v->n_faults++;
	text_add_escaped(&path, fault->path, strlen(fault->path), false);
	(void)printf("%s: %s; ", path.data ? path.data : "?", fault->what);
	if (!v->repair || !can_be_mended(fault->kind)) {
		(void)puts(remedies[fault->kind]);
		return;
	}
	r = mend(v, e, fault);
	if (r == 0) {
		v->n_mended++;
		(void)puts("repaired");
	} else if (r == -EBUSY) {
		(void)puts("not repaired: the collector writes it; try it while that is stopped");
	} else if (r == -EBADMSG) {
		(void)puts("not repaired: more than the table is damaged, and is kept as it is");
	} else {
		(void)printf("not repaired: %s\n", strerror(-r));
	}
}

/* --- files that are no segments --------------------------------------------------------------- */

static void report_file(struct verify *v, const char *service, const char *name,
			enum fault_kind kind, const char *what)
{
	const struct examined none = {0};
	struct fault f = {.kind = kind};

	(void)snprintf(f.path, sizeof(f.path), "%s%s%s", service, service[0] ? "/" : "", name);
	(void)snprintf(f.what, sizeof(f.what), "%s", what);
	on_fault(&none, &f, v);
}

static bool is_settled(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       usec_add((usec_t)st.st_mtim.tv_sec * USEC_PER_SEC, SETTLED_USEC) < clock_at_usec();
}

/* A housekeeper's file is left over when none is at work; none begins while we look. For a repair
 * we have that lock already. */
static bool is_left(const struct verify *v, int dir_fd, const char *name)
{
	cleanup_close int fd = openat(v->store.dir_fd, ".housekeeper", O_RDONLY | O_CLOEXEC);

	if (!v->repair && fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return false;
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void look_at_file(struct verify *v, int dir_fd, const char *service, const char *name)
{
	enum segment_file file;
	struct stream_id id = {0};
	uint64_t seq;

	(void)snprintf(id.service, sizeof(id.service), "%s", service);
	if (text_equal(name, ".") || text_equal(name, ".."))
		return;
	if (text_equal(name, ".log.part") || text_equal(name, ".idx.part")) {
		if (is_left(v, dir_fd, name))
			report_file(v, service, name, FAULT_SCRATCH,
				    "was left by a housekeeper that was killed");
	} else if (segment_name_parse(name, &id, &seq, &file) < 0) {
		report_file(v, service, name, FAULT_FOREIGN, "is no file of the collector's");
	} else if ((file == SEGMENT_FILE_INDEX || file == SEGMENT_FILE_INDEX_PACKED) &&
		   is_settled(dir_fd, name) && !store_has_segment(&v->store, &id, seq)) {
		report_file(v, service, name, FAULT_ORPHAN, "is an index without its segment");
	}
}

static void dir_close(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static DIR *dir_open(const struct verify *v, const char *name)
{
	int fd = openat(v->store.dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		close_fd(&fd);
	return dir;
}

static void look_at_files(struct verify *v, const char *service)
{
	cleanup(dir_close) DIR *dir = dir_open(v, service);
	const struct dirent *d;

	while (dir && (d = readdir(dir)))
		look_at_file(v, dirfd(dir), service, d->d_name);
}

/* The log folder itself may be a mount point. */
static void look_at_folder(struct verify *v)
{
	static const char *const known[] = {".", "..", ".lock", ".housekeeper", "lost+found"};
	cleanup(dir_close) DIR *dir = dir_open(v, ".");
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		bool ours = store_has_service(&v->store, d->d_name);

		for (size_t i = 0; i < ARRAY_LEN(known); i++)
			ours |= text_equal(d->d_name, known[i]);
		if (!ours)
			report_file(v, "", d->d_name, FAULT_FOREIGN,
				    "is no file of the collector's");
	}
}

/* --- one service ------------------------------------------------------------------------------ */

static int on_segment(const struct store_entry *entry, void *userdata)
{
	struct verify *v = userdata;

	if (v->n_segments == v->room) {
		size_t room = MAX_OF(v->room * 2, (size_t)64);
		struct examined *grown = reallocarray(v->segments, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		v->segments = grown;
		v->room = room;
	}
	v->segments[v->n_segments++] = (struct examined){.entry = *entry};
	return 0;
}

static int segment_order(const void *a, const void *b)
{
	const struct examined *x = a, *y = b;
	int order = stream_id_compare(&x->entry.id, &y->entry.id);

	return order ? order : x->entry.seq < y->entry.seq ? -1 : x->entry.seq > y->entry.seq;
}

static int on_service(const char *service, void *userdata)
{
	struct verify *v = userdata;
	int r;

	v->n_services++;
	v->n_segments = 0;
	r = store_list(&v->store, service, on_segment, v);
	if (r < 0)
		return r;
	look_at_files(v, service);
	if (v->n_segments > 0)
		qsort(v->segments, v->n_segments, sizeof(*v->segments), segment_order);
	for (size_t i = 0; i < v->n_segments; i++) {
		v->segments[i].is_newest = !is_one_stream(v, i, i + 1);
		examine_measure(&v->examiner, &v->segments[i]);
	}
	for (size_t i = 0; i < v->n_segments; i++) {
		examine_frame(&v->examiner, &v->segments[i]);
		if (i > 0 && is_one_stream(v, i - 1, i))
			examine_joint(&v->examiner, &v->segments[i - 1], &v->segments[i]);
		v->n_bytes += v->segments[i].bytes;
	}
	v->n_all += v->n_segments;
	/* The newest first: they are what somebody looks for. */
	for (size_t i = v->n_segments; i > 0; i--)
		v->n_read += examine_content(&v->examiner, &v->segments[i - 1]);
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int walk(struct verify *v, struct error *err)
{
	int r = 0;

	if (!v->names || !v->names[0]) {
		look_at_folder(v);
		r = store_services(&v->store, on_service, v);
	}
	for (char **name = v->names; name && *name && r == 0; name++) {
		v->is_unknown = !store_has_service(&v->store, *name);
		if (v->is_unknown)
			return error_set(err, -ENOENT, "nothing is stored of \"%s\"", *name);
		r = on_service(*name, v);
	}
	return r < 0 ? error_set(err, r, "cannot read the log folder \"%s\": %s", v->store.path,
				 strerror(-r))
		     : 0;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void print_sum(const struct verify *v)
{
	char bytes[UNITS_TEXT_MAX];

	(void)printf("%" PRIu64 " segment%s of %" PRIu64 " service%s, %s; ", v->n_all,
		     plural(v->n_all), v->n_services, plural(v->n_services),
		     size_format(v->n_bytes, bytes));
	if (v->n_read < v->n_all)
		(void)printf("read to the end: %" PRIu64 " of them; ", v->n_read);
	if (v->n_faults == 0)
		(void)puts("nothing is wrong");
	else
		(void)printf("%" PRIu64 " wrong, %" PRIu64 " repaired\n", v->n_faults, v->n_mended);
}

static int run(struct verify *v, struct error *err)
{
	int r = store_open(&v->store, v->log_dir, false, err);

	if (r == 0 && v->repair)
		r = mender_begin(&v->mender, &v->store, err);
	if (r < 0)
		return r;
	v->examiner = (struct examiner){.store = &v->store,
					.deadline_usec = usec_add(clock_now_usec(), v->max_usec),
					.found = on_fault,
					.userdata = v};
	r = walk(v, err);
	if (r == 0)
		print_sum(v);
	return r < 0 || fflush(stdout) == 0 ? r : error_set(err, -EIO, "cannot print");
}

/* --- words ------------------------------------------------------------------------------------ */

static int take_words(struct verify *v, int argc, char **argv)
{
	int i = 0;

	for (; i < argc && text_starts(argv[i], "--"); i++) {
		if (text_equal(argv[i], "--repair")) {
			v->repair = true;
		} else if (text_equal(argv[i], "--log-dir") && argv[i + 1]) {
			free(v->log_dir);
			v->log_dir = strdup(argv[++i]);
		} else if (!text_equal(argv[i], "--max-time") || !argv[i + 1] ||
			   duration_parse(argv[++i], &v->max_usec) < 0) {
			return -EINVAL;
		}
	}
	v->names = &argv[i];
	return 0;
}

static int default_log_dir(struct verify *v, struct error *err)
{
	struct paths paths = {0};
	int r;

	if (v->log_dir)
		return 0;
	r = paths_init(&paths, err);
	if (r < 0)
		return r;
	v->log_dir = strdup(paths.log);
	paths_done(&paths);
	return v->log_dir ? 0 : error_set(err, -ENOMEM, "out of memory");
}

static void verify_done(struct verify *v)
{
	mender_done(&v->mender);
	store_done(&v->store);
	free(v->segments);
	free(v->log_dir);
}

int verify_main(int argc, char **argv)
{
	cleanup(verify_done) struct verify v = {
		.store.dir_fd = -1, .mender = {.lock_fd = -1}, .max_usec = USEC_INFINITY};
	struct error err = {0};
	int r;

	if (take_words(&v, argc, argv) < 0) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	r = default_log_dir(&v, &err);
	if (r == 0)
		r = run(&v, &err);
	if (r < 0)
		(void)fprintf(stderr, "slicekeep-log: %s\n", err.text);
	if (v.is_unknown)
		return EXIT_NO_SERVICE;
	return r < 0 || v.n_faults > v.n_mended ? EXIT_FAULTS : 0;
}
