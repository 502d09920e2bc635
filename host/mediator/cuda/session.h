/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest has of CUDA between INIT and END (protocol/cuda_command.h): the driver's objects by
 * the guest's handles, and the memory that its commands may touch. One thread, which has the
 * GPU's context; what streams do beside it reaches the guest through its page.
 *
 * The guest may change heap and page at any time: what is read there is copied once.
 */
#ifndef MEDIATOR_CUDA_SESSION_H
#define MEDIATOR_CUDA_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/mediator/compute/operation.h"
#include "host/mediator/compute/session.h"
#include "protocol/cublas.h"
#include "protocol/cuda_command.h"

struct cuda_stream {
    CUstream stream; /* NULL: there is none */
    bool is_busy;    /* had work when it was looked at last, or got some since */
    uint64_t mark;   /* the last one that it was given */
    /* A place in its work, which others wait for, and by which it is seen to get on. */
    CUevent joint;        /* NULL until it is needed */
    uint64_t joint_ns;    /* since when it is to come there; 0: it has, or is not to */
    uint32_t joint_count; /* of what is before that place, */
    uint32_t count;       /* and what is behind it: how much it was given */
};

/* Memory that commands may touch. */
struct cuda_range {
    uint64_t address, size;
    struct cuda_module *module; /* whose variable it is; NULL: memory that was allocated */
};

/* A texture or a surface, by the driver's number. */
struct cuda_object {
    uint64_t object; /* 0: there is none */
    bool is_surface;
};

struct cuda_session {
    struct session *session;
    const struct cuda_driver *driver;
    struct operation_heap heap;
    struct bg_cuda_page *page; /* NULL: there is none */
    CUresult error;            /* that ended everything; CUDA_SUCCESS: none */

    struct cuda_stream streams[BG_CUDA_STREAMS_MAX];
    uint32_t queued; /* operations in them, as far as is known */
    CUevent events[BG_CUDA_EVENTS_MAX];
    struct cuda_module *modules[BG_CUDA_MODULES_MAX];
    struct cuda_array *arrays[BG_CUDA_ARRAYS_MAX];
    struct cuda_object objects[BG_CUDA_OBJECTS_MAX];
    struct cuda_graph *graphs[BG_CUDA_GRAPHS_MAX];
    uint64_t changes; /* from 1: how often the guest gave back what graphs may name */

    struct cuda_range *ranges; /* by address */
    uint32_t range_count, range_capacity;

    /* What was staged, and the last answer if it was longer than there was room for. */
    uint8_t *stage, *answer;
    uint32_t stage_size, stage_total, answer_size;

    uint64_t limits[CU_LIMIT_MAX]; /* charged for them: what each was at the most */

    cublasHandle_t blas; /* NULL until it is used */
    CUstream own;        /* for what is waited for at once */
    CUstream looking;    /* for looks in between: it never waits */
    /* leave.h */
    CUstream leave;
    struct cuda_leaving *leaving, **leaving_end;
    uint32_t leaving_cost;
    struct cuda_print *print; /* print.h */
    /* mark.h */
    struct cuda_marks *marks;
    /* What a launch may ask for. */
    int32_t grid_max[3], block_max[3], threads_max;
};

/* CUDA_ERROR_NOT_SUPPORTED: another version, or a driver that is too old. */
CUresult cuda_session_create(struct session *session, const struct operation_heap *heap,
                             const struct bg_cuda_init *init, struct cuda_session **cuda);

/* Waits for what is under way, and gives everything back. */
void cuda_session_destroy(struct cuda_session *cuda);

CUresult cuda_session_describe(const struct cuda_session *cuda, struct bg_cuda_device *device);

/* Notes a result if it is the end of everything, and returns it. Every driver call that may tell of
 * what kernels did goes through it. */
CUresult cuda_check(struct cuda_session *cuda, CUresult result);

/* A command was not carried out, and nobody reads its result: the page has it. */
void cuda_session_tell_failure(struct cuda_session *cuda, CUresult result);

#endif
