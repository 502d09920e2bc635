/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A function on a stack of its own that may stop in the middle. Where it stopped may be kept, and
 * gone back to again and again, as the stack's bytes: only its own.
 */
#ifndef CUDA_CPU_DEVICE_COROUTINE_H
#define CUDA_CPU_DEVICE_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>

struct coroutine {
    unsigned char *stack; /* with a page below it that faults; NULL: there is none */
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

/* From one that runs to another: that is then who yields to who resumed the first. */
void coroutine_change(struct coroutine *from, struct coroutine *to);

/* The bytes of its stack that are in use. While it does not run. */
size_t coroutine_size(const struct coroutine *coroutine);
void coroutine_save(const struct coroutine *coroutine, void *bytes);
void coroutine_restore(struct coroutine *coroutine, const void *bytes, size_t size);

#endif
