/* SPDX-License-Identifier: MIT */
#include "supervisor/exit-report.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"

/*
 * How a life ended, from a keeper's bytes to words.
 *
 * The keeper reports facts (a wait status, an errno, counters) and a cause; every sentence that a
 * person reads about an exit is made here and travels with the report, so that cli, dashboard and
 * log say the same. A fact that is not known is absent, never zero: a payload whose exit nobody
 * could see has neither code nor signal.
 */

static const char *const cause_names[] = {
	[KEEPER_CAUSE_NONE] = "unknown",
	[KEEPER_CAUSE_EXIT] = "exit",
	[KEEPER_CAUSE_SIGNAL] = "signal",
	[KEEPER_CAUSE_OOM] = "oom",
	[KEEPER_CAUSE_WATCHDOG] = "watchdog",
	[KEEPER_CAUSE_HEALTH] = "health",
	[KEEPER_CAUSE_NOT_READY] = "not-ready",
	[KEEPER_CAUSE_STOP] = "stop",
	[KEEPER_CAUSE_STOP_TIMEOUT] = "stop-timeout",
	[KEEPER_CAUSE_TASKS_MAX] = "tasks-max",
	[KEEPER_CAUSE_EXEC_FAILED] = "exec-failed",
};
static_assert(ARRAY_LEN(cause_names) == KEEPER_CAUSE_COUNT, "a name for each cause");

static const char *const step_names[] = {
	[KEEPER_EXEC_OK] = NULL,       [KEEPER_EXEC_SPEC] = "spec",
	[KEEPER_EXEC_FORK] = "fork",   [KEEPER_EXEC_CGROUP] = "cgroup",
	[KEEPER_EXEC_LIMIT] = "limit", [KEEPER_EXEC_GROUPS] = "groups",
	[KEEPER_EXEC_USER] = "user",   [KEEPER_EXEC_CWD] = "cwd",
	[KEEPER_EXEC_PIPE] = "pipe",   [KEEPER_EXEC_PROGRAM] = "program",
};
static_assert(ARRAY_LEN(step_names) == KEEPER_EXEC_STEP_COUNT, "a name for each step");

/* What could not be done; the program itself needs no words. */
static const char *const step_words[] = {
	[KEEPER_EXEC_OK] = "",
	[KEEPER_EXEC_SPEC] = "cannot read its spec: ",
	[KEEPER_EXEC_FORK] = "cannot make a process: ",
	[KEEPER_EXEC_CGROUP] = "cannot enter its cgroup: ",
	[KEEPER_EXEC_LIMIT] = "cannot set its limits: ",
	[KEEPER_EXEC_GROUPS] = "cannot set its groups: ",
	[KEEPER_EXEC_USER] = "cannot become its user: ",
	[KEEPER_EXEC_CWD] = "cannot enter its folder: ",
	[KEEPER_EXEC_PIPE] = "cannot make its pipes: ",
	[KEEPER_EXEC_PROGRAM] = "",
};
static_assert(ARRAY_LEN(step_words) == KEEPER_EXEC_STEP_COUNT, "words for each step");

const char *exit_cause_name(enum keeper_cause cause)
{
	return (size_t)cause < ARRAY_LEN(cause_names) ? cause_names[cause] : "unknown";
}

static bool has_code(const struct keeper_exit *e)
{
	return e->cause != KEEPER_CAUSE_EXEC_FAILED && e->wait_status != -1 &&
	       WIFEXITED(e->wait_status);
}

static bool has_signal(const struct keeper_exit *e)
{
	return e->cause != KEEPER_CAUSE_EXEC_FAILED && e->wait_status != -1 &&
	       WIFSIGNALED(e->wait_status);
}

/* "SIGSEGV", or "signal 35" where there is no name. */
static const char *signal_text(int signo, char buf[static 32])
{
	const char *name = sigabbrev_np(signo);

	if (name)
		snprintf(buf, 32, "SIG%s", name);
	else
		snprintf(buf, 32, "signal %d", signo);
	return buf;
}

static void add_exec_failure(struct text *t, const struct keeper_exit *e)
{
	text_add(t, "could not start: ");
	if (e->exec_step < ARRAY_LEN(step_words))
		text_add(t, step_words[e->exec_step]);
	text_add_errno(t, e->exec_errno);
	if (*e->path) {
		text_add(t, ": \"");
		text_add_escaped(t, e->path, strlen(e->path), false);
		text_add(t, "\"");
	}
}

/* "exit 1", "killed by SIGSEGV (core dumped)", or that nobody knows. */
static void add_status(struct text *t, const struct keeper_exit *e)
{
	char buf[32];

	if (has_code(e))
		text_addf(t, "exit %d", WEXITSTATUS(e->wait_status));
	else if (has_signal(e))
		text_addf(t, "killed by %s%s", signal_text(WTERMSIG(e->wait_status), buf),
			  WCOREDUMP(e->wait_status) ? " (core dumped)" : "");
	else
		text_add(t, "ended, its keeper could not see how");
}

static void add_asker(struct text *t, const struct keeper_exit *e)
{
	if (!*e->asker)
		return;
	text_add(t, " by ");
	text_add_escaped(t, e->asker, strlen(e->asker), false);
}

/* An exit on request needs no status unless it is a surprise: a code other than 0. */
static void add_stop(struct text *t, const struct keeper_exit *e)
{
	text_add(t, "stopped");
	add_asker(t, e);
	if (has_code(e) && WEXITSTATUS(e->wait_status) != 0)
		text_addf(t, " (exit %d)", WEXITSTATUS(e->wait_status));
}

static void add_oom(struct text *t, const struct keeper_exit *e)
{
	char size[UNITS_TEXT_MAX];

	text_add(t, "killed by the kernel: out of memory");
	if (e->memory_peak_bytes > 0)
		text_addf(t, " at %s", size_format(e->memory_peak_bytes, size));
}

static void add_cause(struct text *t, const struct keeper_exit *e)
{
	switch ((enum keeper_cause)e->cause) {
	case KEEPER_CAUSE_EXEC_FAILED:
		add_exec_failure(t, e);
		break;
	case KEEPER_CAUSE_OOM:
		add_oom(t, e);
		break;
	case KEEPER_CAUSE_WATCHDOG:
		text_add(t, "killed: its watchdog heard nothing from it");
		break;
	case KEEPER_CAUSE_HEALTH:
		text_add(t, "stopped: its health checks failed");
		break;
	case KEEPER_CAUSE_NOT_READY:
		text_add(t, "stopped: not ready in time");
		break;
	case KEEPER_CAUSE_STOP:
		add_stop(t, e);
		break;
	case KEEPER_CAUSE_STOP_TIMEOUT:
		text_add(t, "told to stop");
		add_asker(t, e);
		text_add(t, ", did not, was killed");
		break;
	case KEEPER_CAUSE_TASKS_MAX:
		add_status(t, e);
		text_add(t, ": its limit of processes was reached");
		break;
	case KEEPER_CAUSE_NONE:
	case KEEPER_CAUSE_EXIT:
	case KEEPER_CAUSE_SIGNAL:
	case KEEPER_CAUSE_COUNT:
	default:
		add_status(t, e);
		break;
	}
}

/* What the sweep found, and what it could not do. */
static void add_sweep(struct text *t, const struct keeper_exit *e)
{
	if (e->n_killed > 0)
		text_addf(t, "; %u more process%s killed", e->n_killed,
			  e->n_killed == 1 ? "" : "es");
	if (e->n_left > 0)
		text_addf(t, "; %u could not be killed", e->n_left);
}

static char *summary(const struct keeper_exit *e)
{
	struct text t = {0};
	char uptime[UNITS_TEXT_MAX];

	add_cause(&t, e);
	if (e->cause != KEEPER_CAUSE_EXEC_FAILED)
		text_addf(&t, " after %s", duration_format(e->uptime_usec, uptime));
	add_sweep(&t, e);
	return text_take(&t);
}

const char *exit_report_short(const struct keeper_exit *e, char buf[static 32])
{
	enum keeper_cause cause = (enum keeper_cause)e->cause;

	if (cause != KEEPER_CAUSE_NONE && cause != KEEPER_CAUSE_EXIT &&
	    cause != KEEPER_CAUSE_SIGNAL)
		snprintf(buf, 32, "%s", exit_cause_name(cause));
	else if (has_code(e))
		snprintf(buf, 32, "exit %d", WEXITSTATUS(e->wait_status));
	else if (has_signal(e))
		signal_text(WTERMSIG(e->wait_status), buf);
	else
		snprintf(buf, 32, "unknown");
	return buf;
}

/* Time from the exit to the restart that follows it; 0 when none follows. */
static usec_t delay_of_restart(const struct keeper_exit *e)
{
	usec_t next_at_usec;

	if (e->next_usec == 0 || e->next_usec == USEC_INFINITY)
		return 0;
	/* From the monotonic clock to the wall clock, on which the exit stands. */
	next_at_usec = e->next_usec + (clock_at_usec() - clock_now_usec());
	return usec_sub(next_at_usec, e->at_usec);
}

static int put(json_t *report, const char *key, json_t *value)
{
	return json_object_set_new(report, key, value);
}

static int put_number(json_t *report, const char *key, uint64_t value)
{
	return put(report, key, json_integer((json_int_t)MIN_OF(value, (uint64_t)INT64_MAX)));
}

/* Members whose zero means "there is nothing to say". */
static int put_if_known(json_t *report, const char *key, uint64_t value)
{
	return value == 0 ? 0 : put_number(report, key, value);
}

static int put_text(json_t *report, const char *key, const char *s)
{
	return *s ? put(report, key, json_text(s, strlen(s))) : 0;
}

static int put_outcome(json_t *report, const struct keeper_exit *e)
{
	char buf[32];
	int bad = 0;

	if (has_code(e))
		bad |= put_number(report, "code", (uint64_t)WEXITSTATUS(e->wait_status));
	if (has_signal(e)) {
		bad |= put_text(report, "signal", signal_text(WTERMSIG(e->wait_status), buf));
		bad |= put(report, "core_dumped", json_boolean(WCOREDUMP(e->wait_status)));
	}
	if (e->cause == KEEPER_CAUSE_EXEC_FAILED) {
		if (e->exec_step < ARRAY_LEN(step_names) && step_names[e->exec_step])
			bad |= put_text(report, "step", step_names[e->exec_step]);
		bad |= put_number(report, "errno", (uint64_t)MAX_OF(e->exec_errno, 0));
		bad |= put_text(report, "path", e->path);
	}
	return bad | put_text(report, "asker", e->asker);
}

static int put_usage(json_t *report, const struct keeper_exit *e)
{
	int bad = put_number(report, "uptime_usec", e->uptime_usec);

	bad |= put_number(report, "failures", e->n_failures);
	bad |= put_if_known(report, "next_start_usec", delay_of_restart(e));
	bad |= put_number(report, "killed", e->n_killed);
	bad |= put_number(report, "left", e->n_left);
	bad |= put_number(report, "maxrss_bytes", e->maxrss_kb * 1024);
	bad |= put_number(report, "user_usec", e->user_usec);
	bad |= put_number(report, "system_usec", e->system_usec);
	bad |= put_if_known(report, "memory_peak_bytes", e->memory_peak_bytes);
	bad |= put_if_known(report, "oom_kills", e->oom_kills);
	bad |= put_if_known(report, "tasks_denied", e->tasks_denied);
	bad |= put_if_known(report, "throttled_usec", e->throttled_usec);
	bad |= put_if_known(report, "left_bytes", e->left_bytes);
	return bad | put_number(report, "revision", e->spec_revision);
}

json_t *exit_report_json(const char *service, unsigned instance, const struct keeper_exit *e)
{
	cleanup_json json_t *report = json_object();
	cleanup_free char *words = summary(e);
	int bad;

	if (!report || !words)
		return NULL;
	bad = put_text(report, "service", service);
	bad |= put_number(report, "instance", instance);
	bad |= put_number(report, "life", e->life);
	bad |= put_number(report, "at_usec", e->at_usec);
	bad |= put(report, "cause", json_string(exit_cause_name((enum keeper_cause)e->cause)));
	bad |= put_outcome(report, e);
	bad |= put_usage(report, e);
	bad |= put_text(report, "summary", words);
	return bad ? NULL : steal_ptr(report);
}
