/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/vgpu/pvgpu.c firmware/vgpu/pvgpu_ring.c firmware/vgpu/pvgpu_health.c
// build: firmware/vgpu/pvgpu_heap.c
// build: firmware/vgpu/pvgpu_resource.c firmware/vgpu/pvgpu_draw.c firmware/vgpu/pvgpu_compute.c
// build: firmware/vgpu/pvgpu_names.c firmware/vgpu/compute.c firmware/common/wait.c
// build: firmware/common/interrupt_source.c firmware/pci_ecam.c firmware/pci/enumerate.c
// build: firmware/pci/device.c firmware/pci/bar.c firmware/pci/assign.c
// build: firmware/pci/capability.c firmware/pci/list.c firmware/common/error.c tests/fake/hal.c
// build: tests/fake/pvgpu.c
/*
 * The pvgpu driver and a backend that changes shared memory as the input says, between the driver's
 * calls and while it waits. Steps of ten bytes: what, which, and a value.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/hal.h"
#include "tests/fake/pvgpu.h"

#define STEP_SIZE 10
#define STEPS_MAX 200
#define WAIT_NS 20000 /* two looks */

struct step {
    uint8_t what, which;
    uint64_t value;
};

static const uint8_t *input;
static size_t input_left;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool take_step(struct step *step)
{
    if (input_left < STEP_SIZE) {
        return false;
    }
    step->what = input[0];
    step->which = input[1];
    memcpy(&step->value, input + 2, 8);
    input += STEP_SIZE;
    input_left -= STEP_SIZE;
    return true;
}

/* ---- The backend ---- */

static void change(const struct step *step)
{
    static const uint16_t words[] = {
        offsetof(struct bg_pvgpu_control, consumer_ptr),
        offsetof(struct bg_pvgpu_control, host_fence_completed),
        offsetof(struct bg_pvgpu_control, producer_ptr),
        offsetof(struct bg_pvgpu_control, error_log),
        offsetof(struct bg_pvgpu_control, error_log) + 16,
        offsetof(struct bg_pvgpu_control, ring_offset),
        offsetof(struct bg_pvgpu_control, heap_offset),
    };
    static const uint16_t halves[] = {
        offsetof(struct bg_pvgpu_control, status),
        offsetof(struct bg_pvgpu_control, error_code),
        offsetof(struct bg_pvgpu_control, error_data),
        offsetof(struct bg_pvgpu_control, error_count),
        offsetof(struct bg_pvgpu_control, backend_sleeping),
        offsetof(struct bg_pvgpu_control, reset_done),
        offsetof(struct bg_pvgpu_control, display_width),
        offsetof(struct bg_pvgpu_control, display_format),
    };
    uint32_t half = (uint32_t)step->value;

    switch (step->what % 4) {
    case 0:
        memcpy(fake.shmem + words[step->which % 7], &step->value, 8);
        break;
    case 1:
        memcpy(fake.shmem + halves[step->which % 8], &half, 4);
        break;
    case 2: /* a job's result, or anything in ring and heap */
        memcpy(fake.shmem + (step->which < 128 ? FAKE_PVGPU_HEAP_OFFSET + step->which * 4u
                                               : step->value % (FAKE_PVGPU_SHMEM - 8)),
               &step->value, 8);
        break;
    default:
        fake.features = FAKE_PVGPU_FEATURES ^ step->value;
        break;
    }
}

/* The next step, if it is the backend's: it does not wait for the driver's call to end. */
static void work(void *context)
{
    struct step step;

    (void)context;
    if (input_left >= STEP_SIZE && input[0] >= 128 && take_step(&step)) {
        if (step.what >= 192) {
            change(&step);
        } else {
            fake_pvgpu_step(&fake, step.which % 8u);
        }
    }
}

/* ---- The driver ---- */

static void call(const struct step *step)
{
    static struct bg_pvgpu_memory memory;
    static uint64_t fence;
    struct bg_pvgpu_viewport viewports[BG_PVGPU_VIEWPORTS_MAX] = {0};
    struct bg_compute_device_info info;
    struct bg_pvgpu_heap_statistics heap;
    struct bg_pvgpu_failure failure;
    struct bg_pvgpu_display display;
    uint64_t deadline_ns = fake_hal.now_ns + WAIT_NS;

    switch (step->what % 12) {
    case 0:
        bg_pvgpu_fence(&gpu, &fence);
        break;
    case 1:
        bg_pvgpu_fence_wait(&gpu, fence, deadline_ns);
        break;
    case 2:
        bg_pvgpu_submit(&gpu);
        break;
    case 3:
        bg_pvgpu_nop(&gpu, NULL, deadline_ns);
        break;
    case 4:
        if (bg_pvgpu_get_info(&gpu, &info, deadline_ns) == 0) {
            check(memchr(info.name, 0, sizeof(info.name)) != NULL);
        }
        break;
    case 5:
        bg_pvgpu_restart(&gpu, deadline_ns);
        break;
    case 6:
        for (unsigned i = 0; i < step->which; i++) {
            bg_pvgpu_set_viewport(&gpu, BG_PVGPU_VIEWPORTS_MAX, viewports);
        }
        break;
    case 7:
        for (unsigned i = 0; i < 20 && bg_pvgpu_take_failure(&gpu, &failure) == 1; i++) {
            check(bg_pvgpu_error_name(failure.code) != NULL);
        }
        break;
    case 8:
        if (bg_pvgpu_heap_alloc(&gpu, step->value % FAKE_PVGPU_HEAP, step->which, &memory) == 0) {
            check((uint8_t *)memory.bytes >= gpu.heap &&
                  memory.offset + (uint64_t)memory.size <= gpu.heap_size);
            memset(memory.bytes, 0x11, memory.size);
        }
        break;
    case 9:
        bg_pvgpu_heap_free(&gpu, &memory);
        break;
    case 10:
        fake_pvgpu_attach();
        gpu.room_timeout_ns = WAIT_NS;
        break;
    default:
        if (bg_pvgpu_get_display(&gpu, &display) == 0) {
            check(display.refresh_hz > 0 && display.width > 0);
        }
        bg_pvgpu_check(&gpu);
        bg_pvgpu_heap_statistics(&gpu, &heap);
        break;
    }
    if (gpu.loss == 0) {
        check(gpu.ring_size == 0 || gpu.written - gpu.consumed <= gpu.ring_size);
        check(gpu.fence_seen <= gpu.fence_last);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct step step;

    fake_pvgpu_begin();
    input = data;
    input_left = size;
    fake_hal.on_wait = work;
    if (fake_pvgpu_attach() == 0) {
        gpu.room_timeout_ns = WAIT_NS;
        for (unsigned i = 0; i < STEPS_MAX && take_step(&step); i++) {
            if (step.what >= 192) {
                change(&step);
            } else if (step.what >= 128) {
                fake_pvgpu_step(&fake, step.which % 8u);
            } else {
                call(&step);
            }
        }
    }
    fake.violations = 0; /* those of the backend, too */
    fake_pvgpu_end();
    return 0;
}
