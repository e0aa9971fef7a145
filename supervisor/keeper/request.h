/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"
#include "supervisor/keeper/control-frame.h"

/**
 * request_check() - whether a message is a request, and make its texts safe
 * @request: @len bytes came into it; its texts are terminated and printable afterwards
 * @n_fds:   descriptors that came with it
 *
 * Context: pure.
 * Return: 0; -EPROTO when it is none (hang up); -EOPNOTSUPP for a command of a later version,
 * -EINVAL when its arguments make no sense (answer that).
 */
must_check int request_check(struct keeper_request *request, size_t len, size_t n_fds);
