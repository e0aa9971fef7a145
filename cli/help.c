/* SPDX-License-Identifier: MIT */
/*
 * Help, made of the same tables that read the command line: it cannot be out of date.
 */
#include "cli/help.h"

#include <stdio.h>

#include "cli/command.h"

#define INDENT "  "

static const char *const group_titles[] = {
	[COMMAND_SEE] = "See",          [COMMAND_STEER] = "Steer",
	[COMMAND_CONFIG] = "Configure", [COMMAND_PLATFORM] = "The platform",
	[COMMAND_HELP] = "Help",
};

static_assert(ARRAY_LEN(group_titles) == COMMAND_GROUP_COUNT, "each group has a title");

static void print_head(const struct cli *cli, const char *title)
{
	(void)printf("%s%s%s\n", style_on(&cli->out, PAINT_HEAD), title, style_off(&cli->out));
}

void help_all(const struct cli *cli, const struct command *const *commands, size_t n)
{
	(void)printf("slicekeep keeps your programs running on one Linux server.\n\n"
		     "usage: %s VERB [OPTIONS] [NAME…]\n",
		     cli->hint);
	for (int group = 0; group < COMMAND_GROUP_COUNT; group++) {
		(void)printf("\n");
		print_head(cli, group_titles[group]);
		for (size_t i = 0; i < n; i++) {
			if (commands[i]->group == (enum command_group)group)
				(void)printf(INDENT "%-9s %s\n", commands[i]->name,
					     commands[i]->summary);
		}
	}
	(void)printf("\n\"%s help VERB\" tells more; the manual is slicekeep(1).\n", cli->hint);
}

static void print_option(const struct option_row *row)
{
	char left[64];

	(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", row->letter ? '-' : ' ',
		       row->letter ? row->letter : ' ', row->letter ? ", " : "  ", row->name,
		       row->value ? " " : "", row->value ? row->value : "");
	(void)printf(INDENT "%-24s %s\n", left, row->help);
}

void help_one(const struct cli *cli, const struct command *c)
{
	(void)printf("usage: %s %s%s%s\n\n%s\n", cli->hint, c->name, c->synopsis[0] ? " " : "",
		     c->synopsis, c->summary);
	if (c->details)
		(void)printf("\n%s\n", c->details);
	if (c->n_options > 0)
		(void)printf("\n");
	for (size_t i = 0; i < c->n_options; i++)
		print_option(&c->options[i]);
}
