/* SPDX-License-Identifier: MIT */
/*
 * A long text on a terminal goes through the person's pager, which opens at the newest line.
 *
 * A pager that is missing (a minimal system has no less) is no error: the terminal scrolls.
 */
#include "cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/text.h"

static int pager_words(char ***ret_words)
{
	const char *pager = getenv("PAGER");
	int code = text_split_words(pager && pager[0] ? pager : "less -R +G", ret_words);

	if (code == 0 && (*ret_words)[0] == NULL)
		return -EINVAL;
	return code;
}

static int pager_spawn(char **words, int in_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int code = posix_spawn_file_actions_init(&actions);

	if (code != 0)
		return -code;
	code = posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
	if (code == 0)
		code = posix_spawnp(ret_pid, words[0], &actions, NULL, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return -code;
}

/*
 * The keyboard belongs to the pager now: what interrupts it must not end us, who wait for it. One
 * that is left early is no error, but the end of the output.
 */
static void leave_signals_to_pager(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGPIPE, &action, NULL);
}

pid_t pager_begin(void)
{
	cleanup_strings char **words = NULL;
	cleanup_close int read_end = -1;
	cleanup_close int write_end = -1;
	int fds[2];
	pid_t pid = 0;

	if (pager_words(&words) < 0 || pipe2(fds, O_CLOEXEC) < 0)
		return 0;
	read_end = fds[0];
	write_end = fds[1];
	if (pager_spawn(words, read_end, &pid) < 0)
		return 0;
	leave_signals_to_pager();
	(void)fflush(stdout);
	if (dup2(write_end, STDOUT_FILENO) < 0)
		(void)fprintf(stderr, "slicekeep: cannot write to the pager: %s\n",
			      strerror(errno));
	return pid;
}

void pager_end(pid_t pid)
{
	if (pid == 0)
		return;
	(void)fflush(stdout);
	clearerr(stdout);
	(void)close(STDOUT_FILENO);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
