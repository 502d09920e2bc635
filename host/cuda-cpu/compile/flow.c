/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/compile/flow.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/compile/wait.h"

#define JUMPS_MAX 4 /* of nothing else, that are passed over */

/* A block while the order is not known. */
struct node {
    uint32_t first, end;
    uint32_t *targets;
    size_t target_count;
    uint32_t next;
    uint32_t visit;     /* its number; 0: not yet, UINT32_MAX: it has its place */
    uint32_t loop_size; /* blocks of the loop that it heads; 0: it heads none */
};

struct builder {
    const struct ptx_function *function;
    struct node *nodes;
    size_t count;
    uint32_t *node_of; /* of an instruction */
    uint32_t *order;   /* filled from the end */
    size_t ordered;
    uint32_t *stack;
    size_t stacked;
    uint32_t visits;
};

static bool is_jump(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_BRA || instruction->opcode == PTX_BRX;
}

static bool ends_lanes(const struct ptx_instruction *instruction)
{
    return instruction->opcode == PTX_RET || instruction->opcode == PTX_EXIT ||
           instruction->opcode == PTX_TRAP;
}

/* The labels that a jump names. */
static const struct ptx_operand *targets_of(const struct ptx_instruction *instruction,
                                            size_t *count)
{
    if (instruction->opcode == PTX_BRA) {
        *count = 1;
        return &instruction->operands[0];
    }
    *count = instruction->operands[1].symbol->targets->count;
    return instruction->operands[1].symbol->targets->items;
}

static uint32_t instruction_of(const struct builder *builder, const struct ptx_operand *label)
{
    return builder->function->branches[label->label].instruction;
}

static void mark_leaders(struct builder *builder, bool *leaders)
{
    const struct ptx_function *function = builder->function;

    leaders[0] = true;
    for (size_t i = 0; i < function->instruction_count; i++) {
        const struct ptx_instruction *instruction = &function->instructions[i];
        size_t count = 0;
        const struct ptx_operand *targets =
            is_jump(instruction) ? targets_of(instruction, &count) : NULL;

        for (size_t j = 0; j < count; j++) {
            leaders[instruction_of(builder, &targets[j])] = true;
        }
        if (is_jump(instruction) || ends_lanes(instruction) || wait_is_barrier(instruction) ||
            wait_may_part_whole(instruction)) {
            leaders[i + 1] = true;
        }
    }
}

static void cut_blocks(struct builder *builder, const bool *leaders)
{
    size_t count = builder->function->instruction_count;

    for (size_t i = 0; i < count; i++) {
        if (leaders[i]) {
            builder->nodes[builder->count++].first = (uint32_t)i;
        }
        builder->node_of[i] = (uint32_t)builder->count - 1;
        builder->nodes[builder->count - 1].end = (uint32_t)i + 1;
    }
}

/* The instruction where lanes get to from here by jumps alone. */
static uint32_t behind_jumps(const struct builder *builder, uint32_t at)
{
    const struct ptx_function *function = builder->function;

    for (unsigned i = 0; i < JUMPS_MAX && at < function->instruction_count; i++) {
        const struct ptx_instruction *instruction = &function->instructions[at];

        if (instruction->opcode != PTX_BRA || instruction->has_guard) {
            break;
        }
        at = instruction_of(builder, &instruction->operands[0]);
    }
    return at;
}

static uint32_t node_at(const struct builder *builder, uint32_t instruction)
{
    uint32_t at = behind_jumps(builder, instruction);

    return at < builder->function->instruction_count ? builder->node_of[at] : FLOW_END;
}

static bool link_blocks(struct builder *builder)
{
    for (size_t i = 0; i < builder->count; i++) {
        struct node *node = &builder->nodes[i];
        const struct ptx_instruction *last = &builder->function->instructions[node->end - 1];
        bool falls = !(is_jump(last) || ends_lanes(last)) || last->has_guard;
        const struct ptx_operand *targets;

        node->next = falls ? node_at(builder, node->end) : FLOW_END;
        if (!is_jump(last)) {
            continue;
        }
        targets = targets_of(last, &node->target_count);
        node->targets = calloc(node->target_count + 1, sizeof(*node->targets));
        if (node->targets == NULL) {
            return false;
        }
        for (size_t j = 0; j < node->target_count; j++) {
            node->targets[j] = node_at(builder, instruction_of(builder, &targets[j]));
        }
    }
    return true;
}

static uint32_t successor(const struct node *node, size_t index)
{
    return index < node->target_count ? node->targets[index] : node->next;
}

/*
 * A weak topological order (Bourdoncle, "Efficient chaotic iteration strategies with widenings",
 * 1993): the strongly connected components, and those inside them, each with its header first. It
 * is built from the end. Recursion is as deep as there are blocks.
 */
static void put(struct builder *builder, uint32_t node)
{
    builder->order[builder->count - ++builder->ordered] = node;
}

static uint32_t visit(struct builder *builder, uint32_t number);

/* The rest of a loop whose header is known, which then precedes it. */
static void put_loop(struct builder *builder, uint32_t header)
{
    struct node *node = &builder->nodes[header];
    size_t behind = builder->ordered;

    for (size_t i = 0; i <= node->target_count; i++) {
        uint32_t next = successor(node, i);

        if (next != FLOW_END && !builder->nodes[next].visit) {
            visit(builder, next);
        }
    }
    put(builder, header);
    node->loop_size = (uint32_t)(builder->ordered - behind);
}

/* All blocks above a header on the stack are in its loop: they are visited again, without it. */
static void open_loop(struct builder *builder, uint32_t header)
{
    uint32_t node;

    while ((node = builder->stack[--builder->stacked]) != header) {
        builder->nodes[node].visit = 0;
    }
    put_loop(builder, header);
}

/* The least visit number on the stack that can be reached from here. */
static uint32_t visit(struct builder *builder, uint32_t number)
{
    struct node *node = &builder->nodes[number];
    uint32_t head = node->visit = ++builder->visits;
    bool is_loop = false;

    builder->stack[builder->stacked++] = number;
    for (size_t i = 0; i <= node->target_count; i++) {
        uint32_t next = successor(node, i), least;

        if (next == FLOW_END) {
            continue;
        }
        least = builder->nodes[next].visit ? builder->nodes[next].visit : visit(builder, next);
        if (least <= head) {
            head = least;
            is_loop = true;
        }
    }
    if (head == node->visit) {
        node->visit = UINT32_MAX;
        if (is_loop) {
            open_loop(builder, number);
        } else {
            builder->stacked--;
            put(builder, number);
        }
    }
    return head;
}

static void find_loops(struct flow *flow)
{
    uint32_t loop = FLOW_END;

    for (uint32_t i = 0; i < flow->count; i++) {
        struct flow_block *block = &flow->blocks[i];

        while (loop != FLOW_END && flow->blocks[loop].loop_end <= i) {
            loop = flow->blocks[loop].outer;
        }
        if (block->loop_end) {
            block->outer = loop;
            loop = i;
        }
        block->loop = loop;
    }
}

/* Blocks in order, with the numbers of that order; what is never reached is left out. */
static bool make_flow(struct builder *builder, struct flow *flow)
{
    const uint32_t *order = builder->order + builder->count - builder->ordered;
    uint32_t *number = calloc(builder->count + 1, sizeof(*number));

    flow->blocks = calloc(builder->ordered, sizeof(*flow->blocks));
    if (number == NULL || flow->blocks == NULL) {
        free(number);
        return false;
    }
    for (size_t i = 0; i < builder->ordered; i++) {
        number[order[i]] = (uint32_t)i;
    }
    for (size_t i = 0; i < builder->ordered; i++) {
        struct node *node = &builder->nodes[order[i]];
        struct flow_block *block = &flow->blocks[flow->count++];

        for (size_t j = 0; j < node->target_count; j++) {
            node->targets[j] = node->targets[j] == FLOW_END ? FLOW_END : number[node->targets[j]];
        }
        *block = (struct flow_block){
            .first = node->first,
            .end = node->end,
            .targets = node->targets,
            .target_count = node->target_count,
            .next = node->next == FLOW_END ? FLOW_END : number[node->next],
            .loop_end = node->loop_size ? (uint32_t)i + node->loop_size : 0,
            .outer = FLOW_END,
        };
        node->targets = NULL; /* the block's now */
    }
    free(number);
    find_loops(flow);
    return true;
}

static bool build(struct builder *builder, struct flow *flow)
{
    size_t count = builder->function->instruction_count;
    bool *leaders = calloc(count + 1, sizeof(*leaders));
    bool done = false;

    builder->nodes = calloc(count + 1, sizeof(*builder->nodes));
    builder->node_of = calloc(count + 1, sizeof(*builder->node_of));
    builder->order = calloc(count + 1, sizeof(*builder->order));
    builder->stack = calloc(count + 1, sizeof(*builder->stack));
    if (leaders != NULL && builder->stack != NULL && builder->nodes != NULL &&
        builder->node_of != NULL && builder->order != NULL) {
        mark_leaders(builder, leaders);
        cut_blocks(builder, leaders);
        done = link_blocks(builder);
    }
    if (done) {
        visit(builder, 0);
        done = make_flow(builder, flow);
    }
    free(leaders);
    return done;
}

bool flow_create(const struct ptx_function *function, struct flow *flow)
{
    struct builder builder = {.function = function};
    bool done;

    memset(flow, 0, sizeof(*flow));
    if (!function->instruction_count) {
        return true;
    }
    done = build(&builder, flow);
    for (size_t i = 0; i < builder.count; i++) {
        free(builder.nodes[i].targets);
    }
    free(builder.nodes);
    free(builder.node_of);
    free(builder.order);
    free(builder.stack);
    if (!done) {
        flow_destroy(flow);
    }
    return done;
}

void flow_destroy(struct flow *flow)
{
    for (size_t i = 0; i < flow->count; i++) {
        free((void *)(uintptr_t)flow->blocks[i].targets);
    }
    free(flow->blocks);
    memset(flow, 0, sizeof(*flow));
}

uint32_t flow_successor(const struct flow_block *block, size_t index)
{
    return index < block->target_count ? block->targets[index] : block->next;
}
