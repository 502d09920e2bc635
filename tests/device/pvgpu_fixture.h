/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the pvgpu device share: QEMU under qtest with one device, and the test itself
 * as the backend on the other end of its socket: an old one, which knows five messages and opens
 * the shared memory by its name, or a new one, which takes the descriptors.
 */
#ifndef TESTS_DEVICE_PVGPU_FIXTURE_H
#define TESTS_DEVICE_PVGPU_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness_qemu.h"
#include "protocol/pvgpu.h"
#include "protocol/pvgpu_command.h"

#define PVGPU_PATH "/machine/peripheral/gpu"
#define PVGPU_SLOT 1
/* Where the tests put the BARs; the memory has 64 MiB unless a test says otherwise. */
#define PVGPU_REGISTERS_ADDRESS PCI_MEM32_BASE
#define PVGPU_MSIX_ADDRESS (PCI_MEM32_BASE + 0x1000)
#define PVGPU_SHMEM_ADDRESS (PCI_MEM32_BASE + 0x10000000)
#define PVGPU_TEST_SIZE 0x4000000u

/* What a new backend acknowledges in these tests, and what the guest sees of it. */
#define PVGPU_TEST_VISIBLE                                                                         \
    (BG_PVGPU_FEATURE_D3D11 | BG_PVGPU_FEATURE_VSYNC | BG_PVGPU_FEATURE_CONTROL_WORDS |            \
     BG_PVGPU_FEATURE_SCANOUT)
#define PVGPU_TEST_FEATURES (PVGPU_TEST_VISIBLE | BG_PVGPU_FEATURE_DIRECT)

#define RAM_ADDRESS (qtest_machine()->ram)

struct bg_pvgpu {
    struct qemu *qemu;
    unsigned bus, slot;
    char *path;   /* of the backend's socket */
    int listener; /* -1: no backend */
    int peer;     /* the present connection, or -1 */

    /* Of the last handshake. */
    int fds[BG_PVGPU_DESCRIPTORS]; /* -1: did not come */
    uint64_t shmem_size;
    char name[BG_PVGPU_SHMEM_NAME_MAX + 1];
    uint8_t *memory; /* the backend's mapping, or NULL */

    char object[BG_PVGPU_SHMEM_NAME_MAX + 1]; /* the device's shared memory, or "" */
};

void pvgpu_use_cmocka(void);

/* ---- Start and end ---- */

/* @properties: "" or ",name=value,...". With a listener when @listen. */
struct bg_pvgpu *pvgpu_start(bool listen, const char *properties);
/* The same with the whole of the command line behind -M virt; %s in it is the socket's path. The
 * device is not enabled. */
struct bg_pvgpu *pvgpu_start_line(bool listen, const char *line);
void pvgpu_end(struct bg_pvgpu *pvgpu);
/* Sets ->object; needed again after a hot-plug. */
void pvgpu_find_object(struct bg_pvgpu *pvgpu);
/* Places the BARs of the device at @bus, @slot and switches decoding and bus mastering on. */
void pvgpu_enable(struct bg_pvgpu *pvgpu, unsigned bus, unsigned slot);

/* ---- Guest's side ---- */

uint32_t pvgpu_read(struct bg_pvgpu *pvgpu, uint32_t offset);
void pvgpu_write(struct bg_pvgpu *pvgpu, uint32_t offset, uint32_t value);
/* Until the register has the value. */
void pvgpu_wait(struct bg_pvgpu *pvgpu, uint32_t offset, uint32_t value);
/* In the shared memory. */
uint32_t pvgpu_read_memory(struct bg_pvgpu *pvgpu, uint32_t offset);
void pvgpu_write_memory(struct bg_pvgpu *pvgpu, uint32_t offset, uint32_t value);
#define PVGPU_CONTROL(field) ((uint32_t)offsetof(struct bg_pvgpu_control, field))
uint32_t pvgpu_config(struct bg_pvgpu *pvgpu, unsigned size, unsigned offset);
/* Bit 3 of the PCI status register: INTx is asserted. */
bool pvgpu_intx(struct bg_pvgpu *pvgpu);
int64_t pvgpu_statistic(struct bg_pvgpu *pvgpu, const char *name);
void pvgpu_wait_statistic(struct bg_pvgpu *pvgpu, const char *name, int64_t count);

/* MSI-X on, each vector's message is a word of the guest's RAM. */
void pvgpu_enable_msix(struct bg_pvgpu *pvgpu);
/* True when that vector came since the last time. */
bool pvgpu_take_msix(struct bg_pvgpu *pvgpu, unsigned vector);

/* ---- Backend's side ---- */

/* The next connection, without reading from it. The one before is closed. */
void pvgpu_accept(struct bg_pvgpu *pvgpu);
/* Its HANDSHAKE, with its descriptors, as a new backend takes it; maps the memory. */
void pvgpu_take_handshake(struct bg_pvgpu *pvgpu);
/* The same, by plain read() and shm_open(), as an old one does. */
void pvgpu_take_handshake_old(struct bg_pvgpu *pvgpu);
void pvgpu_hang_up(struct bg_pvgpu *pvgpu);
void pvgpu_unmap(struct bg_pvgpu *pvgpu);

void pvgpu_send(struct bg_pvgpu *pvgpu, uint32_t type, const void *payload, uint32_t size);
void pvgpu_send_fd(struct bg_pvgpu *pvgpu, uint32_t type, const void *payload, uint32_t size,
                   int fd);
void pvgpu_ack(struct bg_pvgpu *pvgpu, uint64_t features);
/* The next message must be this one; its payload, of @size bytes, to @payload. */
void pvgpu_expect(struct bg_pvgpu *pvgpu, uint32_t type, void *payload, uint32_t size);
/* There is no message, and there will not be one until QEMU has answered us once more. */
void pvgpu_expect_nothing(struct bg_pvgpu *pvgpu);

/* All of it: a session with a new or an old backend stands when it returns. */
void pvgpu_connect(struct bg_pvgpu *pvgpu);
void pvgpu_connect_old(struct bg_pvgpu *pvgpu, uint64_t features);

/* Virtual time goes on, until the device has tried again to connect. */
void pvgpu_step_retry(struct bg_pvgpu *pvgpu);

/*
 * The QMP command blocks until the backend has paused, so somebody else must answer meanwhile:
 * from begin to end, a thread answers each PAUSE on the present connection, and drops RESUME and
 * RESET.
 */
void pvgpu_answer_pauses_begin(struct bg_pvgpu *pvgpu);
/* How many there were. */
unsigned pvgpu_answer_pauses_end(struct bg_pvgpu *pvgpu);
void pvgpu_stop(struct bg_pvgpu *pvgpu); /* with exactly one PAUSE */
void pvgpu_go_on(struct bg_pvgpu *pvgpu);

/* ---- Behind a root port, where it can be unplugged ---- */

#define PVGPU_PORT_SLOT 2

/* For cmocka's setup: the device on bus 1, enabled. */
int pvgpu_start_port(void **state);
/* The port's windows and the device's BARs. */
void pvgpu_enable_port(struct bg_pvgpu *pvgpu);
/* As a guest answers a removal request; until the device is gone. */
void pvgpu_unplug(struct bg_pvgpu *pvgpu);
void pvgpu_replug(struct bg_pvgpu *pvgpu);
/* pvgpu_connect(); a slot that is switched on resets what is in it, also a device that has
 * connected already. */
void pvgpu_connect_in_slot(struct bg_pvgpu *pvgpu);
/* A doorbell, an interrupt, a word of memory. IRQ_STATUS is 0. */
void pvgpu_check_works(struct bg_pvgpu *pvgpu);

/* There is a shared-memory object of this name. */
bool pvgpu_object_exists(const char *name);

/* Of an eventfd: its count, 0 when it has none now. */
uint64_t eventfd_take(int fd);
void eventfd_signal(int fd);
/* Waits for it. */
uint64_t eventfd_wait(int fd);

#endif
