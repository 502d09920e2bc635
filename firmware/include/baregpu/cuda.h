/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CUDA driver API for a kernel: NVIDIA's names, types, values and rules (protocol/cuda.h), on
 * the GPUs behind pvgpu and vgpu-stub. docs/cuda.md says what works and what it costs.
 *
 *     bg_pvgpu_open(&gpu, ...);                          a device, as without CUDA
 *     bg_cuda_add_pvgpu(&gpu, memory, sizeof(memory));   it becomes CUdevice 0
 *     cuInit(0);
 *     cuDeviceGet(&device, 0);                           and so on: code for CUDA as it is
 *
 * Files that say #include <cuda.h> find this one with -Ifirmware/include/baregpu.
 *
 * All calls, cu* too, are for one CPU at a time, and not for interrupt handlers: there is one
 * current context, and CU_STREAM_PER_THREAD is one stream. Nothing uses floating-point registers.
 */
#ifndef BAREGPU_CUDA_H
#define BAREGPU_CUDA_H

#include <stdbool.h>
#include <stddef.h>

#include "baregpu/error.h"
#include "baregpu/pvgpu.h"
#include "baregpu/vgpu_stub.h"
#include "protocol/cuda.h"
#include "protocol/decls.h"

BG_BEGIN_DECLS

#define BG_CUDA_DEVICES_MAX 16u

/*
 * Bookkeeping of a device and what is on it: contexts, modules with their tables of kernels,
 * streams, allocations, graphs. This much is needed at least; a module needs about 200 bytes and a
 * name a kernel, an allocation 32, a node of a graph some 300. When it is full, calls return
 * CUDA_ERROR_OUT_OF_MEMORY.
 */
#define BG_CUDA_MEMORY_SIZE_MIN (64u << 10)

/*
 * Makes an open device one more CUdevice, the next in number, before cuInit. From here until
 * bg_cuda_remove_all `memory` belongs to the library, and the device is to be used for nothing that
 * would lose its session: bg_pvgpu_restart, bg_pvgpu_close. Drawing and other computing may go on
 * between CUDA's calls. Of pvgpu's heap a part is taken at cuInit, one sixteenth, or 2 MiB if that
 * is less.
 *
 * Errors: INVALID (memory NULL or too small; after cuInit), NO_SPACE (BG_CUDA_DEVICES_MAX).
 */
int bg_cuda_add_pvgpu(struct bg_pvgpu *gpu, void *memory, size_t size);
int bg_cuda_add_vgpu_stub(struct bg_vgpu_stub *gpu, void *memory, size_t size);

/* Ends all sessions, and forgets devices, handles and options: as if CUDA had never been there. The
 * devices stay open. */
void bg_cuda_remove_all(void);

/*
 * Where text goes that kernels print, and what is said of a failed assertion: `length` bytes, not
 * ended by NUL, at the next call that synchronizes. It must make no call of CUDA. NULL: nowhere,
 * which is so at first.
 */
typedef void bg_cuda_console(void *context, const char *text, size_t length);
void bg_cuda_set_console(bg_cuda_console *write, void *context);

/* Every launch waits for its kernel, and returns what the kernel ended with: for finding the one
 * that fails. False at first. */
void bg_cuda_set_launch_blocking(bool is_blocking);

BG_END_DECLS

#endif
