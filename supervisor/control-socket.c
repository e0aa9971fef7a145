/* SPDX-License-Identifier: MIT */

/*
 * Whether a keeper is there already, before another one is started: a second keeper would be a
 * second copy of the service. What cannot be told may be a keeper, and is an error.
 */

#include "supervisor/control-socket.h"

#include <string.h>
#include <sys/socket.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "supervisor/launcher.h"

int control_socket_check(const struct launch *what, struct error *err)
{
	cleanup_close int other = -1;

	if (access(what->control, F_OK) < 0 && errno == ENOENT)
		return 0;
	other = fd_unix_connect(what->control, SOCK_SEQPACKET);
	if (other >= 0)
		return error_set(err, -EEXIST, "a keeper of \"%s\" answers at \"%s\" already",
				 what->name, what->control);
	if (other == -ECONNREFUSED || other == -ENOENT)
		return 0;
	return error_set(err, other, "cannot see whether a keeper of \"%s\" answers at \"%s\": %s",
			 what->name, what->control, strerror(-other));
}
