/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/open/sst.h"

#include <stdio.h>

#include "protocol/sst_systolic.h"

int sst_host_open(struct sst_host *host, unsigned n, const struct bg_virtio_sst_options *options)
{
    return virtio_host_open(&host->device, BG_SST_VIRTIO_ID, n, &host->place)
               ?: bg_virtio_sst_open(&host->sst, &host->device, options, virtio_host_deadline());
}

const char *sst_host_strerror(int error)
{
    return error == BG_ERR_UNAVAILABLE ? bg_virtio_sst_status_name(BG_SST_NO_DEVICE)
                                       : bg_strerror(error);
}

void sst_host_advise(int error)
{
    if (error == BG_ERR_UNAVAILABLE) {
        printf("The device is there, but no simulator behind it. `make run run=sst` starts one by "
               "itself;\nby hand: build/host/baregpu-sst-sim PATH\n"
               "with the path that the device's socket= property names.\n");
    }
}

static uint64_t size_of(const struct sst_matrix *matrix)
{
    return (uint64_t)matrix->rows * matrix->columns * 4;
}

static uint64_t align_line(uint64_t address)
{
    return (address + 63) & ~UINT64_C(63);
}

int sst_host_multiply(struct bg_virtio_sst *sst, uint32_t element, struct sst_matrix *c,
                      const struct sst_matrix *a, const struct sst_matrix *b,
                      struct bg_sst_compute_result *result, uint64_t deadline_ns)
{
    const uint64_t at_a = 0, at_b = align_line(size_of(a)), at_c = align_line(at_b + size_of(b));
    const struct {
        uint32_t param;
        uint64_t value;
    } params[] = {
        {BG_SST_SYSTOLIC_ROWS, a->rows},
        {BG_SST_SYSTOLIC_INNER, a->columns},
        {BG_SST_SYSTOLIC_COLUMNS, b->columns},
        {BG_SST_SYSTOLIC_A, at_a},
        {BG_SST_SYSTOLIC_B, at_b},
        {BG_SST_SYSTOLIC_C, at_c},
        {BG_SST_SYSTOLIC_ELEMENT, element},
    };
    int error = a->columns == b->rows && c->rows == a->rows && c->columns == b->columns
                    ? 0
                    : BG_ERR_INVALID;

    for (unsigned i = 0; error == 0 && i < sizeof(params) / sizeof(params[0]); i++) {
        error = bg_virtio_sst_configure(sst, params[i].param, params[i].value, NULL, deadline_ns);
    }
    return error ?: bg_virtio_sst_write(sst, at_a, a->elements, size_of(a), deadline_ns)
               ?: bg_virtio_sst_write(sst, at_b, b->elements, size_of(b), deadline_ns)
               ?: bg_virtio_sst_compute(sst, 1, 0, result, deadline_ns)
               ?: bg_virtio_sst_read(sst, at_c, c->elements, size_of(c), deadline_ns);
}
