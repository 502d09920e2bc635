/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/cuda-cpu/emitted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

void emit_kernel(const char *source, const struct kernel_options *options, struct text *ir)
{
    struct kernel_needs needs;
    struct ptx_module *module;
    struct ptx_log log;
    char reasons[1024];

    ptx_log_init(&log, reasons, sizeof(reasons));
    module = ptx_module_create(source, strlen(source), &ptx_default_limits, &log);
    if (module == NULL ||
        !kernel_emit(module, ptx_module_kernel(module, "k"), options, ir, &needs, &log)) {
        print_error("%s\n%s", source, reasons);
        fail();
    }
    ptx_module_destroy(module);
}

unsigned emitted_count(const char *source, const char *what)
{
    const struct kernel_options options = {.row = 32};
    struct text ir = {0};
    unsigned found = 0;

    emit_kernel(source, &options, &ir);
    for (const char *at = ir.bytes; (at = strstr(at, what)) != NULL; at++) {
        found++;
    }
    text_free(&ir);
    return found;
}
