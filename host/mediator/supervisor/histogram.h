/* SPDX-License-Identifier: BSD-2-Clause */
/* How long something took, by classes, as Prometheus has histograms. Pure; zeroed at the start. */
#ifndef MEDIATOR_HISTOGRAM_H
#define MEDIATOR_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_CLASSES 11

/* Up to where each class goes, itself included, in microseconds; the last has no bound. */
extern const uint32_t histogram_bounds_us[HISTOGRAM_CLASSES - 1];

struct histogram {
    uint64_t counts[HISTOGRAM_CLASSES];
    uint64_t sum_ns;
};

void histogram_add(struct histogram *histogram, uint64_t time_ns);

#endif
