/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the vgpu-stub's driver: for calls that have taken the device. */
#ifndef FIRMWARE_VGPU_VGPU_STUB_INTERNAL_H
#define FIRMWARE_VGPU_VGPU_STUB_INTERNAL_H

#include "baregpu/vgpu_stub.h"
#include "firmware/common/owner.h"

/* As bg_vgpu_stub_call. */
int vgpu_stub_call(struct bg_vgpu_stub *gpu, const struct bg_vgpu_stub_call *call,
                   uint64_t deadline_ns, struct bg_vgpu_stub_answer *answer);

#endif
