/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

struct pipes;
struct sockets;

/**
 * struct mailbox - where a letter to the next keeper lies; both ends are -1 without one
 * @n: letters in it: one, or two of a keeper that was killed while it wrote
 */
struct mailbox {
	int in;
	int out;
	uint32_t n;
};

/**
 * mailbox_new() - make an empty one
 *
 * Return: 0 or negative errno.
 */
must_check int mailbox_new(struct mailbox *m);

/**
 * mailbox_write() - put duplicates of the pipes' read ends and of the sockets there
 *
 * Replaces what was there; a death in between leaves one or the other.
 *
 * Return: 0 (also without a mailbox), or negative errno with the former letter kept.
 */
must_check int mailbox_write(struct mailbox *m, const struct pipes *p, const struct sockets *s);

/**
 * mailbox_read() - take what a former keeper has put there
 * @p: empty before; write ends are not there
 * @s: replaced when there is a letter
 *
 * The letter stays there, for the case that this keeper is killed too.
 *
 * Return: 0 (also when it is empty); negative errno, -EBADMSG when it is none of this version: it
 * is then empty.
 */
must_check int mailbox_read(struct mailbox *m, struct pipes *p, struct sockets *s);
