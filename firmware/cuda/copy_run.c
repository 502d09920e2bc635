/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carries copies out. What the worker has both sides of is one operation. Ordinary memory goes in
 * tiles, through the heap, or, where there is none, through the carrier.
 */
#include "firmware/cuda/internal.h"

/* Device memory that arrays are reached through on a carrier without a heap. */
#define DETOUR_SIZE (64u << 10)

/* ---- By the worker alone ---- */

static bool is_one_row(const struct cuda_copy *copy)
{
    return copy->height == 1 && copy->depth == 1 && copy->to.kind != CUDA_SIDE_ARRAY &&
           copy->from.kind != CUDA_SIDE_ARRAY;
}

/* Where a side of one row begins. */
static struct bg_cuda_place start_of(const struct bg_cuda_box_side *side)
{
    struct bg_cuda_place place = side->place;

    place.offset += side->z * side->pitch * side->height + side->y * side->pitch + side->x;
    return place;
}

static CUresult put_remote(struct cuda_device *device, uint32_t stream,
                           const struct cuda_copy *copy)
{
    struct bg_cuda_copy_box box;

    if (is_one_row(copy)) {
        const struct bg_cuda_copy params = {
            .to = start_of(&copy->to.box),
            .from = start_of(&copy->from.box),
            .size = copy->width,
            .stream = stream,
        };

        return CUDA_PUT_IN(device, stream, BG_CUDA_COPY, params);
    }
    cuda_copy_pack(copy, &box);
    box.stream = stream;
    return CUDA_PUT_IN(device, stream, BG_CUDA_COPY_BOX, box);
}

/* ---- Tiles ---- */

/* Rows of a box, or a part of one row. */
struct tile {
    uint64_t x, y, z; /* from the box's corner */
    uint64_t width, rows;
};

/* A copy whose one side is ordinary memory. */
struct transfer {
    struct cuda_device *device;
    uint32_t stream;
    const struct cuda_copy *copy;
    bool is_write; /* to the device */
    /* A tile that was asked for, and is still to be fetched from the heap. */
    struct tile pending;
    const uint8_t *pending_bytes; /* NULL: there is none */
    uint64_t pending_mark;
};

typedef CUresult move_tile(struct transfer *transfer, const struct tile *tile);

static CUresult for_each_tile(struct transfer *transfer, uint64_t size_max, move_tile *move)
{
    const struct cuda_copy *copy = transfer->copy;
    const uint64_t width = copy->width < size_max ? copy->width : size_max;
    const uint64_t rows = width < copy->width ? 1 : size_max / width;
    struct tile tile = {0};
    CUresult result = CUDA_SUCCESS;

    for (tile.z = 0; tile.z < copy->depth; tile.z++) {
        for (tile.y = 0; tile.y < copy->height; tile.y += tile.rows) {
            tile.rows = copy->height - tile.y < rows ? copy->height - tile.y : rows;
            for (tile.x = 0; tile.x < copy->width; tile.x += tile.width) {
                tile.width = copy->width - tile.x < width ? copy->width - tile.x : width;
                result = move(transfer, &tile);
                if (result != CUDA_SUCCESS) {
                    return result;
                }
            }
        }
    }
    return result;
}

/* ---- Sides of tiles ---- */

static const struct cuda_side *remote_of(const struct transfer *transfer)
{
    return transfer->is_write ? &transfer->copy->to : &transfer->copy->from;
}

/* A row of the side that is the guest's memory. */
static uint8_t *row_of(const struct cuda_side *side, uint64_t x, uint64_t y, uint64_t z)
{
    const struct bg_cuda_box_side *box = &side->box;

    return side->bytes + (box->z + z) * box->pitch * box->height + (box->y + y) * box->pitch +
           box->x + x;
}

static uint8_t *tile_row(const struct transfer *transfer, const struct tile *tile, uint64_t row)
{
    const struct cuda_side *side = transfer->is_write ? &transfer->copy->from : &transfer->copy->to;

    return row_of(side, tile->x, tile->y + row, tile->z);
}

/* The worker's side of a tile. */
static struct cuda_side remote_tile(const struct transfer *transfer, const struct tile *tile)
{
    struct cuda_side side = *remote_of(transfer);

    side.box.x += tile->x;
    side.box.y += tile->y;
    side.box.z += tile->z;
    return side;
}

/* Has the worker copy a tile, whose rows are one behind the other in the heap or in device memory,
 * on the side that stands for ordinary memory. */
static CUresult put_tile(const struct transfer *transfer, const struct tile *tile,
                         enum cuda_side_kind kind, uint64_t offset)
{
    const struct cuda_side packed = {
        .kind = kind,
        .box = {.place = {.kind =
                              kind == CUDA_SIDE_HEAP ? BG_CUDA_PLACE_HEAP : BG_CUDA_PLACE_DEVICE,
                          .offset = offset},
                .pitch = tile->width,
                .height = tile->rows},
    };
    const struct cuda_copy copy = {
        .to = transfer->is_write ? remote_tile(transfer, tile) : packed,
        .from = transfer->is_write ? packed : remote_tile(transfer, tile),
        .width = tile->width,
        .height = tile->rows,
        .depth = 1,
    };

    return put_remote(transfer->device, transfer->stream, &copy);
}

/* ---- Through the heap ---- */

static CUresult write_tile(struct transfer *transfer, const struct tile *tile)
{
    uint64_t offset;
    uint8_t *bytes;
    CUresult result = cuda_staging_take(transfer->device, transfer->stream,
                                        (uint32_t)(tile->width * tile->rows), &bytes, &offset);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    for (uint64_t row = 0; row < tile->rows; row++) {
        memcpy(bytes + row * tile->width, tile_row(transfer, tile, row), tile->width);
    }
    return put_tile(transfer, tile, CUDA_SIDE_HEAP, offset);
}

/* Waits for the tile that was asked for last, and takes it. */
static CUresult take_pending(struct transfer *transfer)
{
    const struct tile *tile = &transfer->pending;
    const uint8_t *bytes = transfer->pending_bytes;
    CUresult result;

    if (bytes == NULL) {
        return CUDA_SUCCESS;
    }
    transfer->pending_bytes = NULL;
    result = cuda_mark_wait(transfer->device, transfer->stream, transfer->pending_mark);
    for (uint64_t row = 0; row < tile->rows && result == CUDA_SUCCESS; row++) {
        memcpy(tile_row(transfer, tile, row), bytes + row * tile->width, tile->width);
    }
    return result;
}

/* Asks for this one before the last one is waited for. */
static CUresult read_tile(struct transfer *transfer, const struct tile *tile)
{
    uint64_t offset, mark;
    uint8_t *bytes;
    CUresult result = cuda_staging_take(transfer->device, transfer->stream,
                                        (uint32_t)(tile->width * tile->rows), &bytes, &offset);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    result = put_tile(transfer, tile, CUDA_SIDE_HEAP, offset)
                 ?: cuda_mark(transfer->device, transfer->stream, &mark)
                 ?: take_pending(transfer);
    transfer->pending = *tile;
    transfer->pending_bytes = bytes;
    transfer->pending_mark = mark;
    return result;
}

static CUresult move_by_heap(struct transfer *transfer)
{
    if (transfer->is_write) {
        return for_each_tile(transfer, transfer->device->piece_size, write_tile);
    }
    return for_each_tile(transfer, transfer->device->piece_size, read_tile)
               ?: take_pending(transfer);
}

/* ---- Through the carrier ---- */

/* So many bytes in a row between device memory and the guest's. */
static CUresult carry(const struct transfer *transfer, uint64_t address, uint8_t *bytes,
                      uint64_t size)
{
    const struct bg_cuda_place device = {.kind = BG_CUDA_PLACE_DEVICE, .offset = address};
    const struct bg_cuda_place carrier = {.kind = BG_CUDA_PLACE_CARRIER};
    const struct bg_cuda_copy params = {
        .to = transfer->is_write ? device : carrier,
        .from = transfer->is_write ? carrier : device,
        .size = size,
        .stream = transfer->stream,
    };
    struct cuda_call call = {.operation = BG_CUDA_COPY, .params = {&params, sizeof(params)}};

    if (transfer->is_write) {
        call.data = (struct cuda_bytes){bytes, size};
    } else {
        call.answer = bytes;
        call.answer_room = size;
    }
    return cuda_call(transfer->device, &call);
}

/* A tile of one row or a part of one. */
static CUresult carry_row(struct transfer *transfer, const struct tile *tile)
{
    const struct cuda_side side = remote_tile(transfer, tile);

    return carry(transfer, start_of(&side.box).offset, tile_row(transfer, tile, 0), tile->width);
}

/* Of a tile of one row that an array has a side of: by way of device memory. */
static CUresult carry_by_detour(struct transfer *transfer, const struct tile *tile)
{
    struct cuda_device *device = transfer->device;
    const uint64_t step = transfer->is_write ? device->data_max : device->answer_max;
    CUresult result = CUDA_SUCCESS;

    if (!transfer->is_write) {
        result = put_tile(transfer, tile, CUDA_SIDE_DEVICE, device->detour);
    }
    for (uint64_t done = 0, piece; done < tile->width && result == CUDA_SUCCESS; done += piece) {
        piece = tile->width - done < step ? tile->width - done : step;
        result = carry(transfer, device->detour + done, tile_row(transfer, tile, 0) + done, piece);
    }
    return transfer->is_write ? result ?: put_tile(transfer, tile, CUDA_SIDE_DEVICE, device->detour)
                              : result;
}

static CUresult need_detour(struct cuda_device *device)
{
    const struct bg_cuda_memory_alloc params = {.size = DETOUR_SIZE, .stream = BG_CUDA_NONE};
    struct bg_cuda_range given;
    CUresult result = CUDA_SUCCESS;

    if (device->detour == 0) {
        result =
            cuda_ask(device, BG_CUDA_MEMORY_ALLOC, &params, sizeof(params), &given, sizeof(given));
        device->detour = result == CUDA_SUCCESS ? given.address : 0;
    }
    return result;
}

/* Tiles of one row: no more than `size` bytes. */
static CUresult for_each_row(struct transfer *transfer, uint64_t size, move_tile *move)
{
    return for_each_tile(transfer, size < transfer->copy->width ? size : transfer->copy->width,
                         move);
}

static CUresult move_by_carrier(struct transfer *transfer)
{
    const struct cuda_device *device = transfer->device;

    if (remote_of(transfer)->kind == CUDA_SIDE_ARRAY) {
        return need_detour(transfer->device)
                   ?: for_each_row(transfer, DETOUR_SIZE, carry_by_detour);
    }
    return for_each_row(transfer, transfer->is_write ? device->data_max : device->answer_max,
                        carry_row);
}

/* ---- Without the worker ---- */

static void move_here(const struct cuda_copy *copy)
{
    for (uint64_t z = 0; z < copy->depth; z++) {
        for (uint64_t y = 0; y < copy->height; y++) {
            memmove(row_of(&copy->to, 0, y, z), row_of(&copy->from, 0, y, z), copy->width);
        }
    }
}

CUresult cuda_copy_run(struct cuda_stream *stream, const struct cuda_copy *copy,
                       bool is_synchronous)
{
    struct transfer transfer = {.device = stream->object.context->device,
                                .stream = stream->number,
                                .copy = copy,
                                .is_write = copy->from.kind == CUDA_SIDE_ORDINARY};
    CUresult result = CUDA_SUCCESS;

    if (copy->width == 0 || copy->height == 0 || copy->depth == 0) {
        return CUDA_SUCCESS;
    }
    if (cuda_copy_is_remote(copy)) {
        bool is_of_guest = copy->to.kind == CUDA_SIDE_HEAP || copy->from.kind == CUDA_SIDE_HEAP;

        result = put_remote(transfer.device, stream->number, copy);
        return is_synchronous && is_of_guest ? result ?: cuda_stream_wait(stream) : result;
    }
    if (copy->to.bytes != NULL && copy->from.bytes != NULL) {
        result = cuda_stream_wait(stream);
        if (result == CUDA_SUCCESS) {
            move_here(copy);
        }
        return result;
    }
    result = transfer.device->heap != NULL ? move_by_heap(&transfer) : move_by_carrier(&transfer);
    if (transfer.is_write) { /* work in streams that follow no other one is to find it there */
        return is_synchronous ? result ?: cuda_stream_wait(stream) : result;
    }
    return cuda_wait_end(transfer.device, result);
}
