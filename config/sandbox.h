/* SPDX-License-Identifier: MIT */
#pragma once

/** enum config_sandbox - what a process may see and touch of the machine */
enum config_sandbox {
	CONFIG_SANDBOX_OFF,
	CONFIG_SANDBOX_DEFAULT,
};

/** Paths that a sandboxed process may write. */
#define CONFIG_WRITABLE_MAX 64
