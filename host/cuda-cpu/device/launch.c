/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/launch.h"

#include <string.h>

#include "host/cuda-cpu/check/watch.h"
#include "host/cuda-cpu/device/worker.h"

static uint64_t block_count(const struct launch *launch)
{
    return (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
}

static struct check *check_of(const struct launch *launch)
{
    return launch->checked != NULL ? launch->memory->check : NULL;
}

/* Besides the caller. What is checked is seen by one thread. */
static unsigned helper_count(const struct launch *launch)
{
    uint64_t blocks = block_count(launch);
    uint64_t threads = launch->threads < blocks ? launch->threads : blocks;

    return threads > 1 && check_of(launch) == NULL ? (unsigned)(threads - 1) : 0;
}

static bool run_alone(struct run *run)
{
    struct worker worker = {0};

    worker_run(run, &worker);
    worker_clear(&worker);
    return true;
}

uint64_t launch_local_size(const struct launch *launch)
{
    uint64_t size = launch->stack_size ? launch->stack_size : LAUNCH_STACK_SIZE;

    return launch->is_deep && launch->local_size < size ? size : launch->local_size;
}

static void begin_check(const struct launch *launch, struct check_launch *checked)
{
    *checked = (struct check_launch){
        .kernel = launch->name,
        .file = launch->file,
        .places = launch->checked,
        .grid = launch->grid,
        .block = launch->block,
        .params = launch->params,
        .param_size = launch->param_size,
        .shared_size = launch->shared_size,
        .local_size = launch_local_size(launch),
    };
    check_begin(check_of(launch), checked);
}

static bool run_blocks(const struct launch *launch, struct run *run)
{
    struct check_launch checked;
    bool ran;

    if (check_of(launch) != NULL) {
        begin_check(launch, &checked);
    }
    ran = launch->pool != NULL ? pool_run(launch->pool, helper_count(launch), worker_run, run)
                               : run_alone(run);
    if (check_of(launch) != NULL) {
        check_end(check_of(launch));
    }
    return ran;
}

/* Blocks that may wait for each other have memory for it: of a counter, which begins as 0. */
static bool run_together(const struct launch *launch, struct run *run)
{
    _Alignas(64) uint32_t workspace[16] = {0};
    bool ran;

    run->workspace = (uint64_t)(uintptr_t)workspace;
    if (!memory_add(launch->memory, run->workspace, sizeof(workspace), false)) {
        return false;
    }
    if (launch->memory->check != NULL) {
        check_written(launch->memory->check, run->workspace, sizeof(workspace));
    }
    ran = run_blocks(launch, run);
    memory_remove(launch->memory, run->workspace);
    return ran;
}

enum launch_status launch_run(const struct launch *launch, struct launch_fault *fault)
{
    uint64_t blocks = block_count(launch);
    struct run run = {
        .launch = launch,
        .block_count = blocks,
        .is_alone = launch->is_alone && helper_count(launch) == 0,
        .failed = blocks,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .fault = fault,
    };
    bool ran;

    memset(fault, 0, sizeof(*fault));
    ran = launch->cooperative ? run_together(launch, &run) : run_blocks(launch, &run);
    return ran ? run.status : LAUNCH_NO_MEMORY;
}
