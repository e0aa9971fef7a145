/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct error;
struct varlink_interface;

#define IDL_NAME_MAX 64
#define IDL_INTERFACE_MAX 256

/** enum idl_kind - what an interface file can define; all share one name space */
enum idl_kind {
	IDL_KIND_TYPE,
	IDL_KIND_METHOD,
	IDL_KIND_ERROR,
	IDL_KIND_COUNT,
};

/** struct idl_member - a definition in an interface file */
struct idl_member {
	enum idl_kind kind;
	char name[IDL_NAME_MAX];
	unsigned line;
};

/**
 * struct idl - what an interface file defines
 * @interface: its name
 * @members:   in the order of the file
 */
struct idl {
	char interface[IDL_INTERFACE_MAX];
	struct idl_member *members;
	size_t n_members;
};

/**
 * idl_parse() - read a Varlink interface definition (varlink.org/Interface-Definition)
 * @text:    content of a .varlink file
 * @ret_idl: ended by idl_done()
 *
 * Syntax, names defined twice, fields named twice and types that nobody defines are found.
 * Return: 0, -EINVAL with a text that begins with the line, -ENOMEM.
 */
must_check int idl_parse(const char *text, struct idl *ret_idl, struct error *err);

/** idl_done() - free the members; a zeroed value is allowed */
void idl_done(struct idl *i);

#define cleanup_idl cleanup(idl_done)

/** idl_find() - the member of that kind and name, or NULL; borrowed */
const struct idl_member *idl_find(const struct idl *i, enum idl_kind kind, const char *name);

/**
 * idl_check() - whether a table in C and its interface file tell the same
 * @interface: its text is parsed; the name must be the same, each method in one must be in the
 *             other
 *
 * Return: 0, -EINVAL with a text that names the difference, -ENOMEM.
 */
must_check int idl_check(const struct varlink_interface *interface, struct error *err);
