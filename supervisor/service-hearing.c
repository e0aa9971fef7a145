/* SPDX-License-Identifier: MIT */

/*
 * What a service hears from its keeper, and how it stays within hearing.
 *
 * A keeper repeats itself - each STATUS= is a snapshot - so a snapshot is only an event for the
 * machine when it differs from the last one in what the machine knows.
 *
 * A keeper is never given up while it may live, for a second one would be a second copy of the
 * service. A link that breaks (we were too slow for it, or out of descriptors) is made anew, and an
 * order that was lost with it is given again. Gone it is when the end of its process is reported,
 * or, if nobody can report that, when nobody listens where it did. Then the life that it took with
 * it gets its exit report here, since nobody else is left to write one, and what it left is killed
 * before anything of that service may start.
 */

#include "supervisor/service-hearing.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/paths.h"
#include "lib/units.h"
#include "supervisor/announce.h"
#include "supervisor/exit-report.h"
#include "supervisor/exit-store.h"
#include "supervisor/keeper-link.h"
#include "supervisor/launcher.h"
#include "supervisor/proc.h"
#include "supervisor/run-files.h"
#include "supervisor/service-keeper.h"
#include "supervisor/service.h"
#include "supervisor/surroundings.h"

/** Until a link that could not be made is tried again. */
#define RECONNECT_USEC (250 * USEC_PER_MSEC)

/* --- exits --------------------------------------------------------------------------------- */

static void take_exit(struct service *s, const struct keeper_exit *report, const char *summary)
{
	struct surroundings now;
	char *json = NULL;
	int code;

	surroundings_look(s, report, &now);
	if (summary)
		json = exit_report_json(s->process->name, SERVICE_SLOT, report, &now.around,
					summary);
	s->life = MAX_OF(s->life, report->life);
	s->ended_life = report->life;
	if (!json) {
		log_error("%s: out of memory for an exit report", s->process->name);
		return;
	}
	free(s->last_exit);
	s->last_exit = json;
	free(s->ended);
	s->ended = exit_report_ended(report);
	code = exit_store_append(&s->exits_fd, s->context->exits_folder, s->process->name, json);
	if (code < 0)
		log_error("%s: cannot keep its exit report: %s", s->process->name, strerror(-code));
	if (report->n_failures < KEEPER_BUDGET_FROM)
		close_fd(&s->exits_fd);
	announce_exit(s, report, summary);
	s->context->exited(s, report, s->context->userdata);
}

/* An exit in the very turn in which we subscribe is told twice: as past, and as news. */
static void on_exited(const struct keeper_exit *report, void *userdata)
{
	struct service *s = userdata;
	cleanup_free char *summary = NULL;

	if (report->life <= s->ended_life)
		return;
	summary = exit_report_summary(report);
	take_exit(s, report, summary);
}

/* How it ended nobody can know: it died after its keeper, who would have been told. */
static void report_lost_life(struct service *s)
{
	const struct keeper_snapshot *k = &s->snapshot;
	struct keeper_exit report = {
		.wait_status = -1,
		.main_pid = k->main_pid,
		.n_failures = k->n_failures,
		.life = k->life,
		.at_usec = clock_at_usec(),
		.uptime_usec = usec_sub(clock_now_usec(), k->start_usec),
		.spec_revision = k->spec_revision,
	};
	char uptime[UNITS_TEXT_MAX];
	char text[96];

	snprintf(text, sizeof(text), "its keeper was killed and took it with it, after %s",
		 duration_format(report.uptime_usec, uptime));
	take_exit(s, &report, text);
}

void service_take_lost_life(struct service *s, uint64_t life)
{
	struct keeper_exit report = {
		.wait_status = -1,
		.life = life,
		.at_usec = clock_at_usec(),
		.uptime_usec = USEC_INFINITY,
	};

	take_exit(s, &report,
		  "nobody saw how it ended: the machine, or its keeper together with the "
		  "supervisor, went down");
}

/* --- snapshots ----------------------------------------------------------------------------- */

static void on_life(struct service *s)
{
	s->life = s->snapshot.life;
	if (!s->adopting)
		announce_start(s);
	service_feed(s, SLOT_EVENT_LIFE);
}

/* One of our children is watched already; one that an earlier supervisor started is not. */
static void watch_keeper(struct service *s, pid_t pid)
{
	struct launcher *l = s->context->launcher;
	int code = l->ops->adopt(l, s->process->name, SERVICE_SLOT, pid);

	if (code < 0)
		log_error("%s: cannot watch its keeper: %s", s->process->name, strerror(-code));
	s->keeper_pid = pid;
	s->keeper_watched = code == 0;
}

/*
 * Its probes, and its spec when a policy changes, need what its predecessor had looked up. A
 * supervisor that comes back may be a newer one, whose keeper's program was upgraded with it.
 */
static void meet(struct service *s)
{
	struct error err = {0};

	if (!s->adopting)
		return;
	if (service_look_up(s, &err) < 0)
		log_warning("%s: %s", s->process->name, err.text);
	if (proc_is_outdated(s->keeper_pid)) {
		log_notice("%s: its keeper goes on as the program that was installed since",
			   s->process->name);
		service_tell(s, KEEPER_REEXEC);
	}
}

/* What a broken link has lost is ordered again, if the keeper is not at it already. */
static void repeat_order(struct service *s, const struct keeper_snapshot *old)
{
	s->relinked = false;
	if (s->state == SLOT_STOPPING)
		service_tell_leave(s);
	else if (s->state == SLOT_RENEWING && s->snapshot.state == KEEPER_RUNNING &&
		 s->snapshot.life == old->life)
		service_tell(s, KEEPER_RESTART);
}

/* What the keeper says is an event when it is another state, or the same one of another life. */
static void tell_machine(struct service *s, const struct keeper_snapshot *old, bool moved)
{
	const struct keeper_snapshot *new = &s->snapshot;
	bool is_service = s->process->type == CONFIG_TYPE_SERVICE;

	switch ((enum keeper_state) new->state) {
	case KEEPER_IDLE:
		if (moved)
			service_feed(s, SLOT_EVENT_IDLE);
		break;
	case KEEPER_RUNNING:
		if (moved)
			on_life(s);
		/* A oneshot is ready when it has succeeded, whatever it says before. */
		if (new->ready && is_service && (moved || !old->ready))
			service_feed(s, SLOT_EVENT_READY);
		break;
	case KEEPER_STOPPING:
	case KEEPER_SWEEPING:
		if (moved)
			service_feed(s, SLOT_EVENT_ENDING);
		break;
	case KEEPER_BACKOFF:
		if (moved || old->next_usec != new->next_usec)
			service_feed(s, SLOT_EVENT_BACKOFF);
		break;
	case KEEPER_DONE:
		if (moved)
			service_feed(s, SLOT_EVENT_DONE);
		break;
	case KEEPER_FAILED:
		if (moved)
			service_feed(s, SLOT_EVENT_FAILED);
		break;
	case KEEPER_STATE_COUNT:
		break;
	}
}

/* It goes ahead when its own delay is over, unless it hears from us that the wave is too high. */
static void take_place(struct service *s)
{
	const struct keeper_snapshot *k = &s->snapshot;
	usec_t at;

	if (k->state != KEEPER_BACKOFF || k->n_failures < KEEPER_BUDGET_FROM)
		return;
	at = s->context->place(k->next_usec, s->context->userdata);
	if (at > k->next_usec)
		service_tell_hold(s, at);
}

static void on_snapshot(const struct keeper_snapshot *new, void *userdata)
{
	struct service *s = userdata;
	struct keeper_snapshot old = s->snapshot;
	bool moved = !s->greeted || old.state != new->state || old.life != new->life;

	/* The truth comes again behind the exits that led to it, when we have subscribed. */
	if (!s->heard)
		return;
	s->snapshot = *new;
	s->greeted = true;
	if (s->keeper_pid != new->keeper_pid)
		watch_keeper(s, new->keeper_pid);
	meet(s);
	tell_machine(s, &old, moved);
	if (moved)
		take_place(s);
	s->adopting = false;
	if (s->relinked)
		repeat_order(s, &old);
}

static void on_answer(const struct keeper_answer *answer, void *userdata)
{
	struct service *s = userdata;

	s->heard = true;
	if (answer->result < 0)
		log_warning("%s: its keeper refused: %s", s->process->name,
			    strerror(-answer->result));
}

/* --- the link ------------------------------------------------------------------------------ */

static void set_reconnect(struct service *s, usec_t deadline_usec)
{
	int code = loop_timer_set(&s->reconnect, deadline_usec);

	if (code < 0)
		log_error("%s: cannot set a timer: %s", s->process->name, strerror(-code));
}

static void forget_keeper(struct service *s)
{
	set_reconnect(s, USEC_INFINITY);
	s->has_keeper = false;
	s->keeper_watched = false;
	s->keeper_ended = false;
	s->keeper_pid = 0;
	s->greeted = false;
	s->adopting = false;
	s->relinked = false;
	s->snapshot = (struct keeper_snapshot){0};
}

/* The process has ended and everything it said has been heard. */
static void keeper_gone(struct service *s)
{
	bool has_left = s->greeted && s->snapshot.state == KEEPER_IDLE;
	bool by_surprise = slot_holds_payload(s->state) && s->state != SLOT_STOPPING && !has_left;
	/* One that has not greeted is known by the time line only. */
	uint64_t life = s->adopting ? s->begun_life : s->snapshot.life;
	bool lost_life = life > s->ended_life;

	if (by_surprise)
		service_say(s, "its keeper (pid %d) died%s", (int)s->keeper_pid,
			    lost_life ? " and took the service with it" : "");
	if (lost_life && s->adopting)
		service_take_lost_life(s, life);
	else if (lost_life)
		report_lost_life(s);
	else if (by_surprise)
		announce_fail(s, s->note);
	forget_keeper(s);
	/* One that leaves in order has killed everything before. */
	if (!has_left)
		s->unswept = !s->context->sweep(s, s->context->userdata);
	service_feed(s, SLOT_EVENT_GONE);
}

static void on_link_gone(void *userdata)
{
	struct service *s = userdata;

	keeper_link_free(s->keeper);
	s->keeper = NULL;
	s->relinked = true;
	if (s->keeper_ended)
		keeper_gone(s);
	/* One that was told to leave and hangs up has left: its end is about to be reported. */
	else if (s->heard && !(s->state == SLOT_STOPPING && s->keeper_watched))
		service_connect(s);
	else
		set_reconnect(s, clock_now_usec() + RECONNECT_USEC);
}

static const struct keeper_link_events link_events = {
	.snapshot = on_snapshot,
	.exited = on_exited,
	.answer = on_answer,
	.gone = on_link_gone,
};

static int open_link(struct service *s)
{
	const struct service_context *c = s->context;
	cleanup_free char *control = run_file_control(c->paths, s->process->name, SERVICE_SLOT);

	s->heard = false;
	if (!control)
		return -ENOMEM;
	return keeper_link_open(c->crowd, control, s->ended_life, &link_events, s, &s->keeper);
}

static bool nobody_listens(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED;
}

static void connect_later(struct service *s, int code)
{
	log_warning("%s: cannot talk to its keeper, trying again: %s", s->process->name,
		    strerror(-code));
	set_reconnect(s, clock_now_usec() + RECONNECT_USEC);
}

void service_connect(struct service *s)
{
	int code = open_link(s);

	if (code < 0 && !nobody_listens(code))
		connect_later(s, code);
	else if (code < 0 && !s->keeper_watched)
		keeper_gone(s);
	else if (code < 0)
		log_debug("%s: nobody listens, its keeper is about to end", s->process->name);
}

int service_adopt(struct service *s)
{
	int code = open_link(s);

	if (nobody_listens(code))
		return code;
	s->state = SLOT_LAUNCHING;
	s->has_keeper = true;
	s->adopting = true;
	if (code < 0)
		connect_later(s, code);
	return 0;
}

void service_keeper_gone(struct service *s, pid_t pid)
{
	if (!s->has_keeper || (pid && s->keeper_pid && pid != s->keeper_pid))
		return;
	if (pid)
		s->keeper_pid = pid;
	s->keeper_ended = true;
	if (!s->keeper)
		keeper_gone(s);
}

void service_start_failed(struct service *s, const char *text)
{
	if (!s->has_keeper)
		return;
	keeper_link_free(s->keeper);
	s->keeper = NULL;
	if (text) {
		service_say(s, "%.*s", SERVICE_NOTE_MAX - 1, text);
		log_warning("%s: %s", s->process->name, text);
		announce_fail(s, text);
	}
	forget_keeper(s);
	service_feed(s, SLOT_EVENT_GONE);
}
