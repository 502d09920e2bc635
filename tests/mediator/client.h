/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mediator's client, for tests: sends requests as a vgpu-stub device does, takes answers apart.
 * What goes wrong beside the thing tested ends the test through harness_fail().
 */
#ifndef TESTS_MEDIATOR_CLIENT_H
#define TESTS_MEDIATOR_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"

#define CLIENT_TIMEOUT_MS 60000u

struct client {
    int fd;
    bool is_long; /* the 24-byte header */
    uint32_t vm_id;
    uint8_t pool_id;
    uint8_t priority;
    uint32_t next_id;
};

struct request {
    uint32_t opcode;
    uint32_t flags;
    uint32_t param_count;
    uint32_t params[64];
    const void *data;
    uint32_t data_length;
};

struct answer {
    uint32_t type; /* enum bg_vgpu_stub_message_type; 0: the mediator closed the connection */
    uint32_t vm_id, request_id;
    uint32_t status; /* of a RESPONSE */
    uint32_t result_count, result;
    uint32_t exec_time_us;
    uint32_t data_length;
    uint8_t data[BG_VGPU_STUB_PAYLOAD_MAX];
};

/* Short headers, pool A, medium priority. */
struct client client_open(const char *path, uint32_t vm_id);
/* Of another process (processes.h), that is, another guest. */
struct client client_open_from(unsigned process, const char *path, uint32_t vm_id);
void client_close(struct client *client);

/* The message's size; out has room for BG_VGPU_STUB_PAYLOAD_MAX and a header. */
size_t client_build(struct client *client, const struct request *request, uint8_t *out);

/* Its request id. */
uint32_t client_send(struct client *client, const struct request *request);
void client_send_ping(struct client *client, uint32_t id, bool is_long);

/* The next message. */
struct answer client_receive(struct client *client);
struct answer client_call(struct client *client, const struct request *request);

/* Common requests. */
struct request request_nop(void);
struct request request_add(uint32_t a, uint32_t b);
struct request request_alloc(uint64_t size);
struct request request_free(uint32_t handle);
struct request request_write(uint32_t handle, const void *data, uint32_t size);
struct request request_read(uint32_t handle, uint32_t size);
struct request request_move(uint32_t dst, uint32_t src, uint64_t size);

/* Fails unless the answer is OK; its first result. */
uint32_t client_expect_ok(struct client *client, const struct request *request);

/* ---- The admin socket ---- */

/* The answer to a command, to be decref'd. path: the listener's. */
json_t *admin_ask(const char *path, const char *command);

/* The mediator's status, as that. */
json_t *admin_status(const char *path);

/* The pid of the worker of the (first) session of this guest. */
pid_t admin_worker_pid(const char *path, uint32_t vm_id);

/* Until so many clients wait for the first device's lease, or sessions exist. */
void admin_wait_waiting(const char *path, int count);
void admin_wait_sessions(const char *path, size_t count);

#endif
