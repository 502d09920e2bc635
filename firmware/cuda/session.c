/* SPDX-License-Identifier: BSD-2-Clause */
/* A device's session: its start and its end, and the way of operations and answers through it. */
#include "firmware/cuda/host.h"
#include "firmware/cuda/internal.h"
#include "protocol/cuda_rules.h"

/* ---- Errors ---- */

/* The session is over, and what its contexts had with it. */
static CUresult lose(struct cuda_device *device, CUresult error)
{
    struct cuda_object *object = NULL;

    if (device->error != CUDA_SUCCESS) {
        return device->error;
    }
    device->error = error;
    if (device->is_started) {
        cuda_print_page(device);
    }
    while ((object = cuda_object_next(CUDA_KIND_CONTEXT, NULL, object)) != NULL) {
        struct cuda_context *context = (struct cuda_context *)(void *)object;

        if (context->device == device && context->error == CUDA_SUCCESS) {
            context->error = error;
        }
    }
    cuda_host_lose(device, error);
    return error;
}

/* A number from the worker; others than CUDA has are none. */
static CUresult result_of(uint32_t number)
{
    const char *name;

    return cuGetErrorName((CUresult)number, &name) == CUDA_SUCCESS ? (CUresult)number
                                                                   : CUDA_ERROR_UNKNOWN;
}

/* A worker that does not know of the session is another one than it began with. */
static CUresult note(struct cuda_device *device, CUresult result)
{

    if (result == CUDA_ERROR_NOT_INITIALIZED && device->is_started) {
        return lose(device, CUDA_ERROR_DEVICE_UNAVAILABLE);
    }
    return cuda_result_ends_context(result) && device->is_started ? lose(device, result) : result;
}

CUresult cuda_note(struct cuda_device *device, uint32_t number, struct cuda_bytes words)
{
    bool was_alive = device->error == CUDA_SUCCESS;
    CUresult result = note(device, result_of(number));

    if (was_alive && device->error != CUDA_SUCCESS) {
        cuda_print_words(words);
    }
    return result;
}

CUresult cuda_take_answer(struct cuda_device *device, struct cuda_call *call,
                          const uint32_t results[2], struct cuda_bytes answer)
{
    size_t room = call->answer_room < device->answer_max ? call->answer_room : device->answer_max;
    size_t there = results[1] < room ? results[1] : room;

    if (answer.size < there) {
        return lose(device, CUDA_ERROR_UNKNOWN);
    }
    call->answer_size = results[1];
    cuda_bytes_copy(call->answer, (struct cuda_bytes){answer.bytes, there});
    return cuda_note(device, results[0],
                     device->page == NULL ? answer : (struct cuda_bytes){NULL, 0});
}

/* What the worker wrote before its end says more than that it ended. Before the start nobody has
 * zeroed the page. */
static CUresult why_lost(const struct cuda_device *device, CUresult otherwise)
{
    bool has_page = device->is_started && device->page != NULL;
    uint32_t error = has_page ? bg_load_acquire32(&device->page->error) : 0;

    return error != 0 ? result_of(error) : otherwise;
}

CUresult cuda_carrier_failed(struct cuda_device *device, int error)
{
    switch (error) {
    case BG_OK:
        return CUDA_SUCCESS;
    case BG_ERR_UNSUPPORTED:
        return CUDA_ERROR_NOT_SUPPORTED;
    case BG_ERR_LIMITED:
        return CUDA_ERROR_SYSTEM_NOT_READY;
    case BG_ERR_DEVICE_MEMORY:
        return CUDA_ERROR_OUT_OF_MEMORY;
    case BG_ERR_TIMEOUT:
        return lose(device, why_lost(device, CUDA_ERROR_TIMEOUT));
    case BG_ERR_QUARANTINED:
        return lose(device, why_lost(device, CUDA_ERROR_NOT_PERMITTED));
    case BG_ERR_UNAVAILABLE:
    case BG_ERR_POOL:
        return lose(device, why_lost(device, CUDA_ERROR_DEVICE_UNAVAILABLE));
    case BG_ERR_IO:
    case BG_ERR_PROTOCOL:
        return lose(device, why_lost(device, CUDA_ERROR_UNKNOWN));
    default: /* the worker takes the operation for malformed */
        return CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuda_check(struct cuda_device *device)
{
    int error;

    if (device->error != CUDA_SUCCESS) {
        return device->error;
    }
    if (device->page != NULL && bg_load_acquire32(&device->page->error) != 0) {
        return lose(device, why_lost(device, CUDA_ERROR_UNKNOWN));
    }
    error = device->carrier->check(device);
    return error < 0 ? cuda_carrier_failed(device, error) : CUDA_SUCCESS;
}

CUresult cuda_take_failure(struct cuda_device *device)
{
    uint32_t failures = device->page != NULL ? bg_load_acquire32(&device->page->failures) : 0;

    if (failures == device->failures) {
        return CUDA_SUCCESS;
    }
    device->failures = failures;
    return result_of(bg_load_once32(&device->page->failure));
}

/* ---- Operations ---- */

CUresult cuda_put_extra(struct cuda_device *device, uint32_t operation, struct cuda_bytes params,
                        struct cuda_bytes extra)
{
    uint32_t size = (uint32_t)(params.size + extra.size + 3) / 4 * 4;
    void *to;
    CUresult result = device->carrier->begin(device, operation, size, &to);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    memset((uint8_t *)to + size - 4, 0, 4);
    cuda_bytes_copy(to, params);
    cuda_bytes_copy((uint8_t *)to + params.size, extra);
    return device->carrier->end(device);
}

CUresult cuda_put(struct cuda_device *device, uint32_t operation, const void *params, size_t size)
{
    return cuda_put_extra(device, operation, (struct cuda_bytes){params, size},
                          (struct cuda_bytes){NULL, 0});
}

/* Has the worker gather data that is longer than a call's. */
static CUresult stage(struct cuda_device *device, struct cuda_bytes data)
{
    CUresult result = CUDA_SUCCESS;

    for (size_t done = 0, piece; done < data.size && result == CUDA_SUCCESS; done += piece) {
        const struct bg_cuda_stage params = {(uint32_t)done, (uint32_t)data.size};
        struct cuda_call call = {.operation = BG_CUDA_STAGE, .params = {&params, sizeof(params)}};

        piece = data.size - done < device->data_max ? data.size - done : device->data_max;
        call.data = (struct cuda_bytes){(const uint8_t *)data.bytes + done, piece};
        result = device->carrier->call(device, &call);
    }
    return result;
}

CUresult cuda_fetch(struct cuda_device *device, size_t offset, void *to, size_t size)
{
    CUresult result = CUDA_SUCCESS;

    for (size_t done = 0, piece; done < size && result == CUDA_SUCCESS; done += piece) {
        const struct bg_cuda_answer params = {(uint32_t)(offset + done)};
        struct cuda_call call = {.operation = BG_CUDA_ANSWER, .params = {&params, sizeof(params)}};

        piece = size - done < device->answer_max ? size - done : device->answer_max;
        call.answer = (uint8_t *)to + done;
        call.answer_room = piece;
        result = device->carrier->call(device, &call);
        if (result == CUDA_SUCCESS && call.answer_size < piece) {
            result = lose(device, CUDA_ERROR_UNKNOWN);
        }
    }
    return result;
}

CUresult cuda_keep_answer(struct cuda_device *device, const struct cuda_call *call,
                          uint8_t **answer, size_t *size)
{
    const size_t whole = call->answer_size;
    const size_t there = whole < call->answer_room ? whole : call->answer_room;

    if (whole == 0 || device->error != CUDA_SUCCESS) {
        return CUDA_SUCCESS;
    }
    *answer = cuda_alloc(whole);
    if (*answer == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *size = whole;
    memcpy(*answer, call->answer, there);
    return whole > there ? cuda_fetch(device, there, *answer + there, whole - there) : CUDA_SUCCESS;
}

CUresult cuda_call(struct cuda_device *device, struct cuda_call *call)
{
    CUresult result = CUDA_SUCCESS;
    size_t there;

    call->answer_size = 0;
    if (call->data.size > device->data_max) {
        if (call->data.size > BG_CUDA_IMAGE_SIZE_MAX) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        result = stage(device, call->data);
        call->data = (struct cuda_bytes){NULL, 0};
    }
    result = result ?: device->carrier->call(device, call);
    there = call->answer_room < device->answer_max ? call->answer_room : device->answer_max;
    if (call->answer_size > there && call->answer_room > there) {
        size_t whole =
            call->answer_size < call->answer_room ? call->answer_size : call->answer_room;

        return result ?: cuda_fetch(device, there, (uint8_t *)call->answer + there, whole - there);
    }
    return result;
}

CUresult cuda_ask(struct cuda_device *device, uint32_t operation, const void *params, size_t size,
                  void *answer, size_t answer_size)
{
    struct cuda_call call = {.operation = operation,
                             .params = {params, size},
                             .answer = answer,
                             .answer_room = answer_size};
    CUresult result = cuda_call(device, &call);

    return result == CUDA_SUCCESS && call.answer_size != answer_size
               ? lose(device, CUDA_ERROR_UNKNOWN)
               : result;
}

/* ---- Numbers ---- */

uint32_t cuda_number_take(uint64_t *used, uint32_t count)
{
    for (uint32_t i = 0; i < count / 64; i++) {
        if (used[i] != UINT64_MAX) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~used[i]);

            used[i] |= 1ull << bit;
            return i * 64 + bit;
        }
    }
    return count;
}

void cuda_number_give(uint64_t *used, uint32_t number)
{
    used[number / 64] &= ~(1ull << number % 64);
}

void cuda_retire(const struct cuda_object *object, uint32_t operation, uint64_t *used,
                 uint32_t number)
{
    const struct bg_cuda_handle params = {number};

    if (cuda_is_alive(object->context)) {
        CUDA_PUT(object->context->device, operation, params);
        cuda_number_give(used, number);
    }
}

/* ---- Sessions ---- */

static void forget(struct cuda_device *device)
{
    device->error = CUDA_SUCCESS;
    device->failures = 0;
    device->prints = false;
    device->work = device->printed_work = 0;
    cuda_range_remove_all(device);
    device->detour = 0;
    memset(&device->numbers, 0, sizeof(device->numbers));
    device->numbers.streams[0] = 1u << BG_CUDA_STREAM_LEGACY | 1u << BG_CUDA_STREAM_PER_THREAD;
    for (unsigned i = 0; i < CUDA_PIECES; i++) {
        device->pieces[i].used = 0;
    }
    if (device->page != NULL) {
        memset(device->page, 0, sizeof(*device->page));
    }
}

static void take_limits(struct cuda_device *device)
{
    const int32_t *attributes = device->info.attributes;

    device->limits = (struct cuda_launch_limits){
        .grid = {attributes[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X],
                 attributes[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y],
                 attributes[CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z]},
        .block = {attributes[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X],
                  attributes[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y],
                  attributes[CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z]},
        .threads = attributes[CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK],
    };
}

/* A session that the worker still has, as on a mailbox after the kernel's own restart, ends. */
static CUresult begin(struct cuda_device *device)
{
    const struct bg_cuda_init params = {
        .version = BG_CUDA_COMMAND_VERSION,
        .page_offset = device->page != NULL ? (uint32_t)((uint8_t *)device->page - device->heap)
                                            : BG_CUDA_NONE,
    };
    struct cuda_call call = {
        .operation = BG_CUDA_INIT,
        .params = {&params, sizeof(params)},
        .answer = &device->info,
        .answer_room = sizeof(device->info),
    };
    struct cuda_call end = {.operation = BG_CUDA_END};
    CUresult result = cuda_call(device, &call);

    if (result == CUDA_ERROR_INVALID_VALUE) {
        result = cuda_call(device, &end) ?: cuda_call(device, &call);
    }
    if (result == CUDA_SUCCESS && call.answer_size != sizeof(device->info)) {
        result = CUDA_ERROR_UNKNOWN;
    }
    device->info.name[BG_CUDA_NAME_SIZE - 1] = '\0';
    take_limits(device);
    return result;
}

CUresult cuda_session_start(struct cuda_device *device)
{
    CUresult result = CUDA_SUCCESS;

    if (device->is_started && cuda_check(device) == CUDA_SUCCESS) {
        return CUDA_SUCCESS;
    }
    device->is_started = false;
    if (device->error != CUDA_SUCCESS || device->carrier->check(device) < 0) {
        result = device->carrier->restart(device);
    }
    if (result == CUDA_SUCCESS) {
        forget(device);
        result = begin(device);
    }
    device->is_started = result == CUDA_SUCCESS;
    device->error = result;
    return result;
}

void cuda_session_end(struct cuda_device *device)
{
    struct cuda_call call = {.operation = BG_CUDA_END};

    if (device->is_started && cuda_check(device) == CUDA_SUCCESS) {
        cuda_call(device, &call);
    }
    device->is_started = false;
    device->carrier->close(device);
}
