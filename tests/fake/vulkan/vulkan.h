/* SPDX-License-Identifier: BSD-2-Clause */
/* Draws of so many vertices lose the device of tests/fake/vulkan. */
#ifndef TESTS_FAKE_VULKAN_VULKAN_H
#define TESTS_FAKE_VULKAN_VULKAN_H

#define FAKE_VULKAN_LOST_IN_SUBMIT 999u
#define FAKE_VULKAN_LOST_IN_WAIT 996u

#endif
