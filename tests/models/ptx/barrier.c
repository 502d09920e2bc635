/* SPDX-License-Identifier: BSD-2-Clause */
/* bar and barrier: PTX ISA 9.7.13.1. Threads are counted, not warps; those that exited are not
 * waited for. */
#include "tests/models/ptx/families.h"

static bool is_reduction(const struct ptx_instruction *in)
{
    return has(in, PTX_W_RED);
}

/* The operands: (result,) barrier (, number of threads) (, predicate). */
static unsigned barrier_operand(const struct ptx_instruction *in)
{
    return is_reduction(in);
}

static unsigned expected_threads(struct thread *thread, const struct ptx_instruction *in)
{
    unsigned index = barrier_operand(in) + 1;

    return in->operand_count > index + is_reduction(in)
               ? (unsigned)read_bits(thread, &in->operands[index], PTX_W_U32)
               : 0;
}

static void arrive(struct thread *thread, const struct ptx_instruction *in)
{
    unsigned number = (unsigned)read_bits(thread, &in->operands[barrier_operand(in)], PTX_W_U32);

    if (number >= BARRIERS) {
        thread_fault(thread, REFERENCE_ILLEGAL_VALUE);
        return;
    }
    thread->block->barriers[number].arrived++;
    thread->block->barriers[number].expected = expected_threads(thread, in);
    if (!has(in, PTX_W_ARRIVE)) {
        thread->barrier = number;
        thread->waits_at = in;
        thread->state = THREAD_WAITS_AT_BARRIER;
    }
}

void execute_barrier(struct thread *thread, const struct ptx_instruction *in)
{
    if (has(in, PTX_W_WARP)) {
        execute_together(thread, in);
    } else if (has(in, PTX_W_CLUSTER)) {
        thread_fault(thread, REFERENCE_UNSUPPORTED);
    } else {
        arrive(thread, in);
    }
}

/* ---- Release ---- */

static bool waits_at(const struct thread *thread, unsigned number)
{
    return thread->state == THREAD_WAITS_AT_BARRIER && thread->barrier == number;
}

/* Of the predicates of all that wait: how many, and how many hold. */
static void count_predicates(struct block *block, unsigned number, unsigned *all, unsigned *set)
{
    for (unsigned i = 0; i < block->thread_count; i++) {
        struct thread *thread = &block->threads[i];
        const struct ptx_instruction *in = thread->waits_at;

        if (waits_at(thread, number) && is_reduction(in)) {
            *all += 1;
            *set += read_predicate(thread, &in->operands[in->operand_count - 1]);
        }
    }
}

static void write_reduction(struct thread *thread, unsigned all, unsigned set)
{
    const struct ptx_instruction *in = thread->waits_at;

    if (!is_reduction(in)) {
        return;
    }
    if (has(in, PTX_W_POPC)) {
        write_bits(thread, &in->operands[0], PTX_W_U32, set);
    } else {
        write_bits(thread, &in->operands[0], PTX_W_PRED,
                   has(in, PTX_W_AND) ? set == all : set != 0);
    }
}

static void release(struct block *block, unsigned number)
{
    unsigned all = 0, set = 0;

    count_predicates(block, number, &all, &set);
    for (unsigned i = 0; i < block->thread_count; i++) {
        struct thread *thread = &block->threads[i];

        if (waits_at(thread, number)) {
            write_reduction(thread, all, set);
            thread->state = THREAD_RUNS;
        }
    }
    block->barriers[number] = (struct barrier){0};
}

bool release_barriers(struct block *block)
{
    bool released = false;

    for (unsigned i = 0; i < BARRIERS; i++) {
        const struct barrier *barrier = &block->barriers[i];
        unsigned expected = barrier->expected ? barrier->expected : block->live;

        if (barrier->arrived && barrier->arrived >= expected) {
            release(block, i);
            released = true;
        }
    }
    return released;
}
