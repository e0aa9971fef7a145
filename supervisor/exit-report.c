/* SPDX-License-Identifier: MIT */
#include "supervisor/exit-report.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/json-write.h"
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
	[KEEPER_EXEC_OK] = NULL,           [KEEPER_EXEC_SPEC] = "spec",
	[KEEPER_EXEC_FORK] = "fork",       [KEEPER_EXEC_CGROUP] = "cgroup",
	[KEEPER_EXEC_LIMIT] = "limit",     [KEEPER_EXEC_GROUPS] = "groups",
	[KEEPER_EXEC_USER] = "user",       [KEEPER_EXEC_CWD] = "cwd",
	[KEEPER_EXEC_PIPE] = "pipe",       [KEEPER_EXEC_PROGRAM] = "program",
	[KEEPER_EXEC_CONFINE] = "confine", [KEEPER_EXEC_CREDENTIALS] = "credentials",
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
	[KEEPER_EXEC_CONFINE] = "cannot give up its privileges: ",
	[KEEPER_EXEC_CREDENTIALS] = "cannot hand over its credentials: ",
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

/* Whose memory was used up: its own cap's, or that of its slice or of the whole machine. */
static void add_oom(struct text *t, const struct keeper_exit *e)
{
	char peak[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];

	text_add(t, "killed by the kernel: ");
	if (e->memory_peak_bytes == 0)
		text_add(t, "out of memory");
	else if (e->memory_max_bytes > 0 && e->oom_hits > 0)
		text_addf(t, "memory %s of %s", size_format(e->memory_peak_bytes, peak),
			  size_format(e->memory_max_bytes, max));
	else
		text_addf(t, "the machine or its slice was out of memory, it had %s at most",
			  size_format(e->memory_peak_bytes, peak));
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

static void add_uptime(struct text *t, const struct keeper_exit *e)
{
	char uptime[UNITS_TEXT_MAX];

	duration_format(e->uptime_usec, uptime);
	/* "was killed after 41s" would be read as how long it was waited for. */
	if (e->cause == KEEPER_CAUSE_STOP_TIMEOUT)
		text_addf(t, " (up %s)", uptime);
	else if (e->cause != KEEPER_CAUSE_EXEC_FAILED)
		text_addf(t, " after %s", uptime);
}

/* What was not the cause, or may have been it and nobody could see. */
static void add_oom_beside(struct text *t, const struct keeper_exit *e)
{
	if (e->oom_kills > 0 && e->cause != KEEPER_CAUSE_OOM)
		text_addf(t, "; the kernel killed %llu of its processes for memory",
			  (unsigned long long)e->oom_kills);
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

char *exit_report_summary(const struct keeper_exit *e)
{
	struct text t = {0};

	add_cause(&t, e);
	add_uptime(&t, e);
	add_oom_beside(&t, e);
	add_sweep(&t, e);
	return text_take(&t);
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

/* Members whose zero means "there is nothing to say". */
static void write_if_known(struct text *t, const char *key, uint64_t value)
{
	if (value > 0)
		json_write_uint(t, key, value);
}

static void write_if_said(struct text *t, const char *key, const char *s)
{
	json_write_string(t, key, *s ? s : NULL);
}

static void write_end(struct text *t, const struct keeper_exit *e)
{
	char buf[32];

	json_write_string(t, "cause", exit_cause_name((enum keeper_cause)e->cause));
	if (has_code(e))
		json_write_uint(t, "code", (uint64_t)WEXITSTATUS(e->wait_status));
	if (has_signal(e))
		json_write_string(t, "signal", signal_text(WTERMSIG(e->wait_status), buf));
}

static void write_outcome(struct text *t, const struct keeper_exit *e)
{
	write_end(t, e);
	if (has_signal(e))
		json_write_bool(t, "core_dumped", WCOREDUMP(e->wait_status));
	if (e->cause == KEEPER_CAUSE_EXEC_FAILED) {
		if (e->exec_step < ARRAY_LEN(step_names))
			json_write_string(t, "step", step_names[e->exec_step]);
		json_write_uint(t, "errno", (uint64_t)MAX_OF(e->exec_errno, 0));
		write_if_said(t, "path", e->path);
	}
	write_if_said(t, "asker", e->asker);
}

static void write_usage(struct text *t, const struct keeper_exit *e)
{
	if (e->uptime_usec != USEC_INFINITY)
		json_write_uint(t, "uptime_usec", e->uptime_usec);
	json_write_uint(t, "failures", e->n_failures);
	write_if_known(t, "next_start_usec", delay_of_restart(e));
	json_write_uint(t, "killed", e->n_killed);
	json_write_uint(t, "left", e->n_left);
	json_write_uint(t, "maxrss_bytes", e->maxrss_kb * 1024);
	json_write_uint(t, "user_usec", e->user_usec);
	json_write_uint(t, "system_usec", e->system_usec);
	write_if_known(t, "memory_peak_bytes", e->memory_peak_bytes);
	write_if_known(t, "memory_max_bytes", e->memory_max_bytes);
	write_if_known(t, "oom_kills", e->oom_kills);
	write_if_known(t, "oom_hits", e->oom_hits);
	write_if_known(t, "memory_high_hits", e->high_hits);
	write_if_known(t, "memory_max_hits", e->max_hits);
	write_if_known(t, "tasks_denied", e->tasks_denied);
	write_if_known(t, "throttled_periods", e->n_throttled);
	write_if_known(t, "throttled_usec", e->throttled_usec);
	write_if_known(t, "left_bytes", e->left_bytes);
	json_write_uint(t, "revision", e->spec_revision);
}

static void write_percent(struct text *t, const char *key, uint32_t percent)
{
	if (percent != EXIT_PRESSURE_UNKNOWN)
		json_write_uint(t, key, percent);
}

static void write_surroundings(struct text *t, const struct exit_surroundings *around)
{
	json_write_string(t, "victim", around->victim);
	write_percent(t, "cpu_pressure_percent", around->cpu_percent);
	write_percent(t, "memory_pressure_percent", around->memory_percent);
	write_percent(t, "io_pressure_percent", around->io_percent);
}

char *exit_report_json(const char *service, unsigned instance, const struct keeper_exit *e,
		       const struct exit_surroundings *around, const char *summary)
{
	struct text t = {0};

	json_write_open(&t, NULL, '{');
	json_write_string(&t, "service", service);
	json_write_uint(&t, "instance", instance);
	json_write_uint(&t, "life", e->life);
	json_write_uint(&t, "at_usec", e->at_usec);
	write_outcome(&t, e);
	write_usage(&t, e);
	if (around)
		write_surroundings(&t, around);
	json_write_string(&t, "summary", summary);
	json_write_close(&t, '}');
	return text_take(&t);
}

char *exit_report_ended(const struct keeper_exit *e)
{
	struct text t = {0};

	if (e->cause == KEEPER_CAUSE_STOP || e->cause == KEEPER_CAUSE_STOP_TIMEOUT)
		return NULL;
	json_write_open(&t, NULL, '{');
	write_end(&t, e);
	json_write_close(&t, '}');
	return text_take(&t);
}

char *exit_report_ended_as(const json_t *exit)
{
	const char *cause = json_get_string(exit, "cause");
	struct text t = {0};

	if (!cause || text_equal(cause, cause_names[KEEPER_CAUSE_STOP]) ||
	    text_equal(cause, cause_names[KEEPER_CAUSE_STOP_TIMEOUT]))
		return NULL;
	json_write_open(&t, NULL, '{');
	json_write_string(&t, "cause", cause);
	if (json_object_get(exit, "code"))
		json_write_uint(&t, "code", json_get_uint(exit, "code", 0));
	json_write_string(&t, "signal", json_get_string(exit, "signal"));
	json_write_close(&t, '}');
	return text_take(&t);
}
