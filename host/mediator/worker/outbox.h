/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages on their way to a worker's peer, some with a descriptor: sent at once when the socket
 * takes them, kept otherwise. Of bounded size, never blocks. The caller serialises.
 */
#ifndef MEDIATOR_OUTBOX_H
#define MEDIATOR_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_DESCRIPTORS 4u /* that wait at once */

struct outbox {
    int socket;
    bool broken; /* the peer is gone, or leaves unread more than there is room for */
    uint8_t *bytes;
    size_t capacity;
    size_t start, length; /* what waits is bytes[start .. start + length) */
    uint64_t sent;        /* bytes that the socket took since the start */
    uint64_t once_end;    /* where the last message of outbox_put_once ends, counted like them */
    struct outbox_descriptor {
        uint64_t at; /* the byte that it goes with, counted like them */
        int fd;
    } descriptors[OUTBOX_DESCRIPTORS];
    unsigned descriptor_count;
};

/* -1 without memory. */
int outbox_init(struct outbox *outbox, int socket, size_t capacity);

/* Sends or keeps one message, and with its first byte a descriptor (-1: none), which it takes in
 * every case. Nothing when broken. */
void outbox_put(struct outbox *outbox, const void *message, size_t size, int fd);

/* The same without a descriptor, unless the last message put by this function waits as a whole.
 * All of them are of one size. */
void outbox_put_once(struct outbox *outbox, const void *message, size_t size);

/* Sends what waits, as far as the socket takes it. */
void outbox_flush(struct outbox *outbox);

#endif
