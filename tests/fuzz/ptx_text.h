/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a program that a fuzzer's input chooses. */
#ifndef TESTS_FUZZ_PTX_TEXT_H
#define TESTS_FUZZ_PTX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX 65536
#define LINEAR 3    /* registers %i0 and on, of a thread's coordinates */
#define DEPTH_MAX 4 /* of loops and branches */
#define SEEN_MAX 64

/* Registers that are set once, as compilers' are. */
struct fresh {
    unsigned made;
    unsigned seen[SEEN_MAX], count; /* those that are set wherever the next statement runs */
};

/* A loop around what is said: its next round begins at label + 1, its end is label + 2. */
struct way_out {
    unsigned label;
    bool is_together; /* all threads of the block go round it as often */
};

extern struct program_text {
    char text[TEXT_MAX];
    size_t used;
    unsigned statements; /* that are still to come */
    uint32_t kinds;      /* of statements that there are: bits */
    unsigned labels;
    unsigned depth; /* of loops and branches */
    unsigned loops; /* of them, loops: their counters are %c0 and on */
    struct way_out ways_out[DEPTH_MAX];
    bool is_together;      /* all threads of the block come here, as often */
    bool is_warp_together; /* all lanes of a warp do */
    bool has_full_warps, in_function;
    bool has_function; /* there is one to call */
    bool is_plain;     /* nothing keeps the code from running all warps of a block */
    bool is_straight;  /* it computes and has elements: no loops, no thread waits for another */
    bool has_linear;   /* there are %i0, %a0 and so on, and %cell */
    bool is_of_one_block;
    bool reads_middle;     /* by indices: on both sides of the table's middle, not from its start */
    bool reads_nearby;     /* so, before it, or from its start: each thread 16 bytes of its own */
    bool has_few;          /* there are few registers, as of small kernels */
    unsigned edge;         /* threads from this number on end at once; 0: it is not looked at */
    const uint32_t *block; /* the most threads in x, y and z */
    struct fresh words, doubles;
    char condition[16];            /* the predicate of a branch */
    unsigned conditions, counters; /* those that are one branch's or loop's alone */
    char result[16];               /* the register that is set, if it is a fresh one */
} program;

/* Begins an empty text; the input must stay. */
void text_begin(const uint8_t *data, size_t size);

/* The input; behind its end, numbers that follow from it: the shortest one makes a program, too. */
unsigned choose(unsigned count);

/* A number that is an edge of something. */
uint32_t choose_number(void);

/* Any number. */
uint32_t choose_bits(void);

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Registers: R of 32 bits, Q of 64, F and D floats of 32 and 64, H of 16, P a predicate.
 * C: the condition that was begun.
 * U: the same in all threads of a block; where not all of them come, G: of lanes that may be alike.
 * A: in steps from thread to thread, as L, which is set once. K: set once to a number.
 * I: a number; W: of bits of an index. S and Y: what is read, of 32 and 64 bits; V: one of those
 * that are alike. T and X: what is set, of 32 and 64 bits. The rest is said as it is.
 */
void say_template(const char *template);

/* The same, where the first instruction may have a guard, and what is set may be a fresh one. */
void say_computation(const char *template);

/* The predicate that most branches share, or, as compilers have it, one that is set here alone. */
void begin_condition(void);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE_OF(array) ((array)[choose(COUNT(array))])

#endif
