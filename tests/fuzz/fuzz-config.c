/* SPDX-License-Identifier: MIT */
#include "config/load.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/mask.h"
#include "config/model.h"
#include "config/plan.h"
#include "tests/fuzz/fuzz.h"

/*
 * Config files: what is refused has a reason that names the file and is safe to print; what is
 * accepted holds what the supervisor relies on without asking, loads to the same again, and
 * survives being masked and unmasked.
 */

static void check_error(const struct config *c, const struct error *err, int r)
{
	fuzz_require(!c && err->code == r);
	fuzz_require(text_starts(err->text, "/srv/config.json:"));
	fuzz_require(text_utf8_valid(err->text, strlen(err->text)));
	for (const char *s = err->text; *s; s++)
		fuzz_require((unsigned char)*s >= ' ' || *s == '\t');
}

static void check_probe(const struct config_probe *probe)
{
	fuzz_require(probe->kind < CONFIG_PROBE_KIND_COUNT && probe->timeout_usec > 0);
	fuzz_require(!probe->target ==
		     (probe->kind != CONFIG_PROBE_TCP && probe->kind != CONFIG_PROBE_HTTP &&
		      probe->kind != CONFIG_PROBE_LOG));
	fuzz_require((probe->kind == CONFIG_PROBE_EXEC) == (strings_len(probe->argv) > 0));
}

static void check_process(const struct config *c, const struct config_process *s)
{
	fuzz_require(text_name_valid(s->name) && config_find(c, s->name) == s);
	fuzz_require(strings_len(s->argv) > 0 && s->argv[0][0]);
	fuzz_require(s->cwd && s->cwd[0] == '/' && (!s->env_file || s->env_file[0] == '/'));
	for (char **pair = s->env; pair && *pair; pair++)
		fuzz_require(strchr(*pair, '=') > *pair);
	for (char **name = s->after; name && *name; name++)
		fuzz_require(config_find(c, *name) && config_find(c, *name) != s);
	for (size_t i = 0; i < s->n_listen; i++)
		fuzz_require(s->listen[i].name && s->listen[i].address);
	fuzz_require(s->instances >= 1 && s->stop_signal > 0);
	fuzz_require(s->restart_delay_usec > 0 &&
		     s->restart_delay_usec <= s->restart_max_delay_usec);
	fuzz_require(s->type == CONFIG_TYPE_SERVICE || s->restart_when != CONFIG_RESTART_ALWAYS);
	check_probe(&s->ready);
	check_probe(&s->health);
}

static void check_plan(const struct config *a, const struct config *b)
{
	struct plan plan;

	fuzz_require(plan_make(a, b, &plan) == 0 && plan.n_rows == a->n_processes);
	for (size_t i = 0; i < plan.n_rows; i++)
		fuzz_require(plan.rows[i].effect == PLAN_NOTHING);
	plan_done(&plan);
}

static void check_masks(const struct config *c)
{
	cleanup_json json_t *source = config_source(c);
	cleanup_json json_t *masked = source ? config_mask(source) : NULL;
	cleanup_json json_t *back = NULL;

	fuzz_require(masked && config_unmask(masked, source, &back, NULL) == 0);
	fuzz_require(json_equal(back, source));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config_rules rules;
	struct config *c = NULL, *again = NULL;
	struct error err = {0};
	int r = config_parse((const char *)data, size, "/srv/config.json", &rules, &c, &err);

	if (r < 0) {
		check_error(c, &err, r);
		return 0;
	}
	for (size_t i = 0; i < c->n_processes; i++)
		check_process(c, &c->processes[i]);
	for (char **w = c->warnings; w && *w; w++)
		fuzz_require(text_utf8_valid(*w, strlen(*w)));
	fuzz_require(config_parse(c->text, size, "/srv/config.json", &rules, &again, NULL) == 0);
	check_plan(c, again);
	check_masks(c);
	config_unref(again);
	config_unref(c);
	return 0;
}
