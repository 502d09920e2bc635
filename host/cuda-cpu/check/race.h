/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses against those that were before: who touched the bytes, and whether that is ordered. */
#ifndef CUDA_CPU_CHECK_RACE_H
#define CUDA_CPU_CHECK_RACE_H

#include "host/cuda-cpu/check/state.h"

struct access {
    const uint64_t *addresses;   /* NULL: all lanes, beside each other or at one place */
    const unsigned char *values; /* that are written, lane by lane; NULL: nobody knows them */
    uint32_t mask, size, site;
    uint32_t order; /* WARP_ORDER_ bits */
    enum finding_access what;
    bool is_cas; /* an atomic that compares */
};

/* Lanes from `lane` on whose bytes lie beside each other, or are the same. Behind the last lane
 * comes the first one again, at the next site. */
struct access_run {
    uint64_t address; /* of the first one */
    uint32_t lane, count;
    bool is_same;
};

/* One lane's bytes, all in the region. */
void race_lane(struct check_warp *warp, const struct access *access, const struct region *region,
               uint32_t lane);

/* A run of lanes. Without addresses no lane is looked at by itself: false, when one should be. */
bool race_run(struct check_warp *warp, const struct access *access, const struct region *region,
              const struct access_run *run);

/* Places one behind the other; each has a site, the next one's is the next. */
struct race_words {
    uint64_t address; /* of the first one */
    uint32_t size, count, site;
    uint32_t lane; /* the first of those that read them */
};

/* All of a warp's lanes read each of them, or half of them. False: lane by lane. */
bool race_read_same(const struct check_warp *warp, const struct region *region,
                    const struct race_words *words);

/* ---- Inside: race.c, race_run.c ---- */

/* A touch of a cell that is there, and the lane that comes now. */
struct meeting {
    struct check_warp *warp;
    const struct access *access;
    const struct region *region;
    uint32_t lane, who;
};

/* What a shadow keeps of the lane's access, besides its time and its block. */
uint32_t race_who(const struct check_warp *warp, const struct access *access, uint32_t lane);

/* What was until then in the region is ordered before what any lane does now. */
static inline uint32_t race_ordered(const struct check_warp *warp, const struct region *region)
{
    return region->kind == REGION_SHARED ? warp->clock->floor : warp->clock->block->clock->launch;
}

/* A read of these lines can neither be a race nor be remembered. Times have 31 bits, so that a
 * difference has a sign. */
static inline bool race_are_known(const struct check_warp *warp, const struct region *region,
                                  uint64_t address, uint32_t lines)
{
    const struct shadow_times *times = shadow_times(&region->shadow, address);
    uint32_t ordered = race_ordered(warp, region), known = UINT32_MAX;

    for (uint32_t i = 0; i < lines; i++) {
        known &= ~(ordered - times[i].write_max) & (ordered - times[i].read_full);
    }
    return known >> 31;
}

static inline bool race_is_known(const struct check_warp *warp, const struct region *region,
                                 uint64_t address)
{
    return race_are_known(warp, region, address, 1);
}

/* All of the line, or some of it, was written now. */
static inline void race_wrote(const struct check_warp *warp, struct shadow_times *times)
{
    *times = (struct shadow_times){.write_max = warp->clock->block->clock->now};
}

#endif
