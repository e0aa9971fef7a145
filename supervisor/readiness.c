/* SPDX-License-Identifier: MIT */

/*
 * Is the life ready, and does it stay well?
 *
 * Readiness asks until the answer is yes or its time is over: attempts that fail are repeated with
 * a growing pause, because nothing in the kernel tells when a stranger starts to listen. Health
 * asks at a steady pace and counts failures in a row. An attempt of which nothing is learned,
 * because it could not be made or who made it has died, is repeated and counts for nothing: no
 * service is started anew because one of our own processes was killed. Both end with the life: the
 * service calls readiness_end() whenever it enters a state that is neither starting nor running,
 * and so a probe of an old life can never speak about a new one.
 */

#include "supervisor/readiness.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/log.h"
#include "config/model.h"

static void set_timer(struct loop_timer *t, usec_t deadline_usec)
{
	int code = loop_timer_set(t, deadline_usec);

	if (code < 0)
		log_error("cannot set a timer: %s", strerror(-code));
}

static void report(struct readiness *r, enum readiness_result result)
{
	readiness_end(r);
	r->fn(result, r->userdata);
}

static void ask_again(struct readiness *r)
{
	if (r->health) {
		set_timer(&r->timer, clock_now_usec() + r->what->every_usec);
		return;
	}
	set_timer(&r->timer, clock_now_usec() + r->pause_usec);
	r->pause_usec = MIN_OF(r->pause_usec * 2, READINESS_PAUSE_MAX_USEC);
}

static void after_success(struct readiness *r)
{
	r->failures = 0;
	if (r->health)
		ask_again(r);
	else
		report(r, READINESS_OK);
}

static void after_failure(struct readiness *r)
{
	if (r->health && ++r->failures >= r->what->failures)
		report(r, READINESS_UNHEALTHY);
	else if (!r->health && r->what->kind == CONFIG_PROBE_LOG)
		report(r, READINESS_LATE);
	else
		ask_again(r);
}

/* Said once for each row of them. */
static void after_nothing(struct readiness *r)
{
	if (!r->unknown)
		log_warning("it is not known whether \"%s\" is %s: %s", r->subject.name,
			    r->health ? "healthy" : "ready", r->text);
	r->unknown = true;
	ask_again(r);
}

static void on_probe(enum probe_outcome outcome, const char *text, void *userdata)
{
	struct readiness *r = userdata;

	r->probe = NULL;
	snprintf(r->text, sizeof(r->text), "%s", text);
	switch (outcome) {
	case PROBE_PASSED:
		r->unknown = false;
		after_success(r);
		break;
	case PROBE_FAILED:
		r->unknown = false;
		after_failure(r);
		break;
	case PROBE_UNKNOWN:
	default:
		after_nothing(r);
		break;
	}
}

static void attempt(struct readiness *r)
{
	struct probe_asker asker = {.fn = on_probe, .userdata = r};
	struct error err = {0};
	int code;

	/* Without its environment it is not known either as whom it runs: then not as root. */
	if (r->what->kind == CONFIG_PROBE_EXEC && !r->subject.env)
		code = error_set(&err, -ENOENT, "its environment is not known");
	else
		code = prober_start(r->prober, r->what, &r->subject, &asker, &r->probe, &err);
	if (code == 0)
		return;
	snprintf(r->text, sizeof(r->text), "%.*s", READINESS_TEXT_MAX - 1, err.text);
	after_nothing(r);
}

static void on_timer(void *userdata)
{
	struct readiness *r = userdata;

	if (r->what->kind == CONFIG_PROBE_UP_FOR)
		report(r, READINESS_OK);
	else
		attempt(r);
}

static void on_deadline(void *userdata)
{
	report(userdata, READINESS_LATE);
}

int readiness_init(struct readiness *r, struct loop *loop, struct prober *prober, readiness_fn fn,
		   void *userdata)
{
	int code;

	*r = (struct readiness){.loop = loop, .prober = prober, .fn = fn, .userdata = userdata};
	code = loop_timer_init(&r->timer, loop, on_timer, r);
	if (code < 0)
		return code;
	code = loop_timer_init(&r->deadline, loop, on_deadline, r);
	if (code < 0)
		loop_timer_done(&r->timer);
	return code;
}

void readiness_done(struct readiness *r)
{
	probe_cancel(r->probe);
	r->probe = NULL;
	loop_timer_done(&r->timer);
	loop_timer_done(&r->deadline);
}

static void begin(struct readiness *r, const struct config_probe *what,
		  const struct probe_subject *subject, bool health)
{
	readiness_end(r);
	r->what = what;
	r->subject = *subject;
	r->health = health;
	r->failures = 0;
	r->unknown = false;
	r->pause_usec = READINESS_PAUSE_MIN_USEC;
	r->text[0] = '\0';
}

void readiness_await(struct readiness *r, const struct config_probe *what,
		     const struct probe_subject *subject, usec_t start_usec)
{
	begin(r, what, subject, false);
	if (what->kind == CONFIG_PROBE_UP_FOR) {
		set_timer(&r->timer, usec_add(start_usec, what->up_for_usec));
		return;
	}
	set_timer(&r->deadline, usec_add(start_usec, what->timeout_usec));
	if (what->kind != CONFIG_PROBE_NOTIFY)
		set_timer(&r->timer, 0);
}

void readiness_watch(struct readiness *r, const struct config_probe *what,
		     const struct probe_subject *subject)
{
	begin(r, what, subject, true);
	set_timer(&r->timer, clock_now_usec() + what->every_usec);
}

void readiness_end(struct readiness *r)
{
	probe_cancel(r->probe);
	r->probe = NULL;
	set_timer(&r->timer, USEC_INFINITY);
	set_timer(&r->deadline, USEC_INFINITY);
}
