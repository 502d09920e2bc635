/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second kernel, as small as one can be: it shows what libbaregpu.a needs and nothing else. For
 * QEMU's virt machine as started with -kernel: EL1, MMU off, one CPU.
 *
 * One table of 1 GiB blocks maps devices and RAM to themselves, so that memory is cacheable and
 * unaligned-safe before any C runs.
 */
#define DEVICE (3 << 53 | 1 << 10 | 0 << 2 | 1) /* never executable, accessed, MAIR 0, block */
#define NORMAL (1 << 54 | 1 << 10 | 3 << 8 | 1 << 2 | 1) /* inner shareable, MAIR 1 */

    .section .text.start, "ax"
    .global _start
_start:
    mrs x0, CurrentEL
    cmp x0, #1 << 2
    b.ne hang
    adr x1, table
    ldr x2, =0xff04         /* MAIR 0: Device-nGnRE, MAIR 1: Normal write-back */
    ldr x3, =0x200803519    /* 39-bit addresses, 4 KiB granule, write-back walks; 40-bit physical */
    msr mair_el1, x2
    msr tcr_el1, x3
    msr ttbr0_el1, x1
    dsb ish
    isb
    mrs x4, sctlr_el1
    ldr x5, =0x1005         /* I, C, M */
    orr x4, x4, x5
    msr sctlr_el1, x4
    isb
    adrp x6, stack_end
    add x6, x6, :lo12:stack_end
    mov sp, x6
    adrp x7, __bss_start
    add x7, x7, :lo12:__bss_start
    adrp x8, __bss_end
    add x8, x8, :lo12:__bss_end
1:  cmp x7, x8
    b.hs 2f
    stp xzr, xzr, [x7], #16
    b 1b
2:  bl minimal_main         /* returns the exit status */
    .global semihosting_exit
semihosting_exit:
    ldr x1, =0x20026        /* ADP_Stopped_ApplicationExit */
    adr x2, exit_block
    stp x1, x0, [x2]
    mov x1, x2
    mov w0, #0x18           /* SYS_EXIT */
    hlt #0xf000
hang:
    wfi
    b hang

    .global semihosting_write0
semihosting_write0:         /* a NUL-terminated string in x0 */
    mov x1, x0
    mov w0, #0x04           /* SYS_WRITE0 */
    hlt #0xf000
    ret

    .section .rodata
    .balign 4096
table:
    .quad 0x0000000000 | DEVICE /* peripherals, 32-bit PCI window */
    .quad 0x0040000000 | NORMAL /* RAM */
    .fill 254, 8, 0
    .quad 0x4000000000 | DEVICE /* ECAM */
    .fill 255, 8, 0

    /* That nothing here is against branch targets that are checked: what the linker asks for when
     * the kernel turns them on (-z force-bti). */
    .section .note.gnu.property, "a"
    .balign 8
    .word 4, 16, 5          /* sizes of the name and of what follows, NT_GNU_PROPERTY_TYPE_0 */
    .asciz "GNU"
    .word 0xc0000000, 4     /* GNU_PROPERTY_AARCH64_FEATURE_1_AND, its size */
    .word 3, 0              /* BTI and PAC; padding */

    .bss
    .balign 16
exit_block:
    .skip 16
    .skip 16384
stack_end:
