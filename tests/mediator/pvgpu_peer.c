/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/pvgpu_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "tests/mediator/processes.h"
#include "host/common/fd_message.h"

/* ---- The device ---- */

static void fill_control(struct peer *peer, uint32_t ring_size)
{
    struct bg_pvgpu_control *control = peer->control;

    control->magic = BG_PVGPU_MAGIC;
    control->version = BG_PVGPU_VERSION;
    control->ring_offset = BG_PVGPU_RING_OFFSET;
    control->ring_size = ring_size;
    control->heap_offset = BG_PVGPU_RING_OFFSET + ring_size;
    control->heap_size = (uint32_t)(peer->size - control->heap_offset);
    control->display_width = BG_PVGPU_DISPLAY_WIDTH_DEFAULT;
    control->display_height = BG_PVGPU_DISPLAY_HEIGHT_DEFAULT;
    control->display_refresh = BG_PVGPU_DISPLAY_REFRESH_DEFAULT;
    control->display_format = BG_PVGPU_DISPLAY_FORMAT_DEFAULT;
    peer->ring = (uint8_t *)control + control->ring_offset;
    peer->heap = (uint8_t *)control + control->heap_offset;
}

struct peer peer_create(enum peer_age age, uint64_t shmem_size, uint32_t ring_size)
{
    static unsigned count;
    struct peer peer = {
        .age = age, .socket = -1, .doorbell = -1, .fence = -1, .error = -1, .size = shmem_size};
    void *memory;

    snprintf(peer.name, sizeof(peer.name), "%stest_%d_%u", BG_PVGPU_SHMEM_NAME_PREFIX, getpid(),
             count++);
    peer.shmem = shm_open(peer.name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (peer.shmem < 0 || ftruncate(peer.shmem, (off_t)shmem_size) != 0) {
        harness_fail("shared memory %s: %s", peer.name, strerror(errno));
    }
    memory = mmap(NULL, shmem_size, PROT_READ | PROT_WRITE, MAP_SHARED, peer.shmem, 0);
    if (memory == MAP_FAILED) {
        harness_fail("shared memory: %s", strerror(errno));
    }
    peer.control = memory;
    fill_control(&peer, ring_size);
    if (age == PEER_NEW) {
        shm_unlink(peer.name); /* its descriptor is enough */
        peer.doorbell = eventfd(0, EFD_NONBLOCK);
        peer.fence = eventfd(0, EFD_NONBLOCK);
        peer.error = eventfd(0, EFD_NONBLOCK);
    }
    return peer;
}

void peer_send_handshake(struct peer *peer, const char *path)
{
    struct {
        struct bg_pvgpu_message header;
        struct bg_pvgpu_handshake handshake;
        char name[sizeof(peer->name)];
    } message = {
        .header = {BG_PVGPU_MESSAGE_HANDSHAKE,
                   (uint32_t)(sizeof(message.handshake) + strlen(peer->name) + 1)},
        .handshake = {peer->size},
    };
    int descriptors[BG_PVGPU_DESCRIPTORS] = {peer->shmem, peer->doorbell, peer->fence, peer->error};
    size_t size = sizeof(message.header) + message.header.size;
    unsigned count = peer->age == PEER_NEW ? BG_PVGPU_DESCRIPTORS : 0;

    strcpy(message.name, peer->name);
    peer->socket = processes_connect(peer->process, path);
    if (fd_message_send(peer->socket, &message, size, descriptors, count) != (ssize_t)size) {
        harness_fail("handshake: %s", strerror(errno));
    }
}

void peer_take_ack(struct peer *peer)
{
    peer_receive(peer, BG_PVGPU_MESSAGE_HANDSHAKE_ACK, &peer->features, sizeof(peer->features),
                 NULL);
}

void peer_connect(struct peer *peer, const char *path, uint32_t vm_id)
{
    const struct bg_pvgpu_identity identity = {.vm_id = vm_id, .pool_id = 'A', .priority = 1};

    peer_send_handshake(peer, path);
    peer_take_ack(peer);
    if (peer->age == PEER_NEW) {
        peer_send(peer, BG_PVGPU_MESSAGE_IDENTITY, &identity, sizeof(identity));
    }
}

struct peer peer_open(enum peer_age age, const char *path, uint32_t vm_id)
{
    struct peer peer = peer_create(age, PEER_SHMEM_SIZE, PEER_RING_SIZE);

    peer_connect(&peer, path, vm_id);
    return peer;
}

void peer_disconnect(struct peer *peer)
{
    if (peer->socket >= 0) {
        close(peer->socket);
        peer->socket = -1;
    }
}

void peer_close(struct peer *peer)
{
    const int descriptors[] = {peer->shmem, peer->doorbell, peer->fence, peer->error};

    peer_disconnect(peer);
    if (peer->control == NULL) {
        return;
    }
    munmap(peer->control, peer->size);
    peer->control = NULL;
    for (unsigned i = 0; i < 4; i++) {
        if (descriptors[i] >= 0) {
            close(descriptors[i]);
        }
    }
    if (peer->age == PEER_OLD) {
        shm_unlink(peer->name);
    }
}

/* ---- Socket ---- */

void peer_send(struct peer *peer, uint32_t type, const void *payload, uint32_t size)
{
    uint8_t bytes[sizeof(struct bg_pvgpu_message) + BG_PVGPU_PAYLOAD_MAX];
    const struct bg_pvgpu_message header = {type, size};

    memcpy(bytes, &header, sizeof(header));
    if (size) {
        memcpy(bytes + sizeof(header), payload, size);
    }
    socket_write(peer->socket, bytes, sizeof(header) + size);
}

/* With what came beside its first byte. */
static ssize_t receive_header(struct peer *peer, struct bg_pvgpu_message *message, int *fd)
{
    unsigned count;

    if (!harness_wait_readable(peer->socket, PEER_TIMEOUT_MS)) {
        harness_fail("no message of the backend in time");
    }
    return fd_message_receive(peer->socket, message, sizeof(*message), fd, 1, &count);
}

void peer_receive(struct peer *peer, uint32_t type, void *payload, uint32_t size, int *fd)
{
    struct bg_pvgpu_message message;
    int received_fd;
    ssize_t received = receive_header(peer, &message, &received_fd);

    if (received != sizeof(message)) {
        harness_fail("the backend closed the connection where a message 0x%x was due", type);
    }
    if (message.type != type || message.size != size || (received_fd >= 0) != (fd != NULL)) {
        harness_fail("message 0x%x of %u bytes%s where 0x%x of %u was due", message.type,
                     message.size, received_fd >= 0 ? " with a descriptor" : "", type, size);
    }
    if (fd != NULL) {
        *fd = received_fd;
    }
    if (size && socket_read(peer->socket, payload, size, PEER_TIMEOUT_MS) != size) {
        harness_fail("half a message");
    }
}

/* ---- Ring ---- */

static uint64_t load64(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Looks again and again, until the time is over. What the mediator prints is taken meanwhile. */
static void look(struct peer *peer, uint64_t since_ms, const char *what)
{
    if (harness_now_ms() - since_ms > PEER_TIMEOUT_MS) {
        harness_fail("%s did not come", what);
    }
    if (harness_wait_readable(peer->shmem, 0)) { /* a file: always; it does not wait */
        sched_yield();
    }
}

uint64_t peer_put(struct peer *peer, const void *command, uint32_t size)
{
    uint32_t ring_size = peer->control->ring_size;
    uint32_t space = (size + BG_PVGPU_COMMAND_ALIGN - 1) & ~(BG_PVGPU_COMMAND_ALIGN - 1);
    uint64_t start_ms = harness_now_ms(), position = peer->producer;

    while (peer->producer - load64(&peer->control->consumer_ptr) + space > ring_size) {
        peer_submit(peer);
        look(peer, start_ms, "room in the ring");
    }
    for (uint32_t i = 0; i < space; i++) {
        peer->ring[(peer->producer + i) & (ring_size - 1)] =
            i < size ? ((const uint8_t *)command)[i] : 0xEE;
    }
    peer->producer += space;
    return position;
}

void peer_submit(struct peer *peer)
{
    const uint64_t one = 1;

    __atomic_store_n(&peer->control->producer_ptr, peer->producer, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (peer->age == PEER_OLD) {
        peer_send(peer, BG_PVGPU_MESSAGE_DOORBELL, NULL, 0);
    } else if (__atomic_load_n(&peer->control->backend_sleeping, __ATOMIC_RELAXED) &&
               write(peer->doorbell, &one, sizeof(one)) != sizeof(one)) {
        harness_fail("doorbell: %s", strerror(errno));
    }
}

uint64_t peer_put_fence(struct peer *peer)
{
    struct bg_pvgpu_fence fence =
        PEER_COMMAND(struct bg_pvgpu_fence, BG_PVGPU_CMD_FENCE, .value = ++peer->last_fence);

    peer_put(peer, &fence, sizeof(fence));
    return fence.value;
}

void peer_wait_fence(struct peer *peer, uint64_t value)
{
    uint64_t start_ms = harness_now_ms();

    while (load64(&peer->control->host_fence_completed) < value) {
        look(peer, start_ms, "a fence");
    }
}

void peer_finish(struct peer *peer)
{
    uint64_t value = peer_put_fence(peer);

    peer_submit(peer);
    peer_wait_fence(peer, value);
}

void peer_run(struct peer *peer, const void *command, uint32_t size)
{
    peer_put(peer, command, size);
    peer_finish(peer);
}

void peer_wait_word(struct peer *peer, const uint32_t *word, uint32_t value)
{
    uint64_t start_ms = harness_now_ms();

    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
        look(peer, start_ms, "a word's value");
    }
}

void peer_reset(struct peer *peer)
{
    struct bg_pvgpu_control *control = peer->control;
    const uint64_t one = 1;

    if (peer->age == PEER_NEW) {
        __atomic_store_n(&control->reset_request, ++peer->resets, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&control->producer_ptr, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&control->consumer_ptr, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&control->guest_fence_request, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&control->host_fence_completed, 0, __ATOMIC_RELAXED);
    peer->producer = peer->last_fence = 0;
    if (peer->age == PEER_OLD) {
        return;
    }
    __atomic_store_n(&control->status, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&control->error_count, 0, __ATOMIC_RELEASE);
    if (peer->socket < 0) {
        __atomic_store_n(&control->reset_done, peer->resets, __ATOMIC_RELEASE);
        return;
    }
    peer_send(peer, BG_PVGPU_MESSAGE_RESET, &peer->resets, sizeof(peer->resets));
    if (write(peer->doorbell, &one, sizeof(one)) != sizeof(one)) {
        harness_fail("doorbell: %s", strerror(errno));
    }
    peer_wait_word(peer, &control->reset_done, peer->resets);
}

/* ---- Errors ---- */

void peer_expect_error(struct peer *peer, const void *command, uint32_t size,
                       enum bg_pvgpu_error code)
{
    struct bg_pvgpu_control *control = peer->control;
    uint32_t before = control->error_count;
    uint64_t position = peer_put(peer, command, size);
    const struct bg_pvgpu_error_record *record =
        &control->error_log[before % BG_PVGPU_ERROR_LOG_SIZE];
    uint32_t type = ((const struct bg_pvgpu_command *)command)->type;

    peer_finish(peer);
    if (control->error_count != before + 1 || control->error_code != code ||
        control->error_data != (position & (control->ring_size - 1)) || record->code != code ||
        record->position != position || !(control->status & BG_PVGPU_CONTROL_ERROR) ||
        (record->detail != type && type < BG_PVGPU_CMD_COMPUTE_FIRST)) {
        harness_fail("command 0x%x: %u errors, code %u (wanted %u), data 0x%x (wanted 0x%x), "
                     "record %u %u 0x%llx",
                     type, control->error_count - before, control->error_code, code,
                     control->error_data, (unsigned)position, record->code, record->detail,
                     (unsigned long long)record->position);
    }
}

void peer_expect_ok(struct peer *peer, const void *command, uint32_t size)
{
    uint32_t before = peer->control->error_count;

    peer_run(peer, command, size);
    if (peer->control->error_count != before) {
        harness_fail("command 0x%x: error %u", ((const struct bg_pvgpu_command *)command)->type,
                     peer->control->error_code);
    }
}

/* ---- Compute ---- */

uint32_t peer_build_compute(uint8_t *command, uint32_t operation,
                            const struct bg_pvgpu_compute *body, const void *params,
                            uint32_t params_size, uint32_t result_offset)
{
    struct bg_pvgpu_compute compute = {0};

    if (body != NULL) {
        compute = *body;
    }
    compute.header = (struct bg_pvgpu_command){.type = operation,
                                               .size = (uint32_t)sizeof(compute) + params_size};
    compute.result_offset = result_offset;
    compute.param_count = params_size / 4;
    memcpy(command, &compute, sizeof(compute));
    if (params_size) {
        memcpy(command + sizeof(compute), params, params_size);
    }
    return compute.header.size;
}

uint32_t peer_compute(struct peer *peer, uint32_t operation, const struct bg_pvgpu_compute *body,
                      const void *params, uint32_t params_size, uint32_t result_offset,
                      struct bg_pvgpu_compute_result *result)
{
    uint8_t command[BG_PVGPU_COMMAND_SIZE_MAX];
    uint32_t size =
        peer_build_compute(command, operation, body, params, params_size, result_offset);
    struct bg_pvgpu_compute_result *place = (void *)(peer->heap + result_offset);

    memset(place, 0, sizeof(*place));
    peer_put(peer, command, size);
    peer_finish(peer);
    if (__atomic_load_n(&place->done, __ATOMIC_ACQUIRE) != 1) {
        harness_fail("operation 0x%x left no result", operation);
    }
    if (result != NULL) {
        *result = *place;
    }
    return place->status;
}
