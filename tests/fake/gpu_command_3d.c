/* SPDX-License-Identifier: BSD-2-Clause */
/* The 3D commands of the fake GPU: virtio 1.4, 5.7.6.9. */
#include <stdlib.h>
#include <string.h>

#include "tests/fake/gpu_command.h"

struct fake_gpu_context *fake_gpu_find_context(struct fake_gpu *fake, uint32_t id)
{
    for (unsigned i = 0; id != 0 && i < FAKE_GPU_CONTEXTS_MAX; i++) {
        if (fake->contexts[i].id == id) {
            return &fake->contexts[i];
        }
    }
    return NULL;
}

static uint32_t ctx_create(const struct command *c)
{
    struct bg_virtio_gpu_ctx_create m;

    if (!fake_gpu_take(c, &m, sizeof(m)) || !fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_VIRGL)) {
        return UNSPEC;
    }
    fake_gpu_require(c->fake, m.context_init == 0 || fake_gpu_has(c, BG_VIRTIO_GPU_F_CONTEXT_INIT),
                     "context_init without its feature");
    fake_gpu_require(c->fake, m.nlen <= BG_VIRTIO_GPU_DEBUG_NAME_MAX, "a name that is too long");
    if (c->hdr->ctx_id == 0 || fake_gpu_find_context(c->fake, c->hdr->ctx_id) != NULL) {
        return BAD_CONTEXT;
    }
    for (unsigned i = 0; i < FAKE_GPU_CONTEXTS_MAX; i++) {
        struct fake_gpu_context *context = &c->fake->contexts[i];

        if (context->id == 0) {
            context->id = c->hdr->ctx_id;
            context->context_init = m.context_init;
            context->name_length = m.nlen;
            memcpy(context->name, m.debug_name, sizeof(context->name));
            return OK;
        }
    }
    return NO_MEMORY;
}

static uint32_t ctx_destroy(const struct command *c)
{
    struct fake_gpu_context *context = fake_gpu_find_context(c->fake, c->hdr->ctx_id);

    if (context == NULL) {
        return BAD_CONTEXT;
    }
    free(context->commands);
    memset(context, 0, sizeof(*context));
    return OK;
}

static uint32_t ctx_resource(const struct command *c)
{
    struct bg_virtio_gpu_resource_request m;
    struct fake_gpu_context *context = fake_gpu_find_context(c->fake, c->hdr->ctx_id);
    struct fake_gpu_resource *resource;
    uint32_t bit;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    if (context == NULL) {
        return BAD_CONTEXT;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL) {
        return BAD_RESOURCE;
    }
    bit = 1u << (context - c->fake->contexts);
    if (c->hdr->type == BG_VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE) {
        resource->contexts |= bit;
    } else {
        resource->contexts &= ~bit;
    }
    return OK;
}

/* Only two-dimensional pictures of one level. */
static uint32_t create_3d(const struct command *c)
{
    struct bg_virtio_gpu_resource_create_3d m;
    struct fake_gpu_resource *resource;
    uint32_t error;

    if (!fake_gpu_take(c, &m, sizeof(m)) || !fake_gpu_require_feature(c, BG_VIRTIO_GPU_F_VIRGL)) {
        return UNSPEC;
    }
    resource = fake_gpu_new_resource(c->fake, m.resource_id, &error);
    if (resource == NULL) {
        return error;
    }
    if (m.width == 0 || m.height == 0 || m.depth != 1 || m.array_size != 1 || m.last_level != 0 ||
        (uint64_t)m.width * m.height * 4 > PICTURE_MAX) {
        return BAD_PARAMETER;
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

static uint32_t transfer_3d(const struct command *c)
{
    struct bg_virtio_gpu_transfer_host_3d m;
    struct fake_gpu_resource *resource;
    struct bg_virtio_gpu_rect r;
    uint64_t stride;

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    if (c->hdr->ctx_id != 0 && fake_gpu_find_context(c->fake, c->hdr->ctx_id) == NULL) {
        return BAD_CONTEXT;
    }
    resource = fake_gpu_find_resource(c->fake, m.resource_id);
    if (resource == NULL || resource->pixels == NULL || resource->entries == NULL) {
        return BAD_RESOURCE;
    }
    r = (struct bg_virtio_gpu_rect){m.box.x, m.box.y, m.box.w, m.box.h};
    if (!fake_gpu_is_inside(&r, resource->width, resource->height) || m.box.z != 0 ||
        m.box.d != 1 || m.level != 0) {
        return BAD_PARAMETER;
    }
    stride = m.stride ? m.stride : (uint64_t)r.width * 4;
    for (uint32_t y = 0; y < r.height; y++) {
        uint8_t *pixels = resource->pixels + ((size_t)(r.y + y) * resource->width + r.x) * 4;
        bool is_good =
            c->hdr->type == BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D
                ? fake_gpu_read_backing(resource, m.offset + y * stride, pixels, r.width * 4)
                : fake_gpu_write_backing(resource, m.offset + y * stride, pixels, r.width * 4);

        if (!is_good) {
            return BAD_PARAMETER;
        }
    }
    return OK;
}

static uint32_t submit_3d(const struct command *c)
{
    struct bg_virtio_gpu_cmd_submit m;
    struct fake_gpu_context *context = fake_gpu_find_context(c->fake, c->hdr->ctx_id);

    if (!fake_gpu_take(c, &m, sizeof(m))) {
        return UNSPEC;
    }
    if (context == NULL) {
        return BAD_CONTEXT;
    }
    if (!fake_gpu_require(c->fake, c->request->in_size == sizeof(m) + (size_t)m.size,
                          "another size of commands than is told")) {
        return BAD_PARAMETER;
    }
    free(context->commands);
    context->commands = malloc(m.size + 1);
    context->commands_size = m.size;
    memcpy(context->commands, c->request->in + sizeof(m), m.size);
    return OK;
}

uint32_t fake_gpu_execute_3d(const struct command *c)
{
    switch (c->hdr->type) {
    case BG_VIRTIO_GPU_CMD_CTX_CREATE:
        return ctx_create(c);
    case BG_VIRTIO_GPU_CMD_CTX_DESTROY:
        return ctx_destroy(c);
    case BG_VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE:
    case BG_VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE:
        return ctx_resource(c);
    case BG_VIRTIO_GPU_CMD_RESOURCE_CREATE_3D:
        return create_3d(c);
    case BG_VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D:
    case BG_VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D:
        return transfer_3d(c);
    case BG_VIRTIO_GPU_CMD_SUBMIT_3D:
        return submit_3d(c);
    default:
        return UNSPEC;
    }
}
