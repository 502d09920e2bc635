/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-sst part=life: requests go on and on while things happen to the simulator. The host's
 * side does the next one when it reads here that the one before has been noticed. Whatever
 * happens, each request ends once, and with a status.
 */
#include <stdio.h>
#include <string.h>

#include "firmware/apps/app.h"
#include "tests/guest/lib/tap.h"
#include "tests/guest/sst.h"

#define STEP_TIMEOUT_NS UINT64_C(30000000000)
#define ROUND_NS 1000000u /* a pause between tries that end at once */

/* By enum bg_sst_status. */
static const char *const names[] = {"ok", "error", "busy", "invalid", "timeout", "none"};

#define NAMES (sizeof(names) / sizeof(names[0]))

static struct {
    uint64_t begun, ended, wrong;
    unsigned in_flight;
    uint64_t met[NAMES];
    bool stops;
} life;

static void end(struct bg_virtio_sst_op *op);

static void begin(struct bg_virtio_sst_op *op)
{
    op->request->type = BG_SST_COMPUTE;
    op->request->user_data = op->cookie = life.begun;
    op->request->payload.compute =
        (struct bg_sst_compute){1 + life.begun % 1000, BG_SST_LATENCY_PIPELINED, 0};
    op->done = end;
    if (bg_virtio_sst_submit(op) < 0) {
        life.wrong++;
        bg_virtio_sst_release(op);
        return;
    }
    life.begun++;
    life.in_flight++;
}

static void end(struct bg_virtio_sst_op *op)
{
    bool is_own = op->response_size == sizeof(*op->response) && op->status < NAMES &&
                  op->error == bg_virtio_sst_status_error(op->status) &&
                  op->response->user_data == op->cookie;

    life.ended++;
    life.in_flight--;
    if (!is_own || (op->status == BG_SST_OK && op->response->result != 20 + op->cookie % 1000)) {
        life.wrong++;
    } else {
        life.met[op->status]++;
    }
    bg_virtio_sst_release(op);
}

/* Keeps all operations busy until one has ended with this status. */
static bool meet(struct bg_virtio_sst *sst, unsigned status)
{
    uint64_t deadline_ns = bg_hal_time_ns() + STEP_TIMEOUT_NS;
    struct bg_virtio_sst_op *op;

    memset(life.met, 0, sizeof(life.met));
    while (life.met[status] == 0 && bg_hal_time_ns() < deadline_ns) {
        while ((op = bg_virtio_sst_take(sst, 0)) != NULL) {
            begin(op);
        }
        int result = bg_virtio_sst_wait_any(sst, 0, deadline_ns);

        if (result < 0) {
            tap_diag("%s", bg_strerror(result));
            return false;
        }
        if (life.met[BG_SST_OK] == 0 && life.met[status] == 0) {
            uint64_t until_ns = bg_hal_time_ns() + ROUND_NS;

            while (bg_hal_time_ns() < until_ns) {
                bg_hal_wait(until_ns);
            }
        }
    }
    return life.met[status] != 0;
}

static bool drain(struct bg_virtio_sst *sst)
{
    while (life.in_flight > 0) {
        if (bg_virtio_sst_wait_any(sst, 0, virtio_host_deadline()) < 0) {
            return false;
        }
    }
    return true;
}

/* Wakes the host up, which reads lines. */
static bool do_step(struct test_sst *t, const char *name, unsigned number)
{
    for (unsigned status = 0; status < NAMES; status++) {
        if (strcmp(names[status], name) == 0) {
            bool met = meet(&t->sst, status);

            tap_ok(met, "step %u: %s", number, name);
            printf("# met: %llu ok, %llu errors, %llu time-outs, %llu with nobody there\n",
                   (unsigned long long)life.met[BG_SST_OK],
                   (unsigned long long)life.met[BG_SST_ERROR],
                   (unsigned long long)life.met[BG_SST_TIMEOUT],
                   (unsigned long long)life.met[BG_SST_NO_DEVICE]);
            printf("# now %u %s\n", number, name);
            return met;
        }
    }
    return tap_ok(false, "there is a state %s", name);
}

void test_sst_life(struct test_sst *t)
{
    char states[128] = "ok";
    unsigned number = 0;

    app_option("states", states, sizeof(states));
    for (char *next = states, *name; (name = strsep(&next, ",")) != NULL;) {
        if (!do_step(t, name, number++)) {
            break;
        }
    }
    tap_ok(drain(&t->sst) && life.ended == life.begun && life.wrong == 0,
           "%llu requests, %llu ended, %llu wrong", (unsigned long long)life.begun,
           (unsigned long long)life.ended, (unsigned long long)life.wrong);
}
