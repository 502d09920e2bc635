/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays. */
#include "firmware/cuda/internal.h"

unsigned cuda_array_element_size(const CUDA_ARRAY3D_DESCRIPTOR *descriptor)
{
    switch (descriptor->Format) {
    case CU_AD_FORMAT_UNSIGNED_INT8:
    case CU_AD_FORMAT_SIGNED_INT8:
        return descriptor->NumChannels;
    case CU_AD_FORMAT_UNSIGNED_INT16:
    case CU_AD_FORMAT_SIGNED_INT16:
    case CU_AD_FORMAT_HALF:
        return descriptor->NumChannels * 2;
    case CU_AD_FORMAT_UNSIGNED_INT32:
    case CU_AD_FORMAT_SIGNED_INT32:
    case CU_AD_FORMAT_FLOAT:
        return descriptor->NumChannels * 4;
    default:
        return 0;
    }
}
