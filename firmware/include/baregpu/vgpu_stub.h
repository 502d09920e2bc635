/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vgpu-stub device: requests of up to 1 KiB through a register mailbox, one at a time.
 *
 * All storage is in struct vgpu_stub, the caller's. Calls on one device are not reentrant and not
 * for interrupt handlers, except vgpu_stub_irq_take. Every wait ends at its deadline_ns, an
 * absolute hal_time_ns; the device itself gives up after 25 s.
 *
 * Errors are enum baregpu_error. What the device or its mediator said is in last_status (an
 * enum compute_status); compute_status_name names it. The device is not trusted: an answer is
 * copied once, then checked, then used; one against the protocol is BAREGPU_ERR_PROTOCOL.
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

struct vgpu_stub_identity {
    char pool;         /* 'A' or 'B' */
    uint32_t priority; /* enum vgpu_stub_priority */
    uint32_t vm_id;
    uint32_t protocol_version;
    uint32_t capabilities; /* VGPU_STUB_CAP_* */
};

/* A mailbox buffer's copy. */
union vgpu_stub_buffer {
    uint64_t words64[VGPU_STUB_BUFFER_SIZE / 8];
    uint32_t words32[VGPU_STUB_BUFFER_SIZE / 4];
    uint8_t bytes[VGPU_STUB_BUFFER_SIZE];
};

struct vgpu_stub {
    void *registers;                 /* BAR 0, mapped as device memory */
    const struct pci_device *device; /* NULL after vgpu_stub_attach */
    struct vgpu_stub_identity identity;
    uint32_t last_status; /* of the last request; COMPUTE_OK when its answer was malformed */
    uint32_t request_id;  /* of the last request */
    bool is_in_flight;    /* submitted, neither answered nor given up */
    /* How the calls wait; may be set at any time between them. Polls after vgpu_stub_open. Anything
     * else has an effect with vgpu_stub_interrupt_open only. */
    struct wait_strategy wait;
    uint64_t sleeps; /* made by waits */
    /* Private. */
    struct interrupt_source *source; /* NULL: polled */
    bool is_irq_on;
    union vgpu_stub_buffer request, response;
};

/* ---- Finding the device ---- */

/*
 * Turns on memory decoding of `device` (NULL: the first vgpu-stub of the host), maps its registers
 * and attaches. The host is enumerated. Returns 0, BAREGPU_ERR_NOT_FOUND (no such device, or its
 * BAR is not as it should be), or what pci_device_enable, pci_bar_map or vgpu_stub_attach return.
 */
int vgpu_stub_open(struct vgpu_stub *gpu, const struct pci_host *host,
                   const struct pci_device *device);

/*
 * The same for registers that the caller has found and mapped: reads the identity and checks it.
 * BAREGPU_ERR_UNSUPPORTED for another major protocol version or a device without basic requests.
 */
int vgpu_stub_attach(struct vgpu_stub *gpu, void *registers);

/* ---- Requests ---- */

struct vgpu_stub_bytes {
    const void *bytes;
    uint32_t length;
};

/* One request: parameters, then the two parts of the data one after the other. */
struct vgpu_stub_call {
    uint32_t operation; /* VGPU_STUB_OP_* or enum compute_operation */
    uint32_t flags;     /* VGPU_STUB_FLAG_* */
    const void *params; /* param_count uint32 */
    uint32_t param_count;
    struct vgpu_stub_bytes data[2];
};

/* Points into struct vgpu_stub: valid until the next submit. */
struct vgpu_stub_answer {
    uint32_t status; /* enum compute_status */
    uint32_t exec_time_us;
    uint64_t completed_us; /* QEMU's virtual clock */
    const uint32_t *results;
    uint32_t result_count;
    const void *data;
    uint32_t data_length; /* bytes */
};

/*
 * Sends a request and returns at once: 0, BAREGPU_ERR_TOO_LARGE when it does not fit the mailbox,
 * BAREGPU_ERR_BUSY while another is in flight. After a time-out the next submit makes the device
 * drop the old request; its answer, should it still come, is never taken for the new one's.
 */
int vgpu_stub_submit(struct vgpu_stub *gpu, const struct vgpu_stub_call *call);

/*
 * Looks once whether the request is done. BAREGPU_ERR_BUSY: not yet. Otherwise the request is over:
 * 0 and *answer (which may be NULL), or its error. BAREGPU_ERR_INVALID when none is in flight;
 * BAREGPU_ERR_UNAVAILABLE also when the device was reset or unplugged meanwhile.
 */
int vgpu_stub_poll(struct vgpu_stub *gpu, struct vgpu_stub_answer *answer);

/* Waits, as gpu->wait says, until the request is over. BAREGPU_ERR_TIMEOUT at the deadline: the
 * request is given up. */
int vgpu_stub_wait(struct vgpu_stub *gpu, uint64_t deadline_ns, struct vgpu_stub_answer *answer);

/* Submit and wait. */
int vgpu_stub_call(struct vgpu_stub *gpu, const struct vgpu_stub_call *call, uint64_t deadline_ns,
                   struct vgpu_stub_answer *answer);

/* Gives up the request in flight, if there is one, as a time-out does. */
void vgpu_stub_abandon(struct vgpu_stub *gpu);

/* "low", "medium", "high"; never NULL. */
const char *vgpu_stub_priority_name(uint32_t priority);

/* ---- Interrupt: INTx pin A. Optional: without it everything is polled ---- */

/* Owned by the caller, in use until vgpu_stub_interrupt_close. The counters of vector.source may be
 * read. */
struct vgpu_stub_interrupt_options {
    uint32_t cpu; /* that takes it, and where who waits should run; HAL_CPU_SELF */
};

struct vgpu_stub_interrupt {
    struct vgpu_stub *gpu;
    struct pci_interrupt pci;
    struct pci_interrupt_vector vector;
};

/*
 * Attaches the interrupt of a device that vgpu_stub_open has found; `options` may be NULL: this CPU.
 * Then gpu->wait may be WAIT_SLEEP or WAIT_SPIN_THEN_SLEEP. Errors: those of pci_interrupt_open;
 * INVALID without a PCI device. After one the device is polled.
 */
int vgpu_stub_interrupt_open(struct vgpu_stub_interrupt *interrupt, struct vgpu_stub *gpu,
                             const struct pci_host *host,
                             const struct vgpu_stub_interrupt_options *options);

/* Back to polling. Zeroes, or one that could not be opened, are fine. */
void vgpu_stub_interrupt_close(struct vgpu_stub_interrupt *interrupt);

/* What follows is for a handler of one's own: it calls vgpu_stub_irq_take. */

void vgpu_stub_irq_enable(struct vgpu_stub *gpu, bool enable);

/* True when a completion was pending; it is acknowledged. Callable from an interrupt handler. */
bool vgpu_stub_irq_take(struct vgpu_stub *gpu);

/* ---- Operations. `flags` are VGPU_STUB_FLAG_*; ASYNC has an effect where the text says so ---- */

int vgpu_stub_nop(struct vgpu_stub *gpu, uint64_t deadline_ns);

/* *sum = a + b modulo 2^32 */
int vgpu_stub_add_basic(struct vgpu_stub *gpu, uint32_t a, uint32_t b, uint32_t *sum,
                        uint64_t deadline_ns);

/* The most elements one inline vector addition carries: a and b have to fit a request. */
#define VGPU_STUB_VECTOR_MAX                                                                  \
    ((VGPU_STUB_BUFFER_SIZE - sizeof(struct vgpu_stub_request) -                              \
      sizeof(struct compute_vector_inline_params)) /                                          \
     8)

/*
 * c[i] = a[i] + b[i] for `count` elements of enum compute_element_type, 4 bytes each, in as many
 * requests as it takes. Floats are passed as memory: the library uses no floating-point registers.
 * After an error c is written up to a multiple of VGPU_STUB_VECTOR_MAX. c may be a or b. Nothing
 * is sent for a count of 0.
 */
int vgpu_stub_add_vectors(struct vgpu_stub *gpu, uint32_t element_type, const void *a,
                          const void *b, void *c, size_t count, uint32_t flags,
                          uint64_t deadline_ns);

int vgpu_stub_get_info(struct vgpu_stub *gpu, struct compute_device_info *info,
                       uint64_t deadline_ns);

/* ---- GPU memory. Handles live as long as the connection between device and mediator ---- */

int vgpu_stub_memory_alloc(struct vgpu_stub *gpu, uint64_t size, uint32_t *handle,
                           uint64_t deadline_ns);
int vgpu_stub_memory_free(struct vgpu_stub *gpu, uint32_t handle, uint64_t deadline_ns);

/* The most bytes one request carries to the device, and one answer back. */
#define VGPU_STUB_WRITE_MAX                                                                   \
    (VGPU_STUB_BUFFER_SIZE - sizeof(struct vgpu_stub_request) - sizeof(struct compute_copy_params))
#define VGPU_STUB_READ_MAX (VGPU_STUB_BUFFER_SIZE - sizeof(struct vgpu_stub_response))

/* To the device, in pieces of VGPU_STUB_WRITE_MAX; after an error some may have arrived. ASYNC:
 * returns when the pieces are accepted. */
int vgpu_stub_memory_write(struct vgpu_stub *gpu, uint32_t handle, uint64_t offset,
                           const void *bytes, size_t size, uint32_t flags, uint64_t deadline_ns);

/* From the device, in pieces of VGPU_STUB_READ_MAX. */
int vgpu_stub_memory_read(struct vgpu_stub *gpu, uint32_t handle, uint64_t offset, void *bytes,
                          size_t size, uint32_t flags, uint64_t deadline_ns);

/* Inside the device, in one request; ranges may overlap. ASYNC: returns when accepted. */
int vgpu_stub_memory_copy(struct vgpu_stub *gpu, uint32_t to, uint64_t to_offset, uint32_t from,
                          uint64_t from_offset, uint64_t size, uint32_t flags,
                          uint64_t deadline_ns);

/* c[i] = a[i] + b[i] in GPU memory. ASYNC: returns when accepted. */
int vgpu_stub_vector_add(struct vgpu_stub *gpu, uint32_t element_type, struct compute_operand c,
                         struct compute_operand a, struct compute_operand b, uint64_t count,
                         uint32_t flags, uint64_t deadline_ns);

/* Waits for all asynchronous operations; returns the first error among them, once. */
int vgpu_stub_synchronize(struct vgpu_stub *gpu, uint64_t deadline_ns);

BG_END_DECLS

#endif
