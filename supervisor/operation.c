/* SPDX-License-Identifier: MIT */

/*
 * An order that waits for its end.
 *
 * `start` means "is it ready now?", not "was it asked to": an operation gives the order to each of
 * its services, then watches the manager until each has come to an end that answers the question:
 * ready, stopped, or failed with a reason. A crash of a life that began after the order is such an
 * end: the keeper goes on trying, but the person who typed the command learns at once.
 *
 * All of them are looked at whenever the manager has settled, and what is new about them goes out
 * in one message: with hundreds of services a message for each step costs more than the steps. The
 * first message has all of them: who outlives us knows what to ask our successor for.
 *
 * The caller may hang up; the order stands all the same.
 */

#include "supervisor/operation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/varlink/server.h"
#include "supervisor/desired.h"
#include "supervisor/keeper/exit-frame.h"
#include "supervisor/manager.h"

#define TEXT_MAX ERROR_TEXT_MAX

/**
 * struct item - one service of an operation
 * @at:           its place among the manager's services when it was last looked up
 * @life_before:  lives up to this one are not the order's doing
 * @ended_before: the newest life that had ended before
 * @is_news:      to be reported
 * @sent:         the state that was last reported
 */
struct item {
	char *name;
	size_t at;
	uint64_t life_before;
	uint64_t ended_before;
	bool done;
	bool ok;
	bool is_news;
	enum slot_state sent;
	char text[TEXT_MAX];
};

struct operation {
	struct manager *manager;
	struct manager_watcher watcher;
	enum operation_kind kind;
	struct varlink_call *call;
	struct item *items;
	size_t n_items;
	size_t n_done;
	size_t n_news;
};

static void operation_free(struct operation *o)
{
	if (!o)
		return;
	manager_unwatch(&o->watcher);
	for (size_t i = 0; i < o->n_items; i++)
		free(o->items[i].name);
	free(o->items);
	free(o);
}

/* Services come and go, seldom; so a place is right as a rule, and its name tells. */
static struct service *service_of(struct operation *o, struct item *item)
{
	const struct manager *m = o->manager;

	if (item->at >= m->n_services ||
	    !text_equal(m->services[item->at]->process->name, item->name))
		item->at = manager_index(m, item->name);
	return item->at < m->n_services ? m->services[item->at] : NULL;
}

/* --- answers ------------------------------------------------------------------------------- */

static json_t *progress_json(struct operation *o, struct item *item)
{
	const struct service *s = service_of(o, item);

	return json_pack("{s:s, s:s, s:b, s:b, s:o*}", "name", item->name, "state",
			 s ? slot_state_public(s->state) : "stopped", "done", item->done, "ok",
			 item->ok, "text",
			 item->text[0] ? json_text(item->text, strlen(item->text)) : NULL);
}

static void note_step(struct operation *o, struct item *item)
{
	o->n_news += !item->is_news;
	item->is_news = true;
}

/* Of all items, or of those with news, which are none then. */
static json_t *list_progress(struct operation *o, bool of_all)
{
	cleanup_json json_t *list = json_array();

	for (size_t i = 0; list && i < o->n_items; i++) {
		struct item *item = &o->items[i];

		if (!of_all && !item->is_news)
			continue;
		item->is_news = false;
		if (json_array_append_new(list, progress_json(o, item)) < 0)
			return NULL;
	}
	o->n_news = 0;
	return steal_ptr(list);
}

static void report_news(struct operation *o)
{
	json_t *news;

	if (o->n_news == 0 || o->n_done == o->n_items || !varlink_call_wants_more(o->call))
		return;
	news = list_progress(o, false);
	if (news)
		ignore_result(varlink_call_continue(o->call, json_pack("{s:o}", "progress", news)));
}

static void finish_if_done(struct operation *o)
{
	json_t *progress;

	if (o->n_done < o->n_items)
		return;
	progress = list_progress(o, true);
	if (progress)
		varlink_call_reply(o->call, json_pack("{s:o}", "progress", progress));
	else
		varlink_call_fail(o->call, &(struct error){.code = -ENOMEM});
	operation_free(o);
}

static void end_item(struct operation *o, struct item *item, bool ok, const char *text)
{
	if (item->done)
		return;
	item->done = true;
	item->ok = ok;
	snprintf(item->text, sizeof(item->text), "%s", text);
	o->n_done++;
	note_step(o, item);
}

/* --- ends ---------------------------------------------------------------------------------- */

static json_t *last_exit(const struct service *s)
{
	return s->last_exit ? json_loads(s->last_exit, 0, NULL) : NULL;
}

static void end_failed(struct operation *o, struct item *item, const struct service *s)
{
	cleanup_json json_t *exit = last_exit(s);
	const char *summary = json_get_string(exit, "summary");

	end_item(o, item, false, summary ? summary : s->note);
}

/* The main process and what had to be killed after it. */
static void describe_end(const struct service *s, char *text, size_t size)
{
	cleanup_json json_t *exit = last_exit(s);
	uint64_t n = 1 + json_get_uint(exit, "killed", 0);

	snprintf(text, size, "%" PRIu64 " process%s, %" PRIu64 " left", n, n == 1 ? "" : "es",
		 json_get_uint(exit, "left", 0));
}

static void check_stopped(struct operation *o, struct item *item, const struct service *s)
{
	char text[96] = "";

	if (s && s->wanted && o->kind == OPERATION_STOP)
		end_item(o, item, false, "it was started meanwhile");
	if (s && s->state != SLOT_STOPPED)
		return;
	/* What had ended before had no process any more. */
	if (s && s->ended_life > item->ended_before)
		describe_end(s, text, sizeof(text));
	end_item(o, item, true, text);
}

/* What it waits for will not become ready by itself. */
static bool hopeless(const struct service *blocker)
{
	return !blocker->wanted || blocker->state == SLOT_FAILED || blocker->state == SLOT_LOST ||
	       blocker->state == SLOT_BACKOFF;
}

static void check_waiting(struct operation *o, struct item *item, const struct service *s)
{
	const struct service *blocker = manager_blocker(o->manager, s);
	char text[160];

	while (blocker && blocker->wanted && blocker->state == SLOT_WAITING)
		blocker = manager_blocker(o->manager, blocker);
	if (!blocker || !hopeless(blocker))
		return;
	snprintf(text, sizeof(text), "waits for \"%s\", which is %s", blocker->process->name,
		 blocker->wanted ? slot_state_public(blocker->state) : "stopped: start it first");
	end_item(o, item, false, text);
}

/* A restart that has come to nothing: the old life goes on, and nothing will end it any more. */
static const char *why_not_anew(const struct service *s)
{
	return s->note[0] ? s->note : "another order came in between";
}

static void check_started(struct operation *o, struct item *item, const struct service *s)
{
	bool new_life = o->kind == OPERATION_START || (s && s->life > item->life_before);

	if (!s) {
		end_item(o, item, false, "it was removed from the config");
		return;
	}
	if (!s->wanted || o->manager->stopping)
		end_item(o, item, false, "it was stopped meanwhile");
	else if (slot_is_ready(s->state) && !s->renewing)
		end_item(o, item, new_life, new_life ? "" : why_not_anew(s));
	else if (s->state == SLOT_FAILED && new_life)
		end_failed(o, item, s);
	else if (s->state == SLOT_LOST && s->note[0])
		end_item(o, item, false, s->note);
	else if (s->state == SLOT_WAITING && !s->renewing)
		check_waiting(o, item, s);
}

static void check_item(struct operation *o, struct item *item)
{
	const struct service *s;

	if (item->done)
		return;
	s = service_of(o, item);
	if (o->kind == OPERATION_STOP || o->kind == OPERATION_SHUTDOWN)
		check_stopped(o, item, s);
	else
		check_started(o, item, s);
	if (s && !item->done && s->state != item->sent)
		note_step(o, item);
	if (s)
		item->sent = s->state;
}

static struct item *item_of(struct operation *o, const struct service *s)
{
	for (size_t i = 0; i < o->n_items; i++)
		if (text_equal(o->items[i].name, s->process->name))
			return &o->items[i];
	return NULL;
}

static bool ends_a_start(const struct service *s, const struct keeper_exit *report)
{
	bool asked =
		report->cause == KEEPER_CAUSE_STOP || report->cause == KEEPER_CAUSE_STOP_TIMEOUT;
	bool well = report->cause == KEEPER_CAUSE_EXIT && report->wait_status == 0;

	return !asked && !(well && s->process->type == CONFIG_TYPE_ONESHOT);
}

static void on_exited(struct service *s, const struct keeper_exit *report, void *userdata)
{
	struct operation *o = userdata;
	bool starts = o->kind == OPERATION_START || o->kind == OPERATION_RESTART;
	struct item *item = starts && ends_a_start(s, report) ? item_of(o, s) : NULL;

	if (item && report->life > item->life_before)
		end_failed(o, item, s);
}

static void on_settled(void *userdata)
{
	struct operation *o = userdata;

	for (size_t i = 0; i < o->n_items; i++)
		check_item(o, &o->items[i]);
	report_news(o);
	finish_if_done(o);
}

static void on_gone(void *userdata)
{
	struct operation *o = userdata;

	operation_free(o);
}

/* --- the beginning ------------------------------------------------------------------------- */

static int add_item(struct operation *o, size_t at)
{
	const struct service *s = o->manager->services[at];
	struct item *item = &o->items[o->n_items];

	item->name = strdup(s->process->name);
	if (!item->name)
		return -ENOMEM;
	item->at = at;
	item->life_before = s->life;
	item->ended_before = s->ended_life;
	item->sent = s->state;
	o->n_items++;
	note_step(o, item);
	return 0;
}

static int add_items(struct operation *o, const json_t *names, struct error *err)
{
	size_t n = json_array_size(names);
	size_t room = MAX_OF(n, o->manager->n_services);
	int code = 0;

	o->items = calloc(room + 1, sizeof(*o->items));
	if (!o->items)
		return error_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; n == 0 && code == 0 && i < o->manager->n_services; i++)
		if (!o->manager->services[i]->system)
			code = add_item(o, i);
	for (size_t i = 0; code == 0 && i < n; i++) {
		const char *name = json_string_value(json_array_get(names, i));
		size_t at = manager_index(o->manager, name ? name : "");

		if (at == o->manager->n_services)
			return error_set(err, -ENOENT, "no service \"%s\"", name ? name : "");
		if (!item_of(o, o->manager->services[at]))
			code = add_item(o, at);
	}
	return code < 0 ? error_set(err, code, "out of memory") : 0;
}

/* Whether a service comes after, or before, another one of the same order. */
static bool is_related(struct operation *o, const struct item *item)
{
	const struct manager *m = o->manager;
	const struct order_node *node = &m->order.nodes[item->at];

	for (size_t k = 0; k < node->n_after; k++)
		if (item_of(o, m->services[node->after[k]]))
			return true;
	for (size_t k = 0; k < node->n_users; k++)
		if (item_of(o, m->services[node->users[k]]))
			return true;
	return false;
}

static int restart(struct operation *o, const struct item *item, const char *asker,
		   struct error *err)
{
	struct manager *m = o->manager;

	if (manager_relate(m) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return manager_restart(m, m->services[item->at], is_related(o, item), asker, err);
}

static int give_order(struct operation *o, const struct item *item, const char *asker,
		      struct error *err)
{
	struct service *s = o->manager->services[item->at];

	switch (o->kind) {
	case OPERATION_START:
		return manager_start(o->manager, s, asker, err);
	case OPERATION_STOP:
		return manager_stop(o->manager, s, asker, err);
	case OPERATION_RESTART:
		return restart(o, item, asker, err);
	case OPERATION_SHUTDOWN:
	case OPERATION_KIND_COUNT:
		break;
	}
	return 0;
}

/* Whether the order becomes the will of the operator in any case. One that would end a life is
 * prepared first, and that may fail; a restart is no news to what runs. */
static bool is_certain(const struct operation *o, const struct service *s)
{
	enum slot_event event = o->kind == OPERATION_START ? SLOT_EVENT_WANT : SLOT_EVENT_RENEW;
	enum slot_state then = s->state;
	bool moves;

	if (o->kind == OPERATION_STOP)
		return true;
	if (s->removed || (o->kind == OPERATION_RESTART && s->wanted))
		return false;
	return slot_step(&then, event, &moves) != SLOT_ACTION_RESTART;
}

/* One write for all of them, which waits for the disk. What fails here fails again for each of
 * them, and is told there. */
static void remember(struct operation *o)
{
	cleanup_free const char **names = calloc(o->n_items + 1, sizeof(*names));
	enum desired_state will = o->kind == OPERATION_STOP ? DESIRED_STOP : DESIRED_RUN;
	struct error err = {0};
	size_t n = 0;

	for (size_t i = 0; names && i < o->n_items; i++) {
		const struct service *s = service_of(o, &o->items[i]);

		if (s && is_certain(o, s))
			names[n++] = o->items[i].name;
	}
	if (n > 0)
		ignore_result(desired_set_all(o->manager->desired, names, n, will, &err));
}

static void give_orders(struct operation *o, const char *asker)
{
	if (o->kind != OPERATION_SHUTDOWN)
		remember(o);
	for (size_t i = 0; i < o->n_items; i++) {
		struct error err = {0};

		if (service_of(o, &o->items[i]) && give_order(o, &o->items[i], asker, &err) < 0)
			end_item(o, &o->items[i], false, err.text);
	}
	if (o->kind == OPERATION_SHUTDOWN)
		manager_shutdown(o->manager, asker);
}

int operation_begin(struct manager *m, struct varlink_call *call,
		    const struct operation_order *order, struct error *err)
{
	struct operation *o = calloc(1, sizeof(*o));
	int code;

	if (!o)
		return error_set(err, -ENOMEM, "out of memory");
	o->manager = m;
	o->kind = order->kind;
	o->call = call;
	o->watcher = (struct manager_watcher){
		.exited = on_exited,
		.settled = on_settled,
		.userdata = o,
	};
	list_init(&o->watcher.link);
	code = add_items(o, order->names, err);
	if (code < 0) {
		operation_free(o);
		return code;
	}
	varlink_call_watch(call, on_gone, NULL, o);
	manager_watch(m, &o->watcher);
	give_orders(o, order->asker);
	for (size_t i = 0; !order->wait && i < o->n_items; i++)
		end_item(o, &o->items[i], true, "");
	manager_settle_soon(m);
	return 0;
}
