/* SPDX-License-Identifier: MIT */
/*
 * doctor: looks at everything that has to be right for the platform to work, and says what to do
 * about what is not.
 *
 * Each check is one function that adds one finding or a few. None of them changes anything, and
 * none fails the others: the doctor is most useful when half of the platform is missing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/text.h"
#include "lib/units.h"
#include "lib/varlink/client.h"
#include "config/model.h"
#include "cli/cgroup-facts.h"
#include "cli/command.h"
#include "cli/connect.h"
#include "cli/findings.h"
#include "cli/outermost.h"
#include "cli/print.h"
#include "cli/service-table.h"
#include "cli/store-check.h"
#include "cli/up.h"

#define PROC_FILE_MAX ((size_t)1024 * 1024)
#define ANSWER_USEC (2 * USEC_PER_SEC)
#define FREE_BYTES_MIN ((uint64_t)256 * 1024 * 1024)
#define FREE_PERCENT_MIN 5
/** A pipe or two and a pidfd for each of a few hundred services. */
#define OPEN_FILES_MIN 4096

struct doctor_options {
	bool json;
};

/**
 * struct doctor - the patient
 * @supervisor: connected, or without a client when it does not answer
 * @status:     answer of Status, or NULL
 * @systemd:    pid 1 is systemd
 */
struct doctor {
	const struct cli *cli;
	struct findings findings;
	struct supervisor supervisor;
	json_t *status;
	bool systemd;
};

static void doctor_done(struct doctor *d)
{
	findings_done(&d->findings);
	supervisor_close(&d->supervisor);
	json_decref(d->status);
}

/* --- the ground that it stands on ----------------------------------------------------------- */

static void check_init(struct doctor *d)
{
	cleanup_free char *name = NULL;
	struct stat st;

	d->systemd = stat("/run/systemd/system", &st) == 0;
	if (file_read("/proc/1/comm", PROC_FILE_MAX, &name, NULL) < 0)
		return;
	name[strcspn(name, "\n")] = '\0';
	finding_add(&d->findings, "pid 1", VERDICT_OK, "%s%s", name,
		    d->systemd ? "" : ", no systemd here");
}

static void check_folder(struct doctor *d, const char *check, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		finding_add(&d->findings, check, errno == ENOENT ? VERDICT_NOTE : VERDICT_WRONG,
			    "%s: %s", path,
			    errno == ENOENT ? "not there yet, \"up\" makes it" : strerror(errno));
	else if (st.st_uid != geteuid())
		finding_add(&d->findings, check, VERDICT_WRONG,
			    "%s belongs to uid %u, not to you: chown it", path,
			    (unsigned)st.st_uid);
	else if (st.st_mode & 0022)
		finding_add(&d->findings, check, VERDICT_WRONG,
			    "%s can be written by others: chmod go-w it", path);
	else
		finding_add(&d->findings, check, VERDICT_OK, "%s", path);
}

static void check_space(struct doctor *d, const char *check, const char *path)
{
	char free_text[UNITS_TEXT_MAX];
	struct statvfs fs;
	uint64_t free_bytes;
	bool tight;

	if (statvfs(path, &fs) < 0)
		return; /* the folder is not there, which was said */
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	tight = free_bytes < FREE_BYTES_MIN || fs.f_bavail < fs.f_blocks * FREE_PERCENT_MIN / 100;
	finding_add(&d->findings, check, tight ? VERDICT_WRONG : VERDICT_OK, "%s free at %s%s",
		    size_format(free_bytes, free_text), path,
		    tight ? ": make room, or logs will be lost or block" : "");
}

static void check_open_files(struct doctor *d)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	finding_add(&d->findings, "open files",
		    limit.rlim_max < OPEN_FILES_MIN ? VERDICT_NOTE : VERDICT_OK, "%ju at most%s",
		    (uintmax_t)limit.rlim_max,
		    limit.rlim_max < OPEN_FILES_MIN
			    ? ": enough for a few hundred services only (ulimit -Hn)"
			    : "");
}

static void check_config(struct doctor *d)
{
	const char *path = d->cli->paths.config;
	struct config *config = NULL;
	struct error err = {0};
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 0077))
		finding_add(&d->findings, "config", VERDICT_NOTE,
			    "%s can be read by others; if it holds secrets: chmod 600 it", path);
	if (up_check_config(d->cli, &config, &err) < 0) {
		finding_add(&d->findings, "config", VERDICT_WRONG, "%s", err.text);
		return;
	}
	finding_add(&d->findings, "config", VERDICT_OK, "%s: %zu processes", path,
		    config->n_processes);
	for (char **warning = config->warnings; warning && *warning; warning++)
		finding_add(&d->findings, "config", VERDICT_NOTE, "%s", *warning);
	config_unref(config);
}

static char *read_proc(const char *path)
{
	char *text = NULL;

	return file_read(path, PROC_FILE_MAX, &text, NULL) < 0 ? NULL : text;
}

static const char *find_obstacle(struct doctor *d, const struct cgroup_facts *facts)
{
	cleanup_free char *path = NULL;
	cleanup_free char *controllers = NULL;

	if (facts->folder)
		path = file_path_join(facts->folder, "cgroup.controllers");
	if (path)
		controllers = read_proc(path);
	return cgroup_facts_obstacle(facts, controllers ? controllers : "",
				     facts->folder && access(facts->folder, W_OK) == 0, d->systemd);
}

/* Under systemd its unit starts it again, and cgroups are systemd's business. */
static bool is_direct(const json_t *status)
{
	const char *launcher = json_get_string(status, "launcher");

	return launcher && strcmp(launcher, "direct") == 0;
}

static void check_cgroups(struct doctor *d)
{
	cleanup(cgroup_facts_done) struct cgroup_facts facts = {0};
	cleanup_free char *cgroup = read_proc("/proc/self/cgroup");
	cleanup_free char *mountinfo = read_proc("/proc/self/mountinfo");
	const char *note = json_get_string(d->status, "limits_note");
	const char *obstacle;

	if (!cgroup || !mountinfo || cgroup_facts_read(cgroup, mountinfo, &facts) < 0) {
		finding_add(&d->findings, "cgroups", VERDICT_NOTE, "/proc cannot be read");
		return;
	}
	if (note)
		finding_add(&d->findings, "limits", VERDICT_NOTE, "not enforced: %s",
			    service_limits_reason(note));
	else if (d->status)
		finding_add(&d->findings, "limits", VERDICT_OK, "enforced");
	/* The supervisor knows; we only know what is in the way. */
	obstacle = (note && is_direct(d->status)) || !d->status ? find_obstacle(d, &facts) : NULL;
	if (obstacle)
		finding_add(&d->findings, "cgroups", VERDICT_NOTE, "%s", obstacle);
}

/* "sandbox: …", as it stands beside each service, too. */
static void check_sandbox(struct doctor *d)
{
	const char *note = json_get_string(d->status, "sandbox_note");
	const char *colon = note ? strstr(note, ": ") : NULL;

	if (note)
		finding_add(&d->findings, "sandbox", VERDICT_NOTE, "%s", colon ? colon + 2 : note);
}

/* --- what runs ------------------------------------------------------------------------------ */

static void check_versions(struct doctor *d)
{
	const char *version = json_get_string(d->status, "version");

	if (version && strcmp(version, SLICEKEEP_VERSION) != 0)
		finding_add(&d->findings, "version", VERDICT_NOTE,
			    "this is %s, the supervisor is %s: \"%s restart ci\" renews it",
			    SLICEKEEP_VERSION, version, d->cli->hint);
	else
		finding_add(&d->findings, "version", VERDICT_OK, "%s", SLICEKEEP_VERSION);
}

static void check_supervisor(struct doctor *d)
{
	bool alive = outermost_is_alive(&d->cli->paths);
	struct error err = {0};
	int code = supervisor_open(d->cli, &d->supervisor, &err);

	if (code == 0)
		code = supervisor_ask(&d->supervisor, "io.slicekeep.supervisor.Status", NULL,
				      &d->status, &err);
	if (code < 0) {
		supervisor_close(&d->supervisor);
		finding_add(&d->findings, "supervisor", alive ? VERDICT_WRONG : VERDICT_NOTE, "%s",
			    err.text);
	} else {
		finding_add(&d->findings, "supervisor", VERDICT_OK,
			    "answers, pid %" PRIu64 ", launcher %s",
			    json_get_uint(d->status, "pid", 0),
			    json_get_string(d->status, "launcher"));
	}
	if (alive)
		finding_add(&d->findings, "keeper", VERDICT_OK,
			    "the supervisor's own keeper is alive%s",
			    is_direct(d->status) ? "; nothing would revive it" : "");
	else if (code == 0)
		finding_add(&d->findings, "keeper", VERDICT_WRONG,
			    "the supervisor has lost its keeper: \"down\" and \"up\" again");
}

static void check_collector(struct doctor *d)
{
	cleanup_client struct varlink_client *client = NULL;
	cleanup_json json_t *stats = NULL;
	struct error err = {0};
	char lag[UNITS_TEXT_MAX], stored[UNITS_TEXT_MAX];
	const char *note;
	int code = connect_once(d->cli, "log.sock", &client, &err);

	if (code == 0)
		code = varlink_client_call(client, "io.slicekeep.log.Stats", NULL,
					   clock_now_usec() + ANSWER_USEC, &stats, &err);
	if (code < 0) {
		finding_add(&d->findings, "collector", d->status ? VERDICT_WRONG : VERDICT_NOTE,
			    "%s", err.text);
		return;
	}
	finding_add(&d->findings, "collector", VERDICT_OK,
		    "answers, %" PRIu64 " pipes, %s stored, lag %s",
		    json_get_uint(stats, "pipes", 0),
		    size_format(json_get_uint(stats, "stored_bytes", 0), stored),
		    duration_format(json_get_uint(stats, "lag_usec", 0), lag));
	note = json_get_string(stats, "note");
	if (note && note[0])
		finding_add(&d->findings, "collector", VERDICT_WRONG,
			    "not everything can be stored: %s; it goes on by itself once it can",
			    note);
	if (json_get_uint(stats, "dropped", 0) > 0)
		finding_add(&d->findings, "collector", VERDICT_NOTE,
			    "%" PRIu64 " bytes were dropped on a full disk",
			    json_get_uint(stats, "dropped", 0));
}

/* How many services have a process without a keeper. */
static size_t count_unkept(const json_t *services)
{
	size_t n = 0;
	size_t i, k;
	json_t *service, *slot;

	json_array_foreach(services, i, service) {
		json_array_foreach(json_object_get(service, "slots"), k, slot)
			n += json_is_integer(json_object_get(slot, "pid")) &&
			     !json_is_integer(json_object_get(slot, "keeper_pid"));
	}
	return n;
}

static void check_keepers(struct doctor *d)
{
	cleanup(keepers_done) struct keepers keepers = {0};
	cleanup_json json_t *reply = NULL;
	struct error err = {0};
	uint64_t known = json_get_uint(d->status, "keepers", 0);
	size_t unkept;

	if (!d->status)
		return;
	if (supervisor_ask(&d->supervisor, "io.slicekeep.supervisor.List", NULL, &reply, &err) <
		    0 ||
	    keepers_find(&d->cli->paths, &keepers) < 0) {
		finding_add(&d->findings, "keepers", VERDICT_WRONG, "cannot be looked at");
		return;
	}
	unkept = count_unkept(json_object_get(reply, "services"));
	if (unkept > 0)
		finding_add(&d->findings, "keepers", VERDICT_WRONG,
			    "%zu processes run without a keeper", unkept);
	else if (keepers.n != known)
		finding_add(&d->findings, "keepers", VERDICT_NOTE,
			    "%zu answer, the supervisor knows %" PRIu64
			    ": services are starting or stopping, or look again",
			    keepers.n, known);
	else
		finding_add(&d->findings, "keepers", VERDICT_OK, "%zu, all known", keepers.n);
}

static void check_all(struct doctor *d)
{
	static const char *const layouts[] = {
		[LAYOUT_SYSTEM] = "system",
		[LAYOUT_USER] = "user",
		[LAYOUT_HOME] = "SLICEKEEP_HOME",
	};
	const struct paths *p = &d->cli->paths;

	static_assert(ARRAY_LEN(layouts) == LAYOUT_COUNT, "each layout has a name");
	check_supervisor(d);
	check_versions(d);
	check_collector(d);
	check_keepers(d);
	check_init(d);
	check_cgroups(d);
	check_sandbox(d);
	finding_add(&d->findings, "layout", VERDICT_OK, "%s", layouts[p->layout]);
	check_folder(d, "run", p->run);
	check_folder(d, "state", p->state);
	check_folder(d, "log", p->log);
	check_config(d);
	check_space(d, "disk", p->log);
	store_check(d->cli, &d->findings);
	check_open_files(d);
}

static int doctor_run(struct cli *cli, char **argv)
{
	cleanup(doctor_done) struct doctor d = {.cli = cli};
	cleanup_text struct text out = {0};
	struct doctor_options o = {0};
	struct options_rest rest;

	if (!command_options(cli, &command_doctor, argv, &o, &rest))
		return CLI_USAGE;
	check_all(&d);
	if (d.findings.failed)
		return print_out_of_memory();
	if (o.json)
		(void)print_json(d.findings.rows);
	else
		findings_print(&d.findings, &cli->out, &out);
	(void)print_text(&out);
	return findings_wrong(&d.findings) > 0 ? CLI_FAILED : CLI_DONE;
}

static const struct option_row doctor_rows[] = {
	{"json", 0, OPTION_FLAG, offsetof(struct doctor_options, json), NULL,
	 "an array of findings, for programs"},
};

const struct command command_doctor = {
	.name = "doctor",
	.group = COMMAND_PLATFORM,
	.synopsis = "[--json]",
	.summary = "what is wrong, and why limits are not enforced",
	.details = "Exits 1 when something has to be done.",
	.options = doctor_rows,
	.n_options = ARRAY_LEN(doctor_rows),
	.run = doctor_run,
};
