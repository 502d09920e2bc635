/* SPDX-License-Identifier: BSD-2-Clause */
/* kernels.ptx, as text that ends with a zero. */

__asm__(".section .rodata\n"
        ".globl mediator_kernels\n"
        "mediator_kernels: .incbin \"host/mediator/compute/kernels.ptx\"\n"
        ".byte 0\n"
        ".previous\n");
