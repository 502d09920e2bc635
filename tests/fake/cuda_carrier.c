/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/cuda_carrier.h"

#include <string.h>
#include <time.h>

#include "firmware/cuda/internal.h"
#include "tests/fake/cuda_worker.h"

/* What the mailbox has room for. */
#define REQUEST_MAX 992u
#define MAILBOX_ANSWER_MAX 984u
#define RING_PARAMS_MAX 1024u
#define PAUSE_NS 20000

struct fake_carrier fake_carrier;

static struct {
    uint8_t *next; /* of the heap: what is not given out */
    uint64_t heap_size;
    struct fake_worker_command command;
    uint32_t words[RING_PARAMS_MAX / 4];
    uint8_t answer[MAILBOX_ANSWER_MAX];
} ring;

/* ---- The HAL's part ---- */

uint64_t bg_hal_time_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void bg_hal_wait(uint64_t deadline_ns)
{
    (void)deadline_ns;
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

/* ---- The heap ---- */

static uint8_t *take(size_t size)
{
    uint8_t *bytes = ring.next;
    size_t whole = (size + 63) / 64 * 64;

    if (whole > ring.heap_size - (size_t)(ring.next - fake_worker_heap())) {
        return NULL;
    }
    ring.next += whole;
    return bytes;
}

/* Gives the last one back, and forgets others. */
static void give(uint8_t *bytes, size_t size)
{
    if (bytes + (size + 63) / 64 * 64 == ring.next) {
        ring.next = bytes;
    }
}

static int host_alloc(struct cuda_device *device, size_t size, struct bg_pvgpu_memory *memory)
{
    (void)device;
    *memory = (struct bg_pvgpu_memory){.bytes = take(size), .size = (uint32_t)size};
    return memory->bytes != NULL ? 0 : BG_ERR_DEVICE_MEMORY;
}

static void host_free(struct cuda_device *device, const struct bg_pvgpu_memory *memory)
{
    (void)device;
    give(memory->bytes, memory->size);
}

/* Small pieces, so that copies need many. */
static CUresult open_ring(struct cuda_device *device)
{
    device->heap = fake_worker_heap();
    device->heap_size = ring.heap_size;
    device->page = (struct bg_cuda_page *)(void *)take(sizeof(*device->page));
    device->params_max = RING_PARAMS_MAX;
    device->data_max = device->answer_max = 8192;
    device->transfer = take(16384);
    device->piece_size = 4096;
    for (unsigned i = 0; i < CUDA_PIECES; i++) {
        device->pieces[i].bytes = take(device->piece_size);
        device->pieces[i].offset = (uint64_t)(device->pieces[i].bytes - device->heap);
    }
    return CUDA_SUCCESS;
}

static CUresult open_mailbox(struct cuda_device *device)
{
    device->params_max = REQUEST_MAX;
    device->data_max = REQUEST_MAX - CUDA_CALL_PARAMS_MAX;
    device->answer_max = MAILBOX_ANSWER_MAX;
    return CUDA_SUCCESS;
}

static CUresult carrier_open(struct cuda_device *device)
{
    return ring.heap_size != 0 ? open_ring(device) : open_mailbox(device);
}

static void carrier_close(struct cuda_device *device)
{
    (void)device;
}

/* ---- Operations ---- */

static CUresult restart(struct cuda_device *device)
{
    if (fake_carrier.is_gone) {
        return cuda_carrier_failed(device, BG_ERR_UNAVAILABLE);
    }
    fake_carrier.is_lost = false;
    fake_worker_replace();
    return CUDA_SUCCESS;
}

static int check(struct cuda_device *device)
{
    (void)device;
    fake_worker_look();
    return fake_carrier.is_lost ? BG_ERR_UNAVAILABLE : 0;
}

/* 0 or a bg_error. */
static int run(struct fake_worker_command *command)
{
    if (fake_carrier.is_lost) {
        return BG_ERR_UNAVAILABLE;
    }
    if (command->number == fake_carrier.refused) {
        return BG_ERR_UNSUPPORTED;
    }
    return bg_compute_status_error((uint32_t)fake_worker_run(command));
}

static CUresult begin(struct cuda_device *device, uint32_t operation, uint32_t size, void **params)
{
    ring.command = (struct fake_worker_command){
        .number = operation, .params = ring.words, .param_count = size / 4};
    *params = ring.words;
    return fake_carrier.is_lost ? cuda_carrier_failed(device, BG_ERR_UNAVAILABLE) : CUDA_SUCCESS;
}

static CUresult end(struct cuda_device *device)
{
    int error;

    ring.command.is_silent = ring.heap_size != 0;
    ring.command.answer = ring.answer;
    ring.command.answer_room = ring.command.is_silent ? 0 : sizeof(ring.answer);
    error = run(&ring.command);
    fake_carrier.commands++;
    if (ring.command.is_silent) {
        return error == BG_ERR_UNAVAILABLE ? cuda_carrier_failed(device, error) : CUDA_SUCCESS;
    }
    return error < 0 ? cuda_carrier_failed(device, error)
                     : cuda_note(device, ring.command.results[0],
                                 (struct cuda_bytes){ring.answer, ring.command.answer_size});
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static CUresult call(struct cuda_device *device, struct cuda_call *call)
{
    uint32_t words[CUDA_CALL_PARAMS_MAX / 4] = {0};
    uint8_t answer[MAILBOX_ANSWER_MAX];
    bool is_ring = ring.heap_size != 0;
    struct fake_worker_command command = {
        .number = call->operation,
        .params = words,
        .param_count = (uint32_t)(call->params.size + call->extra.size + 3) / 4,
        .data = is_ring ? device->transfer : call->data.bytes,
        .data_size = call->data.size,
        .answer = is_ring ? device->transfer + device->data_max : answer,
        .answer_room = is_ring ? lesser(call->answer_room, device->answer_max) : device->answer_max,
    };
    int error;

    cuda_bytes_copy(words, call->params);
    cuda_bytes_copy((uint8_t *)words + call->params.size, call->extra);
    if (is_ring) {
        cuda_bytes_copy(device->transfer, call->data);
    }
    fake_carrier.round_trips++;
    error = run(&command);
    if (error < 0) {
        return cuda_carrier_failed(device, error);
    }
    if (fake_carrier.prints_on && call->operation == BG_CUDA_PRINT) {
        memset(command.answer, '.', command.answer_room);
        command.answer_size = command.results[1] = (uint32_t)command.answer_room;
    }
    return cuda_take_answer(
        device, call, command.results,
        (struct cuda_bytes){command.answer, fake_carrier.cuts ? 0 : command.answer_size});
}

static int wait_for(struct cuda_device *device, const struct bg_wait_loop *loop)
{
    int result;

    (void)device;
    fake_carrier.waits++;
    while ((result = loop->look(loop->context)) == 0) {
        bg_hal_wait(UINT64_MAX);
    }
    return result;
}

static const struct bg_pci_device *find_pci(const struct cuda_device *device)
{
    static const struct bg_pci_device pci = {.bdf = BG_PCI_BDF(0x1A, 2, 0)};

    (void)device;
    return &pci;
}

static const struct cuda_carrier carrier = {
    .open = carrier_open,
    .close = carrier_close,
    .restart = restart,
    .check = check,
    .begin = begin,
    .end = end,
    .call = call,
    .wait = wait_for,
    .host_alloc = host_alloc,
    .host_free = host_free,
    .find_pci = find_pci,
};

int fake_carrier_add(uint64_t heap_size, void *memory, size_t size)
{
    fake_carrier = (struct fake_carrier){0};
    fake_worker_begin(heap_size);
    ring.heap_size = heap_size;
    ring.next = fake_worker_heap();
    return cuda_device_add(&carrier, &ring, memory, size);
}
