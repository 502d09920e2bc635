/* SPDX-License-Identifier: BSD-2-Clause */
/* The 26 commands of the fake GPU: virtio 1.4, 5.7.6.8 to 5.7.6.10. */
#include "tests/fake/gpu_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/virtio_gpu.h"
#include "tests/fake/hal.h"

bool fake_gpu_require(struct fake_gpu *fake, bool condition, const char *text)
{
    if (!condition) {
        fake->violations++;
        printf("# driver: %s\n", text);
    }
    return condition;
}

/* Copies the fixed part of a request. */
bool fake_gpu_take(const struct command *c, void *message, size_t size)
{
    memset(message, 0, size);
    if (!fake_gpu_require(c->fake, c->request->in_size >= size, "a request that is too short")) {
        return false;
    }
    memcpy(message, c->request->in, size);
    return true;
}

static uint32_t answer(const struct command *c, uint32_t type, const void *message, size_t size)
{
    if (!fake_gpu_require(c->fake, c->request->out_size >= size, "no room for the answer")) {
        return UNSPEC;
    }
    memcpy(c->request->out, message, size);
    *c->written = (uint32_t)size;
    return type;
}

bool fake_gpu_has(const struct command *c, uint64_t feature)
{
    return (c->fake->virtio.accepted & feature) != 0;
}

bool fake_gpu_require_feature(const struct command *c, uint64_t feature)
{
    return fake_gpu_require(c->fake, fake_gpu_has(c, feature), "a command without its feature");
}

/* ---- Resources ---- */

struct fake_gpu_resource *fake_gpu_find_resource(struct fake_gpu *fake, uint32_t id)
{
    for (unsigned i = 0; id != 0 && i < FAKE_GPU_RESOURCES_MAX; i++) {
        if (fake->resources[i].id == id) {
            return &fake->resources[i];
        }
    }
    return NULL;
}

struct fake_gpu_resource *fake_gpu_new_resource(struct fake_gpu *fake, uint32_t id, uint32_t *error)
{
    *error = BAD_RESOURCE;
    if (id == 0 || fake_gpu_find_resource(fake, id) != NULL) {
        return NULL;
    }
    *error = NO_MEMORY;
    for (unsigned i = 0; i < FAKE_GPU_RESOURCES_MAX; i++) {
        if (fake->resources[i].id == 0) {
            memset(&fake->resources[i], 0, sizeof(fake->resources[i]));
            return &fake->resources[i];
        }
    }
    return NULL;
}

static void free_resource(struct fake_gpu *fake, struct fake_gpu_resource *resource)
{
    for (unsigned i = 0; i < BG_VIRTIO_GPU_MAX_SCANOUTS; i++) {
        if (fake->scanouts[i].resource_id == resource->id) {
            fake->scanouts[i].resource_id = 0;
        }
    }
    free(resource->pixels);
    free(resource->entries);
    free(resource->host_memory);
    memset(resource, 0, sizeof(*resource));
}

/* Copies from the backing, which lies in pieces. False when it is too small. */
bool fake_gpu_read_backing(const struct fake_gpu_resource *resource, uint64_t offset, void *to,
                           size_t size)
{
    uint8_t *bytes = to;

    for (uint32_t i = 0; i < resource->entry_count && size > 0; i++) {
        const struct bg_virtio_gpu_mem_entry *entry = &resource->entries[i];

        if (offset < entry->length) {
            size_t part = entry->length - offset < size ? entry->length - offset : size;

            memcpy(bytes, (const uint8_t *)fake_hal_at(entry->addr) + offset, part);
            bytes += part;
            size -= part;
            offset = 0;
        } else {
            offset -= entry->length;
        }
    }
    return size == 0;
}

bool fake_gpu_write_backing(const struct fake_gpu_resource *resource, uint64_t offset,
                            const uint8_t *bytes, size_t size)
{
    for (uint32_t i = 0; i < resource->entry_count && size > 0; i++) {
        const struct bg_virtio_gpu_mem_entry *entry = &resource->entries[i];

        if (offset < entry->length) {
            size_t part = entry->length - offset < size ? entry->length - offset : size;

            memcpy((uint8_t *)fake_hal_at(entry->addr) + offset, bytes, part);
            bytes += part;
            size -= part;
            offset = 0;
        } else {
            offset -= entry->length;
        }
    }
    return size == 0;
}

static uint32_t create_2d(const struct command *c)
{
    struct bg_virtio_gpu_resource_create_2d m;
    struct fake_gpu_resource *resource;
    uint32_t error;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    resource = fake_gpu_new_resource(c->fake, m.resource_id, &error);
    if (resource == NULL) {
        return error;
    }
    if (!strcmp(bg_virtio_gpu_format_name(m.format), "unknown") || m.width == 0 || m.height == 0) {
        return BAD_PARAMETER;
    }
    if ((uint64_t)m.width * m.height * 4 > PICTURE_MAX) {
        return NO_MEMORY;
    }
    *resource = (struct fake_gpu_resource){
        .id = m.resource_id,
        .format = m.format,
        .width = m.width,
        .height = m.height,
        .pixels = calloc(m.height, (size_t)m.width * 4),
    };
    return OK;
}

static uint32_t unref(const struct command *c)
{
    struct bg_virtio_gpu_resource_request m;
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    fake_gpu_require(c->fake, !resource->is_mapped, "a mapped blob is unreferenced");
    free_resource(c->fake, resource);
    return OK;
}

/* The array behind a request's fixed part. */
static uint32_t take_entries(const struct command *c, size_t header, uint32_t count,
                             struct fake_gpu_resource *resource)
{
    size_t size = (size_t)count * sizeof(struct bg_virtio_gpu_mem_entry);

    if (!fake_gpu_require(c->fake, c->request->in_size == header + size,
                          "another number of entries than is told")) {
        return UNSPEC;
    }
    resource->entries = malloc(size ? size : 1);
    memcpy(resource->entries, c->request->in + header, size);
    resource->entry_count = count;
    for (uint32_t i = 0; i < count; i++) {
        fake_gpu_require(c->fake, resource->entries[i].length != 0, "an empty entry");
    }
    return OK;
}

static uint32_t attach_backing(const struct command *c)
{
    struct bg_virtio_gpu_resource_attach_backing m;
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    return resource->entries != NULL ? UNSPEC : take_entries(c, sizeof(m), m.nr_entries, resource);
}

static uint32_t detach_backing(const struct command *c)
{
    struct bg_virtio_gpu_resource_request m;
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (resource->entries == NULL) {
        return UNSPEC;
    }
    free(resource->entries);
    resource->entries = NULL;
    resource->entry_count = 0;
    return OK;
}

bool fake_gpu_is_inside(const struct bg_virtio_gpu_rect *r, uint32_t width, uint32_t height)
{
    return (uint64_t)r->x + r->width <= width && (uint64_t)r->y + r->height <= height;
}

static uint32_t transfer_2d(const struct command *c)
{
    struct bg_virtio_gpu_transfer_to_host_2d m;
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    fake_gpu_require(c->fake, resource->blob_memory == 0, "a blob is transferred in 2D");
    if (resource->entries == NULL || resource->pixels == NULL) {
        return UNSPEC;
    }
    if (!fake_gpu_is_inside(&m.r, resource->width, resource->height)) {
        return BAD_PARAMETER;
    }
    for (uint32_t y = 0; y < m.r.height; y++) {
        size_t to = ((size_t)(m.r.y + y) * resource->width + m.r.x) * 4;

        if (!fake_gpu_read_backing(resource, m.offset + (uint64_t)y * resource->width * 4,
                                   resource->pixels + to, (size_t)m.r.width * 4)) {
            return BAD_PARAMETER;
        }
    }
    return OK;
}

static uint32_t assign_uuid(const struct command *c)
{
    struct bg_virtio_gpu_resource_request m;
    struct bg_virtio_gpu_resp_resource_uuid a = {0};

    if (!fake_gpu_take(c, &m, sizeof(m)) ||
        !fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_RESOURCE_UUID)) {
        return UNSPEC;
    }
    if (fake_gpu_find_resource(c->fake, m.resource_id) == NULL) {
        return BAD_RESOURCE;
    }
    for (unsigned i = 0; i < BG_VIRTIO_GPU_UUID_SIZE; i++) {
        a.uuid[i] = (uint8_t)(m.resource_id * 16 + i);
    }
    return answer(c, BG_VIRTIO_GPU_RESP_OK_RESOURCE_UUID, &a, sizeof(a));
}

/* ---- Scanouts ---- */

static uint32_t display_info(const struct command *c)
{
    struct bg_virtio_gpu_resp_display_info a = {0};

    for (unsigned i = 0; i < BG_VIRTIO_GPU_MAX_SCANOUTS; i++) {
        a.pmodes[i] = c->fake->scanouts[i].info;
    }
    return answer(c, BG_VIRTIO_GPU_RESP_OK_DISPLAY_INFO, &a, sizeof(a));
}

static uint32_t scanout_count(const struct command *c)
{
    struct bg_virtio_gpu_config config = {0};

    memcpy(&config, c->fake->virtio.config, c->fake->virtio.config_size);
    return config.num_scanouts;
}

static uint32_t get_edid(const struct command *c)
{
    struct bg_virtio_gpu_get_edid m;
    struct bg_virtio_gpu_resp_edid a = {0};

    if (!fake_gpu_take(c, &m, sizeof(m)) || !fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_EDID)) {
        return UNSPEC;
    }
    if (m.scanout >= scanout_count(c)) {
        return BAD_PARAMETER;
    }
    a.size = c->fake->edid_size;
    memcpy(a.edid, c->fake->edid, sizeof(a.edid));
    return answer(c, BG_VIRTIO_GPU_RESP_OK_EDID, &a, sizeof(a));
}

static void attach_scanout(struct fake_gpu_scanout *scanout, uint32_t resource_id,
                           const struct bg_virtio_gpu_rect *rect)
{
    scanout->resource_id = resource_id;
    scanout->rect = *rect;
    free(scanout->shown);
    scanout->shown = calloc(rect->height, (size_t)rect->width * 4);
}

static uint32_t set_scanout(const struct command *c)
{
    struct bg_virtio_gpu_set_scanout m;
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    if (m.scanout_id >= scanout_count(c)) {
        return BAD_SCANOUT;
    }
    if (m.resource_id == 0) {
        c->fake->scanouts[m.scanout_id].resource_id = 0;
        return OK;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL || resource->blob_memory != 0) {
        return BAD_RESOURCE;
    }
    if (!fake_gpu_is_inside(&m.r, resource->width, resource->height) || m.r.width == 0 ||
        m.r.height == 0) {
        return BAD_PARAMETER;
    }
    attach_scanout(&c->fake->scanouts[m.scanout_id], m.resource_id, &m.r);
    return OK;
}

static uint32_t set_scanout_blob(const struct command *c)
{
    struct bg_virtio_gpu_set_scanout_blob m;
    struct fake_gpu_resource *resource;
    struct fake_gpu_scanout *scanout;

    if (!fake_gpu_take(c, &m, sizeof(m)) ||
        !fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_RESOURCE_BLOB)) {
        return UNSPEC;
    }
    if (m.scanout_id >= scanout_count(c)) {
        return BAD_SCANOUT;
    }
    scanout = &c->fake->scanouts[m.scanout_id];
    if (m.resource_id == 0) {
        scanout->resource_id = 0;
        return OK;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL || resource->blob_memory == 0) {
        return BAD_RESOURCE;
    }
    if (!fake_gpu_is_inside(&m.r, m.width, m.height) || m.strides[0] < m.width * 4 ||
        m.r.width == 0 || m.offsets[0] + (uint64_t)m.strides[0] * m.height > resource->blob_size) {
        return BAD_PARAMETER;
    }
    attach_scanout(scanout, m.resource_id, &m.r);
    scanout->layout = (struct bg_virtio_gpu_blob_layout){
        .width = m.width, .height = m.height, .format = m.format};
    memcpy(scanout->layout.strides, m.strides, sizeof(m.strides));
    memcpy(scanout->layout.offsets, m.offsets, sizeof(m.offsets));
    return OK;
}

/* A pixel of a resource as the host has it, at the scanout's coordinates. */
static uint32_t read_pixel(const struct fake_gpu_resource *resource,
                           const struct fake_gpu_scanout *scanout, uint32_t x, uint32_t y)
{
    uint32_t pixel = 0;

    if (resource->blob_memory == 0) {
        memcpy(&pixel, resource->pixels + ((size_t)y * resource->width + x) * 4, 4);
    } else {
        fake_gpu_read_backing(
            resource, scanout->layout.offsets[0] + (uint64_t)y * scanout->layout.strides[0] + x * 4,
            &pixel, 4);
    }
    return pixel;
}

static void show(struct fake_gpu_scanout *scanout, const struct fake_gpu_resource *resource,
                 const struct bg_virtio_gpu_rect *flushed)
{
    uint32_t format = resource->blob_memory ? scanout->layout.format : resource->format;

    for (uint32_t y = 0; y < scanout->rect.height; y++) {
        for (uint32_t x = 0; x < scanout->rect.width; x++) {
            uint32_t at_x = scanout->rect.x + x, at_y = scanout->rect.y + y;
            struct bg_virtio_gpu_color color;

            if (at_x - flushed->x >= flushed->width || at_y - flushed->y >= flushed->height) {
                continue;
            }
            color = bg_virtio_gpu_color_of(format, read_pixel(resource, scanout, at_x, at_y));
            scanout->shown[(size_t)y * scanout->rect.width + x] =
                (uint32_t)color.red << 16 | (uint32_t)color.green << 8 | color.blue;
        }
    }
}

static uint32_t flush(const struct command *c)
{
    struct bg_virtio_gpu_resource_flush m;
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    if (resource->blob_memory == 0 &&
        !fake_gpu_is_inside(&m.r, resource->width, resource->height)) {
        return BAD_PARAMETER;
    }
    for (unsigned i = 0; i < BG_VIRTIO_GPU_MAX_SCANOUTS; i++) {
        if (c->fake->scanouts[i].resource_id == m.resource_id) {
            show(&c->fake->scanouts[i], resource, &m.r);
        }
    }
    return OK;
}

uint32_t fake_gpu_shown(const struct fake_gpu *fake, uint32_t scanout, uint32_t x, uint32_t y)
{
    const struct fake_gpu_scanout *s = &fake->scanouts[scanout];

    return s->resource_id ? s->shown[(size_t)y * s->rect.width + x] : 0;
}

/* ---- Capability sets ---- */

static uint32_t capset_info(const struct command *c)
{
    struct bg_virtio_gpu_get_capset_info m;
    struct bg_virtio_gpu_resp_capset_info a = {0};

    if (!fake_gpu_take(c, &m, sizeof(m)) ||
        !fake_gpu_require(c->fake, m.capset_index < FAKE_GPU_CAPSETS,
                          "a capset beyond the count")) {
        return BAD_PARAMETER;
    }
    a.capset_id = m.capset_index + BG_VIRTIO_GPU_CAPSET_VIRGL;
    a.capset_max_version = m.capset_index + 1;
    a.capset_max_size = m.capset_index ? 3 * FAKE_GPU_CAPSET_SIZE : FAKE_GPU_CAPSET_SIZE;
    return answer(c, BG_VIRTIO_GPU_RESP_OK_CAPSET_INFO, &a, sizeof(a));
}

static uint32_t get_capset(const struct command *c)
{
    struct bg_virtio_gpu_get_capset m;
    size_t size;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    if (m.capset_id < 1 || m.capset_id > FAKE_GPU_CAPSETS || m.capset_version > m.capset_id) {
        return BAD_PARAMETER;
    }
    size = m.capset_id > 1 ? 3 * FAKE_GPU_CAPSET_SIZE : FAKE_GPU_CAPSET_SIZE;
    if (c->request->out_size - sizeof(*c->hdr) < size) { /* QEMU gives what fits */
        size = c->request->out_size - sizeof(*c->hdr);
    }
    for (size_t i = 0; i < size; i++) {
        c->request->out[sizeof(*c->hdr) + i] = (uint8_t)(m.capset_id + i);
    }
    *c->written = (uint32_t)(sizeof(*c->hdr) + size);
    return BG_VIRTIO_GPU_RESP_OK_CAPSET;
}

/* ---- Blobs ---- */

static uint32_t create_blob(const struct command *c)
{
    struct bg_virtio_gpu_resource_create_blob m;
    struct fake_gpu_resource *resource;
    uint32_t error;

    if (!fake_gpu_take(c, &m, sizeof(m)) ||
        !fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_RESOURCE_BLOB)) {
        return UNSPEC;
    }
    resource = fake_gpu_new_resource(c->fake, m.resource_id, &error);
    if (resource == NULL) {
        return error;
    }
    fake_gpu_require(c->fake,
                     !fake_gpu_has(c, BG_VIRTIO_GPU_F_BLOB_ALIGNMENT) || m.size % 8192 == 0,
                     "a blob's size is not aligned");
    if (m.blob_mem < BG_VIRTIO_GPU_BLOB_MEM_GUEST ||
        m.blob_mem > BG_VIRTIO_GPU_BLOB_MEM_HOST3D_GUEST || m.size > PICTURE_MAX) {
        return BAD_PARAMETER;
    }
    if (m.blob_mem != BG_VIRTIO_GPU_BLOB_MEM_GUEST &&
        (!fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_VIRGL) ||
         fake_gpu_find_context(c->fake, c->hdr->ctx_id) == NULL)) {
        return BAD_CONTEXT;
    }
    error = take_entries(c, sizeof(m), m.nr_entries, resource);
    if (error != OK) {
        return error;
    }
    resource->id = m.resource_id;
    resource->blob_memory = m.blob_mem;
    resource->blob_size = m.size;
    if (m.blob_mem != BG_VIRTIO_GPU_BLOB_MEM_GUEST) {
        resource->host_memory = calloc(1, m.size);
    }
    if (m.nr_entries == 0) {
        free(resource->entries);
        resource->entries = NULL;
    }
    return OK;
}

static uint32_t map_blob(const struct command *c)
{
    struct bg_virtio_gpu_resource_map_blob m;
    struct bg_virtio_gpu_resp_map_info a = {.map_info = c->fake->map_cache};
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m)) ||
        !fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_RESOURCE_BLOB)) {
        return UNSPEC;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL || resource->host_memory == NULL) {
        return BAD_RESOURCE;
    }
    fake_gpu_require(c->fake,
                     !fake_gpu_has(c, BG_VIRTIO_GPU_F_BLOB_ALIGNMENT) || m.offset % 8192 == 0,
                     "a mapping's offset is not aligned");
    if (!fake_gpu_require(c->fake, !resource->is_mapped, "a blob is mapped twice")) {
        return BAD_PARAMETER;
    }
    if (m.offset > FAKE_GPU_REGION_SIZE || FAKE_GPU_REGION_SIZE - m.offset < resource->blob_size) {
        return BAD_PARAMETER;
    }
    resource->is_mapped = true;
    resource->map_offset = m.offset;
    memcpy(c->fake->region + m.offset, resource->host_memory, resource->blob_size);
    return answer(c, BG_VIRTIO_GPU_RESP_OK_MAP_INFO, &a, sizeof(a));
}

static uint32_t unmap_blob(const struct command *c)
{
    struct bg_virtio_gpu_resource_request m;
    struct fake_gpu_resource *resource;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL || !resource->is_mapped) {
        return BAD_RESOURCE;
    }
    memcpy(resource->host_memory, c->fake->region + resource->map_offset, resource->blob_size);
    resource->is_mapped = false;
    return OK;
}

/* ---- Cursor ---- */

static uint32_t cursor(const struct command *c)
{
    struct bg_virtio_gpu_update_cursor m;
    struct fake_gpu_scanout *scanout;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    if (m.pos.scanout_id >= scanout_count(c)) {
        return BAD_SCANOUT;
    }
    scanout = &c->fake->scanouts[m.pos.scanout_id];
    if (c->hdr->type == BG_VIRTIO_GPU_CMD_MOVE_CURSOR) {
        scanout->cursor.pos = m.pos;
        return OK;
    }
    scanout->cursor = m;
    scanout->has_cursor = m.resource_id != 0;
    if (m.resource_id != 0) {
        struct fake_gpu_resource *resource = fake_gpu_find_resource(c->fake, m.resource_id);

        if (resource == NULL || resource->pixels == NULL) {
            return BAD_RESOURCE;
        }
        if (!fake_gpu_require(c->fake,
                              resource->width == BG_VIRTIO_GPU_CURSOR_SIZE &&
                                  resource->height == BG_VIRTIO_GPU_CURSOR_SIZE,
                              "a cursor of another size than 64 x 64")) {
            return BAD_PARAMETER;
        }
        memcpy(scanout->cursor_pixels, resource->pixels, sizeof(scanout->cursor_pixels));
    }
    return OK;
}

/* ---- All ---- */

void fake_gpu_forget(struct fake_gpu *fake)
{
    for (unsigned i = 0; i < FAKE_GPU_RESOURCES_MAX; i++) {
        free_resource(fake, &fake->resources[i]);
    }
    for (unsigned i = 0; i < FAKE_GPU_CONTEXTS_MAX; i++) {
        free(fake->contexts[i].commands);
        memset(&fake->contexts[i], 0, sizeof(fake->contexts[i]));
    }
    for (unsigned i = 0; i < BG_VIRTIO_GPU_MAX_SCANOUTS; i++) {
        free(fake->scanouts[i].shown);
        fake->scanouts[i].shown = NULL;
        fake->scanouts[i].resource_id = 0;
        fake->scanouts[i].has_cursor = false;
    }
    memset(fake->held_count, 0, sizeof(fake->held_count));
}

/* 5.7.4.1: what was written to events_clear goes out of events_read. */
static void clear_events(struct fake_gpu *fake)
{
    struct bg_virtio_gpu_config config = {0};

    memcpy(&config, fake->virtio.config, fake->virtio.config_size);
    config.events_read &= ~config.events_clear;
    config.events_clear = 0;
    memcpy(fake->virtio.config, &config, fake->virtio.config_size);
}

static uint32_t execute_2d(const struct command *c)
{
    switch (c->hdr->type) {
    case BG_VIRTIO_GPU_CMD_GET_DISPLAY_INFO:
        return display_info(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_2D:
        return create_2d(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_UNREF:
        return unref(c);
    case BG_VIRTIO_GPU_CMD_SET_SCANOUT:
        return set_scanout(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_FLUSH:
        return flush(c);
    case BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D:
        return transfer_2d(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING:
        return attach_backing(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING:
        return detach_backing(c);
    case BG_VIRTIO_GPU_CMD_GET_CAPSET_INFO:
        return capset_info(c);
    case BG_VIRTIO_GPU_CMD_GET_CAPSET:
        return get_capset(c);
    case BG_VIRTIO_GPU_CMD_GET_EDID:
        return get_edid(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_ASSIGN_UUID:
        return assign_uuid(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB:
        return create_blob(c);
    case BG_VIRTIO_GPU_CMD_SET_SCANOUT_BLOB:
        return set_scanout_blob(c);
    default:
        fake_gpu_require(c->fake, false, "an unknown command");
        return UNSPEC;
    }
}

uint32_t fake_gpu_execute(struct fake_gpu *fake, const struct bg_virtio_gpu_ctrl_hdr *hdr,
                          const struct fake_virtio_request *request, uint32_t *written)
{
    const struct command c = {fake, hdr, request, written};

    clear_events(fake);
    switch (hdr->type) {
    case BG_VIRTIO_GPU_CMD_CTX_CREATE:
    case BG_VIRTIO_GPU_CMD_CTX_DESTROY:
    case BG_VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE:
    case BG_VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE:
    case BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_3D:
    case BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D:
    case BG_VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D:
    case BG_VIRTIO_GPU_CMD_SUBMIT_3D:
        return fake_gpu_execute_3d(&c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB:
        return map_blob(&c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB:
        return unmap_blob(&c);
    case BG_VIRTIO_GPU_CMD_UPDATE_CURSOR:
    case BG_VIRTIO_GPU_CMD_MOVE_CURSOR:
        return cursor(&c);
    default:
        return execute_2d(&c);
    }
}
