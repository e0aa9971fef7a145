/* SPDX-License-Identifier: MIT */
#include "supervisor/caps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/units.h"
#include "config/limits.h"

/*
 * From a limit of the config to the file and the text that the kernel wants.
 *
 * All files are always named, those without a limit with the kernel's default: so a limit that was
 * taken out of the config is undone by the same writes that change one, and nobody needs to know
 * what was there before. A fresh cgroup has the defaults already and gets only what is set.
 */

/* The period of cpu.max, the kernel's default: a quota of 150 % is 150 of every 100 ms. */
#define CPU_PERIOD_USEC 100000

static bool is_set(uint64_t limit)
{
	return limit != LIMIT_UNSET;
}

static void name(struct cap *cap, const char *controller, const char *file, const char *key)
{
	*cap = (struct cap){.controller = controller, .file = file, .key = key};
}

/* A number, or "max" for no end. */
static void put_number(struct cap *cap, uint64_t limit, const char *by_default)
{
	cap->is_set = is_set(limit);
	if (!cap->is_set)
		snprintf(cap->value, sizeof(cap->value), "%s", by_default);
	else if (limit == SIZE_INFINITY)
		snprintf(cap->value, sizeof(cap->value), "max");
	else
		snprintf(cap->value, sizeof(cap->value), "%" PRIu64, limit);
}

static void put_quota(struct cap *cap, uint64_t percent)
{
	cap->is_set = is_set(percent);
	if (!cap->is_set || percent == SIZE_INFINITY)
		snprintf(cap->value, sizeof(cap->value), "max %d", CPU_PERIOD_USEC);
	else
		snprintf(cap->value, sizeof(cap->value), "%" PRIu64 " %d",
			 percent * (CPU_PERIOD_USEC / 100), CPU_PERIOD_USEC);
}

static void put_io_weight(struct cap *cap, uint64_t weight)
{
	cap->is_set = is_set(weight);
	snprintf(cap->value, sizeof(cap->value), "default %" PRIu64, cap->is_set ? weight : 100);
}

static size_t add_rate(char *to, size_t room, const char *key, uint64_t rate)
{
	int n;

	if (!is_set(rate) || rate == SIZE_INFINITY)
		n = snprintf(to, room, " %s=max", key);
	else
		n = snprintf(to, room, " %s=%" PRIu64, key, rate);
	return (size_t)n;
}

static void put_rates(struct cap *cap, const struct config_limits *l, const char *device)
{
	int n;

	cap->is_set = is_set(l->io_read_max) || is_set(l->io_write_max);
	if (!device)
		return;
	n = snprintf(cap->value, sizeof(cap->value), "%s", device);
	n += (int)add_rate(cap->value + n, sizeof(cap->value) - (size_t)n, "rbps", l->io_read_max);
	add_rate(cap->value + n, sizeof(cap->value) - (size_t)n, "wbps", l->io_write_max);
}

void caps_of(const struct config_limits *l, const char *device, struct cap ret[CAPS_N])
{
	const struct {
		const char *controller;
		const char *file;
		const char *key;
		uint64_t limit;
		const char *by_default;
	} numbers[] = {
		{"memory", "memory.min", "memory_min", l->memory_min, "0"},
		{"memory", "memory.low", "memory_low", l->memory_low, "0"},
		{"memory", "memory.high", "memory_high", l->memory_high, "max"},
		{"memory", "memory.max", "memory_max", l->memory_max, "max"},
		{"memory", "memory.swap.max", "swap_max", l->swap_max, "max"},
		{"cpu", "cpu.weight", "cpu_weight", l->cpu_weight, "100"},
		{"pids", "pids.max", "tasks_max", l->tasks_max, "max"},
	};
	struct cap *cap = ret;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++, cap++) {
		name(cap, numbers[i].controller, numbers[i].file, numbers[i].key);
		put_number(cap, numbers[i].limit, numbers[i].by_default);
	}
	name(cap, "cpu", "cpu.max", "cpu_quota");
	put_quota(cap++, l->cpu_quota_percent);
	name(cap, "cpuset", "cpuset.cpus", "cpus");
	cap->is_set = l->cpus;
	snprintf(cap->value, sizeof(cap->value), "%s", l->cpus ? l->cpus : "");
	cap++;
	name(cap, "io", "io.weight", "io_weight");
	put_io_weight(cap++, l->io_weight);
	name(cap, "io", "io.max", "io_write_max");
	put_rates(cap, l, device);
}

static void size_words(const char *value, char ret[CAP_VALUE_MAX])
{
	char words[UNITS_TEXT_MAX];
	bool is_max = strcmp(value, "max") == 0;

	size_format(is_max ? SIZE_INFINITY : strtoull(value, NULL, 10), words);
	snprintf(ret, CAP_VALUE_MAX, "%s", strcmp(words, "0B") == 0 ? "0" : words);
}

/* "150000 100000" */
static void quota_words(const char *value, char ret[CAP_VALUE_MAX])
{
	char *end;
	uint64_t quota = strtoull(value, &end, 10);
	uint64_t period = strtoull(end, NULL, 10);

	if (end == value || period == 0)
		snprintf(ret, CAP_VALUE_MAX, "max");
	else
		snprintf(ret, CAP_VALUE_MAX, "%" PRIu64 "%%", quota * 100 / period);
}

/* "254:0 rbps=max wbps=4194304 …" */
static void rate_words(const char *value, const char *name, char ret[CAP_VALUE_MAX])
{
	const char *at = strstr(value, name);
	size_t n;

	ret[0] = '\0';
	if (!at)
		return;
	at += strlen(name);
	n = strcspn(at, " ");
	snprintf(ret, CAP_VALUE_MAX, "%.*s", (int)n, at);
	size_words(ret, ret);
}

void cap_words(const char *key, const char *value, char ret[CAP_VALUE_MAX])
{
	if (strncmp(key, "memory", 6) == 0 || strcmp(key, "swap_max") == 0)
		size_words(value, ret);
	else if (strcmp(key, "cpu_quota") == 0)
		quota_words(value, ret);
	else if (strcmp(key, "io_read_max") == 0)
		rate_words(value, "rbps=", ret);
	else if (strcmp(key, "io_write_max") == 0)
		rate_words(value, "wbps=", ret);
	else if (strncmp(value, "default ", 8) == 0)
		snprintf(ret, CAP_VALUE_MAX, "%s", value + 8);
	else
		snprintf(ret, CAP_VALUE_MAX, "%s", value);
}
