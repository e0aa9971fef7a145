/* SPDX-License-Identifier: MIT */
#include "supervisor/cgroup-library.h"

#include <dlfcn.h>
#include <string.h>

#include <libcgroup.h>

#include "lib/error.h"
#include "lib/text.h"
#include "supervisor/caps.h"

/*
 * What of libcgroup is used, and how: its table of mounts, its writing and its reading of values.
 *
 * It is not asked to make cgroups. To make one it enables controllers from the mount's root down,
 * which in a delegated subtree is none of our business, and in our own it must happen after we have
 * left the folder ourselves; a mkdir(2) does the rest. One cap is written with each call, although
 * the library takes many: it says of many only that one of them failed.
 */

#define LIBRARY "libcgroup.so.2"

static struct {
	void *handle;
	__typeof__(&cgroup_init) init;
	__typeof__(&cgroup_new_cgroup) new_cgroup;
	__typeof__(&cgroup_free) free_cgroup;
	__typeof__(&cgroup_add_controller) add_controller;
	__typeof__(&cgroup_add_value_string) add_value;
	__typeof__(&cgroup_modify_cgroup) modify;
	__typeof__(&cgroup_read_value_begin) read_begin;
	__typeof__(&cgroup_read_value_end) read_end;
	__typeof__(&cgroup_get_last_errno) last_errno;
	__typeof__(&cgroup_strerror) strerror;
} library;

static int find_functions(struct error *err)
{
	const struct {
		const char *name;
		void **function;
	} wanted[] = {
		{"cgroup_init", (void **)&library.init},
		{"cgroup_new_cgroup", (void **)&library.new_cgroup},
		{"cgroup_free", (void **)&library.free_cgroup},
		{"cgroup_add_controller", (void **)&library.add_controller},
		{"cgroup_add_value_string", (void **)&library.add_value},
		{"cgroup_modify_cgroup", (void **)&library.modify},
		{"cgroup_read_value_begin", (void **)&library.read_begin},
		{"cgroup_read_value_end", (void **)&library.read_end},
		{"cgroup_get_last_errno", (void **)&library.last_errno},
		{"cgroup_strerror", (void **)&library.strerror},
	};

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		*wanted[i].function = dlsym(library.handle, wanted[i].name);
		if (!*wanted[i].function)
			return error_set(err, -ENOSYS, "%s has no function %s", LIBRARY,
					 wanted[i].name);
	}
	return 0;
}

static int load(struct error *err)
{
	int r = find_functions(err);
	int code;

	if (r < 0)
		return r;
	code = library.init();
	return code == 0 ? 0
			 : error_set(err, -EIO, "%s cannot be used here: %s", LIBRARY,
				     library.strerror(code));
}

int cgroup_library_load(struct error *err)
{
	int r;

	if (library.handle)
		return 0;
	library.handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library.handle)
		return error_set(err, -ENOENT, "%s (Debian: libcgroup2) cannot be loaded: %s",
				 LIBRARY, dlerror());
	r = load(err);
	if (r < 0) {
		dlclose(library.handle);
		library.handle = NULL;
	}
	return r;
}

/* The library's codes are its own; only behind ECGOTHER there is an errno. */
static int errno_of(int code)
{
	if (code == ECGOTHER && library.last_errno() > 0)
		return -library.last_errno();
	if (code == ECGROUPNOTEXIST || code == ECGROUPVALUENOTEXIST ||
	    code == ECGROUPSUBSYSNOTMOUNTED)
		return -ENOENT;
	return code == ECGROUPNOTALLOWED || code == ECGROUPNOTOWNER ? -EPERM : -EIO;
}

static int write_cap(const char *name, const struct cap *cap, struct error *err)
{
	struct cgroup *cgroup = library.new_cgroup(name);
	struct cgroup_controller *controller;
	int code = ECGFAIL;

	if (!cgroup)
		return error_set(err, -ENOMEM, "out of memory");
	controller = library.add_controller(cgroup, cap->controller);
	if (controller)
		code = library.add_value(controller, cap->file, cap->value);
	if (code == 0)
		code = library.modify(cgroup);
	library.free_cgroup(&cgroup);
	if (code == 0)
		return 0;
	return error_set(
		err, errno_of(code), "cannot write \"%s\" into %s of the cgroup \"%s\": %s",
		cap->value, cap->file, name,
		code == ECGOTHER ? strerror(library.last_errno()) : library.strerror(code));
}

int cgroup_library_write(const char *name, const struct cap *caps, size_t n_caps, struct error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_caps; i++) {
		if (caps[i].value[0])
			r = write_cap(name, &caps[i], err);
	}
	return r;
}

int cgroup_library_read(const char *name, const char *controller, const char *file, char *ret,
			size_t size)
{
	void *handle = NULL;
	int code = library.read_begin(controller, name, (char *)file, &handle, ret, (int)size);

	if (code == 0 || code == ECGEOF)
		library.read_end(&handle);
	if (code == ECGEOF)
		ret[0] = '\0';
	else if (code != 0)
		return errno_of(code);
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}
