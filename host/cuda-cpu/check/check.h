/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of what kernels do: a struct memory that has a check tells it of its ranges, kernels of
 * programs in that memory are compiled so that they tell it of their accesses, and it reports what
 * is wrong. All functions may be called from any thread; kernels run one after the other.
 */
#ifndef CUDA_CPU_CHECK_CHECK_H
#define CUDA_CPU_CHECK_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct check;

enum check_kind {
    CHECK_MEMORY, /* out of bounds, misaligned, freed, read-only */
    CHECK_RACE,   /* accesses of two threads, one of them a write, that nothing orders */
    CHECK_INIT,   /* reads of what was never written */
    CHECK_SYNC,   /* barriers and .sync instructions that not all come to */
    CHECK_LEAK,   /* allocations that are there at the end */
    CHECK_KINDS,
};

#define CHECK_ALL ((1u << CHECK_KINDS) - 1)
#define CHECK_LIMIT 100u /* reports, unless something else is asked for */

struct check_options {
    unsigned kinds; /* bits 1 << enum check_kind */
    unsigned limit; /* reports that are written; more are counted */
    FILE *text;     /* for people; NULL: none. Both stay the caller's. */
    FILE *json;     /* one object a line; NULL: none */
};

/* Kinds by their names, separated by commas; "all". False: a name is none. */
bool check_parse(const char *list, unsigned *kinds);

/* NULL: no memory. */
struct check *check_create(const struct check_options *options);

/* As the environment asks: BAREGPU_CUDA_CHECK has the kinds, unless `list` is one; text goes to
 * standard error, and JSON is added to the file that BAREGPU_CUDA_CHECK_JSON names. NULL: nothing
 * is asked for, or *problem says what is wrong. */
struct check *check_open(const char *list, const char **problem);

/* Reports what was never freed, writes the sum and returns how many errors there were. */
uint64_t check_destroy(struct check *check);

/* The device's memory is the check's to know: struct memory calls these. */
void check_allocated(struct check *check, uint64_t start, uint64_t size, bool read_only);
void check_freed(struct check *check, uint64_t start);

/* Written by other than a kernel: copies, memsets, initial values. */
void check_written(struct check *check, uint64_t start, uint64_t size);

/* The range is a variable of a module: it has a name, and is nobody's to free. */
void check_name(struct check *check, uint64_t start, const char *name);

#endif
