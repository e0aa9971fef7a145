/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct text;

#define WORDS_MAX 64

/** words_duration() - "42ms", "0.2s", "2.1s" below ten seconds, then "12s", "4m12s" */
const char *words_duration(usec_t usec, char buf[static WORDS_MAX]);

/** words_ordinal() - "first" … "tenth", "11th", "22nd"; returns @buf */
const char *words_ordinal(uint64_t n, char buf[static WORDS_MAX]);

/** words_plural() - "1 process", "4 processes"; @one and @many without the number; returns @buf */
const char *words_plural(uint64_t n, const char *one, const char *many, char buf[static WORDS_MAX]);

/**
 * words_exit() - for a column: "exit 1", "SIGSEGV", "oom", "not-ready"; returns @buf
 * @exit: type Exit of io.slicekeep.supervisor
 */
const char *words_exit(const json_t *exit, char buf[static WORDS_MAX]);

/** words_add_quoted() - append a word so that a shell reads it as it is */
void words_add_quoted(struct text *out, const char *s);

/** words_list() - append the strings of an array, divided by ", " */
void words_list(struct text *out, const json_t *strings);

/** words_ports() - append the numbers of an array, divided by " "; "-" when there are none */
void words_ports(struct text *out, const json_t *ports);

/** words_percent() - CPU time a second as per cent of one CPU: "0%", "3%", "153%" */
const char *words_percent(uint64_t usec_per_sec, char buf[static WORDS_MAX]);

/**
 * words_usage() - a member of an object as words, "-" when it is not there; returns @buf
 * @format: words_percent(), words_bytes() or words_count()
 */
const char *words_usage(const json_t *object, const char *key,
			const char *(*format)(uint64_t value, char buf[static WORDS_MAX]),
			char buf[static WORDS_MAX]);

/** words_bytes() - "120M", "0" */
const char *words_bytes(uint64_t bytes, char buf[static WORDS_MAX]);

/** words_count() - a plain number */
const char *words_count(uint64_t n, char buf[static WORDS_MAX]);

/**
 * words_memory() - "120M", or "120M/256M" where it is capped; "-" when nobody can tell
 * @object: with memory_bytes and memory_max_bytes
 */
const char *words_memory(const json_t *object, char buf[static WORDS_MAX]);
