/* SPDX-License-Identifier: BSD-2-Clause */
/* What the API has and this device has not. Arguments are not looked at: none is declared. */
#include "protocol/cuda_result.h"

#define UNSUPPORTED(name)                                                                          \
    CUresult name(void);                                                                           \
    CUresult name(void)                                                                            \
    {                                                                                              \
        return CUDA_ERROR_NOT_SUPPORTED;                                                           \
    }
#include "host/cuda-cpu/driver/unsupported.def"
