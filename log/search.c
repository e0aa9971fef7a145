/* SPDX-License-Identifier: MIT */

/*
 * Looking for a pattern in bounded time and memory.
 *
 * regexec(3) begins anew at each place of a text, so that a line of 64 KiB may take it seconds, and
 * it never forgets a state that it has met, so that a pattern like ".*a.{50}b" fills all memory.
 * Here all ways through the program are followed at once, from all places of the text: one pass.
 *
 * A state is the set of steps at which these ways stand, and what kind of byte was the last. Where
 * a byte leads from a state is found out once and remembered; SEARCH_STATES_MAX states are, and
 * when there are more, all are forgotten but the present one. So a pattern costs one look into a
 * table for a byte, and at the worst one pass over its program.
 */

#include "log/search.h"

#include <string.h>

#include "log/program.h"

/** What may come next: a byte, or the end of the text. */
#define SYMBOL_END 256
#define SYMBOLS 257
#define SLOTS (4 * SEARCH_STATES_MAX)

/** Where a symbol leads: to a state, its number counted from WAY_STATE, or one of these. */
enum {
	WAY_UNKNOWN,
	WAY_FOUND,
	WAY_LOST, /* the text ended before */
	WAY_STATE,
};

/** enum last - what was before */
enum last {
	LAST_NOTHING, /* the beginning of the text */
	LAST_OTHER,
	LAST_WORD,
};

/**
 * struct search
 * @n_words: of a set of steps, as bits
 * @sets:  per state, the steps that come next; @lasts: per state
 * @ways:  per state and symbol
 * @slots: states by what they are; 0: free
 * @seen @next: sets that are at work; @todo: steps that have to be looked at
 */
struct search {
	struct program program;
	size_t n_words;
	size_t n_states;
	uint64_t *sets;
	uint8_t *lasts;
	uint16_t (*ways)[SYMBOLS];
	uint16_t slots[SLOTS];
	uint64_t *seen;
	uint64_t *next;
	uint16_t *todo;
	size_t n_todo;
};

/* --- sets of steps ---------------------------------------------------------------------------- */

static bool steps_have(const uint64_t *set, size_t i)
{
	return set[i / 64] >> i % 64 & 1;
}

static void steps_add(uint64_t *set, size_t i)
{
	set[i / 64] |= UINT64_C(1) << i % 64;
}

static size_t steps_bytes(const struct search *s)
{
	return s->n_words * sizeof(uint64_t);
}

static uint64_t *state_set(struct search *s, size_t i)
{
	return s->sets + i * s->n_words;
}

/* --- states ----------------------------------------------------------------------------------- */

static size_t slot_of(const struct search *s, enum last last)
{
	uint64_t hash = (uint64_t)last;

	for (size_t i = 0; i < s->n_words; i++) {
		hash = (hash ^ s->next[i]) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 29;
	}
	return (size_t)(hash % SLOTS);
}

static void states_forget(struct search *s)
{
	s->n_states = 0;
	(void)memset(s->slots, 0, sizeof(s->slots));
}

/* The state of s->next and @last as a way. */
static uint16_t state_get(struct search *s, enum last last)
{
	size_t slot = slot_of(s, last), i;

	for (; s->slots[slot]; slot = (slot + 1) % SLOTS) {
		i = s->slots[slot] - 1u;
		if (s->lasts[i] == last && memcmp(state_set(s, i), s->next, steps_bytes(s)) == 0)
			return (uint16_t)(WAY_STATE + i);
	}
	if (s->n_states == SEARCH_STATES_MAX) {
		states_forget(s);
		slot = slot_of(s, last);
	}
	i = s->n_states++;
	s->slots[slot] = (uint16_t)(i + 1);
	s->lasts[i] = (uint8_t)last;
	memcpy(state_set(s, i), s->next, steps_bytes(s));
	(void)memset(s->ways[i], 0, sizeof(s->ways[i]));
	return (uint16_t)(WAY_STATE + i);
}

static uint16_t state_first(struct search *s)
{
	(void)memset(s->next, 0, steps_bytes(s));
	steps_add(s->next, 0);
	return state_get(s, LAST_NOTHING);
}

/* --- one symbol ------------------------------------------------------------------------------- */

static bool looks_right(enum step_kind kind, enum last last, unsigned symbol)
{
	bool was_word = last == LAST_WORD;
	bool is_word = symbol != SYMBOL_END && byte_is_word((unsigned char)symbol);

	switch (kind) {
	case STEP_BEGIN:
		return last == LAST_NOTHING;
	case STEP_END:
		return symbol == SYMBOL_END;
	case STEP_EDGE:
		return was_word != is_word;
	case STEP_INNER:
		return was_word == is_word;
	case STEP_WORD:
		return !was_word && is_word;
	case STEP_WORDED:
		return was_word && !is_word;
	case STEP_BYTE:
	case STEP_SET:
	case STEP_JUMP:
	case STEP_SPLIT:
	case STEP_FOUND:
		break;
	}
	return false;
}

static void todo_add(struct search *s, size_t i)
{
	if (steps_have(s->seen, i))
		return;
	steps_add(s->seen, i);
	s->todo[s->n_todo++] = (uint16_t)i;
}

static bool step_takes(const struct search *s, const struct step *step, unsigned symbol)
{
	if (symbol == SYMBOL_END)
		return false;
	return step->kind == STEP_BYTE
		       ? (unsigned)step->a == symbol
		       : byte_set_has(&s->program.sets[step->a], (unsigned char)symbol);
}

/* Return: whether the pattern has been found. */
static bool step_walk(struct search *s, size_t i, enum last last, unsigned symbol)
{
	const struct step *step = &s->program.steps[i];

	switch (step->kind) {
	case STEP_BYTE:
	case STEP_SET:
		if (step_takes(s, step, symbol))
			steps_add(s->next, i + 1);
		break;
	case STEP_SPLIT:
		todo_add(s, i + (size_t)step->b);
		todo_add(s, i + (size_t)step->a);
		break;
	case STEP_JUMP:
		todo_add(s, i + (size_t)step->a);
		break;
	case STEP_FOUND:
		return true;
	case STEP_BEGIN:
	case STEP_END:
	case STEP_EDGE:
	case STEP_INNER:
	case STEP_WORD:
	case STEP_WORDED:
		if (looks_right(step->kind, last, symbol))
			todo_add(s, i + 1);
		break;
	}
	return false;
}

static enum last last_of(const struct search *s, unsigned symbol)
{
	return s->program.looks_at_words && byte_is_word((unsigned char)symbol) ? LAST_WORD
										: LAST_OTHER;
}

/* Find out where a symbol leads; what has been known may be forgotten. */
static uint16_t way_find(struct search *s, size_t i_state, unsigned symbol)
{
	enum last last = (enum last)s->lasts[i_state];
	const uint64_t *set = state_set(s, i_state);

	(void)memset(s->seen, 0, steps_bytes(s));
	(void)memset(s->next, 0, steps_bytes(s));
	for (size_t i = 0; i < s->program.n_steps; i++)
		if (steps_have(set, i))
			todo_add(s, i);
	while (s->n_todo > 0) {
		if (!step_walk(s, s->todo[--s->n_todo], last, symbol))
			continue;
		s->n_todo = 0;
		return WAY_FOUND;
	}
	if (symbol == SYMBOL_END)
		return WAY_LOST;
	steps_add(s->next, 0); /* it may begin behind each byte */
	return state_get(s, last_of(s, symbol));
}

static uint16_t way_learn(struct search *s, uint16_t way, unsigned symbol)
{
	size_t i_state = (size_t)way - WAY_STATE, n_states = s->n_states;
	uint16_t found = way_find(s, i_state, symbol);

	/* Unless the state itself was forgotten. */
	if (s->n_states >= n_states)
		s->ways[i_state][symbol] = found;
	return found;
}

static uint16_t way_go(struct search *s, uint16_t way, unsigned symbol)
{
	uint16_t next = s->ways[way - WAY_STATE][symbol];

	return next != WAY_UNKNOWN ? next : way_learn(s, way, symbol);
}

bool search_finds(struct search *s, const char *text, size_t n_bytes)
{
	uint16_t way = state_first(s);

	for (size_t i = 0; i < n_bytes; i++) {
		way = way_go(s, way, (unsigned char)text[i]);
		if (way == WAY_FOUND)
			return true;
	}
	return way_go(s, way, SYMBOL_END) == WAY_FOUND;
}

/* --- birth and death -------------------------------------------------------------------------- */

int search_new(const char *pattern, struct search **ret_search, const char **ret_reason)
{
	struct search *s = calloc(1, sizeof(*s));
	int r = s ? program_of(pattern, &s->program, ret_reason) : -ENOMEM;

	if (r < 0) {
		free(s);
		return r;
	}
	s->n_words = (s->program.n_steps + 63) / 64;
	s->sets = calloc(SEARCH_STATES_MAX, steps_bytes(s));
	s->lasts = calloc(SEARCH_STATES_MAX, sizeof(*s->lasts));
	s->ways = calloc(SEARCH_STATES_MAX, sizeof(*s->ways));
	s->seen = calloc(1, steps_bytes(s));
	s->next = calloc(1, steps_bytes(s));
	s->todo = calloc(s->program.n_steps, sizeof(*s->todo));
	if (!s->sets || !s->lasts || !s->ways || !s->seen || !s->next || !s->todo) {
		search_free(s);
		return -ENOMEM;
	}
	*ret_search = s;
	return 0;
}

void search_free(struct search *s)
{
	if (!s)
		return;
	program_done(&s->program);
	free(s->sets);
	free(s->lasts);
	free(s->ways);
	free(s->seen);
	free(s->next);
	free(s->todo);
	free(s);
}
