/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry at EL3, EL2 or EL1 with the MMU off; leaves at EL1 with MMU, caches and floating point on,
 * in kernel_start(devicetree, entry_ticks, entry_level). See docs/boot.md.
 *
 * Until the MMU is on, nothing here touches memory but the two tables below, which are part of the
 * image: without the MMU every access is to Device memory.
 *
 * x19 devicetree or 0   x20 counter at entry   x21 exception level at entry
 * x22 address to go on with at EL1
 */

#define SCTLR_EL1_RES1      0x30d00800          /* Arm ARM D19.2: bits 29 28 23 22 20 11 */
#define SCTLR_EL2_RES1      0x30c50830
#define SCTLR_EL1_M_C_I     0x1005
#define SPSR_EL1H_MASKED    0x3c5
#define SPSR_EL2H_MASKED    0x3c9

#define SCR_EL3_NS          (1 << 0)
#define SCR_EL3_RES1        (3 << 4)
#define SCR_EL3_HCE         (1 << 8)
#define SCR_EL3_RW          (1 << 10)
#define SCR_EL3_APK_API     (3 << 16)
#define SCR_EL3_FGTEN       (1 << 27)
#define SCR_EL3_HXEN        (1 << 38)
#define HCR_EL2_RW          (1 << 31)
#define HCR_EL2_APK_API     (3 << 40)
#define HCRX_EL2_MSCEN      (1 << 11)
#define CPTR_EL2_RES1       0x33ff              /* includes TZ (8) and TSM (12) */
#define CPTR_EL2_TZ         8
#define CPTR_EL2_TSM        12
#define CPTR_EL3_EZ         (1 << 8)
#define CPTR_EL3_ESM        (1 << 12)

/* Attributes in MAIR_EL1; platform/mmu.c uses the same indexes. */
#define MAIR_VALUE          0x04ff              /* 0: Normal write-back, 1: Device-nGnRE */

/* 48-bit addresses, 4 KiB granule, write-back inner shareable walks, no TTBR1 (EPD1). */
#define TCR_VALUE           ((16 << 0) | (1 << 8) | (1 << 10) | (3 << 12) | (1 << 23))

#define BLOCK_NORMAL        0x0040000000000701  /* UXN, AF, inner shareable, attribute 0 */
#define BLOCK_DEVICE        0x0060000000000405  /* UXN, PXN, AF, attribute 1 */

/* Skips to `absent` when the 4-bit field at `shift` of the ID register is 0. */
.macro skip_without idreg, shift, absent
    mrs     x9, \idreg
    ubfx    x9, x9, #\shift, #4
    cbz     x9, \absent
.endm

/* x9: not 0 if there is pointer authentication (APA, API, GPA, GPI; APA3, GPA3). Uses x10. */
.macro read_pauth
    mrs     x9, id_aa64isar1_el1
    mov     x10, #0x0ff0
    movk    x10, #0xff00, lsl #16
    and     x9, x9, x10
    mrs     x10, s3_0_c0_c6_2                   /* ID_AA64ISAR2_EL1 */
    and     x10, x10, #0xff00
    orr     x9, x9, x10
.endm

/* x0: Aff3 Aff2 Aff1 Aff0 of this CPU. Uses x1. */
.macro read_affinity
    mrs     x0, mpidr_el1
    mov     x1, #0x0000ffffff
    movk    x1, #0xff, lsl #32
    and     x0, x0, x1
.endm

    .cfi_sections .debug_frame

    .section .head, "ax"
    .global _start
_start:
    b       entry                               /* the arm64 Image header, 64 bytes */
    .long   0
    .quad   __image_offset                      /* from the start of RAM */
    .quad   __image_size                        /* with bss and stacks */
    .quad   0x2                                 /* little-endian, 4 KiB pages, low in RAM */
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .long   0

    .section .text.boot, "ax"
entry:
    msr     daifset, #15
    mov     x19, x0
    adrp    x22, primary_el1
    add     x22, x22, :lo12:primary_el1
    mrs     x21, currentel
    lsr     x21, x21, #2
    cmp     x21, #3
    b.eq    entry_el3
    cmp     x21, #2
    b.eq    entry_el2
    mrs     x20, cntvct_el0
    b       entry_el1

entry_el3:
    mrs     x20, cntpct_el0
    /* Without PSCI all CPUs start here; the one with affinity 0 goes on, the others park. */
    read_affinity
    cbz     x0, configure_el3

/*
 * A parked CPU, x0 its affinity: waits for its turn in the mailbox. It polls until the kernel has
 * said which GIC there is, and sleeps from then on: each call comes with an SGI (monitor.c).
 *
 * x1 mailbox   x4 not 0 when the GIC's interface may wake us   x6 GICv2 interface
 */
parked:
    adrp    x1, cpu_mailbox
    add     x1, x1, :lo12:cpu_mailbox
    mov     x4, #0
1:  ldr     x2, [x1]                            /* whose turn it is */
    cmp     x2, x0
    b.eq    parked_called
    ldr     x3, [x1, #24]                       /* GIC version, 0 at first */
    cbnz    x3, 2f
    wfe
    b       1b
2:  cbnz    x4, 4f
    mov     x4, #1
    cmp     x3, #3
    b.ne    3f
    mov     x5, #0xf                            /* GICv3: all system registers */
    msr     s3_6_c12_c12_5, x5                  /* ICC_SRE_EL3 */
    mov     x5, #(SCR_EL3_NS | SCR_EL3_RES1 | SCR_EL3_RW)
    msr     scr_el3, x5
    isb
    mov     x5, #0xff
    msr     s3_0_c4_c6_0, x5                    /* ICC_PMR_EL1 */
    mov     x5, #1
    msr     s3_6_c12_c12_7, x5                  /* ICC_IGRPEN1_EL3: non-secure group 1 */
    isb
    b       1b
3:  ldp     x5, x6, [x1, #32]                   /* GICv2: distributor, CPU interface */
    mov     w7, #-1
    str     w7, [x5, #0x80]                     /* GICD_IGROUPR0, this CPU's own */
    mov     w7, #0xff
    str     w7, [x6, #4]                        /* GICC_PMR */
    mov     w7, #7                              /* both groups; acknowledge either */
    str     w7, [x6]                            /* GICC_CTLR */
    dsb     sy
    b       1b
4:  wfi                                         /* also returns for what is masked by PSTATE */
    cmp     x3, #3
    b.ne    5f
    mrs     x5, s3_0_c12_c12_0                  /* ICC_IAR1_EL1; 1023 when there is none */
    msr     s3_0_c12_c12_1, x5                  /* ICC_EOIR1_EL1 */
    isb
    b       1b
5:  ldr     w5, [x6, #0xc]                      /* GICC_IAR */
    str     w5, [x6, #0x10]                     /* GICC_EOIR */
    dsb     sy
    b       1b

parked_called:
    dmb     sy
    ldr     x22, [x1, #8]                       /* where to go at EL1, and with what */
    ldr     x19, [x1, #16]
    dmb     sy
    mov     x2, #-1
    str     x2, [x1]                            /* taken */
    dsb     sy

configure_el3:
    adrp    x0, monitor_vectors
    add     x0, x0, :lo12:monitor_vectors
    msr     vbar_el3, x0
    msr     mdcr_el3, xzr

    /* Everything belongs to the non-secure world, nothing it does traps to EL3. */
    mov     x0, #(SCR_EL3_NS | SCR_EL3_RES1 | SCR_EL3_RW)
    read_pauth
    cbz     x9, 1f
    orr     x0, x0, #SCR_EL3_APK_API
1:  skip_without id_aa64mmfr0_el1, 56, 1f       /* FEAT_FGT */
    orr     x0, x0, #SCR_EL3_FGTEN
1:  skip_without id_aa64mmfr1_el1, 40, 1f       /* FEAT_HCX */
    orr     x0, x0, #SCR_EL3_HXEN
1:  skip_without id_aa64pfr0_el1, 8, 1f         /* EL2 */
    orr     x0, x0, #SCR_EL3_HCE
1:  msr     scr_el3, x0

    mov     x0, #0
    skip_without id_aa64pfr0_el1, 32, 1f        /* FEAT_SVE */
    orr     x0, x0, #CPTR_EL3_EZ
1:  skip_without id_aa64pfr1_el1, 24, 1f        /* FEAT_SME */
    orr     x0, x0, #CPTR_EL3_ESM
1:  msr     cptr_el3, x0
    isb

    skip_without id_aa64pfr0_el1, 24, 1f        /* GIC CPU interface in system registers */
    mov     x0, #0xf                            /* SRE, DFB, DIB, Enable */
    msr     s3_6_c12_c12_5, x0                  /* ICC_SRE_EL3 */
    isb
1:
    ldr     x0, =SCTLR_EL1_RES1
    msr     sctlr_el1, x0
    skip_without id_aa64pfr0_el1, 8, 1f         /* EL2 */
    ldr     x0, =SCTLR_EL2_RES1
    msr     sctlr_el2, x0
    adrp    x0, entry_el2
    add     x0, x0, :lo12:entry_el2
    msr     elr_el3, x0
    mov     x0, #SPSR_EL2H_MASKED
    msr     spsr_el3, x0
    eret
1:  adrp    x0, entry_el1
    add     x0, x0, :lo12:entry_el1
    msr     elr_el3, x0
    mov     x0, #SPSR_EL1H_MASKED
    msr     spsr_el3, x0
    eret

entry_el2:
    cmp     x21, #3
    b.eq    1f
    mrs     x20, cntpct_el0
1:  adrp    x0, monitor_vectors
    add     x0, x0, :lo12:monitor_vectors
    msr     vbar_el2, x0

    mov     x0, #HCR_EL2_RW
    read_pauth
    cbz     x9, 1f
    orr     x0, x0, #HCR_EL2_APK_API
1:  msr     hcr_el2, x0
    isb

    mov     x0, #CPTR_EL2_RES1
    skip_without id_aa64pfr0_el1, 32, 1f        /* FEAT_SVE */
    bic     x0, x0, #(1 << CPTR_EL2_TZ)
1:  skip_without id_aa64pfr1_el1, 24, 1f        /* FEAT_SME */
    bic     x0, x0, #(1 << CPTR_EL2_TSM)
1:  msr     cptr_el2, x0

    skip_without id_aa64mmfr0_el1, 56, 1f       /* FEAT_FGT: no fine-grained trap */
    msr     s3_4_c1_c1_4, xzr                   /* HFGRTR_EL2 */
    msr     s3_4_c1_c1_5, xzr                   /* HFGWTR_EL2 */
    msr     s3_4_c1_c1_6, xzr                   /* HFGITR_EL2 */
    msr     s3_4_c3_c1_4, xzr                   /* HDFGRTR_EL2 */
    msr     s3_4_c3_c1_5, xzr                   /* HDFGWTR_EL2 */
1:  skip_without id_aa64mmfr1_el1, 40, 2f       /* FEAT_HCX */
    mov     x0, #0
    mrs     x9, s3_0_c0_c6_2                    /* ID_AA64ISAR2_EL1.MOPS */
    ubfx    x9, x9, #16, #4
    cbz     x9, 1f
    mov     x0, #HCRX_EL2_MSCEN
1:  msr     s3_4_c1_c2_2, x0                    /* HCRX_EL2 */
2:
    mov     x0, #3                              /* EL1PCTEN, EL1PCEN */
    msr     cnthctl_el2, x0
    msr     cntvoff_el2, xzr
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    mrs     x0, midr_el1
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0

    mrs     x9, id_aa64dfr0_el1                 /* PMUVer: all counters to EL1, no debug trap */
    ubfx    x9, x9, #8, #4
    mov     x0, #0
    cbz     x9, 1f
    cmp     x9, #15
    b.eq    1f
    mrs     x0, pmcr_el0
    ubfx    x0, x0, #11, #5
1:  msr     mdcr_el2, x0

    skip_without id_aa64pfr0_el1, 24, 1f        /* GIC CPU interface in system registers */
    mov     x0, #0xf
    msr     s3_4_c12_c9_5, x0                   /* ICC_SRE_EL2 */
    isb
    msr     s3_4_c12_c11_0, xzr                 /* ICH_HCR_EL2 */
1:
    ldr     x0, =SCTLR_EL1_RES1
    msr     sctlr_el1, x0
    adrp    x0, entry_el1
    add     x0, x0, :lo12:entry_el1
    msr     elr_el2, x0
    mov     x0, #SPSR_EL1H_MASKED
    msr     spsr_el2, x0
    eret

entry_el1:
    /* The image runs where it is linked, or not at all. */
    adr     x0, entry_el1
    ldr     x1, =entry_el1
    cmp     x0, x1
    b.ne    park

    ldr     x0, =vectors
    msr     vbar_el1, x0
    mov     x0, #(3 << 20)                      /* FPEN: no trap */
    msr     cpacr_el1, x0
    msr     cntkctl_el1, xzr
    msr     tpidr_el1, xzr                      /* no struct cpu yet */

    mov     x0, #MAIR_VALUE
    msr     mair_el1, x0
    ldr     x0, =TCR_VALUE
    mrs     x1, id_aa64mmfr0_el1
    and     x1, x1, #15                         /* PARange, at most 48 bits */
    mov     x2, #5
    cmp     x1, x2
    csel    x1, x1, x2, ls
    bfi     x0, x1, #32, #3
    msr     tcr_el1, x0
    adrp    x0, mmu_boot_level0
    msr     ttbr0_el1, x0
    dsb     sy
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    ldr     x0, =(SCTLR_EL1_RES1 | SCTLR_EL1_M_C_I)
    msr     sctlr_el1, x0
    isb
    br      x22

    .cfi_startproc
    .cfi_undefined x30                          /* a debugger's backtrace ends here */
primary_el1:
    ldr     x0, =__bss_start                    /* both are multiples of 128 */
    ldr     x1, =__bss_end
    movi    v0.2d, #0
1:  cmp     x0, x1
    b.hs    2f
    stp     q0, q0, [x0]
    stp     q0, q0, [x0, #32]
    stp     q0, q0, [x0, #64]
    stp     q0, q0, [x0, #96]
    add     x0, x0, #128
    b       1b
2:
    /* Ordinary code runs on SP_EL0 (EL1t): an exception finds SP_EL1 on a stack of its own. */
    msr     spsel, #1
    ldr     x0, =__exception_stack_top
    mov     sp, x0
    msr     spsel, #0
    ldr     x0, =__stack_top
    mov     sp, x0
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x19
    mov     x1, x20
    mov     x2, x21
    bl      kernel_start
    .cfi_endproc
park:
    wfi
    b       park

/*
 * Where PSCI CPU_ON and the mailbox let other CPUs begin: physical address, x0 (PSCI) or x19
 * (mailbox) the struct cpu, whose first two words are its stacks' tops.
 */
    .global cpu_entry_psci
cpu_entry_psci:
    msr     daifset, #15
    mov     x19, x0
    adrp    x22, cpu_entry_el1
    add     x22, x22, :lo12:cpu_entry_el1
    mrs     x21, currentel
    lsr     x21, x21, #2
    cmp     x21, #2
    b.eq    entry_el2
    b       entry_el1

    .global cpu_entry_el1
    .cfi_startproc
    .cfi_undefined x30
cpu_entry_el1:
    adrp    x0, mmu_root                        /* on with the real map */
    ldr     x0, [x0, :lo12:mmu_root]
    bl      mmu_switch
    msr     spsel, #1
    ldr     x0, [x19, #8]
    mov     sp, x0
    msr     spsel, #0
    ldr     x0, [x19]
    mov     sp, x0
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x19
    bl      cpu_start_c
    .cfi_endproc
    b       park

/*
 * void mmu_switch(uint64_t root): makes the tables at root the only ones. The MMU is off meanwhile,
 * so that the TLB never holds two sizes for one address (Arm ARM D8.16.1, break-before-make); no
 * data is accessed until it is on again.
 */
    .global mmu_switch
mmu_switch:
    dsb     sy
    mrs     x1, sctlr_el1
    bic     x2, x1, #1
    msr     sctlr_el1, x2
    isb
    msr     ttbr0_el1, x0
    isb
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    orr     x1, x1, #(1 << 19)                  /* WXN: what can be written is not executed */
    orr     x1, x1, #(3 << 3)                   /* SA, SA0: the stack pointer stays aligned */
    msr     sctlr_el1, x1
    isb
    ret

/*
 * EL3 and EL2 vectors. EL3 serves three calls of its own kernel (platform/monitor.h): registers of
 * the secure world are out of reach from EL1, and so is the place where CPUs are parked. Anything
 * else there is a bug: the run ends.
 */
    .balign 0x800
monitor_vectors:
    .rept 8
    .balign 0x80
    b       monitor_fatal
    .endr
    .balign 0x80                                /* synchronous, from a lower level, AArch64 */
    b       monitor_sync
    .rept 7
    .balign 0x80
    b       monitor_fatal
    .endr

monitor_sync:
    mrs     x3, currentel
    cmp     x3, #(3 << 2)
    b.ne    monitor_fatal
    mrs     x3, esr_el3
    lsr     x3, x3, #26
    cmp     x3, #0x17                           /* SMC from AArch64 */
    b.ne    monitor_fatal
    mov     x3, #0x0001
    movk    x3, #0xc300, lsl #16
    cmp     x0, x3
    b.eq    1f
    add     x3, x3, #1
    cmp     x0, x3
    b.eq    2f
    add     x3, x3, #1
    cmp     x0, x3
    b.eq    3f
    mov     x0, #-1
    eret
1:  ldr     w0, [x1]
    eret
2:  str     w2, [x1]
    mov     x0, #0
    eret
3:  mov     x21, #3
    read_affinity
    b       parked

monitor_fatal:
    adrp    x1, monitor_exit_block              /* SYS_EXIT_EXTENDED: application exit, 125 */
    add     x1, x1, :lo12:monitor_exit_block
    mov     w0, #0x20
    hlt     #0xf000
    b       park
    .ltorg

    .section .rodata.boot, "a"
    .balign 8
monitor_exit_block:
    .quad   0x20026, 125

    .section .data.boot, "aw"
    .balign 64
    .global cpu_mailbox
cpu_mailbox:                                    /* struct cpu_mailbox of platform/monitor.c */
    .quad   -1, 0, 0, 0, 0, 0
    .balign 64

/* The map of the first instructions: device registers and the first GiB of RAM. */
    .section .rodata.pagetables, "a"
    .balign 0x1000
mmu_boot_level0:
    .quad   mmu_boot_level1 + 3
    .fill   511, 8, 0
mmu_boot_level1:
    .quad   0x00000000 + BLOCK_DEVICE
    .quad   0x40000000 + BLOCK_NORMAL
    .fill   510, 8, 0
