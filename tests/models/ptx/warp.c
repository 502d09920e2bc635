/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the lanes of a warp do together: PTX ISA 9.7.9.6, 9.7.13. A lane waits until all lanes of
 * its mask that are left wait at an equal instruction, wherever that stands. An instruction without
 * a mask waits until no lane of the warp runs, and is of those that wait at the same place.
 */
#include "tests/models/ptx/families.h"

struct thread *lane_of(struct thread *thread, unsigned lane)
{
    struct block *block = thread->block;
    unsigned index = thread->index / WARP * WARP + lane;

    return index < block->thread_count ? &block->threads[index] : NULL;
}

uint32_t live_lanes(struct thread *thread)
{
    uint32_t lanes = 0;

    for (unsigned i = 0; i < WARP; i++) {
        struct thread *lane = lane_of(thread, i);

        lanes |= (uint32_t)(lane != NULL && lane->state != THREAD_EXITED) << i;
    }
    return lanes;
}

/* ---- Values of the lanes ---- */

static unsigned lane_id(const struct thread *thread)
{
    return thread->index % WARP;
}

static u128 lane_value(struct thread *thread, unsigned index, enum ptx_word type)
{
    return read_bits(thread, &thread->waits_at->operands[index], type);
}

static void read_lanes(struct thread *any, uint32_t lanes, unsigned index, enum ptx_word type,
                       u128 *values)
{
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            values[i] = lane_value(lane_of(any, i), index, type);
        }
    }
}

static void write_lane(struct thread *thread, enum ptx_word type, u128 value)
{
    write_bits(thread, first_of(&thread->waits_at->operands[0]), type, value);
}

static void write_lane_predicate(struct thread *thread, bool value)
{
    const struct ptx_operand *second = second_of(&thread->waits_at->operands[0]);

    if (second != NULL) {
        write_bits(thread, second, PTX_W_PRED, value);
    }
}

static void write_lanes(struct thread *any, uint32_t lanes, enum ptx_word type, u128 value)
{
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            write_lane(lane_of(any, i), type, value);
        }
    }
}

/* ---- Shuffles ---- */

/* The lane to read from; -1: out of range. */
static int source_lane(const struct ptx_instruction *in, int lane, int b, int c)
{
    int segment = c >> 8 & 31, bound = c & 31;
    int last = (lane & segment) | (bound & ~segment);
    int from;

    b &= 31;
    if (has(in, PTX_W_UP)) {
        from = lane - b;
        return from >= last ? from : -1;
    }
    from = has(in, PTX_W_DOWN)   ? lane + b
           : has(in, PTX_W_BFLY) ? lane ^ b
                                 : (lane & segment) | (b & ~segment);
    return from <= last ? from : -1;
}

/* A source lane that takes no part leaves the result undefined; here it is the lane's own. */
static void shuffle(struct thread *any, uint32_t lanes)
{
    u128 values[WARP];

    read_lanes(any, lanes, 1, PTX_W_B32, values);
    for (unsigned i = 0; i < WARP; i++) {
        struct thread *lane = lane_of(any, i);

        if (lanes >> i & 1) {
            int from = source_lane(lane->waits_at, (int)i, (int)lane_value(lane, 2, PTX_W_B32),
                                   (int)lane_value(lane, 3, PTX_W_B32));

            write_lane(lane, PTX_W_B32,
                       values[from >= 0 && lanes >> from & 1 ? (unsigned)from : i]);
            write_lane_predicate(lane, from >= 0);
        }
    }
}

/* ---- Votes ---- */

static uint32_t ballot(struct thread *any, uint32_t lanes)
{
    u128 values[WARP];
    uint32_t set = 0;

    read_lanes(any, lanes, 1, PTX_W_PRED, values);
    for (unsigned i = 0; i < WARP; i++) {
        set |= (uint32_t)(lanes >> i & 1 && values[i]) << i;
    }
    return set;
}

static void vote(struct thread *any, uint32_t lanes)
{
    const struct ptx_instruction *in = any->waits_at;
    uint32_t set = ballot(any, lanes);

    if (has(in, PTX_W_BALLOT)) {
        write_lanes(any, lanes, PTX_W_B32, set);
    } else {
        write_lanes(any, lanes, PTX_W_PRED,
                    has(in, PTX_W_ANY)   ? set != 0
                    : has(in, PTX_W_ALL) ? set == lanes
                                         : set == lanes || set == 0);
    }
}

static uint32_t equal_lanes(uint32_t lanes, const u128 *values, unsigned lane)
{
    uint32_t equal = 0;

    for (unsigned i = 0; i < WARP; i++) {
        equal |= (uint32_t)(lanes >> i & 1 && values[i] == values[lane]) << i;
    }
    return equal;
}

static void match(struct thread *any, uint32_t lanes)
{
    bool all = has(any->waits_at, PTX_W_ALL);
    u128 values[WARP];

    read_lanes(any, lanes, 1, type_of(any->waits_at, 0), values);
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            uint32_t equal = equal_lanes(lanes, values, i);

            write_lane(lane_of(any, i), PTX_W_B32, !all || equal == lanes ? equal : 0);
            write_lane_predicate(lane_of(any, i), equal == lanes);
        }
    }
}

static void elect(struct thread *any, uint32_t lanes)
{
    unsigned leader = (unsigned)__builtin_ctz(lanes);

    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            write_lane(lane_of(any, i), PTX_W_B32, leader);
            write_lane_predicate(lane_of(any, i), i == leader);
        }
    }
}

static u128 reduce(const struct ptx_instruction *in, u128 a, u128 b)
{
    enum ptx_word type = type_of(in, 0);
    bool less = (s128)extend(a, type) < (s128)extend(b, type);

    return has(in, PTX_W_ADD)   ? a + b
           : has(in, PTX_W_AND) ? a & b
           : has(in, PTX_W_OR)  ? a | b
           : has(in, PTX_W_XOR) ? a ^ b
           : has(in, PTX_W_MIN) ? (less ? a : b)
                                : (less ? b : a);
}

static void redux(struct thread *any, uint32_t lanes)
{
    unsigned first = (unsigned)__builtin_ctz(lanes);
    u128 values[WARP], result;

    read_lanes(any, lanes, 1, PTX_W_B32, values);
    result = values[first];
    for (unsigned i = first + 1; i < WARP; i++) {
        if (lanes >> i & 1) {
            result = reduce(any->waits_at, result, values[i]);
        }
    }
    write_lanes(any, lanes, PTX_W_B32, result);
}

/* ---- Waiting ---- */

static void perform_together(struct thread *any, uint32_t lanes)
{
    switch (any->waits_at->opcode) {
    case PTX_SHFL:
        shuffle(any, lanes);
        break;
    case PTX_VOTE:
        vote(any, lanes);
        break;
    case PTX_MATCH:
        match(any, lanes);
        break;
    case PTX_ELECT:
        elect(any, lanes);
        break;
    case PTX_REDUX:
        redux(any, lanes);
        break;
    case PTX_MMA:
        perform_mma(any, lanes);
        break;
    case PTX_WMMA:
        perform_wmma(any, lanes);
        break;
    case PTX_LDMATRIX:
        perform_ldmatrix(any, lanes);
        break;
    case PTX_STMATRIX:
        perform_stmatrix(any, lanes);
        break;
    case PTX_MOVMATRIX:
        perform_movmatrix(any, lanes);
        break;
    case PTX_ACTIVEMASK:
        write_lanes(any, lanes, PTX_W_B32, lanes);
        break;
    default: /* bar.warp.sync: nothing but the wait */
        break;
    }
}

static void wait(struct thread *thread, const struct ptx_instruction *in, enum thread_state state)
{
    thread->state = state;
    thread->waits_at = in;
}

static void wait_for_lanes(struct thread *thread, const struct ptx_instruction *in, uint32_t mask)
{
    thread->mask = mask;
    wait(thread, in, THREAD_WAITS_FOR_LANES);
}

/* .sync: the mask is the last operand. */
void execute_together(struct thread *thread, const struct ptx_instruction *in)
{
    if (has(in, PTX_W_SYNC)) {
        wait_for_lanes(
            thread, in,
            (uint32_t)read_bits(thread, &in->operands[in->operand_count - 1], PTX_W_B32));
    } else {
        wait(thread, in, THREAD_WAITS_FOR_WARP);
    }
}

/* Of matrices: all lanes. */
void execute_matrix(struct thread *thread, const struct ptx_instruction *in)
{
    wait_for_lanes(thread, in, UINT32_MAX);
}

static bool same_words(const struct ptx_instruction *a, const struct ptx_instruction *b)
{
    if (a->opcode != b->opcode || a->word_count != b->word_count) {
        return false;
    }
    for (unsigned i = 0; i < a->word_count; i++) {
        if (a->words[i] != b->words[i]) {
            return false;
        }
    }
    return true;
}

/* Those that wait as this one does; for lanes: with the same mask at an equal instruction. */
static uint32_t waiting_like(struct thread *thread)
{
    uint32_t lanes = 0;

    for (unsigned i = 0; i < WARP; i++) {
        struct thread *lane = lane_of(thread, i);

        if (lane == NULL || lane->state != thread->state) {
            continue;
        }
        if (thread->state == THREAD_WAITS_FOR_LANES
                ? lane->mask == thread->mask && same_words(lane->waits_at, thread->waits_at)
                : lane->waits_at == thread->waits_at) {
            lanes |= 1U << i;
        }
    }
    return lanes;
}

static void release(struct thread *any, uint32_t lanes)
{
    perform_together(any, lanes);
    for (unsigned i = 0; i < WARP; i++) {
        if (lanes >> i & 1) {
            lane_of(any, i)->state = THREAD_RUNS;
        }
    }
}

static bool release_masked(struct thread *thread)
{
    uint32_t wanted = thread->mask & live_lanes(thread);

    if (!(thread->mask >> lane_id(thread) & 1) || (waiting_like(thread) & wanted) != wanted) {
        return false;
    }
    release(thread, wanted);
    return true;
}

static bool any_runs(struct thread *thread)
{
    for (unsigned i = 0; i < WARP; i++) {
        struct thread *lane = lane_of(thread, i);

        if (lane != NULL && lane->state == THREAD_RUNS) {
            return true;
        }
    }
    return false;
}

static bool release_all_of(struct thread *first, enum thread_state state)
{
    bool released = false;

    for (unsigned i = 0; i < WARP; i++) {
        struct thread *lane = lane_of(first, i);

        if (lane == NULL || lane->state != state) {
            continue;
        }
        if (state == THREAD_WAITS_FOR_LANES) {
            released = release_masked(lane) || released;
        } else {
            release(lane, waiting_like(lane));
            released = true;
        }
    }
    return released;
}

bool release_warps(struct block *block)
{
    bool released = false;

    for (unsigned i = 0; i < block->thread_count; i += WARP) {
        struct thread *first = &block->threads[i];

        if (release_all_of(first, THREAD_WAITS_FOR_LANES) ||
            (!any_runs(first) && release_all_of(first, THREAD_WAITS_FOR_WARP))) {
            released = true;
        }
    }
    return released;
}
