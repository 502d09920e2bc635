/* SPDX-License-Identifier: BSD-2-Clause */
/* The compiler in this process. */
#include "host/cuda-cpu/ptxc/answer.h"

bool compiler_ask(const struct compile_request *request, struct compile_answer *answer,
                  struct ptx_log *log)
{
    return answer_request(request, answer, log);
}

struct source compiler_source(void)
{
    return source_of("/proc/self/exe");
}

bool compiler_start(struct ptx_log *log)
{
    (void)log;
    return true;
}

void compiler_on_wait(void (*waits)(void *context, bool begins), void *context)
{
    (void)waits;
    (void)context;
}

void compiler_stop(void)
{
}
