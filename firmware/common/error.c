/* SPDX-License-Identifier: BSD-2-Clause */
#include "baregpu/error.h"

const char *bg_strerror(int error)
{
    if (error >= 0) {
        return "no error";
    }
    switch ((enum bg_error)error) {
    case BG_OK:
        break;
    case BG_ERR_INVALID:
        return "invalid argument";
    case BG_ERR_NOT_FOUND:
        return "not found";
    case BG_ERR_NO_MEMORY:
        return "out of memory";
    case BG_ERR_NO_SPACE:
        return "no space left";
    case BG_ERR_TIMEOUT:
        return "no answer in time";
    case BG_ERR_BUSY:
        return "busy";
    case BG_ERR_IO:
        return "the device failed";
    case BG_ERR_PROTOCOL:
        return "the device broke its protocol";
    case BG_ERR_UNSUPPORTED:
        return "not supported";
    case BG_ERR_TOO_LARGE:
        return "too large";
    case BG_ERR_UNAVAILABLE:
        return "no mediator answers";
    case BG_ERR_LIMITED:
        return "over a limit, try again later";
    case BG_ERR_QUARANTINED:
        return "this guest is quarantined";
    case BG_ERR_RANGE:
        return "out of range";
    case BG_ERR_POOL:
        return "no GPU serves this pool";
    }
    return "unknown error";
}
