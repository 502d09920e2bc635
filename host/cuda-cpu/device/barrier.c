/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that wait for each other: barriers of a block (PTX ISA 9.7.13.1), lanes of a warp. */
#include <stdio.h>
#include <string.h>

#include "host/cuda-cpu/check/watch.h"
#include "host/cuda-cpu/device/block.h"

/* ---- Barriers ---- */

static uint32_t present_of(const struct runner *runner)
{
    uint32_t lanes = 0;

    for (uint32_t i = 0; i < runner->path_count; i++) {
        lanes |= runner->paths[i]->live;
    }
    return lanes;
}

/* Without the processor's instruction, which not all of them have, compilers call a function. */
static uint32_t count(uint32_t lanes)
{
    lanes -= lanes >> 1 & 0x55555555;
    lanes = (lanes & 0x33333333) + (lanes >> 2 & 0x33333333);
    return ((lanes + (lanes >> 4)) & 0x0F0F0F0F) * 0x01010101 >> 24;
}

/* A warp of which all lanes have come that are left counts whole. */
static uint32_t threads_of(uint32_t arrived, uint32_t present)
{
    if (!arrived) {
        return 0;
    }
    return present & ~arrived ? count(arrived) : WARP_LANES;
}

static uint32_t answer_of(const struct barrier *barrier, enum warp_barrier operation)
{
    switch (operation) {
    case WARP_BARRIER_POPC:
        return barrier->yes;
    case WARP_BARRIER_AND:
        return barrier->no == 0;
    default:
        return barrier->yes > 0;
    }
}

static bool waits_at(const struct path *path, uint32_t number)
{
    return path->state == PATH_WAITS_AT_BARRIER && path->barrier == number;
}

static void release_barrier(struct block *block, uint32_t number)
{
    struct barrier *barrier = &block->barriers[number];

    for (uint32_t i = 0; i < block->warp_count; i++) {
        struct runner *runner = block->runners[i];

        for (uint32_t j = 0; j < runner->path_count; j++) {
            struct path *path = runner->paths[j];

            if (waits_at(path, number)) {
                path->state = PATH_RUNS;
                path->answer = answer_of(barrier, (enum warp_barrier)path->key);
                if (block->check != NULL) {
                    check_leave(runner->warp.check, number, barrier->expected == 0);
                }
            }
        }
    }
    if (block->check != NULL) {
        check_barrier_done(block->check, number);
    }
    memset(barrier, 0, sizeof(*barrier));
    block->used_barriers &= ~(1U << number);
}

/* When all have come, those who wait go on. */
static void look_at_barrier(struct block *block, uint32_t number)
{
    const struct barrier *barrier = &block->barriers[number];
    uint32_t expected = barrier->expected ? barrier->expected : block->running * WARP_LANES;

    if (barrier->threads >= expected) {
        release_barrier(block, number);
    }
}

/* Anew, since warps are not what they were. Those that ended are not expected, nor counted, where
 * all of the block are. */
static void count_threads(struct block *block, struct barrier *barrier)
{
    barrier->threads = 0;
    for (uint32_t i = 0; i < block->warp_count; i++) {
        uint32_t present = present_of(block->runners[i]);

        if (present || barrier->expected) {
            barrier->threads += threads_of(barrier->arrived[i], present);
        }
    }
}

static void arrive(struct runner *runner, struct barrier *barrier, uint32_t mask)
{
    uint32_t *arrived = &barrier->arrived[runner->warp.warpid];
    uint32_t present = runner_present(runner);

    barrier->threads -= threads_of(*arrived, present);
    *arrived |= mask;
    barrier->threads += threads_of(*arrived, present);
}

static void vote(struct barrier *barrier, uint32_t mask, uint32_t votes)
{
    barrier->yes += count(votes & mask);
    barrier->no += count(~votes & mask);
}

static uint32_t on_barrier(struct warp *warp, uint32_t number, uint32_t threads, uint32_t mask,
                           uint32_t votes, uint32_t operation)
{
    struct runner *runner = runner_of(warp);
    struct block *block = runner->block;

    if (threads % WARP_LANES) {
        warp->fault(warp, WARP_FAULT_TRAP, WARP_NO_SITE, mask);
        return 0;
    }
    if (warp->check != NULL) {
        check_arrive(warp->check, number, operation != WARP_BARRIER_ARRIVE);
    }
    block->barriers[number].expected = threads;
    block->used_barriers |= 1U << number;
    arrive(runner, &block->barriers[number], mask);
    if (operation > WARP_BARRIER_ARRIVE) {
        vote(&block->barriers[number], mask, votes);
    }
    if (operation != WARP_BARRIER_ARRIVE) {
        runner->current->state = PATH_WAITS_AT_BARRIER;
        runner->current->barrier = number;
        runner->current->lanes = mask;
        runner->current->key = operation;
    }
    look_at_barrier(block, number);
    runner_wait(runner, mask);
    return runner->current->answer;
}

/* Those whose values are the same as the first one's. */
static uint32_t lanes_alike(const uint32_t *values, uint32_t lanes)
{
    uint32_t first = (uint32_t)__builtin_ctz(lanes), alike = 0;

    for (uint32_t lane = first; lane < WARP_LANES; lane++) {
        alike |= (uint32_t)(values[lane] == values[first]) << lane;
    }
    return alike & lanes;
}

/* Lanes with other values go on apart from the first one's, and do the same. Those that are left
 * here. */
static uint32_t part_by(struct runner *runner, const uint32_t *values, uint32_t lanes)
{
    uint32_t alike;

    while ((alike = lanes_alike(values, lanes)) != lanes) {
        runner_part(runner, alike);
        lanes &= runner->warp.live;
    }
    return lanes;
}

static uint32_t on_barriers(struct warp *warp, const uint32_t *numbers, const uint32_t *threads,
                            uint32_t mask, uint32_t votes, uint32_t operation)
{
    struct runner *runner = runner_of(warp);
    uint32_t first;

    mask = part_by(runner, threads, part_by(runner, numbers, mask));
    first = (uint32_t)__builtin_ctz(mask);
    if (numbers[first] >= WARP_NAMED_BARRIERS) {
        warp->fault(warp, WARP_FAULT_TRAP, WARP_NO_SITE, mask);
        return 0;
    }
    return on_barrier(warp, numbers[first], threads[first], mask, votes, operation);
}

/* ---- Lanes of a warp ---- */

/* Those that wait for the same lanes at an equal instruction. */
static bool meets(const struct path *path, uint32_t key, uint32_t mask)
{
    return path->state == PATH_WAITS_FOR_LANES && path->key == key && path->mask == mask;
}

static uint32_t lanes_that_meet(const struct runner *runner, uint32_t key, uint32_t mask)
{
    uint32_t lanes = 0;

    for (uint32_t i = 0; i < runner->path_count; i++) {
        lanes |= meets(runner->paths[i], key, mask) ? runner->paths[i]->lanes : 0;
    }
    return lanes;
}

static void exchange_values(const struct path *from, struct path *to)
{
    for (uint32_t lanes = from->lanes; lanes; lanes &= lanes - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(lanes);

        to->values[lane] = from->values[lane];
    }
}

/* Each gets the values of all. */
static void release_lanes(struct runner *runner, uint32_t key, uint32_t mask)
{
    for (uint32_t i = 0; i < runner->path_count; i++) {
        for (uint32_t j = 0; j < runner->path_count; j++) {
            if (i != j && meets(runner->paths[i], key, mask) &&
                meets(runner->paths[j], key, mask)) {
                exchange_values(runner->paths[i], runner->paths[j]);
            }
        }
    }
    for (uint32_t i = 0; i < runner->path_count; i++) {
        if (meets(runner->paths[i], key, mask)) {
            runner->paths[i]->state = PATH_RUNS;
        }
    }
}

static void look_at_lanes(struct runner *runner, uint32_t key, uint32_t mask, uint32_t present)
{
    if (!(mask & present & ~lanes_that_meet(runner, key, mask))) {
        release_lanes(runner, key, mask);
    }
}

static void put_values(struct path *path, const void *values, uint32_t size)
{
    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        path->values[lane] = 0;
        memcpy(&path->values[lane], (const unsigned char *)values + lane * size, size);
    }
}

static void get_values(const struct path *path, void *values, uint32_t size)
{
    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        memcpy((unsigned char *)values + lane * size, &path->values[lane], size);
    }
}

static void on_meet(struct warp *warp, void *values, const uint32_t *masks, uint32_t lanes,
                    uint32_t size, uint32_t key)
{
    struct runner *runner = runner_of(warp);
    struct path *path;
    uint32_t mask;

    lanes = part_by(runner, masks, lanes);
    path = runner->current;
    mask = masks[__builtin_ctz(lanes)];
    path->state = PATH_WAITS_FOR_LANES;
    path->key = key;
    path->mask = mask;
    path->lanes = lanes;
    put_values(path, values, size);
    look_at_lanes(runner, key, mask, runner_present(runner));
    runner_wait(runner, lanes);
    if (runner->current == path) {
        get_values(path, values, size);
    }
}

/* ---- Ends ---- */

void barrier_lanes_ended(struct block *block, struct runner *runner)
{
    uint32_t present = present_of(runner);

    block->running -= !present;
    if (!present && runner->warp.check != NULL) {
        check_exit(runner->warp.check);
    }
    for (uint32_t used = block->used_barriers; used; used &= used - 1) {
        uint32_t number = (uint32_t)__builtin_ctz(used);

        count_threads(block, &block->barriers[number]);
        look_at_barrier(block, number);
    }
    for (uint32_t i = 0; i < runner->path_count; i++) {
        const struct path *path = runner->paths[i];

        if (path->state == PATH_WAITS_FOR_LANES) {
            look_at_lanes(runner, path->key, path->mask, present);
        }
    }
}

/* ---- Reports ---- */

static int describe_path(const struct block *block, const struct runner *runner,
                         const struct path *path, char *text, size_t size)
{
    const struct barrier *barrier = &block->barriers[path->barrier % BLOCK_BARRIERS];

    if (path->state == PATH_WAITS_AT_BARRIER) {
        return snprintf(text, size, "warp %u, lanes 0x%x: at barrier %u, with %u of %u threads; ",
                        runner->warp.warpid, path->live, path->barrier, barrier->threads,
                        barrier->expected ? barrier->expected : block->running * WARP_LANES);
    }
    if (path->state == PATH_WAITS_FOR_LANES) {
        return snprintf(text, size, "warp %u, lanes 0x%x: for lanes 0x%x; ", runner->warp.warpid,
                        path->live, path->mask & present_of(runner) & ~path->lanes);
    }
    if (path->state == PATH_POLLS) {
        return snprintf(text, size, "warp %u, lanes 0x%x: for an mbarrier; ", runner->warp.warpid,
                        path->live);
    }
    return 0;
}

static void tell_check(const struct runner *runner)
{
    for (uint32_t i = 0; i < runner->path_count; i++) {
        const struct path *path = runner->paths[i];

        if (path->state == PATH_WAITS_AT_BARRIER || path->state == PATH_WAITS_FOR_LANES) {
            check_stuck(runner->warp.check, path->state == PATH_WAITS_AT_BARRIER, path->lanes);
        }
    }
}

void barrier_describe(const struct block *block, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < block->warp_count; i++) {
        const struct runner *runner = block->runners[i];

        if (block->check != NULL) {
            tell_check(runner);
        }
        for (uint32_t j = 0; j < runner->path_count && used < size; j++) {
            used +=
                (size_t)describe_path(block, runner, runner->paths[j], text + used, size - used);
        }
    }
    if (used >= 2 && used < size) {
        text[used - 2] = '\0';
    }
}

void barrier_init(struct warp *warp)
{
    warp->barrier = on_barrier;
    warp->barriers = on_barriers;
    warp->meet = on_meet;
}
