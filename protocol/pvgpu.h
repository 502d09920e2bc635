/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvgpu: a GPU behind shared memory. PCI identity, registers, the shared memory's control region,
 * its rules of ordering, and the socket between the device and its backend. All values are
 * little-endian. The commands of the ring are in pvgpu_command.h. docs/pvgpu.md tells how it is
 * used.
 *
 * Three parties: the guest (its driver), the device (QEMU), the backend (a worker of the mediator,
 * or an older program that knows what the first version had). What only newer ones know has
 * feature bits from 32, control words from 0x140, messages and commands from 0x1000.
 */
#ifndef BAREGPU_PROTOCOL_PVGPU_H
#define BAREGPU_PROTOCOL_PVGPU_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

/* ---- PCI identity ---- */

#define BG_PVGPU_PCI_VENDOR_ID 0x1AF4u
#define BG_PVGPU_PCI_DEVICE_ID 0x10F0u
#define BG_PVGPU_PCI_SUBSYSTEM_VENDOR_ID 0x1AF4u
#define BG_PVGPU_PCI_SUBSYSTEM_ID 0x0001u
#define BG_PVGPU_PCI_CLASS 0x030000u /* VGA-compatible display controller */
#define BG_PVGPU_PCI_REVISION 0x01u

#define BG_PVGPU_BAR_REGISTERS 0
#define BG_PVGPU_BAR_MSIX 1
#define BG_PVGPU_BAR_SHMEM 2 /* 64-bit, prefetchable: map it Normal cacheable */
#define BG_PVGPU_REGISTERS_SIZE 0x1000u

#define BG_PVGPU_VECTOR_FENCE 0
#define BG_PVGPU_VECTOR_ERROR 1
#define BG_PVGPU_VECTORS 2

/* ---- Registers in BAR0: 32-bit, aligned accesses only; what is not named reads 0 ---- */

#define BG_PVGPU_REG_VERSION 0x00u     /* RO: BG_PVGPU_VERSION */
#define BG_PVGPU_REG_FEATURES_LO 0x04u /* RO: PVGPU_FEATURE_*, of the last backend */
#define BG_PVGPU_REG_FEATURES_HI 0x08u /* RO */
#define BG_PVGPU_REG_STATUS 0x0Cu      /* RW: PVGPU_STATUS_*; writing 1 to ERROR clears it */
#define BG_PVGPU_REG_DOORBELL 0x10u    /* WO: any value; without a backend it is dropped */
#define BG_PVGPU_REG_IRQ_STATUS 0x14u  /* RW1C: PVGPU_IRQ_* */
#define BG_PVGPU_REG_IRQ_MASK 0x18u    /* RW: 1 enables; initially 0, kept by RESET */
#define BG_PVGPU_REG_SHMEM_SIZE 0x1Cu  /* RO: bytes */
#define BG_PVGPU_REG_RING_SIZE 0x20u   /* RO: bytes */
#define BG_PVGPU_REG_RESET 0x24u       /* WO: 1 resets */

#define BG_PVGPU_VERSION 0x00010000u

#define BG_PVGPU_STATUS_READY (1u << 0)
#define BG_PVGPU_STATUS_ERROR (1u << 1)     /* the backend was lost */
#define BG_PVGPU_STATUS_CONNECTED (1u << 2) /* a backend acknowledged the handshake */

#define BG_PVGPU_IRQ_FENCE (1u << 0)
#define BG_PVGPU_IRQ_ERROR (1u << 1)

#define BG_PVGPU_RESET_VALUE 1u

/* ---- Features ---- */

/* The base command set; always there. Not all that a Direct3D 11 device has: see DRAW. */
#define BG_PVGPU_FEATURE_D3D11 (1ull << 0)
#define BG_PVGPU_FEATURE_D3D12 (1ull << 1)
#define BG_PVGPU_FEATURE_COMPUTE_SHADER (1ull << 2)
#define BG_PVGPU_FEATURE_GEOMETRY (1ull << 3)
#define BG_PVGPU_FEATURE_TESSELLATION (1ull << 4)
#define BG_PVGPU_FEATURE_MSAA (1ull << 5)
#define BG_PVGPU_FEATURE_HDR (1ull << 6)
#define BG_PVGPU_FEATURE_VSYNC (1ull << 7)         /* PRESENT obeys sync_interval */
#define BG_PVGPU_FEATURE_TRIPLE_BUFFER (1ull << 8) /* up to BG_PVGPU_SCANOUT_SLOTS_MAX pictures */

/* The backend took the handshake's descriptors: doorbells and interrupts go by eventfd, and both
 * sides speak the messages from 0x1000. Between device and backend only. */
#define BG_PVGPU_FEATURE_DIRECT (1ull << 32)
/* The backend keeps the control words from 0x140. Without it a guest rings at every submission,
 * gets an interrupt at every fence, and has no error log. */
#define BG_PVGPU_FEATURE_CONTROL_WORDS (1ull << 33)
/* Ring commands 0x1000 to 0x1FFF: the operations of compute.h. */
#define BG_PVGPU_FEATURE_COMPUTE (1ull << 34)
/* COPY_REGION, READ_RESOURCE, PRESENT_REGION. */
#define BG_PVGPU_FEATURE_REGIONS (1ull << 35)
/* What is presented appears on the device's console. */
#define BG_PVGPU_FEATURE_SCANOUT (1ull << 36)
/* Shaders, state objects, drawing. Without it those commands are `invalid command`. */
#define BG_PVGPU_FEATURE_DRAW (1ull << 37)
/* Of the ring commands those of cuda_command.h. */
#define BG_PVGPU_FEATURE_CUDA (1ull << 38)

/* What an acknowledgement of 0 stands for. */
#define BG_PVGPU_FEATURES_DEFAULT 0x9Dull

/* ---- Shared memory (BAR2): control region, ring, heap ---- */

#define BG_PVGPU_SHMEM_SIZE_DEFAULT 0x10000000u /* 256 MiB */
#define BG_PVGPU_SHMEM_SIZE_MIN 0x4000000u      /* 64 MiB */
#define BG_PVGPU_SHMEM_SIZE_MAX 0x80000000u     /* 2 GiB: the registers have 32 bits */
#define BG_PVGPU_CONTROL_SIZE 0x1000u
#define BG_PVGPU_RING_OFFSET 0x1000u
#define BG_PVGPU_RING_SIZE 0x1000000u
#define BG_PVGPU_HEAP_OFFSET (BG_PVGPU_RING_OFFSET + BG_PVGPU_RING_SIZE) /* the rest */

#define BG_PVGPU_MAGIC 0x50564750u

#define BG_PVGPU_DISPLAY_WIDTH_DEFAULT 1920u
#define BG_PVGPU_DISPLAY_HEIGHT_DEFAULT 1080u
#define BG_PVGPU_DISPLAY_REFRESH_DEFAULT 60u
#define BG_PVGPU_DISPLAY_FORMAT_DEFAULT 87u /* BG_PVGPU_FORMAT_B8G8R8A8_UNORM */

/* control.status */
#define BG_PVGPU_CONTROL_READY (1u << 0) /* a backend consumes the ring */
#define BG_PVGPU_CONTROL_ERROR (1u << 1) /* there was an error since the last RESET: error_code */
/* Nothing is consumed until RESET: what is in the ring and what the backend held is gone, fences
 * that have not completed never will. */
#define BG_PVGPU_CONTROL_DEVICE_LOST (1u << 2)
#define BG_PVGPU_CONTROL_BUSY (1u << 3)     /* older backends; ours leaves it 0 */
#define BG_PVGPU_CONTROL_RESIZING (1u << 4) /* older backends; ours leaves it 0 */
#define BG_PVGPU_CONTROL_RECOVERY (1u << 5) /* older backends; ours leaves it 0 */
#define BG_PVGPU_CONTROL_SHUTDOWN (1u << 6) /* the backend ended the session by SHUTDOWN */

/* control.error_code, pvgpu_error_record.code */
enum bg_pvgpu_error {
    BG_PVGPU_OK = 0,
    BG_PVGPU_ERROR_INVALID_COMMAND = 0x0001, /* unknown or unsupported type, bad size or framing */
    BG_PVGPU_ERROR_RESOURCE_NOT_FOUND = 0x0002, /* an id or handle that does not exist */
    BG_PVGPU_ERROR_OUT_OF_MEMORY = 0x0003,      /* of the session's limit, its ids, or the GPU */
    BG_PVGPU_ERROR_SHADER_COMPILE = 0x0004,
    BG_PVGPU_ERROR_DEVICE_LOST = 0x0005,
    BG_PVGPU_ERROR_INVALID_PARAMETER = 0x0006, /* a value; a range outside heap or resource */
    BG_PVGPU_ERROR_UNSUPPORTED_FORMAT = 0x0007,
    BG_PVGPU_ERROR_BACKEND_DISCONNECTED = 0x0008, /* written by the device */
    BG_PVGPU_ERROR_RING_FULL = 0x0009,            /* a driver's own; never written by a backend */
    BG_PVGPU_ERROR_TIMEOUT = 0x000A,
    BG_PVGPU_ERROR_HEAP_EXHAUSTED = 0x000B, /* a driver's own; never written by a backend */
    BG_PVGPU_ERROR_INTERNAL = 0x000C,       /* the backend failed */
    BG_PVGPU_ERROR_UNKNOWN = 0xFFFF,
};

/* One error. `detail` is the command's type; for a failed compute operation without a place for
 * its result, enum bg_compute_status; else 0. */
struct bg_pvgpu_error_record {
    uint64_t position; /* of the command: the free-running byte count, as in producer_ptr */
    uint32_t code;     /* enum bg_pvgpu_error */
    uint32_t detail;
};

#define BG_PVGPU_ERROR_LOG_SIZE 16u
#define BG_PVGPU_ERROR_TEXT_SIZE 256u

/*
 * The control region. "device": written by QEMU's device; "backend"; "guest". Every word has one
 * writer, except where it says otherwise. Groups that different parties write are in cache lines
 * of their own.
 *
 * Ordering (all words naturally aligned, accessed once, whole):
 * - Commands: the guest writes command and operands, then stores producer_ptr with release. The
 *   backend loads it with acquire.
 * - Space: the backend stores consumer_ptr with release when it needs the bytes of the commands
 *   before it no more; the guest loads it with acquire before it overwrites. It may lag behind what
 *   was executed while the backend is busy, and is exact before the backend sleeps and at
 *   a fence. It says nothing about operands in the heap: a fence does.
 * - Fences: the backend stores host_fence_completed with release after all effects of the commands
 *   before the FENCE (results, heap contents, errors logged); the guest loads it with acquire.
 * - Doorbell: the backend stores consumer_ptr, exactly, then backend_sleeping = 1, full barrier,
 *   loads producer_ptr again, and sleeps only if it is unchanged; awake, it stores 0. The guest
 *   stores producer_ptr, full barrier, loads backend_sleeping, and rings when it is not 0. It may
 *   leave out a ring when it has rung for a command before consumer_ptr has come to it: the backend
 *   will look once more. (With CONTROL_WORDS; else it always rings.)
 * - Interrupts: the guest stores suppress_interrupts = 0, full barrier, loads host_fence_completed
 *   (error_count) again, and sleeps only if what it waits for is not there. The backend stores
 *   host_fence_completed (error_count), full barrier, loads suppress_interrupts, and interrupts
 *   when the bit is 0. A bit that is set is a hint: an interrupt may come all the same.
 * - Errors: the backend fills error_log[n % BG_PVGPU_ERROR_LOG_SIZE], error_data, error_code and
 * the status bit, then stores error_count = n + 1 with release. The guest loads error_count with
 *   acquire, copies the record, then (after an acquire fence) loads error_count again: at
 *   n + BG_PVGPU_ERROR_LOG_SIZE or above, the record may be overwritten, or half so.
 * - Reset: the device adds 1 to reset_request (a count of its own, never read back), stores the
 *   fields back to their start (producer_ptr, consumer_ptr, guest_fence_request,
 *   host_fence_completed, status, error_code, error_data, error_count; status = READY cleared),
 *   then, with a DIRECT backend, sends RESET and signals the doorbell. The backend finishes or
 *   abandons the command that runs, frees all that the session held, stores consumer_ptr,
 *   host_fence_completed, error_count and the error fields as 0 once more, status = READY, then
 *   reset_done = the count, with release. Without a DIRECT backend the device itself stores
 *   reset_done. (RESET between HANDSHAKE and its ACK: the device stores reset_done, and sends RESET
 *   right after IDENTITY as well.) While reset_request differs from what the last RESET message
 *   said, the backend writes nothing there and consumes nothing. A driver that sees CONTROL_WORDS
 *   waits (with a deadline) for reset_done == reset_request after it wrote RESET, and for
 *   STATUS.CONNECTED and status = READY, before it submits; one that does not wait may read a stale
 *   fence for some nanoseconds, no more. A RESET may overtake the news of the backend's end: then
 *   that loss (DEVICE_LOST) follows it, and when reset_done == reset_request the driver writes
 *   RESET again.
 */
struct bg_pvgpu_control {
    uint32_t magic;       /* 0x000 device */
    uint32_t version;     /* 0x004 device: BG_PVGPU_VERSION */
    uint64_t features;    /* 0x008 device: as in the registers */
    uint32_t ring_offset; /* 0x010 device: all four constant */
    uint32_t ring_size;   /* 0x014 a power of two */
    uint32_t heap_offset; /* 0x018 */
    uint32_t heap_size;   /* 0x01C */

    uint64_t producer_ptr; /* 0x020 guest: free-running count of bytes; place: modulo ring_size */
    uint8_t pad028[0x38];
    uint64_t consumer_ptr; /* 0x060 backend */
    uint8_t pad068[0x38];
    uint64_t guest_fence_request; /* 0x0A0 guest: advisory; ours does not read it */
    uint8_t pad0a8[0x38];
    uint64_t host_fence_completed; /* 0x0E0 backend */
    uint8_t pad0e8[0x38];

    /* 0x120 PVGPU_CONTROL_*. The backend changes bits with atomic operations. The device does too:
     * it sets DEVICE_LOST and ERROR, and clears READY, when it loses a backend and after a
     * migration; error_code is 8 then, unless the backend set DEVICE_LOST before with a reason of
     * its own. A guest only reads. */
    uint32_t status;
    uint32_t error_code; /* 0x124 enum bg_pvgpu_error: the last one since RESET */
    uint32_t error_data; /* 0x128 where its command starts: bytes from the ring's start */
    uint32_t pad12c;
    uint32_t display_width;   /* 0x130 device at its start; then backend, by RESIZE_BUFFERS */
    uint32_t display_height;  /* 0x134 */
    uint32_t display_refresh; /* 0x138 Hz; device, at any time; read at each PRESENT */
    uint32_t display_format;  /* 0x13C DXGI number */

    /* From here on: newer devices and backends. The device zeroes it at its start. */
    uint32_t backend_sleeping; /* 0x140 backend: 1: ring the doorbell after a submission */
    uint32_t reset_done;       /* 0x144 backend (device without one): see above */
    uint32_t error_count;      /* 0x148 backend: errors since RESET */
    uint32_t scanout_count;    /* 0x14C backend: pictures shown since RESET, modulo 2^32 */
    uint32_t scanout_dropped;  /* 0x150 backend: presents without a free picture, not shown */
    uint32_t pad154;
    uint64_t scanout_copied; /* 0x158 backend: bytes that it copied to show them */
    uint8_t pad160[0x20];
    uint32_t suppress_interrupts; /* 0x180 guest: PVGPU_IRQ_* that it does not want */
    uint8_t pad184[0x3C];
    uint32_t reset_request; /* 0x1C0 device */
    uint8_t pad1c4[0x3C];
    struct bg_pvgpu_error_record error_log[BG_PVGPU_ERROR_LOG_SIZE]; /* 0x200 backend */
    /* 0x300 backend, with FEATURE_DRAW: what is wrong with the shader of the last SHADER_COMPILE,
     * in one line with its NUL. Written before error_count counts that error; the next one may
     * overwrite it at any time. */
    char error_text[BG_PVGPU_ERROR_TEXT_SIZE];
};

/*
 * What an error does:
 * - An error of one command (all but those below): it is recorded, the command has no effect (a
 *   copy that fails midway may have written part), the ring goes on. A FENCE behind it completes.
 * - A ring that cannot be read on: a command's size below its header or above ring_size, or more
 *   than was produced; producer_ptr behind consumer_ptr or more than ring_size before it, or not
 *   a multiple of 16: INVALID_COMMAND with DEVICE_LOST.
 * - A command that runs longer than the mediator allows: TIMEOUT, or SHADER_COMPILE where a driver
 *   compiles for so long (error_text names the shaders), with DEVICE_LOST; then the backend
 *   ends. A backend that fails: INTERNAL or DEVICE_LOST with DEVICE_LOST, then it ends.
 * Each error signals BG_PVGPU_IRQ_ERROR.
 */

/* ---- Socket: a Unix stream socket; the backend listens, the device connects ---- */

#define BG_PVGPU_SOCKET_PATH "/tmp/pvgpu.sock"
#define BG_PVGPU_SHMEM_NAME_PREFIX "/pvgpu_shmem_"
#define BG_PVGPU_SHMEM_NAME_MAX 255u /* NUL not counted */

struct bg_pvgpu_message {
    uint32_t type; /* enum bg_pvgpu_message_type */
    uint32_t size; /* of the payload behind this header */
};

enum bg_pvgpu_message_type {
    BG_PVGPU_MESSAGE_HANDSHAKE = 1,     /* device: struct bg_pvgpu_handshake and the name; first */
    BG_PVGPU_MESSAGE_HANDSHAKE_ACK = 2, /* backend: u64 features; 0: BG_PVGPU_FEATURES_DEFAULT */
    BG_PVGPU_MESSAGE_DOORBELL = 3,      /* device: no payload */
    BG_PVGPU_MESSAGE_IRQ = 4,           /* backend: u32 vector; sets IRQ_FENCE whatever it is */
    BG_PVGPU_MESSAGE_SHUTDOWN = 5,      /* either: the session ends; no payload */

    /* With BG_PVGPU_FEATURE_DIRECT only. */
    BG_PVGPU_MESSAGE_IDENTITY = 0x1000, /* device: struct bg_pvgpu_identity; right after ACK */
    BG_PVGPU_MESSAGE_RESET = 0x1001,    /* device: u32 reset_request's new value */
    BG_PVGPU_MESSAGE_PAUSE = 0x1002,    /* device: no payload; answered by PAUSED */
    BG_PVGPU_MESSAGE_PAUSED = 0x1003,   /* backend: no payload */
    BG_PVGPU_MESSAGE_RESUME = 0x1004,   /* device: no payload */
    BG_PVGPU_MESSAGE_SCANOUT_BUFFER = 0x1005, /* backend: struct bg_pvgpu_scanout_buffer, one fd */
    BG_PVGPU_MESSAGE_SCANOUT = 0x1006,        /* backend: struct bg_pvgpu_scanout */
    BG_PVGPU_MESSAGE_SCANOUT_DONE = 0x1007,   /* device: struct bg_pvgpu_scanout_done */
};

/* A longer message is malformed: the connection ends. */
#define BG_PVGPU_PAYLOAD_MAX 1024u

/* Followed by the shared memory's POSIX name, NUL included. */
struct bg_pvgpu_handshake {
    uint64_t shmem_size;
};

/*
 * A device that can sends these with the HANDSHAKE as ancillary data (SCM_RIGHTS, with its first
 * byte), all or none; an older backend does not notice. A backend that takes them answers with
 * BG_PVGPU_FEATURE_DIRECT. Then neither side sends DOORBELL or IRQ. The eventfds are non-blocking.
 */
enum bg_pvgpu_descriptor {
    BG_PVGPU_FD_SHMEM = 0,    /* the shared memory, read and write */
    BG_PVGPU_FD_DOORBELL = 1, /* eventfd: the device (its ioeventfd) signals, the backend reads */
    BG_PVGPU_FD_FENCE = 2,    /* eventfd: the backend signals BG_PVGPU_IRQ_FENCE */
    BG_PVGPU_FD_ERROR = 3,    /* eventfd: the backend signals BG_PVGPU_IRQ_ERROR */
    BG_PVGPU_DESCRIPTORS = 4,
};

/* Which guest this is; a request within the listener's policy. */
struct bg_pvgpu_identity {
    uint32_t vm_id;
    uint8_t pool_id;   /* ASCII 'A' or 'B' */
    uint8_t priority;  /* enum bg_vgpu_stub_priority */
    uint16_t reserved; /* 0 */
};

/*
 * PAUSE: the backend ends the command that runs, starts none, writes nothing into the shared memory
 * after PAUSED, and signals nothing, until RESUME. RESET while paused takes effect at once (it
 * writes the control region before the next PAUSED or command); PAUSE while paused is answered
 * again.
 *
 * The scanout is a sealed memfd (F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_SEAL; `size` bytes: check
 * seals and size, then map it read-only). Picture i lies at i * slot_size. A new SCANOUT_BUFFER
 * replaces the one before: its pictures are not shown again, and need no DONE. A slot belongs to
 * the device from SCANOUT until its DONE; the device keeps the one that it shows and gives back
 * the one before, as soon as the next SCANOUT came. So a backend has slots - 1 to write into.
 */
#define BG_PVGPU_SCANOUT_SLOTS_MAX 4u
#define BG_PVGPU_SCANOUT_SIDE_MAX 16384u

struct bg_pvgpu_scanout_buffer {
    uint32_t buffer;    /* counts up from 1 in a session */
    uint32_t slots;     /* 2 to BG_PVGPU_SCANOUT_SLOTS_MAX */
    uint64_t slot_size; /* bytes; a multiple of 4096 */
    uint64_t size;      /* of the file: slots * slot_size */
};

/* Show this picture. width 0: show nothing (buffer and slot are 0 then, and need no DONE). The
 * damage is what differs from the picture shown before; all of it when the size changed. */
struct bg_pvgpu_scanout {
    uint32_t buffer, slot;
    uint32_t width, height;
    uint32_t stride; /* bytes; height * stride <= slot_size */
    uint32_t format; /* BG_PVGPU_FORMAT_B8G8R8A8_UNORM, _B8G8R8X8_UNORM or _R8G8B8A8_UNORM */
    uint32_t damage_x, damage_y, damage_width, damage_height; /* within the picture */
};

struct bg_pvgpu_scanout_done {
    uint32_t buffer, slot;
};

BG_WIRE_SIZE(bg_pvgpu_error_record, 16);
BG_WIRE_OFFSET(bg_pvgpu_control, features, 0x008);
BG_WIRE_OFFSET(bg_pvgpu_control, ring_offset, 0x010);
BG_WIRE_OFFSET(bg_pvgpu_control, heap_size, 0x01C);
BG_WIRE_OFFSET(bg_pvgpu_control, producer_ptr, 0x020);
BG_WIRE_OFFSET(bg_pvgpu_control, consumer_ptr, 0x060);
BG_WIRE_OFFSET(bg_pvgpu_control, guest_fence_request, 0x0A0);
BG_WIRE_OFFSET(bg_pvgpu_control, host_fence_completed, 0x0E0);
BG_WIRE_OFFSET(bg_pvgpu_control, status, 0x120);
BG_WIRE_OFFSET(bg_pvgpu_control, error_code, 0x124);
BG_WIRE_OFFSET(bg_pvgpu_control, error_data, 0x128);
BG_WIRE_OFFSET(bg_pvgpu_control, display_width, 0x130);
BG_WIRE_OFFSET(bg_pvgpu_control, display_format, 0x13C);
BG_WIRE_OFFSET(bg_pvgpu_control, backend_sleeping, 0x140);
BG_WIRE_OFFSET(bg_pvgpu_control, reset_done, 0x144);
BG_WIRE_OFFSET(bg_pvgpu_control, error_count, 0x148);
BG_WIRE_OFFSET(bg_pvgpu_control, scanout_copied, 0x158);
BG_WIRE_OFFSET(bg_pvgpu_control, suppress_interrupts, 0x180);
BG_WIRE_OFFSET(bg_pvgpu_control, reset_request, 0x1C0);
BG_WIRE_OFFSET(bg_pvgpu_control, error_log, 0x200);
BG_WIRE_OFFSET(bg_pvgpu_control, error_text, 0x300);
BG_STATIC_ASSERT(sizeof(struct bg_pvgpu_control) <= BG_PVGPU_CONTROL_SIZE, "wire size");
BG_WIRE_SIZE(bg_pvgpu_message, 8);
BG_WIRE_SIZE(bg_pvgpu_handshake, 8);
BG_WIRE_SIZE(bg_pvgpu_identity, 8);
BG_WIRE_SIZE(bg_pvgpu_scanout_buffer, 24);
BG_WIRE_OFFSET(bg_pvgpu_scanout_buffer, slot_size, 8);
BG_WIRE_SIZE(bg_pvgpu_scanout, 40);
BG_WIRE_OFFSET(bg_pvgpu_scanout, damage_x, 24);
BG_WIRE_SIZE(bg_pvgpu_scanout_done, 8);
BG_STATIC_ASSERT(BG_PVGPU_HEAP_OFFSET == 0x1001000u, "wire value");

#endif
