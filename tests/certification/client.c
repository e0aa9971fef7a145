/* SPDX-License-Identifier: MIT */
/*
 * certification-client SOCKET: certifies the server there with our client.
 *
 * Sends on what the server has answered, as the certification wants it, and checks each answer by
 * itself, since not every server is strict. Exits 0 only if all were right and the server says so.
 */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/error.h"
#include "lib/json.h"
#include "lib/varlink/client.h"
#include "tests/certification/chain.h"

#define DEADLINE_USEC (20 * USEC_PER_SEC)

struct run {
	struct varlink_client *client;
	json_t *client_id;
	json_t *answer; /* to the test before */
	usec_t deadline_usec;
};

static int run_call(struct run *run, const char *name, json_t *parameters, json_t **ret_reply,
		    struct error *err)
{
	char method[64];

	(void)snprintf(method, sizeof(method), CHAIN_INTERFACE ".%s", name);
	return varlink_client_call(run->client, method, parameters, run->deadline_usec, ret_reply,
				   err);
}

/* What the test before has answered, and who we are. */
static json_t *run_parameters(struct run *run)
{
	json_t *parameters = json_copy(run->answer);

	if (json_object_set(parameters, "client_id", run->client_id) == 0)
		return parameters;
	json_decref(parameters);
	return NULL;
}

static int run_check(struct run *run, const struct chain_test *t, json_t *answer, struct error *err)
{
	cleanup_free char *got = json_dumps(answer, JSON_COMPACT);

	printf("%s: %s\n", t->name, got ? got : "nothing");
	json_decref(run->answer);
	run->answer = answer;
	if (chain_matches(t->gives, answer))
		return 0;
	return error_set(err, -EPROTO, "%s should have answered %s", t->name, t->gives);
}

static int run_test(struct run *run, const struct chain_test *t, struct error *err)
{
	json_t *answer;
	int r;

	r = run_call(run, t->name, run_parameters(run), &answer, err);
	return r < 0 ? r : run_check(run, t, answer, err);
}

/* Several answers; what the next test wants is their list. */
static int run_more(struct run *run, const struct chain_test *t, struct error *err)
{
	cleanup_json json_t *list = json_array();
	int r = 1;

	r = varlink_client_begin(run->client, CHAIN_INTERFACE ".Test10", run_parameters(run), err);
	if (r < 0)
		return r;
	for (int i = 1; i <= CHAIN_ANSWERS; i++) {
		cleanup_json json_t *expected = chain_answer(t, i);
		cleanup_json json_t *answer = NULL;

		r = varlink_client_next(run->client, run->deadline_usec, &answer, err);
		if (r < 0)
			return r;
		printf("%s: %s\n", t->name, json_get_string(answer, "string"));
		if (r != (i < CHAIN_ANSWERS) || !json_equal(answer, expected))
			return error_set(err, -EPROTO, "%s: answer %d is wrong", t->name, i);
		if (json_array_append(list, json_object_get(answer, "string")) < 0)
			return error_set(err, -ENOMEM, "out of memory");
	}
	json_decref(run->answer);
	run->answer = json_pack("{s:O}", "last_more_replies", list);
	return 0;
}

static int run_oneway(struct run *run, const struct chain_test *t, struct error *err)
{
	printf("%s: oneway\n", t->name);
	return varlink_client_tell(run->client, CHAIN_INTERFACE ".Test11", run_parameters(run),
				   run->deadline_usec, err);
}

static int run_tests(struct run *run, struct error *err)
{
	static int (*const ways[])(struct run *, const struct chain_test *, struct error *) = {
		[CHAIN_WAY_CALL] = run_test,
		[CHAIN_WAY_MORE] = run_more,
		[CHAIN_WAY_ONEWAY] = run_oneway,
	};
	int r = 0;

	for (size_t i = 0; i < CHAIN_TESTS && r == 0; i++)
		r = ways[chain_tests[i].way](run, &chain_tests[i], err);
	return r;
}

static int run_end(struct run *run, struct error *err)
{
	cleanup_json json_t *end = NULL;
	int r;

	r = run_call(run, "End", json_pack("{s:O}", "client_id", run->client_id), &end, err);
	if (r < 0)
		return r;
	printf("End: %s\n", json_get_bool(end, "all_ok", false) ? "true" : "false");
	if (!json_get_bool(end, "all_ok", false))
		return error_set(err, -EPROTO, "the server is not content");
	return 0;
}

/* A wrong id must be refused with the error of the interface. */
static int run_stranger(struct run *run, struct error *err)
{
	cleanup_json json_t *reply = NULL;
	struct error refused = {0};
	int r;

	r = run_call(run, "Test01", json_pack("{s:s}", "client_id", "nobody"), &reply, &refused);
	if (r == -EREMOTEIO && strcmp(refused.id, CHAIN_INTERFACE ".ClientIdError") == 0)
		return 0;
	return error_set(err, -EPROTO, "a client_id that nobody has was not refused");
}

static int run_all(struct run *run, struct error *err)
{
	cleanup_json json_t *start = NULL;
	int r;

	r = run_call(run, "Start", NULL, &start, err);
	if (r < 0)
		return r;
	run->client_id = json_incref(json_object_get(start, "client_id"));
	run->answer = json_object();
	if (!json_is_string(run->client_id))
		return error_set(err, -EPROTO, "Start gave no client_id");
	r = run_stranger(run, err);
	if (r == 0)
		r = run_tests(run, err);
	return r < 0 ? r : run_end(run, err);
}

int main(int argc, char **argv)
{
	struct run run = {.deadline_usec = clock_now_usec() + DEADLINE_USEC};
	struct error err = {0};
	int r;

	if (argc != 2) {
		fputs("usage: certification-client SOCKET\n", stderr);
		return 2;
	}
	r = varlink_client_connect(argv[1], &run.client, &err);
	if (r == 0)
		r = run_all(&run, &err);
	if (r < 0)
		(void)fprintf(stderr, "certification-client: %s\n", err.text);
	json_decref(run.client_id);
	json_decref(run.answer);
	varlink_client_free(run.client);
	return r < 0;
}
