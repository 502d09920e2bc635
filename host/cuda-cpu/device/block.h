/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the device: a block that runs. Its warps take turns on one host thread, each on a stack of
 * its own, which it leaves to another when it ends.
 *
 * Lanes of a warp run together as long as they can. Where some of them wait for others of the same
 * warp, that stand elsewhere in the code, the warp parts: its stack is copied, and from then on
 * there are two paths with a stack each, each for lanes of its own (`live`). What compiled code
 * finds in its masks of lanes that are not its path's, it leaves out.
 */
#ifndef CUDA_CPU_DEVICE_BLOCK_H
#define CUDA_CPU_DEVICE_BLOCK_H

#include "host/cuda-cpu/device/coroutine.h"
#include "host/cuda-cpu/device/worker.h"

#define BLOCK_WARPS WARP_WARPS_MAX
#define BLOCK_BARRIERS WARP_BARRIERS

enum path_state {
    PATH_ENDED,
    PATH_BEGINS, /* nothing is on its stack */
    PATH_RUNS,
    PATH_POLLS, /* it looks again and again at what others do */
    PATH_WAITS_AT_BARRIER,
    PATH_WAITS_FOR_LANES,
};

struct path {
    enum path_state state;
    uint32_t live;            /* its lanes that are left */
    uint32_t lanes;           /* those that poll or wait */
    uint32_t barrier, answer; /* at a barrier */
    uint32_t key;             /* lanes: at which instruction; barriers: operation; polls: kind */
    uint32_t mask;            /* for which lanes */
    uint64_t values[WARP_LANES];
    unsigned char *stack; /* its bytes, while another path is on the warp's stack */
    size_t stack_size, stack_capacity;
};

struct runner {
    struct warp warp; /* first: what compiled code knows is the runner */
    struct block *block;
    struct coroutine coroutine;
    struct path *paths[WARP_LANES + 1];
    uint32_t path_count;
    struct path *current; /* whose stack is in place */
    uint32_t part;        /* lanes that ask to go on alone */
    uint32_t pauses, rests;
    uint32_t spent; /* by what its code calls, since the last look (spend.h) */
};

struct barrier {
    uint32_t arrived[BLOCK_WARPS]; /* lanes of each warp */
    uint32_t threads;              /* that count as arrived; a warp whose lanes all are, whole */
    uint32_t expected;             /* 0: all of the block */
    uint32_t yes, no;              /* votes */
};

struct block {
    struct worker *worker; /* whose it is */
    struct run *run;
    uint64_t rank, number; /* in the order in which they begin; in the grid. Of a row the last's */
    bool is_placed;        /* the number's place is known */
    uint32_t threads[3];   /* that its warps are set up for */
    uint32_t warp_count, running;        /* running: warps with lanes that are left */
    struct runner *runners[BLOCK_WARPS]; /* where the code runs whole blocks, the first alone */
    uint32_t (*tids)[3][WARP_LANES];     /* of each warp's threads */
    uint8_t order[BLOCK_WARPS];          /* of their turns */
    uint32_t turn;                       /* whose it is, in that order */
    bool ran, moved;                     /* some warp did in this round; and did not only look */
    struct barrier barriers[BLOCK_BARRIERS];
    uint32_t used_barriers; /* bits: where some have arrived */
    unsigned char *shared, *local, *kept;
    uint64_t local_size; /* of a thread */
    size_t shared_capacity, local_capacity, kept_capacity;
    struct warp_site *sites; /* what its warps' accesses met last: none is one thread's alone */
    size_t site_capacity;
    struct check_block *check; /* NULL: nothing is checked but bounds */
    bool failed;
};

/* Makes ready for the blocks of a launch. False: no memory. */
bool block_prepare(struct block *block, struct run *run);
void block_clear(struct block *block);

/* What a check knows of it is no longer needed: before the launch ends. */
void block_end_check(struct block *block);

void block_start(struct block *block, uint64_t rank);

/* Of that which runs, in a row, too. */
uint64_t block_rank(const struct block *block);

/* One turn for each path that can go on. */
enum block_turn {
    BLOCK_MOVED,
    BLOCK_POLLS, /* they only looked */
    BLOCK_ENDED, /* well or not: the run knows */
};
enum block_turn block_turn(struct block *block);

/* Lanes that poll while others of their warp stand elsewhere go on alone. False: there are none. */
bool block_part_pollers(struct block *block);

/* All that is left of it waits for threads of its own: it fails. False: it may still move. */
bool block_ends_deadlock(struct block *block);

/* ---- For what kernels call (calls.c, barrier.c, system.c) ---- */

struct runner *runner_of(struct warp *warp);

/* Lanes of all paths that are left. */
uint32_t runner_present(const struct runner *runner);

/* A turn ends. */
void runner_yield(struct runner *runner, enum path_state state);

/* Until the path, whose lanes wait, may go on. Lanes elsewhere in the code go on at once: this
 * returns to them too, and `live` has none of those that wait. */
void runner_wait(struct runner *runner, uint32_t lanes);

/* These lanes and the path's others go on apart; it returns to both. */
void runner_part(struct runner *runner, uint32_t lanes);

/* The block goes no further. Neither of these returns; sanitizers need not know. */
void runner_stop(struct runner *runner);
void runner_fail(struct runner *runner, enum launch_status status,
                 const struct launch_fault *fault);

/* Whether a lane may touch these bytes: its own memory, its block's, its parameters, the device's,
 * the heap's. site: what lies around them and stays there; or nothing. */
bool calls_find(const struct runner *runner, uint32_t lane, uint64_t address, uint32_t size,
                bool write, struct warp_site *site);

struct launch_fault calls_fault(const struct runner *runner, enum warp_fault fault, uint32_t lane);

/* Sets a warp's functions. */
void calls_init(struct warp *warp);
void system_init(struct warp *warp);
void barrier_init(struct warp *warp);

/* Lanes of a warp ended: what waited for them may go on. */
void barrier_lanes_ended(struct block *block, struct runner *runner);

/* Who waits where. */
void barrier_describe(const struct block *block, char *text, size_t size);

#endif
