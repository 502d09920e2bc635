/* SPDX-License-Identifier: BSD-2-Clause */
#include "baregpu/error.h"

const char *bg_strerror(int error)
{
    static const char *const names[] = {
        [-BG_OK] = "no error",
        [-BG_ERR_INVALID] = "invalid argument",
        [-BG_ERR_NOT_FOUND] = "not found",
        [-BG_ERR_NO_MEMORY] = "this guest is out of memory",
        [-BG_ERR_NO_SPACE] = "no space left",
        [-BG_ERR_TIMEOUT] = "no answer in time",
        [-BG_ERR_BUSY] = "busy",
        [-BG_ERR_IO] = "the device failed",
        [-BG_ERR_PROTOCOL] = "the device broke its protocol",
        [-BG_ERR_UNSUPPORTED] = "not supported",
        [-BG_ERR_TOO_LARGE] = "too large",
        [-BG_ERR_UNAVAILABLE] = "no mediator answers",
        [-BG_ERR_LIMITED] = "over a limit, try again later",
        [-BG_ERR_QUARANTINED] = "this guest is quarantined",
        [-BG_ERR_RANGE] = "out of range",
        [-BG_ERR_POOL] = "no GPU serves this pool",
        [-BG_ERR_DEVICE_MEMORY] = "the device is out of memory",
    };
    const int last = (int)(sizeof(names) / sizeof(names[0])) - 1;

    return error >= 0 ? names[0] : error >= -last ? names[-error] : "unknown error";
}
