/* SPDX-License-Identifier: BSD-2-Clause */
/* The operations of protocol/compute.h, without their carrier: parameters and answers. */
#ifndef FIRMWARE_VGPU_COMPUTE_H
#define FIRMWARE_VGPU_COMPUTE_H

#include "baregpu/compute.h"

#define COMPUTE_WORDS(params) ((uint32_t)(sizeof(params) / sizeof(uint32_t)))

/* BG_COMPUTE_MEMORY_ALLOC */
struct bg_compute_alloc_params bg_compute_pack_alloc(uint64_t size);

/* BG_COMPUTE_MEMORY_COPY; `kind` is an enum bg_compute_copy_kind, whose host side is all zeroes in
 * the mailbox. */
struct bg_compute_copy_params bg_compute_pack_copy(uint32_t kind, struct bg_compute_operand to,
                                                   struct bg_compute_operand from, uint64_t size);

/* BG_COMPUTE_VECTOR_ADD_MEMORY */
struct bg_compute_vector_memory_params bg_compute_pack_vector_add(uint32_t element_type,
                                                                  struct bg_compute_operand c,
                                                                  struct bg_compute_operand a,
                                                                  struct bg_compute_operand b,
                                                                  uint64_t count);

/* BG_COMPUTE_GET_DEVICE_INFO: `length` bytes of an answer, which others may still write. Its name
 * is ended. PROTOCOL: it is too short. */
int bg_compute_take_info(struct bg_compute_device_info *info, const void *answer, uint32_t length);

#endif
