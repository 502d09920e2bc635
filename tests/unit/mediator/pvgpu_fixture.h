/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pvgpu session, and commands to it; included by one test program each. On the CPU device; with
 * PVGPU_TEST_VULKAN it may draw, and with PVGPU_TEST_MOVED it begins on Vulkan. Each command has
 * ended when it is looked at.
 */
#ifndef TESTS_UNIT_MEDIATOR_PVGPU_FIXTURE_H
#define TESTS_UNIT_MEDIATOR_PVGPU_FIXTURE_H

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/mediator/pvgpu/commands.h"
#include "tests/unit/mediator/test_gpu.h"

#define HEAP_SIZE 65536u /* exactly what is allocated: a byte beyond is ASan's */
#define HEAP_ALIGN 4096u /* to be imported */
#define MEMORY_LIMIT (UINT64_C(1) << 20)

#ifdef PVGPU_TEST_VULKAN
#include "host/mediator/pvgpu/vulkan/renderer.h"
#include "host/mediator/pvgpu/vulkan/translator.h"

static struct vulkan *vulkan; /* one for all tests of a program: making it takes long */
#define DRAWS true

/* What a driver keeps until its process ends is not for these tests to find: Mesa 25 does. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libvulkan_lvp.so\n";
}
#else
#define DRAWS false
#endif

static struct pvgpu_context context;
static struct bg_pvgpu_display display;
static struct bg_pvgpu_control control;
static uint8_t *heap;

/* False: there is nothing to test on. */
static inline bool open_renderer(void)
{
#ifdef PVGPU_TEST_VULKAN
    char reason[VULKAN_REASON_SIZE];

    /* Mesa's driver keeps what it compiles by, also for those who look for leaks: it stays. */
    dlopen("libvulkan_lvp.so", RTLD_LAZY | RTLD_NODELETE);
    vulkan = vulkan_open(getenv("PVGPU_TEST_DEVICE"), reason);
    if (vulkan != NULL) {
        vulkan->translator = translator_start();
    }
    if (vulkan == NULL || !vulkan_start(vulkan, reason)) {
        printf("1..0 # SKIP %s\n", reason);
        return false;
    }
#endif
    return true;
}

static inline void close_renderer(void)
{
#ifdef PVGPU_TEST_VULKAN
    translator_stop(vulkan->translator);
    vulkan_close(vulkan);
#endif
}

static inline void make_renderer(void)
{
#ifdef PVGPU_TEST_VULKAN
    char reason[VULKAN_REASON_SIZE];

    context.drawing = vulkan_renderer_create(vulkan, context.session, heap, HEAP_SIZE, 0, reason);
    assert_non_null(context.drawing);
#endif
    context.renderer = &pvgpu_memory_renderer;
#ifdef PVGPU_TEST_MOVED
    assert_int_equal(pvgpu_move(&context).code, BG_PVGPU_OK);
#endif
}

static inline void drop_renderer(void)
{
#ifdef PVGPU_TEST_VULKAN
    vulkan_renderer_destroy(context.drawing);
#endif
}

static inline int setup(void **state)
{
    (void)state;
    memset(&context, 0, sizeof(context));
    memset(&control, 0, sizeof(control));
    control.display_width = 64;
    control.display_height = 32;
    control.display_format = BG_PVGPU_FORMAT_B8G8R8A8_UNORM;
    heap = aligned_alloc(HEAP_ALIGN, HEAP_SIZE);
    for (uint32_t i = 0; i < HEAP_SIZE; i++) {
        heap[i] = (uint8_t)(i * 31 + i / 251);
    }
    context.session = session_create(test_gpu(), MEMORY_LIMIT);
    make_renderer();
    context.heap = (struct operation_heap){.memory = heap, .size = HEAP_SIZE};
    assert_int_equal(gpu_share(test_gpu(), heap, HEAP_SIZE, &context.heap.address), BG_COMPUTE_OK);
    pvgpu_display_init(&display, NULL, NULL);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    pvgpu_context_reset(&context);
    context.renderer->ops->finish(&context);
    assert_int_equal(context.session->memory_used, 0); /* nothing is lost */
    drop_renderer();
    session_destroy(context.session);
    gpu_unshare(test_gpu(), heap);
    free(heap);
    return 0;
}

#define COMMAND(structure, command_type, id, ...)                                                  \
    (structure)                                                                                    \
    {                                                                                              \
        .header = {.type = (command_type), .size = sizeof(structure), .resource_id = (id)},        \
        __VA_ARGS__                                                                                \
    }

static inline enum bg_pvgpu_error run(const void *command)
{
    struct pvgpu_outcome outcome = pvgpu_command_run(&context, &display, &control, command, 1);

    assert_int_equal(context.renderer->ops->finish(&context).code, BG_PVGPU_OK);
    return outcome.code;
}

/* The resources take so much; on Vulkan, at least so much. */
static inline void expect_charged(uint64_t size)
{
    uint64_t used = context.session->memory_used;

    assert_true(context.renderer->ops->draws ? used >= size : used == size);
}

#define EXPECT(code, command) assert_int_equal(run(command), (code))

static inline struct bg_pvgpu_create_resource texture(uint32_t id, uint32_t format, uint32_t width,
                                                      uint32_t height)
{
    return COMMAND(struct bg_pvgpu_create_resource, BG_PVGPU_CMD_CREATE_RESOURCE, id,
                   .type = BG_PVGPU_RESOURCE_TEXTURE_2D, .format = format, .width = width,
                   .height = height, .mip_levels = 1);
}

static inline void make_texture(uint32_t id, uint32_t format, uint32_t width, uint32_t height,
                                uint32_t bind)
{
    struct bg_pvgpu_create_resource create = texture(id, format, width, height);

    create.bind_flags = bind;
    EXPECT(BG_PVGPU_OK, &create);
}

static inline void make_buffer(uint32_t id, uint32_t size)
{
    struct bg_pvgpu_create_resource create = texture(id, 0, size, 1);

    create.type = BG_PVGPU_RESOURCE_BUFFER;
    EXPECT(BG_PVGPU_OK, &create);
}

static inline void destroy(uint32_t id)
{
    struct bg_pvgpu_command header = {BG_PVGPU_CMD_DESTROY_RESOURCE, sizeof(header), id, 0};

    EXPECT(BG_PVGPU_OK, &header);
}

static inline struct bg_pvgpu_update_resource transfer(uint32_t type, uint32_t id,
                                                       uint32_t heap_offset)
{
    return COMMAND(struct bg_pvgpu_update_resource, type, id, .heap_offset = heap_offset);
}

/* The texture's level as it is, at the heap's end, packed. */
static inline const uint8_t *read_level(uint32_t id, uint32_t level, uint32_t size)
{
    struct bg_pvgpu_update_resource read =
        transfer(BG_PVGPU_CMD_READ_RESOURCE, id, HEAP_SIZE - size);

    read.subresource = level;
    memset(heap + HEAP_SIZE - size, 0xAA, size);
    EXPECT(BG_PVGPU_OK, &read);
    return heap + HEAP_SIZE - size;
}

static inline void fill_texture(uint32_t id, uint32_t heap_offset)
{
    struct bg_pvgpu_update_resource update =
        transfer(BG_PVGPU_CMD_UPDATE_RESOURCE, id, heap_offset);

    EXPECT(BG_PVGPU_OK, &update);
}

#endif
