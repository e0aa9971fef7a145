/* SPDX-License-Identifier: MIT */
#pragma once

/* Numbers of 32 bits as they stand in packed files: little endian, wherever they begin. */

#include <endian.h>
#include <string.h>

#include "lib/base.h"

/** le32_put() - write @value to the four bytes at @to */
static inline void le32_put(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

/** le32_get() - the number in the four bytes at @from */
static inline uint32_t le32_get(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}
