/* SPDX-License-Identifier: BSD-2-Clause */
/* Which file it was that something was made with. */
#ifndef CUDA_CPU_PTXC_SOURCE_H
#define CUDA_CPU_PTXC_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#define SOURCE_PATH_SIZE 256

struct source {
    char path[SOURCE_PATH_SIZE]; /* empty: none */
    uint64_t size, inode, modified_ns;
};

/* An empty path when there is no such file. */
struct source source_of(const char *path);

/* The same file is still there. There always is none. */
bool source_is_current(const struct source *source);

#endif
