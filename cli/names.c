/* SPDX-License-Identifier: MIT */
/*
 * Names that a person typed, against the services that there are. The daemons only say that a name
 * is none; which one was probably meant is found here, because only a person needs to be told.
 */
#include "cli/names.h"

#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/connect.h"

/** Services that are looked at for a suggestion. */
#define NEAREST_MAX 1024

static bool is_service(const json_t *services, const char *name)
{
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		if (text_equal(json_get_string(service, "name"), name))
			return true;
	}
	return false;
}

static const char *nearest(const json_t *services, const char *word)
{
	const char *names[NEAREST_MAX];
	size_t n = 0;
	size_t i;
	json_t *service;

	json_array_foreach(services, i, service) {
		const char *name = json_get_string(service, "name");

		if (name && n < NEAREST_MAX)
			names[n++] = name;
	}
	return text_nearest(word, names, n);
}

void names_suggest(struct supervisor *s, char *const *names, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	struct error ignored = {0};
	const json_t *services;
	size_t len = strlen(err->text);

	if (command_exit_of(err) != CLI_NO_SERVICE || !s->client)
		return;
	if (supervisor_ask(s, "io.slicekeep.supervisor.List", json_pack("{s:b}", "brief", 1),
			   &reply, &ignored) < 0)
		return;
	services = json_object_get(reply, "services");
	for (; *names && len < sizeof(err->text); names++) {
		const char *near = is_service(services, *names) ? NULL : nearest(services, *names);

		if (near)
			len += (size_t)snprintf(err->text + len, sizeof(err->text) - len,
						", did you mean \"%s\"?", near);
	}
}

int names_check(struct supervisor *s, const json_t *services, char *const *names, struct error *err)
{
	for (char *const *name = names; *name; name++) {
		if (is_service(services, *name))
			continue;
		error_set_id(err, -ENOENT, "io.slicekeep.supervisor.NoSuchService",
			     "no service \"%s\"", *name);
		names_suggest(s, (char *const[]){*name, NULL}, err);
		return err->code;
	}
	return 0;
}

int names_require(struct supervisor *s, char *const *names, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	int code;

	if (!names[0])
		return 0;
	code = supervisor_ask(s, "io.slicekeep.supervisor.List", json_pack("{s:b}", "brief", 1),
			      &reply, err);
	return code < 0 ? code : names_check(s, json_object_get(reply, "services"), names, err);
}
