/* SPDX-License-Identifier: MIT */
#include "supervisor/environment.h"

#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

#include "lib/dotenv.h"
#include "lib/error.h"
#include "lib/log.h"
#include "lib/text.h"
#include "config/model.h"
#include "supervisor/identity.h"

/*
 * The environment of a payload, laid in four layers: what everything inherits, who it is, its
 * env_file, its env. A later layer replaces a variable in place, so that the order stays that of
 * the first mention.
 *
 * The env_file is opened with the file system's view of the service's user: a path in a config that
 * a user may write must not make us, who are root, read what the user cannot. setfsuid(2) takes the
 * right to overlook permissions with it, setfsgid(2) and setgroups(2) our groups; all of it is put
 * back before anything else happens, and since the process has one thread nobody sees it meanwhile.
 * The obvious other way, comparing the file's owner and mode with the user, knows nothing of the
 * folders above it, of ACLs, or of what is swapped between the look and the open.
 */

/** Variables of one payload: what a spec holds, and a bound on the time that merging takes. */
#define VARIABLES_MAX 4096
/** Room to begin with; it doubles. A service keeps its environment, so what is never used counts.
 */
#define VARIABLES_MIN 32

/* @items ends with NULL as soon as there is @room. */
struct variables {
	char **items;
	size_t n;
	size_t room;
};

static void variables_done(struct variables *v)
{
	strings_free(v->items);
}

/* Room for one more, and for the NULL behind it. */
static int variables_grow(struct variables *v)
{
	size_t room = MAX_OF(2 * v->room, VARIABLES_MIN);
	char **items;

	if (v->n == VARIABLES_MAX)
		return -E2BIG;
	if (v->n + 1 < v->room)
		return 0;
	items = reallocarray(v->items, room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	memset(items + v->room, 0, (room - v->room) * sizeof(*items));
	v->items = items;
	v->room = room;
	return 0;
}

/* Variables that belong to our own start-up and would mislead a payload. */
static const char *const ours[] = {
	"NOTIFY_SOCKET",         "LISTEN_PID",   "LISTEN_FDS",
	"LISTEN_FDNAMES",        "WATCHDOG_PID", "WATCHDOG_USEC",
	"CREDENTIALS_DIRECTORY",
};

static bool same_key(const char *a, const char *b, size_t key_len)
{
	return strncmp(a, b, key_len) == 0 && a[key_len] == '=';
}

static bool is_ours(const char *variable)
{
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		if (same_key(variable, ours[i], strlen(ours[i])))
			return true;
	}
	return false;
}

/* The place of the variable whose key is the first @key_len bytes of @variable, or one behind all.
 */
static size_t variables_find(const struct variables *v, const char *variable, size_t key_len)
{
	size_t i = 0;

	while (i < v->n && !same_key(v->items[i], variable, key_len))
		i++;
	return i;
}

/* Adds or replaces a variable; @variable is taken over, also on failure, and may be NULL. */
static int variables_put(struct variables *v, char *variable)
{
	cleanup_free char *owned = variable;
	const char *equals = owned ? strchr(owned, '=') : NULL;
	size_t place;
	int r;

	if (!owned)
		return -ENOMEM;
	if (!equals || equals == owned)
		return 0;
	place = variables_find(v, owned, (size_t)(equals - owned));
	r = place == v->n ? variables_grow(v) : 0;
	if (r < 0)
		return r;
	v->n = MAX_OF(v->n, place + 1);
	free(v->items[place]);
	v->items[place] = steal_ptr(owned);
	return 0;
}

static int variables_put_all(struct variables *v, char *const *from, bool inherited)
{
	for (size_t i = 0; from && from[i]; i++) {
		int r;

		if (inherited && is_ours(from[i]))
			continue;
		r = variables_put(v, strdup(from[i]));
		if (r < 0)
			return r;
	}
	return 0;
}

static int variables_put_pair(struct variables *v, const char *key, const char *value)
{
	struct text t = {0};

	if (!value)
		return 0;
	text_add(&t, key);
	text_add(&t, "=");
	text_add(&t, value);
	return variables_put(v, text_take(&t));
}

static int variables_put_identity(struct variables *v, const struct identity *id)
{
	int r = variables_put_pair(v, "HOME", id->home);

	if (r == 0)
		r = variables_put_pair(v, "USER", id->name);
	if (r == 0)
		r = variables_put_pair(v, "LOGNAME", id->name);
	if (r == 0)
		r = variables_put_pair(v, "SHELL", id->shell);
	return r;
}

/* Does not wait for the other end of a FIFO. */
static int open_to_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

/* Opens @path with the rights of @id, and has our own rights back when it returns. */
static int open_as(const char *path, const struct identity *id)
{
	cleanup_free gid_t *groups = NULL;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int n_groups = getgroups(0, NULL);
	int fd;

	groups = calloc((size_t)MAX_OF(n_groups, 0) + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	n_groups = getgroups(n_groups, groups);
	if (n_groups < 0 || setgroups(id->n_groups, id->groups) < 0)
		return -errno;
	setfsgid(id->gid);
	setfsuid(id->uid);
	fd = open_to_read(path);
	setfsuid(uid);
	setfsgid(gid);
	if (setgroups((size_t)n_groups, groups) < 0)
		log_error("cannot get our own groups back: %s", strerror(errno));
	return fd;
}

/* Reads a regular file of at most DOTENV_BYTES_MAX. */
static int read_regular(int fd, char **ret_data, size_t *ret_len)
{
	cleanup_free char *data = NULL;
	struct stat st;
	size_t len = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	data = malloc(DOTENV_BYTES_MAX + 1);
	if (!data)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, data + len, DOTENV_BYTES_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		len += (size_t)n;
		if (n == 0)
			break;
		if (len > DOTENV_BYTES_MAX)
			return -EFBIG;
	}
	*ret_data = steal_ptr(data);
	*ret_len = len;
	return 0;
}

static int put_env_file(struct variables *v, const char *path, const struct identity *id,
			struct error *err)
{
	cleanup_strings char **variables = NULL;
	cleanup_free char *text = NULL;
	cleanup_close int fd = -1;
	const char *as = id->set && id->uid != geteuid() ? id->name : NULL;
	size_t len = 0;
	int r;

	fd = as ? open_as(path, id) : open_to_read(path);
	r = MIN_OF(fd, 0);
	if (r < 0)
		return error_set(err, r, "cannot read env_file \"%s\"%s%s: %s", path,
				 as ? " as user " : "", as ? as : "", strerror(-r));
	r = read_regular(fd, &text, &len);
	if (r == -EINVAL)
		return error_set(err, r, "env_file \"%s\" is not a regular file", path);
	if (r == -EFBIG)
		return error_set(err, r, "env_file \"%s\" is larger than %d bytes", path,
				 DOTENV_BYTES_MAX);
	if (r < 0)
		return error_set(err, r, "cannot read env_file \"%s\": %s", path, strerror(-r));
	r = dotenv_parse(text, len, &variables, err);
	if (text)
		explicit_bzero(text, len);
	if (r < 0) {
		error_prefix(err, "env_file \"%s\"", path);
		return r;
	}
	return variables_put_all(v, variables, false);
}

int environment_build(char *const *inherit, const struct identity *id,
		      const struct config_process *p, char ***ret_env, struct error *err)
{
	cleanup(variables_done) struct variables v = {0};
	int r = variables_grow(&v);

	if (r == 0)
		r = variables_put_all(&v, inherit, true);
	if (r == 0 && id->set)
		r = variables_put_identity(&v, id);
	if (r == 0 && p->env_file)
		r = put_env_file(&v, p->env_file, id, err);
	if (r == 0)
		r = variables_put_all(&v, p->env, false);
	if (r == -E2BIG)
		return error_set(err, r, "\"%s\" has more than %d environment variables", p->name,
				 VARIABLES_MAX);
	if (r < 0)
		return r;
	*ret_env = steal_ptr(v.items);
	return 0;
}
