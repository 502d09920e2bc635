/* SPDX-License-Identifier: BSD-2-Clause */
/* What the families of instructions share: threads, their operands, memory. */
#ifndef TESTS_MODELS_PTX_MACHINE_H
#define TESTS_MODELS_PTX_MACHINE_H

#include "tests/models/ptx/reference.h"

#define WARP 32
#define BARRIERS 16

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 s128;

enum thread_state {
    THREAD_RUNS,
    THREAD_WAITS_FOR_LANES, /* those of its mask, at an equal instruction */
    THREAD_WAITS_FOR_WARP,  /* until no other lane runs: an instruction without a mask */
    THREAD_WAITS_AT_BARRIER,
    THREAD_EXITED,
};

struct frame {
    const struct ptx_function *function;
    const struct ptx_instruction *call; /* in the frame below; NULL: the kernel */
    size_t pc;
    u128 *registers;      /* of vectors: all parts, the first lowest */
    uint64_t stack_start; /* in the local memory */
    uint64_t stack_end;
    struct frame *below;
};

struct thread {
    struct block *block;
    unsigned index; /* in the block */
    unsigned id[3];
    enum thread_state state;
    struct frame *frame;
    unsigned char *local;
    bool carry;
    size_t current;                         /* index of the instruction that runs */
    const struct ptx_instruction *waits_at; /* unless it runs */
    uint32_t mask;                          /* of the lanes that it waits for */
    unsigned barrier;
};

struct barrier {
    unsigned arrived;
    unsigned expected; /* 0: all threads of the block that are left */
};

struct block {
    const struct reference_launch *launch;
    struct reference_fault *fault;
    enum reference_status status; /* the first fault ends the launch */
    unsigned id[3];
    struct thread *threads;
    unsigned thread_count, live;
    unsigned char *shared, *local;
    size_t shared_size, local_size; /* local: of one thread */
    struct barrier barriers[BARRIERS];
    uint64_t steps;
    uint64_t random;
};

/* The first one counts. */
void thread_fault(struct thread *thread, enum reference_status status);
void thread_fault_at(struct thread *thread, enum reference_status status, uint64_t address);

/* ---- Instructions ---- */

typedef void execute(struct thread *thread, const struct ptx_instruction *in);

/* By opcode; NULL: not supported. */
extern execute *const execute_table[PTX_OPCODES];

bool has(const struct ptx_instruction *in, enum ptx_word word);

/* The type word of this index; PTX_W_NONE: there are not so many. */
enum ptx_word type_of(const struct ptx_instruction *in, unsigned index);

/* By .v2, .v4 or .v8; 1. */
unsigned vector_words(const struct ptx_instruction *in);

bool is_signed(enum ptx_word type);
bool is_float(enum ptx_word type);

/* The type of each half of a packed one, or PTX_W_NONE. */
enum ptx_word half_of(enum ptx_word type);

/* ---- Operands ---- */

u128 low_bits(u128 value, unsigned bits);

/* As the type is: zeros or copies of the sign above it. */
u128 extend(u128 value, enum ptx_word type);

/* The bits of the type; zeros above. Predicates: their negation is seen to. */
u128 read_bits(struct thread *thread, const struct ptx_operand *operand, enum ptx_word type);

/* Extended as the type says. */
u128 read_value(struct thread *thread, const struct ptx_operand *operand, enum ptx_word type);

bool read_predicate(struct thread *thread, const struct ptx_operand *operand);

/* A wider register gets the value extended as the type says. Nothing is written to _. */
void write_bits(struct thread *thread, const struct ptx_operand *operand, enum ptx_word type,
                u128 value);

/* Of a list, or of a vector register; anything else is its own first part. */
u128 read_part(struct thread *thread, const struct ptx_operand *operand, unsigned index,
               enum ptx_word type);
void write_part(struct thread *thread, const struct ptx_operand *operand, unsigned index,
                enum ptx_word type, u128 value);
unsigned part_count(struct thread *thread, const struct ptx_operand *operand);

/* Of d|p; the second one is NULL where there is none. */
const struct ptx_operand *first_of(const struct ptx_operand *operand);
const struct ptx_operand *second_of(const struct ptx_operand *operand);

/* The 32 bits of %tid.x and so on. */
uint64_t read_special(struct thread *thread, enum ptx_special name, unsigned component);

/* ---- Memory ---- */

/* The state space among the words; PTX_W_NONE: generic. */
enum ptx_word space_of(const struct ptx_instruction *in);

/* Where a space's addresses begin, as a generic address. */
uint64_t space_base(struct thread *thread, enum ptx_word space);

bool space_holds(struct thread *thread, enum ptx_word space, uint64_t address, uint64_t size,
                 bool write);

/* A variable of the constant space, among the global ones. */
bool is_constant(struct thread *thread, uint64_t address);

/* Generic addresses. */
uint64_t variable_address(struct thread *thread, const struct ptx_variable *variable);
uint64_t operand_address(struct thread *thread, const struct ptx_operand *operand,
                         enum ptx_word space);

/* The host's memory at a generic address, of which the space may be known; NULL: a fault. */
void *access_memory(struct thread *thread, enum ptx_word space, uint64_t address, unsigned size,
                    bool write);
u128 load_memory(struct thread *thread, enum ptx_word space, uint64_t address, unsigned size);
void store_memory(struct thread *thread, enum ptx_word space, uint64_t address, unsigned size,
                  u128 value);

/* A string of the kernel's; NULL: a fault. */
const char *load_text(struct thread *thread, uint64_t address);

const struct ptx_module *module_of(const struct thread *thread);

/* Bytes of a block's shared memory, without the dynamic part; of a function's variables. */
size_t module_shared_size(const struct reference_module *module);
size_t module_frame_size(const struct reference_module *module,
                         const struct ptx_function *function);

/* ---- Control ---- */

/* False: a fault. */
bool enter_function(struct thread *thread, const struct ptx_function *function,
                    const struct ptx_instruction *call);
void leave_function(struct thread *thread);
void exit_thread(struct thread *thread);

/* vprintf, malloc and so on, by name; false: no such function. */
bool call_system(struct thread *thread, const struct ptx_function *function,
                 const struct ptx_instruction *call);

/* ---- What waits ---- */

struct thread *lane_of(struct thread *thread, unsigned lane); /* NULL: the warp is smaller */
uint32_t live_lanes(struct thread *thread);

/* Lets go those whose wait is over; whether there were any. */
bool release_warps(struct block *block);
bool release_barriers(struct block *block);

#endif
