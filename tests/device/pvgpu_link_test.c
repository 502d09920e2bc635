/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/* pvgpu: handshake, doorbell and interrupts, with a new backend and with an old one. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pvgpu_fixture.h"

static int start(void **state)
{
    *state = pvgpu_start(true, ",vm_id=77,pool_id=B,priority=high");
    return 0;
}

static int end(void **state)
{
    pvgpu_end(*state);
    return 0;
}

static uint64_t features(struct bg_pvgpu *pvgpu)
{
    return pvgpu_read(pvgpu, BG_PVGPU_REG_FEATURES_LO) |
           (uint64_t)pvgpu_read(pvgpu, BG_PVGPU_REG_FEATURES_HI) << 32;
}

/* ---- Handshake ---- */

static void test_handshake_bytes(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint8_t bytes[256], expected[256] = {1, 0, 0, 0};
    size_t name_size = strlen(pvgpu->object) + 1;
    uint64_t size = PVGPU_TEST_SIZE;

    /* type, payload size, memory size, name: nothing else, and nothing before the ACK. */
    expected[4] = (uint8_t)(8 + name_size);
    memcpy(expected + 8, &size, 8);
    memcpy(expected + 16, pvgpu->object, name_size);
    pvgpu_accept(pvgpu);
    assert_int_equal(socket_read(pvgpu->peer, bytes, 16 + name_size, HARNESS_TIMEOUT_MS),
                     16 + name_size);
    assert_memory_equal(bytes, expected, 16 + name_size);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    pvgpu_expect_nothing(pvgpu);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 1);
    assert_int_equal(features(pvgpu), 0);
}

static void test_new_backend(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct bg_pvgpu_identity identity;
    struct stat file;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake(pvgpu);
    assert_int_equal(pvgpu->shmem_size, PVGPU_TEST_SIZE);
    assert_string_equal(pvgpu->name, pvgpu->object);
    assert_int_equal(fstat(pvgpu->fds[BG_PVGPU_FD_SHMEM], &file), 0);
    assert_int_equal(file.st_size, PVGPU_TEST_SIZE);
    for (int i = BG_PVGPU_FD_DOORBELL; i < BG_PVGPU_DESCRIPTORS; i++) {
        assert_true(fcntl(pvgpu->fds[i], F_GETFL) & O_NONBLOCK);
        assert_int_equal(eventfd_take(pvgpu->fds[i]), 0);
    }
    assert_int_equal(((struct bg_pvgpu_control *)pvgpu->memory)->magic, BG_PVGPU_MAGIC);
    pvgpu_ack(pvgpu, PVGPU_TEST_FEATURES);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
    assert_int_equal(identity.vm_id, 77);
    assert_int_equal(identity.pool_id, 'B');
    assert_int_equal(identity.priority, 2);
    assert_int_equal(identity.reserved, 0);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 5);
    /* What concerns only the two of them is not for the guest. */
    assert_true(features(pvgpu) == PVGPU_TEST_VISIBLE);
    assert_true(((struct bg_pvgpu_control *)pvgpu->memory)->features == PVGPU_TEST_VISIBLE);
    assert_int_equal(pvgpu_statistic(pvgpu, "direct"), 1);
}

static void test_old_backend(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake_old(pvgpu);
    assert_int_equal(((struct bg_pvgpu_control *)pvgpu->memory)->magic, BG_PVGPU_MAGIC);
    pvgpu_ack(pvgpu, 0x1FF);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_STATUS, 5);
    assert_true(features(pvgpu) == 0x1FF);
    assert_int_equal(pvgpu_statistic(pvgpu, "direct"), 0);
    pvgpu_expect_nothing(pvgpu); /* no message that it does not know */
}

static void test_ack_of_zero(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect_old(pvgpu, 0);
    assert_true(features(pvgpu) == 0x9D);
    assert_int_equal(pvgpu_read_memory(pvgpu, PVGPU_CONTROL(features)), 0x9D);
}

static void test_backend_without_base_feature(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake_old(pvgpu);
    pvgpu_ack(pvgpu, BG_PVGPU_FEATURE_COMPUTE_SHADER);
    assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 1);
    assert_true(features(pvgpu) == 0);
    process_wait_text(pvgpu->qemu->process, "it lacks the base feature");
}

/* Cut at every byte. */
static void test_ack_in_pieces(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    uint8_t ack[16] = {2, 0, 0, 0, 8, 0, 0, 0, 0x03};

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake_old(pvgpu);
    for (size_t i = 0; i < sizeof(ack); i++) {
        assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_STATUS), 1);
        assert_true(socket_write(pvgpu->peer, ack + i, 1));
    }
    pvgpu_wait(pvgpu, BG_PVGPU_REG_STATUS, 5);
    assert_true(features(pvgpu) == 3);
}

/* ---- Doorbell ---- */

static void test_doorbell_by_eventfd(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    for (uint32_t i = 1; i < 5; i++) {
        pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, i * 0x11111111);
        assert_int_equal(eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 1);
    }
    pvgpu_expect_nothing(pvgpu);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-doorbell-messages"), 0);
    /* Other widths do not ring. */
    qtest_write(pvgpu->qemu, 2, PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_DOORBELL, 1);
    qtest_write(pvgpu->qemu, 8, PVGPU_REGISTERS_ADDRESS + BG_PVGPU_REG_DOORBELL, 1);
    assert_int_equal(eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 0);
}

static void test_doorbell_by_message(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect_old(pvgpu, 0);
    for (uint32_t i = 0; i < 5; i++) {
        pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, i);
        pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_DOORBELL, NULL, 0);
    }
    pvgpu_expect_nothing(pvgpu);
}

/* An old backend that does not read blocks nobody, and finds a doorbell behind the last ring. */
static void test_doorbells_nobody_reads(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct bg_pvgpu_message message;
    int64_t rung, taken = 0;

    pvgpu_connect_old(pvgpu, 0);
    for (uint32_t i = 0; i < 20000; i++) {
        pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    }
    rung = pvgpu_statistic(pvgpu, "stat-doorbell-messages");
    assert_in_range(rung, 1, 19999); /* the rest was merged */
    assert_int_equal(pvgpu_statistic(pvgpu, "connected"), 1);
    while (taken < rung) {
        assert_int_equal(socket_read(pvgpu->peer, &message, sizeof(message), HARNESS_TIMEOUT_MS),
                         sizeof(message));
        assert_int_equal(message.type, BG_PVGPU_MESSAGE_DOORBELL);
        assert_int_equal(message.size, 0);
        taken++;
    }
    pvgpu_expect_nothing(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_DOORBELL, NULL, 0);
}

/* The guest rang between HANDSHAKE and ACK: that is not lost. */
static void test_doorbell_while_greeting(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct bg_pvgpu_identity identity;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    assert_int_equal(eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 0);
    pvgpu_ack(pvgpu, PVGPU_TEST_FEATURES);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
    assert_int_equal(eventfd_wait(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 1);
}

static void test_doorbell_while_greeting_old(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_accept(pvgpu);
    pvgpu_take_handshake_old(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    pvgpu_expect_nothing(pvgpu);
    pvgpu_ack(pvgpu, 0);
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_DOORBELL, NULL, 0);
}

/* ---- Interrupts: status, mask, INTx ---- */

static void signal_interrupt(struct bg_pvgpu *pvgpu, uint32_t bit)
{
    eventfd_signal(pvgpu->fds[bit == BG_PVGPU_IRQ_FENCE ? BG_PVGPU_FD_FENCE : BG_PVGPU_FD_ERROR]);
}

static void check_intx(struct bg_pvgpu *pvgpu, uint32_t bit)
{
    uint32_t other = bit ^ 3;

    signal_interrupt(pvgpu, bit);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, bit);
    assert_false(pvgpu_intx(pvgpu)); /* masked */
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, other);
    assert_false(pvgpu_intx(pvgpu));
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, bit);
    assert_true(pvgpu_intx(pvgpu));
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, other);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), bit);
    assert_true(pvgpu_intx(pvgpu));
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, bit);
    assert_int_equal(pvgpu_read(pvgpu, BG_PVGPU_REG_IRQ_STATUS), 0);
    assert_false(pvgpu_intx(pvgpu));
    signal_interrupt(pvgpu, bit);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, bit);
    assert_true(pvgpu_intx(pvgpu));
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 0);
    assert_false(pvgpu_intx(pvgpu));
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
}

static void test_interrupts_by_eventfd(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    check_intx(pvgpu, BG_PVGPU_IRQ_FENCE);
    check_intx(pvgpu, BG_PVGPU_IRQ_ERROR);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-fence-interrupts"), 2);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-error-interrupts"), 2);
}

/* An old backend's, whatever its vector, is the fence's. */
static void test_interrupt_by_message(void **state)
{
    static const uint32_t vectors[] = {0, 1, 2, 0xFFFFFFFF};
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect_old(pvgpu, 0);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_false(pvgpu_intx(pvgpu));
        pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &vectors[i], 4);
        pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, BG_PVGPU_IRQ_FENCE);
        assert_true(pvgpu_intx(pvgpu));
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    }
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-fence-interrupts"), 4);
}

/* The flags of an eventfd are its backend's as well as QEMU's: reading one that is empty, as at the
 * end of a session, must not stop the machine. */
static void test_eventfds_that_block(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    assert_int_equal(fcntl(pvgpu->fds[BG_PVGPU_FD_FENCE], F_SETFL, 0), 0);
    assert_int_equal(fcntl(pvgpu->fds[BG_PVGPU_FD_ERROR], F_SETFL, 0), 0);
    signal_interrupt(pvgpu, BG_PVGPU_IRQ_FENCE);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, BG_PVGPU_IRQ_FENCE);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
}

/* Eventfds that an old backend never saw do nothing for it, and neither does a new one's session
 * outlive its connection. */
static void test_eventfds_of_a_past_session(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    int fence, doorbell;

    pvgpu_connect(pvgpu);
    fence = dup(pvgpu->fds[BG_PVGPU_FD_FENCE]);
    doorbell = dup(pvgpu->fds[BG_PVGPU_FD_DOORBELL]);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
    eventfd_signal(fence);
    pvgpu_write(pvgpu, BG_PVGPU_REG_DOORBELL, 1);
    assert_int_equal(eventfd_take(pvgpu->fds[BG_PVGPU_FD_DOORBELL]), 1);
    assert_int_equal(eventfd_take(doorbell), 0);
    signal_interrupt(pvgpu, BG_PVGPU_IRQ_ERROR); /* behind the other: the handlers have run */
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, BG_PVGPU_IRQ_ERROR);
    close(fence);
    close(doorbell);
}

/* ---- MSI-X ---- */

static void test_msix(void **state)
{
    struct bg_pvgpu *pvgpu = *state;

    pvgpu_connect(pvgpu);
    pvgpu_enable_msix(pvgpu);
    for (unsigned vector = 0; vector < 2; vector++) {
        uint32_t bit = 1u << vector;

        signal_interrupt(pvgpu, bit);
        pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, bit);
        assert_false(pvgpu_take_msix(pvgpu, vector)); /* masked */
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, bit);
        assert_true(pvgpu_take_msix(pvgpu, vector)); /* status and mask meet */
        assert_false(pvgpu_intx(pvgpu));
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 3);
        assert_false(pvgpu_take_msix(pvgpu, vector)); /* they had met before */
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, bit);
        signal_interrupt(pvgpu, bit);
        pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, bit);
        assert_true(pvgpu_take_msix(pvgpu, vector));
        assert_false(pvgpu_take_msix(pvgpu, vector ^ 1));
        /* A guest that does not clear the status gets the next one all the same. */
        signal_interrupt(pvgpu, bit);
        pvgpu_wait_statistic(pvgpu, vector ? "stat-error-interrupts" : "stat-fence-interrupts", 3);
        assert_true(pvgpu_take_msix(pvgpu, vector));
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 0);
        pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 3);
    }
}

/* What is pending moves to INTx when MSI-X is switched off, and back. */
static void test_msix_off_and_on(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    unsigned capability;

    pvgpu_connect(pvgpu);
    pvgpu_enable_msix(pvgpu);
    for (capability = pvgpu_config(pvgpu, 1, 0x34); pvgpu_config(pvgpu, 1, capability) != 0x11;
         capability = pvgpu_config(pvgpu, 1, capability + 1)) {
    }
    pvgpu_write(pvgpu, BG_PVGPU_REG_IRQ_MASK, 1);
    signal_interrupt(pvgpu, BG_PVGPU_IRQ_FENCE);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    assert_true(pvgpu_take_msix(pvgpu, 0));
    assert_false(pvgpu_intx(pvgpu));
    qtest_write(pvgpu->qemu, 2, pci_config_address(0, PVGPU_SLOT, 0, capability + 2), 0);
    assert_true(pvgpu_intx(pvgpu));
    qtest_write(pvgpu->qemu, 2, pci_config_address(0, PVGPU_SLOT, 0, capability + 2), 0x8000);
    assert_false(pvgpu_intx(pvgpu));
    assert_int_equal(pvgpu_config(pvgpu, 2, capability + 2) & 0x7FF, 1); /* two vectors */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_handshake_bytes),
        TEST(test_new_backend),
        TEST(test_old_backend),
        TEST(test_ack_of_zero),
        TEST(test_backend_without_base_feature),
        TEST(test_ack_in_pieces),
        TEST(test_doorbell_by_eventfd),
        TEST(test_doorbell_by_message),
        TEST(test_doorbells_nobody_reads),
        TEST(test_doorbell_while_greeting),
        TEST(test_doorbell_while_greeting_old),
        TEST(test_interrupts_by_eventfd),
        TEST(test_interrupt_by_message),
        TEST(test_eventfds_that_block),
        TEST(test_eventfds_of_a_past_session),
        TEST(test_msix),
        TEST(test_msix_off_and_on),
    };

    pvgpu_use_cmocka();
    return cmocka_run_group_tests_name("pvgpu link", tests, NULL, NULL);
}
