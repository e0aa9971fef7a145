/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/base.h"

/** enum paint - what a colour says, not which one it is */
enum paint {
	PAINT_NONE,
	PAINT_GOOD,
	PAINT_BUSY, /* on its way to somewhere */
	PAINT_BAD,
	PAINT_DIM,
	PAINT_HEAD,
	PAINT_COUNT,
};

/** Colours that services are told apart by. */
#define STYLE_NAMES 6

/**
 * struct style - how a stream may look
 * @terminal: somebody looks at it
 * @colour:   a terminal that has colours, and NO_COLOR is not set
 * @columns:  width of the terminal, 0 when it is none
 * @rows:     its height
 */
struct style {
	bool terminal;
	bool colour;
	unsigned columns;
	unsigned rows;
};

/** style_of() - look at a descriptor; again after SIGWINCH */
struct style style_of(int fd);

/** style_on() - the sequence that begins a paint, "" without colours */
const char *style_on(const struct style *s, enum paint paint);

/** style_off() - the sequence that ends any paint, "" without colours */
const char *style_off(const struct style *s);

/** style_name() - the sequence that begins the colour of this service, always the same one */
const char *style_name(const struct style *s, const char *service);

/** style_state() - the paint of a service's public state */
enum paint style_state(const char *state);
