/* SPDX-License-Identifier: MIT */

/*
 * As it is against as it shall be.
 *
 * After anything has changed, every service is looked at and takes the one step that it can take:
 * what shall not run stops once nothing that comes after it holds it up, what shall run starts once
 * what it comes after is ready, what is gone from the config and has stopped is forgotten. No plan
 * is kept, so nothing can be out of step with the truth.
 *
 * Our own daemons stop when nothing of the user's is left: the collector takes the last line of the
 * last service.
 */

#include "supervisor/settle.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "supervisor/apply.h"
#include "supervisor/manager.h"
#include "supervisor/order.h"

static bool wanted(const struct manager *m, const struct service *s)
{
	return s->wanted && !m->stopping;
}

static void refresh_node(struct manager *m, size_t i)
{
	m->order.nodes[i].state = m->services[i]->state;
	m->order.nodes[i].wanted = wanted(m, m->services[i]);
	m->order.nodes[i].renewing = m->services[i]->renewing;
}

static bool users_services_gone(const struct manager *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (!m->services[i]->system && m->services[i]->state != SLOT_STOPPED)
			return false;
	return true;
}

static void refuse(struct manager *m, size_t i)
{
	struct service *s = m->services[i];

	if (s->state == SLOT_STOPPED || s->state == SLOT_STOPPING)
		return;
	if (!order_may_stop(&m->order, i))
		return;
	if (s->system && m->stopping && !users_services_gone(m))
		return;
	service_order(s, SLOT_EVENT_REFUSE);
}

/* Return: whether a keeper was started. */
static bool start(struct manager *m, size_t i)
{
	struct service *s = m->services[i];
	size_t blocker;

	if (s->state == SLOT_STOPPED) {
		s->renewing = false;
		service_order(s, SLOT_EVENT_WANT);
		refresh_node(m, i);
	}
	if (s->state != SLOT_WAITING)
		return false;
	blocker = order_blocker(&m->order, i);
	if (blocker != i) {
		const struct service *dep = m->services[blocker];

		service_say(s, "waits for %s (%s)", dep->process->name,
			    slot_state_public(dep->state));
		return false;
	}
	service_deps_ready(s);
	return true;
}

/* Services that left the config go once nothing of them is there. */
static void forget_removed(struct manager *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_services; i++) {
		struct service *s = m->services[i];

		if (s->removed && s->state == SLOT_STOPPED)
			service_free(s);
		else
			m->services[kept++] = s;
	}
	if (kept < m->n_services)
		manager_take_services(m, m->services, kept);
}

/* Until every keeper that was there before us has said who it is, nobody is started: what belongs
 * to none of them is killed first. One that does not answer must not hold up the others for ever.
 */
static bool still_adopting(struct manager *m)
{
	bool all = true;

	if (!m->adopting_until_usec)
		return false;
	for (size_t i = 0; i < m->n_services; i++)
		all &= !m->services[i]->adopting;
	if (!all && clock_now_usec() < m->adopting_until_usec)
		return true;
	if (!all)
		log_warning("a keeper does not answer: processes without one are not looked for");
	else if (!manager_sweep(m) && clock_now_usec() < m->adopting_until_usec)
		return true;
	m->adopting_until_usec = 0;
	apply_catch_up(m);
	manager_greeted(m);
	return false;
}

bool settle(struct manager *m)
{
	unsigned n_started = 0;

	if (still_adopting(m))
		return false;
	forget_removed(m);
	if (manager_relate(m) < 0) {
		log_error("out of memory: without an order nothing is started or stopped");
		ignore_result(loop_timer_set(&m->settle_timer, clock_now_usec() + USEC_PER_SEC));
		return false;
	}
	for (size_t i = 0; i < m->n_services; i++)
		refresh_node(m, i);
	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = m->services[i];

		if (wanted(m, s) && (!s->renewing || s->state == SLOT_STOPPED)) {
			if (n_started == SETTLE_STARTS_MAX)
				return true;
			n_started += start(m, i);
		} else {
			refuse(m, i);
		}
		refresh_node(m, i);
	}
	return false;
}
