/* SPDX-License-Identifier: MIT */

/*
 * One hook: checked key by key, kept as JSON with its paths made absolute.
 *
 * The daemon that carries hooks out reads its own section; here it is only made sure that what it
 * will read is right.
 */

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "config/load.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/scalar.h"

#define VARIABLES_MAX 4000
#define SERVICES_MAX 512
#define SHARED_MAX 256
#define COMMANDS_MAX 1000
#define COMMANDS_BYTES_MAX (256 * 1024)
#define RELEASES_MAX 1000

static const char *const provider_words[] = {"github", "gitlab",    "gitea", "forgejo",
					     "gogs",   "bitbucket", NULL};
static const char *const mode_words[] = {"in_place", "releases", NULL};

/** struct draft - what is needed to check one key against another */
struct draft {
	char *token;
	char *token_file;
	char *token_previous;
	char *url;
	char *branch;
	char *path;
	char *user;
	char **env;
	char **services;
	char **shared;
	struct config_limits limits;
	int word;
	unsigned keep_releases;
	usec_t timeout_usec;
	usec_t poll_usec;
	char **commands;
	char *command_text;
};

/* Lines of one text, or an array of lines. */
static int read_commands(struct parse *p, const json_t *value, const struct field *f, void *member)
{
	struct draft *d = member;
	struct field lines = {.max = COMMANDS_BYTES_MAX};

	if (json_is_string(value) && json_string_length(value) == 0)
		return 0;
	if (json_is_string(value))
		return parse_text(p, value, &lines, &d->command_text);
	lines = (struct field){.min = 0, .max = COMMANDS_MAX};
	return parse_strings(p, value, &lines, &d->commands);
}

#define AT(member) offsetof(struct draft, member)

static const struct field hook_fields[] = {
	{"token", parse_text, AT(token)},
	{"token_file", parse_path, AT(token_file)},
	{"token_previous", parse_text, AT(token_previous)},
	{"provider", parse_word, AT(word), .words = provider_words},
	{"url", parse_text, AT(url)},
	{"branch", parse_text, AT(branch), .max = 255},
	{"path", parse_path, AT(path)},
	{"mode", parse_word, AT(word), .words = mode_words},
	{"commands", read_commands, 0},
	{"env", parse_environment, AT(env), .max = VARIABLES_MAX},
	{"user", parse_text, AT(user), .max = 256},
	{"timeout", parse_duration, AT(timeout_usec), USEC_PER_SEC, USEC_PER_DAY},
	{"limits", parse_limits, AT(limits)},
	{"services", parse_strings, AT(services), 0, SERVICES_MAX},
	{"shared", parse_strings, AT(shared), 0, SHARED_MAX},
	{"keep_releases", parse_unsigned, AT(keep_releases), 1, RELEASES_MAX},
	{"poll", parse_duration, AT(poll_usec), USEC_PER_SEC, USEC_PER_DAY},
};

static void draft_done(struct draft *d)
{
	free(d->token);
	free(d->token_file);
	free(d->token_previous);
	free(d->url);
	free(d->branch);
	free(d->path);
	free(d->user);
	free(d->command_text);
	config_limits_done(&d->limits);
	strings_free(d->env);
	strings_free(d->services);
	strings_free(d->shared);
	strings_free(d->commands);
}

static int check_draft(struct parse *p, const struct draft *d)
{
	if (!d->token && !d->token_file)
		return parse_fail(p, "needs a 'token' or a 'token_file': without a secret anybody "
				     "could deploy");
	if (d->token && d->token_file)
		return parse_fail(p, "'token' and 'token_file' exclude each other");
	if (!d->path)
		return parse_fail(p, "needs the 'path' of its checkout");
	if (p->rules->system_layout && text_equal(d->user, "root")) {
		place_push_key(&p->place, "user");
		return parse_fail(p, "a push would run as root: name another user");
	}
	return 0;
}

static int keep_hook(struct parse *p, const char *name, const json_t *object, const struct draft *d)
{
	cleanup_json json_t *hook = json_object();

	if (!hook || json_object_update(hook, (json_t *)object) < 0 ||
	    json_object_set_new(hook, "path", json_string(d->path)) < 0)
		return parse_fail_memory(p);
	if (d->token_file &&
	    json_object_set_new(hook, "token_file", json_string(d->token_file)) < 0)
		return parse_fail_memory(p);
	if (json_object_get(p->config->hooks, name))
		return parse_fail(p, "there is a hook '%s' already", name);
	return json_object_set_new(p->config->hooks, name, steal_ptr(hook)) < 0
		       ? parse_fail_memory(p)
		       : 0;
}

int parse_hook(struct parse *p, const char *name, const json_t *object)
{
	struct draft d = {0};
	json_t *outer = p->later;
	int r;

	config_limits_unset(&d.limits);
	p->later = NULL;
	r = parse_object(p, object, hook_fields, ARRAY_LEN(hook_fields), &d);
	p->later = outer;
	if (r == 0)
		r = check_draft(p, &d);
	if (r == 0)
		r = keep_hook(p, name, object, &d);
	draft_done(&d);
	return r;
}
