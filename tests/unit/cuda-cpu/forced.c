/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* setenv */
#include "tests/unit/cuda-cpu/forced.h"

#include <stdlib.h>

#include "host/cuda-cpu/program/processor.h"

struct forced forced;

static const struct way {
    const char *name, *isa;
    bool masked_alone;
} ways[FORCED_WAYS] = {
    {"as it comes", NULL, false}, {"under masks alone", NULL, true}, {"for SSE2", "sse2", false},
    {"for AVX2", "avx2", false},  {"for AVX-512", "avx512", false},
};

bool forced_choose(size_t way)
{
    char text[256];
    struct ptx_log log;

    ptx_log_init(&log, text, sizeof(text));
    forced.masked_alone = ways[way].masked_alone;
    unsetenv("BAREGPU_CUDA_ISA");
    if (ways[way].isa != NULL) {
        setenv("BAREGPU_CUDA_ISA", ways[way].isa, 1);
    }
    if (processor_check(&log)) {
        return true;
    }
    unsetenv("BAREGPU_CUDA_ISA");
    return false;
}

const char *forced_name(size_t way)
{
    return ways[way].name;
}

struct kernel_options __real_processor_options(void);
struct kernel_options __wrap_processor_options(void);

struct kernel_options __wrap_processor_options(void)
{
    struct kernel_options options = __real_processor_options();

    options.masked_alone = forced.masked_alone;
    options.has_f16 = options.has_f16 && !forced.without_f16;
    return options;
}
