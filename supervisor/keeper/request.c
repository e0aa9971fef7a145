/* SPDX-License-Identifier: MIT */

/*
 * Is this a request? Peers are root or our own user, but they may be of another version, or broken.
 */

#include "supervisor/keeper/request.h"

#include <string.h>

#include "supervisor/keeper/exit-frame.h"
#include "supervisor/keeper/text.h"

/* Terminate and clean in place. */
static void clean(char *text, size_t cap)
{
	char copy[MAX_OF(KEEPER_ASKER_MAX, KEEPER_FD_NAME_MAX)];

	memcpy(copy, text, cap);
	text_clean(text, cap, copy, strnlen(copy, cap));
}

static bool is_failure(uint32_t cause)
{
	return cause == KEEPER_CAUSE_HEALTH || cause == KEEPER_CAUSE_NOT_READY ||
	       cause == KEEPER_CAUSE_WATCHDOG || cause == KEEPER_CAUSE_OOM;
}

int request_check(struct keeper_request *request, size_t len, size_t n_fds)
{
	if (len != sizeof(*request) || request->header.magic != KEEPER_MAGIC ||
	    request->header.version != KEEPER_VERSION ||
	    request->header.message != KEEPER_MESSAGE_REQUEST)
		return -EPROTO;
	clean(request->asker, sizeof(request->asker));
	for (size_t i = 0; i < KEEPER_FDS_MAX; i++)
		clean(request->fd_names[i], sizeof(request->fd_names[i]));
	if (request->command < KEEPER_START || request->command >= KEEPER_COMMAND_COUNT)
		return -EOPNOTSUPP;
	if (request->command == KEEPER_SIGNAL && (request->arg < 1 || request->arg > 64))
		return -EINVAL;
	if (request->command == KEEPER_FAIL && !is_failure(request->cause))
		return -EINVAL;
	if (request->command == KEEPER_SET_FDS)
		return request->arg >= 0 && (size_t)request->arg == n_fds ? 0 : -EINVAL;
	return n_fds == 0 ? 0 : -EINVAL;
}
