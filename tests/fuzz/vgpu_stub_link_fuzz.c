/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/vgpu-stub-link.c host/qemu-device/vgpu-stub-message.c
// build: host/qemu-device/peer-link.c
// cflags: -Itests/fake/qemu -Dsocket=fake_socket -Dconnect=fake_connect
// cflags: -Dgetsockopt=fake_getsockopt
// pkg: glib-2.0
/*
 * The vgpu-stub device's link, driven by bytes: a guest that submits, abandons, resets; a VM that
 * stops and runs; a peer that takes any part of what is sent, answers any request in any order,
 * sends garbage, closes or resets, refuses or delays connections. Checked all the while:
 *
 * - a request ends in exactly one event, or is abandoned;
 * - an answer is the one to that very request, also when ids are used again;
 * - on each connection the peer sees whole messages, in order, with ids that differ among
 *   unanswered requests;
 * - a request that the peer has read in whole is never sent again;
 * - nothing happens while the VM is stopped.
 */
#include "qemu/osdep.h"

#include "fuzz/input.h"
#include "protocol/compute.h"
#include "io/channel-socket.h"
#include "qemu-device/vgpu-stub-link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int64_t fake_now_ms;

#define FD 1000
#define SEEN_MAX 1024

/* A request that the peer has read in whole. Each has a tag of its own as its payload. */
struct seen {
    uint32_t id, tag;
    bool answered;
};

static struct {
    VGPUStubLink link;
    bool expecting;    /* a request is active, as the guest sees it */
    uint32_t tag;      /* of the last request */
    bool tag_was_read; /* the peer has read it in whole */
    bool stopped;

    /* The peer's side of the present connection. */
    bool open, closed, reset;
    void (*read_handler)(void *), (*write_handler)(void *);
    int open_result;
    uint8_t stream[2 * VGPU_STUB_MESSAGE_MAX]; /* what it has read of an incomplete message */
    size_t stream_size;
    size_t room; /* what it takes before EAGAIN */
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    uint8_t answers[8192]; /* what waits to be read by the device */
    size_t answer_size;
    size_t cut; /* at most so much per read */
} t;

/* ---- The peer ---- */

static uint32_t load(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static void see_message(const uint8_t *bytes)
{
    struct bg_vgpu_stub_message header;
    uint32_t tag;

    memcpy(&header, bytes, sizeof(header));
    CHECK(header.type == BG_VGPU_STUB_MESSAGE_REQUEST);
    tag = load(bytes + sizeof(header));
    for (size_t i = 0; i < t.seen_count; i++) {
        CHECK(t.seen[i].answered || t.seen[i].id != header.request_id);
        CHECK(t.seen[i].tag < tag); /* in order, and never twice */
    }
    CHECK(t.seen_count < SEEN_MAX);
    t.seen[t.seen_count++] = (struct seen){header.request_id, tag, false};
    if (tag == t.tag) {
        CHECK(!t.tag_was_read);
        t.tag_was_read = true;
    }
}

static void see_bytes(const uint8_t *bytes, size_t size)
{
    CHECK(t.stream_size + size <= sizeof(t.stream));
    memcpy(t.stream + t.stream_size, bytes, size);
    t.stream_size += size;
    for (;;) {
        size_t length;

        if (t.stream_size >= 4) {
            CHECK(load(t.stream) == BG_VGPU_STUB_MESSAGE_MAGIC);
        }
        if (t.stream_size < VGPU_STUB_HEADER_SIZE) {
            return;
        }
        length = VGPU_STUB_HEADER_SIZE + t.stream[18] + 256u * t.stream[19];
        CHECK(length <= VGPU_STUB_MESSAGE_MAX);
        if (t.stream_size < length) {
            return;
        }
        see_message(t.stream);
        t.stream_size -= length;
        memmove(t.stream, t.stream + length, t.stream_size);
    }
}

static void peer_say(const uint8_t *bytes, size_t size)
{
    if (t.open && !t.closed && t.answer_size + size <= sizeof(t.answers)) {
        memcpy(t.answers + t.answer_size, bytes, size);
        t.answer_size += size;
    }
}

static void peer_answer(uint32_t id, uint32_t tag, uint32_t type)
{
    uint8_t bytes[VGPU_STUB_HEADER_SIZE + 4];
    const VGPUStubMessage message = {
        .type = type, .request_id = id, .payload_length = 4, .payload = (const uint8_t *)&tag};

    peer_say(bytes, vgpu_stub_message_encode(bytes, &message));
}

/* One of the unanswered, chosen by the input. */
static void peer_answer_one(void)
{
    size_t start = next();

    for (size_t i = 0; i < t.seen_count; i++) {
        struct seen *seen = &t.seen[(start + i) % t.seen_count];

        if (!seen->answered && t.answer_size + 24 <= sizeof(t.answers)) {
            seen->answered = true;
            peer_answer(seen->id, seen->tag, BG_VGPU_STUB_MESSAGE_RESPONSE);
            return;
        }
    }
}

/* ---- The socket ---- */

int fake_socket(int family, int type, int protocol)
{
    CHECK(family == AF_UNIX && type & SOCK_NONBLOCK && !protocol);
    return FD;
}

int fake_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    CHECK(fd == FD && address && size);
    CHECK(!t.open);
    if (t.open_result < 0) {
        errno = -t.open_result;
        return -1;
    }
    t.open = true;
    t.closed = t.reset = false;
    t.stream_size = t.seen_count = t.answer_size = 0;
    return 0;
}

/* Root's. */
int fake_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
    CHECK(fd == FD && level == SOL_SOCKET && name == SO_PEERCRED);
    memset(value, 0, *size);
    return 0;
}

ssize_t fake_recv(int fd, void *data, size_t size)
{
    size_t part = t.answer_size < size ? t.answer_size : size;

    CHECK(fd == FD && t.open && !t.stopped);
    if (part == 0) {
        errno = t.reset ? ECONNRESET : EAGAIN;
        return t.closed && !t.reset ? 0 : -1;
    }
    part = t.cut && part > t.cut ? t.cut : part;
    memcpy(data, t.answers, part);
    t.answer_size -= part;
    memmove(t.answers, t.answers + part, t.answer_size);
    return (ssize_t)part;
}

ssize_t fake_send(int fd, const void *data, size_t size)
{
    size_t part = size < t.room ? size : t.room;

    CHECK(fd == FD && t.open && !t.stopped);
    if (t.closed || part == 0) {
        errno = t.closed ? EPIPE : EAGAIN;
        return -1;
    }
    t.room -= part;
    see_bytes(data, part);
    return (ssize_t)part;
}

void fake_close(int fd)
{
    CHECK(fd == FD && t.open && !t.read_handler && !t.write_handler);
    t.open = false;
}

void fake_watch(int fd, void (*read)(void *), void (*write)(void *), void *opaque)
{
    CHECK(fd == FD && t.open && opaque == &t.link);
    t.read_handler = read;
    t.write_handler = write;
}

/* ---- The device ---- */

static void on_answer(void *opaque, const VGPUStubMessage *message)
{
    (void)opaque;
    CHECK(t.expecting && !t.stopped);
    t.expecting = false;
    if (message->type == BG_VGPU_STUB_MESSAGE_RESPONSE && message->payload_length == 4) {
        CHECK(load(message->payload) == t.tag);
    }
}

static void on_failed(void *opaque, uint32_t code)
{
    (void)opaque;
    CHECK(t.expecting &&
          (code == BG_COMPUTE_MEDIATOR_UNAVAILABLE || code == BG_COMPUTE_QUEUE_FULL));
    t.expecting = false;
}

static const VGPUStubLinkEvents events = {.answer = on_answer, .failed = on_failed};

static void submit(void)
{
    uint8_t payload[BG_VGPU_STUB_PAYLOAD_MAX];
    uint8_t choice = next();
    VGPUStubMessage message = {
        .type = BG_VGPU_STUB_MESSAGE_REQUEST,
        .request_id = choice & 3, /* few ids: they collide */
        .payload_length = choice & 4 ? sizeof(payload) : 8,
        .payload = payload,
    };

    if (t.expecting) {
        t.expecting = false;
        vgpu_stub_link_abandon(&t.link);
    }
    memset(payload, 0x33, sizeof(payload));
    t.tag++;
    t.tag_was_read = false;
    memcpy(payload, &t.tag, sizeof(t.tag));
    t.expecting = true;
    vgpu_stub_link_submit(&t.link, &message);
}

static void fire(QEMUTimer *timer)
{
    if (timer->due_ms >= 0 && timer->due_ms <= fake_now_ms) {
        timer->due_ms = -1;
        timer->callback(timer->opaque);
    }
}

static void pass_time(void)
{
    fake_now_ms += 5;
    fire(t.link.peer.retry_timer);
    fire(t.link.polled_timer);
}

static void guest_polls(unsigned times)
{
    while (times-- != 0 && t.link.active) {
        vgpu_stub_link_guest_polls(&t.link);
    }
}

/*
 * A reset means: something was left unread. The model reads at once what it takes, so a reset is
 * honest only if the last request was not read in whole.
 */
static void peer_close(bool reset)
{
    t.closed = true;
    t.reset = reset && !t.tag_was_read;
}

static void step(void)
{
    static const int results[4] = {0, -EAGAIN, -ECONNREFUSED, 0};
    uint8_t garbage[3];

    switch (next() % 18) {
    case 0:
    case 1:
        submit();
        break;
    case 2:
        t.expecting = false;
        vgpu_stub_link_abandon(&t.link);
        break;
    case 3:
    case 4:
        peer_answer_one();
        break;
    case 5:
        t.room += next() * 16u;
        break;
    case 6:
        vgpu_stub_link_poll(&t.link);
        break;
    case 7:
        if (t.open && t.write_handler != NULL) {
            t.write_handler(&t.link);
        }
        break;
    case 8:
        peer_close(next() & 1);
        break;
    case 9:
        t.open_result = results[next() & 3];
        break;
    case 10:
        pass_time();
        break;
    case 11:
        t.stopped = !t.stopped;
        vgpu_stub_link_set_running(&t.link, !t.stopped);
        break;
    case 12:
        t.expecting = false;
        vgpu_stub_link_reset(&t.link);
        break;
    case 13: /* an answer to a request that there never was */
        peer_answer(next() | 0x80000000u, 0, BG_VGPU_STUB_MESSAGE_BUSY);
        break;
    case 14:
        memcpy(garbage, "UPX", 3);
        peer_say(garbage, 1 + next() % 3);
        break;
    case 15:
        t.cut = next();
        break;
    case 16:
        guest_polls(next() % 64);
        break;
    case 17:
        vgpu_stub_link_guest_waits(&t.link);
        CHECK(!t.link.peer.unwatched);
        break;
    }
    /* Left alone only for a while, and only where there is something to look at. */
    CHECK(!t.link.peer.unwatched || (t.open && !t.stopped && t.link.polled_timer->due_ms >= 0));
    CHECK(!t.open || !!t.read_handler == (!t.stopped && !t.link.peer.unwatched));
    CHECK(!t.open ||
          !!t.write_handler == (!t.stopped && t.link.peer.tx_sent < t.link.peer.tx_size));
    CHECK(t.link.active == t.expecting);
    CHECK(vgpu_stub_link_is_up(&t.link) == t.open);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[] = "/path";

    memset(&t, 0, sizeof(t));
    input.data = data;
    input.size = size < 2000 ? size : 2000;
    t.room = 4096;
    t.link.peer.path = path;
    vgpu_stub_link_init(&t.link, &events, NULL);
    while (input.size) {
        step();
    }
    /* Whatever has happened: with a good peer the next request gets through. */
    if (t.stopped) {
        t.stopped = false;
        vgpu_stub_link_set_running(&t.link, true);
    }
    t.expecting = false;
    vgpu_stub_link_reset(&t.link);
    t.open_result = 0;
    t.room = SIZE_MAX;
    t.cut = 0;
    if (t.open) {
        peer_close(false); /* unused, and perhaps in the middle of garbage */
    }
    submit();
    for (unsigned i = 0; i < 500 && !t.tag_was_read; i++) {
        pass_time(); /* it keeps its distance */
    }
    CHECK(t.tag_was_read && t.expecting);
    peer_answer(t.seen[t.seen_count - 1].id, t.tag, BG_VGPU_STUB_MESSAGE_RESPONSE);
    vgpu_stub_link_poll(&t.link);
    while (t.expecting && t.answer_size) {
        vgpu_stub_link_poll(&t.link);
    }
    CHECK(!t.expecting);
    pass_time();
    pass_time();
    CHECK(!t.link.peer.unwatched);
    vgpu_stub_link_cleanup(&t.link);
    return 0;
}
