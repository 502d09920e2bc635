/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/gpu.c firmware/virtio/gpu/queue.c firmware/virtio/gpu/names.c
// build: firmware/virtio/gpu/command.c firmware/virtio/gpu/answer.c
// build: firmware/virtio/gpu/command_3d.c
// build: firmware/virtio/gpu/format.c firmware/virtio/gpu/display.c
// build: firmware/virtio/gpu/framebuffer.c firmware/virtio/gpu/damage.c
// build: firmware/virtio/gpu/screen.c firmware/virtio/gpu/cursor.c firmware/virtio/gpu/mapping.c
// build: firmware/virtio/gpu/edid.c firmware/virtio/virtio.c firmware/virtio/virtqueue.c
// build: firmware/virtio/virtqueue_split.c firmware/virtio/virtqueue_packed.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_pci.c firmware/common/error.c firmware/pci_ecam.c
// build: firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c
// build: tests/fake/hal.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/*
 * A GPU whose answers and configuration come from the input. The driver has to end every call, and
 * to write only where its caller said: the sanitizers watch.
 *
 * Input: three bytes of configuration; then, for each command, a byte that chooses it; and for each
 * answer a byte of how it is made, and what that asks for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/virtio_gpu.h"
#include "tests/fake/hal.h"
#include "tests/fake/virtio.h"

#define COMMANDS_MAX 40
#define REGION_SIZE 65536u
#define MAPPINGS 4u

static const uint8_t *input;
static size_t input_size;
static struct fake_virtio fake;
static struct bg_virtio_device device;
static struct bg_virtio_gpu gpu;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *to, size_t size)
{
    size_t part = size < input_size ? size : input_size;

    memset(to, 0, size);
    memcpy(to, input, part);
    input += part;
    input_size -= part;
}

static uint32_t take_byte(void)
{
    uint8_t byte;

    take(&byte, 1);
    return byte;
}

/* ---- The device ---- */

#define MAKE_HEADER 1u /* a good header, of the type that the driver expects */
#define MAKE_WHOLE 2u  /* as long as there is room */
#define MAKE_HELD 4u   /* later */

static uint32_t good_type(uint32_t command)
{
    switch (command) {
    case BG_VIRTIO_GPU_CMD_GET_DISPLAY_INFO:
        return BG_VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
    case BG_VIRTIO_GPU_CMD_GET_EDID:
        return BG_VIRTIO_GPU_RESP_OK_EDID;
    case BG_VIRTIO_GPU_CMD_GET_CAPSET_INFO:
        return BG_VIRTIO_GPU_RESP_OK_CAPSET_INFO;
    case BG_VIRTIO_GPU_CMD_GET_CAPSET:
        return BG_VIRTIO_GPU_RESP_OK_CAPSET;
    case BG_VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID:
        return BG_VIRTIO_GPU_RESP_OK_RESOURCE_UUID;
    case BG_VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB:
        return BG_VIRTIO_GPU_RESP_OK_MAP_INFO;
    default:
        return BG_VIRTIO_GPU_RESP_OK_NODATA;
    }
}

static uint32_t handle(void *context, const struct fake_virtio_request *request)
{
    struct bg_virtio_gpu_ctrl_hdr hdr;
    uint32_t how, written;

    (void)context;
    memcpy(&hdr, request->in, sizeof(hdr));
    /* When the input is used up the device behaves. */
    how = input_size > 0 ? take_byte() : MAKE_HEADER | MAKE_WHOLE;
    written = (uint32_t)request->out_size;
    if (!(how & MAKE_WHOLE)) {
        uint16_t length;

        take(&length, sizeof(length));
        written = length % (written + 1);
    }
    take(request->out, request->out_size);
    if (how & MAKE_HEADER && request->out_size >= sizeof(hdr)) {
        hdr.type = good_type(hdr.type);
        memcpy(request->out, &hdr, sizeof(hdr));
    }
    return how & MAKE_HELD ? FAKE_VIRTIO_HOLD : written;
}

/* ---- The driver's user ---- */

static struct bg_virtio_gpu_display display;
static struct bg_virtio_gpu_cursor cursor;
static struct bg_virtio_gpu_mapping mappings[MAPPINGS];
static bool has_display, has_cursor;

static void use_screen(void)
{
    struct bg_virtio_gpu_screen *screen = malloc(sizeof(*screen));
    struct bg_virtio_gpu_mode *modes = malloc(3 * sizeof(*modes));
    uint32_t changed;

    if (bg_virtio_gpu_get_screen(&gpu, take_byte() % 16, screen) == 0 &&
        bg_virtio_gpu_screen_modes(screen, modes, 3) > 3) {
        abort();
    }
    bg_virtio_gpu_poll_displays(&gpu, &changed);
    free(modes);
    free(screen);
}

/* Memory of the exact size: a write beyond it is seen. */
static void use_payloads(void)
{
    size_t capacity = take_byte();
    uint8_t *bytes = malloc(capacity + 1);
    uint8_t *uuid = malloc(BG_VIRTIO_GPU_UUID_SIZE);
    struct bg_virtio_gpu_capset *capset = malloc(sizeof(*capset));
    uint32_t length = 0;

    if (bg_virtio_gpu_cmd_get_edid(&gpu, NULL, 0, bytes, capacity, &length) == 0 &&
        length > capacity) {
        abort();
    }
    bg_virtio_gpu_cmd_get_capset_info(&gpu, NULL, 0, capset);
    if (bg_virtio_gpu_cmd_get_capset(&gpu, NULL, 1, 1, bytes, capacity, &length) == 0 &&
        length > capacity) {
        abort();
    }
    bg_virtio_gpu_cmd_resource_assign_uuid(&gpu, NULL, 1, uuid);
    free(capset);
    free(uuid);
    free(bytes);
}

static void use_display(void)
{
    const struct bg_virtio_gpu_display_options options = {
        .width = 32, .height = 16, .max_width = 64, .max_height = 64, .is_double_buffered = true};

    if (!has_display && display.buffers[0].pixels == NULL && display.buffers[1].pixels == NULL) {
        has_display = bg_virtio_gpu_display_open(&display, &gpu, &options) == 0;
    }
    if (!has_display) {
        return;
    }
    memset(bg_virtio_gpu_row(bg_virtio_gpu_display_buffer(&display), 0), 1, 32);
    bg_virtio_gpu_display_damage(&display, take_byte(), take_byte(), take_byte(), take_byte());
    bg_virtio_gpu_display_present(&display);
}

static void change_mode(void)
{
    if (has_display) {
        bg_virtio_gpu_display_set_mode(&display, take_byte() % 65, take_byte() % 65);
    }
}

static void use_cursor(void)
{
    static uint32_t image[64 * 64];

    if (!has_cursor && cursor.image.pixels == NULL) {
        has_cursor = bg_virtio_gpu_cursor_create(&cursor, &gpu) == 0;
    }
    if (!has_cursor) {
        return;
    }
    bg_virtio_gpu_cursor_set_image(&cursor, image, 1, 1);
    bg_virtio_gpu_cursor_show(&cursor, 0, 1, 1);
    bg_virtio_gpu_cursor_move(&cursor, 2, 2);
}

/* What is in the list lies in the region, in order, apart from each other; nothing else has a
 * place. */
static void check_mappings(void)
{
    const struct bg_virtio_gpu_mapping *mapping = gpu.mappings;
    uint64_t end = 0;
    unsigned count = 0;

    for (unsigned i = 0; i < MAPPINGS; i++) {
        count += mappings[i].size != 0;
    }
    for (; mapping != NULL; mapping = mapping->next, count--) {
        if (mapping->offset < end || mapping->size == 0 || mapping->offset > REGION_SIZE ||
            mapping->size > REGION_SIZE - mapping->offset || count == 0) {
            abort();
        }
        end = mapping->offset + mapping->size;
    }
    if (count != 0) {
        abort();
    }
}

static void use_mapping(void)
{
    struct bg_virtio_gpu_mapping *mapping = &mappings[take_byte() % MAPPINGS];

    if (mapping->size == 0) {
        uint32_t id = 1 + take_byte() % 8;
        int error = bg_virtio_gpu_blob_map(&gpu, mapping, id, take_byte() * 512);

        if ((error == 0) != (mapping->memory != NULL)) {
            abort();
        }
    } else {
        bg_virtio_gpu_blob_unmap(&gpu, mapping);
        if (mapping->memory != NULL) {
            abort();
        }
    }
    check_mappings();
}

static void use_fences(void)
{
    struct bg_virtio_gpu_op ops[3];
    struct bg_virtio_gpu_fence fences[3];
    static uint32_t commands[16];
    const struct bg_virtio_gpu_data data = {commands, BG_VIRTIO_GPU_COPY, sizeof(commands)};

    for (unsigned i = 0; i < 3; i++) {
        ops[i] = (struct bg_virtio_gpu_op){.flags = BG_VIRTIO_GPU_OP_FENCE};
        bg_virtio_gpu_cmd_submit_3d(&gpu, &ops[i], 1 + i % 2, &data);
        fences[i] = bg_virtio_gpu_fence_of(&ops[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        bg_virtio_gpu_fence_wait(&gpu, &fences[i], fake_hal.now_ns + 1000);
        bg_virtio_gpu_wait(&gpu, &ops[i], fake_hal.now_ns + 1000);
    }
}

static void restart(void)
{
    bg_virtio_gpu_restart(&gpu);
    memset(mappings, 0, sizeof(mappings)); /* the region is empty after a reset */
    if (has_display) {
        bg_virtio_gpu_display_restore(&display);
    }
}

static void release(void)
{
    for (unsigned q = 0; q < 2; q++) {
        while (fake.queues[q].held_count > 0) {
            fake_virtio_complete(&fake, q, 0, take_byte() % 25);
        }
    }
    bg_virtio_gpu_poll(&gpu);
}

static void run_commands(void)
{
    static void (*const actions[])(void) = {use_screen,  use_payloads, use_display,
                                            change_mode, use_cursor,   use_mapping,
                                            use_fences,  restart,      release};

    for (unsigned i = 0; i < COMMANDS_MAX && input_size > 0; i++) {
        actions[take_byte() % (sizeof(actions) / sizeof(actions[0]))]();
    }
}

/* The device is reset when the driver closes it, so all memory comes back. */
static void end(void)
{
    fake.is_gone = false;
    if (bg_virtio_gpu_close(&gpu) != 0 ||
        bg_virtio_gpu_framebuffer_destroy(&display.buffers[0]) != 0 ||
        bg_virtio_gpu_framebuffer_destroy(&display.buffers[1]) != 0 ||
        bg_virtio_gpu_framebuffer_destroy(&cursor.image) != 0 || fake_hal.allocated != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t region[REGION_SIZE] __attribute__((aligned(4096)));
    const struct bg_virtio_gpu_options options = {.timeout_ns = 20000, .staging_size = 2048};
    struct bg_virtio_gpu_config config;
    uint64_t features;

    input = data;
    input_size = size;
    memset(&fake_hal, 0, sizeof(fake_hal));
    memset(&display, 0, sizeof(display));
    memset(&cursor, 0, sizeof(cursor));
    memset(mappings, 0, sizeof(mappings));
    has_display = has_cursor = false;
    fake_hal.wait_ns = 10000;
    features = take_byte() & 0x3F;
    features |= take_byte() & 1 ? BG_VIRTIO_F_RING_PACKED : BG_VIRTIO_F_INDIRECT_DESC;
    fake_virtio_init(&fake, features, BG_VIRTIO_GPU_QUEUE_COUNT, 64, handle, NULL);
    config = (struct bg_virtio_gpu_config){
        .num_scanouts = take_byte() % 18, .num_capsets = 1, .blob_alignment = 4096};
    fake.config_size = sizeof(config);
    memcpy(fake.config, &config, sizeof(config));
    fake.config[0] = 1; /* an event */
    fake.regions[BG_VIRTIO_GPU_SHM_ID_HOST_VISIBLE] =
        (struct bg_virtio_shared_memory){(uintptr_t)region, sizeof(region)};
    if (fake_virtio_open(&fake, &device, BG_VIRTIO_ID_GPU) == 0 &&
        bg_virtio_gpu_open(&gpu, &device, &options) == 0) {
        run_commands();
        end();
    }
    fake_virtio_end(&fake);
    return 0;
}
