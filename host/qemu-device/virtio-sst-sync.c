/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst, deterministic time: the only place where the device waits for the simulator. The
 * guest's time stands still meanwhile, so how long it takes leaves no trace in the guest; it has a
 * deadline in host time.
 */
#include "qemu/osdep.h"
#include <poll.h>
#include "qemu/bswap.h"
#include "qemu/host-utils.h"
#include "trace.h"
#include "virtio-sst-link.h"

/* Between tries while the listener's queue is full. */
#define OPEN_INTERVAL_US 2000

static int64_t deadline_us(const SSTLink *link)
{
    return g_get_monotonic_time() + (int64_t)link->sync_deadline_ms * 1000;
}

/* False: the connection was lost. */
static bool send_all(SSTLink *link, int64_t until_us)
{
    for (;;) {
        if (!peer_link_flush(&link->peer)) {
            sst_link_lost(link, SST_LOSS_CLOSED);
            return false;
        }
        if (!peer_link_wants_write(&link->peer)) {
            return true;
        }
        if (!peer_link_wait(&link->peer, POLLOUT, until_us)) {
            sst_link_lost(link, SST_LOSS_TIMEOUT);
            return false;
        }
    }
}

/* One portion of what the simulator sends, waiting for it. False: the connection was lost. */
static bool receive_some(SSTLink *link, int64_t until_us)
{
    size_t room;
    uint8_t *space = sst_reader_space(&link->reader, &room);
    ssize_t size;

    if (!peer_link_wait(&link->peer, POLLIN, until_us)) {
        peer_link_warn(&link->peer, "no reply before sync_deadline_ms: connection closed");
        sst_link_lost(link, SST_LOSS_TIMEOUT);
        return false;
    }
    size = peer_link_read(&link->peer, space, room);
    if (size <= 0) {
        sst_link_lost(link, SST_LOSS_CLOSED);
        return false;
    }
    sst_reader_put(&link->reader, size);
    return true;
}

/* ---- Connection ---- */

/* A peer that has closed meanwhile is noticed before anything is lost to it. */
static void look_for_close(SSTLink *link)
{
    if (sst_link_is_up(link) && peer_link_has_ended(&link->peer)) {
        sst_link_lost(link, SST_LOSS_STALE);
    }
}

static bool open_and_probe(SSTLink *link, int64_t until_us)
{
    while (!sst_link_is_up(link)) {
        sst_link_open(link);
        if (link->peer.state == PEER_LINK_DOWN) {
            return false;
        }
        if (link->peer.state == PEER_LINK_WAITING) {
            if (g_get_monotonic_time() >= until_us) {
                link->peer.state = PEER_LINK_DOWN;
                return false;
            }
            g_usleep(OPEN_INTERVAL_US);
        }
    }
    if (link->peer.state != SST_LINK_HELLO) {
        return true;
    }
    if (!send_all(link, until_us)) {
        return false;
    }
    while (link->peer.state == SST_LINK_HELLO) {
        if (!receive_some(link, until_us) || !sst_link_consume(link, 0)) {
            return false;
        }
    }
    return sst_link_is_up(link);
}

/* ---- Exchange ---- */

/* Frames until the simulator knows all that is pending, and has replied. */
static void exchange_frames(SSTLink *link, int64_t until_us)
{
    do {
        uint64_t connection = link->peer.connections;
        bool complete = false;

        sst_link_fill(link, BG_SST_FRAME_SYNC);
        if (!send_all(link, until_us)) {
            return;
        }
        while (!complete) {
            if (!receive_some(link, until_us)) {
                return;
            }
            complete = !sst_link_consume(link, link->sequence);
            if (!sst_link_is_up(link) || link->peer.connections != connection) {
                return;
            }
        }
    } while (!QTAILQ_EMPTY(&link->pending));
}

uint64_t sst_link_old_time_ns(const SSTLink *link, const SSTLinkRequest *request, uint64_t cycles)
{
    uint64_t now_ns = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL), low, high;

    if (ldl_le_p(&request->request.type) != BG_SST_COMPUTE) {
        return now_ns;
    }
    mulu64(&low, &high, cycles, NANOSECONDS_PER_SECOND);
    if (uadd64_overflow(low, link->clock_hz - 1, &low)) {
        high++;
    }
    divu128(&low, &high, link->clock_hz);
    return high || uadd64_overflow(now_ns, low, &now_ns) ? BG_SST_TIME_NEVER : now_ns;
}

/* One structure there, one back. */
static void exchange_old(SSTLink *link, int64_t until_us)
{
    while (sst_link_is_up(link) && sst_link_fill(link, 0)) {
        if (!send_all(link, until_us)) {
            return;
        }
        while (!QTAILQ_EMPTY(&link->sent)) {
            if (!receive_some(link, until_us) || !sst_link_consume(link, 0)) {
                return;
            }
        }
    }
}

void sst_link_exchange(SSTLink *link)
{
    int64_t until_us = deadline_us(link);

    look_for_close(link);
    if (link->peer.state != SST_LINK_FRAMES && QTAILQ_EMPTY(&link->pending)) {
        return; /* a reset can wait */
    }
    if (open_and_probe(link, until_us)) {
        if (link->peer.state == SST_LINK_FRAMES) {
            exchange_frames(link, until_us);
        } else {
            exchange_old(link, until_us);
        }
    }
}
