/* SPDX-License-Identifier: MIT */

/*
 * Secrets are taken out before a config travels, and put back when it comes home.
 *
 * {"$keep": true} says "as it was": the place in the document is the only thing that ties it to its
 * value, so a key that was renamed, or an array that was reordered, finds nothing and is an error
 * rather than somebody else's secret.
 *
 * Both walks build a new document level by level and call themselves CONFIG_DEPTH_MAX times at
 * most: what comes over the wire may be nested as deep as the JSON reader allows.
 */

#include "config/mask.h"

#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/place.h"
#include "config/secret.h"

#define NAME_MAX_BYTES 256

/**
 * struct walk - a pass over a config
 * @names: object whose keys are variables that a secret consists of
 * @found: a secret was met
 */
struct walk {
	struct place place;
	json_t *names;
	bool found;
	struct error *err;
};

static bool is_env(const struct walk *w)
{
	return w->place.n_parts == 2 && text_equal(w->place.parts[0].key, "env");
}

static const char *last_key(const struct walk *w)
{
	size_t n = w->place.n_parts;

	return n > 0 && n <= PLACE_PARTS_MAX ? w->place.parts[n - 1].key : NULL;
}

/* "${name}" under a name that only secrets have: what it stands for is one. */
static int note_variable(struct walk *w, const json_t *value)
{
	const char *s = json_string_value(value);
	char name[NAME_MAX_BYTES];
	size_t len = s ? strlen(s) : 0;

	if (!s || !last_key(w) || !secret_is_name(last_key(w)) || !text_starts(s, "${") ||
	    len < 4 || len - 3 >= sizeof(name))
		return 0;
	memcpy(name, s + 2, len - 3);
	name[len - 3] = 0;
	return json_object_set_new(w->names, name, json_true()) < 0 ? -ENOMEM : 0;
}

static bool is_secret(const struct walk *w, const json_t *value)
{
	const char *key = last_key(w);

	if (secret_is(key, value))
		return true;
	return is_env(w) && !json_is_object(value) && !json_is_array(value) &&
	       json_object_get(w->names, key);
}

static int find_variables(struct walk *w, const json_t *value)
{
	const char *key;
	json_t *child;
	size_t i;
	int r = 0;

	if (w->place.n_parts > CONFIG_DEPTH_MAX)
		return -EINVAL;
	json_object_foreach((json_t *)value, key, child) {
		place_push_key(&w->place, key);
		r = find_variables(w, child);
		place_pop(&w->place);
		if (r < 0)
			return r;
	}
	json_array_foreach(value, i, child) {
		place_push_index(&w->place, i);
		r = find_variables(w, child);
		place_pop(&w->place);
		if (r < 0)
			return r;
	}
	return note_variable(w, value);
}

static json_t *mask_value(struct walk *w, const json_t *value);

static json_t *mask_object(struct walk *w, const json_t *object)
{
	cleanup_json json_t *masked = json_object();
	const char *key;
	json_t *child;

	json_object_foreach((json_t *)object, key, child) {
		place_push_key(&w->place, key);
		child = mask_value(w, child);
		place_pop(&w->place);
		if (json_object_set_new(masked, key, child) < 0)
			return NULL;
	}
	return steal_ptr(masked);
}

static json_t *mask_array(struct walk *w, const json_t *array)
{
	cleanup_json json_t *masked = json_array();
	json_t *child;
	size_t i;

	json_array_foreach(array, i, child) {
		place_push_index(&w->place, i);
		child = mask_value(w, child);
		place_pop(&w->place);
		if (json_array_append_new(masked, child) < 0)
			return NULL;
	}
	return steal_ptr(masked);
}

static json_t *mask_value(struct walk *w, const json_t *value)
{
	if (json_is_object(value))
		return mask_object(w, value);
	if (json_is_array(value))
		return mask_array(w, value);
	if (!is_secret(w, value))
		return json_incref((json_t *)value);
	w->found = true;
	return json_pack("{s:b}", MASK_KEY, 1);
}

static json_t *mask_walk(const json_t *source, bool *ret_found)
{
	cleanup_json json_t *names = json_object();
	struct walk w = {.names = names};
	json_t *masked;

	*ret_found = false;
	if (!names || find_variables(&w, source) < 0)
		return NULL;
	masked = mask_value(&w, source);
	*ret_found = w.found;
	return masked;
}

json_t *config_mask(const json_t *source)
{
	bool found;

	return mask_walk(source, &found);
}

bool config_has_secrets(const json_t *source)
{
	bool found;

	json_decref(mask_walk(source, &found));
	return found;
}

static bool is_mask(const json_t *value)
{
	return json_is_object(value) && json_object_size(value) == 1 &&
	       json_is_true(json_object_get(value, MASK_KEY));
}

static int fail_at(const struct walk *w, const char *what)
{
	cleanup_text struct text place = {0};

	place_add_text(&w->place, &place);
	return error_set(w->err, -EINVAL, "%s: %s", place.data ? place.data : "the config", what);
}

static int unmask_value(struct walk *w, const json_t *value, const json_t *old, json_t **ret);

static int unmask_object(struct walk *w, const json_t *object, const json_t *old, json_t **ret)
{
	cleanup_json json_t *copy = json_object();
	const char *key;
	json_t *child;

	json_object_foreach((json_t *)object, key, child) {
		json_t *unmasked = NULL;
		int r;

		place_push_key(&w->place, key);
		r = unmask_value(w, child, json_object_get(old, key), &unmasked);
		if (r < 0)
			return r;
		place_pop(&w->place);
		if (json_object_set_new(copy, key, unmasked) < 0)
			return -ENOMEM;
	}
	*ret = steal_ptr(copy);
	return *ret ? 0 : -ENOMEM;
}

static int unmask_array(struct walk *w, const json_t *array, const json_t *old, json_t **ret)
{
	cleanup_json json_t *copy = json_array();
	json_t *child;
	size_t i;

	json_array_foreach(array, i, child) {
		json_t *unmasked = NULL;
		int r;

		place_push_index(&w->place, i);
		r = unmask_value(w, child, json_array_get(old, i), &unmasked);
		if (r < 0)
			return r;
		place_pop(&w->place);
		if (json_array_append_new(copy, unmasked) < 0)
			return -ENOMEM;
	}
	*ret = steal_ptr(copy);
	return *ret ? 0 : -ENOMEM;
}

static int unmask_value(struct walk *w, const json_t *value, const json_t *old, json_t **ret)
{
	if (w->place.n_parts > CONFIG_DEPTH_MAX)
		return fail_at(w, "nested too deep");
	if (is_mask(value)) {
		if (!old)
			return fail_at(w, "there is no earlier value to keep: write it out");
		*ret = json_incref((json_t *)old);
		return 0;
	}
	if (json_is_object(value))
		return unmask_object(w, value, old, ret);
	if (json_is_array(value))
		return unmask_array(w, value, old, ret);
	*ret = json_incref((json_t *)value);
	return 0;
}

int config_unmask(const json_t *masked, const json_t *old, json_t **ret_source, struct error *err)
{
	struct walk w = {.err = err};

	return unmask_value(&w, masked, old, ret_source);
}
