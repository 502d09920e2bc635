/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device itself offers to kernels: vprintf, malloc, free, __assertfail. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/models/ptx/families.h"

#define HEAP_MAX (64 << 20) /* bytes of one malloc */
#define TEXT_MAX 4096
#define CONVERSION_MAX 32

static void print(struct thread *thread, const char *text)
{
    const struct reference_launch *launch = thread->block->launch;

    if (launch->print != NULL) {
        launch->print(launch->context, text);
    }
}

/* ---- printf ---- */

struct output {
    char text[TEXT_MAX];
    size_t used;
};

static void append(struct output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct output *output, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    output->used +=
        (size_t)vsnprintf(output->text + output->used, TEXT_MAX - output->used, format, arguments);
    va_end(arguments);
    output->used = output->used < TEXT_MAX ? output->used : TEXT_MAX - 1;
}

/* Arguments stand one behind the other, each at a multiple of its size. */
static uint64_t next_argument(struct thread *thread, uint64_t *at, unsigned size)
{
    uint64_t address = (*at + size - 1) / size * size;

    *at = address + size;
    return (uint64_t)load_memory(thread, PTX_W_NONE, address, size);
}

static bool is_long(const char *conversion)
{
    return strpbrk(conversion, "lzjt") != NULL;
}

static void append_double(struct output *output, const char *conversion, uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    append(output, conversion, value);
}

/* One conversion, which the caller has found to end in a letter of printf's. */
static void convert_argument(struct thread *thread, struct output *output, const char *conversion,
                             uint64_t *at)
{
    char letter = conversion[strlen(conversion) - 1];

    if (strchr("eEfFgGaA", letter) != NULL) {
        append_double(output, conversion, next_argument(thread, at, 8));
    } else if (letter == 's') {
        const char *text = load_text(thread, next_argument(thread, at, 8));

        append(output, conversion, text != NULL ? text : "");
    } else if (letter == 'p') {
        append(output, conversion, (void *)(uintptr_t)next_argument(thread, at, 8));
    } else if (is_long(conversion)) {
        append(output, conversion, (long long)next_argument(thread, at, 8));
    } else {
        append(output, conversion, (int)next_argument(thread, at, 4));
    }
}
#pragma GCC diagnostic pop

/* The number of characters of "%-8.3lld" up to its letter; 0: it is none. */
static size_t conversion_length(const char *format)
{
    size_t flags = 1 + strspn(format + 1, "-+ #0123456789.lhzjt");

    return format[flags] != 0 && strchr("diouxXcspeEfFgGaA", format[flags]) != NULL &&
                   flags + 2 <= CONVERSION_MAX
               ? flags + 1
               : 0;
}

static int format_text(struct thread *thread, struct output *output, const char *format,
                       uint64_t at)
{
    char conversion[CONVERSION_MAX];
    int count = 0;

    for (; *format; format++) {
        size_t length = *format == '%' ? conversion_length(format) : 0;

        if (length) {
            snprintf(conversion, sizeof(conversion), "%.*s", (int)length, format);
            convert_argument(thread, output, conversion, &at);
            format += length - 1;
            count++;
        } else {
            append(output, "%c", *format);
            format += format[0] == '%' && format[1] == '%';
        }
    }
    return count;
}

/* ---- Arguments of a call ---- */

static uint64_t argument(struct thread *thread, const struct ptx_instruction *in, size_t index)
{
    const struct ptx_operand *operand = &in->call[2].items[index];
    uint64_t value = 0;

    if (index >= in->call[2].count) {
        return 0;
    }
    if (operand->kind != PTX_O_SYMBOL) {
        return (uint64_t)read_bits(thread, operand, PTX_W_B64);
    }
    memcpy(&value, (const void *)(uintptr_t)variable_address(thread, operand->symbol->variable),
           operand->symbol->variable->size < 8 ? operand->symbol->variable->size : 8);
    return value;
}

static void return_value(struct thread *thread, const struct ptx_instruction *in, uint64_t value)
{
    const struct ptx_operand *operand = in->call[0].items;

    if (in->call[0].count == 0) {
        return;
    }
    if (operand->kind != PTX_O_SYMBOL) {
        write_bits(thread, operand, PTX_W_B64, value);
        return;
    }
    memcpy((void *)(uintptr_t)variable_address(thread, operand->symbol->variable), &value,
           operand->symbol->variable->size < 8 ? operand->symbol->variable->size : 8);
}

/* ---- The functions ---- */

static void system_vprintf(struct thread *thread, const struct ptx_instruction *in)
{
    const char *format = load_text(thread, argument(thread, in, 0));
    struct output output = {.used = 0};
    int count;

    if (format == NULL) {
        return;
    }
    count = format_text(thread, &output, format, argument(thread, in, 1));
    print(thread, output.text);
    return_value(thread, in, (uint32_t)count);
}

static void system_malloc(struct thread *thread, const struct ptx_instruction *in)
{
    struct reference_memory *memory = thread->block->launch->memory;
    uint64_t size = argument(thread, in, 0);
    void *bytes = size <= HEAP_MAX ? calloc(1, size + 1) : NULL;

    if (bytes != NULL) {
        reference_memory_add(memory, bytes, size, true);
        memory->regions[memory->count - 1].heap = true;
    }
    return_value(thread, in, (uintptr_t)bytes);
}

/* Only what malloc gave: a region of the heap begins there. */
static void system_free(struct thread *thread, const struct ptx_instruction *in)
{
    struct reference_memory *memory = thread->block->launch->memory;
    uint64_t address = argument(thread, in, 0);

    for (size_t i = 0; i < memory->count && address; i++) {
        if (memory->regions[i].address == address && memory->regions[i].heap) {
            reference_memory_remove(memory, (void *)(uintptr_t)address);
            free((void *)(uintptr_t)address);
            return;
        }
    }
    if (address) {
        thread_fault_at(thread, REFERENCE_ILLEGAL_ADDRESS, address);
    }
}

static const char *text_argument(struct thread *thread, const struct ptx_instruction *in,
                                 size_t index)
{
    const char *text = load_text(thread, argument(thread, in, index));

    return text != NULL ? text : "";
}

static void system_assertfail(struct thread *thread, const struct ptx_instruction *in)
{
    struct output output = {.used = 0};

    append(&output, "%s:%u: %s: assertion `%s' failed\n", text_argument(thread, in, 1),
           (unsigned)argument(thread, in, 2), text_argument(thread, in, 3),
           text_argument(thread, in, 0));
    print(thread, output.text);
    thread_fault(thread, REFERENCE_ASSERT);
}

bool call_system(struct thread *thread, const struct ptx_function *function,
                 const struct ptx_instruction *call)
{
    static const struct {
        const char *name;
        execute *run;
    } functions[] = {
        {"vprintf", system_vprintf},
        {"malloc", system_malloc},
        {"free", system_free},
        {"__assertfail", system_assertfail},
    };

    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        if (strcmp(functions[i].name, function->name) == 0) {
            functions[i].run(thread, call);
            return true;
        }
    }
    return false;
}
