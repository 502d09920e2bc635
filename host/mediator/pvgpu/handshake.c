/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/pvgpu/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/fd_message.h"

static enum pvgpu_handshake_result bad(struct pvgpu_handshake_state *state, const char *what)
{
    snprintf(state->error, sizeof(state->error), "%s", what);
    return PVGPU_HANDSHAKE_BAD;
}

/* Those beyond the contract's are closed, and counted: the handshake is a wrong one then. */
static ssize_t receive(struct pvgpu_handshake_state *state, int socket, size_t wanted)
{
    unsigned kept = state->descriptor_count < BG_PVGPU_DESCRIPTORS ? state->descriptor_count
                                                                   : BG_PVGPU_DESCRIPTORS;
    unsigned count;
    ssize_t received =
        fd_message_receive(socket, state->bytes + state->length, wanted - state->length,
                           state->descriptors + kept, BG_PVGPU_DESCRIPTORS - kept, &count);

    if (received > 0) {
        state->descriptor_count += count;
        state->length += (size_t)received;
    }
    return received;
}

enum pvgpu_handshake_result pvgpu_handshake_read(struct pvgpu_handshake_state *state, int socket)
{
    struct bg_pvgpu_message message;
    size_t wanted = sizeof(message);

    for (;;) {
        if (state->length >= sizeof(message)) {
            memcpy(&message, state->bytes, sizeof(message));
            if (message.type != BG_PVGPU_MESSAGE_HANDSHAKE) {
                return bad(state, "the first message is no handshake");
            }
            if (message.size > BG_PVGPU_PAYLOAD_MAX ||
                message.size < sizeof(struct bg_pvgpu_handshake) + 2) {
                return bad(state, "a handshake of a wrong size");
            }
            wanted = sizeof(message) + message.size;
        }
        if (state->length == wanted) {
            return PVGPU_HANDSHAKE_WHOLE;
        }
        ssize_t received = receive(state, socket, wanted);
        if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
            return PVGPU_HANDSHAKE_MORE;
        }
        if (received <= 0) {
            return PVGPU_HANDSHAKE_ENDED;
        }
    }
}

bool pvgpu_handshake_name_is_allowed(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);
    size_t prefix = strlen(BG_PVGPU_SHMEM_NAME_PREFIX);

    if (end == NULL || (size_t)(end - text) > BG_PVGPU_SHMEM_NAME_MAX ||
        strncmp(text, BG_PVGPU_SHMEM_NAME_PREFIX, prefix) != 0 || strchr(text + 1, '/') != NULL) {
        return false;
    }
    for (const char *at = text; at < end; at++) {
        if (*at <= ' ' || *at > '~') {
            return false;
        }
    }
    return text[prefix] != '\0';
}

int pvgpu_handshake_open_name(const char *name, size_t size, uid_t user)
{
    struct stat status;
    int fd;

    if (!pvgpu_handshake_name_is_allowed(name, size)) {
        errno = EINVAL;
        return -1;
    }
    fd = shm_open(name, O_RDWR | O_NONBLOCK, 0); /* a FIFO of that name would be waited for */
    if (fd >= 0 && (fstat(fd, &status) != 0 || status.st_uid != user)) {
        close(fd);
        errno = EACCES;
        fd = -1;
    }
    return fd;
}

/* An older device tells a name only. */
static int open_by_name(struct pvgpu_handshake_state *state, const char *name, size_t size)
{
    int fd = -1;

    errno = EINVAL;
    if (state->open_name != NULL && pvgpu_handshake_name_is_allowed(name, size)) {
        fd = state->open_name(state->owner, name, strlen(name) + 1);
    }
    if (fd < 0) {
        snprintf(state->error, sizeof(state->error), "the device's shared memory: %s",
                 errno == EINVAL   ? "its name is not a device's"
                 : errno == EACCES ? "it belongs to another user than the device"
                                   : strerror(errno));
    }
    return fd;
}

static bool map_memory(struct pvgpu_handshake_state *state, int fd, struct pvgpu_shared *shared)
{
    struct stat status;

    if (shared->size < BG_PVGPU_CONTROL_SIZE || shared->size > BG_PVGPU_SHMEM_SIZE_MAX) {
        bad(state, "the shared memory's size is not allowed");
        return false;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
        (uint64_t)status.st_size < shared->size) {
        bad(state, "the shared memory is smaller than the device says");
        return false;
    }
    shared->memory = mmap(NULL, shared->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared->memory == MAP_FAILED) {
        snprintf(state->error, sizeof(state->error), "the shared memory: %s", strerror(errno));
        return false;
    }
    return true;
}

bool pvgpu_handshake_map(struct pvgpu_handshake_state *state, struct pvgpu_shared *shared)
{
    struct bg_pvgpu_handshake handshake;
    const char *name =
        (const char *)state->bytes + sizeof(struct bg_pvgpu_message) + sizeof(handshake);
    size_t name_size = state->length - sizeof(struct bg_pvgpu_message) - sizeof(handshake);
    bool mapped = false;
    int memory = -1;

    memcpy(&handshake, state->bytes + sizeof(struct bg_pvgpu_message), sizeof(handshake));
    *shared = (struct pvgpu_shared){
        .size = handshake.shmem_size, .doorbell = -1, .fence = -1, .error = -1};
    if (state->descriptor_count == BG_PVGPU_DESCRIPTORS) {
        shared->direct = true;
        memory = state->descriptors[BG_PVGPU_FD_SHMEM];
        shared->doorbell = state->descriptors[BG_PVGPU_FD_DOORBELL];
        shared->fence = state->descriptors[BG_PVGPU_FD_FENCE];
        shared->error = state->descriptors[BG_PVGPU_FD_ERROR];
        for (int i = BG_PVGPU_FD_DOORBELL; i < BG_PVGPU_DESCRIPTORS; i++) { /* whatever they are */
            fcntl(state->descriptors[i], F_SETFL, O_NONBLOCK);
        }
    } else if (state->descriptor_count != 0) {
        bad(state, "a handshake with a wrong number of descriptors");
    } else {
        memory = open_by_name(state, name, name_size);
    }
    if (memory >= 0) {
        mapped = map_memory(state, memory, shared);
        close(memory);
    }
    return mapped;
}
