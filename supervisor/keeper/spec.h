/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "lib/base.h"
#include "lib/intake-frame.h"
#include "supervisor/keeper/machine.h"
#include "supervisor/keeper/spec-format.h"

/** Room behind the environment for what the keeper adds to it. */
#define SPEC_ENV_OWN 8
#define SPEC_FAULT_MAX 256
#define SPEC_DELAY_MAX_USEC (366 * USEC_PER_DAY)

/**
 * struct spec - what is to run; the keys of spec-format.h
 * @argv @env:   NULL-terminated; @env has SPEC_ENV_OWN free places behind its end
 * @open_files:  0: as it is
 * @oom_score:   -1001: as it is
 * @intake @cgroup @cwd: NULL when absent
 * @map:         memory that everything points into, NULL when it belongs to somebody else
 * @text_bytes:  how much of it is the text of the file
 */
struct spec {
	const char *name;
	unsigned instance;
	uint64_t revision;
	uint64_t last_life;
	char **argv;
	char **env;
	gid_t *groups;
	size_t n_argv;
	size_t n_env;
	size_t n_groups;
	const char *cwd;
	const char *intake;
	const char *cgroup;
	bool has_uid;
	bool has_gid;
	bool is_notify;
	bool is_merged;
	bool is_sweeping_main;
	bool is_confined;
	uid_t uid;
	gid_t gid;
	int stop_signal;
	int oom_score;
	uint64_t open_files;
	usec_t watchdog_usec;
	enum intake_policy log_policy;
	struct machine_rule rule;
	void *map;
	size_t map_bytes;
	size_t text_bytes;
};

/** struct spec_fault - what is wrong with a spec, for a person */
struct spec_fault {
	char text[SPEC_FAULT_MAX];
};

/** spec_init() - the values of keys that are absent */
void spec_init(struct spec *s);

/**
 * spec_room() - bytes that spec_parse() needs for a text of @text_bytes: the text and the arrays
 */
size_t spec_room(size_t text_bytes);

/**
 * spec_parse() - read the records at the beginning of @map
 * @map:        spec_room(@text_bytes) bytes, aligned for pointers; the arrays go behind the text
 * @ret_spec:   points into @map, which the caller still owns
 * @ret_fault:  set when a negative errno is returned
 *
 * Context: pure.
 * Return: 0, -EBADMSG for a malformed file, -EINVAL for a bad record, -E2BIG beyond a bound.
 */
must_check int spec_parse(void *map, size_t text_bytes, struct spec *ret_spec,
			  struct spec_fault *ret_fault);

/**
 * spec_read() - read a spec file
 * @ret_spec: owns its memory: spec_done()
 *
 * Return: 0, or negative errno with a fault.
 */
must_check int spec_read(const char *path, struct spec *ret_spec, struct spec_fault *ret_fault);

/** spec_read_fd() - the same from an open file; @name is for the fault */
must_check int spec_read_fd(int fd, const char *name, struct spec *ret_spec,
			    struct spec_fault *ret_fault);

/** spec_done() - give the memory back */
void spec_done(struct spec *s);

/** spec_is_own() - whether an entry of the environment is one that only the keeper sets */
bool spec_is_own(const char *entry);
