/* SPDX-License-Identifier: BSD-2-Clause */
/* The one device, and what it says of itself: a GPU of the architecture that was asked for. */
#include "host/cuda-cpu/driver/device.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/cuda-cpu/driver/driver.h"

static CUresult check(CUdevice device, const void *answer)
{
    if (answer == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

static CUresult get_count(int *count)
{
    CUresult result = check(0, count);

    if (result == CUDA_SUCCESS) {
        *count = 1;
    }
    return result;
}

CUresult cuDeviceGetCount(int *count)
{
    return IN_DRIVER(get_count(count));
}

static CUresult get(CUdevice *device, int ordinal)
{
    CUresult result = check(ordinal, device);

    if (result == CUDA_SUCCESS) {
        *device = ordinal;
    }
    return result;
}

CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    return IN_DRIVER(get(device, ordinal));
}

static CUresult get_name(char *name, int size, CUdevice device)
{
    CUresult result = check(device, name);

    if (result == CUDA_SUCCESS && size <= 0) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        snprintf(name, (size_t)size, "baregpu CPU device (sm_%u)", driver_settings()->arch);
    }
    return result;
}

CUresult cuDeviceGetName(char *name, int size, CUdevice device)
{
    return IN_DRIVER(get_name(name, size, device));
}

static CUresult get_total(size_t *bytes, CUdevice device)
{
    CUresult result = check(device, bytes);

    if (result == CUDA_SUCCESS) {
        *bytes = driver_settings()->memory;
    }
    return result;
}

CUresult cuDeviceTotalMem(size_t *bytes, CUdevice device)
{
    return IN_DRIVER(get_total(bytes, device));
}

/* ---- Attributes ---- */

/* False: none that there is. What is not listed of those that are known is 0: it cannot. */
static bool find_attribute(CUdevice_attribute attribute, int *value)
{
    static const struct {
        CUdevice_attribute attribute;
        int value;
    } values[] = {
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, DEVICE_THREADS_MAX},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 0x7FFFFFFF},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, DEVICE_SHARED_MAX},
        {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, 64 << 10},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
        {CU_DEVICE_ATTRIBUTE_MAX_PITCH, 0x7FFFFFFF},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
        {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
        {CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, 512},
        {CU_DEVICE_ATTRIBUTE_GPU_OVERLAP, 1},
        {CU_DEVICE_ATTRIBUTE_INTEGRATED, 1},
        {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
        {CU_DEVICE_ATTRIBUTE_SURFACE_ALIGNMENT, 512},
        {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
        {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 1},
        {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
        {CU_DEVICE_ATTRIBUTE_TEXTURE_PITCH_ALIGNMENT, 32},
        {CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
        {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 1},
        {CU_DEVICE_ATTRIBUTE_HOST_NATIVE_ATOMIC_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_SINGLE_TO_DOUBLE_PRECISION_PERF_RATIO, 2},
        {CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS, 1},
        {CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM, 1},
        {CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, 1},
        {CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST, 1},
        {CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS, 1},
        {CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR, 1},
        /* As the CUDA C++ Programming Guide's table of compute capabilities has it from 6.0 on. */
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_WIDTH, 1 << 17},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LINEAR_WIDTH, 1 << 28},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_MIPMAPPED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LAYERED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LAYERED_LAYERS, 2048},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_WIDTH, 1 << 17},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_HEIGHT, 1 << 16},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_WIDTH, 1 << 17},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_HEIGHT, 65000},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LINEAR_PITCH, 2097120},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_MIPMAPPED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_MIPMAPPED_HEIGHT, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_CAN_TEX2D_GATHER, 1},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_GATHER_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_GATHER_HEIGHT, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_HEIGHT, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_LAYERED_LAYERS, 2048},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH, 1 << 14},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT, 1 << 14},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH, 1 << 14},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_WIDTH_ALTERNATE, 1 << 13},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_HEIGHT_ALTERNATE, 1 << 13},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH_ALTERNATE, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURECUBEMAP_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURECUBEMAP_LAYERED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURECUBEMAP_LAYERED_LAYERS, 2046},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE1D_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE1D_LAYERED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE1D_LAYERED_LAYERS, 2048},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_WIDTH, 1 << 17},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_HEIGHT, 1 << 16},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_LAYERED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_LAYERED_HEIGHT, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE2D_LAYERED_LAYERS, 2048},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE3D_WIDTH, 1 << 14},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE3D_HEIGHT, 1 << 14},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE3D_DEPTH, 1 << 14},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACECUBEMAP_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACECUBEMAP_LAYERED_WIDTH, 1 << 15},
        {CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACECUBEMAP_LAYERED_LAYERS, 2046},
    };

    *value = 0;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (values[i].attribute == attribute) {
            *value = values[i].value;
        }
    }
    return attribute >= CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK &&
           attribute < CU_DEVICE_ATTRIBUTE_MAX;
}

size_t device_limit(CUdevice_attribute attribute)
{
    int value;

    return find_attribute(attribute, &value) ? (size_t)value : 0;
}

/* As the CUDA C++ Programming Guide's table of compute capabilities has it. */
const struct device_profile *device_profile(void)
{
    static const struct device_profile profiles[] = {
        {50, 2048, 32, 64},  {52, 2048, 32, 96},  {60, 2048, 32, 64},  {61, 2048, 32, 96},
        {70, 2048, 32, 96},  {75, 1024, 16, 64},  {80, 2048, 32, 164}, {86, 1536, 16, 100},
        {87, 1536, 16, 164}, {89, 1536, 24, 100}, {90, 2048, 32, 228}, {100, 2048, 32, 228},
    };
    const struct device_profile *found = &profiles[0];

    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        if (profiles[i].arch <= driver_settings()->arch) {
            found = &profiles[i];
        }
    }
    return found;
}

int device_multiprocessors(void)
{
    return driver_settings()->threads ? (int)driver_settings()->threads : 1;
}

/* From Ampere on, of each block's. */
int device_shared_reserved(void)
{
    return device_profile()->arch >= 80 ? 1024 : 0;
}

int device_shared_opt_in(void)
{
    if (device_profile()->arch < 70) {
        return DEVICE_SHARED_MAX;
    }
    return device_profile()->shared_kib * 1024 - device_shared_reserved();
}

static CUresult get_attribute(int *value, CUdevice_attribute attribute, CUdevice device)
{
    CUresult result = check(device, value);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
        *value = (int)(driver_settings()->arch / 10);
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
        *value = (int)(driver_settings()->arch % 10);
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
        *value = device_multiprocessors();
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
        *value = (int)sysconf(_SC_LEVEL3_CACHE_SIZE);
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
        *value = device_profile()->threads;
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR:
        *value = device_profile()->blocks;
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
        *value = device_profile()->shared_kib * 1024;
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
        *value = device_shared_opt_in();
        return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:
        *value = device_shared_reserved();
        return CUDA_SUCCESS;
    default:
        return find_attribute(attribute, value) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    }
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device)
{
    return IN_DRIVER(get_attribute(value, attribute, device));
}

static CUresult get_properties(CUdevprop *properties, CUdevice device)
{
    const struct {
        CUdevice_attribute attribute;
        int *value;
    } values[] = {
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &properties->maxThreadsPerBlock},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, &properties->maxThreadsDim[0]},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, &properties->maxThreadsDim[1]},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, &properties->maxThreadsDim[2]},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, &properties->maxGridSize[0]},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, &properties->maxGridSize[1]},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, &properties->maxGridSize[2]},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, &properties->sharedMemPerBlock},
        {CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY, &properties->totalConstantMemory},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, &properties->SIMDWidth},
        {CU_DEVICE_ATTRIBUTE_MAX_PITCH, &properties->memPitch},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, &properties->regsPerBlock},
        {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, &properties->clockRate},
        {CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT, &properties->textureAlign},
    };
    CUresult result = CUDA_SUCCESS;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && result == CUDA_SUCCESS; i++) {
        result = get_attribute(values[i].value, values[i].attribute, device);
    }
    return result;
}

CUresult cuDeviceGetProperties(CUdevprop *properties, CUdevice device)
{
    return IN_DRIVER(check(device, properties) ?: get_properties(properties, device));
}

/* ---- Names ---- */

static CUresult get_uuid(CUuuid *uuid, CUdevice device)
{
    CUresult result = check(device, uuid);

    if (result == CUDA_SUCCESS) {
        memcpy(uuid->bytes, "baregpu-cuda-cpu", sizeof(uuid->bytes));
    }
    return result;
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device)
{
    return IN_DRIVER(get_uuid(uuid, device));
}

static CUresult get_luid(char *luid, unsigned *mask, CUdevice device)
{
    (void)luid;
    (void)mask;
    return check(device, luid) ?: CUDA_ERROR_NOT_SUPPORTED; /* Windows alone has it */
}

CUresult cuDeviceGetLuid(char *luid, unsigned *mask, CUdevice device)
{
    return IN_DRIVER(get_luid(luid, mask, device));
}

#define BUS_ID "0000:00:00.0" /* it is on no bus */

static CUresult get_bus_id(char *id, int size, CUdevice device)
{
    CUresult result = check(device, id);

    if (result == CUDA_SUCCESS && size <= 0) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        snprintf(id, (size_t)size, "%s", BUS_ID);
    }
    return result;
}

CUresult cuDeviceGetPCIBusId(char *id, int size, CUdevice device)
{
    return IN_DRIVER(get_bus_id(id, size, device));
}

static CUresult get_by_bus_id(CUdevice *device, const char *id)
{
    if (device == NULL || id == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = 0;
    return strcmp(id, BUS_ID) == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetByPCIBusId(CUdevice *device, const char *id)
{
    return IN_DRIVER(get_by_bus_id(device, id));
}

static CUresult get_capability(int *major, int *minor, CUdevice device)
{
    CUresult result = check(device, major) ?: check(device, minor);

    if (result == CUDA_SUCCESS) {
        *major = (int)(driver_settings()->arch / 10);
        *minor = (int)(driver_settings()->arch % 10);
    }
    return result;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device)
{
    return IN_DRIVER(get_capability(major, minor, device));
}

/* ---- Others: there are none ---- */

static CUresult can_access_peer(int *can, CUdevice device, CUdevice peer)
{
    CUresult result = check(device, can) ?: check(peer, can);

    if (result == CUDA_SUCCESS) {
        *can = 0;
    }
    return result;
}

CUresult cuDeviceCanAccessPeer(int *can, CUdevice device, CUdevice peer)
{
    return IN_DRIVER(can_access_peer(can, device, peer));
}

CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attribute, CUdevice source,
                                 CUdevice destination)
{
    (void)value;
    (void)attribute;
    (void)source;
    (void)destination;
    return CUDA_ERROR_INVALID_DEVICE; /* they must differ */
}

static CUresult get_affinity_support(int *supported, CUexecAffinityType type, CUdevice device)
{
    CUresult result = check(device, supported);

    if (result == CUDA_SUCCESS) {
        *supported = 0;
    }
    return result ?: type < CU_EXEC_AFFINITY_TYPE_MAX ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetExecAffinitySupport(int *supported, CUexecAffinityType type, CUdevice device)
{
    return IN_DRIVER(get_affinity_support(supported, type, device));
}
