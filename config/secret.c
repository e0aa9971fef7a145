/* SPDX-License-Identifier: MIT */

/*
 * What in a config is a secret: told by its name, because a value looks like any other, and by the
 * one shape that is known to carry a password, a URL with user and password before its host.
 *
 * Too much rather than too little: a masked value that is no secret costs a look into the file, a
 * shown secret costs more.
 */

#include "config/secret.h"

#include <string.h>
#include <strings.h>

#include "lib/text.h"

static bool key_contains(const char *key, const char *word)
{
	return strcasestr(key, word) != NULL;
}

static bool key_ends(const char *key, const char *ending)
{
	size_t len = strlen(key), n = strlen(ending);

	return len >= n && !strcasecmp(key + len - n, ending);
}

bool secret_is_name(const char *key)
{
	static const char *const words[] = {"token",      "secret",  "password",   "passwd",
					    "passphrase", "api_key", "privatekey", "apikey"};
	static const char *const endings[] = {"_key", "_pass", "_pwd"};

	if (key_ends(key, "_file") || key_ends(key, "_path"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (key_contains(key, words[i]))
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		if (key_ends(key, endings[i]))
			return true;
	}
	return false;
}

/* "postgres://shop:hunter2@db/shop" */
static bool is_url_with_password(const char *s)
{
	const char *authority = strstr(s, "://");
	const char *end, *at, *colon;

	if (!authority)
		return false;
	authority += strlen("://");
	end = authority + strcspn(authority, "/?# ");
	at = memchr(authority, '@', (size_t)(end - authority));
	colon = memchr(authority, ':', (size_t)(end - authority));
	return at && colon && colon < at && at > colon + 1;
}

static bool is_lone_variable(const char *s)
{
	const char *end = strchr(s, '}');

	return text_starts(s, "${") && end && !end[1];
}

bool secret_is(const char *key, const json_t *value)
{
	const char *s = json_string_value(value);

	if (s && (!*s || is_lone_variable(s)))
		return false;
	if (s && is_url_with_password(s))
		return true;
	return (s || json_is_integer(value)) && key && secret_is_name(key);
}
