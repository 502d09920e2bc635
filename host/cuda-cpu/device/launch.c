/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/launch.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/watch.h"
#include "host/cuda-cpu/device/access.h"
#include "host/cuda-cpu/device/async.h"
#include "host/cuda-cpu/device/coroutine.h"
#include "host/cuda-cpu/device/function.h"
#include "host/cuda-cpu/device/matrix.h"
#include "host/cuda-cpu/device/print.h"

#define BARRIERS 16
#define STACK_SIZE ((size_t)1 << 20)
#define ALIGNMENT 128
#define IDLE_ROUNDS_MAX 100000 /* turns of all warps of a block, in which they only wait */

struct block;

/* A warp on its stack. */
struct runner {
    struct warp warp; /* first: what compiled code knows is the runner */
    struct block *block;
    struct coroutine coroutine;
    bool done;
    bool waits;    /* at a barrier */
    bool gave_way; /* in its last turn: it waits for what others do */
    uint32_t barrier, answer;
};

struct barrier {
    uint32_t arrived;  /* threads */
    uint32_t expected; /* 0: all of the block */
    uint32_t yes, no;  /* votes */
    enum warp_barrier operation;
};

struct block {
    const struct launch *launch;
    struct launch_fault *fault;
    struct runner *runners;
    uint32_t count;
    struct barrier barriers[BARRIERS];
    unsigned char *shared, *local;
    uint64_t local_stride;
    struct check_block *check; /* NULL: nothing is checked but bounds */
    bool failed;
};

static void *allocate(size_t size)
{
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, size ? size : ALIGNMENT);
}

/* ---- What kernels call ---- */

static struct runner *runner_of(struct warp *warp)
{
    return (struct runner *)(void *)warp;
}

/* The warp goes no further; neither does its block. */
static void stop_warp(struct runner *runner)
{
    runner->block->failed = true;
    for (;;) {
        coroutine_yield(&runner->coroutine);
    }
}

static void tell_fault(struct runner *runner, enum warp_fault fault, uint32_t lane)
{
    struct launch_fault *told = runner->block->fault;

    told->fault = fault;
    for (int i = 0; i < 3; i++) {
        told->block[i] = runner->warp.ctaid[i];
        told->thread[i] = runner->warp.tid[i][lane];
    }
}

static void on_fault(struct warp *warp, uint32_t fault, uint32_t instruction, uint32_t mask)
{
    struct runner *runner = runner_of(warp);

    tell_fault(runner, (enum warp_fault)fault, mask ? (uint32_t)__builtin_ctz(mask) : 0);
    runner->block->fault->instruction = instruction;
    stop_warp(runner);
}

/* A thread's own memory, its block's, its parameters, the device's. */
static bool find_range(const struct runner *runner, uint32_t lane, uint64_t address, uint32_t size,
                       bool write, struct warp_site *site)
{
    const struct block *block = runner->block;
    struct memory_range range;
    const uint64_t local = (uint64_t)(uintptr_t)runner->warp.local + lane * block->local_stride;
    const uint64_t shared = (uint64_t)(uintptr_t)block->shared;
    const uint64_t params = (uint64_t)(uintptr_t)block->launch->params;

    if (memory_find(block->launch->memory, address, size, &range)) {
        *site = (struct warp_site){range.start, range.end};
        return !(write && range.read_only);
    }
    if (address >= shared && address - shared + size <= block->launch->shared_size) {
        *site = (struct warp_site){shared, shared + block->launch->shared_size};
        return true;
    }
    if (address >= local && address - local + size <= block->launch->local_size) {
        *site = (struct warp_site){local, local + block->launch->local_size};
        return true;
    }
    if (address >= params && address - params + size <= block->launch->param_size) {
        *site = (struct warp_site){params, params + block->launch->param_size};
        return !write;
    }
    return false;
}

struct warp_site access_check(struct warp *warp, uint32_t lane, uint64_t address, uint32_t size,
                              bool write)
{
    struct runner *runner = runner_of(warp);
    struct warp_site site = {0, 0};

    if (address % size == 0 && find_range(runner, lane, address, size, write, &site)) {
        return site;
    }
    tell_fault(runner, address % size ? WARP_FAULT_MISALIGNED : WARP_FAULT_ADDRESS, lane);
    runner->block->fault->address = address;
    runner->block->fault->size = size;
    runner->block->fault->write = write;
    stop_warp(runner);
    return site;
}

static void permute(uint32_t *results, const uint32_t *sources, const uint32_t *indices)
{
    for (int i = 0; i < WARP_LANES; i++) {
        results[i] = sources[indices[i] % WARP_LANES];
    }
}

static void copy_local(struct warp *warp, uint64_t to, uint64_t from, uint64_t size, uint32_t mask)
{
    for (; mask; mask &= mask - 1) {
        unsigned char *local = warp->local + (uint32_t)__builtin_ctz(mask) * warp->local_stride;

        memcpy(local + to, local + from, size);
    }
}

/* A lane that prints. */
struct reading {
    const struct runner *runner;
    uint32_t lane;
};

static bool read_bytes(void *context, uint64_t address, void *bytes, size_t size)
{
    const struct reading *reading = context;
    struct warp_site site;

    if (!find_range(reading->runner, reading->lane, address, (uint32_t)size, false, &site)) {
        return false;
    }
    memcpy(bytes, (const void *)(uintptr_t)address, size);
    return true;
}

static void on_print(struct warp *warp, int32_t *results, const uint64_t *formats,
                     const uint64_t *values, uint32_t mask)
{
    struct runner *runner = runner_of(warp);
    const struct launch *launch = runner->block->launch;

    for (; mask; mask &= mask - 1) {
        struct reading reading = {runner, (uint32_t)__builtin_ctz(mask)};
        char text[PRINT_TEXT_MAX];

        results[reading.lane] =
            print_format(formats[reading.lane], values[reading.lane], read_bytes, &reading, text);
        launch->print(launch->print_context, text);
    }
}

void async_yield(struct warp *warp)
{
    struct runner *runner = runner_of(warp);

    runner->gave_way = true;
    coroutine_yield(&runner->coroutine);
}

/* ---- Barriers ---- */

static uint32_t threads_left(const struct block *block)
{
    uint32_t threads = 0;

    for (uint32_t i = 0; i < block->count; i++) {
        if (!block->runners[i].done) {
            threads += WARP_LANES;
        }
    }
    return threads;
}

static uint32_t answer_of(const struct barrier *barrier)
{
    switch (barrier->operation) {
    case WARP_BARRIER_POPC:
        return barrier->yes;
    case WARP_BARRIER_AND:
        return barrier->no == 0;
    default:
        return barrier->yes > 0;
    }
}

/* When all have come, those who wait go on. Warps are counted whole. */
static void look_at_barrier(struct block *block, uint32_t number)
{
    struct barrier *barrier = &block->barriers[number];
    uint32_t expected = barrier->expected ? barrier->expected : threads_left(block);

    if (!barrier->arrived || barrier->arrived < expected) {
        return;
    }
    for (uint32_t i = 0; i < block->count; i++) {
        struct runner *runner = &block->runners[i];

        if (runner->waits && runner->barrier == number) {
            runner->waits = false;
            runner->answer = answer_of(barrier);
            if (block->check != NULL) {
                check_leave(runner->warp.check, number);
            }
        }
    }
    if (block->check != NULL) {
        check_barrier_done(block->check, number);
    }
    memset(barrier, 0, sizeof(*barrier));
}

static uint32_t on_barrier(struct warp *warp, uint32_t number, uint32_t threads, uint32_t mask,
                           uint32_t votes, uint32_t operation)
{
    struct runner *runner = runner_of(warp);
    struct barrier *barrier = &runner->block->barriers[number % BARRIERS];

    if (number >= BARRIERS || threads % WARP_LANES) {
        on_fault(warp, WARP_FAULT_TRAP, 0, mask);
    }
    if (warp->check != NULL) {
        check_arrive(warp->check, number);
    }
    barrier->arrived += WARP_LANES;
    barrier->expected = threads;
    barrier->yes += (uint32_t)__builtin_popcount(votes & mask);
    barrier->no += (uint32_t)__builtin_popcount(~votes & mask);
    if (operation == WARP_BARRIER_ARRIVE) {
        look_at_barrier(runner->block, number);
        return 0;
    }
    barrier->operation = (enum warp_barrier)operation;
    runner->waits = true;
    runner->barrier = number;
    look_at_barrier(runner->block, number);
    while (runner->waits) {
        coroutine_yield(&runner->coroutine);
    }
    return runner->answer;
}

/* ---- Warps and blocks ---- */

static void run_warp(void *argument)
{
    struct runner *runner = argument;

    runner->block->launch->kernel(&runner->warp);
    runner->done = true;
    for (;;) {
        coroutine_yield(&runner->coroutine);
    }
}

static void set_threads(struct runner *runner, uint32_t index)
{
    const uint32_t *size = runner->block->launch->block;
    uint32_t threads = size[0] * size[1] * size[2];

    runner->warp.live = 0;
    for (uint32_t lane = 0; lane < WARP_LANES; lane++) {
        uint32_t thread = index * WARP_LANES + lane;

        runner->warp.tid[0][lane] = thread % size[0];
        runner->warp.tid[1][lane] = thread / size[0] % size[1];
        runner->warp.tid[2][lane] = thread / size[0] / size[1];
        runner->warp.live |= thread < threads ? 1u << lane : 0;
    }
}

/* What stays from block to block. */
static bool create_runner(struct runner *runner, struct block *block, uint32_t index)
{
    const struct launch *launch = block->launch;
    struct warp *warp = &runner->warp;

    runner->block = block;
    set_threads(runner, index);
    memcpy(warp->ntid, launch->block, sizeof(warp->ntid));
    memcpy(warp->nctaid, launch->grid, sizeof(warp->nctaid));
    warp->warpid = index;
    warp->nwarpid = block->count;
    warp->params = launch->params;
    warp->shared = block->shared;
    warp->shared_size = launch->shared_size;
    warp->local = block->local + (size_t)index * WARP_LANES * block->local_stride;
    warp->local_stride = block->local_stride;
    warp->variables = launch->variables;
    warp->stop = launch->stop;
    warp->gather = access_gather;
    warp->scatter = access_scatter;
    warp->atomic = access_atomic;
    warp->barrier = on_barrier;
    warp->fault = on_fault;
    warp->function = warp_function_call;
    warp->permute = permute;
    warp->copy = copy_local;
    warp->mbarrier = async_mbarrier;
    warp->copy_async = async_copy;
    warp->copy_bulk = async_copy_bulk;
    warp->reduce_bulk = async_reduce_bulk;
    warp->multiply = matrix_multiply;
    warp->load_matrix = matrix_load;
    warp->store_matrix = matrix_store;
    warp->print = on_print;
    if (block->check != NULL) {
        warp->check = check_block_warp(block->check, warp);
    }
    warp->event = check_event;
    warp->sites = calloc(launch->sites + 1, sizeof(*warp->sites));
    return (block->check == NULL || warp->check != NULL) && warp->sites != NULL &&
           coroutine_create(&runner->coroutine, STACK_SIZE);
}

static struct check *check_of(const struct launch *launch)
{
    return launch->checked != NULL ? launch->memory->check : NULL;
}

static void destroy_block(struct block *block)
{
    for (uint32_t i = 0; block->runners != NULL && i < block->count; i++) {
        coroutine_destroy(&block->runners[i].coroutine);
        free(block->runners[i].warp.sites);
    }
    if (block->check != NULL) {
        check_block_destroy(block->check);
    }
    free(block->runners);
    free(block->shared);
    free(block->local);
}

static bool create_block(struct block *block)
{
    const struct launch *launch = block->launch;
    uint32_t threads = launch->block[0] * launch->block[1] * launch->block[2];

    block->count = (threads + WARP_LANES - 1) / WARP_LANES;
    block->local_stride = (launch->local_size + 15) / 16 * 16;
    block->shared = allocate(launch->shared_size);
    block->local = allocate(block->local_stride * WARP_LANES * block->count);
    block->runners = allocate(block->count * sizeof(*block->runners));
    if (block->shared == NULL || block->local == NULL || block->runners == NULL) {
        return false;
    }
    memset(block->runners, 0, block->count * sizeof(*block->runners));
    if (check_of(launch) != NULL) {
        block->check = check_block_create(check_of(launch), block->shared, block->local,
                                          block->local_stride, block->count);
        if (block->check == NULL) {
            return false;
        }
    }
    for (uint32_t i = 0; i < block->count; i++) {
        if (!create_runner(&block->runners[i], block, i)) {
            return false;
        }
    }
    return true;
}

/* One turn for each warp that can go on. False: none went on, though not all are done. */
static bool take_turns(struct block *block, bool *done)
{
    bool moved = false;

    *done = true;
    for (uint32_t i = 0; i < block->count && !block->failed; i++) {
        struct runner *runner = &block->runners[i];

        if (!runner->done && !runner->waits) {
            runner->gave_way = false;
            coroutine_resume(&runner->coroutine);
            moved = moved || !runner->gave_way;
            for (uint32_t j = 0; runner->done && j < BARRIERS; j++) {
                look_at_barrier(block, j);
            }
        }
        *done = *done && runner->done;
    }
    return moved;
}

/* At barriers, all that are left. */
static bool waits_for_good(const struct block *block)
{
    for (uint32_t i = 0; i < block->count; i++) {
        if (!block->runners[i].done && !block->runners[i].waits) {
            return false;
        }
    }
    return true;
}

static void tell_stuck(const struct block *block)
{
    for (uint32_t i = 0; block->check != NULL && i < block->count; i++) {
        const struct runner *runner = &block->runners[i];

        if (!runner->done && runner->waits) {
            check_stuck(runner->warp.check, runner->barrier);
        }
    }
}

static enum launch_status run_block(struct block *block, uint32_t x, uint32_t y, uint32_t z)
{
    const uint32_t ctaid[3] = {x, y, z};
    uint32_t idle = 0;
    bool done;

    memset(block->barriers, 0, sizeof(block->barriers));
    memset(block->shared, 0, block->launch->shared_size);
    if (block->check != NULL) {
        check_block_begin(block->check, ctaid);
    }
    for (uint32_t i = 0; i < block->count; i++) {
        struct runner *runner = &block->runners[i];

        memcpy(runner->warp.ctaid, ctaid, sizeof(ctaid));
        runner->done = runner->waits = false;
        coroutine_start(&runner->coroutine, run_warp, runner);
    }
    do {
        idle = take_turns(block, &done) ? 0 : idle + 1;
        if (idle > (waits_for_good(block) ? 0 : IDLE_ROUNDS_MAX)) {
            tell_stuck(block);
            return LAUNCH_DEADLOCK;
        }
        if (block->failed) {
            return LAUNCH_FAULT;
        }
    } while (!done);
    return LAUNCH_OK;
}

static enum launch_status run_blocks(struct block *block)
{
    const uint32_t *grid = block->launch->grid;
    enum launch_status status = LAUNCH_OK;

    for (uint32_t z = 0; z < grid[2]; z++) {
        for (uint32_t y = 0; y < grid[1]; y++) {
            for (uint32_t x = 0; x < grid[0] && status == LAUNCH_OK; x++) {
                status = run_block(block, x, y, z);
            }
        }
    }
    return status;
}

enum launch_status launch_run(const struct launch *launch, struct launch_fault *fault)
{
    const struct check_launch checked = {
        .kernel = launch->name,
        .file = launch->file,
        .places = launch->checked,
        .grid = launch->grid,
        .block = launch->block,
        .params = launch->params,
        .param_size = launch->param_size,
        .shared_size = launch->shared_size,
        .local_size = launch->local_size,
    };
    struct block block = {.launch = launch, .fault = fault};
    enum launch_status status = LAUNCH_NO_MEMORY;

    memset(fault, 0, sizeof(*fault));
    if (check_of(launch) != NULL) {
        check_begin(check_of(launch), &checked);
    }
    if (create_block(&block)) {
        status = run_blocks(&block);
    }
    destroy_block(&block);
    if (check_of(launch) != NULL) {
        check_end(check_of(launch));
    }
    return status;
}
