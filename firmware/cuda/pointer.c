/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a pointer: a device's, or one of this side into the heap. */
#include "firmware/cuda/internal.h"

struct found {
    struct cuda_range range; /* context NULL: nothing is known */
    bool is_host;
    CUdeviceptr address; /* the pointer, as kernels have it */
    void *bytes;         /* as this side has it; NULL: not at all */
};

static bool find_host(struct cuda_device *device, CUdeviceptr address, struct found *found)
{
    CUdeviceptr start;
    uint64_t size;

    if (!cuda_host_range(device, address, &start, &size)) {
        return false;
    }
    *found = (struct found){
        .range = {.start = start, .size = size, .context = cuda_current},
        .is_host = true,
        .address = address,
        .bytes = device->heap + (address - device->info.heap_address),
    };
    return true;
}

static bool find_device(struct cuda_device *device, CUdeviceptr address, struct found *found)
{
    const struct cuda_range *range = cuda_range_find(device, address);

    if (range == NULL) {
        return false;
    }
    *found = (struct found){.range = *range, .address = address};
    return true;
}

/* False: not memory that is known here. */
static bool find(struct cuda_device *device, CUdeviceptr pointer, struct found *found)
{
    uint64_t offset;

    *found = (struct found){.address = 0};
    if (find_device(device, pointer, found) || find_host(device, pointer, found)) {
        return true;
    }
    return cuda_host_offset(device, (const void *)(uintptr_t)pointer, 1, &offset) &&
           find_host(device, device->info.heap_address + offset, found);
}

/* ---- Attributes ---- */

/* Of as many bytes as the attribute has. */
union value {
    const void *pointer;
    unsigned long long number;
    unsigned word;
    int integer;
    bool boolean;
};

/* The value's size; 0: there is none. */
static size_t get_value(const struct found *found, CUpointer_attribute attribute,
                        union value *value)
{
    const struct cuda_range *range = &found->range;

    switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
        value->pointer = range->context != NULL ? range->context->object.handle : NULL;
        return sizeof(void *);
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        value->word = found->is_host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
        return sizeof(unsigned);
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
        value->number = found->address;
        return sizeof(CUdeviceptr);
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
        value->pointer = found->bytes;
        return sizeof(void *);
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
        value->number = range->start;
        return sizeof(unsigned long long);
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        value->integer = range->context != NULL ? range->context->device->number : 0;
        return sizeof(int);
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
        value->number = range->start;
        return sizeof(CUdeviceptr);
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
        value->number = range->size;
        return sizeof(size_t);
    case CU_POINTER_ATTRIBUTE_MAPPED:
        value->boolean = true;
        return sizeof(bool);
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
        value->boolean = false;
        return sizeof(bool);
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
        value->number = 0;
        return sizeof(unsigned long long);
    case CU_POINTER_ATTRIBUTE_ACCESS_FLAGS:
        value->word = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
        return sizeof(unsigned);
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
        value->pointer = range->pool;
        return sizeof(void *);
    default:
        return 0;
    }
}

CUresult cuPointerGetAttribute(void *to, CUpointer_attribute attribute, CUdeviceptr pointer)
{
    union value value = {.number = 0};
    struct cuda_context *context;
    struct found found;
    size_t size;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (to == NULL || !find(context->device, pointer, &found) ||
        (attribute == CU_POINTER_ATTRIBUTE_HOST_POINTER && found.bytes == NULL)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    size = get_value(&found, attribute, &value);
    memcpy(to, &value, size);
    return size > 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

/* Zeroes for what a pointer does not have; no error. */
CUresult cuPointerGetAttributes(unsigned count, CUpointer_attribute *attributes, void **values,
                                CUdeviceptr pointer)
{
    struct cuda_context *context;
    struct found found;
    bool is_known;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (count == 0 || attributes == NULL || values == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    is_known = find(context->device, pointer, &found);
    for (unsigned i = 0; i < count; i++) {
        union value value = {.number = 0};
        size_t size = get_value(&found, attributes[i], &value);

        if (values[i] == NULL) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (!is_known) {
            value.number = 0;
        }
        memcpy(values[i], &value, size);
    }
    return CUDA_SUCCESS;
}

/* Synchronous copies are so in any case. */
CUresult cuPointerSetAttribute(const void *value, CUpointer_attribute attribute,
                               CUdeviceptr pointer)
{
    struct cuda_context *context;
    struct found found;
    CUresult result = cuda_enter_context(&context);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    return value != NULL && attribute == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS &&
                   find(context->device, pointer, &found)
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}
