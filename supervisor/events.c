/* SPDX-License-Identifier: MIT */
#include "supervisor/events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json-write.h"
#include "lib/json.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/text.h"
#include "supervisor/json-lines.h"

/*
 * What has happened, numbered, for whoever wants to know: at once by subscription, later by number.
 *
 * The last EVENTS_RING are held in memory as their lines, which is a fifth of what they take as
 * JSON values; the others are in two files, the older of which goes when the newer one is full. The
 * number stands first in each line, so that what is not wanted is passed over without being parsed,
 * and so that even a torn last line tells which number was given out. Numbers go on where they were
 * after a restart: somebody who comes back with one gets what he missed and nothing twice.
 *
 * A disk that takes no more costs the history, with one line in the log, and nothing else.
 */

struct events_subscriber {
	struct list link;
	struct events *events;
	void (*fn)(void *userdata);
	void *userdata;
};

struct events {
	char *path;
	char *old_path;
	int fd; /* of path, once something was written */
	struct list subscribers;
	bool telling;
	bool disk_failed;
	uint64_t seq;
	size_t n_ring;
	char *ring[EVENTS_RING]; /* the event with number s is at s % EVENTS_RING */
};

/* One line, wherever it lies. */
struct slice {
	const char *line;
	size_t len;
};

/* Which lines name a life: what stands in them as it is, and the object that has it, if not all. */
struct life_kind {
	const char *mark;
	const char *holder;
};

struct slices {
	struct slice *items;
	size_t n;
	size_t room;
};

/* The number of a line, 0 when it has none. */
static uint64_t line_seq(const char *line, size_t len)
{
	static const char before[] = "{\"seq\":";
	uint64_t seq = 0;

	if (len < sizeof(before) || memcmp(line, before, sizeof(before) - 1) != 0)
		return 0;
	for (size_t i = sizeof(before) - 1; i < len; i++) {
		if (line[i] < '0' || line[i] > '9' || seq > (UINT64_MAX - 9) / 10)
			break;
		seq = seq * 10 + (uint64_t)(line[i] - '0');
	}
	return seq;
}

/* The highest number that was given out; a torn last line had one too. */
static int newest_seq(const char *path, uint64_t *ret_seq)
{
	cleanup_json_lines struct json_lines lines = {0};
	const char *line;
	size_t offset;
	size_t len;
	int r = json_lines_read(path, EVENTS_FILE_MAX * 2, &lines);

	*ret_seq = 0;
	if (r < 0)
		return r;
	offset = lines.len;
	while (*ret_seq == 0 && json_lines_previous(&lines, &offset, &line, &len))
		*ret_seq = line_seq(line, len);
	if (lines.torn_len > 0)
		*ret_seq = MAX_OF(*ret_seq, line_seq(lines.data + lines.len, lines.torn_len));
	return 0;
}

int events_open(const char *folder, struct events **ret_events)
{
	struct events *e = calloc(1, sizeof(*e));
	int r = 0;

	if (!e)
		return -ENOMEM;
	e->fd = -1;
	list_init(&e->subscribers);
	if (asprintf(&e->path, "%s/events.jsonl", folder) < 0) {
		e->path = NULL;
		r = -ENOMEM;
	} else if (asprintf(&e->old_path, "%s/events.jsonl.1", folder) < 0) {
		e->old_path = NULL;
		r = -ENOMEM;
	}
	if (r == 0)
		r = newest_seq(e->path, &e->seq);
	if (r == 0 && e->seq == 0)
		r = newest_seq(e->old_path, &e->seq);
	if (r < 0) {
		events_close(e);
		return r;
	}
	/* Where that fails, on a full disk, it costs the next line. */
	ignore_result(json_lines_mend(e->path));
	*ret_events = e;
	return 0;
}

void events_close(struct events *e)
{
	if (!e)
		return;
	list_for_each_safe(it, &e->subscribers)
		events_unsubscribe(list_entry(it, struct events_subscriber, link));
	for (size_t i = 0; i < EVENTS_RING; i++)
		free(e->ring[i]);
	close_fd(&e->fd);
	free(e->path);
	free(e->old_path);
	free(e);
}

/* The number stands first, for line_seq(). Return: NULL when out of memory. */
static char *event_line(const struct event *event, uint64_t seq)
{
	struct text t = {0};

	json_write_open(&t, NULL, '{');
	json_write_uint(&t, "seq", seq);
	json_write_uint(&t, "at_usec", event->at_usec ?: clock_at_usec());
	if (event->service) {
		json_write_string(&t, "service", event->service);
		json_write_uint(&t, "instance", event->instance);
	}
	json_write_string(&t, "kind", event->kind);
	json_write_string(&t, "level", event->level);
	json_write_string(&t, "text", event->text);
	json_write_string(&t, "who", event->who);
	if (event->life)
		json_write_uint(&t, "life", event->life);
	json_write_json(&t, "exit", event->exit);
	json_write_close(&t, '}');
	return text_take(&t);
}

static void store(struct events *e, const char *line)
{
	uint64_t size = 0;
	int r = json_lines_append(&e->fd, e->path, line, strlen(line), &size);

	if (r == 0 && size > EVENTS_FILE_MAX) {
		r = rename(e->path, e->old_path) < 0 ? -errno : 0;
		close_fd(&e->fd);
	}
	if (r < 0 && !e->disk_failed)
		log_error("cannot keep events in \"%s\": %s", e->path, strerror(-r));
	e->disk_failed = r < 0;
}

static void tell(struct events *e)
{
	e->telling = true;
	list_for_each(it, &e->subscribers) {
		struct events_subscriber *s = list_entry(it, struct events_subscriber, link);

		if (s->fn)
			s->fn(s->userdata);
	}
	e->telling = false;
	/* Those that unsubscribed meanwhile were only silenced: the list had to stay as it was. */
	list_for_each_safe(it, &e->subscribers) {
		struct events_subscriber *s = list_entry(it, struct events_subscriber, link);

		if (!s->fn)
			events_unsubscribe(s);
	}
}

void events_add(struct events *e, const struct event *event)
{
	char *line = event_line(event, e->seq + 1);
	size_t place = (e->seq + 1) % EVENTS_RING;

	if (!line) {
		log_error("the event \"%s\" is lost: out of memory", event->text);
		return;
	}
	e->seq++;
	free(e->ring[place]);
	e->ring[place] = line;
	e->n_ring = MIN_OF(e->n_ring + 1, (size_t)EVENTS_RING);
	store(e, line);
	tell(e);
}

static int slices_add(struct slices *s, const char *line, size_t len)
{
	if (s->n == s->room) {
		size_t room = s->room ? s->room * 2 : 256;
		struct slice *grown = reallocarray(s->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		s->items = grown;
		s->room = room;
	}
	s->items[s->n++] = (struct slice){.line = line, .len = len};
	return 0;
}

/* The lines of a file with a number in (since, before). */
static int slices_add_file(struct slices *s, const struct json_lines *lines, uint64_t since,
			   uint64_t before)
{
	const char *line;
	size_t offset = 0;
	size_t len;
	int r = 0;

	while (r == 0 && json_lines_next(lines, &offset, &line, &len)) {
		uint64_t seq = line_seq(line, len);

		if (seq > since && seq < before)
			r = slices_add(s, line, len);
	}
	return r;
}

static bool is_about(const json_t *event, char *const *names)
{
	const char *service = json_get_string(event, "service");

	if (!names)
		return true;
	for (size_t i = 0; service && names[i]; i++) {
		if (strcmp(names[i], service) == 0)
			return true;
	}
	return false;
}

/* Parses the lines that are wanted; from the newest backwards when @since is 0. */
static json_t *choose(const struct slices *s, uint64_t since, size_t limit, char *const *names)
{
	cleanup_json json_t *chosen = json_array();

	for (size_t i = 0; chosen && i < s->n && json_array_size(chosen) < limit; i++) {
		const struct slice *slice = &s->items[since == 0 ? s->n - 1 - i : i];
		cleanup_json json_t *event =
			json_loadb(slice->line, slice->len, JSON_REJECT_DUPLICATES, NULL);
		int r = 0;

		if (!event || !is_about(event, names))
			continue;
		r = since == 0 ? json_array_insert(chosen, 0, event)
			       : json_array_append(chosen, event);
		if (r < 0)
			return NULL;
	}
	return steal_ptr(chosen);
}

json_t *events_since(struct events *e, uint64_t since, size_t limit, char *const *names)
{
	cleanup_json_lines struct json_lines older = {0};
	cleanup_json_lines struct json_lines newer = {0};
	uint64_t oldest_in_ring = e->seq - e->n_ring + 1;
	struct slices slices = {0};
	json_t *chosen = NULL;
	int r = 0;

	/* The files are read only when the ring does not reach back far enough. */
	if (since + 1 < oldest_in_ring && (since > 0 || names || limit > e->n_ring)) {
		if (json_lines_read(e->old_path, EVENTS_FILE_MAX * 2, &older) == 0)
			r = slices_add_file(&slices, &older, since, oldest_in_ring);
		if (r == 0 && json_lines_read(e->path, EVENTS_FILE_MAX * 2, &newer) == 0)
			r = slices_add_file(&slices, &newer, since, oldest_in_ring);
	}
	for (uint64_t seq = MAX_OF(oldest_in_ring, since + 1); r == 0 && seq <= e->seq; seq++) {
		const char *line = e->ring[seq % EVENTS_RING];

		r = slices_add(&slices, line, strlen(line));
	}
	if (r == 0)
		chosen = choose(&slices, since, limit, names);
	free(slices.items);
	return chosen;
}

/* The lines of a file with a number in (since, before); false: enough. */
static bool walk_file(const struct json_lines *lines, uint64_t since, uint64_t before,
		      events_line_fn fn, void *userdata)
{
	const char *line;
	size_t offset = 0;
	size_t len;

	while (json_lines_next(lines, &offset, &line, &len)) {
		uint64_t seq = line_seq(line, len);

		if (seq > since && seq < before && !fn(seq, line, len, userdata))
			return false;
	}
	return true;
}

int events_walk(const struct events *e, uint64_t since, events_line_fn fn, void *userdata)
{
	const char *const paths[] = {e->old_path, e->path};
	uint64_t oldest_in_ring = e->seq - e->n_ring + 1;

	for (size_t i = 0; since + 1 < oldest_in_ring && i < ARRAY_LEN(paths); i++) {
		cleanup_json_lines struct json_lines lines = {0};
		int r = json_lines_read(paths[i], EVENTS_FILE_MAX * 2, &lines);

		if (r < 0 || !walk_file(&lines, since, oldest_in_ring, fn, userdata))
			return r;
	}
	for (uint64_t seq = MAX_OF(oldest_in_ring, since + 1); seq <= e->seq; seq++) {
		const char *line = e->ring[seq % EVENTS_RING];

		if (!fn(seq, line, strlen(line), userdata))
			break;
	}
	return 0;
}

int events_subscribe(struct events *e, void (*fn)(void *userdata), void *userdata,
		     struct events_subscriber **ret_subscriber)
{
	struct events_subscriber *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->events = e;
	s->fn = fn;
	s->userdata = userdata;
	list_append(&e->subscribers, &s->link);
	*ret_subscriber = s;
	return 0;
}

void events_unsubscribe(struct events_subscriber *s)
{
	if (!s)
		return;
	if (s->events->telling) {
		s->fn = NULL;
		return;
	}
	list_remove(&s->link);
	free(s);
}

/* Most lines are passed over without being parsed. */
static void tell_life(const char *line, size_t len, const struct life_kind *kind, events_life_fn fn,
		      void *userdata)
{
	cleanup_json json_t *event = NULL;
	const json_t *holder;
	const char *service;
	uint64_t life;

	if (!memmem(line, len, kind->mark, strlen(kind->mark)))
		return;
	event = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	holder = kind->holder ? json_object_get(event, kind->holder) : event;
	service = event ? json_get_string(event, "service") : NULL;
	life = holder ? json_get_uint(holder, "life", 0) : 0;
	if (service && life)
		fn(service, life, userdata);
}

static int walk_lives(const struct events *e, const struct life_kind *kind, events_life_fn fn,
		      void *userdata)
{
	const char *const paths[] = {e->old_path, e->path};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		cleanup_json_lines struct json_lines lines = {0};
		const char *line;
		size_t offset = 0;
		size_t len;
		int r = json_lines_read(paths[i], EVENTS_FILE_MAX * 2, &lines);

		if (r < 0)
			return r;
		while (json_lines_next(&lines, &offset, &line, &len))
			tell_life(line, len, kind, fn, userdata);
	}
	return 0;
}

int events_begun_lives(const struct events *e, events_life_fn fn, void *userdata)
{
	static const struct life_kind begun = {.mark = ",\"kind\":\"start\","};

	return walk_lives(e, &begun, fn, userdata);
}

int events_ended_lives(const struct events *e, events_life_fn fn, void *userdata)
{
	static const struct life_kind ended = {.mark = ",\"kind\":\"exit\",", .holder = "exit"};

	return walk_lives(e, &ended, fn, userdata);
}

uint64_t events_newest(const struct events *e)
{
	return e->seq;
}
