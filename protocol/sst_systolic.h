/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The systolic matrix multiplier, a model of our simulator behind virtio-sst: C = A x B, with the
 * matrices in the device's memory, row by row without gaps.
 *
 * A driver writes A and B by WRITE, sets the parameters below by CONFIGURE, starts with COMPUTE
 * (compute_units and latency_model are not looked at), and reads C by READ. COMPUTE answers
 * BG_SST_INVALID when a matrix lies outside the memory, or C overlaps A or B.
 *
 * Element types are those of compute.h: integers wrap modulo 2^32; a float sum is formed in the
 * order of k, each product and each sum rounded to single precision.
 */
#ifndef BAREGPU_PROTOCOL_SST_SYSTOLIC_H
#define BAREGPU_PROTOCOL_SST_SYSTOLIC_H

#include "protocol/compute.h"
#include "protocol/sst.h"

/* sst_configure.param_id, besides those of every model. */
enum bg_sst_systolic_param {
    BG_SST_SYSTOLIC_ROWS = 0x1000,    /* of A and C, 1 to BG_SST_SYSTOLIC_SIDE_MAX */
    BG_SST_SYSTOLIC_INNER = 0x1001,   /* columns of A, rows of B */
    BG_SST_SYSTOLIC_COLUMNS = 0x1002, /* of B and C */
    BG_SST_SYSTOLIC_A = 0x1003,       /* addresses, multiples of 4 */
    BG_SST_SYSTOLIC_B = 0x1004,
    BG_SST_SYSTOLIC_C = 0x1005,
    BG_SST_SYSTOLIC_ELEMENT = 0x1006, /* enum bg_compute_element_type */
    BG_SST_SYSTOLIC_SIDE = 0x1007,    /* the array has this many rows and columns of cells */
};

#define BG_SST_SYSTOLIC_SIDE_MAX 1024u

#endif
