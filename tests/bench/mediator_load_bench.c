// SPDX-License-Identifier: BSD-2-Clause
/*
 * Load on a mediator's socket: N clients, each a process with a connection of its own and one
 * request in flight. Prints one JSON object per line: name, clients, requests, requests_per_s,
 * p50_ns, p99_ns, p999_ns.
 *
 *   mediator_load_bench SOCKET [--clients N[,N...]] [--seconds S] [--operation nop|add|memory]
 *
 * nop: answered without the GPU. add: the basic vector addition, which needs the GPU's lease.
 * memory: allocate, copy 512 bytes in and out, free.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"

#define CLIENTS_MAX 256
#define ANSWER_LIMIT_S 60
/* Latencies by powers of two, each in 64 steps: within 1.6 % of what was measured. */
#define STEPS 64
#define BUCKETS (STEPS * 40)

struct shared {
    volatile uint32_t ready, go, stop;
    uint32_t failed;
    uint64_t requests;
    uint64_t buckets[BUCKETS];
};

enum operation { OPERATION_NOP, OPERATION_ADD, OPERATION_MEMORY };

static struct shared *shared;
static const char *const operation_names[] = {"nop", "add", "memory"};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static unsigned bucket_of(uint64_t ns)
{
    unsigned shift = 0;

    while (ns >> shift >= 2 * STEPS) {
        shift++;
    }
    unsigned bucket = shift * STEPS + (unsigned)(ns >> shift);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t bucket_ns(unsigned bucket)
{
    if (bucket < 2 * STEPS) {
        return bucket;
    }
    unsigned shift = bucket / STEPS - 1;
    return (uint64_t)(bucket - shift * STEPS) << shift;
}

static uint64_t percentile(double part)
{
    uint64_t wanted = (uint64_t)(part * (double)shared->requests), seen = 0;

    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += shared->buckets[i];
        if (seen > wanted) {
            return bucket_ns(i);
        }
    }
    return 0;
}

__attribute__((noreturn)) static void give_up(const char *what)
{
    perror(what);
    __atomic_store_n(&shared->failed, 1, __ATOMIC_RELAXED);
    _exit(1);
}

static int connect_to(const char *path)
{
    const struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        give_up(path);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

struct exchange {
    uint32_t opcode, param_count;
    uint32_t params[12];
    const void *data;
    uint32_t data_length;
    uint32_t result; /* of the answer, its first */
};

/* One request and its answer. */
static void call(int fd, struct exchange *exchange)
{
    static uint8_t out[sizeof(struct vgpu_stub_message) + VGPU_STUB_PAYLOAD_MAX];
    static uint8_t in[sizeof(out)];
    static uint32_t id;
    uint32_t params_size = exchange->param_count * 4;
    struct vgpu_stub_request request = {
        .version = VGPU_STUB_PROTOCOL_VERSION,
        .opcode = exchange->opcode,
        .param_count = exchange->param_count,
        .data_offset = (uint32_t)sizeof(request) + params_size,
        .data_length = exchange->data_length,
    };
    struct vgpu_stub_message header = {
        .magic = VGPU_STUB_MESSAGE_MAGIC,
        .type = VGPU_STUB_MESSAGE_REQUEST,
        .vm_id = (uint32_t)getpid(),
        .request_id = ++id,
        .pool_id = 'A',
        .priority = VGPU_STUB_PRIORITY_MEDIUM,
        .payload_length = (uint16_t)(request.data_offset + exchange->data_length),
    };
    size_t size = sizeof(header) + header.payload_length, have = 0, want = sizeof(header);

    memcpy(out, &header, sizeof(header));
    memcpy(out + sizeof(header), &request, sizeof(request));
    memcpy(out + sizeof(header) + sizeof(request), exchange->params, params_size);
    if (exchange->data_length) {
        memcpy(out + sizeof(header) + request.data_offset, exchange->data, exchange->data_length);
    }
    if (send(fd, out, size, MSG_NOSIGNAL) != (ssize_t)size) {
        give_up("send");
    }
    while (have < want) {
        ssize_t received = recv(fd, in + have, sizeof(in) - have, 0);

        if (received <= 0) {
            give_up("recv");
        }
        have += (size_t)received;
        if (have >= sizeof(header)) {
            memcpy(&header, in, sizeof(header));
            want = sizeof(header) + header.payload_length;
        }
    }
    struct vgpu_stub_response response;
    memcpy(&response, in + sizeof(header), sizeof(response));
    if (header.request_id != id || header.type != VGPU_STUB_MESSAGE_RESPONSE ||
        response.status != COMPUTE_OK) {
        fprintf(stderr, "mediator_load: type %u, status 0x%x\n", header.type, response.status);
        give_up("answer");
    }
    memcpy(&exchange->result, in + sizeof(header) + sizeof(response), sizeof(exchange->result));
}

static void timed_call(int fd, struct exchange *exchange)
{
    uint64_t start = now_ns();

    call(fd, exchange);
    __atomic_fetch_add(&shared->buckets[bucket_of(now_ns() - start)], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&shared->requests, 1, __ATOMIC_RELAXED);
}

static void one_round(int fd, enum operation operation)
{
    static const uint8_t data[512];
    struct exchange nop = {.opcode = VGPU_STUB_OP_NOP};
    struct exchange add = {
        .opcode = VGPU_STUB_OP_CUDA_KERNEL, .param_count = 2, .params = {100, 200}};
    struct exchange alloc = {
        .opcode = COMPUTE_MEMORY_ALLOC, .param_count = 2, .params = {sizeof(data), 0}};

    if (operation == OPERATION_NOP) {
        timed_call(fd, &nop);
    } else if (operation == OPERATION_ADD) {
        timed_call(fd, &add);
    } else {
        timed_call(fd, &alloc);
        uint32_t handle = alloc.result;
        struct exchange in = {.opcode = COMPUTE_MEMORY_COPY, .param_count = 9,
                              .params = {COMPUTE_COPY_HOST_TO_DEVICE, handle, 0, 0, 0, 0, 0,
                                         sizeof(data), 0},
                              .data = data, .data_length = sizeof(data)};
        struct exchange out = {.opcode = COMPUTE_MEMORY_COPY, .param_count = 9,
                               .params = {COMPUTE_COPY_DEVICE_TO_HOST, 0, handle, 0, 0, 0, 0,
                                          sizeof(data), 0}};
        struct exchange release = {
            .opcode = COMPUTE_MEMORY_FREE, .param_count = 1, .params = {handle}};

        timed_call(fd, &in);
        timed_call(fd, &out);
        timed_call(fd, &release);
    }
}

static void run_client(const char *path, enum operation operation)
{
    struct exchange nop = {.opcode = VGPU_STUB_OP_NOP};
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fd = connect_to(path);
    call(fd, &nop); /* the session stands before the clock starts */
    __atomic_fetch_add(&shared->ready, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE)) {
        usleep(1000);
    }
    while (!shared->stop) {
        one_round(fd, operation);
    }
    _exit(0);
}

static bool wait_ready(unsigned clients)
{
    uint64_t until_ns = now_ns() + ANSWER_LIMIT_S * UINT64_C(1000000000);

    while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < clients) {
        if (shared->failed || now_ns() > until_ns) {
            return false;
        }
        usleep(1000);
    }
    return true;
}

static int measure(const char *path, unsigned clients, double seconds, enum operation operation)
{
    int status = 0, result = 0;
    uint64_t start, spent;
    bool ready;

    memset(shared, 0, sizeof(*shared));
    for (unsigned i = 0; i < clients; i++) {
        if (fork() == 0) {
            run_client(path, operation);
        }
    }
    ready = wait_ready(clients);
    start = now_ns();
    __atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
    if (ready) {
        usleep((useconds_t)(seconds * 1e6));
    }
    uint64_t requests = __atomic_load_n(&shared->requests, __ATOMIC_RELAXED);
    spent = now_ns() - start;
    shared->stop = 1;
    while (wait(&status) > 0) {
        result |= status != 0;
    }
    if (result || !ready) {
        fprintf(stderr, "mediator_load: a client failed\n");
        return 1;
    }
    printf("{\"name\": \"mediator_requests_per_s_%u\", \"operation\": \"%s\", \"clients\": %u, "
           "\"requests\": %llu, \"requests_per_s\": %.0f, \"p50_ns\": %llu, \"p99_ns\": %llu, "
           "\"p999_ns\": %llu}\n",
           clients, operation_names[operation], clients, (unsigned long long)requests,
           (double)requests * 1e9 / (double)spent, (unsigned long long)percentile(0.5),
           (unsigned long long)percentile(0.99), (unsigned long long)percentile(0.999));
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: mediator_load_bench SOCKET [--clients N[,N...]] [--seconds S] "
                    "[--operation nop|add|memory]\n");
    return 2;
}

int main(int count, char **texts)
{
    static const struct option options[] = {{"clients", required_argument, NULL, 'c'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"operation", required_argument, NULL, 'o'},
                                            {0}};
    char clients_default[] = "1,8,64";
    char *clients = clients_default, *word;
    double seconds = 3;
    int operation = OPERATION_NOP, key;

    while ((key = getopt_long(count, texts, "", options, NULL)) != -1) {
        if (key == 'c') {
            clients = optarg;
        } else if (key == 's') {
            seconds = strtod(optarg, NULL);
        } else if (key == 'o') {
            for (operation = 2; operation >= 0 && strcmp(optarg, operation_names[operation]);) {
                operation--;
            }
        } else {
            return usage();
        }
    }
    if (optind != count - 1 || operation < 0 || !(seconds > 0)) {
        return usage();
    }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((word = strsep(&clients, ","))) {
        unsigned long number = strtoul(word, NULL, 10);

        if (number == 0 || number > CLIENTS_MAX) {
            return usage();
        }
        if (measure(texts[optind], (unsigned)number, seconds, (enum operation)operation) != 0) {
            return 1;
        }
    }
    return 0;
}
