/* SPDX-License-Identifier: MIT */
#include "config/load.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/text.h"
#include "tests/unit/config/config-text.h"
#include "tests/unit/lib/temp.h"

static struct temp temp;

static int make_temp(void **state)
{
	temp_init(&temp);
	return 0;
}

static int remove_temp(void **state)
{
	temp_done(&temp);
	return 0;
}

static void write_file(const char *name, const char *content, mode_t mode)
{
	assert_int_equal(file_write_atomic(temp_path(&temp, name), content, strlen(content), mode),
			 0);
}

/* Write a config with ' instead of " and load it. */
static int load_text(const char *text, mode_t mode, bool system_layout, struct config **ret,
		     struct error *err)
{
	const struct config_rules rules = {.system_layout = system_layout, .check_files = true};
	cleanup_free char *json = json_quotes(text);

	write_file("config.json", json, mode);
	return config_load(temp_path(&temp, "config.json"), &rules, ret, err);
}

static struct config *loaded(const char *text, mode_t mode)
{
	struct config *c = NULL;
	struct error err = {0};

	if (load_text(text, mode, false, &c, &err) < 0)
		fail_msg("%s", err.text);
	return c;
}

static void assert_load_error(const char *text, bool system_layout, const char *said)
{
	struct config *c = NULL;
	struct error err = {0};

	assert_int_equal(load_text(text, 0600, system_layout, &c, &err), -EINVAL);
	assert_null(c);
	if (!strstr(err.text, said))
		fail_msg("%s", err.text);
}

static void file_that_is_not_there_is_named(void **state)
{
	const struct config_rules rules = {0};
	struct config *c = NULL;
	struct error err = {0};

	assert_int_equal(config_load("/nonexistent/config.json", &rules, &c, &err), -ENOENT);
	assert_string_equal(err.text,
			    "cannot read the config '/nonexistent/config.json': No such file "
			    "or directory");
}

static void file_that_is_too_large_is_refused(void **state)
{
	const struct config_rules rules = {0};
	struct config *c = NULL;
	struct error err = {0};
	int fd = open(temp_path(&temp, "big.json"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(ftruncate(fd, 10 << 20), 0);
	(void)close(fd);
	assert_int_equal(config_load(temp_path(&temp, "big.json"), &rules, &c, &err), -EFBIG);
	assert_true(text_ends(err.text, "big.json: larger than 4 MB: not a config file"));
}

static void script_that_is_not_there_is_an_error(void **state)
{
	assert_load_error("{'processes': {'s': {'script': 'no.js'}}}", false,
			  "/no.js' is not there: No such file or directory");
	assert_int_equal(mkdir(temp_path(&temp, "dir.js"), 0700), 0);
	assert_load_error("{'processes': {'s': {'script': 'dir.js'}}}", false,
			  "/dir.js' is no file");
}

static void command_with_a_blank_has_to_be_there(void **state)
{
	assert_load_error("{'processes': {'s': {'command': '/bin/sleep 10'}}}", false,
			  "write \"command\": \"/bin/sleep\" and the rest as \"args\"");
}

static void script_without_ending_has_to_be_executable(void **state)
{
	write_file("run", "#!/bin/sh\n", 0600);
	assert_load_error("{'processes': {'s': {'script': 'run'}}}", false,
			  "is not executable: chmod +x it, or name its interpreter with 'command'");
	assert_int_equal(chmod(temp_path(&temp, "run"), 0700), 0);
	config_unref(loaded("{'processes': {'s': {'script': 'run'}}}", 0600));
}

static void assert_program(const char *content, mode_t mode, const char *program)
{
	struct config *c;

	write_file("x.py", content, mode);
	c = loaded("{'processes': {'s': {'script': 'x.py'}}}", 0600);
	assert_string_equal(c->processes[0].argv[0], program ? program : temp_path(&temp, "x.py"));
	assert_int_equal(strings_len(c->processes[0].argv), program ? 2 : 1);
	config_unref(c);
}

static void script_that_runs_by_itself_is_run_by_itself(void **state)
{
	assert_program("#!/bin/sh\n", 0755, NULL);
	assert_program("#! /usr/bin/env python3\n", 0755, NULL);
	assert_program("#!/bin/sh -e", 0755, NULL);
}

static void script_that_the_kernel_cannot_run_gets_its_interpreter(void **state)
{
	assert_program("#!/bin/sh\n", 0644, "python3");
	assert_program("#!/no/such/python\n", 0755, "python3");
	assert_program("print()\n", 0755, "python3");
	assert_program("", 0755, "python3");
	assert_program("#", 0755, "python3");
	assert_program("#!\n", 0755, "python3");
}

static void folder_of_a_dot_config_folder_is_its_parent(void **state)
{
	const struct config_rules rules = {0};
	struct config *c = NULL;

	assert_int_equal(mkdir(temp_path(&temp, ".config"), 0700), 0);
	write_file(".config/config.json", "{\"s\": {\"command\": \"p\"}}", 0600);
	assert_int_equal(config_load(temp_path(&temp, ".config/config.json"), &rules, &c, NULL), 0);
	assert_string_equal(c->folder, temp.path);
	assert_string_equal(c->processes[0].cwd, temp.path);
	config_unref(c);
}

static void path_is_made_absolute(void **state)
{
	const struct config_rules rules = {0};
	struct config *c = NULL;
	cleanup_free char *cwd = getcwd(NULL, 0);
	cleanup_free char *expected = file_path_join(cwd, "sub/config.json");

	assert_int_equal(config_parse("{}", 2, "./sub/../sub/config.json", &rules, &c, NULL), 0);
	assert_string_equal(c->path, expected);
	config_unref(c);
}

static void secrets_that_others_can_read_are_a_warning(void **state)
{
	static const char text[] = "{'processes': {'s': {'command': 'p', 'env': {'DB_PASSWORD':"
				   " 'x'}}}}";
	struct config *c = loaded(text, 0644);

	assert_int_equal(strings_len(c->warnings), 1);
	assert_true(text_ends(c->warnings[0], "config.json: holds secrets and others can read it "
					      "(mode 0644): chmod 600 it"));
	config_unref(c);
	c = loaded(text, 0600);
	assert_null(c->warnings);
	config_unref(c);
	c = loaded("{'processes': {'s': {'command': 'p'}}}", 0644);
	assert_null(c->warnings);
	config_unref(c);
}

static void file_that_everybody_can_write_is_a_warning(void **state)
{
	struct config *c = loaded("{'processes': {}}", 0602);

	assert_true(text_ends(c->warnings[0], "everybody can write it (mode 0602): chmod 600 it"));
	config_unref(c);
}

static void env_file_beside_the_program_is_pointed_out(void **state)
{
	struct config *c;

	assert_int_equal(mkdir(temp_path(&temp, "app"), 0700), 0);
	write_file("app/.env", "A=1\n", 0600);
	c = loaded("{'processes': {'s': {'command': 'p', 'cwd': 'app', 'env_file': '.env'}}}",
		   0600);
	assert_non_null(strstr(c->warnings[0], "/.env' is not there, but '"));
	assert_true(text_ends(c->warnings[0], "/app/.env' is: relative paths start at the config's "
					      "folder"));
	config_unref(c);
	c = loaded("{'processes': {'s': {'command': 'p', 'cwd': 'app', 'env_file': 'app/.env'}}}",
		   0600);
	assert_null(c->warnings);
	config_unref(c);
}

/* The rules of the system layout look at owners; only root can make files of others. */
static void give_to(const char *name, uid_t uid)
{
	assert_int_equal(chown(temp_path(&temp, name), uid, (gid_t)-1), 0);
}

static void system_layout_wants_root_written_out(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_load_error("{'processes': {'s': {'command': 'p', 'cwd': '/'}}}", true,
			  ": processes.s: would run as root, the owner of '/': name a 'user' "
			  "(\"user\": \"root\" if root is meant)");
	{
		struct config *c = NULL;
		struct error err = {0};

		assert_int_equal(load_text("{'processes': {'s': {'command': 'p', 'user': 'root'}}}",
					   0600, true, &c, &err),
				 0);
		config_unref(c);
		assert_int_equal(mkdir(temp_path(&temp, "app"), 0700), 0);
		give_to("app", 65534);
		c = NULL;
		assert_int_equal(load_text("{'processes': {'s': {'command': 'p', 'cwd': 'app'}}}",
					   0600, true, &c, &err),
				 0);
		config_unref(c);
	}
}

static void system_layout_has_no_hook_of_root(void **state)
{
	if (geteuid() != 0)
		skip();
	assert_load_error("{'webhooks': {'h': {'token': 't', 'path': '.', 'user': 'root'}}}", true,
			  ": webhooks.h.user: a push would run as root: name another user");
}

static void system_layout_refuses_a_file_of_others(void **state)
{
	struct config *c = NULL;
	struct error err = {0};

	if (geteuid() != 0)
		skip();
	assert_int_equal(load_text("{'processes': {}}", 0620, true, &c, &err), -EINVAL);
	assert_true(text_ends(err.text, "others can write what root is to run: chmod 600 it"));
	write_file("config.json", "{\"processes\": {}}", 0600);
	give_to("config.json", 65534);
	{
		const struct config_rules rules = {.system_layout = true, .check_files = true};

		assert_int_equal(config_load(temp_path(&temp, "config.json"), &rules, &c, &err),
				 -EINVAL);
	}
	assert_true(text_ends(err.text,
			      "does not belong to root, who is to run what it says: chown "
			      "root it"));
}

#define with_temp(f) cmocka_unit_test_setup_teardown(f, make_temp, remove_temp)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_temp(file_that_is_not_there_is_named),
		with_temp(file_that_is_too_large_is_refused),
		with_temp(script_that_is_not_there_is_an_error),
		with_temp(command_with_a_blank_has_to_be_there),
		with_temp(script_without_ending_has_to_be_executable),
		with_temp(script_that_runs_by_itself_is_run_by_itself),
		with_temp(script_that_the_kernel_cannot_run_gets_its_interpreter),
		with_temp(folder_of_a_dot_config_folder_is_its_parent),
		with_temp(path_is_made_absolute),
		with_temp(secrets_that_others_can_read_are_a_warning),
		with_temp(file_that_everybody_can_write_is_a_warning),
		with_temp(env_file_beside_the_program_is_pointed_out),
		with_temp(system_layout_wants_root_written_out),
		with_temp(system_layout_has_no_hook_of_root),
		with_temp(system_layout_refuses_a_file_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
