/* SPDX-License-Identifier: MIT */

/*
 * Addresses of Unix sockets. The kernel takes 107 bytes of path, and the folder that a user keeps
 * everything in may be deeper than that; what is reached through a descriptor of its folder is not.
 */

#include "supervisor/keeper/address.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "supervisor/keeper/reserve.h"
#include "supervisor/keeper/text.h"

static int open_folder(const char *path, size_t len)
{
	int fd;

	if (len >= sizeof(reserve.path))
		return -ENAMETOOLONG;
	memcpy(reserve.path, path, len);
	reserve.path[len] = '\0';
	fd = open(reserve.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int address_make(const char *path, const char *suffix, struct sockaddr_un *ret_address,
		 int *ret_folder)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t room = sizeof(address.sun_path);
	const char *slash = strrchr(path, '/');
	int folder = -1;

	if (strlen(path) + strlen(suffix) < room) {
		text_format(address.sun_path, room, "%s%s", path, suffix);
	} else if (!slash) {
		return -ENAMETOOLONG;
	} else {
		folder = open_folder(path, (size_t)(slash - path));
		if (folder < 0)
			return folder;
		if (text_format(address.sun_path, room, "/proc/self/fd/%d%s%s", folder, slash,
				suffix) >= room - 1) {
			close_fd(&folder);
			return -ENAMETOOLONG;
		}
	}
	*ret_address = address;
	*ret_folder = folder;
	return 0;
}
