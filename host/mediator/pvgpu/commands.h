/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which commands there are, how long each is at least, and what it needs. The dispatch of
 * everything but FENCE, WAIT_FENCE and FLUSH, which are the consumer's.
 */
#ifndef MEDIATOR_PVGPU_COMMANDS_H
#define MEDIATOR_PVGPU_COMMANDS_H

#include "host/mediator/pvgpu/context.h"
#include "host/mediator/pvgpu/display.h"

/* What our backend has, whoever the device is (see PVGPU_FEATURE_*). */
#define PVGPU_COMMANDS_FEATURES                                                                    \
    (BG_PVGPU_FEATURE_D3D11 | BG_PVGPU_FEATURE_VSYNC | BG_PVGPU_FEATURE_TRIPLE_BUFFER |            \
     BG_PVGPU_FEATURE_CONTROL_WORDS | BG_PVGPU_FEATURE_COMPUTE | BG_PVGPU_FEATURE_REGIONS |        \
     BG_PVGPU_FEATURE_CUDA)

/* Of a whole command. */
enum pvgpu_command_kind pvgpu_command_classify(struct pvgpu_context *context, const void *command);

/* Runs a STATE, WORK or PRESENT command. */
struct pvgpu_outcome pvgpu_command_run(struct pvgpu_context *context,
                                       struct bg_pvgpu_display *display,
                                       struct bg_pvgpu_control *control, const void *command,
                                       uint64_t now_ns);

#endif
