/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vgpu-stub: PCI identity, register map, mailbox layout, and the socket messages between the
 * device and the mediator. All values are little-endian. docs/vgpu-stub.md tells how it is used.
 */
#ifndef BAREGPU_PROTOCOL_VGPU_STUB_H
#define BAREGPU_PROTOCOL_VGPU_STUB_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

/* ---- PCI identity ---- */

#define BG_VGPU_STUB_PCI_VENDOR_ID 0x1AF4u
#define BG_VGPU_STUB_PCI_DEVICE_ID 0x1111u
#define BG_VGPU_STUB_PCI_CLASS 0x120000u /* processing accelerator */
#define BG_VGPU_STUB_PCI_REVISION 0x02u
#define BG_VGPU_STUB_BAR 0
#define BG_VGPU_STUB_BAR_SIZE 0x1000u

/* ---- Registers in BAR0: 32-bit, aligned accesses only ---- */

#define BG_VGPU_STUB_REG_DOORBELL 0x000u     /* WO: 1 submits; reads 0; other values are ignored */
#define BG_VGPU_STUB_REG_STATUS 0x004u       /* RO: enum bg_vgpu_stub_status */
#define BG_VGPU_STUB_REG_POOL_ID 0x008u      /* RO: ASCII 'A' or 'B' */
#define BG_VGPU_STUB_REG_PRIORITY 0x00Cu     /* RO: enum bg_vgpu_stub_priority */
#define BG_VGPU_STUB_REG_VM_ID 0x010u        /* RO */
#define BG_VGPU_STUB_REG_ERROR_CODE 0x014u   /* RO: enum bg_compute_status up to 0x0B, if ERROR */
#define BG_VGPU_STUB_REG_REQUEST_LEN 0x018u  /* RW: bytes; a write above 1024 is ignored */
#define BG_VGPU_STUB_REG_RESPONSE_LEN 0x01Cu /* RO: bytes */
#define BG_VGPU_STUB_REG_PROTOCOL_VER 0x020u /* RO: BG_VGPU_STUB_PROTOCOL_VERSION */
#define BG_VGPU_STUB_REG_CAPABILITIES 0x024u /* RO: VGPU_STUB_CAP_*; properties add to 1 */
#define BG_VGPU_STUB_REG_IRQ_CTRL 0x028u     /* RW: BG_VGPU_STUB_IRQ_COMPLETION */
#define BG_VGPU_STUB_REG_IRQ_STATUS 0x02Cu   /* RW1C: BG_VGPU_STUB_IRQ_COMPLETION */
#define BG_VGPU_STUB_REG_REQUEST_ID 0x030u   /* RW */
#define BG_VGPU_STUB_REG_TIMESTAMP_LO 0x034u /* RO: completion, microseconds of virtual time */
#define BG_VGPU_STUB_REG_TIMESTAMP_HI 0x038u /* RO */
#define BG_VGPU_STUB_REG_SCRATCH 0x03Cu      /* RW */

/* Buffers: aligned accesses of 1, 2, 4 and 8 bytes. */
#define BG_VGPU_STUB_REQUEST_BUFFER 0x040u  /* RW */
#define BG_VGPU_STUB_RESPONSE_BUFFER 0x440u /* RO: writes are ignored */
#define BG_VGPU_STUB_BUFFER_SIZE 1024u
#define BG_VGPU_STUB_RESERVED 0x840u /* to the end: reads 0, writes are ignored */

enum bg_vgpu_stub_status {
    BG_VGPU_STUB_IDLE = 0,
    BG_VGPU_STUB_BUSY = 1,
    BG_VGPU_STUB_DONE = 2,
    BG_VGPU_STUB_ERROR = 3,
};

enum bg_vgpu_stub_priority {
    BG_VGPU_STUB_PRIORITY_LOW = 0,
    BG_VGPU_STUB_PRIORITY_MEDIUM = 1,
    BG_VGPU_STUB_PRIORITY_HIGH = 2,
};

#define BG_VGPU_STUB_CAP_BASIC (1u << 0)
#define BG_VGPU_STUB_CAP_INTERRUPT (1u << 1) /* interrupt=on; IRQ_CTRL works without */
#define BG_VGPU_STUB_CAP_DMA (1u << 2)
#define BG_VGPU_STUB_CAP_MULTIPLE (1u << 3)
#define BG_VGPU_STUB_CAP_ACCESS64                                                                  \
    (1u << 4) /* property access64=on: 8-byte buffer accesses are said                             \
               * to work; without it a driver uses 4 bytes */

#define BG_VGPU_STUB_IRQ_COMPLETION (1u << 0)

/* ---- Mailbox: what lies in the buffers ---- */

#define BG_VGPU_STUB_PROTOCOL_VERSION 0x00010000u

#define BG_VGPU_STUB_OP_NOP 0x0000u
#define BG_VGPU_STUB_OP_CUDA_KERNEL 0x0001u /* basic vector addition: two params, one result */
#define BG_VGPU_STUB_OP_MEMORY_ALLOC 0x0002u
#define BG_VGPU_STUB_OP_MEMORY_FREE 0x0003u
#define BG_VGPU_STUB_OP_MEMORY_COPY 0x0004u
#define BG_VGPU_STUB_OP_GET_DEVICE_INFO 0x0005u
#define BG_VGPU_STUB_OP_SYNCHRONIZE 0x0006u
/* 0x1000 and up: compute.h */

#define BG_VGPU_STUB_FLAG_ASYNC (1u << 0)          /* answer when accepted; see SYNCHRONIZE */
#define BG_VGPU_STUB_FLAG_RAISE_PRIORITY (1u << 1) /* one step, within what the tenant may use */

/* Followed by params[param_count] of uint32, then, at data_offset, the data. */
struct bg_vgpu_stub_request {
    uint32_t version;
    uint32_t opcode;
    uint32_t flags;
    uint32_t param_count;
    uint32_t data_offset; /* from the start of the request; any value when data_length is 0 */
    uint32_t data_length;
    uint32_t reserved[2]; /* 0 */
};

/* Followed by results[result_count] of uint32, then, at data_offset, the data. */
struct bg_vgpu_stub_response {
    uint32_t version;
    uint32_t status; /* enum bg_compute_status */
    uint32_t result_count;
    uint32_t data_offset; /* from the start of the response: the end of results[] */
    uint32_t data_length;
    uint32_t exec_time_us;
    uint32_t reserved[2]; /* 0 */
};

/* ---- Socket between device (connects) and mediator (listens): a Unix stream socket ---- */

#define BG_VGPU_STUB_SOCKET_PATH "/tmp/vgpu-mediator.sock"
#define BG_VGPU_STUB_MESSAGE_MAGIC 0x56475055u
#define BG_VGPU_STUB_PAYLOAD_MAX 1024u

enum bg_vgpu_stub_message_type {
    BG_VGPU_STUB_MESSAGE_REQUEST = 1,
    BG_VGPU_STUB_MESSAGE_RESPONSE = 2,
    BG_VGPU_STUB_MESSAGE_PING = 3,
    BG_VGPU_STUB_MESSAGE_PONG = 4,
    BG_VGPU_STUB_MESSAGE_BUSY = 5,        /* no payload: RATE_LIMITED */
    BG_VGPU_STUB_MESSAGE_QUARANTINED = 6, /* no payload: VM_QUARANTINED */
    BG_VGPU_STUB_MESSAGE_OURS = 0x1000,   /* extensions from here up */
};

/*
 * The header exists in two sizes. In the 20-byte form payload_length is the payload's length; in
 * the 24-byte form it is zero and a uint32 length follows. A mediator takes both and answers in
 * kind; our device sends 20 bytes unless its property `wire` says otherwise.
 */
struct bg_vgpu_stub_message {
    uint32_t magic;
    uint32_t type;
    uint32_t vm_id;
    uint32_t request_id;
    uint8_t pool_id; /* ASCII */
    uint8_t priority;
    uint16_t payload_length;
};

struct bg_vgpu_stub_message_long {
    struct bg_vgpu_stub_message header; /* payload_length is 0 */
    uint32_t payload_length;
};

BG_WIRE_SIZE(bg_vgpu_stub_request, 32);
BG_WIRE_OFFSET(bg_vgpu_stub_request, opcode, 4);
BG_WIRE_OFFSET(bg_vgpu_stub_request, param_count, 12);
BG_WIRE_OFFSET(bg_vgpu_stub_request, data_length, 20);
BG_WIRE_SIZE(bg_vgpu_stub_response, 32);
BG_WIRE_OFFSET(bg_vgpu_stub_response, result_count, 8);
BG_WIRE_OFFSET(bg_vgpu_stub_response, exec_time_us, 20);
BG_WIRE_SIZE(bg_vgpu_stub_message, 20);
BG_WIRE_OFFSET(bg_vgpu_stub_message, vm_id, 8);
BG_WIRE_OFFSET(bg_vgpu_stub_message, request_id, 12);
BG_WIRE_OFFSET(bg_vgpu_stub_message, pool_id, 16);
BG_WIRE_OFFSET(bg_vgpu_stub_message, priority, 17);
BG_WIRE_OFFSET(bg_vgpu_stub_message, payload_length, 18);
BG_WIRE_SIZE(bg_vgpu_stub_message_long, 24);
BG_STATIC_ASSERT(BG_VGPU_STUB_REQUEST_BUFFER + BG_VGPU_STUB_BUFFER_SIZE ==
                     BG_VGPU_STUB_RESPONSE_BUFFER,
                 "map");
BG_STATIC_ASSERT(BG_VGPU_STUB_RESPONSE_BUFFER + BG_VGPU_STUB_BUFFER_SIZE == BG_VGPU_STUB_RESERVED,
                 "map");

#endif
