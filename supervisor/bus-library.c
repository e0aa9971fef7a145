/* SPDX-License-Identifier: MIT */

/*
 * libsystemd, but only where the systemd launcher was chosen: a program that links it loads five
 * other libraries at each start, which is half of the time in which a daemon of ours is up. The
 * header is needed to build, the library to run, and its absence is a reason and not a failure to
 * start.
 */

#include "supervisor/bus-library.h"

#include <dlfcn.h>
#include <string.h>

#include "lib/error.h"

#define LIBRARY "libsystemd.so.0"

#define FUNCTION(name) {#name, offsetof(struct bus_library, name)},

static const struct {
	const char *name;
	size_t member;
} functions[] = {BUS_LIBRARY_FUNCTIONS(FUNCTION)};

int bus_library_load(struct bus_library *ret_library, struct error *err)
{
	struct bus_library l = {.handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL)};

	if (!l.handle)
		return error_set(err, -ELIBACC, "the systemd launcher needs " LIBRARY ": %s",
				 dlerror());
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		void *found = dlsym(l.handle, functions[i].name);

		if (!found) {
			error_set(err, -ELIBACC,
				  "the systemd launcher needs a newer " LIBRARY ": %s", dlerror());
			bus_library_unload(&l);
			return -ELIBACC;
		}
		memcpy((char *)&l + functions[i].member, &found, sizeof(found));
	}
	*ret_library = l;
	return 0;
}

void bus_library_unload(struct bus_library *library)
{
	if (library->handle)
		(void)dlclose(library->handle);
	*library = (struct bus_library){0};
}
