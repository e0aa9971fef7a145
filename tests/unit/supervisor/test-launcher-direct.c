/* SPDX-License-Identifier: MIT */

/*
 * The direct launcher with a keeper that is a shell script: what it is given, what happens when it
 * goes, and what is done about those that it leaves.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/paths.h"
#include "lib/text.h"
#include "config/limits.h"
#include "supervisor/launcher.h"
#include "supervisor/launchers.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

struct world {
	struct temp temp;
	struct loop *loop;
	struct launcher *launcher;
	bool has_no_children_file;
	char control[128];
	unsigned n_gone;
	char gone_name[32];
	unsigned gone_instance;
	pid_t gone_pid;
	int gone_status;
};

static struct world world;

char *__wrap_paths_program(const char *name);

/* The keeper of this test; a name that is not there at all is "nothing". */
char *__wrap_paths_program(const char *name)
{
	const char *path = temp_path(&world.temp, name);

	return access(path, F_OK) == 0 ? strdup(path) : NULL;
}

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);

/* A kernel that does not tell a process's children. */
int __wrap_access(const char *path, int mode)
{
	if (world.has_no_children_file && strcmp(path, "/proc/thread-self/children") == 0) {
		errno = ENOENT;
		return -1;
	}
	return __real_access(path, mode);
}

static void on_keeper_gone(const char *name, unsigned instance, pid_t pid, int wait_status,
			   void *userdata)
{
	struct world *w = userdata;

	w->n_gone++;
	snprintf(w->gone_name, sizeof(w->gone_name), "%s", name);
	w->gone_instance = instance;
	w->gone_pid = pid;
	w->gone_status = wait_status;
}

static const struct launcher_events handlers = {.keeper_gone = on_keeper_gone};

static const struct paths no_paths;

#define OWNER(paths_)             \
	((struct launcher_owner){ \
		.loop = w->loop, .paths = &(paths_), .events = &handlers, .userdata = w})

static bool is_gone(void *userdata)
{
	return ((struct world *)userdata)->n_gone > 0;
}

static bool has_no_children(void *userdata)
{
	siginfo_t info = {0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

static void put_keeper(const struct world *w, const char *script)
{
	const char *path = temp_path(&w->temp, "slicekeep-keeper");

	assert_int_equal(file_write_quick(path, script, strlen(script), 0700), 0);
}

static int start(struct world *w, const char *script, bool run, struct error *err)
{
	struct launch what = {
		.name = "shop",
		.instance = 3,
		.spec = "/run/spec file",
		.control = w->control,
		.run = run,
	};

	put_keeper(w, script);
	return w->launcher->ops->start(w->launcher, &what, err);
}

/* A sweep that runs out of time is to be repeated, and then tells in parts how many it killed. */
static bool sweeps(struct launcher *l, const pid_t *known, size_t n_known, int expected)
{
	int killed = l->ops->sweep(l, known, n_known);
	bool is_told_in_parts = killed == -EBUSY;

	while (killed == -EBUSY)
		killed = l->ops->sweep(l, known, n_known);
	return killed >= 0 && (is_told_in_parts || killed == expected);
}

static void launcher_start_gives_the_keeper_what_it_needs(void **state)
{
	struct world *w = *state;
	cleanup_free char *args = NULL;
	cleanup_close int control = -1, go = -1;
	char script[512];

	/* It accepts nothing, and is to be connected to all the same; then it may go on. */
	assert_int_equal(mkfifo(temp_path(&w->temp, "go"), 0600), 0);
	snprintf(script, sizeof(script),
		 "#!/bin/sh\n"
		 "cd %s\n"
		 "for a; do echo \"[$a]\"; done >args\n"
		 "readlink /proc/self/fd/0 /proc/self/fd/1 >>args\n"
		 "case $(readlink /proc/self/fd/3) in socket:*) echo socket >>args;; esac\n"
		 "read -r line <go\n"
		 "exit 5\n",
		 w->temp.path);
	assert_int_equal(start(w, script, true, NULL), 0);
	control = fd_unix_connect(w->control, SOCK_SEQPACKET);
	assert_true(control >= 0);
	go = open(temp_path(&w->temp, "go"), O_WRONLY | O_CLOEXEC);
	assert_true(go >= 0);
	close_fd(&go);
	assert_true(until(w->loop, is_gone, w));
	assert_string_equal(w->gone_name, "shop");
	assert_int_equal(w->gone_instance, 3);
	assert_true(WIFEXITED(w->gone_status));
	assert_int_equal(WEXITSTATUS(w->gone_status), 5);
	assert_int_equal(file_read(temp_path(&w->temp, "args"), 10000, &args, NULL), 0);
	assert_true(text_starts(args, "[--name]\n[shop]\n[--instance]\n[3]\n[--spec]\n"
				      "[/run/spec file]\n[--control-fd]\n[3]\n[--start]\n"
				      "/dev/null\n"));
	assert_non_null(strstr(args, "\nsocket\n"));
}

static void launcher_start_without_run_leaves_the_payload_alone(void **state)
{
	struct world *w = *state;
	cleanup_free char *args = NULL;
	char script[256];
	struct stat st;

	snprintf(script, sizeof(script), "#!/bin/sh\necho \"$@\" >%s/args\n", w->temp.path);
	assert_int_equal(start(w, script, false, NULL), 0);
	assert_int_equal(stat(w->control, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(until(w->loop, is_gone, w));
	assert_int_equal(file_read(temp_path(&w->temp, "args"), 10000, &args, NULL), 0);
	assert_null(strstr(args, "--start"));
}

static void launcher_start_runs_in_a_session_of_its_own(void **state)
{
	struct world *w = *state;
	siginfo_t info = {0};
	pid_t keeper = 0;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	assert_int_equal(start(w, "#!/bin/sh\nexec sleep 1000\n", true, NULL), 0);
	{
		cleanup_free char *children = NULL;

		assert_int_equal(file_read(path, 1000, &children, NULL), 0);
		keeper = atoi(children);
	}
	assert_true(keeper > 0);
	assert_int_equal(getsid(keeper), keeper);
	assert_int_equal(w->launcher->ops->sweep(w->launcher, NULL, 0), 0); /* it is watched */
	assert_int_equal(waitid(P_PID, (id_t)keeper, &info, WEXITED | WNOHANG | WNOWAIT), 0);
	assert_int_equal(info.si_pid, 0);
}

static void launcher_start_beside_a_living_keeper_is_refused(void **state)
{
	struct world *w = *state;
	cleanup_close int other = fd_unix_listen(w->control, SOCK_SEQPACKET, 0600);
	struct error err = {0};

	assert_true(other >= 0);
	assert_int_equal(start(w, "#!/bin/sh\n", true, &err), -EEXIST);
	assert_non_null(strstr(err.text, "shop"));
	close_fd(&other);
	/* The socket file of a dead one is replaced. */
	assert_int_equal(start(w, "#!/bin/sh\n", true, &err), 0);
	assert_true(until(w->loop, is_gone, w));
}

static void launcher_start_where_nothing_can_be_seen_replaces_nobody(void **state)
{
	struct world *w = *state;
	cleanup_close int other = fd_unix_listen(w->control, SOCK_STREAM, 0600);
	struct error err = {0};
	struct stat before, after;

	assert_true(other >= 0);
	assert_int_equal(stat(w->control, &before), 0);
	assert_int_equal(start(w, "#!/bin/sh\n", true, &err), -EPROTOTYPE);
	assert_non_null(strstr(err.text, "cannot see"));
	assert_int_equal(stat(w->control, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void launcher_start_that_fails_says_why(void **state)
{
	struct world *w = *state;
	struct error err = {0};

	assert_int_equal(start(w, "#!/nonexistent/interpreter\n", true, &err), -ENOENT);
	assert_non_null(strstr(err.text, "slicekeep-keeper"));
	snprintf(w->control, sizeof(w->control), "%.63s/none/x.sock", w->temp.path);
	assert_int_equal(start(w, "#!/bin/sh\n", true, &err), -ENOENT);
	assert_non_null(strstr(err.text, "none/x.sock"));
	assert_int_equal(w->n_gone, 0);
}

static void launcher_without_a_keeper_program_is_an_error(void **state)
{
	struct world *w = *state;
	struct launcher *other = NULL;
	struct paths paths = {0};
	struct error err = {0};

	assert_int_equal(unlink(temp_path(&w->temp, "slicekeep-keeper")), 0);
	errno = ENOENT;
	assert_true(launcher_direct_new(&OWNER(paths), &other, &err) < 0);
	assert_non_null(strstr(err.text, "slicekeep-keeper"));
	assert_null(other);
}

static void launcher_on_a_kernel_that_hides_children_is_an_error(void **state)
{
	struct world *w = *state;
	struct launcher *other = NULL;
	struct paths paths = {0};
	struct error err = {0};

	w->has_no_children_file = true;
	assert_int_equal(launcher_direct_new(&OWNER(paths), &other, &err), -ENOENT);
	w->has_no_children_file = false;
	assert_non_null(strstr(err.text, "CONFIG_PROC_CHILDREN"));
	assert_null(other);
}

static void launcher_adopts_keepers_that_are_not_its_children(void **state)
{
	struct world *w = *state;
	int pipe_fds[2];
	pid_t father;
	pid_t stranger = 0;

	/* A grandchild whose father lives: it is nobody's child here. */
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	father = fork();
	assert_true(father >= 0);
	if (father == 0) {
		pid_t child = fork();

		if (child == 0) {
			pause();
			_exit(0);
		}
		if (write(pipe_fds[1], &child, sizeof(child)) != sizeof(child))
			_exit(1);
		waitpid(child, NULL, 0);
		pause();
		_exit(0);
	}
	assert_int_equal(read(pipe_fds[0], &stranger, sizeof(stranger)), sizeof(stranger));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	assert_int_equal(w->launcher->ops->adopt(w->launcher, "db", 0, stranger), 0);
	assert_int_equal(w->launcher->ops->adopt(w->launcher, "db", 0, stranger), 0);
	assert_int_equal(kill(stranger, SIGKILL), 0);
	assert_true(until(w->loop, is_gone, w));
	assert_int_equal(w->n_gone, 1);
	assert_string_equal(w->gone_name, "db");
	assert_int_equal(w->gone_pid, stranger);
	assert_int_equal(w->gone_status, -1);
	assert_int_equal(kill(father, SIGKILL), 0);
	assert_true(until(w->loop, has_no_children, w));
	assert_int_equal(w->launcher->ops->adopt(w->launcher, "db", 0, father), -ESRCH);
}

static void launcher_sweep_kills_what_a_dead_keeper_left(void **state)
{
	struct world *w = *state;
	int alive[2];
	char c;

	assert_int_equal(pipe2(alive, O_NONBLOCK), 0);
	assert_int_equal(
		start(w, "#!/bin/sh\nsetsid sleep 1000 & sleep 1000 & exit 0\n", true, NULL), 0);
	close(alive[1]);
	assert_true(until(w->loop, is_gone, w));
	assert_int_equal(read(alive[0], &c, 1), -1); /* they live */
	assert_true(sweeps(w->launcher, NULL, 0, 2));
	assert_int_equal(read(alive[0], &c, 1), 0);
	assert_true(sweeps(w->launcher, NULL, 0, 0));
	assert_true(until(w->loop, has_no_children, w)); /* and are reaped */
	close(alive[0]);
}

static void launcher_sweep_leaves_known_pids_alone(void **state)
{
	struct world *w = *state;
	pid_t known = fork();

	assert_true(known >= 0);
	if (known == 0) {
		pause();
		_exit(0);
	}
	assert_true(sweeps(w->launcher, &known, 1, 0));
	assert_int_equal(kill(known, 0), 0);
	assert_true(sweeps(w->launcher, NULL, 0, 1));
}

/*
 * As under a keeper of our own: the father has a child that is nobody's. Runs in a grandchild.
 * Return: 0 when the sweep does @expected.
 */
static int sweep_beside(struct world *w, bool is_told, int expected)
{
	struct launcher *l = NULL;
	struct paths paths = {0};

	if (launcher_direct_new(&OWNER(paths), &l, NULL) < 0)
		return 1;
	if (is_told)
		l->ops->set_outermost(l, getppid());
	else
		l->ops->set_outermost(l, 1);
	return sweeps(l, NULL, 0, expected) ? 0 : 2;
}

static int as_own_keeper(struct world *w, bool is_told, int expected)
{
	pid_t orphan = fork();
	pid_t supervisor;
	int status = -1;

	if (orphan == 0) {
		pause();
		_exit(0);
	}
	supervisor = fork();
	if (supervisor == 0) {
		struct loop *loop = NULL;

		if (loop_new(&loop) < 0)
			_exit(3);
		w->loop = loop;
		_exit(sweep_beside(w, is_told, expected));
	}
	waitpid(supervisor, &status, 0);
	kill(orphan, SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static void launcher_sweep_looks_at_siblings_only_below_its_own_keeper(void **state)
{
	struct world *w = *state;

	for (int is_told = 0; is_told < 2; is_told++) {
		pid_t keeper = fork();
		int status = -1;

		assert_true(keeper >= 0);
		if (keeper == 0)
			_exit(as_own_keeper(w, is_told, is_told ? 1 : 0));
		assert_int_equal(waitpid(keeper, &status, 0), keeper);
		assert_int_equal(status, 0);
	}
}

static void launcher_limits_are_refused_with_the_reason(void **state)
{
	struct world *w = *state;
	const struct config_limits limits = {.memory_max = 1 << 20};
	const char *note = w->launcher->ops->limits_note(w->launcher);
	struct error err = {0};

	int code = w->launcher->ops->set_limits(w->launcher, "shop", 0, &limits, &err);

	if (!note) { /* where they are enforced: nobody has started it */
		assert_int_equal(code, -ENOENT);
		return;
	}
	assert_true(text_starts(note, "limits not enforced: "));
	assert_int_equal(code, -EOPNOTSUPP);
	assert_string_equal(err.text, note);
}

/* Without a launcher and a loop, for a test that has them in processes of its own. */
static int setup_bare(void **state)
{
	world = (struct world){0};
	temp_init(&world.temp);
	put_keeper(&world, "#!/bin/sh\n");
	*state = &world;
	return 0;
}

static int teardown_bare(void **state)
{
	temp_done(&world.temp);
	return 0;
}

static int setup(void **state)
{
	struct paths paths = {0};
	struct world *w = &world;

	*w = (struct world){0};
	temp_init(&w->temp);
	snprintf(w->control, sizeof(w->control), "%.63s/control.sock", w->temp.path);
	put_keeper(w, "#!/bin/sh\n");
	*state = w;
	if (loop_new(&w->loop) < 0)
		return -1;
	return launcher_direct_new(&OWNER(paths), &w->launcher, NULL);
}

static int teardown(void **state)
{
	struct world *w = *state;

	w->launcher->ops->free(w->launcher);
	/* Keepers run on: to another launcher they are strangers, and it sweeps them. */
	put_keeper(w, "#!/bin/sh\n");
	if (launcher_direct_new(&OWNER(no_paths), &w->launcher, NULL) < 0)
		return -1;
	if (w->launcher->ops->sweep(w->launcher, NULL, 0) < 0)
		return -1;
	if (!until(w->loop, has_no_children, w))
		return -1;
	w->launcher->ops->free(w->launcher);
	loop_free(w->loop);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(launcher_start_gives_the_keeper_what_it_needs),
		TEST(launcher_start_without_run_leaves_the_payload_alone),
		TEST(launcher_start_runs_in_a_session_of_its_own),
		TEST(launcher_start_beside_a_living_keeper_is_refused),
		TEST(launcher_start_where_nothing_can_be_seen_replaces_nobody),
		TEST(launcher_start_that_fails_says_why),
		TEST(launcher_without_a_keeper_program_is_an_error),
		TEST(launcher_on_a_kernel_that_hides_children_is_an_error),
		TEST(launcher_adopts_keepers_that_are_not_its_children),
		TEST(launcher_sweep_kills_what_a_dead_keeper_left),
		TEST(launcher_sweep_leaves_known_pids_alone),
		cmocka_unit_test_setup_teardown(
			launcher_sweep_looks_at_siblings_only_below_its_own_keeper, setup_bare,
			teardown_bare),
		TEST(launcher_limits_are_refused_with_the_reason),
	};

	return cmocka_run_group_tests_name("launcher-direct", tests, NULL, NULL);
}
