/* SPDX-License-Identifier: MIT */
#include "supervisor/orphans.h"

#include <signal.h>

#include "lib/clock.h"
#include "supervisor/process.h"

/*
 * Killing what a dead keeper has left, where there is no cgroup that knows it.
 *
 * Whatever lived below a keeper comes to the next subreaper above when the keeper dies: to us, or
 * to the keeper that we run under ourselves. So an orphan is a child of one of these two that is
 * neither a known keeper nor anything that we started, and the tree below it belongs to it.
 *
 * A tree that forks cannot be killed one process after the other: it grows where we do not look. So
 * each process is stopped when it is found, before its children are listed; when a whole pass has
 * found nobody new, nothing in the tree can fork any more, and all of it is killed.
 *
 * A process that forks and ends, and whose child does the same, is never where it was seen: it is
 * dead when it is looked at, and its child has just become a child of ours. So a round that finds
 * nobody alive is the last one only if it found the same dead as the round before.
 */

/** Processes of one round; the others are found by the next. */
#define VICTIMS_MAX 4096

/* @dead: a sum over those that were listed and are not alive; tells two rounds apart. */
struct victims {
	struct process *items;
	size_t n;
	size_t room;
	uint64_t dead;
};

static void victims_done(struct victims *v)
{
	free(v->items);
	*v = (struct victims){0};
}

static bool victims_have(const struct victims *v, pid_t pid)
{
	for (size_t i = 0; i < v->n; i++) {
		if (v->items[i].pid == pid)
			return true;
	}
	return false;
}

/* Whether all threads are dead; a leader that is a zombie may still have living ones. */
static bool is_dead(const struct process *p)
{
	return process_wait(p, 0) == 0;
}

/* Stops a child of @parent and remembers it. Return: 1, 0 when it is none or dead, or -errno. */
static int victims_add(struct victims *v, pid_t parent, pid_t pid)
{
	struct process p;
	int r = process_get(pid, &p);

	if (r == -ESRCH || (r == 0 && (p.parent != parent || is_dead(&p)))) {
		v->dead += (uint64_t)pid << 32 | (r == 0 ? (uint32_t)p.start : 0);
		return 0;
	}
	if (r < 0 || v->n == VICTIMS_MAX)
		return r;
	if (v->n == v->room) {
		size_t room = v->room ? v->room * 2 : 64;
		struct process *grown = reallocarray(v->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		v->items = grown;
		v->room = room;
	}
	/* One that cannot be stopped can still be killed, or else is told about then. */
	ignore_result(process_signal(&p, SIGSTOP));
	v->items[v->n++] = p;
	return 1;
}

/* Adds children of @parent that are not among the victims yet. Return: how many, or -errno. */
static int victims_add_children(struct victims *v, pid_t parent,
				bool (*is_kept)(pid_t pid, void *userdata), void *userdata)
{
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;
	int added = 0;
	int r = process_children(parent, &pids, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (pids[i] == getpid() || victims_have(v, pids[i]))
			continue;
		if (is_kept && is_kept(pids[i], userdata))
			continue;
		r = victims_add(v, parent, pids[i]);
		if (r < 0)
			return r;
		added += r;
	}
	return added;
}

/* Stops everything below the victims, pass after pass, until a pass finds nobody new. */
static int victims_complete(struct victims *v, usec_t deadline_usec)
{
	int added;

	do {
		added = 0;
		for (size_t i = 0; i < v->n; i++) {
			int r = victims_add_children(v, v->items[i].pid, NULL, NULL);

			if (r < 0 && r != -ESRCH)
				return r;
			added += MAX_OF(r, 0);
		}
	} while (added > 0 && clock_now_usec() < deadline_usec);
	return 0;
}

/* Return: how many were killed, -EPERM, or -EBUSY when one does not die in time. */
static int victims_kill(const struct victims *v, usec_t deadline_usec)
{
	int killed = 0;

	for (size_t i = 0; i < v->n; i++) {
		int r = process_signal(&v->items[i], SIGKILL);

		if (r < 0 && r != -ESRCH)
			return r;
		killed += r == 0;
	}
	for (size_t i = 0; i < v->n; i++) {
		if (process_wait(&v->items[i], deadline_usec) < 0)
			return -EBUSY;
	}
	return killed;
}

/* One round. Return: how many were killed, 0 when nobody was alive, negative errno. */
static int kill_once(pid_t parent, struct victims *v, bool (*is_kept)(pid_t pid, void *userdata),
		     void *userdata, usec_t deadline_usec)
{
	int r = victims_add_children(v, parent, is_kept, userdata);

	if (r <= 0)
		return r;
	r = victims_complete(v, deadline_usec);
	return r < 0 ? r : victims_kill(v, deadline_usec);
}

int orphans_kill(pid_t parent, bool (*is_kept)(pid_t pid, void *userdata), void *userdata)
{
	usec_t deadline_usec = usec_add(clock_now_usec(), ORPHANS_KILL_USEC);
	uint64_t dead = 0;
	int killed = 0;

	for (;;) {
		cleanup(victims_done) struct victims v = {0};
		int r = kill_once(parent, &v, is_kept, userdata, deadline_usec);

		if (r < 0)
			return r;
		if (v.n == 0 && v.dead == dead)
			return killed;
		if (clock_now_usec() >= deadline_usec)
			return -EBUSY;
		killed += r;
		dead = v.dead;
	}
}
