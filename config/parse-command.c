/* SPDX-License-Identifier: MIT */

/*
 * `script`, `command` and `args` -> the arguments of execve().
 *
 * No shell is involved. A script that the kernel can run by itself (a run bit, and a #! line that
 * names something that exists) is run as it is; one that it cannot run gets the interpreter of its
 * ending, because a checkout from a git server or a build product often has neither.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/file.h"
#include "lib/text.h"
#include "config/load.h"
#include "config/model.h"
#include "config/parse.h"
#include "config/scalar.h"
#include "config/vector.h"

#define ARGV_MAX 4000
#define SHEBANG_BYTES_MAX 256

static const struct {
	const char *ending;
	const char *interpreter;
} interpreters[] = {
	{".js", "node"}, {".mjs", "node"}, {".cjs", "node"}, {".py", "python3"},
	{".rb", "ruby"}, {".sh", "sh"},    {".pl", "perl"},  {".php", "php"},
};

static const char *interpreter_of(const char *script)
{
	for (size_t i = 0; i < ARRAY_LEN(interpreters); i++) {
		if (text_ends(script, interpreters[i].ending))
			return interpreters[i].interpreter;
	}
	return NULL;
}

/* Whether the #! line in @head names an interpreter that is there. */
static bool is_shebang(char *head)
{
	char *path;

	if (head[0] != '#' || head[1] != '!')
		return false;
	path = head + 2 + strspn(head + 2, " \t");
	path[strcspn(path, " \t\r\n")] = 0;
	return access(path, X_OK) == 0;
}

/*
 * Whether the kernel can run a script without our help. What is no file is not even opened: to open
 * a fifo may wait, and to open a device may do anything.
 */
static bool runs_by_itself(const char *script)
{
	char head[SHEBANG_BYTES_MAX + 1] = {0};
	cleanup_close int fd = -1;
	struct stat st;

	if (stat(script, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return false;
	fd = open(script, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd >= 0 && read(fd, head, SHEBANG_BYTES_MAX) > 0 && is_shebang(head);
}

static int check_script(struct parse *p, const char *script)
{
	struct stat st;
	int r = 0;

	place_push_key(&p->place, "script");
	if (stat(script, &st) < 0)
		r = parse_fail(p, "'%s' is not there: %s", script, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		r = parse_fail(p, "'%s' is no file", script);
	place_pop(&p->place);
	return r;
}

static int check_runnable(struct parse *p, const char *script)
{
	int r = 0;

	place_push_key(&p->place, "script");
	if (access(script, X_OK) < 0)
		r = parse_fail(p,
			       "'%s' is not executable: chmod +x it, or name its interpreter "
			       "with 'command'",
			       script);
	place_pop(&p->place);
	return r;
}

/* "node server.js" is a program with its arguments; "/opt/My App/run" may well be a program. */
static int check_command(struct parse *p, const char *command)
{
	size_t len = strcspn(command, " \t\n");
	bool has_blank = command[len];
	int r = 0;

	place_push_key(&p->place, "command");
	if (has_blank &&
	    (len < strcspn(command, "/") || (p->rules->check_files && access(command, F_OK) < 0)))
		r = parse_fail(p,
			       "'%s' is a program with arguments: write \"command\": \"%.*s\" and "
			       "the rest as \"args\"",
			       command, (int)len, command);
	place_pop(&p->place);
	return r;
}

/* A program with a slash that is no absolute path starts at the cwd, as in a shell. */
static char *program_path(const char *command, const char *cwd)
{
	return strchr(command, '/') ? file_path_join(cwd, command) : strdup(command);
}

static int add_program(struct parse *p, const char *script, const char *command,
		       struct config_process *out)
{
	const char *interpreter;
	int r;

	if (command) {
		r = strings_add(&out->argv, program_path(command, out->cwd));
		return r < 0 ? parse_fail_memory(p) : 0;
	}
	interpreter = interpreter_of(script);
	if (interpreter && !runs_by_itself(script))
		return strings_add(&out->argv, strdup(interpreter)) < 0 ? parse_fail_memory(p) : 0;
	if (!interpreter && p->rules->check_files)
		return check_runnable(p, script);
	return 0;
}

static int split_args(struct parse *p, const char *s, char ***ret)
{
	int r = text_split_words(s, ret);

	if (r == -ENOMEM)
		return parse_fail_memory(p);
	return r < 0 ? parse_fail(p, "a quote that is not closed") : 0;
}

static int read_args(struct parse *p, const json_t *args, char ***ret)
{
	char *s;

	if (json_is_string(args))
		return split_args(p, json_string_value(args), ret);
	if (json_is_array(args))
		return parse_vector(p, args, true, ret);
	s = scalar_argument(args);
	return strings_add(ret, s) < 0 ? parse_fail_memory(p) : 0;
}

static int add_args(struct parse *p, const json_t *args, struct config_process *out)
{
	cleanup_strings char **words = NULL;
	int r;

	if (!args)
		return 0;
	place_push_key(&p->place, "args");
	r = read_args(p, args, &words);
	if (r == 0 && strings_len(words) > ARGV_MAX)
		r = parse_fail(p, "more than %d arguments", ARGV_MAX);
	if (r == 0 && strings_join(&out->argv, &words) < 0)
		r = parse_fail_memory(p);
	place_pop(&p->place);
	return r;
}

int parse_command(struct parse *p, const char *script, const char *command, const json_t *args,
		  struct config_process *target)
{
	int r = 0;

	if (!script && !command)
		return parse_fail(p, "needs a 'command' or a 'script'");
	if (command)
		r = check_command(p, command);
	if (r == 0 && script && p->rules->check_files)
		r = check_script(p, script);
	if (r == 0)
		r = add_program(p, script, command, target);
	if (r == 0 && script && strings_add(&target->argv, strdup(script)) < 0)
		r = parse_fail_memory(p);
	return r < 0 ? r : add_args(p, args, target);
}
