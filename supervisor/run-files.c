/* SPDX-License-Identifier: MIT */

/*
 * The names below run/, in one place. A control socket's name says whose keeper listens there: it
 * is how a supervisor that comes back finds the services that run.
 */

#include "supervisor/run-files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "config/model.h"

/** Largest number of a slot. */
#define INSTANCE_MAX 9999

int run_files_make(const struct paths *paths)
{
	static const char *const folders[] = {"keeper", "spec"};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		cleanup_free char *path = file_path_join(paths->run, folders[i]);
		int code = path ? file_make_folders(path, 0700) : -ENOMEM;

		if (code < 0)
			return code;
	}
	return 0;
}

char *run_file_control(const struct paths *paths, const char *name, unsigned instance)
{
	char file[CONFIG_NAME_MAX + 32];

	snprintf(file, sizeof(file), "keeper/%s-%u.sock", name, instance);
	return file_path_join(paths->run, file);
}

char *run_file_spec(const struct paths *paths, const char *name, unsigned instance)
{
	char file[CONFIG_NAME_MAX + 32];

	snprintf(file, sizeof(file), "spec/%s-%u", name, instance);
	return file_path_join(paths->run, file);
}

char *run_file_intake(const struct paths *paths)
{
	return file_path_join(paths->run, "log.intake");
}

void run_file_remove(const struct paths *paths, const char *name, unsigned instance)
{
	cleanup_free char *control = run_file_control(paths, name, instance);
	cleanup_free char *spec = run_file_spec(paths, name, instance);

	if (control)
		(void)unlink(control);
	if (spec)
		(void)unlink(spec);
}

bool run_file_parse(const char *file, const char *suffix, char *ret_name, unsigned *ret_instance)
{
	const char *dash = strrchr(file, '-');
	char name[CONFIG_NAME_MAX + 1] = "";
	unsigned long instance;
	char *end;

	if (!dash || (size_t)(dash - file) >= sizeof(name) || dash[1] < '0' || dash[1] > '9')
		return false;
	instance = strtoul(dash + 1, &end, 10);
	if (instance > INSTANCE_MAX || !text_equal(end, suffix))
		return false;
	memcpy(name, file, (size_t)(dash - file));
	if (!text_name_valid(name))
		return false;
	memcpy(ret_name, name, sizeof(name));
	*ret_instance = (unsigned)instance;
	return true;
}
