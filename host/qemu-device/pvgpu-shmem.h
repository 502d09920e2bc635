/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pvgpu: the shared memory.
 *
 * It is a memfd that nobody can shrink, since whoever reads behind a file's end is killed (SIGBUS).
 * Backends of this project get its descriptor. An older one opens a POSIX object by the name that
 * it is told, and cannot be known before it has answered: the object is there for it, empty but for
 * the control region, and becomes the memory when such a backend has answered. It can shrink that.
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
    bool is_named; /* the object is the memory */
} PVGPUShmem;

/*
 * Makes @size bytes of memory, all zero; returns its descriptor, which is the caller's to close, or
 * -1. @reserve: takes all of it now, so that it cannot be missing later. @named: and an object of
 * mode 0600 with a name; without it there is only the name. Removes what crashes have left, and
 * says how many in @removed.
 */
int pvgpu_shmem_create(PVGPUShmem *shmem, uint64_t size, bool reserve, bool named,
                       unsigned *removed, Error **errp);

/* Puts the control region into the object, for a backend that looks at it before it answers. */
bool pvgpu_shmem_describe(PVGPUShmem *shmem, const struct bg_pvgpu_control *control, Error **errp);

/*
 * Makes the object the memory: reserves it, copies @memory there and maps it in its place. Nobody
 * writes to @memory meanwhile. Returns the object's descriptor, which is the caller's, or -1: all
 * is as it was.
 */
int pvgpu_shmem_move_to_name(PVGPUShmem *shmem, void *memory, uint64_t size, Error **errp);

/* Removes it; what is mapped stays. Nothing happens when there is none. */
void pvgpu_shmem_remove(PVGPUShmem *shmem);

#endif
