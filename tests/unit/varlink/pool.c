/* SPDX-License-Identifier: MIT */
/*
 * The server end of the tests. Parent and child share the listening socket from before the fork,
 * so that nobody has to wait for it; "Quit" makes the child return from its loop and exit 0, which
 * is where a sanitizer tells of what was not freed.
 */
#include "tests/unit/varlink/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/loop.h"
#include "lib/text.h"
#include "tests/unit/varlink/peer.h"

/*
 * The address sanitizer keeps what was freed, 256 MB of it; the tests weigh this process, so it
 * keeps one.
 */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

#define HELD_MAX 64

/* cmocka's assertions belong to the parent: in the child they would jump into its copy. */
#define must(condition)           \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);

static uint64_t n_accepts;

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
	n_accepts++;
	return __real_accept4(fd, address, len, flags);
}

struct stream {
	struct pool_server *server;
	struct varlink_call *call;
	json_t *filler;
	uint64_t next;
	uint64_t n;
};

struct pool_server {
	struct loop *loop;
	enum varlink_role role;
	struct varlink_call *held[HELD_MAX];
	size_t n_held;
	struct varlink_call *await;
	uint64_t await_gone;
	uint64_t gone;
	uint64_t drained;
	uint64_t noted;
	uint64_t echoed;
};

static int act_echo(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	struct pool_server *s = userdata;

	s->echoed++;
	varlink_call_reply(call, json_incref(parameters));
	return 0;
}

/* Echo as text: once, or twice where that is allowed; without parameters as if out of memory. */
static int act_recite(struct varlink_call *call, json_t *parameters, void *userdata,
		      struct error *err)
{
	cleanup_text struct text text = {0};
	char *dump = json_dumps(parameters, JSON_COMPACT);

	must(dump);
	text_add(&text, dump);
	free(dump);
	text.failed = json_object_size(parameters) == 0;
	must(varlink_call_continue_text(call, &text));
	varlink_call_reply_text(call, &text);
	return 0;
}

static int act_fail(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	const char *id = json_get_string(parameters, "id");
	const char *text = json_get_string(parameters, "text");

	if (text && id)
		return error_set_id(err, -EIO, id, "%s", text);
	if (text)
		return error_set(err, -EIO, "%s", text);
	return -EIO;
}

static int act_note(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	struct pool_server *s = userdata;

	s->noted++;
	varlink_call_reply(call, NULL);
	return 0;
}

/* --- calls that are answered later ------------------------------------------------------------ */

static void pool_check_await(struct pool_server *s)
{
	if (s->await && s->gone >= s->await_gone)
		varlink_call_reply(steal_ptr(s->await), NULL);
}

static int act_hold(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	struct pool_server *s = userdata;

	must(s->n_held < HELD_MAX);
	s->held[s->n_held++] = call;
	return 0;
}

static int act_release(struct varlink_call *call, json_t *parameters, void *userdata,
		       struct error *err)
{
	struct pool_server *s = userdata;
	size_t n = s->n_held;

	s->n_held = 0;
	for (size_t i = 0; i < n; i++)
		varlink_call_reply(s->held[i], json_pack("{s:i}", "held", (int)i));
	varlink_call_reply(call, json_pack("{s:i}", "released", (int)n));
	return 0;
}

static void on_gone(void *userdata)
{
	struct pool_server *s = userdata;

	s->gone++;
	pool_check_await(s);
}

/* Never answered; only its end is told. */
static int act_watch(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	varlink_call_watch(call, on_gone, NULL, userdata);
	return 0;
}

static int act_await_gone(struct varlink_call *call, json_t *parameters, void *userdata,
			  struct error *err)
{
	struct pool_server *s = userdata;

	s->await = call;
	s->await_gone = json_get_uint(parameters, "gone", 0);
	pool_check_await(s);
	return 0;
}

/* --- many answers ----------------------------------------------------------------------------- */

static void stream_free(struct stream *t)
{
	json_decref(t->filler);
	free(t);
}

static void stream_go_on(struct stream *t)
{
	bool room = true;

	while (room && t->next + 1 < t->n)
		room = varlink_call_continue(
			t->call,
			json_pack("{s:I, s:O}", "i", (json_int_t)t->next++, "filler", t->filler));
	if (!room)
		return;
	varlink_call_reply(t->call, json_pack("{s:I}", "i", (json_int_t)t->next));
	stream_free(t);
}

static void on_stream_gone(void *userdata)
{
	struct stream *t = userdata;

	on_gone(t->server);
	stream_free(t);
}

static void on_stream_drained(void *userdata)
{
	struct stream *t = userdata;

	t->server->drained++;
	stream_go_on(t);
}

static int act_stream(struct varlink_call *call, json_t *parameters, void *userdata,
		      struct error *err)
{
	static char filler[1000];
	struct stream *t;

	if (!varlink_call_wants_more(call))
		return error_set_id(err, -EINVAL, "org.varlink.service.ExpectedMore", "more");
	t = calloc(1, sizeof(*t));
	must(t);
	memset(filler, 'x', sizeof(filler));
	t->server = userdata;
	t->call = call;
	t->filler = json_stringn(filler, json_get_uint(parameters, "filler", sizeof(filler)));
	t->n = json_get_uint(parameters, "n", 0);
	varlink_call_watch(call, on_stream_gone, on_stream_drained, t);
	stream_go_on(t);
	return 0;
}

/* Goes on although there is no room, as a source of events would. */
static int act_flood(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	uint64_t n = json_get_uint(parameters, "n", 0);
	char filler[1000];

	memset(filler, 'x', sizeof(filler));
	varlink_call_watch(call, on_gone, NULL, userdata);
	for (uint64_t i = 0; i < n; i++)
		ignore_result(varlink_call_continue(
			call, json_pack("{s:s#}", "x", filler, (int)sizeof(filler))));
	return 0;
}

/* More than may be sent in one message: an answer, or one of several. */
static int act_too_much(struct varlink_call *call, json_t *parameters, void *userdata,
			struct error *err)
{
	char *text = malloc(VARLINK_MESSAGE_MAX);
	json_t *reply;

	must(text);
	memset(text, 'x', VARLINK_MESSAGE_MAX);
	reply = json_pack("{s:s#}", "text", text, (int)VARLINK_MESSAGE_MAX);
	free(text);
	if (!varlink_call_wants_more(call)) {
		varlink_call_reply(call, reply);
		return 0;
	}
	varlink_call_watch(call, on_gone, NULL, userdata);
	ignore_result(varlink_call_continue(call, reply));
	return 0;
}

/* --- about the server ------------------------------------------------------------------------- */

static int act_stats(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	const struct pool_server *s = userdata;

	varlink_call_reply(call, json_pack("{s:I, s:I, s:I, s:I, s:I}", "gone", (json_int_t)s->gone,
					   "drained", (json_int_t)s->drained, "noted",
					   (json_int_t)s->noted, "echoed", (json_int_t)s->echoed,
					   "accepts", (json_int_t)n_accepts));
	return 0;
}

static int act_who(struct varlink_call *call, json_t *parameters, void *userdata, struct error *err)
{
	const struct fd_peer *peer = varlink_call_peer(call);

	varlink_call_reply(call,
			   json_pack("{s:i, s:i}", "pid", (int)peer->pid, "uid", (int)peer->uid));
	return 0;
}

/* No further descriptors, or as many as before. */
static int act_starve(struct varlink_call *call, json_t *parameters, void *userdata,
		      struct error *err)
{
	bool on = json_get_bool(parameters, "on", false);
	int fd = on ? dup(STDERR_FILENO) : -1;
	struct rlimit limit;

	must(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	must(!on || fd >= 0);
	limit.rlim_cur = on ? (rlim_t)fd : limit.rlim_max;
	close_fd(&fd);
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	varlink_call_reply(call, NULL);
	return 0;
}

static int act_quit(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err)
{
	struct pool_server *s = userdata;

	varlink_call_reply(call, NULL);
	loop_stop(s->loop, 0);
	return 0;
}

static const struct varlink_method pool_methods[] = {
	{"Echo", VARLINK_ROLE_READ, act_echo},
	{"Recite", VARLINK_ROLE_READ, act_recite},
	{"Fail", VARLINK_ROLE_READ, act_fail},
	{"Note", VARLINK_ROLE_READ, act_note},
	{"Hold", VARLINK_ROLE_READ, act_hold},
	{"Release", VARLINK_ROLE_READ, act_release},
	{"Watch", VARLINK_ROLE_READ, act_watch},
	{"AwaitGone", VARLINK_ROLE_READ, act_await_gone},
	{"Stream", VARLINK_ROLE_READ, act_stream},
	{"Flood", VARLINK_ROLE_READ, act_flood},
	{"TooMuch", VARLINK_ROLE_READ, act_too_much},
	{"Stats", VARLINK_ROLE_NONE, act_stats},
	{"Who", VARLINK_ROLE_NONE, act_who},
	{"Starve", VARLINK_ROLE_NONE, act_starve},
	{"Operate", VARLINK_ROLE_OPERATE, act_note},
	{"Administer", VARLINK_ROLE_ADMIN, act_note},
	{"Planned", VARLINK_ROLE_READ, NULL},
	{"Quit", VARLINK_ROLE_NONE, act_quit},
};

static const struct varlink_interface pool_interface = {
	.name = "org.example.pool",
	.text = "interface org.example.pool\n",
	.methods = pool_methods,
	.n_methods = ARRAY_LEN(pool_methods),
};

static enum varlink_role pool_role(int sock, const struct fd_peer *peer, void *userdata)
{
	const struct pool_server *s = userdata;

	return s->role;
}

static int pool_serve(int fd, enum varlink_role role)
{
	struct pool_server s = {.role = role};
	struct varlink_server *server;
	int r;

	must(loop_new(&s.loop) == 0);
	must(varlink_server_new(s.loop, role == VARLINK_ROLE_COUNT ? NULL : pool_role, &s,
				&server) == 0);
	must(varlink_server_add(server, &pool_interface) == 0);
	must(varlink_server_listen(server, fd) == 0);
	r = loop_run(s.loop);
	varlink_server_free(server);
	for (size_t i = 0; i < s.n_held; i++)
		varlink_call_reply(s.held[i], NULL);
	loop_free(s.loop);
	return r;
}

void pool_start(struct pool *p, enum varlink_role role)
{
	int fd;

	(void)snprintf(p->folder, sizeof(p->folder), "/tmp/varlink-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	(void)snprintf(p->path, sizeof(p->path), "%s/socket", p->folder);
	fd = fd_unix_listen(p->path, SOCK_STREAM, 0600);
	assert_true(fd >= 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		exit(pool_serve(fd, role));
	}
	close_fd(&fd);
}

static int pool_wait(struct pool *p)
{
	int status = 0;

	assert_int_equal(waitpid(p->pid, &status, 0), p->pid);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(rmdir(p->folder), 0);
	return status;
}

void pool_stop(struct pool *p)
{
	cleanup_peer struct peer peer;

	peer_connect(&peer, p->path);
	peer_say(&peer, "{\"method\":\"org.example.pool.Quit\"}");
	assert_int_equal(pool_wait(p), 0);
}

void pool_kill(struct pool *p)
{
	assert_int_equal(kill(p->pid, SIGKILL), 0);
	ignore_result(pool_wait(p));
}

size_t pool_rss_bytes(const struct pool *p)
{
	unsigned long size, resident;
	char path[32];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", p->pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	(void)fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}
