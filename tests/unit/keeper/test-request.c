/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "supervisor/keeper/exit-frame.h"

static struct keeper_request make(uint32_t command)
{
	return (struct keeper_request){
		.header = {.magic = KEEPER_MAGIC,
			   .version = KEEPER_VERSION,
			   .message = KEEPER_MESSAGE_REQUEST},
		.command = command,
		.asker = "cli root",
	};
}

static int check(struct keeper_request r, size_t n_fds)
{
	return request_check(&r, sizeof(r), n_fds);
}

static void each_command_is_valid(void **state)
{
	for (uint32_t command = KEEPER_START; command < KEEPER_COMMAND_COUNT; command++) {
		struct keeper_request r = make(command);

		r.arg = command == KEEPER_SIGNAL ? 15 : 0;
		r.cause = KEEPER_CAUSE_HEALTH;
		assert_int_equal(check(r, 0), 0);
	}
}

static void what_is_no_request_ends_the_connection(void **state)
{
	struct keeper_request r = make(KEEPER_STOP);

	assert_int_equal(request_check(&r, sizeof(r) - 1, 0), -EPROTO);
	assert_int_equal(request_check(&r, 0, 0), -EPROTO);
	r.header.magic++;
	assert_int_equal(check(r, 0), -EPROTO);
	r = make(KEEPER_STOP);
	r.header.version++;
	assert_int_equal(check(r, 0), -EPROTO);
	r = make(KEEPER_STOP);
	r.header.message = KEEPER_MESSAGE_ANSWER;
	assert_int_equal(check(r, 0), -EPROTO);
}

static void command_of_a_later_version_is_not_supported(void **state)
{
	assert_int_equal(check(make(0), 0), -EOPNOTSUPP);
	assert_int_equal(check(make(KEEPER_COMMAND_COUNT), 0), -EOPNOTSUPP);
	assert_int_equal(check(make(UINT32_MAX), 0), -EOPNOTSUPP);
}

static void signal_must_be_one(void **state)
{
	struct keeper_request r = make(KEEPER_SIGNAL);
	static const int32_t wrong[] = {-1, 0, 65, INT32_MAX, INT32_MIN};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		r.arg = wrong[i];
		assert_int_equal(check(r, 0), -EINVAL);
	}
	r.arg = 64;
	assert_int_equal(check(r, 0), 0);
}

static void failure_must_have_a_cause_of_the_supervisor(void **state)
{
	struct keeper_request r = make(KEEPER_FAIL);
	static const uint32_t wrong[] = {KEEPER_CAUSE_NONE,  KEEPER_CAUSE_EXIT,
					 KEEPER_CAUSE_STOP,  KEEPER_CAUSE_EXEC_FAILED,
					 KEEPER_CAUSE_COUNT, UINT32_MAX};

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		r.cause = wrong[i];
		assert_int_equal(check(r, 0), -EINVAL);
	}
	r.cause = KEEPER_CAUSE_NOT_READY;
	assert_int_equal(check(r, 0), 0);
}

static void descriptors_come_as_announced_and_with_set_fds_only(void **state)
{
	struct keeper_request r = make(KEEPER_SET_FDS);

	r.arg = 2;
	assert_int_equal(check(r, 2), 0);
	assert_int_equal(check(r, 1), -EINVAL);
	assert_int_equal(check(r, 3), -EINVAL);
	r.arg = -1;
	assert_int_equal(check(r, 0), -EINVAL);
	assert_int_equal(check(make(KEEPER_STOP), 1), -EINVAL);
}

static void texts_are_terminated_and_printable(void **state)
{
	struct keeper_request r = make(KEEPER_STOP);

	memset(r.asker, 'x', sizeof(r.asker));
	r.asker[0] = '\n';
	memset(r.fd_names, 'y', sizeof(r.fd_names));
	assert_int_equal(request_check(&r, sizeof(r), 0), 0);
	assert_int_equal(strlen(r.asker), KEEPER_ASKER_MAX - 1);
	assert_int_equal(r.asker[0], '?');
	for (size_t i = 0; i < KEEPER_FDS_MAX; i++)
		assert_int_equal(strlen(r.fd_names[i]), KEEPER_FD_NAME_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_is_valid),
		cmocka_unit_test(what_is_no_request_ends_the_connection),
		cmocka_unit_test(command_of_a_later_version_is_not_supported),
		cmocka_unit_test(signal_must_be_one),
		cmocka_unit_test(failure_must_have_a_cause_of_the_supervisor),
		cmocka_unit_test(descriptors_come_as_announced_and_with_set_fds_only),
		cmocka_unit_test(texts_are_terminated_and_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
