/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "lib/base.h"

/*
 * The certification as data: each test gets what the one before has answered.
 */

#define CHAIN_INTERFACE "org.varlink.certification"
/** Answers to the test that is called with "more". */
#define CHAIN_ANSWERS 10

/** enum chain_way - how a test is called */
enum chain_way {
	CHAIN_WAY_CALL,
	CHAIN_WAY_MORE,
	CHAIN_WAY_ONEWAY,
};

/**
 * struct chain_test - one test
 * @name:   its method
 * @takes:  parameters beside client_id, as JSON
 * @gives:  the answer, as JSON; with CHAIN_WAY_MORE a number is put behind its only string
 */
struct chain_test {
	const char *name;
	enum chain_way way;
	const char *takes;
	const char *gives;
};

#define CHAIN_TESTS 11

/** chain_tests - Test01 … Test11 in order */
extern const struct chain_test chain_tests[CHAIN_TESTS];

/** chain_answer() - the answer number @i (from 1) of a test; Return: a new reference */
json_t *chain_answer(const struct chain_test *t, int i);

/** chain_matches() - whether @got is what the JSON text @wanted says; an integer may be a float */
bool chain_matches(const char *wanted, const json_t *got);
