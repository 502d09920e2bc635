/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a pointer. */
#include <string.h>

#include "host/cuda-cpu/driver/allocation.h"
#include "host/cuda-cpu/driver/context.h"
#include "host/cuda-cpu/driver/driver.h"

/* An allocation, or a module's variable, which is like one of the device. */
static bool find(struct context *context, CUdeviceptr pointer, struct allocation *found)
{
    const struct allocation *allocation = allocation_find(pointer);
    struct memory_range range;

    if (allocation != NULL) {
        *found = *allocation;
        return !allocation->is_going;
    }
    if (context == NULL || !memory_find(&context->memory, pointer, 1, &range)) {
        return false;
    }
    *found = (struct allocation){
        .start = range.start,
        .size = range.end - range.start,
        .kind = ALLOCATION_DEVICE,
        .context = context,
    };
    return true;
}

static CUresult get_range(struct context *context, CUdeviceptr *base, size_t *size,
                          CUdeviceptr pointer)
{
    struct allocation allocation;

    if (!find(context, pointer, &allocation)) {
        return CUDA_ERROR_NOT_FOUND;
    }
    if (base != NULL) {
        *base = allocation.start;
    }
    if (size != NULL) {
        *size = allocation.size;
    }
    return CUDA_SUCCESS;
}

CUresult cuMemGetAddressRange(CUdeviceptr *base, size_t *size, CUdeviceptr pointer)
{
    return IN_CONTEXT(get_range(context, base, size, pointer));
}

/* ---- Attributes ---- */

/* Of as many bytes as the attribute has. */
union attribute_value {
    void *pointer;
    unsigned long long number;
    unsigned word;
    int integer;
    bool boolean;
};

static bool is_of_host(const struct allocation *allocation)
{
    return allocation->kind == ALLOCATION_HOST || allocation->kind == ALLOCATION_REGISTERED;
}

/* The value's size; 0: there is none. */
static size_t get_value(const struct allocation *allocation, CUpointer_attribute attribute,
                        CUdeviceptr pointer, union attribute_value *value)
{
    switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT:
        value->pointer = allocation->context;
        return sizeof(void *);
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        value->word = is_of_host(allocation) ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
        return sizeof(unsigned);
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
        value->number = pointer;
        return sizeof(CUdeviceptr);
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
        value->number = pointer;
        return allocation->kind == ALLOCATION_DEVICE ? 0 : sizeof(void *);
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
        value->number = allocation->id;
        return sizeof(unsigned long long);
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
        value->boolean = allocation->kind == ALLOCATION_MANAGED;
        return sizeof(bool);
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
        value->integer = 0;
        return sizeof(int);
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
        value->number = allocation->start;
        return sizeof(CUdeviceptr);
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
        value->number = allocation->size;
        return sizeof(size_t);
    case CU_POINTER_ATTRIBUTE_MAPPED:
        value->boolean = true;
        return sizeof(bool);
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
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
        value->pointer = allocation->pool;
        return sizeof(void *);
    default:
        return 0;
    }
}

static CUresult get_attribute(void *value, CUpointer_attribute attribute, CUdeviceptr pointer)
{
    union attribute_value found = {.number = 0};
    struct allocation allocation;
    struct context *context;
    size_t size;

    context_current(&context);
    if (value == NULL || !find(context, pointer, &allocation)) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    size = get_value(&allocation, attribute, pointer, &found);
    memcpy(value, &found, size);
    return size > 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuPointerGetAttribute(void *value, CUpointer_attribute attribute, CUdeviceptr pointer)
{
    return IN_DRIVER(get_attribute(value, attribute, pointer));
}

/* Zeros for what a pointer does not have; no error. */
static CUresult get_attributes(unsigned count, const CUpointer_attribute *attributes, void **values,
                               CUdeviceptr pointer)
{
    struct allocation allocation = {.start = 0};
    struct context *context;
    bool found;

    if (count == 0 || attributes == NULL || values == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    context_current(&context);
    found = find(context, pointer, &allocation);
    for (unsigned i = 0; i < count; i++) {
        union attribute_value value = {.number = 0};
        size_t size = get_value(&allocation, attributes[i], pointer, &value);

        if (values[i] == NULL) {
            return CUDA_ERROR_INVALID_VALUE;
        }
        if (!found) {
            value.number = 0;
        }
        memcpy(values[i], &value, size);
    }
    return CUDA_SUCCESS;
}

CUresult cuPointerGetAttributes(unsigned count, CUpointer_attribute *attributes, void **values,
                                CUdeviceptr pointer)
{
    return IN_DRIVER(get_attributes(count, attributes, values, pointer));
}

/* All is in order here, whether or not a program asks for that. */
static CUresult set_attribute(const void *value, CUpointer_attribute attribute, CUdeviceptr pointer)
{
    return value != NULL && attribute == CU_POINTER_ATTRIBUTE_SYNC_MEMOPS &&
                   allocation_find(pointer) != NULL
               ? CUDA_SUCCESS
               : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuPointerSetAttribute(const void *value, CUpointer_attribute attribute,
                               CUdeviceptr pointer)
{
    return IN_DRIVER(set_attribute(value, attribute, pointer));
}

/* ---- Managed memory: there is one memory, and advice does not move it ---- */

static CUresult check_managed(struct context *context, CUdeviceptr pointer, size_t size)
{
    struct allocation allocation;

    if (size == 0 || !find(context, pointer, &allocation) ||
        size > allocation.size - (pointer - allocation.start) ||
        allocation.kind == ALLOCATION_DEVICE) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

CUresult cuMemAdvise(CUdeviceptr pointer, size_t size, CUmem_advise advice, CUmemLocation location)
{
    (void)location;
    if (advice < CU_MEM_ADVISE_SET_READ_MOSTLY || advice > CU_MEM_ADVISE_UNSET_ACCESSED_BY) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(check_managed(context, pointer, size));
}

CUresult cuMemPrefetchAsync(CUdeviceptr pointer, size_t size, CUmemLocation location,
                            unsigned flags, CUstream stream)
{
    (void)location;
    (void)stream;
    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return IN_CONTEXT(check_managed(context, pointer, size));
}
