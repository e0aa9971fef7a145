/* SPDX-License-Identifier: MIT */

/*
 * A sandbox in the words of systemd, and why some words of its are missing.
 *
 * The keeper lives in the same unit as its payload, is root, and has to write its socket, its marks
 * and the unit's cgroup, to spawn with clone3(2) into a sub-cgroup, to change users and scores, and
 * to be replaced after its death while the payload runs on. So these are not here:
 *
 *   PrivateTmp=              removed, under the feet of the payload, whenever its keeper is killed.
 *                            A tmpfs in the payload's own namespace is as private, counts into its
 *                            memory cap, and is gone with its last process, without anybody's help
 *   ProtectControlGroups=    the keeper makes and kills cgroups
 *   PrivateUsers=            its root would be nobody's
 *   RestrictNamespaces=      has no filter for clone3(2) but to forbid it
 *   CapabilityBoundingSet=   and SystemCallFilter=: the keeper needs what the payload must not
 * have. The child drops capabilities itself (keeper/confine.c), under each launcher
 *   MemoryDenyWriteExecute=  every just-in-time compiler is ended by it
 *
 * AF_NETLINK is allowed, since that is how a program lists its own addresses (getifaddrs(3)).
 *
 * The homes of users are hidden unless the service, its user or its folder is at home in one of
 * them; then they are read-only, because interpreters and their libraries are found there as well
 * as programs. A path below a folder that is replaced by a tmpfs is bound into it.
 *
 * The manager of a user may not mount: what is left there are filters of system calls, and the
 * launcher says so.
 */

#include "supervisor/unit-sandbox.h"

#include <string.h>

#include "lib/text.h"
#include "supervisor/sandbox.h"
#include "supervisor/unit-properties.h"

/* "PATH:OPTIONS". The default of a tenth of the memory is little for uploads. */
static const char *const temporary[] = {
	"/tmp:mode=1777,nosuid,nodev,size=50%",
	"/var/tmp:mode=1777,nosuid,nodev,size=50%",
};
static const char *const homes[] = {"/home", "/root", "/run/user"};
static const char *const families[] = {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", NULL};
static const char *const native[] = {"native", NULL};

/* Filters of system calls: any manager can set them. */
static const char *const filters[] = {
	"NoNewPrivileges",
	"LockPersonality",
	"RestrictRealtime",
	"RestrictSUIDSGID",
};

/* These mount something, or take capabilities away. */
static const char *const walls[] = {
	"PrivateDevices",    "ProtectKernelTunables", "ProtectKernelModules",
	"ProtectKernelLogs", "ProtectClock",          "ProtectHostname",
};

static bool is_below(const char *path, const char *folder, size_t len)
{
	return strncmp(path, folder, len) == 0 && path[len] == '/' && path[len + 1];
}

static bool is_at_home(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(homes); i++)
		if (text_equal(path, homes[i]) || is_below(path, homes[i], strlen(homes[i])))
			return true;
	return false;
}

static bool any_is_at_home(const char *const *paths)
{
	for (; *paths; paths++)
		if (is_at_home(*paths))
			return true;
	return false;
}

static bool has(const char *const *paths, const char *path, size_t len)
{
	for (; *paths; paths++)
		if (strlen(*paths) == len && strncmp(*paths, path, len) == 0)
			return true;
	return false;
}

/* A tmpfs stands where its folder is, unless that is to be written itself. */
static bool is_replaced(const struct sandbox *s, const char *tmpfs)
{
	return !has(s->writes, tmpfs, strcspn(tmpfs, ":"));
}

static bool is_hidden(const struct sandbox *s, const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(temporary); i++)
		if (is_replaced(s, temporary[i]) &&
		    is_below(path, temporary[i], strcspn(temporary[i], ":")))
			return true;
	return false;
}

/* Those of @paths that are hidden by a tmpfs, or those that are not, as far as there are any. */
static void add_paths(struct unit_properties *p, const char *name, enum unit_type type,
		      const struct sandbox *s, const char *const *paths)
{
	size_t first = p->n_words;

	for (; *paths; paths++)
		if (is_hidden(s, *paths) == (type == UNIT_BINDS))
			unit_properties_add_word(p, *paths);
	if (p->n_words > first)
		unit_properties_add(p, name, type)->argv = &p->words[first];
	unit_properties_add_word(p, NULL);
}

static void add_temporary(struct unit_properties *p, const struct sandbox *s)
{
	struct unit_property *item = unit_properties_add(p, "TemporaryFileSystem", UNIT_PAIRS);

	item->argv = &p->words[p->n_words];
	for (size_t i = 0; i < ARRAY_LEN(temporary); i++)
		if (is_replaced(s, temporary[i]))
			unit_properties_add_word(p, temporary[i]);
	unit_properties_add_word(p, NULL);
}

static void add_walls(struct unit_properties *p, const struct unit_sandbox *u)
{
	const struct sandbox *s = u->sandbox;
	const char *const keeper[] = {u->keeper, NULL};
	bool at_home =
		any_is_at_home(s->reads) || any_is_at_home(s->writes) || is_at_home(u->keeper);

	for (size_t i = 0; i < ARRAY_LEN(walls); i++)
		unit_properties_add(p, walls[i], UNIT_FLAG)->number = true;
	unit_properties_add(p, "ProtectSystem", UNIT_TEXT)->text = "strict";
	unit_properties_add(p, "ProtectHome", UNIT_TEXT)->text = at_home ? "read-only" : "yes";
	add_temporary(p, s);
	add_paths(p, "ReadWritePaths", UNIT_WORDS, s, s->writes);
	add_paths(p, "BindPaths", UNIT_BINDS, s, s->writes);
	add_paths(p, "BindReadOnlyPaths", UNIT_BINDS, s, s->reads);
	add_paths(p, "BindReadOnlyPaths", UNIT_BINDS, s, keeper);
}

void unit_properties_add_sandbox(struct unit_properties *p, const struct unit_sandbox *u)
{
	const struct sandbox *s = u->sandbox;

	if (s->credentials && s->credentials[0])
		unit_properties_add(p, "LoadCredential", UNIT_PAIRS)->argv =
			(const char *const *)s->credentials;
	if (!s->is_on)
		return;
	for (size_t i = 0; i < ARRAY_LEN(filters); i++)
		unit_properties_add(p, filters[i], UNIT_FLAG)->number = true;
	unit_properties_add(p, "RestrictAddressFamilies", UNIT_ALLOWED)->argv = families;
	unit_properties_add(p, "SystemCallArchitectures", UNIT_WORDS)->argv = native;
	if (!u->is_user)
		add_walls(p, u);
}
