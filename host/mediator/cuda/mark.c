/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/mark.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/stream.h"
#include "host/mediator/cuda/value.h"

#define GATES_SIZE 4096u

/* One that a stream is to come to, or at which it is held. */
struct mark {
    struct cuda_marks *marks;
    struct mark *next, **place; /* among all */
    struct cuda_mark wanted;
    struct bg_cuda_stream_value value; /* that a stream waits for; size 0: the guest */
};

/* The driver's threads take them out. */
struct cuda_marks {
    pthread_mutex_t lock;
    struct mark *first;
    struct mark *held[BG_CUDA_STREAMS_MAX]; /* which one holds the stream; NULL: none */
    struct session *session;
    struct bg_cuda_page *page;
    /* The words that streams wait for which are held: acknowledged[], when they may go on; then how
     * many values each has waited for. */
    uint64_t *gates;
    gpu_address gates_address;
    uint64_t values[BG_CUDA_STREAMS_MAX]; /* that each is to wait for */
};

_Static_assert(2 * BG_CUDA_STREAMS_MAX * sizeof(uint64_t) <= GATES_SIZE, "two gates for each");

/* Which gate it holds a stream at. */
static uint32_t gate_of(const struct mark *mark)
{
    return mark->wanted.stream + (mark->value.size != 0 ? BG_CUDA_STREAMS_MAX : 0);
}

static CUresult make_gates(struct cuda_marks *marks)
{
    struct gpu *gpu = marks->session->gpu;

    marks->gates = aligned_alloc(GATES_SIZE, GATES_SIZE);
    if (marks->gates == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    memset(marks->gates, 0, GATES_SIZE);
    if (gpu_share(gpu, marks->gates, GATES_SIZE, &marks->gates_address) != BG_COMPUTE_OK) {
        free(marks->gates);
        marks->gates = NULL;
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    return CUDA_SUCCESS;
}

CUresult cuda_marks_create(struct cuda_session *cuda)
{
    cuda->marks = calloc(1, sizeof(*cuda->marks));
    if (cuda->marks == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    pthread_mutex_init(&cuda->marks->lock, NULL);
    cuda->marks->session = cuda->session;
    cuda->marks->page = cuda->page;
    return make_gates(cuda->marks);
}

static void put_in(struct mark *mark)
{
    struct cuda_marks *marks = mark->marks;

    pthread_mutex_lock(&marks->lock);
    mark->place = &marks->first;
    mark->next = marks->first;
    if (mark->next != NULL) {
        mark->next->place = &mark->next;
    }
    marks->first = mark;
    pthread_mutex_unlock(&marks->lock);
}

/* With the lock. */
static void take_out(struct mark *mark)
{
    *mark->place = mark->next;
    if (mark->next != NULL) {
        mark->next->place = mark->place;
    }
    free(mark);
}

void cuda_marks_close(struct cuda_session *cuda)
{
    struct cuda_marks *marks = cuda->marks;

    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX && marks != NULL && marks->gates != NULL; i++) {
        __atomic_store_n(&marks->gates[i], cuda->streams[i].mark, __ATOMIC_RELEASE);
        __atomic_store_n(&marks->gates[BG_CUDA_STREAMS_MAX + i], marks->values[i],
                         __ATOMIC_RELEASE);
    }
}

void cuda_marks_destroy(struct cuda_session *cuda)
{
    struct cuda_marks *marks = cuda->marks;

    if (marks == NULL) {
        return;
    }
    while (marks->first != NULL) { /* in streams of a context that is lost */
        take_out(marks->first);
    }
    if (marks->gates != NULL) {
        gpu_unshare(marks->session->gpu, marks->gates);
        free(marks->gates);
    }
    pthread_mutex_destroy(&marks->lock);
    free(marks);
}

static void tell(const struct mark *mark)
{
    const struct session *session = mark->marks->session;

    __atomic_store_n(&mark->marks->page->completed[mark->wanted.stream], mark->wanted.value,
                     __ATOMIC_RELEASE);
    if (session->interrupt != NULL) {
        session->interrupt(session->owner);
    }
}

/* In a thread of the driver's. */
static void reach(void *context)
{
    struct mark *mark = context;
    struct cuda_marks *marks = mark->marks;

    if (mark->value.size == 0) {
        tell(mark);
    }
    pthread_mutex_lock(&marks->lock);
    if (mark->wanted.holds) {
        marks->held[mark->wanted.stream] = mark;
    } else {
        take_out(mark);
    }
    pthread_mutex_unlock(&marks->lock);
}

static void forget(struct mark *mark)
{
    struct cuda_marks *marks = mark->marks;

    pthread_mutex_lock(&marks->lock);
    take_out(mark);
    pthread_mutex_unlock(&marks->lock);
}

static CUresult put(struct cuda_session *cuda, const struct mark *wanted, CUstream stream,
                    struct mark **result)
{
    struct mark *mark = calloc(1, sizeof(*mark));
    CUresult queued;

    if (mark == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *mark = *wanted;
    mark->marks = cuda->marks;
    put_in(mark);
    queued = cuda_check(cuda, cuda->driver->cuLaunchHostFunc(stream, reach, mark));
    if (queued != CUDA_SUCCESS) {
        forget(mark);
    }
    *result = mark;
    return queued;
}

/* The stream does not stop there after all; it may be there by now. */
static void let_pass(struct mark *mark)
{
    struct cuda_marks *marks = mark->marks;
    uint32_t stream = mark->wanted.stream;

    pthread_mutex_lock(&marks->lock);
    mark->wanted.holds = false;
    if (marks->held[stream] == mark) {
        marks->held[stream] = NULL;
        take_out(mark);
    }
    pthread_mutex_unlock(&marks->lock);
}

/* The driver compares in a circle, of which values up to BG_CUDA_MARK_MAX are one half. The mark is
 * one that holds: another is gone meanwhile. */
static CUresult hold(struct cuda_session *cuda, CUstream stream, struct mark *mark)
{
    gpu_address gate = cuda->marks->gates_address + gate_of(mark) * sizeof(uint64_t);
    CUresult result =
        cuda_check(cuda, cuda->driver->cuStreamWaitValue64(stream, gate, mark->wanted.value,
                                                           CU_STREAM_WAIT_VALUE_GEQ));

    if (result != CUDA_SUCCESS) {
        let_pass(mark);
    }
    return result;
}

CUresult cuda_mark(struct cuda_session *cuda, const struct cuda_mark *wanted)
{
    const struct mark asked = {.wanted = *wanted};
    CUstream stream;
    struct mark *mark;
    CUresult result = cuda_stream_take(cuda, wanted->stream, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (cuda->page == NULL || wanted->value <= cuda->streams[wanted->stream].mark ||
        wanted->value > BG_CUDA_MARK_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = put(cuda, &asked, stream, &mark);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    cuda->streams[wanted->stream].mark = wanted->value;
    return wanted->holds ? hold(cuda, stream, mark) : CUDA_SUCCESS;
}

CUresult cuda_mark_value(struct cuda_session *cuda, const struct bg_cuda_stream_value *value)
{
    struct mark asked = {.wanted = {.stream = value->stream, .holds = true}, .value = *value};
    CUstream stream;
    struct mark *mark;
    CUresult result = cuda_stream_take(cuda, value->stream, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    asked.wanted.value = ++cuda->marks->values[value->stream];
    return put(cuda, &asked, stream, &mark) ?: hold(cuda, stream, mark);
}

/* ---- Streams that are held ---- */

bool cuda_marks_hold(const struct cuda_session *cuda, uint32_t stream)
{
    uint32_t first = stream == BG_CUDA_ALL ? 0 : stream;
    uint32_t end = stream == BG_CUDA_ALL ? BG_CUDA_STREAMS_MAX : stream + 1;
    struct cuda_marks *marks = cuda->marks;
    bool is_held = false;

    pthread_mutex_lock(&marks->lock);
    for (uint32_t i = first; i < end && !is_held; i++) {
        is_held = marks->held[i] != NULL;
    }
    pthread_mutex_unlock(&marks->lock);
    return is_held;
}

bool cuda_marks_may_hold(const struct cuda_session *cuda)
{
    struct cuda_marks *marks = cuda->marks;
    bool may_hold = false;

    pthread_mutex_lock(&marks->lock);
    for (const struct mark *mark = marks->first; mark != NULL && !may_hold; mark = mark->next) {
        may_hold = mark->wanted.holds;
    }
    pthread_mutex_unlock(&marks->lock);
    return may_hold;
}

/* The guest may change the word at any time: it is asked for once. One that is gone lets the stream
 * go on, to its end. */
static bool may_go_on(const struct cuda_session *cuda, const struct mark *mark)
{
    const uint64_t *words = cuda->page->acknowledged;

    return mark->value.size == 0 ? __atomic_load_n(&words[mark->wanted.stream], __ATOMIC_ACQUIRE) >=
                                       mark->wanted.value
                                 : !cuda_value_exists(cuda, &mark->value) ||
                                       cuda_value_is_reached(cuda, &mark->value);
}

/* The mark at which a stream is held; NULL: none. Nobody but this thread lets it go on. */
static struct mark *held(const struct cuda_session *cuda, uint32_t stream)
{
    struct cuda_marks *marks = cuda->marks;
    struct mark *mark;

    pthread_mutex_lock(&marks->lock);
    mark = marks->held[stream];
    pthread_mutex_unlock(&marks->lock);
    return mark;
}

bool cuda_marks_are_acknowledged(const struct cuda_session *cuda)
{
    bool some = cuda_marks_hold(cuda, BG_CUDA_ALL), found = false;

    for (uint32_t i = 0; some && i < BG_CUDA_STREAMS_MAX && !found; i++) {
        const struct mark *mark = held(cuda, i);

        found = mark != NULL && may_go_on(cuda, mark);
    }
    return found;
}

/* All gates may be open already. */
static void go_on(struct cuda_session *cuda, struct mark *mark)
{
    struct cuda_marks *marks = cuda->marks;
    uint64_t *gate = &marks->gates[gate_of(mark)];

    if (mark->value.size != 0 && !cuda_value_exists(cuda, &mark->value)) {
        cuda_check(cuda, CUDA_ERROR_ILLEGAL_ADDRESS);
    }
    pthread_mutex_lock(&marks->lock);
    if (marks->held[mark->wanted.stream] == mark) {
        marks->held[mark->wanted.stream] = NULL;
    }
    if (*gate < mark->wanted.value) {
        __atomic_store_n(gate, mark->wanted.value, __ATOMIC_RELEASE);
    }
    take_out(mark);
    pthread_mutex_unlock(&marks->lock);
}

void cuda_marks_go_on(struct cuda_session *cuda)
{
    bool some = cuda_marks_hold(cuda, BG_CUDA_ALL);

    for (uint32_t i = 0; some && i < BG_CUDA_STREAMS_MAX; i++) {
        struct mark *mark = held(cuda, i);

        if (mark != NULL && may_go_on(cuda, mark)) {
            go_on(cuda, mark);
        }
    }
}
