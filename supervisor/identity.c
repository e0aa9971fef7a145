/* SPDX-License-Identifier: MIT */
#include "supervisor/identity.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/error.h"
#include "lib/text.h"

/*
 * Who a service runs as: a name or a number of the config made into numbers that a keeper can set.
 *
 * Everything is looked up here, once, before a spec is written: the keeper links nothing that could
 * read a user database, and between fork and exec nobody may ask one. A number without an entry in
 * the database is taken as it stands, with a group of the same number and no others, so that a
 * service never keeps a group of ours by accident. Users are enumerated only to find the name that
 * was probably meant, and only so many, because a directory server can hold any number.
 */

/** Bytes of one entry of a user database. */
#define ENTRY_BYTES_MAX (256 * 1024)
/** Users that are compared with a misspelt name. */
#define USERS_COMPARED_MAX 4096
/** Groups of one user (NGROUPS_MAX of the kernel). */
#define GROUPS_MAX 65536

static char *copy(const char *s)
{
	return strdup(s ? s : "");
}

/* A user or group number; names that begin with a digit are not numbers. */
static bool parse_id(const char *s, uint32_t *ret_id)
{
	char *end;
	unsigned long value;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	value = strtoul(s, &end, 10);
	if (*end || errno || value >= UINT32_MAX)
		return false;
	*ret_id = (uint32_t)value;
	return true;
}

/* Looks @name or, if it is NULL, @uid up. Return: 0, -ENOENT, or negative errno. */
static int find_user(const char *name, uid_t uid, struct passwd *ret_user, char **ret_strings)
{
	for (size_t size = 1024; size <= ENTRY_BYTES_MAX; size *= 2) {
		cleanup_free char *strings = malloc(size);
		struct passwd *found = NULL;
		int r;

		if (!strings)
			return -ENOMEM;
		r = name ? getpwnam_r(name, ret_user, strings, size, &found)
			 : getpwuid_r(uid, ret_user, strings, size, &found);
		if (r == ERANGE)
			continue;
		if (!found)
			return r ? -r : -ENOENT;
		*ret_strings = steal_ptr(strings);
		return 0;
	}
	return -ERANGE;
}

/* Return: 0, -ENOENT, or negative errno. */
static int find_group(const char *name, gid_t *ret_gid)
{
	uint32_t id;

	if (parse_id(name, &id)) {
		*ret_gid = id;
		return 0;
	}
	for (size_t size = 1024; size <= ENTRY_BYTES_MAX; size *= 2) {
		cleanup_free char *strings = malloc(size);
		struct group group;
		struct group *found = NULL;
		int r;

		if (!strings)
			return -ENOMEM;
		r = getgrnam_r(name, &group, strings, size, &found);
		if (r == ERANGE)
			continue;
		if (!found)
			return r ? -r : -ENOENT;
		*ret_gid = group.gr_gid;
		return 0;
	}
	return -ERANGE;
}

static int no_such_user(const char *name, struct error *err)
{
	cleanup_strings char **names = calloc(USERS_COMPARED_MAX + 1, sizeof(*names));
	const char *nearest = NULL;
	struct passwd *user;
	size_t n = 0;

	if (names) {
		setpwent();
		while (n < USERS_COMPARED_MAX && (user = getpwent())) {
			names[n] = strdup(user->pw_name);
			if (!names[n])
				break;
			n++;
		}
		endpwent();
		nearest = text_nearest(name, (const char *const *)names, n);
	}
	if (nearest)
		return error_set(err, -ENOENT,
				 "no user \"%s\" on this machine, did you mean \"%s\"?", name,
				 nearest);
	return error_set(err, -ENOENT, "no user \"%s\" on this machine", name);
}

/* Fills in the numbers and names of a user that may have no entry. */
static int take_user(struct identity *id, const char *user, struct error *err)
{
	cleanup_free char *strings = NULL;
	struct passwd entry;
	uint32_t number = 0;
	bool is_number = parse_id(user, &number);
	int r = find_user(is_number ? NULL : user, number, &entry, &strings);

	if (r == -ENOENT && !is_number)
		return no_such_user(user, err);
	if (r < 0 && r != -ENOENT)
		return error_set(err, r, "cannot look up the user \"%s\": %s", user, strerror(-r));
	id->uid = r == 0 ? entry.pw_uid : number;
	id->gid = r == 0 ? entry.pw_gid : number;
	id->name = copy(r == 0 ? entry.pw_name : user);
	id->home = copy(r == 0 ? entry.pw_dir : "/");
	id->shell = copy(r == 0 && *entry.pw_shell ? entry.pw_shell : "/bin/sh");
	return id->name && id->home && id->shell ? 0 : -ENOMEM;
}

/* The groups that the database gives to the user. */
static int take_own_groups(struct identity *id)
{
	for (int room = 32; room <= GROUPS_MAX; room *= 2) {
		cleanup_free gid_t *groups = calloc((size_t)room, sizeof(*groups));
		int n = room;

		if (!groups)
			return -ENOMEM;
		if (getgrouplist(id->name, id->gid, groups, &n) < 0)
			continue;
		id->groups = steal_ptr(groups);
		id->n_groups = (size_t)n;
		return 0;
	}
	return -E2BIG;
}

static bool has_group(const struct identity *id, gid_t gid)
{
	for (size_t i = 0; i < id->n_groups; i++) {
		if (id->groups[i] == gid)
			return true;
	}
	return id->gid == gid;
}

static int add_group(struct identity *id, const char *name, struct error *err)
{
	gid_t *grown;
	gid_t gid = 0;
	int r = find_group(name, &gid);

	if (r == -ENOENT)
		return error_set(err, r, "no group \"%s\" on this machine", name);
	if (r < 0)
		return error_set(err, r, "cannot look up the group \"%s\": %s", name, strerror(-r));
	if (has_group(id, gid))
		return 0;
	grown = reallocarray(id->groups, id->n_groups + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	id->groups = grown;
	id->groups[id->n_groups++] = gid;
	return 0;
}

/* The groups that this process has. */
static int take_our_groups(struct identity *id)
{
	int n = getgroups(0, NULL);

	if (n < 0)
		return -errno;
	id->groups = calloc((size_t)n + 1, sizeof(*id->groups));
	if (!id->groups)
		return -ENOMEM;
	n = getgroups(n, id->groups);
	if (n < 0)
		return -errno;
	id->n_groups = (size_t)n;
	return 0;
}

/* Without root nothing can be changed: what is asked for must be what we are. */
static int check_unprivileged(const char *user, char *const *groups, struct error *err)
{
	struct identity wanted = {0};
	struct identity ours = {.uid = geteuid(), .gid = getegid()};
	int r = user ? take_user(&wanted, user, err) : 0;

	if (r == 0 && user && wanted.uid != ours.uid)
		r = error_set(err, -EPERM, "only root can run a service as \"%s\"", user);
	if (r == 0)
		r = take_our_groups(&ours);
	for (size_t i = 0; r == 0 && groups && groups[i]; i++) {
		size_t n = ours.n_groups;

		r = add_group(&ours, groups[i], err);
		if (r == 0 && ours.n_groups > n)
			r = error_set(err, -EPERM, "only root can give a service the group \"%s\"",
				      groups[i]);
	}
	identity_done(&wanted);
	identity_done(&ours);
	return r;
}

static int resolve(struct identity *id, const char *user, char *const *groups, struct error *err)
{
	char number[16];
	int r;

	if (!user)
		snprintf(number, sizeof(number), "%u", geteuid());
	r = take_user(id, user ? user : number, err);
	if (r == 0)
		r = user ? take_own_groups(id) : take_our_groups(id);
	for (size_t i = 0; r == 0 && groups && groups[i]; i++)
		r = add_group(id, groups[i], err);
	id->set = true;
	return r;
}

int identity_resolve(const char *user, char *const *groups, struct identity *ret_identity,
		     struct error *err)
{
	struct identity id = {0};
	bool asked = user || (groups && groups[0]);
	int r = 0;

	if (asked && geteuid() != 0)
		r = check_unprivileged(user, groups, err);
	else if (asked)
		r = resolve(&id, user, groups, err);
	if (r < 0) {
		identity_done(&id);
		return r;
	}
	*ret_identity = id;
	return 0;
}

char *identity_of_folder(const char *folder)
{
	cleanup_free char *strings = NULL;
	struct passwd entry;
	struct stat st;
	char *number;
	int r;

	if (stat(folder, &st) < 0)
		return NULL;
	r = find_user(NULL, st.st_uid, &entry, &strings);
	if (r == 0)
		return strdup(entry.pw_name);
	if (r != -ENOENT) {
		errno = -r;
		return NULL;
	}
	if (asprintf(&number, "%u", st.st_uid) < 0) {
		errno = ENOMEM;
		return NULL;
	}
	return number;
}

void identity_done(struct identity *id)
{
	free(id->groups);
	free(id->name);
	free(id->home);
	free(id->shell);
	*id = (struct identity){0};
}
