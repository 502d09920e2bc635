/* SPDX-License-Identifier: BSD-2-Clause */
/* A function on a stack of its own that may stop in the middle. */
#ifndef CUDA_CPU_DEVICE_COROUTINE_H
#define CUDA_CPU_DEVICE_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

struct coroutine {
    void *stack; /* with a page below it that faults */
    size_t stack_size;
    void *pointer, *caller; /* stack pointers: its own, and that of who runs it */
};

/* False: no memory. */
bool coroutine_create(struct coroutine *coroutine, size_t stack_size);
void coroutine_destroy(struct coroutine *coroutine);

/* It will run function(argument) when it is first resumed, and must not return from it but by
 * yielding for good. What it ran before is forgotten. */
void coroutine_start(struct coroutine *coroutine, void (*function)(void *argument), void *argument);

/* Until it yields. */
void coroutine_resume(struct coroutine *coroutine);

/* Back to who resumed it. */
void coroutine_yield(struct coroutine *coroutine);

#endif
