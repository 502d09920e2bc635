/* SPDX-License-Identifier: BSD-2-Clause */
/* run=test-sst: what its parts share. Each part prints TAP lines. */
#ifndef TESTS_GUEST_SST_H
#define TESTS_GUEST_SST_H

#include "baregpu/virtio_interrupt.h"
#include "firmware/apps/open/sst.h"
#include "firmware/platform/machine.h"

#define TEST_SST_PAIRS 4u
#define TEST_SST_VECTORS BG_VIRTIO_INTERRUPT_QUEUE(BG_SST_QUEUE_EVENT(TEST_SST_PAIRS) + 1u)

/* An accelerator, with its interrupts if it is to have some. */
struct test_sst {
    struct bg_virtio_device device;
    struct bg_virtio_sst sst;
    struct virtio_place place;
    struct bg_virtio_interrupt interrupt;
    struct bg_pci_interrupt_vector vectors[TEST_SST_VECTORS];
    struct bg_interrupt_line line;
};

struct test_sst_setup {
    struct bg_virtio_sst_options driver;
    uint8_t kind; /* enum bg_pci_interrupt_kind at best; NONE: polled */
    bool on_cpus; /* the interrupts of pair n go to CPU n, else to this one */
};

/* Opens number `n`; NOT_FOUND. With interrupts, waits sleep. */
int test_sst_open(struct test_sst *t, unsigned n, const struct test_sst_setup *setup);

/* The same for a device that is open already, but for its interrupts. */
int test_sst_start(struct test_sst *t, const struct test_sst_setup *setup);

int test_sst_close(struct test_sst *t);

/* A number from the command line. */
uint64_t test_sst_option(const char *key, uint64_t fallback);

/* ---- sst_types.c ---- */

/* Each type with good and bad input; `t` has 16 buffers for events or more. */
void test_sst_types(struct test_sst *t);
/* Chains that the driver does not make: short ones, responses elsewhere. `t` is closed. */
void test_sst_chains(unsigned n);
/* Events by callback. It is closed. */
void test_sst_event_callback(unsigned n);
/* What works with nobody behind it. */
void test_sst_alone(struct test_sst *t);
/* On one with the systolic model. */
void test_sst_multiply(struct test_sst *t);
/* On one with the model that docs/sst-sim.md shows. */
void test_sst_example(struct test_sst *t);

/* ---- sst_load.c ---- */

/* What an operation is used for, over and over: write a block, read it, compute, echo it. */
struct test_sst_load {
    struct bg_virtio_sst *sst;
    unsigned pair;
    uint64_t requests; /* to be made */
    uint64_t seed;
    /* What came of it. */
    uint64_t begun, ended, wrong;
    int error;
    bool is_good;
};

/* All operations of a pair at once, until all requests have been made. A status that is not OK
 * counts as wrong. Returns whether everything was right. */
bool test_sst_run_load(struct test_sst_load *load);

/* The same in two steps: polls and waits in between go on with it; `requests` may be lowered to
 * what has begun. */
void test_sst_begin_load(struct test_sst_load *load);
bool test_sst_end_load(struct test_sst_load *load);

void test_sst_load(struct test_sst *t, uint64_t requests);

/* Two accelerators at the same time, the second one on CPU 1. */
void test_sst_both(struct test_sst *first, struct test_sst *second, uint64_t requests);

/* ---- sst_life.c ---- */

/* Goes on until requests have met the statuses in the option `states`, in this order. */
void test_sst_life(struct test_sst *t);

/* ---- sst_plug.c ---- */

/* While `t` works, another accelerator is plugged into a port and asked back, `count` times. */
void test_sst_plug(struct test_sst *t, unsigned count);

/* ---- sst_time.c ---- */

/* With deterministic time: what is printed is the same each time. */
void test_sst_time(struct test_sst *t);

#endif
