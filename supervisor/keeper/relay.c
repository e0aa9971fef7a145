/* SPDX-License-Identifier: MIT */

/*
 * The keeper between a systemd and the program that it keeps.
 *
 * systemd hears its unit's main process only, which is the keeper: so what the program says has to
 * be said again. It is said in our own words, and not everything: which process is the main one and
 * how often it must be heard is a matter between the keeper and its program. A program that hangs
 * is silent to both, and the keeper, who waits for less long, restarts it first; a keeper that
 * hangs is silent as well, and that is what systemd sees.
 *
 * There is nothing to remember between two notices, so a replaced keeper goes on where it was.
 */

#include "supervisor/keeper/relay.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "supervisor/keeper/notice.h"
#include "supervisor/keeper/say.h"
#include "supervisor/keeper/text.h"

/* Room for the three lines. */
#define WORDS_MAX (KEEPER_STATUS_MAX + 64)

/* Return: the length of the address; 0: nobody wants to know, or where it is cannot be an address.
 */
static socklen_t manager_address(struct sockaddr_un *ret_address)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;
	bool is_abstract = len > 0 && path[0] == '@';

	*ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len < 2 || len >= sizeof(ret_address->sun_path) || (path[0] != '/' && !is_abstract))
		return 0;
	memcpy(ret_address->sun_path, path, len);
	if (is_abstract)
		ret_address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !is_abstract);
}

void relay_notice(const struct notice *n)
{
	struct sockaddr_un address;
	socklen_t address_len = manager_address(&address);
	char words[WORDS_MAX];
	cleanup_close int fd = -1;
	size_t len;

	if (address_len == 0 || !(n->is_ready || n->is_ping || n->has_status))
		return;
	len = text_format(words, sizeof(words), "%s%s%s%s%s", n->is_ready ? "READY=1\n" : "",
			  n->is_ping ? "WATCHDOG=1\n" : "", n->has_status ? "STATUS=" : "",
			  n->has_status ? n->status : "", n->has_status ? "\n" : "");
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || sendto(fd, words, len, MSG_NOSIGNAL, (const struct sockaddr *)&address,
			     address_len) < 0)
		say("cannot tell the service manager: %s", strerror(errno));
}
