/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's bytecode as SPIR-V that a driver may have: translated from DXBC where it is that,
 * validated by spirv-tools, and read (interface.h). No Vulkan yet.
 */
#ifndef MEDIATOR_PVGPU_VULKAN_PROGRAM_H
#define MEDIATOR_PVGPU_VULKAN_PROGRAM_H

#include "host/mediator/pvgpu/vulkan/interface.h"

#define PROGRAM_SEMANTIC_MAX 63u /* bytes of a name */
/* Bytes of what was wrong, with its NUL. */
#define PROGRAM_REASON_MAX BG_PVGPU_ERROR_TEXT_SIZE

struct program_input {
    char name[PROGRAM_SEMANTIC_MAX + 1];
    uint32_t index, location;
};

struct program {
    uint32_t *words; /* program_free's */
    size_t count;
    struct interface interface;
    bool named; /* DXBC: a vertex shader's inputs are found by semantic, not by location */
    uint32_t input_count;
    struct program_input inputs[INTERFACE_LOCATIONS];
};

/* `words` and `count` from `size` bytes. False: no memory. */
bool program_copy_words(struct program *program, const void *bytes, size_t size);

/* The program's words with its output of location 1 as the second source of location 0: the
 * caller's to free, four more than there were. NULL: it has none, or no memory. */
uint32_t *program_make_dual(const struct program *program);

/* points.c: a vertex shader's words with points of one pixel, unless it says another size: the
 * caller's to free. NULL: no memory, or not words that passed program_read. */
uint32_t *program_make_points(const struct program *program, size_t *count);

/* By libvkd3d-shader: `words` and the names of inputs; not yet checked. */
bool dxbc_translate(const void *bytecode, size_t size, enum bg_pvgpu_stage stage,
                    struct program *program, char reason[PROGRAM_REASON_MAX]);

/* `bytecode` is private, aligned to 4, and `size` bytes long. False with one line that says what is
 * wrong; *program is then empty. */
bool program_read(struct program *program, const void *bytecode, size_t size,
                  enum bg_pvgpu_stage stage, const struct interface_limits *limits,
                  char reason[PROGRAM_REASON_MAX]);
void program_free(struct program *program);

#endif
