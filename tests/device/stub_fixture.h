/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the vgpu-stub device share: QEMU under qtest with one device, and the test
 * itself as the mediator on the other end of its socket.
 */
#ifndef TESTS_DEVICE_STUB_FIXTURE_H
#define TESTS_DEVICE_STUB_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness_qemu.h"
#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"

#define STUB_PATH "/machine/peripheral/gpu"
#define STUB_SLOT 1
#define STUB_BAR_ADDRESS PCI_MEM32_BASE

struct stub {
    struct qemu *qemu;
    uint64_t bar;
    char *path;   /* of the mediator's socket */
    int listener; /* -1: no mediator */
    int peer;     /* the present connection, or -1 */
};

/* Leaves a test by cmocka's fail() where the harness gives up; called first in main(). */
void stub_use_cmocka(void);

/* @properties: "" or ",name=value,...". With a listener when @listen; its backlog is 8. */
struct stub *stub_start(bool listen, const char *properties);
/* The same with the whole of the command line behind -M virt; %s in it is the socket's path. */
struct stub *stub_start_line(bool listen, const char *line);
void stub_end(struct stub *stub);
/* Sets BAR0 of the device at @bus, slot @slot and switches memory decoding on. */
void stub_enable(struct stub *stub, unsigned bus, unsigned slot, uint64_t bar);

uint32_t stub_read(struct stub *stub, uint32_t offset);
void stub_write(struct stub *stub, uint32_t offset, uint32_t value);

/* REQUEST_ID, the buffer and REQUEST_LEN; then the doorbell. */
void stub_submit(struct stub *stub, uint32_t id, const void *request, uint32_t size);
/* Polls STATUS until it is not BUSY any more, and returns it. */
uint32_t stub_poll(struct stub *stub);
/* Waits without touching the device: its statistics count up to @count. */
void stub_wait_statistic(struct stub *stub, const char *name, int64_t count);
int64_t stub_statistic(struct stub *stub, const char *name);
void stub_expect_error(struct stub *stub, uint32_t code);
void stub_expect_done(struct stub *stub);
/* Bit 3 of the PCI status register: INTx is asserted. */
bool stub_intx(struct stub *stub);

/* The socket's next connection becomes the peer; the one before is closed. */
void stub_accept(struct stub *stub);
void stub_hang_up(struct stub *stub);
/* The next message must be a REQUEST; its header, payload to @payload (1024 bytes). */
struct bg_vgpu_stub_message stub_take(struct stub *stub, void *payload);
/* A message from the mediator. */
size_t stub_message(uint8_t *out, uint32_t type, uint32_t id, const void *payload, uint16_t size);
void stub_answer(struct stub *stub, uint32_t type, uint32_t id, const void *payload, uint16_t size);
/* A response of 32 bytes with this status. */
void stub_answer_status(struct stub *stub, uint32_t id, uint32_t status);

/* One whole request that succeeds: proves that the device works. Connects when need be. */
void stub_check_works(struct stub *stub, uint32_t id);

#endif
