/* SPDX-License-Identifier: MIT */
/*
 * up --foreground: the first screen.
 *
 * The signals that end it are blocked from the beginning and read from a descriptor, so that one
 * that comes while the services are still starting is not lost and stops them in order too. The
 * platform itself runs no differently than in the background: a terminal that dies takes nothing
 * with it but this program.
 */
#include "cli/foreground.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/text.h"
#include "config/model.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/down.h"
#include "cli/ls.h"
#include "cli/outermost.h"
#include "cli/print.h"
#include "cli/up.h"

static void signals_of(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGHUP);
}

/* A path as seen from the folder in which the person typed. */
static const char *from_here(const char *path)
{
	cleanup_free char *here = getcwd(NULL, 0);
	size_t len = here ? strlen(here) : 0;

	if (len > 1 && strncmp(path, here, len) == 0 && path[len] == '/')
		return path + len + 1;
	return path;
}

static void print_head(const struct cli *cli, const json_t *status)
{
	const char *config = json_get_string(status, "config");
	const char *launcher = json_get_string(status, "launcher");

	(void)printf("slicekeep %s   %s   state %s   launcher %s\n\n", SLICEKEEP_VERSION,
		     from_here(config ? config : cli->paths.config), from_here(cli->paths.state),
		     launcher ? launcher : "?");
}

/* "http://127.0.0.1:8000/health" -> "http://127.0.0.1:8000" */
static size_t origin_len(const char *url)
{
	const char *host = strstr(url, "://");

	return host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/") : strlen(url);
}

static void print_site(const struct config_process *p)
{
	char first = p->name[0];

	if (first >= 'a' && first <= 'z')
		first = (char)(first - 'a' + 'A');
	/* A port that is chosen at the start is in `ls`. */
	if (p->ready.kind == CONFIG_PROBE_HTTP && !strchr(p->ready.target, '$'))
		(void)printf("%c%-10s%.*s\n", first, p->name + 1, (int)origin_len(p->ready.target),
			     p->ready.target);
}

static void print_sites(const struct cli *cli)
{
	struct config *config = NULL;
	struct error ignored = {0};

	if (up_check_config(cli, &config, &ignored) != 0)
		return;
	for (size_t i = 0; i < config->n_processes; i++)
		print_site(&config->processes[i]);
	config_unref(config);
	(void)printf("\n");
}

/* One that keeps dying, or NULL. */
static const char *service_that_dies(const json_t *services)
{
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		const char *state = json_get_string(service, "state");

		if (text_equal(state, "backoff") || text_equal(state, "failed") ||
		    json_get_uint(service, "restarts", 0) > 0)
			return json_get_string(service, "name");
	}
	return NULL;
}

static const json_t *largest_service(const json_t *services)
{
	const json_t *largest = NULL;
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		if (!json_get_bool(service, "system", false) &&
		    json_get_uint(service, "processes", 0) > json_get_uint(largest, "processes", 1))
			largest = service;
	}
	return largest;
}

static void print_next(const struct cli *cli, const char *words, const char *name, const char *what)
{
	char command[96];

	(void)snprintf(command, sizeof(command), "%s %s%s%s", cli->hint, words, name ? " " : "",
		       name ? name : "");
	(void)printf("  %-28s %s\n", command, what);
}

static int print_hints(struct supervisor *s, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	const json_t *services;
	const json_t *largest;
	const char *dying;
	int code;

	code = supervisor_ask(s, "io.slicekeep.supervisor.List", json_pack("{s:b}", "count", 1),
			      &reply, err);
	if (code < 0)
		return code;
	services = json_object_get(reply, "services");
	largest = largest_service(services);
	(void)printf("In another terminal:\n");
	dying = service_that_dies(services);
	if (dying)
		print_next(s->cli, "why", dying, "why it died, with the evidence");
	else
		print_next(s->cli, "why", json_get_string(json_array_get(services, 0), "name"),
			   "what it is doing, and why");
	print_next(s->cli, "log -f", NULL, "every line of every service");
	if (largest) {
		char what[64];

		(void)snprintf(what, sizeof(what), "%" PRIu64 " processes gone, whatever they do",
			       json_get_uint(largest, "processes", 0));
		print_next(s->cli, "stop", json_get_string(largest, "name"), what);
	}
	(void)printf("Ctrl-C stops everything in order.\n");
	(void)fflush(stdout);
	return 0;
}

static int print_first_screen(struct supervisor *s, struct error *err)
{
	cleanup_json json_t *status = NULL;
	int code = supervisor_reopen(s, err);

	if (code == 0)
		code = supervisor_ask(s, "io.slicekeep.supervisor.Status", NULL, &status, err);
	if (code < 0)
		return code;
	print_head(s->cli, status);
	code = ls_print(s, NULL, true, err);
	if (code < 0)
		return code;
	(void)printf("\n");
	print_sites(s->cli);
	return print_hints(s, err);
}

/* Whether a signal has come; false when the platform ended without us. A descriptor of -1 never
 * speaks. The signal is taken out of the queue: it would end us as soon as it is unblocked. */
static bool wait_for_signal(int signal_fd, int keeper_pidfd)
{
	struct signalfd_siginfo taken;
	struct pollfd fds[] = {
		{.fd = signal_fd, .events = POLLIN},
		{.fd = keeper_pidfd, .events = POLLIN},
	};

	while (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno == EINTR)
		;
	return fds[0].revents != 0 && read(signal_fd, &taken, sizeof(taken)) == sizeof(taken);
}

/* From now on a second signal ends this program; the platform goes on stopping. */
static int stop_everything(struct supervisor *s, const sigset_t *set, struct error *err)
{
	int code;

	(void)printf("\nstopping everything in order\n");
	(void)fflush(stdout);
	(void)sigprocmask(SIG_UNBLOCK, set, NULL);
	code = supervisor_reopen(s, err);
	if (code == 0)
		code = down_shutdown(s, false, err);
	return code;
}

static int stay(struct supervisor *s, struct error *err)
{
	cleanup_close int signal_fd = -1;
	cleanup_close int keeper = outermost_pidfd(&s->cli->paths);
	sigset_t set;

	signals_of(&set);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0)
		return error_set(err, -errno, "cannot wait for signals: %s", strerror(errno));
	supervisor_close(s);
	if (!wait_for_signal(signal_fd, keeper)) {
		(void)printf("\neverything was stopped from elsewhere\n");
		return 0;
	}
	return stop_everything(s, &set, err);
}

int foreground_run(struct cli *cli, const char *launcher)
{
	cleanup_supervisor struct supervisor s = {0};
	struct error err = {0};
	sigset_t set;
	int code;

	signals_of(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	code = up_start(cli, launcher, false, &s, &err);
	if (code == UP_ALREADY) {
		code = ls_print(&s, NULL, true, &err);
		(void)printf("it runs already, in the background; \"%s down\" stops it\n",
			     cli->hint);
		return code < 0 ? command_fail(&err) : CLI_DONE;
	}
	if (code < 0)
		return command_fail(&err);
	/* Where we are the main process, as in a container, everything would end with us. */
	if (print_first_screen(&s, &err) < 0)
		(void)command_fail(&err);
	code = stay(&s, &err);
	return code < 0 ? command_fail(&err) : CLI_DONE;
}
