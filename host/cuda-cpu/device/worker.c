/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/worker.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "host/common/clock.h"
#include "host/cuda-cpu/device/block.h"

/* Rounds in which all blocks only looked, before more is done about it: when all workers stand so,
 * and when one alone does, whose blocks may wait for those of others. */
#define PATIENCE_OF_ALL 4
#define PATIENCE_OF_ONE 4096

/* And before blocks that wait for nobody else are called dead. */
#define PATIENCE_WITH_DEADLOCK 20000

/* A second behind its limit by the clock who used less than this part of a processor sleeps. */
#define SLEEPER_SHARE 16

void run_fail(struct run *run, uint64_t rank, enum launch_status status,
              const struct launch_fault *fault)
{
    pthread_mutex_lock(&run->lock);
    if (rank < run->failed) {
        run->failed = rank;
        run->status = status;
        if (fault != NULL) {
            *run->fault = *fault;
        }
    }
    pthread_mutex_unlock(&run->lock);
}

uint64_t run_take(struct run *run, uint64_t most, uint64_t *rank)
{
    uint64_t left;

    *rank = atomic_load_explicit(&run->next, memory_order_relaxed);
    if (*rank >= run->block_count || run_is_over(run, *rank)) {
        return 0;
    }
    *rank = atomic_fetch_add_explicit(&run->next, most, memory_order_relaxed);
    left = *rank < run->block_count ? run->block_count - *rank : 0;
    return left < most ? left : most;
}

/* ---- Time ---- */

/* A busy host makes nobody late; but what sleeps is not for it to explain. */
static bool is_used_up(struct worker *worker, uint64_t limit_ns, uint64_t now_ns)
{
    uint64_t used_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID) - worker->start_cpu_ns;
    uint64_t elapsed_ns = now_ns - worker->start_ns;
    uint64_t left_ns = used_ns < limit_ns ? limit_ns - used_ns : 0;

    worker->look_ns = now_ns + (left_ns < NS_PER_S ? left_ns : NS_PER_S);
    return left_ns == 0 ||
           (elapsed_ns >= limit_ns + NS_PER_S && used_ns < elapsed_ns / SLEEPER_SHARE);
}

static void start_clock(struct worker *worker, uint64_t now_ns, uint64_t limit_ns)
{
    worker->start_ns = now_ns;
    worker->start_cpu_ns = clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
    worker->look_ns = now_ns + limit_ns;
}

/* Its time begins with the first look: one that is over before costs none, and they take long. */
bool worker_is_late(struct worker *worker, const struct run *run)
{
    uint64_t now_ns, limit_ns = run->launch->limit_ns;

    if (*run->launch->stop || !limit_ns) {
        return *run->launch->stop;
    }
    now_ns = clock_now_ns();
    if (worker->start_ns == 0) {
        start_clock(worker, now_ns, limit_ns);
    }
    return now_ns >= worker->look_ns && is_used_up(worker, limit_ns, now_ns);
}

/* ---- Blocks of a worker ---- */

static bool add_block(struct worker *worker)
{
    struct block **blocks = realloc(worker->blocks, (worker->count + 1) * sizeof(struct block *));

    if (blocks == NULL) {
        return false;
    }
    worker->blocks = blocks;
    blocks[worker->count] = calloc(1, sizeof(struct block));
    if (blocks[worker->count] == NULL) {
        return false;
    }
    blocks[worker->count]->worker = worker;
    worker->count++;
    return true;
}

/* False: there is no other block, or no memory. */
static bool start_block(struct worker *worker, struct run *run)
{
    uint64_t rank = run->next;

    if (rank >= run->block_count || run_is_over(run, rank)) {
        return false;
    }
    if ((worker->active == worker->count && !add_block(worker)) ||
        !block_prepare(worker->blocks[worker->active], run)) {
        if (!worker->active) {
            run_fail(run, run->next, LAUNCH_NO_MEMORY, NULL);
        }
        return false;
    }
    if (!run_take(run, 1, &rank)) {
        return false;
    }
    block_start(worker->blocks[worker->active++], rank);
    return true;
}

/* The last one takes its place. */
static void end_block(struct worker *worker, uint32_t index)
{
    struct block *ended = worker->blocks[index];

    worker->blocks[index] = worker->blocks[--worker->active];
    worker->blocks[worker->active] = ended;
}

/* One turn for each block. False: all of them only looked. */
static bool take_turns(struct worker *worker, struct run *run)
{
    bool moved = false;

    for (uint32_t i = 0; i < worker->active;) {
        struct block *block = worker->blocks[i];
        enum block_turn turn =
            run_is_over(run, block_rank(block)) ? BLOCK_ENDED : block_turn(block);

        moved = moved || turn != BLOCK_POLLS;
        if (turn == BLOCK_ENDED) {
            end_block(worker, i);
        } else {
            i++;
        }
    }
    return moved;
}

/* ---- When nothing moves ---- */

static bool part_pollers(struct worker *worker)
{
    bool parted = false;

    for (uint32_t i = 0; i < worker->active; i++) {
        parted = block_part_pollers(worker->blocks[i]) || parted;
    }
    return parted;
}

static bool end_deadlocks(struct worker *worker)
{
    bool ended = false;

    for (uint32_t i = 0; i < worker->active; i++) {
        ended = block_ends_deadlock(worker->blocks[i]) || ended;
    }
    return ended;
}

/* Lanes may wait for others of their warp; then blocks for others, that did not begin yet. Else it
 * is for other workers, or for the host. One that waits behind a block that went wrong gives up. */
static void help_out(struct worker *worker, struct run *run, uint32_t *wanted, uint32_t rounds)
{
    if (part_pollers(worker)) {
        return;
    }
    if (rounds >= PATIENCE_WITH_DEADLOCK && end_deadlocks(worker)) {
        return;
    }
    if (run->failed < run->block_count) {
        worker->active = 0;
    } else if (run->next < run->block_count) {
        *wanted = worker->active * 2;
    } else {
        sched_yield();
    }
}

/* Blocks that take turns when their warps rest: 128 bytes of each warp are a page. Their shared
 * memory stays in the first cache. And other workers have blocks, too. */
#define BLOCKS_TOGETHER 8
#define THREADS_TOGETHER 2048
#define SHARED_TOGETHER 16384
#define SHARES_OF_A_WORKER 4

static uint32_t count_together(const struct launch *launch, uint64_t block_count)
{
    uint64_t threads = (uint64_t)launch->block[0] * launch->block[1] * launch->block[2];
    uint64_t share =
        launch->threads > 1 ? block_count / launch->threads / SHARES_OF_A_WORKER : block_count;
    uint32_t count = BLOCKS_TOGETHER;

    while (count > 1 && (count > share || count * threads > THREADS_TOGETHER ||
                         count * launch->shared_size > SHARED_TOGETHER)) {
        count--;
    }
    return count;
}

static uint32_t first_share(const struct run *run)
{
    return run->launch->cooperative
               ? (uint32_t)((run->block_count + run->workers - 1) / run->workers)
           : run->launch->rests ? count_together(run->launch, run->block_count)
                                : 1;
}

void worker_run(void *context, struct worker *worker)
{
    struct run *run = context;
    uint32_t wanted = 1, rounds = 0;
    bool is_stuck = false;

    worker->start_ns = 0;
    run->workers++;
    wanted = first_share(run);
    worker->active = 0;
    for (;;) {
        while (worker->active < wanted && start_block(worker, run)) {
        }
        if (!worker->active) {
            break;
        }
        if (take_turns(worker, run)) {
            run->stuck -= is_stuck;
            is_stuck = false;
            rounds = 0;
            continue;
        }
        run->stuck += !is_stuck;
        is_stuck = true;
        if (++rounds % (run->stuck == run->workers ? PATIENCE_OF_ALL : PATIENCE_OF_ONE) == 0) {
            help_out(worker, run, &wanted, rounds);
        }
    }
    run->stuck -= is_stuck;
    run->workers--;
    for (uint32_t i = 0; i < worker->count; i++) {
        block_end_check(worker->blocks[i]);
        worker->blocks[i]->run = NULL;
    }
}

void worker_clear(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->count; i++) {
        block_clear(worker->blocks[i]);
        free(worker->blocks[i]);
    }
    free(worker->blocks);
    worker->blocks = NULL;
    worker->count = 0;
}
