/* SPDX-License-Identifier: MIT */

/*
 * Revisions: every config that was applied, with who, when and why.
 *
 * A revision is one file, named by its number, that appears by rename: its first line is JSON (who,
 * when, why), everything behind that line the config as it was written. So a list reads one line a
 * file, `diff` and `tail -n +2` work on it, and there is no second file that could say otherwise.
 * Only the supervisor writes here, so the newest number needs no lock.
 */

#include "config/revision.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/load.h"

#define HEADER_BYTES_MAX 4096
#define WORDS_BYTES_MAX 512 /* of who and of why */
#define NUMBER_DIGITS 6
#define FILE_MODE 0600
#define FOLDER_MODE 0700

static int no_revision(struct error *err, uint64_t number)
{
	if (number == 0)
		return error_set(err, -ENOENT, "no config was applied yet");
	return error_set(err, -ENOENT, "no revision %llu: `config revisions` lists them",
			 (unsigned long long)number);
}

void revision_done(struct revision *r)
{
	free(r->who);
	free(r->why);
	free(r->source);
	*r = (struct revision){0};
}

static char *revision_path(const char *folder, uint64_t number)
{
	char *path;

	if (asprintf(&path, "%s/%0*llu", folder, NUMBER_DIGITS, (unsigned long long)number) < 0)
		return NULL;
	return path;
}

/* The number that a file name is; 0 when it is none of ours. */
static uint64_t number_of(const char *name)
{
	uint64_t number = 0;

	if (strlen(name) < NUMBER_DIGITS || strlen(name) > 18)
		return 0;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return 0;
		number = number * 10 + (uint64_t)(*name - '0');
	}
	return number;
}

static void closedir_ptr(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Newest first. A folder that is not there holds none. */
static int list_numbers(const char *folder, uint64_t **ret_numbers, size_t *ret_n)
{
	cleanup(closedir_ptr) DIR *dir = opendir(folder);
	cleanup_free uint64_t *numbers = NULL;
	size_t n = 0;
	struct dirent *e;

	if (!dir && errno != ENOENT)
		return -errno;
	while (dir && (e = readdir(dir))) {
		uint64_t number = number_of(e->d_name);
		uint64_t *grown;

		if (number == 0)
			continue;
		grown = reallocarray(numbers, n + 1, sizeof(*numbers));
		if (!grown)
			return -ENOMEM;
		numbers = grown;
		numbers[n++] = number;
	}
	if (n > 0)
		qsort(numbers, n, sizeof(*numbers), compare_numbers);
	*ret_numbers = steal_ptr(numbers);
	*ret_n = n;
	return 0;
}

static json_t *parse_header(const char *line, size_t len)
{
	json_t *header = json_loadb(line, len, 0, NULL);

	if (json_is_integer(json_object_get(header, "number")) &&
	    json_is_integer(json_object_get(header, "at_usec")) &&
	    json_is_string(json_object_get(header, "who")) &&
	    json_is_string(json_object_get(header, "why")))
		return header;
	json_decref(header);
	return NULL;
}

static int fill(const json_t *header, const char *source, struct revision *ret)
{
	struct revision r = {
		.number = json_get_uint(header, "number", 0),
		.at_usec = json_get_uint(header, "at_usec", 0),
		.who = strdup(json_get_string(header, "who")),
		.why = strdup(json_get_string(header, "why")),
		.source = strdup(source),
	};

	if (!r.who || !r.why || !r.source) {
		revision_done(&r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

static int read_revision(const char *folder, uint64_t number, struct revision *ret,
			 struct error *err)
{
	cleanup_free char *path = revision_path(folder, number);
	cleanup_free char *data = NULL;
	cleanup_json json_t *header = NULL;
	char *newline;
	int r;

	if (!path)
		return error_set(err, -ENOMEM, "out of memory");
	r = file_read(path, CONFIG_BYTES_MAX + HEADER_BYTES_MAX, &data, NULL);
	if (r == -ENOENT)
		return no_revision(err, number);
	if (r < 0)
		return error_set(err, r, "cannot read the revision '%s': %s", path, strerror(-r));
	newline = strchr(data, '\n');
	header = newline ? parse_header(data, (size_t)(newline - data)) : NULL;
	if (!header)
		return error_set(err, -EBADMSG, "the revision '%s' is damaged: remove it", path);
	r = fill(header, newline + 1, ret);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}

int revision_load(const char *folder, uint64_t number, struct revision *ret_revision,
		  struct error *err)
{
	cleanup_free uint64_t *numbers = NULL;
	size_t n = 0;
	int r;

	if (number > 0)
		return read_revision(folder, number, ret_revision, err);
	r = list_numbers(folder, &numbers, &n);
	if (r < 0)
		return error_set(err, r, "cannot list '%s': %s", folder, strerror(-r));
	return n > 0 ? read_revision(folder, numbers[0], ret_revision, err)
		     : no_revision(err, number);
}

static json_t *words(const char *s)
{
	return json_text(s, strnlen(s, WORDS_BYTES_MAX));
}

static int write_revision(const char *folder, const struct revision *rev)
{
	cleanup_free char *path = revision_path(folder, rev->number);
	cleanup_json json_t *header =
		json_pack("{s:I s:I s:o s:o}", "number", (json_int_t)rev->number, "at_usec",
			  (json_int_t)rev->at_usec, "who", words(rev->who), "why", words(rev->why));
	cleanup_free char *line = header ? json_dumps(header, JSON_COMPACT) : NULL;
	cleanup_text struct text t = {0};

	if (!path || !line)
		return -ENOMEM;
	text_addf(&t, "%s\n%s", line, rev->source);
	if (t.failed)
		return -ENOMEM;
	return file_write_atomic(path, t.data, t.len, FILE_MODE);
}

/* What cannot be removed stays: too many revisions are no reason to refuse a config. */
static void prune(const char *folder, const uint64_t *numbers, size_t n)
{
	for (size_t i = REVISIONS_MAX - 1; i < n; i++) {
		cleanup_free char *path = revision_path(folder, numbers[i]);

		if (path)
			(void)unlink(path);
	}
}

int revision_save(const char *folder, const char *who, const char *why, const char *source,
		  uint64_t *ret_number, struct error *err)
{
	cleanup_free uint64_t *numbers = NULL;
	struct revision newest = {0};
	struct revision rev = {.at_usec = clock_at_usec(),
			       .who = (char *)who,
			       .why = (char *)why,
			       .source = (char *)source};
	size_t n = 0;
	bool is_same;
	int r;

	r = file_make_folders(folder, FOLDER_MODE);
	if (r == 0)
		r = list_numbers(folder, &numbers, &n);
	if (r < 0)
		return error_set(err, r, "cannot use '%s': %s", folder, strerror(-r));
	/* A damaged newest one is no reason to refuse the next. */
	is_same = n > 0 && read_revision(folder, numbers[0], &newest, NULL) == 0 &&
		  text_equal(newest.source, source);
	revision_done(&newest);
	rev.number = n > 0 ? numbers[0] + (is_same ? 0 : 1) : 1;
	if (!is_same) {
		r = write_revision(folder, &rev);
		if (r < 0)
			return error_set(err, r, "cannot store revision %llu in '%s': %s",
					 (unsigned long long)rev.number, folder, strerror(-r));
		prune(folder, numbers, n);
	}
	*ret_number = rev.number;
	return 0;
}

/* The first line of a file as JSON, or NULL. */
static json_t *read_header(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buf[HEADER_BYTES_MAX];
	const char *newline;
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, buf, sizeof(buf));
	newline = n > 0 ? memchr(buf, '\n', (size_t)n) : NULL;
	return newline ? parse_header(buf, (size_t)(newline - buf)) : NULL;
}

json_t *revision_list(const char *folder)
{
	cleanup_free uint64_t *numbers = NULL;
	cleanup_json json_t *list = json_array();
	size_t n = 0;

	if (!list || list_numbers(folder, &numbers, &n) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *path = revision_path(folder, numbers[i]);
		json_t *header = path ? read_header(path) : NULL;

		if (header && json_array_append_new(list, header) < 0)
			return NULL;
	}
	return steal_ptr(list);
}
