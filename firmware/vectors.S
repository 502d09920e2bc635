/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * EL1 vectors. Ordinary code runs with SP_EL0, so that an exception in it lands on SP_EL1, a stack
 * of its own, even when the ordinary stack has run into its guard page. An exception that comes
 * from SP_EL1 is one inside the handler: it gets the CPU's emergency stack and ends the run.
 *
 * An IRQ saves what a C function may change; floating point is not used there (interrupt.h), and
 * ELR and SPSR stay as they are, since nothing that ends well happens meanwhile.
 *
 * struct exception_frame (platform/exception.h): x0-x30, sp, elr, spsr, esr, far.
 */
#define FRAME_SIZE      288
#define IRQ_FRAME_SIZE  160

.macro vector kind
    .balign 0x80
    sub     sp, sp, #FRAME_SIZE
    stp     x0, x1, [sp]
    mov     x1, #\kind
    b       exception_enter
.endm

.macro vector_nested kind
    .balign 0x80
    mov     x0, #\kind
    b       exception_enter_nested
.endm

/* Both kinds of frame have these at the same places. */
.macro x2_to_x17 instruction
    \instruction x2, x3, [sp, #16]
    \instruction x4, x5, [sp, #32]
    \instruction x6, x7, [sp, #48]
    \instruction x8, x9, [sp, #64]
    \instruction x10, x11, [sp, #80]
    \instruction x12, x13, [sp, #96]
    \instruction x14, x15, [sp, #112]
    \instruction x16, x17, [sp, #128]
.endm

.macro vector_irq
    .balign 0x80
    stp     x0, x1, [sp, #-IRQ_FRAME_SIZE]!
    x2_to_x17 stp
    stp     x18, x30, [sp, #144]
    bl      interrupt_take
    ldp     x18, x30, [sp, #144]
    x2_to_x17 ldp
    ldp     x0, x1, [sp], #IRQ_FRAME_SIZE
    eret
.endm

    .section .text.vectors, "ax"
    .balign 0x800
    .global vectors
vectors:
    vector 0
    vector_irq
    vector 2
    vector 3
    vector_nested 4
    vector_nested 5
    vector_nested 6
    vector_nested 7
    vector 8
    vector 9
    vector 10
    vector 11
    vector 12
    vector 13
    vector 14
    vector 15

exception_enter:
    x2_to_x17 stp
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x2, sp_el0
    stp     x30, x2, [sp, #240]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #256]
    mrs     x2, esr_el1
    mrs     x3, far_el1
    stp     x2, x3, [sp, #272]
    mov     x0, sp
    mov     x29, xzr
    bl      exception_handle

    /* Only an exception that was handled comes back. */
    ldp     x2, x3, [sp, #256]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x30, x2, [sp, #240]
    msr     sp_el0, x2
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    x2_to_x17 ldp
    ldp     x0, x1, [sp], #FRAME_SIZE
    eret

exception_enter_nested:
    mov     x1, x29
    mov     x2, x30
    adrp    x3, __emergency_stack_top
    add     x3, x3, :lo12:__emergency_stack_top
    mrs     x4, tpidr_el1                       /* struct cpu; 0: too early for that */
    cbz     x4, 1f
    ldr     x3, [x4, #16]
1:  mov     sp, x3
    mov     x29, xzr
    bl      exception_handle_nested
2:  wfi
    b       2b

/*
 * int exception_probe_call(struct exception_probe *probe, void (*function)(void *), void *argument)
 * Returns 0 when the function returns, 1 when exception_handle sent us to exception_probe_resume.
 */
.macro callee_saved instruction
    \instruction x19, x20, [x0]
    \instruction x21, x22, [x0, #16]
    \instruction x23, x24, [x0, #32]
    \instruction x25, x26, [x0, #48]
    \instruction x27, x28, [x0, #64]
    \instruction x29, x30, [x0, #80]
    \instruction d8, d9, [x0, #104]
    \instruction d10, d11, [x0, #120]
    \instruction d12, d13, [x0, #136]
    \instruction d14, d15, [x0, #152]
.endm

    .section .text.exception_probe, "ax"
    .global exception_probe_call
exception_probe_call:
    callee_saved stp
    mov     x3, sp
    str     x3, [x0, #96]
    mov     x19, x0
    mov     x0, x2
    blr     x1
    ldp     x29, x30, [x19, #80]
    ldp     x19, x20, [x19]
    mov     w0, #0
    ret

    .global exception_probe_resume
exception_probe_resume:
    callee_saved ldp
    ldr     x3, [x0, #96]
    mov     sp, x3
    mov     w0, #1
    ret
