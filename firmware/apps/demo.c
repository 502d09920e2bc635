/* SPDX-License-Identifier: BSD-2-Clause */
/* run=demo: what is there, and that it computes. Exit status 0 only when every result was right. */
#include "firmware/apps/app.h"
#include "firmware/apps/open/pci.h"
#include "firmware/apps/screen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STEP_TIMEOUT_NS 30000000000u /* longer than the device's 25 s, whose reason is seen */

#define VECTOR_COUNT 1000u         /* more than one mailbox holds */
#define MEMORY_COUNT (100u * 256u) /* 100 KiB of uint32 */
#define MEMORY_SIZE (MEMORY_COUNT * sizeof(uint32_t))

static struct bg_vgpu_stub gpu;

/* ---- A step: a line with what was done, in how many requests, and how long one took ---- */

struct step {
    char what[64];
    uint32_t first_request;
    uint64_t start_ns;
};

static uint32_t total_requests;
static uint64_t total_ns;

__attribute__((format(printf, 1, 2))) static struct step step_begin(const char *format, ...)
{
    struct step step;
    va_list args;

    va_start(args, format);
    vsnprintf(step.what, sizeof(step.what), format, args);
    va_end(args);
    step.first_request = gpu.request_id;
    step.start_ns = bg_hal_time_ns();
    return step;
}

/* Prints the line. Returns whether the step went well: no error, and `is_right`. */
static bool step_end(const struct step *step, int error, bool is_right)
{
    uint64_t spent_ns = bg_hal_time_ns() - step->start_ns;
    uint32_t requests = gpu.request_id - step->first_request;

    if (error < 0) {
        printf("  %-46s  FAILED\n\n", step->what);
        explain_vgpu_stub(&gpu, step->what, error);
        return false;
    }
    total_requests += requests;
    total_ns += spent_ns;
    printf("  %-46s  %s  %4" PRIu32 " x %6" PRIu64 " us\n", step->what,
           is_right ? "ok   " : "WRONG", requests, spent_ns / 1000 / (requests ? requests : 1));
    return is_right;
}

static uint64_t deadline(void)
{
    return bg_hal_time_ns() + STEP_TIMEOUT_NS;
}

/* ---- What is there ---- */

/* A line of the PCI tree, indented as everything else. */
static void print_indented(void *context, const char *text)
{
    bool *at_line_start = context;

    for (; *text != '\0'; text++) {
        if (*at_line_start) {
            fputs("  ", stdout);
        }
        putchar(*text);
        *at_line_start = *text == '\n';
    }
}

static void show_device(void)
{
    const struct bg_vgpu_stub_identity *id = &gpu.identity;
    uint64_t address = 0;

    bg_pci_bar_cpu_address(machine_pci(), gpu.device, BG_VGPU_STUB_BAR, &address);
    printf("\nDevice %02x:%02x.%x vgpu-stub\n", BG_PCI_BUS(gpu.device->bdf),
           BG_PCI_SLOT(gpu.device->bdf), BG_PCI_FUNCTION(gpu.device->bdf));
    printf("  pool %c, priority %s, VM %" PRIu32 "\n", id->pool,
           bg_vgpu_stub_priority_name(id->priority), id->vm_id);
    printf("  protocol %u.%u, capabilities 0x%" PRIx32 ", registers at 0x%" PRIx64 "\n",
           (unsigned)(id->protocol_version >> 16), (unsigned)(id->protocol_version & 0xFFFF),
           id->capabilities, address);
}

static void print_size(const char *what, uint64_t bytes)
{
    unsigned shift = bytes >> 30 >= 10 ? 30 : bytes >> 20 >= 10 ? 20 : 10;

    printf("%s%" PRIu64 " %ciB", what, bytes >> shift, "KMG"[shift / 10 - 1]);
}

static void print_work_heading(void)
{
    printf("\nWork                                              result  requests x time each\n");
}

static void print_backend(const struct bg_compute_device_info *info)
{
    printf("  %s", info->name);
    if (info->backend == BG_COMPUTE_BACKEND_CUDA) {
        printf(" (CUDA, compute capability %" PRIu32 ".%" PRIu32 ", %" PRIu32 " multiprocessors)\n",
               info->capability_major, info->capability_minor, info->multiprocessors);
    } else {
        printf(", %" PRIu32 " CPUs: no GPU is used\n", info->multiprocessors);
    }
    print_size("  memory ", info->memory_total);
    print_size(", this session may use ", info->memory_limit);
    printf("\n");
}

/* ---- Work ---- */

static bool ask_nothing(void)
{
    struct step step = step_begin("no operation");

    return step_end(&step, bg_vgpu_stub_nop(&gpu, deadline()), true);
}

static bool add_numbers(void)
{
    uint32_t sum = 0;
    struct step step = step_begin("100 + 200");
    int error = bg_vgpu_stub_add_basic(&gpu, 100, 200, &sum, deadline());

    snprintf(step.what, sizeof(step.what), "100 + 200 = %" PRIu32, sum);
    return step_end(&step, error, sum == 300);
}

static bool add_int_vectors(void)
{
    static int32_t a[VECTOR_COUNT], b[VECTOR_COUNT], c[VECTOR_COUNT];
    bool is_right = true;

    for (int32_t i = 0; i < (int32_t)VECTOR_COUNT; i++) {
        a[i] = i * 1000003 - 500000000;
        b[i] = 250000000 - i * 500009;
    }
    struct step step = step_begin("%u integers, c = a + b", VECTOR_COUNT);
    int error = bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_INT32, a, b, c, VECTOR_COUNT, 0,
                                         deadline());

    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        is_right = is_right && c[i] == (int32_t)((uint32_t)a[i] + (uint32_t)b[i]);
    }
    return step_end(&step, error, is_right);
}

static bool add_float_vectors(void)
{
    static float a[VECTOR_COUNT], b[VECTOR_COUNT], c[VECTOR_COUNT];
    bool is_right = true;

    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        a[i] = (float)i / 3.0f;
        b[i] = 1000.0f / (float)(i + 1);
    }
    struct step step = step_begin("%u floats, c = a + b", VECTOR_COUNT);
    int error = bg_vgpu_stub_add_vectors(&gpu, BG_COMPUTE_ELEMENT_FLOAT32, a, b, c, VECTOR_COUNT, 0,
                                         deadline());

    for (size_t i = 0; i < VECTOR_COUNT; i++) {
        float sum = a[i] + b[i];

        is_right = is_right && memcmp(&c[i], &sum, sizeof(sum)) == 0; /* to the last bit */
    }
    return step_end(&step, error, is_right);
}

static uint32_t memory_a[MEMORY_COUNT], memory_b[MEMORY_COUNT], memory_c[MEMORY_COUNT];

static bool allocate(uint32_t handles[3])
{
    struct step step =
        step_begin("allocate 3 x %u KiB of GPU memory", (unsigned)MEMORY_SIZE / 1024);
    int error = 0;

    for (int i = 0; i < 3 && error == 0; i++) {
        error = bg_vgpu_stub_memory_alloc(&gpu, MEMORY_SIZE, &handles[i], deadline());
    }
    return step_end(&step, error, true);
}

static bool copy_to_gpu(const uint32_t handles[3])
{
    for (uint32_t i = 0; i < MEMORY_COUNT; i++) {
        memory_a[i] = i * 2654435761u; /* all bits in use: sums wrap */
        memory_b[i] = ~i * 40503u;
    }
    struct step step = step_begin("copy a and b to the GPU");
    int error =
        bg_vgpu_stub_memory_write(&gpu, handles[0], 0, memory_a, MEMORY_SIZE, 0, deadline())
            ?: bg_vgpu_stub_memory_write(&gpu, handles[1], 0, memory_b, MEMORY_SIZE, 0, deadline());

    return step_end(&step, error, true);
}

static bool add_on_gpu(const uint32_t handles[3])
{
    struct step step = step_begin("%u integers there, c = a + b", MEMORY_COUNT);
    int error = bg_vgpu_stub_vector_add(
        &gpu, BG_COMPUTE_ELEMENT_UINT32, (struct bg_compute_operand){handles[2], 0},
        (struct bg_compute_operand){handles[0], 0}, (struct bg_compute_operand){handles[1], 0},
        MEMORY_COUNT, BG_VGPU_STUB_FLAG_ASYNC, deadline());

    if (error == 0) {
        error = bg_vgpu_stub_synchronize(&gpu, deadline());
    }
    return step_end(&step, error, true);
}

static bool copy_back(const uint32_t handles[3])
{
    bool is_right = true;
    struct step step = step_begin("copy c back and compare");
    int error = bg_vgpu_stub_memory_read(&gpu, handles[2], 0, memory_c, MEMORY_SIZE, 0, deadline());

    for (size_t i = 0; i < MEMORY_COUNT; i++) {
        is_right = is_right && memory_c[i] == memory_a[i] + memory_b[i];
    }
    return step_end(&step, error, is_right);
}

static bool release(const uint32_t handles[3])
{
    struct step step = step_begin("free");
    int error = 0;

    for (int i = 0; i < 3 && error == 0; i++) {
        error = bg_vgpu_stub_memory_free(&gpu, handles[i], deadline());
    }
    return step_end(&step, error, true);
}

static bool use_memory(void)
{
    uint32_t handles[3];

    return allocate(handles) && copy_to_gpu(handles) && add_on_gpu(handles) && copy_back(handles) &&
           release(handles);
}

/* What there is depends on who answers. */
static bool work(void)
{
    struct bg_compute_device_info info;
    struct step step = step_begin("device information");
    int error = bg_vgpu_stub_get_info(&gpu, &info, deadline());

    printf("\nGPU\n");
    if (error == BG_ERR_UNAVAILABLE && vgpu_stub_only_adds(&gpu)) {
        printf("  behind an older mediator, which adds two numbers and does nothing else\n");
        print_work_heading();
        return add_numbers();
    }
    if (error == 0) {
        print_backend(&info);
        print_work_heading();
    }
    return step_end(&step, error, true) && ask_nothing() && add_numbers() && add_int_vectors() &&
           add_float_vectors() && use_memory();
}

static int run_demo(void)
{
    struct bg_pci_host *host;

    screen_read_options();
    host = machine_pci();
    if (host == NULL) {
        return 1;
    }
    bool at_line_start = true;

    printf("PCI\n");
    bg_pci_list_tree(host, print_indented, &at_line_start);
    if (open_vgpu_stub(&gpu) < 0) {
        return 1;
    }
    show_device();
    if (!work()) {
        printf("\nNot everything was right.\n");
        return 1;
    }
    if (!screen_demo()) {
        return 1;
    }
    printf("\nEverything was right: %" PRIu32 " requests in %" PRIu64 " ms.\n", total_requests,
           total_ns / 1000000);
    return 0;
}

APP(demo, "finds the GPU, adds numbers and vectors on it, and checks the results", run_demo,
    "width height hold shots");
