/* SPDX-License-Identifier: BSD-2-Clause */
/* pvgpu's ring and heap as a carrier: see struct bg_pvgpu_compute. */
#include "firmware/cuda/host.h"
#include "firmware/cuda/internal.h"

/* What is taken of the heap: one sixteenth of it, and not more than this. */
#define HEAP_SHARE 16u
#define HEAP_MAX (2u << 20)

/* Of a piece: two of these stay in the caches, and in an emulated CPU's table of pages, while a
 * long copy goes through them. */
#define PIECE_MAX (256u << 10)

/* What a call is given for being carried out, and a backend for coming back. */
#define CALL_TIMEOUT_NS 120000000000ull
#define LOOK_NS 1000000ull
#define RESTART_TIMEOUT_NS 30000000000ull

#define HEAD_WORDS 8u /* struct bg_pvgpu_compute behind its header */
#define HEAD_SIZE (HEAD_WORDS * 4u)
#define PARAMS_MAX (BG_PVGPU_COMPUTE_PARAMS_MAX * 4u)

_Static_assert(sizeof(struct bg_pvgpu_compute) == sizeof(struct bg_pvgpu_command) + HEAD_SIZE,
               "head");

/* Between begin and end: a command that goes on at the ring's start is put together here. */
static struct {
    struct bg_pvgpu_space space;
    uint32_t words[(HEAD_SIZE + PARAMS_MAX) / 4 + 4];
} wrapped;

/* ---- The heap ---- */

/* The page; data and answers of calls, half and half; the pieces. */
static void cut(struct cuda_device *device, const struct bg_pvgpu_memory *memory)
{
    const uint32_t page_size = (sizeof(*device->page) + 63) / 64 * 64;
    const uint32_t part = (memory->size - page_size) / (CUDA_PIECES + 1) / 128 * 128;
    const uint32_t piece = part < PIECE_MAX ? part : PIECE_MAX;
    const uint32_t transfer = (memory->size - page_size - CUDA_PIECES * piece) / 128 * 128;
    uint8_t *next = (uint8_t *)memory->bytes + page_size;

    device->page = memory->bytes;
    device->transfer = next;
    device->data_max = device->answer_max = transfer / 2;
    device->piece_size = piece;
    next += transfer;
    for (unsigned i = 0; i < CUDA_PIECES; i++, next += piece) {
        device->pieces[i].bytes = next;
        device->pieces[i].offset = (uint64_t)(next - device->heap);
    }
}

static CUresult open(struct cuda_device *device)
{
    struct bg_pvgpu *gpu = device->gpu;
    uint32_t size = gpu->heap_size / HEAP_SHARE < HEAP_MAX ? gpu->heap_size / HEAP_SHARE : HEAP_MAX;
    uint32_t least = 2 * sizeof(struct bg_cuda_page);

    if (bg_pvgpu_heap_alloc(gpu, size > least ? size : least, 0, &device->memory) < 0) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    device->heap = gpu->heap;
    device->heap_size = gpu->heap_size;
    device->params_max = PARAMS_MAX;
    device->ring = gpu;
    device->losses = gpu->losses;
    cut(device, &device->memory);
    return CUDA_SUCCESS;
}

static void close(struct cuda_device *device)
{
    if (device->heap != NULL) {
        bg_pvgpu_heap_free(device->gpu, &device->memory);
    }
    device->ring = NULL;
    device->heap = NULL;
    device->page = NULL;
}

static int host_alloc(struct cuda_device *device, size_t size, struct bg_pvgpu_memory *memory)
{
    return bg_pvgpu_heap_alloc(device->gpu, size, 0, memory);
}

static void host_free(struct cuda_device *device, const struct bg_pvgpu_memory *memory)
{
    bg_pvgpu_heap_free(device->gpu, memory);
}

/* ---- Sessions ---- */

static CUresult restart(struct cuda_device *device)
{
    struct bg_pvgpu *gpu = device->gpu;
    int error = bg_pvgpu_restart(gpu, bg_hal_time_ns() + RESTART_TIMEOUT_NS);

    device->losses = gpu->losses;
    return cuda_carrier_failed(device, error);
}

/* One that somebody else has restarted is lost, too. */
static int check(struct cuda_device *device)
{
    struct bg_pvgpu *gpu = device->gpu;

    return bg_pvgpu_check(gpu) ?: gpu->losses != device->losses ? BG_ERR_UNAVAILABLE : 0;
}

/* ---- Operations ---- */

static CUresult begin(struct cuda_device *device, uint32_t operation, uint32_t size, void **params)
{
    struct bg_pvgpu_space space;
    int error = bg_pvgpu_command_begin(device->gpu, operation, 0, 0, HEAD_SIZE + size, &space);
    uint32_t *words = space.words[0];

    if (error < 0) {
        return cuda_carrier_failed(device, error);
    }
    wrapped.space = space;
    if (space.size[1] != 0) {
        words = wrapped.words;
    }
    cuda_clear_last((uint8_t *)words + space.size[0] + space.size[1] - 16);
    words[0] = BG_PVGPU_NO_RESULT;
    words[1] = words[2] = words[3] = words[4] = 0;
    words[5] = size / 4;
    words[6] = words[7] = 0;
    *params = words + HEAD_WORDS;
    return CUDA_SUCCESS;
}

static CUresult end(struct cuda_device *device)
{
    const struct bg_pvgpu_space *space = &wrapped.space;
    int error;

    if (space->size[1] != 0) {
        memcpy(space->words[0], wrapped.words, space->size[0]);
        memcpy(space->words[1], (const uint8_t *)wrapped.words + space->size[0], space->size[1]);
    }
    bg_pvgpu_command_end(device->gpu);
    error = bg_pvgpu_submit(device->gpu);
    return error == 0 ? CUDA_SUCCESS : cuda_carrier_failed(device, error);
}

static bool look(struct cuda_device *device, uint32_t size)
{
    return bg_pvgpu_quick_look(device->ring, size);
}

static void wake(struct cuda_device *device)
{
    bg_pvgpu_submit(device->ring);
}

/* So an older backend says that it does not know a command. */
static bool was_refused(struct bg_pvgpu *gpu)
{
    struct bg_pvgpu_failure failure;

    return bg_pvgpu_take_failure(gpu, &failure) == 1 &&
           failure.code == BG_PVGPU_ERROR_INVALID_COMMAND;
}

/* What the worker does may have to wait for a stream, and that for a host function. */
static int wait_for_job(struct cuda_device *device, struct bg_pvgpu_job *job)
{
    struct bg_pvgpu *gpu = device->gpu;
    uint64_t now_ns = bg_hal_time_ns(), end_ns = now_ns + CALL_TIMEOUT_NS;
    int error = bg_pvgpu_job_wait(gpu, job, now_ns + LOOK_NS);

    while (error == BG_ERR_BUSY && now_ns < end_ns) {
        cuda_host_poll(device);
        now_ns = bg_hal_time_ns();
        error = bg_pvgpu_job_wait(gpu, job, now_ns + LOOK_NS);
    }
    if (error == BG_ERR_BUSY) {
        bg_pvgpu_job_abandon(gpu, job);
        return BG_ERR_TIMEOUT;
    }
    return error == BG_ERR_IO && was_refused(gpu) ? BG_ERR_UNSUPPORTED : error;
}

static CUresult call(struct cuda_device *device, struct cuda_call *call)
{
    uint32_t words[CUDA_CALL_PARAMS_MAX / 4] = {0};
    const uint32_t transfer_offset = (uint32_t)(device->transfer - device->heap);
    const struct bg_pvgpu_compute_options options = {
        .operation = call->operation,
        .params = words,
        .param_count = (uint32_t)(call->params.size + call->extra.size + 3) / 4,
        .data_offset = transfer_offset,
        .data_size = (uint32_t)call->data.size,
        .answer_offset = transfer_offset + device->data_max,
        .answer_size = call->answer_room < device->answer_max ? (uint32_t)call->answer_room
                                                              : device->answer_max,
    };
    struct bg_pvgpu_job job;
    int error;

    cuda_bytes_copy(words, call->params);
    cuda_bytes_copy((uint8_t *)words + call->params.size, call->extra);
    cuda_bytes_copy(device->transfer, call->data);
    error = bg_pvgpu_compute(device->gpu, &options, &job) ?: wait_for_job(device, &job);
    if (error < 0) {
        return cuda_carrier_failed(device, error);
    }
    return cuda_take_answer(
        device, call, job.results,
        (struct cuda_bytes){device->transfer + device->data_max, job.data_size});
}

static int wait(struct cuda_device *device, const struct bg_wait_loop *loop)
{
    return bg_pvgpu_wait(device->ring, loop, UINT64_MAX);
}

static const struct bg_pci_device *find_pci(const struct cuda_device *device)
{
    return ((const struct bg_pvgpu *)device->gpu)->device;
}

static const struct cuda_carrier carrier = {
    .open = open,
    .close = close,
    .restart = restart,
    .check = check,
    .begin = begin,
    .end = end,
    .look = look,
    .wake = wake,
    .call = call,
    .wait = wait,
    .host_alloc = host_alloc,
    .host_free = host_free,
    .find_pci = find_pci,
};

int bg_cuda_add_pvgpu(struct bg_pvgpu *gpu, void *memory, size_t size)
{
    return cuda_device_add(&carrier, gpu, memory, size);
}
