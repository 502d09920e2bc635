/* SPDX-License-Identifier: BSD-2-Clause */
#include "baregpu/error.h"

const char *baregpu_strerror(int error)
{
    if (error >= 0) {
        return "no error";
    }
    switch ((enum baregpu_error)error) {
    case BAREGPU_OK:
        break;
    case BAREGPU_ERR_INVALID:
        return "invalid argument";
    case BAREGPU_ERR_NOT_FOUND:
        return "not found";
    case BAREGPU_ERR_NO_MEMORY:
        return "out of memory";
    case BAREGPU_ERR_NO_SPACE:
        return "no space left";
    case BAREGPU_ERR_TIMEOUT:
        return "no answer in time";
    case BAREGPU_ERR_BUSY:
        return "busy";
    case BAREGPU_ERR_IO:
        return "the device failed";
    case BAREGPU_ERR_PROTOCOL:
        return "the device broke its protocol";
    case BAREGPU_ERR_UNSUPPORTED:
        return "not supported";
    case BAREGPU_ERR_TOO_LARGE:
        return "too large";
    case BAREGPU_ERR_UNAVAILABLE:
        return "no mediator answers";
    case BAREGPU_ERR_LIMITED:
        return "over a limit, try again later";
    case BAREGPU_ERR_QUARANTINED:
        return "this guest is quarantined";
    case BAREGPU_ERR_RANGE:
        return "out of range";
    case BAREGPU_ERR_POOL:
        return "no GPU serves this pool";
    }
    return "unknown error";
}
