/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptxc/answer.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/llvm.h"
#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/ptxc/flat.h"
#include "host/cuda-cpu/ptxc/flatten.h"
#include "host/cuda-cpu/ptxc/inherit.h"

static const struct ptx_position start = {1, 1};

static struct ptx_module *parse(const struct compile_request *request, struct ptx_log *log)
{
    struct ptx_limits limits = ptx_default_limits;

    limits.text = request->limits.text;
    if (limits.memory > request->limits.memory / 2) { /* compiling takes as much again */
        limits.memory = request->limits.memory / 2;
    }
    return ptx_module_create(request->text, request->text_size, &limits, log);
}

/* ---- Modules ---- */

static bool answer_module(const struct ptx_module *module, const struct compile_request *request,
                          struct compile_answer *answer, struct ptx_log *log)
{
    if (kernel_check(module, &request->options, request->limits.ir, log)) {
        answer->bytes = flatten(module, request->limits.answer, &answer->size, log);
    }
    return answer->bytes != NULL;
}

/* ---- Kernels ---- */

static bool fail(struct ptx_log *log, const struct ptx_function *kernel, enum ptx_error error,
                 const char *reason)
{
    ptx_log_kind(log, error);
    ptx_log_error(log, kernel->at, "%s: %s", kernel->name, reason);
    return false;
}

/* What it needs, then the object file. */
static bool join(const struct kernel_needs *needs, const struct llvm_result *object,
                 struct compile_answer *answer)
{
    const struct flat_code code = {
        .magic = FLAT_MAGIC,
        .sites = needs->sites,
        .local_size = needs->local_size,
        .is_deep = needs->is_deep,
        .frame = (uint32_t)object->frame,
        .frames = (object->frame + WARP_FRAME_EXTRA) * ((uint64_t)needs->depth + 1),
        .runs_block = needs->runs_block,
        .kept_size = needs->kept_size,
        .rests = needs->rests,
    };

    answer->size = sizeof(code) + object->size;
    answer->bytes = malloc(answer->size);
    if (answer->bytes != NULL) {
        memcpy(answer->bytes, &code, sizeof(code));
        memcpy((char *)answer->bytes + sizeof(code), object->bytes, object->size);
    }
    return answer->bytes != NULL;
}

/* Each of the functions that lie on the stack at once may have so much of it. */
static uint64_t frame_limit(const struct kernel_needs *needs)
{
    uint64_t part = WARP_FRAMES_MAX / ((uint64_t)needs->depth + 1);

    return part > WARP_FRAME_EXTRA ? part - WARP_FRAME_EXTRA : 0;
}

static bool compile(const struct ptx_function *kernel, const struct text *ir,
                    const struct kernel_needs *needs, const struct compile_request *request,
                    struct compile_answer *answer, struct ptx_log *log)
{
    uint64_t frame = frame_limit(needs);
    struct llvm_result object;
    char reason[LLVM_REASON_SIZE];
    bool done;

    if (!llvm_load(reason)) {
        return fail(log, kernel, PTX_ERROR_NO_COMPILER, reason);
    }
    if (!llvm_compile(ir->bytes, ir->used, request->options.machine, kernel_cpu(&request->options),
                      request->in_haste, LLVM_OBJECT, frame, &object, reason)) {
        return fail(log, kernel, PTX_ERROR_COMPILER, reason);
    }
    if (object.frame > frame) {
        done = fail(log, kernel, PTX_ERROR_LIMIT, "its values take too much of the stack");
    } else if (object.size > request->limits.answer) {
        done = fail(log, kernel, PTX_ERROR_LIMIT, "the code is too large");
    } else {
        done = join(needs, &object, answer) || fail(log, kernel, PTX_ERROR_MEMORY, "no memory");
    }
    free(object.bytes);
    return done;
}

/* Looked at once: later there may be no files. */
static struct source llvm_source(void)
{
    static struct source source;

    if (source.path[0] == '\0') {
        source = source_of(llvm_path());
    }
    return source;
}

static bool answer_kernel(const struct ptx_module *module, const struct compile_request *request,
                          struct compile_answer *answer, struct ptx_log *log)
{
    const struct ptx_function *kernel = ptx_module_kernel(module, request->kernel);
    struct text ir = {.limit = request->limits.ir};
    struct kernel_needs needs;
    bool done;

    if (kernel == NULL) {
        ptx_log_error(log, start, "no kernel is called %s", request->kernel);
        return false;
    }
    done = kernel_emit(module, kernel, &request->options, &ir, &needs, log) &&
           compile(kernel, &ir, &needs, request, answer, log);
    text_free(&ir);
    answer->llvm = llvm_source();
    return done;
}

bool answer_request(const struct compile_request *request, struct compile_answer *answer,
                    struct ptx_log *log)
{
    struct ptx_module *module = parse(request, log);
    bool done;

    *answer = (struct compile_answer){0};
    if (module == NULL) {
        return false;
    }
    done = request->what == COMPILE_MODULE ? answer_module(module, request, answer, log)
                                           : answer_kernel(module, request, answer, log);
    ptx_module_destroy(module);
    return done;
}

struct source answer_prepare(void)
{
    static const char text[] = ".version 8.0\n.target sm_50\n.address_size 64\n"
                               ".entry k(.param .u64 p) { .reg .b32 %r<2>; .reg .b64 %rd<3>; "
                               "ld.param.u64 %rd1, [p]; mov.u32 %r1, %tid.x; "
                               "mad.wide.u32 %rd2, %r1, 4, %rd1; st.global.u32 [%rd2], %r1; ret; }";
    const struct compile_request request = {
        .what = COMPILE_KERNEL,
        .text = text,
        .text_size = sizeof(text) - 1,
        .kernel = "k",
        .limits = compile_default_limits,
    };
    struct compile_answer answer;
    char log_text[LLVM_REASON_SIZE];
    struct ptx_log log;

    if (llvm_load(log_text)) {
        inherit_text(llvm_path());
    }
    ptx_log_init(&log, log_text, sizeof(log_text));
    answer_request(&request, &answer, &log);
    free(answer.bytes);
    return answer.llvm;
}
