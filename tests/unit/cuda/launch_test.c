/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Modules, their functions and variables, and launches. */
#include "tests/unit/cuda/fixture.h"

/* add: c[i] = a[i] + b[i] + bias. mixed: parameters with gaps, stored one behind the other. */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .global .align 4 .u32 bias = 7;\n"
    ".visible .entry add(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n) {\n"
    ".reg .b32 %r<9>; .reg .b64 %d<8>; .reg .pred %p;\n"
    "ld.param.u64 %d1, [a]; ld.param.u64 %d2, [b]; ld.param.u64 %d3, [c]; ld.param.u32 %r1, [n];\n"
    "mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;\n"
    "mad.lo.s32 %r5, %r2, %r3, %r4; setp.ge.s32 %p, %r5, %r1; @%p bra E;\n"
    "mul.wide.s32 %d4, %r5, 4; add.s64 %d1, %d1, %d4; add.s64 %d2, %d2, %d4;\n"
    "add.s64 %d3, %d3, %d4; ld.global.u32 %r6, [%d1]; ld.global.u32 %r7, [%d2];\n"
    "ld.global.u32 %r8, [bias]; add.s32 %r6, %r6, %r7; add.s32 %r6, %r6, %r8;\n"
    "st.global.u32 [%d3], %r6; E: ret; }\n"
    ".visible .entry mixed(.param .u8 one, .param .u64 out, .param .u16 two,\n"
    ".param .align 4 .b8 twelve[12]) {\n"
    ".reg .b32 %r<9>; .reg .b64 %d<2>;\n"
    "ld.param.u64 %d1, [out]; ld.param.u8 %r1, [one]; ld.param.u16 %r2, [two];\n"
    "ld.param.u32 %r3, [twelve]; ld.param.u32 %r4, [twelve+8];\n"
    "st.global.u32 [%d1], %r1; st.global.u32 [%d1+4], %r2; st.global.u32 [%d1+8], %r3;\n"
    "st.global.u32 [%d1+12], %r4; ret; }\n"
    ".visible .entry nothing() { ret; }\n";

#define COUNT 1000u

static CUmodule module;

static void load(void)
{
    OK(cuModuleLoadData(&module, text));
}

static CUfunction function_of(const char *name)
{
    CUfunction function;

    OK(cuModuleGetFunction(&function, module, name));
    return function;
}

/* ---- Modules ---- */

static void test_module(void **state)
{
    CUfunction function, functions[4] = {NULL}, again;
    CUmoduleLoadingMode mode;
    unsigned count;

    (void)state;
    load();
    OK(cuModuleGetFunction(&function, module, "add"));
    OK(cuModuleGetFunction(&again, module, "add"));
    assert_ptr_equal(function, again);
    EXPECT(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&function, module, "ad"));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuModuleGetFunction(&function, module, ""));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleGetFunction(NULL, module, "add"));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleGetFunction(&function, module, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuModuleGetFunction(&function, NULL, "add"));
    OK(cuModuleGetFunctionCount(&count, module));
    assert_int_equal(count, 3);
    OK(cuModuleEnumerateFunctions(functions, 2, module));
    assert_non_null(functions[1]);
    assert_null(functions[2]);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleEnumerateFunctions(NULL, 2, module));
    OK(cuModuleGetLoadingMode(&mode));
    OK(cuModuleUnload(module));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(module));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLaunchKernel(again, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload((CUmodule)(void *)again));
}

static void test_bad_modules(void **state)
{
    CUmodule refused;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleLoadData(NULL, text));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleLoadData(&refused, NULL));
    EXPECT(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&refused, ""));
    EXPECT(CUDA_ERROR_INVALID_PTX, cuModuleLoadData(&refused, "this is no PTX"));
    EXPECT(CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
           cuModuleLoadData(&refused, ".version 99.0\n.target sm_80\n.address_size 64\n"));
    EXPECT(CUDA_ERROR_FILE_NOT_FOUND, cuModuleLoad(&refused, "/kernels.ptx"));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleLoad(&refused, NULL));
    OK(cuCtxSetCurrent(NULL));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuModuleLoadData(&refused, text));
}

/* As nvcc makes one: a header, and an entry of PTX. */
static void test_fat_binary(void **state)
{
    enum { HEADER = 16, ENTRY = 64 };
    static uint8_t image[HEADER + ENTRY + sizeof(text)];
    const uint64_t size = ENTRY + sizeof(text), text_size = sizeof(text);
    const uint32_t magic = 0xBA55ED50, entry_header = ENTRY, arch = 80;
    const uint16_t version = 1, header = HEADER, ptx = 1;
    struct {
        uint32_t magic, version;
        const void *image, *unused;
    } wrapper = {0x466243B1, 1, image, NULL};
    CUmodule first, second;

    (void)state;
    memcpy(image, &magic, 4);
    memcpy(image + 4, &version, 2);
    memcpy(image + 6, &header, 2);
    memcpy(image + 8, &size, 8);
    memcpy(image + HEADER, &ptx, 2);
    memcpy(image + HEADER + 4, &entry_header, 4);
    memcpy(image + HEADER + 8, &text_size, 8);
    memcpy(image + HEADER + 28, &arch, 4);
    memcpy(image + HEADER + ENTRY, text, sizeof(text));
    OK(cuModuleLoadFatBinary(&first, image));
    OK(cuModuleLoadData(&second, &wrapper));
    OK(cuModuleUnload(first));
    OK(cuModuleUnload(second));
    wrapper.image = NULL;
    EXPECT(CUDA_ERROR_INVALID_IMAGE, cuModuleLoadData(&second, &wrapper));
}

/* What compiles says what is wrong, and where. */
static void test_jit_options(void **state)
{
    char error[200], info[50], tiny[8];
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER,   CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
                              CU_JIT_INFO_LOG_BUFFER,    CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
                              CU_JIT_WALL_TIME,          CU_JIT_MAX_REGISTERS,
                              CU_JIT_OPTIMIZATION_LEVEL, CU_JIT_GENERATE_LINE_INFO};
    void *values[] = {
        error,    (void *)sizeof(error), info, (void *)sizeof(info), NULL, (void *)32, (void *)3,
        (void *)1};
    CUjit_option lto = CU_JIT_LTO, unknown = (CUjit_option)1000;
    void *value = (void *)1;
    uint32_t bits;
    float ms;
    CUmodule refused;

    (void)state;
    memset(error, 'x', sizeof(error));
    EXPECT(CUDA_ERROR_INVALID_PTX,
           cuModuleLoadDataEx(&refused,
                              ".version 8.0\n.target sm_80\n.address_size 64\n"
                              ".entry broken() {\nadd.u32 %r1, %r2, 3;\n}",
                              5, options, values));
    assert_int_equal((size_t)values[1], strlen(error));
    assert_non_null(strstr(error, "5"));
    values[1] = (void *)sizeof(error);
    values[3] = (void *)sizeof(info);
    OK(cuModuleLoadDataEx(&module, text, 8, options, values));
    assert_int_equal((size_t)values[1], strlen(error));
    bits = (uint32_t)(uintptr_t)values[4];
    memcpy(&ms, &bits, sizeof(ms));
    assert_true(ms > 0.01f && ms < 100000.f);
    values[0] = tiny;
    values[1] = (void *)sizeof(tiny);
    EXPECT(CUDA_ERROR_INVALID_PTX, cuModuleLoadDataEx(&refused, "nonsense", 2, options, values));
    assert_int_equal((size_t)values[1], 7);
    assert_int_equal(strlen(tiny), 7);
    values[1] = (void *)0;
    EXPECT(CUDA_ERROR_INVALID_PTX, cuModuleLoadDataEx(&refused, "nonsense", 2, options, values));
    assert_int_equal((size_t)values[1], 0);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&refused, text, 1, NULL, values));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&refused, text, 1, options, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&refused, text, 1, &unknown, &value));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuModuleLoadDataEx(&refused, text, 1, &lto, &value));
    options[0] = CU_JIT_OPTIMIZATION_LEVEL;
    value = (void *)5;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleLoadDataEx(&refused, text, 1, options, &value));
}

/* Longer than an operation's data and its answer. */
static void test_large_module(void **state)
{
    enum { KERNELS = 400 };
    char *large = malloc(sizeof(text) + KERNELS * 128);
    size_t length = (size_t)sprintf(large, "%s", text);
    char name[64];
    CUfunction function;
    unsigned count;

    (void)state;
    for (unsigned i = 0; i < KERNELS; i++) {
        length += (size_t)sprintf(large + length,
                                  ".visible .entry with_a_long_name_%u(.param .u64 a%u, "
                                  ".param .u32 b%u) { ret; }\n",
                                  i, i, i);
    }
    OK(cuModuleLoadData(&module, large));
    OK(cuModuleGetFunctionCount(&count, module));
    assert_int_equal(count, KERNELS + 3);
    for (unsigned i = 0; i < KERNELS; i++) {
        sprintf(name, "with_a_long_name_%u", i);
        OK(cuModuleGetFunction(&function, module, name));
    }
    OK(cuLaunchKernel(function_of("with_a_long_name_399"), 1, 1, 1, 1, 1, 1, 0, NULL,
                      (void *[]){&(uint64_t){0}, &count}, NULL));
    OK(cuCtxSynchronize());
    free(large);
}

/* All that a session may have, and their numbers again. */
static void test_many_modules(void **state)
{
    static CUmodule modules[257];
    const char *image = ".version 8.0\n.target sm_80\n.address_size 64\n";
    unsigned count = 0;
    CUresult result;

    (void)state;
    while ((result = cuModuleLoadData(&modules[count], image)) == CUDA_SUCCESS) {
        count++;
    }
    assert_int_equal(result, CUDA_ERROR_OUT_OF_MEMORY);
    assert_int_equal(count, 256);
    OK(cuModuleUnload(modules[100]));
    OK(cuModuleLoadData(&modules[100], image));
}

static void test_global(void **state)
{
    CUdeviceptr address, again;
    size_t size;
    uint32_t bias = 0;

    (void)state;
    load();
    OK(cuModuleGetGlobal(&address, &size, module, "bias"));
    assert_int_equal(size, 4);
    OK(cuModuleGetGlobal(&again, NULL, module, "bias"));
    assert_int_equal(again, address);
    OK(cuModuleGetGlobal(NULL, &size, module, "bias"));
    OK(cuMemcpyDtoH(&bias, address, 4));
    assert_int_equal(bias, 7);
    bias = 1;
    OK(cuMemcpyHtoD(address, &bias, 4));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(address + 1, &bias, 4));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemFree(address));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuModuleGetGlobal(&address, &size, module, "bia"));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuModuleGetGlobal(&address, &size, module, ""));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuModuleGetGlobal(&address, &size, module, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           cuModuleGetGlobal(&address, &size, NO_HANDLE(CUmodule), "bias"));
    OK(cuModuleUnload(module));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoD(again, &bias, 4));
}

/* ---- Launches ---- */

static CUdeviceptr a, b, c;
static uint32_t values[COUNT];

static void make_vectors(void)
{
    for (uint32_t i = 0; i < COUNT; i++) {
        values[i] = i * 3;
    }
    OK(cuMemAlloc(&a, sizeof(values)));
    OK(cuMemAlloc(&b, sizeof(values)));
    OK(cuMemAlloc(&c, sizeof(values)));
    OK(cuMemcpyHtoD(a, values, sizeof(values)));
    OK(cuMemsetD32(b, 1000, COUNT));
}

static void check_sum(uint32_t bias)
{
    memset(values, 0, sizeof(values));
    OK(cuMemcpyDtoH(values, c, sizeof(values)));
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(values[i], i * 3 + 1000 + bias);
    }
}

static void test_launch(void **state)
{
    uint32_t n = COUNT;
    void *params[] = {&c, &a, &b, &n};
    struct {
        CUdeviceptr c, a, b;
        uint32_t n;
    } packed;
    size_t size = 28;
    void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                     CU_LAUNCH_PARAM_END};
    CUlaunchConfig config = {.gridDimX = 8,
                             .gridDimY = 1,
                             .gridDimZ = 1,
                             .blockDimX = 128,
                             .blockDimY = 1,
                             .blockDimZ = 1};
    unsigned before;

    (void)state;
    load();
    make_vectors();
    before = fake_carrier.round_trips;
    OK(cuLaunchKernel(function_of("add"), 4, 1, 1, 256, 1, 1, 0, NULL, params, NULL));
    if (fake_worker_heap() != NULL) {
        assert_int_equal(fake_carrier.round_trips, before);
    }
    check_sum(7);
    OK(cuMemsetD32(c, 0, COUNT));
    packed.c = c;
    packed.a = a;
    packed.b = b;
    packed.n = COUNT;
    OK(cuLaunchKernel(function_of("add"), 4, 1, 1, 256, 1, 1, 0, CU_STREAM_PER_THREAD, NULL,
                      extra));
    OK(cuStreamSynchronize(CU_STREAM_PER_THREAD));
    check_sum(7);
    OK(cuMemsetD32(c, 0, COUNT));
    size = sizeof(packed) + 8; /* padding behind is not read */
    OK(cuLaunchKernel(function_of("add"), 4, 1, 1, 256, 1, 1, 0, NULL, NULL, extra));
    check_sum(7);
    OK(cuMemsetD32(c, 0, COUNT));
    OK(cuLaunchKernelEx(&config, function_of("add"), params, NULL));
    check_sum(7);
    OK(cuMemsetD32(c, 0, COUNT));
    OK(cuLaunchCooperativeKernel(function_of("add"), 1, 1, 1, 1000, 1, 1, 0, NULL, params));
    check_sum(7);
}

static void test_parameters(void **state)
{
    CUdeviceptr out;
    uint8_t one = 11;
    uint16_t two = 2222;
    uint32_t twelve[3] = {3, 4, 5}, result[4];
    void *params[] = {&one, &out, &two, twelve};

    (void)state;
    load();
    OK(cuMemAlloc(&out, 16));
    OK(cuLaunchKernel(function_of("mixed"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
    OK(cuMemcpyDtoH(result, out, 16));
    assert_int_equal(result[0], 11);
    assert_int_equal(result[1], 2222);
    assert_int_equal(result[2], 3);
    assert_int_equal(result[3], 5);
}

/* More than an operation has room for. */
static void test_many_parameters(void **state)
{
    char image[1024];
    CUdeviceptr out;
    static uint32_t large[1000];
    void *params[] = {&out, large};
    uint32_t result;

    (void)state;
    sprintf(image,
            ".version 8.0\n.target sm_80\n.address_size 64\n"
            ".visible .entry last(.param .u64 out, .param .align 4 .b8 large[%zu]) {\n"
            ".reg .b32 %%r; .reg .b64 %%d;\n"
            "ld.param.u64 %%d, [out]; ld.param.u32 %%r, [large+%zu]; st.global.u32 [%%d], %%r;\n"
            "ret; }\n",
            sizeof(large), sizeof(large) - 4);
    OK(cuModuleLoadData(&module, image));
    OK(cuMemAlloc(&out, 4));
    large[999] = 0xCAFE;
    OK(cuLaunchKernel(function_of("last"), 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
    OK(cuMemcpyDtoH(&result, out, 4));
    assert_int_equal(result, 0xCAFE);
}

static CUresult launch(const char *name, unsigned grid, unsigned block, unsigned shared)
{
    return cuLaunchKernel(function_of(name), grid, 1, 1, block, 1, 1, shared, NULL, NULL, NULL);
}

static void test_bad_launches(void **state)
{
    uint32_t n = COUNT;
    void *params[] = {&c, &a, NULL, &n};
    size_t size = 27; /* of 28 */
    void *both[] = {CU_LAUNCH_PARAM_END};
    void *too_few[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, values, CU_LAUNCH_PARAM_BUFFER_SIZE, &size,
                       CU_LAUNCH_PARAM_END};
    void *unknown[] = {(void *)7, values, CU_LAUNCH_PARAM_END};
    CUlaunchConfig config = {.gridDimX = 1, .numAttrs = 1};
    CUcontext other;
    CUfunction add;

    (void)state;
    load();
    add = function_of("add");
    OK(launch("nothing", 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch("nothing", 0, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch("nothing", 1, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch("nothing", 1, 1025, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch("nothing", 0x80000000u, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch("nothing", 1, 1, 49153));
    EXPECT(CUDA_ERROR_INVALID_VALUE, launch("add", 1, 1, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuLaunchKernel(add, 1, 70000, 1, 1, 1, 1, 0, NULL, params, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, params, both));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, too_few));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, unknown));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLaunchKernel(NULL, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           cuLaunchKernel((CUfunction)(void *)module, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLaunchKernel(function_of("nothing"), 1, 1, 1, 1, 1, 1, 0,
                                                     NO_HANDLE(CUstream), NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernelEx(NULL, add, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLaunchKernelEx(&config, add, NULL, NULL));
    EXPECT(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE,
           cuLaunchCooperativeKernel(function_of("nothing"), 1000000, 1, 1, 1024, 1, 1, 0, NULL,
                                     NULL));
    OK(cuCtxCreate_v2(&other, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLaunchKernel(add, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
    OK(cuCtxDestroy(other));
    OK(cuCtxSynchronize());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_module),          BOTH(test_bad_modules),  BOTH(test_fat_binary),
        BOTH(test_jit_options),     BOTH(test_large_module), RING(test_many_modules),
        BOTH(test_global),          BOTH(test_launch),       BOTH(test_parameters),
        BOTH(test_many_parameters), BOTH(test_bad_launches),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
