/* SPDX-License-Identifier: MIT */
/*
 * slicekeep.service, where it is installed: then the platform of the system is started by systemd.
 *
 * Started from a shell it would belong to that login: ended with everything else at a shutdown, in
 * no order, and without whatever the administrator has written beside the unit. systemctl is asked,
 * not the bus: it waits for the job, and says what went wrong in words that are in every manual.
 */
#include "cli/unit.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/spawn.h"
#include "lib/text.h"
#include "cli/command.h"

#define SYSTEMCTL "/bin/systemctl"

bool unit_is_ours(const struct cli *cli)
{
	return cli->paths.layout == LAYOUT_SYSTEM && !getenv("SLICEKEEP_CONFIG") &&
	       access("/run/systemd/system", F_OK) == 0 && access(SLICEKEEP_UNIT, F_OK) == 0;
}

int unit_start(struct error *err)
{
	const char *argv[] = {SYSTEMCTL, "start", "slicekeep.service", NULL};
	struct spawn spawn = {.argv = (char *const *)argv, .in_fd = -1, .out_fd = -1, .err_fd = -1};
	pid_t pid = 0;
	int status = 0;
	int code = spawn_run(&spawn, &pid);

	if (code < 0)
		return error_set(err, code, "cannot run \"%s\": %s", SYSTEMCTL, strerror(-code));
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_set(err, -errno, "cannot wait for \"%s\": %s", SYSTEMCTL,
					 strerror(errno));
	}
	if (status != 0)
		return error_set(err, -EIO,
				 "systemd did not start slicekeep.service: \"journalctl -u "
				 "slicekeep\" tells why");
	return 0;
}
