/* SPDX-License-Identifier: MIT */

/*
 * The will of a keeper that may be killed at any instruction, and whose payload runs on: what the
 * next keeper needs is always written already. It has three parts. What never changes (the page,
 * the notification socket, the control socket, the mailbox) lies in the manager's store. The
 * descriptors of the lives are in the mailbox, before the life that uses them begins. Everything
 * else is memory, in the page: it is noted before it is acted on, and costs no system call.
 *
 * A re-exec is another matter (heritage.c): there one program talks to the next, of perhaps another
 * version, in its own words and with time to do it.
 */

#include "supervisor/keeper/will.h"

#include <string.h>
#include <sys/syscall.h>

#include "supervisor/keeper/keeper.h"
#include "supervisor/keeper/revival.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/store.h"
#include "supervisor/keeper/tree.h"
#include "supervisor/keeper/unit.h"

static const struct entry {
	const char *name;
	size_t offset;
} entries[] = {
	{"keeper-page", offsetof(struct keeper, page_fd)},
	{"keeper-notify", offsetof(struct keeper, notify.fd)},
	{"keeper-control", offsetof(struct keeper, control.listener)},
	{"keeper-mail-in", offsetof(struct keeper, mailbox.in)},
	{"keeper-mail-out", offsetof(struct keeper, mailbox.out)},
};

static int *member(struct keeper *k, const struct entry *e)
{
	return (int *)((char *)k + e->offset);
}

static size_t pick_entries(struct keeper *k)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
		int fd = sockets_pick(&k->sockets, entries[i].name);

		*member(k, &entries[i]) = fd;
		n += fd >= 0;
	}
	return n;
}

static void drop_entries(struct keeper *k)
{
	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		close_fd(member(k, &entries[i]));
}

static int open_entries(struct keeper *k)
{
	int r = page_open(k->page_fd, &k->page);

	if (r == 0)
		r = notify_adopt(&k->notify, k->notify.fd);
	if (r == 0)
		r = control_listen(&k->control, k->control.listener);
	return r;
}

int will_find(struct keeper *k)
{
	size_t n = pick_entries(k);
	int r = n == ARRAY_LEN(entries) ? open_entries(k) : -ENOENT;
	const struct page_state *state;

	if (n == 0)
		return WILL_NONE;
	if (r < 0) {
		say("what the last keeper left cannot be used: %s", strerror(-r));
		drop_entries(k);
		return WILL_NONE;
	}
	r = mailbox_read(&k->mailbox, &k->pipes, &k->sockets);
	if (r < 0)
		say("the pipes of the last keeper are lost: %s", strerror(-r));
	pipes_revive(&k->pipes);
	state = page_state(k->page);
	/* It had not begun, or has left: all that may be undone is output that nobody has taken. */
	if (!state || revival_plan(state->machine.state, false) == REVIVAL_BEGIN) {
		drop_entries(k);
		return WILL_NONE;
	}
	k->page->keeper_pid = getpid();
	return WILL_FOUND;
}

int will_make(struct keeper *k)
{
	int r = mailbox_new(&k->mailbox);

	k->sockets.is_moved = true;
	will_post(k);
	/* The page last: where it is, all the others are. */
	for (size_t i = ARRAY_LEN(entries); r == 0 && i-- > 0;)
		r = store_put(entries[i].name, *member(k, &entries[i]));
	return r;
}

int will_renew(struct keeper *k)
{
	struct tree_process process;

	if (k->life.pid > 0 && tree_look(k->life.pid, &process) == 0)
		revival_window(process.start, &k->page->born_from_usec, &k->page->born_until_usec);
	will_note(k);
	return store_put(entries[0].name, k->page_fd);
}

static void read_state(struct keeper *k, const struct page_state *s)
{
	k->machine = s->machine;
	k->life = s->life;
	k->life.pidfd = -1;
	k->life.is_foreign = false;
	k->life.lost_pid = 0;
	k->cgroup.seen = s->seen;
	k->cgroup.is_late = s->is_late;
	k->is_told = s->is_told;
	memcpy(k->asker, s->asker, sizeof(k->asker));
}

/* The main process that was noted, or the one that its birth was all that came of. */
static bool find_main(struct keeper *k)
{
	const struct page *page = k->page;
	bool is_noted = k->life.pid > 0 && k->life.pid != page->main_pid;
	pid_t pid = is_noted ? k->life.pid : page->main_pid;
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct tree_process process;

	/* Asked after the pidfd is there, so that it is the same process that is asked about. */
	if (pidfd < 0 || !unit_has(pid) || tree_look(pid, &process) < 0 ||
	    !(is_noted ? process.start == k->life.pid_start
		       : revival_is_same(process.start, page->born_from_usec,
					 page->born_until_usec))) {
		close_fd(&pidfd);
		return false;
	}
	k->life.pid = pid;
	k->life.pidfd = pidfd;
	k->life.pid_start = process.start;
	k->life.is_foreign = true;
	return true;
}

static void follow_plan(struct keeper *k, enum revival_plan plan)
{
	switch (plan) {
	case REVIVAL_WATCH:
		say("goes on with process %d of a keeper that was killed", k->life.pid);
		break;
	case REVIVAL_MOURN:
		keeper_end_foreign(k);
		break;
	case REVIVAL_SWEEP:
		sweep_begin(&k->sweep);
		keeper_sweep_on(k, false);
		break;
	case REVIVAL_DRAIN:
		pipes_end(&k->pipes);
		pipes_hurry(&k->pipes);
		break;
	case REVIVAL_BEGIN:
	case REVIVAL_REST:
	default:
		break;
	}
}

int will_carry_out(struct keeper *k)
{
	int r;

	read_state(k, page_state(k->page));
	k->has_begun = true;
	/* Without it the program is still watched; the next start says what is wrong with it. */
	ignore_result(keeper_reload(k));
	r = cgroup_open(&k->cgroup, UNIT_PAYLOAD);
	if (r < 0) {
		say("cannot open the cgroup of the program: %s", strerror(-r));
		return r;
	}
	k->is_changed = true;
	follow_plan(k, revival_plan(k->machine.state, find_main(k)));
	return 0;
}

void will_note(struct keeper *k)
{
	struct page_state state;

	if (!k->is_unit || !k->has_begun)
		return;
	state = (struct page_state){
		.machine = k->machine,
		.life = k->life,
		.seen = k->cgroup.seen,
		.is_told = k->is_told,
		.is_late = k->cgroup.is_late,
	};
	memcpy(state.asker, k->asker, sizeof(state.asker));
	page_note(k->page, &state);
}

void will_post(struct keeper *k)
{
	int r;

	if (!k->is_unit || !(k->pipes.is_moved || k->sockets.is_moved))
		return;
	r = mailbox_write(&k->mailbox, &k->pipes, &k->sockets);
	if (r < 0 && !k->is_unwilled)
		say("cannot keep the pipes for another keeper: %s", strerror(-r));
	k->is_unwilled = r < 0;
	k->pipes.is_moved = false;
	k->sockets.is_moved = false;
}
