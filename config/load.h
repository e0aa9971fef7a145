/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct config;
struct error;

#define CONFIG_BYTES_MAX ((size_t)4 * 1024 * 1024)

/** struct config_rules - what depends on where the config is going to run */
struct config_rules {
	bool system_layout; /* root must be written out, a hook's user is never root */
	bool own_daemons;   /* our own definitions: reserved names are allowed */
	bool check_files;   /* the owner and mode of the file itself, the presence of scripts */
};

/**
 * config_load() - read, interpolate and validate a config file
 * @path:       the file
 * @rules:      where it is going to run
 * @ret_config: one reference
 * @err:        "FILE:LINE: processes.shop.limits.memory_max: …, did you mean …"
 *
 * Return: 0, -EINVAL, -EFBIG, -ENOMEM or the errno of reading.
 */
must_check int config_load(const char *path, const struct config_rules *rules,
			   struct config **ret_config, struct error *err);

/**
 * config_parse() - the same from memory (a revision, a proposal, standard input)
 * @path: named in errors; its folder is what relative paths are relative to
 */
must_check int config_parse(const char *text, size_t len, const char *path,
			    const struct config_rules *rules, struct config **ret_config,
			    struct error *err);
