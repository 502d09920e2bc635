/* SPDX-License-Identifier: BSD-2-Clause */
/* What a check has found, written for people and as JSON. */
#ifndef CUDA_CPU_CHECK_REPORT_H
#define CUDA_CPU_CHECK_REPORT_H

#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/device/places.h"

enum finding_access { FINDING_NONE, FINDING_READ, FINDING_WRITE, FINDING_ATOMIC };

/* A thread at a place. */
struct finding_thread {
    uint32_t thread[3], block[3];
    struct place place;
    enum finding_access access;
};

/* The memory that an address is in, or next to. */
struct finding_memory {
    const char *kind;     /* "allocation", "variable", "shared memory"...; NULL: none is near */
    const char *name;     /* a variable's; NULL: none */
    uint32_t number;      /* of an allocation, from 1 */
    uint64_t start, size; /* of it */
    int64_t offset;       /* in it; below 0 before it, size or more behind it */
    bool was_freed;
    uint32_t freed; /* how many launches there had been */
};

struct finding {
    enum check_kind kind;
    const char *what;                /* is wrong: words behind the access, or a sentence */
    const char *kernel, *file;       /* NULL: none */
    const struct places *places;     /* NULL: no place */
    struct finding_thread by, other; /* other.access FINDING_NONE: nobody */
    uint64_t address;
    uint32_t size; /* 0: no access */
    struct finding_memory memory;
};

struct report_place;

/* Reports, each place and kind once. Zeroed but for options. */
struct report {
    struct check_options options;
    struct report_place *places;
    size_t count, capacity;
    uint64_t errors;
    bool is_cut; /* there were places beyond the limit */
};

void report_add(struct report *report, const struct finding *finding);

/* All that may be written has been. */
bool report_is_full(const struct report *report);

/* The sum; nothing when there was no error. */
void report_sum(struct report *report);

const char *report_kind_name(enum check_kind kind);

#endif
