/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#define OOM_VICTIM_MAX 64

/**
 * oom_victim_since() - where to look for the victim of a life: not before it began
 * @now_usec:     monotonic
 * @now_at_usec:  the same moment by the wall clock
 * @end_at_usec:  when the life ended, wall clock: it may be heard of long afterwards
 * @uptime_usec:  how long it was
 *
 * Return: monotonic; a second earlier, since three clocks do not tell the same time.
 */
usec_t oom_victim_since(usec_t now_usec, usec_t now_at_usec, usec_t end_at_usec,
			usec_t uptime_usec);

/**
 * oom_victim_parse() - whom the kernel has killed, from one record of its log
 * @record:     "6,1234,567890,-;oom-kill:constraint=…,task_memcg=…,task=…,pid=…,uid=…"
 *              (the kernel's Documentation/ABI/testing/dev-kmsg, and dump_oom_summary())
 * @cgroup:     only a victim in this cgroup or below it; without the leading slash
 * @since_usec: only one that was killed after this, monotonic
 * @ret:        "python3 (pid 140)"
 *
 * Return: whether it tells of such a victim.
 */
bool oom_victim_parse(const char *record, const char *cgroup, usec_t since_usec,
		      char ret[static OOM_VICTIM_MAX]);

/**
 * oom_victim_find() - the last one that the kernel's log tells of
 * @kmsg: "/dev/kmsg"
 *
 * Return: whether there is one; false where the log may not be read.
 */
bool oom_victim_find(const char *kmsg, const char *cgroup, usec_t since_usec,
		     char ret[static OOM_VICTIM_MAX]);
