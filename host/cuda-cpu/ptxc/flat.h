/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PTX module as the compiler tells of it to those who run it, without pointers: a header, tables,
 * strings, bytes. The compiler may have been taken over by the text, so flat_read holds that
 * whatever a table names is there.
 */
#ifndef CUDA_CPU_PTXC_FLAT_H
#define CUDA_CPU_PTXC_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLAT_MAGIC 0x33585450u /* "PTX3" */
#define FLAT_NONE UINT32_MAX   /* no initial bytes, no function */
#define FLAT_VARIABLE_MAX (UINT64_C(1) << 31)
#define FLAT_PARAMETERS_MAX 32768u          /* bytes */
#define FLAT_MEMORY_MAX (UINT64_C(1) << 40) /* of shared and local memory: a launch has less */

/* Tables of these lie behind it in this order, then the strings, then the initial bytes. */
struct flat_header {
    uint32_t magic;
    uint32_t target;  /* 90 for sm_90 */
    uint32_t version; /* 83 for PTX 8.3 */
    uint32_t kernels, parameters, variables, relocations;
    uint32_t strings, bytes; /* their sizes */
    uint32_t unused;         /* 0 */
};

/* Names are offsets in the strings, of which the last one ends with a zero byte. */
struct flat_kernel {
    uint32_t name;
    uint32_t first_parameter, parameters;
    uint32_t registers;
    uint32_t max_threads[3], threads[3]; /* .maxntid, .reqntid; 0: not said */
    uint64_t parameter_size;             /* bytes of the parameter buffer */
    uint64_t shared_size;                /* where dynamic shared memory begins */
    uint64_t local_size;                 /* bytes of a thread's variables */
};

struct flat_parameter {
    uint32_t offset, size; /* in the parameter buffer */
    uint32_t is_float, unused;
};

/* Global and const ones, by their numbers. */
struct flat_variable {
    uint32_t name;
    uint16_t is_constant, is_managed;
    uint32_t is_module_wide; /* found by its name */
    uint32_t initial;        /* offset in the bytes; FLAT_NONE: zeros */
    uint32_t first_relocation, relocations;
    uint64_t size;
};

/* The address of a variable or of a function, in an initial value. */
struct flat_relocation {
    uint32_t target; /* the variable's number; FLAT_NONE: the addend is the address */
    uint32_t offset, size;
    uint32_t shift; /* the address's bits from this one on */
    int64_t addend;
};

/* The tables of a module in memory. */
struct flat_module {
    const struct flat_header *header;
    const struct flat_kernel *kernels;
    const struct flat_parameter *parameters;
    const struct flat_variable *variables;
    const struct flat_relocation *relocations;
    const char *strings;
    const unsigned char *bytes;
};

/* The bytes stay the caller's, as long as the module is used, and lie as for uint64_t. False: they
 * are no module. */
bool flat_read(const void *bytes, size_t size, struct flat_module *module);

/* A kernel's code. Its object file lies behind it, up to the end. */
struct flat_code {
    uint32_t magic; /* FLAT_MAGIC */
    uint32_t sites; /* struct warp_site */
    uint64_t local_size;
    uint64_t frames;            /* bytes of the host's stack for all calls at once */
    uint32_t is_deep;           /* they have no known end: struct kernel_needs */
    uint32_t frame;             /* bytes for each of them */
    uint16_t runs_block, rests; /* struct kernel_needs */
    uint32_t kept_size;
};

/* NULL: it is none. */
const struct flat_code *flat_read_code(const void *bytes, size_t size);

#endif
