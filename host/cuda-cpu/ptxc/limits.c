/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptxc/compiler.h"

const struct compile_limits compile_default_limits = {
    .text = UINT64_C(64) << 20,
    .ir = UINT64_C(64) << 20,
    .answer = UINT64_C(256) << 20,
    .memory = UINT64_C(2) << 30,
    .patience = 10,
    .processor = 60,
    .time = 120000,
};
