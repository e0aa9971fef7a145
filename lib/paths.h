/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;

enum layout {
	LAYOUT_SYSTEM,
	LAYOUT_USER,
	LAYOUT_HOME,
	LAYOUT_COUNT,
};

/**
 * struct paths - where everything lies
 * @layout: which column of the table below
 * @config: the config file
 * @run:    sockets, keepers, specs
 * @state:  desired state, revisions, exit reports
 * @log:    segments
 *
 *            system (root)               user                              SLICEKEEP_HOME=DIR
 *   config   /etc/slicekeep/config.json  ~/.config/slicekeep/config.json   DIR/config.json
 *   run      /run/slicekeep              $XDG_RUNTIME_DIR/slicekeep        DIR/run
 *   state    /var/lib/slicekeep          ~/.local/state/slicekeep          DIR/state
 *   log      /var/log/slicekeep          ~/.local/state/slicekeep/log      DIR/log
 */
struct paths {
	enum layout layout;
	char *config;
	char *run;
	char *state;
	char *log;
};

/**
 * paths_init() - find out from SLICEKEEP_HOME, SLICEKEEP_CONFIG (overrides @config alone), the
 * effective uid, HOME and XDG_RUNTIME_DIR; all paths are absolute
 *
 * Return: 0, -ENOMEM, or -ENOENT with a text that says which variable is missing.
 */
must_check int paths_init(struct paths *ret_paths, struct error *err);

/**
 * paths_init_system() - those of the system layout, whoever asks
 *
 * Return: as paths_init().
 */
must_check int paths_init_system(struct paths *ret_paths, struct error *err);

/** paths_done() - free the strings */
void paths_done(struct paths *p);

/** paths_make() - create run, state and log, 0700 (run 0755 and log 0750 in the system layout) */
must_check int paths_make(const struct paths *p, struct error *err);

/**
 * paths_program() - the path of one of our programs: beside the running one, or in the build
 * tree's folder of that program, or in libexec
 * @name: "slicekeep-keeper"
 *
 * Return: heap string, or NULL with errno when it is nowhere.
 */
char *paths_program(const char *name);
