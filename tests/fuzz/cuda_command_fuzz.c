/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/*
 * A guest's CUDA commands, one after the other, on the CPU device with worker threads: of live
 * handles and addresses, most of them right, some with a word changed to anything. Held: no access
 * outside of what the session has (ASan), every command ends with a CUresult or is refused, memory
 * is within its limit, and all of it is given back at the end.
 */
#include <stdbool.h>
#include <string.h>

#include "host/mediator/cuda/command.h"
#include "tests/fuzz/input.h"
#include "tests/unit/mediator/test_gpu.h"

#define MEMORY_LIMIT (UINT64_C(4) << 20)
#define HEAP_SIZE 65536u
#define DATA_OFFSET 8192u
#define ANSWER_OFFSET 32768u
#define WORDS_MAX 64u
#define ADDRESSES 8u
#define FAR (UINT64_MAX / 4) /* no mark is as far */

/* p[i] += n, for as many threads as there are. */
static const char module_text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .global .align 4 .b8 table[256];\n"
    ".visible .entry add(.param .u64 p, .param .u32 n) {\n"
    ".reg .b32 %r<4>; .reg .b64 %d<4>;\n"
    "ld.param.u64 %d1, [p]; ld.param.u32 %r2, [n]; mov.u32 %r1, %tid.x;\n"
    "mul.wide.u32 %d2, %r1, 4; add.s64 %d1, %d1, %d2;\n"
    "ld.global.u32 %r3, [%d1]; add.u32 %r3, %r3, %r2; st.global.u32 [%d1], %r3; ret; }\n"
    ".visible .entry nothing() { ret; }\n";

static struct cuda_driver driver;
static struct gpu gpu;
static uint8_t *heap;
static struct session *session;
static uint64_t addresses[ADDRESSES];

/* A command that is being made. */
static struct {
    uint32_t number;
    _Alignas(16) uint32_t words[WORDS_MAX];
    size_t size; /* bytes */
    uint8_t data[4096];
    size_t data_size;
} command;

/* ---- The device ---- */

static struct bg_cuda_page *page(void)
{
    return (struct bg_cuda_page *)(void *)heap;
}

static void open_device(void)
{
    gpu_address address;

    setenv("BAREGPU_CUDA_THREADS", "2", 1);
    setenv("BAREGPU_CUDA_MEMORY", "4194304", 1); /* MEMORY_LIMIT */
    setenv("BAREGPU_CUDA_QUIET", "1", 1);
    driver = test_driver();
    CHECK(gpu_open(&gpu, &driver, 0) && gpu_prepare(&gpu) == BG_COMPUTE_OK);
    heap = aligned_alloc(4096, HEAP_SIZE);
    CHECK(heap != NULL && gpu_share(&gpu, heap, HEAP_SIZE, &address) == BG_COMPUTE_OK);
}

static void close_device(void)
{
    cuDevicePrimaryCtxReset(0);
    free(gpu.scratch);
    free(heap);
    heap = NULL;
}

/* ---- Commands ---- */

static void carry(void)
{
    struct operation operation = {
        .number = command.number,
        .async = true,
        .param_count = (uint32_t)(command.size / 4),
        .params = command.words,
        .heap = {heap, HEAP_SIZE, (gpu_address)(uintptr_t)heap},
        .data = heap + DATA_OFFSET,
        .data_size = command.data_size,
        .answer = heap + ANSWER_OFFSET,
        .answer_capacity = HEAP_SIZE - ANSWER_OFFSET,
    };

    memcpy(heap + DATA_OFFSET, command.data, command.data_size);
    if (operation_run(session, &operation) == BG_COMPUTE_OK) {
        CHECK(operation.result_count == 2);
        CHECK(operation.answer_size <= operation.answer_capacity);
    }
    CHECK(session->memory_used <= session->memory_limit);
    if (command.number == BG_CUDA_MEMORY_ALLOC && operation.results[0] == CUDA_SUCCESS) {
        memcpy(&addresses[next() % ADDRESSES], operation.answer, sizeof(uint64_t));
    }
}

static void begin(uint32_t number)
{
    command.number = number;
    command.size = command.data_size = 0;
}

static void put(const void *bytes, size_t size)
{
    CHECK(command.size + size <= sizeof(command.words));
    memcpy((uint8_t *)command.words + command.size, bytes, size);
    command.size += size;
}

static void put_data(const void *bytes, size_t size)
{
    if (command.data_size + size <= sizeof(command.data)) {
        memcpy(command.data + command.data_size, bytes, size);
        command.data_size += size;
    }
}

#define PUT(...)                                                                                   \
    do {                                                                                           \
        const __typeof__(__VA_ARGS__) put_ = __VA_ARGS__;                                          \
        put(&put_, sizeof(put_));                                                                  \
    } while (0)

static uint32_t few(void)
{
    return next() % 4;
}

static uint64_t address(void)
{
    return addresses[next() % ADDRESSES] + (next() % 8 == 0 ? next() * 4u : 0);
}

static struct bg_cuda_place place(bool with_arrays)
{
    switch (next() % (with_arrays ? 3 : 2)) {
    case 0:
        return (struct bg_cuda_place){.kind = BG_CUDA_PLACE_DEVICE, .offset = address()};
    case 1:
        return (struct bg_cuda_place){.kind = BG_CUDA_PLACE_HEAP, .offset = 16384 + few() * 4};
    default:
        return (struct bg_cuda_place){.kind = BG_CUDA_PLACE_ARRAY, .array = few()};
    }
}

static struct bg_cuda_launch make_launch(uint32_t function, uint32_t stream)
{
    return (struct bg_cuda_launch){.module = few() / 2,
                                   .function = function,
                                   .stream = stream,
                                   .grid = {1, 1, 1},
                                   .block = {1u + next() % 64, 1, 1},
                                   .param_size = function == 0 ? 12 : 0};
}

struct params {
    uint64_t address;
    uint32_t number;
};

static struct bg_cuda_fill make_fill(uint32_t stream)
{
    return (struct bg_cuda_fill){.address = address(),
                                 .pitch = 64,
                                 .width = 1u + next() % 16,
                                 .height = 1u + next() % 3,
                                 .element_size = 4,
                                 .value = next(),
                                 .stream = stream};
}

static struct bg_cuda_copy_box make_box(uint32_t stream)
{
    return (struct bg_cuda_copy_box){
        .to = {.place = place(true), .pitch = 64, .height = 8, .level = few() / 3},
        .from = {.place = place(true), .pitch = 64, .height = 8, .y = few() / 2},
        .width = 4u + 4u * few(),
        .height = 1u + few(),
        .depth = 1u + few() / 3,
        .stream = stream};
}

/* ---- Graphs ---- */

static void put_node(uint32_t type, uint32_t number, const void *body, size_t size)
{
    uint32_t dependencies = number > 0 ? few() / 2 : 0;
    size_t head = (sizeof(struct bg_cuda_node) + dependencies * 4 + 7) / 8 * 8;
    const struct bg_cuda_node node = {.type = type,
                                      .size = (uint32_t)(head + (size + 7) / 8 * 8),
                                      .enabled = next() % 8 != 0,
                                      .dependency_count = dependencies};
    const uint32_t dependency[2] = {number > 0 ? next() % number : 0, 0};
    static const uint8_t zeros[8];

    put_data(&node, sizeof(node));
    put_data(dependency, head - sizeof(node));
    put_data(body, size);
    put_data(zeros, (8 - size % 8) % 8);
}

static void put_nodes(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct bg_cuda_fill fill = make_fill(0);
        const struct bg_cuda_copy_box box = make_box(0);
        const struct bg_cuda_handle event = {few()};
        struct {
            struct bg_cuda_launch head;
            struct params params;
        } launch = {make_launch(0, 0), {address(), next()}};

        switch (next() % 6) {
        case 0:
            put_node(BG_CUDA_NODE_EMPTY, i, "", 0);
            break;
        case 1:
            put_node(BG_CUDA_NODE_LAUNCH, i, &launch, sizeof(launch.head) + 12);
            break;
        case 2:
            put_node(BG_CUDA_NODE_COPY_BOX, i, &box, sizeof(box));
            break;
        case 3:
            put_node(BG_CUDA_NODE_FILL, i, &fill, sizeof(fill));
            break;
        default:
            put_node(next() % 2 ? BG_CUDA_NODE_RECORD : BG_CUDA_NODE_WAIT, i, &event,
                     sizeof(event));
        }
    }
}

static void make_graph(uint32_t number)
{
    const struct bg_cuda_graph_create create = {few(), next() % 8};

    begin(number);
    PUT(create);
    put_nodes(create.node_count);
}

/* ---- Each command ---- */

static void make_handle(uint32_t number)
{
    const struct bg_cuda_handle handle = {next() % 32 == 0 ? BG_CUDA_ALL : few()};

    begin(number);
    PUT(handle);
}

static void make_array(void)
{
    const struct bg_cuda_array_create create = {.array = few(),
                                                .format = CU_AD_FORMAT_UNSIGNED_INT32,
                                                .channels = 1,
                                                .flags = few() ? CUDA_ARRAY3D_SURFACE_LDST
                                                               : CUDA_ARRAY3D_LAYERED,
                                                .levels = few(),
                                                .width = 1u + next() % 32,
                                                .height = next() % 8,
                                                .depth = few()};

    begin(BG_CUDA_ARRAY_CREATE);
    PUT(create);
}

static void make_texture(void)
{
    struct bg_cuda_texture_create create = {.resource = few(),
                                            .array = few(),
                                            .address = address(),
                                            .format = CU_AD_FORMAT_UNSIGNED_INT32,
                                            .channels = 1,
                                            .size = 256,
                                            .width = 8,
                                            .height = 4,
                                            .pitch = 512,
                                            .flags = CU_TRSF_READ_AS_INTEGER};

    begin(BG_CUDA_TEXTURE_CREATE);
    PUT(create);
}

static void make_copy(void)
{
    struct bg_cuda_copy copy = {
        .to = place(false), .from = place(false), .size = next() * 4u, .stream = few()};

    begin(BG_CUDA_COPY);
    if (next() % 4 == 0) {
        copy.from = (struct bg_cuda_place){.kind = BG_CUDA_PLACE_CARRIER};
        command.data_size = copy.size;
    } else if (next() % 4 == 0) {
        copy.to = (struct bg_cuda_place){.kind = BG_CUDA_PLACE_CARRIER};
    }
    PUT(copy);
}

/* Those whose parameters are a structure of their own. */
static void make_special(uint8_t choice)
{
    uint32_t number;

    switch (choice) {
    case 0:
        begin(BG_CUDA_MODULE_LOAD);
        PUT((struct bg_cuda_module_load){.module = few() / 2, .error_log_size = next()});
        put_data(module_text, sizeof(module_text));
        break;
    case 1:
        begin(BG_CUDA_MODULE_GLOBAL);
        PUT((struct bg_cuda_handle){few() / 2});
        put_data("table", 5);
        break;
    case 2:
        begin(BG_CUDA_MEMORY_ALLOC);
        PUT((struct bg_cuda_memory_alloc){next() * 64u, next() % 2 ? few() : BG_CUDA_NONE, 0});
        break;
    case 3:
        begin(BG_CUDA_MEMORY_FREE);
        PUT((struct bg_cuda_memory_free){address(), next() % 2 ? few() : BG_CUDA_NONE, 0});
        break;
    case 4:
        begin(BG_CUDA_FILL);
        PUT(make_fill(few()));
        break;
    case 5:
        make_copy();
        break;
    case 6:
        begin(BG_CUDA_COPY_BOX);
        PUT(make_box(few()));
        break;
    case 7:
        begin(BG_CUDA_LAUNCH);
        number = few() / 2;
        PUT(make_launch(number, few()));
        if (number == 0) {
            PUT((struct params){address(), next()});
            command.size -= 4; /* the structure's end */
        }
        break;
    case 8:
        begin(BG_CUDA_STREAM_CREATE);
        PUT((struct bg_cuda_stream_create){few(), few() / 2, 0});
        break;
    case 9:
        begin(BG_CUDA_STREAM_WAIT);
        PUT((struct bg_cuda_stream_event){few(), few()});
        break;
    case 10:
        begin(next() % 4 ? BG_CUDA_STREAM_MARK : BG_CUDA_STREAM_HOST);
        PUT((struct bg_cuda_mark){few(), 0, next()});
        break;
    case 11:
        begin(BG_CUDA_EVENT_CREATE);
        PUT((struct bg_cuda_event_create){few(), 0});
        break;
    case 12:
        begin(BG_CUDA_EVENT_RECORD);
        PUT((struct bg_cuda_event_record){few(), few(), next() % 2 ? next() : 0});
        break;
    case 13:
        begin(BG_CUDA_EVENT_ELAPSED);
        PUT((struct bg_cuda_event_elapsed){few(), few()});
        break;
    case 14:
        make_graph(next() % 2 ? BG_CUDA_GRAPH_CREATE : BG_CUDA_GRAPH_UPDATE);
        break;
    case 15:
        begin(BG_CUDA_GRAPH_LAUNCH);
        PUT((struct bg_cuda_graph_launch){few(), few()});
        break;
    case 16:
        make_array();
        break;
    case 17:
        make_texture();
        break;
    case 18:
        begin(BG_CUDA_SURFACE_CREATE);
        PUT((struct bg_cuda_surface_create){few(), few()});
        break;
    case 19:
        begin(BG_CUDA_OCCUPANCY);
        PUT((struct bg_cuda_occupancy){few() / 2, few(), next() * 4u, 0, next()});
        break;
    case 20:
        begin(BG_CUDA_STAGE);
        PUT((struct bg_cuda_stage){next() % 2 ? 0 : 100, 200});
        command.data_size = 100;
        break;
    case 21:
        begin(BG_CUDA_LINK);
        PUT((struct bg_cuda_module_load){.error_log_size = next()});
        put_data(&(struct bg_cuda_link_input){few(), 0, sizeof(module_text) - few() / 3}, 16);
        put_data(module_text, sizeof(module_text));
        break;
    case 24:
        begin(next() % 2 ? BG_CUDA_STREAM_WRITE : BG_CUDA_STREAM_WATCH);
        PUT((struct bg_cuda_stream_value){.address = address(),
                                          .value = next(),
                                          .size = next() % 2 ? 4 : 8,
                                          .flags = few() % 4,
                                          .stream = few()});
        break;
    default:
        begin(next() % 2 ? BG_CUDA_PRINT : BG_CUDA_MEMORY_INFO);
    }
}

static void make_command(void)
{
    static const uint32_t of_handles[] = {
        BG_CUDA_MODULE_UNLOAD, BG_CUDA_STREAM_DESTROY, BG_CUDA_STREAM_SYNC,   BG_CUDA_STREAM_QUERY,
        BG_CUDA_EVENT_DESTROY, BG_CUDA_GRAPH_DESTROY,  BG_CUDA_ARRAY_DESTROY,
    };
    uint8_t choice = next() % 32;

    if (choice < sizeof(of_handles) / sizeof(of_handles[0])) {
        make_handle(of_handles[choice]);
    } else {
        make_special(choice - sizeof(of_handles) / sizeof(of_handles[0]));
    }
}

/* A word of it becomes anything; what streams wait for stays within reach. */
static void spoil(void)
{
    uint32_t *word = &command.words[next() % WORDS_MAX];
    uint32_t value = (uint32_t)next() << 24 | (uint32_t)next() << 16 | next();

    if (command.number != BG_CUDA_STREAM_HOST && command.number != BG_CUDA_STREAM_MARK) {
        *word = next() % 2 ? value : *word + (next() % 2 ? 1u : UINT32_MAX);
    }
    if (command.data_size > 0 && next() % 2) {
        command.data[next() * 16u % command.data_size] ^= next();
    }
}

/* So that what follows finds something. */
static void make_something(void)
{
    static const struct bg_cuda_array_create array = {.format = CU_AD_FORMAT_UNSIGNED_INT32,
                                                      .channels = 1,
                                                      .flags = CUDA_ARRAY3D_SURFACE_LDST,
                                                      .width = 16,
                                                      .height = 8};

    begin(BG_CUDA_MODULE_LOAD);
    PUT((struct bg_cuda_module_load){.module = 0});
    put_data(module_text, sizeof(module_text));
    carry();
    begin(BG_CUDA_MEMORY_ALLOC);
    PUT((struct bg_cuda_memory_alloc){4096, BG_CUDA_NONE, 0});
    carry();
    for (uint32_t i = 1; i < ADDRESSES; i++) {
        addresses[i] = addresses[0];
    }
    begin(BG_CUDA_STREAM_CREATE);
    PUT((struct bg_cuda_stream_create){2, CU_STREAM_NON_BLOCKING, 0});
    carry();
    begin(BG_CUDA_EVENT_CREATE);
    PUT((struct bg_cuda_event_create){0, 0});
    carry();
    begin(BG_CUDA_ARRAY_CREATE);
    PUT(array);
    carry();
}

static void start_session(void)
{
    memset(heap, 0, HEAP_SIZE);
    memset(addresses, 0, sizeof(addresses));
    for (uint32_t i = 0; i < BG_CUDA_STREAMS_MAX; i++) {
        page()->acknowledged[i] = FAR;
    }
    session = session_create(&gpu, MEMORY_LIMIT);
    CHECK(session != NULL);
    begin(BG_CUDA_INIT);
    PUT((struct bg_cuda_init){BG_CUDA_COMMAND_VERSION, 0});
    carry();
    CHECK(session->cuda != NULL);
    make_something();
}

/* Streams may wait for words that nobody writes. */
static bool may_wait(void *owner)
{
    unsigned *looks = owner;

    return ++*looks % 64 != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned looks = 0;

    if (heap == NULL) {
        open_device();
    }
    input.size = 0; /* zeros */
    start_session();
    session->may_wait = may_wait;
    session->owner = &looks;
    input.data = data;
    input.size = size;
    while (input.size > 0 && !gpu.lost) {
        make_command();
        if (next() % 8 == 0) {
            spoil();
        }
        carry();
    }
    cuda_end(session);
    CHECK(session->memory_used == 0);
    session_destroy(session);
    if (gpu.lost) {
        close_device();
    }
    return 0;
}
