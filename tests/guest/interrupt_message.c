/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages: from the CPU, which can write a doorbell as a device does (to an ITS it is the
 * requester 0 on QEMU's virt), and by command. `expect_msi=its|v2m|none` says what there is.
 */
#include "tests/guest/interrupt.h"

#include <stdlib.h>
#include <string.h>

#include "baregpu/error.h"
#include "baregpu/mmio.h"
#include "firmware/apps/app.h"
#include "tests/guest/lib/tap.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/gic.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/timer.h"

#define REQUESTER_CPU 0u
#define REQUESTER_OTHER 0x0118u
#define ROUNDS 200u
#define ALL_MAX 4096u

static bool is_its;

static void ring(const struct bg_hal_msi *message)
{
    void *page = bg_hal_map(message->address & ~4095ull, 4096, BG_HAL_MEMORY_DEVICE);

    bg_mmio_notify32(page, message->address & 4095, message->data);
}

static struct bg_hal_msi_request request_of(uint32_t requester, uint16_t count, bool is_block)
{
    return (struct bg_hal_msi_request){
        .requester_id = requester, .cpu = BG_HAL_CPU_SELF, .count = count, .is_block = is_block};
}

static void test_doorbell(void)
{
    struct bg_hal_msi_request request = request_of(REQUESTER_CPU, 3, false);
    struct test_count counts[3] = {0};
    struct bg_hal_msi messages[3];
    uint32_t came = 0;
    int got = bg_hal_msi_alloc(&request, messages);

    tap_equal((unsigned)got, 3, "three messages are reserved");
    if (got != 3) {
        tap_diag("%s", interrupt_msi_problem());
        return;
    }
    ring(&messages[0]);
    timer_delay_ns(100000);
    for (uint32_t i = 0; i < 3; i++) {
        tap_equal((unsigned)interrupt_attach(messages[i].interrupt, BG_HAL_TRIGGER_EDGE,
                                             BG_HAL_CPU_SELF, test_count_one, &counts[i]),
                  0, "message %u is attached as interrupt %u", (unsigned)i,
                  (unsigned)messages[i].interrupt);
    }
    timer_delay_ns(100000);
    tap_equal(counts[0].count, 0, "one from before the attachment does not come");
    for (uint32_t i = 0; i < ROUNDS; i++) {
        ring(&messages[i % 3]);
        came += test_count_reaches(&counts[i % 3], i / 3 + 1);
    }
    tap_equal(came, ROUNDS, "each message arrives");
    tap_equal(counts[0].count + counts[1].count + counts[2].count, ROUNDS, "once");

    interrupt_mask(messages[1].interrupt);
    ring(&messages[1]);
    ring(&messages[2]);
    test_count_reaches(&counts[2], ROUNDS / 3 + 1);
    timer_delay_ns(100000);
    tap_equal(counts[1].count, (ROUNDS + 1) / 3, "a masked one does not");
    interrupt_unmask(messages[1].interrupt);
    tap_ok(test_count_reaches(&counts[1], (ROUNDS + 1) / 3 + 1), "before it is unmasked");
    for (uint32_t i = 0; i < 3; i++) {
        interrupt_detach(messages[i].interrupt);
    }
    bg_hal_msi_free(&request, messages, 3);
}

static void test_command(void)
{
    struct bg_hal_msi_request request = request_of(REQUESTER_OTHER, 4, true);
    struct test_count counts[4] = {0};
    struct bg_hal_msi messages[4];
    uint32_t in_row = 0;
    uint32_t came = 0;
    int got = bg_hal_msi_alloc(&request, messages);

    tap_equal((unsigned)got, 4, "a block of four for another requester");
    if (got != 4) {
        return;
    }
    for (uint32_t i = 0; i < 4; i++) {
        in_row += messages[i].data == (messages[0].data | i) &&
                  messages[i].address == messages[0].address && messages[i].data < 65536;
        came += interrupt_attach(messages[i].interrupt, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF,
                                 test_count_one, &counts[i]) == 0;
    }
    tap_ok(in_row == 4 && messages[0].data % 4 == 0, "their data is in a row, as MSI needs it");
    for (uint32_t i = 0; i < 4; i++) {
        interrupt_set_pending(messages[i].interrupt, true);
        came += test_count_reaches(&counts[i], 1);
    }
    tap_equal(came, 8, "by command they arrive");
    tap_equal(interrupt_set_priority(messages[0].interrupt, 0x40), 0, "a message has a priority");
    for (uint32_t i = 0; i < 4; i++) {
        interrupt_detach(messages[i].interrupt);
    }
    bg_hal_msi_free(&request, messages, 4);
    tap_equal((unsigned)interrupt_attach(messages[0].interrupt, BG_HAL_TRIGGER_EDGE,
                                         BG_HAL_CPU_SELF, test_count_one, &counts[0]),
              is_its ? (unsigned)BG_ERR_INVALID : 0, "given back, an LPI is none");
    interrupt_detach(messages[0].interrupt);
}

/* With messages of several devices, until there are no more. */
static void test_exhaustion(void)
{
    struct bg_hal_msi *all = malloc(ALL_MAX * sizeof(*all));
    struct bg_hal_msi_request request;
    uint32_t total[2] = {0};
    uint32_t sizes[ALL_MAX / 32];
    uint32_t distinct = 0;
    int result = 0;

    for (uint32_t round = 0; round < 2; round++) {
        uint32_t devices = 0;

        for (;; devices++) {
            request = request_of(0x100 + 8 * devices, 48, false);
            result = bg_hal_msi_alloc(&request, all + total[round]);
            if (result < 0) {
                break;
            }
            sizes[devices] = (uint32_t)result;
            total[round] += (uint32_t)result;
        }
        if (round == 0) {
            tap_diag("%u messages for %u devices; then: %s", (unsigned)total[0], (unsigned)devices,
                     interrupt_msi_problem());
            for (uint32_t i = 1; i < total[0]; i++) {
                distinct += all[i].interrupt != all[i - 1].interrupt;
            }
            tap_equal(distinct + 1, total[0], "all are distinct");
            tap_equal((unsigned)result, (unsigned)BG_ERR_NO_SPACE, "then there is no more");
        }
        for (uint32_t i = 0, at = 0; i < devices; at += sizes[i++]) {
            request = request_of(0x100 + 8 * i, 48, false);
            bg_hal_msi_free(&request, all + at, sizes[i]);
        }
    }
    tap_ok(total[0] >= 32 && total[0] == total[1], "given back, all are there again");
    free(all);
}

static void test_moving(void)
{
    struct bg_hal_msi_request request = request_of(REQUESTER_CPU, 1, false);
    struct test_count count = {0};
    struct bg_hal_msi message;

    if (bg_hal_msi_alloc(&request, &message) != 1 ||
        interrupt_attach(message.interrupt, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU_SELF, test_count_one,
                         &count)) {
        tap_ok(false, "a message to move");
        return;
    }
    tap_equal((unsigned)interrupt_set_cpu(message.interrupt, BG_HAL_CPU(machine.cpu_count)),
              (unsigned)BG_ERR_INVALID, "a message goes to no CPU that is not there");
    tap_equal((unsigned)interrupt_set_cpu(message.interrupt, BG_HAL_CPU(0)), 0, "but to its own");
    ring(&message);
    tap_ok(test_count_reaches(&count, 1), "and arrives");
    interrupt_detach(message.interrupt);
    bg_hal_msi_free(&request, &message, 1);
}

void test_interrupt_moved_message(uint32_t cpus)
{
    struct bg_hal_msi_request request = request_of(REQUESTER_CPU, 1, false);
    struct test_count count = {0};
    struct bg_hal_msi message;
    uint32_t there = 0;

    if (bg_hal_msi_alloc(&request, &message) != 1) {
        return;
    }
    request.cpu = BG_HAL_CPU(cpus - 1);
    interrupt_attach(message.interrupt, BG_HAL_TRIGGER_EDGE, BG_HAL_CPU(cpus - 1), test_count_one,
                     &count);
    for (uint32_t i = 0; i < cpus; i++) {
        if (i > 0) {
            interrupt_set_cpu(message.interrupt, BG_HAL_CPU(i - 1));
        }
        ring(&message);
        there += test_count_reaches(&count, i + 1) && count.cpu == (i + cpus - 1) % cpus;
    }
    tap_equal(there, cpus, "a message goes to the CPU that it is sent to");
    interrupt_detach(message.interrupt);
    bg_hal_msi_free(&request, &message, 1);
}

static void test_wrong_requests(void)
{
    struct bg_hal_msi messages[4];
    struct bg_hal_msi_request requests[] = {
        request_of(0x10000, 1, false), /* behind the end of the map */
        request_of(1, 0, false),
        request_of(1, 3, true),
    };

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        tap_equal((unsigned)bg_hal_msi_alloc(&requests[i], messages), (unsigned)BG_ERR_INVALID,
                  "a wrong request");
    }
}

void test_interrupt_messages(void)
{
    struct bg_hal_msi_request request = request_of(REQUESTER_CPU, 1, false);
    struct bg_hal_msi message;
    char expected[8] = "";
    int got = bg_hal_msi_alloc(&request, &message);

    app_option("expect_msi", expected, sizeof(expected));
    is_its = got == 1 && message.interrupt >= GIC_LPI_FIRST;
    if (got == 1) {
        bg_hal_msi_free(&request, &message, 1);
    } else {
        tap_diag("no messages: %s", interrupt_msi_problem());
    }
    if (!strcmp(expected, "none")) {
        tap_equal((unsigned)got, (unsigned)BG_ERR_UNSUPPORTED, "there are no messages");
        tap_ok(interrupt_msi_problem(), "and it says why");
        return;
    }
    if (!tap_ok(got == 1, "there are messages")) {
        return;
    }
    if (expected[0]) {
        tap_ok(is_its == !strcmp(expected, "its"), "as LPIs of an ITS, or as SPIs of a frame");
    }
    test_doorbell();
    test_command();
    test_exhaustion();
    test_moving();
    test_wrong_requests();
}
