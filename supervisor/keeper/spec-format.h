/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The spec: what a keeper is to run. A file of NUL-terminated records, 0600, in run/spec/, replaced
 * by rename; written by the supervisor, read by the keeper before each start that was asked for and
 * at KEEPER_RELOAD. A crash restart uses what was read last. The first record is SPEC_MAGIC; each
 * other one is key=value. Keys may come in any order; argv, env and group may
 * repeat and keep theirs.
 *
 *   name=shop              service, for the log
 *   instance=0             slot
 *   revision=17            config revision, for the reports
 *   last_life=1795275374000000   lives get greater numbers, even if the clock was set back
 *   argv=node              program and arguments; a program without a slash is searched in the
 *                          PATH of the env below
 *   env=PORT=8080          the whole environment, but for what the keeper sets itself:
 *                          NOTIFY_SOCKET, LISTEN_*, WATCHDOG_*
 *   cwd=/srv/shop          absolute
 *   uid=1000 gid=1000      absent: stays as it is
 *   group=27               supplementary groups; with uid and no group: none
 *   type=service           or oneshot
 *   restart=always         or on-failure, never
 *   delay_usec= max_delay_usec= max_restarts=      max_restarts absent or 0: never gives up
 *   immediate=2 healthy_usec=10000000              restarts without a delay, and when they refill
 *   stop_signal=15 stop_usec=10000000
 *   ready=notify           the payload says READY=1; absent: the supervisor decides (KEEPER_READY)
 *   watchdog_usec=         0 or absent: none
 *   open_files=4096        RLIMIT_NOFILE, soft and hard
 *   oom_score=500          oom_score_adj of the payload
 *   intake=/run/…/log.intake   collector's intake; absent: the payload inherits stdout and stderr
 *   log_policy=block       or drop
 *   merge_streams=1
 *   cgroup=/sys/fs/cgroup/…/payload   where the payload goes; absent: none
 *   confine=1              gains no privileges, and loses those that would undo a sandbox
 *   sweep=tree             or main: never kill descendants (the supervisor's own keeper)
 */

#define SPEC_MAGIC "slicekeep-spec 1"
#define SPEC_BYTES_MAX (1024 * 1024)
#define SPEC_ARGV_MAX 4096
#define SPEC_ENV_MAX 4096
#define SPEC_GROUPS_MAX 256
