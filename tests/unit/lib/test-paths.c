/* SPDX-License-Identifier: MIT */
#include "lib/paths.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/file.h"
#include "tests/unit/lib/temp.h"

/* Who we are is said by the test. */
static uid_t fake_uid;
uid_t __wrap_geteuid(void);

uid_t __wrap_geteuid(void)
{
	return fake_uid;
}

static struct temp temp;

static int begin(void **state)
{
	static const char *const names[] = {"SLICEKEEP_HOME", "SLICEKEEP_CONFIG", "HOME",
					    "XDG_RUNTIME_DIR"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		unsetenv(names[i]);
	fake_uid = 1000;
	temp_init(&temp);
	return 0;
}

static int end(void **state)
{
	temp_done(&temp);
	return 0;
}

static void assert_paths(enum layout layout, const char *config, const char *run, const char *state,
			 const char *log)
{
	struct paths p;
	struct error err = {0};

	assert_int_equal(paths_init(&p, &err), 0);
	assert_int_equal(p.layout, layout);
	assert_string_equal(p.config, config);
	assert_string_equal(p.run, run);
	assert_string_equal(p.state, state);
	assert_string_equal(p.log, log);
	paths_done(&p);
	assert_null(p.config);
}

/* --- layouts ---------------------------------------------------------------------------------- */

static void paths_of_root_are_those_of_the_system(void **state)
{
	fake_uid = 0;
	assert_paths(LAYOUT_SYSTEM, "/etc/slicekeep/config.json", "/run/slicekeep",
		     "/var/lib/slicekeep", "/var/log/slicekeep");
}

static void paths_of_a_user_are_below_its_home_and_runtime_folder(void **state)
{
	setenv("HOME", "/home/ann/", 1);
	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	assert_paths(LAYOUT_USER, "/home/ann/.config/slicekeep/config.json",
		     "/run/user/1000/slicekeep", "/home/ann/.local/state/slicekeep",
		     "/home/ann/.local/state/slicekeep/log");
}

static void paths_of_the_system_are_there_for_whoever_asks(void **state)
{
	struct paths p;

	setenv("SLICEKEEP_HOME", "/srv", 1);
	assert_int_equal(paths_init_system(&p, NULL), 0);
	assert_int_equal(p.layout, LAYOUT_SYSTEM);
	assert_string_equal(p.run, "/run/slicekeep");
	paths_done(&p);
}

static void paths_below_slicekeep_home_are_for_everybody(void **state)
{
	setenv("SLICEKEEP_HOME", "/srv/x/../y/", 1);
	assert_paths(LAYOUT_HOME, "/srv/y/config.json", "/srv/y/run", "/srv/y/state", "/srv/y/log");
	fake_uid = 0;
	assert_paths(LAYOUT_HOME, "/srv/y/config.json", "/srv/y/run", "/srv/y/state", "/srv/y/log");
}

static void paths_that_are_relative_begin_in_the_current_folder(void **state)
{
	cleanup_close int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct paths p;

	setenv("SLICEKEEP_HOME", "var", 1);
	setenv("SLICEKEEP_CONFIG", "./other.json", 1);
	assert_int_equal(chdir(temp.path), 0);
	assert_int_equal(paths_init(&p, NULL), 0);
	assert_int_equal(fchdir(back), 0);
	assert_string_equal(p.run, temp_path(&temp, "var/run"));
	assert_string_equal(p.config, temp_path(&temp, "other.json"));
	paths_done(&p);
}

static void paths_config_is_overridden_alone(void **state)
{
	fake_uid = 0;
	setenv("SLICEKEEP_CONFIG", "/srv/c.json", 1);
	assert_paths(LAYOUT_SYSTEM, "/srv/c.json", "/run/slicekeep", "/var/lib/slicekeep",
		     "/var/log/slicekeep");
}

static void paths_variables_that_are_empty_are_not_there(void **state)
{
	fake_uid = 0;
	setenv("SLICEKEEP_HOME", "", 1);
	setenv("SLICEKEEP_CONFIG", "", 1);
	assert_paths(LAYOUT_SYSTEM, "/etc/slicekeep/config.json", "/run/slicekeep",
		     "/var/lib/slicekeep", "/var/log/slicekeep");
}

static void paths_of_a_user_name_the_variable_that_is_missing(void **state)
{
	struct paths p;
	struct error err = {0};

	setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
	assert_int_equal(paths_init(&p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "HOME is not set"));
	setenv("HOME", "/home/ann", 1);
	setenv("XDG_RUNTIME_DIR", "relative", 1);
	assert_int_equal(paths_init(&p, &err), -ENOENT);
	assert_non_null(strstr(err.text, "XDG_RUNTIME_DIR is not set"));
}

static void paths_in_a_folder_that_is_gone_are_refused(void **state)
{
	cleanup_close int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct paths p;
	struct error err = {0};
	int r;

	assert_int_equal(mkdir(temp_path(&temp, "gone"), 0700), 0);
	assert_int_equal(chdir(temp_path(&temp, "gone")), 0);
	assert_int_equal(rmdir(temp_path(&temp, "gone")), 0);
	setenv("SLICEKEEP_HOME", "var", 1);
	r = paths_init(&p, &err);
	assert_int_equal(fchdir(back), 0);
	assert_int_equal(r, -ENOENT);
	assert_non_null(strstr(err.text, "\"var\" is relative"));
}

/* --- making them ------------------------------------------------------------------------------ */

static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? st.st_mode & 07777 : 0;
}

static void make_gives_nobody_else_access_below_a_home(void **state)
{
	struct paths p;

	setenv("SLICEKEEP_HOME", temp_path(&temp, "a/b"), 1);
	assert_int_equal(paths_init(&p, NULL), 0);
	assert_int_equal(paths_make(&p, NULL), 0);
	assert_int_equal(mode_of(p.run), 0700);
	assert_int_equal(mode_of(p.state), 0700);
	assert_int_equal(mode_of(p.log), 0700);
	assert_int_equal(paths_make(&p, NULL), 0);
	paths_done(&p);
}

static void make_gives_the_modes_of_the_system_whatever_the_umask(void **state)
{
	struct paths p = {
		.layout = LAYOUT_SYSTEM,
		.run = (char *)temp_path(&temp, "run"),
		.state = (char *)temp_path(&temp, "state"),
		.log = (char *)temp_path(&temp, "log"),
	};
	mode_t saved = umask(077);

	assert_int_equal(paths_make(&p, NULL), 0);
	(void)umask(saved);
	assert_int_equal(mode_of(p.run), 0755);
	assert_int_equal(mode_of(p.state), 0700);
	assert_int_equal(mode_of(p.log), 0750);
}

static void make_leaves_the_mode_of_a_folder_that_is_there(void **state)
{
	struct paths p;

	setenv("SLICEKEEP_HOME", temp.path, 1);
	assert_int_equal(paths_init(&p, NULL), 0);
	assert_int_equal(mkdir(p.log, 0700), 0);
	assert_int_equal(chmod(p.log, 0750), 0);
	assert_int_equal(paths_make(&p, NULL), 0);
	assert_int_equal(mode_of(p.log), 0750);
	paths_done(&p);
}

static void make_names_the_folder_that_cannot_be(void **state)
{
	struct paths p;
	struct error err = {0};

	setenv("SLICEKEEP_HOME", temp.path, 1);
	assert_int_equal(paths_init(&p, NULL), 0);
	assert_int_equal(file_write_quick(p.state, "", 0, 0600), 0);
	assert_int_equal(paths_make(&p, &err), -ENOTDIR);
	assert_non_null(strstr(err.text, p.state));
	paths_done(&p);
}

/* --- our programs ----------------------------------------------------------------------------- */

static void put_program(const char *folder, const char *name, mode_t mode)
{
	char path[TEMP_PATH_MAX];

	assert_int_equal(file_make_folders(temp_path(&temp, folder), 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/%s", temp_path(&temp, folder), name);
	assert_int_equal(file_write_quick(path, "x", 1, mode), 0);
}

/* Copies the running program to @folder, runs it there, and returns what it finds. */
static const char *found_from(const char *folder, const char *name)
{
	static char found[TEMP_PATH_MAX];
	cleanup_free char *self = NULL;
	char copy[TEMP_PATH_MAX];
	size_t len = 0;
	ssize_t n;
	int fds[2];
	pid_t pid;

	assert_int_equal(file_make_folders(temp_path(&temp, folder), 0755), 0);
	(void)snprintf(copy, sizeof(copy), "%s/searcher", temp_path(&temp, folder));
	assert_int_equal(file_read("/proc/self/exe", 1 << 26, &self, &len), 0);
	assert_int_equal(file_write_quick(copy, self, len, 0755), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)execl(copy, copy, "--find", name, NULL);
		_exit(127);
	}
	close(fds[1]);
	n = read(fds[0], found, sizeof(found) - 1);
	close(fds[0]);
	assert_true(n >= 0);
	found[n] = '\0';
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* Below the temporary folder. */
	return strncmp(found, temp.path, strlen(temp.path)) == 0 ? found + strlen(temp.path) + 1
								 : found;
}

static void program_beside_the_running_one_is_found_first(void **state)
{
	put_program("bin", "slicekeep-x", 0755);
	put_program("log", "slicekeep-x", 0755);
	assert_string_equal(found_from("bin", "slicekeep-x"), "bin/slicekeep-x");
}

static void program_of_the_build_tree_is_found_from_each_depth(void **state)
{
	put_program("supervisor/keeper", "slicekeep-keeper", 0755);
	put_program("log", "slicekeep-log", 0755);
	assert_string_equal(found_from("supervisor", "slicekeep-keeper"),
			    "supervisor/keeper/slicekeep-keeper");
	assert_string_equal(found_from("cli", "slicekeep-log"), "log/slicekeep-log");
	assert_string_equal(found_from("supervisor/probe", "slicekeep-log"), "log/slicekeep-log");
	assert_string_equal(found_from("supervisor/probe", "slicekeep-keeper"),
			    "supervisor/keeper/slicekeep-keeper");
}

static void program_that_cannot_be_run_is_not_found(void **state)
{
	put_program("bin", "slicekeep-x", 0644);
	assert_int_equal(file_make_folders(temp_path(&temp, "bin/slicekeep-y"), 0755), 0);
	assert_string_equal(found_from("bin", "slicekeep-x"), "errno 2");
	assert_string_equal(found_from("bin", "slicekeep-y"), "errno 2");
	assert_string_equal(found_from("bin", "slicekeep-z"), "errno 2");
}

static void program_is_a_name_and_no_path(void **state)
{
	errno = 0;
	assert_null(paths_program("../bin/sh"));
	assert_int_equal(errno, EINVAL);
	assert_null(paths_program(""));
	assert_int_equal(errno, EINVAL);
}

/* What the copies do: say where the program is. */
static int find(const char *name)
{
	cleanup_free char *path = paths_program(name);

	if (path)
		return printf("%s", path) > 0 ? 0 : 1;
	return printf("errno %d", errno) > 0 ? 0 : 1;
}

#define test_with_folder(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		test_with_folder(paths_of_root_are_those_of_the_system),
		test_with_folder(paths_of_a_user_are_below_its_home_and_runtime_folder),
		test_with_folder(paths_of_the_system_are_there_for_whoever_asks),
		test_with_folder(paths_below_slicekeep_home_are_for_everybody),
		test_with_folder(paths_that_are_relative_begin_in_the_current_folder),
		test_with_folder(paths_config_is_overridden_alone),
		test_with_folder(paths_variables_that_are_empty_are_not_there),
		test_with_folder(paths_of_a_user_name_the_variable_that_is_missing),
		test_with_folder(paths_in_a_folder_that_is_gone_are_refused),
		test_with_folder(make_gives_nobody_else_access_below_a_home),
		test_with_folder(make_gives_the_modes_of_the_system_whatever_the_umask),
		test_with_folder(make_leaves_the_mode_of_a_folder_that_is_there),
		test_with_folder(make_names_the_folder_that_cannot_be),
		test_with_folder(program_beside_the_running_one_is_found_first),
		test_with_folder(program_of_the_build_tree_is_found_from_each_depth),
		test_with_folder(program_that_cannot_be_run_is_not_found),
		test_with_folder(program_is_a_name_and_no_path),
	};

	if (argc == 3 && strcmp(argv[1], "--find") == 0)
		return find(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
