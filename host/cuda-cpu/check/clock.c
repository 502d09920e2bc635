/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/check/clock.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/knowledge.h"

/* Addresses of strong accesses that tell something. Beyond so many, who reads one knows all. */
#define OBJECTS_MAX 65536u

/* What strong writes to an address have told. */
struct clock_object {
    uint64_t address;
    uint32_t time;  /* of the last one; 0: nobody told anything */
    uint32_t block; /* that told its own threads */
    struct knowledge *told[CLOCK_SCOPES];
};

/* With a sign, of which processors make vectors. */
static inline uint32_t later(uint32_t a, uint32_t b)
{
    return (int32_t)a > (int32_t)b ? a : b;
}

static void join_known(uint32_t *restrict to, const uint32_t *restrict from)
{
    for (uint32_t i = 0; i < CLOCK_WARPS; i++) {
        to[i] = later(to[i], from[i]);
    }
}

/* The present, which is over. At the end of time it stays: then too much is ordered. */
static uint32_t step(struct clock *clock)
{
    return clock->now < CLOCK_END ? clock->now++ : clock->now;
}

/* ---- Objects ---- */

static void forget_objects(struct clock *clock)
{
    for (size_t i = 0; i < clock->object_size; i++) {
        knowledge_drop(clock->objects[i].told[CLOCK_BLOCK]);
        knowledge_drop(clock->objects[i].told[CLOCK_ALL]);
    }
    free(clock->objects);
    clock->objects = NULL;
    clock->object_count = clock->object_size = 0;
}

/* The address's place, or the free one where it would be. */
static struct clock_object *find_object(const struct clock *clock, uint64_t address)
{
    size_t mask = clock->object_size - 1;
    size_t i = (size_t)(address * UINT64_C(0x9E3779B97F4A7C15) >> 32) & mask;

    while (clock->objects[i].time && clock->objects[i].address != address) {
        i = (i + 1) & mask;
    }
    return &clock->objects[i];
}

static bool grow(struct clock *clock)
{
    struct clock larger = {.object_size = clock->object_size ? clock->object_size * 2 : 64};

    larger.objects = calloc(larger.object_size, sizeof(*larger.objects));
    if (larger.objects == NULL) {
        return false;
    }
    for (size_t i = 0; i < clock->object_size; i++) {
        if (clock->objects[i].time) {
            *find_object(&larger, clock->objects[i].address) = clock->objects[i];
        }
    }
    free(clock->objects);
    clock->objects = larger.objects;
    clock->object_size = larger.object_size;
    return true;
}

/* NULL: there are too many. */
static struct clock_object *make_object(struct clock *clock, uint64_t address)
{
    struct clock_object *object;

    if (clock->object_count * 2 >= clock->object_size &&
        (clock->object_count >= OBJECTS_MAX || !grow(clock))) {
        return NULL;
    }
    object = find_object(clock, address);
    if (!object->time) {
        object->address = address;
        clock->object_count++;
    }
    object->time = clock->now;
    return object;
}

/* ---- Launches and blocks ---- */

void clock_launch(struct clock *clock)
{
    forget_objects(clock);
    clock->now = clock->now ? clock->now : 1;
    clock->launch = step(clock);
}

void clock_destroy(struct clock *clock)
{
    forget_objects(clock);
}

bool clock_block_create(struct clock_block *block, struct clock *clock, uint32_t warps)
{
    memset(block, 0, sizeof(*block));
    block->clock = clock;
    block->warps = calloc(warps, sizeof(*block->warps));
    if (block->warps == NULL) {
        return false;
    }
    block->count = warps;
    for (uint32_t i = 0; i < warps; i++) {
        block->warps[i].block = block;
        block->warps[i].number = i;
    }
    return true;
}

static void forget_fences(struct clock_fence fences[CLOCK_SCOPES])
{
    for (unsigned scope = 0; scope < CLOCK_SCOPES; scope++) {
        knowledge_drop(fences[scope].foreign);
        fences[scope] = (struct clock_fence){0};
    }
}

void clock_barrier_done(struct clock_block *block, uint32_t barrier)
{
    struct clock_barrier *done = &block->barriers[barrier];

    knowledge_drop(done->foreign);
    forget_fences(done->fences);
    memset(done, 0, sizeof(*done));
}

static void forget_warp(struct clock_warp *warp)
{
    knowledge_drop(warp->foreign);
    warp->foreign = NULL;
    forget_fences(warp->fences);
}

void clock_block_begin(struct clock_block *block, uint32_t number)
{
    block->number = number;
    block->begin = step(block->clock);
    block->gone = 0;
    for (uint32_t i = 0; i < CLOCK_BARRIERS; i++) {
        clock_barrier_done(block, i);
    }
    for (uint32_t i = 0; i < block->count; i++) {
        struct clock_warp *warp = &block->warps[i];

        forget_warp(warp);
        warp->floor = warp->together = block->begin;
        for (uint32_t j = 0; j < block->count; j++) {
            warp->known[j] = block->begin;
        }
    }
}

void clock_block_destroy(struct clock_block *block)
{
    for (uint32_t i = 0; i < CLOCK_BARRIERS; i++) {
        clock_barrier_done(block, i);
    }
    for (uint32_t i = 0; i < block->count; i++) {
        forget_warp(&block->warps[i]);
    }
    free(block->warps);
}

/* ---- What orders ---- */

static void set_floor(struct clock_warp *warp)
{
    uint32_t floor = warp->together;

    for (uint32_t i = 0; i < warp->block->count; i++) {
        if (i != warp->number && warp->known[i] < floor) {
            floor = warp->known[i];
        }
    }
    warp->floor = floor;
}

static uint32_t most_known_of_others(const struct clock_warp *warp)
{
    uint32_t most = 0;

    for (uint32_t i = 0; i < warp->block->count; i++) {
        most = i != warp->number ? later(most, warp->known[i]) : most;
    }
    return most;
}

static void set_fence(struct clock_warp *warp, enum clock_scope scope, uint32_t time)
{
    struct clock_fence *fence = &warp->fences[scope];

    fence->time = time;
    fence->common = most_known_of_others(warp);
    knowledge_join(&fence->foreign, warp->foreign, time);
}

void clock_fence(struct clock_warp *warp, enum clock_scope scope)
{
    uint32_t time = step(warp->block->clock);

    set_fence(warp, CLOCK_BLOCK, time);
    if (scope == CLOCK_ALL) {
        set_fence(warp, CLOCK_ALL, time);
    }
}

/* All that any of the lanes knows, each of them knows, and what they did until now. */
static void pair_lanes(struct clock_warp *warp, uint32_t lanes, uint32_t time)
{
    uint32_t joined[CLOCK_LANES] = {0};

    for (uint32_t rest = lanes; rest; rest &= rest - 1) {
        const uint32_t *known = warp->pairs[__builtin_ctz(rest)];

        for (uint32_t i = 0; i < CLOCK_LANES; i++) {
            joined[i] = lanes >> i & 1 ? time : later(joined[i], known[i]);
        }
    }
    for (uint32_t rest = lanes; rest; rest &= rest - 1) {
        memcpy(warp->pairs[__builtin_ctz(rest)], joined, sizeof(joined));
    }
}

void clock_together(struct clock_warp *warp, uint32_t lanes, bool is_all)
{
    uint32_t time = step(warp->block->clock);

    if (is_all) {
        warp->together = time;
        set_floor(warp);
    } else {
        pair_lanes(warp, lanes, time);
    }
}

/* A fence before a barrier counts for who comes behind it. */
static void join_fence(struct clock_fence *to, const struct clock_fence *from, uint32_t now)
{
    to->common = later(to->common, later(from->time, from->common));
    knowledge_join(&to->foreign, from->foreign, now);
}

void clock_exit(struct clock_warp *warp)
{
    warp->block->gone |= 1u << warp->number;
}

void clock_arrive(struct clock_warp *warp, uint32_t number, bool waits)
{
    struct clock_barrier *barrier = &warp->block->barriers[number];
    uint32_t now = step(warp->block->clock);

    warp->known[warp->number] = now;
    barrier->waiting |= waits ? 1u << warp->number : 0;
    join_known(barrier->known, warp->known);
    knowledge_join(&barrier->foreign, warp->foreign, now);
    for (unsigned scope = 0; scope < CLOCK_SCOPES; scope++) {
        join_fence(&barrier->fences[scope], &warp->fences[scope], now);
    }
}

static uint32_t warps_of(const struct clock_block *block)
{
    return UINT32_MAX >> (CLOCK_WARPS - block->count);
}

static void know_all(struct clock_warp *warp, uint32_t now)
{
    for (uint32_t i = 0; i < CLOCK_WARPS; i++) {
        warp->known[i] = now;
    }
    warp->floor = now;
}

/* Of the others, until they came to the barrier, if they did. */
static void know_those(struct clock_warp *warp, uint32_t still, const uint32_t *came, uint32_t now)
{
    for (uint32_t i = 0; i < warp->block->count; i++) {
        warp->known[i] = still >> i & 1 ? now : later(came[i], warp->known[i]);
    }
    set_floor(warp);
}

void clock_leave(struct clock_warp *warp, uint32_t number, bool is_of_all)
{
    struct clock_barrier *barrier = &warp->block->barriers[number];
    uint32_t still, now;

    if (!barrier->released) {
        barrier->released = step(warp->block->clock);
    }
    now = warp->together = barrier->released;
    still = barrier->waiting | (is_of_all ? warp->block->gone : 0);
    if (still == warps_of(warp->block)) {
        know_all(warp, now);
    } else {
        know_those(warp, still, barrier->known, now);
    }
    knowledge_join(&warp->foreign, barrier->foreign, now);
    for (unsigned scope = 0; scope < CLOCK_SCOPES; scope++) {
        join_fence(&warp->fences[scope], &barrier->fences[scope], now);
    }
}

/* What was told at an address. */
static void learn(struct clock_warp *warp, struct knowledge *told)
{
    const struct known_block *own = knowledge_find(told, warp->block->number);

    if (told == NULL) {
        return;
    }
    for (uint32_t i = 0; i < warp->block->count; i++) {
        uint32_t time = own == NULL ? 0 : i == own->warp ? own->time : own->common;

        time = later(time, told->everything);
        if (i == warp->number) {
            warp->together = later(warp->together, time);
        } else {
            warp->known[i] = later(warp->known[i], time);
        }
    }
    knowledge_join(&warp->foreign, told, warp->block->clock->now);
    set_floor(warp);
}

static bool is_full(const struct clock *clock)
{
    return clock->object_count >= OBJECTS_MAX;
}

void clock_acquire(struct clock_warp *warp, uint64_t address)
{
    const struct clock *clock = warp->block->clock;
    const struct clock_object *object;
    struct knowledge *all;

    if (!clock->object_count) {
        return;
    }
    object = find_object(clock, address);
    if (object->time && object->block == warp->block->number) {
        learn(warp, object->told[CLOCK_BLOCK]);
    }
    if (object->time) {
        learn(warp, object->told[CLOCK_ALL]);
    } else if (is_full(clock)) {
        all = knowledge_of_all(clock->now);
        learn(warp, all);
        knowledge_drop(all);
    }
}

static void tell(struct clock_warp *warp, struct knowledge **told, const struct clock_fence *fence,
                 uint32_t now)
{
    const struct known_block own = {
        .block = warp->block->number,
        .warp = warp->number,
        .time = fence->time,
        .common = fence->common,
    };
    struct knowledge *knowledge = knowledge_of(&own);

    knowledge_join(told, fence->foreign, now);
    knowledge_join(told, knowledge, now);
    knowledge_drop(knowledge);
}

void clock_release(struct clock_warp *warp, uint64_t address, enum clock_scope scope,
                   bool is_release)
{
    struct clock *clock = warp->block->clock;
    struct clock_object *object;

    if (is_release) {
        clock_fence(warp, scope);
    }
    if (!warp->fences[CLOCK_BLOCK].time && !warp->fences[CLOCK_BLOCK].common) {
        return;
    }
    object = make_object(clock, address);
    if (object == NULL) {
        return;
    }
    if (object->block != warp->block->number) {
        knowledge_drop(object->told[CLOCK_BLOCK]);
        object->told[CLOCK_BLOCK] = NULL;
        object->block = warp->block->number;
    }
    tell(warp, &object->told[CLOCK_BLOCK], &warp->fences[CLOCK_BLOCK], clock->now);
    if (scope == CLOCK_ALL && (warp->fences[CLOCK_ALL].time || warp->fences[CLOCK_ALL].common)) {
        tell(warp, &object->told[CLOCK_ALL], &warp->fences[CLOCK_ALL], clock->now);
    }
}

/* ---- What is ordered ---- */

bool clock_knows(const struct clock_warp *warp, uint32_t lane, uint32_t time, uint32_t block,
                 uint32_t thread)
{
    uint32_t other_warp = thread / CLOCK_LANES, other_lane = thread % CLOCK_LANES;
    const struct known_block *told;

    if (block == warp->block->number && other_warp == warp->number) {
        return other_lane == lane || time <= warp->together ||
               time <= warp->pairs[lane][other_lane];
    }
    if (block == warp->block->number) {
        return time <= warp->known[other_warp];
    }
    if (time <= warp->block->clock->launch ||
        (warp->foreign != NULL && time <= warp->foreign->everything)) {
        return true;
    }
    told = knowledge_find(warp->foreign, block);
    return told != NULL && time <= (other_warp == told->warp ? told->time : told->common);
}
