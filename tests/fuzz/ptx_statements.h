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
    SAY_WALK,
    SAY_ROUNDS,
    SAY_ASIDE,
    SAY_WAY_OUT,
    SAY_EXIT,
    SAY_CALL,
    SAY_ASSERTION,
    SAY_ELEMENT,
    SAY_KINDS,
};

bool has_kind(enum statement kind);

/* Some statements, one behind the other. */
void say_block(void);

/* ---- One of a kind ---- */

/* ptx_values.c */
void say_integers(void);
void say_wide(void);
void say_floats(void);
void say_halves(void);
void say_alike(void);
void say_steps(void);

/* ptx_memory.c */
void say_own_memory(void);
void say_local_memory(void);
void say_element(void);
void say_gather(void);
void say_global_sum(void);
void say_shared_sum(void);

/* ptx_control.c */
void say_meeting(void);
void say_branches(void);
void say_loop(void);
void say_walk(void);
void say_rounds(void);
void say_aside(void);
void say_way_out(void);
void say_exit(void);
void say_call(void);
void say_assertion(void);

#endif
