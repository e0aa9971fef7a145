/* SPDX-License-Identifier: MIT */
/*
 * Whether what the services printed is stored as it should be.
 *
 * Only slicekeep-log knows what a store looks like, so it is asked: `slicekeep-log verify` prints a
 * line for each thing that is wrong, and at last how much it has looked at. It is given little
 * time; what it has not read then, it says.
 */
#include "cli/store-check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/fd.h"
#include "lib/paths.h"
#include "lib/spawn.h"
#include "lib/text.h"
#include "cli/command.h"
#include "cli/findings.h"

#define MAX_TIME "2s"
/** Findings that are shown one by one. */
#define LINES_MAX 5
#define OUTPUT_BYTES_MAX ((size_t)1024 * 1024)

/* Everything that it prints; the rest of too much is thrown away. */
static void read_all(int fd, struct text *out)
{
	char bytes[4096];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0 && out->len < OUTPUT_BYTES_MAX)
			text_add_bytes(out, bytes, (size_t)n);
	}
}

/* Return: exit code, or negative errno. */
static int verify(const struct cli *cli, struct text *out)
{
	cleanup_free char *program = paths_program("slicekeep-log");
	cleanup_close int ours = -1;
	cleanup_close int theirs = -1;
	int fds[2], status = 0, r;
	pid_t pid;

	if (!program || pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];

	const char *argv[] = {program,     "verify",       "--max-time", MAX_TIME,
			      "--log-dir", cli->paths.log, NULL};
	struct spawn spawn = {
		.argv = (char *const *)argv, .in_fd = -1, .out_fd = theirs, .err_fd = theirs};

	r = spawn_run(&spawn, &pid);
	if (r < 0)
		return r;
	close_fd(&theirs);
	read_all(ours, out);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

/* The last line sums up; those before it are one finding each. */
static void add_lines(struct findings *findings, char *output, int code)
{
	enum verdict verdict = code == 0 ? VERDICT_OK : VERDICT_WRONG;
	size_t n = 0;
	char *line, *rest = output, *last = NULL;

	while ((line = strsep(&rest, "\n"))) {
		if (line[0] == '\0')
			continue;
		if (last && n++ < LINES_MAX)
			finding_add(findings, "store", verdict, "%s", last);
		last = line;
	}
	if (n > LINES_MAX)
		finding_add(findings, "store", verdict,
			    "and %zu more: \"slicekeep-log verify\" shows them", n - LINES_MAX);
	if (last)
		finding_add(findings, "store", verdict, "%s", last);
}

void store_check(const struct cli *cli, struct findings *findings)
{
	cleanup_text struct text output = {0};
	int code;

	/* That the folder is not there yet, or is root's, is said elsewhere. */
	if (access(cli->paths.log, R_OK | X_OK) < 0)
		return;
	code = verify(cli, &output);
	if (code < 0)
		finding_add(findings, "store", VERDICT_WRONG,
			    "\"slicekeep-log verify\" cannot be run: %s", strerror(-code));
	else if (output.data)
		add_lines(findings, output.data, code);
}
