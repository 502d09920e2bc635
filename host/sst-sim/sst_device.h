/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libsst-device: what a simulator links to be the accelerator behind a virtio-sst device.
 *
 * The author writes a model: a struct sst_model_ops and the state behind it. The library speaks the
 * protocol (protocol/sst.h part 3: the old wire and frames, with and without deterministic time),
 * keeps simulated time and a queue of things to come, and calls the model. docs/sst-sim.md has
 * a small one.
 *
 * A model is never called from two threads at once, nor again before an earlier call has returned.
 * Everything here is called from within one of the model's own functions, but sst_server_*.
 *
 * Time is simulated time, in ns since the connection began; with deterministic time it is the
 * guest's virtual clock. Without deterministic time a guest's pace means nothing to the model: a
 * request arrives when the one before it has been answered, and finds the model idle. So the same
 * requests take the same cycles, however fast they come.
 */
#ifndef SST_SIM_SST_DEVICE_H
#define SST_SIM_SST_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/sst.h"

struct sst_device; /* one connection: one accelerator of one guest */

/* A request that waits for its answer. The library's, until sst_answer. */
struct sst_job {
    /* COMPUTE, READ, WRITE or CONFIGURE; zero beyond what was sent. To be read only. */
    struct bg_sst_request request;
    uint64_t arrival_ns;
    uint16_t pair; /* queue pair that it came by; 0 on the old wire */
    /* The model's, for what it wants. */
    struct sst_job *next;
    uint64_t start_ns, service_cycles;
    /* Private. */
    struct sst_device *device;
    uint64_t tag;
    size_t used; /* bytes of the request that are not zero */
    struct sst_job *all_next, **all_link;
};

struct sst_model_ops {
    const char *name; /* at most 31 characters */

    /* A guest has connected: NULL when that cannot be (logged; the connection is closed). */
    void *(*create)(struct sst_device *device);
    void (*destroy)(void *model);

    /* Back to the start: memory, parameters, queues. The jobs that the model held are gone, and so
     * is what it had scheduled. */
    void (*reset)(void *model);

    /* A request has arrived, now. It is answered now or later, once. Types that are answered
     * without a model (NOOP, ECHO, GET_INFO, RESET) do not come here. Without deterministic time,
     * one that is not answered when nothing is left to happen ends in an error, then reset is
     * called. */
    void (*request)(void *model, struct sst_job *job);

    /* What the guest is told at its start: the clock, or 0. */
    uint64_t (*clock_hz)(const void *model);
};

struct sst_answer {
    uint32_t status; /* enum bg_sst_status */
    uint64_t result;
    uint64_t cycles;     /* from arrival to now, for statistics; 0: not known */
    const void *payload; /* the response's payload; zero follows it. May be NULL */
    size_t size;         /* of it, at most BG_SST_PAYLOAD_SIZE */
};

/* Now. */
uint64_t sst_time_ns(const struct sst_device *device);

/* Ends a job, now. It is not the model's any more. */
void sst_answer(struct sst_job *job, const struct sst_answer *answer);

/* Sends an event, now. One that the guest's side does not take is dropped. */
void sst_send_event(struct sst_device *device, uint32_t type, uint64_t data);

/*
 * Has function(model, value) called `delay_ns` from now; 0: after what is due now already. Things
 * of the same time come in the order in which they were scheduled. Returns false without memory.
 */
bool sst_schedule(struct sst_device *device, uint64_t delay_ns,
                  void (*function)(void *model, uint64_t value), uint64_t value);

/* Cycles of a clock (not 0 Hz) as ns, rounded up; saturates. */
uint64_t sst_cycles_to_ns(uint64_t cycles, uint64_t clock_hz);

/* ---- Serving ---- */

struct sst_server;

struct sst_server_options {
    const char *trace_path; /* one line for each request, answer and event; NULL: none */
    bool is_old_wire;       /* speak the old wire only */
};

/* NULL with a line on standard error. */
struct sst_server *sst_server_create(const struct sst_server_options *options);

/* Listens at a path, for guests that get a model of this kind. A socket that nobody listens on is
 * replaced. False with a line on standard error. */
bool sst_server_listen(struct sst_server *server, const char *path,
                       const struct sst_model_ops *model);

/* Serves until *stop is set (by a signal's handler; the signals are blocked but for the waits).
 * Returns 0, or -1 with a line on standard error. */
int sst_server_run(struct sst_server *server, const volatile int *stop);

/* Closes everything and removes the sockets. */
void sst_server_destroy(struct sst_server *server);

#endif
