/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the fake GPU. */
#ifndef TESTS_FAKE_GPU_COMMAND_H
#define TESTS_FAKE_GPU_COMMAND_H

#include "tests/unit/fake_gpu.h"

/* Counts and prints what a driver must not do. */
bool fake_gpu_require(struct fake_gpu *fake, bool condition, const char *text);

/* Carries the request out and writes the answer behind its header. Returns the answer's type and
 * sets *written when it is longer than a header. */
uint32_t fake_gpu_execute(struct fake_gpu *fake, const struct virtio_gpu_ctrl_hdr *hdr,
                          const struct fake_virtio_request *request, uint32_t *written);

/* Frees resources, contexts and pictures: a reset. */
void fake_gpu_forget(struct fake_gpu *fake);

#endif
