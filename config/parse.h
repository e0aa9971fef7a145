/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "config/document.h"
#include "config/place.h"

struct config;
struct config_limits;
struct config_process;
struct config_rules;

/**
 * struct parse - what is known while a config is read
 * @document: for complaints
 * @place:    of the value that is being read, in the translated shape
 * @rules:    where it is going to run
 * @config:   being filled
 * @later:    object to which keys are copied that this build does not carry out; NULL: nobody asks
 */
struct parse {
	const struct document *document;
	struct place place;
	const struct config_rules *rules;
	struct config *config;
	json_t *later;
};

struct field;
typedef int field_reader(struct parse *p, const json_t *value, const struct field *f, void *member);

/**
 * struct field - one key of an object: how it is read and where it goes
 * @offset: of the member in the target
 * @min @max: range of numbers, sizes and durations (microseconds); entries of arrays, bytes of text
 * @words:  what an enumeration may say, NULL-terminated; the index is stored
 * @later:  validated, but not carried out by this build
 */
struct field {
	const char *key;
	field_reader *read;
	size_t offset;
	uint64_t min;
	uint64_t max;
	const char *const *words;
	bool later;
};

/**
 * parse_object() - read an object by its table; an unknown key is an error
 *
 * Return: 0, -EINVAL with a text, -ENOMEM.
 */
must_check int parse_object(struct parse *p, const json_t *object, const struct field *fields,
			    size_t n_fields, void *target);

/** parse_fail() - complain about the value that is being read; Return: -EINVAL */
must_check int parse_fail(const struct parse *p, const char *fmt, ...) printf_like(2, 3);

/** parse_fail_kind() - "must be @wanted, not an array"; Return: -EINVAL */
must_check int parse_fail_kind(const struct parse *p, const char *wanted, const json_t *value);

/** parse_fail_member() - complain about the member @key, or its member @inner; Return: -EINVAL */
must_check int parse_fail_member(struct parse *p, const char *key, const char *inner,
				 const char *what);

/** parse_fail_memory() - Return: -ENOMEM */
must_check int parse_fail_memory(const struct parse *p);

/** parse_warn() - add a line to the config's warnings; Return: 0 or -ENOMEM */
must_check int parse_warn(struct parse *p, const char *fmt, ...) printf_like(2, 3);

/** parse_note_later() - remember a key that this build does not carry out; Return: 0 or -ENOMEM */
must_check int parse_note_later(struct parse *p, const char *key, const json_t *value);

/* Readers for the table. Members: char *, bool, unsigned, uint64_t, usec_t, int, char **. */
field_reader parse_text; /* not empty, at most max bytes (0: 4096) */
field_reader parse_path; /* the same, made absolute */
field_reader parse_bool;
field_reader parse_unsigned;
field_reader parse_size;        /* "64M", bytes, "max" */
field_reader parse_integer;     /* uint64_t */
field_reader parse_duration;    /* max of USEC_INFINITY allows "infinity" */
field_reader parse_word;        /* enum */
field_reader parse_strings;     /* array of texts, min to max of them */
field_reader parse_paths;       /* the same, made absolute */
field_reader parse_environment; /* object -> "KEY=VALUE" */
field_reader parse_borrowed;    /* json_t *: taken as it is */

/** parse_name() - whether a key may name a process, a slice or a hook; Return: 0, -EINVAL */
must_check int parse_name(const struct parse *p, const char *name);

/**
 * parse_vector() - array of scalars as texts, "node" "--port" 8080
 * @array: borrowed; what is no scalar becomes JSON text when @any
 */
must_check int parse_vector(const struct parse *p, const json_t *array, bool any,
			    char ***ret_strings);

/** parse_address() - whether "IP:PORT", "[IPV6]:PORT" or "/path" can be bound; Return: 0, -EINVAL
 */
must_check int parse_address(const struct parse *p, const char *address);

/** parse_regex() - whether a text is a POSIX extended regular expression of bounded cost */
must_check int parse_regex(const struct parse *p, const char *regex);

/* The nouns, each in a file of its own. */

/** parse_config() - a whole file, in the shape of our dialect, into p->config */
must_check int parse_config(struct parse *p, const json_t *root);

/**
 * parse_process() - one process
 * @target: filled as far as reading came, in any case; the config frees it
 */
must_check int parse_process(struct parse *p, const char *name, const json_t *object,
			     struct config_process *target);

/** parse_hook() - one hook, into p->config->hooks */
must_check int parse_hook(struct parse *p, const char *name, const json_t *object);

field_reader parse_ports; /* both into a struct config_process */
field_reader parse_listen;
field_reader parse_limits;
field_reader parse_slice_limits;

/** parse_finish_rates() - rates are those of one disk; unless it is named, the one of @folder */
must_check int parse_finish_rates(struct parse *p, struct config_limits *limits,
				  const char *folder);

field_reader parse_ready;
field_reader parse_health;

/** parse_finish_ports() - what ports, sockets, probes and instances mean for each other */
must_check int parse_finish_ports(struct parse *p, struct config_process *c);

/**
 * parse_command() - program and arguments of a process
 * @script:  absolute path or NULL
 * @command: program or NULL
 * @args:    or NULL
 * @target:  its cwd is set; argv is filled in
 */
must_check int parse_command(struct parse *p, const char *script, const char *command,
			     const json_t *args, struct config_process *target);
