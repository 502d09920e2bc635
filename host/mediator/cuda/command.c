/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/command.h"

#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/mark.h"
#include "host/mediator/cuda/print.h"
#include "host/mediator/cuda/stream.h"
#include "protocol/cuda_blas.h"

struct row {
    size_t params_size;
    bool has_more; /* more may follow */
    bool has_data; /* which may have been staged */
    CUresult (*run)(struct cuda_session *cuda, struct cuda_call *call);
};

/* ---- Data and answers that are longer than the carrier takes ---- */

/* One of each, which do not count as the session's memory: a guest that has used up its own still
 * copies what is there. */

static void forget(uint8_t **bytes)
{
    free(*bytes);
    *bytes = NULL;
}

static CUresult begin_stage(struct cuda_session *cuda, uint32_t total)
{
    if (total == 0 || total > BG_CUDA_IMAGE_SIZE_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    cuda->stage = malloc(total);
    cuda->stage_total = total;
    return cuda->stage != NULL ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

static CUresult add_to_stage(struct cuda_session *cuda, const struct bg_cuda_stage *stage,
                             const struct cuda_call *call)
{
    if (cuda->stage == NULL || stage->total != cuda->stage_total ||
        stage->offset != cuda->stage_size || call->data_size > stage->total - stage->offset) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (call->data_size > 0) {
        memcpy(cuda->stage + stage->offset, call->data, call->data_size);
    }
    cuda->stage_size += (uint32_t)call->data_size;
    return CUDA_SUCCESS;
}

static CUDA_COMMAND(run_stage)
{
    const struct bg_cuda_stage *stage = call->params;
    CUresult result = CUDA_SUCCESS;

    if (stage->offset == 0) {
        forget(&cuda->stage);
        cuda->stage_size = 0;
        result = begin_stage(cuda, stage->total);
    }
    result = result ?: add_to_stage(cuda, stage, call);
    if (result != CUDA_SUCCESS) {
        forget(&cuda->stage);
    }
    return result;
}

/* Without data of its own a command has what was staged, if that is whole. */
static CUresult take_stage(struct cuda_session *cuda, struct cuda_call *call)
{
    if (call->data_size != 0 || cuda->stage == NULL) {
        return CUDA_SUCCESS;
    }
    call->data = cuda->stage;
    call->data_size = cuda->stage_total;
    return cuda->stage_size == cuda->stage_total ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static void put_answer(struct cuda_call *call, const uint8_t *bytes, uint64_t size)
{
    struct operation *operation = call->operation;
    uint64_t room = operation->answer_capacity;

    operation->answer_size = size < room ? size : room;
    if (operation->answer_size > 0) {
        memcpy(operation->answer, bytes, operation->answer_size);
    }
    call->answer_size = size;
}

uint8_t *cuda_answer_begin(struct cuda_call *call, uint64_t size)
{
    struct cuda_session *cuda = call->cuda;

    forget(&cuda->answer);
    if (size <= call->operation->answer_capacity) {
        return call->operation->answer;
    }
    cuda->answer = malloc(size);
    cuda->answer_size = 0; /* until it is written */
    return cuda->answer;
}

void cuda_answer_end(struct cuda_call *call, uint64_t size)
{
    if (call->cuda->answer != NULL) {
        call->cuda->answer_size = (uint32_t)size;
        put_answer(call, call->cuda->answer, size);
    } else {
        call->operation->answer_size = call->answer_size = size;
    }
}

CUresult cuda_answer(struct cuda_call *call, const void *bytes, uint64_t size)
{
    uint8_t *answer = cuda_answer_begin(call, size);

    if (answer == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memcpy(answer, bytes, size);
    cuda_answer_end(call, size);
    return CUDA_SUCCESS;
}

static CUDA_COMMAND(run_answer)
{
    const struct bg_cuda_answer *wanted = call->params;

    if (cuda->answer == NULL || wanted->offset > cuda->answer_size) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    put_answer(call, cuda->answer + wanted->offset, cuda->answer_size - wanted->offset);
    return CUDA_SUCCESS;
}

/* ---- Start and end ---- */

static CUDA_COMMAND(run_end)
{
    struct session *session = cuda->session;

    (void)call;
    cuda_session_destroy(cuda);
    session->cuda = NULL;
    return CUDA_SUCCESS;
}

/* ---- The table ---- */

#define ROW(name) [BG_CUDA_##name - BG_CUDA_INIT]
#define SIZE(type) sizeof(struct bg_cuda_##type)

static const struct row rows[] = {
    ROW(END) = {0, false, false, run_end},
    ROW(STAGE) = {SIZE(stage), false, false, run_stage},
    ROW(ANSWER) = {SIZE(answer), false, false, run_answer},
    ROW(LIMIT_GET) = {SIZE(limit), false, false, cuda_run_limit_get},
    ROW(LIMIT_SET) = {SIZE(limit), false, false, cuda_run_limit_set},

    ROW(PRINT) = {0, false, false, cuda_run_print},

    ROW(MODULE_LOAD) = {SIZE(module_load), false, true, cuda_run_module_load},
    ROW(MODULE_UNLOAD) = {SIZE(handle), false, false, cuda_run_module_unload},
    ROW(MODULE_GLOBAL) = {SIZE(handle), false, true, cuda_run_module_global},
    ROW(FUNCTION_SET) = {SIZE(function_set), false, false, cuda_run_function_set},
    ROW(LINK) = {SIZE(module_load), false, true, cuda_run_link},
    ROW(OCCUPANCY) = {SIZE(occupancy), false, false, cuda_run_occupancy},

    ROW(MEMORY_ALLOC) = {SIZE(memory_alloc), false, false, cuda_run_memory_alloc},
    ROW(MEMORY_FREE) = {SIZE(memory_free), false, false, cuda_run_memory_free},
    ROW(MEMORY_INFO) = {0, false, false, cuda_run_memory_info},
    ROW(FILL) = {SIZE(fill), false, false, cuda_run_fill},
    ROW(COPY) = {SIZE(copy), false, true, cuda_run_copy},
    ROW(COPY_BOX) = {SIZE(copy_box), false, false, cuda_run_copy_box},

    ROW(LAUNCH) = {SIZE(launch), true, true, cuda_run_launch},

    ROW(STREAM_CREATE) = {SIZE(stream_create), false, false, cuda_run_stream_create},
    ROW(STREAM_DESTROY) = {SIZE(handle), false, false, cuda_run_stream_destroy},
    ROW(STREAM_WAIT) = {SIZE(stream_event), false, false, cuda_run_stream_wait},
    ROW(STREAM_MARK) = {SIZE(mark), false, false, cuda_run_stream_mark},
    ROW(STREAM_HOST) = {SIZE(mark), false, false, cuda_run_stream_host},
    ROW(STREAM_SYNC) = {SIZE(handle), false, false, cuda_run_stream_sync},
    ROW(STREAM_QUERY) = {SIZE(handle), false, false, cuda_run_stream_query},
    ROW(STREAM_WRITE) = {SIZE(stream_value), false, false, cuda_run_stream_write},
    ROW(STREAM_WATCH) = {SIZE(stream_value), false, false, cuda_run_stream_watch},

    ROW(EVENT_CREATE) = {SIZE(event_create), false, false, cuda_run_event_create},
    ROW(EVENT_DESTROY) = {SIZE(handle), false, false, cuda_run_event_destroy},
    ROW(EVENT_RECORD) = {SIZE(event_record), false, false, cuda_run_event_record},
    ROW(EVENT_ELAPSED) = {SIZE(event_elapsed), false, false, cuda_run_event_elapsed},
    ROW(EVENT_SYNC) = {SIZE(handle), false, false, cuda_run_event_sync},
    ROW(EVENT_QUERY) = {SIZE(handle), false, false, cuda_run_event_query},

    ROW(GRAPH_CREATE) = {SIZE(graph_create), false, true, cuda_run_graph_create},
    ROW(GRAPH_UPDATE) = {SIZE(graph_create), false, true, cuda_run_graph_update},
    ROW(GRAPH_LAUNCH) = {SIZE(graph_launch), false, false, cuda_run_graph_launch},
    ROW(GRAPH_DESTROY) = {SIZE(handle), false, false, cuda_run_graph_destroy},

    ROW(ARRAY_CREATE) = {SIZE(array_create), false, false, cuda_run_array_create},
    ROW(ARRAY_DESTROY) = {SIZE(handle), false, false, cuda_run_array_destroy},
    ROW(TEXTURE_CREATE) = {SIZE(texture_create), false, false, cuda_run_texture_create},
    ROW(TEXTURE_DESTROY) = {SIZE(object), false, false, cuda_run_texture_destroy},
    ROW(SURFACE_CREATE) = {SIZE(surface_create), false, false, cuda_run_surface_create},
    ROW(SURFACE_DESTROY) = {SIZE(object), false, false, cuda_run_surface_destroy},

    ROW(BLAS) = {SIZE(blas), false, false, cuda_run_blas},
};

/* NULL: there is no such command. */
static const struct row *find(uint32_t number)
{
    uint32_t index = number - BG_CUDA_INIT;

    return index < sizeof(rows) / sizeof(rows[0]) && rows[index].run != NULL ? &rows[index] : NULL;
}

/* ---- Running one ---- */

static CUresult run_init(struct session *session, struct cuda_call *call)
{
    struct bg_cuda_device device;
    CUresult result;

    if (session->cuda != NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = cuda_session_create(session, &call->operation->heap, call->params, &call->cuda);
    result = result ?: cuda_session_describe(call->cuda, &device)
                           ?: cuda_answer(call, &device, sizeof(device));
    if (result != CUDA_SUCCESS && call->cuda != NULL) {
        cuda_session_destroy(call->cuda);
        return result;
    }
    session->cuda = call->cuda;
    return result;
}

/* Without a page nothing but an answer tells what a kernel did wrong, and the worker may have ended
 * before the next one. */
static CUresult look_at_once(struct cuda_session *cuda, CUresult result)
{
    cuda_streams_look(cuda);
    return cuda->error != CUDA_SUCCESS ? cuda->error : result;
}

static CUresult run_row(const struct row *row, struct cuda_call *call)
{
    struct cuda_session *cuda = call->cuda;
    CUresult result;

    if (cuda == NULL) {
        return CUDA_ERROR_NOT_INITIALIZED;
    }
    if (cuda->error != CUDA_SUCCESS && row->run != cuda_run_print) {
        return cuda->error;
    }
    result = row->has_data ? take_stage(cuda, call) : CUDA_SUCCESS;
    result = result ?: row->run(cuda, call);
    if (row->run != run_end && row->run != cuda_run_print && cuda->page == NULL) {
        result = look_at_once(cuda, result);
    }
    if (row->has_data && call->data == cuda->stage) {
        forget(&cuda->stage);
    }
    return result;
}

static bool size_is_right(size_t wanted, bool has_more, size_t size)
{
    return has_more ? size >= wanted : size == wanted;
}

static enum bg_compute_status run(struct session *session, struct cuda_call *call, CUresult *result)
{
    uint32_t number = call->operation->number;
    const struct row *row = find(number);

    if (number == BG_CUDA_INIT) {
        if (call->params_size != sizeof(struct bg_cuda_init)) {
            return BG_COMPUTE_INVALID_REQUEST;
        }
        *result = run_init(session, call);
    } else if (row == NULL) {
        *result = CUDA_ERROR_NOT_SUPPORTED;
    } else if (!size_is_right(row->params_size, row->has_more, call->params_size)) {
        return BG_COMPUTE_INVALID_REQUEST;
    } else {
        *result = run_row(row, call);
    }
    return BG_COMPUTE_OK;
}

/* It has failed, and has no page to say so in. */
static bool tells_by_answers(const struct cuda_session *cuda)
{
    return cuda != NULL && cuda->error != CUDA_SUCCESS && cuda->page == NULL;
}

enum bg_compute_status cuda_command_run(struct session *session, struct operation *operation)
{
    struct cuda_call call = {
        .cuda = session->cuda,
        .params = operation->params,
        .params_size = operation->param_count * sizeof(uint32_t),
        .data = operation->data,
        .data_size = operation->data_size,
        .operation = operation,
    };
    CUresult result = CUDA_SUCCESS;
    enum bg_compute_status status = run(session, &call, &result);

    if (status != BG_COMPUTE_OK) {
        return status;
    }
    if (tells_by_answers(session->cuda) && operation->number != BG_CUDA_PRINT) {
        cuda_print_answer(&call);
    }
    if (operation->is_silent && result != CUDA_SUCCESS && session->cuda != NULL) {
        cuda_session_tell_failure(session->cuda, result);
    }
    operation->results[0] = (uint32_t)result;
    operation->results[1] = (uint32_t)call.answer_size;
    operation->result_count = 2;
    return BG_COMPUTE_OK;
}

void cuda_end(struct session *session)
{
    if (session->cuda != NULL) {
        cuda_session_destroy(session->cuda);
        session->cuda = NULL;
    }
}

bool cuda_is_busy(struct session *session)
{
    return session->cuda != NULL && cuda_streams_look(session->cuda);
}

bool cuda_is_working(const struct session *session)
{
    return session->cuda != NULL && cuda_streams_work(session->cuda);
}

bool cuda_is_held(const struct session *session)
{
    return session->cuda != NULL && cuda_marks_hold(session->cuda, BG_CUDA_ALL);
}

bool cuda_may_be_held(const struct session *session)
{
    return session->cuda != NULL && cuda_marks_may_hold(session->cuda);
}

bool cuda_is_acknowledged(const struct session *session)
{
    return session->cuda != NULL && cuda_marks_are_acknowledged(session->cuda);
}

void cuda_time_out(struct session *session)
{
    if (session->cuda != NULL) {
        cuda_check(session->cuda, CUDA_ERROR_LAUNCH_TIMEOUT);
    }
}

uint32_t *cuda_error_word(const struct session *session)
{
    const struct cuda_session *cuda = session->cuda;

    return cuda != NULL && cuda->page != NULL ? &cuda->page->error : NULL;
}
