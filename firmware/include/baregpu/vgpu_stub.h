/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vgpu-stub device: requests of up to 1 KiB through a register mailbox, one at a time.
 *
 * All storage is in struct bg_vgpu_stub, the caller's. Calls on one device are not reentrant and
 * not for interrupt handlers, except bg_vgpu_stub_irq_take: one that comes into another returns
 * BUSY and does nothing. Every wait ends at its deadline_ns, an
 * absolute bg_hal_time_ns; the device itself gives up after 25 s.
 *
 * Errors are enum bg_error. What the device or its mediator said is in last_status (an
 * enum bg_compute_status); bg_compute_status_name names it. The device is not trusted: an answer is
 * copied once, then checked, then used; one against the protocol is BG_ERR_PROTOCOL.
 */
#ifndef BAREGPU_VGPU_STUB_H
#define BAREGPU_VGPU_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/compute.h"
#include "baregpu/error.h"
#include "baregpu/pci_ecam.h"
#include "baregpu/pci_interrupt.h"
#include "baregpu/wait.h"
#include "protocol/decls.h"
#include "protocol/vgpu_stub.h"

BG_BEGIN_DECLS

struct bg_vgpu_stub_identity {
    char pool;         /* 'A' or 'B' */
    uint32_t priority; /* enum bg_vgpu_stub_priority */
    uint32_t vm_id;
    uint32_t protocol_version;
    uint32_t capabilities; /* VGPU_STUB_CAP_* */
};

/* A mailbox buffer's copy. */
union bg_vgpu_stub_buffer {
    uint64_t words64[BG_VGPU_STUB_BUFFER_SIZE / 8];
    uint32_t words32[BG_VGPU_STUB_BUFFER_SIZE / 4];
    uint8_t bytes[BG_VGPU_STUB_BUFFER_SIZE];
};

struct bg_vgpu_stub {
    void *registers;                /* BAR 0, mapped as device memory */
    const struct bg_pci_host *host; /* both NULL after bg_vgpu_stub_attach */
    const struct bg_pci_device *device;
    struct bg_vgpu_stub_identity identity;
    uint32_t last_status; /* of the last request; BG_COMPUTE_OK when its answer was malformed */
    uint32_t request_id;  /* of the last request */
    bool is_in_flight;    /* submitted, neither answered nor given up */
    /* How the calls wait; may be set at any time between them. Polls after bg_vgpu_stub_open.
     * Anything else has an effect with bg_vgpu_stub_interrupt_open only. */
    struct bg_wait_strategy wait;
    uint64_t sleeps; /* made by waits */
    /* Private. */
    struct bg_interrupt_source *source; /* NULL: polled */
    bool is_irq_on;
    uint32_t owner; /* the call under way */
    union bg_vgpu_stub_buffer request, response;
};

/* ---- Finding the device ---- */

/*
 * Turns on memory decoding of `device` (NULL: the first vgpu-stub of the host), maps its registers
 * and attaches. The host is enumerated. Returns 0, BG_ERR_NOT_FOUND (no such device, or its
 * BAR is not as it should be), or what bg_pci_device_enable, bg_pci_bar_map or bg_vgpu_stub_attach
 * return.
 */
int bg_vgpu_stub_open(struct bg_vgpu_stub *gpu, const struct bg_pci_host *host,
                      const struct bg_pci_device *device);

/*
 * The same for registers that the caller has found and mapped: reads the identity and checks it.
 * BG_ERR_UNSUPPORTED for another major protocol version or a device without basic requests.
 */
int bg_vgpu_stub_attach(struct bg_vgpu_stub *gpu, void *registers);

/* ---- Requests ---- */

struct bg_vgpu_stub_bytes {
    const void *bytes;
    uint32_t length;
};

/* One request: parameters, then the two parts of the data one after the other. */
struct bg_vgpu_stub_call {
    uint32_t operation; /* VGPU_STUB_OP_* or enum bg_compute_operation */
    uint32_t flags;     /* VGPU_STUB_FLAG_* */
    const void *params; /* param_count uint32 */
    uint32_t param_count;
    struct bg_vgpu_stub_bytes data[2];
};

/* Points into struct bg_vgpu_stub: valid until the next submit. */
struct bg_vgpu_stub_answer {
    uint32_t status; /* enum bg_compute_status */
    uint32_t exec_time_us;
    uint64_t completed_us; /* QEMU's virtual clock */
    const uint32_t *results;
    uint32_t result_count;
    const void *data;
    uint32_t data_length; /* bytes */
};

/*
 * Sends a request and returns at once: 0, BG_ERR_TOO_LARGE when it does not fit the mailbox,
 * BG_ERR_BUSY while another is in flight. After a time-out the next submit makes the device
 * drop the old request; its answer, should it still come, is never taken for the new one's.
 */
int bg_vgpu_stub_submit(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call);

/*
 * Looks once whether the request is done. BG_ERR_BUSY: not yet. Otherwise the request is over:
 * 0 and *answer (which may be NULL), or its error. BG_ERR_INVALID when none is in flight;
 * BG_ERR_UNAVAILABLE also when the device was reset or unplugged meanwhile.
 */
int bg_vgpu_stub_poll(struct bg_vgpu_stub *gpu, struct bg_vgpu_stub_answer *answer);

/* Waits, as gpu->wait says, until the request is over. BG_ERR_TIMEOUT at the deadline: the
 * request is given up. */
int bg_vgpu_stub_wait(struct bg_vgpu_stub *gpu, uint64_t deadline_ns,
                      struct bg_vgpu_stub_answer *answer);

/* Submit and wait. */
int bg_vgpu_stub_call(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call,
                      uint64_t deadline_ns, struct bg_vgpu_stub_answer *answer);

/* Gives up the request in flight, if there is one, as a time-out does. */
void bg_vgpu_stub_abandon(struct bg_vgpu_stub *gpu);

/* "low", "medium", "high"; never NULL. */
const char *bg_vgpu_stub_priority_name(uint32_t priority);

/* ---- Interrupt: INTx pin A. Optional: without it everything is polled ---- */

/* All zeroes: the device's pin, on the CPU that makes the call. */
struct bg_vgpu_stub_interrupt_options {
    uint32_t cpu;       /* that takes it, as for bg_hal_interrupt_attach */
    uint32_t forbidden; /* BG_PCI_INTERRUPT_BIT(kind) */
    /* Called from the interrupt handler for each completion; may be NULL. */
    void (*handler)(void *context);
    void *context;
    /* Instead of the PCI function's: one that the kernel has set up itself, as it must be after
     * bg_vgpu_stub_attach; the caller's, zeroed, one for all devices that share it. */
    struct bg_interrupt_line *line;
    uint32_t interrupt; /* the kernel's number */
    enum bg_hal_trigger trigger;
};

/* Owned by the caller, in use until bg_vgpu_stub_interrupt_close. The counters of vector.source may
 * be read. */
struct bg_vgpu_stub_interrupt {
    struct bg_vgpu_stub *gpu;
    struct bg_pci_interrupt pci;
    struct bg_pci_interrupt_vector vector;
};

/*
 * Attaches the device's interrupt; `options` NULL: all zeroes. Then gpu->wait may be one that
 * sleeps. Errors: those of bg_pci_interrupt_open, which after bg_vgpu_stub_attach is INVALID
 * without a line. After one the device is polled.
 */
int bg_vgpu_stub_interrupt_open(struct bg_vgpu_stub_interrupt *interrupt, struct bg_vgpu_stub *gpu,
                                const struct bg_vgpu_stub_interrupt_options *options);

/* Back to polling. Zeroes, or one that could not be opened, are fine. */
void bg_vgpu_stub_interrupt_close(struct bg_vgpu_stub_interrupt *interrupt);

/* What follows is for a handler of one's own: it calls bg_vgpu_stub_irq_take. */

void bg_vgpu_stub_irq_enable(struct bg_vgpu_stub *gpu, bool enable);

/* True when a completion was pending; it is acknowledged. Callable from an interrupt handler. */
bool bg_vgpu_stub_irq_take(struct bg_vgpu_stub *gpu);

/* ---- Operations. `flags` are VGPU_STUB_FLAG_*; ASYNC has an effect where the text says so ---- */

int bg_vgpu_stub_nop(struct bg_vgpu_stub *gpu, uint64_t deadline_ns);

/* *sum = a + b modulo 2^32 */
int bg_vgpu_stub_add_basic(struct bg_vgpu_stub *gpu, uint32_t a, uint32_t b, uint32_t *sum,
                           uint64_t deadline_ns);

/* The most elements one inline vector addition carries: a and b have to fit a request. */
#define BG_VGPU_STUB_VECTOR_MAX                                                                    \
    ((BG_VGPU_STUB_BUFFER_SIZE - sizeof(struct bg_vgpu_stub_request) -                             \
      sizeof(struct bg_compute_vector_inline_params)) /                                            \
     8)

/*
 * c[i] = a[i] + b[i] for `count` elements of enum bg_compute_element_type, 4 bytes each, in as many
 * requests as it takes. Floats are passed as memory: the library uses no floating-point registers.
 * After an error c is written up to a multiple of BG_VGPU_STUB_VECTOR_MAX. c may be a or b. Nothing
 * is sent for a count of 0.
 */
int bg_vgpu_stub_add_vectors(struct bg_vgpu_stub *gpu, uint32_t element_type, const void *a,
                             const void *b, void *c, size_t count, uint32_t flags,
                             uint64_t deadline_ns);

int bg_vgpu_stub_get_info(struct bg_vgpu_stub *gpu, struct bg_compute_device_info *info,
                          uint64_t deadline_ns);

/* ---- GPU memory. Handles live as long as the connection between device and mediator ---- */

int bg_vgpu_stub_memory_alloc(struct bg_vgpu_stub *gpu, uint64_t size, uint32_t *handle,
                              uint64_t deadline_ns);
int bg_vgpu_stub_memory_free(struct bg_vgpu_stub *gpu, uint32_t handle, uint64_t deadline_ns);

/* The most bytes one request carries to the device, and one answer back. */
#define BG_VGPU_STUB_WRITE_MAX                                                                     \
    (BG_VGPU_STUB_BUFFER_SIZE - sizeof(struct bg_vgpu_stub_request) -                              \
     sizeof(struct bg_compute_copy_params))
#define BG_VGPU_STUB_READ_MAX (BG_VGPU_STUB_BUFFER_SIZE - sizeof(struct bg_vgpu_stub_response))

/* To the device, in pieces of BG_VGPU_STUB_WRITE_MAX; after an error some may have arrived. ASYNC:
 * returns when the pieces are accepted. */
int bg_vgpu_stub_memory_write(struct bg_vgpu_stub *gpu, uint32_t handle, uint64_t offset,
                              const void *bytes, size_t size, uint32_t flags, uint64_t deadline_ns);

/* From the device, in pieces of BG_VGPU_STUB_READ_MAX. */
int bg_vgpu_stub_memory_read(struct bg_vgpu_stub *gpu, uint32_t handle, uint64_t offset,
                             void *bytes, size_t size, uint32_t flags, uint64_t deadline_ns);

/* Inside the device, in one request; ranges may overlap. ASYNC: returns when accepted. */
int bg_vgpu_stub_memory_copy(struct bg_vgpu_stub *gpu, uint32_t to, uint64_t to_offset,
                             uint32_t from, uint64_t from_offset, uint64_t size, uint32_t flags,
                             uint64_t deadline_ns);

/* c[i] = a[i] + b[i] in GPU memory. ASYNC: returns when accepted. */
int bg_vgpu_stub_vector_add(struct bg_vgpu_stub *gpu, uint32_t element_type,
                            struct bg_compute_operand c, struct bg_compute_operand a,
                            struct bg_compute_operand b, uint64_t count, uint32_t flags,
                            uint64_t deadline_ns);

/* Waits for all asynchronous operations; returns the first error among them, once. */
int bg_vgpu_stub_synchronize(struct bg_vgpu_stub *gpu, uint64_t deadline_ns);

BG_END_DECLS

#endif
