/* SPDX-License-Identifier: MIT */
#include "supervisor/keeper/request.h"

#include <string.h>

#include "supervisor/keeper/machine.h"
#include "tests/fuzz/fuzz.h"

/*
 * Control frames, one after the other as a peer may send them, each of which an accepted command
 * then meets the machine in whatever state the ones before have left it. Between them a payload
 * that dies at once, so that no command can ask for a second life beside the first.
 *
 * The input is a row of frames, each behind one byte: how many descriptors come with it.
 */

struct life {
	bool is_alive;
	bool is_reported;
};

static const struct machine_rule rule = {
	.backoff = {.immediate = 2, .delay_usec = 1, .max_delay_usec = 2, .healthy_usec = 10},
};

static bool is_terminated(const char *text, size_t cap)
{
	return memchr(text, '\0', cap) != NULL;
}

static void check(const struct keeper_request *request, size_t n_fds)
{
	fuzz_require(is_terminated(request->asker, sizeof(request->asker)));
	for (size_t i = 0; i < KEEPER_FDS_MAX; i++)
		fuzz_require(is_terminated(request->fd_names[i], sizeof(request->fd_names[i])));
	fuzz_require(request->command >= KEEPER_START && request->command < KEEPER_COMMAND_COUNT);
	if (request->command == KEEPER_SET_FDS)
		fuzz_require((size_t)request->arg == n_fds);
	else
		fuzz_require(n_fds == 0);
	if (request->command == KEEPER_FAIL)
		fuzz_require(request->cause < KEEPER_CAUSE_COUNT);
}

static void feed(struct machine *m, struct life *life, struct machine_event e)
{
	unsigned orders = 0;

	if (machine_step(m, &rule, &e, &orders) < 0)
		fuzz_require(orders == 0);
	if (orders & MACHINE_ORDER_REPORT)
		life->is_reported = true;
	if (orders & MACHINE_ORDER_SPAWN) {
		fuzz_require(!life->is_alive);
		fuzz_require(life->is_reported || m->n_restarts == 0);
		*life = (struct life){.is_alive = true};
	}
	fuzz_require(m->state < MACHINE_STATE_COUNT);
}

static void obey(struct machine *m, struct life *life, const struct keeper_request *request)
{
	static const int events[KEEPER_COMMAND_COUNT] = {
		[KEEPER_START] = MACHINE_START, [KEEPER_STOP] = MACHINE_STOP,
		[KEEPER_LEAVE] = MACHINE_LEAVE, [KEEPER_RESTART] = MACHINE_RESTART,
		[KEEPER_FAIL] = MACHINE_FAIL,   [KEEPER_HOLD] = MACHINE_HOLD,
		[KEEPER_SIGNAL] = -1,           [KEEPER_SUBSCRIBE] = -1,
		[KEEPER_RELOAD] = -1,           [KEEPER_GET_FDS] = -1,
		[KEEPER_SET_FDS] = -1,          [KEEPER_READY] = -1,
		[KEEPER_REEXEC] = -1,
	};
	int kind = events[request->command];

	if (kind >= 0)
		feed(m, life,
		     (struct machine_event){.kind = (enum machine_event_kind)kind,
					    .cause = (enum keeper_cause)request->cause,
					    .until_usec = request->until_usec});
	/* What the payload and the clock do meanwhile is decided by a field that is otherwise
	 * unused. */
	if (life->is_alive && request->serial % 2 == 0) {
		life->is_alive = false;
		feed(m, life,
		     (struct machine_event){.kind = MACHINE_GONE, .cause = KEEPER_CAUSE_EXIT});
	}
	if (m->state == MACHINE_SWEEPING && !life->is_alive && request->serial % 3 == 0)
		feed(m, life, (struct machine_event){.kind = MACHINE_SWEPT});
	if (m->deadline_usec != USEC_INFINITY && request->serial % 5 == 0)
		feed(m, life,
		     (struct machine_event){.kind = MACHINE_DEADLINE,
					    .now_usec = m->deadline_usec});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m = {.deadline_usec = USEC_INFINITY};
	struct life life = {0};

	while (size > 0) {
		size_t n_fds = data[0], len = MIN_OF(size - 1, sizeof(struct keeper_request));
		struct keeper_request request = {0};

		memcpy(&request, data + 1, len);
		if (request_check(&request, len, n_fds) == 0) {
			check(&request, n_fds);
			obey(&m, &life, &request);
		}
		data += 1 + len;
		size -= 1 + len;
	}
	return 0;
}
