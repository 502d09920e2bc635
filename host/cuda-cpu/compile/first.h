/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block with which a kernel begins, where it only computes: all 32 lanes do that, also in a
 * warp that has fewer, as nobody ever looks at what the others find. So it needs no code under a
 * mask, which for the few instructions that most kernels begin with, and compare in steps, was a
 * third of a short one's compilation.
 */
#ifndef CUDA_CPU_COMPILE_FIRST_H
#define CUDA_CPU_COMPILE_FIRST_H

#include <stdbool.h>

struct emitter;

/* Whether the emitter's block is one. Lanes that are there are in %apart at its end. */
bool first_is_whole(const struct emitter *emitter);

/* Whether the function reads nothing that it has not set. Of one that is very large that is not
 * known: false. */
bool first_begins_anew(const struct emitter *emitter);

#endif
