/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#include "log/index.h"
#include "log/store.h"
#include "log/stream-id.h"

#define FAULT_TEXT_MAX 200
#define FAULT_PATH_MAX 320

/** enum fault_kind - what is wrong with a file, and so what can be done about it */
enum fault_kind {
	FAULT_INDEX,   /* missing or damaged: it can be made anew */
	FAULT_TABLE,   /* a table of a packed file is lost: so can that */
	FAULT_FRAME,   /* bytes of a packed file are lost */
	FAULT_GAP,     /* bytes between two segments are lost */
	FAULT_ORPHAN,  /* an index without a segment */
	FAULT_SCRATCH, /* left by a housekeeper that was killed */
	FAULT_FOREIGN, /* no file of the collector's */
	FAULT_UNREADABLE,
	FAULT_KIND_COUNT,
};

/**
 * struct fault - one finding
 * @path: below the log folder
 * @what: is wrong, and what that costs
 * @seq @file: of the segment, where the fault is one's
 */
struct fault {
	enum fault_kind kind;
	char path[FAULT_PATH_MAX];
	char what[FAULT_TEXT_MAX];
	uint64_t seq;
	enum segment_file file;
};

/**
 * struct examined - a segment as it was found
 * @is_newest:   of its stream: it may be written
 * @is_gone:     it was deleted meanwhile
 * @log_code @index_code: negative errno: that file could not be read
 * @has_header:  @header is the index's
 * @bytes:       of the segment, as it was before it was packed
 * @n_faults:    found so far, by kind
 */
struct examined {
	struct store_entry entry;
	bool is_newest;
	bool is_gone;
	int log_code;
	int index_code;
	bool has_header;
	struct index_header header;
	uint64_t bytes;
	unsigned n_faults[FAULT_KIND_COUNT];
};

/** examine_fn() - called for each fault */
typedef void (*examine_fn)(const struct examined *e, const struct fault *fault, void *userdata);

/**
 * struct examiner - how to look
 * @deadline_usec: monotonic; what stands inside of the files is not looked at any more then
 */
struct examiner {
	const struct store *store;
	usec_t deadline_usec;
	examine_fn found;
	void *userdata;
};

/** examine_measure() - how long it is, and the index's header; reports nothing */
void examine_measure(const struct examiner *x, struct examined *e);

/** examine_frame() - what was measured, and the seek tables: what costs next to nothing */
void examine_frame(const struct examiner *x, struct examined *e);

/** examine_joint() - whether @e begins where @before ends */
void examine_joint(const struct examiner *x, struct examined *before, struct examined *e);

/**
 * examine_content() - all records of the index, and the checksum of each frame
 *
 * Return: false when there was no time left for it.
 */
bool examine_content(const struct examiner *x, struct examined *e);
