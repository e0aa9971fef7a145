/* SPDX-License-Identifier: MIT */

/*
 * Examining a segment: whether its files say what they have to say.
 *
 * A collector may be at work beside us. A segment that is the newest of its stream may be written:
 * records of it may be on their way. One that disappears while we look was deleted by retention, or
 * packed; then the packed one is looked at. Nothing is changed here.
 */

#include "log/examine.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"

#include "log/blob.h"
#include "log/index-scan.h"

static struct fault fault_of(const struct examined *e, enum fault_kind kind, enum segment_file file)
{
	struct fault f = {.kind = kind, .seq = e->entry.seq, .file = file};
	char name[SEGMENT_NAME_MAX];

	(void)snprintf(f.path, sizeof(f.path), "%s/%s", e->entry.id.service,
		       segment_name(&e->entry.id, e->entry.seq, file, name));
	return f;
}

static void report(const struct examiner *x, struct examined *e, const struct fault *fault)
{
	e->n_faults[fault->kind]++;
	x->found(e, fault, x->userdata);
}

static enum segment_file log_file(const struct examined *e)
{
	return e->entry.packed ? SEGMENT_FILE_LOG_PACKED : SEGMENT_FILE_LOG;
}

static enum segment_file index_file(const struct examined *e)
{
	return e->entry.packed ? SEGMENT_FILE_INDEX_PACKED : SEGMENT_FILE_INDEX;
}

static void report_unreadable(const struct examiner *x, struct examined *e, enum segment_file file,
			      int code)
{
	struct fault f = fault_of(e, FAULT_UNREADABLE, file);

	(void)snprintf(f.what, sizeof(f.what), "cannot be read: %s", strerror(-code));
	report(x, e, &f);
}

/* --- what costs next to nothing --------------------------------------------------------------- */

void examine_measure(const struct examiner *x, struct examined *e)
{
	struct blob log, index;
	usec_t at_usec;
	ssize_t n;
	int r = blob_open(&log, x->store, &e->entry.id, e->entry.seq, BLOB_LOG);

	e->is_gone = r == -ENOENT;
	if (r == 0) {
		e->entry.packed = blob_is_packed(&log);
		r = blob_measure(&log, &e->bytes, &at_usec);
		blob_close(&log);
	}
	e->log_code = r;
	r = blob_open(&index, x->store, &e->entry.id, e->entry.seq, BLOB_INDEX);
	e->index_code = r;
	if (r < 0)
		return;
	n = blob_read(&index, &e->header, sizeof(e->header), 0);
	e->index_code = (int)MIN_OF(n, (ssize_t)0);
	e->has_header = n == sizeof(e->header) && index_header_valid(&e->header, e->entry.seq);
	blob_close(&index);
}

/** struct tables - what stands behind the frames of a packed file */
struct tables {
	bool has_lost_frames;
	bool has_lost_lines;
	size_t n_frames;
};

static struct tables tables_of(const struct examiner *x, const struct examined *e,
			       enum blob_kind kind)
{
	struct tables t = {0};
	struct blob b;

	if (!e->entry.packed || blob_open(&b, x->store, &e->entry.id, e->entry.seq, kind) < 0)
		return t;
	if (blob_is_packed(&b))
		t = (struct tables){.has_lost_frames = b.packed.is_rebuilt,
				    .has_lost_lines = b.packed.has_lost_lines,
				    .n_frames = b.packed.table.n_frames};
	blob_close(&b);
	return t;
}

static void examine_tables(const struct examiner *x, struct examined *e)
{
	struct fault f = fault_of(e, FAULT_TABLE, SEGMENT_FILE_LOG_PACKED);
	struct tables t = tables_of(x, e, BLOB_LOG);

	if (t.has_lost_frames)
		(void)snprintf(f.what, sizeof(f.what),
			       "its seek table is lost; each reader makes it anew from %zu frames",
			       t.n_frames);
	else if (t.has_lost_lines)
		(void)snprintf(
			f.what, sizeof(f.what),
			"the numbers of its lines are damaged; each reader counts the lines");
	else
		return;
	report(x, e, &f);
}

static void examine_header(const struct examiner *x, struct examined *e)
{
	struct fault f = fault_of(e, FAULT_INDEX, index_file(e));

	if (!e->has_header && e->index_code < 0 && e->index_code != -ENOENT &&
	    e->index_code != -EBADMSG) {
		report_unreadable(x, e, index_file(e), e->index_code);
	} else if (!e->has_header) {
		(void)snprintf(f.what, sizeof(f.what),
			       "%s; %" PRIu64 " bytes of lines have no times of their own",
			       e->index_code == -ENOENT ? "is missing" : "its header is damaged",
			       e->bytes);
		report(x, e, &f);
	} else if (tables_of(x, e, BLOB_INDEX).has_lost_frames) {
		(void)snprintf(f.what, sizeof(f.what),
			       "its seek table is lost; each reader makes it anew");
		report(x, e, &f);
	}
}

void examine_frame(const struct examiner *x, struct examined *e)
{
	if (e->is_gone)
		return;
	if (e->log_code < 0) {
		report_unreadable(x, e, log_file(e), e->log_code);
		return;
	}
	examine_tables(x, e);
	examine_header(x, e);
}

void examine_joint(const struct examiner *x, struct examined *before, struct examined *e)
{
	uint64_t end = before->header.base_bytes + before->bytes;
	struct fault f = fault_of(e, FAULT_GAP, log_file(e));

	if (before->is_gone || before->log_code < 0 || e->is_gone || !before->has_header ||
	    !e->has_header || e->header.base_bytes == end)
		return;
	/* A collector that had lost the header did not know what came before. */
	if (e->header.base_bytes == 0)
		return;
	if (e->header.base_bytes > end)
		(void)snprintf(f.what, sizeof(f.what),
			       "%" PRIu64 " bytes between the segment before and this one are lost",
			       e->header.base_bytes - end);
	else
		(void)snprintf(f.what, sizeof(f.what),
			       "the segment before has %" PRIu64 " bytes more than it ended with",
			       end - e->header.base_bytes);
	report(x, e, &f);
}

/* --- what has to be read ---------------------------------------------------------------------- */

static void examine_index(const struct examiner *x, struct examined *e)
{
	struct fault f = fault_of(e, FAULT_INDEX, index_file(e));
	struct index_scan scan;
	uint64_t bare_bytes;
	struct blob index;
	int r = blob_open(&index, x->store, &e->entry.id, e->entry.seq, BLOB_INDEX);

	if (r < 0)
		return; /* which was said */
	r = index_scan(&index, e->bytes, NULL, NULL, &scan);
	blob_close(&index);
	if (r < 0) {
		report_unreadable(x, e, index_file(e), r);
		return;
	}
	/* What is being written has records on their way. */
	bare_bytes = e->bytes - scan.last.end;
	if (e->is_newest && !e->entry.packed)
		scan.n_beyond = bare_bytes = 0;
	if (scan.n_wrong == 0 && scan.n_beyond == 0 && scan.damaged_bytes == 0 && bare_bytes == 0)
		return;
	(void)snprintf(f.what, sizeof(f.what),
		       "%" PRIu64 " of its records are wrong, %" PRIu64
		       " point behind the end, %" PRIu64 " bytes of it are lost; %" PRIu64
		       " bytes of lines have no time",
		       scan.n_wrong, scan.n_beyond, scan.damaged_bytes, bare_bytes);
	report(x, e, &f);
}

/* Each frame is unpacked; its checksum says whether it is whole. */
static bool examine_frames(const struct examiner *x, struct examined *e, const struct packed *p)
{
	struct fault f = fault_of(e, FAULT_FRAME, SEGMENT_FILE_LOG_PACKED);
	uint64_t n_damaged = 0, lost_bytes = 0, first = 0;
	int r = 0;

	for (uint64_t at = 0; at < p->table.bytes && r == 0; at = packed_frame_end(p, at)) {
		char byte;
		ssize_t n = packed_read(p, &byte, 1, at);

		if (n == -EBADMSG) {
			first = n_damaged++ ? first : at;
			lost_bytes += packed_frame_end(p, at) - at;
		} else if (n < 0) {
			r = (int)n;
		}
		if (clock_now_usec() > x->deadline_usec)
			return false;
	}
	if (r < 0)
		report_unreadable(x, e, SEGMENT_FILE_LOG_PACKED, r);
	if (n_damaged == 0)
		return true;
	(void)snprintf(f.what, sizeof(f.what),
		       "%" PRIu64 " of %zu frames are damaged, the first at byte %" PRIu64
		       ": %" PRIu64 " bytes are lost",
		       n_damaged, p->table.n_frames, first, lost_bytes);
	report(x, e, &f);
	return true;
}

bool examine_content(const struct examiner *x, struct examined *e)
{
	bool done = true;
	struct blob log;

	if (clock_now_usec() > x->deadline_usec)
		return false;
	if (e->is_gone || blob_open(&log, x->store, &e->entry.id, e->entry.seq, BLOB_LOG) < 0)
		return true;
	if (blob_is_packed(&log))
		done = examine_frames(x, e, &log.packed);
	blob_close(&log);
	if (e->n_faults[FAULT_INDEX] == 0 && e->has_header)
		examine_index(x, e);
	return done;
}
