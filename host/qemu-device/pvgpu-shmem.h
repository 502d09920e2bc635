/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvgpu: the POSIX shared-memory object, its name and its end.
 *
 * A name is /pvgpu_shmem_<process>_<count>. As long as the object is in use, the process that made
 * it holds a lock (flock) on it: one without is what a crash left, and is removed by the next
 * device that starts. The lock belongs to a descriptor of its own, which nobody else gets.
 */
#ifndef HW_MISC_BAREGPU_PVGPU_SHMEM_H
#define HW_MISC_BAREGPU_PVGPU_SHMEM_H

#include "protocol/pvgpu.h"

typedef struct PVGPUShmem {
    char name[64]; /* "" : there is none */
    int lock_fd;   /* holds the lock */
} PVGPUShmem;

/*
 * Makes an object of @size bytes, all zero, mode 0600. Returns a further descriptor of it, which
 * is the caller's to close, or -1. Removes what crashes have left, and says how many in @removed.
 * @reserve: takes all of its memory now, so that it cannot be missing later.
 */
int pvgpu_shmem_create(PVGPUShmem *shmem, uint64_t size, bool reserve, unsigned *removed,
                       Error **errp);

/* Removes it; what is mapped stays. Nothing happens when there is none. */
void pvgpu_shmem_remove(PVGPUShmem *shmem);

#endif
