/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/check/race.h"

#include <string.h>

/* ---- One cell ---- */

static uint32_t thread_of(const struct check_warp *warp, uint32_t lane)
{
    return warp->number * WARP_LANES + lane;
}

static uint32_t who_is(const struct check_warp *warp, const struct access *access, uint32_t lane)
{
    uint32_t who = thread_of(warp, lane) | (access->site % SHADOW_SITES) << SHADOW_SITE_SHIFT;

    who |= access->order & WARP_ORDER_ALL ? SHADOW_STRONG_ALL : 0;
    who |= access->order & WARP_ORDER_BLOCK ? SHADOW_STRONG_BLOCK : 0;
    who |= access->is_cas ? SHADOW_CAS : 0;
    return who | (access->what == FINDING_ATOMIC ? SHADOW_ATOMIC : 0);
}

/* A touch of a cell that is there, and the lane that comes now. */
struct meeting {
    struct check_warp *warp;
    const struct access *access;
    const struct region *region;
    uint32_t lane, who;
};

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
    region_describe(meeting->warp, meeting->lane, finding.address, &finding.memory);
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
    const struct meeting meeting = {warp, access, region, lane, who_is(warp, access, lane)};
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
            line->write_max = warp->clock->block->clock->now;
            line->read_full = 0;
        }
        address = (address | (width - 1)) + 1;
    }
}

/* ---- Runs ---- */

/* Lanes of a run in the cells of a line: cells beside each other, lane by lane. */
struct stretch {
    struct shadow_cells *cells;
    uint32_t first, count; /* cells */
    uint32_t who;          /* of the first one's lane; the next one's is one more */
    uint32_t shift;        /* cells of a lane: 1 << shift */
};

/* No time is later: of whole lines at once. Times have 31 bits, so that a difference has a sign. */
static bool are_until(const uint32_t *time, uint32_t count, uint32_t last)
{
    uint32_t signs = 0;

    if (count == SHADOW_CELLS) {
        for (uint32_t i = 0; i < SHADOW_CELLS; i++) {
            signs |= last - time[i];
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            signs |= last - time[i];
        }
    }
    return !(signs >> 31);
}

static void fill(uint32_t *words, uint32_t count, uint32_t word)
{
    if (count == SHADOW_CELLS) {
        for (uint32_t i = 0; i < SHADOW_CELLS; i++) {
            words[i] = word;
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            words[i] = word;
        }
    }
}

/* Of each lane one more than of the lane before. */
static void count_up(uint32_t *words, uint32_t count, uint32_t first, uint32_t shift)
{
    if (count == SHADOW_CELLS && shift == 0) {
        for (uint32_t i = 0; i < SHADOW_CELLS; i++) {
            words[i] = first + i;
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            words[i] = first + (i >> shift);
        }
    }
}

/* No touch in this slot is another thread's that is not ordered. */
static bool is_slot_clear(const struct meeting *meeting, const struct stretch *stretch,
                          enum shadow_slot slot)
{
    const uint32_t *time = &stretch->cells->time[slot][stretch->first];
    const uint32_t *who = &stretch->cells->who[slot][stretch->first];
    const uint32_t *block = &stretch->cells->block[slot][stretch->first];
    const struct clock_block *own = meeting->warp->clock->block;
    bool is_shared = meeting->region->kind == REGION_SHARED;
    uint32_t floor = meeting->warp->clock->floor;
    uint32_t launch = race_ordered(meeting->warp, meeting->region);
    uint32_t thread = stretch->who & SHADOW_THREAD;
    uint32_t others = 1;

    if (are_until(time, stretch->count, launch)) {
        return true;
    }
    for (uint32_t i = 0; i < stretch->count; i++) {
        bool is_own = is_shared || block[i] == own->number;
        bool is_lane = (who[i] & SHADOW_THREAD) == thread + (i >> stretch->shift);

        others += time[i] > launch && !(is_own && (time[i] <= floor || is_lane));
    }
    return others == 1;
}

static void put_stretch(const struct meeting *meeting, const struct stretch *stretch,
                        enum shadow_slot slot)
{
    uint32_t *time = &stretch->cells->time[slot][stretch->first];
    uint32_t *who = &stretch->cells->who[slot][stretch->first];
    uint32_t *block = &stretch->cells->block[slot][stretch->first];
    const struct clock_block *own = meeting->warp->clock->block;

    fill(time, stretch->count, own->clock->now);
    count_up(who, stretch->count, stretch->who, stretch->shift);
    if (meeting->region->kind != REGION_SHARED) {
        fill(block, stretch->count, own->number);
    }
}

static bool is_slot_taken(const struct meeting *meeting, const struct stretch *stretch,
                          enum shadow_slot slot)
{
    const uint32_t *time = &stretch->cells->time[slot][stretch->first];
    uint32_t launch = race_ordered(meeting->warp, meeting->region), taken = 1;

    for (uint32_t i = 0; i < stretch->count; i++) {
        taken &= time[i] > launch;
    }
    return taken;
}

/* False: lane by lane. */
static bool read_stretch(const struct meeting *meeting, const struct stretch *stretch)
{
    if (!is_slot_clear(meeting, stretch, SHADOW_WRITE)) {
        return false;
    }
    for (enum shadow_slot slot = SHADOW_READ; slot <= SHADOW_OTHER_READ; slot++) {
        if (is_slot_clear(meeting, stretch, slot)) {
            put_stretch(meeting, stretch, slot);
            return true;
        }
    }
    return is_slot_taken(meeting, stretch, SHADOW_READ) &&
           is_slot_taken(meeting, stretch, SHADOW_OTHER_READ);
}

static bool write_stretch(const struct meeting *meeting, const struct stretch *stretch)
{
    struct shadow_cells *cells = stretch->cells;

    for (enum shadow_slot slot = SHADOW_WRITE; slot < SHADOW_SLOTS; slot++) {
        if (!is_slot_clear(meeting, stretch, slot)) {
            return false;
        }
    }
    put_stretch(meeting, stretch, SHADOW_WRITE);
    fill(&cells->time[SHADOW_READ][stretch->first], stretch->count, 0);
    fill(&cells->time[SHADOW_OTHER_READ][stretch->first], stretch->count, 0);
    return true;
}

/* The earliest read that a line of words holds. */
static uint32_t earliest_read(const struct shadow_cells *cells)
{
    int32_t earliest = INT32_MAX;

    for (uint32_t i = 0; i < SHADOW_CELLS; i++) {
        int32_t a = (int32_t)cells->time[SHADOW_READ][i];
        int32_t b = (int32_t)cells->time[SHADOW_OTHER_READ][i];

        a = a < b ? a : b;
        earliest = a < earliest ? a : earliest;
    }
    return (uint32_t)earliest;
}

static uint32_t log2_of(uint32_t size)
{
    return (uint32_t)__builtin_ctz(size);
}

/* The run's lanes from `lane` on, within a line. False: lane by lane. */
static bool meet_stretch(const struct meeting *meeting, struct shadow_line *line, uint64_t address,
                         uint32_t bytes)
{
    uint32_t size = meeting->access->size;
    struct stretch stretch = {.who = meeting->who};
    bool done;

    stretch.cells = shadow_cells(line, address, size);
    if (stretch.cells == NULL) {
        return true;
    }
    if (line->is_bytes) {
        return false;
    }
    stretch.first = (uint32_t)(address % SHADOW_LINE / 4);
    stretch.count = bytes / 4;
    stretch.shift = log2_of(size) - 2;
    if (meeting->access->what == FINDING_READ) {
        done = read_stretch(meeting, &stretch);
        line->read_full = done ? earliest_read(stretch.cells) : line->read_full;
        return done;
    }
    done = write_stretch(meeting, &stretch);
    if (done) {
        line->write_max = meeting->warp->clock->block->clock->now;
        line->read_full = 0;
    }
    return done;
}

static bool race_adjacent(struct check_warp *warp, const struct access *access,
                          const struct region *region, const struct access_run *run)
{
    struct meeting meeting = {warp, access, region, run->lane, 0};
    uint32_t lane = run->lane, end = run->lane + run->count;

    while (lane < end) {
        uint64_t address = run->address + (uint64_t)(lane - run->lane) * access->size;
        uint32_t room = (uint32_t)(SHADOW_LINE - address % SHADOW_LINE) / access->size;
        uint32_t lanes = room < end - lane ? room : end - lane;
        struct shadow_line *line = shadow_line(&region->shadow, address);

        meeting.lane = lane;
        meeting.who = who_is(warp, access, lane);
        if (!(access->what == FINDING_READ && race_is_known(warp, region, line)) &&
            !meet_stretch(&meeting, line, address, lanes * access->size)) {
            if (access->addresses == NULL) {
                return false;
            }
            for (uint32_t i = lane; i < lane + lanes; i++) {
                race_lane(warp, access, region, i);
            }
        }
        lane += lanes;
    }
    return true;
}

/* Of all lanes two stand for all. False: one thread has read it, which is not ordered. */
static bool read_cell(const struct check_warp *warp, const struct region *region,
                      struct shadow_cells *cells, uint32_t cell, uint32_t who)
{
    uint32_t ordered = race_ordered(warp, region), now = warp->clock->block->clock->now;
    bool is_free = cells->time[SHADOW_READ][cell] <= ordered;

    if (is_free != (cells->time[SHADOW_OTHER_READ][cell] <= ordered)) {
        return false;
    }
    if (is_free) {
        cells->time[SHADOW_READ][cell] = cells->time[SHADOW_OTHER_READ][cell] = now;
        cells->who[SHADOW_READ][cell] = who;
        cells->who[SHADOW_OTHER_READ][cell] = who + 1;
        cells->block[SHADOW_READ][cell] = cells->block[SHADOW_OTHER_READ][cell] =
            warp->clock->block->number;
    }
    return true;
}

/* Cells of a line from `first` on. */
static bool read_cells(const struct check_warp *warp, const struct region *region,
                       struct shadow_line *line, uint32_t first, const struct race_words *words)
{
    uint32_t count = words->size * words->count / 4, shift = log2_of(words->size) - 2;
    uint32_t who = warp->number * WARP_LANES;
    bool done =
        are_until(&line->cells->time[SHADOW_WRITE][first], count, race_ordered(warp, region));

    for (uint32_t i = 0; i < count && done; i++) {
        uint32_t site = (words->site + (i >> shift)) % SHADOW_SITES;

        done = read_cell(warp, region, line->cells, first + i, who | site << SHADOW_SITE_SHIFT);
    }
    return done;
}

bool race_read_same(const struct check_warp *warp, const struct region *region,
                    const struct race_words *words)
{
    struct race_words rest = *words;
    bool done = words->size >= 4;

    while (rest.count && done) {
        struct shadow_line *line = shadow_line(&region->shadow, rest.address);
        uint32_t place = rest.address % SHADOW_LINE, room = (SHADOW_LINE - place) / rest.size;
        struct race_words now = rest;

        now.count = room < rest.count ? room : rest.count;
        done =
            race_is_known(warp, region, line) || (line->cells != NULL && !line->is_bytes &&
                                                  read_cells(warp, region, line, place / 4, &now));
        rest.address += (uint64_t)now.count * rest.size;
        rest.site += now.count;
        rest.count -= now.count;
    }
    return done;
}

bool race_run(struct check_warp *warp, const struct access *access, const struct region *region,
              const struct access_run *run)
{
    const struct race_words words = {run->address, access->size, 1, access->site};

    if (!run->is_same) {
        return race_adjacent(warp, access, region, run);
    }
    if (access->what == FINDING_READ && run->lane == 0 && race_read_same(warp, region, &words)) {
        return true;
    }
    for (uint32_t i = run->lane; access->addresses != NULL && i < run->lane + run->count; i++) {
        race_lane(warp, access, region, i);
    }
    return access->addresses != NULL;
}
