/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-sst: a simulated accelerator as a virtio device.
 *
 *   Part 1  driver and device: virtio identity, queues, configuration space, structures
 *   Part 2  what our simulator adds within those structures: WRITE's data, parameters, event types
 *   Part 3  device and simulator: the old wire, the probe, frames and records
 *
 * All values are little-endian. "Reserved" is sent as 0 and not looked at. docs/virtio-sst.md tells
 * how it is used.
 */
#ifndef BAREGPU_PROTOCOL_SST_H
#define BAREGPU_PROTOCOL_SST_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

#define BG_SST_PACKED __attribute__((packed))

/* ======== Part 1: driver and device ======== */

#define BG_SST_VIRTIO_ID 0x1042u /* on virtio-mmio: DeviceID. On PCI: the subsystem id */
#define BG_SST_PCI_VENDOR_ID 0x1AF4u
#define BG_SST_PCI_DEVICE_ID 0x103Fu /* with modern capabilities; no legacy interface */
#define BG_SST_PCI_SUBSYSTEM_ID BG_SST_VIRTIO_ID
#define BG_SST_PROTOCOL_VERSION 0x00010000u

/* ---- Queues ---- */

#define BG_SST_QUEUE_SIZE 128u
#define BG_SST_PAIRS_MAX 16u /* pairs of a request and a response queue */

/*
 * N pairs with BG_SST_F_MULTI_QUEUE negotiated, else 1: request queue of pair i at 2i, its response
 * queue at 2i+1, the event queue after the last pair. N is sst_config.max_queues; a driver may
 * leave pairs unused, and the event queue stays at 2N.
 *
 * A request is one descriptor chain: sst_request in its readable part. The response goes into the
 * chain's own writable part if that has at least sizeof(struct bg_sst_response) bytes, else into
 * the next buffer of the pair's response queue (then the chain comes back with length 0, after the
 * response), else as much of it as fits into a writable part that is too small. Without any of
 * these, response and chain wait for a buffer. A buffer of the response queue that is too small
 * takes the beginning. Responses come in any order; request_id says whose.
 * An event goes into the next buffer of the event queue; without one it is lost (and counted).
 */
#define BG_SST_QUEUE_REQUEST(pair) (2u * (pair))
#define BG_SST_QUEUE_RESPONSE(pair) (2u * (pair) + 1u)
#define BG_SST_QUEUE_EVENT(pairs) (2u * (pairs))

/* ---- Feature bits, as masks ---- */

#define BG_SST_F_ECHO (UINT64_C(1) << 0)
#define BG_SST_F_COMPUTE (UINT64_C(1) << 1)
#define BG_SST_F_MEMORY (UINT64_C(1) << 2)
#define BG_SST_F_EVENTS (UINT64_C(1) << 3)      /* offered while a simulator is connected */
#define BG_SST_F_MULTI_QUEUE (UINT64_C(1) << 4) /* offered with the property num-queues > 1 */
#define BG_SST_F_RESET (UINT64_C(1) << 5)
#define BG_SST_F_ALL (UINT64_C(0x3F))

/* ---- Configuration space: read-only ---- */

struct bg_sst_config {
    uint32_t version;    /* BG_SST_PROTOCOL_VERSION */
    uint32_t device_id;  /* the property device-id */
    uint64_t features;   /* SST_F_*: the negotiated ones */
    uint64_t max_queues; /* pairs; 1 if BG_SST_F_MULTI_QUEUE is not offered, or was not accepted */
} BG_SST_PACKED;

/* ---- Requests ---- */

#define BG_SST_PAYLOAD_SIZE 4080u

enum bg_sst_type {
    BG_SST_NOOP = 0,    /* answered in the device */
    BG_SST_ECHO = 1,    /* answered in the device: the response's payload is the request's */
    BG_SST_COMPUTE = 2, /* .compute -> .compute; result: cycles */
    BG_SST_READ = 3,    /* .memory -> .data; result: bytes */
    BG_SST_WRITE = 4,   /* .memory, data: see BG_SST_WRITE_DATA_OFFSET; result: bytes */
    BG_SST_RESET = 5, /* answered in the device; ends requests in flight with BG_SST_ERROR first */
    BG_SST_GET_INFO = 6,  /* answered in the device -> .info */
    BG_SST_CONFIGURE = 7, /* .configure; result: the value before */
    BG_SST_TYPE_COUNT
};

struct bg_sst_compute {
    uint64_t compute_units;
    uint32_t latency_model; /* enum bg_sst_latency for our simulator */
    uint32_t reserved;
} BG_SST_PACKED;

struct bg_sst_memory {
    uint64_t addr;
    uint32_t size; /* bytes */
    uint32_t reserved;
} BG_SST_PACKED;

struct bg_sst_configure {
    uint32_t param_id; /* enum bg_sst_param for our simulator */
    uint32_t reserved;
    uint64_t value;
} BG_SST_PACKED;

struct bg_sst_request {
    uint32_t type;       /* enum bg_sst_type; another: BG_SST_INVALID */
    uint32_t flags;      /* none defined; goes to the simulator as it is */
    uint64_t request_id; /* the driver's; the device takes any, also several times at once */
    uint64_t user_data;  /* comes back */
    union {
        struct bg_sst_compute compute;
        struct bg_sst_memory memory;
        struct bg_sst_configure configure;
        uint8_t data[BG_SST_PAYLOAD_SIZE];
    } payload;
} BG_SST_PACKED;

/* ---- Responses ---- */

enum bg_sst_status {
    BG_SST_OK = 0,
    BG_SST_ERROR = 1, /* also: a request of fewer bytes than sst_request; its connection was lost */
    BG_SST_BUSY = 2,
    BG_SST_INVALID = 3, /* unknown type; for our simulator also an address, size or parameter */
    BG_SST_TIMEOUT = 4,
    BG_SST_NO_DEVICE = 5, /* no simulator */
};

struct bg_sst_compute_result {
    uint64_t cycles;
    uint64_t timestamp; /* of completion; ns of simulated time for our simulator */
} BG_SST_PACKED;

#define BG_SST_INFO_COMPUTE_UNITS_MAX UINT64_C(1000000)
#define BG_SST_INFO_MEMORY_SIZE UINT64_C(0x10000000)

struct bg_sst_info {
    uint32_t version;      /* BG_SST_PROTOCOL_VERSION */
    uint32_t capabilities; /* SST_F_*, the negotiated ones */
    uint64_t max_compute_units;
    uint64_t memory_size; /* bytes */
} BG_SST_PACKED;

struct bg_sst_response {
    uint32_t status; /* enum bg_sst_status; a simulator's own is passed through */
    uint32_t reserved;
    uint64_t request_id; /* the request's */
    uint64_t user_data;  /* the request's */
    uint64_t result;
    union {
        struct bg_sst_compute_result compute;
        struct bg_sst_info info;
        uint8_t data[BG_SST_PAYLOAD_SIZE];
    } payload; /* zero beyond what the type says */
} BG_SST_PACKED;

struct bg_sst_event {
    uint32_t type; /* enum bg_sst_event_type for our simulator */
    uint32_t reserved;
    uint64_t timestamp; /* ns of simulated time */
    uint64_t data;
} BG_SST_PACKED;

BG_STATIC_ASSERT(sizeof(struct bg_sst_config) == 24, "sst_config");
BG_STATIC_ASSERT(offsetof(struct bg_sst_config, features) == 8, "sst_config.features");
BG_STATIC_ASSERT(sizeof(struct bg_sst_compute) == 16, "sst_compute");
BG_STATIC_ASSERT(sizeof(struct bg_sst_memory) == 16, "sst_memory");
BG_STATIC_ASSERT(sizeof(struct bg_sst_configure) == 16, "sst_configure");
BG_STATIC_ASSERT(offsetof(struct bg_sst_configure, value) == 8, "sst_configure.value");
BG_STATIC_ASSERT(sizeof(struct bg_sst_request) == 4104, "sst_request");
BG_STATIC_ASSERT(offsetof(struct bg_sst_request, request_id) == 8, "sst_request.request_id");
BG_STATIC_ASSERT(offsetof(struct bg_sst_request, payload) == 24, "sst_request.payload");
BG_STATIC_ASSERT(sizeof(struct bg_sst_info) == 24, "sst_info");
BG_STATIC_ASSERT(sizeof(struct bg_sst_response) == 4112, "sst_response");
BG_STATIC_ASSERT(offsetof(struct bg_sst_response, request_id) == 8, "sst_response.request_id");
BG_STATIC_ASSERT(offsetof(struct bg_sst_response, payload) == 32, "sst_response.payload");
BG_STATIC_ASSERT(sizeof(struct bg_sst_event) == 24, "sst_event");

/* ======== Part 2: what our simulator adds ======== */

/* The data of a WRITE follows sst_memory in the payload; that of a READ is all of the response's
 * payload. A size beyond these limits, or beyond the memory's end, is BG_SST_INVALID. */
#define BG_SST_WRITE_DATA_OFFSET sizeof(struct bg_sst_memory)
#define BG_SST_WRITE_SIZE_MAX (BG_SST_PAYLOAD_SIZE - 16u)
#define BG_SST_READ_SIZE_MAX BG_SST_PAYLOAD_SIZE

/* How long COMPUTE takes, by the parameters below. */
enum bg_sst_latency {
    BG_SST_LATENCY_FIXED = 0,     /* FIXED_CYCLES, whatever compute_units is */
    BG_SST_LATENCY_PER_UNIT = 1,  /* compute_units * CYCLES_PER_UNIT, shared by the COMPUTE_UNITS */
    BG_SST_LATENCY_PIPELINED = 2, /* PIPELINE_DEPTH + (compute_units - 1) * PIPELINE_INTERVAL */
};

/* sst_configure.param_id. Numbers from 0x1000 up belong to the author of a model. */
enum bg_sst_param {
    BG_SST_PARAM_CLOCK_HZ = 1,
    BG_SST_PARAM_COMPUTE_UNITS = 2,
    BG_SST_PARAM_FIXED_CYCLES = 3,
    BG_SST_PARAM_CYCLES_PER_UNIT = 4,
    BG_SST_PARAM_PIPELINE_DEPTH = 5,
    BG_SST_PARAM_PIPELINE_INTERVAL = 6,
    BG_SST_PARAM_MEMORY_LATENCY = 7,         /* cycles */
    BG_SST_PARAM_MEMORY_BYTES_PER_CYCLE = 8, /* of all banks together */
    BG_SST_PARAM_MEMORY_BANKS = 9,           /* a power of two */
    BG_SST_PARAM_MEMORY_BANK_CONFLICT = 10,  /* cycles that a conflict costs */
    BG_SST_PARAM_QUEUE_DEPTH = 11,           /* requests waiting; one more is BG_SST_BUSY */
    BG_SST_PARAM_EVENT_MASK = 12,            /* bit n: events of type n are sent; 0 at the start */
    BG_SST_PARAM_EVENT_THRESHOLD = 13,       /* requests, for BG_SST_EVENT_THRESHOLD; 0: never */
};

enum bg_sst_event_type {
    BG_SST_EVENT_COMPLETION = 1, /* data: the request's request_id */
    BG_SST_EVENT_THRESHOLD = 2,  /* data: requests completed since the last RESET */
    BG_SST_EVENT_ERROR = 3,      /* data: enum bg_sst_status */
};

/* ======== Part 3: device and simulator ======== */

/*
 * The simulator listens on a Unix stream socket, the device connects, one connection per device.
 *
 * Old wire: whole struct bg_sst_request (4104 bytes) from the device, whole struct bg_sst_response
 * (4112 bytes) to it, no header; matched by request_id, in any order. The device sends the types
 * COMPUTE, READ, WRITE and CONFIGURE, and many before the first answer. request_id is the driver's
 * unless that one is in use on the connection: then the next free one.
 *
 * Probe: the first thing that the device sends is a whole sst_request of type BG_SST_HELLO_TYPE
 * with struct bg_sst_hello as its payload, and nothing else until the answer, a whole sst_response
 * with that request_id:
 * - status BG_SST_OK and a struct bg_sst_hello_reply with its magic as payload: from there on, both
 *   directions carry frames only.
 * - anything else (an old simulator says BG_SST_INVALID): old wire from there on.
 * The property extension=off leaves the probe out.
 */
#define BG_SST_HELLO_TYPE 0x4F4C4548u                        /* "HELO" */
#define BG_SST_HELLO_REQUEST_ID UINT64_C(0x4F4C454854535300) /* sst_hello's request */
#define BG_SST_HELLO_MAGIC 0x31585453u                       /* "STX1", device to simulator */
#define BG_SST_HELLO_REPLY_MAGIC 0x32585453u                 /* "STX2", simulator to device */
#define BG_SST_WIRE_VERSION 1u

/* Wire features: the device offers, the simulator takes a subset. */
#define BG_SST_WIRE_EVENTS (UINT64_C(1) << 0) /* BG_SST_RECORD_EVENT may be sent */
#define BG_SST_WIRE_SYNC (UINT64_C(1) << 1)   /* deterministic time, see below */
#define BG_SST_WIRE_CANCEL (UINT64_C(1) << 2) /* BG_SST_RECORD_CANCEL is sent */

struct bg_sst_hello {
    uint32_t magic;         /* BG_SST_HELLO_MAGIC */
    uint32_t version;       /* BG_SST_WIRE_VERSION: the highest that the device speaks */
    uint64_t features;      /* SST_WIRE_* offered; BG_SST_WIRE_SYNC only with sync=on */
    uint32_t device_id;     /* the property device-id */
    uint32_t pairs;         /* request records name queue pairs 0 to pairs - 1 */
    uint32_t in_flight_max; /* requests that can be unanswered at once */
    uint32_t reserved;
    uint64_t time_ns; /* the guest's virtual clock now */
} BG_SST_PACKED;

struct bg_sst_hello_reply {
    uint32_t magic;    /* BG_SST_HELLO_REPLY_MAGIC */
    uint32_t version;  /* to be spoken: 1 to sst_hello.version */
    uint64_t features; /* SST_WIRE_*: those of sst_hello.features that the simulator takes */
    uint64_t clock_hz; /* of the model now; 0: it has none. For statistics */
    char name[32];     /* of the model, NUL-terminated. For statistics */
} BG_SST_PACKED;

/*
 * A frame: header, then `count` records that fill exactly `size` bytes. A record: header, then
 * `size` bytes, then zero bytes up to a multiple of 8. A frame may be cut anywhere by the socket.
 *
 * Requests and responses travel without the zero bytes at their payload's end: the sender leaves
 * out any number of them, the receiver puts them back. So size is from 24 to 4104 for a request and
 * from 32 to 4112 for a response.
 *
 * A receiver closes the connection on a wrong magic, a size beyond the limits, records that do not
 * fill the frame exactly. It skips records of an unknown kind, and answers with an unknown tag.
 */
#define BG_SST_FRAME_MAGIC 0x46585453u   /* "STXF" */
#define BG_SST_FRAME_SIZE_MAX (1u << 20) /* bytes of all records */
#define BG_SST_FRAME_COUNT_MAX 4096u     /* records */
#define BG_SST_RECORD_SIZE_MAX 4112u     /* bytes of a record without header and padding */
#define BG_SST_FRAME_SYNC (1u << 0)      /* flag: see "Deterministic time" */
#define BG_SST_TIME_NEVER UINT64_MAX

struct bg_sst_frame {
    uint32_t magic;    /* BG_SST_FRAME_MAGIC */
    uint32_t flags;    /* SST_FRAME_* */
    uint32_t size;     /* bytes of records after this header: a multiple of 8 */
    uint32_t count;    /* records; may be 0 */
    uint64_t sequence; /* device: 1, 2, 3 ... on each connection. Simulator: 0; with
                        * BG_SST_FRAME_SYNC, that of the frame it replies to */
    uint64_t time_ns;  /* device: virtual clock. Simulator: simulated time; 0 if it has none */
    uint64_t next_ns;  /* simulator with BG_SST_FRAME_SYNC: when it wants to be called again, or
                        * BG_SST_TIME_NEVER. Otherwise reserved */
} BG_SST_PACKED;

enum bg_sst_record_kind {
    BG_SST_RECORD_REQUEST = 1, /* device: body sst_request. tag: new on this connection */
    BG_SST_RECORD_ANSWER = 2,  /* simulator: body sst_response (request_id and user_data are not
                                * looked at). tag: the request's; once for each request */
    BG_SST_RECORD_EVENT = 3,   /* simulator: body sst_event */
    BG_SST_RECORD_RESET = 4,   /* device: body sst_reset_notice. The model goes back to its start;
                                * requests before this are not to be answered any more (an answer
                                * that crosses it is dropped). The first record of a connection when
                                * there was a reset since the last one: so with every new guest */
    BG_SST_RECORD_CANCEL = 5,  /* device: no body. Nobody waits for the request `tag` any more; an
                                * answer to it is dropped. Only with BG_SST_WIRE_CANCEL */
};

struct bg_sst_record {
    uint16_t kind;    /* enum bg_sst_record_kind */
    uint16_t pair;    /* REQUEST: the queue pair. Otherwise reserved */
    uint32_t size;    /* bytes of the body */
    uint64_t tag;     /* REQUEST, ANSWER, CANCEL. Otherwise reserved */
    uint64_t time_ns; /* REQUEST: virtual clock when the device took it from its queue.
                       * ANSWER, EVENT: when it reaches the guest; see "Deterministic time" */
    uint64_t cycles;  /* ANSWER: simulated clock cycles from arrival to completion; 0 if unknown.
                       * For statistics and traces. Otherwise reserved */
} BG_SST_PACKED;

enum bg_sst_reset_reason {
    BG_SST_RESET_REQUEST = 0, /* the guest's BG_SST_RESET */
    BG_SST_RESET_DEVICE = 1,  /* virtio reset: by a driver, or the machine restarts */
};

struct bg_sst_reset_notice {
    uint32_t reason; /* enum bg_sst_reset_reason */
    uint32_t reserved;
} BG_SST_PACKED;

/*
 * Times. Without BG_SST_WIRE_SYNC, the device hands on answers and events as they come, and time_ns
 * of a simulator's frames and records is for traces only. Each side sends when it likes.
 *
 * Deterministic time (BG_SST_WIRE_SYNC): simulated time is the guest's virtual time, and the
 * simulator speaks only when spoken to.
 * - The device sends a frame with BG_SST_FRAME_SYNC whenever the guest notifies a request queue, on
 * a reset, and when next_ns has come. time_ns is now, and never goes backwards. No guest
 *   instruction runs until the reply (or the device's deadline: it closes the connection).
 * - The simulator advances its model to time_ns, then takes the records in their order, all at
 *   time_ns, and replies with exactly one frame: BG_SST_FRAME_SYNC, the same sequence.
 * - The reply has each answer and event whose time is known by now, with that time in its time_ns:
 *   arrival + cycles / clock, rounded up, for a COMPUTE. It may lie ahead, and is final then: the
 *   device hands it to the guest at that virtual time; one in the past counts as now.
 *   At the same time: in the order of the frame.
 * - What a frame has no room for is told in the next reply, and next_ns is now.
 * - What can not be told yet (it depends on requests to come) is left for later: next_ns is when
 *   the simulator wants a frame again (one without records if nothing else is to be said). A
 *   later frame may come before that; each reply's next_ns replaces the one before.
 * - next_ns at or before time_ns counts as time_ns + 1.
 */

BG_STATIC_ASSERT(sizeof(struct bg_sst_hello) == 40, "sst_hello");
BG_STATIC_ASSERT(offsetof(struct bg_sst_hello, time_ns) == 32, "sst_hello.time_ns");
BG_STATIC_ASSERT(sizeof(struct bg_sst_hello_reply) == 56, "sst_hello_reply");
BG_STATIC_ASSERT(offsetof(struct bg_sst_hello_reply, name) == 24, "sst_hello_reply.name");
BG_STATIC_ASSERT(sizeof(struct bg_sst_frame) == 40, "sst_frame");
BG_STATIC_ASSERT(offsetof(struct bg_sst_frame, sequence) == 16, "sst_frame.sequence");
BG_STATIC_ASSERT(sizeof(struct bg_sst_record) == 32, "sst_record");
BG_STATIC_ASSERT(offsetof(struct bg_sst_record, tag) == 8, "sst_record.tag");
BG_STATIC_ASSERT(sizeof(struct bg_sst_reset_notice) == 8, "sst_reset_notice");

#endif
