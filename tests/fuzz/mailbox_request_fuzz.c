/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/stub/request.c host/mediator/compute/operation.c host/mediator/compute/session.c
// build: $(GPU_SRC)
// libs: -ldl
/*
 * Any bytes as mailbox requests, one after the other in one session of the CPU device. An input
 * is a list of requests: two bytes of length, then the request. A length's top bit says that the
 * opcode, version and counts are made valid first, which lets the parameters be explored. Held: no
 * access outside an allocation (ASan), every answer well-formed, memory accounted exactly.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "host/mediator/stub/request.h"
#include "host/mediator/compute/operation.h"
#include "tests/unit/mediator/test_gpu.h"

#define MEMORY_LIMIT (UINT64_C(1) << 20)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void make_valid(uint8_t *request, size_t length)
{
    static const uint8_t counts[] = {0, 2, 2, 1, 9, 0, 0, 2, 12};
    static const uint32_t opcodes[] = {0, 1, 2, 3, 4, 5, 6, 0x1010, 0x1011};
    struct bg_vgpu_stub_request header;
    uint8_t choice = request[4] % sizeof(counts);

    memcpy(&header, request, sizeof(header));
    header.version = BG_VGPU_STUB_PROTOCOL_VERSION;
    header.opcode = opcodes[choice];
    header.flags &= 3;
    header.param_count = counts[choice];
    size_t params_end = sizeof(header) + counts[choice] * 4u;
    header.data_offset = (uint32_t)params_end;
    header.data_length = length > params_end ? (uint32_t)(length - params_end) : 0;
    if (params_end <= length) {
        memcpy(request, &header, sizeof(header));
    }
}

static void check_answer(const uint8_t *response, size_t length)
{
    struct bg_vgpu_stub_response header;

    CHECK(length >= sizeof(header) && length <= BG_VGPU_STUB_PAYLOAD_MAX);
    memcpy(&header, response, sizeof(header));
    CHECK(header.version == BG_VGPU_STUB_PROTOCOL_VERSION);
    CHECK(header.data_offset == sizeof(header) + 4 * header.result_count);
    CHECK(header.data_offset + header.data_length == length);
    CHECK(header.status == BG_COMPUTE_OK || length == sizeof(header));
    CHECK(strcmp(operation_status_name((enum bg_compute_status)header.status), "unknown status") !=
          0);
}

static void check_accounts(const struct session *session)
{
    uint64_t used = 0;

    for (unsigned i = 1; i <= session->slots_used; i++) {
        used += session->slots[i].address ? session->slots[i].size : 0;
    }
    CHECK(used == session->memory_used && used <= session->memory_limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session *session = session_create(test_gpu(), MEMORY_LIMIT);
    uint8_t response[BG_VGPU_STUB_PAYLOAD_MAX];

    while (session != NULL && size >= 2) {
        int valid = data[1] >> 7;
        size_t length = (data[0] | (size_t)data[1] << 8) & 0x7FF;

        data += 2;
        size -= 2;
        length = length < size ? length : size;
        uint8_t *request = malloc(length ? length : 1);
        memcpy(request, data, length);
        if (valid && length >= sizeof(struct bg_vgpu_stub_request)) {
            make_valid(request, length);
        }
        struct request_plan plan = request_plan(request, length);
        CHECK(!plan.needs_lease || plan.needs_session);
        size_t answered =
            request_run(plan.needs_session ? session : NULL, request, length, response);
        check_answer(response, answered);
        free(request);
        data += length;
        size -= length;
    }
    if (session != NULL) {
        check_accounts(session);
        session_destroy(session);
    }
    return 0;
}
