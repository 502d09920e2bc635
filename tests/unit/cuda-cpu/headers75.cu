/* SPDX-License-Identifier: BSD-2-Clause */
/* The same for sm_75, without sm_80's instructions for bfloat16, copies and sums of a warp. */
#include "headers.cu"
