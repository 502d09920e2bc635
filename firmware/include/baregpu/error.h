/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of the firmware side: every call that can fail returns 0 or more, or one of these. */
#ifndef BAREGPU_ERROR_H
#define BAREGPU_ERROR_H

#include "protocol/decls.h"

BG_BEGIN_DECLS

enum bg_error {
    BG_OK = 0,
    BG_ERR_INVALID = -1,        /* an argument is outside its contract */
    BG_ERR_NOT_FOUND = -2,      /* no such device, capability, property or handle */
    BG_ERR_NO_MEMORY = -3,      /* the HAL has no memory left: it is the guest's */
    BG_ERR_NO_SPACE = -4,       /* an address window, a buffer or a table is full */
    BG_ERR_TIMEOUT = -5,        /* the deadline passed */
    BG_ERR_BUSY = -6,           /* still in progress, or another request is */
    BG_ERR_IO = -7,             /* the device reported a failure */
    BG_ERR_PROTOCOL = -8,       /* the device answered against its specification */
    BG_ERR_UNSUPPORTED = -9,    /* the device or its peer does not know the operation */
    BG_ERR_TOO_LARGE = -10,     /* does not fit the carrier */
    BG_ERR_UNAVAILABLE = -11,   /* no mediator: nobody answers */
    BG_ERR_LIMITED = -12,       /* rate limit or full queue: try again later */
    BG_ERR_QUARANTINED = -13,   /* an operator has to release this guest */
    BG_ERR_RANGE = -14,         /* outside an allocation or a table */
    BG_ERR_POOL = -15,          /* no GPU serves this pool */
    BG_ERR_DEVICE_MEMORY = -16, /* the device, or the GPU behind it, has no memory left for us */
};

/* A sentence fragment for a person, never NULL. Callable from anywhere. */
const char *bg_strerror(int error);

BG_END_DECLS

#endif
