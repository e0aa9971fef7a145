/* SPDX-License-Identifier: MIT */

/*
 * One service: the pure machine of slot.c wired to a keeper, to probes and to a retry timer.
 *
 * Three things come in: orders from people (service_order), the truth from the keeper (snapshots
 * and exits over its link), and the end of the keeper's process. Each becomes one event for
 * slot_step(); what that answers is done here, at once, and every state that is entered drops what
 * it may not own (enter_state). A keeper repeats itself - each STATUS= is a snapshot - so a
 * snapshot is only an event when it differs from the last one in what the machine knows.
 */

#include "supervisor/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "supervisor/announce.h"
#include "supervisor/exit-report.h"
#include "supervisor/exit-store.h"
#include "supervisor/keeper-link.h"
#include "supervisor/launcher.h"
#include "supervisor/run-files.h"
#include "supervisor/service-keeper.h"

/** Between two tries to get a keeper: none for the first, then from the first to the second. */
#define LOST_DELAY_MIN_USEC (100 * USEC_PER_MSEC)
#define LOST_DELAY_MAX_USEC (5 * USEC_PER_SEC)
#define LOST_FORGIVEN_USEC (10 * USEC_PER_SEC)

static void feed(struct service *s, enum slot_event event);

void service_say(struct service *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->note, sizeof(s->note), fmt, args);
	va_end(args);
}

static void set_retry(struct service *s)
{
	usec_t now = clock_now_usec();
	usec_t delay = 0;
	int code;

	if (now - s->lost_usec > LOST_FORGIVEN_USEC + LOST_DELAY_MAX_USEC)
		s->n_lost = 0;
	if (s->n_lost > 0)
		delay = MIN_OF(LOST_DELAY_MIN_USEC << MIN_OF(s->n_lost - 1, 16u),
			       LOST_DELAY_MAX_USEC);
	s->n_lost++;
	s->lost_usec = now;
	code = loop_timer_set(&s->retry, now + delay);
	if (code < 0)
		log_error("%s: cannot set a timer: %s", s->process->name, strerror(-code));
}

/* An order that nobody can take, because the keeper's process has ended, is answered by its end. */
static void check_order(struct service *s, int code)
{
	if (code < 0 && !s->keeper_pid)
		feed(s, SLOT_EVENT_GONE);
	else if (code < 0)
		log_error("%s: keeper does not take orders: %s", s->process->name, strerror(-code));
}

static void act_launch(struct service *s)
{
	struct error err = {0};

	if (service_launch(s, &err) == 0)
		return;
	service_say(s, "%.*s", SERVICE_NOTE_MAX - 1, err.text);
	log_warning("%s: %s", s->process->name, err.text);
	announce_fail(s, err.text);
	feed(s, SLOT_EVENT_LAUNCH_FAILED);
}

static void act_sweep(struct service *s)
{
	s->unswept = !s->context->sweep(s, s->context->userdata);
	set_retry(s);
}

static void act(struct service *s, enum slot_action action)
{
	switch (action) {
	case SLOT_ACTION_LAUNCH:
		act_launch(s);
		break;
	case SLOT_ACTION_START:
		check_order(s, service_command_start(s));
		break;
	case SLOT_ACTION_RESTART:
		check_order(s, service_command(s, KEEPER_RESTART));
		break;
	case SLOT_ACTION_LEAVE:
		check_order(s, service_command(s, KEEPER_LEAVE));
		break;
	case SLOT_ACTION_TELL_READY:
		check_order(s, service_command(s, KEEPER_READY));
		break;
	case SLOT_ACTION_FAIL_NOT_READY:
		check_order(s, service_command_fail(s, KEEPER_CAUSE_NOT_READY, "supervisor"));
		break;
	case SLOT_ACTION_FAIL_HEALTH:
		check_order(s, service_command_fail(s, KEEPER_CAUSE_HEALTH, "health"));
		break;
	case SLOT_ACTION_RETRY:
		set_retry(s);
		break;
	case SLOT_ACTION_SWEEP:
		act_sweep(s);
		break;
	case SLOT_ACTION_NONE:
	case SLOT_ACTION_COUNT:
		break;
	}
}

/* --- states -------------------------------------------------------------------------------- */

static struct probe_subject subject(const struct service *s)
{
	return (struct probe_subject){
		.name = s->process->name,
		.instance = SERVICE_SLOT,
		.life = s->life,
		.id = &s->identity,
		.env = s->env,
		.cwd = s->process->cwd,
	};
}

static void hold_probed(struct service *s)
{
	config_unref(s->probed);
	s->probed = config_ref(s->config);
}

static void enter_starting(struct service *s)
{
	struct probe_subject about = subject(s);

	hold_probed(s);
	if (s->process->type == CONFIG_TYPE_SERVICE)
		readiness_await(&s->readiness, &s->process->ready, &about, s->snapshot.start_usec);
}

static void enter_running(struct service *s)
{
	struct probe_subject about = subject(s);

	readiness_end(&s->readiness);
	hold_probed(s);
	service_say(s, "%s", "");
	if (!s->adopting)
		announce_ready(s);
	if (s->process->health.kind != CONFIG_PROBE_NONE)
		readiness_watch(&s->readiness, &s->process->health, &about);
}

static void enter_stopped(struct service *s)
{
	run_file_remove(s->context->paths, s->process->name, SERVICE_SLOT);
	service_say(s, "%s", "");
	announce_stopped(s);
}

/* Drops whatever the new state may not own, then gives it what it needs. */
static void enter_state(struct service *s)
{
	readiness_end(&s->readiness);
	if (s->state != SLOT_LOST && s->state != SLOT_WAITING)
		ignore_result(loop_timer_set(&s->retry, USEC_INFINITY));
	if (s->state == SLOT_STARTING)
		enter_starting(s);
	else if (s->state == SLOT_RUNNING)
		enter_running(s);
	else if (s->state == SLOT_STOPPED)
		enter_stopped(s);
}

static void feed(struct service *s, enum slot_event event)
{
	enum slot_state before = s->state;
	bool entered;
	enum slot_action action = slot_step(&s->state, event, &entered);

	log_debug("%s: %s in %s -> %s", s->process->name, slot_event_name(event),
		  slot_state_name(before), slot_state_name(s->state));
	if (!entered)
		return;
	enter_state(s);
	act(s, action);
	s->context->changed(s, s->context->userdata);
}

/* --- what the keeper says ------------------------------------------------------------------ */

static void on_life(struct service *s, const struct keeper_snapshot *new)
{
	s->life = new->life;
	if (!s->adopting)
		announce_start(s);
	feed(s, SLOT_EVENT_LIFE);
}

/* One of our children is watched already; one that an earlier supervisor started is not. */
static void watch_keeper(struct service *s, pid_t pid)
{
	struct launcher *l = s->context->launcher;
	int code = l->ops->adopt(l, s->process->name, SERVICE_SLOT, pid);

	if (code < 0)
		log_error("%s: cannot watch its keeper: %s", s->process->name, strerror(-code));
	s->keeper_pid = pid;
}

static void on_snapshot(const struct keeper_snapshot *new, void *userdata)
{
	struct service *s = userdata;
	struct keeper_snapshot old = s->snapshot;
	bool first = !s->greeted;
	bool moved = first || old.state != new->state;
	bool new_life = new->state == KEEPER_RUNNING && (moved || old.life != new->life);

	s->snapshot = *new;
	s->greeted = true;
	if (s->keeper_pid != new->keeper_pid)
		watch_keeper(s, new->keeper_pid);
	switch ((enum keeper_state) new->state) {
	case KEEPER_IDLE:
		if (moved)
			feed(s, SLOT_EVENT_IDLE);
		break;
	case KEEPER_RUNNING:
		if (new_life)
			on_life(s, new);
		if (new->ready && (new_life || !old.ready))
			feed(s, SLOT_EVENT_READY);
		break;
	case KEEPER_STOPPING:
	case KEEPER_SWEEPING:
		if (moved)
			feed(s, SLOT_EVENT_ENDING);
		break;
	case KEEPER_BACKOFF:
		if (moved || old.next_usec != new->next_usec)
			feed(s, SLOT_EVENT_BACKOFF);
		break;
	case KEEPER_DONE:
		if (moved)
			feed(s, SLOT_EVENT_DONE);
		break;
	case KEEPER_FAILED:
		if (moved)
			feed(s, SLOT_EVENT_FAILED);
		break;
	case KEEPER_STATE_COUNT:
		break;
	}
	s->adopting = false;
}

static void on_exited(const struct keeper_exit *report, void *userdata)
{
	struct service *s = userdata;
	json_t *json;
	int code;

	/* An exit in the very turn in which we subscribe is told twice: as past, and as news. */
	if (json_get_uint(s->last_exit, "life", 0) >= report->life)
		return;
	json = exit_report_json(s->process->name, SERVICE_SLOT, report);
	if (!json) {
		log_error("%s: out of memory for an exit report", s->process->name);
		return;
	}
	json_decref(s->last_exit);
	s->last_exit = json;
	exit_report_short(report, s->last_exit_short);
	s->life = MAX_OF(s->life, report->life);
	code = exit_store_append(s->context->exits_folder, s->process->name, json);
	if (code < 0)
		log_error("%s: cannot keep its exit report: %s", s->process->name, strerror(-code));
	announce_exit(s);
	s->context->exited(s, report, s->context->userdata);
}

static void on_place(const struct keeper_place *place unused, void *userdata)
{
	struct service *s = userdata;

	s->context->place(s, s->context->userdata);
}

static void on_answer(const struct keeper_answer *answer, void *userdata)
{
	struct service *s = userdata;

	if (answer->result < 0)
		log_warning("%s: its keeper refused: %s", s->process->name,
			    strerror(-answer->result));
}

/* The process has ended and everything it said has been heard. */
static void keeper_gone(struct service *s)
{
	bool by_surprise = slot_holds_payload(s->state) && s->state != SLOT_STOPPING;

	if (by_surprise) {
		service_say(s, "its keeper (pid %d) died and took the service with it",
			    (int)s->keeper_pid);
		announce_fail(s, s->note);
	}
	s->keeper_pid = 0;
	s->keeper_ended = false;
	s->greeted = false;
	s->snapshot = (struct keeper_snapshot){0};
	feed(s, SLOT_EVENT_GONE);
}

/* A subscriber that was too slow is dropped by its keeper, which lives: then it is only a matter of
 * connecting again. If nobody answers, the end of its process is about to be reported. */
static void on_link_gone(void *userdata)
{
	struct service *s = userdata;
	int code;

	keeper_link_free(s->keeper);
	s->keeper = NULL;
	if (s->keeper_ended) {
		keeper_gone(s);
		return;
	}
	code = service_adopt(s);
	if (code < 0)
		log_debug("%s: keeper does not answer: %s", s->process->name, strerror(-code));
}

static const struct keeper_link_events link_events = {
	.snapshot = on_snapshot,
	.exited = on_exited,
	.place = on_place,
	.answer = on_answer,
	.gone = on_link_gone,
};

int service_adopt(struct service *s)
{
	cleanup_free char *control =
		run_file_control(s->context->paths, s->process->name, SERVICE_SLOT);

	if (!control)
		return -ENOMEM;
	if (s->state == SLOT_STOPPED) {
		s->state = SLOT_LAUNCHING;
		s->adopting = true;
	}
	return keeper_link_open(s->context->loop, control, s->life, &link_events, s, &s->keeper);
}

void service_keeper_gone(struct service *s, pid_t pid)
{
	if (s->keeper_pid && pid != s->keeper_pid)
		return;
	s->keeper_pid = pid;
	s->keeper_ended = true;
	if (!s->keeper)
		keeper_gone(s);
}

/* --- our own probes and timers ------------------------------------------------------------- */

static void on_readiness(enum readiness_result result, void *userdata)
{
	struct service *s = userdata;
	const char *said = s->readiness.text[0] ? s->readiness.text : "no answer";

	switch (result) {
	case READINESS_OK:
		feed(s, SLOT_EVENT_PROBE_OK);
		break;
	case READINESS_LATE:
		service_say(s, "not ready in time: %s",
			    s->process->ready.kind == CONFIG_PROBE_NOTIFY ? "READY=1 did not come"
									  : said);
		feed(s, SLOT_EVENT_PROBE_LATE);
		break;
	case READINESS_UNHEALTHY:
		service_say(s, "unhealthy: %s", said);
		feed(s, SLOT_EVENT_UNHEALTHY);
		break;
	}
}

static void on_retry(void *userdata)
{
	struct service *s = userdata;

	if (s->state == SLOT_LOST)
		feed(s, SLOT_EVENT_RETRY);
	else
		s->context->changed(s, s->context->userdata);
}

/* --- orders -------------------------------------------------------------------------------- */

int service_set_asker(struct service *s, const char *asker)
{
	char *copy = strdup(asker);

	if (!copy)
		return -ENOMEM;
	free(s->asker);
	s->asker = copy;
	return 0;
}

int service_order(struct service *s, enum slot_event order, const char *asker, struct error *err)
{
	int code = asker ? service_set_asker(s, asker) : 0;

	if (code < 0)
		return error_set(err, code, "out of memory");
	if (order != SLOT_EVENT_REFUSE && s->keeper) {
		code = service_prepare(s, err);
		if (code < 0)
			return code;
	}
	if (order != SLOT_EVENT_REFUSE)
		s->n_lost = 0;
	feed(s, order);
	return 0;
}

void service_deps_ready(struct service *s)
{
	if (s->unswept) {
		act_sweep(s);
		if (s->unswept) {
			service_say(s, "not started: something of its last life may still run");
			return;
		}
	}
	service_say(s, "%s", "");
	feed(s, SLOT_EVENT_DEPS_READY);
}

int service_change(struct service *s, struct config *config, const struct config_process *process,
		   bool live, struct error *err)
{
	struct config *old_config = s->config;
	const struct config_process *old = s->process;
	bool health = s->state == SLOT_RUNNING && live;
	int code = 0;

	s->config = config_ref(config);
	s->process = process;
	if (live && s->keeper) {
		code = service_write_spec(s, err);
		if (code == 0)
			check_order(s, service_command(s, KEEPER_RELOAD));
	}
	if (code < 0) {
		s->process = old;
		s->config = old_config;
		config_unref(config);
		return code;
	}
	if (health)
		enter_running(s);
	config_unref(old_config);
	return 0;
}

void service_grant_place(struct service *s)
{
	if (s->keeper)
		check_order(s, service_command(s, KEEPER_PLACE));
}

/* --- coming and going ---------------------------------------------------------------------- */

int service_new(const struct service_context *context, struct config *config,
		const struct config_process *process, bool system, struct service **ret_service)
{
	struct service *s = calloc(1, sizeof(*s));
	json_t *exits;
	int code;

	if (!s)
		return -ENOMEM;
	s->context = context;
	s->config = config_ref(config);
	s->process = process;
	s->system = system;
	code = readiness_init(&s->readiness, context->loop, context->prober, on_readiness, s);
	if (code == 0)
		code = loop_timer_init(&s->retry, context->loop, on_retry, s);
	if (code < 0) {
		service_free(s);
		return code;
	}
	s->life = exit_store_newest_life(context->exits_folder, process->name, SERVICE_SLOT);
	exits = exit_store_load(context->exits_folder, process->name, 1);
	s->last_exit = json_incref(json_array_get(exits, 0));
	json_decref(exits);
	*ret_service = s;
	return 0;
}

void service_free(struct service *s)
{
	if (!s)
		return;
	readiness_done(&s->readiness);
	loop_timer_done(&s->retry);
	keeper_link_free(s->keeper);
	sockets_done(&s->sockets);
	identity_done(&s->identity);
	strings_free(s->env);
	free(s->asker);
	json_decref(s->last_exit);
	config_unref(s->config);
	config_unref(s->probed);
	free(s);
}
