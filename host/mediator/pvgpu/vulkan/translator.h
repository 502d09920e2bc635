/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that reads shaders (program.h): libvkd3d-shader ends by assertions, and nobody knows
 * how long a module can keep a validator busy. Each shader is read by a child of its own, in a jail
 * with nothing in it, with its time limited: what a guest sends costs it that shader, not its
 * session.
 */
#ifndef MEDIATOR_PVGPU_VULKAN_TRANSLATOR_H
#define MEDIATOR_PVGPU_VULKAN_TRANSLATOR_H

#include "host/mediator/pvgpu/vulkan/program.h"

#define TRANSLATOR_CPU_S 5 /* seconds of a processor that a shader may take */

struct translator;

/* Before the caller's own jail, with one thread; the process ends with the caller. NULL with errno.
 */
struct translator *translator_start(void);
void translator_stop(struct translator *translator); /* NULL is fine */

/* program_read, over there. size: 1 to BG_PVGPU_SHADER_SIZE_MAX. NULL: no shader is taken. */
bool translator_read(struct translator *translator, struct program *program, const void *bytecode,
                     uint32_t size, enum bg_pvgpu_stage stage,
                     const struct interface_limits *limits, char reason[PROGRAM_REASON_MAX]);

#endif
