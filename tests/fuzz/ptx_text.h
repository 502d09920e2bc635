/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of a program that a fuzzer's input chooses. */
#ifndef TESTS_FUZZ_PTX_TEXT_H
#define TESTS_FUZZ_PTX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MAX 65536
#define LINEAR 3 /* registers %i0 and on, of a thread's coordinates */

extern struct program_text {
    char text[TEXT_MAX];
    size_t used;
    unsigned statements; /* that are still to come */
    unsigned labels;
    unsigned depth;   /* of loops and branches */
    unsigned loops;   /* of them, loops: their counters are %c0 and on */
    bool is_together; /* all threads of the block come here, as often */
    bool has_full_warps, in_function;
    bool has_function;     /* there is one to call */
    unsigned way_out;      /* a label further on that may be gone to; 0: none */
    const uint32_t *block; /* threads in x, y and z */
} program;

/* Begins an empty text; the input must stay. */
void text_begin(const uint8_t *data, size_t size);

/* The input; behind its end, numbers that follow from it: the shortest one makes a program, too. */
unsigned choose(unsigned count);

/* A number that is an edge of something. */
uint32_t choose_number(void);

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* R, Q, F and P are registers of their kinds, I a number, L a register of the thread's coordinates,
 * S a register or a number; the rest is said as it is. */
void say_template(const char *template);

#endif
