/* SPDX-License-Identifier: MIT */
#include "lib/service-manager.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/*
 * The protocol is three environment variables and a datagram, and is promised to stay so; spoken
 * here it needs no library. libsystemd, which has it too, brings five others along, and loading
 * those took half of the time in which a daemon of ours starts, and of each log query.
 *
 * The variables stay in the environment: they are bound to our pid and mean nothing to a child.
 */

/* A decimal number of at most @max; -ENXIO when the variable is not set. */
static int read_number(const char *variable, uint64_t max, uint64_t *ret_number)
{
	const char *text = getenv(variable);
	unsigned long long number;
	char *end;

	if (!text)
		return -ENXIO;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

static int fill_address(const char *path, struct sockaddr_un *ret_addr, socklen_t *ret_len)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (path[0] != '/' && path[0] != '@')
		return -EAFNOSUPPORT;
	if (len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, len);
	/* An abstract name has no end but its length; a path has its NUL. */
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	*ret_addr = addr;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
	return 0;
}

int service_manager_notify(const char *assignments)
{
	const char *path = getenv("NOTIFY_SOCKET");
	cleanup_close int fd = -1;
	struct sockaddr_un addr;
	socklen_t addr_len;
	int r;

	if (!path)
		return 0;
	r = fill_address(path, &addr, &addr_len);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, assignments, strlen(assignments), MSG_NOSIGNAL,
			     (const struct sockaddr *)&addr, addr_len) < 0)
		return -errno;
	return 1;
}

/* Whether what stands in the environment is meant for this process and not for an ancestor. */
static int is_ours(const char *pid_variable)
{
	uint64_t pid;
	int r = read_number(pid_variable, INT_MAX, &pid);

	if (r < 0)
		return r;
	return pid == (uint64_t)getpid();
}

int service_manager_watchdog(usec_t *ret_usec)
{
	uint64_t usec;
	int r = read_number("WATCHDOG_USEC", UINT64_MAX - 1, &usec);

	if (r == -ENXIO)
		return 0;
	if (r < 0)
		return r;
	if (usec == 0)
		return -EINVAL;
	/* Without WATCHDOG_PID everybody is meant. */
	r = is_ours("WATCHDOG_PID");
	if (r < 0 && r != -ENXIO)
		return r;
	*ret_usec = usec;
	return r != 0;
}

int service_manager_listen_fds(void)
{
	uint64_t n;
	int r = is_ours("LISTEN_PID");

	if (r <= 0)
		return r == -ENXIO ? 0 : r;
	r = read_number("LISTEN_FDS", INT_MAX - LISTEN_FDS_START, &n);
	if (r < 0)
		return r == -ENXIO ? 0 : r;
	return (int)n;
}

bool service_manager_listen_fd_is(int index, const char *name)
{
	const char *names = getenv("LISTEN_FDNAMES");

	for (int i = 0; names && i < index; i++) {
		names = strchr(names, ':');
		names = names ? names + 1 : NULL;
	}
	return names && strcspn(names, ":") == strlen(name) &&
	       strncmp(names, name, strlen(name)) == 0;
}
