/* SPDX-License-Identifier: MIT */
/*
 * Reads Varlink interface definitions, to find out whether ours are valid and whether the tables
 * in C tell the same. Pure.
 *
 * Types nest, and recursion on input is not our way: open parentheses are a stack of fixed depth.
 * Names are compared within their own parentheses only, so the names of all that is open lie on
 * one more stack. Types may be used before they are defined; uses are checked at the end.
 */
#include "lib/varlink/idl.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/error.h"
#include "lib/varlink/server.h"

/** Parentheses that may be open at a time. */
#define IDL_DEPTH_MAX 32
/** Fields of everything that is open at a time. */
#define IDL_FIELDS_MAX 512

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,
	TOKEN_ARROW,
	TOKEN_SIGN, /* one character of ( ) [ ] : , ? */
	TOKEN_WRONG,
};

struct token {
	enum token_kind kind;
	const char *at;
	size_t n;
	unsigned line;
};

struct parser {
	const char *next;
	unsigned line;
	struct token token;
	struct idl idl;
	struct token *uses; /* type names, to be checked at the end */
	size_t n_uses;
	struct token fields[IDL_FIELDS_MAX];
	size_t n_fields;
	struct error *err;
};

/* --- words ------------------------------------------------------------------------------------ */

static void parser_skip_blanks(struct parser *p)
{
	bool comment = false;

	for (; *p->next != '\0'; p->next++) {
		if (*p->next == '\n') {
			p->line++;
			comment = false;
		} else if (*p->next == '#') {
			comment = true;
		} else if (!comment && !strchr(" \t\r", *p->next)) {
			return;
		}
	}
}

/* A dash belongs to an interface name, unless it begins an arrow. */
static size_t word_len(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '.' ||
	       (n > 0 && s[n] == '-' && s[n + 1] != '>'))
		n++;
	return n;
}

static void parser_advance(struct parser *p)
{
	struct token *t = &p->token;

	parser_skip_blanks(p);
	*t = (struct token){.kind = TOKEN_WORD, .at = p->next, .line = p->line};
	t->n = word_len(p->next);
	if (t->n == 0 && *p->next == '\0') {
		t->kind = TOKEN_END;
	} else if (t->n == 0 && p->next[0] == '-' && p->next[1] == '>') {
		t->kind = TOKEN_ARROW;
		t->n = 2;
	} else if (t->n == 0) {
		t->kind = strchr("()[]:,?", *p->next) ? TOKEN_SIGN : TOKEN_WRONG;
		t->n = 1;
	}
	p->next += t->n;
}

static bool token_is(const struct token *t, const char *s)
{
	return t->n == strlen(s) && memcmp(t->at, s, t->n) == 0;
}

static bool token_same(const struct token *a, const struct token *b)
{
	return a->n == b->n && memcmp(a->at, b->at, a->n) == 0;
}

static int parser_fail(struct parser *p, const char *expected)
{
	const struct token *t = &p->token;

	if (t->kind == TOKEN_END)
		return error_set(p->err, -EINVAL, "line %u: expected %s, found the end", t->line,
				 expected);
	return error_set(p->err, -EINVAL, "line %u: expected %s, found \"%.*s\"", t->line, expected,
			 (int)MIN_OF(t->n, (size_t)IDL_NAME_MAX), t->at);
}

static int parser_expect(struct parser *p, const char *s)
{
	char expected[16];

	if (token_is(&p->token, s)) {
		parser_advance(p);
		return 0;
	}
	(void)snprintf(expected, sizeof(expected), "\"%s\"", s);
	return parser_fail(p, expected);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool all_alnum(const struct token *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!isalnum((unsigned char)t->at[i]))
			return false;
	return t->n > 0 && t->n < IDL_NAME_MAX;
}

/* [A-Z][A-Za-z0-9]* */
static bool is_type_name(const struct token *t)
{
	return all_alnum(t) && isupper((unsigned char)t->at[0]);
}

/* [A-Za-z](_?[A-Za-z0-9])* */
static bool is_field_name(const struct token *t)
{
	if (t->kind != TOKEN_WORD || t->n >= IDL_NAME_MAX || !isalpha((unsigned char)t->at[0]))
		return false;
	for (size_t i = 1; i < t->n; i++) {
		bool mark = t->at[i] == '_';

		if (!mark && !isalnum((unsigned char)t->at[i]))
			return false;
		if (mark && (t->at[i - 1] == '_' || i + 1 == t->n))
			return false;
	}
	return true;
}

/* [A-Za-z](-*[A-Za-z0-9])*(\.[A-Za-z0-9](-*[A-Za-z0-9])*)+ */
static bool is_interface_name(const struct token *t)
{
	bool dotted = false;

	if (t->kind != TOKEN_WORD || t->n >= IDL_INTERFACE_MAX || !isalpha((unsigned char)t->at[0]))
		return false;
	for (size_t i = 0; i < t->n; i++) {
		bool last = i + 1 == t->n || t->at[i + 1] == '.';

		if (t->at[i] == '.' && (last || t->at[i + 1] == '-'))
			return false;
		if (t->at[i] == '_' || (t->at[i] == '-' && last))
			return false;
		dotted = dotted || t->at[i] == '.';
	}
	return dotted;
}

/* --- types ------------------------------------------------------------------------------------ */

/** enum group - what is between a pair of parentheses; () is a struct without fields */
enum group {
	GROUP_UNKNOWN,
	GROUP_STRUCT,
	GROUP_ENUM,
};

struct level {
	enum group group;
	size_t first_field;
};

static int parser_note_use(struct parser *p)
{
	struct token *grown = reallocarray(p->uses, p->n_uses + 1, sizeof(*grown));

	if (!grown)
		return error_set(p->err, -ENOMEM, "out of memory");
	p->uses = grown;
	p->uses[p->n_uses++] = p->token;
	return 0;
}

static int parser_note_field(struct parser *p, size_t first)
{
	if (!is_field_name(&p->token))
		return parser_fail(p, "the name of a field");
	for (size_t i = first; i < p->n_fields; i++)
		if (token_same(&p->fields[i], &p->token))
			return error_set(p->err, -EINVAL, "line %u: field \"%.*s\" is there twice",
					 p->token.line, (int)p->token.n, p->token.at);
	if (p->n_fields == IDL_FIELDS_MAX)
		return error_set(p->err, -EINVAL, "line %u: too many fields", p->token.line);
	p->fields[p->n_fields++] = p->token;
	parser_advance(p);
	return 0;
}

/* The ?, [] and [string] in front of a type. */
static int parser_prefixes(struct parser *p)
{
	bool maybe = false;
	int r = 0;

	while (r == 0 && (token_is(&p->token, "?") || token_is(&p->token, "["))) {
		bool again = token_is(&p->token, "?");

		if (again && maybe)
			return parser_fail(p, "a type");
		maybe = again;
		parser_advance(p);
		if (maybe)
			continue;
		if (token_is(&p->token, "string"))
			parser_advance(p);
		r = parser_expect(p, "]");
	}
	return r;
}

/* Return: 1 when a parenthesis was opened, 0 when the type is complete. */
static int parser_type(struct parser *p)
{
	static const char *const words[] = {"bool", "int", "float", "string", "object"};
	int r;

	r = parser_prefixes(p);
	if (r < 0)
		return r;
	if (token_is(&p->token, "(")) {
		parser_advance(p);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (token_is(&p->token, words[i])) {
			parser_advance(p);
			return 0;
		}
	if (!is_type_name(&p->token))
		return parser_fail(p, "a type");
	r = parser_note_use(p);
	parser_advance(p);
	return r;
}

/* Return: 1 when a parenthesis was opened behind the name, 0 when the field is complete. */
static int parser_field(struct parser *p, struct level *level)
{
	enum group group;
	int r;

	r = parser_note_field(p, level->first_field);
	if (r < 0)
		return r;
	group = token_is(&p->token, ":") ? GROUP_STRUCT : GROUP_ENUM;
	if (level->group != GROUP_UNKNOWN && level->group != group)
		return parser_fail(p, group == GROUP_ENUM ? "\":\" and a type" : "\",\" or \")\"");
	level->group = group;
	if (group == GROUP_ENUM)
		return 0;
	parser_advance(p);
	return parser_type(p);
}

/* From behind a "(" to behind its ")". */
static int parser_group(struct parser *p)
{
	struct level levels[IDL_DEPTH_MAX] = {{.group = GROUP_UNKNOWN}};
	size_t depth = 1;
	int r = 0;

	while (depth > 0) {
		struct level *level = &levels[depth - 1];
		bool begun = level->group != GROUP_UNKNOWN;

		if (token_is(&p->token, ")")) {
			parser_advance(p);
			p->n_fields = level->first_field;
			depth--;
			continue;
		}
		r = begun ? parser_expect(p, ",") : 0;
		if (r == 0)
			r = parser_field(p, level);
		if (r < 0)
			return r;
		if (r == 1 && depth == IDL_DEPTH_MAX)
			return error_set(p->err, -EINVAL, "line %u: too many parentheses",
					 p->token.line);
		if (r == 1)
			levels[depth++] = (struct level){.first_field = p->n_fields};
	}
	return 0;
}

static int parser_open_group(struct parser *p)
{
	int r = parser_expect(p, "(");

	return r < 0 ? r : parser_group(p);
}

/* --- members ---------------------------------------------------------------------------------- */

static int parser_note_member(struct parser *p, enum idl_kind kind)
{
	struct idl_member member = {.kind = kind, .line = p->token.line};
	struct idl_member *grown;

	if (!is_type_name(&p->token))
		return parser_fail(p, "a name that begins with a capital letter");
	memcpy(member.name, p->token.at, p->token.n);
	for (size_t i = 0; i < p->idl.n_members; i++)
		if (strcmp(p->idl.members[i].name, member.name) == 0)
			return error_set(p->err, -EINVAL, "line %u: \"%s\" is defined in line %u",
					 p->token.line, member.name, p->idl.members[i].line);
	grown = reallocarray(p->idl.members, p->idl.n_members + 1, sizeof(*grown));
	if (!grown)
		return error_set(p->err, -ENOMEM, "out of memory");
	p->idl.members = grown;
	p->idl.members[p->idl.n_members++] = member;
	parser_advance(p);
	return 0;
}

static int parser_member(struct parser *p)
{
	static const char *const words[] = {
		[IDL_KIND_TYPE] = "type",
		[IDL_KIND_METHOD] = "method",
		[IDL_KIND_ERROR] = "error",
	};
	size_t kind = 0;
	int r;

	static_assert(ARRAY_LEN(words) == IDL_KIND_COUNT, "each kind has its word");
	while (kind < IDL_KIND_COUNT && !token_is(&p->token, words[kind]))
		kind++;
	if (kind == IDL_KIND_COUNT)
		return parser_fail(p, "\"type\", \"method\" or \"error\"");
	parser_advance(p);
	r = parser_note_member(p, (enum idl_kind)kind);
	if (r == 0)
		r = parser_open_group(p);
	if (r == 0 && kind == IDL_KIND_METHOD)
		r = parser_expect(p, "->");
	if (r == 0 && kind == IDL_KIND_METHOD)
		r = parser_open_group(p);
	return r;
}

static int parser_interface(struct parser *p)
{
	int r = parser_expect(p, "interface");

	if (r < 0)
		return r;
	if (!is_interface_name(&p->token))
		return parser_fail(p, "the name of an interface");
	memcpy(p->idl.interface, p->token.at, p->token.n);
	parser_advance(p);
	return 0;
}

static int parser_check_uses(struct parser *p)
{
	for (size_t i = 0; i < p->n_uses; i++) {
		const struct token *t = &p->uses[i];
		char name[IDL_NAME_MAX] = "";

		memcpy(name, t->at, t->n);
		if (!idl_find(&p->idl, IDL_KIND_TYPE, name))
			return error_set(p->err, -EINVAL, "line %u: there is no type \"%s\"",
					 t->line, name);
	}
	return 0;
}

int idl_parse(const char *text, struct idl *ret_idl, struct error *err)
{
	struct parser *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return error_set(err, -ENOMEM, "out of memory");
	p->next = text;
	p->line = 1;
	p->err = err;
	parser_advance(p);
	r = parser_interface(p);
	while (r == 0 && p->token.kind != TOKEN_END)
		r = parser_member(p);
	if (r == 0)
		r = parser_check_uses(p);
	if (r == 0)
		*ret_idl = p->idl;
	else
		idl_done(&p->idl);
	free(p->uses);
	free(p);
	return r;
}

void idl_done(struct idl *i)
{
	free(i->members);
	*i = (struct idl){0};
}

const struct idl_member *idl_find(const struct idl *i, enum idl_kind kind, const char *name)
{
	for (size_t m = 0; m < i->n_members; m++)
		if (i->members[m].kind == kind && strcmp(i->members[m].name, name) == 0)
			return &i->members[m];
	return NULL;
}

static bool interface_has(const struct varlink_interface *interface, const char *method)
{
	for (size_t i = 0; i < interface->n_methods; i++)
		if (strcmp(interface->methods[i].name, method) == 0)
			return true;
	return false;
}

int idl_check(const struct varlink_interface *interface, struct error *err)
{
	cleanup_idl struct idl idl = {0};
	int r;

	r = idl_parse(interface->text, &idl, err);
	if (r < 0)
		return r;
	if (strcmp(idl.interface, interface->name) != 0)
		return error_set(err, -EINVAL, "the file defines \"%s\", the table \"%s\"",
				 idl.interface, interface->name);
	for (size_t i = 0; i < idl.n_members; i++)
		if (idl.members[i].kind == IDL_KIND_METHOD &&
		    !interface_has(interface, idl.members[i].name))
			return error_set(err, -EINVAL, "method \"%s\" has no row in the table",
					 idl.members[i].name);
	for (size_t i = 0; i < interface->n_methods; i++)
		if (!idl_find(&idl, IDL_KIND_METHOD, interface->methods[i].name))
			return error_set(err, -EINVAL, "method \"%s\" is not in the file",
					 interface->methods[i].name);
	return 0;
}
