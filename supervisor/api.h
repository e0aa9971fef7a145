/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct api;
struct error;
struct manager;
struct varlink_interface;

/** api_interface - io.slicekeep.supervisor as it is carried out here */
extern const struct varlink_interface api_interface;

/**
 * api_new() - serve io.slicekeep.supervisor on run/supervisor.sock
 *
 * Return: 0 or negative errno with a text.
 */
must_check int api_new(struct manager *m, struct api **ret_api, struct error *err);

/** api_free() - hang up on everybody, and be found by nobody; NULL is allowed */
void api_free(struct api *a);
