/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/list.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/paths.h"
#include "lib/spawn.h"
#include "lib/text.h"
#include "config/limits.h"
#include "supervisor/cgroup-tree.h"
#include "supervisor/control-socket.h"
#include "supervisor/delegation.h"
#include "supervisor/launcher.h"
#include "supervisor/launchers.h"
#include "supervisor/orphans.h"
#include "supervisor/sandbox.h"
#include "supervisor/strangers.h"

/*
 * Keepers as our own children, each in a session of its own: nothing that happens to our terminal
 * or our process group happens to them.
 *
 * The control socket is bound here and inherited, so that it takes connections before the keeper
 * has run its first instruction: nobody waits for a file to appear. A keeper's standard streams are
 * /dev/null. Everything that it has to say goes over the control socket, and a pipe of ours would
 * end it with a SIGPIPE, or block it, after our own death, which is just what it has to survive; a
 * terminal neither goes away nor fills up.
 *
 * A keeper that we started is our child; one that an earlier supervisor started is a child of the
 * keeper that we run under, or of init. Both are watched by pidfd, and nothing else here makes a
 * difference between them. Only the sweep does: what a dead keeper leaves behind comes to us in the
 * first case and to our own keeper in the second, and it is looked for there only if our parent is
 * known to be that keeper. Whose children a shell or an init has is none of our business.
 */

/* Descriptor number of the control socket in the keeper. */
#define CONTROL_FD 3

/* sd_booted(3): there when systemd manages this machine. */
#define SYSTEMD_FOLDER "/run/systemd/system"

/* Where every system mounts cgroup v2 when all controllers are in it. */
#define CGROUP_FOLDER "/sys/fs/cgroup"

struct direct {
	struct launcher base;
	struct loop *loop;
	const struct launcher_events *events;
	void *userdata;
	struct list keepers;
	struct strangers strangers;
	char *program;
	struct delegation delegation;
	bool has_looked;
	struct cgroup_tree *tree;
	int null_fd;
	int err_fd; /* of a keeper: -1 for our own */
	pid_t own_keeper;
};

/* A keeper that is alive as far as we know. */
struct watched {
	struct list link;
	struct direct *launcher;
	struct loop_pid end;
	char *name;
	unsigned instance;
	pid_t pid;
};

/* What a sweep leaves alone. */
struct kept {
	const struct direct *launcher;
	const pid_t *known;
	size_t n_known;
};

static struct direct *direct_of(struct launcher *l)
{
	return container_of(l, struct direct, base);
}

static void watched_free(struct watched *w)
{
	list_remove(&w->link);
	loop_pid_done(&w->end);
	free(w->name);
	free(w);
}

static void on_keeper_end(pid_t pid, int wait_status, void *userdata)
{
	struct watched *w = userdata;
	struct direct *d = w->launcher;

	list_remove(&w->link);
	/* What is not empty yet is the sweep's. */
	if (d->tree)
		ignore_result(cgroup_tree_remove(d->tree, w->name, w->instance));
	d->events->keeper_gone(w->name, w->instance, pid, wait_status, d->userdata);
	watched_free(w);
}

static int watch(struct direct *d, const char *name, unsigned instance, pid_t pid)
{
	struct watched *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	list_init(&w->link);
	w->launcher = d;
	w->instance = instance;
	w->pid = pid;
	w->name = strdup(name);
	r = w->name ? loop_pid_init(&w->end, d->loop, pid, -1, on_keeper_end, w) : -ENOMEM;
	if (r < 0) {
		watched_free(w);
		return r;
	}
	list_append(&d->keepers, &w->link);
	return 0;
}

static int direct_adopt(struct launcher *l, const char *name, unsigned instance, pid_t pid)
{
	struct direct *d = direct_of(l);

	list_for_each(it, &d->keepers) {
		const struct watched *w = list_entry(it, struct watched, link);

		if (w->pid == pid && w->instance == instance && strcmp(w->name, name) == 0)
			return 0;
	}
	return watch(d, name, instance, pid);
}

/* Binds the control socket, unless a keeper answers there. */
static int bind_control(const struct launch *what, struct error *err)
{
	int fd = control_socket_check(what, err);

	if (fd < 0)
		return fd;
	fd = fd_unix_listen(what->control, SOCK_SEQPACKET, 0600);
	if (fd < 0)
		return error_set(err, fd, "cannot bind the control socket \"%s\": %s",
				 what->control, strerror(-fd));
	return fd;
}

static int spawn_keeper(const struct direct *d, const struct launch *what, int control,
			pid_t *ret_pid)
{
	char instance[16];
	char control_fd[16];
	char *argv[] = {d->program,
			(char *)"--name",
			(char *)what->name,
			(char *)"--instance",
			instance,
			(char *)"--spec",
			(char *)what->spec,
			(char *)"--control-fd",
			control_fd,
			what->run ? (char *)"--start" : NULL,
			NULL};
	struct spawn s = {
		.argv = argv,
		.in_fd = -1,
		.out_fd = d->null_fd,
		.err_fd = d->err_fd,
		.fds = &control,
		.n_fds = 1,
		.session = true,
	};

	snprintf(instance, sizeof(instance), "%u", what->instance);
	snprintf(control_fd, sizeof(control_fd), "%d", CONTROL_FD);
	return spawn_run(&s, ret_pid);
}

/* Better no service than one without its secrets. */
static int check_credentials(const struct launch *what, struct error *err)
{
	if (!what->sandbox || strings_len(what->sandbox->credentials) == 0)
		return 0;
	return error_set(err, -EOPNOTSUPP,
			 "credentials: the direct launcher has none to give; "
			 "use the systemd launcher");
}

static int direct_start(struct launcher *l, const struct launch *what, struct error *err)
{
	struct direct *d = direct_of(l);
	cleanup_close int control = -1;
	pid_t pid = 0;
	int r = check_credentials(what, err);

	if (r < 0)
		return r;
	control = bind_control(what, err);
	if (control < 0)
		return control;
	r = spawn_keeper(d, what, control, &pid);
	if (r < 0)
		return error_set(err, r, "cannot start \"%s\" for \"%s\": %s", d->program,
				 what->name, strerror(-r));
	r = watch(d, what->name, what->instance, pid);
	if (r < 0) {
		/* Nobody would notice its end. It is a child of ours, so the pid is still its. */
		(void)kill(pid, SIGKILL);
		return error_set(err, r, "cannot watch the keeper of \"%s\": %s", what->name,
				 strerror(-r));
	}
	return 0;
}

/* --- cgroups ------------------------------------------------------------------------------- */

static bool is_watched(const char *name, unsigned instance, void *userdata)
{
	const struct direct *d = userdata;

	list_for_each(it, &d->keepers) {
		const struct watched *w = list_entry(it, struct watched, link);

		if (w->instance == instance && strcmp(w->name, name) == 0)
			return true;
	}
	return false;
}

/* Limits that cannot be had are no reason not to run: they are said, like a missing delegation. */
static void give_up_tree(struct direct *d, const char *why)
{
	free(steal_ptr(d->delegation.note));
	if (asprintf(&d->delegation.note, "limits not enforced: %s", why) < 0)
		d->delegation.note = NULL;
	log_warning("%s", why);
}

static void find_delegation(struct direct *d)
{
	int r;

	if (d->has_looked)
		return;
	d->has_looked = true;
	r = delegation_find("/proc/self", access(SYSTEMD_FOLDER, F_OK) == 0, &d->delegation);
	if (r < 0)
		give_up_tree(d, strerror(-r));
}

/* Quick where there can be none: each start waits for it. */
static void open_tree(struct direct *d)
{
	struct statfs root;
	struct error err = {0};

	if (d->has_looked || statfs(CGROUP_FOLDER, &root) < 0 || root.f_type != CGROUP2_SUPER_MAGIC)
		return;
	find_delegation(d);
	if (d->delegation.folder && cgroup_tree_open(&d->delegation, &d->tree, &err) < 0)
		give_up_tree(d, err.text);
}

static int direct_cgroup(struct launcher *l, const struct launch *what, char **ret_folder,
			 struct error *err)
{
	struct direct *d = direct_of(l);
	const struct cgroup_place place = {
		.group = what->slice,
		.name = what->name,
		.instance = what->instance,
	};

	open_tree(d);
	*ret_folder = NULL;
	return d->tree ? cgroup_tree_make(d->tree, &place, what->limits, ret_folder, err) : 0;
}

static const char *direct_limits_note(struct launcher *l)
{
	struct direct *d = direct_of(l);

	open_tree(d);
	find_delegation(d);
	return d->delegation.note;
}

static const char *direct_sandbox_note(struct launcher *l)
{
	return "sandbox: no new privileges, but the direct launcher protects no files";
}

static int direct_set_limits(struct launcher *l, const char *name, unsigned instance,
			     const struct config_limits *limits, struct error *err)
{
	struct direct *d = direct_of(l);
	const char *note = direct_limits_note(l);

	if (d->tree)
		return cgroup_tree_limit(d->tree, name, instance, limits, err);
	return error_set(err, -EOPNOTSUPP, "%s", note ? note : "limits not enforced");
}

static int direct_cgroup_name(struct launcher *l, const char *name, unsigned instance,
			      char **ret_name)
{
	struct direct *d = direct_of(l);

	open_tree(d);
	return d->tree ? cgroup_tree_name(d->tree, name, instance, ret_name) : -ENOENT;
}

static int direct_limit_group(struct launcher *l, const char *group,
			      const struct config_limits *limits, struct error *err)
{
	struct direct *d = direct_of(l);
	const char *note = direct_limits_note(l);

	if (d->tree)
		return cgroup_tree_limit_group(d->tree, group, limits, err);
	return error_set(err, -EOPNOTSUPP, "%s", note ? note : "limits not enforced");
}

/* The kernel has taken or refused them by the time that they are set. */
static int direct_confirm(struct launcher *l, launcher_confirmed_fn fn, void *userdata)
{
	fn(NULL, userdata);
	return 0;
}

/* --- what is left behind ------------------------------------------------------------------- */

static bool is_kept(pid_t pid, void *userdata)
{
	const struct kept *k = userdata;

	for (size_t i = 0; i < k->n_known; i++) {
		if (k->known[i] == pid)
			return true;
	}
	/* Whatever we wait for we have started: keepers that have not greeted yet, probes. */
	return loop_watches_pid(k->launcher->loop, pid);
}

static int direct_sweep(struct launcher *l, const pid_t *known, size_t n_known)
{
	struct direct *d = direct_of(l);
	struct kept kept = {.launcher = d, .known = known, .n_known = n_known};
	int ours = orphans_kill(getpid(), is_kept, &kept);
	int siblings = 0;
	int in_cgroups;

	open_tree(d);
	in_cgroups = d->tree ? cgroup_tree_clean(d->tree, is_watched, d) : 0;
	if (d->own_keeper > 0 && getppid() == d->own_keeper)
		siblings = orphans_kill(d->own_keeper, is_kept, &kept);
	if (ours < 0 || siblings < 0)
		return ours < 0 ? ours : siblings;
	return in_cgroups < 0 ? in_cgroups : in_cgroups + ours + siblings;
}

static void direct_free(struct launcher *l)
{
	struct direct *d = direct_of(l);

	list_for_each_safe(it, &d->keepers)
		watched_free(list_entry(it, struct watched, link));
	strangers_done(&d->strangers);
	close_fd(&d->null_fd);
	cgroup_tree_free(d->tree);
	delegation_done(&d->delegation);
	free(d->program);
	free(d);
}

/* Nobody but us brings a keeper back. */
static void direct_stop(struct launcher *l, const char *name, unsigned instance)
{
}

static void direct_set_outermost(struct launcher *l, pid_t pid)
{
	direct_of(l)->own_keeper = pid;
}

static const struct launcher_ops direct_ops = {
	.name = "direct",
	.start = direct_start,
	.cgroup = direct_cgroup,
	.set_limits = direct_set_limits,
	.cgroup_name = direct_cgroup_name,
	.limit_group = direct_limit_group,
	.confirm = direct_confirm,
	.sweep = direct_sweep,
	.limits_note = direct_limits_note,
	.sandbox_note = direct_sandbox_note,
	.free = direct_free,
	.adopt = direct_adopt,
	.stop = direct_stop,
	.set_outermost = direct_set_outermost,
};

static int direct_init(struct direct *d, struct error *err)
{
	/* Better not to run here than to sweep in vain and say that nothing was left. */
	if (access("/proc/thread-self/children", R_OK) < 0)
		return error_set(err, -errno,
				 "this kernel does not tell a process's children (it was built "
				 "without CONFIG_PROC_CHILDREN, or /proc is not mounted): what a "
				 "service leaves behind could not be found");
	d->program = paths_program("slicekeep-keeper");
	if (!d->program)
		return error_set(err, -errno, "cannot find the program \"slicekeep-keeper\": %s",
				 strerror(errno));
	d->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (d->null_fd < 0)
		return error_set(err, -errno, "cannot open \"/dev/null\": %s", strerror(errno));
	d->err_fd = isatty(STDERR_FILENO) ? -1 : d->null_fd;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return error_set(err, -errno, "cannot become a subreaper: %s", strerror(errno));
	return strangers_init(&d->strangers, d->loop);
}

int launcher_direct_new(const struct launcher_owner *owner, struct launcher **ret_launcher,
			struct error *err)
{
	struct direct *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->base.ops = &direct_ops;
	d->loop = owner->loop;
	d->events = owner->events;
	d->userdata = owner->userdata;
	d->null_fd = -1;
	list_init(&d->keepers);
	r = direct_init(d, err);
	if (r < 0) {
		direct_free(&d->base);
		return r;
	}
	*ret_launcher = &d->base;
	return 0;
}
