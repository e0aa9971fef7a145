/* SPDX-License-Identifier: MIT */
/*
 * metrics: the numbers of now in the text format of OpenMetrics 1.0, for whoever collects them.
 *
 * A service and the slice that it is in would be counted twice by a sum over both, so they have
 * families of their own: slicekeep_service_… and slicekeep_slice_…. What nobody can tell has no
 * sample, which is not the same as 0.
 */
#include <inttypes.h>
#include <stdio.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/print.h"

/**
 * struct family - one metric
 * @name:   behind "slicekeep_KIND_"; with its unit at the end
 * @unit:   NULL: none
 * @part:   object of Usage that has it; NULL: Usage itself
 * @key:    its member there
 * @labels: beside the name; may be NULL
 *
 * Rows of one name are samples of one family.
 */
struct family {
	const char *name;
	const char *unit;
	const char *help;
	const char *part;
	const char *key;
	const char *labels;
};

#define PRESSURE "time in which processes waited"

static const struct family families[] = {
	{"cpu_seconds", "seconds", "CPU time used", "total", "cpu_usec"},
	{"throttled_seconds", "seconds", "time held back by a CPU quota", "total",
	 "throttled_usec"},
	{"io_read_bytes", "bytes", "bytes read from disks", "total", "io_read_bytes"},
	{"io_write_bytes", "bytes", "bytes written to disks", "total", "io_write_bytes"},
	{"pressure_seconds", "seconds", PRESSURE, "total", "cpu_some_usec",
	 ",resource=\"cpu\",who=\"some\""},
	{"pressure_seconds", "seconds", PRESSURE, "total", "cpu_full_usec",
	 ",resource=\"cpu\",who=\"all\""},
	{"pressure_seconds", "seconds", PRESSURE, "total", "memory_some_usec",
	 ",resource=\"memory\",who=\"some\""},
	{"pressure_seconds", "seconds", PRESSURE, "total", "memory_full_usec",
	 ",resource=\"memory\",who=\"all\""},
	{"pressure_seconds", "seconds", PRESSURE, "total", "io_some_usec",
	 ",resource=\"io\",who=\"some\""},
	{"pressure_seconds", "seconds", PRESSURE, "total", "io_full_usec",
	 ",resource=\"io\",who=\"all\""},
	{"memory_bytes", "bytes", "memory used now", NULL, "memory_bytes"},
	{"memory_peak_bytes", "bytes", "the most memory used", NULL, "memory_peak_bytes"},
	{"memory_high_bytes", "bytes", "memory above which it is slowed down", NULL,
	 "memory_high_bytes"},
	{"memory_max_bytes", "bytes", "memory above which it is killed", NULL, "memory_max_bytes"},
	{"swap_bytes", "bytes", "swap used now", NULL, "swap_bytes"},
	{"tasks", NULL, "processes and threads", NULL, "tasks"},
};

static bool is_seconds(const struct family *f)
{
	return text_equal(f->unit, "seconds");
}

static void add_head(struct text *out, const char *kind, const struct family *f)
{
	const char *type = f->part ? "counter" : "gauge";

	text_addf(out, "# TYPE slicekeep_%s_%s %s\n", kind, f->name, type);
	if (f->unit)
		text_addf(out, "# UNIT slicekeep_%s_%s %s\n", kind, f->name, f->unit);
	text_addf(out, "# HELP slicekeep_%s_%s %s\n", kind, f->name, f->help);
}

/* A family that nobody has a sample of is left out. */
static void add_sample(struct text *out, const json_t *one, const char *kind,
		       const struct family *f, const char **headed)
{
	const json_t *part = f->part ? json_object_get(one, f->part) : one;
	uint64_t value = json_get_uint(part, f->key, UINT64_MAX);

	if (value == UINT64_MAX)
		return;
	if (!text_equal(*headed, f->name))
		add_head(out, kind, f);
	*headed = f->name;
	text_addf(out, "slicekeep_%s_%s%s{%s=\"%s\"%s} ", kind, f->name, f->part ? "_total" : "",
		  kind, json_get_string(one, "name"), f->labels ? f->labels : "");
	if (is_seconds(f))
		text_addf(out, "%" PRIu64 ".%06" PRIu64 "\n", value / USEC_PER_SEC,
			  value % USEC_PER_SEC);
	else
		text_addf(out, "%" PRIu64 "\n", value);
}

static void add_families(struct text *out, const json_t *numbers, const char *kind)
{
	const char *headed = NULL;

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		json_t *one;
		size_t k;

		json_array_foreach(numbers, k, one) {
			if (text_equal(json_get_string(one, "kind"), kind))
				add_sample(out, one, kind, &families[i], &headed);
		}
	}
}

/* What slices do not have. */
static void add_lives(struct text *out, const json_t *numbers)
{
	json_t *one;
	size_t i;

	text_add(out, "# TYPE slicekeep_service_up gauge\n"
		      "# HELP slicekeep_service_up whether it runs and is ready\n");
	json_array_foreach(numbers, i, one) {
		if (text_equal(json_get_string(one, "kind"), "service"))
			text_addf(out, "slicekeep_service_up{service=\"%s\"} %d\n",
				  json_get_string(one, "name"),
				  text_equal(json_get_string(one, "state"), "running"));
	}
	text_add(out, "# TYPE slicekeep_service_restarts counter\n"
		      "# HELP slicekeep_service_restarts starts after the first\n");
	json_array_foreach(numbers, i, one) {
		if (text_equal(json_get_string(one, "kind"), "service"))
			text_addf(out,
				  "slicekeep_service_restarts_total{service=\"%s\"} %" PRIu64 "\n",
				  json_get_string(one, "name"), json_get_uint(one, "restarts", 0));
	}
}

static int metrics_run(struct cli *cli, char **argv)
{
	cleanup_supervisor struct supervisor s = {0};
	cleanup_json json_t *reply = NULL;
	cleanup_text struct text out = {0};
	const json_t *numbers;
	struct options_rest rest;
	struct error err = {0};
	int code;

	if (!command_options(cli, &command_metrics, argv, NULL, &rest))
		return CLI_USAGE;
	if (rest.n_words > 0)
		return command_usage(cli, &command_metrics, "it is about all services");
	code = supervisor_open(cli, &s, &err);
	if (code == 0)
		code = supervisor_ask(&s, "io.slicekeep.supervisor.Numbers", NULL, &reply, &err);
	if (code < 0)
		return command_fail(&err);
	numbers = json_object_get(reply, "numbers");
	add_lives(&out, numbers);
	add_families(&out, numbers, "service");
	add_families(&out, numbers, "slice");
	text_add(&out, "# EOF\n");
	return print_text(&out);
}

const struct command command_metrics = {
	.name = "metrics",
	.group = COMMAND_SEE,
	.synopsis = "",
	.summary = "the numbers of all services, for Prometheus (OpenMetrics)",
	.run = metrics_run,
};
