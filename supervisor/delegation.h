/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/* Below a delegated folder: where our own processes go, so that its controllers can be enabled. */
#define DELEGATION_LEAF "slicekeep/system/supervisor-0"

/**
 * struct delegation - the subtree of cgroup v2 that is ours to divide
 * @folder:      its path; NULL: there is none
 * @name:        the same below the mount, "" for the mount itself; NULL as @folder
 * @controllers: those that it offers, separated by blanks; NULL as @folder
 * @note:        one line for people, "limits not enforced: …"; NULL when memory, CPU and tasks can
 *               be capped
 *
 * All heap.
 */
struct delegation {
	char *folder;
	char *name;
	char *controllers;
	char *note;
};

/**
 * delegation_find() - look for it around our own cgroup
 * @proc_self:  "/proc/self": where mountinfo and cgroup are read
 * @is_managed: a systemd manages this machine: a folder counts only with its mark, the extended
 *              attribute user.delegate or trusted.delegate, however writable it is
 *
 * Return: 0, or -ENOMEM.
 */
must_check int delegation_find(const char *proc_self, bool is_managed, struct delegation *ret);

/** delegation_offers() - whether a controller is one of @controllers, which blanks separate */
bool delegation_offers(const char *controllers, const char *controller);

/** delegation_done() - free what it holds */
void delegation_done(struct delegation *d);
