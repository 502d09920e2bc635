/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside a check: what it knows of memory, and of a launch. */
#ifndef CUDA_CPU_CHECK_STATE_H
#define CUDA_CPU_CHECK_STATE_H

#include <pthread.h>

#include "host/cuda-cpu/check/clock.h"
#include "host/cuda-cpu/check/report.h"
#include "host/cuda-cpu/check/shadow.h"
#include "host/cuda-cpu/check/watch.h"

#define FREED_MAX 256

/* A range of the device's memory, or what a block has: its shared memory and so on. */
struct region {
    uint64_t start, end;
    enum region_kind { REGION_GLOBAL, REGION_SHARED, REGION_LOCAL, REGION_PARAMS } kind;
    bool read_only;
    char *name;      /* of a variable; NULL: an allocation */
    uint32_t number; /* of the allocation */
    uint32_t freed;  /* launches until then */
    struct shadow shadow;
    struct region *next; /* dead */
};

struct check {
    pthread_mutex_t running; /* one launch at a time */
    pthread_mutex_t lock;    /* of the regions */
    struct report report;
    FILE *own_file;
    unsigned kinds;
    struct region **regions; /* in the order of their addresses */
    size_t region_count, region_capacity;
    struct region *dead;            /* freed while a kernel ran, which may still look at them */
    struct region freed[FREED_MAX]; /* the last ones, in a ring: addresses and numbers alone */
    uint32_t freed_count;
    uint32_t allocations, launches;
    uint32_t generation;               /* of the regions: what was found earlier is still there */
    const struct check_launch *launch; /* that runs; NULL: none does */
    struct clock clock;
};

struct check_block {
    struct check *check;
    struct region shared, local, params;
    uint64_t local_stride;
    uint32_t ctaid[3];
    struct clock_block clock;
    uint32_t count; /* warps */
    struct check_warp *warps;
};

/* Lanes of a warp at an aligned barrier. */
struct check_arrival {
    uint32_t number, site;
    uint32_t lanes, expected; /* so far; that were left when the first came */
};

struct check_copy;

/* Asynchronous copies that nobody has waited for. */
struct check_copies {
    struct check_copy *list;
    uint32_t count, capacity;
    uint32_t groups[WARP_LANES]; /* that each lane has committed */
};

struct check_warp {
    struct check_block *block;
    struct warp *warp;
    struct clock_warp *clock; /* the block's */
    uint32_t number;
    uint32_t done;              /* lanes that have left the kernel */
    uint32_t sites[WARP_LANES]; /* where each lane met others, or wants to */
    struct check_arrival arrival;
    struct check_copies copies;
    uint32_t generation;     /* of what sites met */
    struct region **regions; /* that each site met last */
};

/* ---- regions.c ---- */

/* The region that a lane's bytes are in; NULL: they are in none, or not in one alone. */
struct region *region_find(const struct check_warp *warp, uint32_t lane, uint64_t address,
                           uint64_t size);

/* Of a range of the device's memory; NULL: none begins there. */
struct region *region_at(const struct check *check, uint64_t start);

/* What is at a finding's address, or closest to it in the space that its place names. */
void region_describe(const struct check_warp *warp, uint32_t lane, struct finding *finding);

void region_release(struct region *region);

/* No kernel runs. */
void region_forget_dead(struct check *check);

/* ---- copies.c ---- */

/* These lanes' groups; they wait for all but as many groups of theirs, or for all copies. */
void copies_commit(struct check_warp *warp, uint32_t lanes);
void copies_wait(struct check_warp *warp, const uint32_t *but, uint32_t lanes);

/* Another block begins. */
void copies_forget(struct check_copies *copies);

/* One of them writes some of these bytes. */
bool copies_hold(const struct check_block *block, uint64_t address, uint64_t size);

/* ---- findings.c ---- */

/* A finding of a lane, with all but `what`, other and the memory filled in. */
struct finding finding_of(const struct check_warp *warp, uint32_t lane, enum check_kind kind,
                          uint32_t site);

#endif
