/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(PVGPU_VULKAN_SRC)
// libs: -ldl $(SPIRV_LIBS) -lseccomp
/* The same commands on Vulkan: resources, copies, byte by byte what they are on the CPU device. */
#define PVGPU_TEST_VULKAN 1
#define PVGPU_TEST_MOVED 1
#include "tests/unit/mediator/pvgpu_commands_test.c"
