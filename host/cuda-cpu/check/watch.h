/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device tells a check of a kernel that runs. All from the one thread that runs it. */
#ifndef CUDA_CPU_CHECK_WATCH_H
#define CUDA_CPU_CHECK_WATCH_H

#include "host/cuda-cpu/check/check.h"
#include "host/cuda-cpu/device/places.h"
#include "host/cuda-cpu/device/warp.h"

struct check_block;

/* Must stay until the launch ends. */
struct check_launch {
    const char *kernel, *file; /* file: the PTX's name; NULL: it has none */
    const struct places *places;
    const uint32_t *grid, *block;
    const void *params;
    uint64_t param_size, shared_size, local_size;
};

/* Others who use the check wait until the end. */
void check_begin(struct check *check, const struct check_launch *launch);
void check_end(struct check *check);

/* Room for a block, which is used for one after the other; its warps are connected each. NULL: no
 * memory. */
struct check_block *check_block_create(struct check *check, const void *shared, const void *local,
                                       uint64_t local_stride, uint32_t warps);
void check_block_destroy(struct check_block *block);
struct check_warp *check_block_warp(struct check_block *block, struct warp *warp);

/* Its threads begin. */
void check_block_begin(struct check_block *block, const uint32_t ctaid[3]);

/* The warp comes to a barrier, at which it waits or not; it goes on behind it, and all of the block
 * were to come or a number of threads; all have. */
void check_arrive(struct check_warp *warp, uint32_t barrier, bool waits);
void check_leave(struct check_warp *warp, uint32_t barrier, bool is_of_all);
void check_barrier_done(struct check_block *block, uint32_t barrier);

/* The warp has left the kernel. */
void check_exit(struct check_warp *warp);

/* These lanes wait for ever, at a barrier or for lanes of their warp. */
void check_stuck(struct check_warp *warp, bool at_barrier, uint32_t lanes);

/* As access_gather and so on; what is wrong reads zeros and is not written. */
void check_gather(struct warp *warp, void *values, const uint64_t *addresses, uint32_t mask,
                  uint32_t access, uint32_t site);
uint32_t check_reach(struct warp *warp, uint64_t first, uint32_t access, uint32_t site,
                     uint32_t count);
void check_scatter(struct warp *warp, const void *values, const uint64_t *addresses, uint32_t mask,
                   uint32_t access, uint32_t site);

/* The lanes whose atomic may be done. */
uint32_t check_atomic(struct warp *warp, const uint64_t *addresses, uint32_t mask, uint32_t size,
                      uint32_t operation, uint32_t site);

/* The lanes that may touch what is no access of theirs; what is wrong is reported. */
uint32_t check_allow(struct warp *warp, const uint64_t *addresses, uint32_t mask, uint32_t size,
                     bool write, uint32_t site);

/* Reports what is wrong without an address. */
void check_refuse(struct warp *warp, const char *what, uint32_t lanes, uint32_t site);

/* Bytes of each lane's local memory, from this offset on, are an argument or a result now. */
void check_handed_over(struct check_warp *warp, uint64_t offset, uint64_t size, uint32_t lanes);

/* Lanes look at mbarriers, or arrive at them: what is behind is ordered. */
void check_mbarrier(struct check_warp *warp, const uint64_t *addresses, uint32_t mask, bool waits);

/* Asynchronous copies have begun: of a lane's group; of one whose bytes an mbarrier counts, which
 * it names next. A wait at the mbarrier was over. */
void check_copy(struct warp *warp, const uint64_t *to, uint32_t mask, uint32_t size);
void check_copy_bulk(struct warp *warp, uint32_t lane, uint64_t to, uint64_t size);
void check_copy_counts(struct check_warp *warp, uint32_t lane, uint64_t mbarrier);
void check_copies_over(struct check_warp *warp, uint64_t mbarrier);

void check_event(struct warp *warp, uint32_t event, const uint32_t *named, uint32_t lanes,
                 uint32_t site);

#endif
