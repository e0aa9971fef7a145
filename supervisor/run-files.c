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

bool run_file_parse(const char *file, char *ret_name, unsigned *ret_instance)
{
	const char *dash = strrchr(file, '-');
	char copy[CONFIG_NAME_MAX + 1] = "";
	char tail[8] = "";
	unsigned instance;

	if (!dash || (size_t)(dash - file) >= sizeof(copy))
		return false;
	memcpy(copy, file, (size_t)(dash - file));
	if (sscanf(dash + 1, "%4u%7s", &instance, tail) != 2 || !text_equal(tail, ".sock"))
		return false;
	if (!text_name_valid(copy))
		return false;
	memcpy(ret_name, copy, sizeof(copy));
	*ret_instance = instance;
	return true;
}
