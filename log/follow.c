/* SPDX-License-Identifier: MIT */

/*
 * Following: the kernel tells which streams have grown.
 *
 * Per stream the index of its newest segment is watched, since it is written last of all in a
 * batch, and because events of one watch that follow each other are merged in the kernel's queue,
 * so a service that floods costs one event and not one per batch. The folders are watched for new
 * segments and streams, the log folder for new services. A queue that overflowed means "everything
 * may have changed". Watches are set before the files are looked at, so nothing falls in between.
 */

#include "log/follow.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "lib/loop.h"
#include "lib/text.h"

#include "log/event.h"
#include "log/query.h"
#include "log/store.h"

#define EVENTS_BYTES_MAX 16384

enum watch_kind {
	WATCH_ROOT,
	WATCH_SERVICE,
	WATCH_STREAM,
};

/**
 * struct watch - what a watch descriptor stands for
 * @seq: WATCH_STREAM: whose index it is
 */
struct watch {
	enum watch_kind kind;
	int wd;
	char service[STREAM_SERVICE_MAX + 1];
	size_t i_stream;
	uint64_t seq;
};

/**
 * struct follow
 * @rescanned: service whose streams are being looked at; NULL: all
 * @code:      what went wrong in a callback
 */
struct follow {
	const struct store *store;
	struct query *query;
	follow_fn fn;
	void *userdata;
	struct loop_fd source;
	int fd;
	struct watch *watches;
	size_t n_watches;
	const char *rescanned;
	int code;
};

/* --- watches ---------------------------------------------------------------------------------- */

static struct watch *follow_find(struct follow *f, int wd)
{
	for (size_t i = 0; i < f->n_watches; i++)
		if (f->watches[i].wd == wd)
			return &f->watches[i];
	return NULL;
}

static int follow_add(struct follow *f, const struct watch *watch, const char *name, uint32_t mask)
{
	cleanup_text struct text path = {0};
	cleanup_free char *full = NULL;
	struct watch *grown;
	int wd;

	text_addf(&path, "%s/%s", f->store->path, name);
	full = text_take(&path);
	grown = reallocarray(f->watches, f->n_watches + 1, sizeof(*grown));
	if (grown)
		f->watches = grown;
	if (!grown || !full)
		return -ENOMEM;
	wd = inotify_add_watch(f->fd, full, mask);
	if (wd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (follow_find(f, wd))
		return 0;
	f->watches[f->n_watches] = *watch;
	f->watches[f->n_watches++].wd = wd;
	return 0;
}

static void follow_forget(struct follow *f, struct watch *watch)
{
	*watch = f->watches[--f->n_watches];
}

static int follow_service(struct follow *f, const char *service)
{
	struct watch watch = {.kind = WATCH_SERVICE};

	for (size_t i = 0; i < f->n_watches; i++)
		if (f->watches[i].kind == WATCH_SERVICE &&
		    strcmp(f->watches[i].service, service) == 0)
			return 0;
	(void)snprintf(watch.service, sizeof(watch.service), "%s", service);
	return follow_add(f, &watch, service, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
}

/* A query_stream_fn(): watch the index of the newest segment, and not the one before any more. */
static void follow_stream(size_t i_stream, const struct stream_id *id, uint64_t newest,
			  void *userdata)
{
	struct follow *f = userdata;
	struct watch watch = {.kind = WATCH_STREAM, .i_stream = i_stream, .seq = newest};
	char path[STREAM_SERVICE_MAX + 1 + SEGMENT_NAME_MAX], name[SEGMENT_NAME_MAX];
	int r;

	if (f->rescanned && strcmp(f->rescanned, id->service) != 0)
		return;
	for (size_t i = 0; i < f->n_watches; i++) {
		struct watch *known = &f->watches[i];

		if (known->kind != WATCH_STREAM || known->i_stream != i_stream)
			continue;
		if (known->seq == newest)
			return;
		(void)inotify_rm_watch(f->fd, known->wd);
		follow_forget(f, known);
		break;
	}
	(void)snprintf(path, sizeof(path), "%s/%s", id->service,
		       segment_name(id, newest, SEGMENT_FILE_INDEX, name));
	r = follow_add(f, &watch, path, IN_MODIFY);
	if (r < 0)
		f->code = r;
}

/* --- events ----------------------------------------------------------------------------------- */

static int follow_watch_service(const char *service, void *userdata)
{
	return follow_service(userdata, service);
}

static int follow_scan_service(const char *service, void *userdata)
{
	struct follow *f = userdata;

	return query_rescan(f->query, service);
}

/* Call @fn for @service, or for each one that is followed if that is NULL. */
static int follow_each(struct follow *f, const char *service, store_service_fn fn)
{
	char **names = query_filter(f->query)->names;
	int r = 0;

	if (service)
		return fn(service, f);
	if (!names)
		return store_services(f->store, fn, f);
	for (; *names && r == 0; names++)
		r = fn(*names, f);
	for (const char *const *writer = event_writers; *writer && r == 0; writer++)
		r = fn(*writer, f);
	return r;
}

/* Find what is new; again once it is watched, for what was written in between. */
static int follow_rescan(struct follow *f, const char *service)
{
	int r = follow_each(f, service, follow_watch_service);

	if (r == 0)
		r = follow_each(f, service, follow_scan_service);
	if (r < 0)
		return r;
	f->code = 0;
	f->rescanned = service;
	query_streams(f->query, follow_stream, f);
	f->rescanned = NULL;
	return f->code < 0 ? f->code : follow_each(f, service, follow_scan_service);
}

static bool follow_wants(const struct follow *f, const char *service)
{
	const struct filter *filter = query_filter(f->query);

	if (!filter->names)
		return text_name_valid(service);
	for (const char *const *writer = event_writers; *writer; writer++)
		if (strcmp(*writer, service) == 0)
			return true;
	return filter_names(filter, service);
}

/* Files that the housekeeper makes hold nothing new. */
static bool is_new_segment(const char *name)
{
	enum segment_file file;
	struct stream_id id;
	uint64_t seq;

	return segment_name_parse(name, &id, &seq, &file) == 0 && file == SEGMENT_FILE_LOG;
}

static int follow_handle(struct follow *f, const struct inotify_event *event)
{
	struct watch *watch = follow_find(f, event->wd);
	char service[STREAM_SERVICE_MAX + 1];

	if (event->mask & IN_Q_OVERFLOW)
		return follow_rescan(f, NULL);
	if (!watch)
		return 0;
	if (event->mask & IN_IGNORED) { /* its file or folder was deleted */
		follow_forget(f, watch);
		return 0;
	}
	if (watch->kind == WATCH_STREAM)
		return query_wake(f->query, watch->i_stream);
	if (watch->kind == WATCH_ROOT && (event->len == 0 || !follow_wants(f, event->name)))
		return 0;
	if (watch->kind == WATCH_SERVICE && (event->len == 0 || !is_new_segment(event->name)))
		return 0;
	(void)snprintf(service, sizeof(service), "%s",
		       watch->kind == WATCH_ROOT ? event->name : watch->service);
	return follow_rescan(f, service);
}

static int follow_read(struct follow *f)
{
	union {
		char bytes[EVENTS_BYTES_MAX];
		struct inotify_event align;
	} buffer;
	ssize_t n = read(f->fd, buffer.bytes, sizeof(buffer.bytes));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	for (char *p = buffer.bytes; p < buffer.bytes + n;) {
		const struct inotify_event *event = (const void *)p;
		int r = follow_handle(f, event);

		if (r < 0)
			return r;
		p += sizeof(*event) + event->len;
	}
	return 0;
}

static void on_events(int fd, int events, void *userdata)
{
	struct follow *f = userdata;

	f->fn(follow_read(f), f->userdata);
}

/* --- birth and death -------------------------------------------------------------------------- */

int follow_new(struct loop *l, const struct store *store, struct query *q, follow_fn fn,
	       void *userdata, struct follow **ret_follow)
{
	const struct watch root = {.kind = WATCH_ROOT};
	struct follow *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	*f = (struct follow){.store = store, .query = q, .fn = fn, .userdata = userdata};
	f->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r = f->fd < 0 ? -errno : follow_add(f, &root, "", IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	if (r == 0)
		r = follow_rescan(f, NULL);
	if (r == 0)
		r = loop_fd_init(&f->source, l, f->fd, LOOP_READ, on_events, f);
	if (r < 0) {
		follow_free(f);
		return r;
	}
	*ret_follow = f;
	return 0;
}

int follow_pause(struct follow *f, bool paused)
{
	return loop_fd_set(&f->source, paused ? 0 : LOOP_READ);
}

int follow_look(struct follow *f)
{
	return follow_rescan(f, NULL);
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	loop_fd_done(&f->source);
	close_fd(&f->fd);
	free(f->watches);
	free(f);
}
