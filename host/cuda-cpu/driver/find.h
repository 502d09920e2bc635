/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions by their names. */
#ifndef CUDA_CPU_DRIVER_FIND_H
#define CUDA_CPU_DRIVER_FIND_H

struct find_row {
    const char *name; /* NULL: the end */
    int version;      /* of CUDA, from which on it is so: 12020 is 12.2 */
    void (*function)(void);
};

extern const struct find_row find_old[]; /* old.c */

#endif
