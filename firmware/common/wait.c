/* SPDX-License-Identifier: BSD-2-Clause */
/* The one loop of all waits, and its pauses: when to sleep, and for how long at most. */
#include "baregpu/wait.h"

#include "baregpu/barrier.h"
#include "baregpu/error.h"

struct waiter {
    const struct bg_wait_loop *loop;
    const struct bg_wait_strategy *strategy;
    struct bg_interrupt_source *source;
    uint64_t deadline_ns;
    uint64_t progress; /* as it was seen last */
    bool is_armed;     /* the interrupt may be */
    /* Of the pauses since the last progress. */
    uint64_t spin_end_ns; /* 0: not yet known */
    uint64_t nap_ns;
    bool has_spun;
    /* Of the last nap: */
    bool has_slept;       /* it lasted to its end */
    bool was_interrupted; /* there was an interrupt of the source */
};

/* ---- Pauses ---- */

/* Polled for long enough? */
static bool has_spun(struct waiter *waiter)
{
    if (waiter->strategy->spin_ns == 0) {
        return true;
    }
    uint64_t now_ns = bg_hal_time_ns();

    if (waiter->spin_end_ns == 0) {
        waiter->spin_end_ns = now_ns + waiter->strategy->spin_ns;
    }
    return now_ns >= waiter->spin_end_ns;
}

/* Never for a strategy that polls, nor while the source is off. */
static bool may_sleep(struct waiter *waiter)
{
    if (waiter->strategy->sleep == NULL || waiter->source == NULL ||
        !bg_interrupt_source_is_on(waiter->source)) {
        return false;
    }
    if (!waiter->has_spun) {
        waiter->has_spun = has_spun(waiter);
    }
    return waiter->has_spun;
}

static bool is_overslept(const struct waiter *waiter)
{
    return waiter->has_slept && !waiter->was_interrupted;
}

/* Not past the deadline, nor longer than the next nap. */
static void nap(struct waiter *waiter)
{
    uint64_t count = bg_load_acquire64(&waiter->source->count);
    uint64_t now_ns = bg_hal_time_ns();
    uint64_t end_ns = waiter->deadline_ns;

    if (now_ns < end_ns && end_ns - now_ns > waiter->nap_ns) {
        end_ns = now_ns + waiter->nap_ns;
    }
    waiter->strategy->sleep(waiter->strategy->event, end_ns);
    waiter->has_slept = bg_hal_time_ns() >= end_ns;
    waiter->was_interrupted = bg_load_acquire64(&waiter->source->count) != count;
    if (is_overslept(waiter) && waiter->nap_ns < BG_WAIT_NAP_LAST_NS) {
        waiter->nap_ns *= 2;
        if (waiter->nap_ns > BG_WAIT_NAP_LAST_NS) {
            waiter->nap_ns = BG_WAIT_NAP_LAST_NS;
        }
    }
}

static void pause(struct waiter *waiter)
{
    const struct bg_wait_loop *loop = waiter->loop;

    if (!may_sleep(waiter)) {
        bg_hal_wait(waiter->deadline_ns);
        return;
    }
    waiter->is_armed = true;
    if (loop->arm == NULL || !loop->arm(loop->context)) {
        nap(waiter);
    }
}

static uint64_t first_nap_ns(const struct bg_interrupt_source *source)
{
    uint64_t nap_ns = source != NULL ? bg_load_acquire64(&source->nap_ns) : 0;

    return nap_ns != 0 ? nap_ns : BG_WAIT_NAP_FIRST_NS;
}

/* An interrupt that ends sleeps is one that later naps need not look for. One that came and did not
 * may be another CPU's. Where another device's ended the sleep nothing is known. */
static void note_naps(const struct waiter *waiter)
{
    struct bg_interrupt_source *source = waiter->source;

    if (is_overslept(waiter)) {
        bg_store_release64(&source->lost, source->lost + 1);
    }
    if (waiter->has_slept) {
        bg_store_release64(&source->nap_ns, BG_WAIT_NAP_FIRST_NS);
    } else if (waiter->was_interrupted) {
        bg_store_release64(&source->nap_ns, waiter->nap_ns);
    }
}

/* Something came. */
static void end_pauses(struct waiter *waiter)
{
    if (waiter->source != NULL) {
        note_naps(waiter);
        bg_interrupt_source_answer(waiter->source);
    }
    waiter->spin_end_ns = 0;
    waiter->nap_ns = first_nap_ns(waiter->source);
    waiter->has_spun = false;
    waiter->has_slept = false;
    waiter->was_interrupted = false;
}

/* ---- The loop ---- */

static int look(struct waiter *waiter)
{
    const struct bg_wait_loop *loop = waiter->loop;
    int result = loop->look(loop->context);

    if (result > 0 || (loop->progress != NULL && *loop->progress != waiter->progress)) {
        waiter->progress = loop->progress != NULL ? *loop->progress : 0;
        end_pauses(waiter);
    }
    return result;
}

int bg_wait_until(const struct bg_wait_loop *loop, const struct bg_wait_strategy *strategy,
                  struct bg_interrupt_source *source, uint64_t deadline_ns)
{
    struct waiter waiter = {
        .loop = loop,
        .strategy = strategy,
        .source = source,
        .deadline_ns = deadline_ns,
        .progress = loop->progress != NULL ? *loop->progress : 0,
        .nap_ns = first_nap_ns(source),
    };
    int result = look(&waiter);
    uint64_t checked_ns = result == 0 ? bg_hal_time_ns() : 0;

    while (result == 0) {
        pause(&waiter);
        uint64_t now_ns = bg_hal_time_ns();

        result = look(&waiter);
        if (result == 0 && loop->check != NULL &&
            (now_ns >= deadline_ns || now_ns - checked_ns >= loop->check_period_ns)) {
            checked_ns = now_ns;
            result = loop->check(loop->context);
        }
        if (result == 0 && now_ns >= deadline_ns) {
            result = BG_ERR_TIMEOUT;
        }
    }
    if (waiter.is_armed && loop->disarm != NULL) {
        loop->disarm(loop->context);
    }
    return result;
}
