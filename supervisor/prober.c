/* SPDX-License-Identifier: MIT */
#include "supervisor/prober.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/list.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "lib/units.h"
#include "config/model.h"
#include "supervisor/prober-exec.h"
#include "supervisor/prober-helper.h"
#include "supervisor/prober-log.h"

/*
 * All probes that are under way, whatever their kind: each has a deadline, and one answer.
 *
 * An answer is never given from inside another call, because whoever asks is in the middle of
 * changing its own state. It is written into the probe, and the probe's timer, which is also its
 * deadline, gives it in the next turn of the loop; the probe is gone before its owner is called, so
 * the owner may begin the next one at once. The deadline is ours for every kind: none of the
 * programs that carry a probe out is trusted to keep it.
 *
 * The two kinds that need no probe, notify and up_for, are decided by the keeper and by a timer.
 */

/** Bytes of the text of an answer. */
#define ANSWER_MAX 160

struct prober {
	struct loop *loop;
	const struct paths *paths;
	struct list probes;
	struct prober_helper *helper;
	struct prober_exec *exec;
	uint64_t newest_id;
};

struct probe {
	struct list link;
	struct prober *prober;
	struct loop_timer timer;
	enum config_probe_kind kind;
	struct prober_exec_run *run;
	struct prober_log *log;
	uint64_t id;
	usec_t timeout_usec;
	struct probe_asker asker;
	bool answered;
	enum probe_outcome outcome;
	char text[ANSWER_MAX];
};

static bool is_asked(const struct probe *probe)
{
	return probe->kind == CONFIG_PROBE_TCP || probe->kind == CONFIG_PROBE_HTTP;
}

/* The first answer counts; it is given in the next turn of the loop. */
static void answer(struct probe *probe, enum probe_outcome outcome, const char *text)
{
	cleanup_text struct text t = {0};

	if (probe->answered)
		return;
	text_add_escaped(&t, text, strlen(text), false);
	probe->answered = true;
	probe->outcome = outcome;
	snprintf(probe->text, sizeof(probe->text), "%s", t.data && !t.failed ? t.data : "");
	/* It is UTF-8 now, and was perhaps cut inside a character. */
	for (size_t n = strlen(probe->text); !text_utf8_valid(probe->text, n); n--)
		probe->text[n - 1] = '\0';
	/* A timer that was set once can be set again: nothing is allocated. */
	ignore_result(loop_timer_set(&probe->timer, 0));
}

static void probe_free(struct probe *probe)
{
	list_remove(&probe->link);
	if (is_asked(probe) && !probe->answered)
		prober_helper_cancel(probe->prober->helper, probe->id);
	prober_exec_abandon(probe->run);
	prober_log_free(probe->log);
	loop_timer_done(&probe->timer);
	free(probe);
}

static void on_timer(void *userdata)
{
	struct probe *probe = userdata;
	struct probe_asker asker = probe->asker;
	enum probe_outcome outcome = probe->answered ? probe->outcome : PROBE_FAILED;
	char duration[UNITS_TEXT_MAX];
	char text[ANSWER_MAX];

	if (probe->answered)
		snprintf(text, sizeof(text), "%s", probe->text);
	else
		snprintf(text, sizeof(text), "timeout after %s",
			 duration_format(probe->timeout_usec, duration));
	probe_free(probe);
	asker.fn(outcome, text, asker.userdata);
}

/* --- tcp and http ----------------------------------------------------------------------------- */

static void on_reply(uint64_t id, bool ok, const char *text, void *userdata)
{
	struct prober *p = userdata;

	list_for_each(it, &p->probes) {
		struct probe *probe = list_entry(it, struct probe, link);

		if (is_asked(probe) && probe->id == id) {
			answer(probe, ok ? PROBE_PASSED : PROBE_FAILED, text);
			return;
		}
	}
}

static void on_helper_died(void *userdata)
{
	struct prober *p = userdata;

	list_for_each(it, &p->probes) {
		struct probe *probe = list_entry(it, struct probe, link);

		if (is_asked(probe))
			answer(probe, PROBE_UNKNOWN, "slicekeep-probe died");
	}
}

static const struct prober_helper_events helper_events = {
	.reply = on_reply,
	.died = on_helper_died,
};

/* --- exec ------------------------------------------------------------------------------------- */

/* A keeper that runs a oneshot exits as a shell would: with the code, or 128 + signal. One that is
 * killed itself says nothing. */
static void on_run_end(int wait_status, void *userdata)
{
	struct probe *probe = userdata;
	int code = WEXITSTATUS(wait_status);
	const char *signal_name = code > 128 ? sigabbrev_np(code - 128) : NULL;
	char text[ANSWER_MAX];

	probe->run = NULL;
	if (!WIFEXITED(wait_status)) {
		answer(probe, PROBE_UNKNOWN, "the keeper of the probe was killed");
		return;
	}
	if (signal_name)
		snprintf(text, sizeof(text), "killed by SIG%s", signal_name);
	else
		snprintf(text, sizeof(text), "exit %d", code);
	answer(probe, code == 0 ? PROBE_PASSED : PROBE_FAILED, text);
}

/* --- log -------------------------------------------------------------------------------------- */

static void on_line(bool ok, const char *text, void *userdata)
{
	struct probe *probe = userdata;

	prober_log_free(probe->log);
	probe->log = NULL;
	answer(probe, ok ? PROBE_PASSED : PROBE_FAILED, text);
}

static int start_log(struct probe *probe, const char *pattern, const struct probe_subject *subject,
		     struct error *err)
{
	struct prober *p = probe->prober;
	cleanup_free char *socket = NULL;
	struct prober_log_what what = {.pattern = pattern, .subject = subject};
	int r;

	if (asprintf(&socket, "%s/log.sock", p->paths->run) < 0) {
		socket = NULL;
		return error_set(err, -ENOMEM, "out of memory");
	}
	what.socket = socket;
	r = prober_log_start(p->loop, &what, on_line, probe, &probe->log);
	return r < 0 ? error_set(err, r, "cannot follow the log: %s", strerror(-r)) : 0;
}

/* --- all kinds -------------------------------------------------------------------------------- */

int prober_new(struct loop *loop, const struct paths *paths, struct prober **ret_prober)
{
	struct prober *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	list_init(&p->probes);
	p->loop = loop;
	p->paths = paths;
	r = prober_helper_new(loop, &helper_events, p, &p->helper);
	if (r == 0)
		r = prober_exec_new(loop, paths, &p->exec);
	if (r < 0) {
		prober_free(p);
		return r;
	}
	*ret_prober = p;
	return 0;
}

void prober_free(struct prober *p)
{
	if (!p)
		return;
	list_for_each_safe(it, &p->probes)
		probe_free(list_entry(it, struct probe, link));
	prober_exec_free(p->exec);
	prober_helper_free(p->helper);
	free(p);
}

size_t prober_pids(const struct prober *p, int *pids, size_t max)
{
	size_t n = 0;

	if (prober_helper_pid(p->helper) > 0 && n < max)
		pids[n++] = prober_helper_pid(p->helper);
	return n + prober_exec_pids(p->exec, pids + n, max - n);
}

static int start(struct probe *probe, const struct config_probe *what,
		 const struct probe_subject *subject, struct error *err)
{
	struct prober *p = probe->prober;
	struct prober_exec_what exec = {
		.argv = what->argv,
		.subject = subject,
		.timeout_usec = what->timeout_usec,
	};

	switch (what->kind) {
	case CONFIG_PROBE_TCP:
		return prober_helper_ask(p->helper, probe->id, PROBE_TCP, what->target,
					 what->timeout_usec, err);
	case CONFIG_PROBE_HTTP:
		return prober_helper_ask(p->helper, probe->id, PROBE_HTTP, what->target,
					 what->timeout_usec, err);
	case CONFIG_PROBE_EXEC:
		return prober_exec_start(p->exec, &exec, on_run_end, probe, &probe->run, err);
	case CONFIG_PROBE_LOG:
		return start_log(probe, what->target, subject, err);
	case CONFIG_PROBE_NONE:
	case CONFIG_PROBE_NOTIFY:
	case CONFIG_PROBE_UP_FOR:
	case CONFIG_PROBE_KIND_COUNT:
	default:
		return error_set(err, -EINVAL, "this kind of probe is not carried out by probing");
	}
}

int prober_start(struct prober *p, const struct config_probe *what,
		 const struct probe_subject *subject, const struct probe_asker *asker,
		 struct probe **ret_probe, struct error *err)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return error_set(err, -ENOMEM, "out of memory");
	list_init(&probe->link);
	probe->prober = p;
	probe->kind = what->kind;
	probe->id = ++p->newest_id;
	probe->timeout_usec = what->timeout_usec;
	probe->asker = *asker;
	r = loop_timer_init(&probe->timer, p->loop, on_timer, probe);
	if (r == 0)
		r = loop_timer_set(&probe->timer, usec_add(clock_now_usec(), what->timeout_usec));
	if (r < 0)
		error_set(err, r, "cannot set a timer: %s", strerror(-r));
	else
		r = start(probe, what, subject, err);
	if (r < 0) {
		probe->answered = true; /* nobody has been asked */
		probe_free(probe);
		return r;
	}
	list_append(&p->probes, &probe->link);
	*ret_probe = probe;
	return 0;
}

void probe_cancel(struct probe *probe)
{
	if (probe)
		probe_free(probe);
}
