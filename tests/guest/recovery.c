/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-recovery: works until the mediator is lost, sees that loss once, and starts over when
 * there is a mediator again. tests/system/failure_test.c takes the mediator away.
 */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/timer.h"

#include <string.h>

#define REQUEST_NS 20000000000u
#define RETURN_NS 60000000000u /* for somebody to start a mediator again */
#define RETRY_NS 10000000u

#define PATTERN_SIZE 2000u             /* more than one request carries */
#define WORK_SIZE (UINT64_C(16) << 20) /* milliseconds in the worker */

static struct bg_vgpu_stub gpu;
static uint8_t pattern[PATTERN_SIZE], copy[PATTERN_SIZE];

static uint64_t deadline(void)
{
    return timer_deadline_ns(REQUEST_NS);
}

/* A session of its own: memory that keeps what is written to it. */
static uint32_t use_memory(const char *when)
{
    uint32_t handle = 0;
    bool is_zero = true;

    tap_equal(bg_vgpu_stub_memory_alloc(&gpu, PATTERN_SIZE, &handle, deadline()), 0,
              "%s: memory is allocated", when);
    memset(copy, 0xFF, sizeof(copy));
    tap_equal(bg_vgpu_stub_memory_read(&gpu, handle, 0, copy, PATTERN_SIZE, 0, deadline()), 0,
              "%s: it can be read", when);
    for (size_t i = 0; i < PATTERN_SIZE; i++) {
        is_zero = is_zero && copy[i] == 0;
        pattern[i] = (uint8_t)(i * 7 + 1);
    }
    tap_ok(is_zero, "%s: it reads as zero", when);
    tap_equal(bg_vgpu_stub_memory_write(&gpu, handle, 0, pattern, PATTERN_SIZE, 0, deadline()), 0,
              "%s: it is written", when);
    tap_equal(bg_vgpu_stub_memory_read(&gpu, handle, 0, copy, PATTERN_SIZE, 0, deadline()), 0,
              "%s: it is read back", when);
    tap_ok(memcmp(pattern, copy, PATTERN_SIZE) == 0, "%s: it holds what was written", when);
    return handle;
}

/*
 * Requests, one after another, until one fails: its error. Nearly all of the time one is with the
 * worker. A worker that dies in between is no loss: the request goes to the next one, which does
 * not know the memory.
 */
static int work_until_lost(void)
{
    uint64_t end_ns = timer_deadline_ns(RETURN_NS);
    struct bg_compute_operand memory = {0};
    int error = BG_ERR_NOT_FOUND;

    do {
        if (error == BG_ERR_NOT_FOUND) {
            error = bg_vgpu_stub_memory_alloc(&gpu, WORK_SIZE, &memory.handle, deadline());
        } else {
            error = bg_vgpu_stub_vector_add(&gpu, BG_COMPUTE_ELEMENT_INT32, memory, memory, memory,
                                            WORK_SIZE / sizeof(int32_t), 0, deadline());
        }
        tap_diag("worked");
    } while ((error == 0 || error == BG_ERR_NOT_FOUND) && !timer_has_passed(end_ns));
    return error;
}

static int wait_for_mediator(void)
{
    uint64_t end_ns = timer_deadline_ns(RETURN_NS);
    int error;

    while ((error = bg_vgpu_stub_nop(&gpu, deadline())) == BG_ERR_UNAVAILABLE &&
           !timer_has_passed(end_ns)) {
        timer_delay_ns(RETRY_NS);
    }
    return error;
}

static int test_recovery(void)
{
    uint32_t handle;

    tap_plan(0);
    if (open_vgpu_stub(&gpu) < 0) {
        tap_bail("no vgpu-stub to test");
        return 1;
    }
    handle = use_memory("before");
    tap_diag("working");
    tap_equal(work_until_lost(), BG_ERR_UNAVAILABLE, "the loss is seen, and named");
    tap_equal(gpu.last_status, BG_COMPUTE_MEDIATOR_UNAVAILABLE, "the status says the same");
    tap_diag("lost");
    tap_equal(wait_for_mediator(), 0, "requests work again");
    tap_equal(bg_vgpu_stub_memory_read(&gpu, handle, 0, copy, 16, 0, deadline()), BG_ERR_NOT_FOUND,
              "what the old session held is gone");
    tap_ok(use_memory("after") != handle, "its handles are nobody's");
    return tap_done();
}

APP(test_recovery, "sees the loss of the mediator once, then goes on (needs a host's help)",
    test_recovery, "");
