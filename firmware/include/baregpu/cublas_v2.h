/* SPDX-License-Identifier: BSD-2-Clause */
/* cuBLAS by the name that programs include it by: baregpu/cublas.h, whose names are the newest. */
#ifndef BAREGPU_CUBLAS_V2_H
#define BAREGPU_CUBLAS_V2_H

#include "baregpu/cublas.h"

#endif
