/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all calls of the driver share: one lock, the settings, and how a call begins and ends.
 *
 * A call of the API is `return IN_CONTEXT(function(context, ...))`: with the lock held, and the
 * thread's current context, which had no error. Under the lock a function may touch everything
 * that is the driver's; where it waits or computes, the lock is released (task.h).
 */
#ifndef CUDA_CPU_DRIVER_DRIVER_H
#define CUDA_CPU_DRIVER_DRIVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/cuda.h"

struct context;
struct pool;

/* What the environment says. */
struct driver_settings {
    unsigned threads; /* BAREGPU_CUDA_THREADS: workers; 0: who calls computes */
    unsigned arch;    /* BAREGPU_CUDA_ARCH: 90 for sm_90 */
    uint64_t memory;  /* BAREGPU_CUDA_MEMORY: bytes of the device */
    uint64_t
        time_limit_ms; /* BAREGPU_CUDA_TIME_LIMIT: of a kernel, in ms of a processor; 0: none */
    uint64_t schedule; /* seed of the order of blocks and warps; 0: as they are */
    bool quiet;        /* BAREGPU_CUDA_QUIET: nothing on standard error */
    bool is_eager;     /* CUDA_MODULE_LOADING=EAGER: kernels are compiled when modules are loaded */
};

const struct driver_settings *driver_settings(void);

/* Host threads that kernels share, and what is kept between launches; NULL: there is no memory.
 * Under the lock. */
struct pool *driver_pool(void);

/* The calling thread's number, from 1. Under the lock. */
uint64_t driver_thread(void);

void driver_lock(void);
void driver_unlock(void);

/* Until it is signalled; the lock is held again afterwards. */
void driver_wait(pthread_cond_t *condition);

/* A line on standard error, of "cuda: ", or the host's. */
void driver_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Text for standard output, or the host's (extension.h). */
void driver_print(const char *text, size_t length);

/* There is a host, who takes it at once. */
bool driver_has_host(void);

/* What no stream is to the calling thread: CU_STREAM_LEGACY, or CU_STREAM_PER_THREAD. */
extern _Thread_local CUstream driver_default_stream;

/* From here on the thread's calls are errors, or are not: in a function that the driver calls. */
void driver_forbid(bool forbidden);

/* Locks. Behind cuInit; with a context that is current, and not NULL; that had no error. Whatever
 * is returned, the lock is held. */
CUresult driver_enter(void);
CUresult driver_enter_context(struct context **context);

/* The result. Who asks again and again whether something is ready lets those work who make it so.
 */
CUresult driver_yield(CUresult result);

#define IN_DRIVER(call)                                                                            \
    ({                                                                                             \
        CUresult result_ = driver_enter();                                                         \
        result_ = result_ == CUDA_SUCCESS ? (call) : result_;                                      \
        driver_unlock();                                                                           \
        result_;                                                                                   \
    })

#define IN_CONTEXT(call)                                                                           \
    ({                                                                                             \
        struct context *context __attribute__((unused));                                           \
        CUresult result_ = driver_enter_context(&context);                                         \
        result_ = result_ == CUDA_SUCCESS ? (call) : result_;                                      \
        driver_unlock();                                                                           \
        result_;                                                                                   \
    })

#endif
