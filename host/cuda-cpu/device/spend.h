/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel's time limit holds in what its code calls, too: the code's fuel counts instructions
 * (compile/wait.h), of which a call is one, whatever it costs.
 */
#ifndef CUDA_CPU_DEVICE_SPEND_H
#define CUDA_CPU_DEVICE_SPEND_H

#include "host/cuda-cpu/device/warp.h"

/* For a call whose lanes take up to a microsecond each. */
#define SPEND_CALL ((uint32_t)WARP_LANES)

/* So many instructions' time is about to go. When as much went as a look at the clock is worth and
 * the kernel is to end, this does not return: nothing may be held. */
void spend(struct warp *warp, uint32_t instructions);

#endif
