/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver of virtio-sst and a device in memory: what its unit tests share. */
#ifndef TESTS_UNIT_VIRTIO_SST_DRIVER_FIXTURE_H
#define TESTS_UNIT_VIRTIO_SST_DRIVER_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baregpu/virtio_sst.h"
#include "tests/fake/virtio.h"

#define QUEUE_SIZE 128u
#define HEAD offsetof(struct bg_sst_response, payload)

extern struct fake_virtio fake;
extern struct bg_virtio_device device;
extern struct bg_virtio_sst sst;

/* How the device answers. */
struct sst_sim {
    bool holds; /* requests, for complete() */
    uint32_t status;
    uint32_t written;  /* 0: all */
    uint32_t fails_at; /* the n-th request, from 1, is BG_SST_INVALID; 0: none */
    unsigned count;
    struct bg_sst_request last;
    uint8_t memory[65536];
};

extern struct sst_sim sim;

/* Fills the response of a chain, which is not completed. */
void respond(const struct fake_virtio_request *chain);

/* The held request `number` of a pair is answered; how many there are. */
void complete(unsigned pair, size_t number);
size_t held(unsigned pair);

void send_event(uint32_t type, uint64_t data, uint32_t written);

/* A deadline. */
uint64_t soon(void);

/* ---- cmocka's fixtures: a device with one pair, not opened; and closed, nothing is left ---- */

int set_up_split(void **state);
int set_up_packed(void **state);
int tear_down(void **state);

#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup_teardown(test, set_up_split, tear_down),                                \
        cmocka_unit_test_setup_teardown(test, set_up_packed, tear_down)

extern uint64_t ring_features; /* of the test that runs */

/* Another device instead. */
void prepare(uint64_t features, unsigned pairs);
void open_driver(uint16_t pairs, uint16_t depth, uint16_t events);

/* ---- Many at once ---- */

extern unsigned ends; /* operations of submit_all that have ended */

/* Takes and submits all operations of pair 0; counts[i] says how often the i-th has ended. */
unsigned submit_all(struct bg_virtio_sst_op **ops, unsigned *counts);

#endif
