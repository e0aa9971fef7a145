/* SPDX-License-Identifier: MIT */
#include "lib/paths.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/file.h"

/*
 * Where everything lies. All programs ask here, so that a cli and a supervisor that were started
 * with the same environment always mean the same sockets.
 *
 * Our other programs are looked for beside the running one and never through PATH or a variable:
 * the supervisor may be root, and who chooses its keeper owns the host.
 */

/* Where the build tree has our programs, seen from its top. */
static const char *const build_folders[] = {
	"supervisor", "supervisor/keeper", "supervisor/probe", "log", "cli", "ci",
	"ci/git",     "dashboard",         "router",
};

static const char *env_get(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] != '\0' ? value : NULL;
}

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "out of memory");
}

/* @path seen from the current folder. */
static int absolute(const char *path, char **ret, struct error *err)
{
	cleanup_free char *cwd = NULL;

	if (path[0] != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return error_set(err, -ENOENT,
					 "\"%s\" is relative and the current folder is gone; "
					 "use an absolute path",
					 path);
	}
	*ret = file_path_join(cwd ? cwd : "/", path);
	return *ret ? 0 : out_of_memory(err);
}

static int init_system(struct paths *p, struct error *err)
{
	p->layout = LAYOUT_SYSTEM;
	p->config = strdup("/etc/slicekeep/config.json");
	p->run = strdup("/run/slicekeep");
	p->state = strdup("/var/lib/slicekeep");
	p->log = strdup("/var/log/slicekeep");
	return p->config && p->run && p->state && p->log ? 0 : out_of_memory(err);
}

static int need_absolute(const char *name, const char **ret, struct error *err)
{
	const char *value = env_get(name);

	if (!value || value[0] != '/')
		return error_set(err, -ENOENT,
				 "%s is not set to an absolute path; log in as this user with a "
				 "session of its own, or set SLICEKEEP_HOME",
				 name);
	*ret = value;
	return 0;
}

static int init_user(struct paths *p, struct error *err)
{
	const char *home = NULL;
	const char *runtime = NULL;
	int r;

	r = need_absolute("HOME", &home, err);
	if (r < 0)
		return r;
	r = need_absolute("XDG_RUNTIME_DIR", &runtime, err);
	if (r < 0)
		return r;
	p->layout = LAYOUT_USER;
	p->config = file_path_join(home, ".config/slicekeep/config.json");
	p->run = file_path_join(runtime, "slicekeep");
	p->state = file_path_join(home, ".local/state/slicekeep");
	p->log = file_path_join(home, ".local/state/slicekeep/log");
	return p->config && p->run && p->state && p->log ? 0 : out_of_memory(err);
}

static int init_home(struct paths *p, const char *home, struct error *err)
{
	cleanup_free char *top = NULL;
	int r;

	r = absolute(home, &top, err);
	if (r < 0)
		return r;
	p->layout = LAYOUT_HOME;
	p->config = file_path_join(top, "config.json");
	p->run = file_path_join(top, "run");
	p->state = file_path_join(top, "state");
	p->log = file_path_join(top, "log");
	return p->config && p->run && p->state && p->log ? 0 : out_of_memory(err);
}

static int init_config(struct paths *p, struct error *err)
{
	const char *config = env_get("SLICEKEEP_CONFIG");

	if (!config)
		return 0;
	free(steal_ptr(p->config));
	return absolute(config, &p->config, err);
}

int paths_init(struct paths *ret_paths, struct error *err)
{
	cleanup(paths_done) struct paths p = {0};
	const char *home = env_get("SLICEKEEP_HOME");
	int r;

	if (home)
		r = init_home(&p, home, err);
	else if (geteuid() == 0)
		r = init_system(&p, err);
	else
		r = init_user(&p, err);
	if (r == 0)
		r = init_config(&p, err);
	if (r < 0)
		return r;
	*ret_paths = p;
	p = (struct paths){0};
	return 0;
}

int paths_init_system(struct paths *ret_paths, struct error *err)
{
	cleanup(paths_done) struct paths p = {0};
	int r = init_system(&p, err);

	if (r == 0)
		r = init_config(&p, err);
	if (r < 0)
		return r;
	*ret_paths = p;
	p = (struct paths){0};
	return 0;
}

void paths_done(struct paths *p)
{
	free(p->config);
	free(p->run);
	free(p->state);
	free(p->log);
	*p = (struct paths){0};
}

/* Only a folder that is new gets its mode: what an administrator changed stays changed. The folders
 * above are made only when they are missing, which is once in the life of a machine. */
static int make_folder(const char *path, mode_t mode, mode_t parent_mode)
{
	cleanup_free char *parent = NULL;
	int r = mkdir(path, mode) < 0 ? -errno : 0;

	if (r == -ENOENT) {
		parent = file_folder_of(path);
		r = parent ? file_make_folders(parent, parent_mode) : -ENOMEM;
		if (r == 0)
			r = mkdir(path, mode) < 0 ? -errno : 0;
	}
	if (r == 0)
		return chmod(path, mode) < 0 ? -errno : 0; /* whatever the umask is */
	return r == -EEXIST ? file_make_folders(path, mode) : r;
}

int paths_make(const struct paths *p, struct error *err)
{
	bool system = p->layout == LAYOUT_SYSTEM;
	const struct {
		const char *path;
		mode_t mode;
	} folders[] = {
		/* Anybody may connect to a socket there: the peer's uid decides what it may do. */
		{p->run, system ? 0755 : 0700},
		{p->state, 0700},
		{p->log, system ? 0750 : 0700},
	};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		int r = make_folder(folders[i].path, folders[i].mode, system ? 0755 : 0700);

		if (r < 0)
			return error_set(err, r, "cannot make the folder \"%s\": %s",
					 folders[i].path, strerror(-r));
	}
	return 0;
}

/* The program FOLDER/NAME if there is one; *ret is NULL when there is not. */
static int try_program(const char *folder, const char *name, char **ret)
{
	cleanup_free char *path = file_path_join(folder, name);
	struct stat st;

	*ret = NULL;
	if (!path)
		return -ENOMEM;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0)
		*ret = steal_ptr(path);
	return 0;
}

/* Looks through the build tree whose top is FOLDER/UP. */
static int try_build_tree(const char *folder, const char *up, const char *name, char **ret)
{
	cleanup_free char *top = file_path_join(folder, up);

	*ret = NULL;
	if (!top)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LEN(build_folders) && !*ret; i++) {
		cleanup_free char *below = file_path_join(top, build_folders[i]);

		if (!below || try_program(below, name, ret) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int find_program(const char *folder, const char *name, char **ret)
{
	int r;

	r = try_program(folder, name, ret);
	if (r == 0 && !*ret)
		r = try_build_tree(folder, "..", name, ret);
	if (r == 0 && !*ret)
		r = try_build_tree(folder, "../..", name, ret);
	if (r == 0 && !*ret)
		r = try_program(SLICEKEEP_LIBEXEC, name, ret);
	return r == 0 && !*ret ? -ENOENT : r;
}

char *paths_program(const char *name)
{
	char self[PATH_MAX];
	cleanup_free char *folder = NULL;
	char *path = NULL;
	ssize_t n;
	int r;

	if (name[0] == '\0' || strchr(name, '/')) {
		errno = EINVAL;
		return NULL;
	}
	n = readlink("/proc/self/exe", self, sizeof(self));
	if (n < 0)
		return NULL;
	if ((size_t)n == sizeof(self)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	/* After an upgrade it ends in " (deleted)", which goes away with the name. */
	self[n] = '\0';
	folder = file_folder_of(self);
	r = folder ? find_program(folder, name, &path) : -ENOMEM;
	if (r < 0)
		errno = -r;
	return path;
}
