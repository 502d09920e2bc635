/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/device/coroutine.h"

#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINE 64
#define SHIFT_MAX 4096

/* Hidden, so that no address comes from the GOT: of a name of one file the AArch64 assembler makes
 * its section's start there. */
#define OWN __attribute__((visibility("hidden")))

/* switch_stacks(save, load): pushes what a function must keep, and goes on with another stack. */
OWN void switch_stacks(void **save, void *load);
OWN void enter_coroutine(void);

/* It does not return where it was called: processors foresee a jump to there, not a return. */
#if defined(__x86_64__)
__asm__(".text\n"
        ".type switch_stacks, @function\n"
        "switch_stacks:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    popq %rcx\n"
        "    jmpq *%rcx\n"
        ".type enter_coroutine, @function\n"
        "enter_coroutine:\n"
        "    movq %r12, %rdi\n"
        "    callq *%r13\n"
        "    ud2\n");

/* What switch_stacks pops, and its return address. */
struct frame {
    void *r15, *r14, *r13, *r12, *rbx, *rbp, *returns;
};

static void set_frame(struct frame *frame, void (*function)(void *argument), void *argument)
{
    memset(frame, 0, sizeof(*frame));
    frame->r12 = argument;
    memcpy(&frame->r13, &function, sizeof(function));
    frame->returns = (void *)(uintptr_t)enter_coroutine;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".type switch_stacks, %function\n"
        "switch_stacks:\n"
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        ".type enter_coroutine, %function\n"
        "enter_coroutine:\n"
        "    mov x0, x19\n"
        "    blr x20\n"
        "    brk #0\n");

struct frame {
    void *x19, *x20, *x21_to_x28[8], *x29, *x30;
    double d8_to_d15[8];
};

static void set_frame(struct frame *frame, void (*function)(void *argument), void *argument)
{
    memset(frame, 0, sizeof(*frame));
    frame->x19 = argument;
    memcpy(&frame->x20, &function, sizeof(function));
    frame->x30 = (void *)(uintptr_t)enter_coroutine;
}
#endif

/* A sanitizer knows of the frames on a stack that it sees; these come and go behind its back. */
static void forget_frames(const void *start, size_t size)
{
    ASAN_UNPOISON_MEMORY_REGION(start, size);
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

bool coroutine_create(struct coroutine *coroutine, size_t stack_size)
{
    size_t page = page_size();

    memset(coroutine, 0, sizeof(*coroutine));
    stack_size = (stack_size + page - 1) / page * page + page;
    coroutine->stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (coroutine->stack == MAP_FAILED) {
        coroutine->stack = NULL;
        return false;
    }
    coroutine->stack_size = stack_size;
    if (mprotect(coroutine->stack, page, PROT_NONE) != 0) {
        coroutine_destroy(coroutine);
        return false;
    }
    return true;
}

void coroutine_destroy(struct coroutine *coroutine)
{
    if (coroutine->stack != NULL) {
        forget_frames(coroutine->stack, coroutine->stack_size);
        munmap(coroutine->stack, coroutine->stack_size);
        coroutine->stack = NULL;
    }
}

/* Stacks whose tops lie whole pages apart would share a few lines of the processor's cache. */
static unsigned char *top_of(const struct coroutine *coroutine)
{
    uintptr_t shift = (uintptr_t)coroutine->stack / SHIFT_MAX * LINE * 13 % SHIFT_MAX;

    return coroutine->stack + coroutine->stack_size - shift;
}

void coroutine_start(struct coroutine *coroutine, void (*function)(void *argument), void *argument)
{
    uintptr_t top = (uintptr_t)top_of(coroutine) - 128;
    struct frame *frame = (struct frame *)(top & ~(uintptr_t)63) - 1;

    /* At the entry the stack is aligned as behind a call that was not made. */
#if defined(__x86_64__)
    frame = (struct frame *)((((uintptr_t)frame) & ~(uintptr_t)63) + 8);
#else
    frame = (struct frame *)(((uintptr_t)frame) & ~(uintptr_t)15);
#endif
    forget_frames(coroutine->stack, coroutine->stack_size);
    set_frame(frame, function, argument);
    coroutine->pointer = frame;
}

void coroutine_resume(struct coroutine *coroutine)
{
    switch_stacks(&coroutine->caller, coroutine->pointer);
}

void coroutine_yield(struct coroutine *coroutine)
{
    switch_stacks(&coroutine->pointer, coroutine->caller);
}

void coroutine_change(struct coroutine *from, struct coroutine *to)
{
    to->caller = from->caller;
    switch_stacks(&from->pointer, to->pointer);
}

size_t coroutine_size(const struct coroutine *coroutine)
{
    return (size_t)(top_of(coroutine) - (unsigned char *)coroutine->pointer);
}

void coroutine_save(const struct coroutine *coroutine, void *bytes)
{
    size_t size = coroutine_size(coroutine);

    forget_frames(coroutine->pointer, size);
    memcpy(bytes, coroutine->pointer, size);
}

void coroutine_restore(struct coroutine *coroutine, const void *bytes, size_t size)
{
    coroutine->pointer = top_of(coroutine) - size;
    forget_frames(coroutine->pointer, size);
    memcpy(coroutine->pointer, bytes, size);
}
