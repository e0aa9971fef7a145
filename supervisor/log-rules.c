/* SPDX-License-Identifier: MIT */

/*
 * What is kept of whose output, told to the collector.
 *
 * Only the supervisor knows the config, and the collector is the only one who deletes. It is told
 * everything each time, and the rule for all others last, which is what makes the round count
 * (lib/intake-frame.h); so there is nothing to remember of what was said before. A service that was
 * removed is one of the others.
 */

#include "supervisor/log-rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "config/model.h"
#include "supervisor/collector-link.h"

struct log_rules {
	struct collector_link *link;
	struct collector_user user;
	struct config *config;
};

static int tell(struct log_rules *r, const char *name, const struct config_log *log, usec_t round)
{
	struct intake_retain frame = {.magic = INTAKE_MAGIC,
				      .kind = INTAKE_RETAIN,
				      .round = round,
				      .max_bytes = log->max_total_bytes,
				      .max_age_usec =
					      log->max_age_usec ?: r->config->log_max_age_usec};

	(void)snprintf(frame.name, sizeof(frame.name), "%s", name);
	return collector_link_send(r->link, &frame, sizeof(frame), -1);
}

static void tell_all(void *userdata)
{
	static const struct config_log others = {0};
	struct log_rules *r = userdata;
	usec_t round = clock_now_usec();
	int code = 0;

	if (!r->config)
		return;
	for (size_t i = 0; code == 0 && i < r->config->n_processes; i++) {
		const struct config_process *p = &r->config->processes[i];

		if (p->log.max_total_bytes > 0 || p->log.max_age_usec > 0)
			code = tell(r, p->name, &p->log, round);
	}
	if (code == 0)
		code = tell(r, "", &others, round);
	if (code < 0 && code != -ENOTCONN) /* it is told when it comes */
		log_error("cannot tell the collector what to keep, it goes by what it knows: %s",
			  strerror(-code));
}

int log_rules_new(struct collector_link *link, struct log_rules **ret_rules)
{
	struct log_rules *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->link = link;
	r->user = (struct collector_user){.connected = tell_all, .userdata = r};
	collector_link_join(link, &r->user);
	*ret_rules = r;
	return 0;
}

void log_rules_free(struct log_rules *r)
{
	if (!r)
		return;
	collector_link_leave(&r->user);
	config_unref(r->config);
	free(r);
}

void log_rules_change(struct log_rules *r, struct config *config)
{
	struct config *old = r->config;

	r->config = config_ref(config);
	config_unref(old);
	tell_all(r);
}
