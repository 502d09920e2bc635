/* SPDX-License-Identifier: BSD-2-Clause */
/* What kernels call for memory, faults, time and printing. warp.h has what each does. */
#include <string.h>
#include <time.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/check/watch.h"
#include "host/cuda-cpu/device/access.h"
#include "host/cuda-cpu/device/async.h"
#include "host/cuda-cpu/device/block.h"
#include "host/cuda-cpu/device/function.h"
#include "host/cuda-cpu/device/matrix.h"
#include "host/cuda-cpu/device/spend.h"
#include "host/cuda-cpu/device/texture.h"

#define PAUSES_IN_A_TURN 16 /* of a warp that does not wait */
#define RESTS_OF_A_LOOK 16  /* at the time */

/* ---- Faults ---- */

struct launch_fault calls_fault(const struct runner *runner, enum warp_fault fault, uint32_t lane)
{
    struct launch_fault told = {.fault = fault, .site = WARP_NO_SITE};

    for (int i = 0; i < 3; i++) {
        told.block[i] = runner->warp.ctaid[i];
        told.thread[i] = runner->warp.tids[runner->warp.warpid][i][lane];
    }
    return told;
}

static void on_fault(struct warp *warp, uint32_t fault, uint32_t site, uint32_t mask)
{
    struct runner *runner = runner_of(warp);
    struct launch_fault told =
        calls_fault(runner, (enum warp_fault)fault, mask ? (uint32_t)__builtin_ctz(mask) : 0);

    told.site = site;
    runner_fail(runner, LAUNCH_FAULT, &told);
}

/* ---- Memory ---- */

static bool is_within(uint64_t address, uint64_t size, uint64_t start, uint64_t length)
{
    return address >= start && address - start + size <= length;
}

bool calls_find(const struct runner *runner, uint32_t lane, uint64_t address, uint32_t size,
                bool write, struct warp_site *site)
{
    const struct launch *launch = runner->block->run->launch;
    const uint64_t local =
        (uint64_t)(uintptr_t)runner->warp.local + lane * runner->warp.local_stride;
    const uint64_t shared = (uint64_t)(uintptr_t)runner->warp.shared;
    const uint64_t params = (uint64_t)(uintptr_t)launch->params;
    struct memory_range range;

    if (is_within(address, size, local, runner->block->local_size)) {
        return true; /* of this lane alone: the site, which is all lanes', knows of none */
    }
    if (is_within(address, size, shared, launch->shared_size)) {
        *site = (struct warp_site){.start = shared, .end = shared + launch->shared_size};
        return true;
    }
    if (is_within(address, size, params, launch->param_size)) {
        *site = (struct warp_site){.start = params, .end = params + launch->param_size};
        return !write;
    }
    if (memory_find(launch->memory, address, size, &range)) {
        *site = (struct warp_site){.start = range.start, .end = range.end};
        return !(write && range.read_only);
    }
    /* Until it is given back: the site knows of none. */
    return launch->heap != NULL && heap_holds(launch->heap, address, size);
}

struct warp_site access_check(struct warp *warp, uint32_t lane, uint64_t address, uint32_t size,
                              bool write, uint32_t place)
{
    struct runner *runner = runner_of(warp);
    struct warp_site site = {.start = 0};
    struct launch_fault fault;

    if (address % size == 0 && calls_find(runner, lane, address, size, write, &site)) {
        return site;
    }
    fault = calls_fault(runner, address % size ? WARP_FAULT_MISALIGNED : WARP_FAULT_ADDRESS, lane);
    fault.site = place;
    fault.address = address;
    fault.size = size;
    fault.write = write;
    runner_fail(runner, LAUNCH_FAULT, &fault);
    return site;
}

static void permute(uint32_t *results, const uint32_t *sources, const uint32_t *indices)
{
    for (int i = 0; i < WARP_LANES; i++) {
        results[i] = sources[indices[i] % WARP_LANES];
    }
}

static void match(uint32_t *results, const uint64_t *values, const uint32_t *members,
                  uint32_t lanes)
{
    for (; lanes; lanes &= lanes - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(lanes), equal = 0;

        for (uint32_t other = 0; other < WARP_LANES; other++) {
            equal |= (uint32_t)(values[other] == values[lane]) << other;
        }
        results[lane] = equal & members[lane];
    }
}

static void reduce(uint32_t *results, const uint32_t *values, const uint32_t *members,
                   uint32_t lanes, uint32_t operation)
{
    while (lanes) {
        uint32_t first = (uint32_t)__builtin_ctz(lanes), left = members[first];
        uint64_t result = values[left ? (uint32_t)__builtin_ctz(left) : first];

        for (left &= left - 1; left; left &= left - 1) {
            result = access_combine(operation, result, values[__builtin_ctz(left)], 0);
        }
        for (uint32_t lane = first; lane < WARP_LANES; lane++) {
            if (lanes >> lane & 1 && members[lane] == members[first]) {
                results[lane] = (uint32_t)result;
                lanes &= ~(1U << lane);
            }
        }
    }
}

static void copy_local(struct warp *warp, uint64_t to, uint64_t from, uint64_t size, uint32_t mask)
{
    if (!is_within(to, size, 0, warp->local_stride) ||
        !is_within(from, size, 0, warp->local_stride)) {
        on_fault(warp, WARP_FAULT_STACK, WARP_NO_SITE, mask);
        return;
    }
    if (warp->check != NULL) {
        check_handed_over(warp->check, to, size, mask);
    }
    spend(warp, (uint32_t)size);
    for (; mask; mask &= mask - 1) {
        unsigned char *local = warp->local + (uint32_t)__builtin_ctz(mask) * warp->local_stride;

        memmove(local + to, local + from, size);
    }
}

/* ---- Time ---- */

/* A block before this one went wrong. */
static void stop_if_over(struct runner *runner)
{
    if (run_is_over(runner->block->run, block_rank(runner->block))) {
        runner_stop(runner);
    }
}

static void stop_if_late(struct runner *runner, uint32_t lanes)
{
    if (worker_is_late(runner->block->worker, runner->block->run)) {
        on_fault(&runner->warp, WARP_FAULT_TIMEOUT, WARP_NO_SITE, lanes);
    }
}

void spend(struct warp *warp, uint32_t instructions)
{
    struct runner *runner = runner_of(warp);

    runner->spent += instructions;
    if (runner->spent < WARP_FUEL) {
        return;
    }
    runner->spent = 0;
    stop_if_over(runner);
    stop_if_late(runner, 0);
}

/* It is short after the one before. */
static void rest(struct runner *runner, uint32_t lanes)
{
    if (++runner->rests % RESTS_OF_A_LOOK == 0) {
        stop_if_late(runner, lanes);
    }
    coroutine_yield(&runner->coroutine);
}

static uint32_t unpack(struct warp *warp, uint32_t lanes)
{
    uint32_t packed = warp->packed, unpacked = 0;

    if (packed == 0) {
        return lanes;
    }
    for (; packed && lanes; packed &= packed - 1, lanes >>= 1) {
        unpacked |= lanes & 1 ? packed & -packed : 0;
    }
    warp->packed = 0;
    return unpacked;
}

/* One that polls lets all others run; one that computes only now and then. */
static void on_pause(struct warp *warp, uint32_t lanes, uint32_t kind)
{
    struct runner *runner = runner_of(warp);
    struct block *block = runner->block;

    warp->fuel = WARP_FUEL;
    lanes = unpack(warp, lanes);
    stop_if_over(runner);
    if (kind == WARP_PAUSE_RESTS) {
        rest(runner, lanes);
        return;
    }
    stop_if_late(runner, lanes);
    if (block->run->launch->runs_block) {
        return;
    }
    if (kind != WARP_PAUSE_WORKS) {
        runner->current->lanes = lanes;
        runner->current->key = kind;
        runner_yield(runner, PATH_POLLS);
    } else if (++runner->pauses % PAUSES_IN_A_TURN == 0) {
        runner_yield(runner, PATH_RUNS);
    }
}

static uint64_t nanoseconds(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

void calls_init(struct warp *warp)
{
    warp->gather = access_gather;
    warp->scatter = access_scatter;
    warp->atomic = access_atomic;
    warp->fault = on_fault;
    warp->function = warp_function_call;
    warp->permute = permute;
    warp->match = match;
    warp->reduce = reduce;
    warp->copy = copy_local;
    warp->texture = texture_request;
    warp->mbarrier = async_mbarrier;
    warp->copy_async = async_copy;
    warp->copy_bulk = async_copy_bulk;
    warp->reduce_bulk = async_reduce_bulk;
    warp->multiply = matrix_multiply;
    warp->multiply_sparse = matrix_multiply_sparse;
    warp->load_matrix = matrix_load;
    warp->store_matrix = matrix_store;
    warp->event = check_event;
    warp->reach = check_reach;
    warp->pause = on_pause;
    warp->nanoseconds = nanoseconds;
}
