/* SPDX-License-Identifier: MIT */
#include "supervisor/prober-exec.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/list.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "lib/spawn.h"
#include "lib/text.h"
#include "config/model.h"
#include "supervisor/prober.h"
#include "supervisor/spec-file.h"

/*
 * Probes that are programs.
 *
 * Each runs under a keeper of its own, as a oneshot: the keeper knows how to become the service's
 * user, and it does not leave before the program's whole tree is gone, so that a probe that forks
 * and hangs leaves nothing behind, thousands of times a day. What it prints goes nowhere.
 *
 * A run that nobody waits for any more is told to stop and is still watched until it has gone: its
 * pid stays known to the sweep, and its spec, which holds the environment, is removed in the end.
 * If we die in between, the keeper's own watchdog ends the run.
 */

/** What the keeper gets on top of the timeout, so that it never ends a run before we do. */
#define KEEPER_GRACE_USEC (2 * USEC_PER_SEC)
/** Time between SIGTERM and SIGKILL. */
#define STOP_USEC (1 * USEC_PER_SEC)
/** Begins the name of a spec; no name of a service begins with a dot. */
#define SPEC_PREFIX ".probe-"

struct prober_exec {
	struct loop *loop;
	const struct paths *paths;
	struct list runs;
	size_t n_runs;
	uint64_t n_started;
};

struct prober_exec_run {
	struct list link;
	struct prober_exec *exec;
	struct loop_pid end;
	char *spec;
	prober_exec_fn fn; /* NULL: abandoned */
	void *userdata;
	pid_t pid;
};

static void run_free(struct prober_exec_run *run)
{
	if (!list_empty(&run->link))
		run->exec->n_runs--;
	list_remove(&run->link);
	loop_pid_done(&run->end);
	if (run->spec)
		(void)unlink(run->spec);
	free(run->spec);
	free(run);
}

static void on_end(pid_t pid, int wait_status, void *userdata)
{
	struct prober_exec_run *run = userdata;
	prober_exec_fn fn = run->fn;
	void *fn_userdata = run->userdata;

	run_free(run);
	if (fn)
		fn(wait_status, fn_userdata);
}

static void close_folder(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

static void remove_old_specs(const struct paths *paths)
{
	cleanup(close_folder) DIR *folder = NULL;
	cleanup_free char *path = NULL;
	struct dirent *entry;

	if (asprintf(&path, "%s/spec", paths->run) < 0) {
		path = NULL;
		return;
	}
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (text_starts(entry->d_name, SPEC_PREFIX))
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	}
}

int prober_exec_new(struct loop *loop, const struct paths *paths, struct prober_exec **ret_exec)
{
	struct prober_exec *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	list_init(&x->runs);
	x->loop = loop;
	x->paths = paths;
	remove_old_specs(paths);
	*ret_exec = x;
	return 0;
}

void prober_exec_free(struct prober_exec *x)
{
	if (!x)
		return;
	list_for_each_safe(it, &x->runs) {
		struct prober_exec_run *run = list_entry(it, struct prober_exec_run, link);

		prober_exec_abandon(run);
		run_free(run);
	}
	free(x);
}

size_t prober_exec_pids(const struct prober_exec *x, int *pids, size_t max)
{
	size_t n = 0;

	list_for_each(it, &x->runs) {
		if (n < max)
			pids[n++] = list_entry(it, struct prober_exec_run, link)->pid;
	}
	return n;
}

/* A spec of a oneshot that is given up when it does not end by itself. */
static int write_spec(const struct prober_exec_run *run, const struct prober_exec_what *what,
		      struct error *err)
{
	const struct probe_subject *subject = what->subject;
	struct config_process process = {
		.name = (char *)subject->name,
		.type = CONFIG_TYPE_ONESHOT,
		.argv = what->argv,
		.cwd = (char *)subject->cwd,
		.restart_when = CONFIG_RESTART_NEVER,
		.stop_signal = SIGTERM,
		.stop_timeout_usec = STOP_USEC,
		.limits = {.open_files = LIMIT_UNSET},
	};
	struct spec_file spec = {
		.instance = subject->instance,
		.env = subject->env,
		.id = subject->id,
		.watchdog_usec = usec_add(what->timeout_usec, KEEPER_GRACE_USEC),
	};

	return spec_file_write(run->spec, &process, &spec, err);
}

static int spawn_keeper(const struct prober_exec_run *run, const char *name, pid_t *ret_pid)
{
	cleanup_free char *program = paths_program("slicekeep-keeper");
	cleanup_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char *argv[] = {program,      (char *)"--oneshot", (char *)"--start", (char *)"--name",
			(char *)name, (char *)"--spec",    run->spec,         NULL};
	struct spawn s = {
		.argv = argv,
		.in_fd = -1,
		.out_fd = null_fd,
		.err_fd = null_fd,
		.session = true,
	};

	if (!program || null_fd < 0)
		return -errno;
	return spawn_run(&s, ret_pid);
}

static int launch(struct prober_exec_run *run, const struct prober_exec_what *what,
		  struct error *err)
{
	struct prober_exec *x = run->exec;
	int r;

	if (asprintf(&run->spec, "%s/spec/" SPEC_PREFIX "%s-%" PRIu64, x->paths->run,
		     what->subject->name, x->n_started++) < 0) {
		run->spec = NULL;
		return error_set(err, -ENOMEM, "out of memory");
	}
	r = write_spec(run, what, err);
	if (r < 0)
		return r;
	r = spawn_keeper(run, what->subject->name, &run->pid);
	if (r < 0)
		return error_set(err, r, "cannot start slicekeep-keeper: %s", strerror(-r));
	r = loop_pid_init(&run->end, x->loop, run->pid, -1, on_end, run);
	if (r < 0) {
		/* It is a child of ours that nobody has reaped, so the pid is still its. */
		(void)kill(run->pid, SIGTERM);
		return error_set(err, r, "cannot watch slicekeep-keeper: %s", strerror(-r));
	}
	list_append(&x->runs, &run->link);
	x->n_runs++;
	return 0;
}

int prober_exec_start(struct prober_exec *x, const struct prober_exec_what *what, prober_exec_fn fn,
		      void *userdata, struct prober_exec_run **ret_run, struct error *err)
{
	struct prober_exec_run *run;
	int r;

	if (x->n_runs >= PROBER_EXEC_RUNS_MAX)
		return error_set(err, -EAGAIN, "%d probes run already", PROBER_EXEC_RUNS_MAX);
	run = calloc(1, sizeof(*run));
	if (!run)
		return error_set(err, -ENOMEM, "out of memory");
	list_init(&run->link);
	run->exec = x;
	run->fn = fn;
	run->userdata = userdata;
	r = launch(run, what, err);
	if (r < 0) {
		run_free(run);
		return r;
	}
	*ret_run = run;
	return 0;
}

void prober_exec_abandon(struct prober_exec_run *run)
{
	if (!run)
		return;
	run->fn = NULL;
	(void)kill(run->pid, SIGTERM);
}
