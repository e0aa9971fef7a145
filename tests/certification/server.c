/* SPDX-License-Identifier: MIT */
/*
 * certification-server SOCKET: the certification as our server carries it out.
 *
 * Each client has an id and a note of the tests that it has passed; End is true only when all
 * eleven were called as they should be, the oneway one too. Ends on SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "lib/error.h"
#include "lib/fd.h"
#include "lib/json.h"
#include "lib/list.h"
#include "lib/loop.h"
#include "lib/varlink/server.h"
#include "tests/certification/chain.h"
#include "tests/certification/org.varlink.certification.varlink.h"

#define ID_LEN 32
/** Clients between Start and End; those that come on top are refused. */
#define CLIENTS_MAX 100

struct client {
	struct list link;
	char id[ID_LEN + 1];
	unsigned passed; /* a bit for each test */
};

struct certification {
	struct list clients;
	size_t n_clients;
};

static void client_free(struct certification *s, struct client *c)
{
	list_remove(&c->link);
	s->n_clients--;
	free(c);
}

static struct client *client_find(struct certification *s, const json_t *parameters)
{
	const char *id = json_get_string(parameters, "client_id");

	list_for_each(it, &s->clients) {
		struct client *c = list_entry(it, struct client, link);

		if (id && strcmp(c->id, id) == 0)
			return c;
	}
	return NULL;
}

static int client_unknown(struct error *err)
{
	return error_set_id(err, -ENOENT, CHAIN_INTERFACE ".ClientIdError",
			    "nobody has started with this client_id");
}

static int act_start(struct varlink_call *call, json_t *parameters, void *userdata,
		     struct error *err)
{
	struct certification *s = userdata;
	unsigned char random[ID_LEN / 2];
	struct client *c;

	if (s->n_clients == CLIENTS_MAX)
		return error_set(err, -EBUSY, "%d clients are being certified", CLIENTS_MAX);
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_set(err, -EIO, "there is no randomness");
	c = calloc(1, sizeof(*c));
	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(c->id + 2 * i, 3, "%02x", random[i]);
	list_append(&s->clients, &c->link);
	s->n_clients++;
	varlink_call_reply(call, json_pack("{s:s}", "client_id", c->id));
	return 0;
}

static bool called_as_it_should_be(const struct varlink_call *call, const struct chain_test *t)
{
	return varlink_call_wants_more(call) == (t->way == CHAIN_WAY_MORE) &&
	       varlink_call_is_oneway(call) == (t->way == CHAIN_WAY_ONEWAY);
}

static int refuse(struct varlink_call *call, const struct chain_test *t, json_t *got)
{
	json_t *wanted = json_loads(t->takes, 0, NULL);

	varlink_call_error(call, CHAIN_INTERFACE ".CertificationError",
			   json_pack("{s:o, s:O}", "wants", wanted, "got", got));
	return 0;
}

/* One function for all tests: what differs is in the table. */
static int act_test(struct varlink_call *call, json_t *parameters, void *userdata,
		    struct error *err, size_t number)
{
	const struct chain_test *t = &chain_tests[number - 1];
	cleanup_json json_t *rest = json_copy(parameters);
	struct client *c = client_find(userdata, parameters);
	int last = t->way == CHAIN_WAY_MORE ? CHAIN_ANSWERS : 1;

	if (!c || json_object_del(rest, "client_id") < 0)
		return client_unknown(err);
	if (!chain_matches(t->takes, rest) || !called_as_it_should_be(call, t))
		return refuse(call, t, rest);
	c->passed |= 1U << number;
	for (int i = 1; i < last; i++)
		ignore_result(varlink_call_continue(call, chain_answer(t, i)));
	varlink_call_reply(call, chain_answer(t, last));
	return 0;
}

#define ACT_TEST(name, number)                                                               \
	static int act_##name(struct varlink_call *call, json_t *parameters, void *userdata, \
			      struct error *err)                                             \
	{                                                                                    \
		return act_test(call, parameters, userdata, err, number);                    \
	}

ACT_TEST(test01, 1)
ACT_TEST(test02, 2)
ACT_TEST(test03, 3)
ACT_TEST(test04, 4)
ACT_TEST(test05, 5)
ACT_TEST(test06, 6)
ACT_TEST(test07, 7)
ACT_TEST(test08, 8)
ACT_TEST(test09, 9)
ACT_TEST(test10, 10)
ACT_TEST(test11, 11)

static int act_end(struct varlink_call *call, json_t *parameters, void *userdata, struct error *err)
{
	struct client *c = client_find(userdata, parameters);
	bool all_ok;

	if (!c)
		return client_unknown(err);
	all_ok = c->passed == ((1U << CHAIN_TESTS) - 1) << 1;
	client_free(userdata, c);
	varlink_call_reply(call, json_pack("{s:b}", "all_ok", all_ok));
	return 0;
}

static const struct varlink_method methods[] = {
	{"Start", VARLINK_ROLE_READ, act_start},   {"Test01", VARLINK_ROLE_READ, act_test01},
	{"Test02", VARLINK_ROLE_READ, act_test02}, {"Test03", VARLINK_ROLE_READ, act_test03},
	{"Test04", VARLINK_ROLE_READ, act_test04}, {"Test05", VARLINK_ROLE_READ, act_test05},
	{"Test06", VARLINK_ROLE_READ, act_test06}, {"Test07", VARLINK_ROLE_READ, act_test07},
	{"Test08", VARLINK_ROLE_READ, act_test08}, {"Test09", VARLINK_ROLE_READ, act_test09},
	{"Test10", VARLINK_ROLE_READ, act_test10}, {"Test11", VARLINK_ROLE_READ, act_test11},
	{"End", VARLINK_ROLE_READ, act_end},
};

static const struct varlink_interface interface = {
	.name = CHAIN_INTERFACE,
	.text = org_varlink_certification,
	.methods = methods,
	.n_methods = ARRAY_LEN(methods),
};

static void on_terminate(int signo, void *userdata)
{
	loop_stop(userdata, 0);
}

static int serve(struct loop *l, struct varlink_server *server, const char *path)
{
	struct loop_signal terminate = {0};
	int fd = fd_unix_listen(path, SOCK_STREAM, 0600);
	int r = fd;

	if (r >= 0)
		r = varlink_server_listen(server, fd);
	if (r == 0)
		r = varlink_server_add(server, &interface);
	if (r == 0)
		r = loop_signal_init(&terminate, l, SIGTERM, on_terminate, l);
	if (r == 0)
		r = loop_run(l);
	loop_signal_done(&terminate);
	return r;
}

int main(int argc, char **argv)
{
	struct certification s = {.clients = LIST_INIT(s.clients)};
	struct varlink_server *server = NULL;
	struct loop *l = NULL;
	int r;

	if (argc != 2) {
		fputs("usage: certification-server SOCKET\n", stderr);
		return 2;
	}
	r = loop_new(&l);
	if (r == 0)
		r = varlink_server_new(l, NULL, &s, &server);
	if (r == 0)
		r = serve(l, server, argv[1]);
	if (r < 0)
		(void)fprintf(stderr, "certification-server: %s\n", strerror(-r));
	varlink_server_free(server);
	loop_free(l);
	list_for_each_safe(it, &s.clients)
		client_free(&s, list_entry(it, struct client, link));
	return r < 0;
}
