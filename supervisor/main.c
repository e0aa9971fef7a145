/* SPDX-License-Identifier: MIT */

/*
 * slicekeep-supervisor: keeps the desired state and makes it so.
 *
 * It is started under a keeper of its own (`slicekeep up`), which brings it back when it dies. Exit
 * code 0 means "everything was stopped in order": then that keeper leaves too. Any other end leaves
 * the services to their keepers, and the next supervisor takes them over.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "supervisor/api.h"
#include "supervisor/apply.h"
#include "supervisor/enter-unit.h"
#include "supervisor/launchers.h"
#include "supervisor/manager.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2

static const char usage[] =
	"slicekeep-supervisor: keeps services running as one JSON file describes them.\n"
	"Started by `slicekeep up`; see slicekeep-supervisor(8).\n"
	"  --launcher auto|systemd|direct\n"
	"                how keepers are started (SLICEKEEP_LAUNCHER)\n"
	"  --debug       say more\n"
	"  --help  --version\n";

/** struct supervisor - what main wires together */
struct supervisor {
	struct loop *loop;
	struct paths paths;
	struct manager *manager;
	struct api *api;
	struct daemon_watchdog *watchdog;
	struct manager_watcher watcher;
	struct loop_signal signals[2];
	struct loop_timer farewell;
	int lock;
};

static void on_signal(int signo, void *userdata)
{
	struct supervisor *s = userdata;

	log_notice("%s: stopping everything in order", strsignal(signo));
	daemon_stopping();
	manager_shutdown(s->manager, strsignal(signo));
}

static void on_farewell(void *userdata)
{
	struct supervisor *s = userdata;

	loop_stop(s->loop, 0);
}

/* Nobody is answered before we know what runs: what `ls` shows is the truth from the first time on.
 */
static void on_greeted(void *userdata)
{
	struct supervisor *s = userdata;
	struct error err = {0};

	if (api_new(s->manager, &s->api, &err) == 0) {
		daemon_ready("running");
		return;
	}
	log_error("%s", err.text);
	loop_stop(s->loop, EXIT_FAILED);
}

/* All is stopped: one more turn, in which the last answers go out, then the end. */
static void on_settled(void *userdata)
{
	struct supervisor *s = userdata;

	if (!s->manager->stopping || !manager_all_stopped(s->manager))
		return;
	apply_forget(s->manager);
	manager_unwatch(&s->watcher);
	ignore_result(loop_timer_set(&s->farewell, 0));
}

static int take_lock(struct supervisor *s, struct error *err)
{
	cleanup_free char *path = file_path_join(s->paths.run, "lock");
	int code = paths_make(&s->paths, err);

	if (code < 0)
		return code;
	s->lock = path ? file_lock(path) : -ENOMEM;
	if (s->lock == -EWOULDBLOCK)
		return error_set(err, s->lock, "another supervisor holds \"%s\"", path);
	if (s->lock < 0)
		return error_set(err, s->lock, "cannot lock \"%s\": %s", path ? path : "run/lock",
				 strerror(-s->lock));
	return 0;
}

static int open_loop(struct supervisor *s, struct error *err)
{
	static const int signals[] = {SIGTERM, SIGINT};
	int code = loop_new(&s->loop);

	for (size_t i = 0; code == 0 && i < ARRAY_LEN(signals); i++)
		code = loop_signal_init(&s->signals[i], s->loop, signals[i], on_signal, s);
	if (code == 0)
		code = loop_timer_init(&s->farewell, s->loop, on_farewell, s);
	if (code == 0)
		code = daemon_watchdog_start(s->loop, &s->watchdog);
	return code < 0 ? error_set(err, code, "cannot start: %s", strerror(-code)) : 0;
}

static int supervisor_init(struct supervisor *s, const char *launcher, struct error *err)
{
	int code;

	s->lock = -1;
	list_init(&s->watcher.link);
	code = paths_init(&s->paths, err);
	if (code == 0)
		code = take_lock(s, err);
	if (code == 0)
		code = open_loop(s, err);
	if (code == 0)
		code = manager_new(s->loop, &s->paths, launcher, &s->manager, err);
	if (code == 0)
		code = manager_begin(s->manager, err);
	if (code < 0)
		return code;
	s->watcher.greeted = on_greeted;
	s->watcher.settled = on_settled;
	s->watcher.userdata = s;
	manager_watch(s->manager, &s->watcher);
	return 0;
}

static void supervisor_done(struct supervisor *s)
{
	api_free(s->api);
	manager_unwatch(&s->watcher);
	manager_free(s->manager);
	daemon_watchdog_free(s->watchdog);
	for (size_t i = 0; i < ARRAY_LEN(s->signals); i++)
		loop_signal_done(&s->signals[i]);
	loop_timer_done(&s->farewell);
	loop_free(s->loop);
	close_fd(&s->lock);
	paths_done(&s->paths);
}

/* Takes --launcher out of the options that all daemons share. Return: 0 or -EINVAL. */
static int take_launcher(int *argc, char **argv, const char **ret_launcher)
{
	const char *launcher = getenv("SLICEKEEP_LAUNCHER");
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		if (!strcmp(argv[i], "--launcher") && i + 1 < *argc)
			launcher = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	*argc = kept;
	if (!launcher || !launcher[0])
		launcher = "auto";
	if (!launcher_is_known(launcher)) {
		fprintf(stderr,
			"slicekeep-supervisor: unknown launcher \"%s\": auto, systemd or direct\n",
			launcher);
		return -EINVAL;
	}
	*ret_launcher = launcher;
	return 0;
}

/* The rest of the command line is the unit's. */
static int run_enter_unit(char **argv)
{
	struct paths paths = {0};
	struct error err = {0};
	pid_t pid = 0;
	int code = paths_init(&paths, &err);

	if (code == 0)
		code = enter_unit(&paths, (const char *const *)argv, &pid, &err);
	paths_done(&paths);
	if (code < 0) {
		fprintf(stderr, "%s\n", err.text);
		return EXIT_FAILED;
	}
	printf("%d\n", (int)pid);
	return 0;
}

int main(int argc, char **argv)
{
	struct supervisor s = {0};
	struct daemon_hello hello;
	const char *launcher = NULL;
	struct error err = {0};
	int code;

	if (argc > 2 && !strcmp(argv[1], "--enter-unit"))
		return run_enter_unit(argv + 2);
	if (take_launcher(&argc, argv, &launcher) < 0)
		return EXIT_USAGE;
	code = daemon_options(argc, argv, usage, &hello);
	if (code != 0)
		return code < 0 ? EXIT_USAGE : 0;
	daemon_prepare(&hello);
	code = supervisor_init(&s, launcher, &err);
	if (code < 0) {
		log_error("%s", err.text);
	} else {
		code = loop_run(s.loop);
	}
	supervisor_done(&s);
	return code < 0 ? EXIT_FAILED : code;
}
