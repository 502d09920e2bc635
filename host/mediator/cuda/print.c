/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/cuda/print.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/mediator/cuda/bytes.h"
#include "host/mediator/cuda/command.h"
#include "host/mediator/cuda/stream.h"

#define PIECE_SIZE 4096u

struct cuda_print {
    pthread_mutex_t lock; /* the device's threads say it */
    struct bytes text;
};

/* What is too much is dropped. */
static void hear(void *listener, const char *text, size_t length)
{
    struct cuda_print *print = listener;
    size_t room;

    pthread_mutex_lock(&print->lock);
    room = BG_CUDA_PRINT_SIZE_MAX - print->text.size;
    bytes_add(&print->text, text, length < room ? length : room);
    pthread_mutex_unlock(&print->lock);
}

CUresult cuda_print_create(struct cuda_session *cuda)
{
    struct cuda_print *print = calloc(1, sizeof(*print));

    if (print == NULL) {
        return CUDA_ERROR_OUT_OF_MEMORY;
    }
    pthread_mutex_init(&print->lock, NULL);
    cuda->print = print;
    cuda->session->gpu->listener = print;
    cuda->session->gpu->say = hear;
    return CUDA_SUCCESS;
}

void cuda_print_destroy(struct cuda_session *cuda)
{
    struct cuda_print *print = cuda->print;

    if (print == NULL) {
        return;
    }
    cuda->session->gpu->say = NULL;
    cuda->session->gpu->listener = NULL;
    pthread_mutex_destroy(&print->lock);
    free(print->text.bytes);
    free(print);
}

void cuda_print_leave(struct cuda_session *cuda)
{
    struct cuda_print *print = cuda->print;
    struct bg_cuda_page *page = cuda->page;
    size_t size;

    if (print == NULL) {
        return;
    }
    pthread_mutex_lock(&print->lock);
    size = print->text.size < sizeof(page->words) ? print->text.size : sizeof(page->words);
    if (size > 0) {
        memcpy(page->words, print->text.bytes + print->text.size - size, size);
    }
    pthread_mutex_unlock(&print->lock);
    page->words_size = (uint32_t)size;
}

/* NVIDIA's driver writes to standard output, once something was waited for. */
static CUresult read_printed(struct cuda_session *cuda)
{
    int printed = cuda->session->gpu->printed;
    char piece[PIECE_SIZE];
    CUresult result;
    ssize_t count;

    if (printed == 0) {
        return CUDA_SUCCESS;
    }
    result = cuda_check(cuda, cuda->driver->cuStreamSynchronize(cuda->own)); /* it is idle */
    fflush(stdout);
    while ((count = read(printed, piece, sizeof(piece))) > 0) {
        hear(cuda->print, piece, (size_t)count);
    }
    return result;
}

/* The first bytes go. */
static void take(struct cuda_print *print, uint8_t *place, size_t size)
{
    if (size > 0) {
        memcpy(place, print->text.bytes, size);
        print->text.size -= size;
        memmove(print->text.bytes, print->text.bytes + size, print->text.size);
    }
}

CUDA_COMMAND(cuda_run_print)
{
    struct cuda_print *print = cuda->print;
    uint64_t room = call->operation->answer_capacity;
    CUresult result = read_printed(cuda);
    size_t size;

    pthread_mutex_lock(&print->lock);
    size = print->text.size < room ? print->text.size : room;
    take(print, cuda_answer_begin(call, size), size);
    cuda_answer_end(call, size);
    pthread_mutex_unlock(&print->lock);
    return result;
}
