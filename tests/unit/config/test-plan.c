/* SPDX-License-Identifier: MIT */
#include "config/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/text.h"
#include "tests/unit/config/config-text.h"

/* "shop restart: args changed", one line a row. */
static char *plan_of(const char *from, const char *to)
{
	struct config *a = from ? config_of(from) : NULL;
	struct config *b = config_of(to);
	struct text t = {0};
	struct plan p;

	assert_int_equal(plan_make(a, b, &p), 0);
	for (size_t i = 0; i < p.n_rows; i++)
		text_addf(&t, "%s%s %s: %s", i > 0 ? "\n" : "", p.rows[i].name,
			  plan_effect_name(p.rows[i].effect), p.rows[i].why);
	plan_done(&p);
	config_unref(a);
	config_unref(b);
	return text_take(&t);
}

static void assert_plan(const char *from, const char *to, const char *expected)
{
	cleanup_free char *got = plan_of(from, to);

	assert_string_equal(got, expected);
}

/* What it means that a process gets these members. */
static void assert_change(const char *members, const char *expected)
{
	cleanup_text struct text to = {0};

	text_addf(&to, "{'slices': {'web': {}}, 'processes': {'s': {'command': 'p', %s}}}",
		  members);
	assert_plan("{'slices': {'web': {}}, 'processes': {'s': {'command': 'p'}}}", to.data,
		    expected);
}

static void plan_without_a_past_starts_everything(void **state)
{
	assert_plan(NULL,
		    "{'processes': {'a': {'command': 'p'}, 'b': {'command': 'p', 'autostart':"
		    " false}}}",
		    "a start: new\nb start: new, and not started by itself");
}

static void plan_of_the_same_is_nothing(void **state)
{
	static const char text[] = "{'processes': {'a': {'command': 'p', 'env': {'A': 1}, 'listen':"
				   " '0.0.0.0:80', 'sandbox': 'off', 'ready': {'exec': 'x y'}}}}";

	assert_plan(text, text, "a nothing: unchanged");
}

static void plan_has_new_ones_in_order_and_removed_ones_last(void **state)
{
	assert_plan("{'processes': {'old': {'command': 'p'}, 'a': {'command': 'p'}}}",
		    "{'processes': {'new': {'command': 'p'}, 'a': {'command': 'p'}}}",
		    "new start: new\na nothing: unchanged\nold stop: not in the config any more");
}

static void what_the_payload_got_at_its_start_restarts(void **state)
{
	assert_change("'args': ['x']", "s restart: args changed");
	assert_change("'env': {'A': 1}", "s restart: env changed");
	assert_change("'args': 'x', 'env': {'A': 1}", "s restart: args and env changed");
	assert_change("'args': 'x', 'env': {'A': 1}, 'cwd': '/tmp'",
		      "s restart: args, env and cwd changed");
	assert_change("'env_file': '.env'", "s restart: env_file changed");
	assert_change("'user': 'shop'", "s restart: user changed");
	assert_change("'groups': ['shop']", "s restart: groups changed");
	assert_change("'slice': 'web'", "s restart: slice changed");
	assert_change("'type': 'oneshot'", "s restart: type changed");
	assert_change("'listen': '0.0.0.0:80'", "s restart: listen changed");
	assert_change("'ports': ['${PORT}']", "s restart: number of ports changed");
	assert_change("'merge_streams': true", "s restart: merge_streams changed");
	assert_change("'sandbox': 'default'", "s restart: sandbox changed");
	assert_change("'sandbox': 'off'", "s nothing: unchanged");
	assert_change("'writable': ['/x']", "s restart: sandbox changed");
	assert_change("'credentials': {'pg': '/x'}", "s restart: sandbox changed");
	assert_plan("{'processes': {'s': {'command': 'p'}}}",
		    "{'processes': {'s': {'command': 'q'}}}", "s restart: program changed");
	assert_plan("{'processes': {'s': {'command': 'p', 'listen': '0.0.0.0:80'}}}",
		    "{'processes': {'s': {'command': 'p', 'listen': '0.0.0.0:81'}}}",
		    "s restart: listen changed");
}

static void policy_changes_live(void **state)
{
	assert_change("'limits': {'memory_max': '1G'}", "s live: limits changed");
	assert_change("'limits': {'open_files': 100}", "s live: limits changed");
	assert_change("'limits': {'oom_score': 0}", "s live: limits changed");
	assert_change("'limits': {'cpus': '0'}", "s live: limits changed");
	assert_change("'restart': {'max_delay': '5s'}", "s live: restart changed");
	assert_change("'ready': {'log': 'up'}", "s live: ready changed");
	assert_change("'ready': {'timeout': '5s'}", "s live: ready changed");
	assert_change("'health': {'exec': 'x'}", "s live: health changed");
	assert_change("'stop': {'timeout': '5s'}, 'drain': '10s'", "s live: stop changed");
	assert_change("'autostart': false", "s live: autostart changed");
	assert_change("'log': {'policy': 'drop'}", "s live: log changed");
	assert_change("'ports': [80]", "s live: ports changed");
	assert_change("'instances': 2", "s live: instances changed");
	assert_change("'drain': '1s'", "s live: rollout changed");
	assert_change("'schedule': '03:00'", "s live: schedule changed");
	assert_change("'watch': ['x']", "s live: schedule changed");
	assert_plan("{'processes': {'s': {'command': 'p'}, 'd': {'command': 'p'}}}",
		    "{'processes': {'s': {'command': 'p', 'after': ['d']}, 'd': {'command': 'p'}}}",
		    "s live: after changed\nd nothing: unchanged");
}

static void reason_names_what_costs_the_most(void **state)
{
	assert_change("'args': 'x', 'limits': {'memory_max': '1G'}", "s restart: args changed");
	assert_change("'limits': {'memory_max': '1G'}, 'log': {'policy': 'drop'}",
		      "s live: limits and log changed");
}

static void change_of_a_hook_changes_no_process(void **state)
{
	assert_change("'webhook': {'token': 't', 'path': '.'}", "s nothing: unchanged");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_without_a_past_starts_everything),
		cmocka_unit_test(plan_of_the_same_is_nothing),
		cmocka_unit_test(plan_has_new_ones_in_order_and_removed_ones_last),
		cmocka_unit_test(what_the_payload_got_at_its_start_restarts),
		cmocka_unit_test(policy_changes_live),
		cmocka_unit_test(reason_names_what_costs_the_most),
		cmocka_unit_test(change_of_a_hook_changes_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
