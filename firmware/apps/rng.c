/* SPDX-License-Identifier: BSD-2-Clause */
/* run=rng: random bytes from the first virtio entropy device. */
#include <inttypes.h>
#include <stdio.h>

#include "baregpu/virtio_rng.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/virtio.h"

static struct bg_virtio_device device;
static struct bg_virtio_rng rng;

static int fail(const char *what, int error)
{
    printf("%s failed: %s.\n", what, bg_strerror(error));
    return 1;
}

static int run_rng(void)
{
    struct virtio_place place;
    uint8_t bytes[64];
    int error = virtio_host_open(&device, BG_VIRTIO_ID_ENTROPY, 0, &place);

    if (error == BG_ERR_NOT_FOUND) {
        printf("There is no virtio entropy device. With one:\n"
               "  make run run=rng QEMU_ARGS=\"-device virtio-rng-pci\"\n");
        return 1;
    }
    if (error == 0) {
        error = bg_virtio_rng_open(&rng, &device, virtio_host_deadline());
    }
    if (error < 0) {
        return fail("Opening the entropy device", error);
    }
    printf("Entropy device at %s (%s), %s ring of %u, features 0x%" PRIx64 "\n", place.text,
           device.ops->name,
           bg_virtio_has_feature(&device, BG_VIRTIO_F_RING_PACKED) ? "packed" : "split",
           (unsigned)rng.requests.size, device.features);
    error = bg_virtio_rng_read(&rng, bytes, sizeof(bytes), virtio_host_deadline());
    if (error < 0) {
        return fail("Reading", error);
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        printf("%02x%s", bytes[i], i % 16 == 15 ? "\n" : " ");
    }
    error = bg_virtio_rng_close(&rng, virtio_host_deadline());
    return error < 0 ? fail("Closing", error) : 0;
}

APP(rng, "prints random bytes from a virtio entropy device", run_rng, "");
