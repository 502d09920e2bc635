/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/virtio/gpu/gpu.c firmware/virtio/gpu/queue.c firmware/virtio/gpu/names.c
// build: firmware/virtio/gpu/command.c firmware/virtio/gpu/answer.c
// build: firmware/virtio/gpu/command_3d.c
// build: firmware/virtio/gpu/format.c firmware/virtio/virtio.c firmware/virtio/virtqueue.c
// build: firmware/virtio/virtqueue_split.c firmware/virtio/virtqueue_packed.c
// build: firmware/virtio/virtqueue_share.c
// build: firmware/virtio/transport_pci.c firmware/common/error.c firmware/pci_ecam.c
// build: firmware/pci/enumerate.c firmware/pci/device.c firmware/pci/bar.c
// build: firmware/pci/assign.c firmware/pci/capability.c firmware/pci/list.c
// build: tests/fake/hal.c tests/fake/virtio.c tests/fake/virtqueue.c
// build: tests/fake/gpu.c tests/fake/gpu_command.c
// build: tests/fake/gpu_command_3d.c
// build: firmware/common/wait.c firmware/common/interrupt_source.c
/* Each of the 26 commands: what it does, what the driver refuses, what the device refuses. */
#include "tests/unit/gpu/fixture.h"

static const struct bg_virtio_gpu_rect whole = {0, 0, 32, 16};

static void create_2d(uint32_t id)
{
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(
                         &gpu, NULL, id, BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 32, 16),
                     0);
}

static void attach(uint32_t id, void *memory, size_t size)
{
    const struct bg_virtio_gpu_mem_entry entry = {.addr = fake_hal_bus(memory),
                                                  .length = (uint32_t)size};
    const struct bg_virtio_gpu_data data = bg_virtio_gpu_entries(&entry, 1);

    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, id, &data), 0);
}

/* ---- 2D ---- */

static void test_display_info(void **state)
{
    struct bg_virtio_gpu_display_one modes[BG_VIRTIO_GPU_MAX_SCANOUTS];

    (void)state;
    open_gpu(0, 2);
    assert_int_equal(gpu.scanout_count, 2);
    assert_int_equal(bg_virtio_gpu_cmd_get_display_info(&gpu, NULL, modes), 0);
    assert_int_equal(modes[0].enabled, 1);
    assert_int_equal(modes[0].r.width, 640);
    assert_int_equal(modes[0].r.height, 480);
    assert_int_equal(modes[1].enabled, 0);
    assert_int_equal(modes[1].r.x, 640);
    close_gpu();
}

static void test_edid(void **state)
{
    uint8_t edid[BG_VIRTIO_GPU_EDID_MAX];
    uint32_t length = 0;

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_EDID, 1);
    fake.edid_size = 256;
    memset(fake.edid, 0x5A, 256);
    assert_int_equal(bg_virtio_gpu_cmd_get_edid(&gpu, NULL, 0, edid, sizeof(edid), &length), 0);
    assert_int_equal(length, 256);
    assert_memory_equal(edid, fake.edid, 256);
    edid[100] = 1;
    assert_int_equal(bg_virtio_gpu_cmd_get_edid(&gpu, NULL, 0, edid, 100, &length), 0);
    assert_int_equal(length, 100);
    assert_int_equal(edid[100], 1); /* not written beyond what the caller gave */
    assert_int_equal(bg_virtio_gpu_cmd_get_edid(&gpu, NULL, 1, edid, 100, &length), BG_ERR_RANGE);
    fake.misbehaviour = FAKE_GPU_LONG_EDID;
    assert_int_equal(bg_virtio_gpu_cmd_get_edid(&gpu, NULL, 0, edid, sizeof(edid), &length),
                     BG_ERR_PROTOCOL);
    assert_int_equal(gpu.protocol_errors, 1);
    close_gpu();
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_cmd_get_edid(&gpu, NULL, 0, edid, sizeof(edid), &length),
                     BG_ERR_UNSUPPORTED);
    assert_int_equal(fake.log_count, 0);
    close_gpu();
}

static void test_create_unref(void **state)
{
    const uint32_t format = BG_VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM;

    (void)state;
    open_gpu(0, 1);
    create_2d(7);
    assert_non_null(fake_gpu_find_resource(&fake, 7));
    assert_int_equal(fake_gpu_find_resource(&fake, 7)->width, 32);
    assert_int_equal(fake_gpu_find_resource(&fake, 7)->height, 16);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, 7, format, 32, 16),
                     BG_ERR_NOT_FOUND); /* the id is taken: INVALID_RESOURCE_ID */
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, 8, format, 65535, 65535),
                     BG_ERR_DEVICE_MEMORY);
    fake.log_count = 0;
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, 0, format, 32, 16),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, 9, 5, 32, 16),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, 9, format, 0, 16),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, 0), BG_ERR_INVALID);
    assert_int_equal(fake.log_count, 0); /* nothing of that was sent */
    assert_int_equal(bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, 7), 0);
    assert_null(fake_gpu_find_resource(&fake, 7));
    assert_int_equal(bg_virtio_gpu_cmd_resource_unref(&gpu, NULL, 7), BG_ERR_NOT_FOUND);
    for (unsigned i = 0; i < BG_VIRTIO_GPU_FORMAT_COUNT; i++) {
        assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(&gpu, NULL, 20 + i,
                                                              bg_virtio_gpu_formats[i], 1, 1),
                         0);
        assert_int_equal(fake_gpu_find_resource(&fake, 20 + i)->format, bg_virtio_gpu_formats[i]);
    }
    close_gpu();
}

static void test_scanout_transfer_flush(void **state)
{
    static uint32_t pixels[32 * 16];
    const struct bg_virtio_gpu_rect part = {4, 2, 8, 3}, outside = {30, 0, 4, 4};

    (void)state;
    open_gpu(0, 2);
    create_2d(1);
    attach(1, pixels, sizeof(pixels));
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, 0, 1, &whole), 0);
    for (unsigned i = 0; i < COUNT(pixels); i++) {
        pixels[i] = i * 0x10203;
    }
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_2d(&gpu, NULL, 1, &part, (2 * 32 + 4) * 4),
                     0);
    assert_int_equal(fake_gpu_shown(&fake, 0, 4, 2), 0); /* not flushed */
    assert_int_equal(bg_virtio_gpu_cmd_resource_flush(&gpu, NULL, 1, &part), 0);
    for (uint32_t y = 0; y < 16; y++) {
        for (uint32_t x = 0; x < 32; x++) {
            bool is_in = x >= 4 && x < 12 && y >= 2 && y < 5;

            assert_int_equal(fake_gpu_shown(&fake, 0, x, y),
                             is_in ? pixels[y * 32 + x] & 0xFFFFFF : 0);
        }
    }
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, 0, 0, NULL), 0);
    assert_int_equal(fake.scanouts[0].resource_id, 0);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, 0, 1, NULL), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, 2, 1, &whole), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, 1, 9, &whole), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout(&gpu, NULL, 1, 1, &outside), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_flush(&gpu, NULL, 1, &outside), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_flush(&gpu, NULL, 9, &whole), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_resource_flush(&gpu, NULL, 0, &whole), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_2d(&gpu, NULL, 1, &outside, 0),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_2d(&gpu, NULL, 1, &whole, 4),
                     BG_ERR_INVALID); /* beyond the backing */
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_2d(&gpu, NULL, 9, &whole, 0),
                     BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_2d(&gpu, NULL, 0, &whole, 0),
                     BG_ERR_INVALID);
    close_gpu();
}

/* Few entries travel behind the request, more in the staging area, many in memory of their own. */
static void attach_pieces(uint32_t count, bool is_own)
{
    static uint32_t pixels[32 * 16];
    const size_t piece = sizeof(pixels) / 8;
    struct bg_virtio_gpu_mem_entry *entries = calloc(count, sizeof(*entries));
    struct bg_virtio_gpu_data data = bg_virtio_gpu_entries(entries, count);
    struct fake_gpu_resource *resource;

    for (uint32_t i = 0; i < count; i++) {
        entries[i].addr = fake_hal_bus(pixels) + (7 - i % 8) * piece; /* backwards */
        entries[i].length = (uint32_t)piece;
    }
    if (is_own) {
        data.bus_address = fake_hal_bus(entries);
    }
    open_gpu(0, 1);
    create_2d(3);
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 3, &data), 0);
    resource = fake_gpu_find_resource(&fake, 3);
    assert_int_equal(resource->entry_count, count);
    assert_memory_equal(resource->entries, entries, count * sizeof(*entries));
    for (unsigned i = 0; i < COUNT(pixels); i++) {
        pixels[i] = i;
    }
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_2d(&gpu, NULL, 3, &whole, 0), 0);
    assert_memory_equal(resource->pixels, (uint8_t *)pixels + 7 * piece, piece);
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 3, &data),
                     BG_ERR_IO); /* it has one: UNSPEC */
    assert_int_equal(bg_virtio_gpu_cmd_resource_detach_backing(&gpu, NULL, 3), 0);
    assert_null(resource->entries);
    assert_int_equal(bg_virtio_gpu_cmd_resource_detach_backing(&gpu, NULL, 3), BG_ERR_IO);
    assert_int_equal(bg_virtio_gpu_cmd_resource_detach_backing(&gpu, NULL, 4), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_resource_detach_backing(&gpu, NULL, 0), BG_ERR_INVALID);
    close_gpu();
    free(entries);
}

static void test_backing(void **state)
{
    (void)state;
    attach_pieces(8, false);
    attach_pieces(38, false); /* 608 bytes: the most that fit behind the request */
    attach_pieces(39, false);
    attach_pieces(4096, false); /* the whole staging area */
    attach_pieces(16384, true); /* QEMU's limit */
    attach_pieces(100000, true);
}

static void test_backing_refused(void **state)
{
    static struct bg_virtio_gpu_mem_entry entries[5000];
    struct bg_virtio_gpu_data data = bg_virtio_gpu_entries(entries, COUNT(entries));

    (void)state;
    open_gpu(0, 1);
    create_2d(3);
    fake.log_count = 0;
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 3, &data),
                     BG_ERR_TOO_LARGE); /* to be copied */
    data.size = 0;
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 3, &data),
                     BG_ERR_INVALID);
    data.size = 17;
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 3, &data),
                     BG_ERR_INVALID);
    data.size = 16;
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 0, &data),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 3, NULL),
                     BG_ERR_INVALID);
    data.bus_address = 4096; /* not copied: too large for a chain */
    data.size = 16ull << 28;
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 3, &data),
                     BG_ERR_TOO_LARGE);
    assert_int_equal(fake.log_count, 0);
    entries[0].length = 4;
    data = bg_virtio_gpu_entries(entries, 1);
    assert_int_equal(bg_virtio_gpu_cmd_resource_attach_backing(&gpu, NULL, 99, &data),
                     BG_ERR_NOT_FOUND);
    close_gpu();
}

static void test_capsets(void **state)
{
    struct bg_virtio_gpu_capset info;
    uint8_t bytes[4 * FAKE_GPU_CAPSET_SIZE];
    uint32_t length = 0;

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL, 1);
    assert_int_equal(gpu.capset_count, 2);
    assert_int_equal(bg_virtio_gpu_cmd_get_capset_info(&gpu, NULL, 1, &info), 0);
    assert_int_equal(info.id, BG_VIRTIO_GPU_CAPSET_VIRGL2);
    assert_int_equal(info.max_version, 2);
    assert_int_equal(info.max_size, 3 * FAKE_GPU_CAPSET_SIZE);
    assert_int_equal(bg_virtio_gpu_cmd_get_capset_info(&gpu, NULL, 2, &info), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_gpu_cmd_get_capset(&gpu, NULL, 2, 2, bytes, sizeof(bytes), &length),
                     0);
    assert_int_equal(length, 3 * FAKE_GPU_CAPSET_SIZE);
    for (unsigned i = 0; i < length; i++) {
        assert_int_equal(bytes[i], (uint8_t)(2 + i));
    }
    bytes[10] = 0xEE;
    assert_int_equal(bg_virtio_gpu_cmd_get_capset(&gpu, NULL, 1, 1, bytes, 10, &length), 0);
    assert_int_equal(length, 10);
    assert_int_equal(bytes[10], 0xEE);
    assert_int_equal(bg_virtio_gpu_cmd_get_capset(&gpu, NULL, 1, 9, bytes, 10, &length),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_get_capset(&gpu, NULL, 1, 1, bytes, 65536, &length),
                     BG_ERR_TOO_LARGE);
    close_gpu();
    open_gpu(0, 1);
    assert_int_equal(gpu.capset_count, 0);
    assert_int_equal(bg_virtio_gpu_cmd_get_capset_info(&gpu, NULL, 0, &info), BG_ERR_RANGE);
    close_gpu();
}

static void test_uuid(void **state)
{
    uint8_t uuid[BG_VIRTIO_GPU_UUID_SIZE];

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_RESOURCE_UUID, 1);
    create_2d(2);
    assert_int_equal(bg_virtio_gpu_cmd_resource_assign_uuid(&gpu, NULL, 2, uuid), 0);
    for (unsigned i = 0; i < sizeof(uuid); i++) {
        assert_int_equal(uuid[i], 32 + i);
    }
    assert_int_equal(bg_virtio_gpu_cmd_resource_assign_uuid(&gpu, NULL, 3, uuid), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_resource_assign_uuid(&gpu, NULL, 0, uuid), BG_ERR_INVALID);
    close_gpu();
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_cmd_resource_assign_uuid(&gpu, NULL, 2, uuid),
                     BG_ERR_UNSUPPORTED);
    close_gpu();
}

/* ---- Blobs ---- */

static void test_guest_blob(void **state)
{
    static uint32_t pixels[8192 / 4];
    const struct bg_virtio_gpu_mem_entry entry = {.addr = fake_hal_bus(pixels),
                                                  .length = sizeof(pixels)};
    const struct bg_virtio_gpu_data data = bg_virtio_gpu_entries(&entry, 1);
    struct bg_virtio_gpu_blob blob = {.memory = BG_VIRTIO_GPU_BLOB_MEM_GUEST,
                                      .flags = BG_VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE,
                                      .size = 8192};
    struct bg_virtio_gpu_blob_layout layout = {.width = 32,
                                               .height = 16,
                                               .format = BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                                               .strides = {33 * 4},
                                               .offsets = {64}};

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_RESOURCE_BLOB | BG_VIRTIO_GPU_F_BLOB_ALIGNMENT, 1);
    assert_int_equal(gpu.blob_alignment, 8192);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 5, &blob, &data), 0);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout_blob(&gpu, NULL, 0, 5, &whole, &layout), 0);
    pixels[16 + 33 * 3 + 7] = 0x123456;
    assert_int_equal(bg_virtio_gpu_cmd_resource_flush(&gpu, NULL, 5, &whole), 0);
    assert_int_equal(fake_gpu_shown(&fake, 0, 7, 3), 0x123456); /* without a transfer */
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout_blob(&gpu, NULL, 0, 0, NULL, NULL), 0);
    assert_int_equal(fake.scanouts[0].resource_id, 0);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout_blob(&gpu, NULL, 0, 5, &whole, NULL),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout_blob(&gpu, NULL, 1, 5, &whole, &layout),
                     BG_ERR_RANGE);
    layout.strides[0] = 16;
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout_blob(&gpu, NULL, 0, 5, &whole, &layout),
                     BG_ERR_INVALID);
    layout.format = 5;
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout_blob(&gpu, NULL, 0, 5, &whole, &layout),
                     BG_ERR_INVALID);
    fake.log_count = 0;
    blob.size = 8191;
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 6, &blob, &data),
                     BG_ERR_INVALID);
    blob.size = 8192;
    blob.memory = 0;
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 6, &blob, &data),
                     BG_ERR_INVALID);
    blob.memory = BG_VIRTIO_GPU_BLOB_MEM_HOST3D; /* without F_VIRGL */
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 6, &blob, NULL),
                     BG_ERR_UNSUPPORTED);
    blob.memory = BG_VIRTIO_GPU_BLOB_MEM_GUEST;
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 0, &blob, &data),
                     BG_ERR_INVALID);
    assert_int_equal(fake.log_count, 0);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 5, &blob, &data),
                     BG_ERR_NOT_FOUND); /* the id is taken */
    close_gpu();
    open_gpu(0, 1);
    assert_int_equal(gpu.blob_alignment, 1);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 6, &blob, &data),
                     BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_virtio_gpu_cmd_set_scanout_blob(&gpu, NULL, 0, 0, NULL, NULL),
                     BG_ERR_UNSUPPORTED);
    close_gpu();
}

static void test_host_blob(void **state)
{
    const uint64_t features =
        BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_RESOURCE_BLOB | BG_VIRTIO_GPU_F_BLOB_ALIGNMENT;
    struct bg_virtio_gpu_blob blob = {.ctx_id = 3,
                                      .memory = BG_VIRTIO_GPU_BLOB_MEM_HOST3D,
                                      .flags = BG_VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
                                      .blob_id = 77,
                                      .size = 16384};
    const struct bg_virtio_gpu_mem_entry entry = {.addr = 4096, .length = 16384};
    const struct bg_virtio_gpu_data data = bg_virtio_gpu_entries(&entry, 1);
    uint32_t cache = 99;

    (void)state;
    open_gpu(features, 1);
    assert_int_equal(gpu.host_visible.size, FAKE_GPU_REGION_SIZE);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 5, &blob, NULL),
                     BG_ERR_NOT_FOUND); /* no such context */
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 3, 0, NULL), 0);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 5, &blob, &data),
                     BG_ERR_INVALID); /* host memory has no entries */
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_blob(&gpu, NULL, 5, &blob, NULL), 0);
    fake.map_cache = BG_VIRTIO_GPU_MAP_CACHE_WC;
    assert_int_equal(bg_virtio_gpu_cmd_resource_map_blob(&gpu, NULL, 5, 8192, &cache), 0);
    assert_int_equal(cache, BG_VIRTIO_GPU_MAP_CACHE_WC);
    assert_true(fake_gpu_find_resource(&fake, 5)->is_mapped);
    assert_int_equal(bg_virtio_gpu_cmd_resource_unmap_blob(&gpu, NULL, 5), 0);
    assert_int_equal(bg_virtio_gpu_cmd_resource_unmap_blob(&gpu, NULL, 5), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_resource_map_blob(&gpu, NULL, 6, 0, &cache),
                     BG_ERR_NOT_FOUND);
    assert_int_equal(
        bg_virtio_gpu_cmd_resource_map_blob(&gpu, NULL, 5, FAKE_GPU_REGION_SIZE - 8192, &cache),
        BG_ERR_INVALID); /* the device: it would reach beyond the region */
    fake.log_count = 0;
    assert_int_equal(bg_virtio_gpu_cmd_resource_map_blob(&gpu, NULL, 5, 4096, &cache),
                     BG_ERR_INVALID);
    assert_int_equal(
        bg_virtio_gpu_cmd_resource_map_blob(&gpu, NULL, 5, FAKE_GPU_REGION_SIZE, &cache),
        BG_ERR_RANGE);
    assert_int_equal(bg_virtio_gpu_cmd_resource_map_blob(&gpu, NULL, 0, 0, &cache), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_unmap_blob(&gpu, NULL, 0), BG_ERR_INVALID);
    assert_int_equal(fake.log_count, 0);
    close_gpu();
    open_gpu(BG_VIRTIO_GPU_F_VIRGL, 1);
    assert_int_equal(gpu.host_visible.size, 0);
    assert_int_equal(bg_virtio_gpu_cmd_resource_map_blob(&gpu, NULL, 5, 0, &cache),
                     BG_ERR_UNSUPPORTED);
    assert_int_equal(bg_virtio_gpu_cmd_resource_unmap_blob(&gpu, NULL, 5), BG_ERR_UNSUPPORTED);
    close_gpu();
}

/* ---- 3D ---- */

static void test_contexts(void **state)
{
    const char *long_name =
        "a name that is much longer than what the device takes, which is 64 bytes in all";

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_CONTEXT_INIT, 1);
    assert_int_equal(
        bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, BG_VIRTIO_GPU_CAPSET_VIRGL2, "cube"), 0);
    assert_int_equal(fake_gpu_find_context(&fake, 1)->context_init, BG_VIRTIO_GPU_CAPSET_VIRGL2);
    assert_int_equal(fake_gpu_find_context(&fake, 1)->name_length, 4);
    assert_memory_equal(fake_gpu_find_context(&fake, 1)->name, "cube\0", 5);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 2, 0, long_name), 0);
    assert_int_equal(fake_gpu_find_context(&fake, 2)->name_length, 64);
    assert_memory_equal(fake_gpu_find_context(&fake, 2)->name, long_name, 64);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, 0, NULL), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 0, 0, NULL), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 3, 256, NULL), BG_ERR_INVALID);
    create_2d(9);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_attach_resource(&gpu, NULL, 1, 9), 0);
    assert_int_equal(fake_gpu_find_resource(&fake, 9)->contexts, 1);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_detach_resource(&gpu, NULL, 1, 9), 0);
    assert_int_equal(fake_gpu_find_resource(&fake, 9)->contexts, 0);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_attach_resource(&gpu, NULL, 7, 9), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_attach_resource(&gpu, NULL, 1, 8), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_attach_resource(&gpu, NULL, 0, 9), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_detach_resource(&gpu, NULL, 1, 0), BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_destroy(&gpu, NULL, 1), 0);
    assert_null(fake_gpu_find_context(&fake, 1));
    assert_int_equal(bg_virtio_gpu_cmd_ctx_destroy(&gpu, NULL, 1), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_destroy(&gpu, NULL, 0), BG_ERR_INVALID);
    close_gpu();
}

static void test_3d_resource(void **state)
{
    static uint32_t pixels[32 * 16];
    struct bg_virtio_gpu_resource_3d resource = {.target = 2,
                                                 .format = BG_VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,
                                                 .bind = 2,
                                                 .width = 32,
                                                 .height = 16,
                                                 .depth = 1,
                                                 .array_size = 1,
                                                 .flags = BG_VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP};
    struct bg_virtio_gpu_transfer_3d transfer = {
        .box = {.x = 4, .y = 2, .w = 8, .h = 4, .d = 1}, .offset = 128, .stride = 64};

    (void)state;
    open_gpu(BG_VIRTIO_GPU_F_VIRGL, 1);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, 0, "t"), 0);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_3d(&gpu, NULL, 4, &resource), 0);
    attach(4, pixels, sizeof(pixels));
    pixels[32 + 16 * 3 + 7] = 0xABCDEF01; /* row 3, column 7 of the box */
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_3d(&gpu, NULL, 1, 4, &transfer), 0);
    assert_int_equal(((uint32_t *)fake_gpu_find_resource(&fake, 4)->pixels)[(2 + 3) * 32 + 4 + 7],
                     0xABCDEF01);
    memset(pixels, 0, sizeof(pixels));
    transfer.offset = 0;
    assert_int_equal(bg_virtio_gpu_cmd_transfer_from_host_3d(&gpu, NULL, 1, 4, &transfer), 0);
    assert_int_equal(pixels[16 * 3 + 7], 0xABCDEF01);
    transfer.box.w = 33;
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_3d(&gpu, NULL, 1, 4, &transfer),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_3d(&gpu, NULL, 2, 4, &transfer),
                     BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_from_host_3d(&gpu, NULL, 1, 5, &transfer),
                     BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_from_host_3d(&gpu, NULL, 1, 0, &transfer),
                     BG_ERR_INVALID);
    resource.depth = 2;
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_3d(&gpu, NULL, 5, &resource),
                     BG_ERR_INVALID);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_3d(&gpu, NULL, 0, &resource),
                     BG_ERR_INVALID);
    close_gpu();
}

static void test_submit(void **state)
{
    static uint32_t commands[4096];
    struct bg_virtio_gpu_data data = {commands, BG_VIRTIO_GPU_COPY, 40};

    (void)state;
    for (unsigned i = 0; i < COUNT(commands); i++) {
        commands[i] = i * 3;
    }
    open_gpu(BG_VIRTIO_GPU_F_VIRGL, 1);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 6, 0, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        data.size = i == 0 ? 40 : sizeof(commands); /* behind the request, staged, in place */
        data.bus_address = i == 2 ? fake_hal_bus(commands) : BG_VIRTIO_GPU_COPY;
        assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, 6, &data), 0);
        assert_int_equal(fake_gpu_find_context(&fake, 6)->commands_size, data.size);
        assert_memory_equal(fake_gpu_find_context(&fake, 6)->commands, commands, data.size);
    }
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, 7, &data), BG_ERR_NOT_FOUND);
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, 0, &data), BG_ERR_INVALID);
    data.size = 0;
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, 6, &data), BG_ERR_INVALID);
    close_gpu();
}

static void test_3d_without_feature(void **state)
{
    const struct bg_virtio_gpu_resource_3d resource = {.width = 1, .height = 1};
    const struct bg_virtio_gpu_transfer_3d transfer = {.box = {.w = 1, .h = 1, .d = 1}};
    const struct bg_virtio_gpu_data data = {&resource, BG_VIRTIO_GPU_COPY, 4};
    const int expected = BG_ERR_UNSUPPORTED;

    (void)state;
    open_gpu(0, 1);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, 0, NULL), expected);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_destroy(&gpu, NULL, 1), expected);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_attach_resource(&gpu, NULL, 1, 1), expected);
    assert_int_equal(bg_virtio_gpu_cmd_ctx_detach_resource(&gpu, NULL, 1, 1), expected);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_3d(&gpu, NULL, 1, &resource), expected);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_to_host_3d(&gpu, NULL, 1, 1, &transfer), expected);
    assert_int_equal(bg_virtio_gpu_cmd_transfer_from_host_3d(&gpu, NULL, 1, 1, &transfer),
                     expected);
    assert_int_equal(bg_virtio_gpu_cmd_submit_3d(&gpu, NULL, 1, &data), expected);
    assert_int_equal(fake.log_count, 0);
    close_gpu();
    open_gpu(BG_VIRTIO_GPU_F_VIRGL, 1); /* but not CONTEXT_INIT */
    assert_int_equal(bg_virtio_gpu_cmd_ctx_create(&gpu, NULL, 1, 2, NULL), expected);
    assert_int_equal(fake.log_count, 0);
    close_gpu();
}

/* ---- Cursor ---- */

static void test_cursor(void **state)
{
    struct bg_virtio_gpu_cursor_state cursor = {
        .scanout = 1, .x = 10, .y = 20, .resource_id = 8, .hot_x = 3, .hot_y = 4};

    (void)state;
    open_gpu(0, 2);
    assert_int_equal(bg_virtio_gpu_cmd_resource_create_2d(
                         &gpu, NULL, 8, BG_VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 64, 64),
                     0);
    for (unsigned i = 0; i < 2; i++) {
        fake.is_silent_cursor = i == 1; /* QEMU gives no answer there */
        cursor.x = 10;
        assert_int_equal(bg_virtio_gpu_cmd_update_cursor(&gpu, NULL, &cursor), 0);
        assert_true(fake.scanouts[1].has_cursor);
        assert_int_equal(fake.scanouts[1].cursor.hot_x, 3);
        assert_int_equal(fake.scanouts[1].cursor.hot_y, 4);
        cursor.x = 600;
        assert_int_equal(bg_virtio_gpu_cmd_move_cursor(&gpu, NULL, &cursor), 0);
        assert_int_equal(fake.scanouts[1].cursor.pos.x, 600);
        assert_int_equal(fake.scanouts[1].cursor.pos.y, 20);
    }
    fake.is_silent_cursor = false;
    cursor.resource_id = 9;
    assert_int_equal(bg_virtio_gpu_cmd_update_cursor(&gpu, NULL, &cursor), BG_ERR_NOT_FOUND);
    cursor.resource_id = 0;
    assert_int_equal(bg_virtio_gpu_cmd_update_cursor(&gpu, NULL, &cursor), 0);
    assert_false(fake.scanouts[1].has_cursor);
    cursor.scanout = 2;
    assert_int_equal(bg_virtio_gpu_cmd_update_cursor(&gpu, NULL, &cursor), BG_ERR_RANGE);
    assert_int_equal(bg_virtio_gpu_cmd_move_cursor(&gpu, NULL, &cursor), BG_ERR_RANGE);
    close_gpu();
}

/* ---- Words ---- */

static void test_names(void **state)
{
    static const struct {
        uint32_t type;
        int error;
        const char *name;
    } expected[] = {
        {BG_VIRTIO_GPU_RESP_OK_NODATA, 0, "BG_VIRTIO_GPU_RESP_OK_NODATA"},
        {BG_VIRTIO_GPU_RESP_OK_MAP_INFO, 0, "BG_VIRTIO_GPU_RESP_OK_MAP_INFO"},
        {BG_VIRTIO_GPU_RESP_OK_MAP_INFO + 1, BG_ERR_PROTOCOL, "unknown type"},
        {BG_VIRTIO_GPU_RESP_ERR_UNSPEC, BG_ERR_IO, "BG_VIRTIO_GPU_RESP_ERR_UNSPEC"},
        {BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY, BG_ERR_DEVICE_MEMORY,
         "BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY"},
        {BG_VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID, BG_ERR_NOT_FOUND,
         "BG_VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID"},
        {BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID, BG_ERR_NOT_FOUND,
         "BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID"},
        {BG_VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID, BG_ERR_NOT_FOUND,
         "BG_VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID"},
        {BG_VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER, BG_ERR_INVALID,
         "BG_VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER"},
        {0x1206, BG_ERR_IO, "unknown type"}, /* of a later specification */
        {0x1300, BG_ERR_PROTOCOL, "unknown type"},
        {0, BG_ERR_PROTOCOL, "unknown type"},
        {BG_VIRTIO_GPU_CMD_GET_EDID, BG_ERR_PROTOCOL, "BG_VIRTIO_GPU_CMD_GET_EDID"},
        {BG_VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, BG_ERR_PROTOCOL, "BG_VIRTIO_GPU_CMD_SET_SCANOUT_BLOB"},
        {BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB, BG_ERR_PROTOCOL,
         "BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB"},
        {BG_VIRTIO_GPU_CMD_MOVE_CURSOR, BG_ERR_PROTOCOL, "BG_VIRTIO_GPU_CMD_MOVE_CURSOR"},
    };

    (void)state;
    for (unsigned i = 0; i < COUNT(expected); i++) {
        assert_string_equal(bg_virtio_gpu_type_name(expected[i].type), expected[i].name);
        assert_int_equal(bg_virtio_gpu_response_error(expected[i].type), expected[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_display_info), cmocka_unit_test(test_edid),
        cmocka_unit_test(test_create_unref), cmocka_unit_test(test_scanout_transfer_flush),
        cmocka_unit_test(test_backing),      cmocka_unit_test(test_backing_refused),
        cmocka_unit_test(test_capsets),      cmocka_unit_test(test_uuid),
        cmocka_unit_test(test_guest_blob),   cmocka_unit_test(test_host_blob),
        cmocka_unit_test(test_contexts),     cmocka_unit_test(test_3d_resource),
        cmocka_unit_test(test_submit),       cmocka_unit_test(test_3d_without_feature),
        cmocka_unit_test(test_cursor),       cmocka_unit_test(test_names),
    };

    return run_variants(tests, COUNT(tests));
}
