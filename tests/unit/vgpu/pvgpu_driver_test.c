/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/pvgpu.c firmware/vgpu/pvgpu_ring.c firmware/vgpu/pvgpu_health.c
// build: firmware/vgpu/pvgpu_heap.c
// build: firmware/vgpu/pvgpu_resource.c firmware/vgpu/pvgpu_draw.c firmware/vgpu/pvgpu_compute.c
// build: firmware/vgpu/pvgpu_names.c firmware/vgpu/compute.c firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c tests/fake/pci.c
/* The pvgpu driver: finding the device, sessions, losing a backend, the heap. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fake/hal.h"
#include "tests/fake/pci.h"
#include "tests/fake/pvgpu.h"

#define SECOND_NS 1000000000ull

static uint64_t soon(void)
{
    return fake_hal.now_ns + SECOND_NS;
}

static int device_setup(void **state)
{
    (void)state;
    fake_pvgpu_begin();
    return 0;
}

/* ---- Finding ---- */

static void open_finds_and_enables(void **state)
{
    (void)state;
    static struct fake_pci pci;
    static struct bg_pci_device devices[4];
    static struct bg_pci_host host;
    const struct bg_pvgpu_options options = {.blocks = fake_blocks, .block_count = 64};
    uint64_t shmem = (uintptr_t)fake.shmem;
    struct bg_pci_host_config config = {
        .ecam = &pci,
        .ecam_size = 0x100000,
        .ops = &fake_pci_ops,
        .windows = {[BG_PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, 0x100000},
                    [BG_PCI_WINDOW_MEM64] = {shmem, shmem, FAKE_PVGPU_SHMEM}},
        .devices = devices,
        .device_capacity = 4,
    };

    fake_pci_init(&pci, 0, 0);
    assert_int_equal(bg_pci_host_init(&host, &config), 0);
    assert_int_equal(bg_pci_host_enumerate(&host), 0);
    assert_int_equal(bg_pvgpu_open(&gpu, &host, &options, soon()), BG_ERR_NOT_FOUND);

    int function = fake_pci_add(&pci, FAKE_ROOT, 8, BG_PVGPU_PCI_VENDOR_ID, BG_PVGPU_PCI_DEVICE_ID,
                                BG_PVGPU_PCI_CLASS, -1);
    fake_pci_bar32(&pci, function, BG_PVGPU_BAR_REGISTERS, 4096, 0);
    assert_int_equal(bg_pci_host_enumerate(&host), 0);
    assert_int_equal(bg_pvgpu_open(&gpu, &host, &options, soon()), BG_ERR_NOT_FOUND);

    fake_pci_bar64(&pci, function, BG_PVGPU_BAR_SHMEM, FAKE_PVGPU_SHMEM, FAKE_PREFETCHABLE);
    assert_int_equal(bg_pci_host_enumerate(&host), 0);
    fake_hal.refuse_map = true;
    assert_int_equal(bg_pvgpu_open(&gpu, &host, &options, soon()), BG_ERR_NO_MEMORY);
    fake_hal.refuse_map = false;
    assert_int_equal(bg_pvgpu_open(&gpu, &host, &options, soon()), 0);
    assert_ptr_equal(gpu.device, &devices[0]);
    assert_ptr_equal(gpu.heap, fake.shmem + FAKE_PVGPU_HEAP_OFFSET);
    assert_int_equal(fake_pci_get(&pci, function, 4, 2), BG_PCI_COMMAND_MEMORY);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);

    fake_pci_bar64(&pci, function, BG_PVGPU_BAR_SHMEM, 2 * FAKE_PVGPU_SHMEM, FAKE_PREFETCHABLE);
    assert_int_equal(bg_pci_host_enumerate(&host), BG_ERR_NO_SPACE);
    assert_int_equal(bg_pvgpu_open(&gpu, &host, &options, soon()), BG_ERR_NO_SPACE);
}

static void what_is_negotiated(void **state)
{
    (void)state;
    fake.features = FAKE_PVGPU_FEATURES & ~BG_PVGPU_FEATURE_D3D11;
    assert_int_equal(fake_pvgpu_attach(), BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_UNSUPPORTED);
    fake.features = FAKE_PVGPU_FEATURES;
    fake.version = 0x00020000;
    assert_int_equal(fake_pvgpu_attach(), BG_ERR_UNSUPPORTED);
    fake.version = 0x00010007;
    assert_int_equal(fake_pvgpu_attach(), 0);
    assert_int_equal(gpu.features, FAKE_PVGPU_FEATURES);
    assert_int_equal(gpu.ring_size, FAKE_PVGPU_RING);
    assert_int_equal(gpu.heap_size, FAKE_PVGPU_HEAP);
    fake.is_gone = true;
    assert_int_equal(fake_pvgpu_attach(), BG_ERR_UNSUPPORTED);
}

/* Each of these words in the control region is a lie. */
static void control_regions_that_lie(void **state)
{
    const struct {
        size_t offset;
        uint32_t value;
        int error;
    } lies[] = {
        {offsetof(struct bg_pvgpu_control, magic), 0, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, version), 0x00020000, BG_ERR_UNSUPPORTED},
        {offsetof(struct bg_pvgpu_control, ring_offset), 0, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_offset), 0x1008, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_offset), FAKE_PVGPU_SHMEM, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_offset), 0xFFFFF000, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_offset), 0x2000, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_size), 0, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_size), 0x3000, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_size), 0x1000, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, ring_size), 0x80000000, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, heap_offset), 0, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, heap_offset), 0x4000, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, heap_offset), FAKE_PVGPU_HEAP_OFFSET + 8,
         BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, heap_offset), 0xFFFFFFC0, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, heap_size), FAKE_PVGPU_HEAP + 1, BG_ERR_PROTOCOL},
        {offsetof(struct bg_pvgpu_control, heap_size), 64, BG_ERR_DEVICE_MEMORY},
        {offsetof(struct bg_pvgpu_control, consumer_ptr), 8, BG_ERR_PROTOCOL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        uint32_t *word = (uint32_t *)(void *)(fake.shmem + lies[i].offset), before = *word;

        *word = lies[i].value;
        fake.keeps_pointers = true;
        assert_int_equal(fake_pvgpu_attach(), lies[i].error);
        assert_int_not_equal(bg_pvgpu_finish(&gpu, soon()), 0);
        fake.keeps_pointers = false;
        *word = before;
    }
    assert_int_equal(fake_pvgpu_attach(), 0);
}

static void options_that_are_wrong(void **state)
{
    (void)state;
    const struct bg_pvgpu_options none = {.blocks = NULL, .block_count = 64};
    const struct bg_pvgpu_options one = {.blocks = fake_blocks, .block_count = 1};

    assert_int_equal(bg_pvgpu_attach(&gpu, (void *)(uintptr_t)fake.base, fake.shmem,
                                     FAKE_PVGPU_SHMEM, &none, soon()),
                     BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_attach(&gpu, (void *)(uintptr_t)fake.base, fake.shmem,
                                     FAKE_PVGPU_SHMEM, &one, soon()),
                     BG_ERR_INVALID);
}

/* ---- Sessions ---- */

static void a_backend_that_comes_later(void **state)
{
    (void)state;
    fake.is_connected = false;
    assert_int_equal(fake_pvgpu_attach(), BG_ERR_UNAVAILABLE);
    assert_in_range(fake_hal.now_ns, SECOND_NS, SECOND_NS + 100000);
    assert_int_equal(bg_pvgpu_check(&gpu), BG_ERR_UNAVAILABLE);
    fake.connects_on_wait = true;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    assert_int_equal(gpu.losses, 0);
}

static void a_reset_that_is_not_carried_out(void **state)
{
    (void)state;
    fake.never_resets = true;
    assert_int_equal(fake_pvgpu_attach(), BG_ERR_UNAVAILABLE);
    fake.never_resets = false;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    fake.never_resets = true;
    assert_int_equal(bg_pvgpu_close(&gpu, soon()), BG_ERR_TIMEOUT);
    fake.never_resets = false;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    assert_int_equal(bg_pvgpu_close(&gpu, soon()), 0);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_UNAVAILABLE);
}

/* Every call that needs the backend says the same. */
static void expect_lost(void)
{
    static const float floats[4] = {0};
    struct bg_compute_device_info info;
    struct bg_pvgpu_job job;
    uint64_t fence;
    uint32_t id;

    assert_int_equal(bg_pvgpu_check(&gpu), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_submit(&gpu), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_fence(&gpu, &fence), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 64, &id), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_clear_render_target(&gpu, 1, floats), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_present(&gpu, 1, 0), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_nop(&gpu, &job, soon()), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_get_info(&gpu, &info, soon()), BG_ERR_UNAVAILABLE);
    assert_int_equal(gpu.losses, 1);
    assert_int_equal(gpu.loss_code, BG_PVGPU_ERROR_BACKEND_DISCONNECTED);
}

static void a_loss_accounts_for_each_fence(void **state)
{
    struct bg_pvgpu_memory memory;
    struct bg_pvgpu_job job;
    uint64_t fences[6], later;
    uint32_t id;

    (void)state;
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 1000, 0, &memory), 0);
    memset(memory.bytes, 0x5A, 1000);
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 64, &id), 0);
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 64, &id), 0);
    assert_int_equal(id, 2);
    assert_int_equal(bg_pvgpu_nop(&gpu, &job, 0), 0);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bg_pvgpu_flush(&gpu), 0);
        assert_int_equal(bg_pvgpu_fence(&gpu, &fences[i]), 0);
    }
    assert_int_equal(bg_pvgpu_submit(&gpu), 0);
    fake_pvgpu_step(&fake, 2 + 2 + 2 * 3); /* and three of them */
    fake_pvgpu_kill(&fake);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bg_pvgpu_fence_wait(&gpu, fences[i], soon()),
                         i < 3 ? 0 : BG_ERR_UNAVAILABLE);
        assert_int_equal(bg_pvgpu_fence_has_passed(&gpu, fences[i]), i < 3);
    }
    expect_lost();

    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), BG_ERR_UNAVAILABLE); /* nobody yet */
    assert_true(bg_pvgpu_fence_has_passed(&gpu, fences[2]));              /* still known */
    fake.connects_on_wait = true;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    assert_int_equal(gpu.losses, 1);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bg_pvgpu_fence_wait(&gpu, fences[i], soon()), BG_ERR_UNAVAILABLE);
        assert_false(bg_pvgpu_fence_has_passed(&gpu, fences[i]));
    }
    assert_int_equal(bg_pvgpu_job_wait(&gpu, &job, soon()), BG_ERR_UNAVAILABLE);
    assert_int_equal(bg_pvgpu_fence(&gpu, &later), 0);
    assert_true(later > fences[5]);
    assert_int_equal(bg_pvgpu_fence_wait(&gpu, later, soon()), 0);
    assert_int_equal(bg_pvgpu_buffer_create(&gpu, 64, &id), 0);
    assert_int_equal(id, 1); /* the new session knows none */
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(((uint8_t *)memory.bytes)[i], 0x5A);
    }
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &memory), 0);
}

/* It dies while the driver waits for a fence, for room, for a job. */
static void a_loss_ends_waits(void **state)
{
    struct bg_pvgpu_job job;
    uint64_t start_ns;

    (void)state;
    fake.is_dead_at_fence = true;
    start_ns = fake_hal.now_ns;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_UNAVAILABLE);
    assert_true(fake_hal.now_ns - start_ns < SECOND_NS / 100); /* at once */
    expect_lost();
    gpu.losses = 0;
    fake.connects_on_wait = true;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    fake.is_dead_at_fence = true;
    assert_int_equal(bg_pvgpu_nop(&gpu, &job, 0), 0);
    assert_int_equal(bg_pvgpu_job_wait(&gpu, &job, soon()), BG_ERR_UNAVAILABLE);
    expect_lost();
    gpu.losses = 0;
    fake.connects_on_wait = true;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    assert_int_equal(bg_pvgpu_fence(&gpu, &(uint64_t){0}), 0);
    fake.is_dead_at_fence = true;
    fake.budget = 1;
    int error = 0;

    while (error == 0) {
        error = bg_pvgpu_flush(&gpu);
    }
    assert_int_equal(error, BG_ERR_UNAVAILABLE);
    expect_lost();
}

static void a_shutdown_is_a_loss(void **state)
{
    (void)state;
    fake.control->status |= BG_PVGPU_CONTROL_SHUTDOWN;
    assert_int_equal(bg_pvgpu_finish(&gpu, soon()), BG_ERR_UNAVAILABLE);
    expect_lost();
}

/* A backend that does not serve this guest says why, at once or later. */
static void a_backend_that_refuses(void **state)
{
    static const struct {
        uint32_t status;
        int error;
    } refusals[] = {
        {BG_COMPUTE_VM_QUARANTINED, BG_ERR_QUARANTINED},
        {BG_COMPUTE_INVALID_POOL, BG_ERR_POOL},
        {BG_COMPUTE_RATE_LIMITED, BG_ERR_LIMITED},
        {BG_COMPUTE_OK, BG_ERR_UNAVAILABLE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
        fake_pvgpu_log(&fake, 0, BG_PVGPU_ERROR_DEVICE_LOST, refusals[i].status);
        fake.control->status |= BG_PVGPU_CONTROL_DEVICE_LOST | BG_PVGPU_CONTROL_SHUTDOWN;
        assert_int_equal(bg_pvgpu_submit(&gpu), refusals[i].error);
        assert_int_equal(bg_pvgpu_flush(&gpu), refusals[i].error);
        assert_int_equal(gpu.loss_code, BG_PVGPU_ERROR_DEVICE_LOST);
        fake.refuses_with = refusals[i].status;
        if (fake.refuses_with != BG_COMPUTE_OK) {
            uint64_t start_ns = fake_hal.now_ns;

            assert_int_equal(bg_pvgpu_restart(&gpu, soon()), refusals[i].error);
            assert_int_equal(fake_hal.now_ns, start_ns);
            assert_int_equal(bg_pvgpu_flush(&gpu), refusals[i].error);
        }
        fake.refuses_with = 0;
        assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
    }
}

/* A reset that overtakes the news of a backend's end is followed by that loss: it takes another. */
static void losses_while_starting_over(void **state)
{
    (void)state;
    for (unsigned losses = 1; losses <= 3; losses++) {
        unsigned resets = fake.resets;

        fake.late_losses = losses;
        fake.connects_on_wait = true;
        assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
        assert_int_equal(fake.resets - resets, losses + 1);
        assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
    }
    /* A backend that ends again and again: one reset in a while, until the deadline. */
    unsigned resets = fake.resets;
    uint64_t start_ns = fake_hal.now_ns;

    fake.late_losses = UINT_MAX;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), BG_ERR_UNAVAILABLE);
    assert_true(fake.resets - resets <= 2 + (fake_hal.now_ns - start_ns) / 1000000);
    fake.late_losses = 0;
    fake.connects_on_wait = true;
    assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
}

static void a_restart_at_any_time(void **state)
{
    struct bg_pvgpu_job jobs[BG_PVGPU_JOBS_MAX];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < BG_PVGPU_JOBS_MAX; i++) {
            assert_int_equal(bg_pvgpu_nop(&gpu, &jobs[i], 0), 0);
        }
        assert_int_equal(bg_pvgpu_nop(&gpu, &jobs[0], 0), BG_ERR_LIMITED);
        assert_int_equal(bg_pvgpu_restart(&gpu, soon()), 0);
        assert_int_equal(bg_pvgpu_finish(&gpu, soon()), 0);
        assert_int_equal(gpu.losses, 0);
    }
}

/* ---- Display ---- */

static void the_display(void **state)
{
    struct bg_pvgpu_display display;

    (void)state;
    assert_int_equal(bg_pvgpu_get_display(&gpu, &display), 0);
    assert_int_equal(display.width, 1920);
    assert_int_equal(display.height, 1080);
    assert_int_equal(display.refresh_hz, 60);
    assert_int_equal(display.format, BG_PVGPU_FORMAT_B8G8R8A8_UNORM);
    fake.control->display_width = 0;
    assert_int_equal(bg_pvgpu_get_display(&gpu, &display), BG_ERR_PROTOCOL);
    fake.control->display_width = 800;
    fake.control->display_height = BG_PVGPU_TEXTURE_SIDE_MAX + 1;
    assert_int_equal(bg_pvgpu_get_display(&gpu, &display), BG_ERR_PROTOCOL);
    fake.control->display_height = 600;
    fake.control->display_refresh = 0;
    assert_int_equal(bg_pvgpu_get_display(&gpu, &display), BG_ERR_PROTOCOL);
    fake.control->display_refresh = 120;
    fake.control->display_format = 1;
    assert_int_equal(bg_pvgpu_get_display(&gpu, &display), BG_ERR_PROTOCOL);
    fake.control->display_format = BG_PVGPU_FORMAT_R8G8B8A8_UNORM;
    assert_int_equal(bg_pvgpu_get_display(&gpu, &display), 0);
    assert_int_equal(display.height, 600);
}

/* ---- Heap ---- */

static void heap_basics(void **state)
{
    struct bg_pvgpu_memory a, b, c;
    struct bg_pvgpu_heap_statistics before, now;

    (void)state;
    bg_pvgpu_heap_statistics(&gpu, &before);
    assert_int_equal(before.allocations, 1); /* the driver's own */
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 0, 0, &a), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 1, 48, &a), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, FAKE_PVGPU_HEAP, 0, &a), BG_ERR_DEVICE_MEMORY);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, UINT64_MAX, 0, &a), BG_ERR_DEVICE_MEMORY);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 1, 0x80000000u, &a), BG_ERR_DEVICE_MEMORY);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 1, 1, &a), 0);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 65, 8192, &b), 0);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, before.largest_free / 2, 0, &c), 0);
    assert_int_equal(a.offset % BG_PVGPU_HEAP_ALIGN, 0);
    assert_int_equal(b.offset % 8192, 0);
    assert_ptr_equal(b.bytes, fake.shmem + FAKE_PVGPU_HEAP_OFFSET + b.offset);
    assert_int_equal(b.size, 65);
    bg_pvgpu_heap_statistics(&gpu, &now);
    assert_int_equal(now.allocations, 4);
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &b), 0);
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &b), BG_ERR_INVALID); /* twice */
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &a), 0);
    a = (struct bg_pvgpu_memory){.offset = c.offset + 64,
                                 .block = c.block}; /* not as it was given */
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &a), BG_ERR_INVALID);
    a = (struct bg_pvgpu_memory){.offset = 64, .block = 5000};
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &a), BG_ERR_INVALID);
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &c), 0);
    bg_pvgpu_heap_statistics(&gpu, &now);
    assert_memory_equal(&now, &before, sizeof(now)); /* all in one piece again */
}

/* Nothing overlaps, all comes back, whatever the order; the table's end is an error that passes. */
static void heap_at_random(void **state)
{
    static struct bg_pvgpu_memory memories[40];
    static uint8_t tags[40];
    struct bg_pvgpu_heap_statistics before, now;
    unsigned refused[2] = {0};

    (void)state;
    srand(5);
    bg_pvgpu_heap_statistics(&gpu, &before);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned n = (unsigned)rand() % 40;
        struct bg_pvgpu_memory *memory = &memories[n];

        if (tags[n] != 0) {
            const uint8_t *bytes = memory->bytes;

            for (uint32_t j = 0; j < memory->size; j += 61) {
                assert_int_equal(bytes[j], tags[n]);
            }
            assert_int_equal(bytes[memory->size - 1], tags[n]);
            assert_int_equal(bg_pvgpu_heap_free(&gpu, memory), 0);
            tags[n] = 0;
            continue;
        }
        uint32_t size = 1 + (uint32_t)rand() % (i % 16 == 0 ? 1000000 : 40000);
        int error = bg_pvgpu_heap_alloc(&gpu, size, 1u << rand() % 14, memory);

        if (error == 0) {
            tags[n] = (uint8_t)(1 + rand() % 255);
            memset(memory->bytes, tags[n], size);
        } else {
            assert_true(error == BG_ERR_DEVICE_MEMORY || error == BG_ERR_NO_SPACE);
            refused[error == BG_ERR_NO_SPACE]++;
        }
    }
    assert_true(refused[0] > 0);
    for (unsigned n = 0; n < 40; n++) {
        if (tags[n] != 0) {
            assert_int_equal(bg_pvgpu_heap_free(&gpu, &memories[n]), 0);
            tags[n] = 0;
        }
    }
    bg_pvgpu_heap_statistics(&gpu, &now);
    assert_memory_equal(&now, &before, sizeof(now));
}

static void a_table_that_is_full(void **state)
{
    struct bg_pvgpu_memory memories[64], more;
    unsigned count = 0;

    (void)state;
    while (bg_pvgpu_heap_alloc(&gpu, 64, 0, &memories[count]) == 0) {
        count++;
    }
    assert_int_equal(count, 64 - 2); /* and the driver's own, and the rest */
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 64, 0, &more), BG_ERR_NO_SPACE);
    assert_int_equal(bg_pvgpu_heap_free(&gpu, &memories[10]), 0);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 64, 0, &more), 0); /* one that fits exactly */
    assert_int_equal(more.offset, memories[10].offset);
    assert_int_equal(bg_pvgpu_heap_alloc(&gpu, 128, 0, &more), BG_ERR_NO_SPACE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, pvgpu_setup, pvgpu_teardown)
#define DEVICE_TEST(name) cmocka_unit_test_setup_teardown(name, device_setup, pvgpu_teardown)
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(open_finds_and_enables),
        DEVICE_TEST(what_is_negotiated),
        DEVICE_TEST(control_regions_that_lie),
        DEVICE_TEST(options_that_are_wrong),
        DEVICE_TEST(a_backend_that_comes_later),
        DEVICE_TEST(a_reset_that_is_not_carried_out),
        TEST(a_loss_accounts_for_each_fence),
        TEST(a_loss_ends_waits),
        TEST(a_shutdown_is_a_loss),
        TEST(a_backend_that_refuses),
        TEST(losses_while_starting_over),
        TEST(a_restart_at_any_time),
        TEST(the_display),
        TEST(heap_basics),
        TEST(heap_at_random),
        TEST(a_table_that_is_full),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
