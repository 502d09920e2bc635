/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the operations of protocol/compute.h have alike under both carriers, the mailbox
 * (vgpu_stub.h) and the ring (pvgpu.h). Everything here is callable from anywhere.
 */
#ifndef BAREGPU_COMPUTE_H
#define BAREGPU_COMPUTE_H

#include <stdint.h>

#include "baregpu/error.h"
#include "protocol/compute.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

/* Where an operand lies: in memory of the GPU, or, with pvgpu, in the heap (handle 0). */
struct bg_compute_operand {
    uint32_t handle;
    uint64_t offset; /* bytes; of vectors a multiple of the element size */
};

/* The error that stands for a status (enum bg_compute_status), 0 for BG_COMPUTE_OK; codes not known
 * here: BG_ERR_IO. */
int bg_compute_status_error(uint32_t status);

/* "queue full"; never NULL. */
const char *bg_compute_status_name(uint32_t status);

BG_END_DECLS

#endif
