/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's side of virtio-sst in the hands of a test, see sst_fixture.h: both wires. */
#ifndef TESTS_DEVICE_SST_SIMULATOR_H
#define TESTS_DEVICE_SST_SIMULATOR_H

#include "sst_fixture.h"

#define SIM_ALL (BG_SST_WIRE_EVENTS | BG_SST_WIRE_CANCEL)

/* ---- Connection ---- */

/* The next connection becomes the peer; the one before is closed. */
void sim_accept(struct sst *sst);
void sim_hang_up(struct sst *sst);
void sim_listen(struct sst *sst);
/* Reads the probe and checks it. */
struct bg_sst_hello sim_take_hello(struct sst *sst);
/* The answer of an old simulator: status BG_SST_INVALID. Waits until the device has it. */
void sim_refuse_hello(struct sst *sst);
/* The answer of one with the extension. */
void sim_answer_hello(struct sst *sst, uint64_t features);
/* All of it. */
void sim_connect_old(struct sst *sst);
/* With the first frame, which tells of the machine's own reset. */
void sim_connect(struct sst *sst, uint64_t features);
/* sst_begin_test(), with SIM_ALL. */
int sim_begin_test(void **state);

/* ---- Old wire ---- */

struct bg_sst_request sim_take_old(struct sst *sst);
struct bg_sst_response sim_response(uint32_t status, uint64_t id, uint64_t result);
void sim_answer_old(struct sst *sst, const struct bg_sst_response *response);
/* Nothing comes that has not been taken. */
void sim_expect_silence(struct sst *sst);

/* ---- Frames ---- */

struct sim_record {
    struct bg_sst_record record;
    union {
        struct bg_sst_request request; /* with its zeros */
        struct bg_sst_reset_notice notice;
    } body;
};

/* The next record; reads the next frame when all of this one are taken. sst->sim_header is the
 * frame's header. */
struct sim_record sim_take(struct sst *sst);
/* The next one must be a request. */
struct sim_record sim_take_request(struct sst *sst);
/* The next one must be a reset notice. */
void sim_expect_reset(struct sst *sst, uint32_t reason);

/* A frame under construction. */
struct sim_frame {
    struct bg_sst_frame header;
    uint8_t data[64 << 10]; /* header first */
    uint32_t size;
};

void sim_frame_begin(struct sim_frame *frame);
void sim_frame_add(struct sim_frame *frame, uint16_t kind, uint64_t tag, uint64_t time_ns,
                   uint64_t cycles, const void *body, uint32_t size);
/* With the header that `frame` has; magic, size and count are right unless set before. */
void sim_frame_send(struct sst *sst, struct sim_frame *frame);
/* One answer with `size` bytes of `response` in a frame of its own. */
void sim_answer(struct sst *sst, uint64_t tag, const struct bg_sst_response *response,
                uint32_t size);
void sim_answer_status(struct sst *sst, uint64_t tag, uint32_t status);
void sim_event(struct sst *sst, const struct bg_sst_event *event);
/* One request that succeeds. */
void sim_check_works(struct sst *sst, uint64_t id);

#endif
