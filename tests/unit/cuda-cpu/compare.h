/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel run twice, compiled and by the reference, on the same input. */
#ifndef TESTS_UNIT_CUDA_CPU_COMPARE_H
#define TESTS_UNIT_CUDA_CPU_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/device/launch.h"

#define COMPARE_HEAD ".version 8.6\n.target sm_90\n.address_size 64\n"

#define COMPARE_BYTES 131072 /* of the input, and of the output */

extern unsigned char compare_input[COMPARE_BYTES], compare_output[COMPARE_BYTES];

/* Kernels run with struct launch's is_alone; false at first. */
extern bool compare_is_alone;

/* The next number of a fixed sequence. */
uint64_t compare_random(void);
void compare_fill_input(void);

/* The kernel k(.param .u64 in, .param .u64 out) of one block, compiled. The output is zero at
 * first. */
enum launch_status compare_run(const char *text, unsigned threads, struct launch_fault *fault);

/* The text is refused, for this reason. */
void compare_refused(const char *text, const char *reason);

/* Both run well and write the same output, or the test fails and shows the text. */
void compare(const char *text, unsigned threads);

#endif
