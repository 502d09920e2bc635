/* SPDX-License-Identifier: BSD-2-Clause */
/* What kernels print: kept until the program synchronizes, then standard output's. */
#ifndef CUDA_CPU_DRIVER_PRINT_H
#define CUDA_CPU_DRIVER_PRINT_H

#include <pthread.h>
#include <stddef.h>

struct context;

/* Zeroed at first. */
struct print {
    pthread_mutex_t lock;
    char *text;
    size_t used, room;
};

/* From any thread. When there is more than the context's limit, it is written at once. */
void print_add(struct print *print, const char *text);

/* Under the driver's lock. */
void print_flush(struct context *context);

#endif
