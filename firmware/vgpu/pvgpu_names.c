/* SPDX-License-Identifier: BSD-2-Clause */
#include "baregpu/pvgpu.h"

const char *bg_pvgpu_error_name(uint32_t code)
{
    static const char *const names[] = {
        [BG_PVGPU_OK] = "no error",
        [BG_PVGPU_ERROR_INVALID_COMMAND] = "invalid command",
        [BG_PVGPU_ERROR_RESOURCE_NOT_FOUND] = "resource not found",
        [BG_PVGPU_ERROR_OUT_OF_MEMORY] = "out of GPU memory",
        [BG_PVGPU_ERROR_SHADER_COMPILE] = "shader compilation failed",
        [BG_PVGPU_ERROR_DEVICE_LOST] = "device lost",
        [BG_PVGPU_ERROR_INVALID_PARAMETER] = "invalid parameter",
        [BG_PVGPU_ERROR_UNSUPPORTED_FORMAT] = "unsupported format",
        [BG_PVGPU_ERROR_BACKEND_DISCONNECTED] = "backend disconnected",
        [BG_PVGPU_ERROR_RING_FULL] = "ring full",
        [BG_PVGPU_ERROR_TIMEOUT] = "timeout",
        [BG_PVGPU_ERROR_HEAP_EXHAUSTED] = "heap exhausted",
        [BG_PVGPU_ERROR_INTERNAL] = "internal error",
    };

    return code < sizeof(names) / sizeof(names[0]) && names[code] != NULL ? names[code]
                                                                          : "unknown error";
}
