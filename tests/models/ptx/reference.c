/* SPDX-License-Identifier: BSD-2-Clause */
/* A launch: blocks one after the other, the threads of a block in turns. */
#include <stdlib.h>
#include <string.h>

#include "tests/models/ptx/machine.h"

#define LOCAL_SIZE 16384
#define ALIGNMENT 256
#define TURN_MAX 8 /* instructions, when the order is permuted */

void thread_fault(struct thread *thread, enum reference_status status)
{
    struct block *block = thread->block;

    if (block->status != REFERENCE_OK) {
        return;
    }
    block->status = status;
    block->fault->function =
        thread->frame != NULL ? thread->frame->function : block->launch->kernel;
    block->fault->instruction = thread->current;
    memcpy(block->fault->thread, thread->id, sizeof(thread->id));
    memcpy(block->fault->block, block->id, sizeof(block->id));
}

void thread_fault_at(struct thread *thread, enum reference_status status, uint64_t address)
{
    if (thread->block->status == REFERENCE_OK) {
        thread->block->fault->address = address;
    }
    thread_fault(thread, status);
}

const char *reference_status_text(enum reference_status status)
{
    static const char *const texts[] = {
        [REFERENCE_OK] = "ok",
        [REFERENCE_ILLEGAL_ADDRESS] = "illegal address",
        [REFERENCE_MISALIGNED] = "misaligned address",
        [REFERENCE_ILLEGAL_VALUE] = "illegal value",
        [REFERENCE_TRAP] = "trap",
        [REFERENCE_ASSERT] = "assertion failed",
        [REFERENCE_STACK_OVERFLOW] = "stack overflow",
        [REFERENCE_UNSUPPORTED] = "unsupported instruction",
        [REFERENCE_STEP_LIMIT] = "step limit reached",
        [REFERENCE_DEADLOCK] = "deadlock",
    };

    return texts[status];
}

/* ---- Functions ---- */

/* A vector is in 128 bits, as all that instructions of sm_90 take. */
static bool has_wider_registers(const struct ptx_function *function)
{
    for (size_t i = 0; i < function->register_count; i++) {
        const struct ptx_register *reg = &function->registers[i];

        if (ptx_type_bits(reg->type) * reg->vector > 128) {
            return true;
        }
    }
    return false;
}

bool enter_function(struct thread *thread, const struct ptx_function *function,
                    const struct ptx_instruction *call)
{
    uint64_t start = thread->frame != NULL ? (thread->frame->stack_end + 15) / 16 * 16 : 0;
    uint64_t end = start + module_frame_size(thread->block->launch->module, function);
    struct frame *frame;

    if (end > thread->block->local_size) {
        thread_fault(thread, REFERENCE_STACK_OVERFLOW);
        return false;
    }
    frame = calloc(1, sizeof(*frame));
    frame->function = function;
    frame->call = call;
    frame->registers = calloc(function->register_count + 1, sizeof(*frame->registers));
    frame->stack_start = start;
    frame->stack_end = end;
    frame->below = thread->frame;
    thread->frame = frame;
    if (has_wider_registers(function)) {
        thread_fault(thread, REFERENCE_UNSUPPORTED);
    }
    return thread->block->status == REFERENCE_OK;
}

void leave_function(struct thread *thread)
{
    struct frame *frame = thread->frame;

    thread->frame = frame->below;
    free(frame->registers);
    free(frame);
}

/* ---- Threads ---- */

static bool guard_holds(struct thread *thread, const struct ptx_instruction *in)
{
    return !in->has_guard || (bool)(thread->frame->registers[in->guard] & 1) != in->guard_negated;
}

/* Behind the last instruction stands a ret. */
static void step(struct thread *thread)
{
    static const struct ptx_instruction end = {.opcode = PTX_RET};
    const struct ptx_function *function = thread->frame->function;
    const struct ptx_instruction *in = &end;

    thread->current = thread->frame->pc++;
    if (thread->current < function->instruction_count) {
        in = &function->instructions[thread->current];
    }
    thread->block->steps++;
    if (!guard_holds(thread, in)) {
        return;
    }
    if (execute_table[in->opcode] == NULL) {
        thread_fault(thread, REFERENCE_UNSUPPORTED);
        return;
    }
    execute_table[in->opcode](thread, in);
}

static uint64_t next_random(struct block *block)
{
    block->random ^= block->random << 13;
    block->random ^= block->random >> 7;
    block->random ^= block->random << 17;
    return block->random;
}

/* One instruction; with a seed, some. */
static void take_turn(struct thread *thread)
{
    struct block *block = thread->block;
    uint64_t count = block->launch->seed ? 1 + next_random(block) % TURN_MAX : 1;

    while (count-- && thread->state == THREAD_RUNS && block->status == REFERENCE_OK) {
        if (block->launch->step_limit && block->steps >= block->launch->step_limit) {
            thread->current = thread->frame->pc;
            thread_fault(thread, REFERENCE_STEP_LIMIT);
            return;
        }
        step(thread);
    }
}

static void shuffle(struct block *block, unsigned *order)
{
    for (unsigned i = block->thread_count; block->launch->seed && i > 1; i--) {
        unsigned other = (unsigned)(next_random(block) % i), kept = order[i - 1];

        order[i - 1] = order[other];
        order[other] = kept;
    }
}

/* Whether any thread could go on. */
static bool run_round(struct block *block, unsigned *order)
{
    bool ran = false;

    shuffle(block, order);
    for (unsigned i = 0; i < block->thread_count && block->status == REFERENCE_OK; i++) {
        struct thread *thread = &block->threads[order[i]];

        if (thread->state == THREAD_RUNS) {
            take_turn(thread);
            ran = true;
        }
    }
    return ran;
}

/* ---- Blocks ---- */

static void start_thread(struct block *block, unsigned index)
{
    const unsigned *size = block->launch->block;
    struct thread *thread = &block->threads[index];

    thread->block = block;
    thread->index = index;
    thread->id[0] = index % size[0];
    thread->id[1] = index / size[0] % size[1];
    thread->id[2] = index / size[0] / size[1];
    thread->local = block->local + index * block->local_size;
    enter_function(thread, block->launch->kernel, NULL);
}

static void *zeroed(size_t size)
{
    size_t rounded = (size + ALIGNMENT) / ALIGNMENT * ALIGNMENT;

    return memset(aligned_alloc(ALIGNMENT, rounded), 0, rounded);
}

static void create_block(struct block *block)
{
    const struct reference_launch *launch = block->launch;

    block->thread_count = launch->block[0] * launch->block[1] * launch->block[2];
    block->live = block->thread_count;
    block->shared_size = module_shared_size(launch->module) + launch->dynamic_shared;
    block->local_size = ((launch->local_size ? launch->local_size : LOCAL_SIZE) + ALIGNMENT - 1) /
                        ALIGNMENT * ALIGNMENT;
    block->shared = zeroed(block->shared_size);
    block->local = zeroed(block->local_size * block->thread_count);
    block->threads = calloc(block->thread_count, sizeof(*block->threads));
    for (unsigned i = 0; i < block->thread_count; i++) {
        start_thread(block, i);
    }
}

static void destroy_block(struct block *block)
{
    for (unsigned i = 0; i < block->thread_count; i++) {
        while (block->threads[i].frame != NULL) {
            leave_function(&block->threads[i]);
        }
    }
    free(block->threads);
    free(block->shared);
    free(block->local);
}

static void report_deadlock(struct block *block)
{
    for (unsigned i = 0; i < block->thread_count; i++) {
        if (block->threads[i].state != THREAD_EXITED) {
            thread_fault(&block->threads[i], REFERENCE_DEADLOCK);
        }
    }
}

static void run_threads(struct block *block)
{
    unsigned *order = calloc(block->thread_count, sizeof(*order));

    for (unsigned i = 0; i < block->thread_count; i++) {
        order[i] = i;
    }
    while (block->live && block->status == REFERENCE_OK) {
        bool ran = run_round(block, order);
        bool released = release_warps(block);

        if (!(release_barriers(block) || released || ran)) {
            report_deadlock(block);
        }
    }
    free(order);
}

static enum reference_status run_block(const struct reference_launch *launch, uint64_t number,
                                       uint64_t *steps, struct reference_fault *fault)
{
    struct block block = {
        .launch = launch,
        .fault = fault,
        .steps = *steps,
        .random = (launch->seed * 0x9E3779B97F4A7C15 + number) | 1, /* zero stays zero */
    };

    block.id[0] = (unsigned)(number % launch->grid[0]);
    block.id[1] = (unsigned)(number / launch->grid[0] % launch->grid[1]);
    block.id[2] = (unsigned)(number / launch->grid[0] / launch->grid[1]);
    create_block(&block);
    if (block.status == REFERENCE_OK) {
        run_threads(&block);
    }
    destroy_block(&block);
    *steps = block.steps;
    return block.status;
}

enum reference_status reference_run(const struct reference_launch *launch,
                                    struct reference_fault *fault)
{
    uint64_t blocks = (uint64_t)launch->grid[0] * launch->grid[1] * launch->grid[2];
    enum reference_status status = REFERENCE_OK;
    uint64_t steps = 0;

    *fault = (struct reference_fault){0};
    for (uint64_t i = 0; i < blocks && status == REFERENCE_OK; i++) {
        status = run_block(launch, i, &steps, fault);
    }
    return status;
}
