/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What compiled kernels and the device know of each other: a warp, and the functions that a kernel
 * calls. Compiled code reads the fields by their offsets.
 */
#ifndef CUDA_CPU_DEVICE_WARP_H
#define CUDA_CPU_DEVICE_WARP_H

#include <stdbool.h>
#include <stdint.h>

#define WARP_LANES 32

/* Bytes of a warp's stack: what calls within each other take, so many each besides their frames, at
 * the least and at the most; what is the device's own; and all of one for calls that have no known
 * end. */
#define WARP_FRAME_EXTRA 256
#define WARP_FRAMES_LEAST ((uint64_t)768 << 10)
#define WARP_FRAMES_MAX ((uint64_t)4 << 20)
#define WARP_STACK_OWN ((uint64_t)256 << 10)
#define WARP_STACK_DEEP ((uint64_t)16 << 20)

struct warp;
struct textures;

/* The address of a module's function, by its number: nobody's memory. */
#define WARP_FUNCTION_ADDRESS(number) (UINT64_C(0xF000000000000000) | (uint64_t)(number) << 4)

#define WARP_ACCESS_MAX 16 /* bytes of a lane, by one call */

/* Bounds of the allocation that an access met last: one for each access in a kernel, of all warps
 * of a block. Its elements are what a lane has of it, up to WARP_ACCESS_MAX. */
struct warp_site {
    uint64_t start, end; /* end: the first address that is not in it */
    uint64_t places;     /* where a whole warp's row may begin: start, and each element behind it */
};

#define WARP_NO_SITE UINT32_MAX /* which one it was is not known */

enum warp_fault {
    WARP_FAULT_NONE,
    WARP_FAULT_ADDRESS,
    WARP_FAULT_MISALIGNED,
    WARP_FAULT_TRAP,
    WARP_FAULT_ASSERT,
    WARP_FAULT_TIMEOUT,
    WARP_FAULT_STACK,
    WARP_FAULT_TEXTURE,  /* no such texture or surface, or outside of a surface */
    WARP_FAULT_FUNCTION, /* a call of an address that is no function's */
    WARP_FAULT_HEAP,     /* free of what malloc did not give */
};

/* Bits of the word that describes an access: its size in bytes, and what is done. */
#define WARP_ACCESS_WRITE 0x100u
#define WARP_ACCESS_SIZE 0xFFu
#define WARP_ACCESS_SAME 0x200u /* of reach: all lanes read one place */

/* Bits of that word, and of an atomic's operation: PTX ISA 8.5, which checks look at. Strong
 * accesses are for threads of the block or for all; the others are weak. */
#define WARP_ORDER_BLOCK 0x10000u
#define WARP_ORDER_ALL 0x20000u
#define WARP_ORDER_ACQUIRE 0x40000u
#define WARP_ORDER_RELEASE 0x80000u
#define WARP_ORDER_SYSTEM 0x100000u /* and for the host's threads */

/* What checked code tells of what it does with other threads. */
enum warp_event {
    WARP_EVENT_FENCE_BLOCK, /* orders for the threads of the block */
    WARP_EVENT_FENCE,       /* and for all */
    WARP_EVENT_MEETING,     /* a .sync instruction begins, of the lanes that each lane names */
    WARP_EVENT_TOGETHER,    /* they have met */
    WARP_EVENT_BARRIER,     /* the next call is the barrier's, whose number each lane names */
    WARP_EVENT_ALIGNED,     /* so it is, and all lanes that are left should come here */
    WARP_EVENT_EXIT,        /* these lanes are done */
    WARP_EVENT_COMMIT,      /* their asynchronous copies are a group */
    WARP_EVENT_WAIT_GROUP,  /* all but the last groups are over, as many as each lane names */
    WARP_EVENT_WAIT_ALL,    /* all their copies are */
};

struct check_warp;

#define WARP_WARPS_MAX 32   /* of a block */
#define WARP_BLOCKS_MAX 256 /* that code goes through at one time */

/* Instructions between two pauses; a warp that looks at what others do has fewer. */
#define WARP_FUEL 4096

struct warp {
    const uint32_t (*tids)[3][WARP_LANES]; /* of each warp: x, y and z; aligned as vectors */
    uint32_t ctaid[3], ntid[3], nctaid[3];
    uint32_t blocks; /* that code which runs whole ones still runs, this one and behind it in x */
    uint32_t live;   /* the lanes that are left; where the warp has parted, those of this path */
    uint32_t others; /* those of other paths */
    int32_t fuel;    /* instructions until it pauses */
    uint32_t warpid, nwarpid;
    const unsigned char *params;
    uint64_t param_size;
    unsigned char *shared;
    uint64_t shared_size, dynamic_shared; /* all of it, and what is dynamic of it */
    unsigned char *local;                 /* of lane 0 */
    uint64_t local_stride;           /* from a lane's to the next one's, which is a lane's size */
    uint32_t depth_max;              /* calls within each other */
    unsigned char *const *variables; /* of the module */
    struct warp_site *sites;
    const volatile uint32_t *stop; /* not 0: the kernel is to end */
    uint64_t is_alone; /* not 0: no other host thread looks at memory; of .sys, atomics do */
    /* The address of the launch's own memory, in %envreg1 (high) and %envreg2, where NVIDIA's
     * cooperative_groups.h looks for it; 0: the launch is no cooperative one. */
    uint64_t workspace;
    uint64_t gridid;
    uint32_t nsmid;

    /* For code that runs all warps of a block, which sets warpid and local for each. */
    const uint8_t *order;  /* the warps in turn */
    uint32_t row;          /* of the warps in turn, how many lie beside each other in x */
    unsigned char *locals; /* of the first one */
    unsigned char *kept;   /* memory for each */
    uint32_t last_lanes;   /* that there are of the last one */

    /* The lanes of the next pause are some of these, one behind the other. 0: they are the warp's.
     */
    uint32_t packed;

    /* Each lane of the mask reads or writes `size` bytes at its address; values lie beside each
     * other. Checked exactly; a fault does not return. */
    void (*gather)(struct warp *warp, void *values, const uint64_t *addresses, uint32_t mask,
                   uint32_t access, uint32_t site);
    void (*scatter)(struct warp *warp, const void *values, const uint64_t *addresses, uint32_t mask,
                    uint32_t access, uint32_t site);
    /* operation: enum warp_atomic; old values come back. */
    void (*atomic)(struct warp *warp, void *old, const uint64_t *addresses, const void *b,
                   const void *c, uint32_t mask, uint32_t operation, uint32_t site);
    /*
     * What may wait. Lanes that stand elsewhere go on meanwhile, from the same place in the code:
     * when one of these returns, `live` has none, or only some of the lanes that called it.
     */
    /* For the other threads of the block: barrier `number`, `threads` of them or 0 for all. */
    uint32_t (*barrier)(struct warp *warp, uint32_t number, uint32_t threads, uint32_t mask,
                        uint32_t votes, uint32_t operation);
    /* The same, where each lane has its own. */
    uint32_t (*barriers)(struct warp *warp, const uint32_t *numbers, const uint32_t *threads,
                         uint32_t mask, uint32_t votes, uint32_t operation);
    /* For the lanes of each lane's mask, that come to an instruction of the same key. Their values
     * are put beside those of `lanes`. */
    void (*meet)(struct warp *warp, void *values, const uint32_t *masks, uint32_t lanes,
                 uint32_t size, uint32_t key);
    /* Lets others run, fills up the fuel, and ends a kernel that is to end. kind: enum warp_pause
     */
    void (*pause)(struct warp *warp, uint32_t lanes, uint32_t kind);
    void (*fault)(struct warp *warp, uint32_t fault, uint32_t site, uint32_t mask);
    /* A function of enum warp_function over the lanes: arrays of 32 values. */
    void (*function)(struct warp *warp, uint32_t number, void *result, const void *a, const void *b,
                     const void *c);
    /* Of the values of each lane's members: an operation of enum warp_atomic on 32 bits. */
    void (*reduce)(uint32_t *results, const uint32_t *values, const uint32_t *members,
                   uint32_t lanes, uint32_t operation);
    /* Of each lane's members, those whose value is the same. */
    void (*match)(uint32_t *results, const uint64_t *values, const uint32_t *members,
                  uint32_t lanes);
    /* malloc and free of each lane: the device's heap. */
    void (*allocate)(struct warp *warp, uint64_t *addresses, const uint64_t *sizes, uint32_t lanes);
    void (*free)(struct warp *warp, const uint64_t *addresses, uint32_t lanes);
    /* Says what a failed assertion of the first lane is, and ends the kernel: addresses of the
     * expression, the file and the function. */
    void (*assertion)(struct warp *warp, const uint64_t *expressions, const uint64_t *files,
                      const uint64_t *functions, const uint32_t *lines, uint32_t lanes,
                      uint32_t site);
    uint64_t (*nanoseconds)(void); /* %globaltimer */
    /* results[i] = sources[indices[i]], of words */
    void (*permute)(uint32_t *results, const uint32_t *sources, const uint32_t *indices);
    /* Bytes within each lane's local memory. */
    void (*copy)(struct warp *warp, uint64_t to, uint64_t from, uint64_t size, uint32_t mask);
    /* D = A * B + C of fragments, in each of which the registers follow each other, 32 lanes beside
     * each other. form: struct matrix_form. */
    void (*multiply)(struct warp *warp, void *d, const void *a, const void *b, const void *c,
                     uint64_t form, uint32_t lanes);
    /* The same of a sparse A, with each lane's metadata. */
    void (*multiply_sparse)(struct warp *warp, void *d, const void *a, const void *b, const void *c,
                            const uint32_t *metadata, uint64_t form, uint32_t lanes);
    /* A fragment from memory or to it, by gather and scatter. stride: elements. */
    void (*load_matrix)(struct warp *warp, void *registers, uint64_t address, uint64_t stride,
                        uint64_t form, uint32_t lanes, uint32_t site);
    void (*store_matrix)(struct warp *warp, const void *registers, uint64_t address,
                         uint64_t stride, uint64_t form, uint32_t lanes, uint32_t site);
    /* On the mbarrier at each lane's address. Results: the state before; whether a wait is over. */
    void (*mbarrier)(struct warp *warp, uint64_t *results, const uint64_t *addresses,
                     const uint64_t *operands, uint32_t mask, uint32_t operation, uint32_t site);
    /* Each lane writes `size` bytes, of which so many are read, and the rest is zero. By gather at
     * the site and scatter at the next one, as those below. */
    void (*copy_async)(struct warp *warp, const uint64_t *to, const uint64_t *from,
                       const uint64_t *sizes, uint32_t mask, uint32_t size, uint32_t site);
    void (*copy_bulk)(struct warp *warp, const uint64_t *to, const uint64_t *from,
                      const uint64_t *sizes, uint32_t mask, uint32_t site);
    void (*reduce_bulk)(struct warp *warp, const uint64_t *to, const uint64_t *from,
                        const uint64_t *sizes, uint32_t mask, uint32_t operation, uint32_t size,
                        uint32_t site);
    /* A struct texture_request or surface_request. form: struct texture_form. By gather and scatter
     * at the site. */
    void (*texture)(struct warp *warp, void *request, uint64_t form, uint32_t mask, uint32_t site);
    struct textures *textures; /* that there are; NULL: none */
    /* printf of each lane: the format's address, and that of the values. Their numbers come back.
     */
    void (*print)(struct warp *warp, int32_t *results, const uint64_t *formats,
                  const uint64_t *values, uint32_t mask);

    struct check_warp *check; /* NULL: nothing is checked but bounds */
    /* Checked code asks whether lanes, that all take part and lie beside each other, may do their
     * access in line, which is then known; or so many accesses, each behind the one before, of
     * sites from this one on. 0: they do it by gather or scatter. */
    uint32_t (*reach)(struct warp *warp, uint64_t first, uint32_t access, uint32_t site,
                      uint32_t count);
    /* What lanes name, or NULL. Only checked code calls it. */
    void (*event)(struct warp *warp, uint32_t event, const uint32_t *named, uint32_t lanes,
                  uint32_t site);
};

enum warp_pause {
    WARP_PAUSE_WORKS, /* the lanes need nobody */
    WARP_PAUSE_RESTS, /* nor do they; but others touch memory beside theirs */
    WARP_PAUSE_POLLS, /* they may wait for what others do */
    WARP_PAUSE_WAITS, /* they do, for threads of the block */
};

#define WARP_NAMED_BARRIERS 16                   /* of a block, that code names */
#define WARP_CLUSTER_BARRIER WARP_NAMED_BARRIERS /* and its cluster's, which is one block */
#define WARP_BARRIERS (WARP_NAMED_BARRIERS + 1)

enum warp_barrier {
    WARP_BARRIER_SYNC,
    WARP_BARRIER_ARRIVE,
    WARP_BARRIER_POPC,
    WARP_BARRIER_AND,
    WARP_BARRIER_OR
};

enum warp_mbarrier {
    WARP_MBARRIER_INIT,
    WARP_MBARRIER_INVAL,
    WARP_MBARRIER_EXPECT_TX,
    WARP_MBARRIER_COMPLETE_TX,
    WARP_MBARRIER_ARRIVE,
    WARP_MBARRIER_ARRIVE_DROP,
    WARP_MBARRIER_ARRIVE_EXPECT_TX,
    WARP_MBARRIER_ARRIVE_DROP_EXPECT_TX,
    WARP_MBARRIER_WAIT,
    WARP_MBARRIER_WAIT_PARITY,
};

#define WARP_MBARRIER_PENDING 0xFFFFFu /* of a state: the arrivals that it waits for */

/* operation of atomic: what is done, and on which type. */
enum warp_atomic {
    WARP_ATOMIC_ADD,
    WARP_ATOMIC_MIN,
    WARP_ATOMIC_MAX,
    WARP_ATOMIC_AND,
    WARP_ATOMIC_OR,
    WARP_ATOMIC_XOR,
    WARP_ATOMIC_EXCH,
    WARP_ATOMIC_CAS,
    WARP_ATOMIC_INC,
    WARP_ATOMIC_DEC,
};

#define WARP_ATOMIC_TYPE_SHIFT 8
enum warp_type {
    WARP_U32,
    WARP_S32,
    WARP_U64,
    WARP_S64,
    WARP_F32,
    WARP_F32_FTZ, /* what an F32 in global memory is */
    WARP_F64,
    WARP_B16,
    WARP_F16,
    WARP_BF16,
    WARP_F16X2,
    WARP_BF16X2,
    WARP_B128, /* exchanged and compared */
};

#endif
