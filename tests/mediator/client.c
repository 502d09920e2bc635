/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/client.h"

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "tests/mediator/processes.h"

struct client client_open(const char *path, uint32_t vm_id)
{
    return client_open_from(0, path, vm_id);
}

struct client client_open_from(unsigned process, const char *path, uint32_t vm_id)
{
    return (struct client){
        .fd = processes_connect(process, path),
        .vm_id = vm_id,
        .pool_id = 'A',
        .priority = BG_VGPU_STUB_PRIORITY_MEDIUM,
        .next_id = 1,
    };
}

void client_close(struct client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
        client->fd = -1;
    }
}

static size_t build_header(const struct client *client, uint32_t type, uint32_t id, bool is_long,
                           uint32_t payload_length, uint8_t *out)
{
    struct bg_vgpu_stub_message_long header = {
        .header =
            {
                .magic = BG_VGPU_STUB_MESSAGE_MAGIC,
                .type = type,
                .vm_id = client->vm_id,
                .request_id = id,
                .pool_id = client->pool_id,
                .priority = client->priority,
                .payload_length = is_long ? 0 : (uint16_t)payload_length,
            },
        .payload_length = payload_length,
    };
    size_t size = is_long ? sizeof(header) : sizeof(header.header);

    memcpy(out, &header, size);
    return size;
}

size_t client_build(struct client *client, const struct request *request, uint8_t *out)
{
    struct bg_vgpu_stub_request header = {
        .version = BG_VGPU_STUB_PROTOCOL_VERSION,
        .opcode = request->opcode,
        .flags = request->flags,
        .param_count = request->param_count,
        .data_offset = (uint32_t)sizeof(header) + request->param_count * 4,
        .data_length = request->data_length,
    };
    size_t size = build_header(client, BG_VGPU_STUB_MESSAGE_REQUEST, client->next_id++,
                               client->is_long, header.data_offset + header.data_length, out);

    memcpy(out + size, &header, sizeof(header));
    memcpy(out + size + sizeof(header), request->params, request->param_count * 4);
    if (request->data_length > 0) {
        memcpy(out + size + header.data_offset, request->data, request->data_length);
    }
    return size + header.data_offset + header.data_length;
}

uint32_t client_send(struct client *client, const struct request *request)
{
    uint8_t out[sizeof(struct bg_vgpu_stub_message_long) + BG_VGPU_STUB_PAYLOAD_MAX];
    size_t size = client_build(client, request, out);

    socket_write(client->fd, out, size); /* a closed connection shows when an answer is wanted */
    return client->next_id - 1;
}

void client_send_ping(struct client *client, uint32_t id, bool is_long)
{
    uint8_t out[sizeof(struct bg_vgpu_stub_message_long)];

    socket_write(client->fd, out,
                 build_header(client, BG_VGPU_STUB_MESSAGE_PING, id, is_long, 0, out));
}

static void take_response(struct answer *answer, const uint8_t *payload, uint32_t length)
{
    struct bg_vgpu_stub_response header;

    if (length < sizeof(header)) {
        harness_fail("a response of %u bytes", length);
    }
    memcpy(&header, payload, sizeof(header));
    if (header.version != BG_VGPU_STUB_PROTOCOL_VERSION ||
        header.data_offset != sizeof(header) + header.result_count * 4 ||
        header.data_offset + header.data_length != length) {
        harness_fail("a malformed response of %u bytes", length);
    }
    answer->status = header.status;
    answer->result_count = header.result_count;
    answer->exec_time_us = header.exec_time_us;
    if (header.result_count > 0) {
        memcpy(&answer->result, payload + sizeof(header), sizeof(answer->result));
    }
    answer->data_length = header.data_length;
    memcpy(answer->data, payload + header.data_offset, header.data_length);
}

struct answer client_receive(struct client *client)
{
    struct bg_vgpu_stub_message_long header = {0};
    size_t size = client->is_long ? sizeof(header) : sizeof(header.header);
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    struct answer answer = {0};
    uint32_t length;
    size_t got = socket_read(client->fd, &header, size, CLIENT_TIMEOUT_MS);

    if (got == 0) {
        return answer;
    }
    length = client->is_long ? header.payload_length : header.header.payload_length;
    if (got < size || header.header.magic != BG_VGPU_STUB_MESSAGE_MAGIC ||
        length > sizeof(payload) || (client->is_long && header.header.payload_length != 0) ||
        socket_read(client->fd, payload, length, CLIENT_TIMEOUT_MS) != length) {
        harness_fail("a malformed message from the mediator");
    }
    answer.type = header.header.type;
    answer.vm_id = header.header.vm_id;
    answer.request_id = header.header.request_id;
    if (answer.type == BG_VGPU_STUB_MESSAGE_RESPONSE) {
        take_response(&answer, payload, length);
    } else if (length > 0) {
        harness_fail("a message of type %u with a payload of %u bytes", answer.type, length);
    }
    return answer;
}

struct answer client_call(struct client *client, const struct request *request)
{
    uint32_t id = client_send(client, request);
    struct answer answer = client_receive(client);

    if (answer.type != 0 && (answer.request_id != id || answer.vm_id != client->vm_id)) {
        harness_fail("answer to request %u of vm %u instead of %u of %u", answer.request_id,
                     answer.vm_id, id, client->vm_id);
    }
    return answer;
}

struct request request_nop(void)
{
    return (struct request){.opcode = BG_VGPU_STUB_OP_NOP};
}

struct request request_add(uint32_t a, uint32_t b)
{
    return (struct request){
        .opcode = BG_VGPU_STUB_OP_CUDA_KERNEL, .param_count = 2, .params = {a, b}};
}

struct request request_alloc(uint64_t size)
{
    return (struct request){.opcode = BG_COMPUTE_MEMORY_ALLOC,
                            .param_count = 2,
                            .params = {(uint32_t)size, (uint32_t)(size >> 32)}};
}

struct request request_free(uint32_t handle)
{
    return (struct request){.opcode = BG_COMPUTE_MEMORY_FREE, .param_count = 1, .params = {handle}};
}

struct request request_write(uint32_t handle, const void *data, uint32_t size)
{
    return (struct request){
        .opcode = BG_COMPUTE_MEMORY_COPY,
        .param_count = 9,
        .params = {BG_COMPUTE_COPY_HOST_TO_DEVICE, handle, 0, 0, 0, 0, 0, size, 0},
        .data = data,
        .data_length = size};
}

struct request request_read(uint32_t handle, uint32_t size)
{
    return (struct request){
        .opcode = BG_COMPUTE_MEMORY_COPY,
        .param_count = 9,
        .params = {BG_COMPUTE_COPY_DEVICE_TO_HOST, 0, handle, 0, 0, 0, 0, size, 0}};
}

struct request request_move(uint32_t dst, uint32_t src, uint64_t size)
{
    return (struct request){.opcode = BG_COMPUTE_MEMORY_COPY,
                            .param_count = 9,
                            .params = {BG_COMPUTE_COPY_DEVICE_TO_DEVICE, dst, src, 0, 0, 0, 0,
                                       (uint32_t)size, (uint32_t)(size >> 32)}};
}

uint32_t client_expect_ok(struct client *client, const struct request *request)
{
    struct answer answer = client_call(client, request);

    if (answer.type != BG_VGPU_STUB_MESSAGE_RESPONSE || answer.status != BG_COMPUTE_OK) {
        harness_fail("opcode 0x%x: message type %u, status 0x%x instead of OK", request->opcode,
                     answer.type, answer.status);
    }
    return answer.result;
}

/* ---- The admin socket ---- */

json_t *admin_ask(const char *path, const char *command)
{
    char *admin_path = harness_format("%s.admin", path);
    static char text[1 << 20];
    int fd = unix_connect(admin_path, CLIENT_TIMEOUT_MS);
    json_t *answer;
    size_t length;

    free(admin_path);
    socket_write(fd, command, strlen(command));
    socket_write(fd, "\n", 1);
    length = socket_read(fd, text, sizeof(text), CLIENT_TIMEOUT_MS);
    close(fd);
    answer = json_loadb(text, length, 0, NULL);
    if (answer == NULL) {
        harness_fail("the answer to %s is no JSON: %.*s", command, (int)length, text);
    }
    return answer;
}

json_t *admin_status(const char *path)
{
    return admin_ask(path, "{\"command\": \"status\"}");
}

pid_t admin_worker_pid(const char *path, uint32_t vm_id)
{
    json_t *status = admin_status(path), *session;
    pid_t pid = 0;
    size_t i;

    json_array_foreach (json_object_get(status, "sessions"), i, session) {
        if (json_integer_value(json_object_get(session, "vm_id")) == vm_id && pid == 0 &&
            json_object_get(session, "vm_id") != NULL) {
            pid = (pid_t)json_integer_value(json_object_get(session, "worker_pid"));
        }
    }
    json_decref(status);
    if (pid <= 0) {
        harness_fail("no session of vm %u", vm_id);
    }
    return pid;
}

static size_t count_in_status(const char *path, bool waiting)
{
    json_t *status = admin_status(path);
    json_t *device = json_array_get(json_object_get(status, "devices"), 0);
    size_t count = waiting ? (size_t)json_integer_value(json_object_get(device, "waiting"))
                           : json_array_size(json_object_get(status, "sessions"));

    json_decref(status);
    return count;
}

static void wait_count(const char *path, bool waiting, size_t wanted)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;
    size_t count;

    /* Each answer takes the mediator some time, so this does not spin. */
    while ((count = count_in_status(path, waiting)) != wanted) {
        if (harness_now_ms() > until_ms) {
            harness_fail("%zu %s instead of %zu", count, waiting ? "wait" : "sessions", wanted);
        }
    }
}

void admin_wait_waiting(const char *path, int count)
{
    wait_count(path, true, (size_t)count);
}

void admin_wait_sessions(const char *path, size_t count)
{
    wait_count(path, false, count);
}
