/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulator without its sockets, and QEMU's device in the hands of a test: what is put into the
 * stream is given to the simulator by feed(), what it answers is taken piece by piece.
 */
#ifndef TESTS_UNIT_SST_FIXTURE_H
#define TESTS_UNIT_SST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "host/sst-sim/device.h"

#define PADDED(size) (((size) + 7u) & ~7u)
#define REQUEST_HEAD offsetof(struct bg_sst_request, payload)

extern struct sst_device *device;
extern uint8_t stream[1 << 21]; /* what the simulator is given next */
extern size_t stream_size;
extern size_t output_size, output_taken; /* of what it has answered */
extern uint64_t sequence;                /* of the last frame */

/* ---- Life: `end` is cmocka's teardown ---- */

void start(const struct sst_model_ops *model, bool is_old_only);
int end(void **state);

/* ---- Bytes ---- */

void put(const void *bytes, size_t size);
/* Gives the stream in pieces; false when the simulator refuses it. */
bool feed(size_t piece);

/* ---- Requests ---- */

struct bg_sst_request make_request(uint32_t type, uint64_t id);
struct bg_sst_request make_compute(uint64_t id, uint64_t units, uint32_t latency);
struct bg_sst_request make_range(uint32_t type, uint64_t address, uint32_t size);
struct bg_sst_request make_configure(uint32_t param, uint64_t value);

/* ---- The old wire ---- */

struct bg_sst_response take_old(void);
struct bg_sst_response ask_old(const struct bg_sst_request *request);
/* The same; the status alone for CONFIGURE. */
struct bg_sst_response ask(const struct bg_sst_request *request);
uint32_t configure(uint32_t param, uint64_t value);

/* ---- Frames ---- */

struct bg_sst_hello_reply greet(uint64_t features, uint64_t time_ns);
/* A frame under construction is the end of the stream. */
void begin_frame(bool is_sync, uint64_t time_ns);
void add_record(uint16_t kind, uint64_t tag, const void *body, uint32_t size);
void add_request(uint64_t tag, const struct bg_sst_request *request);
struct bg_sst_frame take_frame(void);
struct bg_sst_record take_record(void *body, size_t body_size);
/* `record` may be NULL. */
struct bg_sst_response take_answer(uint64_t tag, struct bg_sst_record *record);
struct bg_sst_event take_event(uint32_t type);

#endif
