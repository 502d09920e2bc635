/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c
/*
 * Interrupts of QEMU's devices, of every kind, on every interrupt controller, to the last of 1, 2
 * and 4 CPUs; and interrupts in trouble. The guest's test-irq-devices and test-irq-trouble.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_tap.h"
#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"

#define LATE_MS 150u

#define MODERN_MMIO "-global virtio-mmio.force-legacy=false "

/* Eight that need no messages: the stub's pin arrives at the same line as another device's. */
#define PLAIN_DEVICES                                                                              \
    MODERN_MMIO "-device virtio-rng-pci,addr=1 -device virtio-rng-pci,addr=2,packed=on "           \
                "-device virtio-gpu-pci,addr=3 -device vgpu-stub,addr=5,socket=%s "                \
                "-device virtio-rng-device -device virtio-gpu-device "                             \
                "-device pci-bridge,id=old,chassis_nr=1,msi=off,addr=4 "                           \
                "-device virtio-rng-pci,bus=old,addr=7 -device virtio-rng-pci,bus=old,addr=8 "
#define PLAIN_COUNT 8u

/* What has MSI, or insists on messages. Behind bridges of both kinds. */
#define MESSAGE_DEVICES                                                                            \
    "-device edu,addr=6 -device pcie-root-port,id=rp1,chassis=2,addr=7 "                           \
    "-device pcie-pci-bridge,id=pci,bus=rp1 -device virtio-rng-pci,bus=pci,addr=3 "                \
    "-device edu,bus=pci,addr=5 -device pcie-root-port,id=rp2,chassis=3,addr=8 "                   \
    "-device virtio-rng-pci,bus=rp2 "
#define MESSAGE_COUNT 4u

static struct process *mediator;
static char *mediator_socket;

static void run_devices(const char *machine, bool has_msi, unsigned cpus, const char *more)
{
    char *plain = harness_format(PLAIN_DEVICES, mediator_socket);
    char *arguments =
        harness_format("%s%s -smp %u %s", plain, has_msi ? MESSAGE_DEVICES : "", cpus, more);
    char *append = harness_format("run=test-irq-devices msi=%d cpu=%u devices=%u", has_msi,
                                  cpus - 1, PLAIN_COUNT + (has_msi ? MESSAGE_COUNT : 0));
    const struct guest_options guest = {
        .machine = machine, .append = append, .arguments = arguments};

    free(guest_tap_run(&guest));
    free(append);
    free(arguments);
    free(plain);
}

static void gicv2(void **state)
{
    (void)state;
    for (unsigned cpus = 1; cpus <= 4; cpus *= 2) {
        run_devices("virt,gic-version=2", true, cpus, "");
    }
}

static void gicv3(void **state)
{
    (void)state;
    for (unsigned cpus = 1; cpus <= 4; cpus *= 2) {
        run_devices("virt,gic-version=3", true, cpus, "");
    }
}

static void gicv3_without_its(void **state)
{
    (void)state;
    for (unsigned cpus = 1; cpus <= 4; cpus *= 2) {
        run_devices("virt,gic-version=3,its=off", false, cpus, "");
    }
}

/* Other exception levels, and a scheduler that runs one virtual CPU at a time. */
static void other_machines(void **state)
{
    (void)state;
    run_devices("virt,gic-version=3,virtualization=on", true, 2, "");
    run_devices("virt,gic-version=2,secure=on", true, 1, "");
    run_devices("virt,gic-version=3", true, 2, "-accel tcg,thread=single");
    run_devices("virt,gic-version=3,highmem=off", true, 1, "");
}

/* ---- Trouble ---- */

/*
 * A storm is many interrupts with hardly a pause between them. So the guest's time is counted in
 * instructions: it stands still while the host runs something else.
 */
static void trouble(void **state)
{
    static const char *const machines[] = {"virt,gic-version=2", "virt,gic-version=3"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct guest_options guest = {
            .machine = machines[i],
            .append = "run=test-irq-trouble msi=1",
            .arguments = "-device virtio-rng-pci,addr=2 -device edu,addr=6 -icount shift=3",
        };

        free(guest_tap_run(&guest));
    }
}

/* A mediator that takes its time. False: the guest has ended. */
static bool answer_late(int peer)
{
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    struct {
        struct bg_vgpu_stub_message header;
        struct bg_vgpu_stub_response response;
    } answer = {.response = {.version = BG_VGPU_STUB_PROTOCOL_VERSION,
                             .status = BG_COMPUTE_OK,
                             .data_offset = sizeof(answer.response)}};

    if (socket_read(peer, &answer.header, sizeof(answer.header), HARNESS_TIMEOUT_MS) !=
        sizeof(answer.header)) {
        return false;
    }
    assert_int_equal(answer.header.type, BG_VGPU_STUB_MESSAGE_REQUEST);
    assert_int_equal(socket_read(peer, payload, answer.header.payload_length, HARNESS_TIMEOUT_MS),
                     answer.header.payload_length);
    answer.header.type = BG_VGPU_STUB_MESSAGE_RESPONSE;
    answer.header.payload_length = sizeof(answer.response);
    assert_false(socket_wait_closed(peer, LATE_MS));
    return socket_write(peer, &answer, sizeof(answer));
}

static void late(void **state)
{
    static const char *const machines[] = {"virt,gic-version=2", "virt,gic-version=3"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        char *path = harness_temp_path("late.sock");
        int listener = unix_listen(path, 1);
        char *append = harness_format("run=test-irq-trouble late=%u console=semihosting", LATE_MS);
        char *arguments = harness_format("-device vgpu-stub,socket=%s", path);
        const struct guest_options guest = {
            .machine = machines[i], .append = append, .arguments = arguments};
        struct process *process = guest_start(&guest);
        int peer = unix_accept(listener, HARNESS_TIMEOUT_MS);

        assert_true(peer >= 0);
        while (answer_late(peer)) {
        }
        int status = process_wait(process);

        if (status != 0) {
            process_show(process);
        }
        assert_int_equal(status, 0);
        process_end(process);
        close(peer);
        close(listener);
        free(arguments);
        free(append);
        free(path);
    }
}

/* Also on what people have installed, if it is another one: without our device. */
static void the_distributions_qemu(void **state)
{
    const char *installed = "/usr/bin/qemu-system-aarch64";

    (void)state;
    if (access(installed, X_OK) != 0 || getenv("BAREGPU_QEMU") != NULL) {
        skip();
    }
    setenv("BAREGPU_QEMU", installed, 1);
    for (unsigned version = 2; version <= 3; version++) {
        char *machine = harness_format("virt,gic-version=%u", version);
        const struct guest_options guest = {
            .machine = machine,
            .append = "run=test-irq-devices msi=1 cpu=1 devices=8",
            .arguments = MODERN_MMIO MESSAGE_DEVICES
            "-device virtio-rng-pci,addr=1 -device virtio-gpu-pci,addr=2 "
            "-device virtio-rng-device -device virtio-gpu-device -smp 2",
        };

        free(guest_tap_run(&guest));
        free(machine);
    }
    unsetenv("BAREGPU_QEMU");
}

static int begin(void **state)
{
    (void)state;
    mediator_socket = harness_temp_path("mediator.sock");
    mediator = mediator_start("--socket %s --backend cpu", mediator_socket);
    return 0;
}

static int end(void **state)
{
    (void)state;
    process_end(mediator);
    free(mediator_socket);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gicv2),
        cmocka_unit_test(gicv3),
        cmocka_unit_test(gicv3_without_its),
        cmocka_unit_test(other_machines),
        cmocka_unit_test(trouble),
        cmocka_unit_test(late),
        cmocka_unit_test(the_distributions_qemu),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, begin, end);
}
