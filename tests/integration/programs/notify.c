/* SPDX-License-Identifier: MIT */
/*
 * notify TEXT - say TEXT to $NOTIFY_SOCKET, as systemd-notify does, which a minimal Debian lacks.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	socklen_t len;
	int fd;

	if (argc != 2 || !path || strlen(path) >= sizeof(address.sun_path))
		return 2;
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, argv[1], strlen(argv[1]), 0, (struct sockaddr *)&address, len) < 0) {
		perror("notify");
		return 1;
	}
	return 0;
}
