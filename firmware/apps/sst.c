/* SPDX-License-Identifier: BSD-2-Clause */
/* run=sst: what the simulated accelerators of this machine can do, on whatever bus they are. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/sst.h"
#include "protocol/sst_systolic.h"

#define SIDE 96u
#define BLOCK_SIZE (256u * 1024u)
#define TABLE "  %-34s %-9s %10s %14s %8s\n"
#define FAILED "  %-34s %-35s %8s\n" /* the reason takes the columns that have nothing */

static struct sst_host host;
static uint8_t *block, *back; /* BLOCK_SIZE each */
static uint32_t *a, *b, *c;   /* SIDE * SIDE */
static unsigned failures;
static int absence; /* UNAVAILABLE: a simulator was missing */

/* One line: what, how it went, simulated cycles and time, and how long this guest waited. */
static bool report(const char *what, int error, const struct bg_sst_compute_result *result,
                   uint64_t began_ns)
{
    char cycles[24] = "", time[24] = "", waited[24];

    if (error == 0 && result != NULL) {
        snprintf(cycles, sizeof(cycles), "%" PRIu64, result->cycles);
        snprintf(time, sizeof(time), "%" PRIu64 " ns", result->timestamp);
    }
    snprintf(waited, sizeof(waited), "%" PRIu64 " us", (bg_hal_time_ns() - began_ns) / 1000);
    if (error == 0) {
        printf(TABLE, what, "ok", cycles, time, waited);
        return true;
    }
    printf(FAILED, what, sst_host_strerror(error), waited);
    failures++;
    absence = error == BG_ERR_UNAVAILABLE ? error : absence;
    return false;
}

static void run_plain_types(struct bg_virtio_sst *sst)
{
    struct bg_sst_info info;
    uint64_t began_ns = bg_hal_time_ns();

    report("NOOP", bg_virtio_sst_noop(sst, virtio_host_deadline()), NULL, began_ns);
    began_ns = bg_hal_time_ns();
    int error = bg_virtio_sst_echo(sst, block, back, BG_SST_PAYLOAD_SIZE, virtio_host_deadline());

    if (error == 0 && memcmp(block, back, BG_SST_PAYLOAD_SIZE) != 0) {
        error = BG_ERR_IO;
    }
    report("ECHO 4080 bytes", error, NULL, began_ns);
    began_ns = bg_hal_time_ns();
    report("GET_INFO", bg_virtio_sst_get_info(sst, &info, virtio_host_deadline()), NULL, began_ns);
    began_ns = bg_hal_time_ns();
    report("RESET", bg_virtio_sst_reset(sst, virtio_host_deadline()), NULL, began_ns);
}

static void run_compute(struct bg_virtio_sst *sst)
{
    static const struct {
        const char *text;
        uint32_t latency;
    } models[] = {
        {"COMPUTE 1000 units, fixed", BG_SST_LATENCY_FIXED},
        {"COMPUTE 1000 units, per unit", BG_SST_LATENCY_PER_UNIT},
        {"COMPUTE 1000 units, pipelined", BG_SST_LATENCY_PIPELINED},
    };

    for (unsigned i = 0; i < sizeof(models) / sizeof(models[0]); i++) {
        struct bg_sst_compute_result result;
        uint64_t began_ns = bg_hal_time_ns();
        int error =
            bg_virtio_sst_compute(sst, 1000, models[i].latency, &result, virtio_host_deadline());

        report(models[i].text, error, &result, began_ns);
    }
}

static void run_memory(struct bg_virtio_sst *sst)
{
    uint64_t before, began_ns = bg_hal_time_ns();
    int error = bg_virtio_sst_configure(sst, BG_SST_PARAM_MEMORY_LATENCY, 40, &before,
                                        virtio_host_deadline());

    report("CONFIGURE memory latency 40", error, NULL, began_ns);
    began_ns = bg_hal_time_ns();
    error = bg_virtio_sst_write(sst, 0x100000, block, BLOCK_SIZE, virtio_host_deadline());
    report("WRITE 256 KiB", error, NULL, began_ns);
    began_ns = bg_hal_time_ns();
    error = bg_virtio_sst_read(sst, 0x100000, back, BLOCK_SIZE, virtio_host_deadline());
    if (error == 0 && memcmp(block, back, BLOCK_SIZE) != 0) {
        error = BG_ERR_IO;
    }
    report("READ 256 KiB, the same", error, NULL, began_ns);
}

static bool is_product(void)
{
    for (uint32_t row = 0; row < SIDE; row++) {
        for (uint32_t column = 0; column < SIDE; column++) {
            uint32_t sum = 0;

            for (uint32_t k = 0; k < SIDE; k++) {
                sum += a[row * SIDE + k] * b[k * SIDE + column];
            }
            if (c[row * SIDE + column] != sum) {
                return false;
            }
        }
    }
    return true;
}

/* Returns whether the model is one that multiplies. */
static bool run_multiply(struct bg_virtio_sst *sst)
{
    const struct sst_matrix left = {SIDE, SIDE, a}, right = {SIDE, SIDE, b};
    struct sst_matrix product = {SIDE, SIDE, c};
    struct bg_sst_compute_result result;
    uint64_t began_ns = bg_hal_time_ns();
    uint32_t seed = 1;

    if (bg_virtio_sst_configure(sst, BG_SST_SYSTOLIC_ROWS, SIDE, NULL, virtio_host_deadline()) ==
        BG_ERR_INVALID) {
        return false;
    }
    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        a[i] = seed = seed * 1664525u + 1013904223u;
        b[i] = seed = seed * 1664525u + 1013904223u;
    }
    int error = sst_host_multiply(sst, BG_COMPUTE_ELEMENT_UINT32, &product, &left, &right, &result,
                                  virtio_host_deadline());

    if (error == 0 && !is_product()) {
        error = BG_ERR_IO;
    }
    report("96 x 96 matrices multiplied there", error, &result, began_ns);
    return true;
}

static void run_events(struct bg_virtio_sst *sst)
{
    struct bg_virtio_sst_event event;
    uint64_t began_ns = bg_hal_time_ns();
    int error;

    if (!bg_virtio_has_feature(sst->device, BG_SST_F_EVENTS)) {
        printf("  no events: the simulator was not connected in time, or is an old one\n");
        return;
    }
    error =
        bg_virtio_sst_configure(sst, BG_SST_PARAM_EVENT_MASK, 1u << BG_SST_EVENT_COMPLETION, NULL,
                                virtio_host_deadline())
            ?: bg_virtio_sst_compute(sst, 1, BG_SST_LATENCY_FIXED, NULL, virtio_host_deadline());
    if (error == 0) {
        error = bg_virtio_sst_wait_event(sst, &event, virtio_host_deadline());
        error = error > 0 ? 0 : error;
    }
    if (error == 0 && event.type != BG_SST_EVENT_COMPLETION) {
        error = BG_ERR_IO;
    }
    report("an event: a request is complete", error, NULL, began_ns);
}

static int run_device(unsigned n)
{
    static const struct bg_virtio_sst_options options = {.events = 16};
    bool multiplies;
    int error = sst_host_open(&host, n, &options);

    if (error < 0) {
        if (error != BG_ERR_NOT_FOUND) {
            printf("Accelerator %u cannot be opened: %s.\n", n, sst_host_strerror(error));
        }
        return error;
    }
    printf("\nAccelerator %" PRIu32 " at %s (%s), %s ring, features 0x%02x\n",
           host.sst.config.device_id, host.place.text, host.device.ops->name,
           bg_virtio_has_feature(&host.device, BG_VIRTIO_F_RING_PACKED) ? "packed" : "split",
           (unsigned)(host.device.features & BG_SST_F_ALL));
    printf(TABLE, "Request", "result", "cycles", "simulated time", "took");
    run_plain_types(&host.sst);
    run_memory(&host.sst);
    multiplies = run_multiply(&host.sst);
    if (!multiplies) {
        run_compute(&host.sst);
    }
    run_events(&host.sst);
    error = bg_virtio_sst_close(&host.sst, virtio_host_deadline());
    if (error < 0) {
        printf("Closing failed: %s.\n", sst_host_strerror(error));
        failures++;
    }
    return 0;
}

/* Until the machine is switched off. */
static bool allocate(void)
{
    block = malloc(BLOCK_SIZE);
    back = malloc(BLOCK_SIZE);
    a = malloc(SIDE * SIDE * sizeof(*a));
    b = malloc(SIDE * SIDE * sizeof(*b));
    c = malloc(SIDE * SIDE * sizeof(*c));
    return block != NULL && back != NULL && a != NULL && b != NULL && c != NULL;
}

static int run_sst(void)
{
    unsigned count = 0;
    int error;

    if (!allocate()) {
        printf("The guest has no memory for this.\n");
        return 1;
    }
    for (uint32_t i = 0; i < BLOCK_SIZE; i++) {
        block[i] = (uint8_t)(i * 7 + i / 251);
    }
    do {
        error = run_device(count);
        count += error == 0;
    } while (error == 0);
    if (error != BG_ERR_NOT_FOUND) {
        return 1;
    }
    if (count == 0) {
        printf("There is no simulated accelerator. `make run run=sst` gives the guest two.\n");
        return 1;
    }
    printf("\n%s\n", failures == 0 ? "Everything was right." : "Something went wrong, see above.");
    sst_host_advise(absence);
    return failures == 0 ? 0 : 1;
}

APP(sst, "runs each kind of request on simulated accelerators", run_sst, "");
