/* SPDX-License-Identifier: BSD-2-Clause */
/* What it costs a mediator's guests that a neighbour connects and leaves all the time. */
#include <stdlib.h>
#include <unistd.h>

#include "bench/rows.h"
#include "harness_qemu.h"
#include "host/common/clock.h"
#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"

#define TIMEOUT_MS 10000u
#define CONNECT_EVERY_US 10000u /* a hundred in a second: what a listener lets a guest do */
#define REQUESTS 1000
#define REQUEST_EVERY_US 2000u
#define ADDED_LIMIT_NS 200000.0

static const struct {
    struct bg_vgpu_stub_message header;
    struct bg_vgpu_stub_request request;
} nop = {
    .header = {.magic = BG_VGPU_STUB_MESSAGE_MAGIC,
               .type = BG_VGPU_STUB_MESSAGE_REQUEST,
               .vm_id = 1,
               .request_id = 1,
               .pool_id = 'A',
               .priority = BG_VGPU_STUB_PRIORITY_MEDIUM,
               .payload_length = sizeof(nop.request)},
    .request = {.version = BG_VGPU_STUB_PROTOCOL_VERSION,
                .opcode = BG_VGPU_STUB_OP_NOP,
                .data_offset = sizeof(nop.request)},
};

/* As a guest does: each connection gets a worker. */
static void connect_and_leave(const char *socket)
{
    int fd = unix_connect(socket, TIMEOUT_MS);

    (void)socket_write(fd, &nop, sizeof(nop));
    usleep(CONNECT_EVERY_US);
    close(fd);
}

static void request_nop(int fd)
{
    struct bg_vgpu_stub_message header = {0};
    struct bg_vgpu_stub_response response;

    if (!socket_write(fd, &nop, sizeof(nop)) ||
        socket_read(fd, &header, sizeof(header), TIMEOUT_MS) != sizeof(header) ||
        header.payload_length != sizeof(response) ||
        socket_read(fd, &response, sizeof(response), TIMEOUT_MS) != sizeof(response) ||
        response.status != BG_COMPUTE_OK) {
        harness_fail("a NOP is not answered");
    }
}

/* Of a guest's requests, one each two milliseconds: each meets what goes on just then. */
static double measure_p99(const char *socket)
{
    static double times_ns[REQUESTS];
    int fd = unix_connect(socket, TIMEOUT_MS);

    for (int i = 0; i < REQUESTS; i++) {
        uint64_t start_ns = clock_now_ns();

        request_nop(fd);
        times_ns[i] = (double)(clock_now_ns() - start_ns);
        usleep(REQUEST_EVERY_US);
    }
    close(fd);
    median(times_ns, REQUESTS);
    return times_ns[REQUESTS * 99 / 100];
}

void bench_connect(void)
{
    char *config = harness_temp_path("connect.ini"), *socket = harness_temp_path("quiet.sock");
    char *neighbour = harness_temp_path("connects.sock");
    double alone[ROUNDS], beside[ROUNDS];

    harness_write_file(config, "[listener one]\npath = %s\n[listener two]\npath = %s\n", socket,
                       neighbour);
    struct process *mediator = mediator_start("--config %s", config);
    for (int i = 0; i < ROUNDS; i++) {
        alone[i] = measure_p99(socket);
        beside[i] = measure_beside(measure_p99, socket, connect_and_leave, neighbour);
    }
    add_row("mediator_p99_connecting", median(beside, ROUNDS), "ns", "twice that alone, + 200 us",
            2 * median(alone, ROUNDS) + ADDED_LIMIT_NS, LESS_IS_BETTER, 1.0);
    process_end(mediator);
    free(neighbour);
    free(socket);
    free(config);
}
