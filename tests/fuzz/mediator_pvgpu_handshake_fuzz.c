/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/pvgpu/handshake.c host/mediator/pvgpu/ring.c host/common/listener.c
// build: host/common/fd_message.c
/*
 * Any bytes as a pvgpu device's first message, in two pieces, with descriptors: what is not a
 * handshake is refused, what is maps as much as it said, no descriptor is lost.
 *
 * An input: a byte with the number of descriptors (its low 3 bits), one with where the stream is
 * cut, 32 bytes that the control region starts with, then the stream.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/input.h"
#include "host/common/fd_message.h"
#include "host/mediator/pvgpu/handshake.h"
#include "host/mediator/pvgpu/ring.h"

#define SHMEM_SIZE 65536u
#define REGION_BYTES 32u
#define STREAM_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void send_piece(int socket, const uint8_t *bytes, size_t size, const int *descriptors,
                       unsigned count)
{
    if (size == 0) {
        return;
    }
    CHECK(fd_message_send(socket, bytes, size, descriptors, count) == (ssize_t)size);
}

/* As the worker; whatever was received is closed at the end. */
static void take(int socket, const uint8_t *first, size_t first_size, int peer)
{
    static struct pvgpu_handshake_state state;
    struct pvgpu_shared shared = {.doorbell = -1, .fence = -1, .error = -1};
    enum pvgpu_handshake_result result;
    struct pvgpu_ring ring;
    const char *reason;

    memset(&state, 0, sizeof(state));
    result = pvgpu_handshake_read(&state, socket);
    if (result == PVGPU_HANDSHAKE_MORE) {
        send_piece(peer, first, first_size, NULL, 0);
        result = pvgpu_handshake_read(&state, socket);
    }
    CHECK(state.length <= sizeof(state.bytes));
    if (result == PVGPU_HANDSHAKE_WHOLE && pvgpu_handshake_map(&state, &shared)) {
        CHECK(shared.size >= BG_PVGPU_CONTROL_SIZE && shared.size <= SHMEM_SIZE);
        CHECK(shared.direct); /* no shared memory of such a name is there */
        if (pvgpu_ring_open(&ring, shared.memory, shared.size, true, &reason)) {
            const uint8_t *end = (const uint8_t *)shared.memory + shared.size;

            CHECK(ring.bytes + ring.size <= end && ring.heap + ring.heap_size <= end);
        }
        munmap(shared.memory, shared.size);
        close(shared.doorbell);
        close(shared.fence);
        close(shared.error);
        return;
    }
    CHECK(result != PVGPU_HANDSHAKE_BAD || state.error[0]);
    for (unsigned i = 0; i < state.descriptor_count && i < BG_PVGPU_DESCRIPTORS; i++) {
        close(state.descriptors[i]); /* the worker ends; this process does not */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2], descriptors[8], before, after;
    unsigned count;
    size_t cut;

    if (size < 2 + REGION_BYTES || size > 2 + REGION_BYTES + STREAM_MAX) {
        return 0;
    }
    count = data[0] & 7;
    const uint8_t *stream = data + 2 + REGION_BYTES;
    size -= 2 + REGION_BYTES;
    cut = data[1] < size ? data[1] : size;
    before = dup(STDERR_FILENO);
    close(before);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (unsigned i = 0; i < count; i++) {
        descriptors[i] = i ? eventfd(0, 0) : memfd_create("fuzz", MFD_CLOEXEC);
        if (i == 0) {
            CHECK(ftruncate(descriptors[0], SHMEM_SIZE) == 0);
            CHECK(pwrite(descriptors[0], data + 2, REGION_BYTES, 0) == (ssize_t)REGION_BYTES);
        }
    }
    send_piece(pair[0], stream, cut, descriptors, count);
    for (unsigned i = 0; i < count; i++) {
        close(descriptors[i]);
    }
    take(pair[1], stream + cut, size - cut, pair[0]);
    close(pair[0]);
    close(pair[1]);
    after = dup(STDERR_FILENO);
    close(after);
    CHECK(after == before); /* the lowest that is free: none was lost */
    return 0;
}
