/* SPDX-License-Identifier: MIT */
#include "config/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/file.h"
#include "lib/json.h"
#include "config/mask.h"
#include "config/plan.h"
#include "config/vector.h"
#include "tests/unit/config/config-text.h"

/*
 * Every allocation fails once: a config is loaded again and again, and each time the next
 * allocation finds no memory. Whatever it was for, the answer is -ENOMEM, or it was for something
 * that was not needed; and nothing is left behind (which the sanitizer sees).
 */

static unsigned n_until_failure;
static bool is_counting;
static bool has_failed;

static bool fails(void)
{
	if (!is_counting || n_until_failure-- != 0)
		return false;
	has_failed = true;
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
char *__wrap_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
char *__wrap_strndup(const char *s, size_t n);

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? no_memory() : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? no_memory() : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? no_memory() : __real_realloc(p, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? no_memory() : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? no_memory() : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return fails() ? no_memory() : __real_strndup(s, n);
}

/* jansson is a library of its own, out of reach of --wrap. */
static void *json_malloc_counted(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

json_t *__real_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);

/* jansson's reader does not look whether its buffer grew, and loses characters: it is left out. */
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error)
{
	bool was_counting = is_counting;
	json_t *json;

	is_counting = false;
	json = __real_json_loadb(text, len, flags, error);
	is_counting = was_counting;
	return json;
}

static void start_counting(unsigned n)
{
	n_until_failure = n;
	has_failed = false;
	is_counting = true;
}

static const char *const files[] = {
	TEST_DATA "/config/good/everything.json",
	TEST_DATA "/config/good/flat.json",
};

static struct config *load(const char *path, int *ret)
{
	static const struct config_rules rules;
	struct config *c = NULL;
	struct error err = {0};

	*ret = config_load(path, &rules, &c, &err);
	is_counting = false;
	if (*ret < 0 && *ret != -ENOMEM)
		fail_msg("%d %s", *ret, err.text);
	return c;
}

static void assert_same(const struct config *a, const struct config *b)
{
	struct plan plan;

	assert_int_equal(plan_make(a, b, &plan), 0);
	for (size_t i = 0; i < plan.n_rows; i++)
		assert_int_equal(plan.rows[i].effect, PLAN_NOTHING);
	plan_done(&plan);
	assert_true(strings_equal(a->warnings, b->warnings));
	assert_true(json_equal(a->hooks, b->hooks));
}

static void load_without_memory_fails_or_does_not_need_it(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		int r;
		struct config *whole = load(files[i], &r);
		unsigned n = 0;

		assert_int_equal(r, 0);
		do {
			struct config *c;

			start_counting(n++);
			c = load(files[i], &r);
			if (r == 0)
				assert_same(whole, c);
			config_unref(c);
		} while (has_failed);
		assert_true(n > 200);
		config_unref(whole);
	}
}

static void complaint_without_memory_is_still_an_error(void **state)
{
	static const char text[] = "{\"processes\": {\"s\": {\"comand\": \"p\"}}}";
	static const struct config_rules rules;
	struct error err = {0};
	unsigned n = 0;

	do {
		struct config *c = NULL;
		int r;

		err = (struct error){0};
		start_counting(n++);
		r = config_parse(text, strlen(text), "c.json", &rules, &c, &err);
		is_counting = false;
		assert_true(r == -ENOMEM || r == -EINVAL);
		assert_null(c);
	} while (!strstr(err.text, "did you mean 'command'?"));
	assert_true(n > 10);
}

static void plan_without_memory_fails_and_leaves_nothing(void **state)
{
	struct config *a =
		config_of("{'processes': {'s': {'command': 'p'}, 'old': {'command': 'p'}}}");
	struct config *b =
		config_of("{'processes': {'s': {'command': 'q'}, 'new': {'command': 'p'}}}");
	struct plan plan;
	unsigned n = 0;
	int r;

	do {
		start_counting(n++);
		r = plan_make(a, b, &plan);
		is_counting = false;
		assert_true(r == 0 || r == -ENOMEM);
	} while (r < 0);
	assert_true(n > 3);
	plan_done(&plan);
	config_unref(a);
	config_unref(b);
}

static void masks_without_memory_fail_and_leave_nothing(void **state)
{
	struct config *c = config_of("{'env': {'TOKEN': 'x', 'hook': 'y'}, 'processes': {'s':"
				     " {'command': 'p', 'args': [{'password': 'z'}]}}, 'webhooks':"
				     " {'h': {'token': '${hook}', 'path': '.'}}}");
	json_t *source = config_source(c);
	json_t *masked = NULL, *back = NULL;
	unsigned n = 0;
	int r;

	assert_non_null(source);
	do {
		json_decref(masked);
		start_counting(n++);
		masked = config_mask(source);
		is_counting = false;
		assert_true(has_failed == !masked);
	} while (has_failed);
	assert_true(n > 10);
	assert_false(json_equal(masked, source));
	n = 0;
	do {
		struct error err = {0};

		start_counting(n++);
		r = config_unmask(masked, source, &back, &err);
		is_counting = false;
		assert_true(has_failed ? r == -ENOMEM : r == 0);
	} while (has_failed);
	assert_true(n > 10);
	assert_true(json_equal(back, source));
	json_decref(masked);
	json_decref(back);
	json_decref(source);
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_without_memory_fails_or_does_not_need_it),
		cmocka_unit_test(complaint_without_memory_is_still_an_error),
		cmocka_unit_test(plan_without_memory_fails_and_leaves_nothing),
		cmocka_unit_test(masks_without_memory_fail_and_leave_nothing),
	};

	json_set_alloc_funcs(json_malloc_counted, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
