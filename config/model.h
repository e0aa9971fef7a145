/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "config/limits.h"
#include "config/probe.h"
#include "config/sandbox.h"

/*
 * What a config is, once it is known to be right: every string resolved, every path absolute, every
 * reference pointing at something that exists. Read-only; counted, because a rollout may still need
 * the old one while the new one is applied.
 */

#define CONFIG_NAME_MAX 48

enum config_type {
	CONFIG_TYPE_SERVICE,
	CONFIG_TYPE_ONESHOT,
};

enum config_restart_when {
	CONFIG_RESTART_ALWAYS,
	CONFIG_RESTART_ON_FAILURE,
	CONFIG_RESTART_NEVER,
};

enum config_log_policy {
	CONFIG_LOG_BLOCK,
	CONFIG_LOG_DROP,
};

/** struct config_log - what the collector does with one service's output; 0: as for all */
struct config_log {
	enum config_log_policy policy;
	uint64_t max_total_bytes;
	usec_t max_age_usec;
};

/** struct config_listen - a socket that the supervisor binds and the payload inherits */
struct config_listen {
	char *name;
	char *address;
};

/**
 * struct config_process - one service
 * @argv:      program and arguments; a program without a slash is searched in PATH
 * @env:       "KEY=VALUE", in the order of the file; over env_file, over what is inherited
 * @env_file:  absolute path or NULL; read when the service is started, with the service's uid
 * @user:      NULL: the caller's own (user mode), or the owner of cwd (system layout)
 * @ports:     what the payload binds, for people to see; 0 stands for ${PORT}
 * @after:     names, NULL-terminated, each exists
 * @writable:  absolute paths that stay writable in a sandbox; @credentials: "NAME:PATH"
 * @scripts:   absolute paths of the program files, for "restart what changed"
 * @later:     object: keys that are valid but that this build does not carry out, with their values
 */
struct config_process {
	char *name;
	enum config_type type;
	char **argv;
	char *script;
	char *cwd;
	char **env;
	char *env_file;
	char *user;
	char **groups;
	char *slice;
	unsigned instances;
	unsigned *ports;
	size_t n_ports;
	struct config_listen *listen;
	size_t n_listen;
	struct config_limits limits;
	enum config_restart_when restart_when;
	usec_t restart_delay_usec;
	usec_t restart_max_delay_usec;
	unsigned restart_max; /* 0: never gives up */
	struct config_probe ready;
	struct config_probe health;
	int stop_signal;
	usec_t stop_timeout_usec;
	char **after;
	bool autostart;
	bool merge_streams;
	bool exclusive;
	usec_t drain_usec;
	usec_t min_healthy_usec;
	unsigned max_parallel;
	struct config_log log;
	enum config_sandbox sandbox;
	char **writable;
	char **credentials;
	json_t *later;
};

/** struct config_slice - limits shared by a group of services */
struct config_slice {
	char *name;
	struct config_limits limits;
};

/**
 * struct config - a whole config file
 * @path:     the file it came from, absolute; relative paths are relative to @folder
 * @processes: @n_processes, sorted as in the file
 * @hooks:    validated object of hooks by name (shape of "webhooks"), both dialects
 * @ci @dashboard @router: validated sections or NULL
 * @log_max_total_bytes: cap on all logs; 0: default. @log_max_age_usec: of theirs; 0: none
 * @segment_bytes: at which one is rotated. @log_sync_usec: to the disk; USEC_INFINITY: default
 * @text:     the file as written, dialect and variables untouched; JSON
 * @warnings: what is valid but needs to be said, NULL-terminated, ready to print
 */
struct config {
	unsigned refs;
	char *path;
	char *folder;
	struct config_process *processes;
	size_t n_processes;
	struct config_slice *slices;
	size_t n_slices;
	json_t *hooks;
	json_t *ci;
	json_t *dashboard;
	json_t *router;
	uint64_t log_max_total_bytes;
	usec_t log_max_age_usec;
	uint64_t segment_bytes;
	usec_t log_sync_usec;
	char *text;
	char **warnings;
};

/** config_ref() - one more owner; returns @c */
struct config *config_ref(struct config *c);

/** config_unref() - one owner less; the last one frees. NULL is allowed */
void config_unref(struct config *c);

/**
 * config_source() - the file as written, as JSON; parsed anew, since it is ten times the text
 *
 * Return: a new reference, or NULL when out of memory.
 */
json_t *config_source(const struct config *c);

/** config_find() - the process of that name, or NULL; borrowed */
const struct config_process *config_find(const struct config *c, const char *name);
