/* SPDX-License-Identifier: BSD-2-Clause */
/* Counting interrupts, and noticing that they are too many. */
#include "baregpu/barrier.h"
#include "baregpu/interrupt.h"

void bg_interrupt_source_turn(struct bg_interrupt_source *source, enum bg_interrupt_state state)
{
    if (state == BG_INTERRUPT_STORM) {
        bg_store_release64(&source->storms, source->storms + 1);
    }
    bg_store_release32(&source->unanswered, 0);
    bg_store_release64(&source->nap_ns, 0);
    bg_store_release32(&source->is_on, state == BG_INTERRUPT_ON);
}

bool bg_interrupt_source_is_on(const struct bg_interrupt_source *source)
{
    return bg_load_acquire32(&source->is_on) != 0;
}

bool bg_interrupt_source_arrive(struct bg_interrupt_source *source)
{
    uint64_t now_ns = bg_hal_time_ns();
    uint32_t unanswered = 1;

    if (now_ns - source->unanswered_ns <= BG_INTERRUPT_STORM_GAP_NS) {
        unanswered += bg_load_once32(&source->unanswered);
    }
    source->unanswered_ns = now_ns;
    bg_store_release32(&source->unanswered, unanswered);
    bg_store_release64(&source->count, source->count + 1);
    if (source->handler != NULL) {
        source->handler(source->context);
    }
    return unanswered < BG_INTERRUPT_STORM_COUNT;
}

void bg_interrupt_source_answer(struct bg_interrupt_source *source)
{
    if (bg_load_once32(&source->unanswered) != 0) {
        bg_store_release32(&source->unanswered, 0);
    }
}
