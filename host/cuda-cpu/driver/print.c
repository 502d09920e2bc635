/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/driver/print.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"

#define ROOM_MAX ((size_t)1 << 20)

static void write_all(struct print *print)
{
    if (print->used > 0) {
        driver_print(print->text, print->used);
    }
    print->used = 0;
}

/* False: as it is, it stays. */
static bool grow(struct print *print, size_t size)
{
    size_t room = print->room ? print->room : 4096;
    char *text;

    while (room - print->used < size) {
        room *= 2;
    }
    if (room > ROOM_MAX) {
        return false;
    }
    text = realloc(print->text, room);
    if (text == NULL) {
        return false;
    }
    print->text = text;
    print->room = room;
    return true;
}

void print_add(struct print *print, const char *text)
{
    size_t length = strlen(text);

    if (length == 0) {
        return;
    }
    if (driver_has_host()) {
        driver_print(text, length);
        return;
    }
    pthread_mutex_lock(&print->lock);
    if (print->room - print->used < length && !grow(print, length)) {
        write_all(print);
    }
    if (print->room - print->used >= length) {
        memcpy(print->text + print->used, text, length);
        print->used += length;
    } else {
        fputs(text, stdout);
    }
    pthread_mutex_unlock(&print->lock);
}

void print_flush(struct context *context)
{
    struct print *print = &context->print;

    pthread_mutex_lock(&print->lock);
    write_all(print);
    pthread_mutex_unlock(&print->lock);
}
