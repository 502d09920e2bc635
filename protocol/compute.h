/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compute operations: what a guest asks of the mediator's GPU.
 *
 * Defined once, carried by every device: the vgpu-stub mailbox (vgpu_stub.h) carries a request's
 * parameters as its params[], its data as data; other carriers number and mean them the same.
 *
 * An operation has a number from 0x1000 up. The mailbox's own opcodes 0x0000 to 0x0006 are the
 * operations 0x1000 to 0x1006: either number may be sent.
 *
 * All fields are little-endian. 64-bit values in parameters are two uint32: low, then high.
 * Sizes and offsets are in bytes, counts in elements.
 */
#ifndef BAREGPU_PROTOCOL_COMPUTE_H
#define BAREGPU_PROTOCOL_COMPUTE_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

enum bg_compute_operation {
    BG_COMPUTE_NOP = 0x1000,               /* nothing; no parameters, no results */
    BG_COMPUTE_VECTOR_ADD_BASIC = 0x1001,  /* params a, b; result a + b modulo 2^32 */
    BG_COMPUTE_MEMORY_ALLOC = 0x1002,      /* struct bg_compute_alloc_params; result: a handle */
    BG_COMPUTE_MEMORY_FREE = 0x1003,       /* param: the handle */
    BG_COMPUTE_MEMORY_COPY = 0x1004,       /* struct bg_compute_copy_params */
    BG_COMPUTE_GET_DEVICE_INFO = 0x1005,   /* no params; data: struct bg_compute_device_info */
    BG_COMPUTE_SYNCHRONIZE = 0x1006,       /* waits for the session's asynchronous operations */
    BG_COMPUTE_VECTOR_ADD_INLINE = 0x1010, /* struct bg_compute_vector_inline_params; data: a[],
                                            * then b[]; answer's data: c[] */
    BG_COMPUTE_VECTOR_ADD_MEMORY = 0x1011, /* struct bg_compute_vector_memory_params */
};

#define BG_COMPUTE_OPERATION_BASE 0x1000u
#define BG_COMPUTE_MAILBOX_OPCODE_LAST 0x0006u /* mailbox opcodes: 0x1000 + opcode */

/*
 * What a request ends with. The codes up to 0x0B are the vgpu-stub device's error codes as well;
 * those from 0x1000 say more than the device can: there the device shows CUDA_ERROR, and the
 * answer's header has the code.
 */
enum bg_compute_status {
    BG_COMPUTE_OK = 0x0000,
    BG_COMPUTE_INVALID_REQUEST = 0x0001,      /* malformed header, parameters or data */
    BG_COMPUTE_REQUEST_TOO_LARGE = 0x0002,    /* the request or its answer exceeds the carrier */
    BG_COMPUTE_MEDIATOR_UNAVAILABLE = 0x0003, /* device only: nobody answers; the session is lost */
    BG_COMPUTE_TIMEOUT = 0x0004,      /* ran longer than the mediator or the device allows */
    BG_COMPUTE_CUDA_ERROR = 0x0005,   /* the backend failed; the session may be lost */
    BG_COMPUTE_INVALID_POOL = 0x0006, /* no GPU serves this pool for this tenant */
    BG_COMPUTE_QUEUE_FULL = 0x0007,   /* too many requests of this session wait */
    BG_COMPUTE_UNSUPPORTED_OPERATION = 0x0008,
    BG_COMPUTE_INVALID_LENGTH = 0x0009, /* a length that does not fit the operation */
    BG_COMPUTE_RATE_LIMITED = 0x000A,   /* try again later */
    BG_COMPUTE_VM_QUARANTINED = 0x000B, /* until an operator releases this guest */
    BG_COMPUTE_OUT_OF_MEMORY = 0x1000,  /* the GPU's memory or the session's share is used up */
    BG_COMPUTE_INVALID_HANDLE = 0x1001, /* not a live handle of this session */
    BG_COMPUTE_OUT_OF_RANGE = 0x1002,   /* offset and size leave the allocation */
};

/* MEMORY_ALLOC. The memory reads as zero. The handle is never 0 and is valid in this session
 * only: a session is one connection between device and mediator, and what it holds is freed when
 * it ends. Size 0 is INVALID_LENGTH. */
struct bg_compute_alloc_params {
    uint32_t size_lo, size_hi;
};

enum bg_compute_copy_kind {
    BG_COMPUTE_COPY_HOST_TO_DEVICE = 1,   /* source: the request's data; src_* are 0 */
    BG_COMPUTE_COPY_DEVICE_TO_HOST = 2,   /* destination: the answer's data; dst_* are 0 */
    BG_COMPUTE_COPY_DEVICE_TO_DEVICE = 3, /* the ranges may overlap, as in memmove */
};

struct bg_compute_copy_params {
    uint32_t kind; /* enum bg_compute_copy_kind */
    uint32_t dst_handle, src_handle;
    uint32_t dst_offset_lo, dst_offset_hi;
    uint32_t src_offset_lo, src_offset_hi;
    uint32_t size_lo, size_hi; /* HOST_TO_DEVICE: equals the data's length */
};

/* Integers wrap modulo 2^width. A float sum is the IEEE 754 single-precision sum, rounded to
 * nearest even, the same on every backend (a NaN result may differ in its payload). */
enum bg_compute_element_type {
    BG_COMPUTE_ELEMENT_UINT32 = 1,
    BG_COMPUTE_ELEMENT_INT32 = 2,
    BG_COMPUTE_ELEMENT_FLOAT32 = 3,
};

struct bg_compute_vector_inline_params {
    uint32_t element_type; /* enum bg_compute_element_type */
    uint32_t count;        /* 0 is INVALID_LENGTH */
};

/* c[i] = a[i] + b[i]. Offsets are multiples of the element size. c may be a or b exactly; other
 * overlaps are INVALID_REQUEST. */
struct bg_compute_vector_memory_params {
    uint32_t element_type;
    uint32_t c_handle, a_handle, b_handle;
    uint32_t c_offset_lo, c_offset_hi;
    uint32_t a_offset_lo, a_offset_hi;
    uint32_t b_offset_lo, b_offset_hi;
    uint32_t count_lo, count_hi;
};

enum bg_compute_backend_kind {
    BG_COMPUTE_BACKEND_CPU = 1,
    BG_COMPUTE_BACKEND_CUDA = 2,
};

#define BG_COMPUTE_DEVICE_NAME_SIZE 128 /* NUL included; longer names are cut */

struct bg_compute_device_info {
    uint32_t backend;          /* enum bg_compute_backend_kind */
    uint32_t multiprocessors;  /* CPU backend: logical CPUs */
    uint64_t memory_total;     /* of the device */
    uint64_t memory_limit;     /* what this session may allocate */
    uint64_t memory_used;      /* what this session has allocated */
    uint32_t capability_major; /* CUDA compute capability; 0.0 on the CPU backend */
    uint32_t capability_minor;
    uint32_t clock_khz; /* 0: not known */
    uint32_t reserved;  /* 0 */
    char name[BG_COMPUTE_DEVICE_NAME_SIZE];
};

BG_WIRE_SIZE(bg_compute_alloc_params, 8);
BG_WIRE_SIZE(bg_compute_copy_params, 36);
BG_WIRE_OFFSET(bg_compute_copy_params, size_lo, 28);
BG_WIRE_SIZE(bg_compute_vector_inline_params, 8);
BG_WIRE_SIZE(bg_compute_vector_memory_params, 48);
BG_WIRE_OFFSET(bg_compute_vector_memory_params, count_lo, 40);
BG_WIRE_SIZE(bg_compute_device_info, 176);
BG_WIRE_OFFSET(bg_compute_device_info, memory_total, 8);
BG_WIRE_OFFSET(bg_compute_device_info, name, 48);

#endif
