/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct paths;

/*
 * Names of the files below run/. All return heap strings, or NULL when out of memory.
 *
 *   run/lock                        held by the supervisor
 *   run/supervisor.sock             Varlink
 *   run/log.sock  run/log.intake    the collector: Varlink, and pipes from keepers
 *   run/applied                     the revision that counts
 *   run/going-down                  `down` has begun
 *   run/keeper/NAME-INSTANCE.sock   control socket of a keeper
 *   run/spec/NAME-INSTANCE          what it is to run
 */

/** run_files_make() - make run/keeper and run/spec, 0700; Return: 0 or negative errno */
must_check int run_files_make(const struct paths *paths);

/** run_file_control() - the control socket of a keeper */
char *run_file_control(const struct paths *paths, const char *name, unsigned instance);

/** run_file_spec() - what a keeper is to run */
char *run_file_spec(const struct paths *paths, const char *name, unsigned instance);

/** run_file_intake() - where keepers hand their pipes over */
char *run_file_intake(const struct paths *paths);

/** run_file_remove() - unlink the control socket and the spec of a keeper that has left */
void run_file_remove(const struct paths *paths, const char *name, unsigned instance);

/**
 * run_file_parse() - "shop-0.sock" -> "shop", 0
 * @suffix:   ".sock" for a control socket, "" for a bare NAME-INSTANCE
 * @ret_name: at least CONFIG_NAME_MAX + 1 bytes
 *
 * Return: whether the file has such a name.
 */
bool run_file_parse(const char *file, const char *suffix, char *ret_name, unsigned *ret_instance);
