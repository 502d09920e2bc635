/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-sst: bytes on the socket, see the header. */
#include <endian.h>
#include <string.h>
#include "virtio-sst-wire.h"

static size_t round_up8(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

size_t sst_wire_used_size(const uint8_t *data, size_t size)
{
    uint64_t word;

    for (; size >= 8 && size % 8 == 0; size -= 8) {
        memcpy(&word, data + size - 8, 8);
        if (word) {
            return size;
        }
    }
    return round_up8(size);
}

/* ---- Probe ---- */

void sst_wire_encode_hello(struct bg_sst_request *request, const struct bg_sst_hello *hello)
{
    struct bg_sst_hello wire = {
        .magic = htole32(BG_SST_HELLO_MAGIC),
        .version = htole32(hello->version),
        .features = htole64(hello->features),
        .device_id = htole32(hello->device_id),
        .pairs = htole32(hello->pairs),
        .in_flight_max = htole32(hello->in_flight_max),
        .time_ns = htole64(hello->time_ns),
    };

    memset(request, 0, sizeof(*request));
    request->type = htole32(BG_SST_HELLO_TYPE);
    request->request_id = htole64(BG_SST_HELLO_REQUEST_ID);
    memcpy(request->payload.data, &wire, sizeof(wire));
}

bool sst_wire_answers_hello(const struct bg_sst_response *response)
{
    return le64toh(response->request_id) == BG_SST_HELLO_REQUEST_ID;
}

bool sst_wire_decode_hello(const struct bg_sst_response *response, const struct bg_sst_hello *hello,
                           struct bg_sst_hello_reply *reply)
{
    memcpy(reply, response->payload.data, sizeof(*reply));
    reply->magic = le32toh(reply->magic);
    reply->version = le32toh(reply->version);
    reply->features = le64toh(reply->features);
    reply->clock_hz = le64toh(reply->clock_hz);
    reply->name[sizeof(reply->name) - 1] = 0;
    return le32toh(response->status) == BG_SST_OK && reply->magic == BG_SST_HELLO_REPLY_MAGIC &&
           reply->version >= 1 && reply->version <= hello->version &&
           !(reply->features & ~hello->features);
}

/* ---- Frames out ---- */

void sst_writer_begin(SSTWriter *writer)
{
    writer->frame = writer->size;
    writer->count = 0;
    writer->size += sizeof(struct bg_sst_frame);
}

bool sst_writer_add(SSTWriter *writer, const struct bg_sst_record *record, const void *head,
                    size_t head_size, const void *tail, size_t tail_size)
{
    size_t size = head_size + tail_size, padded = round_up8(size);
    size_t total = sizeof(*record) + padded;
    uint8_t *out = writer->data + writer->size;
    struct bg_sst_record wire = {
        .kind = htole16(record->kind),
        .pair = htole16(record->pair),
        .size = htole32(size),
        .tag = htole64(record->tag),
        .time_ns = htole64(record->time_ns),
        .cycles = htole64(record->cycles),
    };

    if (total > writer->capacity - writer->size || writer->count == BG_SST_FRAME_COUNT_MAX ||
        writer->size + total - writer->frame >
            sizeof(struct bg_sst_frame) + BG_SST_FRAME_SIZE_MAX) {
        return false;
    }
    memcpy(out, &wire, sizeof(wire));
    out += sizeof(wire);
    if (head_size) {
        memcpy(out, head, head_size);
    }
    if (tail_size) {
        memcpy(out + head_size, tail, tail_size);
    }
    memset(out + size, 0, padded - size);
    writer->size += total;
    writer->count++;
    return true;
}

void sst_writer_end(SSTWriter *writer, const struct bg_sst_frame *frame)
{
    struct bg_sst_frame wire = {
        .magic = htole32(BG_SST_FRAME_MAGIC),
        .flags = htole32(frame->flags),
        .size = htole32(writer->size - writer->frame - sizeof(wire)),
        .count = htole32(writer->count),
        .sequence = htole64(frame->sequence),
        .time_ns = htole64(frame->time_ns),
        .next_ns = htole64(frame->next_ns),
    };

    memcpy(writer->data + writer->frame, &wire, sizeof(wire));
}

/* ---- Stream in ---- */

void sst_reader_reset(SSTReader *reader)
{
    reader->frames = false;
    reader->in_frame = false;
    reader->start = reader->end = 0;
}

uint8_t *sst_reader_space(SSTReader *reader, size_t *size)
{
    if (reader->start == reader->end) {
        reader->start = reader->end = 0;
    } else if (SST_READER_CAPACITY - reader->end < SST_READER_CAPACITY / 2) {
        memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    *size = SST_READER_CAPACITY - reader->end;
    return reader->buffer + reader->end;
}

void sst_reader_put(SSTReader *reader, size_t size)
{
    reader->end += size;
}

static const uint8_t *take(SSTReader *reader, size_t size)
{
    const uint8_t *data = reader->buffer + reader->start;

    if (reader->end - reader->start < size) {
        return NULL;
    }
    reader->start += size;
    return data;
}

static SSTReadResult read_frame_header(SSTReader *reader)
{
    struct bg_sst_frame *frame = &reader->frame;
    const uint8_t *data = take(reader, sizeof(*frame));

    if (data == NULL) {
        return SST_READ_MORE;
    }
    memcpy(frame, data, sizeof(*frame));
    frame->magic = le32toh(frame->magic);
    frame->flags = le32toh(frame->flags);
    frame->size = le32toh(frame->size);
    frame->count = le32toh(frame->count);
    frame->sequence = le64toh(frame->sequence);
    frame->time_ns = le64toh(frame->time_ns);
    frame->next_ns = le64toh(frame->next_ns);
    if (frame->magic != BG_SST_FRAME_MAGIC || frame->size > BG_SST_FRAME_SIZE_MAX ||
        frame->size % 8 || frame->count > BG_SST_FRAME_COUNT_MAX) {
        return SST_READ_BAD;
    }
    reader->in_frame = true;
    reader->size_left = frame->size;
    reader->count_left = frame->count;
    return SST_READ_FRAME;
}

static bool decode_record(struct bg_sst_record *record, const uint8_t *data)
{
    memcpy(record, data, sizeof(*record));
    record->kind = le16toh(record->kind);
    record->pair = le16toh(record->pair);
    record->size = le32toh(record->size);
    record->tag = le64toh(record->tag);
    record->time_ns = le64toh(record->time_ns);
    record->cycles = le64toh(record->cycles);
    if (record->size > BG_SST_RECORD_SIZE_MAX) {
        return false;
    }
    switch (record->kind) {
    case BG_SST_RECORD_ANSWER:
        return record->size >= offsetof(struct bg_sst_response, payload);
    case BG_SST_RECORD_EVENT:
        return record->size == sizeof(struct bg_sst_event);
    default:
        return true;
    }
}

static SSTReadResult read_record(SSTReader *reader)
{
    size_t total;

    if (reader->size_left < sizeof(reader->record)) {
        return SST_READ_BAD;
    }
    if (reader->end - reader->start < sizeof(reader->record)) {
        return SST_READ_MORE;
    }
    if (!decode_record(&reader->record, reader->buffer + reader->start)) {
        return SST_READ_BAD;
    }
    total = sizeof(reader->record) + round_up8(reader->record.size);
    if (total > reader->size_left) {
        return SST_READ_BAD;
    }
    reader->body = take(reader, total);
    if (reader->body == NULL) {
        return SST_READ_MORE;
    }
    reader->body += sizeof(reader->record);
    reader->size_left -= total;
    reader->count_left--;
    return SST_READ_RECORD;
}

static SSTReadResult read_frames(SSTReader *reader)
{
    if (!reader->in_frame) {
        SSTReadResult result = read_frame_header(reader);

        if (result != SST_READ_FRAME) {
            return result;
        }
    }
    if (reader->count_left) {
        return read_record(reader);
    }
    if (reader->size_left) {
        return SST_READ_BAD;
    }
    reader->in_frame = false;
    return SST_READ_FRAME;
}

SSTReadResult sst_reader_next(SSTReader *reader)
{
    if (reader->frames) {
        return read_frames(reader);
    }
    reader->response = (const void *)take(reader, sizeof(*reader->response));
    return reader->response != NULL ? SST_READ_RESPONSE : SST_READ_MORE;
}
