/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What there is to show: the mediator's status (docs/mediator.md), with NVML's values in its
 * devices, an "index" in each and "memory_guests", what the mediator's sessions have of it; and its
 * sessions' "process_name" and "gpu", an index of a device.
 */
#ifndef SMI_READING_H
#define SMI_READING_H

#include <jansson.h>
#include <stdbool.h>

#include "host/mediator/exit_status.h"
#include "host/smi/nvml.h"

#define READING_NONE "[N/A]" /* what is not known, as nvidia-smi has it */

/* Asks the mediator at this admin socket. nvml may be NULL. NULL after a message, with the exit
 * status; else to be decref'd. */
json_t *reading_take(const char *path, struct nvml *nvml, enum mediator_exit *status);

/* The same of a status that came another way, but for processes' names. False: it is none. */
bool reading_complete(json_t *reading, struct nvml *nvml);

/* The array of that name, without which a reading is not returned. */
const json_t *reading_list(const json_t *reading, const char *name);

/* NAN when there is no such number. */
double reading_number(const json_t *object, const char *name);

/* Whether the object's `name` (a device's "index", a session's "gpu") is this device; -1: any is.
 */
bool reading_is_of(const json_t *object, const char *name, int device);

/* Printable, whatever somebody called himself, and without commas; NULL when there is no such text.
 * Until the fourth next call. */
const char *reading_text(const json_t *object, const char *name);

#endif
