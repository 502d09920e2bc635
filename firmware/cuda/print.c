/* SPDX-License-Identifier: BSD-2-Clause */
/* What kernels have printed, from the worker to the kernel's console. */
#include "firmware/cuda/internal.h"

#define PIECE 1024u /* at least what an answer of the mailbox has */

/* False: there is no more, or no worker, or it says more than it may keep. */
static bool print_piece(struct cuda_device *device, size_t *left)
{
    char text[PIECE];
    struct cuda_call call = {
        .operation = BG_CUDA_PRINT, .answer = text, .answer_room = sizeof(text)};
    size_t size;

    if (device->carrier->call(device, &call) != CUDA_SUCCESS) {
        return false;
    }
    size = call.answer_size < sizeof(text) ? call.answer_size : sizeof(text);
    size = size < *left ? size : *left;
    cuda_print_words((struct cuda_bytes){text, size});
    *left -= size;
    return size > 0;
}

void cuda_print(struct cuda_device *device)
{
    size_t left = BG_CUDA_PRINT_SIZE_MAX;

    if (!device->prints || device->error != CUDA_SUCCESS || device->printed_work == device->work) {
        return;
    }
    device->printed_work = device->work;
    while (print_piece(device, &left)) {
    }
}

void cuda_print_words(struct cuda_bytes words)
{
    if (words.size > 0 && cuda.console != NULL) {
        cuda.console(cuda.console_context, words.bytes, words.size);
    }
}

/* Read once: the worker may still write. */
void cuda_print_page(struct cuda_device *device)
{
    char words[BG_CUDA_WORDS_SIZE];
    uint32_t size = device->page != NULL ? bg_load_once32(&device->page->words_size) : 0;

    if (size == 0 || size > sizeof(words)) {
        return;
    }
    memcpy(words, device->page->words, size);
    cuda_print_words((struct cuda_bytes){words, size});
}
