/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

/* What a service says to the abstract datagram socket $BENCH_SOCKET; instruments.py unpacks it. */
struct hello {
	uint64_t at_nsec; /* CLOCK_MONOTONIC */
	uint32_t pid;
	char name[32];
};
