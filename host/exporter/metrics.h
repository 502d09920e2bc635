/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reading of a mediator as Prometheus has it: text format 0.0.4. What dcgm-exporter exports has
 * its name and labels; the rest begins with baregpu_.
 */
#ifndef EXPORTER_METRICS_H
#define EXPORTER_METRICS_H

#include <jansson.h>
#include <stddef.h>

/* reading: as reading_complete leaves it, and "xid" in devices whose errors are watched: the last
 * one's number, or 0. To be freed; NULL without memory. */
char *metrics_write(const json_t *reading, const char *hostname, size_t *length);

#endif
