/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/histogram.h"

#include "host/common/clock.h"

/* From a grant without a wait to what a person would call stuck. */
const uint32_t histogram_bounds_us[HISTOGRAM_CLASSES - 1] = {
    10, 100, 1000, 3000, 10000, 30000, 100000, 300000, 1000000, 10000000};

void histogram_add(struct histogram *histogram, uint64_t time_ns)
{
    unsigned i = 0;

    while (i < HISTOGRAM_CLASSES - 1 && time_ns > histogram_bounds_us[i] * NS_PER_US) {
        i++;
    }
    histogram->counts[i]++;
    histogram->sum_ns += time_ns;
}
