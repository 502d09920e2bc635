/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run=pvgpu: a GPU behind shared memory: long vectors, textures that are filled, copied and shown,
 * and what that costs.
 *
 * Options: count= elements of the vectors (16000000), frames= of the animation (120), width= and
 * height= (the display's), hold=SECONDS (0): how long each picture stays, for a person, shots=1:
 * the host takes a picture of each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "firmware/apps/app.h"
#include "firmware/apps/draw/draw.h"
#include "firmware/apps/open/screenshot.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/draw/picture.h"
#include "firmware/apps/open/pvgpu.h"
#include "firmware/apps/draw/pvgpu_picture.h"
#include "firmware/platform/timer.h"

#define SECOND_NS ((uint64_t)1000000000)
#define COUNT_DEFAULT 16000000u
#define FRAMES_DEFAULT 120u
#define COUNT_MAX (BG_PVGPU_SHMEM_SIZE_MAX / 4)
#define FENCES 1000u
#define COMMANDS 1000000u
#define BATCH 256u

static struct bg_pvgpu gpu;

static uint32_t vector_count;
static struct host_show options;

static bool check(const char *what, int error)
{
    return pvgpu_host_check(&gpu, what, error);
}

static bool finish(const char *what)
{
    return check(what, bg_pvgpu_finish(&gpu, pvgpu_host_deadline()));
}

/* "  what ... 12.3 ms", and bytes per second when there are any. */
static void print_time(const char *what, uint64_t start_ns, uint64_t bytes)
{
    uint64_t spent_ns = bg_hal_time_ns() - start_ns;

    spent_ns = spent_ns == 0 ? 1 : spent_ns;
    printf("  %-44s %8" PRIu64 ".%03u ms", what, spent_ns / 1000000,
           (unsigned)(spent_ns / 1000 % 1000));
    if (bytes != 0) {
        printf("  %6" PRIu64 " MB/s", bytes * 1000 / spent_ns);
    }
    printf("\n");
}

/* ---- What is there ---- */

static bool show_device(void)
{
    struct bg_compute_device_info info;
    uint64_t address = 0;

    bg_pci_bar_cpu_address(machine_pci(), gpu.device, BG_PVGPU_BAR_SHMEM, &address);
    printf("Device %02x:%02x.%x pvgpu\n", BG_PCI_BUS(gpu.device->bdf), BG_PCI_SLOT(gpu.device->bdf),
           BG_PCI_FUNCTION(gpu.device->bdf));
    pvgpu_host_print_features(&gpu);
    printf("  shared memory at 0x%" PRIx64 ": ring %" PRIu32 " MiB, heap %" PRIu32 " MiB\n",
           address, gpu.ring_size >> 20, gpu.heap_size >> 20);
    if (!bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_COMPUTE)) {
        return true;
    }
    if (!check("Device information", bg_pvgpu_get_info(&gpu, &info, pvgpu_host_deadline()))) {
        return false;
    }
    printf("\nGPU\n  %s, this session may use %" PRIu64 " MiB\n", info.name,
           info.memory_limit >> 20);
    return true;
}

/* ---- The ring ---- */

static bool show_ring(void)
{
    uint64_t start_ns = bg_hal_time_ns(), spent_ns, bells = gpu.doorbells;
    int error = 0;

    for (uint32_t i = 0; i < FENCES && error == 0; i++) {
        error = bg_pvgpu_finish(&gpu, pvgpu_host_deadline());
    }
    spent_ns = bg_hal_time_ns() - start_ns;
    if (!check("A fence", error)) {
        return false;
    }
    printf("\nRing\n  a fence, there and back: %" PRIu64 " ns, with %" PRIu64
           " doorbells for %u of them\n",
           spent_ns / FENCES, gpu.doorbells - bells, FENCES);
    start_ns = bg_hal_time_ns();
    for (uint32_t i = 0; i < COMMANDS && error == 0; i++) {
        error = bg_pvgpu_flush(&gpu);
        if (error == 0 && i % BATCH == BATCH - 1) {
            error = bg_pvgpu_submit(&gpu);
        }
    }
    if (!check("An empty command", error) || !finish("Empty commands")) {
        return false;
    }
    spent_ns = bg_hal_time_ns() - start_ns;
    printf("  empty commands, %u at a time: %" PRIu64 " per second\n", BATCH,
           COMMANDS * SECOND_NS / spent_ns);
    return true;
}

/* ---- Vectors ---- */

static bool is_sum(const float *a, const float *b, const float *c, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        float sum = a[i] + b[i];

        if (memcmp(&c[i], &sum, sizeof(sum)) != 0) { /* to the last bit */
            printf("Element %" PRIu32 " is wrong.\n", i);
            return false;
        }
    }
    return true;
}

static bool add_in_heap(uint32_t count, const struct bg_pvgpu_memory memory[3])
{
    float *a = memory[0].bytes, *b = memory[1].bytes, *c = memory[2].bytes;
    const struct bg_compute_operand at[3] = {
        {0, memory[0].offset}, {0, memory[1].offset}, {0, memory[2].offset}};
    uint64_t start_ns;
    char text[64];

    for (uint32_t i = 0; i < count; i++) {
        a[i] = (float)i / 3.0f;
        b[i] = 1000.0f / (float)(i + 1);
        c[i] = 0; /* the host has no memory behind it before */
    }
    start_ns = bg_hal_time_ns();
    if (!check("Adding vectors", bg_pvgpu_vector_add(&gpu, BG_COMPUTE_ELEMENT_FLOAT32, at[2], at[0],
                                                     at[1], count, NULL, pvgpu_host_deadline()))) {
        return false;
    }
    snprintf(text, sizeof(text), "%" PRIu32 " floats, c = a + b", count);
    print_time(text, start_ns, 12ull * count);
    start_ns = bg_hal_time_ns();
    if (!is_sum(a, b, c, count)) {
        return false;
    }
    print_time("the same by this CPU, and compared: all right", start_ns, 12ull * count);
    return true;
}

static bool add_vectors(void)
{
    uint32_t count = vector_count;
    struct bg_pvgpu_memory memory[3];
    int error = 0, taken = 0;
    bool is_good = false;

    if (!bg_pvgpu_has(&gpu, BG_PVGPU_FEATURE_COMPUTE)) {
        return true;
    }
    printf("\nVectors\n");
    while (taken < 3 && error == 0) {
        error = bg_pvgpu_heap_alloc(&gpu, 4ull * count, 4096, &memory[taken]);
        taken += error == 0;
    }
    if (check("Memory for three vectors in the heap", error)) {
        is_good = add_in_heap(count, memory);
    }
    while (taken > 0) {
        bg_pvgpu_heap_free(&gpu, &memory[--taken]);
    }
    return is_good;
}

/* ---- Pictures ---- */

struct show {
    uint32_t width, height;
    uint32_t screen, view;         /* the texture that is shown */
    struct bg_pvgpu_memory memory; /* as large; pixels are drawn here */
    struct bg_pvgpu_memory back;   /* and come back here */
};

static struct canvas canvas_of(const struct bg_pvgpu_memory *memory, uint32_t width,
                               uint32_t height)
{
    return (struct canvas){
        .pixels = memory->bytes,
        .width = (int32_t)width,
        .height = (int32_t)height,
        .stride = (int32_t)width,
        .format = BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
    };
}

static bool open_show(struct show *show)
{
    struct bg_pvgpu_view_options view = {0};
    struct bg_pvgpu_display display;
    uint64_t size;

    if (!check("The display", bg_pvgpu_get_display(&gpu, &display))) {
        return false;
    }
    show->width = options.width != 0 ? options.width : display.width;
    show->height = options.height != 0 ? options.height : display.height;
    size = 4ull * show->width * show->height;
    printf("\nPictures of %" PRIu32 " x %" PRIu32 "\n", show->width, show->height);
    if (options.hold_ns > 0) {
        printf("  each stays for %u s (hold=SECONDS)\n", (unsigned)(options.hold_ns / SECOND_NS));
    }
    if (!check("Memory for a picture", bg_pvgpu_heap_alloc(&gpu, size, 4096, &show->memory)) ||
        !check("Memory for a picture", bg_pvgpu_heap_alloc(&gpu, size, 4096, &show->back)) ||
        !check("A new size", bg_pvgpu_resize_buffers(&gpu, 0, show->width, show->height,
                                                     BG_PVGPU_FORMAT_B8G8R8A8_UNORM, 0)) ||
        !check("A texture", bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
                                                    show->width, show->height, &show->screen))) {
        return false;
    }
    view.resource_id = show->screen;
    return check("A view", bg_pvgpu_render_target_view_create(&gpu, &view, &show->view)) &&
           finish("The textures");
}

static bool fill(const struct show *show)
{
    uint64_t start_ns = bg_hal_time_ns();

    if (!check("A clear",
               bg_pvgpu_clear_render_target(&gpu, show->view, pvgpu_picture_background)) ||
        !finish("A clear")) {
        return false;
    }
    print_time("filled", start_ns, 4ull * show->width * show->height);
    start_ns = bg_hal_time_ns();
    if (!check("Presenting", bg_pvgpu_present(&gpu, show->screen, 0)) || !finish("Presenting")) {
        return false;
    }
    print_time("shown", start_ns, 4ull * show->width * show->height);
    return host_show_stage(&options, "pvgpu-fill");
}

/* The texel that a copy of the picture has there, else the background. */
static uint32_t expected_at(struct pvgpu_picture_size size, const uint32_t *picture, uint32_t x,
                            uint32_t y)
{
    for (unsigned n = 0; n < PVGPU_PICTURE_COPIES; n++) {
        uint32_t left, top;

        pvgpu_picture_place(size, n, &left, &top);
        if (x - left < size.width && y - top < size.height) {
            return picture[(y - top) * size.width + (x - left)];
        }
    }
    return PVGPU_PICTURE_BACKGROUND;
}

static bool is_right(const struct show *show, struct pvgpu_picture_size size)
{
    const uint32_t *texels = show->back.bytes;

    for (uint32_t i = 0; i < show->width * show->height; i++) {
        uint32_t x = i % show->width, y = i / show->width;
        uint32_t expected = expected_at(size, show->memory.bytes, x, y);

        if (texels[i] != expected) {
            printf("Texel %" PRIu32 ", %" PRIu32 " is %08" PRIx32 ", not %08" PRIx32 ".\n", x, y,
                   texels[i], expected);
            return false;
        }
    }
    return true;
}

/* From the heap to a texture, and from there four times to the screen. */
static bool queue_copies(const struct show *show, struct pvgpu_picture_size size, uint32_t *id)
{
    const struct bg_pvgpu_layout layout = {.heap_offset = show->memory.offset};
    struct bg_pvgpu_place source = {0}, place = {.id = show->screen};
    bool is_good = check("A texture", bg_pvgpu_texture_create(&gpu, BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
                                                              size.width, size.height, id)) &&
                   check("An update", bg_pvgpu_resource_update(&gpu, *id, 0, NULL, &layout));

    source.id = *id;
    for (unsigned n = 0; n < PVGPU_PICTURE_COPIES && is_good; n++) {
        pvgpu_picture_place(size, n, &place.x, &place.y);
        is_good = check("A copy", bg_pvgpu_resource_copy_region(&gpu, &place, &source, 0, 0, 0));
    }
    return is_good && finish("Copies");
}

static bool copy(const struct show *show)
{
    const struct pvgpu_picture_size size = pvgpu_picture_size(show->width, show->height);
    const struct canvas canvas = canvas_of(&show->memory, size.width, size.height);
    const struct bg_pvgpu_layout back = {.heap_offset = show->back.offset};
    uint64_t start_ns = bg_hal_time_ns();
    uint32_t id;

    pvgpu_picture_draw(&canvas);
    print_time("a smaller one drawn by this CPU in the heap", start_ns, 0);
    start_ns = bg_hal_time_ns();
    if (!queue_copies(show, size, &id)) {
        return false;
    }
    print_time("made a texture, and copied four times", start_ns, 20ull * size.width * size.height);
    if (!check("Presenting", bg_pvgpu_present(&gpu, show->screen, 0)) ||
        !check("Reading", bg_pvgpu_resource_read(&gpu, show->screen, 0, NULL, &back)) ||
        !finish("Presenting") || !is_right(show, size)) {
        return false;
    }
    printf("  each texel compared: all right\n");
    return check("Destroying", bg_pvgpu_resource_destroy(&gpu, id)) &&
           host_show_stage(&options, "pvgpu-copies");
}

/* A ball on its way: what changed goes to the texture, and from there to the screen. */
static bool animate(const struct show *show)
{
    const struct canvas canvas = canvas_of(&show->memory, show->width, show->height);
    uint32_t frames = options.frames;
    uint64_t start_ns = 0;

    for (uint32_t i = 0; i <= frames; i++) {
        struct bg_virtio_gpu_rect changed;

        /* The frame before is read from the heap until its fence has passed. */
        picture_draw_frame(&canvas, i, &changed);
        if (i == 1) {
            start_ns = bg_hal_time_ns(); /* the first one has a ground to draw */
        }

        const struct bg_pvgpu_box box = {.x = changed.x,
                                         .y = changed.y,
                                         .width = changed.width,
                                         .height = changed.height,
                                         .depth = 1};
        const struct bg_pvgpu_layout layout = {
            .heap_offset = show->memory.offset + 4 * (changed.y * show->width + changed.x),
            .row_pitch = 4 * show->width,
        };
        const struct bg_pvgpu_rectangle rectangle = {(int32_t)changed.x, (int32_t)changed.y,
                                                     (int32_t)(changed.x + changed.width),
                                                     (int32_t)(changed.y + changed.height)};

        if (!check("An update", bg_pvgpu_resource_update(&gpu, show->screen, 0, &box, &layout)) ||
            !check("Presenting", bg_pvgpu_present_region(&gpu, show->screen, 1, 1, &rectangle)) ||
            !finish("A frame")) {
            return false;
        }
    }
    if (frames != 0) {
        uint64_t spent_ns = bg_hal_time_ns() - start_ns;

        printf("  animation: %" PRIu32 " frames, one at each refresh: %" PRIu64 ".%u per second\n",
               frames, frames * SECOND_NS / spent_ns,
               (unsigned)(frames * SECOND_NS * 10 / spent_ns % 10));
    }
    return host_show_stage(&options, "pvgpu-animation");
}

static bool show_pictures(void)
{
    static struct show show;

    return open_show(&show) && fill(&show) && copy(&show) && animate(&show);
}

static int run_pvgpu(void)
{
    uint64_t start_ns = bg_hal_time_ns();

    vector_count = (uint32_t)app_option_number("count", COUNT_DEFAULT, 1, COUNT_MAX);
    options = host_show_read(FRAMES_DEFAULT, PICTURE_SIDE_MIN, BG_PVGPU_SCANOUT_SIDE_MAX);
    if (pvgpu_host_open(&gpu) < 0) {
        return 1;
    }
    if (!show_device() || !show_ring() || !add_vectors() || !show_pictures()) {
        printf("\nNot everything was right.\n");
        return 1;
    }
    printf("\nEverything was right: %" PRIu64 " MB of commands, %" PRIu64 " doorbells, %" PRIu64
           " ms.\n",
           bg_pvgpu_position(&gpu) / 1000000, gpu.doorbells,
           (bg_hal_time_ns() - start_ns) / 1000000);
    return check("Closing", bg_pvgpu_close(&gpu, pvgpu_host_deadline())) ? 0 : 1;
}

APP(pvgpu, "adds long vectors and shows textures through a shared-memory GPU", run_pvgpu,
    "count frames width height hold shots");
