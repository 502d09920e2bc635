/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Libraries and kernels, functions' attributes, occupancy, limits, and functions by their names. */
#include "tests/unit/cuda/step.h"

static const char library_text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n.visible .global .align 4 .u32 sum;\n"
    ".visible .entry add(.param .u32 a, .param .u64 b) { .reg .b32 %r<3>; .reg .b64 %rd; "
    "mov.u64 %rd, sum; ld.param.u32 %r1, [a]; ld.global.u32 %r2, [%rd]; add.u32 %r2, %r2, %r1; "
    "st.global.u32 [%rd], %r2; ret; }\n"
    ".visible .entry wide() .maxntid 64, 1, 1 { .shared .align 4 .b8 tile[1024]; ret; }\n"
    ".extern .shared .align 4 .b8 dynamic[];\n"
    ".visible .entry shared() { ret; }\n";

static CUlibrary library;

static CUlibrary load(const void *image, bool is_preserved)
{
    CUlibraryOption option = CU_LIBRARY_BINARY_IS_PRESERVED;
    void *value = (void *)(uintptr_t)1;
    CUlibrary loaded;

    OK(cuLibraryLoadData(&loaded, image, NULL, NULL, 0, &option, &value, is_preserved));
    return loaded;
}

static CUkernel find_kernel(const char *name)
{
    CUkernel kernel;

    OK(cuLibraryGetKernel(&kernel, library, name));
    return kernel;
}

static uint32_t read_sum(void)
{
    CUdeviceptr pointer;
    uint32_t value;
    size_t size;

    OK(cuLibraryGetGlobal(&pointer, &size, library, "sum"));
    assert_int_equal(size, 4);
    OK(cuMemcpyDtoH(&value, pointer, 4));
    return value;
}

static void launch_add(CUfunction function, uint32_t value)
{
    uint64_t unused = 0;
    void *params[] = {&value, &unused};

    OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, NULL, params, NULL));
}

/* ---- Libraries ---- */

static void test_library(void **state)
{
    char *image = strdup(library_text);
    CUkernel kernels[4] = {NULL}, kernel;
    CUlibrary of;
    CUfunction function;
    CUmodule of_library;
    const char *name;
    size_t offset, size;
    unsigned count;

    (void)state;
    library = load(image, false);
    memset(image, 'x', strlen(image)); /* it was copied */
    free(image);
    OK(cuLibraryGetKernelCount(&count, library));
    assert_int_equal(count, 3);
    OK(cuLibraryEnumerateKernels(kernels, 4, library));
    assert_non_null(kernels[2]);
    assert_null(kernels[3]);
    kernel = find_kernel("add");
    OK(cuKernelGetName(&name, kernel));
    assert_string_equal(name, "add");
    OK(cuKernelGetLibrary(&of, kernel));
    assert_ptr_equal(of, library);
    OK(cuKernelGetParamInfo(kernel, 1, &offset, &size));
    assert_int_equal(offset, 8);
    assert_int_equal(size, 8);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuKernelGetParamInfo(kernel, 2, &offset, &size));
    OK(cuKernelGetFunction(&function, kernel));
    launch_add(function, 5);
    launch_add((CUfunction)kernel, 6); /* as CUDA allows */
    assert_int_equal(read_sum(), 11);
    OK(cuLibraryGetModule(&of_library, library));
    OK(cuModuleGetFunction(&function, of_library, "add"));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuModuleUnload(of_library));
    OK(cuLibraryUnload(library));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLibraryUnload(library));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuKernelGetName(&name, kernel));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           cuLaunchKernel((CUfunction)kernel, 1, 1, 1, 1, 1, 1, 0, NULL, NULL, NULL));
}

/* Each context has a module of its own, from the first need on. */
static void test_contexts(void **state)
{
    CUcontext second;
    CUkernel kernel;

    (void)state;
    OK(cuCtxSetCurrent(NULL));
    library = load(library_text, true);
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuLibraryGetKernel(&kernel, library, "add"));
    OK(cuCtxSetCurrent(context));
    kernel = find_kernel("add");
    launch_add((CUfunction)kernel, 3);
    assert_int_equal(read_sum(), 3);
    OK(cuCtxCreate(&second, NULL, 0, 0));
    assert_int_equal(read_sum(), 0);
    launch_add((CUfunction)kernel, 4);
    assert_int_equal(read_sum(), 4);
    OK(cuCtxDestroy(second));
    OK(cuCtxSetCurrent(context));
    assert_int_equal(read_sum(), 3);
    OK(cuDevicePrimaryCtxReset(0));
    assert_int_equal(read_sum(), 0); /* loaded again */
    OK(cuLibraryUnload(library));
}

static void test_wrong_libraries(void **state)
{
    CUlibraryOption option = (CUlibraryOption)9;
    char log[200] = "";
    CUjit_option jit[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *values[] = {log, (void *)(uintptr_t)sizeof(log)};
    CUkernel kernel;
    CUdeviceptr pointer;
    void *function;
    size_t size;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuLibraryLoadData(NULL, library_text, NULL, NULL, 0, NULL, NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuLibraryLoadData(&library, NULL, NULL, NULL, 0, NULL, NULL, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuLibraryLoadData(&library, library_text, NULL, NULL, 0, &option, NULL, 1));
    EXPECT(CUDA_ERROR_INVALID_PTX,
           cuLibraryLoadData(&library, ".version 8.0\n.target sm_80\n.address_size 64\nnothing;\n",
                             jit, values, 2, NULL, NULL, 0));
    assert_non_null(strstr(log, "nothing"));
    EXPECT(CUDA_ERROR_FILE_NOT_FOUND,
           cuLibraryLoadFromFile(&library, "a.ptx", NULL, NULL, 0, NULL, NULL, 0));
    library = load(library_text, true);
    EXPECT(CUDA_ERROR_NOT_FOUND, cuLibraryGetKernel(&kernel, library, "subtract"));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLibraryGetKernel(&kernel, library, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLibraryGetKernel(&kernel, NO_HANDLE(CUlibrary), "add"));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuLibraryGetGlobal(&pointer, &size, library, "difference"));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuLibraryGetManaged(&pointer, &size, library, "sum"));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuLibraryGetUnifiedFunction(&function, library, "add"));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLibraryGetKernelCount(NULL, library));
}

/* Bookkeeping is given back. */
static void test_many(void **state)
{
    CUkernel kernel;

    (void)state;
    for (unsigned i = 0; i < 150; i++) {
        library = load(library_text, i % 2 != 0);
        OK(cuLibraryGetKernel(&kernel, library, "add"));
        OK(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100, kernel, 0));
        OK(cuLibraryUnload(library));
    }
}

/* ---- Functions' and kernels' attributes ---- */

static void test_attributes(void **state)
{
    CUkernel kernel;
    CUfunction function;
    CUmodule of;
    CUfunctionLoadingState loading;
    const char *name;
    size_t offset, size;
    int value;

    (void)state;
    library = load(library_text, true);
    kernel = find_kernel("wide");
    OK(cuKernelGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, kernel, 0));
    assert_int_equal(value, 64);
    OK(cuKernelGetFunction(&function, kernel));
    OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function));
    assert_int_equal(value, 1024);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX, function));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuFuncGetAttribute(NULL, CU_FUNC_ATTRIBUTE_NUM_REGS, function));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, NO_HANDLE(CUfunction)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_NUM_REGS, 5));
    OK(cuFuncSetCacheConfig(function, CU_FUNC_CACHE_PREFER_L1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuFuncSetCacheConfig(function, (CUfunc_cache)4));
    OK(cuFuncSetSharedMemConfig(function, CU_SHARED_MEM_CONFIG_DEFAULT_BANK_SIZE));
    OK(cuFuncGetModule(&of, function));
    OK(cuFuncGetName(&name, function));
    assert_string_equal(name, "wide");
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuFuncGetParamInfo(function, 0, &offset, &size));
    OK(cuFuncGetParamInfo(step, 1, &offset, NULL));
    assert_int_equal(offset, 8);
    OK(cuFuncLoad(function));
    OK(cuFuncIsLoaded(&loading, function));
    assert_int_equal(loading, CU_FUNCTION_LOADING_STATE_LOADED);
    OK(cuKernelSetCacheConfig(kernel, CU_FUNC_CACHE_PREFER_L1, 0));
    EXPECT(CUDA_ERROR_INVALID_DEVICE, cuKernelSetCacheConfig(kernel, CU_FUNC_CACHE_PREFER_L1, 3));
}

/* What is set holds where the library is loaded, and where it will be. */
static void test_dynamic_shared(void **state)
{
    CUcontext second;
    CUkernel kernel;
    CUfunction function;
    int value;

    (void)state;
    library = load(library_text, true);
    kernel = find_kernel("shared");
    OK(cuKernelGetFunction(&function, kernel));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 60000, NULL, NULL, NULL));
    OK(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 60000, kernel, 0));
    OK(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 60000, NULL, NULL, NULL));
    OK(cuCtxSynchronize());
    OK(cuCtxCreate(&second, NULL, 0, 0));
    OK(cuKernelGetFunction(&function, kernel));
    OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, function));
    assert_int_equal(value, 60000);
    OK(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100));
    OK(cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, function));
    assert_int_equal(value, 100);
    EXPECT(
        CUDA_ERROR_INVALID_VALUE,
        cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 1 << 30, kernel, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX, 1, kernel, 0));
    OK(cuCtxDestroy(second));
    OK(cuCtxSetCurrent(context));
}

/* ---- Occupancy ---- */

static size_t shared_of(int threads)
{
    return (size_t)threads * 16;
}

static void test_occupancy(void **state)
{
    CUfunction function;
    int blocks, fewer, grid, block, processors;
    size_t size;

    (void)state;
    library = load(library_text, true);
    OK(cuKernelGetFunction(&function, find_kernel("shared")));
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 128, 0));
    assert_true(blocks > 0);
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&fewer, function, 128, 40000,
                                                            CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE));
    assert_true(fewer > 0 && fewer < blocks);
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuOccupancyMaxActiveBlocksPerMultiprocessor(NULL, function, 32, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(&blocks, function, 32, 0, 2));
    OK(cuOccupancyMaxPotentialBlockSize(&grid, &block, function, NULL, 0, 0));
    OK(cuDeviceGetAttribute(&processors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0));
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, block, 0));
    assert_int_equal(grid, blocks * processors);
    OK(cuOccupancyMaxPotentialBlockSizeWithFlags(&grid, &block, function, shared_of, 0, 256,
                                                 CU_OCCUPANCY_DEFAULT));
    assert_true(block > 0 && block <= 256);
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuOccupancyMaxPotentialBlockSize(&grid, NULL, function, NULL, 0, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuOccupancyMaxPotentialBlockSize(&grid, &block, function, NULL, 0, -1));
    OK(cuOccupancyAvailableDynamicSMemPerBlock(&size, function, 2, 128));
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 128, size));
    assert_true(blocks >= 2);
    OK(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 128, size + 1));
    assert_true(blocks < 2);
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuOccupancyAvailableDynamicSMemPerBlock(&size, function, 1000, 1024));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuOccupancyAvailableDynamicSMemPerBlock(NULL, function, 1, 32));
}

/* ---- Limits and preferences ---- */

static void test_limits(void **state)
{
    CUexecAffinityParam affinity;
    CUfunc_cache cache;
    CUsharedconfig banks;
    size_t value;

    (void)state;
    OK(cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE));
    OK(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 4096));
    OK(cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE));
    assert_int_equal(value, 4096);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxGetLimit(&value, CU_LIMIT_MAX));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxSetLimit(CU_LIMIT_MAX, 1));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxGetLimit(NULL, CU_LIMIT_STACK_SIZE));
    OK(cuCtxSetCacheConfig(CU_FUNC_CACHE_PREFER_SHARED));
    OK(cuCtxGetCacheConfig(&cache));
    assert_int_equal(cache, CU_FUNC_CACHE_PREFER_SHARED);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxSetCacheConfig((CUfunc_cache)4));
    OK(cuCtxSetSharedMemConfig(CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxSetSharedMemConfig((CUsharedconfig)3));
    OK(cuCtxGetSharedMemConfig(&banks));
    assert_int_equal(banks, CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE);
    OK(cuCtxResetPersistingL2Cache());
    EXPECT(CUDA_ERROR_PEER_ACCESS_UNSUPPORTED, cuCtxEnablePeerAccess(context, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuCtxEnablePeerAccess(context, 1));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuCtxEnablePeerAccess(NO_HANDLE(CUcontext), 0));
    EXPECT(CUDA_ERROR_PEER_ACCESS_NOT_ENABLED, cuCtxDisablePeerAccess(context));
    EXPECT(CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY,
           cuCtxGetExecAffinity(&affinity, CU_EXEC_AFFINITY_TYPE_SM_COUNT));
    OK(cuProfilerStart());
    OK(cuProfilerStop());
}

/* Two rows of two bytes, from memory of another context into an array of this one. */
static void check_peer_box(CUcontext second)
{
    const CUDA_ARRAY_DESCRIPTOR shape = {4, 4, CU_AD_FORMAT_UNSIGNED_INT8, 1};
    CUDA_MEMCPY3D_PEER copy = {
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcContext = second,
        .srcPitch = 2,
        .dstXInBytes = 1,
        .dstY = 1,
        .dstMemoryType = CU_MEMORYTYPE_ARRAY,
        .WidthInBytes = 2,
        .Height = 2,
        .Depth = 1,
    };
    uint8_t row[4];

    OK(cuMemAlloc(&copy.srcDevice, 4));
    OK(cuMemcpyHtoD(copy.srcDevice, "abcd", 4));
    OK(cuCtxSetCurrent(context));
    OK(cuArrayCreate(&copy.dstArray, &shape));
    OK(cuMemcpy3DPeer(&copy));
    OK(cuMemcpyAtoH(row, copy.dstArray, 8, 4));
    assert_memory_equal(row + 1, "cd", 2);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpy3DPeerAsync(NULL, NULL));
    copy.srcContext = NO_HANDLE(CUcontext);
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuMemcpy3DPeerAsync(&copy, NULL));
    OK(cuArrayDestroy(copy.dstArray));
}

static void test_peer_copies(void **state)
{
    CUcontext second;
    CUdeviceptr there;
    uint32_t value = 0;

    (void)state;
    OK(cuCtxCreate(&second, NULL, 0, 0));
    OK(cuMemAlloc(&there, 4));
    OK(cuMemsetD32(there, 42, 1));
    OK(cuMemcpyPeer(word, context, there, second, 4));
    OK(cuMemcpyDtoH(&value, word, 4));
    assert_int_equal(value, 42);
    OK(cuMemcpyPeerAsync(there, second, word, context, 4, NULL));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuMemcpyPeer(word, NO_HANDLE(CUcontext), there, second, 4));
    check_peer_box(second);
    OK(cuCtxDestroy(second));
    OK(cuCtxSetCurrent(context));
}

/* ---- Functions by their names ---- */

static void test_find(void **state)
{
    CUdriverProcAddressQueryResult status;
    const CUuuid id = {{0}};
    const void *table;
    void *function;
    CUresult (*get_count)(int *count);
    int count = 0;

    (void)state;
    OK(cuGetProcAddress("cuDeviceGetCount", &function, 12000, 0, &status));
    assert_int_equal(status, CU_GET_PROC_ADDRESS_SUCCESS);
    memcpy(&get_count, &function, sizeof(get_count));
    OK(get_count(&count));
    assert_int_equal(count, 1);
    OK(cuGetProcAddress("cuGraphCreate", &function, 9000, 0, &status));
    assert_int_equal(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
    assert_null(function);
    OK(cuGetProcAddress("cuGuess", &function, 13000, 0, &status));
    assert_int_equal(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
    OK(cuGetProcAddress("cuGuess", &function, 13000, 0, NULL));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED,
           cuGetProcAddress("cuInit", &function, 13000,
                            CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM, &status));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGetProcAddress("cuInit", &function, 13000, 7, &status));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGetProcAddress(NULL, &function, 13000, 0, &status));
    EXPECT(CUDA_ERROR_NOT_FOUND, cuGetExportTable(&table, &id));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuGetExportTable(NULL, &id));
}

/* ---- Linking ---- */

static CUresult add_text(CUlinkState link, const char *text)
{
    return cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)(uintptr_t)text, strlen(text) + 1, "text",
                         0, NULL, NULL);
}

static const char uses_text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".extern .func (.param .b32 r) f(.param .b32 a);\n.extern .global .u32 sum;\n"
    ".visible .entry k(.param .u32 p) { .reg .b32 %r<3>; ld.param.u32 %r1, [p];\n"
    "{ .param .b32 a; .param .b32 r; st.param.b32 [a], %r1; call (r), f, (a);\n"
    "ld.param.b32 %r2, [r]; } st.global.u32 [sum], %r2; ret; }\n";

static const char has_text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n.visible .global .u32 sum;\n"
    ".visible .func (.param .b32 r) f(.param .b32 a) { .reg .b32 %r1; ld.param.b32 %r1, [a];\n"
    "mad.lo.u32 %r1, %r1, 2, 40; st.param.b32 [r], %r1; ret; }\n";

/* A kernel in one text calls a function of another. */
static void test_link_two(void **state)
{
    CUlinkState link;
    CUmodule linked;
    CUfunction kernel;
    CUdeviceptr sum;
    unsigned value = 1;
    void *image, *parameters[] = {&value};

    (void)state;
    OK(cuLinkCreate(0, NULL, NULL, &link));
    OK(add_text(link, uses_text));
    OK(add_text(link, has_text));
    OK(cuLinkComplete(link, &image, NULL));
    OK(cuModuleLoadData(&linked, image));
    OK(cuLinkDestroy(link));
    OK(cuModuleGetFunction(&kernel, linked, "k"));
    OK(cuModuleGetGlobal(&sum, NULL, linked, "sum"));
    OK(cuLaunchKernel(kernel, 1, 1, 1, 1, 1, 1, 0, NULL, parameters, NULL));
    OK(cuMemcpyDtoH(&value, sum, sizeof(value)));
    assert_int_equal(value, 42);
    OK(cuModuleUnload(linked));
}

static void test_link(void **state)
{
    char text[sizeof(step_text)];
    CUlinkState link;
    CUmodule linked;
    CUfunction found;
    void *image;
    size_t size;

    (void)state;
    memcpy(text, step_text, sizeof(text));
    OK(cuLinkCreate(0, NULL, NULL, &link));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLinkComplete(link, &image, &size));
    OK(add_text(link, text));
    memset(text, 0, sizeof(text)); /* it was copied */
    OK(cuLinkComplete(link, &image, &size));
    assert_int_equal(size, strlen(image) + 1);
    OK(cuModuleLoadData(&linked, image));
    OK(cuLinkDestroy(link));
    OK(cuModuleGetFunction(&found, linked, "step"));
    OK(cuModuleUnload(linked));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuLinkDestroy(link));
}

static void test_wrong_links(void **state)
{
    char log[128] = "";
    CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *values[] = {log, (void *)sizeof(log)}, *image;
    CUlinkState link;

    (void)state;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuLinkCreate(0, NULL, NULL, NULL));
    OK(cuLinkCreate(2, options, values, &link));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuLinkAddData(link, CU_JIT_INPUT_PTX, log, 0, NULL, 0, NULL, NULL));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED,
           cuLinkAddData(link, CU_JIT_INPUT_LIBRARY, log, 4, NULL, 0, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           cuLinkAddData(link, (CUjitInputType)77, log, 4, NULL, 0, NULL, NULL));
    EXPECT(CUDA_ERROR_FILE_NOT_FOUND,
           cuLinkAddFile(link, CU_JIT_INPUT_PTX, "a.ptx", 0, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, add_text(NO_HANDLE(CUlinkState), "text"));
    OK(add_text(link, "nonsense"));
    EXPECT(CUDA_ERROR_INVALID_PTX, cuLinkComplete(link, &image, NULL));
    assert_non_null(strstr(log, "input 1:1:1: error"));
    values[1] = (void *)sizeof(log); /* that one goes with its context */
    OK(cuLinkCreate(2, options, values, &link));
    OK(add_text(link, has_text));
    OK(add_text(link, has_text));
    EXPECT(CUDA_ERROR_INVALID_PTX, cuLinkComplete(link, &image, NULL));
    assert_string_equal(log, "input 2:4:23: error: multiple definition of sum, first defined at "
                             "input 1:4:23\n");
    OK(cuLinkDestroy(link));
}

static void test_unsupported(void **state)
{
    const CUmemLocation here = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
    CUdeviceptr pointer;

    (void)state;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuMemAllocManaged(&pointer, 4, CU_MEM_ATTACH_GLOBAL));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuMemAdvise(word, 4, CU_MEM_ADVISE_SET_READ_MOSTLY, here));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuMemPrefetchAsync(word, 4, here, 0, stream));
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, cuStreamAttachMemAsync(stream, word, 0, CU_MEM_ATTACH_SINGLE));
    OK(cuCtxSetCurrent(NULL));
    EXPECT(CUDA_ERROR_INVALID_CONTEXT, cuMemAllocManaged(&pointer, 4, CU_MEM_ATTACH_GLOBAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STEP_BOTH(test_library),   STEP_BOTH(test_contexts),    STEP_BOTH(test_wrong_libraries),
        STEP_RING(test_many),      STEP_BOTH(test_attributes),  STEP_BOTH(test_dynamic_shared),
        STEP_BOTH(test_occupancy), STEP_BOTH(test_limits),      STEP_BOTH(test_peer_copies),
        STEP_BOTH(test_find),      STEP_BOTH(test_unsupported), STEP_BOTH(test_link),
        STEP_BOTH(test_link_two),  STEP_BOTH(test_wrong_links),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
