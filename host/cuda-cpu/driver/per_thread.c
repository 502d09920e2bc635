/* SPDX-License-Identifier: BSD-2-Clause */
/* The API for programs to which no stream is the thread's own one. */
#include "host/cuda-cpu/driver/driver.h"

#define PER_THREAD(name, version, symbol, parameters, arguments)                                   \
    CUresult symbol parameters;                                                                    \
    CUresult symbol parameters                                                                     \
    {                                                                                              \
        CUresult result;                                                                           \
                                                                                                   \
        driver_default_stream = CU_STREAM_PER_THREAD;                                              \
        result = name arguments;                                                                   \
        driver_default_stream = CU_STREAM_LEGACY;                                                  \
        return result;                                                                             \
    }
#include "host/cuda-cpu/driver/per_thread.def"
