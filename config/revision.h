/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct error;

/** Revisions kept; the oldest goes when there is one more. */
#define REVISIONS_MAX 100

/**
 * struct revision - an applied config
 * @number: from 1, growing
 * @at_usec: wall clock
 * @who:    "cli root", "up", "dashboard token phone"
 * @why:    "add shop", "config apply"
 * @source: the file's JSON text as written
 */
struct revision {
	uint64_t number;
	usec_t at_usec;
	char *who;
	char *why;
	char *source;
};

/** revision_done() - free the strings */
void revision_done(struct revision *r);

/**
 * revision_save() - store a config as the next revision, 0600, atomically
 * @folder: STATE/revisions, made when absent
 * @ret_number: its number; an unchanged source gets the newest one's number again
 *
 * Return: 0 or negative errno with a text.
 */
must_check int revision_save(const char *folder, const char *who, const char *why,
			     const char *source, uint64_t *ret_number, struct error *err);

/**
 * revision_load() - read one back
 * @number: which, or 0 for the newest
 *
 * Return: 0, -ENOENT, negative errno.
 */
must_check int revision_load(const char *folder, uint64_t number, struct revision *ret_revision,
			     struct error *err);

/** revision_list() - array of {number, at_usec, who, why}, newest first; new reference or NULL */
json_t *revision_list(const char *folder);
