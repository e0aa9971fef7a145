/* SPDX-License-Identifier: MIT */

/*
 * A pattern as a program: Thompson's construction, without a tree.
 *
 * Steps name other steps by their distance, so what stands for a part of the pattern can be moved
 * and copied as it is: "x*" puts a step in front of those of x and one behind them, "x{3}" writes
 * them three times. Groups that are open are held in a stack of PATTERN_DEPTH_MAX.
 *
 * The readings of regcomp(3) are followed: all bytes are characters, a ")" that nothing opened is
 * one too, and "\w", "\<" and their like mean what they mean to grep(1). It is not asked itself: it
 * takes hours for ":^(){502,}". A back-reference is no part of POSIX, cannot be translated, and
 * takes regexec(3) exponential time.
 *
 * Why no library: one reader answers everybody, lines are up to 64 KiB of whatever a service
 * prints, and each of them has to be answered, soon and in little memory. What Debian 12 has was
 * measured on one such line. log/search.c takes 0.2 ms and 2 MB for any pattern named here; the
 * worst that was found for it, ".*a(.|b){500}(c|d)" on as and bs, is 0.8 s.
 * - PCRE2 10.42 goes back and tries again. On plain words "(\w+ )+[0-9]" takes it 3.7 s compiled
 *   to machine code, 15.7 s interpreted, and no limit of its own ends that. For
 *   "user.*order.*(failed|refused)" it gives up at the default limit: an error and no answer; with
 *   a higher one it takes 0.6 s, or minutes. Its other way, pcre2_dfa_match(), runs out of room
 *   for "[a-z]+[0-9]" after 0.4 s. On lines of 90 bytes it is two to ten times as fast as this.
 * - TRE 0.8.0, of 2009, never ends to compile "\\)w*22b", does not find "^$|" in "a", and takes
 *   36 s for "(a?b?){200}c".
 * - Vectorscan 5.4.9 does well, but is 9 MB of C++, takes up to 13 MB for a pattern, and needs a
 *   processor with SSE 4.2. RE2 has no interface for C.
 */

#include "log/program.h"

#include <ctype.h>
#include <string.h>

#include "log/pattern.h"

#define SETS_MAX PATTERN_BYTES_MAX
#define CLASS_NAME_MAX 8

/**
 * struct group - a group that is open, or the whole pattern
 * @begin:  its first step
 * @branch: first step of the alternative that is being read
 * @atom:   first step of what a repetition would repeat
 * @jump:   at the end of the alternative before; its @a is the one before that; -1: there is none
 * @has_atom: there is something to repeat
 */
struct group {
	size_t begin;
	size_t branch;
	size_t atom;
	int jump;
	bool has_atom;
};

/**
 * struct translation - what is there so far
 * @at:   what is read next
 * @code: what went wrong first, and why
 */
struct translation {
	struct program program;
	struct group groups[PATTERN_DEPTH_MAX];
	size_t depth;
	const char *at;
	int code;
	const char *reason;
};

void program_done(struct program *p)
{
	free(p->steps);
	free(p->sets);
	*p = (struct program){0};
}

/* --- sets of bytes ---------------------------------------------------------------------------- */

bool byte_set_has(const struct byte_set *s, unsigned char byte)
{
	return s->bits[byte / 64] >> byte % 64 & 1;
}

bool byte_is_word(unsigned char byte)
{
	return byte < 0x80 && (isalnum(byte) || byte == '_');
}

static void set_add(struct byte_set *s, unsigned char byte)
{
	s->bits[byte / 64] |= UINT64_C(1) << byte % 64;
}

static void set_invert(struct byte_set *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->bits); i++)
		s->bits[i] = ~s->bits[i];
}

static bool set_add_class(struct byte_set *s, const char *name)
{
	static const struct {
		const char *name;
		int (*is_in)(int c);
	} classes[] = {
		{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
		{"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
		{"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit},
	};

	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		if (strcmp(classes[i].name, name) != 0)
			continue;
		for (int c = 0; c < 0x80; c++)
			if (classes[i].is_in(c))
				set_add(s, (unsigned char)c);
		return true;
	}
	return false;
}

/* --- steps ------------------------------------------------------------------------------------ */

static void fail(struct translation *t, int code, const char *reason)
{
	if (t->code < 0)
		return;
	t->code = code;
	t->reason = reason;
}

static void fail_size(struct translation *t)
{
	fail(t, -EINVAL, "it repeats too much");
}

static size_t here(const struct translation *t)
{
	return t->program.n_steps;
}

/* Room for so many more steps at @at, in front of those that are there. */
static struct step *make_room(struct translation *t, size_t at, size_t n)
{
	struct program *p = &t->program;

	if (p->n_steps + n > PROGRAM_STEPS_MAX)
		fail_size(t);
	if (t->code < 0)
		return NULL;
	memmove(&p->steps[at + n], &p->steps[at], (p->n_steps - at) * sizeof(*p->steps));
	p->n_steps += n;
	return &p->steps[at];
}

static void insert(struct translation *t, size_t at, struct step step)
{
	struct step *room = make_room(t, at, 1);

	if (room)
		*room = step;
}

static void append(struct translation *t, enum step_kind kind, int a, int b)
{
	insert(t, here(t), (struct step){kind, a, b});
}

static struct group *top_group(struct translation *t)
{
	return &t->groups[t->depth];
}

static void append_atom(struct translation *t, enum step_kind kind, int a)
{
	top_group(t)->atom = here(t);
	top_group(t)->has_atom = true;
	append(t, kind, a, 0);
}

static void append_set(struct translation *t, const struct byte_set *set)
{
	struct program *p = &t->program;

	if (p->n_sets == SETS_MAX) {
		fail_size(t);
		return;
	}
	p->sets[p->n_sets] = *set;
	append_atom(t, STEP_SET, (int)p->n_sets++);
}

/* --- repetitions ------------------------------------------------------------------------------ */

static void repeat_any(struct translation *t, size_t atom)
{
	int n = (int)(here(t) - atom);

	insert(t, atom, (struct step){STEP_SPLIT, 1, n + 2});
	append(t, STEP_JUMP, -(n + 1), 0);
}

static void repeat_some(struct translation *t, size_t atom)
{
	append(t, STEP_SPLIT, -(int)(here(t) - atom), 1);
}

static void repeat_optional(struct translation *t, size_t atom)
{
	insert(t, atom, (struct step){STEP_SPLIT, 1, (int)(here(t) - atom) + 1});
}

/* The @n steps from @from on once more. Return: where the copy begins. */
static size_t copy_steps(struct translation *t, size_t from, size_t n)
{
	size_t to = here(t);
	struct step *room = make_room(t, to, n);

	if (room)
		memcpy(room, &t->program.steps[from], n * sizeof(*room));
	return to;
}

/* @high: -1: there is no end. */
static void repeat_times(struct translation *t, size_t atom, long low, long high)
{
	size_t n = here(t) - atom, last = atom, copy;

	if (high == 0) {
		t->program.n_steps = atom;
		return;
	}
	if (low == 0 && high < 0) {
		repeat_any(t, atom);
		return;
	}
	for (long i = 1; i < low && t->code == 0; i++)
		last = copy_steps(t, atom, n);
	if (high < 0)
		repeat_some(t, last);
	for (long i = MAX_OF(low, 1L); i < high && t->code == 0; i++) {
		copy = copy_steps(t, atom, n);
		repeat_optional(t, copy);
	}
	if (low == 0)
		repeat_optional(t, atom);
}

/* Behind "{": "m}", "m,}", ",n}" or "m,n}". */
static void read_braces(struct translation *t, size_t atom)
{
	char *end;
	long low = strtol(t->at, &end, 10), high = low;

	if (*end == ',') {
		const char *second = end + 1;

		high = *second == '}' ? -1 : strtol(second, &end, 10);
		end += *second == '}';
	}
	if (*end != '}' || low < 0 || low > PATTERN_COST_MAX || high > PATTERN_COST_MAX ||
	    (high >= 0 && high < low))
		fail(t, -EINVAL, "what follows a { is no repetition");
	t->at = end + (*end == '}');
	if (t->code == 0)
		repeat_times(t, atom, low, high);
}

static void read_repetition(struct translation *t, char c)
{
	size_t atom = top_group(t)->atom;

	if (!top_group(t)->has_atom)
		fail(t, -EINVAL, "there is nothing to repeat");
	else if (c == '*')
		repeat_any(t, atom);
	else if (c == '+')
		repeat_some(t, atom);
	else if (c == '?')
		repeat_optional(t, atom);
	else
		read_braces(t, atom);
}

/* --- groups and alternatives ------------------------------------------------------------------ */

static void open_group(struct translation *t)
{
	top_group(t)->atom = here(t);
	top_group(t)->has_atom = true;
	if (t->depth + 1 == PATTERN_DEPTH_MAX) {
		fail_size(t);
		return;
	}
	t->depth++;
	*top_group(t) = (struct group){here(t), here(t), here(t), -1, false};
}

static void next_branch(struct translation *t)
{
	struct group *g = top_group(t);
	int n = (int)(here(t) - g->branch);

	insert(t, g->branch, (struct step){STEP_SPLIT, 1, n + 2});
	append(t, STEP_JUMP, g->jump, 0);
	g->jump = (int)here(t) - 1;
	g->branch = g->atom = here(t);
	g->has_atom = false;
}

/* All alternatives go on behind the last one. */
static void end_branches(struct translation *t)
{
	struct step *steps = t->program.steps;
	int jump = t->code == 0 ? top_group(t)->jump : -1;

	while (jump >= 0) {
		int before = steps[jump].a;

		steps[jump].a = (int)here(t) - jump;
		jump = before;
	}
}

static void close_group(struct translation *t)
{
	if (t->depth == 0) {
		append_atom(t, STEP_BYTE, ')');
		return;
	}
	end_branches(t);
	t->depth--;
}

/* --- brackets --------------------------------------------------------------------------------- */

/* The name in "[:name:]" and the like; t->at stands at the ":". */
static bool read_symbol(struct translation *t, char name[static CLASS_NAME_MAX])
{
	const char closing[] = {*t->at, ']', '\0'};
	const char *begin = t->at + 1, *end = strstr(begin, closing);
	size_t n = end ? (size_t)(end - begin) : 0;

	/* The name of "[.].]" and "[=]=]" is a bracket itself. */
	if (n == 0 || n >= CLASS_NAME_MAX)
		return false;
	memcpy(name, begin, n);
	name[n] = '\0';
	t->at = end + 2;
	return true;
}

/* One end of a range, or all there is of none. */
static unsigned char read_element(struct translation *t)
{
	char name[CLASS_NAME_MAX];

	if (t->at[0] != '[' || (t->at[1] != '.' && t->at[1] != '='))
		return (unsigned char)*t->at++;
	t->at++;
	if (!read_symbol(t, name) || name[1] != '\0') {
		fail(t, -EINVAL, "there is no character of that name");
		return 0;
	}
	return (unsigned char)name[0];
}

static void read_range(struct translation *t, struct byte_set *set)
{
	unsigned first = read_element(t), last = first;

	if (t->code == 0 && t->at[0] == '-' && t->at[1] != '\0' && t->at[1] != ']') {
		t->at++;
		last = read_element(t);
		if (last < first)
			fail(t, -EINVAL, "a range ends before it begins");
	}
	for (unsigned c = first; c <= last; c++)
		set_add(set, (unsigned char)c);
}

/* Behind "[". */
static void read_bracket(struct translation *t)
{
	struct byte_set set = {0};
	bool is_inverted = *t->at == '^', is_first = true;

	t->at += is_inverted;
	for (; t->code == 0 && (is_first || *t->at != ']'); is_first = false) {
		char name[CLASS_NAME_MAX];

		if (*t->at == '\0') {
			fail(t, -EINVAL, "a [ is not closed");
		} else if (t->at[0] == '[' && t->at[1] == ':') {
			t->at++;
			if (!read_symbol(t, name) || !set_add_class(&set, name))
				fail(t, -EINVAL, "there is no class of that name");
		} else {
			read_range(t, &set);
		}
	}
	if (t->code < 0)
		return;
	t->at++;
	if (is_inverted)
		set_invert(&set);
	append_set(t, &set);
}

/* --- characters ------------------------------------------------------------------------------- */

static void append_class(struct translation *t, const char *name, char more, bool is_inverted)
{
	struct byte_set set = {0};

	(void)set_add_class(&set, name);
	if (more)
		set_add(&set, (unsigned char)more);
	if (is_inverted)
		set_invert(&set);
	append_set(t, &set);
}

static void append_look(struct translation *t, enum step_kind kind)
{
	append_atom(t, kind, 0);
	top_group(t)->has_atom = false;
	t->program.looks_at_words |= kind != STEP_BEGIN && kind != STEP_END;
}

/* Behind a backslash. */
static void read_escape(struct translation *t)
{
	static const struct {
		char c;
		enum step_kind kind;
	} looks[] = {
		{'b', STEP_EDGE},   {'B', STEP_INNER}, {'<', STEP_WORD},
		{'>', STEP_WORDED}, {'`', STEP_BEGIN}, {'\'', STEP_END},
	};
	char c = *t->at;

	if (c == '\0' || (c >= '1' && c <= '9')) {
		fail(t, -EINVAL, c ? "POSIX has no back-references" : "a backslash ends it");
		return;
	}
	t->at++;
	for (size_t i = 0; i < ARRAY_LEN(looks); i++)
		if (looks[i].c == c) {
			append_look(t, looks[i].kind);
			return;
		}
	if (c == 'w' || c == 'W')
		append_class(t, "alnum", '_', c == 'W');
	else if (c == 's' || c == 'S')
		append_class(t, "space", 0, c == 'S');
	else
		append_atom(t, STEP_BYTE, (unsigned char)c);
}

static void read_next(struct translation *t)
{
	static const struct byte_set all = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
	char c = *t->at++;

	if (c == '(')
		open_group(t);
	else if (c == ')')
		close_group(t);
	else if (c == '|')
		next_branch(t);
	else if (strchr("*+?{", c))
		read_repetition(t, c);
	else if (c == '[')
		read_bracket(t);
	else if (c == '.')
		append_set(t, &all);
	else if (c == '^' || c == '$')
		append_look(t, c == '^' ? STEP_BEGIN : STEP_END);
	else if (c == '\\')
		read_escape(t);
	else
		append_atom(t, STEP_BYTE, (unsigned char)c);
}

/* Give back what was not needed. */
static void shrink(struct program *p)
{
	struct step *steps = reallocarray(p->steps, p->n_steps, sizeof(*steps));
	struct byte_set *sets = reallocarray(p->sets, p->n_sets + 1, sizeof(*sets));

	p->steps = steps ?: p->steps;
	p->sets = sets ?: p->sets;
}

int program_of(const char *pattern, struct program *ret_program, const char **ret_reason)
{
	struct translation t = {.at = pattern, .groups[0].jump = -1};

	t.program.steps = calloc(PROGRAM_STEPS_MAX, sizeof(*t.program.steps));
	t.program.sets = calloc(SETS_MAX, sizeof(*t.program.sets));
	if (!t.program.steps || !t.program.sets)
		fail(&t, -ENOMEM, "out of memory");
	while (t.code == 0 && *t.at)
		read_next(&t);
	if (t.depth > 0)
		fail(&t, -EINVAL, "a ( is not closed");
	end_branches(&t);
	append(&t, STEP_FOUND, 0, 0);
	if (t.code < 0) {
		program_done(&t.program);
		*ret_reason = t.reason;
		return t.code;
	}
	shrink(&t.program);
	*ret_program = t.program;
	return 0;
}
