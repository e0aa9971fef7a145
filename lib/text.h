/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/**
 * struct text - a growing string
 * @data: NUL-terminated once anything was added; NULL before
 * @len:  bytes before the NUL
 * @cap:  bytes allocated
 * @failed: an allocation failed; later calls do nothing, text_take() returns NULL
 */
struct text {
	char *data;
	size_t len;
	size_t cap;
	bool failed;
};

#define cleanup_text cleanup(text_done)

/** text_add() - append a string; NULL counts as empty */
void text_add(struct text *t, const char *s);

/** text_add_bytes() - append @n bytes, which may hold NULs */
void text_add_bytes(struct text *t, const void *bytes, size_t n);

/** text_addf() - append formatted text */
void text_addf(struct text *t, const char *fmt, ...) printf_like(2, 3);

/**
 * text_take() - give the string away and leave @t empty
 *
 * Return: a heap string that the caller frees ("" when nothing was added), or NULL when out of
 * memory.
 */
char *text_take(struct text *t);

/** text_done() - free the content; @t is empty and may be used again */
void text_done(struct text *t);

/** text_starts() - whether @s begins with @prefix */
bool text_starts(const char *s, const char *prefix);

/** text_ends() - whether @s ends with @suffix */
bool text_ends(const char *s, const char *suffix);

/** text_equal() - strcmp() == 0 that takes NULL: two NULLs are equal */
bool text_equal(const char *a, const char *b);

#define TEXT_NAME_MAX 48

/**
 * text_name_valid() - whether @s may name a process, group or hook
 *
 * Return: true for [a-z0-9][a-z0-9_-]{0,47}.
 */
bool text_name_valid(const char *s);

/** text_name_reserved() - whether it is the name of one of our own daemons */
bool text_name_reserved(const char *s);

/**
 * text_nearest() - the candidate that was probably meant, for "did you mean"
 * @word:       what was typed
 * @candidates: @n strings
 *
 * Return: the candidate with the smallest edit distance if that is at most a third of its length
 * (and at least one edit is allowed), otherwise NULL. Borrowed from @candidates.
 */
const char *text_nearest(const char *word, const char *const *candidates, size_t n);

/**
 * text_split_words() - split like a shell would, without running one
 * @s:         words divided by blanks; '…', "…" and backslash quote as in POSIX sh, no expansions
 * @ret_words: NULL-terminated vector, freed by strings_free()
 *
 * Return: 0, -EINVAL for a quote that is not closed or a trailing backslash, -ENOMEM.
 */
must_check int text_split_words(const char *s, char ***ret_words);

/**
 * text_utf8_len() - length of the well-formed UTF-8 character that @s begins with
 * @n: bytes that may be looked at
 *
 * Return: 1 … 4, or 0 when there is none.
 */
size_t text_utf8_len(const char *s, size_t n);

/** text_utf8_valid() - whether @n bytes are well-formed UTF-8 (RFC 3629) */
bool text_utf8_valid(const char *s, size_t n);

/**
 * text_add_escaped() - append bytes so that a terminal is safe
 *
 * Valid UTF-8 and tabs stay; control characters and invalid bytes become \xNN. @keep_ansi lets
 * SGR colour sequences (ESC [ … m) through.
 */
void text_add_escaped(struct text *t, const char *s, size_t n, bool keep_ansi);

/**
 * text_add_errno() - append what an errno means, as the middle of a sentence: "permission denied"
 * @code: positive errno
 */
void text_add_errno(struct text *t, int code);

/** strings_free() - free a NULL-terminated vector and its strings; NULL is allowed */
void strings_free(char **strings);

/** strings_len() - number of strings before the NULL; 0 for NULL */
size_t strings_len(char *const *strings);

/** strings_free_ptr() - clean-up handler behind cleanup_strings */
void strings_free_ptr(char ***strings);

#define cleanup_strings cleanup(strings_free_ptr)
