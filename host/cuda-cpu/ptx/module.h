/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PTX module as it was parsed and checked: declarations, functions, instructions. PTX ISA,
 * chapters 4 to 11. Everything belongs to the module, names too; nothing changes afterwards.
 */
#ifndef CUDA_CPU_PTX_MODULE_H
#define CUDA_CPU_PTX_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/cuda-cpu/ptx/arena.h"
#include "host/cuda-cpu/ptx/form.h"
#include "host/cuda-cpu/ptx/log.h"
#include "host/cuda-cpu/ptx/special.h"
#include "host/cuda-cpu/ptx/word.h"

#define PTX_WORDS_MAX 16 /* behind one instruction's name */

enum ptx_space {
    PTX_SPACE_REG,
    PTX_SPACE_CONST,
    PTX_SPACE_GLOBAL,
    PTX_SPACE_LOCAL,
    PTX_SPACE_PARAM,
    PTX_SPACE_SHARED,
};

enum ptx_linkage {
    PTX_LINK_NONE,
    PTX_LINK_VISIBLE,
    PTX_LINK_EXTERN,
    PTX_LINK_WEAK,
    PTX_LINK_COMMON
};

struct ptx_symbol;

/* An address in an initial value: where in the bytes, of what. */
struct ptx_relocation {
    uint64_t offset;
    unsigned size;  /* bytes */
    unsigned shift; /* the address's bits from this one on: 0xFF00(symbol) has 8 */
    const struct ptx_symbol *symbol;
    int64_t addend;
    bool generic;
};

struct ptx_variable {
    const char *name;
    enum ptx_space space;
    enum ptx_linkage linkage;
    enum ptx_word type;   /* of one element */
    unsigned vector;      /* 1, 2, 4 or 8 of them beside each other */
    uint64_t align, size; /* bytes; size 0: an array whose size comes from elsewhere */
    bool is_array;
    bool in_frame;                /* in a thread's local memory: layout.h */
    bool is_managed;              /* .attribute(.managed) */
    bool is_hidden;               /* one text's own, where others are linked by this name */
    uint64_t offset;              /* parameters: in the parameter buffer */
    const unsigned char *initial; /* size bytes, or NULL: zeros */
    const struct ptx_relocation *relocations;
    size_t relocation_count;
    struct ptx_position at;
};

struct ptx_register {
    const char *name;
    enum ptx_word type;
    unsigned vector; /* 1, 2 or 4 */
};

enum ptx_operand_kind {
    PTX_O_REGISTER,
    PTX_O_SPECIAL, /* %tid.x and its like */
    PTX_O_INTEGER,
    PTX_O_FLOAT32, /* bits */
    PTX_O_FLOAT64, /* bits */
    PTX_O_SYMBOL,  /* a variable's or function's address, and an offset */
    PTX_O_ADDRESS, /* [base + offset]; no base: an absolute address */
    PTX_O_LIST,    /* {a, b, ...} */
    PTX_O_TABLE,   /* [a, b, {...}]: textures and surfaces */
    PTX_O_PAIR,    /* a|b */
    PTX_O_LABEL,
    PTX_O_SINK, /* _ */
};

struct ptx_operand {
    enum ptx_operand_kind kind;
    struct ptx_position at;
    bool negated;       /* ! before a predicate, - before a register of vmad */
    const char *select; /* behind the name: "x", "b0", "h10"; NULL: none */
    union {
        uint32_t reg; /* index in the function's registers */
        struct {
            enum ptx_special name;
            unsigned component;
        } special;
        uint64_t bits;
        const struct ptx_symbol *symbol;
        struct ptx_operand *items; /* list, table, pair */
        uint32_t label;            /* index in the function's branches */
    };
    struct ptx_operand *base; /* address, table: a register or a symbol; NULL: none */
    int64_t offset;           /* added to a register, symbol or address */
    size_t count;             /* items */
};

struct ptx_instruction {
    enum ptx_opcode opcode;
    uint8_t word_count;
    uint16_t words[PTX_WORDS_MAX]; /* enum ptx_word, as written */
    const char *unknown;           /* the first word that is PTX_W_NONE; NULL: none is */
    const struct ptx_form *form;
    bool has_guard, guard_negated;
    uint32_t guard; /* register */
    struct ptx_operand *operands;
    size_t operand_count;
    struct ptx_operand *call; /* of a call alone: results, target, arguments, then table or
                               * prototype; lists, and NULL where one is missing */
    struct ptx_position at;
    uint32_t location; /* index in the module's locations + 1; 0: none */
};

/* A place in the source that the PTX was compiled from: .loc. */
struct ptx_location {
    unsigned file, line, column;
};

/* Where a label leads, once for each place that names it. */
struct ptx_branch {
    const char *name;
    uint32_t instruction; /* the next one's index; the count at the end of the function */
};

/* .branchtargets, .calltargets */
struct ptx_targets {
    const struct ptx_operand *items;
    size_t count;
};

struct ptx_function {
    const char *name;
    bool is_entry; /* a kernel */
    bool has_body;
    bool no_return;
    enum ptx_linkage linkage;
    struct ptx_variable **results, **params; /* space PARAM or REG */
    size_t result_count, param_count;
    uint64_t param_size;             /* bytes of a kernel's parameter buffer */
    uint64_t local_size;             /* bytes of a thread's variables */
    unsigned maxntid[3], reqntid[3]; /* 0: not said */
    unsigned minnctapersm, maxnreg;
    struct ptx_register *registers;
    size_t register_count;
    struct ptx_variable **variables; /* declared inside: shared, local, param */
    size_t variable_count;
    struct ptx_branch *branches;
    size_t branch_count;
    struct ptx_instruction *instructions;
    size_t instruction_count;
    struct ptx_position at;
};

enum ptx_symbol_kind {
    PTX_S_VARIABLE,
    PTX_S_FUNCTION,
    PTX_S_REGISTER,
    PTX_S_LABEL,
    PTX_S_TARGETS,   /* a table of labels or functions */
    PTX_S_PROTOTYPE, /* .callprototype: a function without a body */
};

struct ptx_symbol {
    enum ptx_symbol_kind kind;
    bool is_named; /* not only declared */
    const char *name;
    union {
        struct ptx_variable *variable;
        struct ptx_function *function;
        struct ptx_targets *targets;
        uint32_t index; /* of the register; of a label's next instruction */
    };
};

struct ptx_module {
    struct arena arena;
    unsigned version_major, version_minor; /* .version */
    unsigned target;                       /* .target sm_NN; addresses have 64 bits */
    struct ptx_variable **variables;
    size_t variable_count;
    struct ptx_function **functions;
    size_t function_count;
    size_t global_count; /* global and const variables, those of functions too */
    const char **files;  /* .file, by number; NULL: none of this number */
    size_t file_count;
    struct ptx_location *locations;
    size_t location_count;
};

/* What untrusted text may cost. Deeper nesting than PTX_DEPTH_MAX is an error as well. */
#define PTX_DEPTH_MAX 64

struct ptx_limits {
    size_t text;         /* bytes of PTX */
    size_t memory;       /* bytes of what is made of it */
    size_t instructions; /* of the module */
    uint64_t variable;   /* bytes of one variable */
};

extern const struct ptx_limits ptx_default_limits;

/* The module in a text, or in several that are linked (input.h), which need to stay as long as the
 * log is added to. NULL: the log says why. */
struct ptx_module *ptx_module_create(const char *text, size_t length,
                                     const struct ptx_limits *limits, struct ptx_log *log);
void ptx_module_destroy(struct ptx_module *module);

/* NULL: there is none of this name with a body. */
const struct ptx_function *ptx_module_kernel(const struct ptx_module *module, const char *name);

#endif
