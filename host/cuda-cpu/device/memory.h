/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's memory: which addresses a kernel may use. Device pointers are the host's. */
#ifndef CUDA_CPU_DEVICE_MEMORY_H
#define CUDA_CPU_DEVICE_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct check;

struct memory_range {
    uint64_t start, end; /* end: the first address behind it */
    bool read_only;
};

/* Ranges in the order of their addresses. Zeroed at first. From any thread. */
struct memory {
    pthread_rwlock_t lock;
    struct memory_range *ranges;
    size_t count, capacity;
    struct check *check; /* is told of what is added and removed; NULL: nobody is. The owner's */
};

/* False: no memory. The range is the caller's. */
bool memory_add(struct memory *memory, uint64_t start, uint64_t size, bool read_only);
void memory_remove(struct memory *memory, uint64_t start);
void memory_clear(struct memory *memory);

/* The range that holds all of these bytes. False: none does. */
bool memory_find(struct memory *memory, uint64_t address, uint64_t size,
                 struct memory_range *range);

#endif
