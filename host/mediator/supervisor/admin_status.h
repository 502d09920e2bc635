/* SPDX-License-Identifier: BSD-2-Clause */
/* What the mediator says of itself, as JSON; docs/mediator.md has the names. */
#ifndef MEDIATOR_ADMIN_STATUS_H
#define MEDIATOR_ADMIN_STATUS_H

#include <jansson.h>

struct supervisor;

/* To be decref'd; NULL without memory. */
json_t *admin_describe(struct supervisor *supervisor);

#endif
