/* SPDX-License-Identifier: BSD-2-Clause */
/* Launches, blocks and warps, and what threads do together. */
#include "host/cuda-cpu/check/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/state.h"

/* ---- Launches ---- */

/* Times begin again before they run out. */
static void rewind_clock(struct check *check)
{
    if (check->clock.now > CLOCK_END / 2) {
        for (size_t i = 0; i < check->region_count; i++) {
            shadow_forget(&check->regions[i]->shadow);
        }
        check->clock.now = 1;
    }
}

void check_begin(struct check *check, const struct check_launch *launch)
{
    pthread_mutex_lock(&check->running);
    pthread_mutex_lock(&check->lock);
    check->launch = launch;
    rewind_clock(check);
    pthread_mutex_unlock(&check->lock);
    clock_launch(&check->clock);
}

void check_end(struct check *check)
{
    pthread_mutex_lock(&check->lock);
    check->launch = NULL;
    check->launches++;
    region_forget_dead(check);
    pthread_mutex_unlock(&check->lock);
    pthread_mutex_unlock(&check->running);
}

/* ---- Blocks ---- */

static void set_region(struct region *region, enum region_kind kind, const void *start,
                       uint64_t size)
{
    *region = (struct region){
        .start = (uint64_t)(uintptr_t)start,
        .end = (uint64_t)(uintptr_t)start + size,
        .kind = kind,
    };
}

static bool has(const struct check *check, enum check_kind kind)
{
    return check->kinds >> kind & 1;
}

static bool create_shadows(struct check_block *block)
{
    const struct check *check = block->check;
    bool done = true;

    if (has(check, CHECK_INIT) || has(check, CHECK_RACE)) {
        done = shadow_create(&block->shared.shadow, block->shared.start,
                             block->shared.end - block->shared.start);
    }
    if (done && has(check, CHECK_INIT)) {
        done = shadow_create(&block->local.shadow, block->local.start,
                             block->local.end - block->local.start);
    }
    return done;
}

struct check_block *check_block_create(struct check *check, const void *shared, const void *local,
                                       uint64_t local_stride, uint32_t warps)
{
    const struct check_launch *launch = check->launch;
    struct check_block *block = calloc(1, sizeof(*block));

    if (block == NULL) {
        return NULL;
    }
    block->check = check;
    block->local_stride = local_stride;
    set_region(&block->shared, REGION_SHARED, shared, launch->shared_size);
    set_region(&block->local, REGION_LOCAL, local, local_stride * WARP_LANES * warps);
    set_region(&block->params, REGION_PARAMS, launch->params, launch->param_size);
    block->params.read_only = true;
    block->warps = calloc(warps, sizeof(*block->warps));
    if (block->warps == NULL || !clock_block_create(&block->clock, &check->clock, warps) ||
        !create_shadows(block)) {
        check_block_destroy(block);
        return NULL;
    }
    return block;
}

void check_block_destroy(struct check_block *block)
{
    for (uint32_t i = 0; i < block->count; i++) {
        free(block->warps[i].regions);
        free(block->warps[i].copies.list);
    }
    clock_block_destroy(&block->clock);
    region_release(&block->shared);
    region_release(&block->local);
    free(block->warps);
    free(block);
}

struct check_warp *check_block_warp(struct check_block *block, struct warp *warp)
{
    struct check_warp *added = &block->warps[block->count];

    *added = (struct check_warp){
        .block = block,
        .warp = warp,
        .clock = &block->clock.warps[block->count],
        .number = block->count,
        .regions = calloc(block->check->launch->places->site_count + 1, sizeof(struct region *)),
    };
    if (added->regions == NULL) {
        return NULL;
    }
    block->count++;
    return added;
}

void check_block_begin(struct check_block *block, const uint32_t ctaid[3])
{
    const uint32_t *grid = block->check->launch->grid;

    memcpy(block->ctaid, ctaid, sizeof(block->ctaid));
    clock_block_begin(&block->clock, (ctaid[2] * grid[1] + ctaid[1]) * grid[0] + ctaid[0]);
    shadow_unwrite(&block->shared.shadow);
    shadow_unwrite(&block->local.shadow);
    for (uint32_t i = 0; i < block->count; i++) {
        block->warps[i].done = 0;
        block->warps[i].arrival = (struct check_arrival){0};
        copies_forget(&block->warps[i].copies);
    }
}

/* ---- Findings ---- */

struct finding finding_of(const struct check_warp *warp, uint32_t lane, enum check_kind kind,
                          uint32_t site)
{
    const struct check_launch *launch = warp->block->check->launch;
    struct finding finding = {
        .kind = kind,
        .kernel = launch->kernel,
        .file = launch->file,
        .places = launch->places,
        .by = {.place = places_at(launch->places, site)},
    };

    for (int i = 0; i < 3; i++) {
        finding.by.thread[i] = warp->warp->tids[warp->warp->warpid][i][lane];
        finding.by.block[i] = warp->block->ctaid[i];
    }
    return finding;
}

static void report_sync(struct check_warp *warp, uint32_t lane, uint32_t site, const char *what)
{
    struct finding finding = finding_of(warp, lane, CHECK_SYNC, site);

    finding.what = what;
    report_add(&warp->block->check->report, &finding);
}

static uint32_t first_of(uint32_t lanes)
{
    return lanes ? (uint32_t)__builtin_ctz(lanes) : 0;
}

/* ---- Barriers ---- */

/* Lanes that have not left the kernel, wherever they stand. */
static uint32_t lanes_there(const struct check_warp *warp)
{
    return (warp->warp->live | warp->warp->others) & ~warp->done;
}

/* The warp's lanes at an aligned barrier: all of them come to it, or none. */
static void end_barrier(struct check_warp *warp)
{
    const struct check_arrival *arrival = &warp->arrival;
    char text[128];

    if (arrival->lanes != arrival->expected && has(warp->block->check, CHECK_SYNC)) {
        snprintf(text, sizeof(text), "%d of the %d threads of the warp come to the barrier",
                 __builtin_popcount(arrival->lanes), __builtin_popcount(arrival->expected));
        report_sync(warp, first_of(arrival->lanes), arrival->site, text);
    }
    warp->arrival = (struct check_arrival){0};
}

static void come_to_barrier(struct check_warp *warp, uint32_t number, uint32_t lanes, uint32_t site)
{
    struct check_arrival *arrival = &warp->arrival;

    if (arrival->lanes && (arrival->number != number || arrival->site != site)) {
        end_barrier(warp);
    }
    if (!arrival->lanes) {
        *arrival = (struct check_arrival){number, site, 0, lanes_there(warp)};
    }
    arrival->lanes |= lanes;
}

/* All lanes are there, and name the same: as most do. */
static bool all_name(const uint32_t *named, uint32_t lanes)
{
    uint32_t others = ~lanes;

    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        others |= named[lane] ^ named[0];
    }
    return !others;
}

/* named: the barrier's number of each lane. */
static void check_barrier(struct check_warp *warp, const uint32_t *named, uint32_t lanes,
                          uint32_t site)
{
    uint32_t first = first_of(lanes);
    char text[128];

    for (uint32_t rest = all_name(named, lanes) ? 0 : lanes; rest; rest &= rest - 1) {
        uint32_t lane = first_of(rest);

        if (named[lane] != named[first]) {
            snprintf(text, sizeof(text), "barrier %u, and barrier %u for others of the warp",
                     named[lane], named[first]);
            report_sync(warp, lane, site, text);
            return;
        }
    }
    come_to_barrier(warp, named[first], lanes, site);
}

void check_arrive(struct check_warp *warp, uint32_t barrier, bool waits)
{
    clock_arrive(warp->clock, barrier, waits);
}

void check_exit(struct check_warp *warp)
{
    clock_exit(warp->clock);
}

void check_leave(struct check_warp *warp, uint32_t barrier, bool is_of_all)
{
    clock_leave(warp->clock, barrier, is_of_all);
}

void check_barrier_done(struct check_block *block, uint32_t barrier)
{
    clock_barrier_done(&block->clock, barrier);
    for (uint32_t i = 0; i < block->count; i++) {
        struct check_warp *warp = &block->warps[i];

        if (warp->arrival.lanes && warp->arrival.number == barrier) {
            end_barrier(warp);
        }
    }
}

void check_stuck(struct check_warp *warp, bool at_barrier, uint32_t lanes)
{
    if (has(warp->block->check, CHECK_SYNC)) {
        report_sync(warp, first_of(lanes), warp->sites[first_of(lanes)],
                    at_barrier ? "the barrier is waited at for ever"
                               : "lanes that it names never take part");
    }
}

void check_handed_over(struct check_warp *warp, uint64_t offset, uint64_t size, uint32_t lanes)
{
    struct check_block *block = warp->block;

    for (; lanes; lanes &= lanes - 1) {
        uint64_t thread = warp->number * WARP_LANES + first_of(lanes);

        shadow_write(&block->local.shadow,
                     block->local.start + thread * block->local_stride + offset, size);
    }
}

void check_mbarrier(struct check_warp *warp, const uint64_t *addresses, uint32_t mask, bool waits)
{
    struct region *shared = &warp->block->shared;

    for (; mask; mask &= mask - 1) {
        uint64_t address = addresses[first_of(mask)];

        if (waits) {
            clock_acquire(warp->clock, address);
            continue;
        }
        clock_release(warp->clock, address, CLOCK_BLOCK, true);
        if (address >= shared->start && address < shared->end &&
            sizeof(address) <= shared->end - address) {
            shadow_write(&shared->shadow, address, sizeof(address));
        }
    }
}

/* ---- Lanes that wait for each other ---- */

static uint32_t lanes_that_name(const uint32_t *named, uint32_t lanes, uint32_t names)
{
    uint32_t same = 0;

    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        same |= (uint32_t)(named[lane] == names) << lane;
    }
    return same & lanes;
}

/* What is wrong with what a lane names; NULL: nothing. */
static const char *judge_names(const uint32_t *named, uint32_t lanes, uint32_t lane)
{
    uint32_t others = named[lane] & lanes;

    if (!(named[lane] >> lane & 1)) {
        return "the lanes that are named leave out its own";
    }
    for (; others; others &= others - 1) {
        if (named[first_of(others)] != named[lane]) {
            return "a lane that it names does not name the same";
        }
    }
    return NULL;
}

static void check_names(struct check_warp *warp, const uint32_t *named, uint32_t lanes,
                        uint32_t site)
{
    if (lanes_that_name(named, lanes, named[first_of(lanes)]) == lanes &&
        !(lanes & ~named[first_of(lanes)])) {
        return;
    }
    for (uint32_t rest = lanes; rest; rest &= rest - 1) {
        uint32_t lane = first_of(rest);
        const char *what = judge_names(named, lanes, lane);

        if (what != NULL) {
            report_sync(warp, lane, site, what);
        }
    }
}

static void order_together(struct check_warp *warp, const uint32_t *named, uint32_t lanes)
{
    uint32_t rest = lanes;

    while (rest) {
        uint32_t names = named[first_of(rest)];
        uint32_t group = lanes_that_name(named, rest, names);

        names &= lanes_there(warp);
        clock_together(warp->clock, names | group, names == lanes_there(warp));
        rest &= ~group;
    }
}

static void remember_site(struct check_warp *warp, uint32_t lanes, uint32_t site)
{
    if (lanes == UINT32_MAX) {
        for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
            warp->sites[lane] = site;
        }
        return;
    }
    for (; lanes; lanes &= lanes - 1) {
        warp->sites[first_of(lanes)] = site;
    }
}

static void do_together(struct check_warp *warp, enum warp_event event, const uint32_t *named,
                        uint32_t lanes, uint32_t site)
{
    bool sync = has(warp->block->check, CHECK_SYNC);

    remember_site(warp, lanes, site);
    if (event == WARP_EVENT_TOGETHER) {
        order_together(warp, named, lanes);
    } else if (sync && event == WARP_EVENT_MEETING) {
        check_names(warp, named, lanes, site);
    } else if (sync && event == WARP_EVENT_ALIGNED) {
        check_barrier(warp, named, lanes, site);
    }
}

void check_event(struct warp *of, uint32_t event, const uint32_t *named, uint32_t lanes,
                 uint32_t site)
{
    struct check_warp *warp = of->check;

    if (warp == NULL) {
        return;
    }
    lanes &= of->live;
    switch ((enum warp_event)event) {
    case WARP_EVENT_FENCE_BLOCK:
    case WARP_EVENT_FENCE:
        clock_fence(warp->clock, event == WARP_EVENT_FENCE ? CLOCK_ALL : CLOCK_BLOCK);
        return;
    case WARP_EVENT_EXIT:
        warp->done |= lanes;
        return;
    case WARP_EVENT_COMMIT:
        copies_commit(warp, lanes);
        return;
    case WARP_EVENT_WAIT_GROUP:
    case WARP_EVENT_WAIT_ALL:
        copies_wait(warp, event == WARP_EVENT_WAIT_ALL ? NULL : named, lanes);
        return;
    default:
        if (lanes) {
            do_together(warp, (enum warp_event)event, named, lanes, site);
        }
    }
}
