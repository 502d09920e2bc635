/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/block.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/watch.h"
#include "host/cuda-cpu/device/order.h"

#define ALIGNMENT 128
#define BLOCKS_OF_A_LOOK 64 /* at the time */

/* ---- Memory ---- */

/* At least so many bytes, zeroed when they are new. False: no memory. */
static bool reserve(unsigned char **bytes, size_t *capacity, size_t size)
{
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;

    if (*bytes != NULL && size <= *capacity) {
        return true;
    }
    free(*bytes);
    *capacity = 0;
    *bytes = aligned_alloc(ALIGNMENT, rounded);
    if (*bytes == NULL) {
        return false;
    }
    memset(*bytes, 0, rounded);
    *capacity = size;
    return true;
}

/* ---- Paths ---- */

uint32_t runner_present(const struct runner *runner)
{
    return runner->warp.live | runner->warp.others;
}

static void keep_stack(struct runner *runner, struct path *path)
{
    size_t size = coroutine_size(&runner->coroutine);

    if (size > path->stack_capacity) {
        free(path->stack);
        path->stack = malloc(size);
        path->stack_capacity = path->stack != NULL ? size : 0;
    }
    path->stack_size = path->stack != NULL ? size : 0;
    if (path->stack != NULL) {
        coroutine_save(&runner->coroutine, path->stack);
    }
}

uint64_t block_rank(const struct block *block)
{
    return block->rank + 1 - block->runners[0]->warp.blocks;
}

static void no_memory(struct block *block)
{
    run_fail(block->run, block_rank(block), LAUNCH_NO_MEMORY, NULL);
    block->failed = true;
}

/* Puts a path's stack in place. */
static void change_path(struct runner *runner, struct path *path)
{
    struct path *before = runner->current;

    if (before == path) {
        return;
    }
    if (before->state != PATH_ENDED) {
        keep_stack(runner, before);
        if (!before->stack_size) {
            no_memory(runner->block);
            return;
        }
    }
    coroutine_restore(&runner->coroutine, path->stack, path->stack_size);
    runner->current = path;
}

static void find_others(struct runner *runner)
{
    runner->warp.others = 0;
    for (uint32_t i = 0; i < runner->path_count; i++) {
        if (runner->paths[i] != runner->current) {
            runner->warp.others |= runner->paths[i]->live;
        }
    }
}

/* One that ended, or another; NULL: no memory. */
static struct path *add_path(struct runner *runner)
{
    for (uint32_t i = 0; i < runner->path_count; i++) {
        if (runner->paths[i]->state == PATH_ENDED) {
            return runner->paths[i];
        }
    }
    if (runner->path_count > WARP_LANES) {
        return NULL;
    }
    if (runner->paths[runner->path_count] == NULL) {
        runner->paths[runner->path_count] = calloc(1, sizeof(struct path));
        if (runner->paths[runner->path_count] == NULL) {
            return NULL;
        }
    }
    return runner->paths[runner->path_count++];
}

/* The current path keeps these lanes; another one, at the same place, gets the rest. */
static void part_path(struct runner *runner, uint32_t lanes)
{
    struct path *path = runner->current, *rest = add_path(runner);

    if (rest != NULL) {
        keep_stack(runner, rest);
    }
    if (rest == NULL || !rest->stack_size) {
        no_memory(runner->block);
        return;
    }
    rest->live = path->live & ~lanes;
    rest->state = PATH_RUNS;
    path->live &= lanes;
}

static bool can_run(const struct path *path)
{
    return path->state == PATH_BEGINS || path->state == PATH_RUNS || path->state == PATH_POLLS;
}

static void run_warp(void *argument);

static void begin_turn(struct runner *runner)
{
    if (runner->current->state == PATH_BEGINS) {
        coroutine_start(&runner->coroutine, run_warp, runner);
    }
    runner->current->state = PATH_RUNS;
    runner->block->ran = true;
}

/* What a path's warp did while it ran. */
static void note_turn(struct runner *runner, struct path *path)
{
    struct block *block = runner->block;
    uint32_t before = path->live;

    path->live = runner->warp.live;
    block->moved = block->moved || path->state != PATH_POLLS;
    if (runner->part) {
        part_path(runner, runner->part);
        runner->part = 0;
    }
    if ((before & ~runner_present(runner)) != 0 && !block->failed) {
        barrier_lanes_ended(block, runner);
    }
}

static void run_path(struct runner *runner, struct path *path)
{
    struct block *block = runner->block;

    change_path(runner, path);
    if (block->failed) {
        return;
    }
    find_others(runner);
    runner->warp.live = path->live;
    begin_turn(runner);
    coroutine_resume(&runner->coroutine);
    runner = block->runners[block->order[block->turn]];
    note_turn(runner, runner->current);
}

/* ---- From warp to warp ---- */

/*
 * A warp that stops goes on with the next one of the turn itself. Those that parted are left to
 * block_turn, which ends up with the one that stopped last.
 */
static struct runner *next_in_turn(struct runner *runner)
{
    struct block *block = runner->block;

    if (runner->path_count > 1 || runner->part) {
        return NULL;
    }
    note_turn(runner, runner->current);
    for (uint32_t i = block->turn + 1; i < block->warp_count && !block->failed; i++) {
        struct runner *next = block->runners[block->order[i]];

        if (next->path_count > 1) {
            return NULL;
        }
        if (can_run(next->current)) {
            block->turn = i;
            return next;
        }
    }
    return NULL;
}

static void leave(struct runner *runner)
{
    struct runner *next = next_in_turn(runner);

    if (next == NULL) {
        coroutine_yield(&runner->coroutine);
    } else {
        begin_turn(next);
        coroutine_change(&runner->coroutine, &next->coroutine);
    }
}

/* ---- What a path does about itself ---- */

struct runner *runner_of(struct warp *warp)
{
    return (struct runner *)(void *)warp;
}

void runner_yield(struct runner *runner, enum path_state state)
{
    runner->current->state = state;
    leave(runner);
}

void runner_part(struct runner *runner, uint32_t lanes)
{
    runner->part = lanes;
    runner_yield(runner, PATH_RUNS);
}

void runner_wait(struct runner *runner, uint32_t lanes)
{
    while (runner->current->state != PATH_RUNS) {
        runner->part = runner->warp.live & ~lanes ? lanes : 0;
        leave(runner);
    }
}

void runner_stop(struct runner *runner)
{
    runner->block->failed = true;
    while (runner->block->failed) {
        coroutine_yield(&runner->coroutine);
    }
}

void runner_fail(struct runner *runner, enum launch_status status, const struct launch_fault *fault)
{
    run_fail(runner->block->run, block_rank(runner->block), status, fault);
    runner_stop(runner);
}

/* One that ends leaves its stack to the next one, where that has only to begin. */
static struct runner *end_warp(struct runner *runner)
{
    struct coroutine coroutine = runner->coroutine;
    struct runner *next;

    runner->warp.live = 0;
    runner->current->state = PATH_ENDED;
    next = next_in_turn(runner);
    if (next == NULL) {
        return NULL;
    }
    if (next->current->state != PATH_BEGINS) {
        begin_turn(next);
        coroutine_change(&runner->coroutine, &next->coroutine);
        return NULL;
    }
    runner->coroutine = next->coroutine;
    next->coroutine = coroutine;
    next->current->state = PATH_RUNS;
    return next;
}

static void run_warp(void *argument)
{
    struct runner *runner = argument, *next = argument;

    while (next != NULL) {
        runner = next;
        runner->warp.fuel = WARP_FUEL;
        runner->block->run->launch->kernel(&runner->warp);
        next = end_warp(runner);
    }
    for (;;) {
        coroutine_yield(&runner->coroutine);
    }
}

/* ---- From block to block ---- */

/* Where a block is in the grid, into its first warp. Of most the one before was the last one here:
 * then it takes no division. It is changed in place, word by word: of a copy the processor would
 * load two words at once, and wait until both, and all that was stored before, are in its cache. */
static void find_place(struct block *block, uint64_t number)
{
    const uint32_t *grid = block->run->launch->grid;
    uint32_t *ctaid = block->runners[0]->warp.ctaid;

    if (block->is_placed && number == block->number + 1) {
        for (int i = 0; i < 3 && ++ctaid[i] == grid[i]; i++) {
            ctaid[i] = 0;
        }
        return;
    }
    block->is_placed = true;
    ctaid[0] = (uint32_t)(number % grid[0]);
    ctaid[1] = (uint32_t)(number / grid[0] % grid[1]);
    ctaid[2] = (uint32_t)(number / grid[0] / grid[1]);
}

/* What is another for each block. */
static void place(struct block *block, uint64_t rank)
{
    const struct launch *launch = block->run->launch;
    uint64_t number =
        launch->seed ? order_block(launch->seed, block->run->block_count, rank) : rank;

    find_place(block, number);
    if (launch->seed) {
        order_warps(launch->seed, number, block->order, block->warp_count);
    }
    block->rank = rank;
    block->number = number;
    if (launch->shared_size) {
        memset(block->shared, 0, launch->shared_size);
    }
}

/* Taking blocks makes the processor wait until all that was written is in its cache: several at
 * once, but fewer towards the end, so that no thread is left with many. */
#define SHARES_OF_A_WORKER 8

static uint64_t share_of(const struct run *run)
{
    uint64_t next = run->next, left = next < run->block_count ? run->block_count - next : 0;
    uint64_t share = left / (SHARES_OF_A_WORKER * run->workers);

    return share < 1 ? 1 : share > WARP_BLOCKS_MAX ? WARP_BLOCKS_MAX : share;
}

/* Blocks behind each other in x, from the current one on, that are begun by nothing but their
 * number: the code itself goes from one to the next. */
static uint32_t begin_row(struct block *block, uint64_t most)
{
    const struct launch *launch = block->run->launch;
    struct warp *warp = &block->runners[0]->warp;
    uint64_t left = launch->grid[0] - warp->ctaid[0];
    uint32_t count =
        launch->seed || launch->shared_size ? 1 : (uint32_t)(left < most ? left : most);

    warp->blocks = count;
    block->rank += count - 1;
    block->number += count - 1;
    return count;
}

/* They change nothing of the block's: none of its warps waits, or leaves lanes behind. */
static void run_several(struct runner *runner, uint64_t rank, uint64_t count)
{
    struct block *block = runner->block;
    uint32_t row;

    for (; count && !run_is_over(block->run, rank); rank += row, count -= row) {
        place(block, rank);
        row = begin_row(block, count);
        block->run->launch->kernel(&runner->warp);
    }
}

/* Code that runs whole blocks: one after the other. Of those that rest others have the next ones,
 * which touch what lies beside. */
static void run_blocks(void *argument)
{
    struct runner *runner = argument;
    struct run *run = runner->block->run;
    uint32_t rests = runner->rests;
    uint64_t rank, count;

    runner->warp.fuel = WARP_FUEL;
    run->launch->kernel(&runner->warp);
    while ((count = run_take(run, runner->rests != rests ? 1 : share_of(run), &rank)) != 0) {
        run_several(runner, rank, count);
    }
    runner->current->state = PATH_ENDED;
    for (;;) {
        coroutine_yield(&runner->coroutine);
    }
}

static enum block_turn go_on_with_blocks(struct runner *runner)
{
    if (runner->current->state == PATH_BEGINS) {
        coroutine_start(&runner->coroutine, run_blocks, runner);
        runner->current->state = PATH_RUNS;
    }
    coroutine_resume(&runner->coroutine);
    return runner->current->state == PATH_ENDED || runner->block->failed ? BLOCK_ENDED
                                                                         : BLOCK_MOVED;
}

/* ---- Turns ---- */

static void run_paths(struct runner *runner)
{
    for (uint32_t i = 0; i < runner->path_count && !runner->block->failed; i++) {
        if (can_run(runner->paths[i])) {
            run_path(runner, runner->paths[i]);
        }
    }
}

static bool waits_within(const struct runner *runner)
{
    for (uint32_t i = 0; i < runner->path_count; i++) {
        const struct path *path = runner->paths[i];

        if (path->state == PATH_RUNS ||
            (path->state == PATH_POLLS && path->key != WARP_PAUSE_WAITS)) {
            return false;
        }
    }
    return true;
}

bool block_ends_deadlock(struct block *block)
{
    struct launch_fault fault = {0};

    for (uint32_t i = 0; i < block->warp_count; i++) {
        if (!waits_within(block->runners[i])) {
            return false;
        }
    }
    memcpy(fault.block, block->runners[0]->warp.ctaid, sizeof(fault.block));
    barrier_describe(block, fault.waits, sizeof(fault.waits));
    run_fail(block->run, block_rank(block), LAUNCH_DEADLOCK, &fault);
    block->failed = true;
    return true;
}

enum block_turn block_turn(struct block *block)
{
    if (block->run->launch->runs_block) {
        return go_on_with_blocks(block->runners[0]);
    }
    block->ran = block->moved = false;
    for (block->turn = 0; block->turn < block->warp_count && !block->failed; block->turn++) {
        run_paths(block->runners[block->order[block->turn]]);
    }
    if (block->failed || !block->running) {
        return BLOCK_ENDED;
    }
    if (!block->ran) {
        block_ends_deadlock(block);
        return BLOCK_ENDED;
    }
    return block->moved ? BLOCK_MOVED : BLOCK_POLLS;
}

bool block_part_pollers(struct block *block)
{
    bool parted = false;

    for (uint32_t i = 0; i < block->warp_count; i++) {
        struct runner *runner = block->runners[i];

        for (uint32_t j = 0, count = runner->path_count; j < count; j++) {
            struct path *path = runner->paths[j];

            if (path->state == PATH_POLLS && path->live & ~path->lanes) {
                change_path(runner, path);
                part_path(runner, path->lanes);
                parted = true;
            }
        }
    }
    return parted;
}

/* ---- Blocks ---- */

static void set_threads(const struct block *block, uint32_t index)
{
    const uint32_t *size = block->threads;

    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        uint32_t thread = index * WARP_LANES + lane;

        block->tids[index][0][lane] = thread % size[0];
        block->tids[index][1][lane] = thread / size[0] % size[1];
        block->tids[index][2][lane] = thread / size[0] / size[1];
    }
}

/* The lanes that there are, of the warp of this number. */
static uint32_t lanes_of(const struct block *block, uint32_t index)
{
    uint32_t left = block->threads[0] * block->threads[1] * block->threads[2] - index * WARP_LANES;

    return left < WARP_LANES ? (1U << left) - 1 : UINT32_MAX;
}

/* Calls within each other, where they have no known end. */
static uint32_t depth_max(const struct launch *launch)
{
    uint64_t frames =
        (WARP_STACK_DEEP - WARP_STACK_OWN) / ((uint64_t)launch->frame + WARP_FRAME_EXTRA);

    return frames ? (uint32_t)(frames - 1) : 0;
}

/* A stack that is large enough. */
static bool prepare_stack(struct runner *runner, const struct launch *launch)
{
    uint64_t frames = launch->frames > WARP_FRAMES_LEAST ? launch->frames : WARP_FRAMES_LEAST;
    size_t size = (size_t)(launch->is_deep ? WARP_STACK_DEEP : frames + WARP_STACK_OWN);

    if (runner->coroutine.stack != NULL && runner->coroutine.stack_size >= size) {
        return true;
    }
    coroutine_destroy(&runner->coroutine);
    return coroutine_create(&runner->coroutine, size);
}

/* What stays from launch to launch. */
static bool create_runner(struct block *block, uint32_t index)
{
    struct runner *runner =
        aligned_alloc(ALIGNMENT, (sizeof(*runner) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);

    if (runner == NULL) {
        return false;
    }
    memset(runner, 0, sizeof(*runner));
    block->runners[index] = runner;
    runner->block = block;
    calls_init(&runner->warp);
    system_init(&runner->warp);
    barrier_init(&runner->warp);
    runner->paths[0] = calloc(1, sizeof(struct path));
    return runner->paths[0] != NULL;
}

static bool has_runner(struct block *block, uint32_t index)
{
    const struct runner *runner = block->runners[index];

    if (runner == NULL) {
        return create_runner(block, index);
    }
    return runner->paths[0] != NULL;
}

static bool prepare_runner(struct runner *runner, uint32_t index)
{
    struct block *block = runner->block;
    const struct launch *launch = block->run->launch;
    struct warp *warp = &runner->warp;

    if (!prepare_stack(runner, launch)) {
        return false;
    }
    warp->sites = block->sites;
    warp->depth_max = depth_max(launch);
    memcpy(warp->ntid, launch->block, sizeof(warp->ntid));
    memcpy(warp->nctaid, launch->grid, sizeof(warp->nctaid));
    warp->warpid = index; /* code that ran whole blocks has left another */
    warp->nwarpid = block->warp_count;
    warp->tids = block->tids;
    warp->order = block->order;
    warp->row = launch->seed || launch->block[0] < WARP_LANES ? 1 : launch->block[0] / WARP_LANES;
    warp->locals = block->local;
    warp->kept = block->kept;
    warp->last_lanes = lanes_of(block, block->warp_count - 1);
    warp->params = launch->params;
    warp->param_size = launch->param_size;
    warp->shared = block->shared;
    warp->shared_size = launch->shared_size;
    warp->dynamic_shared = launch->shared_size - launch->static_size;
    warp->local = block->local + (size_t)index * WARP_LANES * warp->local_stride;
    warp->variables = launch->variables;
    warp->textures = launch->textures;
    warp->stop = launch->stop;
    warp->is_alone = block->run->is_alone;
    warp->workspace = block->run->workspace;
    warp->gridid = launch->number;
    warp->nsmid = launch->processors ? launch->processors : 1;
    warp->check = block->check != NULL ? check_block_warp(block->check, warp) : NULL;
    return block->check == NULL || warp->check != NULL;
}

static uint64_t local_stride(const struct launch *launch)
{
    return (launch_local_size(launch) + 15) / 16 * 16;
}

/* Anew for another shape. */
static bool prepare_threads(struct block *block)
{
    const uint32_t *threads = block->run->launch->block;

    if (block->tids == NULL) {
        block->tids = aligned_alloc(ALIGNMENT, BLOCK_WARPS * sizeof(*block->tids));
    }
    if (block->tids == NULL || memcmp(block->threads, threads, sizeof(block->threads)) == 0) {
        return block->tids != NULL;
    }
    memcpy(block->threads, threads, sizeof(block->threads));
    for (uint32_t i = 0; i < block->warp_count; i++) {
        set_threads(block, i);
    }
    return true;
}

static bool prepare_runners(struct block *block)
{
    uint32_t count = block->run->launch->runs_block ? 1 : block->warp_count;

    for (uint32_t i = 0; i < count; i++) {
        if (!has_runner(block, i)) {
            return false;
        }
        block->runners[i]->warp.local_stride = local_stride(block->run->launch);
        if (!prepare_runner(block->runners[i], i)) {
            return false;
        }
    }
    return true;
}

/* They begin anew: memory may be another since. */
static bool prepare_sites(struct block *block)
{
    size_t count = (size_t)block->run->launch->sites + 1;

    if (count > block->site_capacity) {
        free(block->sites);
        block->sites = calloc(count, sizeof(*block->sites));
        block->site_capacity = block->sites != NULL ? count : 0;
        return block->sites != NULL;
    }
    memset(block->sites, 0, count * sizeof(*block->sites));
    return true;
}

/* Anew for each launch. */
static bool prepare_check(struct block *block)
{
    const struct launch *launch = block->run->launch;

    block_end_check(block);
    if (launch->checked == NULL || launch->memory->check == NULL) {
        return true;
    }
    block->check = check_block_create(launch->memory->check, block->shared, block->local,
                                      local_stride(launch), block->warp_count);
    return block->check != NULL;
}

void block_end_check(struct block *block)
{
    if (block->check != NULL) {
        check_block_destroy(block->check);
        block->check = NULL;
    }
}

bool block_prepare(struct block *block, struct run *run)
{
    const struct launch *launch = run->launch;
    uint32_t threads = launch->block[0] * launch->block[1] * launch->block[2];
    uint32_t warps = (threads + WARP_LANES - 1) / WARP_LANES;

    if (block->run == run) {
        return true;
    }
    block->run = NULL;
    if (warps < 1 || warps > BLOCK_WARPS ||
        !reserve(&block->shared, &block->shared_capacity, launch->shared_size) ||
        !reserve(&block->local, &block->local_capacity,
                 local_stride(launch) * WARP_LANES * warps) ||
        !reserve(&block->kept, &block->kept_capacity, (size_t)launch->kept_size * warps)) {
        return false;
    }
    block->is_placed = false;
    block->local_size = launch_local_size(launch);
    block->warp_count = warps;
    order_warps(0, 0, block->order, warps);
    block->run = run;
    if (!prepare_check(block) || !prepare_sites(block) || !prepare_threads(block) ||
        !prepare_runners(block)) {
        block->run = NULL;
        block->threads[0] = 0;
    }
    return block->run != NULL;
}

static void start_warp(struct runner *runner, uint32_t index)
{
    struct path *first = runner->paths[0];

    if (index > 0) {
        memcpy(runner->warp.ctaid, runner->block->runners[0]->warp.ctaid,
               sizeof(runner->warp.ctaid));
    }
    runner->path_count = 1;
    runner->current = first;
    runner->part = 0;
    runner->warp.live = first->live = lanes_of(runner->block, index);
    runner->warp.others = 0;
    first->state = PATH_BEGINS;
}

/* Blocks may be too short to pause, and very many. */
static void look_at_time(struct block *block)
{
    struct launch_fault fault;

    if (block->rank % BLOCKS_OF_A_LOOK == BLOCKS_OF_A_LOOK - 1 &&
        worker_is_late(block->worker, block->run)) {
        fault = calls_fault(block->runners[0], WARP_FAULT_TIMEOUT, 0);
        run_fail(block->run, block_rank(block), LAUNCH_FAULT, &fault);
        block->failed = true;
    }
}

void block_start(struct block *block, uint64_t rank)
{
    const struct launch *launch = block->run->launch;

    place(block, rank);
    block->runners[0]->warp.blocks = 1;
    block->failed = false;
    block->running = block->warp_count;
    if (block->used_barriers) {
        memset(block->barriers, 0, sizeof(block->barriers));
        block->used_barriers = 0;
    }
    if (block->check != NULL) {
        check_block_begin(block->check, block->runners[0]->warp.ctaid);
    }
    for (uint32_t i = 0; i < (launch->runs_block ? 1 : block->warp_count); i++) {
        start_warp(block->runners[i], i);
    }
    if (!launch->runs_block) {
        look_at_time(block);
    }
}

static void destroy_runner(struct runner *runner)
{
    for (uint32_t i = 0; i <= WARP_LANES; i++) {
        if (runner->paths[i] != NULL) {
            free(runner->paths[i]->stack);
            free(runner->paths[i]);
        }
    }
    coroutine_destroy(&runner->coroutine);
    free(runner);
}

void block_clear(struct block *block)
{
    for (uint32_t i = 0; i < BLOCK_WARPS; i++) {
        if (block->runners[i] != NULL) {
            destroy_runner(block->runners[i]);
        }
    }
    free(block->shared);
    free(block->local);
    free(block->sites);
    free(block->kept);
    free(block->tids);
    memset(block, 0, sizeof(*block));
}
