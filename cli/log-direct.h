/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"
#include "cli/log-source.h"

/**
 * log_direct_read() - read the segments without the collector, by `slicekeep-log read`
 * @deadline_usec: monotonic; whatever holds it up then is left behind
 *
 * Return: as log_source_read(), or -ETIMEDOUT.
 */
must_check int log_direct_read(json_t *filter, usec_t deadline_usec, log_sink *sink, void *userdata,
			       struct error *err);
