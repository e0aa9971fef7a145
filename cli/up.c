/* SPDX-License-Identifier: MIT */
/*
 * up: the platform is started, in the background, and what came of it is shown.
 *
 * A config that is wrong is found here, before anything was started, because here somebody reads
 * the message. What cannot be foreseen shows as a supervisor that does not answer: then what it
 * said is printed and its keeper is ended again, so that a failed `up` leaves nothing running.
 *
 * Nothing that is started holds a descriptor of the caller: `ssh host slicekeep up` returns.
 */
#include "cli/up.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/varlink/client.h"
#include "config/load.h"
#include "config/model.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/foreground.h"
#include "cli/ls.h"
#include "cli/outermost.h"
#include "cli/service-table.h"
#include "cli/stand-in.h"
#include "cli/unit.h"

#define READY_USEC (10 * USEC_PER_SEC)
#define END_USEC (10 * USEC_PER_SEC)

struct up_options {
	const char *launcher;
	bool foreground;
	bool json;
};

/** enum launcher - who starts keepers; auto is systemd where that can be had */
enum launcher {
	LAUNCHER_AUTO,
	LAUNCHER_SYSTEMD,
	LAUNCHER_DIRECT,
};

static int choose_launcher(const char *asked, enum launcher *ret_launcher, struct error *err)
{
	static const char *const names[] = {"auto", "systemd", "direct"};
	const char *name = asked ? asked : getenv("SLICEKEEP_LAUNCHER");

	if (!name || name[0] == '\0')
		name = "auto";
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret_launcher = (enum launcher)i;
			return 0;
		}
	}
	return error_set(err, -EINVAL, "unknown launcher \"%s\": auto, systemd or direct", name);
}

int up_check_config(const struct cli *cli, struct config **ret_config, struct error *err)
{
	struct config_rules rules = {
		.system_layout = cli->paths.layout == LAYOUT_SYSTEM,
		.check_files = true,
	};

	if (access(cli->paths.config, F_OK) < 0 && errno == ENOENT)
		return error_set(err, -EINVAL,
				 "there is no config at \"%s\"; \"%s add NAME -- PROGRAM ARGS\" "
				 "writes one",
				 cli->paths.config, cli->hint);
	return config_load(cli->paths.config, &rules, ret_config, err);
}

/* Until the supervisor answers, or it is clear that it will not. */
static int await_supervisor(const struct cli *cli, struct stand_in *stand_in,
			    struct varlink_client **ret_client, struct error *err)
{
	usec_t deadline_usec = clock_now_usec() + READY_USEC;
	int code;

	do {
		code = connect_wait(cli, "supervisor.sock", deadline_usec,
				    stand_in ? stand_in_fd(stand_in) : -1, ret_client, err);
	} while (code == -EINTR && !stand_in_hopeless(stand_in));
	return code;
}

static void give_up(struct stand_in *stand_in, int pidfd, pid_t pid)
{
	if (stand_in) {
		stand_in_print(stand_in);
		stand_in_dismiss(stand_in, clock_now_usec() + END_USEC);
	} else {
		(void)kill(pid, SIGTERM);
	}
	if (pidfd >= 0)
		ignore_result(process_wait(pidfd, clock_now_usec() + END_USEC));
	/* A unit's is not our child. */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Under systemd if that is wanted and can be had; a machine without it is no news. */
static int start_keeper(const struct cli *cli, enum launcher launcher, int said_fd, pid_t *ret_pid,
			struct error *err)
{
	struct error reason = {0};
	bool is_booted = access("/run/systemd/system", F_OK) == 0;

	if (launcher == LAUNCHER_SYSTEMD)
		return outermost_enter(&cli->paths, ret_pid, err);
	if (launcher == LAUNCHER_AUTO && is_booted) {
		if (outermost_enter(&cli->paths, ret_pid, &reason) == 0)
			return 0;
		(void)fprintf(stderr, "slicekeep: launcher direct, not systemd: %s\n", reason.text);
	}
	return outermost_start(&cli->paths, said_fd, ret_pid, err);
}

static int start_and_connect(const struct cli *cli, enum launcher launcher, int said_fd,
			     struct supervisor *s, struct error *err)
{
	struct stand_in *stand_in = NULL;
	cleanup_close int pidfd = -1;
	pid_t pid = 0;
	int code;

	/* Without it nothing is lost but the reason for a failure. */
	ignore_result(stand_in_new(&cli->paths, said_fd, &stand_in));
	code = start_keeper(cli, launcher, said_fd, &pid, err);
	if (code < 0) {
		stand_in_free(stand_in);
		return code;
	}
	pidfd = process_pidfd(pid);
	if (stand_in && (pidfd < 0 || stand_in_watch(stand_in, pidfd) < 0)) {
		stand_in_free(stand_in);
		stand_in = NULL;
	}
	s->cli = cli;
	code = await_supervisor(cli, stand_in, &s->client, err);
	if (code < 0) {
		give_up(stand_in, pidfd, pid);
		code = error_set(err, -EIO, "the supervisor does not come up; nothing was started");
	}
	stand_in_free(stand_in);
	return code;
}

static int start_here(const struct cli *cli, enum launcher launcher, struct supervisor *s,
		      struct error *err)
{
	cleanup_close int said_fd = memfd_create("slicekeep-up", MFD_CLOEXEC);

	if (said_fd < 0)
		return error_set(err, -errno, "cannot make a memory file: %s", strerror(errno));
	return start_and_connect(cli, launcher, said_fd, s, err);
}

static int start_platform(const struct cli *cli, enum launcher launcher, bool by_unit,
			  struct supervisor *s, struct error *err)
{
	int code;

	if (!by_unit)
		return start_here(cli, launcher, s, err);
	code = unit_start(err);
	return code < 0 ? code : supervisor_open(cli, s, err);
}

static int prepare(const struct cli *cli, struct error *err)
{
	struct config *config = NULL;
	int code = up_check_config(cli, &config, err);

	if (code < 0)
		return code == -ENOENT ? (err->code = -EINVAL) : code;
	config_unref(config);
	return paths_make(&cli->paths, err);
}

int up_take_turn(const struct cli *cli, bool wait, struct error *err)
{
	cleanup_free char *path = file_path_join(cli->paths.run, "up.lock");
	cleanup_close int fd = -1;

	if (!path)
		return error_set(err, -ENOMEM, "out of memory");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, -errno, "cannot open \"%s\": %s", path, strerror(errno));
	while (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
		if (errno != EINTR)
			return error_set(err, -errno, "cannot lock \"%s\": %s", path,
					 strerror(errno));
	}
	return steal_fd(&fd);
}

/* Until no service is on its way up, or the time is over; a list that breaks off is no failure. */
static void wait_until_settled(struct supervisor *s, usec_t deadline_usec)
{
	struct error ignored = {0};
	int code = varlink_client_begin(s->client, "io.slicekeep.supervisor.List",
					json_pack("{s:b}", "brief", 1), &ignored);
	bool settled = false;

	while (code >= 0 && !settled) {
		cleanup_json json_t *reply = NULL;

		code = varlink_client_next(s->client, deadline_usec, &reply, &ignored);
		settled = code >= 0 && service_list_settled(json_object_get(reply, "services"));
	}
}

/* Return: UP_ALREADY with a connection, 0 when nothing is there, or negative errno. */
static int find_running(const struct cli *cli, struct supervisor *s, struct error *err)
{
	int code = supervisor_try(cli, s, err);

	if (code == 0)
		return UP_ALREADY;
	if (code == -EACCES || code == -EPERM)
		return code;
	if (!outermost_is_alive(&cli->paths))
		return 0;
	code = supervisor_open(cli, s, err);
	return code < 0 ? code : UP_ALREADY;
}

/* What goes down is not up, though it answers: its end is waited for. That the mark is there says
 * nothing once nobody lives who would go on with it. */
static int wait_for_down(const struct cli *cli, struct error *err)
{
	cleanup_free char *mark = file_path_join(cli->paths.run, "going-down");
	cleanup_close int keeper = -1;
	int code;

	if (!mark)
		return error_set(err, -ENOMEM, "out of memory");
	if (access(mark, F_OK) < 0)
		return 0;
	keeper = outermost_pidfd(&cli->paths);
	if (keeper < 0)
		return 0;
	(void)fprintf(stderr, "slicekeep: everything is being stopped, and started again then\n");
	code = process_wait(keeper, USEC_INFINITY);
	return code < 0 ? error_set(err, code, "cannot wait: %s", strerror(-code)) : 0;
}

int up_start(struct cli *cli, const char *asked, bool by_unit, struct supervisor *s,
	     struct error *err)
{
	cleanup_close int turn = -1;
	enum launcher launcher = LAUNCHER_AUTO;
	int code = choose_launcher(asked, &launcher, err);

	if (code == 0)
		code = wait_for_down(cli, err);
	if (code == 0)
		code = find_running(cli, s, err);
	if (code == 0 && cli->guest)
		return error_set(err, -EPERM,
				 "only root may start the services of the system: \"sudo %s up\"",
				 cli->hint);
	if (code == 0)
		code = prepare(cli, err);
	if (code != 0)
		return code;
	turn = up_take_turn(cli, true, err);
	if (turn < 0)
		return turn;
	code = find_running(cli, s, err);
	if (code == 0)
		code = start_platform(cli, launcher, by_unit, s, err);
	if (code != 0)
		return code;
	wait_until_settled(s, clock_now_usec() + READY_USEC);
	/* The list goes on on that connection; what follows needs its own. */
	supervisor_close(s);
	return 0;
}

/* A daemon of ours that waits for its next try need not wait when somebody asks for it. */
static void end_backoff(struct supervisor *s)
{
	cleanup_json json_t *reply = NULL;
	cleanup_json json_t *ignored_reply = NULL;
	cleanup_json json_t *names = json_array();
	struct error ignored = {0};
	json_t *service;
	size_t i;

	if (supervisor_ask(s, "io.slicekeep.supervisor.List", NULL, &reply, &ignored) < 0)
		return;
	json_array_foreach(json_object_get(reply, "services"), i, service) {
		if (json_get_bool(service, "system", false) &&
		    text_equal(json_get_string(service, "state"), "backoff") &&
		    json_array_append(names, json_object_get(service, "name")) < 0)
			return;
	}
	/* No names would mean all. */
	if (json_array_size(names) > 0)
		ignore_result(supervisor_ask(s, "io.slicekeep.supervisor.Start",
					     json_pack("{s:O, s:b}", "names", names, "wait", 1),
					     &ignored_reply, &ignored));
}

/* Who names a launcher wants it here and now, whatever is installed. */
static bool is_for_unit(const struct cli *cli, const char *asked)
{
	const char *variable = getenv("SLICEKEEP_LAUNCHER");

	return !asked && !(variable && variable[0]) && unit_is_ours(cli);
}

/* The choice, where there was one. */
static int print_launcher(struct supervisor *s, struct error *err)
{
	cleanup_json json_t *status = NULL;
	int code = supervisor_ask(s, "io.slicekeep.supervisor.Status", NULL, &status, err);
	const char *launcher = json_get_string(status, "launcher");

	if (code == 0 && text_equal(launcher, "systemd"))
		(void)printf("launcher %s\n", launcher);
	return code;
}

int up_in_background(struct cli *cli, const char *launcher, bool json)
{
	cleanup_supervisor struct supervisor s = {0};
	struct error err = {0};
	int code = up_start(cli, launcher, is_for_unit(cli, launcher), &s, &err);

	if (code == UP_ALREADY)
		end_backoff(&s);
	else if (code == 0)
		code = supervisor_reopen(&s, &err);
	if (code == 0 && !json)
		code = print_launcher(&s, &err);
	if (code >= 0)
		code = json ? ls_print_json(&s, NULL, &err) : ls_print(&s, NULL, true, &err);
	return code < 0 ? command_fail(&err) : CLI_DONE;
}

static int up_run(struct cli *cli, char **argv)
{
	struct up_options o = {0};
	struct options_rest rest;

	if (!command_options(cli, &command_up, argv, &o, &rest))
		return CLI_USAGE;
	if (rest.n_words > 0)
		return command_usage(cli, &command_up, "one service is started by \"start %s\"",
				     rest.words[0]);
	if (o.foreground && o.json)
		return command_usage(cli, &command_up, "\"--foreground\" is for people");
	return o.foreground ? foreground_run(cli, o.launcher)
			    : up_in_background(cli, o.launcher, o.json);
}

static const struct option_row up_rows[] = {
	{"launcher", 0, OPTION_TEXT, offsetof(struct up_options, launcher), "L",
	 "auto, systemd or direct (or SLICEKEEP_LAUNCHER)"},
	{"foreground", 0, OPTION_FLAG, offsetof(struct up_options, foreground), NULL,
	 "stay, and stop everything in order at Ctrl-C"},
	{"json", 0, OPTION_FLAG, offsetof(struct up_options, json), NULL,
	 "an array of services instead of the table"},
};

const struct command command_up = {
	.name = "up",
	.group = COMMAND_PLATFORM,
	.synopsis = "[--launcher L] [--foreground|--json]",
	.summary = "start the platform and its services",
	.details = "Returns when the services have settled, after ten seconds at most; it has\n"
		   "succeeded when the supervisor answers, even if a service failed. Where\n"
		   "slicekeep.service is installed, systemd starts it, unless a launcher is named.",
	.options = up_rows,
	.n_options = ARRAY_LEN(up_rows),
	.run = up_run,
};
