/* SPDX-License-Identifier: MIT */

/*
 * What is to run, as the supervisor wrote it (spec-format.h).
 *
 * There is no heap to put it on: the file is read into one anonymous mapping, the texts stay where
 * they are, and the arrays of pointers come behind the text in the same mapping, which is as long
 * as the worst case needs but touched only as far as it is used. So a keeper pays for the size of
 * its own spec, a reload frees the old one with one munmap, and a spec that turns out to be bad
 * leaves the running one alone.
 *
 * Strict: an unknown key, a value out of range or a missing end is refused with the record's
 * number. The supervisor checked all of this against the config; what fails here is a mistake of
 * ours.
 */

#include "supervisor/keeper/spec.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "supervisor/keeper/text.h"

/* The room for the arrays: a record has at least four bytes ("k=v" and its end) and takes a
 * pointer. */
#define ENDS_OF_ARRAYS (3 + SPEC_ENV_OWN)

struct key {
	const char *name;
	int (*take)(const struct key *key, const char *value, struct spec *s);
	size_t offset;
	uint64_t max;
	const char *const *words;
};

static int take_text(const struct key *key, const char *value, struct spec *s)
{
	if (!*value)
		return -EINVAL;
	*(const char **)((char *)s + key->offset) = value;
	return 0;
}

static int take_path(const struct key *key, const char *value, struct spec *s)
{
	if (value[0] != '/')
		return -EINVAL;
	return take_text(key, value, s);
}

static int take_name(const struct key *key, const char *value, struct spec *s)
{
	if (strlen(value) >= INTAKE_NAME_MAX)
		return -E2BIG;
	return take_text(key, value, s);
}

static int take_u64(const struct key *key, const char *value, struct spec *s)
{
	return text_number(value, key->max, (uint64_t *)((char *)s + key->offset));
}

static int take_u32(const struct key *key, const char *value, struct spec *s)
{
	uint64_t number;
	int r = text_number(value, key->max, &number);

	if (r < 0)
		return r;
	*(uint32_t *)((char *)s + key->offset) = (uint32_t)number;
	return 0;
}

static int take_bool(const struct key *key, const char *value, struct spec *s)
{
	uint64_t number;
	int r = text_number(value, 1, &number);

	if (r < 0)
		return r;
	*(bool *)((char *)s + key->offset) = number == 1;
	return 0;
}

/* An enum whose values are the places of their words. */
static int take_word(const struct key *key, const char *value, struct spec *s)
{
	for (int i = 0; key->words[i]; i++) {
		if (strcmp(value, key->words[i]) == 0) {
			*(int *)((char *)s + key->offset) = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* A bool that is true for the second word. */
static int take_choice(const struct key *key, const char *value, struct spec *s)
{
	bool *choice = (bool *)((char *)s + key->offset);

	for (int i = 0; key->words[i]; i++) {
		if (strcmp(value, key->words[i]) == 0) {
			*choice = i == 1;
			return 0;
		}
	}
	return -EINVAL;
}

static int take_uid(const struct key *key, const char *value, struct spec *s)
{
	s->has_uid = true;
	return take_u32(key, value, s);
}

static int take_gid(const struct key *key, const char *value, struct spec *s)
{
	s->has_gid = true;
	return take_u32(key, value, s);
}

static int take_oom_score(const struct key *key, const char *value, struct spec *s)
{
	bool is_negative = value[0] == '-';
	uint64_t number;
	int r = text_number(value + is_negative, key->max, &number);

	if (r < 0)
		return r;
	s->oom_score = is_negative ? -(int)number : (int)number;
	return 0;
}

static int take_argv(const struct key *key, const char *value, struct spec *s)
{
	s->argv[s->n_argv++] = (char *)value;
	return 0;
}

static int take_env(const struct key *key, const char *value, struct spec *s)
{
	if (value[0] == '=' || !strchr(value, '='))
		return -EINVAL;
	if (!spec_is_own(value))
		s->env[s->n_env++] = (char *)value;
	return 0;
}

static int take_group(const struct key *key, const char *value, struct spec *s)
{
	uint64_t number;
	int r = text_number(value, key->max, &number);

	if (r < 0)
		return r;
	s->groups[s->n_groups++] = (gid_t)number;
	return 0;
}

static const char *const words_type[] = {"service", "oneshot", NULL};
static const char *const words_restart[] = {"always", "on-failure", "never", NULL};
static const char *const words_ready[] = {"", "notify", NULL};
static const char *const words_policy[] = {"block", "drop", NULL};
static const char *const words_sweep[] = {"tree", "main", NULL};

#define FIELD(member) .offset = offsetof(struct spec, member)
/* (uid_t)-1 means "leave it" to the kernel. */
#define ID_MAX (UINT32_MAX - 1)

/* clang-format off */
static const struct key keys[] = {
	{"name", take_name, FIELD(name)},
	{"instance", take_u32, FIELD(instance), .max = UINT16_MAX},
	{"revision", take_u64, FIELD(revision), .max = UINT64_MAX},
	{"last_life", take_u64, FIELD(last_life), .max = UINT64_MAX - 1},
	{"argv", take_argv},
	{"env", take_env},
	{"cwd", take_path, FIELD(cwd)},
	{"uid", take_uid, FIELD(uid), .max = ID_MAX},
	{"gid", take_gid, FIELD(gid), .max = ID_MAX},
	{"group", take_group, .max = ID_MAX},
	{"type", take_choice, FIELD(rule.is_oneshot), .words = words_type},
	{"restart", take_word, FIELD(rule.restart), .words = words_restart},
	{"delay_usec", take_u64, FIELD(rule.backoff.delay_usec), .max = SPEC_DELAY_MAX_USEC},
	{"max_delay_usec", take_u64, FIELD(rule.backoff.max_delay_usec),
	 .max = SPEC_DELAY_MAX_USEC},
	{"max_restarts", take_u32, FIELD(rule.backoff.max_restarts), .max = UINT32_MAX},
	{"immediate", take_u32, FIELD(rule.backoff.immediate), .max = 1000},
	{"healthy_usec", take_u64, FIELD(rule.backoff.healthy_usec), .max = SPEC_DELAY_MAX_USEC},
	{"stop_signal", take_u32, FIELD(stop_signal), .max = 64},
	{"stop_usec", take_u64, FIELD(rule.stop_usec), .max = SPEC_DELAY_MAX_USEC},
	{"ready", take_choice, FIELD(is_notify), .words = words_ready},
	{"watchdog_usec", take_u64, FIELD(watchdog_usec), .max = SPEC_DELAY_MAX_USEC},
	{"open_files", take_u64, FIELD(open_files), .max = UINT32_MAX},
	{"oom_score", take_oom_score, .max = 1000},
	{"intake", take_path, FIELD(intake)},
	{"log_policy", take_word, FIELD(log_policy), .words = words_policy},
	{"merge_streams", take_bool, FIELD(is_merged)},
	{"cgroup", take_path, FIELD(cgroup)},
	{"confine", take_bool, FIELD(is_confined)},
	{"sweep", take_choice, FIELD(is_sweeping_main), .words = words_sweep},
};
/* clang-format on */

/* How often a record of a key may come; the arrays are as long as they are. */
struct counts {
	size_t argv;
	size_t env;
	size_t groups;
};

bool spec_is_own(const char *entry)
{
	return text_starts(entry, "NOTIFY_SOCKET=") || text_starts(entry, "LISTEN_PID=") ||
	       text_starts(entry, "LISTEN_FDS=") || text_starts(entry, "LISTEN_FDNAMES=") ||
	       text_starts(entry, "WATCHDOG_PID=") || text_starts(entry, "WATCHDOG_USEC=");
}

void spec_init(struct spec *s)
{
	*s = (struct spec){
		.name = "keeper",
		.stop_signal = 15,
		.oom_score = -1001,
		.rule.stop_usec = 10 * USEC_PER_SEC,
		.rule.backoff.immediate = 2,
		.rule.backoff.healthy_usec = 10 * USEC_PER_SEC,
		.rule.backoff.delay_usec = 100 * USEC_PER_MSEC,
		.rule.backoff.max_delay_usec = 30 * USEC_PER_SEC,
	};
}

size_t spec_room(size_t text_bytes)
{
	return text_bytes + (text_bytes / 4 + ENDS_OF_ARRAYS + 1) * sizeof(char *);
}

static int fault_number(struct spec_fault *fault, size_t n, const char *record, int r)
{
	char shown[80];

	text_clean(shown, sizeof(shown), record, strnlen(record, sizeof(shown)));
	text_format(fault->text, sizeof(fault->text), "record %llu, '%s': %s",
		    (unsigned long long)n, shown,
		    r == -ERANGE   ? "out of range"
		    : r == -E2BIG  ? "too many or too long"
		    : r == -ENOENT ? "unknown key"
				   : "not a value that this key takes");
	return r == -ENOENT ? -EINVAL : r;
}

static const struct key *find_key(const char *record, size_t key_len)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strlen(keys[i].name) == key_len && memcmp(keys[i].name, record, key_len) == 0)
			return &keys[i];
	}
	return NULL;
}

static int count_records(const char *text, size_t bytes, struct counts *n)
{
	for (const char *at = text; at < text + bytes; at += strlen(at) + 1) {
		n->argv += text_starts(at, "argv=") != NULL;
		n->env += text_starts(at, "env=") != NULL;
		n->groups += text_starts(at, "group=") != NULL;
	}
	if (n->argv > SPEC_ARGV_MAX || n->env > SPEC_ENV_MAX || n->groups > SPEC_GROUPS_MAX)
		return -E2BIG;
	return 0;
}

/* The arrays, each with its end, behind the text. */
static void lay_out(struct spec *s, char *map, size_t text_bytes, const struct counts *n)
{
	size_t align = sizeof(char *);
	char **at = (char **)(map + (text_bytes + align - 1) / align * align);

	s->argv = at;
	s->env = s->argv + n->argv + 1;
	s->groups = (gid_t *)(s->env + n->env + 1 + SPEC_ENV_OWN);
}

static int take_record(struct spec *s, const char *record)
{
	const char *equals = strchr(record, '=');
	const struct key *key;

	if (!equals)
		return -EINVAL;
	key = find_key(record, (size_t)(equals - record));
	return key ? key->take(key, equals + 1, s) : -ENOENT;
}

static int check_whole(const struct spec *s, struct spec_fault *fault)
{
	const char *missing = NULL;

	if (s->n_argv == 0 || !*s->argv[0])
		missing = "no argv: what is to run?";
	else if (s->stop_signal < 1)
		missing = "stop_signal must be 1 to 64";
	else if (s->has_uid && !s->has_gid)
		missing = "uid without gid";
	else if (s->n_groups > 0 && !s->has_gid)
		missing = "group without gid";
	if (!missing)
		return 0;
	text_copy(fault->text, sizeof(fault->text), missing);
	return -EINVAL;
}

int spec_parse(void *map, size_t text_bytes, struct spec *ret_spec, struct spec_fault *ret_fault)
{
	char *text = map;
	struct counts counts = {0};
	struct spec s;
	size_t n = 1;
	int r;

	if (text_bytes > SPEC_BYTES_MAX) {
		text_copy(ret_fault->text, sizeof(ret_fault->text), "the file is too long");
		return -E2BIG;
	}
	if (text_bytes < sizeof(SPEC_MAGIC) || memcmp(text, SPEC_MAGIC, sizeof(SPEC_MAGIC)) != 0 ||
	    text[text_bytes - 1] != '\0') {
		text_copy(ret_fault->text, sizeof(ret_fault->text),
			  "not a spec: it must begin with '" SPEC_MAGIC "' and end with a NUL");
		return -EBADMSG;
	}
	spec_init(&s);
	r = count_records(text, text_bytes, &counts);
	if (r < 0) {
		text_copy(ret_fault->text, sizeof(ret_fault->text),
			  "too many arguments, variables or groups");
		return r;
	}
	lay_out(&s, text, text_bytes, &counts);
	for (char *at = text + sizeof(SPEC_MAGIC); at < text + text_bytes; at += strlen(at) + 1) {
		n++;
		r = take_record(&s, at);
		if (r < 0)
			return fault_number(ret_fault, n, at, r);
	}
	r = check_whole(&s, ret_fault);
	if (r < 0)
		return r;
	s.argv[s.n_argv] = NULL;
	s.env[s.n_env] = NULL;
	s.text_bytes = text_bytes;
	*ret_spec = s;
	return 0;
}

static int read_whole(int fd, char *buf, size_t bytes)
{
	size_t got = 0;

	while (got < bytes) {
		ssize_t n = pread(fd, buf + got, bytes - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EBADMSG;
		got += (size_t)n;
	}
	return 0;
}

static int map_file(int fd, struct spec *ret_spec, struct spec_fault *ret_fault)
{
	struct stat st;
	size_t bytes;
	void *map;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > SPEC_BYTES_MAX)
		return -E2BIG;
	bytes = spec_room((size_t)st.st_size);
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	r = read_whole(fd, map, (size_t)st.st_size);
	if (r == 0)
		r = spec_parse(map, (size_t)st.st_size, ret_spec, ret_fault);
	if (r < 0) {
		(void)munmap(map, bytes);
		return r;
	}
	ret_spec->map = map;
	ret_spec->map_bytes = bytes;
	return 0;
}

int spec_read_fd(int fd, const char *name, struct spec *ret_spec, struct spec_fault *ret_fault)
{
	struct spec_fault inner = {0};
	int r = map_file(fd, ret_spec, &inner);

	if (r < 0)
		text_format(ret_fault->text, sizeof(ret_fault->text), "'%s': %s", name,
			    inner.text[0] ? inner.text : strerror(-r));
	return r;
}

int spec_read(const char *path, struct spec *ret_spec, struct spec_fault *ret_fault)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0) {
		int r = -errno;

		text_format(ret_fault->text, sizeof(ret_fault->text), "cannot read '%s': %s", path,
			    strerror(-r));
		return r;
	}
	return spec_read_fd(fd, path, ret_spec, ret_fault);
}

void spec_done(struct spec *s)
{
	if (s->map)
		(void)munmap(s->map, s->map_bytes);
	s->map = NULL;
}
