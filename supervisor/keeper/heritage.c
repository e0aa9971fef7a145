/* SPDX-License-Identifier: MIT */

/*
 * What one program of the keeper leaves to the next, as NUL-terminated name=value records. Records,
 * not a struct: the new program may have more to remember or less, and a name that is missing or
 * unknown is no obstacle. So names and the values of enums are for ever; new ones are added.
 *
 * The tables say what is left; writing, reading and keeping the descriptors open are walks over
 * them, so that none can forget a field.
 */

#include "supervisor/keeper/heritage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "supervisor/keeper/keeper.h"
#include "supervisor/keeper/text.h"

#define MAGIC "slicekeep-keeper-state 1"
#define RECORD_MAX 256

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
#define H(kind, name, member) OF(heritage, kind, name, member)

/* clang-format off */
static const struct field keeper_fields[] = {
	K(NUMBER, machine.state),
	K(NUMBER, machine.then),
	K(NUMBER, machine.deadline_usec),
	K(NUMBER, machine.next_usec),
	K(NUMBER, machine.cause),
	K(NUMBER, machine.wait_status),
	K(NUMBER, machine.n_failures),
	K(NUMBER, machine.n_restarts),
	K(NUMBER, machine.is_reported),
	K(NUMBER, machine.on_trial),
	K(NUMBER, machine.owes_report),
	K(NUMBER, life.number),
	K(NUMBER, life.pid),
	K(DESCRIPTOR, life.pidfd),
	K(NUMBER, life.is_foreign),
	K(NUMBER, life.lost_pid),
	K(NUMBER, life.is_ready),
	K(NUMBER, life.is_refused),
	K(NUMBER, life.pid_start),
	K(NUMBER, life.start_usec),
	K(NUMBER, life.ready_usec),
	K(NUMBER, life.ended_usec),
	K(NUMBER, life.watchdog_usec),
	K(NUMBER, life.watch_usec),
	K(NUMBER, life.status),
	K(NUMBER, life.usage.user_usec),
	K(NUMBER, life.usage.system_usec),
	K(NUMBER, life.usage.maxrss_kb),
	K(TEXT, life.text),
	K(DESCRIPTOR, cgroup.base),
	K(DESCRIPTOR, cgroup.dir),
	K(DESCRIPTOR, cgroup.events),
	K(NUMBER, cgroup.is_made),
	K(NUMBER, cgroup.is_late),
	K(NUMBER, cgroup.is_frozen),
	K(NUMBER, cgroup.seen.oom_kills),
	K(NUMBER, cgroup.seen.oom_hits),
	K(NUMBER, cgroup.seen.high_hits),
	K(NUMBER, cgroup.seen.max_hits),
	K(NUMBER, cgroup.seen.tasks_denied),
	K(NUMBER, cgroup.seen.n_throttled),
	K(NUMBER, cgroup.seen.throttled_usec),
	K(NUMBER, cgroup.seen.memory_peak_bytes),
	K(NUMBER, counters.oom_kills),
	K(NUMBER, counters.oom_hits),
	K(NUMBER, counters.high_hits),
	K(NUMBER, counters.max_hits),
	K(NUMBER, counters.tasks_denied),
	K(NUMBER, counters.n_throttled),
	K(NUMBER, counters.throttled_usec),
	K(NUMBER, counters.memory_peak_bytes),
	K(NUMBER, counters.memory_max_bytes),
	K(NUMBER, sweep.n_killed),
	K(NUMBER, sweep.n_left),
	K(NUMBER, sweep.n_pending),
	K(NUMBER, sweep.sum),
	K(NUMBER, sweep.is_hurried),
	K(NUMBER, sweep.next_usec),
	K(NUMBER, sweep.pause_usec),
	K(DESCRIPTOR, notify.fd),
	K(NUMBER, pipes.n),
	K(DESCRIPTOR, pipes.transit[INTAKE_STREAM_OUT]),
	K(DESCRIPTOR, pipes.transit[INTAKE_STREAM_ERR]),
	K(DESCRIPTOR, pipes.transit[INTAKE_STREAM_BOTH]),
	K(DESCRIPTOR, pipes.link),
	K(NUMBER, pipes.linked_usec),
	K(NUMBER, pipes.retry_usec),
	K(NUMBER, pipes.pause_usec),
	K(DESCRIPTOR, control.listener),
	K(NUMBER, control.n_accepted),
	K(NUMBER, sockets.n),
	K(NUMBER, sockets.is_moved),
	K(NUMBER, pipes.is_moved),
	K(DESCRIPTOR, mailbox.in),
	K(DESCRIPTOR, mailbox.out),
	K(NUMBER, mailbox.n),
	K(DESCRIPTOR, page_fd),
	K(NUMBER, has_children),
	K(NUMBER, is_alone),
	K(NUMBER, is_told),
	K(NUMBER, is_noticed),
	K(NUMBER, quiet_usec),
	K(NUMBER, n_unsent),
	K(TEXT, asker),
};
static const struct field pipe_fields[] = {
	E(NUMBER, "life", life),
	E(DESCRIPTOR, "fd", fd),
	E(DESCRIPTOR, "held", held),
	E(NUMBER, "stream", stream),
	E(NUMBER, "is_over", is_over),
	E(NUMBER, "is_known", is_known),
	E(NUMBER, "is_offered", is_offered),
	E(NUMBER, "is_end_said", is_end_said),
};
static const struct field peer_fields[] = {
	P(DESCRIPTOR, "fd", fd),
	P(NUMBER, "is_subscribed", is_subscribed),
	P(NUMBER, "age", age),
};
static const struct field heritage_fields[] = {
	H(DESCRIPTOR, "spec", spec),
	H(DESCRIPTOR, "next", next),
	H(NUMBER, "peer", peer),
	H(NUMBER, "serial", serial),
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

static int visit_all(struct walk *w, struct keeper *k, struct heritage *h)
{
	char prefix[32];
	int r;

	r = visit_fields(w, heritage_fields, ARRAY_LEN(heritage_fields), "", h);
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

int heritage_keep(struct keeper *k, struct heritage *h, bool is_kept)
{
	struct walk w = {.visit = is_kept ? on_keep : on_protect};

	return visit_all(&w, k, h);
}

int heritage_write(struct keeper *k, struct heritage *h, int *ret_fd)
{
	cleanup_close int fd = memfd_create("slicekeep-state", MFD_CLOEXEC);
	struct walk w = {.visit = on_write, .fd = fd};
	int r;

	if (fd < 0)
		return -errno;
	r = write_record(fd, MAGIC, sizeof(MAGIC));
	if (r == 0)
		r = visit_all(&w, k, h);
	if (r == 0)
		*ret_fd = steal_fd(&fd);
	return r;
}

int heritage_read(struct keeper *k, struct heritage *h, int fd)
{
	struct walk read = {.visit = on_read};
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
		r = visit_all(&read, k, h);
	(void)munmap(map, (size_t)st.st_size);
	return r < 0 ? r : heritage_keep(k, h, false);
}
