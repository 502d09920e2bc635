/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/mark.h"

#include <pthread.h>
#include <stdlib.h>

#include "host/mediator/cuda/stream.h"

/* One that a stream is to come to. */
struct mark {
    struct cuda_marks *marks;
    struct mark *next, **place; /* among all that are not reached */
    uint64_t *word;
    uint64_t value;
    bool interrupt;
};

/* The driver's threads take them out. */
struct cuda_marks {
    pthread_mutex_t lock;
    struct mark *first;
    struct session *session;
};

CUresult cuda_marks_create(struct cuda_session *cuda)
{
    cuda->marks = calloc(1, sizeof(*cuda->marks));
    if (cuda->marks == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    pthread_mutex_init(&cuda->marks->lock, NULL);
    cuda->marks->session = cuda->session;
    return CUDA_SUCCESS;
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

static void take_out(struct mark *mark)
{
    struct cuda_marks *marks = mark->marks;

    pthread_mutex_lock(&marks->lock);
    *mark->place = mark->next;
    if (mark->next != NULL) {
        mark->next->place = mark->place;
    }
    pthread_mutex_unlock(&marks->lock);
    free(mark);
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
    pthread_mutex_destroy(&marks->lock);
    free(marks);
}

/* In a thread of the driver's. */
static void reach(void *context)
{
    struct mark *mark = context;
    struct session *session = mark->marks->session;

    __atomic_store_n(mark->word, mark->value, __ATOMIC_RELEASE);
    if (mark->interrupt && session->interrupt != NULL) {
        session->interrupt(session->owner);
    }
    take_out(mark);
}

CUresult cuda_mark(struct cuda_session *cuda, uint32_t handle, uint64_t value, bool interrupt)
{
    struct mark *mark;
    CUstream stream;
    CUresult result = cuda_stream_take(cuda, handle, &stream);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (cuda->page == NULL || value <= cuda->streams[handle].mark) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    mark = malloc(sizeof(*mark));
    if (mark == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    *mark = (struct mark){.marks = cuda->marks,
                          .word = &cuda->page->completed[handle],
                          .value = value,
                          .interrupt = interrupt};
    put_in(mark);
    result = cuda_check(cuda, cuda->driver->cuLaunchHostFunc(stream, reach, mark));
    if (result != CUDA_SUCCESS) {
        take_out(mark);
        return result;
    }
    cuda->streams[handle].mark = value;
    return CUDA_SUCCESS;
}
