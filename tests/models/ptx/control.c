/* SPDX-License-Identifier: BSD-2-Clause */
/* Branches, calls and ends: PTX ISA 9.7.12. */
#include <string.h>

#include "tests/models/ptx/families.h"

void exit_thread(struct thread *thread)
{
    thread->state = THREAD_EXITED;
    thread->block->live--;
}

void execute_bra(struct thread *thread, const struct ptx_instruction *in)
{
    struct frame *frame = thread->frame;

    frame->pc = frame->function->branches[in->operands[0].label].instruction;
}

/* Beyond the table the ISA leaves it undefined. */
void execute_brx(struct thread *thread, const struct ptx_instruction *in)
{
    const struct ptx_targets *table = in->operands[1].symbol->targets;
    uint64_t index = (uint64_t)read_bits(thread, &in->operands[0], PTX_W_U32);
    struct frame *frame = thread->frame;

    if (index >= table->count) {
        thread_fault(thread, REFERENCE_ILLEGAL_VALUE);
        return;
    }
    frame->pc = frame->function->branches[table->items[index].label].instruction;
}

void execute_exit(struct thread *thread, const struct ptx_instruction *in)
{
    (void)in;
    exit_thread(thread);
}

void execute_trap(struct thread *thread, const struct ptx_instruction *in)
{
    (void)in;
    thread_fault(thread, REFERENCE_TRAP);
}

/* ---- Calls ---- */

static const struct ptx_function *function_at(struct thread *thread, uint64_t address)
{
    const struct ptx_module *module = module_of(thread);

    for (size_t i = 0; i < module->function_count; i++) {
        if ((uintptr_t)module->functions[i] == address && !module->functions[i]->is_entry) {
            return module->functions[i];
        }
    }
    return NULL;
}

static const struct ptx_function *target_of(struct thread *thread, const struct ptx_operand *target)
{
    return target->kind == PTX_O_SYMBOL
               ? target->symbol->function
               : function_at(thread, (uint64_t)read_bits(thread, target, PTX_W_U64));
}

/* Parameters in registers are registers of the function, by their names. */
static struct ptx_operand register_named(const struct ptx_function *function, const char *name)
{
    struct ptx_operand operand = {.kind = PTX_O_SINK};

    for (size_t i = 0; i < function->register_count; i++) {
        if (strcmp(function->registers[i].name, name) == 0) {
            operand.kind = PTX_O_REGISTER;
            operand.reg = (uint32_t)i;
            return operand;
        }
    }
    return operand;
}

/* What moves between the frame that calls and the one that is called: bytes. */
struct bytes {
    unsigned char data[4096];
};

static bool is_variable(const struct ptx_operand *operand)
{
    return operand->kind == PTX_O_SYMBOL && operand->symbol->kind == PTX_S_VARIABLE;
}

static void get_variable(struct thread *thread, const struct ptx_variable *variable,
                         struct bytes *bytes)
{
    if (variable->size > sizeof(bytes->data)) {
        thread_fault(thread, REFERENCE_UNSUPPORTED);
        return;
    }
    memcpy(bytes->data, (const void *)(uintptr_t)variable_address(thread, variable),
           variable->size);
}

static void put_variable(struct thread *thread, const struct ptx_variable *variable,
                         const struct bytes *bytes)
{
    memcpy((void *)(uintptr_t)variable_address(thread, variable), bytes->data,
           variable->size < sizeof(bytes->data) ? variable->size : sizeof(bytes->data));
}

static void get_operand(struct thread *thread, const struct ptx_operand *operand,
                        enum ptx_word type, struct bytes *bytes)
{
    u128 value;

    if (is_variable(operand)) {
        get_variable(thread, operand->symbol->variable, bytes);
        return;
    }
    value = part_count(thread, operand) > 1 ? thread->frame->registers[operand->reg]
                                            : read_bits(thread, operand, type);
    memcpy(bytes->data, &value, sizeof(value));
}

static void put_operand(struct thread *thread, const struct ptx_operand *operand,
                        enum ptx_word type, const struct bytes *bytes)
{
    u128 value;

    if (is_variable(operand)) {
        put_variable(thread, operand->symbol->variable, bytes);
        return;
    }
    memcpy(&value, bytes->data, sizeof(value));
    if (part_count(thread, operand) > 1) {
        thread->frame->registers[operand->reg] = value;
    } else {
        write_bits(thread, operand, type, value);
    }
}

static void get_formal(struct thread *thread, const struct ptx_variable *formal,
                       struct bytes *bytes)
{
    struct ptx_operand operand;

    if (formal->space != PTX_SPACE_REG) {
        get_variable(thread, formal, bytes);
        return;
    }
    operand = register_named(thread->frame->function, formal->name);
    get_operand(thread, &operand, formal->type, bytes);
}

static void put_formal(struct thread *thread, const struct ptx_variable *formal,
                       const struct bytes *bytes)
{
    struct ptx_operand operand;

    if (formal->space != PTX_SPACE_REG) {
        put_variable(thread, formal, bytes);
        return;
    }
    operand = register_named(thread->frame->function, formal->name);
    put_operand(thread, &operand, formal->type, bytes);
}

/* An argument is read in the frame that calls, and written in the new one above it. */
static void pass_argument(struct thread *thread, struct frame *below, struct frame *above,
                          const struct ptx_operand *argument, const struct ptx_variable *formal)
{
    struct bytes bytes = {0};

    thread->frame = below;
    get_operand(thread, argument, formal->type, &bytes);
    thread->frame = above;
    put_formal(thread, formal, &bytes);
}

static void call_function(struct thread *thread, const struct ptx_function *function,
                          const struct ptx_instruction *in)
{
    struct frame *below = thread->frame;

    if (enter_function(thread, function, in)) {
        for (size_t i = 0; i < function->param_count; i++) {
            pass_argument(thread, below, thread->frame, &in->call[2].items[i], function->params[i]);
        }
    }
}

static bool fits(const struct ptx_function *function, const struct ptx_instruction *in)
{
    return function != NULL && in->call[2].count == function->param_count &&
           in->call[0].count == function->result_count;
}

void execute_call(struct thread *thread, const struct ptx_instruction *in)
{
    const struct ptx_function *function = target_of(thread, &in->call[1]);

    if (fits(function, in) && function->has_body) {
        call_function(thread, function, in);
    } else if (function == NULL || !call_system(thread, function, in)) {
        thread_fault(thread, REFERENCE_ILLEGAL_VALUE);
    }
}

static void pass_result(struct thread *thread, struct frame *below, struct frame *above,
                        const struct ptx_operand *operand, const struct ptx_variable *formal)
{
    struct bytes bytes = {0};

    thread->frame = above;
    get_formal(thread, formal, &bytes);
    thread->frame = below;
    put_operand(thread, operand, formal->type, &bytes);
}

void execute_ret(struct thread *thread, const struct ptx_instruction *in)
{
    struct frame *above = thread->frame;
    const struct ptx_function *function = above->function;

    (void)in;
    if (above->call == NULL) {
        exit_thread(thread);
        return;
    }
    for (size_t i = 0; i < function->result_count; i++) {
        pass_result(thread, above->below, above, &above->call->call[0].items[i],
                    function->results[i]);
    }
    thread->frame = above;
    leave_function(thread);
}
