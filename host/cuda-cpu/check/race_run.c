/* SPDX-License-Identifier: BSD-2-Clause */
/* Lanes whose bytes lie beside each other, or are the same: all of a line at once, or stretches of
 * its cells. */
#include "host/cuda-cpu/check/race.h"

/* ---- Stretches ---- */

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
static bool meet_stretch(const struct meeting *meeting, uint64_t address, uint32_t bytes)
{
    struct shadow_line *line = shadow_line(&meeting->region->shadow, address);
    uint32_t size = meeting->access->size;
    struct stretch stretch = {.who = meeting->who};
    struct shadow_times *times = shadow_times(&meeting->region->shadow, address);
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
        times->read_full = done ? earliest_read(stretch.cells) : times->read_full;
        return done;
    }
    done = write_stretch(meeting, &stretch);
    if (done) {
        race_wrote(meeting->warp, times);
    }
    return done;
}

/* ---- Whole lines ---- */

/* What the touch was is ordered before, or each of its words was this one's lane's. */
static inline bool is_touch_clear(const struct meeting *meeting, const struct shadow_touch *before,
                                  const struct shadow_touch *now)
{
    bool is_own = meeting->region->kind == REGION_SHARED || before->block == now->block;
    bool is_lane = !((before->who ^ now->who) & SHADOW_THREAD) && before->shift == now->shift &&
                   !before->is_same && !now->is_same;

    return before->time <= race_ordered(meeting->warp, meeting->region) ||
           (is_own && (before->time <= meeting->warp->clock->floor || is_lane));
}

/* Of words of this size, by the warp now. */
static struct shadow_touch touch_of(const struct check_warp *warp, uint32_t who, uint32_t size)
{
    const struct clock_block *block = warp->clock->block;

    return (struct shadow_touch){
        .time = block->clock->now,
        .who = who,
        .block = block->number,
        .shift = (uint8_t)(log2_of(size) - 2),
    };
}

/* A line that was spread is one again when all that is known of it is ordered before. */
static bool gather_line(const struct meeting *meeting, struct shadow_line *line)
{
    uint32_t ordered = race_ordered(meeting->warp, meeting->region);

    for (unsigned slot = 0; slot < SHADOW_SLOTS; slot++) {
        if (line->is_bytes || !are_until(line->cells->time[slot], SHADOW_CELLS, ordered)) {
            return false;
        }
    }
    line->is_spread = false;
    return true;
}

/* False: word by word. */
static bool write_line(const struct meeting *meeting, struct shadow_line *line,
                       struct shadow_times *times)
{
    const struct shadow_touch now = touch_of(meeting->warp, meeting->who, meeting->access->size);

    if (line->is_spread ? !gather_line(meeting, line)
                        : !(is_touch_clear(meeting, &line->touches[SHADOW_WRITE], &now) &&
                            is_touch_clear(meeting, &line->touches[SHADOW_READ], &now) &&
                            is_touch_clear(meeting, &line->touches[SHADOW_OTHER_READ], &now))) {
        return false;
    }
    line->touches[SHADOW_WRITE] = now;
    line->touches[SHADOW_READ].time = line->touches[SHADOW_OTHER_READ].time = 0;
    race_wrote(meeting->warp, times);
    return true;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* False: word by word. */
static bool read_line(const struct meeting *meeting, struct shadow_line *line,
                      struct shadow_times *times)
{
    const struct shadow_touch now = touch_of(meeting->warp, meeting->who, meeting->access->size);
    struct shadow_touch *touches = line->touches;

    if (line->is_spread || !is_touch_clear(meeting, &touches[SHADOW_WRITE], &now)) {
        return false;
    }
    if (is_touch_clear(meeting, &touches[SHADOW_READ], &now)) {
        touches[SHADOW_READ] = now;
    } else if (is_touch_clear(meeting, &touches[SHADOW_OTHER_READ], &now)) {
        touches[SHADOW_OTHER_READ] = now;
    }
    times->read_full = earlier(touches[SHADOW_READ].time, touches[SHADOW_OTHER_READ].time);
    return true;
}

static bool meet_line(const struct meeting *meeting, uint64_t address)
{
    struct shadow_line *line = shadow_line(&meeting->region->shadow, address);
    struct shadow_times *times = shadow_times(&meeting->region->shadow, address);

    return meeting->access->what == FINDING_READ ? read_line(meeting, line, times)
                                                 : write_line(meeting, line, times);
}

/* The run's lanes from `lane` on, in a line. False: lane by lane. */
static bool meet_lanes(const struct meeting *meeting, uint64_t address, uint32_t lanes)
{
    uint32_t bytes = lanes * meeting->access->size;

    return (meeting->access->what == FINDING_READ &&
            race_is_known(meeting->warp, meeting->region, address)) ||
           (bytes == SHADOW_LINE && meeting->access->size >= 4 && meet_line(meeting, address)) ||
           meet_stretch(meeting, address, bytes);
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

        meeting.lane = lane;
        meeting.who = race_who(warp, access, lane);
        if (!meet_lanes(&meeting, address, lanes)) {
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

/* Of a whole line. */
static bool read_line_same(const struct check_warp *warp, const struct region *region,
                           struct shadow_line *line, const struct race_words *words)
{
    uint32_t ordered = race_ordered(warp, region);
    uint32_t who = (warp->number * WARP_LANES + words->lane) | words->site << SHADOW_SITE_SHIFT;
    struct shadow_touch *touches = line->touches, now = touch_of(warp, who, words->size);
    bool is_free = touches[SHADOW_READ].time <= ordered;

    if (touches[SHADOW_WRITE].time > ordered ||
        is_free != (touches[SHADOW_OTHER_READ].time <= ordered)) {
        return false;
    }
    if (is_free) {
        now.is_same = true;
        touches[SHADOW_READ] = touches[SHADOW_OTHER_READ] = now;
        touches[SHADOW_OTHER_READ].who++;
        shadow_times(&region->shadow, words->address)->read_full = now.time;
    }
    return true;
}

/* Cells of a line from `first` on. */
static bool read_cells(const struct check_warp *warp, const struct region *region,
                       struct shadow_line *line, uint32_t first, const struct race_words *words)
{
    uint32_t count = words->size * words->count / 4, shift = log2_of(words->size) - 2;
    uint32_t who = warp->number * WARP_LANES + words->lane;
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
        done = race_is_known(warp, region, rest.address) ||
               (!line->is_spread && now.count * now.size == SHADOW_LINE
                    ? read_line_same(warp, region, line, &now)
                    : shadow_cells(line, rest.address, rest.size) != NULL && !line->is_bytes &&
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
    const struct race_words words = {run->address, access->size, 1, access->site, run->lane};

    if (!run->is_same) {
        return race_adjacent(warp, access, region, run);
    }
    if (access->what == FINDING_READ && race_read_same(warp, region, &words)) {
        return true;
    }
    for (uint32_t i = run->lane; access->addresses != NULL && i < run->lane + run->count; i++) {
        race_lane(warp, access, region, i);
    }
    return access->addresses != NULL;
}
