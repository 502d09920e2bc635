/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the CUDA driver API.
 *
 * Everything that a program has a handle of is an object of a context, in bookkeeping memory.
 * Contexts, functions' tables and what else can be known here is this side's alone; the worker has
 * modules, streams, events and so on by numbers that are chosen here (protocol/cuda_command.h), and
 * carries out what a carrier brings it.
 *
 * A call of the API begins with cuda_enter or cuda_enter_context, checks its arguments, and then
 * queues (cuda_put: no round trip) or asks (cuda_ask: one).
 */
#ifndef FIRMWARE_CUDA_INTERNAL_H
#define FIRMWARE_CUDA_INTERNAL_H

#include "baregpu/cuda.h"

#include "baregpu/barrier.h"
#include "baregpu/hal.h"
#include "firmware/common/local_data.h"
#include "firmware/common/mem.h"
#include "protocol/cuda_command.h"

struct cuda_device;
struct cuda_context;
struct cuda_launch;

/* ---- Bookkeeping memory (store.c): of all devices together ---- */

/* Gives `size` bytes to the store. */
void cuda_store_add(void *memory, size_t size);
void cuda_store_reset(void);

/* Zeroed, aligned to 16. NULL: there is not as much. */
void *cuda_alloc(size_t size);
void cuda_free(void *memory); /* NULL is fine */

/* ---- Objects (object.c) ---- */

enum cuda_kind {
    CUDA_KIND_NONE, /* a free place */
    CUDA_KIND_CONTEXT,
    CUDA_KIND_STREAM,
    CUDA_KIND_EVENT,
    CUDA_KIND_MODULE,
    CUDA_KIND_LINK,
    CUDA_KIND_FUNCTION,
    CUDA_KIND_LIBRARY,
    CUDA_KIND_KERNEL,
    CUDA_KIND_ARRAY,
    CUDA_KIND_MIPMAP,
    CUDA_KIND_TEXTURE,
    CUDA_KIND_SURFACE,
    CUDA_KIND_POOL,
    CUDA_KIND_GRAPH,
    CUDA_KIND_NODE,
    CUDA_KIND_EXEC,
    CUDA_KIND_BLAS,
    CUDA_KIND_COUNT,
};

/* First in each of them. */
struct cuda_object {
    void *handle;                 /* what the program has */
    struct cuda_context *context; /* NULL: of none; it lasts until it is destroyed */
};

/*
 * A handle is a number: the place in the table in its low 24 bits, the kind in the 8 above them,
 * and above these how often that place was given out. So it is never an address, never below 16,
 * and one that is stale, foreign or of another kind is not found.
 */
#define CUDA_HANDLE_KIND_SHIFT 24u
#define CUDA_HANDLE_GENERATION_SHIFT 32u

struct cuda_place {
    uint64_t handle; /* of the object; of a free place the next one, without a kind */
    union {
        struct cuda_object *object;
        uint32_t next_free; /* CUDA_KIND_NONE; 0: it is the last */
    };
};

struct cuda_objects {
    struct cuda_place *places;
    uint64_t mask;       /* how many there are, a power of two, less one */
    uint32_t first_free; /* 0: none */
};

extern struct cuda_objects cuda_objects LOCAL_DATA;

void cuda_objects_reset(void);

/* `size` bytes that begin with a struct cuda_object; NULL: no memory. */
void *cuda_object_create(enum cuda_kind kind, size_t size, struct cuda_context *context);

/* Forgets the handle, and frees the object. */
void cuda_object_destroy(struct cuda_object *object);

static inline enum cuda_kind cuda_kind_of(uint64_t handle)
{
    return (enum cuda_kind)(uint8_t)(handle >> CUDA_HANDLE_KIND_SHIFT);
}

/* NULL: the handle is of no object of this kind. */
static inline void *cuda_find(const void *handle, enum cuda_kind kind)
{
    uint64_t number = (uint64_t)(uintptr_t)handle;
    const struct cuda_place *place = cuda_objects.places + (number & cuda_objects.mask);

    return ((place->handle ^ number) | (cuda_kind_of(number) ^ kind)) == 0 ? place->object : NULL;
}

/* The next one of this kind in this context (NULL: in any) behind `after` (NULL: the first). */
void *cuda_object_next(enum cuda_kind kind, const struct cuda_context *context,
                       const struct cuda_object *after);

/* Destroys all objects of a context: each kind by its own function, in the order of object.c's
 * table. Such a function tells the worker, frees what the object holds, and destroys it. */
void cuda_objects_destroy(struct cuda_context *context);
void cuda_stream_destroy(struct cuda_object *object);
void cuda_event_destroy(struct cuda_object *object);
void cuda_module_destroy(struct cuda_object *object);
void cuda_link_destroy(struct cuda_object *object);
void cuda_blas_destroy(struct cuda_object *object);
void cuda_exec_destroy(struct cuda_object *object);
void cuda_texture_destroy(struct cuda_object *object);
void cuda_surface_destroy(struct cuda_object *object);
void cuda_array_destroy(struct cuda_object *object);
void cuda_mipmap_destroy(struct cuda_object *object);

/* ---- Carriers: what brings operations to a worker ---- */

struct cuda_bytes {
    const void *bytes;
    size_t size;
};

static inline void cuda_bytes_copy(void *to, struct cuda_bytes from)
{
    if (from.size != 0) {
        memcpy(to, from.bytes, from.size);
    }
}

/* A part of them; empty where not all of it is there. */
static inline struct cuda_bytes cuda_bytes_part(struct cuda_bytes bytes, uint64_t offset,
                                                uint64_t size)
{
    return bytes.bytes != NULL && offset <= bytes.size && size <= bytes.size - offset
               ? (struct cuda_bytes){(const uint8_t *)bytes.bytes + offset, size}
               : (struct cuda_bytes){NULL, 0};
}

/* What parameters leave of the last 16 bytes; a call of memset takes longer than all of a launch.
 */
static inline void cuda_clear_last(uint8_t *quad)
{
    __builtin_memset(__builtin_assume_aligned(quad, 16), 0, 16);
}

#define CUDA_CALL_PARAMS_MAX 256u

/* An operation with an answer. */
struct cuda_call {
    uint32_t operation; /* enum bg_cuda_command */
    struct cuda_bytes params,
        extra;              /* one behind the other, together at most CUDA_CALL_PARAMS_MAX */
    struct cuda_bytes data; /* of any size: what does not fit is staged */
    void *answer;           /* where it goes, */
    size_t answer_room;     /* what fits of it; what does not may be fetched (cuda_fetch) */
    size_t answer_size;     /* set: of the whole answer */
};

struct cuda_carrier {
    /* At cuInit: finds what there is of a heap, and sets data_max and so on. */
    CUresult (*open)(struct cuda_device *device);
    void (*close)(struct cuda_device *device);

    /* A new session of the worker, after the last one was lost. */
    CUresult (*restart)(struct cuda_device *device);

    /* Is it lost? Looks at memory only. 0 or a bg_error. */
    int (*check)(struct cuda_device *device);

    /*
     * One without an answer: begin gives room for so many bytes of parameters, a multiple of four,
     * at most params_max; when they are written end sends them. On the mailbox end returns the
     * operation's result, on the ring CUDA_SUCCESS, or how it was lost.
     */
    CUresult (*begin)(struct cuda_device *device, uint32_t operation, uint32_t size, void **params);
    CUresult (*end)(struct cuda_device *device);

    /* Of devices that have a ring: looks for room in it for a command that is written there
     * (bg_pvgpu_quick_look), and wakes a backend that sleeps. */
    bool (*look)(struct cuda_device *device, uint32_t size);
    void (*wake)(struct cuda_device *device);

    /* Carried out by the worker when it returns: the result. The data fits; of the answer comes
     * what fits. */
    CUresult (*call)(struct cuda_device *device, struct cuda_call *call);

    /* With a page: waits for what a mark announces (bg_pvgpu_wait), for as long as it takes. 1, or
     * an error of the loop's or the carrier's. */
    int (*wait)(struct cuda_device *device, const struct bg_wait_loop *loop);

    /* Memory of the heap, where there is one: 0 or a bg_error. */
    int (*host_alloc)(struct cuda_device *device, size_t size, struct bg_pvgpu_memory *memory);
    void (*host_free)(struct cuda_device *device, const struct bg_pvgpu_memory *memory);

    /* Where it is; NULL: on no bus that is known. */
    const struct bg_pci_device *(*find_pci)(const struct cuda_device *device);
};

/* What a carrier's call returned (a bg_error), as a CUresult; a loss is noted in the device. */
CUresult cuda_carrier_failed(struct cuda_device *device, int error);

/* ---- Devices (device.c) and their sessions (session.c) ---- */

/* A piece of the heap that copies of ordinary memory go through (staging.c). It is filled from its
 * start on by copies of one stream; all of it is free again when these are done. */
struct cuda_piece {
    uint8_t *bytes;
    uint64_t offset; /* in the heap */
    uint32_t used;   /* bytes */
    uint32_t stream; /* whose copies use it */
    uint64_t mark;   /* behind them, once the other piece is being filled */
};

#define CUDA_PIECES 2u

struct cuda_primary {
    struct cuda_context *context; /* NULL: not active */
    unsigned references, flags;
};

/* What the worker calls things by: a bit each that is in use; and of each stream the last mark that
 * was asked for, and whether something was queued behind it. */
struct cuda_numbers {
    uint64_t streams[BG_CUDA_STREAMS_MAX / 64];
    uint64_t events[BG_CUDA_EVENTS_MAX / 64];
    uint64_t modules[BG_CUDA_MODULES_MAX / 64];
    uint64_t arrays[BG_CUDA_ARRAYS_MAX / 64];
    uint64_t graphs[BG_CUDA_GRAPHS_MAX / 64];
    uint64_t marks[BG_CUDA_STREAMS_MAX];
    bool is_queued[BG_CUDA_STREAMS_MAX];
};

/* Memory that operations may touch, sorted by address. */
struct cuda_range {
    CUdeviceptr start;
    uint64_t size;
    struct cuda_context *context;
    uint32_t kind;     /* enum cuda_range_kind */
    uint32_t module;   /* CUDA_RANGE_GLOBAL: whose it is */
    CUmemoryPool pool; /* CUDA_RANGE_ASYNC: of which it is */
};

/* What a launch may ask for. */
struct cuda_launch_limits {
    int32_t grid[3], block[3], threads;
};

struct cuda_device {
    const struct cuda_carrier *carrier;
    void *gpu;             /* struct bg_pvgpu, struct bg_vgpu_stub */
    struct bg_pvgpu *ring; /* launches may be written straight into it; NULL: there is none */
    CUdevice number;
    struct bg_cuda_device info;
    struct cuda_launch_limits limits; /* of it */
    struct cuda_primary primary;

    /* Of the carrier. */
    uint32_t params_max;           /* of an operation without an answer, in bytes */
    uint32_t data_max, answer_max; /* of one call */
    uint32_t losses;               /* of struct bg_pvgpu, seen */
    struct bg_pvgpu_memory memory; /* of the heap: all that follows */
    uint8_t *transfer;             /* data of calls, and answers behind it */
    uint8_t *heap;                 /* NULL: there is none, and no page, so no marks */
    uint64_t heap_size;
    struct bg_cuda_page *page;
    struct cuda_piece pieces[CUDA_PIECES];
    uint32_t piece_size, piece; /* bytes of each; the one that is being filled */
    CUdeviceptr detour;         /* without a heap: see copy_run.c; 0: none yet */

    /* The session. */
    bool is_started;
    CUresult error;        /* what ended it: each call of its contexts returns it */
    uint32_t failures;     /* of the page, seen */
    bool prints;           /* a module that prints was loaded */
    uint64_t work;         /* how much was queued */
    uint64_t printed_work; /* how much of it there was when text was fetched */

    struct cuda_numbers numbers;

    struct cuda_range *ranges;
    uint32_t range_count, range_room;
    CUmemoryPool pool;       /* cuDeviceSetMemPool; NULL: the default one */
    struct cuda_host *hosts; /* guest memory that was allocated or registered */
};

/* All there is. */
struct cuda {
    bool is_initialized;
    bool is_launch_blocking;
    bool is_in_callback; /* a host function runs: calls are CUDA_ERROR_NOT_PERMITTED */
    unsigned device_count;
    struct cuda_device *devices[BG_CUDA_DEVICES_MAX];
    bg_cuda_console *console;
    void *console_context;
};

extern struct cuda cuda LOCAL_DATA;

/* As bg_cuda_add_pvgpu. */
int cuda_device_add(const struct cuda_carrier *carrier, void *gpu, void *memory, size_t size);

/* NULL: there is no such one. */
static inline struct cuda_device *cuda_device_of(CUdevice number)
{
    return number >= 0 && (unsigned)number < cuda.device_count ? cuda.devices[number] : NULL;
}

/* A number that is not in use, which it is from now on; `count` of them: all are. */
uint32_t cuda_number_take(uint64_t *used, uint32_t count);
void cuda_number_give(uint64_t *used, uint32_t number);

/* Queues. `extra` follows `params`. The first error that is known: a sticky one, the carrier's, or,
 * on the mailbox, the operation's own. */
CUresult cuda_put(struct cuda_device *device, uint32_t operation, const void *params, size_t size);
CUresult cuda_put_extra(struct cuda_device *device, uint32_t operation, struct cuda_bytes params,
                        struct cuda_bytes extra);

/* The next one goes into a stream. */
static inline void cuda_queue(struct cuda_device *device, uint32_t stream)
{
    device->numbers.is_queued[stream] = true;
    device->work++;
}

#define CUDA_PUT(device, operation, params) cuda_put(device, operation, &(params), sizeof(params))

/* The same for what a stream is to do. */
#define CUDA_PUT_IN(device, stream, operation, params)                                             \
    (cuda_queue(device, stream), CUDA_PUT(device, operation, params))

/* Asks: params and what the answer fills are structs; an answer of another size is a malformed one,
 * CUDA_ERROR_UNKNOWN. */
CUresult cuda_call(struct cuda_device *device, struct cuda_call *call);
CUresult cuda_ask(struct cuda_device *device, uint32_t operation, const void *params, size_t size,
                  void *answer, size_t answer_size);

/* More of the answer of the last call, from `offset` on. */
CUresult cuda_fetch(struct cuda_device *device, size_t offset, void *to, size_t size);

/* Keeps all of a call's answer, of which there was room for a part, in memory that cuda_free gives
 * back. Nothing is kept where there is none. */
CUresult cuda_keep_answer(struct cuda_device *device, const struct cuda_call *call,
                          uint8_t **answer, size_t *size);

/* A result of the worker: one that ends everything is kept in device->error, and shows these last
 * words, if the carrier brought any. */
CUresult cuda_note(struct cuda_device *device, uint32_t number, struct cuda_bytes words);

/* What came of a call: its results, and as much of the answer as there is room for. One that is
 * shorter ends everything: CUDA_ERROR_UNKNOWN. */
CUresult cuda_take_answer(struct cuda_device *device, struct cuda_call *call,
                          const uint32_t results[2], struct cuda_bytes answer);

/* device->error, after a look at the page and the carrier. */
CUresult cuda_check(struct cuda_device *device);

/* An operation that could not be carried out, since this was asked last: its error, once. */
CUresult cuda_take_failure(struct cuda_device *device);

/* Begins a session if there is none. */
CUresult cuda_session_start(struct cuda_device *device);

/* A number that was taken is given back: `operation`, with a bg_cuda_handle, tells the worker,
 * unless the object's session is gone. */
void cuda_retire(const struct cuda_object *object, uint32_t operation, uint64_t *used,
                 uint32_t number);
void cuda_session_end(struct cuda_device *device);

/* ---- Contexts (context.c) ---- */

/* A stream; the two that are always there lie in their context, and have no object of their own. */
struct cuda_stream {
    struct cuda_object object;
    uint32_t number; /* the worker's */
    unsigned flags;  /* CUstream_flags */
    int priority;
    uint64_t id;
    struct cuda_capture *capture;  /* NULL: it is not captured */
    CUstreamAttrValue *attributes; /* NULL: none was set */
};

struct cuda_context {
    struct cuda_object object;
    struct cuda_device *device;
    uint64_t id;
    unsigned flags;
    bool is_primary;
    CUresult error; /* its session was lost: all calls return this */
    CUfunc_cache cache;
    unsigned captured; /* how many of its streams are (capture.h) */
    struct cuda_stream legacy, per_thread;
};

/* The top of the stack; NULL: none. Kept by context.c; it may have become invalid since: enter. */
extern struct cuda_context *cuda_current LOCAL_DATA;

/* CUDA_ERROR_NOT_INITIALIZED, CUDA_ERROR_NOT_PERMITTED (in a host function). */
CUresult cuda_enter(void);

/* The same, with a current context that works: CUDA_ERROR_INVALID_CONTEXT,
 * CUDA_ERROR_CONTEXT_IS_DESTROYED, or the error that it died of. */
CUresult cuda_enter_context(struct cuda_context **context);

/* Nothing is current. */
void cuda_contexts_reset(void);

/* NULL stands for the current one. CUDA_ERROR_INVALID_CONTEXT. */
CUresult cuda_context_of(CUcontext handle, struct cuda_context **context);

/* Its objects can still be told to the worker. */
static inline bool cuda_is_alive(const struct cuda_context *context)
{
    return context->error == CUDA_SUCCESS;
}

/* ---- Streams, events (stream.c, event.c) ---- */

/* CUDA_ERROR_INVALID_HANDLE; CUDA_ERROR_INVALID_CONTEXT: it is of another context. */
CUresult cuda_stream_of(struct cuda_context *context, CUstream handle, struct cuda_stream **stream);

/* A new stream's id. */
uint64_t cuda_stream_next_id(void);

/* Until all is done that was queued: then what was printed is shown, and an earlier failure is
 * returned if there was one. The look is CUDA_ERROR_NOT_READY instead. */
CUresult cuda_stream_wait(struct cuda_stream *stream);
CUresult cuda_stream_look(struct cuda_stream *stream);
CUresult cuda_context_wait(struct cuda_context *context);

/* Queues a mark, and gives its value; or that of the last one, if nothing was queued since. Only
 * with a page. */
CUresult cuda_mark(struct cuda_device *device, uint32_t stream, uint64_t *value);

/* One at which the stream then waits for acknowledged[]. */
CUresult cuda_mark_host(struct cuda_device *device, uint32_t stream, uint64_t *value);
CUresult cuda_mark_end(struct cuda_device *device, uint32_t stream, uint64_t *value);
bool cuda_mark_has_passed(struct cuda_device *device, uint32_t stream, uint64_t value);
CUresult cuda_mark_wait(struct cuda_device *device, uint32_t stream, uint64_t value);

/* Looks once at what goes on: what ended, what host functions are due (host.c). In every wait. */
CUresult cuda_poll(struct cuda_device *device);

/* Has the console what was printed. After every wait. */
void cuda_print(struct cuda_device *device);

/* The same with what the worker left when it ended: these bytes, or what is in the page. */
void cuda_print_words(struct cuda_bytes words);
void cuda_print_page(struct cuda_device *device);

/* The end of every wait: shows what was printed, and gives the first error: `result`, the
 * session's, an earlier failure's. */
CUresult cuda_wait_end(struct cuda_device *device, CUresult result);

struct cuda_event {
    struct cuda_object object;
    uint32_t number;
    unsigned flags; /* CUevent_flags */
    bool is_recorded;
    uint32_t stream; /* in which */
    uint64_t mark;
    struct cuda_capture *capture; /* it was recorded in */
};

/* Of one context. */
CUresult cuda_event_record(struct cuda_event *event, struct cuda_stream *stream);
CUresult cuda_event_set_recorded(struct cuda_event *event, struct cuda_stream *stream);
CUresult cuda_stream_wait_event(struct cuda_stream *stream, struct cuda_event *event);
CUresult cuda_event_wait(struct cuda_event *event);

/* ---- Names (error.c) ---- */

bool cuda_is_same_name(const char *a, const char *b);

/* ---- Modules, functions (module.c, function.c) ---- */

struct cuda_module {
    struct cuda_object object;
    uint32_t number; /* BG_CUDA_MODULES_MAX: it got none */
    uint32_t function_count;
    struct cuda_function **functions;   /* by number; NULL where nobody has asked yet */
    bool is_loaded;                     /* the worker has it */
    const struct cuda_library *library; /* whose it is: cuModuleUnload does not unload it */
    bool prints;
    /* The worker's answer, checked, and what is in it. */
    uint8_t *answer;
    size_t answer_size;
    const struct bg_cuda_function *descriptions;
    const struct bg_cuda_param *params; /* of all functions */
    const char *names;
};

/* A launch as it is in a ring; the parameters follow. */
struct cuda_launch_command {
    _Alignas(16) struct bg_pvgpu_compute compute;
    struct bg_cuda_launch launch;
};

struct cuda_function {
    struct cuda_object object;
    struct cuda_module *module;
    uint32_t number;
    uint32_t param_count;
    uint32_t params_size;
    const struct bg_cuda_param *params;
    bool params_are_plain; /* each of 4 or 8 bytes, at a multiple of that */
    const char *name;
    int attributes[BG_CUDA_FUNCTION_ATTRIBUTES];
    /* The last launch that was found good, but for its stream; grid[0] is 0: there is none. */
    struct cuda_launch_command ready;
};

/* Loads; the JIT's options as cuModuleLoadDataEx has them. */
CUresult cuda_module_load(struct cuda_context *context, const void *image, unsigned count,
                          const CUjit_option *options, void **values, struct cuda_module **module);

/* `number` is below function_count. */
CUresult cuda_module_function(struct cuda_module *module, uint32_t number,
                              struct cuda_function **function);

/* By name: CUDA_ERROR_NOT_FOUND. Address and size may be NULL. */
CUresult cuda_module_find(struct cuda_module *module, const char *name,
                          struct cuda_function **function);
CUresult cuda_module_global(struct cuda_module *module, const char *name, CUdeviceptr *address,
                            size_t *size);

/* A CUfunction of this context, or a CUkernel, whose library it loads then.
 * CUDA_ERROR_INVALID_HANDLE. */
CUresult cuda_function_of(struct cuda_context *context, CUfunction handle,
                          struct cuda_function **function);

/* What functions and kernels are asked and told alike. `offset` is not NULL. */
CUresult cuda_function_attribute(const struct cuda_function *function,
                                 CUfunction_attribute attribute, int *value);
CUresult cuda_function_set(struct cuda_function *function, CUfunction_attribute attribute,
                           int value);
CUresult cuda_function_param(const struct cuda_function *function, size_t index, size_t *offset,
                             size_t *size);

/* Blocks that a multiprocessor runs at a time, as the worker says. `flags`: CUoccupancy_flags. */
CUresult cuda_occupancy(const struct cuda_function *function, int threads, size_t dynamic,
                        unsigned flags, int *blocks);

/* Where an image is and how long; that of a wrapper is the fat binary. CUDA_ERROR_INVALID_IMAGE. */
CUresult cuda_image_find(const void *image, struct cuda_bytes *found);

/* Whether one from the worker says of itself no more than is there, so that it may be looked for.
 */
bool cuda_image_is_whole(struct cuda_bytes image);

#define CUDA_JIT_LEVEL_MAX 4u

/* Where a log is wanted, and where its size comes from and goes to; NULL: it is not asked for. */
struct cuda_jit_log {
    char *buffer;
    size_t size;
    void **used;
};

struct cuda_jit {
    struct bg_cuda_module_load load;
    struct cuda_jit_log info, error;
    void **wall_time;
    uint64_t start_ns;
};

CUresult cuda_jit_read(unsigned count, const CUjit_option *options, void **values,
                       struct cuda_jit *jit);
void cuda_jit_tell(const struct cuda_jit *jit, struct cuda_bytes info, struct cuda_bytes error);

/* ---- Launches (launch.c) ---- */

struct cuda_launch {
    struct cuda_function *function;
    unsigned grid[3], block[3];
    unsigned dynamic_shared;
    unsigned flags; /* BG_CUDA_LAUNCH_* */
};

/* Checks what is asked for: the function's and the device's limits. */
CUresult cuda_launch_check(struct cuda_context *context, const struct cuda_launch *launch);

/* As the wire has it, without the parameters. */
static inline void cuda_launch_pack(const struct cuda_launch *launch, uint32_t stream,
                                    uint32_t param_size, struct bg_cuda_launch *head)
{
    *head = (struct bg_cuda_launch){
        .module = launch->function->module->number,
        .function = launch->function->number,
        .stream = stream,
        .flags = launch->flags,
        .grid = {launch->grid[0], launch->grid[1], launch->grid[2]},
        .block = {launch->block[0], launch->block[1], launch->block[2]},
        .dynamic_shared = launch->dynamic_shared,
        .param_size = param_size,
    };
}

/* cuLaunchKernel with every check; `launch` has no function yet. */
CUresult cuda_launch_any(CUfunction function, struct cuda_launch *launch, CUstream stream,
                         void **params, void **extra);

/* Queues it, checked. */
CUresult cuda_launch_put(const struct cuda_launch *launch, struct cuda_stream *stream,
                         void **params, void **extra);

/* The parameters' bytes, params_size of them, as kernelParams or extra give them. */
CUresult cuda_launch_params(const struct cuda_function *function, void **params, void **extra,
                            void *to);

/* ---- Memory (range.c, memory.c, host_memory.c, copy.c, fill.c) ---- */

enum cuda_range_kind {
    CUDA_RANGE_DEVICE, /* cuMemAlloc */
    CUDA_RANGE_ASYNC,  /* cuMemAllocAsync */
    CUDA_RANGE_GLOBAL, /* of a module: cuMemFree is not for it */
};

/* False: no memory for it. */
bool cuda_range_add(struct cuda_device *device, const struct cuda_range *range);
void cuda_range_remove(struct cuda_device *device, CUdeviceptr start);
void cuda_range_remove_all(struct cuda_device *device);

/* The one with this address in it; NULL: none. Until the next add or remove. */
struct cuda_range *cuda_range_find(struct cuda_device *device, CUdeviceptr address);

/* Are these bytes in one range, or in the heap? */
bool cuda_range_has(struct cuda_device *device, CUdeviceptr address, uint64_t size);

/* Where guest memory lies in the heap: true and its offset, for all `size` bytes. */
bool cuda_host_offset(const struct cuda_device *device, const void *memory, uint64_t size,
                      uint64_t *offset);

/* The allocation or registration of guest memory that has this device address in it. */
bool cuda_host_range(struct cuda_device *device, CUdeviceptr address, CUdeviceptr *start,
                     uint64_t *size);
void cuda_host_free_all(struct cuda_context *context);

/* May it be asked for? `stream` is not looked at. */
CUresult cuda_fill_check(struct cuda_context *context, const struct bg_cuda_fill *fill);

/* Room for a copy of a stream in the heap: *bytes, `size` of them, at most piece_size, until the
 * stream has done what is queued next. May wait for earlier copies. Only with a heap. */
CUresult cuda_staging_take(struct cuda_device *device, uint32_t stream, uint32_t size,
                           uint8_t **bytes, uint64_t *offset);

/* One side of a copy. */
enum cuda_side_kind {
    CUDA_SIDE_DEVICE,   /* place.offset: an address */
    CUDA_SIDE_HEAP,     /* place.offset */
    CUDA_SIDE_ARRAY,    /* place.array, level */
    CUDA_SIDE_ORDINARY, /* bytes: memory that the device does not have */
};

struct cuda_side {
    enum cuda_side_kind kind;
    uint8_t *bytes;              /* of memory of the guest's, also in the heap */
    struct bg_cuda_box_side box; /* all of it but for CUDA_SIDE_ORDINARY's place */
};

/* A copy that was checked: what is queued, copied by graphs, and captured. */
struct cuda_copy {
    struct cuda_side to, from;
    uint64_t width, height, depth; /* bytes, rows, slices; one of them 0: nothing is done */
};

CUresult cuda_copy_check(struct cuda_context *context, const CUDA_MEMCPY3D *asked,
                         struct cuda_copy *copy);

/* What the worker does by itself: neither side is ordinary memory. */
bool cuda_copy_is_remote(const struct cuda_copy *copy);
void cuda_copy_pack(const struct cuda_copy *copy, struct bg_cuda_copy_box *box);

/* Carries it out or queues it. Ordinary memory may be used again when it returns; is_synchronous:
 * so may memory of the heap, and what was copied is there. */
CUresult cuda_copy_run(struct cuda_stream *stream, const struct cuda_copy *copy,
                       bool is_synchronous);

/* Frees what a context has allocated. */
void cuda_memory_free_all(struct cuda_context *context);

/* ---- Arrays (array.c) ---- */

struct cuda_array {
    struct cuda_object object;
    uint32_t number; /* the worker's; a level of a mipmapped one has that one's */
    uint32_t level;
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    struct cuda_mipmap *mipmap; /* it is a level of; NULL: of none */
};

/* Bytes of an element; 0: the format is not known. */
unsigned cuda_array_element_size(const CUDA_ARRAY3D_DESCRIPTOR *descriptor);

#endif
