/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvgpu's two sleeps (protocol/pvgpu.h): the backend on the doorbell, the guest on the fence's
 * interrupt. Claim: nobody sleeps for ever with work to do, whatever the order in which stores
 * become visible.
 *
 * Memory: a store lies in a slot of its own until a process of the machine makes it visible, at any
 * time, in any order; its own side sees it at once. A full barrier waits until the side's slots are
 * empty. So a store passes later loads, and stores to other words, as far as any machine lets it.
 *
 * Lost wake-ups are invalid end states: a side that waits for its event for ever. Defines for the
 * broken variants, which must be found out: NO_BACKEND_BARRIER, NO_GUEST_BARRIER,
 * NO_INTERRUPT_BARRIER, NO_SUPPRESS_BARRIER, NO_RECHECK, NO_GUEST_RECHECK, LATE_PUBLISH.
 *
 * The guest does not ring again while the backend has not published what it was rung for
 * (must_ring in firmware/vgpu/pvgpu_ring.c).
 */
#ifndef SUBMISSIONS
#define SUBMISSIONS 3
#endif

/* What everybody sees. */
byte producer = 0, consumer = 0, fence = 0;
bit sleeping = 0, suppress = 1;

/* Stores on their way. */
byte producer_slot, consumer_slot, fence_slot;
bit sleeping_slot, suppress_slot;
bool producer_waits = false, consumer_waits = false, fence_waits = false;
bool sleeping_waits = false, suppress_waits = false;

/* The eventfds. */
bool doorbell = false, interrupt = false;

/* A word's store waits for the same word's before it: one word is coherent. */
#define STORE(word, value) \
    atomic { !word##_waits -> word##_slot = value; word##_waits = true }
#define GUEST_BARRIER (!producer_waits && !suppress_waits)
#define BACKEND_BARRIER (!fence_waits && !sleeping_waits && !consumer_waits)

/* The machine. */
active proctype visible()
{
end_visible:
    do
    :: atomic { producer_waits -> producer = producer_slot; producer_waits = false }
    :: atomic { consumer_waits -> consumer = consumer_slot; consumer_waits = false }
    :: atomic { fence_waits -> fence = fence_slot; fence_waits = false }
    :: atomic { sleeping_waits -> sleeping = sleeping_slot; sleeping_waits = false }
    :: atomic { suppress_waits -> suppress = suppress_slot; suppress_waits = false }
    od
}

active proctype guest()
{
    byte submitted = 0, rung = 0, seen;
    bit asleep;

    do
    :: submitted == SUBMISSIONS -> break
    :: submitted < SUBMISSIONS ->
        submitted++;
        STORE(producer, submitted);
#ifndef NO_GUEST_BARRIER
        GUEST_BARRIER;
#endif
        asleep = sleeping;
        if
        :: asleep ->
            seen = consumer;
            if
            :: seen >= rung -> rung = submitted; doorbell = true
            :: else -> skip
            fi
        :: else -> skip
        fi;
        seen = 0;
        if
        :: submitted < SUBMISSIONS -> skip /* a batch goes on */
        :: goto wait_for_it
        fi;
        goto next;
wait_for_it:
        do
        :: seen = fence;
            if
            :: seen >= submitted -> break
            :: else -> skip
            fi;
            STORE(suppress, 0);
#ifndef NO_SUPPRESS_BARRIER
            GUEST_BARRIER;
#endif
#ifndef NO_GUEST_RECHECK
            seen = fence;
#endif
            if
            :: seen >= submitted -> break
            :: else -> interrupt -> interrupt = false
            fi;
            STORE(suppress, 1)
        od;
        STORE(suppress, 1);
next:
        skip
    od;
    assert(seen == SUBMISSIONS)
}

active proctype backend()
{
    byte consumed = 0, seen;
    bit quiet;

    do
    :: seen = producer;
        if
        :: seen != consumed ->
            consumed++;
            STORE(fence, consumed);
#ifndef NO_INTERRUPT_BARRIER
            BACKEND_BARRIER;
#endif
            quiet = suppress;
            if
            :: !quiet -> interrupt = true
            :: else -> skip
            fi
        :: else ->
#ifndef LATE_PUBLISH
            STORE(consumer, consumed);
#endif
            STORE(sleeping, 1);
#ifndef NO_BACKEND_BARRIER
            BACKEND_BARRIER;
#endif
#ifndef NO_RECHECK
            seen = producer;
#endif
            if
            :: seen != consumed -> skip
            :: else ->
end_idle:       doorbell -> doorbell = false
            fi;
#ifdef LATE_PUBLISH
            STORE(consumer, consumed);
#endif
            STORE(sleeping, 0)
        fi
    od
}
