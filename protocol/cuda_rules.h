/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver API says alike on each of its devices, for those who implement it. */
#ifndef BAREGPU_PROTOCOL_CUDA_RULES_H
#define BAREGPU_PROTOCOL_CUDA_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "cuda.h"
#include "decls.h"

/* ---- Results ---- */

/* A row of the table of results: its name, and a sentence. NULL: there is none. */
struct cuda_result_text {
    CUresult number;
    const char *name, *text;
};

static inline const struct cuda_result_text *cuda_find_result(CUresult number)
{
    static const struct cuda_result_text texts[] = {
#define CUDA_RESULT_TEXTS(name, number, text) {name, #name, text},
        CUDA_RESULTS(CUDA_RESULT_TEXTS)
#undef CUDA_RESULT_TEXTS
    };

    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].number == number) {
            return &texts[i];
        }
    }
    return NULL;
}

/* After these nothing works in the context any more. */
static inline bool cuda_result_ends_context(CUresult result)
{
    switch ((int)result) {
    case CUDA_ERROR_DEINITIALIZED:
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case CUDA_ERROR_CONTAINED:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_EXTERNAL_DEVICE:
    case CUDA_ERROR_UNKNOWN:
        return true;
    default: /* 714 to 719: stack, instruction, alignment, address space, program counter, launch */
        return result >= CUDA_ERROR_HARDWARE_STACK_ERROR && result <= CUDA_ERROR_LAUNCH_FAILED;
    }
}

/* ---- Copies ---- */

/* The box of one slice that a copy of two dimensions is. */
static inline CUDA_MEMCPY3D cuda_box_of(const CUDA_MEMCPY2D *copy)
{
    CUDA_MEMCPY3D box;

    __builtin_memset(&box, 0, sizeof(box));
    box.srcXInBytes = copy->srcXInBytes;
    box.srcY = copy->srcY;
    box.srcMemoryType = copy->srcMemoryType;
    box.srcHost = copy->srcHost;
    box.srcDevice = copy->srcDevice;
    box.srcArray = copy->srcArray;
    box.srcPitch = copy->srcPitch;
    box.dstXInBytes = copy->dstXInBytes;
    box.dstY = copy->dstY;
    box.dstMemoryType = copy->dstMemoryType;
    box.dstHost = copy->dstHost;
    box.dstDevice = copy->dstDevice;
    box.dstArray = copy->dstArray;
    box.dstPitch = copy->dstPitch;
    box.WidthInBytes = copy->WidthInBytes;
    box.Height = copy->Height;
    box.Depth = 1;
    return box;
}

/* Without the contexts of its sides, which stand where it has nothing. */
static inline CUDA_MEMCPY3D cuda_box_of_peer(const CUDA_MEMCPY3D_PEER *copy)
{
    CUDA_MEMCPY3D box;

    BG_STATIC_ASSERT(sizeof(CUDA_MEMCPY3D_PEER) == sizeof(box) &&
                         offsetof(CUDA_MEMCPY3D_PEER, Depth) == offsetof(CUDA_MEMCPY3D, Depth),
                     "the same fields");
    __builtin_memcpy(&box, copy, sizeof(box));
    box.reserved0 = box.reserved1 = NULL;
    return box;
}

/* ---- Launches ---- */

/* What a launch's attributes ask for that a device without clusters can do: sets those two that
 * change something. */
static inline CUresult cuda_read_launch_attribute(const CUlaunchAttribute *attribute,
                                                  bool *is_cooperative, CUevent *event)
{
    const CUlaunchAttributeValue *value = &attribute->value;

    switch (attribute->id) {
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
        *is_cooperative = value->cooperative != 0;
        return CUDA_SUCCESS;
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
        return value->clusterDim.x == 1 && value->clusterDim.y == 1 && value->clusterDim.z == 1
                   ? CUDA_SUCCESS
                   : CUDA_ERROR_NOT_SUPPORTED;
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT:
        *event = value->programmaticEvent.event;
        return CUDA_SUCCESS;
    case CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT:
        *event = value->launchCompletionEvent.event;
        return CUDA_SUCCESS;
    case CU_LAUNCH_ATTRIBUTE_IGNORE:
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
    case CU_LAUNCH_ATTRIBUTE_PRIORITY:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
    case CU_LAUNCH_ATTRIBUTE_PREFERRED_CLUSTER_DIMENSION:
    case CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    case CU_LAUNCH_ATTRIBUTE_NVLINK_UTIL_CENTRIC_SCHEDULING:
        return CUDA_SUCCESS;
    case CU_LAUNCH_ATTRIBUTE_DEVICE_UPDATABLE_KERNEL_NODE:
        return CUDA_ERROR_NOT_SUPPORTED;
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* The same of a kernel's node in a graph, which records no events. */
static inline CUresult cuda_read_node_attribute(CUkernelNodeAttrID id,
                                                const CUkernelNodeAttrValue *value,
                                                bool *is_cooperative)
{
    CUlaunchAttribute attribute;
    CUevent event = NULL;

    attribute.id = id;
    attribute.value = *value;
    return id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT ||
                   id == CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT
               ? CUDA_ERROR_INVALID_VALUE
               : cuda_read_launch_attribute(&attribute, is_cooperative, &event);
}

/* And what it is: 0 but for the one that changes something. */
static inline CUresult cuda_tell_node_attribute(CUkernelNodeAttrID id, bool is_cooperative,
                                                CUkernelNodeAttrValue *value)
{
    bool unused;

    __builtin_memset(value, 0, sizeof(*value));
    if (id == CU_LAUNCH_ATTRIBUTE_COOPERATIVE) {
        value->cooperative = is_cooperative;
    }
    return cuda_read_node_attribute(id, value, &unused) == CUDA_ERROR_INVALID_VALUE
               ? CUDA_ERROR_INVALID_VALUE
               : CUDA_SUCCESS;
}

/* ---- Words that streams write, or wait for ---- */

#define CUDA_BATCH_MAX 255u /* operations of one call */

/* Barriers are there without: what comes first in a stream is seen first. */
static inline CUresult cuda_do_batched(CUstream stream, const CUstreamBatchMemOpParams *operation)
{
    switch (operation->operation) {
    case CU_STREAM_MEM_OP_WAIT_VALUE_32:
        return cuStreamWaitValue32(stream, operation->waitValue.address, operation->waitValue.value,
                                   operation->waitValue.flags);
    case CU_STREAM_MEM_OP_WAIT_VALUE_64:
        return cuStreamWaitValue64(stream, operation->waitValue.address,
                                   operation->waitValue.value64, operation->waitValue.flags);
    case CU_STREAM_MEM_OP_WRITE_VALUE_32:
        return cuStreamWriteValue32(stream, operation->writeValue.address,
                                    operation->writeValue.value, operation->writeValue.flags);
    case CU_STREAM_MEM_OP_WRITE_VALUE_64:
        return cuStreamWriteValue64(stream, operation->writeValue.address,
                                    operation->writeValue.value64, operation->writeValue.flags);
    case CU_STREAM_MEM_OP_BARRIER:
        return operation->memoryBarrier.flags > CU_STREAM_MEMORY_BARRIER_TYPE_GPU
                   ? CUDA_ERROR_INVALID_VALUE
                   : CUDA_SUCCESS;
    case CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES:
        return CUDA_ERROR_NOT_SUPPORTED; /* CU_DEVICE_ATTRIBUTE_CAN_FLUSH_REMOTE_WRITES is 0 */
    default:
        return CUDA_ERROR_INVALID_VALUE;
    }
}

/* One after the other, up to the first that is refused. */
static inline CUresult cuda_do_batch(CUstream stream, unsigned count,
                                     const CUstreamBatchMemOpParams *operations, unsigned flags)
{
    CUresult result = CUDA_SUCCESS;

    if (count == 0 || count > CUDA_BATCH_MAX || operations == NULL || flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < count && result == CUDA_SUCCESS; i++) {
        result = cuda_do_batched(stream, &operations[i]);
    }
    return result;
}

#endif
