/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-sst: one request at a time, and transfers of any size. */
#include "baregpu/virtio_sst.h"

#include "firmware/common/mem.h"

#define PAIR 0u
#define RESPONSE_HEAD offsetof(struct bg_sst_response, payload)

static struct bg_virtio_sst_op *take(struct bg_virtio_sst *sst, uint32_t type)
{
    struct bg_virtio_sst_op *op = bg_virtio_sst_take(sst, PAIR);

    if (op != NULL) {
        op->request->type = type;
    }
    return op;
}

/* Submits and waits, then copies `size` bytes of the response's payload, which must be there, to
 * `to`, which may be NULL, and its result word to `result`, the same. The operation is gone then.
 */
static int run(struct bg_virtio_sst_op *op, void *to, size_t size, uint64_t *result,
               uint64_t deadline_ns)
{
    int error = op == NULL ? BG_ERR_BUSY
                           : bg_virtio_sst_submit(op) ?: bg_virtio_sst_wait(op, deadline_ns);

    if (error == 0 && op->response_size < RESPONSE_HEAD + size) {
        op->pair->sst->protocol_errors++;
        error = BG_ERR_PROTOCOL;
    }
    if (error == 0 && to != NULL) {
        memcpy(to, op->response->payload.data, size);
    }
    if (error == 0 && result != NULL) {
        *result = op->response->result;
    }
    if (op != NULL) {
        bg_virtio_sst_abandon(op);
    }
    return error;
}

int bg_virtio_sst_noop(struct bg_virtio_sst *sst, uint64_t deadline_ns)
{
    return run(take(sst, BG_SST_NOOP), NULL, 0, NULL, deadline_ns);
}

int bg_virtio_sst_reset(struct bg_virtio_sst *sst, uint64_t deadline_ns)
{
    return run(take(sst, BG_SST_RESET), NULL, 0, NULL, deadline_ns);
}

int bg_virtio_sst_echo(struct bg_virtio_sst *sst, const void *from, void *to, size_t size,
                       uint64_t deadline_ns)
{
    if (size > BG_SST_PAYLOAD_SIZE) {
        return BG_ERR_TOO_LARGE;
    }
    struct bg_virtio_sst_op *op = take(sst, BG_SST_ECHO);

    if (op != NULL) {
        memcpy(op->request->payload.data, from, size);
    }
    return run(op, to, size, NULL, deadline_ns);
}

int bg_virtio_sst_compute(struct bg_virtio_sst *sst, uint64_t units, uint32_t latency,
                          struct bg_sst_compute_result *result, uint64_t deadline_ns)
{
    struct bg_virtio_sst_op *op = take(sst, BG_SST_COMPUTE);

    if (op != NULL) {
        op->request->payload.compute.compute_units = units;
        op->request->payload.compute.latency_model = latency;
    }
    return run(op, result, sizeof(*result), NULL, deadline_ns);
}

int bg_virtio_sst_get_info(struct bg_virtio_sst *sst, struct bg_sst_info *info,
                           uint64_t deadline_ns)
{
    return run(take(sst, BG_SST_GET_INFO), info, sizeof(*info), NULL, deadline_ns);
}

int bg_virtio_sst_configure(struct bg_virtio_sst *sst, uint32_t param, uint64_t value,
                            uint64_t *before, uint64_t deadline_ns)
{
    struct bg_virtio_sst_op *op = take(sst, BG_SST_CONFIGURE);

    if (op != NULL) {
        op->request->payload.configure.param_id = param;
        op->request->payload.configure.value = value;
    }
    return run(op, NULL, 0, before, deadline_ns);
}

/* ---- Transfers: a request for each piece, many in flight ---- */

struct transfer {
    struct bg_virtio_sst *sst;
    uint64_t address;
    uint8_t *to;         /* READ */
    const uint8_t *from; /* WRITE */
    size_t size, begun;
    unsigned in_flight;
    int error; /* the first one */
};

static uint32_t piece_size(const struct transfer *transfer, size_t at)
{
    size_t largest = transfer->to != NULL ? BG_SST_READ_SIZE_MAX : BG_SST_WRITE_SIZE_MAX;
    size_t left = transfer->size - at;

    return (uint32_t)(left < largest ? left : largest);
}

static void end_piece(struct bg_virtio_sst_op *op)
{
    struct transfer *transfer = op->context;
    size_t at = op->cookie;
    uint32_t size = piece_size(transfer, at);
    int error = op->error;

    transfer->in_flight--;
    if (error == 0 && transfer->to != NULL) {
        if (op->response_size < RESPONSE_HEAD + size) {
            transfer->sst->protocol_errors++;
            error = BG_ERR_PROTOCOL;
        } else {
            memcpy(transfer->to + at, op->response->payload.data, size);
        }
    }
    if (error < 0 && transfer->error == 0) {
        transfer->error = error;
    }
    bg_virtio_sst_release(op);
}

/* Returns 0, BUSY when there is no operation or no room in the queue now, or an error. */
static int begin_piece(struct transfer *transfer)
{
    struct bg_virtio_sst_op *op =
        take(transfer->sst, transfer->to != NULL ? BG_SST_READ : BG_SST_WRITE);
    uint32_t size = piece_size(transfer, transfer->begun);
    int error;

    if (op == NULL) {
        return BG_ERR_BUSY;
    }
    op->done = end_piece;
    op->context = transfer;
    op->cookie = transfer->begun;
    op->request->payload.memory.addr = transfer->address + transfer->begun;
    op->request->payload.memory.size = size;
    if (transfer->to == NULL) {
        memcpy(op->request->payload.data + BG_SST_WRITE_DATA_OFFSET,
               transfer->from + transfer->begun, size);
    }
    error = bg_virtio_sst_submit(op);
    if (error < 0) {
        bg_virtio_sst_release(op);
        return error == BG_ERR_NO_SPACE ? BG_ERR_BUSY : error;
    }
    transfer->begun += size;
    transfer->in_flight++;
    return 0;
}

/* The transfer is on our caller's stack: nothing in flight may refer to it after the call. */
static void forget_pieces(struct transfer *transfer)
{
    struct bg_virtio_sst_pair *pair = &transfer->sst->pairs[PAIR];

    for (unsigned i = 0; i < transfer->sst->depth; i++) {
        struct bg_virtio_sst_op *op = &pair->ops[i];

        if (op->is_taken && op->done == end_piece && op->context == transfer) {
            bg_virtio_sst_abandon(op);
        }
    }
}

static int run_transfer(struct transfer *transfer, uint64_t deadline_ns)
{
    int error = 0;

    if (transfer->size > UINT64_MAX - transfer->address) {
        return BG_ERR_RANGE;
    }
    while (error >= 0 && (transfer->in_flight > 0 ||
                          (transfer->error == 0 && transfer->begun < transfer->size))) {
        error = 0;
        while (error == 0 && transfer->error == 0 && transfer->begun < transfer->size) {
            error = begin_piece(transfer);
        }
        if (transfer->in_flight > 0 && (error == 0 || error == BG_ERR_BUSY)) {
            error = bg_virtio_sst_wait_any(transfer->sst, PAIR, deadline_ns);
            if (error > 0 && transfer->in_flight > 0 && bg_hal_time_ns() >= deadline_ns) {
                error = BG_ERR_TIMEOUT; /* others' operations may end for ever */
            }
        }
    }
    forget_pieces(transfer);
    if (transfer->error < 0) {
        return transfer->error;
    }
    return error < 0 ? error : 0;
}

int bg_virtio_sst_read(struct bg_virtio_sst *sst, uint64_t address, void *to, size_t size,
                       uint64_t deadline_ns)
{
    struct transfer transfer = {.sst = sst, .address = address, .to = to, .size = size};

    return run_transfer(&transfer, deadline_ns);
}

int bg_virtio_sst_write(struct bg_virtio_sst *sst, uint64_t address, const void *from, size_t size,
                        uint64_t deadline_ns)
{
    struct transfer transfer = {.sst = sst, .address = address, .from = from, .size = size};

    return run_transfer(&transfer, deadline_ns);
}
