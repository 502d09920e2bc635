/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cuda-cpu/forced.h"

#include "host/cuda-cpu/program/processor.h"

struct forced forced;

struct kernel_options __real_processor_options(void);
struct kernel_options __wrap_processor_options(void);

struct kernel_options __wrap_processor_options(void)
{
    struct kernel_options options = __real_processor_options();

    options.masked_alone = forced.masked_alone;
    options.has_f16 = options.has_f16 && !forced.without_f16;
    return options;
}
