/* SPDX-License-Identifier: MIT */
/*
 * The ways to stdout. Whether everything arrived there is looked at once, when the program ends.
 */
#include "cli/print.h"

#include <stdio.h>

#include "lib/text.h"
#include "cli/command.h"

int print_out_of_memory(void)
{
	(void)fputs("slicekeep: out of memory\n", stderr);
	return CLI_FAILED;
}

int print_text(struct text *t)
{
	if (t->failed)
		return print_out_of_memory();
	(void)fwrite(t->data ? t->data : "", 1, t->len, stdout);
	text_done(t);
	return CLI_DONE;
}

static int print_value(const json_t *value, size_t flags)
{
	if (!value || json_dumpf(value, stdout, flags | JSON_ENCODE_ANY) < 0)
		return ferror(stdout) ? CLI_FAILED : print_out_of_memory();
	(void)fputc('\n', stdout);
	return CLI_DONE;
}

int print_json(const json_t *value)
{
	return print_value(value, JSON_INDENT(2));
}

int print_json_line(const json_t *value)
{
	int code = print_value(value, JSON_COMPACT);

	(void)fflush(stdout);
	return code;
}
