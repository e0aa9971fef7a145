/* SPDX-License-Identifier: MIT */

/*
 * The keeper's program is replaced in place: same pid, same children, same descriptors. What the
 * old program knows goes through a memfd as NUL-terminated name=value records, the descriptors
 * simply stay open. Records, not a struct: the new program may have more to remember or less, and a
 * name that is missing or unknown is no obstacle. So names and the values of enums are for ever;
 * new ones are added.
 *
 * One table says what is handed over; writing, reading and keeping the descriptors open are three
 * walks over it, so none can forget a field.
 */

#include "supervisor/keeper/handover.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "supervisor/keeper/keeper.h"
#include "supervisor/keeper/options.h"
#include "supervisor/keeper/requests.h"
#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/text.h"

#define MAGIC "slicekeep-keeper-state 1"
#define RECORD_MAX 256
#define DELETED " (deleted)"
#define RESUME_OPTION "--resume-fd="

extern char **environ;

enum kind {
	NUMBER,
	TEXT,
	DESCRIPTOR,
};

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	size_t bytes;
};

/* What is handed over besides the keeper itself. */
struct extra {
	int spec;
	int next;
	uint32_t peer;
	uint32_t serial;
};

/* One walk: what is done with each field, and where. */
struct walk {
	int (*visit)(struct walk *w, const struct field *field, const char *prefix, void *member);
	int fd;
	const char *text;
	size_t text_bytes;
};

#define OF(type, kind, name, member)                                                          \
	{                                                                                     \
		name, kind, offsetof(struct type, member), sizeof(((struct type *)0)->member) \
	}
#define K(kind, member) OF(keeper, kind, #member, member)
#define E(kind, name, member) OF(pipes_entry, kind, name, member)
#define P(kind, name, member) OF(control_peer, kind, name, member)
#define X(kind, name, member) OF(extra, kind, name, member)

/* clang-format off */
static const struct field keeper_fields[] = {
	K(NUMBER, machine.state), K(NUMBER, machine.then), K(NUMBER, machine.deadline_usec),
	K(NUMBER, machine.next_usec), K(NUMBER, machine.cause), K(NUMBER, machine.wait_status),
	K(NUMBER, machine.n_failures), K(NUMBER, machine.n_restarts), K(NUMBER, machine.is_asking),
	K(NUMBER, machine.is_granted), K(NUMBER, machine.is_reported), K(NUMBER, machine.owes_report),
	K(NUMBER, life.number), K(NUMBER, life.pid), K(DESCRIPTOR, life.pidfd),
	K(NUMBER, life.is_foreign), K(NUMBER, life.lost_pid), K(NUMBER, life.is_ready), K(NUMBER, life.pid_start),
	K(NUMBER, life.start_usec), K(NUMBER, life.ready_usec), K(NUMBER, life.ended_usec),
	K(NUMBER, life.watchdog_usec), K(NUMBER, life.watch_usec), K(NUMBER, life.status),
	K(NUMBER, life.usage.user_usec), K(NUMBER, life.usage.system_usec),
	K(NUMBER, life.usage.maxrss_kb), K(TEXT, life.text),
	K(DESCRIPTOR, cgroup.dir), K(DESCRIPTOR, cgroup.events), K(NUMBER, cgroup.is_made), K(NUMBER, cgroup.is_late),
	K(NUMBER, cgroup.seen.oom_kills), K(NUMBER, cgroup.seen.tasks_denied),
	K(NUMBER, cgroup.seen.throttled_usec), K(NUMBER, cgroup.seen.memory_peak_bytes),
	K(NUMBER, counters.oom_kills), K(NUMBER, counters.tasks_denied),
	K(NUMBER, counters.throttled_usec), K(NUMBER, counters.memory_peak_bytes),
	K(NUMBER, sweep.n_killed), K(NUMBER, sweep.n_left), K(NUMBER, sweep.n_pending), K(NUMBER, sweep.sum),
	K(NUMBER, sweep.next_usec), K(NUMBER, sweep.pause_usec),
	K(DESCRIPTOR, notify.fd),
	K(NUMBER, pipes.n), K(DESCRIPTOR, pipes.link), K(NUMBER, pipes.linked_usec),
	K(NUMBER, pipes.retry_usec), K(NUMBER, pipes.pause_usec),
	K(DESCRIPTOR, control.listener), K(NUMBER, control.n_accepted),
	K(NUMBER, sockets.n), K(DESCRIPTOR, page_fd),
	K(NUMBER, has_children), K(NUMBER, is_alone), K(NUMBER, is_told), K(NUMBER, is_asking), K(NUMBER, n_unsent),
	K(TEXT, asker),
};
static const struct field pipe_fields[] = {
	E(NUMBER, "life", life), E(DESCRIPTOR, "fd", fd), E(DESCRIPTOR, "held", held),
	E(NUMBER, "stream", stream), E(NUMBER, "is_over", is_over),
	E(NUMBER, "is_offered", is_offered), E(NUMBER, "is_end_said", is_end_said),
};
static const struct field peer_fields[] = {
	P(DESCRIPTOR, "fd", fd), P(NUMBER, "is_subscribed", is_subscribed), P(NUMBER, "age", age),
};
static const struct field extra_fields[] = {
	X(DESCRIPTOR, "spec", spec), X(DESCRIPTOR, "next", next), X(NUMBER, "peer", peer),
	X(NUMBER, "serial", serial),
};
/* clang-format on */

static int visit_fields(struct walk *w, const struct field *fields, size_t n, const char *prefix,
			void *base)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = w->visit(w, &fields[i], prefix, (char *)base + fields[i].offset);
	return r;
}

static int visit_sockets(struct walk *w, struct sockets *s)
{
	static const struct field fd = {"fd", DESCRIPTOR, 0, sizeof(int)};
	static const struct field name = {"name", TEXT, 0, KEEPER_FD_NAME_MAX};
	char prefix[32];
	int r = 0;

	if (s->n > KEEPER_FDS_MAX)
		return -EBADMSG;
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		text_format(prefix, sizeof(prefix), "sockets.%u.", (unsigned)i);
		r = w->visit(w, &fd, prefix, &s->fds[i]);
		if (r == 0)
			r = w->visit(w, &name, prefix, s->names[i]);
	}
	return r;
}

static int visit_all(struct walk *w, struct keeper *k, struct extra *x)
{
	char prefix[32];
	int r;

	r = visit_fields(w, extra_fields, ARRAY_LEN(extra_fields), "", x);
	if (r == 0)
		r = visit_fields(w, keeper_fields, ARRAY_LEN(keeper_fields), "", k);
	if (r == 0 && (k->pipes.n > PIPES_MAX || k->machine.state >= MACHINE_STATE_COUNT))
		return -EBADMSG;
	for (size_t i = 0; r == 0 && i < k->pipes.n; i++) {
		text_format(prefix, sizeof(prefix), "pipes.%u.", (unsigned)i);
		r = visit_fields(w, pipe_fields, ARRAY_LEN(pipe_fields), prefix,
				 &k->pipes.entries[i]);
	}
	for (size_t i = 0; r == 0 && i < CONTROL_PEERS_MAX; i++) {
		text_format(prefix, sizeof(prefix), "peers.%u.", (unsigned)i);
		r = visit_fields(w, peer_fields, ARRAY_LEN(peer_fields), prefix,
				 &k->control.peers[i]);
	}
	return r == 0 ? visit_sockets(w, &k->sockets) : r;
}

static uint64_t get_number(const void *member, size_t bytes)
{
	switch (bytes) {
	case 1:
		return *(const uint8_t *)member;
	case 2:
		return *(const uint16_t *)member;
	case 4:
		return *(const uint32_t *)member;
	default:
		return *(const uint64_t *)member;
	}
}

static void set_number(void *member, size_t bytes, uint64_t number)
{
	switch (bytes) {
	case 1:
		*(uint8_t *)member = (uint8_t)number;
		break;
	case 2:
		*(uint16_t *)member = (uint16_t)number;
		break;
	case 4:
		*(uint32_t *)member = (uint32_t)number;
		break;
	default:
		*(uint64_t *)member = number;
	}
}

static int write_record(int fd, const char *record, size_t len)
{
	return write(fd, record, len) == (ssize_t)len ? 0 : -EIO;
}

static int on_write(struct walk *w, const struct field *field, const char *prefix, void *member)
{
	char record[RECORD_MAX];
	size_t used = text_format(record, sizeof(record), "%s%s=", prefix, field->name);

	if (field->kind == TEXT)
		used += text_format(record + used, sizeof(record) - used, "%s",
				    (const char *)member);
	else
		used += text_format(record + used, sizeof(record) - used, "%llu",
				    (unsigned long long)get_number(member, field->bytes));
	return write_record(w->fd, record, used + 1);
}

static const char *find_record(const struct walk *w, const char *name)
{
	for (const char *at = w->text; at < w->text + w->text_bytes; at += strlen(at) + 1) {
		const char *value = text_starts(at, name);

		if (value)
			return value;
	}
	return NULL;
}

static int on_read(struct walk *w, const struct field *field, const char *prefix, void *member)
{
	char name[RECORD_MAX];
	const char *value;
	uint64_t number;
	int r;

	text_format(name, sizeof(name), "%s%s=", prefix, field->name);
	value = find_record(w, name);
	if (!value)
		return 0;
	if (field->kind == TEXT) {
		text_clean(member, field->bytes, value, strlen(value));
		return 0;
	}
	r = text_number(value, UINT64_MAX, &number);
	if (r == 0)
		set_number(member, field->bytes, number);
	return r;
}

static int set_cloexec(int fd, bool is_closed)
{
	return fd < 0 || fcntl(fd, F_SETFD, is_closed ? FD_CLOEXEC : 0) == 0 ? 0 : -errno;
}

static int on_keep(struct walk *w, const struct field *field, const char *prefix, void *member)
{
	return field->kind == DESCRIPTOR ? set_cloexec(*(int *)member, false) : 0;
}

static int on_protect(struct walk *w, const struct field *field, const char *prefix, void *member)
{
	return field->kind == DESCRIPTOR ? set_cloexec(*(int *)member, true) : 0;
}

/* The text of a spec in a file of its own, as it was read; -1 for the command line's. */
static int store_spec(const struct spec *s, int *ret_fd)
{
	cleanup_close int fd = -1;

	if (!s->map)
		return 0;
	fd = memfd_create("slicekeep-spec", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, s->map, s->text_bytes) != (ssize_t)s->text_bytes)
		return -EIO;
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int write_state(struct keeper *k, struct extra *x, int *ret_fd)
{
	cleanup_close int fd = memfd_create("slicekeep-state", MFD_CLOEXEC);
	struct walk w = {.visit = on_write, .fd = fd};
	int r;

	if (fd < 0)
		return -errno;
	r = write_record(fd, MAGIC, sizeof(MAGIC));
	if (r == 0)
		r = visit_all(&w, k, x);
	if (r == 0)
		*ret_fd = steal_fd(&fd);
	return r;
}

/* Our own path: where the next program lies once a package manager has renamed it over this one. */
static int find_program(char *path, size_t cap)
{
	ssize_t n = readlink("/proc/self/exe", path, cap - 1);
	size_t deleted = sizeof(DELETED) - 1, len = (size_t)n;

	if (n < 0)
		return -errno;
	if (len > deleted && memcmp(path + len - deleted, DELETED, deleted) == 0)
		len -= deleted;
	path[len] = '\0';
	return 0;
}

/* The command line again, with --resume-fd first; an earlier one is dropped. */
static int fill_words(char **words, char **argv, char *resume)
{
	size_t n = 0;

	words[n++] = *argv++;
	words[n++] = resume;
	argv += *argv && text_starts(*argv, RESUME_OPTION);
	for (; *argv; argv++) {
		if (n + 1 >= RESERVE_WORDS_MAX)
			return -E2BIG;
		words[n++] = *argv;
	}
	words[n] = NULL;
	return 0;
}

static int exec_with(struct keeper *k, struct extra *x, int state)
{
	struct walk keep = {.visit = on_keep}, protect = {.visit = on_protect};
	char path[PATH_MAX], resume[32];
	int r;

	text_format(resume, sizeof(resume), RESUME_OPTION "%d", state);
	r = find_program(path, sizeof(path));
	if (r == 0)
		r = fill_words(reserve.words, k->argv, resume);
	if (r == 0)
		r = visit_all(&keep, k, x);
	if (r == 0)
		r = set_cloexec(state, false);
	if (r == 0) {
		(void)execve(path, reserve.words, environ);
		r = -errno;
		say("cannot replace myself by '%s': %s", path, strerror(-r));
	}
	ignore_result(visit_all(&protect, k, x));
	return r;
}

int handover_exec(struct keeper *k, uint32_t peer, uint32_t serial)
{
	struct extra x = {.spec = -1, .next = -1, .peer = peer, .serial = serial};
	int state = -1, r;

	r = store_spec(&k->spec, &x.spec);
	if (r == 0)
		r = store_spec(&k->next, &x.next);
	if (r == 0)
		r = write_state(k, &x, &state);
	if (r == 0)
		r = exec_with(k, &x, state);
	close_fd(&x.spec);
	close_fd(&x.next);
	close_fd(&state);
	return r;
}

static int read_state(struct keeper *k, struct extra *x, int fd)
{
	struct walk read = {.visit = on_read}, protect = {.visit = on_protect};
	struct stat st;
	void *map;
	int r = -EBADMSG;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof(MAGIC))
		return -EBADMSG;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	read.text = map;
	read.text_bytes = (size_t)st.st_size;
	if (memcmp(map, MAGIC, sizeof(MAGIC)) == 0 && read.text[st.st_size - 1] == '\0')
		r = visit_all(&read, k, x);
	(void)munmap(map, (size_t)st.st_size);
	return r < 0 ? r : visit_all(&protect, k, x);
}

static int take_spec(int fd, struct spec *ret_spec)
{
	cleanup_close int owned = fd;
	struct spec_fault fault;
	int r;

	if (owned < 0)
		return 0;
	r = spec_read_fd(owned, "handed over", ret_spec, &fault);
	if (r < 0)
		say("%s", fault.text);
	return r;
}

int handover_resume(struct keeper *k, const struct options *options)
{
	struct extra x = {.spec = -1, .next = -1, .peer = CONTROL_PEERS_MAX};
	cleanup_close int state = options->resume_fd;
	int r = read_state(k, &x, state);

	if (r == 0)
		r = page_open(k->page_fd, &k->page);
	if (r == 0)
		r = notify_adopt(&k->notify, k->notify.fd);
	if (r == 0)
		r = take_spec(x.spec, &k->spec);
	if (r == 0)
		r = take_spec(x.next, &k->next);
	if (r < 0) {
		say("cannot go on where the last program stopped: %s", strerror(-r));
		return r;
	}
	say_for(k->spec.name, k->spec.instance);
	k->is_changed = true;
	if (x.peer < CONTROL_PEERS_MAX)
		control_answer(&k->control.peers[x.peer], x.serial, 0);
	return 0;
}
