/* SPDX-License-Identifier: MIT */
#include "supervisor/exit-store.h"

#include <stdio.h>
#include <string.h>

#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "supervisor/json-lines.h"

/*
 * The exit reports of each service, in one file a service, so that a service that crashes all day
 * cannot push out why another one died last month.
 *
 * An exit appends a line and counts nothing: a crash loop pays for one write, into a file that is
 * kept open for it. Only when the file
 * has grown past TRIM_AT_BYTES is it rewritten with what may stay, which is at most half of that,
 * so that the price of a rewrite is spread over the hundreds of exits until the next one.
 */

/** Size at which a file is rewritten. Reports have some 450 bytes; the longest, some 3 KiB. */
#define TRIM_AT_BYTES ((size_t)256 * 1024)
#define KEEP_BYTES (TRIM_AT_BYTES / 2)

static char *store_path(const char *folder, const char *name)
{
	char *path;

	if (!text_name_valid(name)) {
		errno = EINVAL;
		return NULL;
	}
	if (asprintf(&path, "%s/%s.jsonl", folder, name) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return path;
}

/* Keeps the newest EXIT_REPORTS_MAX lines, if they fit into KEEP_BYTES, and fewer otherwise. */
static int trim(const char *path)
{
	cleanup_json_lines struct json_lines lines = {0};
	const char *line;
	size_t offset;
	size_t len;
	int r = json_lines_read(path, KEEP_BYTES, &lines);

	if (r < 0)
		return r;
	offset = lines.len;
	for (size_t n = 0; n < EXIT_REPORTS_MAX; n++) {
		if (!json_lines_previous(&lines, &offset, &line, &len))
			break;
	}
	return file_write_quick(path, lines.data + offset, lines.len - offset, 0600);
}

int exit_store_append(int *fd, const char *folder, const char *name, const char *report)
{
	cleanup_free char *path = store_path(folder, name);
	uint64_t size;
	int r;

	if (!path)
		return -errno;
	r = json_lines_append(fd, path, report, strlen(report), &size);
	if (r < 0)
		return r;
	return size > TRIM_AT_BYTES ? trim(path) : 0;
}

/*
 * Gives the newest reports to @take, newest first, until it returns false. Whoever wants one report
 * does not pay for reading them all: the end of the file is looked at first, and the rest only if
 * that was not enough.
 */
static int walk(const char *path, bool (*take)(json_t *report, void *userdata), void *userdata)
{
	static const size_t looks[] = {8 * 1024, TRIM_AT_BYTES * 2};
	size_t seen = 0;

	for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
		cleanup_json_lines struct json_lines lines = {0};
		const char *line;
		size_t offset;
		size_t len;
		int r = json_lines_read(path, looks[i], &lines);

		if (r < 0)
			return r;
		offset = lines.len;
		for (size_t n = 0; n < EXIT_REPORTS_MAX; n++) {
			cleanup_json json_t *report = NULL;

			if (!json_lines_previous(&lines, &offset, &line, &len))
				break;
			if (n < seen)
				continue;
			seen++;
			report = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
			if (report && !take(report, userdata))
				return 0;
		}
		if (!lines.has_more)
			break;
	}
	return 0;
}

struct collection {
	json_t *reports;
	size_t limit;
};

static bool collect(json_t *report, void *userdata)
{
	struct collection *c = userdata;

	if (json_array_size(c->reports) < c->limit)
		ignore_result(json_array_append(c->reports, report));
	return json_array_size(c->reports) < c->limit;
}

json_t *exit_store_load(const char *folder, const char *name, size_t limit)
{
	cleanup_json json_t *reports = json_array();
	cleanup_free char *path = store_path(folder, name);
	struct collection c = {.reports = reports, .limit = limit};

	if (!path || !reports || walk(path, collect, &c) < 0)
		return NULL;
	return steal_ptr(reports);
}

struct newest {
	json_t *report;
	unsigned instance;
	uint64_t life;
};

static bool find_newest(json_t *report, void *userdata)
{
	struct newest *n = userdata;

	if (!n->report)
		n->report = json_incref(report);
	if (json_get_uint(report, "instance", UINT64_MAX) == n->instance)
		n->life = json_get_uint(report, "life", 0);
	return n->life == 0;
}

int exit_store_begin(const char *folder, const char *name, unsigned instance, json_t **ret_report,
		     uint64_t *ret_life)
{
	cleanup_free char *path = store_path(folder, name);
	struct newest n = {.instance = instance};
	int r;

	if (!path)
		return -errno;
	r = walk(path, find_newest, &n);
	if (r < 0) {
		json_decref(n.report);
		return r;
	}
	/* Where that fails, on a full disk, it costs the next line and not what is known. */
	ignore_result(json_lines_mend(path));
	*ret_report = n.report;
	*ret_life = n.life;
	return 0;
}
