/* SPDX-License-Identifier: MIT */

/*
 * slicekeep-keeper: keep one program running. This file only makes the process fit for the work
 * (streams, signals, subreaper) and wires the parts; keeper.c has them all, loop.c runs them.
 */

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include "supervisor/keeper/ending.h"
#include "supervisor/keeper/keeper.h"
#include "supervisor/keeper/loop.h"
#include "supervisor/keeper/options.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/store.h"
#include "supervisor/keeper/will.h"

#define EXIT_USAGE 2

static struct options arg_options;
static struct keeper arg_keeper;

/* stdin is /dev/null, which the payload inherits; stdout and stderr are open, whatever they are. */
static int open_streams(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		return -errno;
	while (fd <= STDERR_FILENO) {
		fd = dup(fd);
		if (fd < 0)
			return -errno;
	}
	if (dup2(fd, STDIN_FILENO) < 0)
		return -errno;
	(void)close(fd);
	return 0;
}

/* What a careless parent ignores would be ignored by us, and by all that we start. */
static void reset_signals(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &standard, NULL);
}

/* SIGPIPE is what the child resets. */
static int open_signals(int *ret_fd)
{
	struct sigaction none = {.sa_handler = SIG_IGN};
	sigset_t ours;

	(void)sigaction(SIGPIPE, &none, NULL);
	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGCHLD);
	(void)sigaddset(&ours, SIGTERM);
	(void)sigaddset(&ours, SIGINT);
	(void)sigaddset(&ours, SIGHUP);
	if (sigprocmask(SIG_SETMASK, &ours, NULL) < 0)
		return -errno;
	*ret_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? -errno : 0;
}

static void close_range_of(unsigned from, unsigned to)
{
	if (from <= to)
		(void)syscall(SYS_close_range, from, to, 0);
}

/* What a careless parent left open: it would be held as long as the service runs. */
static void close_strays(const struct options *o)
{
	unsigned from = STDERR_FILENO + 1 + (unsigned)sockets_count_inherited();
	unsigned control = o->control_fd < 0 ? UINT_MAX : (unsigned)o->control_fd;

	if (control >= from && control < UINT_MAX) {
		close_range_of(from, control - 1);
		from = control + 1;
	}
	close_range_of(from, UINT_MAX);
}

static int prepare(int *ret_signals)
{
	int r = open_streams();

	if (r == 0)
		r = open_signals(ret_signals);
	if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		r = -errno;
	if (r < 0)
		say("cannot get ready: %s", strerror(-r));
	return r;
}

/* From here on a stop leaves a mark, and the last one's is of no use any more. */
static int say_ready(const struct options *o)
{
	int r = ending_unmark(o->control);

	if (r == 0)
		r = store_say_ready();
	if (r < 0)
		say("cannot tell the manager: %s", strerror(-r));
	return r;
}

/* What is in the payload's cgroup before its first life was left by a keeper that nothing is known
 * of; and the next one will know of us. */
static int start_unit(struct keeper *k)
{
	int r = cgroup_open(&k->cgroup, k->spec.cgroup);

	if (r == 0)
		r = will_make(k);
	if (r < 0)
		say("cannot get ready for the death of this keeper: %s", strerror(-r));
	if (r == 0 && !cgroup_is_empty(&k->cgroup))
		r = keeper_feed(k, MACHINE_FOUND);
	return r;
}

static int start(struct keeper *k, const struct options *o)
{
	int r = k->is_unit ? start_unit(k) : 0;

	/* Nobody could mend it: say what is wrong, and go. */
	if (r == 0 && k->is_alone)
		r = keeper_read_spec(k);
	k->has_begun = true;
	if (r == 0 && (k->is_alone || o->is_starting || !o->spec_path))
		r = keeper_feed(k, MACHINE_START);
	return r;
}

static int begin(struct keeper *k, const struct options *o)
{
	int r = k->is_revived ? will_carry_out(k) : start(k, o);

	if (r == 0 && k->is_unit)
		r = say_ready(o);
	return r;
}

static void say_what_is_left(struct keeper *k)
{
	uint64_t bytes = pipes_left_bytes(&k->pipes);

	if (bytes > 0)
		say("%llu bytes of output were not collected", (unsigned long long)bytes);
	pipes_spill(&k->pipes);
	if (k->has_children && !k->spec.is_sweeping_main)
		say("%u processes could not be killed", k->sweep.n_left);
}

static int run(const struct options *o)
{
	struct keeper *k = &arg_keeper;
	int signals = -1, r;

	if (o->resume_fd < 0)
		close_strays(o);
	/* A supervisor has done that, and these are sixty system calls for each of its keepers. */
	if (o->control_fd < 0)
		reset_signals();
	r = prepare(&signals);
	if (r == 0)
		r = keeper_init(k, o);
	if (r == 0 && o->resume_fd < 0)
		r = begin(k, o);
	if (r < 0)
		return EXIT_FAILURE;
	r = loop_run(k, signals);
	if (r < 0)
		say("cannot wait: %s", strerror(-r));
	/* Others may have a service that still runs, and the end of a process is long. */
	(void)sched_yield();
	pipes_hang_up(&k->pipes);
	say_what_is_left(k);
	cgroup_remove(&k->cgroup, k->spec.cgroup);
	if (o->control)
		(void)unlink(o->control);
	return r < 0 ? EXIT_FAILURE : keeper_exit_code(k);
}

int main(int argc, char **argv)
{
	struct spec_fault fault;

	if (argc < 1 || options_parse(argv, environ, &arg_options, &fault) < 0) {
		say("%s", fault.text);
		return EXIT_USAGE;
	}
	if (arg_options.is_help || arg_options.is_version) {
		const char *text = arg_options.is_help ? options_help()
						       : "slicekeep-keeper " SLICEKEEP_VERSION "\n";

		return write(STDOUT_FILENO, text, strlen(text)) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	say_for(arg_options.spec.name, arg_options.spec.instance);
	if (arg_options.unit == OPTIONS_UNIT_STOP)
		return ending_mark(arg_options.control) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (arg_options.unit == OPTIONS_UNIT_STOPPED)
		return ending_sweep(arg_options.control) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	return run(&arg_options);
}
