/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU device by the driver API, for a test. */
#ifndef TESTS_UNIT_CUDA_CPU_DRIVER_FIXTURE_H
#define TESTS_UNIT_CUDA_CPU_DRIVER_FIXTURE_H

#include "protocol/cuda.h"

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)

extern CUcontext primary; /* the device's, and current */
extern CUmodule module;

/* text: of the module; NULL: none. */
void open_device(const char *text);

/* For each test. */
int close_device(void **state);

/* The module's. */
CUfunction function(const char *name);

#endif
