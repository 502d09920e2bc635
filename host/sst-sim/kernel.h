/* SPDX-License-Identifier: BSD-2-Clause */
/* Discrete-event simulation: simulated time, and what is to happen when. */
#ifndef SST_SIM_KERNEL_H
#define SST_SIM_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_entry {
    uint64_t time_ns;
    uint64_t order; /* among entries of the same time */
    void (*function)(void *context, uint64_t value);
    uint64_t value;
};

/* All zero is a kernel at time 0 with nothing to do. */
struct kernel {
    uint64_t now_ns;
    uint64_t scheduled; /* entries, ever */
    struct kernel_entry *heap;
    size_t count, capacity;
};

/* `delay_ns` from now; time ends just before BG_SST_TIME_NEVER. False without memory. */
bool kernel_schedule(struct kernel *kernel, uint64_t delay_ns,
                     void (*function)(void *context, uint64_t value), uint64_t value);

/* When the next entry is due; BG_SST_TIME_NEVER. */
uint64_t kernel_next_ns(const struct kernel *kernel);

/* Moves time on to the next entry and calls it. There is one. */
void kernel_step(struct kernel *kernel, void *context);

/* Moves time on; nothing is due before. Never backwards. */
void kernel_advance(struct kernel *kernel, uint64_t time_ns);

/* Forgets all entries; time stays. */
void kernel_clear(struct kernel *kernel);

/* Frees what the kernel holds. */
void kernel_free(struct kernel *kernel);

#endif
