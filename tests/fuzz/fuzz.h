/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * A fuzz target feeds bytes of a stranger to one parser and checks what must hold for all of them.
 * clang's libFuzzer calls it with what it makes up (-Dfuzz=true); replay.c calls it with the files
 * of its corpus, in every build, so that an input that broke something once is a test for ever.
 */

/** LLVMFuzzerTestOneInput() - the name that libFuzzer looks for; Return: 0, or abort */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** fuzz_require() - what holds for every input; ends the program so that both callers see it */
#define fuzz_require(condition) ((condition) ? (void)0 : __builtin_trap())
