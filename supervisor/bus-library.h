/* SPDX-License-Identifier: MIT */
#pragma once

#include <systemd/sd-bus.h>

#include "lib/base.h"

struct error;

/** The functions of libsystemd that are used, by name. */
#define BUS_LIBRARY_FUNCTIONS(X)          \
	X(sd_bus_add_filter)              \
	X(sd_bus_call_async)              \
	X(sd_bus_close_unref)             \
	X(sd_bus_get_events)              \
	X(sd_bus_get_fd)                  \
	X(sd_bus_get_timeout)             \
	X(sd_bus_is_open)                 \
	X(sd_bus_message_append)          \
	X(sd_bus_message_append_array)    \
	X(sd_bus_message_close_container) \
	X(sd_bus_message_enter_container) \
	X(sd_bus_message_exit_container)  \
	X(sd_bus_message_get_errno)       \
	X(sd_bus_message_get_error)       \
	X(sd_bus_message_get_path)        \
	X(sd_bus_message_is_signal)       \
	X(sd_bus_message_new_method_call) \
	X(sd_bus_message_open_container)  \
	X(sd_bus_message_peek_type)       \
	X(sd_bus_message_read)            \
	X(sd_bus_message_skip)            \
	X(sd_bus_message_unref)           \
	X(sd_bus_negotiate_fds)           \
	X(sd_bus_new)                     \
	X(sd_bus_process)                 \
	X(sd_bus_set_fd)                  \
	X(sd_bus_slot_unref)              \
	X(sd_bus_start)

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration cannot have them */
#define BUS_LIBRARY_MEMBER(function) __typeof__(function) *function;

/** struct bus_library - libsystemd, loaded */
struct bus_library {
	void *handle;
	BUS_LIBRARY_FUNCTIONS(BUS_LIBRARY_MEMBER)
};

/**
 * bus_library_load() - load libsystemd.so.0
 *
 * Return: 0, or -ELIBACC with a text when it is not there or lacks a function.
 */
must_check int bus_library_load(struct bus_library *ret_library, struct error *err);

/** bus_library_unload() - let go of it; a zeroed library is allowed */
void bus_library_unload(struct bus_library *library);
