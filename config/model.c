/* SPDX-License-Identifier: MIT */

/*
 * The model of a config: memory only. Who may change it is nobody; who frees it is the last owner.
 */

#include "config/model.h"

#include <string.h>

#include "lib/text.h"

struct config *config_ref(struct config *c)
{
	c->refs++;
	return c;
}

static void probe_done(struct config_probe *probe)
{
	free(probe->target);
	strings_free(probe->argv);
}

static void process_done(struct config_process *c)
{
	for (size_t i = 0; i < c->n_listen; i++) {
		free(c->listen[i].name);
		free(c->listen[i].address);
	}
	free(c->listen);
	free(c->name);
	strings_free(c->argv);
	free(c->script);
	free(c->cwd);
	strings_free(c->env);
	free(c->env_file);
	free(c->user);
	strings_free(c->groups);
	free(c->slice);
	free(c->ports);
	config_limits_done(&c->limits);
	probe_done(&c->ready);
	probe_done(&c->health);
	strings_free(c->after);
	strings_free(c->writable);
	strings_free(c->credentials);
	json_decref(c->later);
}

void config_unref(struct config *c)
{
	if (!c || --c->refs > 0)
		return;
	for (size_t i = 0; i < c->n_processes; i++)
		process_done(&c->processes[i]);
	free(c->processes);
	for (size_t i = 0; i < c->n_slices; i++) {
		free(c->slices[i].name);
		config_limits_done(&c->slices[i].limits);
	}
	free(c->slices);
	free(c->path);
	free(c->folder);
	json_decref(c->hooks);
	json_decref(c->ci);
	json_decref(c->dashboard);
	json_decref(c->router);
	free(c->text);
	strings_free(c->warnings);
	free(c);
}

json_t *config_source(const struct config *c)
{
	return c->text ? json_loads(c->text, 0, NULL) : NULL;
}

const struct config_process *config_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_processes; i++) {
		if (!strcmp(c->processes[i].name, name))
			return &c->processes[i];
	}
	return NULL;
}
