/* SPDX-License-Identifier: BSD-2-Clause */
/* Counting interrupts, and noticing that they are too many. */
#include "baregpu/barrier.h"
#include "baregpu/interrupt.h"

void interrupt_source_turn(struct interrupt_source *source, enum interrupt_state state)
{
    if (state == INTERRUPT_STORM) {
        store_release64(&source->storms, source->storms + 1);
    }
    store_release32(&source->unanswered, 0);
    store_release32(&source->is_on, state == INTERRUPT_ON);
}

bool interrupt_source_is_on(const struct interrupt_source *source)
{
    return load_acquire32(&source->is_on) != 0;
}

bool interrupt_source_arrive(struct interrupt_source *source)
{
    uint64_t now_ns = hal_time_ns();
    uint32_t unanswered = 1;

    if (now_ns - source->unanswered_ns <= INTERRUPT_STORM_GAP_NS) {
        unanswered += load_once32(&source->unanswered);
    }
    source->unanswered_ns = now_ns;
    store_release32(&source->unanswered, unanswered);
    store_release64(&source->count, source->count + 1);
    if (source->handler != NULL) {
        source->handler(source->context);
    }
    return unanswered < INTERRUPT_STORM_COUNT;
}

void interrupt_source_answer(struct interrupt_source *source)
{
    if (load_once32(&source->unanswered) != 0) {
        store_release32(&source->unanswered, 0);
    }
}
