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

/** words_list() - append the strings of an array, divided by ", " */
void words_list(struct text *out, const json_t *strings);

/** words_ports() - append the numbers of an array, divided by " "; "-" when there are none */
void words_ports(struct text *out, const json_t *ports);
