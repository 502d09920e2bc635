/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver of a GPU that draws opens once it is in a jail. */
#ifndef MEDIATOR_PVGPU_VULKAN_FILES_H
#define MEDIATOR_PVGPU_VULKAN_FILES_H

#include "host/common/jail.h"

#define VULKAN_NO_NODE (-1)

/*
 * Behind vulkan_open: where this process has its libraries from, the driver's and those that it
 * needs, and the driver may open more of; its description and its settings; and the GPU's
 * /dev/dri/renderD`node`, no other's. The list is this function's, and is so until it is called
 * again. What is too much for it is left out.
 */
const struct jail_path *vulkan_files_find(int node);

#endif
