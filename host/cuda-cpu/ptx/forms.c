/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of forms: forms.def, and what its rows are made of. */
#include "host/cuda-cpu/ptx/form.h"

#define CLUSTERS "clusters of blocks are not supported"
#define TENSOR "tensor maps are not supported"
#define MULTICAST "multicast objects are not supported"
#define BLACKWELL "it needs sm_100 or higher; this device is sm_90"
#define WARPGROUP "warpgroup instructions (sm_90a) are not supported"

#define ROUND "(rn|rz|rm|rp)"
#define INT "u16|u32|u64|s16|s32|s64"
#define INT8 "u8|s8|" INT
#define BITS "b16|b32|b64"
#define REGISTERS BITS "|" INT "|f32|f64"
#define MEMORY "b8|" REGISTERS "|u8|s8"
#define MEMORY16 "b128"
#define COMPARE_BITS "eq|ne"
#define COMPARE_SIGNED "eq|ne|lt|le|gt|ge"
#define COMPARE_UNSIGNED COMPARE_SIGNED "|lo|ls|hi|hs"
#define COMPARE_FLOAT "eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan"
#define BOOL "(and|or|xor)"
#define SCOPE "(cta|cluster|gpu|sys)"
#define SHARED "shared|shared::cta|shared::cluster"
#define LOAD_SPACE "(const|global|local|param|param::entry|param::func|" SHARED ")"
#define STORE_SPACE "(global|local|param|param::func|" SHARED ")"
#define EVICT1                                                                                     \
    "(L1::evict_normal|L1::evict_unchanged|L1::evict_first|L1::evict_last|L1::no_allocate)"
#define EVICT2 "(L2::evict_normal|L2::evict_first|L2::evict_last)"
#define PREFETCH_SIZE "(L2::64B|L2::128B|L2::256B)"
#define VECTOR "(v2|v4|v8)"
#define ATOM_SPACE "(global|" SHARED ")"
#define SURFACE_CLAMP "(trap|clamp|zero)"
#define SPARSE "(sp|sp::ordered_metadata)"
#define SELECT_CMP "(eq|ne|lt|le|gt|ge)"

#define FORM(opcode, words, operands) {PTX_##opcode, words, operands, NULL},
#define REFUSED(opcode, words, operands, why) {PTX_##opcode, words, operands, why},

/* 9.7.16: which parts of the operands, stands behind their names. */
#define VIDEO(opcode)                                                                              \
    FORM(opcode, "(u32|s32).(u32|s32).(u32|s32).sat?", "d=b32 a=b32 a=b32 a=b32?")                 \
    FORM(opcode, "(u32|s32).(u32|s32).(u32|s32).sat?.(add|min|max)", "d=b32 a=b32 a=b32 a=b32")
#define VIDEO_PACKED(opcode)                                                                       \
    FORM(opcode, "(u32|s32).(u32|s32).(u32|s32).(sat|add)?", "d=b32 a=b32 a=b32 a=b32")

const struct ptx_form ptx_forms[] = {
#include "host/cuda-cpu/ptx/forms.def"
};

const size_t ptx_form_count = sizeof(ptx_forms) / sizeof(ptx_forms[0]);
