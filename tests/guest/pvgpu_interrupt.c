/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-pvgpu: waits that sleep, by each kind of interrupt. */
#include "tests/guest/pvgpu.h"

#include "baregpu/barrier.h"
#include "baregpu/pvgpu_interrupt.h"
#include "firmware/apps/open/pci.h"

/* Waits that sleep, in one test; and for how many frames at most: on a busy host a fence may pass
 * while this CPU is away, so that nothing is left to sleep for. */
#define SLEPT 12u
#define FRAMES_MAX 200u

/* How often the host may be late by a frame. It delivers an interrupt then when nobody waits for it
 * any more, or one for two that it was asked for. */
#define LATE_MAX 3u
#define INTERRUPT_NS 5000000000u

static struct bg_pvgpu_interrupt interrupt;
static uint32_t errors;
static uint64_t sleeps;

static void error_came(void *context)
{
    (void)context;
    bg_store_release32(&errors, errors + 1);
}

static void counted_sleep(void *event, uint64_t deadline_ns)
{
    sleeps++;
    bg_hal_sleep(event, deadline_ns);
}

/* Each frame but the first waits for a refresh: long enough to sleep. */
static bool show_frame(uint32_t id)
{
    return bg_pvgpu_present(&gpu, id, 1) == 0 && bg_pvgpu_finish(&gpu, pvgpu_host_deadline()) == 0;
}

static bool show_frames(uint32_t id, unsigned count)
{
    bool is_good = true;

    for (unsigned i = 0; i < count && is_good; i++) {
        is_good = show_frame(id);
    }
    return is_good;
}

/*
 * A wait that slept had asked for an interrupt and looked at its fence after that: so it gets one,
 * if not in its sleep then after the nap by which it found the fence (counted as `lost`). Not all
 * of them are so late.
 */
static bool sleeps_and_is_woken(uint32_t id)
{
    const struct bg_interrupt_source *fence = &interrupt.vectors[BG_PVGPU_VECTOR_FENCE].source;
    uint64_t count = fence->count, lost = fence->lost;
    uint64_t deadline_ns;
    unsigned slept = 0, frames = 0;

    for (; slept < SLEPT && frames < FRAMES_MAX; frames++) {
        uint64_t before = sleeps;

        if (!show_frame(id)) {
            return false;
        }
        slept += sleeps != before;
    }
    deadline_ns = bg_hal_time_ns() + INTERRUPT_NS;
    while (bg_load_acquire64(&fence->count) - count < slept && bg_hal_time_ns() < deadline_ns) {
        bg_hal_wait(deadline_ns);
    }
    count = bg_load_acquire64(&fence->count) - count;
    lost = fence->lost - lost;
    tap_diag("%u frames: %u waits that slept, %u interrupts, %u late", frames, slept,
             (unsigned)count, (unsigned)lost);
    return slept == SLEPT && count + LATE_MAX >= slept && lost < slept && fence->storms == 0;
}

static void test_kind(unsigned kind, uint32_t id)
{
    const struct bg_pvgpu_interrupt_options options = {
        .forbidden = ~(uint32_t)BG_PCI_INTERRUPT_BIT(kind),
        .error_handler = error_came,
    };
    const struct bg_interrupt_source *fence = &interrupt.vectors[BG_PVGPU_VECTOR_FENCE].source;
    const char *name = bg_pci_interrupt_kind_name(kind);
    uint64_t before;
    uint64_t deadline_ns;
    int error = bg_pvgpu_interrupt_open(&interrupt, &gpu, &options);

    if (error == BG_ERR_NOT_FOUND) {
        tap_skip("this machine delivers none", "%s", name);
        return;
    }
    tap_ok(error == 0 && interrupt.pci.kind == kind, "%s", name);
    gpu.wait = (struct bg_wait_strategy){.sleep = counted_sleep};
    tap_ok(sleeps_and_is_woken(id), "%s: waits sleep, and are woken", name);
    gpu.wait = BG_WAIT_POLL;
    before = fence->count;
    tap_ok(show_frames(id, SLEPT) && fence->count - before <= LATE_MAX, "%s: none while polling",
           name);
    errors = 0;
    deadline_ns = pvgpu_host_deadline();
    expect_failure(bg_pvgpu_resource_destroy(&gpu, 999999), BG_PVGPU_ERROR_RESOURCE_NOT_FOUND,
                   BG_PVGPU_CMD_DESTROY_RESOURCE, "a failure");
    while (bg_load_acquire32(&errors) == 0 && bg_hal_time_ns() < deadline_ns) {
        bg_hal_wait(deadline_ns);
    }
    tap_ok(bg_load_acquire32(&errors) != 0, "%s: interrupts for it", name);
    gpu.wait = (struct bg_wait_strategy){.sleep = counted_sleep};
    tap_ok(bg_pvgpu_restart(&gpu, pvgpu_host_deadline()) == 0 &&
               bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 64, 48, &id) == 0,
           "a restart");
    tap_ok(sleeps_and_is_woken(id), "%s: interrupts stay", name);
    gpu.wait = BG_WAIT_POLL;
    bg_pvgpu_interrupt_close(&interrupt);
}

void test_pvgpu_interrupts(void)
{
    uint32_t id = 0;

    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 64, 48, &id),
              "a texture");
    test_kind(BG_PCI_INTERRUPT_MSIX, id);
    bg_pvgpu_restart(&gpu, pvgpu_host_deadline());
    expect_ok(bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 64, 48, &id),
              "a texture");
    test_kind(BG_PCI_INTERRUPT_INTX, id);
    bg_pvgpu_restart(&gpu, pvgpu_host_deadline());
}
