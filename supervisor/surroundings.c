/* SPDX-License-Identifier: MIT */
#include "supervisor/surroundings.h"

#include "lib/clock.h"
#include "supervisor/gauge.h"
#include "supervisor/launcher.h"
#include "supervisor/sampler.h"
#include "supervisor/service-keeper.h"
#include "supervisor/service.h"

/*
 * What the keeper cannot know of an exit: whom the kernel's log names, and what the service had
 * been waiting for in the minute before. Neither is looked for where there is nothing to find, so
 * that a crash loop does not pay for it.
 */

static bool find_victim(const struct service *s, const struct keeper_exit *e, char *ret)
{
	struct launcher *l = s->context->launcher;
	cleanup_free char *cgroup = NULL;
	usec_t since_usec =
		oom_victim_since(clock_now_usec(), clock_at_usec(), e->at_usec, e->uptime_usec);

	if (e->oom_kills == 0 ||
	    l->ops->cgroup_name(l, s->process->name, SERVICE_SLOT, &cgroup) < 0)
		return false;
	return oom_victim_find("/dev/kmsg", cgroup, since_usec, ret);
}

/* Microseconds of each second, on average, as a share. */
static uint32_t percent_of(const struct ring_record *minute, enum number number)
{
	uint32_t usec = minute->value[number];

	return usec == UINT32_MAX ? EXIT_PRESSURE_UNKNOWN : (uint32_t)(usec / (USEC_PER_SEC / 100));
}

void surroundings_look(const struct service *s, const struct keeper_exit *e,
		       struct surroundings *ret)
{
	const struct gauge *g = sampler_gauge(s);
	uint32_t now_sec = (uint32_t)(clock_at_usec() / USEC_PER_SEC);
	struct ring_record minute;

	ret->around = (struct exit_surroundings){
		.victim = find_victim(s, e, ret->victim) ? ret->victim : NULL,
		.cpu_percent = EXIT_PRESSURE_UNKNOWN,
		.memory_percent = EXIT_PRESSURE_UNKNOWN,
		.io_percent = EXIT_PRESSURE_UNKNOWN,
	};
	if (!g || !g->records || !ring_minute_of(g->records, GAUGE_RECORDS, now_sec, &minute))
		return;
	ret->around.cpu_percent = percent_of(&minute, NUMBER_CPU_SOME_USEC);
	ret->around.memory_percent = percent_of(&minute, NUMBER_MEMORY_SOME_USEC);
	ret->around.io_percent = percent_of(&minute, NUMBER_IO_SOME_USEC);
}
