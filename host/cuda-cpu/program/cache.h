/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler's answers of before, in a directory of the user's: what was loaded and compiled once
 * needs no compiler. Whoever can write there can run code as that user, so the directory is nobody
 * else's; and one that tenants shared would tell them of each other.
 *
 * One for the process; none until it is opened.
 */
#ifndef CUDA_CPU_PROGRAM_CACHE_H
#define CUDA_CPU_PROGRAM_CACHE_H

#include "host/cuda-cpu/ptxc/compiler.h"

#define CACHE_SIZE ((uint64_t)256 << 20)

/* Made if it is not there. The oldest entries go when all are larger than `size` bytes. False: the
 * directory cannot be used, or is not the user's alone, and there is no cache. */
bool cache_open(const char *directory, uint64_t size);

/* The directory that BAREGPU_CUDA_CACHE names, "0" for none; else baregpu/cuda in the user's own
 * (XDG_CACHE_HOME, or ~/.cache). With BAREGPU_CUDA_CACHE_SHARED=1 the one that is named is somebody
 * else's whom the user trusts, and nobody else can write there: it is only read. */
void cache_open_default(void);

void cache_close(void);

/* False: there is none, or it is not what it was, or something that it was made with has changed.
 * From any thread, as is cache_keep. */
bool cache_find(const struct compile_request *request, struct compile_answer *answer);

/* Without an error: then it is made again. */
void cache_keep(const struct compile_request *request, const struct compile_answer *answer);

#endif
