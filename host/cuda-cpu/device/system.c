/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device offers to kernels as functions. warp.h has what each does. */
#include <stdio.h>
#include <string.h>

#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/device/block.h"
#include "host/cuda-cpu/device/print.h"
#include "host/cuda-cpu/device/spend.h"

#define WORDS_MAX 512 /* of an assertion, each */

/* A full heap is searched to its end. */
#define SPEND_HEAP (WARP_FUEL / 4)

/* ---- Printing ---- */

/* A lane that prints. */
struct reading {
    struct runner *runner;
    uint32_t lane;
};

static bool read_bytes(void *context, uint64_t address, void *bytes, size_t size)
{
    const struct reading *reading = context;
    struct warp_site site;

    spend(&reading->runner->warp, SPEND_CALL);
    if (!calls_find(reading->runner, reading->lane, address, (uint32_t)size, false, &site)) {
        return false;
    }
    memcpy(bytes, (const void *)(uintptr_t)address, size);
    return true;
}

static void print_text(const struct runner *runner, const char *text)
{
    struct run *run = runner->block->run;

    pthread_mutex_lock(&run->lock);
    run->launch->print(run->launch->print_context, text);
    pthread_mutex_unlock(&run->lock);
}

static void on_print(struct warp *warp, int32_t *results, const uint64_t *formats,
                     const uint64_t *values, uint32_t mask)
{
    struct runner *runner = runner_of(warp);

    for (; mask; mask &= mask - 1) {
        struct reading reading = {runner, (uint32_t)__builtin_ctz(mask)};
        char text[PRINT_TEXT_MAX];

        results[reading.lane] =
            print_format(formats[reading.lane], values[reading.lane], read_bytes, &reading, text);
        print_text(runner, text);
    }
}

/* A string of the lane's; what cannot be read is left out. */
static void read_words(const struct reading *reading, uint64_t address, char words[WORDS_MAX])
{
    size_t length = 0;
    char byte;

    while (length + 1 < WORDS_MAX &&
           read_bytes((void *)(uintptr_t)reading, address + length, &byte, 1) && byte != '\0') {
        words[length++] = byte;
    }
    words[length] = '\0';
}

static void on_assertion(struct warp *warp, const uint64_t *expressions, const uint64_t *files,
                         const uint64_t *functions, const uint32_t *lines, uint32_t lanes,
                         uint32_t site)
{
    struct runner *runner = runner_of(warp);
    const uint32_t(*tid)[WARP_LANES] = warp->tids[warp->warpid];

    for (uint32_t left = lanes; left; left &= left - 1) {
        const struct reading reading = {runner, (uint32_t)__builtin_ctz(left)};
        uint32_t lane = reading.lane;
        char expression[WORDS_MAX], file[WORDS_MAX], function[WORDS_MAX], text[PRINT_TEXT_MAX];

        read_words(&reading, expressions[lane], expression);
        read_words(&reading, files[lane], file);
        read_words(&reading, functions[lane], function);
        snprintf(text, sizeof(text),
                 "%s:%u: %s: block: [%u,%u,%u], thread: [%u,%u,%u] Assertion `%s` failed.\n", file,
                 lines[lane], function, warp->ctaid[0], warp->ctaid[1], warp->ctaid[2],
                 tid[0][lane], tid[1][lane], tid[2][lane], expression);
        print_text(runner, text);
    }
    warp->fault(warp, WARP_FAULT_ASSERT, site, lanes);
}

/* ---- The heap ---- */

static void on_allocate(struct warp *warp, uint64_t *addresses, const uint64_t *sizes,
                        uint32_t lanes)
{
    const struct launch *launch = runner_of(warp)->block->run->launch;

    for (; lanes; lanes &= lanes - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(lanes);

        spend(warp, SPEND_HEAP);
        addresses[lane] = launch->heap != NULL ? heap_allocate(launch->heap, sizes[lane]) : 0;
        if (addresses[lane] && launch->memory->check != NULL) {
            check_allocated(launch->memory->check, addresses[lane], sizes[lane], false);
        }
    }
}

static void on_free(struct warp *warp, const uint64_t *addresses, uint32_t lanes)
{
    struct runner *runner = runner_of(warp);
    const struct launch *launch = runner->block->run->launch;

    for (; lanes; lanes &= lanes - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(lanes);
        uint64_t address = addresses[lane];
        struct launch_fault fault;

        spend(warp, SPEND_HEAP);
        if (address && (launch->heap == NULL || !heap_free(launch->heap, address))) {
            fault = calls_fault(runner, WARP_FAULT_HEAP, lane);
            fault.address = address;
            runner_fail(runner, LAUNCH_FAULT, &fault);
        } else if (address && launch->memory->check != NULL) {
            check_freed(launch->memory->check, address);
        }
    }
}

void system_init(struct warp *warp)
{
    warp->print = on_print;
    warp->assertion = on_assertion;
    warp->allocate = on_allocate;
    warp->free = on_free;
}
