/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio-gpu device in memory behind fake_virtio: all 26 commands, the pictures that its scanouts
 * show, fences that pass when the test says so, and answers that a driver has to survive.
 */
#ifndef TESTS_FAKE_GPU_H
#define TESTS_FAKE_GPU_H

#include "baregpu/virtio_gpu_command.h"
#include "tests/fake/virtio.h"

#define FAKE_GPU_RESOURCES_MAX 64
#define FAKE_GPU_CONTEXTS_MAX 16
#define FAKE_GPU_CAPSETS 2
#define FAKE_GPU_CAPSET_SIZE 308 /* of the first; the second is three times as long */
#define FAKE_GPU_LOG_MAX 512
#define FAKE_GPU_HELD_MAX 256
#define FAKE_GPU_REGION_SIZE 65536

/* All features that a GPU may have. */
#define FAKE_GPU_FEATURES                                                                          \
    (BG_VIRTIO_GPU_F_VIRGL | BG_VIRTIO_GPU_F_EDID | BG_VIRTIO_GPU_F_RESOURCE_UUID |                \
     BG_VIRTIO_GPU_F_RESOURCE_BLOB | BG_VIRTIO_GPU_F_CONTEXT_INIT |                                \
     BG_VIRTIO_GPU_F_BLOB_ALIGNMENT)

/* What is wrong with the next answer. */
enum fake_gpu_misbehaviour {
    FAKE_GPU_GOOD,
    FAKE_GPU_EMPTY,        /* 0 bytes */
    FAKE_GPU_CUT_HEADER,   /* 23 bytes */
    FAKE_GPU_CUT,          /* one byte less than the answer has; a bare header: as CUT_HEADER */
    FAKE_GPU_WRONG_TYPE,   /* another VIRTIO_GPU_RESP_OK_* */
    FAKE_GPU_COMMAND_TYPE, /* the request's own type */
    FAKE_GPU_ZERO_TYPE,
    FAKE_GPU_WRONG_FENCE,
    FAKE_GPU_NO_FENCE,    /* the flag is missing */
    FAKE_GPU_LONG_EDID,   /* more bytes than there is room for */
    FAKE_GPU_NOT_WRITTEN, /* as long as it should be, and nothing in it */
    FAKE_GPU_ERROR,       /* the type in `error` */
    FAKE_GPU_SILENCE,     /* never; fake_gpu_retire_all brings it late */
    FAKE_GPU_MISBEHAVIOURS,
};

struct fake_gpu_resource {
    uint32_t id; /* 0: free */
    uint32_t format, width, height;
    uint8_t *pixels; /* of a 2D or 3D resource: the host's copy */
    struct bg_virtio_gpu_mem_entry *entries;
    uint32_t entry_count;
    uint32_t blob_memory; /* 0: none */
    uint64_t blob_size;
    uint8_t *host_memory; /* of a blob with host memory */
    bool is_mapped;
    uint64_t map_offset;
    uint32_t contexts; /* attached to, bit by bit of their places */
};

struct fake_gpu_context {
    uint32_t id; /* 0: free */
    uint32_t context_init;
    uint32_t name_length;
    char name[BG_VIRTIO_GPU_DEBUG_NAME_MAX];
    uint8_t *commands; /* of the last SUBMIT_3D */
    uint32_t commands_size;
};

struct fake_gpu_scanout {
    struct bg_virtio_gpu_display_one info;
    uint32_t resource_id;
    struct bg_virtio_gpu_rect rect;
    struct bg_virtio_gpu_blob_layout layout; /* of a blob */
    uint32_t *shown;                         /* the picture, as of the last flushes; rect's size */
    struct bg_virtio_gpu_update_cursor cursor;
    uint32_t cursor_pixels[BG_VIRTIO_GPU_CURSOR_SIZE * BG_VIRTIO_GPU_CURSOR_SIZE];
    bool has_cursor;
};

struct fake_gpu {
    struct fake_virtio virtio;
    /* To be set at any time. */
    enum fake_gpu_misbehaviour misbehaviour; /* of the next answer, then GOOD */
    uint32_t error;                          /* enum bg_virtio_gpu_ctrl_type */
    unsigned after;                          /* answers that are good before that */
    bool holds_fences;                       /* fenced commands are answered by fake_gpu_retire */
    uint32_t held_type;    /* as holds_fences, for all commands of this type; 0: none */
    uint32_t refused_type; /* commands of this type are answered with `error`; 0: none */
    bool is_silent_cursor; /* cursor commands are answered with 0 bytes, as QEMU does */
    uint8_t edid[BG_VIRTIO_GPU_EDID_MAX];
    uint32_t edid_size;
    uint32_t map_cache; /* VIRTIO_GPU_MAP_CACHE_* */
    /* To look at. */
    struct fake_gpu_resource resources[FAKE_GPU_RESOURCES_MAX];
    struct fake_gpu_context contexts[FAKE_GPU_CONTEXTS_MAX];
    struct fake_gpu_scanout scanouts[BG_VIRTIO_GPU_MAX_SCANOUTS];
    uint32_t log[FAKE_GPU_LOG_MAX];     /* types of the requests, the first ones */
    struct bg_virtio_gpu_ctrl_hdr last; /* header of the last request */
    unsigned log_count;
    unsigned violations; /* requests that a driver must not send; printed */
    uint8_t region[FAKE_GPU_REGION_SIZE] __attribute__((aligned(4096))); /* host-visible */
    /* Private: the requests that fake_virtio holds, by queue, in their order. */
    struct fake_gpu_held {
        uint32_t written, ctx_id;
        uint16_t ring;
        uint64_t fence_id;
        bool is_silent;
    } held[BG_VIRTIO_GPU_QUEUE_COUNT][FAKE_GPU_HELD_MAX];
    unsigned held_count[BG_VIRTIO_GPU_QUEUE_COUNT];
    unsigned resets_seen;
};

/* A device with these features (VIRTIO_GPU_F_* and VIRTIO_F_*), scanouts of 640 x 480, the first
 * one enabled; queues as QEMU's, 64 and 16 entries. */
void fake_gpu_init(struct fake_gpu *fake, uint64_t features, uint32_t scanout_count);
void fake_gpu_end(struct fake_gpu *fake);

/* The window of a scanout is resized: configuration and event. 0 x 0 disables it. */
void fake_gpu_resize(struct fake_gpu *fake, uint32_t scanout, uint32_t width, uint32_t height);

/* Answers the held fenced commands of a timeline up to and with `fence_id`, in their order. Returns
 * how many. `ring` is BG_VIRTIO_GPU_NO_RING or a ring. */
unsigned fake_gpu_retire(struct fake_gpu *fake, uint32_t ctx_id, uint16_t ring, uint64_t fence_id);

/* Answers the control command that is held as number `number`, before those ahead of it. */
void fake_gpu_retire_one(struct fake_gpu *fake, unsigned number);

/* Answers everything that is held, silent ones too. */
unsigned fake_gpu_retire_all(struct fake_gpu *fake);

struct fake_gpu_resource *fake_gpu_find_resource(struct fake_gpu *fake, uint32_t id);
struct fake_gpu_context *fake_gpu_find_context(struct fake_gpu *fake, uint32_t id);

/* Red, green, blue of what a scanout shows: 0xRRGGBB. */
uint32_t fake_gpu_shown(const struct fake_gpu *fake, uint32_t scanout, uint32_t x, uint32_t y);

/* How many requests of this type there were. */
unsigned fake_gpu_count(const struct fake_gpu *fake, uint32_t type);

#endif
