/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/qemu-device/virtio-sst-link.c host/qemu-device/virtio-sst-wire.c
// build: host/qemu-device/peer-link.c
// cflags: -Itests/fake/qemu -Dsocket=fake_socket -Dconnect=fake_connect
// cflags: -Dgetsockopt=fake_getsockopt
// pkg: glib-2.0
/*
 * The virtio-sst device's link, driven by bytes: a guest that submits, abandons, resets; a VM that
 * stops and runs; a simulator of either wire that takes any part of what is sent, answers in any
 * order, sends garbage, closes, refuses or delays connections. Checked all the while:
 *
 * - a request ends in exactly one event, or is abandoned;
 * - an answer is the one to that very request, also when ids are used again;
 * - on each connection the peer sees the probe, then whole messages in the order of submission,
 * with ids that differ among unanswered requests, tags that never come back, frames counted up;
 * - a request that the peer has read in whole is never sent again;
 * - a reset is told before what was submitted after it;
 * - nothing happens while the VM is stopped.
 */
#include "qemu/osdep.h"

#include "fuzz/input.h"
#include "io/channel-socket.h"
#include "qemu-device/virtio-sst-link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int64_t fake_now_ms;

#define FD 1000
#define REQUESTS 24
#define SEEN_MAX 4096

/* A request that the peer has read in whole. Each has a number of its own in its payload. */
struct seen {
    uint64_t id, number;
    bool answered;
};

static struct {
    SSTLink link;
    SSTLinkRequest requests[REQUESTS];
    uint64_t numbers[REQUESTS]; /* 0: not under way */
    bool was_read[REQUESTS];    /* the peer has read it in whole */
    uint64_t number;            /* of the last request */
    uint64_t reset_number;      /* requests after this one were submitted after the last reset */
    bool reset_expected;
    bool stopped, in_batch, in_handler;
    void (*read_handler)(void *), (*write_handler)(void *);

    /* The peer's side of the present connection. */
    bool open, closed, says_old, has_probed, has_answered_probe;
    bool has_lied; /* the old wire has nothing that tells garbage from answers */
    int open_result;
    uint8_t *stream; /* what it has read of an incomplete message */
    size_t stream_size;
    size_t room; /* what it takes before EAGAIN */
    uint64_t sequence, tag;
    struct seen seen[SEEN_MAX];
    size_t seen_count;
    uint8_t answers[32768]; /* what waits to be read by the device */
    size_t answer_size;
    size_t cut; /* at most so much per read */
} t;

/* ---- The peer ---- */

static void see_request(const struct bg_sst_request *request, uint64_t id)
{
    uint64_t number;

    memcpy(&number, request->payload.data, sizeof(number));
    CHECK(request->type == BG_SST_COMPUTE && number && number <= t.number);
    CHECK(t.says_old || !t.reset_expected || number <= t.reset_number); /* it is told first */
    for (size_t i = 0; i < t.seen_count; i++) {
        CHECK(t.seen[i].answered || t.seen[i].id != id);
        CHECK(t.seen[i].number < number); /* in order, and never twice */
    }
    CHECK(t.seen_count < SEEN_MAX);
    t.seen[t.seen_count++] = (struct seen){id, number, false};
    for (unsigned i = 0; i < REQUESTS; i++) {
        if (t.numbers[i] == number) {
            CHECK(!t.was_read[i]);
            t.was_read[i] = true;
        }
    }
}

static void see_record(const struct bg_sst_record *record, const uint8_t *body)
{
    struct bg_sst_request request = {0};

    CHECK(record->size <= BG_SST_RECORD_SIZE_MAX);
    switch (record->kind) {
    case BG_SST_RECORD_REQUEST:
        CHECK(record->tag > t.tag && record->pair == 3);
        CHECK(record->size >= 24 && record->size <= sizeof(request));
        t.tag = record->tag;
        memcpy(&request, body, record->size);
        see_request(&request, record->tag);
        break;
    case BG_SST_RECORD_RESET:
        CHECK(record->size == sizeof(struct bg_sst_reset_notice));
        t.reset_expected = false;
        break;
    default:
        CHECK(record->kind == BG_SST_RECORD_CANCEL && record->size == 0 && record->tag <= t.tag);
        break;
    }
}

/* Bytes of a whole frame in the stream, or 0. */
static size_t see_frame(void)
{
    struct bg_sst_frame frame;
    size_t offset = sizeof(frame);

    if (t.stream_size < sizeof(frame)) {
        return 0;
    }
    memcpy(&frame, t.stream, sizeof(frame));
    CHECK(frame.magic == BG_SST_FRAME_MAGIC && frame.size <= BG_SST_FRAME_SIZE_MAX);
    if (t.stream_size < sizeof(frame) + frame.size) {
        return 0;
    }
    CHECK(frame.sequence == ++t.sequence);
    for (uint32_t i = 0; i < frame.count; i++) {
        struct bg_sst_record record;

        memcpy(&record, t.stream + offset, sizeof(record));
        see_record(&record, t.stream + offset + sizeof(record));
        offset += sizeof(record) + (record.size + 7) / 8 * 8;
    }
    CHECK(offset == sizeof(frame) + frame.size);
    return offset;
}

static size_t see_old(void)
{
    struct bg_sst_request request;

    if (t.stream_size < sizeof(request)) {
        return 0;
    }
    memcpy(&request, t.stream, sizeof(request));
    if (t.has_probed) {
        see_request(&request, request.request_id);
    } else {
        CHECK(request.type == BG_SST_HELLO_TYPE);
        t.has_probed = true;
    }
    return sizeof(request);
}

static void see_bytes(const uint8_t *bytes, size_t size)
{
    size_t whole;

    t.stream = realloc(t.stream, t.stream_size + size);
    CHECK(t.stream);
    memcpy(t.stream + t.stream_size, bytes, size);
    t.stream_size += size;
    /* Nothing but the probe before its answer. */
    CHECK(t.has_answered_probe || t.stream_size <= sizeof(struct bg_sst_request));
    while ((whole = t.has_answered_probe && !t.says_old ? see_frame() : see_old())) {
        t.stream_size -= whole;
        memmove(t.stream, t.stream + whole, t.stream_size);
    }
}

static void peer_say(const void *bytes, size_t size)
{
    if (t.open && !t.closed && t.answer_size + size <= sizeof(t.answers)) {
        memcpy(t.answers + t.answer_size, bytes, size);
        t.answer_size += size;
    }
}

static void peer_answer_probe(bool old)
{
    struct bg_sst_response response = {.request_id = BG_SST_HELLO_REQUEST_ID,
                                       .status = old ? BG_SST_INVALID : BG_SST_OK};
    const struct bg_sst_hello_reply reply = {
        BG_SST_HELLO_REPLY_MAGIC, 1, BG_SST_WIRE_EVENTS | (next() & BG_SST_WIRE_CANCEL), 0, ""};

    if (t.open && t.has_probed && !t.has_answered_probe) {
        memcpy(response.payload.data, &reply, sizeof(reply));
        t.has_answered_probe = true;
        t.says_old = old;
        peer_say(&response, sizeof(response));
    }
}

static void peer_answer(uint64_t id, uint64_t number)
{
    struct bg_sst_response response = {.request_id = id, .result = number};
    struct {
        struct bg_sst_frame frame;
        struct bg_sst_record record;
        uint8_t body[32];
    } message = {
        .frame = {.magic = BG_SST_FRAME_MAGIC, .size = 64, .count = 1},
        .record = {.kind = BG_SST_RECORD_ANSWER, .tag = id, .size = 32},
    };

    memcpy(message.body, &response, sizeof(message.body));
    if (t.says_old) {
        peer_say(&response, sizeof(response));
    } else {
        peer_say(&message, sizeof(message));
    }
}

/* One of the unanswered, chosen by the input. */
static void peer_answer_one(void)
{
    size_t start = next();

    for (size_t i = 0; i < t.seen_count; i++) {
        struct seen *seen = &t.seen[(start + i) % t.seen_count];

        if (!seen->answered &&
            t.answer_size + sizeof(struct bg_sst_response) <= sizeof(t.answers)) {
            seen->answered = true;
            peer_answer(seen->id, seen->number);
            return;
        }
    }
}

static void peer_event(void)
{
    struct {
        struct bg_sst_frame frame;
        struct bg_sst_record record;
        struct bg_sst_event event;
    } message = {
        .frame = {.magic = BG_SST_FRAME_MAGIC, .size = 56, .count = 1},
        .record = {.kind = BG_SST_RECORD_EVENT, .size = sizeof(struct bg_sst_event)},
    };

    if (t.has_answered_probe && !t.says_old) {
        peer_say(&message, sizeof(message));
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
    CHECK(!t.open && !t.stopped);
    if (t.open_result < 0) {
        errno = -t.open_result;
        return -1;
    }
    t.open = true;
    t.closed = t.has_probed = t.has_answered_probe = t.says_old = t.has_lied = false;
    t.stream_size = t.seen_count = t.answer_size = 0;
    t.sequence = t.tag = 0;
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

    CHECK(fd == FD && t.open && !t.stopped && size);
    if (part == 0) {
        errno = EAGAIN;
        return t.closed ? 0 : -1;
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

    CHECK(fd == FD && t.open && !t.stopped && size);
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
    CHECK(!write || read);
    t.read_handler = read;
    t.write_handler = write;
}

/* ---- The device ---- */

static uint64_t end_request(SSTLinkRequest *request)
{
    size_t i = (size_t)(request - t.requests);
    uint64_t number = t.numbers[i];

    CHECK(i < REQUESTS && number && request->state == SST_REQUEST_OUTSIDE);
    CHECK(!t.stopped);
    CHECK(t.in_batch || !t.in_handler); /* nothing after the end */
    t.numbers[i] = 0;
    return number;
}

static void on_answer(void *opaque, SSTLinkRequest *request, const SSTAnswer *answer)
{
    uint64_t number = end_request(request);

    (void)opaque;
    CHECK(answer->size >= 32);
    CHECK(answer->response->result == number || (t.says_old && t.has_lied));
}

static void on_failed(void *opaque, SSTLinkRequest *request, uint32_t status)
{
    (void)opaque;
    CHECK(status == BG_SST_NO_DEVICE || status == BG_SST_ERROR);
    end_request(request);
}

static void on_event(void *opaque, const struct bg_sst_event *event, uint64_t time_ns)
{
    (void)opaque;
    CHECK(event && !time_ns && !t.stopped && t.in_batch);
}

static void on_batch_end(void *opaque)
{
    (void)opaque;
    CHECK(t.in_handler && t.in_batch); /* not from what the device calls */
    t.in_batch = false;
}

static void on_changed(void *opaque, bool connected)
{
    (void)opaque;
    CHECK(connected == t.open);
}

static const SSTLinkEvents events = {on_answer, on_failed, on_event, on_batch_end, on_changed};

static void submit(void)
{
    uint8_t choice = next();

    for (unsigned i = 0; i < REQUESTS; i++) {
        SSTLinkRequest *request = &t.requests[i];

        if (t.numbers[i]) {
            continue;
        }
        memset(request, 0, sizeof(*request));
        t.numbers[i] = ++t.number;
        t.was_read[i] = false;
        request->pair = 3;
        request->request.type = BG_SST_COMPUTE;
        request->request.request_id = choice & 3; /* few ids: they collide */
        memcpy(request->request.payload.data, &t.number, sizeof(t.number));
        if (choice & 4) {
            request->request.payload.data[BG_SST_PAYLOAD_SIZE - 1] = 1;
        }
        sst_link_submit(&t.link, request);
        return;
    }
}

static void abandon(unsigned i)
{
    if (t.numbers[i]) {
        t.numbers[i] = 0;
        sst_link_abandon(&t.link, &t.requests[i]);
    }
}

static void reset(void)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        abandon(i);
    }
    sst_link_reset(&t.link, BG_SST_RESET_REQUEST);
    t.reset_expected = true;
    t.reset_number = t.number;
}

static void fire(QEMUTimer *timer)
{
    if (timer->due_ms >= 0 && timer->due_ms <= fake_now_ms) {
        timer->due_ms = -1;
        t.in_handler = t.in_batch = true;
        timer->callback(timer->opaque);
        CHECK(!t.in_batch);
        t.in_handler = false;
    }
}

/* The main loop's calls end with batch_end, after which the device may be gone. */
static void call_handler(void (*handler)(void *))
{
    t.in_handler = true;
    t.in_batch = true;
    handler(&t.link);
    CHECK(!t.in_batch);
    t.in_handler = false;
}

static void step(void)
{
    static const int results[4] = {0, -EAGAIN, -ECONNREFUSED, 0};
    static const uint8_t garbage[] = "garbage, and more than a header of it, until it is noticed";

    switch (next() % 20) {
    case 0:
    case 1:
    case 2:
        submit();
        break;
    case 3:
        abandon(next() % REQUESTS);
        break;
    case 4:
    case 5:
        peer_answer_one();
        break;
    case 6:
    case 7:
        t.room += next() * 64u;
        break;
    case 8:
    case 9:
        sst_link_kick(&t.link);
        break;
    case 10:
        if (t.open && t.read_handler != NULL) {
            call_handler(t.read_handler);
        }
        break;
    case 11:
        if (t.open && t.write_handler != NULL) {
            call_handler(t.write_handler);
        }
        break;
    case 12:
        t.closed = true;
        break;
    case 13:
        t.open_result = results[next() & 3];
        break;
    case 14:
        fake_now_ms += next() * 8;
        fire(t.link.peer.retry_timer);
        break;
    case 15:
        t.stopped = !t.stopped;
        sst_link_set_running(&t.link, !t.stopped);
        break;
    case 16:
        reset();
        break;
    case 17:
        peer_answer_probe(next() & 1);
        break;
    case 18:
        if (next() % 8 == 0) {
            t.has_lied |= t.open;
            peer_say(garbage, 1 + next() % (sizeof(garbage) - 1));
        } else {
            peer_event();
        }
        break;
    case 19:
        t.cut = next();
        break;
    }
    CHECK(sst_link_is_up(&t.link) == t.open);
    CHECK(!t.open || t.stopped == !t.read_handler);
    CHECK(!t.stopped || t.link.peer.retry_timer->due_ms < 0);
    CHECK(t.open || t.stopped || t.link.peer.retry_timer->due_ms >= 0);
}

static bool is_idle(void)
{
    for (unsigned i = 0; i < REQUESTS; i++) {
        if (t.numbers[i]) {
            return false;
        }
    }
    return true;
}

/* Whatever has happened: with a good peer all ends, and the next request gets through. */
static void finish(void)
{
    if (t.stopped) {
        t.stopped = false;
        sst_link_set_running(&t.link, true);
    }
    t.open_result = 0;
    t.cut = 0;
    input.size = 0;
    t.closed |= t.has_lied; /* part of an answer may be left */
    for (unsigned i = 0; i < 20 * REQUESTS; i++) {
        if (i == 10 * REQUESTS) {
            CHECK(is_idle());
            submit();
        }
        t.room = 1u << 20;
        sst_link_kick(&t.link);
        fake_now_ms += 1000;
        fire(t.link.peer.retry_timer);
        peer_answer_probe(false);
        peer_answer_one();
        while (t.open && (t.answer_size || t.closed)) {
            call_handler(t.read_handler);
        }
    }
    CHECK(is_idle() && t.seen_count && t.seen[t.seen_count - 1].number == t.number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[] = "/path";

    free(t.stream);
    memset(&t, 0, sizeof(t));
    input.data = data;
    input.size = size < 1000 ? size : 1000;
    t.room = 8192;
    t.link.peer.path = path;
    t.link.extension = true;
    t.link.pairs = 4;
    sst_link_init(&t.link, &events, NULL, NULL);
    sst_link_try_open(&t.link);
    while (input.size) {
        step();
    }
    finish();
    sst_link_cleanup(&t.link);
    sst_link_free(&t.link);
    CHECK(!t.open);
    return 0;
}

/* virtio-sst-sync.c is not in here. */
void sst_link_exchange(SSTLink *link)
{
    (void)link;
    abort();
}

uint64_t sst_link_old_time_ns(const SSTLink *link, const SSTLinkRequest *request, uint64_t cycles)
{
    (void)link;
    (void)request;
    (void)cycles;
    abort();
}
