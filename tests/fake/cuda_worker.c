/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/cuda_worker.h"

#include <stdlib.h>
#include <string.h>

#include "host/mediator/compute/operation.h"
#include "host/mediator/cuda/command.h"
#include "tests/unit/mediator/test_gpu.h"

#define PAGE_SIZE 4096u
#define MEMORY_LIMIT (UINT64_C(256) << 20)

static struct cuda_driver driver;
static struct gpu gpu;
static struct session *session;
static struct operation_heap heap;

static void open_session(void)
{
    if (!gpu_open(&gpu, &driver, 0) || gpu_prepare(&gpu) != BG_COMPUTE_OK) {
        abort();
    }
    if (heap.memory != NULL &&
        gpu_share(&gpu, heap.memory, heap.size, &heap.address) != BG_COMPUTE_OK) {
        abort();
    }
    session = session_create(&gpu, MEMORY_LIMIT);
}

/* As the end of a process does. */
static bool close_session(void)
{
    bool is_clean;

    cuda_end(session);
    is_clean = session->memory_used == 0;
    session_destroy(session);
    driver.cuDevicePrimaryCtxReset(0);
    free(gpu.scratch);
    memset(&gpu, 0, sizeof(gpu));
    return is_clean;
}

void fake_worker_begin(uint64_t heap_size)
{
    setenv("BAREGPU_CUDA_THREADS", "2", 1);
    setenv("BAREGPU_CUDA_QUIET", "1", 1);
    driver = test_driver();
    heap = (struct operation_heap){.size = heap_size};
    if (heap_size != 0) {
        heap.memory = aligned_alloc(PAGE_SIZE, heap_size);
        memset(heap.memory, 0xA5, heap_size);
    }
    open_session();
}

bool fake_worker_end(void)
{
    bool is_clean = close_session();

    free(heap.memory);
    heap.memory = NULL;
    return is_clean;
}

void fake_worker_replace(void)
{
    close_session();
    open_session();
}

uint8_t *fake_worker_heap(void)
{
    return heap.memory;
}

int fake_worker_run(struct fake_worker_command *command)
{
    struct operation operation = {
        .number = command->number,
        .async = true,
        .is_silent = command->is_silent,
        .param_count = command->param_count,
        .params = command->params,
        .heap = heap,
        .data = command->data,
        .data_size = command->data_size,
        .answer = command->answer,
        .answer_capacity = command->answer_room,
    };
    enum bg_compute_status status = operation_run(session, &operation);

    command->answer_size = operation.answer_size;
    memcpy(command->results, operation.results, sizeof(command->results));
    return (int)status;
}

void fake_worker_look(void)
{
    cuda_is_busy(session);
}
