/* SPDX-License-Identifier: BSD-2-Clause */
/* This machine's simulated accelerators. */
#ifndef FIRMWARE_APPS_OPEN_SST_H
#define FIRMWARE_APPS_OPEN_SST_H

#include "baregpu/virtio_sst.h"
#include "firmware/apps/open/virtio.h"

struct sst_host {
    struct bg_virtio_device device;
    struct bg_virtio_sst sst;
    struct virtio_place place;
};

/* Opens number `n` (PCI first, then MMIO). NOT_FOUND: there are not that many. */
int sst_host_open(struct sst_host *host, unsigned n, const struct bg_virtio_sst_options *options);

/* bg_strerror of an error of virtio-sst: nobody there is "no simulator". */
const char *sst_host_strerror(int error);

/* When there is no simulator: prints how to start one. */
void sst_host_advise(int error);

/* A matrix, row by row, of 32-bit elements. */
struct sst_matrix {
    uint32_t rows, columns;
    void *elements;
};

/*
 * c = a x b on a device whose simulator has the systolic model (protocol/sst_systolic.h), of
 * `element` (enum bg_compute_element_type). Writes a and b, multiplies, reads c. What the
 * multiplication took is in *result, which may be NULL. INVALID: it is another model.
 */
int sst_host_multiply(struct bg_virtio_sst *sst, uint32_t element, struct sst_matrix *c,
                      const struct sst_matrix *a, const struct sst_matrix *b,
                      struct bg_sst_compute_result *result, uint64_t deadline_ns);

#endif
