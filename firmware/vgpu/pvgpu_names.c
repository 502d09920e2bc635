/* SPDX-License-Identifier: BSD-2-Clause */
#include "baregpu/pvgpu.h"

const char *bg_pvgpu_error_name(uint32_t code)
{
    switch (code) {
    case BG_PVGPU_OK:
        return "no error";
    case BG_PVGPU_ERROR_INVALID_COMMAND:
        return "invalid command";
    case BG_PVGPU_ERROR_RESOURCE_NOT_FOUND:
        return "resource not found";
    case BG_PVGPU_ERROR_OUT_OF_MEMORY:
        return "out of memory";
    case BG_PVGPU_ERROR_SHADER_COMPILE:
        return "shader compilation failed";
    case BG_PVGPU_ERROR_DEVICE_LOST:
        return "device lost";
    case BG_PVGPU_ERROR_INVALID_PARAMETER:
        return "invalid parameter";
    case BG_PVGPU_ERROR_UNSUPPORTED_FORMAT:
        return "unsupported format";
    case BG_PVGPU_ERROR_BACKEND_DISCONNECTED:
        return "backend disconnected";
    case BG_PVGPU_ERROR_RING_FULL:
        return "ring full";
    case BG_PVGPU_ERROR_TIMEOUT:
        return "timeout";
    case BG_PVGPU_ERROR_HEAP_EXHAUSTED:
        return "heap exhausted";
    case BG_PVGPU_ERROR_INTERNAL:
        return "internal error";
    default:
        return "unknown error";
    }
}
