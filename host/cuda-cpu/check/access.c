/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses of checked code: which are allowed, what they read, and what they meet. */
#include <string.h>

#include "host/cuda-cpu/check/race.h"

static bool has(const struct check_warp *warp, enum check_kind kind)
{
    return warp->block->check->kinds >> kind & 1;
}

/* ---- Memory ---- */

/* Sizes are powers of two. */
static inline bool is_aligned(uint64_t address, uint32_t size)
{
    return !(address & (size - 1));
}

static const char *what_is_wrong(const struct access *access, const struct region *region,
                                 uint64_t address, bool was_freed)
{
    return !is_aligned(address, access->size) ? "which is misaligned"
           : region != NULL                   ? "which is read-only"
           : was_freed                        ? "which was freed"
                                              : "which is not allocated";
}

static void report_memory(struct check_warp *warp, const struct access *access,
                          const struct region *region, uint32_t lane)
{
    struct finding finding = finding_of(warp, lane, CHECK_MEMORY, access->site);

    finding.by.access = access->what;
    finding.address = access->addresses[lane];
    finding.size = access->size;
    region_describe(warp, lane, &finding);
    finding.what = what_is_wrong(access, region, finding.address, finding.memory.was_freed);
    report_add(&warp->block->check->report, &finding);
}

static bool may(const struct access *access, const struct region *region, uint64_t address)
{
    return region != NULL && is_aligned(address, access->size) &&
           !(region->read_only && access->what != FINDING_READ);
}

/* ---- What was never written ---- */

static void report_unwritten(struct check_warp *warp, const struct access *access, uint32_t lane)
{
    struct finding finding = finding_of(warp, lane, CHECK_INIT, access->site);

    finding.what = copies_hold(warp->block, access->addresses[lane], access->size)
                       ? "which a copy writes that was not waited for"
                       : "which was never written";
    finding.by.access = access->what;
    finding.address = access->addresses[lane];
    finding.size = access->size;
    region_describe(warp, lane, &finding);
    report_add(&warp->block->check->report, &finding);
}

/* A read of which some bytes were written may be of a structure with padding. */
static void init_lane(struct check_warp *warp, const struct access *access, struct region *region,
                      uint32_t lane)
{
    uint64_t address = access->addresses[lane];

    if (access->what != FINDING_WRITE && has(warp, CHECK_INIT) &&
        !shadow_any_written(&region->shadow, address, access->size)) {
        report_unwritten(warp, access, lane);
    }
    if (access->what != FINDING_READ) {
        shadow_write(&region->shadow, address, access->size);
    }
}

static void init_run(struct check_warp *warp, const struct access *access, struct region *region,
                     const struct access_run *run)
{
    uint64_t size = (uint64_t)access->size * (run->is_same ? 1 : run->count);

    if (access->what != FINDING_WRITE && !shadow_all_written(&region->shadow, run->address, size)) {
        for (uint32_t i = run->lane; i < run->lane + run->count; i++) {
            init_lane(warp, access, region, i);
        }
    }
    if (access->what != FINDING_READ) {
        shadow_write(&region->shadow, run->address, size);
    }
}

/* ---- Lane by lane ---- */

static bool is_for_races(const struct check_warp *warp, const struct region *region)
{
    return (region->kind == REGION_GLOBAL || region->kind == REGION_SHARED) &&
           region->shadow.count && has(warp, CHECK_RACE);
}

/* What a strong access learns, before it is judged, and tells behind that. Shared memory is the
 * block's alone. */
static void learn(struct check_warp *warp, const struct access *access, uint32_t lane)
{
    if (access->order && access->what != FINDING_WRITE) {
        clock_acquire(warp->clock, access->addresses[lane]);
    }
}

static void tell(struct check_warp *warp, const struct access *access, const struct region *region,
                 uint32_t lane)
{
    if (access->order && access->what != FINDING_READ) {
        clock_release(warp->clock, access->addresses[lane],
                      region->kind != REGION_SHARED && access->order & WARP_ORDER_ALL ? CLOCK_ALL
                                                                                      : CLOCK_BLOCK,
                      access->order & WARP_ORDER_RELEASE);
    }
}

/* False: it may not be done. */
static bool look_at_lane(struct check_warp *warp, const struct access *access, uint32_t lane)
{
    uint64_t address = access->addresses[lane];
    struct region *region = region_find(warp, lane, address, access->size);

    if (!may(access, region, address)) {
        report_memory(warp, access, region, lane);
        return false;
    }
    init_lane(warp, access, region, lane);
    if (is_for_races(warp, region)) {
        learn(warp, access, lane);
        race_lane(warp, access, region, lane);
        tell(warp, access, region, lane);
    }
    return true;
}

static uint32_t look_at_lanes(struct check_warp *warp, const struct access *access, uint32_t mask)
{
    uint32_t good = 0;

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);

        good |= look_at_lane(warp, access, lane) ? 1u << lane : 0;
    }
    return good;
}

/* ---- Runs ---- */

static struct region *region_of_run(struct check_warp *warp, const struct access *access,
                                    const struct access_run *run)
{
    struct region **last = &warp->regions[access->site];
    uint64_t size = (uint64_t)access->size * (run->is_same ? 1 : run->count);
    uint32_t generation = warp->block->check->generation;

    if (warp->generation != generation) {
        memset(warp->regions, 0,
               warp->block->check->launch->places->site_count * sizeof(struct region *));
        warp->generation = generation;
    }
    if (*last == NULL || run->address < (*last)->start || run->address >= (*last)->end ||
        size > (*last)->end - run->address) {
        *last = region_find(warp, run->lane, run->address, size);
    }
    return *last;
}

/* False: lane by lane. */
static bool look_at_run(struct check_warp *warp, const struct access *access,
                        const struct access_run *run)
{
    struct region *region = region_of_run(warp, access, run);

    if (!may(access, region, run->address) || region->kind == REGION_LOCAL || access->order) {
        return false;
    }
    init_run(warp, access, region, run);
    if (is_for_races(warp, region)) {
        race_run(warp, access, region, run);
    }
    return true;
}

/* Of lanes that all take part. False: their addresses are neither the same nor beside each other.
 */
static inline bool find_run(const struct access *access, uint32_t lane, uint32_t count,
                            struct access_run *run)
{
    const uint64_t *addresses = access->addresses + lane;
    uint64_t apart = 0, different = 0;

    if (addresses[count - 1] != addresses[0] &&
        addresses[count - 1] != addresses[0] + (uint64_t)(count - 1) * access->size) {
        return false;
    }
    *run = (struct access_run){.address = addresses[0], .lane = lane, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        apart |= addresses[i] ^ (addresses[0] + (uint64_t)i * access->size);
        different |= addresses[i] ^ addresses[0];
    }
    run->is_same = different == 0;
    return (!apart || !different) && addresses[0] + 32 * access->size > addresses[0];
}

/* All lanes at once, half of them, or one by one. */
static uint32_t look_at(struct check_warp *warp, const struct access *access)
{
    struct access_run run;
    uint32_t good = 0;

    if (access->mask == UINT32_MAX && find_run(access, 0, 32, &run) &&
        look_at_run(warp, access, &run)) {
        return access->mask;
    }
    for (uint32_t half = 0; half < 32; half += 16) {
        uint32_t lanes = access->mask & 0xFFFFu << half;

        if (lanes == 0xFFFFu << half && find_run(access, half, 16, &run) &&
            look_at_run(warp, access, &run)) {
            good |= lanes;
        } else {
            good |= look_at_lanes(warp, access, lanes);
        }
    }
    return good;
}

/* ---- What is called ---- */

#define COPY_IN(type)                                                                              \
    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {                                           \
        if (mask >> lane & 1) {                                                                    \
            ((type *)values)[lane] = *(const type *)(uintptr_t)addresses[lane];                    \
        }                                                                                          \
    }                                                                                              \
    return

static void read_lanes(void *values, const uint64_t *addresses, uint32_t mask, uint32_t size)
{
    switch (size) {
    case 4:
        COPY_IN(uint32_t);
    case 8:
        COPY_IN(uint64_t);
    default:
        for (; mask; mask &= mask - 1) {
            uint32_t lane = (uint32_t)__builtin_ctz(mask);

            memcpy((unsigned char *)values + lane * size, (const void *)(uintptr_t)addresses[lane],
                   size);
        }
    }
}

void check_gather(struct warp *of, void *values, const uint64_t *addresses, uint32_t mask,
                  uint32_t word, uint32_t site)
{
    const struct access access = {
        .addresses = addresses,
        .mask = mask,
        .size = word & WARP_ACCESS_SIZE,
        .site = site,
        .order = word & ~(WARP_ACCESS_SIZE | WARP_ACCESS_WRITE),
        .what = FINDING_READ,
    };
    uint32_t good = look_at(of->check, &access);

    for (uint32_t bad = mask & ~good; bad; bad &= bad - 1) {
        memset((unsigned char *)values + (uint32_t)__builtin_ctz(bad) * access.size, 0,
               access.size);
    }
    read_lanes(values, addresses, good, access.size);
}

void check_scatter(struct warp *of, const void *values, const uint64_t *addresses, uint32_t mask,
                   uint32_t word, uint32_t site)
{
    const struct access access = {
        .addresses = addresses,
        .values = values,
        .mask = mask,
        .size = word & WARP_ACCESS_SIZE,
        .site = site,
        .order = word & ~(WARP_ACCESS_SIZE | WARP_ACCESS_WRITE),
        .what = FINDING_WRITE,
    };
    uint32_t good = look_at(of->check, &access);

    for (; good; good &= good - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(good);

        memcpy((void *)(uintptr_t)addresses[lane],
               (const unsigned char *)values + lane * access.size, access.size);
    }
}

/* The region that this site met last, when it holds all of these bytes. */
static inline const struct region *usual_region(const struct check_warp *warp, uint64_t first,
                                                uint64_t size, uint32_t site)
{
    const struct region *region = warp->regions[site];

    return region != NULL && first >= region->start && first < region->end &&
                   size <= region->end - first && region->shadow.count &&
                   warp->generation == warp->block->check->generation
               ? region
               : NULL;
}

/* All lanes read one place, and then the next one. */
static bool are_usual_same(const struct check_warp *warp, uint64_t first, uint32_t size,
                           uint32_t site, uint32_t count)
{
    const struct region *region = usual_region(warp, first, (uint64_t)size * count, site);
    const struct race_words words = {first, size, count, site, 0};

    return region != NULL && region->kind != REGION_LOCAL && is_aligned(first, size) &&
           shadow_all_written(&region->shadow, first, (uint64_t)size * count) &&
           (!has(warp, CHECK_RACE) || race_read_same(warp, region, &words));
}

/* The usual reads, of whole lines: nothing is new. */
static bool are_usual(const struct check_warp *warp, uint64_t first, uint32_t word, uint32_t site,
                      uint32_t count)
{
    uint64_t size = (uint64_t)(word & WARP_ACCESS_SIZE) * WARP_LANES, end = first + size * count;
    const struct region *region = usual_region(warp, first, size * count, site);

    if (region == NULL || word & WARP_ACCESS_WRITE || (size | end) % SHADOW_LINE) {
        return false;
    }
    count = (uint32_t)((end - first) / SHADOW_LINE);
    return shadow_are_lines_written(&region->shadow, first, count) &&
           (!has(warp, CHECK_RACE) || race_are_known(warp, region, first, count));
}

static bool may_reach(struct check_warp *warp, const struct access *access,
                      const struct access_run *run)
{
    struct region *region = region_of_run(warp, access, run);
    uint64_t size = (uint64_t)access->size * (run->is_same ? 1 : run->count);

    if (!may(access, region, run->address) || region->kind == REGION_LOCAL ||
        (access->what == FINDING_READ &&
         !shadow_all_written(&region->shadow, run->address, size)) ||
        (is_for_races(warp, region) && !race_run(warp, access, region, run))) {
        return false;
    }
    if (access->what == FINDING_WRITE) {
        shadow_write(&region->shadow, run->address, size);
    }
    return true;
}

/* rows: of all lanes, one behind the other. */
static __attribute__((noinline)) bool is_allowed(struct check_warp *warp, uint64_t first,
                                                 uint32_t word, uint32_t site, uint32_t rows)
{
    const struct access access = {
        .mask = UINT32_MAX,
        .size = word & WARP_ACCESS_SIZE,
        .site = site,
        .what = word & WARP_ACCESS_WRITE ? FINDING_WRITE : FINDING_READ,
    };
    const struct access_run run = {
        .address = first,
        .count = WARP_LANES * rows,
        .is_same = word & WARP_ACCESS_SAME,
    };

    return first <= UINT64_MAX - (uint64_t)access.size * WARP_LANES * rows &&
           may_reach(warp, &access, &run);
}

uint32_t check_reach(struct warp *of, uint64_t first, uint32_t word, uint32_t site, uint32_t count)
{
    struct check_warp *warp = of->check;
    uint32_t size = word & WARP_ACCESS_SIZE;

    if (warp == NULL) {
        return false;
    }
    if (!(word & WARP_ACCESS_SAME)) {
        return are_usual(warp, first, word, site, count) ||
               is_allowed(warp, first, word, site, count);
    }
    if (are_usual_same(warp, first, size, site, count)) {
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!is_allowed(warp, first + (uint64_t)i * size, word, site + i, 1)) {
            return false;
        }
    }
    return true;
}

uint32_t check_atomic(struct warp *of, const uint64_t *addresses, uint32_t mask, uint32_t size,
                      uint32_t operation, uint32_t site)
{
    const struct access access = {
        .addresses = addresses,
        .mask = mask,
        .size = size,
        .site = site,
        .order = operation &
                 (WARP_ORDER_BLOCK | WARP_ORDER_ALL | WARP_ORDER_ACQUIRE | WARP_ORDER_RELEASE),
        .what = FINDING_ATOMIC,
        .is_cas = (operation & 0xFF) == WARP_ATOMIC_CAS,
    };

    return look_at(of->check, &access);
}

uint32_t check_allow(struct warp *of, const uint64_t *addresses, uint32_t mask, uint32_t size,
                     bool write, uint32_t site)
{
    const struct access access = {
        .addresses = addresses,
        .size = size,
        .site = site,
        .what = write ? FINDING_WRITE : FINDING_READ,
    };
    uint32_t good = 0;

    for (; mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);
        const struct region *region = region_find(of->check, lane, addresses[lane], size);

        if (may(&access, region, addresses[lane])) {
            good |= 1u << lane;
        } else {
            report_memory(of->check, &access, region, lane);
        }
    }
    return good;
}

void check_refuse(struct warp *of, const char *what, uint32_t lanes, uint32_t site)
{
    for (; lanes; lanes &= lanes - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(lanes);
        struct finding finding = finding_of(of->check, lane, CHECK_MEMORY, site);

        finding.what = what;
        report_add(&of->check->block->check->report, &finding);
    }
}
