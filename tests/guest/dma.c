/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-dma: an entropy device and a GPU that get memory of the guest's own, shared by bouncing
 * it (tests/fake/dma.h).
 *
 * Options: smmu=1 (the machine has an SMMU, and bus addresses are its), offered=0|1 (whether the
 * devices offer ACCESS_PLATFORM).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/virtio_gpu.h"
#include "baregpu/virtio_rng.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/virtio.h"
#include "tests/fake/dma.h"
#include "tests/guest/lib/smmu.h"
#include "tests/guest/lib/tap.h"

#define CHAINS 16u
#define PARTS 3u
#define PART_BYTES 37u /* ends and begins inside of cache lines */
#define ROUNDS 500u

static struct bg_virtio_device device;
static struct bg_virtqueue queue;
static uint8_t memory[CHAINS][PARTS * PART_BYTES + 1];

static uint64_t soon(void)
{
    return virtio_host_deadline();
}

static void expect_nothing_shared(const char *when)
{
    tap_ok(fake_dma.shared == 0 && fake_dma.violations == 0,
           "%s: all is given back, once, as it was shared (%u in, %u out)", when,
           fake_dma.shares[BG_HAL_DMA_TO_DEVICE], fake_dma.shares[BG_HAL_DMA_FROM_DEVICE]);
}

/* ---- The entropy device ---- */

static bool open_entropy(void)
{
    static const struct bg_virtqueue_options options = {.indirect_segments = PARTS,
                                                        .shared_parts = PARTS};

    return virtio_host_open(&device, BG_VIRTIO_ID_ENTROPY, 0, NULL) == 0 &&
           bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, soon()) == 0 &&
           bg_virtqueue_create(&queue, &device, &options) == 0 && bg_virtio_ready(&device) == 0;
}

static int add(unsigned n)
{
    struct bg_virtqueue_part parts[PARTS];

    memset(memory[n], 0, sizeof(memory[n]));
    for (unsigned i = 0; i < PARTS; i++) {
        parts[i] = (struct bg_virtqueue_part){&memory[n][1 + i * PART_BYTES], 0, PART_BYTES};
    }
    return bg_virtqueue_add_shared(&queue, parts, 0, PARTS, memory[n]);
}

/* Random bytes: not one of a hundred is nearly always 0, or what fake_dma leaves behind. */
static bool is_random(const struct bg_virtqueue_used *used)
{
    const uint8_t *bytes = used->token;
    unsigned same = 0;

    for (uint32_t i = 1; i < used->written; i++) {
        same += bytes[1 + i] == bytes[i];
    }
    return used->written > 0 && bytes[0] == 0 && same <= used->written / 2;
}

static unsigned exchange(unsigned chains)
{
    struct bg_virtqueue_used used;
    unsigned good = 0;

    for (unsigned n = 0; n < chains; n++) {
        if (add(n) != 0) {
            return 0;
        }
    }
    if (bg_virtqueue_kick(&queue) < 0) {
        return 0;
    }
    for (unsigned n = 0; n < chains && bg_virtqueue_wait(&queue, &used, soon()) == 1; n++) {
        good += is_random(&used);
    }
    return good;
}

static void check_exchanges(void)
{
    unsigned most = queue.capacity / PARTS < CHAINS ? queue.capacity / PARTS : CHAINS;
    unsigned good = 0, wanted = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        good += exchange(1 + i % most);
        wanted += 1 + i % most;
    }
    tap_equal(good, wanted, "shared memory gets random bytes, %u rounds", ROUNDS);
    expect_nothing_shared("exchanges");
}

static void check_refusal(void)
{
    fake_dma.refuse = 2;
    tap_equal((unsigned)-add(0), (unsigned)-BG_ERR_NO_MEMORY, "no memory to share with");
    tap_equal(bg_virtqueue_in_flight(&queue), 0, "and no chain");
    expect_nothing_shared("refusal");
    tap_equal(exchange(1), 1, "the next chain is fine");
}

static void check_driver(void)
{
    static struct bg_virtio_rng rng;
    uint8_t bytes[5000] = {0};

    tap_ok(virtio_host_open(&device, BG_VIRTIO_ID_ENTROPY, 0, NULL) == 0 &&
               bg_virtio_rng_open(&rng, &device, soon()) == 0 &&
               bg_virtio_rng_read(&rng, bytes, sizeof(bytes), soon()) == 0 &&
               bg_virtio_rng_close(&rng, soon()) == 0,
           "the entropy driver on the same bus");
}

static void close_entropy(void)
{
    tap_ok(add(0) == 0 && add(1) == 0 && fake_dma.shared == 2 * PARTS, "two chains under way");
    tap_ok(bg_virtio_close(&device, soon()) == 0, "the device is reset");
    bg_virtqueue_destroy(&queue);
    expect_nothing_shared("close");
}

/* ---- The GPU ---- */

#define WIDTH 64u
#define HEIGHT 64u
#define ENTRIES (WIDTH * HEIGHT) /* one for each pixel: 64 KiB of them */
#define RESOURCE 5u

/* A picture, and where each pixel of it lies: a list that is the caller's, and shared. */
static bool show_picture(struct bg_virtio_gpu *gpu, uint64_t pixels_bus)
{
    static struct bg_virtio_gpu_mem_entry entries[ENTRIES];
    const struct bg_virtio_gpu_data list = {entries, BG_VIRTIO_GPU_SHARE, sizeof(entries)};
    const struct bg_virtio_gpu_rect all = {0, 0, WIDTH, HEIGHT};

    for (uint32_t i = 0; i < ENTRIES; i++) {
        entries[i] = (struct bg_virtio_gpu_mem_entry){.addr = pixels_bus + 4 * i, .length = 4};
    }
    return bg_virtio_gpu_cmd_resource_create_2d(gpu, NULL, RESOURCE, BG_VIRTIO_GPU_FORMAT_DEFAULT,
                                                WIDTH, HEIGHT) == 0 &&
           bg_virtio_gpu_cmd_resource_attach_backing(gpu, NULL, RESOURCE, &list) == 0 &&
           bg_virtio_gpu_cmd_transfer_to_host_2d(gpu, NULL, RESOURCE, &all, 0) == 0 &&
           bg_virtio_gpu_cmd_set_scanout(gpu, NULL, 0, RESOURCE, &all) == 0 &&
           bg_virtio_gpu_cmd_resource_flush(gpu, NULL, RESOURCE, &all) == 0;
}

static void check_gpu(void)
{
    static struct bg_virtio_gpu gpu;
    uint64_t pixels_bus;
    uint8_t *pixels;

    if (!tap_ok(bg_virtio_gpu_open_pci(&gpu, machine_pci(), NULL, NULL) == 0, "a GPU")) {
        return;
    }
    pixels = bg_hal_dma_alloc(WIDTH * HEIGHT * 4, 4096, &pixels_bus);
    memset(pixels, 0x80, WIDTH * HEIGHT * 4);
    tap_ok(show_picture(&gpu, pixels_bus), "a picture by a list of entries that is shared");
    tap_equal(fake_dma.shares[BG_HAL_DMA_TO_DEVICE], 1, "which the device has read");
    fake_dma.refuse = 1;
    tap_ok(!show_picture(&gpu, pixels_bus), "with no memory to share it is refused");
    tap_ok(bg_virtio_gpu_close(&gpu) == 0, "the GPU closes");
    bg_hal_dma_free(pixels, WIDTH * HEIGHT * 4);
    expect_nothing_shared("GPU");
}

/* ---- Negotiation ---- */

/* A device that does not offer ACCESS_PLATFORM goes past the IOMMU. */
static void check_bypass_is_refused(void)
{
    static struct bg_virtio_gpu gpu;

    tap_ok(virtio_host_open(&device, BG_VIRTIO_ID_ENTROPY, 0, NULL) == 0 &&
               bg_virtio_start(&device, BG_VIRTIO_FEATURES_QUEUE, 0, soon()) == BG_ERR_UNSUPPORTED,
           "an entropy device past the IOMMU is refused");
    tap_ok(bg_virtio_gpu_open_pci(&gpu, machine_pci(), NULL, NULL) == BG_ERR_UNSUPPORTED,
           "so is a GPU");
}

/* The SMMU is there, and it is what translates: QEMU's device goes on as if it had written. */
static void check_physical_addresses_fault(void)
{
    static const uint8_t nothing[PART_BYTES];
    struct bg_virtqueue_used used;
    uint64_t bus;
    uint8_t *bytes = bg_hal_dma_alloc(PART_BYTES, 64, &bus);
    const struct bg_virtqueue_segment segment = {bus - smmu_offset(), PART_BYTES};

    tap_equal(smmu_faults(), 0, "the SMMU has refused nothing so far");
    tap_ok(open_entropy() && bg_virtqueue_add(&queue, &segment, 0, 1, bytes) == 0 &&
               bg_virtqueue_kick(&queue) >= 0 && bg_virtqueue_wait(&queue, &used, soon()) != 0,
           "the device is told a physical address");
    tap_ok(memcmp(bytes, nothing, PART_BYTES) == 0, "which is none of the bus: nothing is there");
    tap_ok(smmu_faults() > 0, "and the SMMU has refused it");
    tap_ok(bg_virtio_close(&device, soon()) == 0, "the device is reset");
    bg_virtqueue_destroy(&queue);
    bg_hal_dma_free(bytes, PART_BYTES);
}

static int run(void)
{
    bool has_smmu = app_option_number("smmu", 0, 0, 1) != 0;
    bool is_offered = app_option_number("offered", 0, 0, 1) != 0;

    tap_plan(0);
    if (has_smmu ? !tap_ok(smmu_start(), "an SMMU") : machine_pci() == NULL) {
        return tap_done();
    }
    if (!has_smmu) {
        machine_pci()->config.dma = &fake_dma_bounce;
    } else if (!is_offered) {
        check_bypass_is_refused();
        return tap_done();
    }
    if (tap_ok(open_entropy(), "an entropy device")) {
        tap_ok(bg_virtio_has_feature(&device, BG_VIRTIO_F_ACCESS_PLATFORM) == is_offered,
               "ACCESS_PLATFORM is accepted if it is offered");
        check_exchanges();
        check_refusal();
        close_entropy();
    }
    check_driver();
    check_gpu();
    if (has_smmu) {
        check_physical_addresses_fault();
    }
    return tap_done();
}

APP(test_dma, "tests memory that is shared with devices, and an IOMMU", run, "smmu offered");
