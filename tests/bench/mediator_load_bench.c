/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Load on a mediator's sockets: N clients on each, each a connection with one request in flight,
 * all in this process. Prints one JSON object per line: name, clients, requests, requests_per_s,
 * p50_ns, p99_ns, p999_ns, and Jain's index of fairness: of the clients of one socket by their
 * requests, of several sockets by all their clients' requests over the socket's weight.
 *
 *   mediator_load_bench SOCKET[=WEIGHT]... [--clients N[,N...]] [--seconds S] [--operation nop|add]
 *
 * nop: answered without the GPU. add: the basic vector addition, which needs the GPU's lease.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "protocol/compute.h"
#include "protocol/vgpu_stub.h"

#define CLIENTS_MAX 256
#define SOCKETS_MAX 8
#define ANSWER_LIMIT_S 60
/* Latencies by powers of two, each in 64 steps: within 1.6 % of what was measured. */
#define STEPS 64
#define BUCKETS (STEPS * 40)

enum operation { OPERATION_NOP, OPERATION_ADD };

static const char *const operation_names[] = {"nop", "add"};
static uint64_t requests, buckets[BUCKETS];

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
    uint64_t wanted = (uint64_t)(part * (double)requests), seen = 0;

    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += buckets[i];
        if (seen > wanted) {
            return bucket_ns(i);
        }
    }
    return 0;
}

__attribute__((noreturn)) static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        give_up(path);
    }
    return fd;
}

/* ---- A client: a connection with one request in flight ---- */

struct client {
    int fd;
    uint32_t request_id;
    uint64_t sent_ns;
    uint64_t requests; /* answered */
    size_t have;       /* bytes of the answer */
    uint8_t answer[sizeof(struct bg_vgpu_stub_message) + BG_VGPU_STUB_PAYLOAD_MAX];
};

struct add_message {
    struct bg_vgpu_stub_message header;
    struct bg_vgpu_stub_request request;
    uint32_t params[2]; /* of the addition */
};

static void send_request(struct client *client, enum operation operation)
{
    uint32_t param_count = operation == OPERATION_ADD ? 2 : 0;
    uint32_t length = (uint32_t)sizeof(struct bg_vgpu_stub_request) + param_count * 4;
    struct add_message message = {
        .header = {.magic = BG_VGPU_STUB_MESSAGE_MAGIC,
                   .type = BG_VGPU_STUB_MESSAGE_REQUEST,
                   .vm_id = (uint32_t)client->fd,
                   .request_id = ++client->request_id,
                   .pool_id = 'A',
                   .priority = BG_VGPU_STUB_PRIORITY_MEDIUM,
                   .payload_length = (uint16_t)length},
        .request = {.version = BG_VGPU_STUB_PROTOCOL_VERSION,
                    .opcode = operation == OPERATION_ADD ? BG_VGPU_STUB_OP_CUDA_KERNEL
                                                         : BG_VGPU_STUB_OP_NOP,
                    .param_count = param_count,
                    .data_offset = length},
        .params = {100, 200},
    };
    size_t size = sizeof(message.header) + length;

    client->have = 0;
    client->sent_ns = now_ns();
    if (send(client->fd, &message, size, MSG_NOSIGNAL) != (ssize_t)size) {
        give_up("send");
    }
}

/* Takes what has come; true when the answer is whole, and right. */
static bool take_answer(struct client *client, enum operation operation)
{
    struct bg_vgpu_stub_message header;
    struct bg_vgpu_stub_response response;
    uint32_t sum = 300;
    ssize_t received = recv(client->fd, client->answer + client->have,
                            sizeof(client->answer) - client->have, MSG_DONTWAIT);

    if (received < 0 && errno == EAGAIN) {
        return false;
    }
    if (received <= 0) {
        give_up("recv");
    }
    client->have += (size_t)received;
    if (client->have < sizeof(header)) {
        return false;
    }
    memcpy(&header, client->answer, sizeof(header));
    if (client->have < sizeof(header) + header.payload_length) {
        return false;
    }
    memcpy(&response, client->answer + sizeof(header), sizeof(response));
    if (operation == OPERATION_ADD) {
        memcpy(&sum, client->answer + sizeof(header) + sizeof(response), sizeof(sum));
    }
    if (header.request_id != client->request_id || header.type != BG_VGPU_STUB_MESSAGE_RESPONSE ||
        response.status != BG_COMPUTE_OK || sum != 300) {
        fprintf(stderr, "mediator_load: type %u, status 0x%x\n", header.type, response.status);
        give_up("answer");
    }
    return true;
}

/* ---- All of them, in one process, so that the load costs the mediator as little as it can ---- */

/* Every client sends a request, and after its answer another one, until end_ns; what is answered
 * later does not count. */
static void exchange(int poll, struct client *clients, unsigned count, enum operation operation,
                     uint64_t end_ns)
{
    struct epoll_event events[64];
    unsigned open = count;

    for (unsigned i = 0; i < count; i++) {
        send_request(&clients[i], operation);
    }
    while (open > 0) {
        int ready = epoll_wait(poll, events, 64, ANSWER_LIMIT_S * 1000);

        if (ready <= 0) {
            give_up("no answer");
        }
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;

            if (!take_answer(client, operation)) {
                continue;
            }
            uint64_t now = now_ns();

            if (now >= end_ns) {
                open--;
                continue;
            }
            buckets[bucket_of(now - client->sent_ns)]++;
            requests++;
            client->requests++;
            send_request(client, operation);
        }
    }
}

/* ---- What the clients got ---- */

struct tenant {
    const char *path;
    double weight;
};

/* 1: all shares are equal, as those of nothing are; 1/n: one has everything. */
static double jain(const double *shares, unsigned count)
{
    double sum = 0, squares = 0;

    for (unsigned i = 0; i < count; i++) {
        sum += shares[i];
        squares += shares[i] * shares[i];
    }
    return squares > 0 ? sum * sum / (count * squares) : 1;
}

/* Client i is of tenant i % tenant_count. */
static double get_work_fairness(const struct client *clients, unsigned count,
                                const struct tenant *tenants, unsigned tenant_count)
{
    double shares[CLIENTS_MAX] = {0};
    unsigned share_count = tenant_count == 1 ? count : tenant_count;

    for (unsigned i = 0; i < count; i++) {
        shares[i % share_count] += (double)clients[i].requests / tenants[i % tenant_count].weight;
    }
    return jain(shares, share_count);
}

/* From the admin socket of the first one's mediator, to be decref'd. */
static json_t *read_status(const char *path)
{
    static const char command[] = "{\"command\": \"status\"}\n";
    char admin_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    json_t *status;

    snprintf(admin_path, sizeof(admin_path), "%s.admin", path);
    int fd = connect_to(admin_path);
    if (send(fd, command, sizeof(command) - 1, MSG_NOSIGNAL) < 0) {
        give_up(admin_path);
    }
    status = json_loadfd(fd, 0, NULL);
    close(fd);
    if (status == NULL) {
        give_up("status");
    }
    return status;
}

/* The listener's number in the status is the tenant's: both are in the configuration's order. */
static unsigned find_tenant(const json_t *status, const json_t *session)
{
    const char *name = json_string_value(json_object_get(session, "listener"));
    const json_t *listener;
    size_t i;

    json_array_foreach (json_object_get(status, "listeners"), i, listener) {
        if (strcmp(json_string_value(json_object_get(listener, "name")), name) == 0) {
            break;
        }
    }
    return (unsigned)i;
}

static double get_time_fairness(const struct tenant *tenants, unsigned tenant_count)
{
    json_t *status = read_status(tenants[0].path), *session;
    double shares[CLIENTS_MAX] = {0};
    unsigned count = 0;
    size_t i;

    json_array_foreach (json_object_get(status, "sessions"), i, session) {
        unsigned tenant = tenant_count == 1 ? 0 : find_tenant(status, session);
        double time_us = json_number_value(json_object_get(session, "device_us"));

        if (tenant < tenant_count && count < CLIENTS_MAX) {
            shares[tenant_count == 1 ? count++ : tenant] += time_us / tenants[tenant].weight;
        }
    }
    json_decref(status);
    return jain(shares, tenant_count == 1 ? count : tenant_count);
}

static void reset_counts(struct client *clients, unsigned count)
{
    memset(buckets, 0, sizeof(buckets));
    requests = 0;
    for (unsigned i = 0; i < count; i++) {
        clients[i].requests = 0;
    }
}

static void measure(const struct tenant *tenants, unsigned tenant_count, unsigned count,
                    double seconds, enum operation operation)
{
    static struct client clients[CLIENTS_MAX];
    int poll = epoll_create1(0);

    for (unsigned i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};

        clients[i] = (struct client){.fd = connect_to(tenants[i % tenant_count].path)};
        if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event) != 0) {
            give_up("epoll");
        }
    }
    exchange(poll, clients, count, operation, 0); /* the sessions stand before the clock starts */
    reset_counts(clients, count);
    exchange(poll, clients, count, operation, now_ns() + (uint64_t)(seconds * 1e9));
    double time_fairness = get_time_fairness(tenants, tenant_count);

    for (unsigned i = 0; i < count; i++) {
        close(clients[i].fd);
    }
    close(poll);
    printf("{\"name\": \"mediator_requests_per_s_%u\", \"operation\": \"%s\", \"clients\": %u, "
           "\"requests\": %llu, \"requests_per_s\": %.0f, \"p50_ns\": %llu, \"p99_ns\": %llu, "
           "\"p999_ns\": %llu, \"jain_time\": %.4f, \"jain_work\": %.4f}\n",
           count, operation_names[operation], count, (unsigned long long)requests,
           (double)requests / seconds, (unsigned long long)percentile(0.5),
           (unsigned long long)percentile(0.99), (unsigned long long)percentile(0.999),
           time_fairness, get_work_fairness(clients, count, tenants, tenant_count));
}

static int usage(void)
{
    fprintf(stderr, "usage: mediator_load_bench SOCKET[=WEIGHT]... [--clients N[,N...]] "
                    "[--seconds S] [--operation nop|add]\n");
    return 2;
}

/* False: not a tenant. */
static bool parse_tenant(char *text, struct tenant *tenant)
{
    *tenant = (struct tenant){.path = strsep(&text, "="), .weight = 1};
    if (text != NULL) {
        tenant->weight = strtod(text, NULL);
    }
    return tenant->weight > 0;
}

int main(int count, char **texts)
{
    static const struct option options[] = {{"clients", required_argument, NULL, 'c'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"operation", required_argument, NULL, 'o'},
                                            {0}};
    char clients_default[] = "1,8,64";
    char *clients = clients_default, *word;
    struct tenant tenants[SOCKETS_MAX];
    unsigned tenant_count = 0;
    double seconds = 3;
    int operation = OPERATION_NOP, key;

    while ((key = getopt_long(count, texts, "", options, NULL)) != -1) {
        if (key == 'c') {
            clients = optarg;
        } else if (key == 's') {
            seconds = strtod(optarg, NULL);
        } else if (key == 'o') {
            for (operation = 1; operation >= 0 && strcmp(optarg, operation_names[operation]);) {
                operation--;
            }
        } else {
            return usage();
        }
    }
    for (; optind < count && tenant_count < SOCKETS_MAX; optind++) {
        if (!parse_tenant(texts[optind], &tenants[tenant_count++])) {
            return usage();
        }
    }
    if (optind != count || tenant_count == 0 || operation < 0 || !(seconds > 0)) {
        return usage();
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    while ((word = strsep(&clients, ",")) != NULL) {
        unsigned long number = strtoul(word, NULL, 10);

        if (number == 0 || number > CLIENTS_MAX / tenant_count) {
            return usage();
        }
        measure(tenants, tenant_count, (unsigned)number * tenant_count, seconds,
                (enum operation)operation);
    }
    return 0;
}
