/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/paths.h"
#include "lib/spawn.h"
#include "lib/varlink/client.h"

/*
 * A program that links lib_dep, as the cli does where it is not static, starts for each command:
 * libraries that
 * only daemons need must not be loaded with it. The linker drops them only as long as nothing that
 * the cli uses refers to them.
 */

static void *const used[] = {(void *)paths_init, (void *)file_read, (void *)json_text,
			     (void *)spawn_run,  (void *)error_set, (void *)varlink_client_connect};

static void light_program_does_not_load_what_daemons_need(void **state)
{
	cleanup_free char *maps = NULL;

	for (size_t i = 0; i < ARRAY_LEN(used); i++)
		assert_non_null(used[i]);
	assert_int_equal(file_read("/proc/self/maps", 1 << 20, &maps, NULL), 0);
	assert_non_null(strstr(maps, "libjansson"));
	assert_null(strstr(maps, "libevent"));
	assert_null(strstr(maps, "libsystemd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(light_program_does_not_load_what_daemons_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
