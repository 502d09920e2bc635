/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine whose devices are behind an IOMMU: QEMU's virt with iommu=smmuv3. */
#ifndef TESTS_GUEST_LIB_SMMU_H
#define TESTS_GUEST_LIB_SMMU_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Turns the SMMU on, in front of PCI's bus 0: from here on bg_hal_dma_alloc's bus addresses are not
 * physical ones, those and all others fault, and the PCI host shares memory by bouncing it
 * (tests/fake/dma.h). False: there is none, or a page is missing.
 */
bool smmu_start(void);

/* Accesses of devices that it has refused. */
uint32_t smmu_faults(void);

/* What bus addresses are above physical ones; 0: the SMMU is off. */
uint64_t smmu_offset(void);

#endif
