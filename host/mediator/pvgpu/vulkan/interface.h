/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a shader takes and gives, read from its SPIR-V; and what of SPIR-V a guest may use. The
 * module has passed spirv-val for Vulkan; a malformed one is refused all the same, and never read
 * out of bounds. Pure.
 */
#ifndef MEDIATOR_PVGPU_VULKAN_INTERFACE_H
#define MEDIATOR_PVGPU_VULKAN_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan_core.h>

#include "protocol/pvgpu.h"
#include "protocol/pvgpu_draw.h"

#define INTERFACE_BINDINGS_END (BG_PVGPU_BINDING_UNORDERED_ACCESS + BG_PVGPU_UNORDERED_ACCESS_MAX)
#define INTERFACE_LOCATIONS 32u
#define INTERFACE_IDS_MAX 0x40000u   /* a module's bound */
#define INTERFACE_PRIVATE_MAX 65536u /* bytes of an invocation's own variables: 4096 registers */

/* One slot of a shader. */
struct interface_binding {
    uint32_t binding; /* in the shader's descriptor set, BG_PVGPU_BINDING_* and the slot */
    VkDescriptorType type;
    VkImageViewType view; /* of an image */
    bool multisampled;
};

enum interface_class { INTERFACE_FLOAT, INTERFACE_SINT, INTERFACE_UINT };

/* What a hull or a domain shader says of patches: enum spirv_execution_mode; 0: nothing. */
struct interface_patch {
    uint32_t domain, spacing, order;
};

struct interface {
    uint32_t binding_count;
    struct interface_binding bindings[INTERFACE_BINDINGS_END]; /* each once, in no order */
    uint32_t inputs, outputs;                                  /* a bit for each location */
    enum interface_class input_class[INTERFACE_LOCATIONS];     /* of a vertex shader */
    uint32_t second_output;  /* the word that says location 1 of a pixel shader's output; 0: none */
    uint32_t input_vertices; /* of a geometry shader's primitives: 1, 2, 3, 4 or 6 */
    bool counts;             /* uses the number of a primitive, or of a draw */
    struct interface_patch patch;
};

/* What the device can do. */
struct interface_limits {
    bool geometry, tessellation;
    bool float64, int64, int16;
    bool read_without_format;                               /* of storage images */
    uint32_t group_size[3], group_invocations, shared_size; /* VkPhysicalDeviceLimits */
    uint32_t patch_points;
};

/*
 * Of `main` for `stage` in `words`. False with a reason, of at most `size` bytes with its NUL, that
 * says what is wrong.
 */
bool interface_read(struct interface *interface, const uint32_t *words, size_t count,
                    enum bg_pvgpu_stage stage, const struct interface_limits *limits, char *reason,
                    size_t size);

/* Whether its bindings are slots, and of their types: of one that comes from elsewhere. */
bool interface_is_sound(const struct interface *interface);

#endif
