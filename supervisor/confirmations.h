/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "lib/list.h"
#include "supervisor/launcher.h"

/**
 * confirmations_add() - one more who waits until all that was asked for before has been done
 * @waiting: the others; struct list that was initialised
 * @number:  of the moment; larger than those before
 *
 * Return: 0 or -ENOMEM; then @fn is not called.
 */
must_check int confirmations_add(struct list *waiting, uint64_t number, launcher_confirmed_fn fn,
				 void *userdata);

/**
 * confirmations_tell() - what was asked for before @number has been done
 * @refused: NULL, or what came of it
 */
void confirmations_tell(struct list *waiting, uint64_t number, const char *refused);
