/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/unit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "supervisor/keeper/spec.h"

static void path_is_that_of_version_two(void **state)
{
	char path[UNIT_PATH_MAX];

	assert_int_equal(unit_find("0::/a.slice/b.service\n", path), 0);
	assert_string_equal(path, "/a.slice/b.service");
	assert_int_equal(unit_find("12:pids:/x\n1:name=systemd:/y\n0::/z\n", path), 0);
	assert_string_equal(path, "/z");
}

static void beside_the_main_process_the_unit_is_one_above(void **state)
{
	char path[UNIT_PATH_MAX];

	assert_int_equal(unit_find("0::/b.service/.control\n", path), 0);
	assert_string_equal(path, "/b.service");
	assert_int_equal(unit_find("0::/b.service/x.control\n", path), 0);
	assert_string_equal(path, "/b.service/x.control");
}

static void without_version_two_there_is_no_unit(void **state)
{
	char path[UNIT_PATH_MAX] = "as it was";

	assert_int_equal(unit_find("", path), -ENODATA);
	assert_int_equal(unit_find("4:memory:/x\n", path), -ENODATA);
	assert_string_equal(path, "as it was");
}

static void path_that_is_too_long_is_refused(void **state)
{
	char text[UNIT_PATH_MAX + 8], path[UNIT_PATH_MAX];

	memset(text, 'a', sizeof(text));
	memcpy(text, "0::/", 4);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(unit_find(text, path), -ENAMETOOLONG);
}

static void folder_and_its_files_are_taken_back(void **state)
{
	char folder[] = "/tmp/slicekeep-test-unit-XXXXXX", file[64];
	struct stat st;
	int dir;

	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	(void)snprintf(file, sizeof(file), "%s/cgroup.procs", folder);
	dir = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(dir >= 0);
	close_fd(&dir);
	assert_int_equal(chown(folder, 12345, 12345), 0);
	assert_int_equal(chown(file, 12345, 12345), 0);
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(unit_claim(dir), 0);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_gid, 0);
	close_fd(&dir);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void payload_goes_before_its_keeper(void **state)
{
	struct spec s = {.oom_score = -1001};

	unit_amend(&s);
	assert_string_equal(s.cgroup, UNIT_PAYLOAD);
	if (geteuid() == 0)
		assert_int_equal(s.oom_score, 0);
	else
		assert_in_range(s.oom_score, 300, 1000);
}

static void score_of_the_spec_is_kept(void **state)
{
	struct spec s = {.oom_score = -200};

	unit_amend(&s);
	assert_int_equal(s.oom_score, -200);
}

static void we_are_in_no_payload(void **state)
{
	assert_false(unit_has(getpid()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_that_of_version_two),
		cmocka_unit_test(beside_the_main_process_the_unit_is_one_above),
		cmocka_unit_test(without_version_two_there_is_no_unit),
		cmocka_unit_test(path_that_is_too_long_is_refused),
		cmocka_unit_test(folder_and_its_files_are_taken_back),
		cmocka_unit_test(payload_goes_before_its_keeper),
		cmocka_unit_test(score_of_the_spec_is_kept),
		cmocka_unit_test(we_are_in_no_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
