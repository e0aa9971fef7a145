/* SPDX-License-Identifier: MIT */

/*
 * Limits in the words of cgroup v2.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/units.h"
#include "config/limits.h"
#include "supervisor/caps.h"

static struct config_limits no_limits(void)
{
	struct config_limits l;

	config_limits_unset(&l);
	return l;
}

static const struct cap *find(const struct cap caps[CAPS_N], const char *file)
{
	size_t i = 0;

	while (i < CAPS_N && strcmp(caps[i].file, file) != 0)
		i++;
	assert_int_not_equal(i, CAPS_N);
	return &caps[i];
}

static void assert_value(const struct config_limits *l, const char *device, const char *file,
			 const char *expected)
{
	struct cap caps[CAPS_N];
	const struct cap *cap;

	caps_of(l, device, caps);
	cap = find(caps, file);
	assert_string_equal(cap->value, expected);
	assert_true(cap->is_set);
	assert_ptr_equal(strstr(file, cap->controller), file);
}

static void caps_unset_are_the_kernels_defaults(void **state unused)
{
	static const char *const defaults[][2] = {
		{"memory.min", "0"},          {"memory.low", "0"},
		{"memory.high", "max"},       {"memory.max", "max"},
		{"memory.swap.max", "max"},   {"cpu.weight", "100"},
		{"cpu.max", "max 100000"},    {"pids.max", "max"},
		{"io.weight", "default 100"}, {"io.max", "8:0 rbps=max wbps=max"},
		{"cpuset.cpus", ""},
	};
	const struct config_limits unset = no_limits();
	struct cap caps[CAPS_N];

	assert_int_equal(ARRAY_LEN(defaults), CAPS_N);
	caps_of(&unset, "8:0", caps);
	for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
		const struct cap *cap = find(caps, defaults[i][0]);

		assert_string_equal(cap->value, defaults[i][1]);
		assert_false(cap->is_set);
	}
}

static void caps_of_sizes_and_weights_are_numbers(void **state unused)
{
	struct config_limits l = no_limits();

	l.memory_max = 268435456;
	l.memory_low = 0;
	l.swap_max = 0;
	l.memory_high = SIZE_INFINITY;
	l.tasks_max = 128;
	l.cpu_weight = 300;
	l.io_weight = 50;
	assert_value(&l, NULL, "memory.max", "268435456");
	assert_value(&l, NULL, "memory.low", "0");
	assert_value(&l, NULL, "memory.swap.max", "0");
	assert_value(&l, NULL, "memory.high", "max");
	assert_value(&l, NULL, "pids.max", "128");
	assert_value(&l, NULL, "cpu.weight", "300");
	assert_value(&l, NULL, "io.weight", "default 50");
}

static void caps_of_a_quota_are_a_share_of_the_period(void **state unused)
{
	struct config_limits l = no_limits();

	l.cpu_quota_percent = 150;
	assert_value(&l, NULL, "cpu.max", "150000 100000");
	l.cpu_quota_percent = 1;
	assert_value(&l, NULL, "cpu.max", "1000 100000");
	l.cpu_quota_percent = SIZE_INFINITY;
	assert_value(&l, NULL, "cpu.max", "max 100000");
}

static void caps_of_rates_name_the_device(void **state unused)
{
	struct config_limits l = no_limits();

	l.io_write_max = 4194304;
	assert_value(&l, "254:16", "io.max", "254:16 rbps=max wbps=4194304");
	l.io_read_max = 1048576;
	assert_value(&l, "254:16", "io.max", "254:16 rbps=1048576 wbps=4194304");
	assert_value(&l, NULL, "io.max", "");
}

static void caps_of_the_longest_list_of_cpus_are_whole(void **state unused)
{
	char cpus[256 + 1];
	struct config_limits l = no_limits();

	memset(cpus, '1', sizeof(cpus) - 1);
	cpus[sizeof(cpus) - 1] = '\0';
	l.cpus = cpus;
	assert_value(&l, NULL, "cpuset.cpus", cpus);
}

static void assert_words(const char *key, const char *value, const char *expected)
{
	char words[CAP_VALUE_MAX];

	cap_words(key, value, words);
	assert_string_equal(words, expected);
}

static void caps_of_the_kernel_are_told_in_words_of_the_config(void **state unused)
{
	assert_words("memory_max", "268435456", "256M");
	assert_words("memory_high", "max", "max");
	assert_words("swap_max", "0", "0");
	assert_words("cpu_quota", "150000 100000", "150%");
	assert_words("cpu_quota", "max 100000", "max");
	assert_words("cpu_weight", "300", "300");
	assert_words("cpus", "0-3", "0-3");
	assert_words("tasks_max", "max", "max");
	assert_words("io_weight", "default 50", "50");
	assert_words("io_read_max", "254:0 rbps=max wbps=4194304 riops=max wiops=max", "max");
	assert_words("io_write_max", "254:0 rbps=max wbps=4194304 riops=max wiops=max", "4M");
	assert_words("io_write_max", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caps_unset_are_the_kernels_defaults),
		cmocka_unit_test(caps_of_sizes_and_weights_are_numbers),
		cmocka_unit_test(caps_of_a_quota_are_a_share_of_the_period),
		cmocka_unit_test(caps_of_rates_name_the_device),
		cmocka_unit_test(caps_of_the_longest_list_of_cpus_are_whole),
		cmocka_unit_test(caps_of_the_kernel_are_told_in_words_of_the_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
