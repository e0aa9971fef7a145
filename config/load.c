/* SPDX-License-Identifier: MIT */

/*
 * From a file to a model, in steps of which each trusts the ones before:
 *
 *   bytes -> JSON (document) -> no variables (interpolate) -> one dialect (dialect)
 *   -> model (parse) -> references, files, and what has to be said about it (check)
 *
 * The first thing that is wrong ends it, with one message; there is no half-loaded config.
 */

#include "config/load.h"

#include <string.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/check.h"
#include "config/dialect.h"
#include "config/document.h"
#include "config/interpolate.h"
#include "config/model.h"
#include "config/parse.h"

#define SEGMENT_BYTES_DEFAULT UINT64_C(16777216)

static void config_unref_ptr(struct config **c)
{
	config_unref(*c);
}

/* The folder of the file; its parent when the folder is ".config", as adabru-server has it. */
static char *base_folder(const char *path)
{
	cleanup_free char *folder = file_folder_of(path);

	if (!folder)
		return NULL;
	if (text_ends(folder, "/.config"))
		return file_folder_of(folder);
	return steal_ptr(folder);
}

static char *absolute_path(const char *path)
{
	cleanup_free char *cwd = NULL;

	if (path[0] == '/')
		return file_path_join("/", path);
	cwd = getcwd(NULL, 0);
	return cwd ? file_path_join(cwd, path) : NULL;
}

static struct config *config_new(const struct document *d)
{
	cleanup(config_unref_ptr) struct config *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->refs = 1;
	c->segment_bytes = SEGMENT_BYTES_DEFAULT;
	c->log_sync_usec = USEC_INFINITY;
	c->path = absolute_path(d->file);
	c->folder = c->path ? base_folder(c->path) : NULL;
	c->hooks = json_object();
	c->text = strndup(d->text, d->len);
	if (!c->folder || !c->hooks || !c->text)
		return NULL;
	return steal_ptr(c);
}

static int read_model(struct parse *p)
{
	cleanup_json json_t *resolved = NULL;
	cleanup_json json_t *root = NULL;
	int r;

	r = interpolate(p->document, &resolved);
	if (r == 0)
		r = dialect_translate(p->document, resolved, &root);
	if (r == 0)
		r = parse_config(p, root);
	if (r == 0)
		r = check_references(p);
	if (r == 0)
		r = check_files(p);
	return r < 0 ? r : check_later(p);
}

static int load_document(struct document *d, const struct config_rules *rules,
			 struct config **ret_config)
{
	cleanup(config_unref_ptr) struct config *c = NULL;
	struct parse p = {.document = d, .rules = rules};
	int r;

	r = document_read(d);
	if (r < 0)
		return r;
	c = config_new(d);
	if (!c)
		return document_fail_memory(d);
	p.config = c;
	r = read_model(&p);
	if (r < 0)
		return r;
	*ret_config = steal_ptr(c);
	return 0;
}

int config_parse(const char *text, size_t len, const char *path, const struct config_rules *rules,
		 struct config **ret_config, struct error *err)
{
	struct document d = {.file = path, .text = text, .len = len, .err = err};
	int r;

	r = load_document(&d, rules, ret_config);
	document_done(&d);
	return r;
}

int config_load(const char *path, const struct config_rules *rules, struct config **ret_config,
		struct error *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = file_read(path, CONFIG_BYTES_MAX, &text, &len);
	if (r == -EFBIG)
		return error_set(err, r, "%s: larger than %zu MB: not a config file", path,
				 CONFIG_BYTES_MAX / 1024 / 1024);
	if (r < 0)
		return error_set(err, r, "cannot read the config '%s': %s", path, strerror(-r));
	return config_parse(text, len, path, rules, ret_config, err);
}
