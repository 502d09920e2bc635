/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=test-cuda: the CUDA driver API over each carrier that this machine has, two devices at once:
 * copies that are longer than what the carrier takes at a time, streams, events, text that kernels
 * print, kernels that fail, and the restart after that. tests/unit/cuda has each function.
 */
#include <stdlib.h>
#include <string.h>

#include "baregpu/cuda.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/open/pvgpu.h"
#include "tests/guest/lib/tap.h"

/* add: c[i] = a[i] + b[i]. wrong: stores at `at`. say: prints its argument. doomed: prints, then
 * fails an assertion, `x > 0` of a.cu:42. */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n"
    ".global .align 1 .b8 format[9] = {116, 111, 108, 100, 32, 37, 100, 10, 0};\n"
    ".visible .entry add(.param .u64 c, .param .u64 a, .param .u64 b, .param .u32 n) {\n"
    ".reg .b32 %r<8>; .reg .b64 %d<8>; .reg .pred %p;\n"
    "ld.param.u64 %d1, [a]; ld.param.u64 %d2, [b]; ld.param.u64 %d3, [c]; ld.param.u32 %r1, [n];\n"
    "mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mov.u32 %r4, %tid.x;\n"
    "mad.lo.s32 %r5, %r2, %r3, %r4; setp.ge.s32 %p, %r5, %r1; @%p bra E;\n"
    "mul.wide.s32 %d4, %r5, 4; add.s64 %d1, %d1, %d4; add.s64 %d2, %d2, %d4;\n"
    "add.s64 %d3, %d3, %d4; ld.global.u32 %r6, [%d1]; ld.global.u32 %r7, [%d2];\n"
    "add.s32 %r6, %r6, %r7; st.global.u32 [%d3], %r6; E: ret; }\n"
    ".visible .entry wrong(.param .u64 at) {\n"
    ".reg .b64 %d; ld.param.u64 %d, [at]; st.global.u32 [%d], 1; ret; }\n"
    ".visible .entry say(.param .u32 what) {\n"
    ".local .align 8 .b8 arguments[8]; .reg .b32 %r; .reg .b64 %f, %a, %l;\n"
    "ld.param.u32 %r, [what]; mov.u64 %l, arguments; st.local.u32 [%l], %r;\n"
    "cvta.local.u64 %a, %l; mov.u64 %f, format; cvta.global.u64 %f, %f;\n"
    "{ .param .b64 f; .param .b64 a; .param .b32 r;\n"
    "st.param.b64 [f], %f; st.param.b64 [a], %a; call (r), vprintf, (f, a); }\n"
    "ret; }\n"
    ".extern .func __assertfail (.param .b64 m, .param .b64 f, .param .b32 l, .param .b64 n,"
    ".param .b64 s);\n"
    ".global .align 1 .b8 claim[6] = {120, 32, 62, 32, 48, 0};\n"
    ".global .align 1 .b8 file[5] = {97, 46, 99, 117, 0};\n"
    ".global .align 1 .b8 hello[4] = {104, 105, 10, 0};\n"
    ".visible .entry doomed() { .reg .b32 %r; .reg .b64 %c, %f, %h;\n"
    "mov.u64 %h, hello; cvta.global.u64 %h, %h; mov.u64 %c, claim; cvta.global.u64 %c, %c;\n"
    "mov.u64 %f, file; cvta.global.u64 %f, %f;\n"
    "{ .param .b64 f; .param .b64 a; .param .b32 r;\n"
    "st.param.b64 [f], %h; st.param.b64 [a], 0; call (r), vprintf, (f, a); }\n"
    "{ .param .b64 m; .param .b64 f; .param .b32 l; .param .b64 n; .param .b64 s;\n"
    "st.param.b64 [m], %c; st.param.b64 [f], %f; st.param.b32 [l], 42; st.param.b64 [n], %f;\n"
    "st.param.b64 [s], 1; call __assertfail, (m, f, l, n, s); }\n"
    "ret; }\n"
    ".visible .entry nothing(.param .u64 a, .param .u32 b) { ret; }\n";

#define COUNT_MAX (1u << 20) /* 4 MiB each: more than the pieces of a heap */
#define COUNT_MAILBOX 5000u
#define LAUNCHES 2000u

static struct bg_pvgpu ring;
static struct bg_vgpu_stub mailbox;
static uint64_t ring_memory[(256u << 10) / 8], mailbox_memory[(256u << 10) / 8];

static char printed[8192];
static size_t printed_size;

static void take_text(void *context, const char *bytes, size_t length)
{
    (void)context;
    if (printed_size + length < sizeof(printed)) {
        memcpy(printed + printed_size, bytes, length);
        printed_size += length;
        printed[printed_size] = '\0';
    }
}

static void forget_printed(void)
{
    printed_size = 0;
    printed[0] = '\0';
}

static bool expect(CUresult got, CUresult expected, const char *what)
{
    const char *name = "unknown";

    if (got != expected) {
        cuGetErrorName(got, &name);
        tap_diag("%s", name);
    }
    return tap_ok(got == expected, "%s", what);
}

static bool done(CUresult got, const char *what)
{
    return expect(got, CUDA_SUCCESS, what);
}

/* ---- One device ---- */

static CUcontext context;
static CUmodule module;

static CUresult launch(const char *name, unsigned blocks, unsigned threads, void **params)
{
    CUfunction function;

    return cuModuleGetFunction(&function, module, name)
               ?: cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, NULL, params, NULL);
}

static uint32_t *make_numbers(uint32_t count, uint32_t factor)
{
    uint32_t *numbers = malloc(count * sizeof(*numbers));

    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = i * factor + 1;
    }
    return numbers;
}

static void test_vectors(uint32_t count)
{
    uint32_t *a = make_numbers(count, 3), *b = make_numbers(count, 5), *c = calloc(count, 4);
    size_t size = count * sizeof(*a), wrong = 0;
    CUdeviceptr at[3];

    done(cuMemAlloc(&at[0], size) ?: cuMemAlloc(&at[1], size) ?: cuMemAlloc(&at[2], size),
         "memory");
    done(cuMemcpyHtoD(at[1], a, size) ?: cuMemcpyHtoDAsync(at[2], b, size, NULL), "copies there");
    done(launch("add", (count + 255) / 256, 256, (void *[]){&at[0], &at[1], &at[2], &count}),
         "a launch");
    done(cuMemcpyDtoH(c, at[0], size), "the copy back");
    for (uint32_t i = 0; i < count; i++) {
        wrong += c[i] != a[i] + b[i];
    }
    tap_equal(wrong, 0, "%u sums", (unsigned)count);
    done(cuMemFree(at[0]) ?: cuMemFree(at[1]) ?: cuMemFree(at[2]), "memory goes");
    free(a);
    free(b);
    free(c);
}

static void test_pinned(void)
{
    CUdeviceptr at, mapped;
    uint32_t *host;
    int can_map;

    done(cuMemAlloc(&at, 4096) ?: cuMemAllocHost((void **)&host, 4096), "memory of the guest");
    done(cuMemsetD32(at, 77, 1024) ?: cuMemcpyDtoHAsync(host, at, 4096, NULL)
                                           ?: cuStreamSynchronize(NULL),
         "a copy to it");
    tap_equal(host[1023], 77, "has arrived");
    done(cuDeviceGetAttribute(&can_map, CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 0), "attribute");
    if (cuMemHostGetDevicePointer(&mapped, host, 0) == CUDA_SUCCESS) {
        done(launch("add", 4, 256, (void *[]){&mapped, &at, &at, &(uint32_t){1024}})
                 ?: cuCtxSynchronize(),
             "a kernel writes it in place");
        tap_equal(host[5], 154, "and the guest reads that");
    }
    done(cuMemFreeHost(host) ?: cuMemFree(at), "which goes");
}

static void test_streams(void)
{
    CUstream stream;
    CUevent start, end;
    CUdeviceptr at;
    float ms = -1;

    done(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) ?: cuEventCreate(&start, 0)
             ?: cuEventCreate(&end, 0) ?: cuMemAlloc(&at, 1u << 20),
         "a stream, events");
    done(cuEventRecord(start, stream) ?: cuMemsetD8Async(at, 1, 1u << 20, stream)
             ?: cuEventRecord(end, stream) ?: cuStreamWaitEvent(NULL, end, 0)
             ?: cuEventSynchronize(end),
         "work between two events");
    done(cuEventElapsedTime(&ms, start, end), "its time");
    tap_ok(ms >= 0 && ms < 60000, "is %u us", (unsigned)(ms * 1000));
    done(cuCtxSynchronize() ?: cuStreamQuery(stream), "nothing is left to do");
    done(cuStreamDestroy(stream) ?: cuEventDestroy(start) ?: cuEventDestroy(end) ?: cuMemFree(at),
         "all goes");
}

static void test_print(void)
{
    forget_printed();
    done(launch("say", 1, 1, (void *[]){&(int){42}}) ?: cuCtxSynchronize(), "a kernel prints");
    tap_ok(strcmp(printed, "told 42\n") == 0, "which comes here: %s",
           printed_size > 0 ? printed : "-");
}

/* The worker ends, and another one comes. */
static void test_fault(CUdevice device, bool is_ring)
{
    CUdeviceptr at;
    uint64_t nowhere = 64;
    CUresult result;

    forget_printed();
    result = launch("wrong", 1, 1, (void *[]){&nowhere});

    /* On a mailbox each operation is answered, and the launch may tell. */
    tap_ok(result == CUDA_SUCCESS || (!is_ring && result == CUDA_ERROR_ILLEGAL_ADDRESS),
           "a kernel goes wrong");
    expect(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal address");
    tap_ok(strstr(printed, "wrong") != NULL, "of which the device tells");
    expect(cuMemAlloc(&at, 100), CUDA_ERROR_ILLEGAL_ADDRESS, "the error stays");
    done(cuDevicePrimaryCtxReset(device), "until the reset");
    done(cuMemAlloc(&at, 100) ?: cuMemsetD8(at, 1, 100) ?: cuCtxSynchronize(), "then all is new");
    expect(cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE, "handles of before are none");
    done(cuModuleLoadData(&module, text), "the module again");
}

/* What it has printed until then comes, and what the assertion was. */
static void test_assertion(CUdevice device, bool is_ring)
{
    CUresult result;

    forget_printed();
    result = launch("doomed", 1, 32, NULL);

    tap_ok(result == CUDA_SUCCESS || (!is_ring && result == CUDA_ERROR_ASSERT),
           "a kernel fails an assertion");
    expect(cuCtxSynchronize(), CUDA_ERROR_ASSERT, "which is known");
    tap_ok(strstr(printed, "hi\n") != NULL, "with what was printed before");
    tap_ok(strstr(printed, "a.cu:42: ") != NULL, "and where it is");
    tap_ok(strstr(printed, "Assertion `x > 0` failed.\n") != NULL, "and what");
    done(cuDevicePrimaryCtxReset(device) ?: cuModuleLoadData(&module, text), "all anew");
}

/* The text, which is longer than what a mailbox carries, by the linker. */
static void test_link(void)
{
    static const char other[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
                                ".visible .entry more() { ret; }\n";
    CUlinkState link;
    CUmodule linked;
    CUfunction add;
    void *image;
    size_t size = 0;

    done(cuLinkCreate(0, NULL, NULL, &link)
             ?: cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)(uintptr_t)text, sizeof(text), "text",
                              0, NULL, NULL)
             ?: cuLinkAddData(link, CU_JIT_INPUT_PTX, (void *)(uintptr_t)other, sizeof(other),
                              "other", 0, NULL, NULL)
             ?: cuLinkComplete(link, &image, &size) ?: cuModuleLoadData(&linked, image),
         "two texts are linked");
    tap_ok(size >= sizeof(text) + sizeof(other), "to an image of %u bytes", (unsigned)size);
    done(cuLinkDestroy(link)
             ?: cuModuleGetFunction(&add, linked, "add") ?: cuModuleGetFunction(&add, linked, "more")
             ?: cuModuleUnload(linked),
         "and loaded, with the kernels of both");
}

/* Figures for the reader: what a launch costs the guest, and until all are done. */
static void tell_launches(bool is_ring)
{
    uint64_t start_ns, put_ns, bells;
    CUfunction function;
    CUresult result;

    result = cuModuleGetFunction(&function, module, "nothing")
                 ?: launch("nothing", 1, 32, (void *[]){&(uint64_t){0}, &(uint32_t){0}})
                 ?: cuCtxSynchronize();
    bells = ring.doorbells;
    start_ns = bg_hal_time_ns();
    for (unsigned i = 0; i < LAUNCHES && result == CUDA_SUCCESS; i++) {
        result = cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, NULL,
                                (void *[]){&(uint64_t){0}, &i}, NULL);
    }
    put_ns = bg_hal_time_ns() - start_ns;
    bells = ring.doorbells - bells;
    done(result ?: cuCtxSynchronize(), "many launches");
    tap_diag("%s: %u ns a call, %u ns a launch, %u doorbells for %u", is_ring ? "ring" : "mailbox",
             (unsigned)(put_ns / LAUNCHES), (unsigned)((bg_hal_time_ns() - start_ns) / LAUNCHES),
             (unsigned)bells, LAUNCHES);
}

static void test_device(CUdevice device, bool is_ring)
{
    char name[64];
    uint32_t count = COUNT_MAILBOX;

    done(cuDeviceGetName(name, sizeof(name), device), "a device");
    tap_diag("%s: %s", is_ring ? "ring" : "mailbox", name);
    done(cuDevicePrimaryCtxRetain(&context, device) ?: cuCtxSetCurrent(context), "its context");
    if (!done(cuModuleLoadData(&module, text), "a module")) {
        return;
    }
    if (is_ring) {
        count = ring.heap_size / 4 < COUNT_MAX ? ring.heap_size / 4 : COUNT_MAX;
    }
    test_vectors(100);
    test_vectors(count);
    test_pinned();
    test_streams();
    test_print();
    test_link();
    tell_launches(is_ring);
    test_fault(device, is_ring);
    test_assertion(device, is_ring);
    test_vectors(100);
    done(cuModuleUnload(module), "the module goes");
}

/* ---- Two of them ---- */

#define SLICE 40960u /* bytes */

#define ROWS 64u

/* Of two slices on one device the right halves of rows, which become left ones on the other. */
static void test_between(void)
{
    static uint8_t bytes[2 * SLICE], back[2 * SLICE];
    CUDA_MEMCPY3D_PEER copy = {
        .srcXInBytes = 64,
        .srcMemoryType = CU_MEMORYTYPE_DEVICE,
        .srcPitch = 128,
        .srcHeight = SLICE / 128,
        .dstMemoryType = CU_MEMORYTYPE_DEVICE,
        .dstPitch = 128,
        .dstHeight = SLICE / 128,
        .WidthInBytes = 64,
        .Height = ROWS,
        .Depth = 2,
    };
    unsigned wrong = 0;
    uint64_t written;

    for (uint32_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    done(cuDevicePrimaryCtxRetain(&copy.dstContext, 1) ?: cuCtxSetCurrent(copy.dstContext)
             ?: cuMemAlloc(&copy.dstDevice, sizeof(back))
             ?: cuMemsetD8(copy.dstDevice, 0, sizeof(back)),
         "memory of the second device");
    done(cuDevicePrimaryCtxRetain(&copy.srcContext, 0) ?: cuCtxSetCurrent(copy.srcContext)
             ?: cuMemAlloc(&copy.srcDevice, sizeof(bytes))
             ?: cuMemcpyHtoD(copy.srcDevice, bytes, sizeof(bytes)),
         "and of the first");
    written = ring.written;
    done(cuMemcpy3DPeer(&copy), "a box between them");
    tap_ok(ring.written - written < 2 * ROWS * 64, "takes no command for each row");
    done(cuCtxSetCurrent(copy.dstContext) ?: cuMemcpyDtoH(back, copy.dstDevice, sizeof(back)),
         "comes back");
    for (uint32_t i = 0; i < sizeof(back); i++) {
        bool is_in = i % 128 < 64 && i % SLICE < ROWS * 128;

        wrong += back[i] != (is_in ? bytes[i + 64] : 0);
    }
    tap_equal(wrong, 0, "as it was, and nothing else");
    copy.dstPitch = 32;
    expect(cuMemcpy3DPeer(&copy), CUDA_ERROR_INVALID_VALUE, "rows do not overlap");
    done(cuMemcpyPeer(copy.dstDevice, copy.dstContext, copy.srcDevice, copy.srcContext,
                      sizeof(bytes))
             ?: cuMemcpyDtoH(back, copy.dstDevice, sizeof(back)),
         "a row");
    tap_ok(memcmp(back, bytes, sizeof(back)) == 0, "is the same");
    done(cuMemFree(copy.dstDevice) ?: cuCtxSetCurrent(copy.srcContext) ?: cuMemFree(copy.srcDevice),
         "all goes");
}

/* ---- All of them ---- */

static bool add_ring(void)
{
    return bg_pci_find_id(machine_pci(), BG_PVGPU_PCI_VENDOR_ID, BG_PVGPU_PCI_DEVICE_ID, NULL) !=
               NULL &&
           pvgpu_host_open(&ring) == 0 &&
           bg_cuda_add_pvgpu(&ring, ring_memory, sizeof(ring_memory)) == 0;
}

static bool add_mailbox(void)
{
    return open_vgpu_stub(&mailbox) == 0 &&
           bg_cuda_add_vgpu_stub(&mailbox, mailbox_memory, sizeof(mailbox_memory)) == 0;
}

static int run_test_cuda(void)
{
    bool has_ring, has_mailbox;
    int count = 0;

    tap_plan(0);
    has_ring = add_ring();
    has_mailbox = add_mailbox();
    bg_cuda_set_console(take_text, NULL);
    if (!done(cuInit(0), "cuInit")) {
        tap_bail("no CUDA");
        return tap_done();
    }
    done(cuDeviceGetCount(&count), "devices");
    tap_equal((unsigned)count, has_ring + has_mailbox, "as many as were added");
    for (int i = 0; i < count; i++) {
        test_device(i, has_ring && i == 0);
    }
    if (count == 2) {
        test_between();
    }
    bg_cuda_remove_all();
    expect(cuCtxSynchronize(), CUDA_ERROR_NOT_INITIALIZED, "without devices there is no CUDA");
    tap_ok(!has_ring || bg_pvgpu_check(&ring) == 0, "the ring's device is still there");
    return tap_done();
}

APP(test_cuda, "the CUDA driver API over ring and mailbox, with kernels that fail", run_test_cuda);
