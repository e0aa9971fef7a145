/* SPDX-License-Identifier: MIT */

/*
 * The properties of our units, and the reason for each.
 *
 * The keeper is the unit's main process and lives where the limits are. It is restarted by systemd
 * when it is killed, and only then: one that exits has left in order, or can never do its work.
 * KillMode=process, so that what it keeps survives it and is taken over by the next one, with the
 * help of the descriptor store. The number of restarts has a limit only against a loop: of a keeper
 * whose program has gone.
 *
 * Not here is `After=` the units of what a service comes after, although it would order the stops
 * at a shutdown: a unit that another one names stays loaded after its own end, and systemd (252)
 * then refuses to make a new transient unit of that name, so that a stopped database could not be
 * started while its users run. Instead all keepers are `Before=` the supervisor's unit: at a
 * shutdown that one is stopped first, and stops them in order.
 *
 * Not here either is `User=`: with `Delegate=` it would give the unit's cgroup to the payload's
 * user, who could then kill the keeper or leave. The child changes its user itself. And
 * `LimitNOFILE=` would be the keeper's limit, not only the payload's; the child sets that too.
 *
 * ExecStartEx, which could say more than ExecStart, is written to the unit's file by that name,
 * which systemd (252) does not know when it reads the file at the next daemon-reload: the unit is
 * then "bad-setting", needs no slice any more, and has lost its limits.
 */

#include "supervisor/unit-properties.h"

#include <limits.h>
#include <string.h>

#include "lib/units.h"
#include "config/limits.h"

/** So many starts of a keeper in so much time are a loop; a person cannot do that by hand. */
#define LOOP_STARTS 100
#define LOOP_USEC (10 * USEC_PER_SEC)

#define START_USEC (10 * USEC_PER_SEC)
/** Descriptors that a keeper may leave in the store: its page, pipes and sockets. */
#define STORED_MAX 16

/** What a weight is when nobody has set it. */
#define WEIGHT_UNSET UINT64_MAX

struct unit_property *unit_properties_add(struct unit_properties *p, const char *name,
					  enum unit_type type)
{
	struct unit_property *item = &p->items[p->n++];

	assert(p->n <= UNIT_PROPERTIES_MAX);
	*item = (struct unit_property){.name = name, .type = type};
	return item;
}

void unit_properties_add_word(struct unit_properties *p, const char *word)
{
	assert(p->n_words < UNIT_WORDS_MAX);
	p->words[p->n_words++] = word;
}

static void add_text(struct unit_properties *p, const char *name, const char *text)
{
	unit_properties_add(p, name, UNIT_TEXT)->text = text;
}

static void add_flag(struct unit_properties *p, const char *name, bool flag)
{
	unit_properties_add(p, name, UNIT_FLAG)->number = flag;
}

static void add_number(struct unit_properties *p, const char *name, uint64_t number)
{
	unit_properties_add(p, name, UNIT_NUMBER)->number = number;
}

static void add_program(struct unit_properties *p, const char *name, const char *const *argv)
{
	if (argv)
		unit_properties_add(p, name, UNIT_PROGRAM)->argv = argv;
}

static void add_words(struct unit_properties *p, const char *name, const char *const *words)
{
	if (words)
		unit_properties_add(p, name, UNIT_WORDS)->argv = words;
}

static void add_restarts(struct unit_properties *p)
{
	static const uint8_t in_order[] = {0, 1, 2}; /* EXIT STATUS in slicekeep-keeper(8) */
	struct unit_property *never =
		unit_properties_add(p, "RestartPreventExitStatus", UNIT_CODES);

	never->bytes = in_order;
	never->number = sizeof(in_order);
	add_text(p, "Restart", "always");
	add_number(p, "RestartUSec", 0);
	add_number(p, "StartLimitIntervalUSec", LOOP_USEC);
	unit_properties_add(p, "StartLimitBurst", UNIT_COUNT)->number = LOOP_STARTS;
}

/* Its payload is in a cgroup below; an OOM kill there is the keeper's business, not systemd's. */
static void add_custody(struct unit_properties *p)
{
	add_flag(p, "Delegate", true);
	add_text(p, "KillMode", "process");
	add_text(p, "OOMPolicy", "continue");
	add_text(p, "NotifyAccess", "main");
	unit_properties_add(p, "FileDescriptorStoreMax", UNIT_COUNT)->number = STORED_MAX;
}

static void add_accounting(struct unit_properties *p)
{
	add_flag(p, "CPUAccounting", true);
	add_flag(p, "MemoryAccounting", true);
	add_flag(p, "IOAccounting", true);
	add_flag(p, "TasksAccounting", true);
}

void unit_properties_add_keeper(struct unit_properties *p, const struct unit_keeper *k)
{
	add_text(p, "Description", k->description);
	add_text(p, "Slice", k->slice);
	add_text(p, "CollectMode", "inactive-or-failed");
	/* Started is a keeper that answers, and the outermost one when it runs. */
	add_text(p, "Type", k->outermost ? "exec" : "notify");
	add_number(p, "TimeoutStartUSec", START_USEC);
	add_number(p, "TimeoutStopUSec", k->stop_usec);
	add_restarts(p);
	if (k->outermost)
		add_text(p, "KillMode", "mixed");
	else
		add_custody(p);
	if (k->oom_score != INT_MIN)
		unit_properties_add(p, "OOMScoreAdjust", UNIT_INTEGER)->number =
			(uint64_t)(int64_t)k->oom_score;
	add_words(p, "Before", k->before);
	add_words(p, "Environment", k->env);
	add_accounting(p);
	add_program(p, "ExecStart", k->argv);
	add_program(p, "ExecStop", k->stop);
	add_program(p, "ExecStopPost", k->stop_post);
}

static uint64_t or_default(uint64_t limit, uint64_t otherwise)
{
	return limit == LIMIT_UNSET ? otherwise : limit;
}

static uint64_t quota_usec(uint64_t percent)
{
	if (percent == LIMIT_UNSET || percent == SIZE_INFINITY)
		return USEC_INFINITY;
	return percent * (USEC_PER_SEC / 100);
}

/* A list that the config has checked, "0-3,6". Return: bytes that are used. */
static size_t cpu_mask(const char *list, uint8_t mask[static UNIT_CPU_BYTES_MAX])
{
	size_t used = 0;

	memset(mask, 0, UNIT_CPU_BYTES_MAX);
	while (list && *list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10);
		unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;

		for (; first <= last && first / 8 < UNIT_CPU_BYTES_MAX; first++) {
			mask[first / 8] |= (uint8_t)(1u << first % 8);
			used = MAX_OF(used, first / 8 + 1);
		}
		list = *end ? end + 1 : end;
	}
	return used;
}

static void add_rate(struct unit_properties *p, const char *name, const char *path, uint64_t limit)
{
	struct unit_property *item = unit_properties_add(p, name, UNIT_RATE);

	if (!path || limit == LIMIT_UNSET || limit == SIZE_INFINITY)
		return;
	item->text = path;
	item->number = limit;
}

void unit_properties_add_limits(struct unit_properties *p, const struct config_limits *l)
{
	struct unit_property *cpus;

	add_number(p, "MemoryMin", or_default(l->memory_min, 0));
	add_number(p, "MemoryLow", or_default(l->memory_low, 0));
	add_number(p, "MemoryHigh", or_default(l->memory_high, SIZE_INFINITY));
	add_number(p, "MemoryMax", or_default(l->memory_max, SIZE_INFINITY));
	add_number(p, "MemorySwapMax", or_default(l->swap_max, SIZE_INFINITY));
	add_number(p, "CPUWeight", or_default(l->cpu_weight, WEIGHT_UNSET));
	add_number(p, "CPUQuotaPerSecUSec", quota_usec(l->cpu_quota_percent));
	add_number(p, "IOWeight", or_default(l->io_weight, WEIGHT_UNSET));
	add_number(p, "TasksMax", or_default(l->tasks_max, SIZE_INFINITY));
	cpus = unit_properties_add(p, "AllowedCPUs", UNIT_BYTES);
	cpus->bytes = p->cpus;
	cpus->number = cpu_mask(l->cpus, p->cpus);
	add_rate(p, "IOReadBandwidthMax", l->io_path, l->io_read_max);
	add_rate(p, "IOWriteBandwidthMax", l->io_path, l->io_write_max);
}

void unit_properties_add_slice(struct unit_properties *p, const char *description)
{
	add_text(p, "Description", description);
	add_flag(p, "StopWhenUnneeded", true);
}

const struct unit_property *unit_properties_find(const struct unit_properties *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].name, name) == 0)
			return &p->items[i];
	return NULL;
}
