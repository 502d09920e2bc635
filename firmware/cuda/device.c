/* SPDX-License-Identifier: BSD-2-Clause */
/* cuInit, and what devices are asked. */
#include "firmware/cuda/internal.h"

#define TEXT_SIZE(text) (sizeof(text) - 1)

/* ---- Initialization ---- */

/* Those that could not be started are none; the others close up. When none could be, all stay, to
 * be tried again. */
static CUresult start_devices(void)
{
    unsigned count = 0;
    CUresult first = CUDA_ERROR_NO_DEVICE;

    for (unsigned i = 0; i < cuda.device_count; i++) {
        struct cuda_device *device = cuda.devices[i];
        CUresult result = device->carrier->open(device) ?: cuda_session_start(device);

        if (result == CUDA_SUCCESS) {
            device->number = (CUdevice)count;
            cuda.devices[count++] = device;
            continue;
        }
        device->carrier->close(device);
        first = i == 0 ? result : first;
    }
    if (count == 0) {
        return first;
    }
    cuda.device_count = count;
    return CUDA_SUCCESS;
}

CUresult cuInit(unsigned flags)
{
    CUresult result;

    if (flags != 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    if (cuda.is_initialized) {
        return CUDA_SUCCESS;
    }
    result = start_devices();
    cuda.is_initialized = result == CUDA_SUCCESS;
    return result;
}

CUresult cuDriverGetVersion(int *version)
{
    if (version == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

/* ---- Finding ---- */

/* With a device and a place for an answer. */
static CUresult enter(CUdevice number, const void *answer, struct cuda_device **device)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (answer == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *device = cuda_device_of(number);
    return *device != NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetCount(int *count)
{
    CUresult result = cuda_enter();

    if (result == CUDA_SUCCESS && count == NULL) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *count = (int)cuda.device_count;
    }
    return result;
}

CUresult cuDeviceGet(CUdevice *number, int ordinal)
{
    struct cuda_device *device;
    CUresult result = enter(ordinal, number, &device);

    if (result == CUDA_SUCCESS) {
        *number = device->number;
    }
    return result;
}

/* ---- What it is ---- */

/* A text in a buffer of `size` bytes, cut if need be. */
static CUresult copy_text(char *to, int size, const char *text)
{
    int i = 0;

    if (size <= 0) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (; i < size - 1 && text[i] != '\0'; i++) {
        to[i] = text[i];
    }
    to[i] = '\0';
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetName(char *name, int size, CUdevice number)
{
    struct cuda_device *device;

    return enter(number, name, &device) ?: copy_text(name, size, device->info.name);
}

CUresult cuDeviceTotalMem(size_t *bytes, CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter(number, bytes, &device);

    if (result == CUDA_SUCCESS) {
        *bytes = device->info.memory_total;
    }
    return result;
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter(number, uuid, &device);

    if (result == CUDA_SUCCESS) {
        memcpy(uuid->bytes, device->info.uuid, sizeof(uuid->bytes));
    }
    return result;
}

CUresult cuDeviceGetLuid(char *luid, unsigned *mask, CUdevice number)
{
    struct cuda_device *device;

    (void)mask;
    return enter(number, luid, &device) ?: CUDA_ERROR_NOT_SUPPORTED; /* Windows alone has it */
}

/* ---- Attributes ---- */

/* Where the device is as the guest sees it; a device without PCI is at 0:0. */
static uint32_t bdf_of(const struct cuda_device *device)
{
    const struct bg_pci_device *pci = device->carrier->find_pci(device);

    return pci != NULL ? pci->bdf : 0;
}

/* What the GPU may be able to do, and a guest cannot: there is no memory that both have but the
 * heap, and no other process to share anything with. */
static bool is_withheld(CUdevice_attribute attribute)
{
    static const uint8_t withheld[] = {
        CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT,
        CU_DEVICE_ATTRIBUTE_TCC_DRIVER,
        CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING,
        CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY,
        CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS,
        CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS,
        CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM,
        CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_MEM_OPS_V1,
        CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS_V1,
        CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR_V1,
        CU_DEVICE_ATTRIBUTE_CAN_FLUSH_REMOTE_WRITES,
        CU_DEVICE_ATTRIBUTE_HOST_REGISTER_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS_USES_HOST_PAGE_TABLES,
        CU_DEVICE_ATTRIBUTE_DIRECT_MANAGED_MEM_ACCESS_FROM_HOST,
        CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_WITH_CUDA_VMM_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_SPARSE_CUDA_ARRAY_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_READ_ONLY_HOST_REGISTER_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_TIMELINE_SEMAPHORE_INTEROP_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_GPU_DIRECT_RDMA_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_MEMPOOL_SUPPORTED_HANDLE_TYPES,
        CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH,
        CU_DEVICE_ATTRIBUTE_CAN_USE_64_BIT_STREAM_MEM_OPS,
        CU_DEVICE_ATTRIBUTE_CAN_USE_STREAM_WAIT_VALUE_NOR,
        CU_DEVICE_ATTRIBUTE_IPC_EVENT_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_HANDLE_TYPE_FABRIC_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_UNIFIED_FUNCTION_POINTERS,
        CU_DEVICE_ATTRIBUTE_MULTICAST_SUPPORTED,
        CU_DEVICE_ATTRIBUTE_MEM_DECOMPRESS_ALGORITHM_MASK,
        CU_DEVICE_ATTRIBUTE_HOST_NUMA_MULTINODE_IPC_SUPPORTED,
    };

    for (size_t i = 0; i < sizeof(withheld); i++) {
        if (withheld[i] == attribute) {
            return true;
        }
    }
    return false;
}

static int attribute_of(const struct cuda_device *device, CUdevice_attribute attribute)
{
    switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID:
        return 0;
    case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
        return (int)(bdf_of(device) >> 8);
    case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID:
        return (int)(bdf_of(device) >> 3 & 31);
    case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
        return device->heap != NULL && device->info.heap_address != 0;
    default:
        return is_withheld(attribute) ? 0 : device->info.attributes[attribute];
    }
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter(number, value, &device);

    if (result == CUDA_SUCCESS &&
        (attribute < CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK ||
         attribute >= CU_DEVICE_ATTRIBUTE_MAX || (unsigned)attribute >= BG_CUDA_ATTRIBUTES)) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *value = attribute_of(device, attribute);
    }
    return result;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice number)
{
    return cuDeviceGetAttribute(major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, number)
               ?: cuDeviceGetAttribute(minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, number);
}

/* ---- PCI: "0000:00:02.0" ---- */

#define BUS_ID "0000:00:00.0"

static void write_hex(char *to, unsigned digits, uint32_t value)
{
    while (digits-- > 0) {
        to[digits] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

static void format_bus_id(const struct cuda_device *device, char id[sizeof(BUS_ID)])
{
    uint32_t bdf = bdf_of(device);

    memcpy(id, BUS_ID, sizeof(BUS_ID));
    write_hex(id + 5, 2, bdf >> 8);
    write_hex(id + 8, 2, bdf >> 3 & 31);
    write_hex(id + 11, 1, bdf & 7);
}

CUresult cuDeviceGetPCIBusId(char *id, int size, CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter(number, id, &device);
    char text[sizeof(BUS_ID)];

    if (result != CUDA_SUCCESS) {
        return result;
    }
    format_bus_id(device, text);
    return copy_text(id, size, text);
}

static bool is_bus_id(const char *id, const char *text)
{
    for (; *text != '\0'; id++, text++) {
        char c = *id >= 'A' && *id <= 'F' ? (char)(*id + 'a' - 'A') : *id;

        if (c != *text) {
            return false;
        }
    }
    return *id == '\0';
}

/* Also without the domain, or the function. */
static bool is_bus_id_of(const struct cuda_device *device, const char *id)
{
    char text[sizeof(BUS_ID)];

    format_bus_id(device, text);
    if (is_bus_id(id, text) || is_bus_id(id, text + TEXT_SIZE("0000:"))) {
        return true;
    }
    text[TEXT_SIZE("0000:00:00")] = '\0';
    return (bdf_of(device) & 7) == 0 &&
           (is_bus_id(id, text) || is_bus_id(id, text + TEXT_SIZE("0000:")));
}

CUresult cuDeviceGetByPCIBusId(CUdevice *number, const char *id)
{
    CUresult result = cuda_enter();

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (number == NULL || id == NULL) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    for (unsigned i = 0; i < cuda.device_count; i++) {
        if (is_bus_id_of(cuda.devices[i], id)) {
            *number = (CUdevice)i;
            return CUDA_SUCCESS;
        }
    }
    return CUDA_ERROR_INVALID_DEVICE;
}

/* ---- Others: none can reach another's memory ---- */

CUresult cuDeviceCanAccessPeer(int *can, CUdevice number, CUdevice peer_number)
{
    struct cuda_device *device;
    CUresult result = enter(number, can, &device) ?: enter(peer_number, can, &device);

    if (result == CUDA_SUCCESS) {
        *can = 0;
    }
    return result;
}

CUresult cuDeviceGetP2PAttribute(int *value, CUdevice_P2PAttribute attribute, CUdevice source,
                                 CUdevice destination)
{
    struct cuda_device *device;
    CUresult result = enter(source, value, &device) ?: enter(destination, value, &device);

    if (result != CUDA_SUCCESS) {
        return result;
    }
    if (source == destination) {
        return CUDA_ERROR_INVALID_DEVICE;
    }
    if (attribute < CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK ||
        attribute > CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED) {
        return CUDA_ERROR_INVALID_VALUE;
    }
    *value = 0;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetExecAffinitySupport(int *supported, CUexecAffinityType type, CUdevice number)
{
    struct cuda_device *device;
    CUresult result = enter(number, supported, &device);

    if (result == CUDA_SUCCESS && type >= CU_EXEC_AFFINITY_TYPE_MAX) {
        result = CUDA_ERROR_INVALID_VALUE;
    }
    if (result == CUDA_SUCCESS) {
        *supported = 0;
    }
    return result;
}
