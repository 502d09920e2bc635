/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/check/race.h"

#include <string.h>

/* ---- One cell ---- */

static uint32_t thread_of(const struct check_warp *warp, uint32_t lane)
{
    return warp->number * WARP_LANES + lane % WARP_LANES;
}

uint32_t race_who(const struct check_warp *warp, const struct access *access, uint32_t lane)
{
    uint32_t site = (access->site + lane / WARP_LANES) % SHADOW_SITES;
    uint32_t who = thread_of(warp, lane) | site << SHADOW_SITE_SHIFT;

    who |= access->order & WARP_ORDER_ALL ? SHADOW_STRONG_ALL : 0;
    who |= access->order & WARP_ORDER_BLOCK ? SHADOW_STRONG_BLOCK : 0;
    who |= access->is_cas ? SHADOW_CAS : 0;
    return who | (access->what == FINDING_ATOMIC ? SHADOW_ATOMIC : 0);
}

static uint32_t block_of(const struct meeting *meeting, const struct shadow_cells *cells,
                         enum shadow_slot slot, uint32_t cell)
{
    return meeting->region->kind == REGION_SHARED ? meeting->warp->clock->block->number
                                                  : cells->block[slot][cell];
}

static bool is_ordered(const struct meeting *meeting, const struct shadow_cells *cells,
                       enum shadow_slot slot, uint32_t cell)
{
    uint32_t time = cells->time[slot][cell];
    const struct clock_warp *clock = meeting->warp->clock;

    /* Shared memory is another block's before this one begins. */
    return time <= clock->block->clock->launch ||
           (meeting->region->kind == REGION_SHARED && time <= clock->floor) ||
           clock_knows(clock, meeting->lane, time, block_of(meeting, cells, slot, cell),
                       cells->who[slot][cell] & SHADOW_THREAD);
}

/* Two strong accesses, each for who does the other: PTX ISA 8.7.1. */
static bool are_both_strong(const struct meeting *meeting, uint32_t other, uint32_t block)
{
    const uint32_t strong = SHADOW_STRONG_BLOCK | SHADOW_STRONG_ALL;

    if (block == meeting->warp->clock->block->number) {
        return (meeting->who & strong) && (other & strong);
    }
    return meeting->who & other & SHADOW_STRONG_ALL;
}

/* A weak read before a loop of compare-and-swap is how atomics are made that there are none of:
 * what it reads is compared. */
static bool is_guess(const struct meeting *meeting, uint32_t other, enum shadow_slot slot)
{
    return meeting->access->what == FINDING_READ ? (other & SHADOW_CAS) != 0
                                                 : meeting->access->is_cas && slot != SHADOW_WRITE;
}

/* The value is there already, or comes with the same instruction: nobody sees who was first. */
static bool is_same_value(const struct meeting *meeting, uint32_t other, uint32_t block)
{
    const struct access *access = meeting->access;
    uint32_t lane = (other & SHADOW_THREAD) % WARP_LANES, size = access->size;
    const unsigned char *value;

    if (access->values == NULL) {
        return false;
    }
    value = access->values + (size_t)meeting->lane * size;
    if (block == meeting->warp->clock->block->number &&
        thread_of(meeting->warp, lane) == (other & SHADOW_THREAD) && lane < meeting->lane &&
        access->mask >> lane & 1 && access->addresses[lane] == access->addresses[meeting->lane]) {
        return memcmp(value, access->values + (size_t)lane * size, size) == 0;
    }
    return memcmp(value, (const void *)(uintptr_t)access->addresses[meeting->lane], size) == 0;
}

static bool is_race(const struct meeting *meeting, const struct shadow_cells *cells,
                    enum shadow_slot slot, uint32_t cell)
{
    uint32_t other = cells->who[slot][cell], block;

    if (is_ordered(meeting, cells, slot, cell)) {
        return false;
    }
    block = block_of(meeting, cells, slot, cell);
    return !are_both_strong(meeting, other, block) && !is_guess(meeting, other, slot) &&
           !(slot == SHADOW_WRITE && meeting->access->what == FINDING_WRITE &&
             is_same_value(meeting, other, block));
}

static struct finding_thread other_thread(const struct meeting *meeting, uint32_t who,
                                          uint32_t block, enum shadow_slot slot)
{
    const struct check_launch *launch = meeting->warp->block->check->launch;
    uint32_t thread = who & SHADOW_THREAD;

    return (struct finding_thread){
        .thread = {thread % launch->block[0], thread / launch->block[0] % launch->block[1],
                   thread / launch->block[0] / launch->block[1]},
        .block = {block % launch->grid[0], block / launch->grid[0] % launch->grid[1],
                  block / launch->grid[0] / launch->grid[1]},
        .place = places_at(launch->places, who >> SHADOW_SITE_SHIFT),
        .access = who & SHADOW_ATOMIC    ? FINDING_ATOMIC
                  : slot == SHADOW_WRITE ? FINDING_WRITE
                                         : FINDING_READ,
    };
}

static void report_race(const struct meeting *meeting, uint32_t who, uint32_t block,
                        enum shadow_slot slot)
{
    const struct access *access = meeting->access;
    struct finding finding = finding_of(meeting->warp, meeting->lane, CHECK_RACE, access->site);

    finding.what = "unordered with another thread";
    finding.by.access = access->what;
    finding.address = access->addresses[meeting->lane];
    finding.size = access->size;
    finding.other = other_thread(meeting, who, block, slot);
    region_describe(meeting->warp, meeting->lane, &finding);
    report_add(&meeting->warp->block->check->report, &finding);
}

static void put(const struct meeting *meeting, struct shadow_cells *cells, enum shadow_slot slot,
                uint32_t cell)
{
    cells->time[slot][cell] = meeting->warp->clock->block->clock->now;
    cells->who[slot][cell] = meeting->who;
    cells->block[slot][cell] = meeting->warp->clock->block->number;
}

/* In the place of a read that is ordered, or of none if two others are there. */
static void put_read(const struct meeting *meeting, struct shadow_cells *cells, uint32_t cell)
{
    for (enum shadow_slot slot = SHADOW_READ; slot <= SHADOW_OTHER_READ; slot++) {
        if (is_ordered(meeting, cells, slot, cell)) {
            put(meeting, cells, slot, cell);
            return;
        }
    }
}

/* False: it was a race, which is reported. */
static bool meet(const struct meeting *meeting, struct shadow_cells *cells, uint32_t cell)
{
    bool is_read = meeting->access->what == FINDING_READ;
    enum shadow_slot last = is_read ? SHADOW_WRITE : SHADOW_OTHER_READ;
    bool found = false;

    for (enum shadow_slot slot = SHADOW_WRITE; slot <= last && !found; slot++) {
        found = is_race(meeting, cells, slot, cell);
        if (found) {
            report_race(meeting, cells->who[slot][cell], block_of(meeting, cells, slot, cell),
                        slot);
        }
    }
    if (is_read) {
        put_read(meeting, cells, cell);
    } else {
        put(meeting, cells, SHADOW_WRITE, cell);
        cells->time[SHADOW_READ][cell] = cells->time[SHADOW_OTHER_READ][cell] = 0;
    }
    return !found;
}

void race_lane(struct check_warp *warp, const struct access *access, const struct region *region,
               uint32_t lane)
{
    const struct meeting meeting = {warp, access, region, lane, race_who(warp, access, lane)};
    uint64_t address = access->addresses[lane], end = address + access->size;
    bool is_clean = true;

    while (address < end) {
        struct shadow_line *line = shadow_line(&region->shadow, address);
        struct shadow_cells *cells = shadow_cells(line, address, access->size);
        uint32_t width = line->is_bytes ? 1 : 4;

        if (cells == NULL) {
            return;
        }
        if (is_clean) {
            is_clean = meet(&meeting, cells, (uint32_t)(address / width % SHADOW_CELLS));
        }
        if (access->what != FINDING_READ) {
            race_wrote(warp, shadow_times(&region->shadow, address));
        }
        address = (address | (width - 1)) + 1;
    }
}
