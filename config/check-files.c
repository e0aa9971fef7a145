/* SPDX-License-Identifier: MIT */

/*
 * What the file system has to say about a config: whose it is, and who would run as root.
 *
 * In the system layout the file decides what root runs, so whoever can write it is root: anybody
 * else's is refused. Everywhere else a mistake here costs the owner only, and is a warning.
 */

#include <string.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/file.h"
#include "config/check.h"
#include "config/load.h"
#include "config/mask.h"
#include "config/model.h"
#include "config/parse.h"

#define MODE_MASK 07777

static int fail_file(const struct parse *p, const char *what, const char *remedy)
{
	return error_set(p->document->err, -EINVAL, "%s: %s: %s", p->document->file, what, remedy);
}

static int check_owner(struct parse *p, const struct stat *st)
{
	bool is_others = st->st_mode & (S_IWGRP | S_IWOTH);

	if (p->rules->system_layout && st->st_uid != 0)
		return fail_file(p, "does not belong to root, who is to run what it says",
				 "chown root it");
	if (p->rules->system_layout && is_others)
		return fail_file(p, "others can write what root is to run", "chmod 600 it");
	if (st->st_mode & S_IWOTH)
		return parse_warn(p, "%s: everybody can write it (mode %04o): chmod 600 it",
				  p->document->file, st->st_mode & MODE_MASK);
	return 0;
}

static int check_secrets(struct parse *p, const struct stat *st)
{
	if (!(st->st_mode & (S_IRGRP | S_IROTH)) || !config_has_secrets(p->document->root))
		return 0;
	return parse_warn(p, "%s: holds secrets and others can read it (mode %04o): chmod 600 it",
			  p->document->file, st->st_mode & MODE_MASK);
}

static int check_own_file(struct parse *p)
{
	struct stat st;
	int r;

	if (stat(p->config->path, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = check_owner(p, &st);
	return r < 0 ? r : check_secrets(p, &st);
}

/* Without `user` a process runs as the owner of its cwd; that it would be root must be written. */
static int check_root(struct parse *p, const struct config_process *c)
{
	struct stat st;

	if (c->user || stat(c->cwd, &st) < 0 || st.st_uid != 0)
		return 0;
	place_push_key(&p->place, "processes");
	place_push_key(&p->place, c->name);
	return parse_fail(p,
			  "would run as root, the owner of '%s': name a 'user' (\"user\": \"root\" "
			  "if root is meant)",
			  c->cwd);
}

/* ".env" is meant to be beside the program more often than beside the config. */
static int hint_env_file(struct parse *p, const struct config_process *c)
{
	cleanup_free char *beside = NULL;
	const char *name;

	if (!c->env_file || access(c->env_file, F_OK) == 0)
		return 0;
	name = strrchr(c->env_file, '/');
	beside = file_path_join(c->cwd, name ? name + 1 : c->env_file);
	if (!beside)
		return parse_fail_memory(p);
	if (access(beside, F_OK) < 0)
		return 0;
	return parse_warn(p,
			  "processes.%s.env_file: '%s' is not there, but '%s' is: relative paths "
			  "start at the config's folder",
			  c->name, c->env_file, beside);
}

int check_files(struct parse *p)
{
	const struct config *c = p->config;
	int r = 0;

	if (p->rules->check_files)
		r = check_own_file(p);
	for (size_t i = 0; r == 0 && i < c->n_processes; i++) {
		if (p->rules->system_layout)
			r = check_root(p, &c->processes[i]);
		if (r == 0 && p->rules->check_files)
			r = hint_env_file(p, &c->processes[i]);
	}
	return r;
}
