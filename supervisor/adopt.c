/* SPDX-License-Identifier: MIT */

/*
 * A supervisor that comes back.
 *
 * It knows nothing and asks: each control socket in run/keeper is a keeper that may live, and what
 * the keepers greet with is the truth, whatever the predecessor was in the middle of. Nothing is
 * started before this is done, so no second copy can appear.
 *
 * A life of which the time line has the beginning, but no report the end, and whose keeper does not
 * answer, was lost with everybody who could have seen it: in a power failure, or when keeper and
 * supervisor were killed together. It gets a report here that says so, or as soon as the keeper is
 * seen to have gone without a greeting.
 */

#include "supervisor/adopt.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/text.h"
#include "config/load.h"
#include "supervisor/desired.h"
#include "supervisor/events.h"
#include "supervisor/manager.h"
#include "supervisor/run-files.h"
#include "supervisor/service-hearing.h"
#include "supervisor/service-keeper.h"

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Its definition is gone; to be stopped it needs no more than a name. */
static int add_removed(struct manager *m, const char *name, struct service **ret_service)
{
	struct config_rules rules = {0};
	struct config *config = NULL;
	struct error err = {0};
	struct service *s = NULL;
	char text[CONFIG_NAME_MAX + 64];
	int code;

	snprintf(text, sizeof(text), "{\"processes\":{\"%s\":{\"command\":\"/bin/false\"}}}", name);
	code = config_parse(text, strlen(text), "/removed.json", &rules, &config, &err);
	if (code < 0)
		return code;
	code = service_new(&m->context, config, &config->processes[0], false, &s);
	config_unref(config);
	if (code < 0)
		return code;
	s->removed = true;
	*ret_service = s;
	return manager_add_service(m, s);
}

/* What runs and was not stopped by hand was wanted, whatever its autostart says by now: that counts
 * when the platform starts, and it has not. */
static void keep_wanted(const struct manager *m, struct service *s)
{
	if (!s->removed && desired_get(m->desired, s->process->name) == DESIRED_DEFAULT)
		s->wanted = true;
}

/* Return: 1 when the keeper lives, 0 when not, negative errno. */
static int adopt_one(struct manager *m, const char *name)
{
	struct service *s = manager_find(m, name);
	int code;

	if (!s) {
		code = add_removed(m, name, &s);
		if (code < 0)
			return code;
	}
	code = service_adopt(s);
	if (code == 0) {
		keep_wanted(m, s);
		return 1;
	}
	run_file_remove(m->paths, name, SERVICE_SLOT);
	log_debug("%s: nobody answers for its keeper: %s", name, strerror(-code));
	return 0;
}

int adopt_keepers(struct manager *m, struct error *err)
{
	cleanup_free char *folder = file_path_join(m->paths->run, "keeper");
	cleanup(close_dir) DIR *dir = folder ? opendir(folder) : NULL;
	struct dirent *entry;
	int n = 0;

	if (!dir)
		return error_set(err, -errno, "cannot read \"%s\": %s", folder ? folder : "",
				 strerror(errno));
	while ((entry = readdir(dir))) {
		char name[CONFIG_NAME_MAX + 1];
		unsigned instance;
		int code;

		if (!run_file_parse(entry->d_name, ".sock", name, &instance) ||
		    instance != SERVICE_SLOT)
			continue;
		if (text_equal(name, "supervisor"))
			continue;
		code = adopt_one(m, name);
		if (code < 0)
			return error_set(err, code, "cannot take over the keeper of \"%s\": %s",
					 name, strerror(-code));
		n += code;
	}
	return n;
}

static void note_begun(const char *name, uint64_t life, void *userdata)
{
	struct service *s = manager_find(userdata, name);

	if (!s)
		return;
	s->begun_life = MAX_OF(s->begun_life, life);
	if (!s->has_keeper)
		s->life = MAX_OF(s->life, life);
}

/* Its report could not be kept, on a full disk, but it was seen. */
static void note_ended(const char *name, uint64_t life, void *userdata)
{
	struct service *s = manager_find(userdata, name);

	if (s && !s->has_keeper)
		s->ended_life = MAX_OF(s->ended_life, life);
}

static bool is_lost(const struct service *s)
{
	return !s->has_keeper && s->life > s->ended_life;
}

void adopt_lost_lives(struct manager *m)
{
	int code = events_begun_lives(m->context.events, note_begun, m);
	bool any = false;

	for (size_t i = 0; i < m->n_services; i++)
		any |= is_lost(m->services[i]);
	if (code == 0 && any)
		code = events_ended_lives(m->context.events, note_ended, m);
	if (code < 0) {
		log_warning("cannot read which lives were lost: %s", strerror(-code));
		return;
	}
	for (size_t i = 0; i < m->n_services; i++) {
		if (is_lost(m->services[i]))
			service_take_lost_life(m->services[i], m->services[i]->life);
	}
}
