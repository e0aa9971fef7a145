/* SPDX-License-Identifier: MIT */

/*
 * The same query as the reader's, without any daemon: the files are all that it needs. It is what
 * the cli runs while the collector is down, and it prints one Line as JSON per line.
 */

#include "log/read.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/paths.h"
#include "lib/text.h"

#include "log/line-json.h"
#include "log/query.h"
#include "log/store.h"

enum {
	EXIT_USAGE = 2,
	EXIT_NO_SERVICE = 3,
};

static int print_json(json_t *object)
{
	if (!object || json_dumpf(object, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
		return -EIO;
	return 0;
}

/* Each line is printed when the next one is known, because the last one carries the cursor. */
static int print_lines(struct query *q)
{
	cleanup_json json_t *last = NULL;
	const struct line *line;
	int r;

	while (true) {
		unsigned budget = UINT_MAX;

		r = query_next(q, &budget, &line);
		if (r == QUERY_PAUSE)
			continue;
		if (r != 1)
			break;
		r = last ? print_json(last) : 0;
		if (r < 0)
			return r;
		json_decref(last);
		last = line_json(line);
	}
	if (r == 0 && last) {
		cleanup_text struct text cursor = {0};

		if (!query_cursor(q, &cursor) || !cursor.data ||
		    json_object_set_new(last, "cursor", json_string(cursor.data)) < 0)
			return -ENOMEM;
		r = print_json(last);
	}
	return r < 0 || fflush(stdout) == 0 ? r : -EIO;
}

static int run(const char *log_dir, const char *text, struct error *err)
{
	cleanup_json json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct store store = {.dir_fd = -1};
	struct filter filter = {0};
	struct query *q = NULL;
	int r;

	if (!json_is_object(object))
		return error_set(err, -EINVAL, "the filter is no JSON object");
	r = filter_read(object, &filter, err);
	if (r < 0)
		return r;
	r = store_open(&store, log_dir, false, err);
	if (r == 0) {
		r = query_new(&store, &filter, false, &q, err);
		if (r == 0) {
			r = print_lines(q);
			if (r < 0)
				error_set(err, r, "cannot read on: %s", strerror(-r));
		}
	}
	query_free(q);
	filter_done(&filter);
	store_done(&store);
	return r;
}

static int default_log_dir(char **log_dir, struct error *err)
{
	struct paths paths = {0};
	int r;

	if (*log_dir)
		return 0;
	r = paths_init(&paths, err);
	if (r < 0)
		return r;
	*log_dir = strdup(paths.log);
	paths_done(&paths);
	return *log_dir ? 0 : -ENOMEM;
}

int read_main(int argc, char **argv)
{
	cleanup_free char *log_dir = NULL;
	struct error err = {0};
	int i = 0, r;

	if (i + 1 < argc && strcmp(argv[i], "--log-dir") == 0) {
		log_dir = strdup(argv[i + 1]);
		i += 2;
	}
	if (argc - i > 1) {
		(void)fprintf(stderr, "usage: slicekeep-log read [--log-dir DIR] [FILTER]\n");
		return EXIT_USAGE;
	}
	r = default_log_dir(&log_dir, &err);
	if (r == 0)
		r = run(log_dir, i < argc ? argv[i] : "{}", &err);
	if (r == 0)
		return 0;
	(void)fprintf(stderr, "slicekeep-log: %s\n", err.text);
	if (text_equal(err.id, "io.slicekeep.log.NoSuchService"))
		return EXIT_NO_SERVICE;
	return r == -EINVAL ? EXIT_USAGE : 1;
}
