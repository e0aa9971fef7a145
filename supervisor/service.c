/* SPDX-License-Identifier: MIT */

/*
 * One service: the pure machine of slot.c wired to a keeper, to probes and to a retry timer.
 *
 * Three things come in: orders from people (service_order), the truth from the keeper and the end
 * of the keeper's process (service-hearing.c). Each becomes one event for slot_step(); what that
 * answers is done here, at once, and every state that is entered drops what it may not own
 * (enter_state).
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
#include "supervisor/gauge.h"
#include "supervisor/keeper-link.h"
#include "supervisor/launcher.h"
#include "supervisor/process-limits.h"
#include "supervisor/run-files.h"
#include "supervisor/service-hearing.h"
#include "supervisor/service-keeper.h"

/** Between two tries to get a keeper: none for the first, then from the first to the second. */
#define LOST_DELAY_MIN_USEC (100 * USEC_PER_MSEC)
#define LOST_DELAY_MAX_USEC (5 * USEC_PER_SEC)
#define LOST_FORGIVEN_USEC (10 * USEC_PER_SEC)

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

static void act_launch(struct service *s)
{
	struct error err = {0};

	s->note[0] = '\0'; /* it was about an earlier one */
	if (service_launch(s, &err) == 0)
		return;
	service_say(s, "%.*s", SERVICE_NOTE_MAX - 1, err.text);
	log_warning("%s: %s", s->process->name, err.text);
	announce_fail(s, err.text);
	service_feed(s, SLOT_EVENT_LAUNCH_FAILED);
}

static void act(struct service *s, enum slot_action action)
{
	switch (action) {
	case SLOT_ACTION_LAUNCH:
		act_launch(s);
		break;
	case SLOT_ACTION_START:
		service_tell_start(s);
		break;
	case SLOT_ACTION_RESTART:
		service_tell(s, KEEPER_RESTART);
		break;
	case SLOT_ACTION_LEAVE:
		service_tell_leave(s);
		break;
	case SLOT_ACTION_TELL_READY:
		service_tell(s, KEEPER_READY);
		break;
	case SLOT_ACTION_FAIL_NOT_READY:
		service_tell_failure(s, KEEPER_CAUSE_NOT_READY, "supervisor");
		break;
	case SLOT_ACTION_FAIL_HEALTH:
		service_tell_failure(s, KEEPER_CAUSE_HEALTH, "health");
		break;
	case SLOT_ACTION_RETRY:
		set_retry(s);
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

/* An exec probe runs as the service does, or not at all. */
static bool may_be_watched(struct service *s)
{
	struct error err = {0};

	if (s->process->health.kind == CONFIG_PROBE_NONE)
		return false;
	if (s->process->health.kind != CONFIG_PROBE_EXEC || s->env)
		return true;
	if (service_look_up(s, &err) == 0)
		return true;
	service_say(s, "its health is not checked: %.*s", SERVICE_NOTE_MAX - 40, err.text);
	return false;
}

void service_probe(struct service *s)
{
	struct probe_subject about;

	readiness_end(&s->readiness);
	if (s->state == SLOT_STARTING && s->process->type == CONFIG_TYPE_SERVICE) {
		about = subject(s);
		readiness_await(&s->readiness, &s->process->ready, &about, s->snapshot.start_usec);
	} else if (s->state == SLOT_RUNNING && may_be_watched(s)) {
		about = subject(s);
		readiness_watch(&s->readiness, &s->process->health, &about);
	}
}

static void enter_running(struct service *s)
{
	service_say(s, "%s", "");
	if (!s->adopting)
		announce_ready(s);
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
	if (s->state != SLOT_LOST && s->state != SLOT_WAITING)
		ignore_result(loop_timer_set(&s->retry, USEC_INFINITY));
	if (s->state == SLOT_RUNNING)
		enter_running(s);
	else if (s->state == SLOT_DONE)
		service_say(s, "%s", "");
	else if (s->state == SLOT_STOPPED)
		enter_stopped(s);
	service_probe(s);
}

void service_feed(struct service *s, enum slot_event event)
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

/* --- our own probes and timers ------------------------------------------------------------- */

static void on_readiness(enum readiness_result result, void *userdata)
{
	struct service *s = userdata;
	const char *said = s->readiness.text[0] ? s->readiness.text : "no answer";

	switch (result) {
	case READINESS_OK:
		service_feed(s, SLOT_EVENT_PROBE_OK);
		break;
	case READINESS_LATE:
		service_say(s, "not ready in time: %s",
			    s->process->ready.kind == CONFIG_PROBE_NOTIFY ? "READY=1 did not come"
									  : said);
		service_feed(s, SLOT_EVENT_PROBE_LATE);
		break;
	case READINESS_UNHEALTHY:
		service_say(s, "unhealthy: %s", said);
		service_feed(s, SLOT_EVENT_UNHEALTHY);
		break;
	}
}

static void on_retry(void *userdata)
{
	struct service *s = userdata;

	if (s->state == SLOT_LOST)
		service_feed(s, SLOT_EVENT_RETRY);
	else
		s->context->changed(s, s->context->userdata);
}

static void on_reconnect(void *userdata)
{
	service_connect(userdata);
}

/* --- orders -------------------------------------------------------------------------------- */

int service_set_asker(struct service *s, const char *asker, struct error *err)
{
	char *copy = strdup(asker);

	if (!copy)
		return error_set(err, -ENOMEM, "out of memory");
	free(s->asker);
	s->asker = copy;
	return 0;
}

int service_prepare_order(struct service *s, enum slot_event order, struct error *err)
{
	enum slot_state then = s->state;
	bool moves;

	/* Any other order has no life to end, or prepares when it begins one. */
	if (slot_step(&then, order, &moves) != SLOT_ACTION_RESTART)
		return 0;
	return service_prepare(s, err);
}

void service_order(struct service *s, enum slot_event order)
{
	if (order != SLOT_EVENT_REFUSE)
		s->n_lost = 0;
	service_say(s, "%s", "");
	service_feed(s, order);
}

void service_deps_ready(struct service *s)
{
	if (s->unswept)
		s->unswept = !s->context->sweep(s, s->context->userdata);
	if (s->unswept) {
		service_say(s, "not started: something of its last life may still run");
		set_retry(s);
		return;
	}
	service_say(s, "%s", "");
	service_feed(s, SLOT_EVENT_DEPS_READY);
}

/* What its keeper does not get to know now counts from the next start by hand. */
static void hand_over_policies(struct service *s)
{
	struct error err = {0};
	int code = s->env ? 0 : service_look_up(s, &err);

	if (code == 0)
		code = service_write_spec(s, &err);
	if (code == 0) {
		service_tell(s, KEEPER_RELOAD);
		return;
	}
	log_warning("%s: its keeper cannot be told the new policies: %s", s->process->name,
		    err.text);
	announce_fail(s, err.text);
}

/* Those that hold without a cgroup. Return: whether there are any, and they hold now. */
static bool change_process_limits(struct service *s)
{
	const struct config_limits *limits = &s->process->limits;
	struct error err = {0};

	if (!service_lives(s) || (limits->open_files == LIMIT_UNSET && !limits->has_oom_score))
		return false;
	if (process_limits_set(s->snapshot.main_pid, limits, &err) == 0)
		return true;
	announce_fail(s, err.text);
	return false;
}

/* Where nothing is enforced that is said once for all, not for each service. */
static void change_limits(struct service *s, bool is_news)
{
	struct launcher *l = s->context->launcher;
	struct error err = {0};
	int code = l->ops->set_limits(l, s->process->name, SERVICE_SLOT, &s->process->limits, &err);
	bool holds = is_news && change_process_limits(s);

	if (holds || (code == 0 && is_news))
		announce_limits(s);
	if (code < 0 && code != -EOPNOTSUPP && code != -ENOENT)
		announce_fail(s, err.text);
}

void service_renew_limits(struct service *s)
{
	change_limits(s, false);
}

void service_change(struct service *s, struct config *config, const struct config_process *process,
		    enum plan_effect effect)
{
	struct config *old = s->config;
	bool has_other_limits = !config_limits_equal(&s->process->limits, &process->limits);
	bool has_life =
		slot_holds_payload(s->state) || s->state == SLOT_DONE || s->state == SLOT_FAILED;

	s->config = config_ref(config);
	s->process = process;
	service_probe(s); /* a probe borrows its definition */
	config_unref(old);
	if (s->has_keeper && (has_other_limits || effect == PLAN_LIVE))
		change_limits(s, has_other_limits);
	if (effect == PLAN_LIVE && s->keeper)
		hand_over_policies(s);
	else if (effect == PLAN_RESTART && has_life)
		s->renewing = true;
}

bool service_lives(const struct service *s)
{
	return s->snapshot.main_pid > 0 && slot_holds_payload(s->state);
}

/* --- coming and going ---------------------------------------------------------------------- */

/* What cannot be read is missing in `why`, and nothing else. */
static void remember_exits(struct service *s)
{
	cleanup_json json_t *newest = NULL;
	int code = exit_store_begin(s->context->exits_folder, s->process->name, SERVICE_SLOT,
				    &newest, &s->ended_life);

	if (code < 0)
		log_warning("%s: cannot read its exit reports: %s", s->process->name,
			    strerror(-code));
	s->life = s->ended_life;
	s->last_exit = newest ? json_dumps(newest, JSON_COMPACT) : NULL;
	s->ended = exit_report_ended_as(newest);
}

int service_new(const struct service_context *context, struct config *config,
		const struct config_process *process, bool system, struct service **ret_service)
{
	struct service *s = calloc(1, sizeof(*s));
	int code;

	if (!s)
		return -ENOMEM;
	s->context = context;
	s->config = config_ref(config);
	s->process = process;
	s->system = system;
	s->exits_fd = -1;
	code = readiness_init(&s->readiness, context->loop, context->prober, on_readiness, s);
	if (code == 0)
		code = loop_timer_init(&s->retry, context->loop, on_retry, s);
	if (code == 0)
		code = loop_timer_init(&s->reconnect, context->loop, on_reconnect, s);
	if (code < 0) {
		service_free(s);
		return code;
	}
	remember_exits(s);
	*ret_service = s;
	return 0;
}

void service_free(struct service *s)
{
	if (!s)
		return;
	readiness_done(&s->readiness);
	loop_timer_done(&s->retry);
	loop_timer_done(&s->reconnect);
	keeper_link_free(s->keeper);
	sockets_done(&s->sockets);
	identity_done(&s->identity);
	strings_free(s->env);
	close_fd(&s->exits_fd);
	free(s->asker);
	free(s->last_exit);
	free(s->ended);
	gauge_free(s->gauge);
	config_unref(s->config);
	free(s);
}
