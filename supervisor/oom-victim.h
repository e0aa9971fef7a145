/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

#define OOM_VICTIM_MAX 64

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
