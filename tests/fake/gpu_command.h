/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of the fake GPU. */
#ifndef TESTS_FAKE_GPU_COMMAND_H
#define TESTS_FAKE_GPU_COMMAND_H

#include "tests/fake/gpu.h"

#define OK BG_VIRTIO_GPU_RESP_OK_NODATA
#define BAD_RESOURCE BG_VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define BAD_SCANOUT BG_VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID
#define BAD_CONTEXT BG_VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID
#define BAD_PARAMETER BG_VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define UNSPEC BG_VIRTIO_GPU_RESP_ERR_UNSPEC
#define NO_MEMORY BG_VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY

#define PICTURE_MAX (64u << 20) /* bytes: what this device has memory for */
#define PAGE 4096u

/* What a command works on. */
struct command {
    struct fake_gpu *fake;
    const struct bg_virtio_gpu_ctrl_hdr *hdr;
    const struct fake_virtio_request *request;
    uint32_t *written;
};

/* Counts and prints what a driver must not do. */
bool fake_gpu_require(struct fake_gpu *fake, bool condition, const char *text);

/* Copies the fixed part of a request; false when it is shorter. */
bool fake_gpu_take(const struct command *c, void *message, size_t size);

bool fake_gpu_require_feature(const struct command *c, uint64_t feature);
bool fake_gpu_has(const struct command *c, uint64_t feature);

/* A free place for a resource with a new id; NULL and the answer when there is none. */
struct fake_gpu_resource *fake_gpu_new_resource(struct fake_gpu *fake, uint32_t id,
                                                uint32_t *error);

/* The backing lies in pieces. False when it is too small. */
bool fake_gpu_read_backing(const struct fake_gpu_resource *resource, uint64_t offset, void *to,
                           size_t size);
bool fake_gpu_write_backing(const struct fake_gpu_resource *resource, uint64_t offset,
                            const uint8_t *bytes, size_t size);

bool fake_gpu_is_inside(const struct bg_virtio_gpu_rect *r, uint32_t width, uint32_t height);

/* The commands of 5.7.6.9 but for blobs. */
uint32_t fake_gpu_execute_3d(const struct command *c);

/* Carries the request out and writes the answer behind its header. Returns the answer's type and
 * sets *written when it is longer than a header. */
uint32_t fake_gpu_execute(struct fake_gpu *fake, const struct bg_virtio_gpu_ctrl_hdr *hdr,
                          const struct fake_virtio_request *request, uint32_t *written);

/* Frees resources, contexts and pictures: a reset. */
void fake_gpu_forget(struct fake_gpu *fake);

#endif
