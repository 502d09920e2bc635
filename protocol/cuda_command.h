/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CUDA driver API as a guest asks for it: operations of compute.h, so both carriers have them.
 * docs/cuda.md tells how they are used.
 *
 * An operation's parameters (params[] of the carrier) are one of the structures below, then, where
 * that says so, more bytes up to a multiple of four. Its result is results[0], a CUresult; what
 * else it gives is the answer's data. The carrier's status is OK whenever there is a CUresult:
 * other statuses mean that the request itself was malformed.
 *
 * On the ring an operation without a place for its result is asynchronous in CUDA's sense: what
 * goes wrong is in the page (struct bg_cuda_page). Results are there when the operation has been
 * taken, and say nothing of what the streams still do: `done` of bg_pvgpu_compute_result is not
 * behind their work, and neither is a FENCE. On the mailbox each operation is answered.
 *
 * Handles (modules, streams, events, graphs, arrays) are numbers that the guest chooses, each kind
 * from 0 to its limit, so that nothing has to be asked for them. One that is in use, or not in use
 * where it should be, is CUDA_ERROR_INVALID_HANDLE.
 *
 * Device addresses are the device's own. What operations but launches may touch is what the session
 * has allocated, the globals that it has asked for, and the heap: else CUDA_ERROR_INVALID_VALUE.
 *
 * All fields are little-endian; sizes and pitches are in bytes. Fields named zero are 0.
 */
#ifndef BAREGPU_PROTOCOL_CUDA_COMMAND_H
#define BAREGPU_PROTOCOL_CUDA_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "decls.h" /* beside this file, also in a QEMU tree */

#define BG_CUDA_COMMAND_VERSION 1u

/* Numbers of compute.h. A number in this range that is not here is CUDA_ERROR_NOT_SUPPORTED. */
enum bg_cuda_command {
    BG_CUDA_INIT = 0x1100, /* bg_cuda_init; answer: bg_cuda_device. Before all others */
    BG_CUDA_END = 0x1101,  /* nothing; everything of the session is given back. Another INIT may
                            * follow. After a fatal error the carrier's session is over instead */

    /* What is longer than the carrier's data or answer, see below. */
    BG_CUDA_STAGE = 0x1102,  /* bg_cuda_stage; data */
    BG_CUDA_ANSWER = 0x1103, /* bg_cuda_answer; answer: that part of the last answer */

    BG_CUDA_PRINT = 0x1104, /* nothing; answer: text that kernels have printed, and lines about what
                             * they did wrong, as much as fits; the rest is for the next one */
    BG_CUDA_LIMIT_GET = 0x1105, /* bg_cuda_limit; answer: uint64_t */
    BG_CUDA_LIMIT_SET = 0x1106, /* bg_cuda_limit */

    BG_CUDA_MODULE_LOAD = 0x1110,   /* bg_cuda_module_load; data: the image; answer:
                                     * bg_cuda_module_answer and what it describes */
    BG_CUDA_MODULE_UNLOAD = 0x1111, /* bg_cuda_handle */
    BG_CUDA_MODULE_GLOBAL = 0x1112, /* bg_cuda_handle; data: the name, without NUL; answer:
                                     * bg_cuda_range */
    BG_CUDA_FUNCTION_SET = 0x1113,  /* bg_cuda_function_set; answer: bg_cuda_function */
    BG_CUDA_OCCUPANCY = 0x1114,     /* bg_cuda_occupancy; answer: int32_t blocks */
    BG_CUDA_LINK = 0x1115,          /* bg_cuda_module_load, whose module is 0; data: the inputs;
                                     * answer: bg_cuda_link_answer and what it describes */

    BG_CUDA_MEMORY_ALLOC = 0x1120, /* bg_cuda_memory_alloc; answer: bg_cuda_range */
    BG_CUDA_MEMORY_FREE = 0x1121,  /* bg_cuda_memory_free */
    BG_CUDA_MEMORY_INFO = 0x1122,  /* nothing; answer: bg_cuda_memory_info */
    BG_CUDA_FILL = 0x1123,         /* bg_cuda_fill */
    BG_CUDA_COPY = 0x1124,         /* bg_cuda_copy; data or answer when a place says so */
    BG_CUDA_COPY_BOX = 0x1125,     /* bg_cuda_copy_box */

    BG_CUDA_LAUNCH = 0x1130, /* bg_cuda_launch, then the kernel's parameters; more than the carrier
                              * has room for are data, and param_size 0 */

    BG_CUDA_STREAM_CREATE = 0x1140,  /* bg_cuda_stream_create */
    BG_CUDA_STREAM_DESTROY = 0x1141, /* bg_cuda_handle; its work goes on to the end */
    BG_CUDA_STREAM_WAIT = 0x1142,    /* bg_cuda_stream_event: the stream waits for the event */
    BG_CUDA_STREAM_MARK = 0x1143,    /* bg_cuda_mark. With a page only */
    BG_CUDA_STREAM_HOST = 0x1144,    /* bg_cuda_mark: the same, then the stream waits until the
                                      * guest has stored as much in acknowledged[]: the guest runs
                                      * a host function meanwhile. With a page only */
    BG_CUDA_STREAM_SYNC = 0x1145,    /* bg_cuda_handle; waits for the stream, or all of them
                                      * (BG_CUDA_ALL). For carriers without a page */
    BG_CUDA_STREAM_QUERY = 0x1146,   /* bg_cuda_handle; CUDA_ERROR_NOT_READY while it works */
    BG_CUDA_STREAM_WRITE = 0x1147,   /* bg_cuda_stream_value: the word becomes the value */
    BG_CUDA_STREAM_WATCH = 0x1148,   /* bg_cuda_stream_value: the stream waits for the word to be
                                      * so; CUDA_ERROR_ILLEGAL_ADDRESS ends everything when it is
                                      * given back meanwhile. With a page only */

    BG_CUDA_EVENT_CREATE = 0x1150,  /* bg_cuda_event_create */
    BG_CUDA_EVENT_DESTROY = 0x1151, /* bg_cuda_handle */
    BG_CUDA_EVENT_RECORD = 0x1152,  /* bg_cuda_event_record */
    BG_CUDA_EVENT_ELAPSED = 0x1153, /* bg_cuda_event_elapsed; answer: float, milliseconds */
    BG_CUDA_EVENT_SYNC = 0x1154,    /* bg_cuda_handle; waits. For carriers without a page, */
    BG_CUDA_EVENT_QUERY = 0x1155,   /* bg_cuda_handle; CUDA_ERROR_NOT_READY. So is this */

    BG_CUDA_GRAPH_CREATE = 0x1160,  /* bg_cuda_graph_create; data: its nodes, executable at once */
    BG_CUDA_GRAPH_UPDATE = 0x1161,  /* the same, of the same shape, in the place of one that is
                                     * there; CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE */
    BG_CUDA_GRAPH_LAUNCH = 0x1162,  /* bg_cuda_graph_launch */
    BG_CUDA_GRAPH_DESTROY = 0x1163, /* bg_cuda_handle */

    BG_CUDA_ARRAY_CREATE = 0x1170,    /* bg_cuda_array_create */
    BG_CUDA_ARRAY_DESTROY = 0x1171,   /* bg_cuda_handle */
    BG_CUDA_TEXTURE_CREATE = 0x1172,  /* bg_cuda_texture_create; answer: uint64_t, a CUtexObject */
    BG_CUDA_TEXTURE_DESTROY = 0x1173, /* bg_cuda_object */
    BG_CUDA_SURFACE_CREATE = 0x1174,  /* bg_cuda_surface_create; answer: uint64_t, a CUsurfObject */
    BG_CUDA_SURFACE_DESTROY = 0x1175, /* bg_cuda_object */

    BG_CUDA_BLAS = 0x1180, /* cuda_blas.h */

    BG_CUDA_LAST = 0x11FF,
};

/* ---- Limits of a session; above: CUDA_ERROR_OUT_OF_MEMORY, or what is said ---- */

#define BG_CUDA_STREAMS_MAX 256u /* with those that are always there */
/* Operations in streams that are not done, each node of a graph one. More wait until all of them
 * are; while STREAM_HOST holds one they are refused. */
#define BG_CUDA_QUEUED_MAX 16384u
/* What is given back while streams have work, and is gone later: pieces of memory, of which each
 * other object is as much as BG_CUDA_LEAVING_OBJECT. More of both wait, or are refused, as above.
 */
#define BG_CUDA_LEAVING_MAX 16384u
#define BG_CUDA_LEAVING_OBJECT 16u
#define BG_CUDA_EVENTS_MAX 4096u
#define BG_CUDA_MODULES_MAX 256u
#define BG_CUDA_FUNCTIONS_MAX 4096u        /* of a module */
#define BG_CUDA_IMAGE_SIZE_MAX (64u << 20) /* of a module: CUDA_ERROR_INVALID_IMAGE */
#define BG_CUDA_LOG_SIZE_MAX (64u << 10)   /* each of the two; longer ones are cut */
#define BG_CUDA_PARAMS_SIZE_MAX 32764u     /* of a kernel, CUDA's own */
#define BG_CUDA_PARAM_COUNT_MAX 4096u
#define BG_CUDA_LINK_INPUTS_MAX 256u
#define BG_CUDA_ALLOCATIONS_MAX 65536u
#define BG_CUDA_ARRAYS_MAX 1024u  /* mipmapped ones too */
#define BG_CUDA_OBJECTS_MAX 1024u /* textures and surfaces */
#define BG_CUDA_GRAPHS_MAX 256u
#define BG_CUDA_NODES_MAX 4096u           /* of a graph: CUDA_ERROR_INVALID_VALUE */
#define BG_CUDA_PRINT_SIZE_MAX (1u << 20) /* what is printed and not fetched; more is dropped */

/* Streams that are always there. */
#define BG_CUDA_STREAM_LEGACY 0u
#define BG_CUDA_STREAM_PER_THREAD 1u
#define BG_CUDA_STREAM_FIRST 2u /* of those that are created */

#define BG_CUDA_ALL 0xFFFFFFFFu  /* streams: all of them */
#define BG_CUDA_NONE 0xFFFFFFFFu /* a stream, an event: none */

/* ---- Start ---- */

/*
 * Shared memory that the worker writes and the guest reads, in the heap, zeroed by the guest before
 * INIT; 64-byte aligned. Words are stored with release.
 */
#define BG_CUDA_WORDS_SIZE 1024u

struct bg_cuda_page {
    uint32_t error;   /* a CUresult that ended everything: each call returns it until a new session;
                       * no mark will be written any more */
    uint32_t failure; /* the last CUresult of an operation without a place for its result that was
                       * not carried out; the session goes on */
    uint32_t failures; /* how many there were, stored behind `failure` */
    uint32_t zero[13];
    uint64_t completed[BG_CUDA_STREAMS_MAX];    /* marks, by stream */
    uint64_t acknowledged[BG_CUDA_STREAMS_MAX]; /* the guest's: see STREAM_HOST */
    /* Stored before `error`: what was printed and not fetched, and what the device says of its
     * fault; of more than there is room for the start and the end. The worker may have ended before
     * it could be asked. Without a page it is the answer of the operation whose result the error
     * is. */
    uint32_t words_size, zero_too;
    char words[BG_CUDA_WORDS_SIZE];
};

struct bg_cuda_init {
    uint32_t version;     /* BG_CUDA_COMMAND_VERSION; another one: CUDA_ERROR_NOT_SUPPORTED */
    uint32_t page_offset; /* struct bg_cuda_page in the heap; BG_CUDA_NONE: there is none */
};

enum bg_cuda_provider {
    BG_CUDA_PROVIDER_GPU = 1, /* NVIDIA's driver */
    BG_CUDA_PROVIDER_CPU = 2, /* the CUDA device on the CPU */
};

#define BG_CUDA_ATTRIBUTES 160u /* numbered as CUdevice_attribute; those not known are 0 */
#define BG_CUDA_NAME_SIZE 64u   /* NUL included */

struct bg_cuda_device {
    uint32_t provider; /* enum bg_cuda_provider */
    uint32_t driver_version;
    uint64_t memory_total;
    uint64_t memory_limit; /* what the session may allocate */
    uint64_t heap_address; /* what kernels call the heap's start; 0: there is no heap */
    uint32_t has_blas;     /* BG_CUDA_BLAS works */
    int32_t greatest_priority, least_priority; /* of streams */
    uint32_t zero;
    uint8_t uuid[16];
    char name[BG_CUDA_NAME_SIZE];
    int32_t attributes[BG_CUDA_ATTRIBUTES];
};

/*
 * Data longer than the carrier takes: pieces, in order, the first at offset 0; the next operation
 * that has data takes all of them when its own data_size is 0. Another total, or a piece that does
 * not follow: CUDA_ERROR_INVALID_VALUE, and what is there is forgotten.
 *
 * An answer longer than there is room for: results[1] is its whole size, what fits is there, and
 * the rest can be fetched until the next operation that has an answer.
 */
struct bg_cuda_stage {
    uint32_t offset, total; /* total: at most BG_CUDA_IMAGE_SIZE_MAX */
};

struct bg_cuda_answer {
    uint32_t offset;
};

struct bg_cuda_limit {
    uint32_t limit; /* CUlimit */
    uint32_t zero;
    uint64_t value; /* LIMIT_GET: 0 */
};

struct bg_cuda_handle {
    uint32_t handle;
};

/* ---- Modules ---- */

struct bg_cuda_module_load {
    uint32_t module;
    uint32_t info_log_size, error_log_size; /* wanted, NUL not counted */
    uint32_t max_registers;                 /* of a thread; 0: any */
    uint32_t target;                        /* CUjit_target; 0: the device's */
    uint32_t optimization_level;            /* 0 to 4 */
    uint32_t flags;                         /* BG_CUDA_JIT_* */
};

#define BG_CUDA_JIT_DEBUG 1u
#define BG_CUDA_JIT_LINE_INFO 2u
#define BG_CUDA_JIT_VERBOSE 4u

/* All offsets from the start of the answer. When the module is refused there are only logs. */
struct bg_cuda_module_answer {
    uint32_t function_count;
    uint32_t functions_offset; /* struct bg_cuda_function [function_count] */
    uint32_t params_offset;    /* struct bg_cuda_param [] of all functions */
    uint32_t names_offset;     /* of all functions, each ended by NUL */
    uint32_t names_size;
    uint32_t info_log_offset, info_log_size; /* NUL not counted */
    uint32_t error_log_offset, error_log_size;
    uint32_t prints; /* its kernels may print: fetch with PRINT when a stream has been waited for */
};

/* One behind the other in the data, each at a multiple of 8. */
struct bg_cuda_link_input {
    uint32_t type; /* CUjitInputType: PTX, cubin, fat binary, object */
    uint32_t zero;
    uint64_t size; /* of the input, which stands behind this */
};

/* All offsets from the start of the answer. When the inputs are refused there are only logs. */
struct bg_cuda_link_answer {
    uint32_t image_offset, image_size;       /* for MODULE_LOAD */
    uint32_t info_log_offset, info_log_size; /* NUL not counted */
    uint32_t error_log_offset, error_log_size;
};

#define BG_CUDA_FUNCTION_ATTRIBUTES 16u /* numbered as CUfunction_attribute */

/* A kernel; its number is its place. */
struct bg_cuda_function {
    uint32_t name;        /* from names_offset */
    uint32_t first_param; /* of bg_cuda_param[] */
    uint32_t param_count;
    uint32_t params_size; /* bytes from the first to the end of the last */
    int32_t attributes[BG_CUDA_FUNCTION_ATTRIBUTES];
};

struct bg_cuda_param {
    uint32_t offset, size;
};

struct bg_cuda_function_set {
    uint32_t module, function;
    uint32_t attribute; /* CUfunction_attribute */
    int32_t value;
};

struct bg_cuda_occupancy {
    uint32_t module, function;
    uint32_t block_size;
    uint32_t flags; /* CUoccupancy_flags */
    uint64_t dynamic_shared;
};

/* ---- Memory ---- */

struct bg_cuda_range {
    uint64_t address, size;
};

struct bg_cuda_memory_alloc {
    uint64_t size;
    uint32_t stream; /* allocated in its order; BG_CUDA_NONE: cuMemAlloc */
    uint32_t zero;
};

struct bg_cuda_memory_free {
    uint64_t address; /* as it was given */
    uint32_t stream;  /* freed in its order; BG_CUDA_NONE: cuMemFree, once all work is done */
    uint32_t zero;
};

struct bg_cuda_memory_info {
    uint64_t free, total; /* of the session */
};

struct bg_cuda_fill {
    uint64_t address;
    uint64_t pitch;         /* height 1: any */
    uint64_t width, height; /* elements, rows */
    uint32_t element_size;  /* 1, 2, 4 */
    uint32_t value;
    uint32_t stream;
    uint32_t zero;
};

enum bg_cuda_place_kind {
    BG_CUDA_PLACE_DEVICE = 1, /* offset: an address */
    BG_CUDA_PLACE_HEAP = 2,   /* offset: from the heap's start */
    BG_CUDA_PLACE_ARRAY = 3,  /* offset 0 */
    BG_CUDA_PLACE_CARRIER =
        4, /* offset 0; as source the data, as destination the answer; it waits */
};

struct bg_cuda_place {
    uint32_t kind;  /* enum bg_cuda_place_kind */
    uint32_t array; /* handle */
    uint64_t offset;
};

/* Bytes in a row; no arrays. */
struct bg_cuda_copy {
    struct bg_cuda_place to, from;
    uint64_t size;
    uint32_t stream;
    uint32_t zero;
};

/* As a side of CUDA_MEMCPY3D. */
struct bg_cuda_box_side {
    struct bg_cuda_place place; /* not the carrier */
    uint64_t x, y, z;           /* bytes, rows, slices */
    uint64_t pitch, height;     /* of memory: bytes of a row, rows of a slice */
    uint32_t level;             /* of a mipmapped array */
    uint32_t zero;
};

struct bg_cuda_copy_box {
    struct bg_cuda_box_side to, from;
    uint64_t width, height, depth; /* bytes, rows, slices */
    uint32_t stream;
    uint32_t zero;
};

/* ---- Launches ---- */

#define BG_CUDA_LAUNCH_COOPERATIVE 1u

struct bg_cuda_launch {
    uint32_t module, function;
    uint32_t stream;
    uint32_t flags; /* BG_CUDA_LAUNCH_* */
    uint32_t grid[3], block[3];
    uint32_t dynamic_shared;
    uint32_t param_size; /* as the function has it, or 0: they are data */
    /* The parameters, at their offsets. */
};

/* ---- Streams, events ---- */

struct bg_cuda_stream_create {
    uint32_t stream;
    uint32_t flags; /* CUstream_flags */
    int32_t priority;
};

struct bg_cuda_stream_event {
    uint32_t stream, event;
};

#define BG_CUDA_MARK_MAX ((UINT64_C(1) << 63) - 1) /* above: CUDA_ERROR_INVALID_VALUE */

/* When the stream has done all that came before: completed[stream] = value, and then the fence
 * interrupt as behind a FENCE, unless it is suppressed. */
struct bg_cuda_mark {
    uint32_t stream;
    uint32_t zero;
    uint64_t value; /* greater than the last one of the stream */
};

/* A word of memory, aligned. */
struct bg_cuda_stream_value {
    uint64_t address, value;
    uint32_t size;  /* 4, 8 */
    uint32_t flags; /* of WATCH: CUstreamWaitValue_flags without FLUSH; else 0 */
    uint32_t stream;
    uint32_t zero;
};

struct bg_cuda_event_create {
    uint32_t event;
    uint32_t flags; /* CUevent_flags */
};

struct bg_cuda_event_record {
    uint32_t event, stream;
    uint64_t mark; /* STREAM_MARK of this value follows; 0: none */
};

struct bg_cuda_event_elapsed {
    uint32_t start, end;
};

/* ---- Graphs ---- */

struct bg_cuda_graph_create {
    uint32_t graph;
    uint32_t node_count;
};

/* Host functions and copies with memory that is neither the device's nor the heap's are no nodes: a
 * guest launches such a graph node by node. */
enum bg_cuda_node_type {
    BG_CUDA_NODE_EMPTY = 1,
    BG_CUDA_NODE_LAUNCH = 2,   /* bg_cuda_launch and parameters */
    BG_CUDA_NODE_COPY_BOX = 3, /* bg_cuda_copy_box */
    BG_CUDA_NODE_FILL = 4,     /* bg_cuda_fill */
    BG_CUDA_NODE_RECORD = 5,   /* bg_cuda_handle of an event */
    BG_CUDA_NODE_WAIT = 6,     /* bg_cuda_handle of an event */
};

/* One behind the other in the data, each at a multiple of 8. Streams in it are 0. */
struct bg_cuda_node {
    uint32_t type;    /* enum bg_cuda_node_type */
    uint32_t size;    /* of the node, all of it, a multiple of 8 */
    uint32_t enabled; /* 0: it is there, and does nothing */
    uint32_t dependency_count;
    /* uint32_t dependencies[], numbers of earlier nodes; then, at a multiple of 8, what its type
     * says. */
};

struct bg_cuda_graph_launch {
    uint32_t graph, stream;
};

/* ---- Arrays, textures, surfaces ---- */

struct bg_cuda_array_create {
    uint32_t array;
    uint32_t format;   /* CUarray_format */
    uint32_t channels; /* 1, 2, 4 */
    uint32_t flags;    /* CUDA_ARRAY3D_* */
    uint32_t levels;   /* 0: no mipmapped array */
    uint32_t zero;
    uint64_t width, height, depth;
};

enum bg_cuda_resource_type { /* as CUresourcetype */
                             BG_CUDA_RESOURCE_ARRAY = 0,
                             BG_CUDA_RESOURCE_MIPMAPPED = 1,
                             BG_CUDA_RESOURCE_LINEAR = 2,
                             BG_CUDA_RESOURCE_PITCH2D = 3,
};

/* CUDA_RESOURCE_DESC, CUDA_TEXTURE_DESC, CUDA_RESOURCE_VIEW_DESC. Floats as their bits. */
struct bg_cuda_texture_create {
    uint32_t resource; /* enum bg_cuda_resource_type */
    uint32_t array;    /* of the first two */
    uint32_t level;    /* of ARRAY: which level of a mipmapped one */
    uint32_t zero;
    uint64_t address; /* of the last two */
    uint32_t format, channels;
    uint64_t size;                 /* of LINEAR: bytes */
    uint64_t width, height, pitch; /* of PITCH2D */

    uint32_t address_mode[3];
    uint32_t filter_mode;
    uint32_t flags;
    uint32_t max_anisotropy;
    uint32_t mipmap_filter_mode;
    uint32_t mipmap_level_bias, min_mipmap_level_clamp, max_mipmap_level_clamp; /* float */
    uint32_t border_color[4];                                                   /* float */

    uint32_t has_view;
    uint32_t view_format;
    uint64_t view_width, view_height, view_depth;
    uint32_t first_level, last_level, first_layer, last_layer;
};

struct bg_cuda_surface_create {
    uint32_t array;
    uint32_t level; /* of a mipmapped one; else 0 */
};

struct bg_cuda_object {
    uint64_t object;
};

BG_WIRE_SIZE(bg_cuda_page, 64 + 2 * 8 * BG_CUDA_STREAMS_MAX + 8 + BG_CUDA_WORDS_SIZE);
BG_WIRE_SIZE(bg_cuda_init, 8);
BG_WIRE_SIZE(bg_cuda_device, 128 + 4 * BG_CUDA_ATTRIBUTES);
BG_WIRE_OFFSET(bg_cuda_device, uuid, 48);
BG_WIRE_SIZE(bg_cuda_limit, 16);
BG_WIRE_SIZE(bg_cuda_module_load, 28);
BG_WIRE_SIZE(bg_cuda_module_answer, 40);
BG_WIRE_SIZE(bg_cuda_link_input, 16);
BG_WIRE_SIZE(bg_cuda_link_answer, 24);
BG_WIRE_SIZE(bg_cuda_function, 80);
BG_WIRE_SIZE(bg_cuda_function_set, 16);
BG_WIRE_SIZE(bg_cuda_occupancy, 24);
BG_WIRE_SIZE(bg_cuda_memory_alloc, 16);
BG_WIRE_SIZE(bg_cuda_memory_free, 16);
BG_WIRE_SIZE(bg_cuda_fill, 48);
BG_WIRE_SIZE(bg_cuda_copy, 48);
BG_WIRE_SIZE(bg_cuda_box_side, 64);
BG_WIRE_SIZE(bg_cuda_copy_box, 160);
BG_WIRE_SIZE(bg_cuda_launch, 48);
BG_WIRE_SIZE(bg_cuda_mark, 16);
BG_WIRE_SIZE(bg_cuda_stream_value, 32);
BG_WIRE_SIZE(bg_cuda_event_record, 16);
BG_WIRE_SIZE(bg_cuda_node, 16);
BG_WIRE_SIZE(bg_cuda_graph_launch, 8);
BG_WIRE_SIZE(bg_cuda_array_create, 48);
BG_WIRE_SIZE(bg_cuda_texture_create, 168);
BG_WIRE_OFFSET(bg_cuda_texture_create, address_mode, 64);
BG_WIRE_SIZE(bg_cuda_surface_create, 8);

#endif
