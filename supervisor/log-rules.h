/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct collector_link;
struct config;
struct log_rules;

/**
 * log_rules_new() - tell the collector what is to be kept of whose output, each time that it comes
 * @link: outlives the rules
 *
 * Return: 0 or -ENOMEM.
 */
must_check int log_rules_new(struct collector_link *link, struct log_rules **ret_rules);

/** log_rules_free() - say nothing more; NULL is allowed */
void log_rules_free(struct log_rules *r);

/** log_rules_change() - tell those of another config from now on; it is kept */
void log_rules_change(struct log_rules *r, struct config *config);
