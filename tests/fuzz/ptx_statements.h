/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statements of programs: what they do does not depend on the order of threads. Threads meet at
 * barriers, or touch memory of their own, or add to what nobody reads before the next barrier.
 */
#ifndef TESTS_FUZZ_PTX_STATEMENTS_H
#define TESTS_FUZZ_PTX_STATEMENTS_H

#include <stdbool.h>

#define OWN_WORDS 16  /* of a thread, in memory: at %own */
#define LOCAL_SIZE 32 /* bytes of a thread: mine */
#define SUMS_SIZE 512 /* bytes, of sums of all threads: at %sums, and of a block in hist */

/* Kinds of statements: program.kinds has their bits. */
enum statement {
    SAY_INTEGERS,
    SAY_WIDE,
    SAY_FLOATS,
    SAY_HALVES,
    SAY_ALIKE,
    SAY_STEPS,
    SAY_OWN_MEMORY,
    SAY_LOCAL_MEMORY,
    SAY_GATHER,
    SAY_TABLE,
    SAY_SUM,
    SAY_SHARED_SUM,
    SAY_MEETING,
    SAY_EXCHANGE,
    SAY_PRODUCT,
    SAY_BRANCH,
    SAY_LOOP,
    SAY_ROUNDS,
    SAY_ASIDE,
    SAY_WAY_OUT,
    SAY_EXIT,
    SAY_CALL,
    SAY_ASSERTION,
    SAY_KINDS,
};

bool has_kind(enum statement kind);

/* Some statements, one behind the other. */
void say_block(void);

#endif
