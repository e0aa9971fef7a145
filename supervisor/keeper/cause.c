/* SPDX-License-Identifier: MIT */

/*
 * Why did it die? The kernel's OOM killer and a person's kill -9 look the same to the parent; the
 * cgroup's counters tell them apart. Only SIGKILL together with a new OOM kill counts as one: when
 * a helper was killed and the main process then gave up by itself, its exit code is the better
 * story, and the count stands beside it in the report.
 */

#include "supervisor/keeper/cause.h"

#include <signal.h>
#include <sys/wait.h>

enum keeper_cause cause_find(const struct cause_evidence *e)
{
	bool is_known = e->wait_status != -1;
	bool is_signalled = is_known && WIFSIGNALED(e->wait_status);

	if (e->never_ran)
		return KEEPER_CAUSE_EXEC_FAILED;
	if (is_signalled && WTERMSIG(e->wait_status) == SIGKILL && e->oom_kills > 0)
		return KEEPER_CAUSE_OOM;
	if (is_known && e->wait_status != 0 && e->tasks_denied > 0)
		return KEEPER_CAUSE_TASKS_MAX;
	return is_signalled ? KEEPER_CAUSE_SIGNAL : KEEPER_CAUSE_EXIT;
}
