/* SPDX-License-Identifier: MIT */

/*
 * References between the parts of a config.
 *
 * The search for a circle in `after` goes depth first with a stack in an array and three colours; a
 * name that is met while it is on the stack closes a circle, and the stack from there on is what
 * the message shows: shop -> db -> shop.
 */

#include <string.h>

#include "lib/json.h"
#include "lib/text.h"
#include "config/check.h"
#include "config/model.h"
#include "config/parse.h"

#define CANDIDATES_MAX 4096

static void push_process(struct parse *p, const struct config_process *c, const char *key)
{
	place_push_key(&p->place, "processes");
	place_push_key(&p->place, c->name);
	place_push_key(&p->place, key);
}

static void pop_process(struct parse *p)
{
	p->place.n_parts -= 3;
}

static const char *nearest_process(const struct config *c, const char *name)
{
	const char *names[CANDIDATES_MAX];
	size_t n = MIN_OF(c->n_processes, CANDIDATES_MAX);

	for (size_t i = 0; i < n; i++)
		names[i] = c->processes[i].name;
	return text_nearest(name, names, n);
}

static int fail_no_process(const struct parse *p, const char *name)
{
	const char *near = nearest_process(p->config, name);

	if (near)
		return parse_fail(p, "no process '%s', did you mean '%s'?", name, near);
	return parse_fail(p, "no process '%s'", name);
}

static int check_after_one(struct parse *p, const struct config_process *c, size_t i)
{
	const char *name = c->after[i];

	if (!strcmp(name, c->name))
		return parse_fail(p, "'%s' cannot wait for itself", name);
	for (size_t k = 0; k < i; k++) {
		if (!strcmp(c->after[k], name))
			return parse_fail(p, "'%s' is there twice", name);
	}
	return config_find(p->config, name) ? 0 : fail_no_process(p, name);
}

static int check_after(struct parse *p, const struct config_process *c)
{
	push_process(p, c, "after");
	for (size_t i = 0; c->after && c->after[i]; i++) {
		int r;

		place_push_index(&p->place, i);
		r = check_after_one(p, c, i);
		if (r < 0)
			return r;
		place_pop(&p->place);
	}
	pop_process(p);
	return 0;
}

enum colour {
	COLOUR_WHITE,
	COLOUR_ON_STACK,
	COLOUR_DONE,
};

/** struct step - a process on the stack and the entry of its `after` that comes next */
struct step {
	size_t process;
	size_t next;
};

/** struct search - a depth-first search over `after` */
struct search {
	struct parse *p;
	unsigned char *colours;
	struct step *stack;
	size_t n_stack;
};

static int fail_circle(struct search *s, size_t first)
{
	const struct config *c = s->p->config;
	cleanup_text struct text way = {0};
	size_t i = 0;

	while (s->stack[i].process != first)
		i++;
	for (; i < s->n_stack; i++)
		text_addf(&way, "%s -> ", c->processes[s->stack[i].process].name);
	push_process(s->p, &c->processes[first], "after");
	return parse_fail(s->p, "processes wait for each other in a circle: %s%s",
			  way.data ? way.data : "", c->processes[first].name);
}

static void search_push(struct search *s, size_t process)
{
	s->colours[process] = COLOUR_ON_STACK;
	s->stack[s->n_stack++] = (struct step){.process = process};
}

static int search_from(struct search *s, size_t process)
{
	const struct config *c = s->p->config;

	search_push(s, process);
	while (s->n_stack > 0) {
		struct step *top = &s->stack[s->n_stack - 1];
		char *const *after = c->processes[top->process].after;
		size_t next;

		if (!after || !after[top->next]) {
			s->colours[top->process] = COLOUR_DONE;
			s->n_stack--;
			continue;
		}
		next = (size_t)(config_find(c, after[top->next++]) - c->processes);
		if (s->colours[next] == COLOUR_ON_STACK)
			return fail_circle(s, next);
		if (s->colours[next] == COLOUR_WHITE)
			search_push(s, next);
	}
	return 0;
}

static int check_circles(struct parse *p)
{
	size_t n = p->config->n_processes;
	cleanup_free unsigned char *colours = calloc(n + 1, sizeof(*colours));
	cleanup_free struct step *stack = calloc(n + 1, sizeof(*stack));
	struct search s = {.p = p, .colours = colours, .stack = stack};

	if (!colours || !stack)
		return parse_fail_memory(p);
	for (size_t i = 0; i < n; i++) {
		int r = colours[i] == COLOUR_WHITE ? search_from(&s, i) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_slice(struct parse *p, const struct config_process *c)
{
	const struct config *config = p->config;

	if (!c->slice)
		return 0;
	for (size_t i = 0; i < config->n_slices; i++) {
		if (!strcmp(config->slices[i].name, c->slice))
			return 0;
	}
	push_process(p, c, "slice");
	return parse_fail(p, "no slice '%s': add it to 'slices'", c->slice);
}

/** struct claim - a port or socket, and who has it */
struct claim {
	const struct config_process *process;
	const char *key;
	size_t index;
	unsigned port;
	const char *address;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int by_address = strcmp(x->address ? x->address : "", y->address ? y->address : "");

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (by_address != 0)
		return by_address;
	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static size_t collect_claims(const struct config_process *c, struct claim *claims)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_ports; i++) {
		if (c->ports[i] != 0)
			claims[n++] = (struct claim){c, "ports", i, c->ports[i], NULL};
	}
	for (size_t i = 0; i < c->n_listen; i++)
		claims[n++] = (struct claim){c, "listen", i, 0, c->listen[i].address};
	return n;
}

static int fail_overlap(struct parse *p, const struct claim *first, const struct claim *second)
{
	push_process(p, second->process, second->key);
	place_push_index(&p->place, second->index);
	if (second->address)
		return parse_fail(p, "'%s' is bound by '%s' already", second->address,
				  first->process->name);
	return parse_fail(p, "port %u belongs to '%s' already", second->port, first->process->name);
}

static int check_overlaps(struct parse *p)
{
	const struct config *c = p->config;
	cleanup_free struct claim *claims = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->n_processes; i++)
		n += c->processes[i].n_ports + c->processes[i].n_listen;
	claims = calloc(n + 1, sizeof(*claims));
	if (!claims)
		return parse_fail_memory(p);
	n = 0;
	for (size_t i = 0; i < c->n_processes; i++)
		n += collect_claims(&c->processes[i], &claims[n]);
	qsort(claims, n, sizeof(*claims), compare_claims);
	for (size_t i = 1; i < n; i++) {
		if (claims[i].port == claims[i - 1].port &&
		    text_equal(claims[i].address, claims[i - 1].address))
			return fail_overlap(p, &claims[i - 1], &claims[i]);
	}
	return 0;
}

static int check_hook_services(struct parse *p, const char *name, const json_t *hook)
{
	size_t i;
	json_t *service;

	json_array_foreach(json_object_get(hook, "services"), i, service) {
		if (config_find(p->config, json_string_value(service)))
			continue;
		place_push_key(&p->place, "webhooks");
		place_push_key(&p->place, name);
		place_push_key(&p->place, "services");
		place_push_index(&p->place, i);
		return fail_no_process(p, json_string_value(service));
	}
	return 0;
}

int check_references(struct parse *p)
{
	const struct config *c = p->config;
	const char *name;
	json_t *hook;
	int r;

	for (size_t i = 0; i < c->n_processes; i++) {
		r = check_after(p, &c->processes[i]);
		if (r == 0)
			r = check_slice(p, &c->processes[i]);
		if (r < 0)
			return r;
	}
	json_object_foreach(c->hooks, name, hook) {
		r = check_hook_services(p, name, hook);
		if (r < 0)
			return r;
	}
	r = check_circles(p);
	return r < 0 ? r : check_overlaps(p);
}
