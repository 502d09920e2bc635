/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of virtio-sst share: QEMU under qtest with one device, a guest's driver (this
 * project's virtqueues, over the guest's memory that is mapped here, too), and in
 * sst_simulator.h the simulator on the other end of the socket.
 */
#ifndef TESTS_DEVICE_SST_FIXTURE_H
#define TESTS_DEVICE_SST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "baregpu/virtqueue.h"
#include "harness_qemu.h"
#include "protocol/sst.h"

#define SST_PATH "/machine/peripheral/sst"
#define SST_SLOT 1
#define SST_CHAINS 256    /* of the guest at once */
#define SST_PATTERN 0xA5u /* in buffers before the device writes */

enum sst_bus {
    SST_MMIO, /* PCI where the machine has no virtio-mmio */
    SST_PCI,
    SST_PORT, /* PCI, behind a root port "rp1" in slot 2 */
};

struct sst_setup {
    enum sst_bus bus;
    const char *properties; /* ",name=value,..." of the device, or NULL */
    const char *arguments;  /* further words for QEMU, or NULL */
    uint64_t features;      /* wanted besides BG_SST_F_ALL and SST_RING_FEATURES; 0: none */
    bool no_simulator;      /* nobody listens */
    bool no_driver;         /* the driver does not start */
    bool legacy;            /* virtio-mmio of version 1 */
    const char *socket;     /* NULL: one of its own */
};

#define SST_RING_FEATURES (BG_VIRTIO_F_INDIRECT_DESC | BG_VIRTIO_F_EVENT_IDX)

/* A request of the guest, or a buffer that it posts. */
struct sst_chain {
    unsigned queue;
    uint8_t *readable, *writable; /* the guest's memory */
    uint32_t readable_size, writable_size;
    uint64_t readable_address, writable_address;
    bool done;
    uint32_t written; /* as the device says */
};

struct sst {
    struct sst_setup setup;
    struct qemu *qemu;
    char *path;   /* of the simulator's socket */
    int listener; /* -1: none */
    int peer;     /* the present connection, or -1 */

    uint8_t *memory; /* the guest's */
    char *memory_path;
    uint64_t used; /* bytes of it */
    struct bg_virtio_device device;
    struct bg_virtqueue queues[2 * BG_SST_PAIRS_MAX + 1];
    unsigned queue_count, pairs;
    struct sst_chain chains[SST_CHAINS];
    unsigned chain_count;

    /* Of the simulator, see sst_simulator.h. */
    uint64_t sim_sequence;
    bool sim_knows_guest; /* the machine's reset was told */
    uint8_t *sim_frame;
    struct bg_sst_frame sim_header;
    uint32_t sim_offset;
};

/* Of a virtio-mmio transport; skips the test where the machine has none. */
uint64_t sst_mmio_address(unsigned number);

/* Leaves a test by cmocka's fail() where the harness gives up; called first in main(). */
void sst_use_cmocka(void);

struct sst *sst_start(const struct sst_setup *setup);
void sst_end(struct sst *sst);
/* The same for cmocka, whose state before is the const struct sst_setup. */
int sst_begin_test(void **state);
int sst_end_test(void **state);
/* The mmio_* and hal_* of the driver go to this one from here on. sst_start selects. */
void sst_select(struct sst *sst);
/* Finds the device and brings up the driver: on a fresh machine, or after sst_close_driver. */
void sst_open_driver(struct sst *sst);
/* The guest's memory was copied from one to the other: so is the driver, whose chains are still
 * those of `from`. Their memory is to's from here on; `from` only has to be ended, after it. */
void sst_adopt_guest(struct sst *to, struct sst *from);
/* Forgets the driver's state without touching the device. */
void sst_forget_driver(struct sst *sst);

/* ---- The guest ---- */

struct bg_sst_request sst_request(uint32_t type, uint64_t id);
/* A chain with these sizes (0: no such part); the writable part is full of SST_PATTERN. Kicked. */
struct sst_chain *sst_add(struct sst *sst, unsigned queue, const void *readable,
                          uint32_t readable_size, uint32_t writable_size);
/* The same, not kicked. */
struct sst_chain *sst_prepare(struct sst *sst, unsigned queue, const void *readable,
                              uint32_t readable_size, uint32_t writable_size);
void sst_kick(struct sst *sst, unsigned queue);
/* On pair 0, the response in the chain. */
struct sst_chain *sst_submit(struct sst *sst, const struct bg_sst_request *request);
struct sst_chain *sst_submit_compute(struct sst *sst, uint64_t id);
/* Until the device has used it. */
void sst_wait(struct sst *sst, struct sst_chain *chain);
/* Looks at all queues once. */
void sst_poll(struct sst *sst);
/* It is not used, and will not be for what has happened so far. */
void sst_expect_pending(struct sst *sst, const struct sst_chain *chain);
/* Waits, then checks length, status, id and user_data; returns the response. */
const struct bg_sst_response *sst_expect(struct sst *sst, struct sst_chain *chain, uint32_t status);
/* A whole request with this type and id, and its end. */
const struct bg_sst_response *sst_do(struct sst *sst, uint32_t type, uint64_t id, uint32_t status);
/* Everything from here to the end is zero. */
void sst_expect_zero(const uint8_t *data, size_t size);
/* All chains are done: they and their memory may be used again. */
void sst_recycle(struct sst *sst);

int64_t sst_statistic(struct sst *sst, const char *name);
void sst_wait_statistic(struct sst *sst, const char *name, int64_t count);
/* A string property. To be freed. */
char *sst_property(struct sst *sst, const char *name);
void sst_wait_wire(struct sst *sst, const char *wire);

#endif
