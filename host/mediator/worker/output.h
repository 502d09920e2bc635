/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers on their way to a client: sent at once when the socket takes them, kept otherwise. Of
 * bounded size, never blocks. The caller serialises.
 */
#ifndef MEDIATOR_OUTPUT_H
#define MEDIATOR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
    int fd;
    uint8_t *bytes;
    size_t capacity;
    size_t start, length; /* what waits is bytes[start .. start + length) */
    bool broken;          /* the client is gone, or capacity was exceeded */
};

/* -1 without memory. */
int output_init(struct output *output, int fd, size_t capacity);

/* Sends or keeps one message. Nothing when broken. */
void output_put(struct output *output, const void *message, size_t size);

/* Sends what waits, as far as the socket takes it; true when something was sent. */
bool output_flush(struct output *output);

#endif
