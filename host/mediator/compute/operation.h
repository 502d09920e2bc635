/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compute operations of protocol/compute.h, whoever carried them: checked, computed by the
 * session's GPU. A carrier (stub/request.h for the mailbox, pvgpu/compute.c for the ring)
 * puts a request into this form and its outcome into its own. No input or output besides the
 * GPU's.
 *
 * A new operation is a row of operation.c's table and the function that it names. The commands of
 * protocol/cuda_command.h are host/mediator/cuda's.
 */
#ifndef MEDIATOR_OPERATION_H
#define MEDIATOR_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/mediator/compute/session.h"

#define OPERATION_RESULTS_MAX 2u

/* Memory that the guest shares: handle 0 names it. */
struct operation_heap {
    uint8_t *memory;     /* NULL: there is none, and handle 0 is no handle */
    uint64_t size;       /* bytes */
    gpu_address address; /* what the GPU calls it */
};

struct operation {
    uint32_t number; /* enum bg_compute_operation, or unknown */
    bool async;      /* need not have ended on return */
    bool is_silent;  /* nobody reads its results */
    uint32_t param_count;
    const uint32_t *params; /* the caller's copy */
    struct operation_heap heap;

    /*
     * The operation's data, and where its answer's data goes. With a heap both lie in it, checked
     * by the caller, and the GPU works on them in place; else they are the caller's memory, of
     * any alignment, with at most GPU_HOST_VECTOR_MAX elements.
     */
    const uint8_t *data;
    uint64_t data_size;
    uint8_t *answer;
    uint64_t answer_capacity;

    /* Out. */
    uint64_t answer_size;
    uint32_t result_count;
    uint32_t results[OPERATION_RESULTS_MAX];
};

enum operation_need {
    OPERATION_NEEDS_NOTHING, /* over at once */
    OPERATION_NEEDS_SESSION,
    OPERATION_NEEDS_LEASE, /* and a session with a context: it computes on the device */
};

/* As a row's words: the operation looks at how many there are by itself, or does not care. */
#define OPERATION_ANY_WORDS UINT32_MAX

struct operation_row {
    uint32_t words; /* parameters; another number is INVALID_REQUEST */
    enum operation_need needs;
    /* Whether it is over in microseconds on a CPU, as a mailbox request; NULL: never. */
    bool (*is_brief)(const uint32_t *params);
    enum bg_compute_status (*run)(struct session *session, struct operation *operation);
};

/* Whether it is in the range of cuda_command.h's, known or not. */
bool operation_is_cuda(uint32_t number);

/* NULL: there is no such operation. */
const struct operation_row *operation_find(uint32_t number);

/* row may be NULL: to refuse an operation is brief. */
bool operation_is_brief(const struct operation_row *row, uint32_t param_count,
                        const uint32_t *params);

/* session may be NULL for those that need nothing. */
enum bg_compute_status operation_run(struct session *session, struct operation *operation);

/* For logs: a name such as "INVALID_REQUEST". */
const char *operation_status_name(enum bg_compute_status status);

#endif
