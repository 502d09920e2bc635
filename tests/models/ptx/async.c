/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous copies and mbarriers: PTX ISA 9.7.9.25 and 9.7.13.15. A copy is made at once, which
 * is one of the moments at which it may be made; so there is never anything to wait for.
 */
#include <string.h>

#include "tests/models/ptx/families.h"

#define COPY_ALIGNMENT 16

/* ---- mbarriers ---- */

/* An mbarrier's 64 bits; the state that arrive returns is what they were. */
struct mbarrier {
    uint32_t pending, expected; /* arrivals, of this phase and of the next */
    int32_t bytes;              /* that are still to come; they may come before they are expected */
    bool phase;
};

static struct mbarrier unpack(uint64_t word)
{
    return (struct mbarrier){
        .pending = word & 0xFFFFF,
        .expected = word >> 20 & 0xFFFFF,
        .bytes = (int32_t)((word >> 40 & 0x3FFFFF) << 10) >> 10,
        .phase = word >> 63,
    };
}

static uint64_t pack(struct mbarrier barrier)
{
    return (uint64_t)barrier.phase << 63 | (uint64_t)(barrier.bytes & 0x3FFFFF) << 40 |
           (uint64_t)(barrier.expected & 0xFFFFF) << 20 | (barrier.pending & 0xFFFFF);
}

static void complete_phase(struct mbarrier *barrier)
{
    if (barrier->pending == 0 && barrier->bytes == 0) {
        barrier->phase = !barrier->phase;
        barrier->pending = barrier->expected;
    }
}

/* What an operation adds to the three; then the phase is over or not. */
static uint64_t change(struct thread *thread, enum ptx_word space, uint64_t address, int arrivals,
                       int dropped, int64_t bytes)
{
    uint64_t word = (uint64_t)load_memory(thread, space, address, 8);
    struct mbarrier barrier = unpack(word);

    barrier.pending -= (uint32_t)arrivals;
    barrier.expected -= (uint32_t)dropped;
    barrier.bytes += (int32_t)bytes;
    complete_phase(&barrier);
    store_memory(thread, space, address, 8, pack(barrier));
    return word;
}

static uint32_t number(struct thread *thread, const struct ptx_instruction *in, unsigned index,
                       uint32_t otherwise)
{
    return in->operand_count > index ? (uint32_t)read_bits(thread, &in->operands[index], PTX_W_U32)
                                     : otherwise;
}

static void initialise(struct thread *thread, const struct ptx_instruction *in, uint64_t address)
{
    uint32_t count = number(thread, in, 1, 0);

    store_memory(thread, space_of(in), address, 8,
                 pack((struct mbarrier){.pending = count, .expected = count}));
}

static void arrive(struct thread *thread, const struct ptx_instruction *in, uint64_t address)
{
    bool expects = has(in, PTX_W_EXPECT_TX);
    uint32_t operand = number(thread, in, 2, 1);
    int count = expects ? 1 : (int)operand;
    uint64_t state = change(thread, space_of(in), address, count,
                            has(in, PTX_W_ARRIVE_DROP) ? count : 0, expects ? operand : 0);

    write_bits(thread, &in->operands[0], PTX_W_B64, state);
}

/* Whether the phase of the state, or of the parity, is over. */
static void test_wait(struct thread *thread, const struct ptx_instruction *in, uint64_t address)
{
    bool phase = unpack((uint64_t)load_memory(thread, space_of(in), address, 8)).phase;
    bool waited = has(in, PTX_W_PARITY)
                      ? read_bits(thread, &in->operands[2], PTX_W_U32) & 1
                      : unpack((uint64_t)read_bits(thread, &in->operands[2], PTX_W_B64)).phase;

    write_bits(thread, &in->operands[0], PTX_W_PRED, phase != waited);
}

void complete_bytes(struct thread *thread, const struct ptx_instruction *in, unsigned bytes)
{
    if (has(in, PTX_W_ASYNC)) {
        change(thread, space_of(in), operand_address(thread, &in->operands[2], space_of(in)), 0, 0,
               -(int64_t)bytes);
    }
}

void execute_mbarrier(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word space = space_of(in);
    enum ptx_word operation = (enum ptx_word)in->words[0];
    bool writes = in->operands[0].kind != PTX_O_ADDRESS;
    uint64_t address = operation == PTX_W_PENDING_COUNT
                           ? 0
                           : operand_address(thread, &in->operands[writes], space);

    switch (operation) {
    case PTX_W_INIT:
        initialise(thread, in, address);
        break;
    case PTX_W_INVAL:
        store_memory(thread, space, address, 8, 0);
        break;
    case PTX_W_EXPECT_TX:
        change(thread, space, address, 0, 0, number(thread, in, 1, 0));
        break;
    case PTX_W_COMPLETE_TX:
        change(thread, space, address, 0, 0, -(int64_t)number(thread, in, 1, 0));
        break;
    case PTX_W_PENDING_COUNT:
        write_bits(thread, &in->operands[0], PTX_W_U32,
                   unpack((uint64_t)read_bits(thread, &in->operands[1], PTX_W_B64)).pending);
        break;
    case PTX_W_TEST_WAIT:
    case PTX_W_TRY_WAIT:
        test_wait(thread, in, address);
        break;
    default:
        arrive(thread, in, address);
    }
}

/* ---- cp.async ---- */

/* Bytes to read, of those to write; the rest is zero. */
static uint32_t source_size(struct thread *thread, const struct ptx_instruction *in, uint32_t size)
{
    bool has_predicate = strchr(in->form->operands, 'c') != NULL;
    size_t policy = has(in, PTX_W_L2_CACHE_HINT);

    if (in->operand_count <= 3 + policy) {
        return size;
    }
    return has_predicate ? (read_predicate(thread, &in->operands[3]) ? 0 : size)
                         : number(thread, in, 3, size);
}

static void copy_small(struct thread *thread, const struct ptx_instruction *in)
{
    uint64_t to = operand_address(thread, &in->operands[0], PTX_W_SHARED);
    uint64_t from = operand_address(thread, &in->operands[1], PTX_W_GLOBAL);
    uint32_t size = (uint32_t)in->operands[2].bits, used = source_size(thread, in, size);
    u128 bytes = 0;

    if (from & (size - 1)) {
        access_memory(thread, PTX_W_GLOBAL, from, size, false); /* says that it is misaligned */
        return;
    }
    for (uint32_t i = 0; i < used && i < size; i++) {
        bytes |= load_memory(thread, PTX_W_GLOBAL, from + i, 1) << (i * 8);
    }
    store_memory(thread, PTX_W_SHARED, to, size, bytes);
}

/* Without .noinc the arrival is one more that is awaited. */
static void arrive_after_copies(struct thread *thread, const struct ptx_instruction *in)
{
    enum ptx_word space = space_of(in);
    uint64_t address = operand_address(thread, &in->operands[0], space);

    if (has(in, PTX_W_NOINC)) {
        change(thread, space, address, 1, 0, 0);
    } else {
        load_memory(thread, space, address, 8);
    }
}

/* ---- cp.async.bulk, cp.reduce.async.bulk ---- */

/* Generic addresses, and the spaces that they must be in. */
struct route {
    enum ptx_word to_space, from_space;
    uint64_t to, from;
};

static bool is_reduction(const struct ptx_instruction *in)
{
    return in->words[0] == PTX_W_REDUCE;
}

/* The whole of it, before a byte moves. */
static bool can_copy(struct thread *thread, enum ptx_word space, uint64_t address, uint32_t size,
                     bool write)
{
    if (address % COPY_ALIGNMENT || size % COPY_ALIGNMENT) {
        thread_fault_at(thread, REFERENCE_MISALIGNED, address);
        return false;
    }
    if (!space_holds(thread, space, address, size, write)) {
        thread_fault_at(thread, REFERENCE_ILLEGAL_ADDRESS, address);
        return false;
    }
    return true;
}

/* A reduction goes element by element. */
static void copy_elements(struct thread *thread, const struct ptx_instruction *in,
                          struct route route, uint32_t size)
{
    unsigned step = is_reduction(in) ? ptx_type_bits(type_of(in, 0)) / 8 : COPY_ALIGNMENT;

    for (uint32_t i = 0; i < size; i += step) {
        u128 bytes = load_memory(thread, route.from_space, route.from + i, step);

        if (is_reduction(in)) {
            bytes = atomic_update(thread, in, route.to + i,
                                  load_memory(thread, route.to_space, route.to + i, step), bytes);
        }
        store_memory(thread, route.to_space, route.to + i, step, bytes);
    }
}

static void copy_bulk(struct thread *thread, const struct ptx_instruction *in)
{
    bool to_shared = has(in, PTX_W_MBARRIER_COMPLETE_TX_BYTES);
    struct route route = {
        .to_space = to_shared ? PTX_W_SHARED : PTX_W_GLOBAL,
        .from_space = to_shared && has(in, PTX_W_GLOBAL) ? PTX_W_GLOBAL : PTX_W_SHARED,
    };
    uint32_t size = number(thread, in, 2, 0);

    route.to = operand_address(thread, &in->operands[0], route.to_space);
    route.from = operand_address(thread, &in->operands[1], route.from_space);
    if (!can_copy(thread, route.from_space, route.from, size, false) ||
        !can_copy(thread, route.to_space, route.to, size, true)) {
        return;
    }
    copy_elements(thread, in, route, size);
    if (to_shared) {
        change(thread, PTX_W_SHARED, operand_address(thread, &in->operands[3], PTX_W_SHARED), 0, 0,
               -(int64_t)size);
    }
}

void execute_cp(struct thread *thread, const struct ptx_instruction *in)
{
    if (has(in, PTX_W_PREFETCH) || has(in, PTX_W_COMMIT_GROUP) || has(in, PTX_W_WAIT_GROUP) ||
        has(in, PTX_W_WAIT_ALL)) {
        return;
    }
    if (has(in, PTX_W_MBARRIER)) {
        arrive_after_copies(thread, in);
    } else if (has(in, PTX_W_BULK)) {
        copy_bulk(thread, in);
    } else {
        copy_small(thread, in);
    }
}
