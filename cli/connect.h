/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

struct cli;
struct error;
struct varlink_client;

/** How long a verb waits for a supervisor that is coming back. */
#define CONNECT_BACK_USEC (5 * USEC_PER_SEC)
/** How long it waits for an answer that needs no waiting. */
#define CONNECT_ANSWER_USEC (10 * USEC_PER_SEC)

/**
 * struct supervisor - a connection that survives the supervisor's death
 * @cli:    borrowed
 * @client: NULL while there is none
 */
struct supervisor {
	const struct cli *cli;
	struct varlink_client *client;
};

#define cleanup_supervisor cleanup(supervisor_close)
#define cleanup_client cleanup(connect_close)

/** connect_close() - free a client and forget it; NULL is allowed */
void connect_close(struct varlink_client **client);

/**
 * supervisor_open() - connect, waiting while a supervisor is coming back
 *
 * Return: 0; -ENOENT or -ECONNREFUSED at once when nothing runs here, with a text that says how to
 * start; -ETIMEDOUT when it does not come back; another negative errno with a text.
 */
must_check int supervisor_open(const struct cli *cli, struct supervisor *ret_supervisor,
			       struct error *err);

/**
 * supervisor_try() - connect without waiting; the text says why not
 */
must_check int supervisor_try(const struct cli *cli, struct supervisor *ret_supervisor,
			      struct error *err);

/** supervisor_reopen() - connect again after the connection broke; Return: as supervisor_open() */
must_check int supervisor_reopen(struct supervisor *s, struct error *err);

/** supervisor_close() - hang up */
void supervisor_close(struct supervisor *s);

/**
 * supervisor_ask() - call something that may be called twice; a supervisor that dies meanwhile is
 * asked again when it is back
 * @parameters: reference taken over, NULL for none
 *
 * Return: as varlink_client_call().
 */
must_check int supervisor_ask(struct supervisor *s, const char *method, json_t *parameters,
			      json_t **ret_reply, struct error *err);

/** supervisor_broke() - whether an error means that the connection, not the call, has failed */
bool supervisor_broke(int code);

/**
 * connect_wait() - wait until a Unix socket below the run folder takes connections
 * @name:          "supervisor.sock"
 * @deadline_usec: monotonic
 * @wake_fd:       something else to listen to, or -1
 * @ret_client:    the connection
 *
 * Return: as varlink_client_connect(), -ETIMEDOUT, -EINTR when @wake_fd is readable.
 */
must_check int connect_wait(const struct cli *cli, const char *name, usec_t deadline_usec,
			    int wake_fd, struct varlink_client **ret_client, struct error *err);

/** connect_once() - the same without waiting */
must_check int connect_once(const struct cli *cli, const char *name,
			    struct varlink_client **ret_client, struct error *err);

/**
 * connect_back() - the same, waiting only while the supervisor's keeper is alive, because only then
 * somebody will be back
 * @wait_usec: at most that long
 *
 * Return: as connect_wait(); -ENOENT or -ECONNREFUSED at once when nothing runs here, with a text
 * that says how to start.
 */
must_check int connect_back(const struct cli *cli, const char *name, usec_t wait_usec,
			    struct varlink_client **ret_client, struct error *err);
