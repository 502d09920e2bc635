/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/mark.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/cuda/stream.h"

#define GATES_SIZE 4096u

/* One that a stream is to come to, or at which it is held. */
struct mark {
    struct cuda_marks *marks;
    struct mark *next, **place; /* among all */
    struct cuda_mark wanted;
    bool is_reached;
};

/* The driver's threads take them out. */
struct cuda_marks {
    pthread_mutex_t lock;
    struct mark *first;
    struct session *session;
    struct bg_cuda_page *page;
    /* The words that streams wait for which are held: acknowledged[], when they may go on. */
    uint64_t *gates;
    gpu_address gates_address;
};

_Static_assert(BG_CUDA_STREAMS_MAX * sizeof(uint64_t) <= GATES_SIZE, "a gate for each");

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

/* In a thread of the driver's. */
static void reach(void *context)
{
    struct mark *mark = context;
    struct cuda_marks *marks = mark->marks;
    struct session *session = marks->session;

    __atomic_store_n(&marks->page->completed[mark->wanted.stream], mark->wanted.value,
                     __ATOMIC_RELEASE);
    if (mark->wanted.interrupts && session->interrupt != NULL) {
        session->interrupt(session->owner);
    }
    pthread_mutex_lock(&marks->lock);
    mark->is_reached = true;
    if (!mark->wanted.holds) {
        take_out(mark);
    }
    pthread_mutex_unlock(&marks->lock);
}

/* The driver compares in a circle, of which values up to BG_CUDA_MARK_MAX are one half. */
static CUresult hold(struct cuda_session *cuda, const struct cuda_mark *wanted, CUstream stream)
{
    gpu_address gate = cuda->marks->gates_address + wanted->stream * sizeof(uint64_t);

    return cuda_check(cuda, cuda->driver->cuStreamWaitValue64(stream, gate, wanted->value,
                                                              CU_STREAM_WAIT_VALUE_GEQ));
}

/* What a stream does not come to, or does not wait at. */
static void forget(struct mark *mark)
{
    struct cuda_marks *marks = mark->marks;

    pthread_mutex_lock(&marks->lock);
    take_out(mark);
    pthread_mutex_unlock(&marks->lock);
}

static CUresult put(struct cuda_session *cuda, const struct cuda_mark *wanted, CUstream stream)
{
    struct mark *mark = calloc(1, sizeof(*mark));
    CUresult result;

    if (mark == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    mark->marks = cuda->marks;
    mark->wanted = *wanted;
    put_in(mark);
    result = cuda_check(cuda, cuda->driver->cuLaunchHostFunc(stream, reach, mark));
    if (result != CUDA_SUCCESS) {
        forget(mark);
    }
    return result;
}

CUresult cuda_mark(struct cuda_session *cuda, const struct cuda_mark *wanted)
{
    CUstream stream;
    CUresult result = cuda_stream_take(cuda, wanted->stream, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (cuda->page == NULL || wanted->value <= cuda->streams[wanted->stream].mark ||
        wanted->value > BG_CUDA_MARK_MAX) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    result = put(cuda, wanted, stream);
    if (result != CUDA_SUCCESS) {
        return result;
    }
    cuda->streams[wanted->stream].mark = wanted->value;
    return wanted->holds ? hold(cuda, wanted, stream) : CUDA_SUCCESS;
}

/* ---- Streams that are held ---- */

static bool holds(const struct mark *mark)
{
    return mark->wanted.holds && mark->is_reached;
}

bool cuda_marks_hold(const struct cuda_session *cuda, uint32_t stream)
{
    struct cuda_marks *marks = cuda->marks;
    bool is_held = false;

    pthread_mutex_lock(&marks->lock);
    for (const struct mark *mark = marks->first; mark != NULL && !is_held; mark = mark->next) {
        is_held = (stream == BG_CUDA_ALL || mark->wanted.stream == stream) && holds(mark);
    }
    pthread_mutex_unlock(&marks->lock);
    return is_held;
}

/* The guest may change the word at any time: it is asked for once. */
static bool is_acknowledged(const struct mark *mark)
{
    const uint64_t *word = &mark->marks->page->acknowledged[mark->wanted.stream];

    return holds(mark) && __atomic_load_n(word, __ATOMIC_ACQUIRE) >= mark->wanted.value;
}

bool cuda_marks_are_acknowledged(const struct cuda_session *cuda)
{
    struct cuda_marks *marks = cuda->marks;
    bool found = false;

    pthread_mutex_lock(&marks->lock);
    for (const struct mark *mark = marks->first; mark != NULL && !found; mark = mark->next) {
        found = is_acknowledged(mark);
    }
    pthread_mutex_unlock(&marks->lock);
    return found;
}

void cuda_marks_go_on(struct cuda_session *cuda)
{
    struct cuda_marks *marks = cuda->marks;
    struct mark *next;

    pthread_mutex_lock(&marks->lock);
    for (struct mark *mark = marks->first; mark != NULL; mark = next) {
        next = mark->next;
        if (is_acknowledged(mark)) {
            __atomic_store_n(&marks->gates[mark->wanted.stream], mark->wanted.value,
                             __ATOMIC_RELEASE);
            take_out(mark);
        }
    }
    pthread_mutex_unlock(&marks->lock);
}
