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
#define WORDS_LEAST 64u /* room for less than that is none */

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

static size_t put(char *to, const void *from, size_t size)
{
    if (size > 0) {
        memcpy(to, from, size);
    }
    return size;
}

/* What is too long loses its middle: what was printed first and the fault itself are at its ends.
 * The room is more than the cut's. */
static size_t copy_ends(const struct bytes *text, void *to, size_t room)
{
    static const char cut[] = "\n...\n";
    size_t length = sizeof(cut) - 1, half = (room - length) / 2;
    char *end = to;

    if (text->size <= room) {
        return put(end, text->bytes, text->size);
    }
    end += put(end, text->bytes, half);
    end += put(end, cut, length);
    end += put(end, text->bytes + text->size - half, half);
    return (size_t)(end - (char *)to);
}

static size_t leave(struct cuda_print *print, void *to, size_t room)
{
    size_t size;

    if (print == NULL) {
        return 0;
    }
    pthread_mutex_lock(&print->lock);
    size = copy_ends(&print->text, to, room);
    pthread_mutex_unlock(&print->lock);
    return size;
}

void cuda_print_leave(struct cuda_session *cuda)
{
    struct bg_cuda_page *page = cuda->page;

    page->words_size = (uint32_t)leave(cuda->print, page->words, sizeof(page->words));
}

void cuda_print_answer(struct cuda_call *call)
{
    struct operation *operation = call->operation;

    if (operation->answer_capacity >= WORDS_LEAST) {
        operation->answer_size = call->answer_size =
            leave(call->cuda->print, operation->answer, operation->answer_capacity);
    }
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
