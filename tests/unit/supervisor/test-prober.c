/* SPDX-License-Identifier: MIT */

/*
 * Probes with the real slicekeep-probe, against a server in this process; and such as are programs,
 * with a keeper that is a shell script.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "config/model.h"
#include "lib/error.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/paths.h"
#include "supervisor/identity.h"
#include "supervisor/prober.h"
#include "tests/unit/lib/temp.h"
#include "tests/unit/supervisor/until.h"

/* Runs the argv of a spec; what a keeper does besides is tested with the keeper. */
static const char keeper_script[] = "#!/bin/sh\n"
				    "while [ \"$1\" != --spec ]; do shift; done\n"
				    "exec $(tr '\\0' '\\n' <\"$2\" | sed -n 's/^argv=//p')\n";

struct world {
	struct temp temp;
	struct loop *loop;
	struct paths paths;
	struct prober *prober;
	struct identity identity;
	bool has_no_programs;
	/* the server that is probed */
	int listener;
	uint16_t port;
	struct loop_fd accept;
	const char *answer; /* NULL: none, the connection stays open */
	int held[8];
	size_t n_held;
	/* what was answered */
	struct probe *probe;
	unsigned n_answers;
	enum probe_outcome outcome;
	char text[200];
};

static struct world world;

char *__wrap_paths_program(const char *name);

char *__wrap_paths_program(const char *name)
{
	if (world.has_no_programs) {
		errno = ENOENT;
		return NULL;
	}
	return strdup(strcmp(name, "slicekeep-probe") == 0 ? PROBE_PROGRAM
							   : temp_path(&world.temp, name));
}

static void on_probe(enum probe_outcome outcome, const char *text, void *userdata)
{
	struct world *w = userdata;

	w->probe = NULL;
	w->n_answers++;
	w->outcome = outcome;
	snprintf(w->text, sizeof(w->text), "%s", text);
}

static bool has_answer(void *userdata)
{
	return ((struct world *)userdata)->n_answers > 0;
}

static bool has_no_children(void *userdata)
{
	siginfo_t info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid > 0)
		info = (siginfo_t){0};
	return errno == ECHILD;
}

static int begin(struct world *w, const struct config_probe *what, struct error *err)
{
	char *env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	struct probe_subject subject = {
		.name = "shop",
		.instance = 2,
		.life = 42,
		.id = &w->identity,
		.env = env,
		.cwd = "/",
	};
	struct probe_asker asker = {.fn = on_probe, .userdata = w};
	int r;

	w->n_answers = 0;
	w->text[0] = '\0';
	r = prober_start(w->prober, what, &subject, &asker, &w->probe, err);
	assert_int_equal(w->n_answers, 0); /* never from inside */
	return r;
}

static void assert_answer(struct world *w, enum probe_outcome outcome, const char *text)
{
	assert_true(until(w->loop, has_answer, w));
	assert_int_equal(w->n_answers, 1);
	assert_string_equal(w->text, text);
	assert_int_equal(w->outcome, outcome);
}

/* --- tcp and http ----------------------------------------------------------------------------- */

static void on_accept(int fd, int events, void *userdata)
{
	struct world *w = userdata;
	struct pollfd readable = {.events = POLLIN};
	char request[4096];

	readable.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(readable.fd >= 0);
	if (!w->answer) {
		w->held[w->n_held++] = readable.fd;
		return;
	}
	if (poll(&readable, 1, 10000) == 1 && read(readable.fd, request, sizeof(request)) > 0)
		assert_int_equal(fd_write_all(readable.fd, w->answer, strlen(w->answer)), 0);
	close(readable.fd);
}

static void listen_on(struct world *w, const char *answer)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->answer = answer;
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(w->listener, 100), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&address, &length), 0);
	w->port = ntohs(address.sin_port);
	assert_int_equal(loop_fd_init(&w->accept, w->loop, w->listener, LOOP_READ, on_accept, w),
			 0);
}

static void hang_up(struct world *w)
{
	loop_fd_done(&w->accept);
	close_fd(&w->listener);
}

static int begin_net(struct world *w, enum config_probe_kind kind, const char *format,
		     usec_t timeout_usec, struct error *err)
{
	char target[256];
	struct config_probe what = {
		.kind = kind,
		.target = target,
		.timeout_usec = timeout_usec,
	};
	const char *port = strstr(format, "PORT");

	snprintf(target, sizeof(target), "%.*s%u%s", (int)(port - format), format, w->port,
		 port + strlen("PORT"));
	return begin(w, &what, err);
}

static void assert_net(struct world *w, enum config_probe_kind kind, const char *format,
		       enum probe_outcome outcome, const char *text)
{
	assert_int_equal(begin_net(w, kind, format, 10 * USEC_PER_SEC, NULL), 0);
	assert_answer(w, outcome, text);
}

static void prober_tcp_tells_whether_somebody_listens(void **state)
{
	struct world *w = *state;

	listen_on(w, "");
	assert_net(w, CONFIG_PROBE_TCP, "127.0.0.1:PORT", PROBE_PASSED, "connected");
	assert_net(w, CONFIG_PROBE_TCP, "localhost:PORT", PROBE_PASSED, "connected");
	hang_up(w);
	assert_net(w, CONFIG_PROBE_TCP, "127.0.0.1:PORT", PROBE_FAILED, "connection refused");
	assert_net(w, CONFIG_PROBE_TCP, "localhost:PORT", PROBE_FAILED, "connection refused");
	assert_net(w, CONFIG_PROBE_TCP, "example.org:PORT", PROBE_FAILED,
		   "\"example.org\" is neither an IP address nor localhost");
}

static void prober_http_tells_the_status(void **state)
{
	struct world *w = *state;

	listen_on(w, "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
	assert_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/health?a=b", PROBE_PASSED,
		   "HTTP 200");
	w->answer = "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n";
	assert_net(w, CONFIG_PROBE_HTTP, "http://localhost:PORT", PROBE_PASSED, "HTTP 302");
	w->answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
	assert_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/", PROBE_FAILED, "HTTP 503");
	w->answer = "\033]0;title\007\r\n\r\n";
	assert_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/", PROBE_FAILED,
		   "the answer is not HTTP");
	w->answer = "";
	assert_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/", PROBE_FAILED,
		   "the connection was closed before the answer");
	hang_up(w);
	assert_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/", PROBE_FAILED,
		   "connection refused");
}

static void prober_http_long_answer_is_cut_and_counts(void **state)
{
	struct world *w = *state;
	size_t len = 1000 * 1000;
	cleanup_free char *answer = malloc(len + 1);

	assert_non_null(answer);
	memset(answer, 'x', len);
	memcpy(answer, "HTTP/1.0 200 OK\r\n\r\n", 19);
	answer[50000] = '\0'; /* no more than the socket takes at once: this process answers */
	listen_on(w, answer);
	assert_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/", PROBE_PASSED, "HTTP 200");
}

static void prober_http_silence_is_a_timeout(void **state)
{
	struct world *w = *state;

	listen_on(w, NULL);
	assert_int_equal(begin_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/",
				   100 * USEC_PER_MSEC, NULL),
			 0);
	assert_true(until(w->loop, has_answer, w));
	assert_int_equal(w->outcome, PROBE_FAILED);
	assert_non_null(strstr(w->text, "100ms"));
}

static void prober_cancelled_probe_is_not_answered(void **state)
{
	struct world *w = *state;
	struct probe *first;

	listen_on(w, NULL);
	assert_int_equal(begin_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/",
				   100 * USEC_PER_MSEC, NULL),
			 0);
	first = w->probe;
	assert_int_equal(begin_net(w, CONFIG_PROBE_TCP, "127.0.0.1:PORT", 10 * USEC_PER_SEC, NULL),
			 0);
	probe_cancel(first);
	probe_cancel(NULL);
	assert_answer(w, PROBE_PASSED, "connected");
	assert_int_equal(w->n_answers, 1);
}

static bool holds_connection(void *userdata)
{
	return ((struct world *)userdata)->n_held > 0;
}

static void prober_helper_that_dies_is_started_again(void **state)
{
	struct world *w = *state;
	int pid = 0;

	assert_int_equal(prober_pids(w->prober, &pid, 1), 0); /* not before it is needed */
	listen_on(w, NULL);
	assert_int_equal(
		begin_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/", 10 * USEC_PER_SEC, NULL),
		0);
	assert_true(until(w->loop, holds_connection, w));
	assert_int_equal(prober_pids(w->prober, &pid, 1), 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_answer(w, PROBE_UNKNOWN, "slicekeep-probe died");
	assert_int_equal(prober_pids(w->prober, &pid, 1), 0);
	w->answer = "HTTP/1.0 204 No Content\r\n\r\n";
	assert_net(w, CONFIG_PROBE_HTTP, "http://127.0.0.1:PORT/", PROBE_PASSED, "HTTP 204");
}

static void prober_helper_ends_with_the_prober(void **state)
{
	struct world *w = *state;

	listen_on(w, "");
	assert_net(w, CONFIG_PROBE_TCP, "127.0.0.1:PORT", PROBE_PASSED, "connected");
	prober_free(w->prober);
	w->prober = NULL;
	assert_true(until(w->loop, has_no_children, w));
}

static void prober_helper_has_no_authority(void **state)
{
	struct world *w = *state;
	cleanup_free char *status = NULL;
	char path[64];
	int pid = 0;

	listen_on(w, "");
	assert_net(w, CONFIG_PROBE_TCP, "127.0.0.1:PORT", PROBE_PASSED, "connected");
	assert_int_equal(prober_pids(w->prober, &pid, 1), 1);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	assert_int_equal(file_read(path, 100000, &status, NULL), 0);
	assert_non_null(strstr(status, "\nNoNewPrivs:\t1\n"));
	assert_non_null(strstr(status, "\nCapEff:\t0000000000000000\n"));
	if (geteuid() == 0) {
		assert_non_null(strstr(status, "\nUid:\t65534\t65534\t65534\t65534\n"));
		assert_non_null(strstr(status, "\nGid:\t65534\t65534\t65534\t65534\n"));
		assert_non_null(strstr(status, "\nGroups:\t \n"));
	}
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	assert_int_equal(folder_count(path) < 12, 1);
}

static void prober_many_probes_at_once_are_all_answered(void **state)
{
	struct world *w = *state;

	listen_on(w, "");
	for (int i = 0; i < 400; i++)
		assert_int_equal(
			begin_net(w, CONFIG_PROBE_TCP, "127.0.0.1:PORT", 15 * USEC_PER_SEC, NULL),
			0);
	while (w->n_answers < 400) {
		unsigned before = w->n_answers;

		w->n_answers = 0;
		assert_true(until(w->loop, has_answer, w));
		w->n_answers += before;
		assert_int_equal(w->outcome, PROBE_PASSED);
	}
	assert_int_equal(w->n_answers, 400);
}

static void prober_that_cannot_even_try_says_why(void **state)
{
	struct world *w = *state;
	struct error err = {0};
	char target[2000];
	struct config_probe what = {.kind = CONFIG_PROBE_TCP, .target = target};

	memset(target, 'x', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	assert_int_equal(begin(w, &what, &err), -E2BIG);
	assert_non_null(strstr(err.text, "1023"));
	what.kind = CONFIG_PROBE_NOTIFY;
	assert_int_equal(begin(w, &what, &err), -EINVAL);
	w->has_no_programs = true;
	what.kind = CONFIG_PROBE_TCP;
	what.target = (char *)"127.0.0.1:1";
	assert_int_equal(begin(w, &what, &err), -ENOENT);
	assert_non_null(strstr(err.text, "slicekeep-probe"));
	what.kind = CONFIG_PROBE_EXEC;
	what.argv = (char *[]){(char *)"true", NULL};
	assert_int_equal(begin(w, &what, &err), -ENOENT);
	assert_non_null(strstr(err.text, "slicekeep-keeper"));
	assert_int_equal(folder_count(temp_path(&w->temp, "spec")), 0);
}

/* --- exec ------------------------------------------------------------------------------------- */

static int begin_exec(struct world *w, char **argv, usec_t timeout_usec)
{
	struct config_probe what = {
		.kind = CONFIG_PROBE_EXEC,
		.argv = argv,
		.timeout_usec = timeout_usec,
	};

	return begin(w, &what, NULL);
}

static void assert_exec(struct world *w, char **argv, enum probe_outcome outcome, const char *text)
{
	assert_int_equal(begin_exec(w, argv, 10 * USEC_PER_SEC), 0);
	assert_int_equal(folder_count(temp_path(&w->temp, "spec")), 1);
	assert_answer(w, outcome, text);
	assert_int_equal(folder_count(temp_path(&w->temp, "spec")), 0);
}

static void prober_exec_tells_how_the_program_ended(void **state)
{
	struct world *w = *state;
	char as_shell[128];

	snprintf(as_shell, sizeof(as_shell), "%.63s/as-shell", w->temp.path);
	assert_int_equal(file_write_quick(as_shell, "exit 137\n", 9, 0600), 0);
	assert_exec(w, (char *[]){(char *)"true", NULL}, PROBE_PASSED, "exit 0");
	assert_exec(w, (char *[]){(char *)"false", NULL}, PROBE_FAILED, "exit 1");
	assert_exec(w, (char *[]){(char *)"/bin/sh", as_shell, NULL}, PROBE_FAILED,
		    "killed by SIGKILL");
}

/* The stand-in for the keeper becomes the program, and so this kills the keeper. */
static void prober_exec_whose_keeper_is_killed_says_nothing(void **state)
{
	struct world *w = *state;
	char kill_self[128];

	snprintf(kill_self, sizeof(kill_self), "%.63s/kill-self", w->temp.path);
	assert_int_equal(file_write_quick(kill_self, "kill -9 $$\n", 11, 0600), 0);
	assert_exec(w, (char *[]){(char *)"/bin/sh", kill_self, NULL}, PROBE_UNKNOWN,
		    "the keeper of the probe was killed");
}

static bool specs_are_gone(void *userdata)
{
	return folder_count(temp_path(&((struct world *)userdata)->temp, "spec")) == 0;
}

static void prober_exec_that_hangs_is_ended(void **state)
{
	struct world *w = *state;
	char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
	int pids[2];

	assert_int_equal(begin_exec(w, argv, 50 * USEC_PER_MSEC), 0);
	assert_int_equal(prober_pids(w->prober, pids, 2), 1);
	assert_answer(w, PROBE_FAILED, "timeout after 50ms");
	assert_true(until(w->loop, specs_are_gone, w));
	assert_int_equal(prober_pids(w->prober, pids, 2), 0);
	assert_true(until(w->loop, has_no_children, w));
}

static void prober_exec_cancelled_is_ended_in_the_background(void **state)
{
	struct world *w = *state;
	char *argv[] = {(char *)"sleep", (char *)"1000", NULL};
	int pids[2];

	assert_int_equal(begin_exec(w, argv, 10 * USEC_PER_SEC), 0);
	probe_cancel(w->probe);
	assert_int_equal(prober_pids(w->prober, pids, 2), 1); /* still known */
	assert_true(until(w->loop, specs_are_gone, w));
	assert_int_equal(w->n_answers, 0);

	assert_int_equal(begin_exec(w, argv, 10 * USEC_PER_SEC), 0);
	prober_free(w->prober);
	w->prober = NULL;
	assert_true(specs_are_gone(w));
	assert_true(until(w->loop, has_no_children, w));
	assert_int_equal(w->n_answers, 0);
}

static void prober_exec_specs_of_an_earlier_life_are_removed(void **state)
{
	struct world *w = *state;
	const char *old = temp_path(&w->temp, "spec/.probe-shop-7");
	const char *service = temp_path(&w->temp, "spec/probe-shop-0");

	assert_int_equal(file_write_quick(old, "x", 1, 0600), 0);
	assert_int_equal(file_write_quick(service, "x", 1, 0600), 0);
	prober_free(w->prober);
	assert_int_equal(prober_new(w->loop, &w->paths, &w->prober), 0);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(service, F_OK), 0);
}

/* --- the frame -------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct world *w = &world;

	*w = (struct world){.listener = -1};
	temp_init(&w->temp);
	w->paths.run = w->temp.path;
	*state = w;
	if (mkdir(temp_path(&w->temp, "spec"), 0700) < 0 ||
	    file_write_quick(temp_path(&w->temp, "slicekeep-keeper"), keeper_script,
			     strlen(keeper_script), 0700) < 0)
		return -1;
	if (loop_new(&w->loop) < 0)
		return -1;
	return prober_new(w->loop, &w->paths, &w->prober);
}

static int teardown(void **state)
{
	struct world *w = *state;

	prober_free(w->prober);
	loop_fd_done(&w->accept);
	close_fd(&w->listener);
	for (size_t i = 0; i < w->n_held; i++)
		close_fd(&w->held[i]);
	if (!until(w->loop, has_no_children, w))
		return -1;
	loop_free(w->loop);
	temp_done(&w->temp);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prober_tcp_tells_whether_somebody_listens),
		TEST(prober_http_tells_the_status),
		TEST(prober_http_long_answer_is_cut_and_counts),
		TEST(prober_http_silence_is_a_timeout),
		TEST(prober_cancelled_probe_is_not_answered),
		TEST(prober_helper_that_dies_is_started_again),
		TEST(prober_helper_ends_with_the_prober),
		TEST(prober_helper_has_no_authority),
		TEST(prober_many_probes_at_once_are_all_answered),
		TEST(prober_that_cannot_even_try_says_why),
		TEST(prober_exec_tells_how_the_program_ended),
		TEST(prober_exec_whose_keeper_is_killed_says_nothing),
		TEST(prober_exec_that_hangs_is_ended),
		TEST(prober_exec_cancelled_is_ended_in_the_background),
		TEST(prober_exec_specs_of_an_earlier_life_are_removed),
	};

	return cmocka_run_group_tests_name("prober", tests, NULL, NULL);
}
