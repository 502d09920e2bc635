/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=cuda: kernels of cuda.cu on the host's GPU, each result checked, and a picture that one of
 * them draws.
 *
 * Options: side= of the matrices (512), count= of numbers (1048576), bodies= (2048), width= and
 * height= of the picture (the display's), hold=SECONDS (0): how long it stays, shots=1: the host
 * takes a picture, via=ring, via=mailbox: which device, blocking=1: launches wait.
 */
#include "firmware/apps/cuda_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/hal.h"
#include "firmware/apps/app.h"
#include "firmware/apps/open/cuda.h"
#include "firmware/apps/open/gpu.h"
#include "firmware/apps/open/screenshot.h"
#include "firmware/apps/open/virtio.h"

#define WIDTH 1280u /* without a screen */
#define HEIGHT 800u
#define SIDE_MIN 16u
#define CHECK_STRIDE 97u /* of the picture's pixels: this CPU is an emulated one */

extern const char bg_kernels_cuda[];

static struct host_show options;
static CUmodule module;

/* ---- What is there ---- */

static bool show_device(void)
{
    int major = 0, minor = 0, multiprocessors = 0, version = 0;
    size_t available = 0, total = 0;
    char name[96];
    CUdevice gpu;
    CUresult result =
        cuDeviceGet(&gpu, 0) ?: cuDeviceGetName(name, sizeof(name), gpu)
            ?: cuDeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, gpu)
            ?: cuDeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, gpu)
            ?: cuDeviceGetAttribute(&multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, gpu)
            ?: cuMemGetInfo(&available, &total) ?: cuDriverGetVersion(&version);

    if (!cuda_host_check("Asking for the device", result)) {
        return false;
    }
    printf("GPU, through %s\n", cuda_host_carrier());
    printf("  %s, compute capability %d.%d, %d multiprocessors\n", name, major, minor,
           multiprocessors);
    printf("  CUDA %d.%d, %zu MiB of memory for this session\n", version / 1000,
           version % 1000 / 10, total >> 20);
    return true;
}

/* What the compiler has to say is for who wrote the kernels. */
static bool load_kernels(void)
{
    static char log[4096];
    CUjit_option names[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
    void *values[] = {log, (void *)sizeof(log)};
    uint64_t start_ns = bg_hal_time_ns();
    CUresult result = cuModuleLoadDataEx(&module, bg_kernels_cuda, 2, names, values);

    if (!cuda_host_check("Loading kernels", result)) {
        printf("%s", log);
        return false;
    }
    printf("  %zu KiB of PTX loaded in %" PRIu64 " ms\n", strlen(bg_kernels_cuda) >> 10,
           (bg_hal_time_ns() - start_ns) / 1000000);
    return true;
}

/* ---- Work ---- */

static void print_line(const char *what, bool is_right, uint64_t ns, double amount,
                       const char *unit)
{
    ns = ns > 0 ? ns : 1;
    printf("  %-40s  %s  %6" PRIu64 ".%03u ms  %9.3f %s\n", what, is_right ? "right" : "WRONG",
           ns / 1000000, (unsigned)(ns / 1000 % 1000), amount * 1e9 / (double)ns, unit);
}

/* The second of two runs is measured: a kernel is compiled when it is first launched. */
static CUresult measure(const struct cuda_work *work, uint64_t *ns)
{
    CUresult result = work->prepare(module) ?: work->run() ?: cuCtxSynchronize();
    uint64_t start_ns = bg_hal_time_ns();

    result = result ?: work->run() ?: cuCtxSynchronize();
    *ns = bg_hal_time_ns() - start_ns;
    return result;
}

static bool do_work(const struct cuda_work *work)
{
    bool is_right = false;
    double amount;
    const char *unit;
    char what[64];
    uint64_t ns = 0;

    work->describe(what, sizeof(what), &amount, &unit);
    CUresult result = measure(work, &ns) ?: work->compare(&is_right);

    cuda_work_release();
    if (!cuda_host_check(what, result)) {
        return false;
    }
    print_line(what, is_right, ns, amount, unit);
    return is_right;
}

static bool do_all_work(void)
{
    bool is_good = true;

    printf("\nWork                                        result           time            rate\n");
    for (unsigned i = 0; i < CUDA_WORKS && is_good; i++) {
        is_good = do_work(&cuda_works[i]);
    }
    return is_good;
}

/* ---- The picture ---- */

static CUresult draw(const struct cuda_view *view, CUdeviceptr memory, uint64_t *ns)
{
    CUresult result = cuda_view_draw(module, view, memory) ?: cuCtxSynchronize();
    uint64_t start_ns = bg_hal_time_ns();

    result = result ?: cuda_view_draw(module, view, memory) ?: cuCtxSynchronize();
    *ns = bg_hal_time_ns() - start_ns;
    return result;
}

/* Into rows that are `pitch` pixels apart. */
static CUresult copy_rows(const struct cuda_view *view, uint32_t *pixels, uint32_t pitch,
                          CUdeviceptr memory)
{
    const CUDA_MEMCPY2D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
                                .srcDevice = memory,
                                .srcPitch = 4 * view->width,
                                .dstMemoryType = CU_MEMORYTYPE_HOST,
                                .dstHost = pixels,
                                .dstPitch = 4 * pitch,
                                .WidthInBytes = 4 * view->width,
                                .Height = view->height};

    return cuMemcpy2D(&copy);
}

static bool draw_picture(uint32_t *pixels, uint32_t pitch, uint32_t width, uint32_t height)
{
    const struct cuda_view view = cuda_view_of(width, height);
    CUdeviceptr memory = 0;
    char what[64];
    uint64_t ns = 0;
    CUresult result = cuMemAlloc(&memory, 4 * (size_t)width * height)
                          ?: draw(&view, memory, &ns) ?: copy_rows(&view, pixels, pitch, memory);

    if (!cuda_host_check("Drawing", result ?: cuMemFree(memory))) {
        return false;
    }
    bool is_right = cuda_view_is_right(&view, pixels, pitch, CHECK_STRIDE);

    snprintf(what, sizeof(what), "Mandelbrot set, %" PRIu32 " x %" PRIu32, width, height);
    print_line(what, is_right, ns, 1e-6 * width * height, "M pixels/s");
    return is_right;
}

static bool draw_without_screen(void)
{
    uint32_t width = options.width != 0 ? options.width : WIDTH;
    uint32_t height = options.height != 0 ? options.height : HEIGHT;
    uint32_t *pixels = malloc(4 * (size_t)width * height);
    bool is_good = pixels != NULL && draw_picture(pixels, width, width, height);

    free(pixels);
    return is_good;
}

static bool show_on(struct bg_virtio_gpu *screen)
{
    static struct bg_virtio_gpu_display display;
    const struct bg_virtio_gpu_display_options opening = {
        .width = options.width,
        .height = options.height,
        .min_width = SIDE_MIN,
        .min_height = SIDE_MIN,
        .format = BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
    };

    if (!gpu_host_check("Opening the display",
                        bg_virtio_gpu_display_open(&display, screen, &opening))) {
        return false;
    }
    struct bg_virtio_gpu_framebuffer *buffer = bg_virtio_gpu_display_buffer(&display);
    uint32_t *rows = bg_virtio_gpu_row(buffer, 0);
    uint32_t pitch = (uint32_t)(bg_virtio_gpu_row(buffer, 1) - rows);
    bool is_good = draw_picture(rows, pitch, display.width, display.height);

    bg_virtio_gpu_display_damage(&display, 0, 0, display.width, display.height);
    return gpu_host_check("Showing the picture", bg_virtio_gpu_display_present(&display)) &&
           is_good && host_show_stage(&options, "cuda") &&
           gpu_host_check("Closing the display", bg_virtio_gpu_display_close(&display));
}

static bool show_picture(void)
{
    static struct bg_virtio_device probe;
    static struct bg_virtio_gpu screen;

    if (virtio_host_open(&probe, BG_VIRTIO_ID_GPU, 0, NULL) == BG_ERR_NOT_FOUND) {
        return draw_without_screen();
    }
    printf("\nScreen\n");
    return gpu_host_open(&screen) == 0 && show_on(&screen) &&
           gpu_host_check("Closing the screen", bg_virtio_gpu_close(&screen));
}

static void read_options(void)
{
    cuda_work_choose(&(struct cuda_sizes){
        .side = (uint32_t)app_option_number("side", 512, 1, CUDA_SIDE_MAX),
        .count = (uint32_t)app_option_number("count", CUDA_COUNT_MAX, 4, CUDA_COUNT_MAX),
        .bodies = (uint32_t)app_option_number("bodies", 2048, 1, CUDA_BODIES_MAX),
    });
    options = host_show_read(0, SIDE_MIN, BG_VIRTIO_GPU_DISPLAY_SIZE_MAX);
}

static int run_cuda(void)
{
    read_options();
    if (!cuda_host_open()) {
        return 1;
    }
    bool is_good = show_device() && load_kernels() && do_all_work() && show_picture();

    cuda_host_close();
    printf("\n%s\n", is_good ? "Everything was right." : "Not everything was right.");
    return is_good ? 0 : 1;
}

APP(cuda, "runs CUDA kernels on the host's GPU and shows what one of them draws", run_cuda,
    "side count bodies width height hold shots " CUDA_HOST_OPTIONS);
