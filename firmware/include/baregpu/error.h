/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors of the firmware side: every call that can fail returns 0 or more, or one of these. */
#ifndef BAREGPU_ERROR_H
#define BAREGPU_ERROR_H

#include "protocol/decls.h"

BG_BEGIN_DECLS

enum baregpu_error {
    BAREGPU_OK = 0,
    BAREGPU_ERR_INVALID = -1,      /* an argument is outside its contract */
    BAREGPU_ERR_NOT_FOUND = -2,    /* no such device, capability, property or handle */
    BAREGPU_ERR_NO_MEMORY = -3,    /* the HAL or the device has no memory left */
    BAREGPU_ERR_NO_SPACE = -4,     /* an address window, a buffer or a table is full */
    BAREGPU_ERR_TIMEOUT = -5,      /* the deadline passed */
    BAREGPU_ERR_BUSY = -6,         /* still in progress, or another request is */
    BAREGPU_ERR_IO = -7,           /* the device reported a failure */
    BAREGPU_ERR_PROTOCOL = -8,     /* the device answered against its specification */
    BAREGPU_ERR_UNSUPPORTED = -9,  /* the device or its peer does not know the operation */
    BAREGPU_ERR_TOO_LARGE = -10,   /* does not fit the carrier */
    BAREGPU_ERR_UNAVAILABLE = -11, /* no mediator: nobody answers */
    BAREGPU_ERR_LIMITED = -12,     /* rate limit or full queue: try again later */
    BAREGPU_ERR_QUARANTINED = -13, /* an operator has to release this guest */
    BAREGPU_ERR_RANGE = -14,       /* outside an allocation or a table */
    BAREGPU_ERR_POOL = -15,        /* no GPU serves this pool */
};

/* A sentence fragment for a person, never NULL. Callable from anywhere. */
const char *baregpu_strerror(int error);

BG_END_DECLS

#endif
