/* SPDX-License-Identifier: MIT */

/*
 * The hands of the machine: what it orders is done here, and what comes of it is fed back, until it
 * has no more orders. So a crash, its sweep, the next spawn and even that spawn's failure are one
 * call, in one turn of the loop, and take what the system calls take. What others are to be told
 * waits until the new process runs: the report is written down before the spawn and sent after it.
 */

#include "supervisor/keeper/keeper.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "supervisor/keeper/bulletin.h"
#include "supervisor/keeper/cause.h"
#include "supervisor/keeper/clock.h"
#include "supervisor/keeper/handover.h"
#include "supervisor/keeper/options.h"
#include "supervisor/keeper/relay.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/text.h"
#include "supervisor/keeper/unit.h"
#include "supervisor/keeper/will.h"

static const char *const step_names[] = {
	[KEEPER_EXEC_OK] = "nothing",
	[KEEPER_EXEC_SPEC] = "reading the spec",
	[KEEPER_EXEC_FORK] = "making a process",
	[KEEPER_EXEC_CGROUP] = "entering the cgroup",
	[KEEPER_EXEC_LIMIT] = "setting the limit",
	[KEEPER_EXEC_GROUPS] = "setting the groups",
	[KEEPER_EXEC_USER] = "changing the user",
	[KEEPER_EXEC_CWD] = "entering the folder",
	[KEEPER_EXEC_PIPE] = "making the pipes",
	[KEEPER_EXEC_PROGRAM] = "running",
	[KEEPER_EXEC_CONFINE] = "giving up privileges",
	[KEEPER_EXEC_CREDENTIALS] = "handing over the credentials",
};
static_assert(ARRAY_LEN(step_names) == KEEPER_EXEC_STEP_COUNT, "a name for each step");

static int open_page(struct keeper *k)
{
	int r = page_new(&k->page, &k->page_fd);

	if (r == 0)
		r = notify_open(&k->notify);
	if (r < 0)
		say("cannot get ready: %s", strerror(-r));
	return r;
}

static int open_control(struct keeper *k, const struct options *options)
{
	int r = 0;

	/* Nobody but a unit's keepers is there, and the manager may still hold the socket of one.
	 */
	if (k->is_unit)
		(void)unlink(options->control);
	if (options->control)
		r = control_bind(&k->control, options->control);
	else if (options->control_fd >= 0)
		r = control_listen(&k->control, options->control_fd);
	if (r < 0)
		say("cannot listen on '%s': %s",
		    options->control ? options->control : "the control socket", strerror(-r));
	return r;
}

static int open_unit(struct keeper *k)
{
	int r = unit_open();

	if (r < 0) {
		say("cannot open the cgroup of the unit: %s", strerror(-r));
		return r;
	}
	k->cgroup.base = r;
	r = unit_claim(k->cgroup.base);
	if (r < 0) {
		say("cannot take the cgroup of the unit back from its user: %s", strerror(-r));
		return r;
	}
	k->is_revived = will_find(k) == WILL_FOUND;
	return 0;
}

static int open_all(struct keeper *k, const struct options *options)
{
	int r = sockets_inherit(&k->sockets);

	if (r < 0)
		say("cannot take the sockets of LISTEN_FDS: %s", strerror(-r));
	if (r == 0 && k->is_unit)
		r = open_unit(k);
	if (r == 0 && !k->is_revived)
		r = open_page(k);
	if (r == 0 && !k->is_revived)
		r = open_control(k, options);
	k->is_alone = k->control.listener < 0 || !options->spec_path;
	return r;
}

int keeper_init(struct keeper *k, const struct options *options)
{
	k->argv = options->argv;
	k->spec_path = options->spec_path;
	k->is_relaying = options->is_relaying;
	k->spec = options->spec;
	k->is_unit = options->unit == OPTIONS_UNIT_MAIN;
	k->has_begun = options->resume_fd >= 0;
	k->notify.is_unit = k->is_unit;
	if (k->is_unit)
		unit_amend(&k->spec);
	cgroup_init(&k->cgroup);
	k->life.pidfd = -1;
	k->life.watch_usec = USEC_INFINITY;
	k->machine.deadline_usec = USEC_INFINITY;
	pipes_init(&k->pipes);
	control_init(&k->control);
	k->mailbox = (struct mailbox){.in = -1, .out = -1};
	return options->resume_fd >= 0 ? handover_resume(k, options) : open_all(k, options);
}

int keeper_read_spec(struct keeper *k)
{
	struct spec_fault fault;
	struct spec next;
	int r;

	if (!k->spec_path)
		return 0;
	r = spec_read(k->spec_path, &next, &fault);
	if (r < 0) {
		say("%s", fault.text);
		return r;
	}
	if (k->is_unit)
		unit_amend(&next);
	spec_done(&k->next);
	k->next = next;
	return 0;
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void use_next_spec(struct keeper *k)
{
	if (k->next.n_argv == 0)
		return;
	if (!is_same(k->spec.cgroup, k->next.cgroup)) {
		cgroup_remove(&k->cgroup, k->spec.cgroup);
		cgroup_close(&k->cgroup);
	}
	pipes_forget_spare(&k->pipes);
	spec_done(&k->spec);
	k->spec = k->next;
	k->next = (struct spec){0};
	say_for(k->spec.name, k->spec.instance);
}

int keeper_reload(struct keeper *k)
{
	int r = keeper_read_spec(k);

	if (r < 0)
		return r;
	use_next_spec(k);
	k->is_changed = true;
	return 0;
}

/* Note a step that failed before there was a child to note it. */
static int cannot_start(struct keeper *k, enum keeper_exec_step step, int error, const char *path)
{
	k->page->exec.step = step;
	k->page->exec.error = -error;
	text_copy(k->page->exec.path, sizeof(k->page->exec.path), path ? path : "");
	return -ECANCELED;
}

/* Of our own environment: there are some only if the unit has been given some. */
static char *find_credentials(void)
{
	for (char **word = environ; *word; word++)
		if (text_starts(*word, "CREDENTIALS_DIRECTORY="))
			return *word;
	return NULL;
}

static int spawn_with(struct keeper *k, int out, int err)
{
	k->child.spec = &k->spec;
	k->child.sockets = &k->sockets;
	k->child.page = k->page;
	k->child.out = out;
	k->child.err = err;
	k->child.keeper = k->page->keeper_pid;
	k->child.outlives = k->is_unit;
	k->child.credentials = k->is_unit ? find_credentials() : NULL;
	child_prepare(&k->child, k->notify.address);
	return life_spawn(&k->life, &k->child, &k->cgroup);
}

/* The manager gives a unit's cgroup away whenever it starts something in it. */
static int prepare_cgroup(struct keeper *k)
{
	int r = cgroup_open(&k->cgroup, k->spec.cgroup);

	if (r == 0 && k->is_unit)
		r = unit_claim(k->cgroup.base);
	if (r == 0 && k->is_unit)
		r = unit_claim(k->cgroup.dir);
	return r < 0 ? r : cgroup_thaw(&k->cgroup);
}

static int try_spawn(struct keeper *k)
{
	int out, err, r;

	r = k->spec.n_argv == 0 && k->next.n_argv == 0 ? keeper_read_spec(k) : 0;
	use_next_spec(k);
	life_begin(&k->life, &k->spec, clock_usec(CLOCK_MONOTONIC));
	k->page->main_pid = 0;
	k->page->life = k->life.number;
	k->page->born_until_usec = 0;
	if (k->is_unit)
		k->page->born_from_usec = clock_usec(CLOCK_BOOTTIME);
	will_note(k);
	k->counters = (struct cgroup_counters){0};
	if (r < 0)
		return cannot_start(k, KEEPER_EXEC_SPEC, r, k->spec_path);
	r = prepare_cgroup(k);
	if (r < 0)
		return cannot_start(k, KEEPER_EXEC_CGROUP, r, k->spec.cgroup);
	cgroup_begin_life(&k->cgroup);
	r = pipes_open(&k->pipes, &k->spec, k->life.number, &out, &err);
	if (r < 0)
		return cannot_start(k, KEEPER_EXEC_PIPE, r, NULL);
	will_post(k);
	return spawn_with(k, out, err);
}

/* Return: whether it runs; otherwise the event that says why not is in @e. */
static bool spawn(struct keeper *k, struct machine_event *e)
{
	const struct page_exec *exec = &k->page->exec;

	if (try_spawn(k) == 0) {
		k->has_children = true;
		return true;
	}
	/* Whatever it was: the cgroup is looked for anew next time. */
	cgroup_close(&k->cgroup);
	say("cannot start: %s '%s': %s", step_names[exec->step], exec->path, strerror(exec->error));
	*e = (struct machine_event){
		.kind = MACHINE_GONE,
		.now_usec = clock_usec(CLOCK_MONOTONIC),
		.cause = KEEPER_CAUSE_EXEC_FAILED,
		.wait_status = -1,
	};
	return false;
}

static bool is_swept(struct keeper *k)
{
	if (k->spec.is_sweeping_main)
		return k->life.pid == 0;
	return !k->has_children && cgroup_is_empty(&k->cgroup);
}

static struct machine_event make_swept(struct keeper *k)
{
	struct machine_event e = {
		.kind = MACHINE_SWEPT,
		.now_usec = clock_usec(CLOCK_MONOTONIC),
		.uptime_usec = usec_sub(k->life.ended_usec, k->life.start_usec),
		.has_subscriber = control_has_subscriber(&k->control),
	};

	sweep_end(&k->sweep);
	/* Without it all delays are short by a quarter: no reason to wait for entropy. */
	ignore_result(getrandom(&e.random, sizeof(e.random), GRND_NONBLOCK));
	if (!k->spec.is_sweeping_main)
		pipes_end(&k->pipes);
	return e;
}

/* Return: whether nothing is left, with the event in @e. */
static bool sweep(struct keeper *k, struct machine_event *e)
{
	sweep_begin(&k->sweep);
	if (is_swept(k)) {
		*e = make_swept(k);
		return true;
	}
	if (k->spec.is_sweeping_main)
		ignore_result(life_signal(&k->life, SIGKILL));
	else
		sweep_turn(&k->sweep, &k->cgroup);
	return false;
}

static void stop_main(struct keeper *k)
{
	int signal = k->machine.cause == KEEPER_CAUSE_WATCHDOG ? SIGABRT : k->spec.stop_signal;

	k->life.watch_usec = USEC_INFINITY;
	ignore_result(life_signal(&k->life, signal));
	/* One that was stopped (SIGSTOP) would never hear it. */
	ignore_result(life_signal(&k->life, SIGCONT));
}

/* Whether the pipes are empty is seen at the end of the turn, when the collector has been told. */
static void drain(struct keeper *k)
{
	sweep_end(&k->sweep);
	pipes_end(&k->pipes);
	pipes_hurry(&k->pipes);
}

/* Return: whether an event follows, in @e. */
static bool carry_out(struct keeper *k, unsigned orders, struct machine_event *e)
{
	bool follows = false;

	k->is_changed |= (orders & MACHINE_ORDER_CHANGED) != 0;
	if (orders & MACHINE_ORDER_SIGNAL)
		stop_main(k);
	if (orders & MACHINE_ORDER_SWEEP)
		follows = sweep(k, e);
	if (orders & MACHINE_ORDER_REPORT)
		bulletin_report(k);
	if (orders & MACHINE_ORDER_SPAWN)
		follows = !spawn(k, e);
	if (orders & MACHINE_ORDER_DRAIN)
		drain(k);
	if (k->is_alone && !follows &&
	    (k->machine.state == MACHINE_DONE || k->machine.state == MACHINE_FAILED)) {
		*e = (struct machine_event){.kind = MACHINE_LEAVE,
					    .now_usec = clock_usec(CLOCK_MONOTONIC)};
		follows = true;
	}
	return follows;
}

static int feed(struct keeper *k, struct machine_event e)
{
	unsigned orders;
	int r;

	do {
		orders = 0;
		r = machine_step(&k->machine, &k->spec.rule, &e, &orders);
		/* A new life is noted when it has got its number. */
		if (!(orders & MACHINE_ORDER_SPAWN))
			will_note(k);
	} while (r == 0 && carry_out(k, orders, &e));
	return r;
}

int keeper_feed(struct keeper *k, enum machine_event_kind kind)
{
	return feed(k,
		    (struct machine_event){.kind = kind, .now_usec = clock_usec(CLOCK_MONOTONIC)});
}

int keeper_ask(struct keeper *k, enum machine_event_kind kind, const char *asker)
{
	text_copy(k->asker, sizeof(k->asker), asker);
	k->is_told |= kind == MACHINE_LEAVE;
	return keeper_feed(k, kind);
}

int keeper_fail(struct keeper *k, enum keeper_cause cause, const char *asker)
{
	if (k->machine.state != MACHINE_RUNNING)
		return 0;
	text_copy(k->asker, sizeof(k->asker), asker);
	return feed(k, (struct machine_event){.kind = MACHINE_FAIL,
					      .now_usec = clock_usec(CLOCK_MONOTONIC),
					      .cause = cause});
}

int keeper_hold(struct keeper *k, usec_t until_usec)
{
	return feed(k, (struct machine_event){.kind = MACHINE_HOLD,
					      .now_usec = clock_usec(CLOCK_MONOTONIC),
					      .until_usec = until_usec});
}

static void take_end(struct keeper *k)
{
	struct machine_event e = {.kind = MACHINE_GONE, .now_usec = k->life.ended_usec};

	/* As a rule many are told to leave at once: all die before anybody writes down how. */
	if (k->is_told)
		(void)sched_yield();
	cgroup_end_life(&k->cgroup, &k->counters);
	e.cause = cause_find(&(struct cause_evidence){
		.wait_status = k->life.status,
		.never_ran = k->page->exec.step != KEEPER_EXEC_OK,
		.oom_kills = k->counters.oom_kills,
		.tasks_denied = k->counters.tasks_denied,
	});
	e.wait_status = k->life.status;
	ignore_result(feed(k, e));
}

bool keeper_reap(struct keeper *k)
{
	struct life_dead dead;
	enum life_news news = life_reap(&k->life, clock_usec(CLOCK_MONOTONIC), &dead);

	k->has_children = news != LIFE_NONE_LEFT;
	if (k->machine.state == MACHINE_SWEEPING)
		sweep_saw(&k->sweep, dead.n_others + dead.is_main, dead.n_killed);
	if (dead.is_main)
		take_end(k);
	return news == LIFE_MORE;
}

void keeper_end_foreign(struct keeper *k)
{
	life_end_foreign(&k->life, clock_usec(CLOCK_MONOTONIC));
	take_end(k);
}

void keeper_sweep_on(struct keeper *k, bool has_dead)
{
	if (k->machine.state != MACHINE_SWEEPING)
		return;
	if (is_swept(k)) {
		ignore_result(feed(k, make_swept(k)));
		return;
	}
	if (k->spec.is_sweeping_main)
		return;
	if ((k->sweep.n_pending == 0 && !has_dead) ||
	    clock_usec(CLOCK_MONOTONIC) >= k->sweep.next_usec)
		sweep_turn(&k->sweep, &k->cgroup);
}

void keeper_set_ready(struct keeper *k, bool is_ready)
{
	bool is_first = k->life.ready_usec == 0;

	if (!life_set_ready(&k->life, is_ready, clock_usec(CLOCK_MONOTONIC)))
		return;
	/* Somebody waits for that; what comes after it may be said again and again. */
	k->is_changed |= is_first && is_ready;
	k->is_noticed = true;
}

static void take_main(struct keeper *k, pid_t pid)
{
	int r = life_set_main(&k->life, k->is_unit, pid);

	if (r < 0 && !k->life.is_refused)
		say("MAINPID=%d is none of its processes", pid);
	k->life.is_refused |= r < 0;
	k->is_noticed |= r == 0;
}

void keeper_take_notice(struct keeper *k, const struct notice *n)
{
	usec_t now = clock_usec(CLOCK_MONOTONIC);

	if (n->main_pid > 0)
		take_main(k, n->main_pid);
	if (n->is_ready)
		keeper_set_ready(k, true);
	if (n->is_stopping)
		keeper_set_ready(k, false);
	if (n->has_status) {
		memcpy(k->life.text, n->status, sizeof(k->life.text));
		k->is_noticed = true;
	}
	if (n->watchdog_usec > 0)
		k->life.watchdog_usec = n->watchdog_usec;
	if ((n->is_ping || n->watchdog_usec > 0) && k->life.watch_usec != USEC_INFINITY)
		k->life.watch_usec = usec_add(now, k->life.watchdog_usec);
	if (k->is_relaying)
		relay_notice(n);
	if (n->is_trigger)
		ignore_result(keeper_feed(k, MACHINE_WATCHDOG));
}

bool keeper_is_quiet(const struct keeper *k)
{
	return machine_on_trial(&k->machine) && !k->life.is_ready;
}

int keeper_exit_code(const struct keeper *k)
{
	const struct machine *m = &k->machine;

	if (!k->is_alone || (k->is_told && !k->spec.rule.is_oneshot))
		return 0;
	if (m->cause == KEEPER_CAUSE_EXEC_FAILED)
		return k->page->exec.error == ENOENT ? 127 : 126;
	if (m->wait_status == -1)
		return 1;
	return WIFSIGNALED(m->wait_status) ? 128 + WTERMSIG(m->wait_status)
					   : WEXITSTATUS(m->wait_status);
}
