/* SPDX-License-Identifier: MIT */
#include "supervisor/strangers.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/log.h"

/*
 * A subreaper inherits the children of whoever dies below it, and has to reap them, or their pids
 * are never free again.
 *
 * The kernel cannot be asked for "a child that I did not start". It tells the first dead child
 * without reaping it (WNOWAIT); one that a loop_pid waits for is left to it, and since it would
 * hide the strangers behind it, the next turn of the loop asks again: by then it is reaped. A wait
 * for just any child would be simpler and would steal the exits that the others need.
 */

/** Children in one turn of the loop: a fork bomb that died must not keep the others waiting. */
#define REAPED_PER_TURN 64

/* Return: whether there may be more in the next turn. */
static bool reap_some(const struct strangers *s)
{
	for (int i = 0; i < REAPED_PER_TURN; i++) {
		siginfo_t dead = {0};

		if (waitid(P_ALL, 0, &dead, WEXITED | WNOHANG | WNOWAIT) < 0 || dead.si_pid == 0)
			return false;
		if (loop_watches_pid(s->loop, dead.si_pid))
			return true;
		if (waitid(P_PID, (id_t)dead.si_pid, &dead, WEXITED | WNOHANG) < 0)
			return false;
	}
	return true;
}

static void on_turn(void *userdata)
{
	struct strangers *s = userdata;

	if (reap_some(s) && loop_timer_set(&s->again, 0) < 0)
		log_error("cannot set a timer: dead processes stay until the next one dies");
}

static void on_child_ended(int signo, void *userdata)
{
	on_turn(userdata);
}

int strangers_init(struct strangers *s, struct loop *loop)
{
	int r;

	*s = (struct strangers){.loop = loop};
	r = loop_timer_init(&s->again, loop, on_turn, s);
	if (r == 0)
		r = loop_signal_init(&s->child_ended, loop, SIGCHLD, on_child_ended, s);
	/* Those that died before anybody listened. */
	if (r == 0)
		r = loop_timer_set(&s->again, 0);
	if (r < 0)
		strangers_done(s);
	return r;
}

void strangers_done(struct strangers *s)
{
	loop_signal_done(&s->child_ended);
	loop_timer_done(&s->again);
}
