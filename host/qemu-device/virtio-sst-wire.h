/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst: bytes on the socket to the simulator, both wires of protocol/sst.h. Nothing of QEMU
 * in here: what a simulator sends is parsed in this file only, and it is tested and fuzzed alone.
 */
#ifndef HW_MISC_BAREGPU_VIRTIO_SST_WIRE_H
#define HW_MISC_BAREGPU_VIRTIO_SST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "protocol/sst.h"

/* Bytes of @data without the zeros at its end, rounded up to a multiple of 8. */
size_t sst_wire_used_size(const uint8_t *data, size_t size);

/* ---- Probe ---- */

/* The whole request. The values of @hello are the host's. */
void sst_wire_encode_hello(struct bg_sst_request *request, const struct bg_sst_hello *hello);

/* Whether @response is the answer to a probe. */
bool sst_wire_answers_hello(const struct bg_sst_response *response);

/* True: the simulator speaks the extension, @reply has its values. False: an old one, or its answer
 * does not fit to @hello. */
bool sst_wire_decode_hello(const struct bg_sst_response *response, const struct bg_sst_hello *hello,
                           struct bg_sst_hello_reply *reply);

/* ---- Frames out ---- */

typedef struct SSTWriter {
    uint8_t *data;
    size_t size, capacity; /* bytes */
    size_t frame;          /* where the frame under construction starts */
    uint32_t count;        /* records in it */
} SSTWriter;

/* There is room for a header. */
void sst_writer_begin(SSTWriter *writer);
/* False: no room. @record has host values; the body has two parts, each may be empty. */
bool sst_writer_add(SSTWriter *writer, const struct bg_sst_record *record, const void *head,
                    size_t head_size, const void *tail, size_t tail_size);
/* @frame has host values; magic, size and count are filled in. */
void sst_writer_end(SSTWriter *writer, const struct bg_sst_frame *frame);

/* ---- Stream in ---- */

typedef enum SSTReadResult {
    SST_READ_MORE,     /* nothing whole is left */
    SST_READ_RESPONSE, /* old wire: reader->response */
    SST_READ_RECORD,   /* reader->record, reader->body */
    SST_READ_FRAME,    /* all records of reader->frame have been read */
    SST_READ_BAD,      /* not the protocol */
} SSTReadResult;

#define SST_READER_CAPACITY (128u << 10)

typedef struct SSTReader {
    bool frames; /* else the old wire */

    /* Valid until the next call. Host values, but for what pointers lead to. */
    const struct bg_sst_response *response;
    struct bg_sst_frame frame;
    struct bg_sst_record record;
    const uint8_t *body;

    bool in_frame;
    uint32_t size_left, count_left; /* of the frame */
    size_t start, end;              /* bytes in buffer that have not been read */
    uint8_t buffer[SST_READER_CAPACITY];
} SSTReader;

void sst_reader_reset(SSTReader *reader);
/* Where to put more bytes, and how many at most; at least a whole record's. */
uint8_t *sst_reader_space(SSTReader *reader, size_t *size);
void sst_reader_put(SSTReader *reader, size_t size);
SSTReadResult sst_reader_next(SSTReader *reader);

#endif
