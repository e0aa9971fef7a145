/* SPDX-License-Identifier: MIT */
#include "supervisor/gauge.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "supervisor/ring-file.h"

/*
 * One service or slice, measured.
 *
 * Memory holds its last minute, the file everything before. The file is written when a second of
 * the minute is over that is different for each, so that a slow disk is met with one small write
 * at a time and never with those of all services at once. That second itself may have been missed,
 * by a busy machine or one that slept: any that follows will do. What is written twice lands in the
 * same place.
 */

/* Two looks that are nearer than this say nothing about a rate: /proc counts in ticks of 10 ms. */
#define INTERVAL_MIN_USEC (300 * USEC_PER_MSEC)

struct gauge *gauge_new(const char *folder, const char *name)
{
	struct gauge *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	list_init(&g->link);
	meter_init(&g->meter);
	gauge_begin(g, 0);
	g->name = strdup(name);
	if (asprintf(&g->path, "%s/%s.ring", folder, name) < 0)
		g->path = NULL;
	if (g->name && g->path)
		return g;
	gauge_free(g);
	return NULL;
}

void gauge_free(struct gauge *g)
{
	if (!g)
		return;
	list_remove(&g->link);
	gauge_close(g);
	free(g->records);
	free(g->path);
	free(g->name);
	free(g);
}

void gauge_begin(struct gauge *g, usec_t begun_usec)
{
	numbers_clear(&g->per_second);
	if (begun_usec)
		numbers_begin(&g->now, begun_usec);
	else
		numbers_clear(&g->now);
}

void gauge_take(struct gauge *g, const struct numbers *now)
{
	bool is_first = g->now.at_usec == 0;

	if (!is_first && now->at_usec < g->now.at_usec + INTERVAL_MIN_USEC) {
		memcpy(g->per_second.value + NUMBER_COUNTERS, now->value + NUMBER_COUNTERS,
		       (NUMBER_COUNT - NUMBER_COUNTERS) * sizeof(now->value[0]));
		return;
	}
	numbers_per_second(is_first ? NULL : &g->now, now, &g->per_second);
	g->now = *now;
}

int gauge_read(struct gauge *g, usec_t now_usec, bool rare)
{
	struct numbers now;
	int r;

	numbers_clear(&now);
	now.at_usec = now_usec;
	for (size_t i = NUMBER_KEPT; i < NUMBER_COUNT; i++)
		now.value[i] = g->per_second.value[i];
	r = meter_read(&g->meter, &now);
	if (r < 0) {
		gauge_close(g);
		return r;
	}
	if (rare)
		meter_read_rare(&g->meter, &now);
	gauge_take(g, &now);
	return 0;
}

static int flush(const struct gauge *g, uint32_t at_sec)
{
	struct ring_record minute;

	if (!g->records || !ring_minute_of(g->records, GAUGE_RECORDS, at_sec, &minute))
		return 0;
	return ring_file_write(g->path, g->records, GAUGE_RECORDS, &minute);
}

/* Those of one number are written together. */
static uint32_t minute_of(const struct gauge *g, uint32_t at_sec)
{
	return (at_sec + GAUGE_RECORDS - 1 - g->phase) / GAUGE_RECORDS;
}

int gauge_record(struct gauge *g, uint32_t at_sec)
{
	int r = 0;

	if (!g->records)
		g->records = calloc(GAUGE_RECORDS, sizeof(*g->records));
	if (!g->records)
		return -ENOMEM;
	/* Before the first of the next minute takes the place of the first of this one. */
	if (g->recorded_sec > 0 && minute_of(g, at_sec) != minute_of(g, g->recorded_sec))
		r = flush(g, g->recorded_sec);
	ring_record_of(&g->per_second, at_sec, &g->records[at_sec % GAUGE_RECORDS]);
	g->recorded_sec = at_sec;
	return r;
}

void gauge_close(struct gauge *g)
{
	int r;

	if (!meter_is_open(&g->meter))
		return;
	meter_close(&g->meter);
	g->recorded_sec = 0;
	r = flush(g, (uint32_t)(clock_at_usec() / USEC_PER_SEC));
	if (r < 0)
		log_debug("%s: the last minute of its history is lost: %s", g->name, strerror(-r));
}

/*
 * Those of the last minute, in the place of what the file has of it: a clock that was set back has
 * left another past there. Return: how many there are then.
 */
static size_t add_newest(const struct gauge *g, uint32_t now_sec, struct ring_record *records,
			 size_t n)
{
	for (uint32_t age = GAUGE_RECORDS; age-- > 0;) {
		const struct ring_record *r = &g->records[(now_sec - age) % GAUGE_RECORDS];

		if (r->at_sec != now_sec - age)
			continue;
		while (n > 0 && records[n - 1].at_sec >= r->at_sec)
			n--;
		records[n++] = *r;
	}
	return n;
}

int gauge_history(const struct gauge *g, enum ring_step step, uint32_t now_sec, size_t max,
		  struct ring_record **ret_records, size_t *ret_n)
{
	cleanup_free struct ring_record *records = NULL;
	struct ring_record *grown;
	size_t n = 0;
	int r = ring_file_read(g->path, step, now_sec, max, &records, &n);

	if (r < 0)
		return r;
	if (step == RING_STEP_SECOND && g->records) {
		grown = reallocarray(records, n + GAUGE_RECORDS, sizeof(*records));
		if (!grown)
			return -ENOMEM;
		records = grown;
		n = add_newest(g, now_sec, records, n);
	}
	if (n > max)
		memmove(records, records + (n - max), max * sizeof(*records));
	*ret_records = steal_ptr(records);
	*ret_n = MIN_OF(n, max);
	return 0;
}
