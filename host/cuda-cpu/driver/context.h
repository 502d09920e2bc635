/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts, and which one each thread has. Under the driver's lock. */
#ifndef CUDA_CPU_DRIVER_CONTEXT_H
#define CUDA_CPU_DRIVER_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/device/memory.h"
#include "host/cuda-cpu/device/texture.h"
#include "host/cuda-cpu/driver/object.h"
#include "host/cuda-cpu/driver/print.h"
#include "protocol/cuda.h"

struct event;
struct levels;
struct module;
struct reference;
struct stream;
struct task;
struct texture_object;

struct context {
    struct object object;
    struct context *next; /* of all */
    uint64_t id;          /* no two ever have the same */
    unsigned flags;
    bool is_primary;
    unsigned uses;                   /* by cuCtxCreate and cuCtxAttach */
    CUresult error;                  /* what killed it: all calls answer with this */
    uint32_t stop;                   /* not 0: kernels are to end */
    _Atomic uint64_t launches;       /* that have begun */
    struct memory memory;            /* what its kernels may touch */
    struct heap *heap;               /* what they malloc from; NULL: none was launched yet */
    struct stream *legacy, *streams; /* all of them, the legacy one too */
    struct task *left; /* behind the work of streams that were destroyed; NULL: none is left */
    struct event *events;
    struct module *modules;
    struct levels *levels;    /* arrays */
    struct textures textures; /* of which its kernels have handles */
    struct texture_object *texture_objects;
    struct reference *references;
    struct print print; /* what its kernels say */
    size_t limits[CU_LIMIT_MAX];
    CUfunc_cache cache; /* what the program prefers */
};

/* The calling thread's; CUDA_ERROR_INVALID_CONTEXT, CUDA_ERROR_CONTEXT_IS_DESTROYED. */
CUresult context_current(struct context **context);

/* NULL stands for the current one. */
CUresult context_of_handle(CUcontext handle, struct context **context);

/* Until all is done that was asked for. */
CUresult context_wait(struct context *context);

/* Bytes were written by other than a kernel: for the checks. From any thread, without the lock. */
void context_written(struct context *context, const void *bytes, size_t size);

/* The first of all, which are behind each other. */
struct context *context_first(void);

/* Kernels of all contexts are to end. */
void context_stop_all(void);

#endif
