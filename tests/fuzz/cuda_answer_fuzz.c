/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c firmware/common/error.c
/*
 * The guest's CUDA with a worker that answers what the input says: mostly as one would, some bytes
 * changed, too short, too long, or with words of the page that mean anything. Held: no access
 * outside of the library's own memory and what a call was given (ASan), and every call returns.
 */
#include <stdbool.h>
#include <string.h>

#include "baregpu/cuda.h"
#include "protocol/cuda_command.h"
#include "tests/fake/cuda_carrier.h"
#include "tests/fake/cuda_worker.h"
#include "tests/fuzz/input.h"

#define HEAP_SIZE (1u << 18)
#define MEMORY_SIZE (1u << 20)
#define PAGE_OFFSET 0u /* the carrier takes it first */
#define SLOTS 4u
#define FUNCTIONS 2u
#define PARAMS 2u

/* ---- The worker ---- */

static uint8_t *heap;
static uint64_t heap_size;

/* The answer that is being made, longer than any that a command has here. */
static struct {
    uint8_t bytes[BG_CUDA_PARAMS_SIZE_MAX];
    size_t size;
} answer;

void fake_worker_begin(uint64_t size)
{
    heap_size = size;
    heap = size != 0 ? aligned_alloc(4096, size) : NULL;
    if (heap != NULL) {
        memset(heap, 0xA5, size);
    }
}

bool fake_worker_end(void)
{
    free(heap);
    heap = NULL;
    return true;
}

void fake_worker_replace(void)
{
}

uint8_t *fake_worker_heap(void)
{
    return heap;
}

/* A wait ends with the input. */
void fake_worker_look(void)
{
    if (next() % 16 == 0) {
        fake_carrier.is_lost = true;
    }
}

static void add(const void *bytes, size_t size)
{
    memcpy(answer.bytes + answer.size, bytes, size);
    answer.size += size;
}

#define ADD(...) add(&(__VA_ARGS__), sizeof(__VA_ARGS__))

static void add_device(void)
{
    struct bg_cuda_device device = {
        .provider = BG_CUDA_PROVIDER_CPU,
        .driver_version = 13000,
        .memory_total = 1u << 30,
        .memory_limit = 1u << 30,
        .heap_address = heap_size != 0 ? 1u << 20 : 0,
        .has_blas = 1,
        .name = "one",
    };

    for (uint32_t i = 1; i < BG_CUDA_ATTRIBUTES; i++) {
        device.attributes[i] = 1024;
    }
    ADD(device);
}

static void add_module(void)
{
    static const char names[] = "one\0two";
    const struct bg_cuda_function function = {
        .params_size = 12, .param_count = PARAMS, .attributes = {1024, 0, 0, 0, 0, 0, 0, 0, 4096}};
    const struct bg_cuda_param params[PARAMS] = {{0, 8}, {8, 4}};
    struct bg_cuda_module_answer head = {.function_count = FUNCTIONS, .names_size = sizeof(names)};

    head.functions_offset = sizeof(head);
    head.params_offset = head.functions_offset + FUNCTIONS * (uint32_t)sizeof(function);
    head.names_offset = head.params_offset + (uint32_t)sizeof(params);
    head.info_log_offset = head.error_log_offset = head.names_offset;
    head.info_log_size = head.error_log_size = 3;
    head.prints = 1;
    ADD(head);
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        struct bg_cuda_function named = function;

        named.name = i * 4;
        ADD(named);
    }
    add(params, sizeof(params));
    add(names, sizeof(names));
}

static void add_link(void)
{
    static const char text[] = ".version 8.0\n";
    static const uint8_t elf[64] = {0x7F, 'E', 'L', 'F'};
    bool is_text = next() % 2;
    struct bg_cuda_link_answer head = {.image_offset = sizeof(head), .info_log_offset = 4};

    head.image_size = is_text ? sizeof(text) : sizeof(elf);
    ADD(head);
    add(is_text ? (const void *)text : elf, head.image_size);
}

/* What a command's parameters say of its answer. */
static void add_range(const struct fake_worker_command *command)
{
    const struct bg_cuda_memory_alloc *alloc = (const void *)command->params;

    ADD((struct bg_cuda_range){(uint64_t)(1 + next()) << 24, alloc->size});
}

static void add_copied(const struct fake_worker_command *command)
{
    const struct bg_cuda_copy *copy = (const void *)command->params;

    if (copy->to.kind == BG_CUDA_PLACE_CARRIER && copy->size <= sizeof(answer.bytes)) {
        answer.size = copy->size;
    }
}

static void mark(const struct fake_worker_command *command)
{
    const struct bg_cuda_mark *wanted = (const void *)command->params;
    struct bg_cuda_page *page = (struct bg_cuda_page *)(void *)(heap + PAGE_OFFSET);

    if (heap != NULL && next() % 8 != 0) {
        page->completed[wanted->stream % BG_CUDA_STREAMS_MAX] = wanted->value;
    }
}

static void answer_well(const struct fake_worker_command *command)
{
    switch (command->number) {
    case BG_CUDA_INIT:
        add_device();
        break;
    case BG_CUDA_MODULE_LOAD:
        add_module();
        break;
    case BG_CUDA_LINK:
        add_link();
        break;
    case BG_CUDA_MODULE_GLOBAL:
        ADD((struct bg_cuda_range){1u << 22, 64});
        break;
    case BG_CUDA_MEMORY_ALLOC:
        add_range(command);
        break;
    case BG_CUDA_MEMORY_INFO:
        ADD((struct bg_cuda_memory_info){1u << 20, 1u << 21});
        break;
    case BG_CUDA_FUNCTION_SET:
        ADD((struct bg_cuda_function){.params_size = 12});
        break;
    case BG_CUDA_OCCUPANCY:
    case BG_CUDA_EVENT_ELAPSED:
        ADD((int32_t){1});
        break;
    case BG_CUDA_LIMIT_GET:
    case BG_CUDA_TEXTURE_CREATE:
    case BG_CUDA_SURFACE_CREATE:
        ADD((uint64_t){1});
        break;
    case BG_CUDA_PRINT:
        answer.size = next();
        break;
    case BG_CUDA_ANSWER:
        answer.size = command->answer_room;
        break;
    case BG_CUDA_COPY:
        add_copied(command);
        break;
    case BG_CUDA_STREAM_MARK:
    case BG_CUDA_STREAM_HOST:
        mark(command);
        break;
    default:
        break;
    }
}

static uint32_t next_word(void)
{
    uint32_t word = 0;

    for (unsigned i = next() % 5; i > 0; i--) {
        word = word << 8 | next();
    }
    return next() % 4 == 0 ? ~word : word;
}

static void change(uint8_t *bytes, size_t size)
{
    size_t place = ((size_t)next() << 8 | next()) * 4;
    uint32_t word = next_word();

    if (size >= 4) {
        memcpy(bytes + place % (size / 4 * 4), &word, 4);
    }
}

int fake_worker_run(struct fake_worker_command *command)
{
    uint8_t how = next();

    memset(&answer, 0, sizeof(answer));
    answer_well(command);
    command->results[0] = CUDA_SUCCESS;
    command->results[1] = (uint32_t)answer.size;
    for (unsigned i = how % 4; i > 0; i--) {
        change(answer.bytes, answer.size);
    }
    if (how & 16 && heap != NULL) {
        change(heap + PAGE_OFFSET, sizeof(struct bg_cuda_page));
    }
    if ((how & 0x60) == 0x60) {
        command->results[next() % 2] = next_word();
    }
    if (how == 0xFF) {
        answer.size = next_word() % sizeof(answer.bytes);
    }
    command->answer_size = answer.size < command->answer_room ? answer.size : command->answer_room;
    if (command->answer_size > 0) {
        memcpy(command->answer, answer.bytes, command->answer_size);
    }
    return 0;
}

/* ---- The program ---- */

/* As large as a kernel's parameters, of which the worker says how many there are. */
static uint8_t bytes[BG_CUDA_PARAMS_SIZE_MAX];
static void *params[BG_CUDA_PARAM_COUNT_MAX];

static CUcontext context;
static CUdeviceptr pointers[SLOTS];
static CUmodule modules[SLOTS];
static CUfunction functions[SLOTS];
static CUstream streams[SLOTS];
static CUevent events[SLOTS];
static CUgraph graphs[SLOTS];
static CUgraphExec execs[SLOTS];
static CUarray arrays[SLOTS];
static CUtexObject textures[SLOTS];
static void *pinned[SLOTS];

/* Reads all of a text. */
static void hear(void *unused, const char *text, size_t length)
{
    static volatile char last;

    (void)unused;
    for (size_t i = 0; i < length; i++) {
        last = text[i];
    }
    (void)last;
}

static void ignore(void *unused)
{
    (void)unused;
}

static void start(void)
{
    cuInit(0);
    cuDevicePrimaryCtxRetain(&context, 0);
    cuCtxSetCurrent(context);
}

static void use_module(uint8_t slot)
{
    CUfunction all[FUNCTIONS];
    CUdeviceptr global;
    const char *name = NULL;
    char log[64];
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *values[] = {log, (void *)sizeof(log)};
    size_t size, offset;
    unsigned count = 0;

    cuModuleUnload(modules[slot]);
    cuModuleLoadDataEx(&modules[slot], ".version 8.0\n.target sm_80\n", 2, options, values);
    cuModuleGetFunction(&functions[slot], modules[slot], "two");
    cuModuleGetFunctionCount(&count, modules[slot]);
    if (cuModuleEnumerateFunctions(all, FUNCTIONS, modules[slot]) == CUDA_SUCCESS && count > 0 &&
        cuFuncGetName(&name, all[0]) == CUDA_SUCCESS) {
        CHECK(strlen(name) < MEMORY_SIZE);
    }
    cuFuncGetParamInfo(functions[slot], next(), &offset, &size);
    cuModuleGetGlobal(&global, &size, modules[slot], "global");
}

static void use_function(uint8_t slot)
{
    int value;
    size_t size;

    cuFuncSetAttribute(functions[slot], CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 64);
    cuFuncGetAttribute(&value, (CUfunction_attribute)(next() % 16), functions[slot]);
    cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, functions[slot], 64, 0);
    cuOccupancyAvailableDynamicSMemPerBlock(&size, functions[slot], 1, 64);
}

static void use_launch(uint8_t slot)
{
    cuLaunchKernel(functions[slot], 1, 1, 1, 1 + next() % 2, 1, 1, 0, streams[next() % SLOTS],
                   params, NULL);
}

static void use_memory(uint8_t slot)
{
    CUdeviceptr start_of;
    size_t size, total;

    cuMemFree(pointers[slot]);
    cuMemAlloc(&pointers[slot], 1u << next() % 16);
    cuMemGetAddressRange(&start_of, &size, pointers[slot] + 1);
    cuMemGetInfo(&size, &total);
}

static void use_copies(uint8_t slot)
{
    size_t size = (size_t)next() << 7;

    cuMemcpyHtoDAsync(pointers[slot], bytes, size, streams[slot]);
    cuMemcpyDtoH(bytes, pointers[slot], size);
    memset(bytes, 0, sizeof(bytes));
    cuMemsetD8(pointers[slot], 1, size);
}

static void use_pinned(uint8_t slot)
{
    CUdeviceptr address;

    cuMemFreeHost(pinned[slot]);
    pinned[slot] = NULL;
    if (cuMemAllocHost(&pinned[slot], 64) == CUDA_SUCCESS) {
        memset(pinned[slot], 0, 64);
        cuMemHostGetDevicePointer(&address, pinned[slot], 0);
        cuMemcpyDtoHAsync(pinned[slot], pointers[slot], 64, streams[slot]);
    }
}

static void use_stream(uint8_t slot)
{
    cuStreamSynchronize(streams[slot]);
    cuStreamDestroy(streams[slot]);
    streams[slot] = NULL;
    cuStreamCreate(&streams[slot], CU_STREAM_NON_BLOCKING);
    cuLaunchHostFunc(streams[slot], ignore, NULL);
    cuStreamQuery(streams[slot]);
}

static void use_event(uint8_t slot)
{
    float ms;

    cuEventCreate(&events[slot], 0);
    cuEventRecord(events[slot], streams[slot]);
    cuStreamWaitEvent(streams[next() % SLOTS], events[slot], 0);
    cuEventQuery(events[slot]);
    cuEventSynchronize(events[slot]);
    cuEventElapsedTime(&ms, events[slot], events[next() % SLOTS]);
    cuEventDestroy(events[slot]);
}

static void use_graph(uint8_t slot)
{
    cuGraphExecDestroy(execs[slot]);
    execs[slot] = NULL;
    if (cuStreamBeginCapture(streams[slot], CU_STREAM_CAPTURE_MODE_RELAXED) == CUDA_SUCCESS) {
        use_launch(slot);
        cuMemsetD8Async(pointers[slot], 0, 4, streams[slot]);
        cuStreamEndCapture(streams[slot], &graphs[slot]);
        cuGraphInstantiate(&execs[slot], graphs[slot], 0);
        cuGraphDestroy(graphs[slot]);
    }
    cuGraphLaunch(execs[slot], streams[slot]);
}

static void use_array(uint8_t slot)
{
    const CUDA_ARRAY_DESCRIPTOR described = {
        .Width = 8, .Height = 8, .Format = CU_AD_FORMAT_FLOAT, .NumChannels = 1};
    CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_ARRAY};
    const CUDA_TEXTURE_DESC sampler = {.flags = 0};

    cuTexObjectDestroy(textures[slot]);
    cuArrayDestroy(arrays[slot]);
    arrays[slot] = NULL;
    cuArrayCreate(&arrays[slot], &described);
    resource.res.array.hArray = arrays[slot];
    cuTexObjectCreate(&textures[slot], &resource, &sampler, NULL);
    cuTexObjectGetResourceDesc(&resource, textures[slot]);
    cuMemcpyHtoA(arrays[slot], 0, bytes, 32);
    cuMemcpyAtoH(bytes, arrays[slot], 0, 32);
}

static void use_link(uint8_t slot)
{
    CUlinkState link;
    void *image;

    if (cuLinkCreate(0, NULL, NULL, &link) == CUDA_SUCCESS) {
        cuLinkAddData(link, CU_JIT_INPUT_PTX, bytes, 8, NULL, 0, NULL, NULL);
        if (cuLinkComplete(link, &image, NULL) == CUDA_SUCCESS) {
            cuModuleUnload(modules[slot]);
            modules[slot] = NULL;
            cuModuleLoadData(&modules[slot], image);
        }
        cuLinkDestroy(link);
    }
}

static void use_context(uint8_t slot)
{
    size_t value;

    cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE);
    cuCtxSynchronize();
    if (slot == 0) {
        cuDevicePrimaryCtxReset(0);
        start();
    }
}

static void (*const uses[])(uint8_t slot) = {
    use_module, use_function, use_launch, use_memory, use_copies, use_pinned,
    use_stream, use_event,    use_graph,  use_array,  use_link,   use_context,
};

static void forget(void)
{
    memset(pointers, 0, sizeof(pointers));
    memset(modules, 0, sizeof(modules));
    memset(functions, 0, sizeof(functions));
    memset(streams, 0, sizeof(streams));
    memset(events, 0, sizeof(events));
    memset(execs, 0, sizeof(execs));
    memset(arrays, 0, sizeof(arrays));
    memset(textures, 0, sizeof(textures));
    memset(pinned, 0, sizeof(pinned));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *memory = malloc(MEMORY_SIZE);

    input.data = data;
    input.size = size;
    for (unsigned i = 0; i < BG_CUDA_PARAM_COUNT_MAX; i++) {
        params[i] = bytes;
    }
    forget();
    CHECK(fake_carrier_add(next() % 2 ? HEAP_SIZE : 0, memory, MEMORY_SIZE) == 0);
    bg_cuda_set_console(hear, NULL);
    start();
    while (input.size > 0) {
        uint8_t use = next();

        uses[use % (sizeof(uses) / sizeof(uses[0]))](use / 16 % SLOTS);
    }
    bg_cuda_remove_all();
    fake_worker_end();
    free(memory);
    return 0;
}
