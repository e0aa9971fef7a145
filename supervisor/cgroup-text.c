/* SPDX-License-Identifier: MIT */
#include "supervisor/cgroup-text.h"

#include <string.h>

#include "supervisor/numbers.h"

/*
 * What the kernel writes into the files of a cgroup, see cgroup-v2.rst: a single number or "max", a
 * key and a number a line, or keys with "=" behind the name of a device. There is no cpu.stat with
 * nr_throttled where the controller is not enabled, no io.stat line before the first byte, and no
 * "full" for the CPU in older kernels: what is not there stays unknown.
 */

struct reader {
	const char *name;
	void (*read)(const char *text, const struct reader *r, struct numbers *n);
	enum number number;
};

/* The number behind @key, at the beginning of a line or behind a blank. Return: whether it is
 * there. */
static bool find(const char *text, const char *key, uint64_t *ret_value)
{
	size_t n = strlen(key);

	for (const char *at = strstr(text, key); at; at = strstr(at + n, key)) {
		if (at == text || at[-1] == '\n' || at[-1] == ' ') {
			*ret_value = strtoull(at + n, NULL, 10);
			return true;
		}
	}
	return false;
}

static void read_number(const char *text, const struct reader *r, struct numbers *n)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (end != text)
		n->value[r->number] = value;
}

static void read_cpu_stat(const char *text, const struct reader *r, struct numbers *n)
{
	find(text, "usage_usec ", &n->value[r->number]);
	find(text, "throttled_usec ", &n->value[NUMBER_THROTTLED_USEC]);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull …": the averages are of the total. */
static void read_pressure(const char *text, const struct reader *r, struct numbers *n)
{
	const char *some = strstr(text, "some ");
	const char *full = strstr(text, "full ");

	if (some)
		find(some, "total=", &n->value[r->number]);
	if (full)
		find(full, "total=", &n->value[r->number + 1]);
}

static uint64_t sum(const char *text, const char *key)
{
	size_t n = strlen(key);
	uint64_t all = 0;

	for (const char *at = strstr(text, key); at; at = strstr(at + n, key))
		all += strtoull(at + n, NULL, 10);
	return all;
}

/* "254:0 rbytes=4096 wbytes=0 rios=1 …", a line for each device. What goes through a volume to its
 * disk is counted at both. */
static void read_io(const char *text, const struct reader *r, struct numbers *n)
{
	n->value[r->number] = sum(text, " rbytes=");
	n->value[NUMBER_IO_WRITE_BYTES] = sum(text, " wbytes=");
}

static const struct reader readers[] = {
	[CGROUP_FILE_CPU_STAT] = {"cpu.stat", read_cpu_stat, NUMBER_CPU_USEC},
	[CGROUP_FILE_CPU_PRESSURE] = {"cpu.pressure", read_pressure, NUMBER_CPU_SOME_USEC},
	[CGROUP_FILE_MEMORY_CURRENT] = {"memory.current", read_number, NUMBER_MEMORY_BYTES},
	[CGROUP_FILE_SWAP_CURRENT] = {"memory.swap.current", read_number, NUMBER_SWAP_BYTES},
	[CGROUP_FILE_MEMORY_PRESSURE] = {"memory.pressure", read_pressure, NUMBER_MEMORY_SOME_USEC},
	[CGROUP_FILE_IO_STAT] = {"io.stat", read_io, NUMBER_IO_READ_BYTES},
	[CGROUP_FILE_IO_PRESSURE] = {"io.pressure", read_pressure, NUMBER_IO_SOME_USEC},
	[CGROUP_FILE_PIDS_CURRENT] = {"pids.current", read_number, NUMBER_TASKS},
	[CGROUP_FILE_MEMORY_PEAK] = {"memory.peak", read_number, NUMBER_MEMORY_PEAK_BYTES},
	[CGROUP_FILE_MEMORY_HIGH] = {"memory.high", read_number, NUMBER_MEMORY_HIGH_BYTES},
	[CGROUP_FILE_MEMORY_MAX] = {"memory.max", read_number, NUMBER_MEMORY_MAX_BYTES},
};

static_assert(ARRAY_LEN(readers) == CGROUP_FILE_COUNT, "a reader for each file");

const char *cgroup_file_name(enum cgroup_file file)
{
	return readers[file].name;
}

void cgroup_text_read(enum cgroup_file file, const char *text, struct numbers *n)
{
	readers[file].read(text, &readers[file], n);
}
