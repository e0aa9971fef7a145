/* SPDX-License-Identifier: MIT */

/*
 * What others are told about the keeper. A report is written down at the moment at which the
 * machine orders it, before a new life overwrites the facts, and into the page, where a supervisor
 * that was away still finds it; it is sent at the end of the turn, after the spawn, so that telling
 * costs the replacement no time. A turn may pass through several states: subscribers see the last
 * one, and each exit.
 */

#include "supervisor/keeper/bulletin.h"

#include <string.h>

#include "supervisor/keeper/clock.h"
#include "supervisor/keeper/keeper.h"

/* Between two snapshots that only the payload has caused. */
#define QUIET_USEC (50 * USEC_PER_MSEC)

static bool is_asked_for(enum keeper_cause cause)
{
	return cause == KEEPER_CAUSE_STOP || cause == KEEPER_CAUSE_STOP_TIMEOUT ||
	       cause == KEEPER_CAUSE_HEALTH || cause == KEEPER_CAUSE_NOT_READY;
}

void bulletin_report(struct keeper *k)
{
	const struct machine *m = &k->machine;
	const struct page_exec *exec = &k->page->exec;
	struct keeper_exit report = {
		.header = control_header(KEEPER_MESSAGE_EXIT),
		.cause = m->cause,
		.wait_status = m->wait_status,
		.exec_step = exec->step,
		.exec_errno = exec->step == KEEPER_EXEC_OK ? 0 : exec->error,
		.main_pid = k->page->main_pid,
		.n_killed = k->sweep.n_killed,
		.n_left = m->state == MACHINE_SWEEPING || k->has_children ? k->sweep.n_left : 0,
		.n_failures = m->n_failures,
		.life = k->life.number,
		.at_usec = clock_usec(CLOCK_REALTIME),
		.uptime_usec = usec_sub(k->life.ended_usec, k->life.start_usec),
		.next_usec =
			m->state == MACHINE_RUNNING ? clock_usec(CLOCK_MONOTONIC) : m->next_usec,
		.maxrss_kb = k->life.usage.maxrss_kb,
		.user_usec = k->life.usage.user_usec,
		.system_usec = k->life.usage.system_usec,
		.memory_peak_bytes = k->counters.memory_peak_bytes,
		.memory_max_bytes = k->counters.memory_max_bytes,
		.oom_kills = k->counters.oom_kills,
		.oom_hits = k->counters.oom_hits,
		.high_hits = k->counters.high_hits,
		.max_hits = k->counters.max_hits,
		.tasks_denied = k->counters.tasks_denied,
		.n_throttled = k->counters.n_throttled,
		.throttled_usec = k->counters.throttled_usec,
		.spec_revision = k->spec.revision,
	};

	if (m->state == MACHINE_LEFT)
		report.left_bytes = pipes_left_bytes(&k->pipes);
	if (exec->step != KEEPER_EXEC_OK)
		memcpy(report.path, exec->path, sizeof(report.path));
	if (is_asked_for(m->cause))
		memcpy(report.asker, k->asker, sizeof(report.asker));
	page_add_exit(k->page, &report);
	k->n_unsent++;
}

void bulletin_snapshot(struct keeper *k, struct keeper_snapshot *ret_snapshot)
{
	const struct machine *m = &k->machine;

	*ret_snapshot = (struct keeper_snapshot){
		.header = control_header(KEEPER_MESSAGE_SNAPSHOT),
		.state = machine_public(m),
		.keeper_pid = k->page->keeper_pid,
		.main_pid = k->life.pid,
		.ready = k->life.is_ready,
		.n_restarts = m->n_restarts,
		.n_failures = m->n_failures,
		.n_processes = k->sweep.n_killed,
		.last_cause = m->cause,
		.life = k->life.number,
		.main_start = k->life.pid_start,
		.start_usec = k->life.start_usec,
		.ready_usec = k->life.ready_usec,
		.next_usec = m->next_usec,
		.spec_revision = k->spec.revision,
	};
	memcpy(ret_snapshot->status, k->life.text, sizeof(ret_snapshot->status));
	memcpy(ret_snapshot->asker, k->asker, sizeof(ret_snapshot->asker));
}

/* Whether a snapshot is to be sent now. What the payload says without end is told now and then. */
static bool is_due(struct keeper *k)
{
	usec_t now;

	if ((!k->is_changed && !k->is_noticed) || keeper_is_quiet(k))
		return false;
	now = clock_usec(CLOCK_MONOTONIC);
	if (!k->is_changed && now < k->quiet_usec)
		return false;
	k->is_changed = false;
	k->is_noticed = false;
	k->quiet_usec = usec_add(now, QUIET_USEC);
	return true;
}

void bulletin_publish(struct keeper *k)
{
	struct keeper_snapshot snapshot;
	uint32_t n = MIN_OF(k->n_unsent, (uint32_t)KEEPER_EXITS_MAX);

	for (; n > 0; n--) {
		uint64_t i = (k->page->n_exits - n) % KEEPER_EXITS_MAX;

		control_publish(&k->control, &k->page->exits[i], sizeof(k->page->exits[i]), NULL);
	}
	k->n_unsent = 0;
	if (is_due(k) && control_has_subscriber(&k->control)) {
		bulletin_snapshot(k, &snapshot);
		control_publish(&k->control, &snapshot, sizeof(snapshot),
				snapshot.state == KEEPER_STOPPING ? k->orderer : NULL);
	}
	k->orderer = NULL;
}
