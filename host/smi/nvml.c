/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/smi/nvml.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "host/common/symbol.h"

#define LIBRARY "libnvidia-ml.so.1"
#define SUCCESS 0
#define UUID_SIZE 96
#define VERSION_SIZE 80
#define EVENT_XID 8ULL /* nvmlEventTypeXidCriticalError */

typedef struct nvmlDevice *device_handle;
typedef struct nvmlEventSet *event_set;
typedef int nvml_result;

struct memory {
    unsigned long long total, free, used;
};

struct utilization {
    unsigned gpu, memory;
};

struct pci {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

struct event {
    device_handle device;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
};

#define FUNCTIONS(X)                                                                               \
    X(nvmlInit_v2, (void))                                                                         \
    X(nvmlShutdown, (void))                                                                        \
    X(nvmlSystemGetDriverVersion, (char *, unsigned))                                              \
    X(nvmlDeviceGetHandleByUUID, (const char *, device_handle *))                                  \
    X(nvmlDeviceGetUUID, (device_handle, char *, unsigned))                                        \
    X(nvmlDeviceGetMemoryInfo, (device_handle, struct memory *))                                   \
    X(nvmlDeviceGetUtilizationRates, (device_handle, struct utilization *))                        \
    X(nvmlDeviceGetPciInfo_v3, (device_handle, struct pci *))                                      \
    X(nvmlDeviceGetTotalEnergyConsumption, (device_handle, unsigned long long *))                  \
    X(nvmlDeviceGetPowerUsage, (device_handle, unsigned *))                                        \
    X(nvmlDeviceGetEnforcedPowerLimit, (device_handle, unsigned *))                                \
    X(nvmlDeviceGetFanSpeed, (device_handle, unsigned *))                                          \
    X(nvmlDeviceGetPerformanceState, (device_handle, unsigned *))                                  \
    X(nvmlDeviceGetCurrPcieLinkGeneration, (device_handle, unsigned *))                            \
    X(nvmlDeviceGetCurrPcieLinkWidth, (device_handle, unsigned *))                                 \
    X(nvmlDeviceGetPcieReplayCounter, (device_handle, unsigned *))                                 \
    X(nvmlDeviceGetTemperature, (device_handle, unsigned, unsigned *))                             \
    X(nvmlDeviceGetClockInfo, (device_handle, unsigned, unsigned *))                               \
    X(nvmlDeviceGetMaxClockInfo, (device_handle, unsigned, unsigned *))                            \
    X(nvmlEventSetCreate, (event_set *))                                                           \
    X(nvmlEventSetFree, (event_set))                                                               \
    X(nvmlDeviceRegisterEvents, (device_handle, unsigned long long, event_set))                    \
    X(nvmlEventSetWait_v2, (event_set, struct event *, unsigned timeout_ms))

struct nvml {
    void *library;
    event_set events; /* NULL: nothing is waited for */
    char driver_version[VERSION_SIZE];
#define FIELD(name, parameters) nvml_result(*name) parameters;
    FUNCTIONS(FIELD)
#undef FIELD
};

/* ---- Start, end ---- */

/* What an older library does not have is NULL. */
static void find_functions(struct nvml *nvml)
{
#define FIND(name, parameters) symbol_find(nvml->library, #name, &nvml->name);
    FUNCTIONS(FIND)
#undef FIND
}

struct nvml *nvml_open(void)
{
    struct nvml *nvml = calloc(1, sizeof(*nvml));

    if (nvml == NULL || (nvml->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL)) == NULL) {
        free(nvml);
        return NULL;
    }
    find_functions(nvml);
    if (nvml->nvmlInit_v2 == NULL || nvml->nvmlShutdown == NULL ||
        nvml->nvmlDeviceGetHandleByUUID == NULL || nvml->nvmlInit_v2() != SUCCESS) {
        dlclose(nvml->library);
        free(nvml);
        return NULL;
    }
    if (nvml->nvmlSystemGetDriverVersion == NULL ||
        nvml->nvmlSystemGetDriverVersion(nvml->driver_version, VERSION_SIZE) != SUCCESS) {
        nvml->driver_version[0] = '\0';
    }
    return nvml;
}

void nvml_close(struct nvml *nvml)
{
    if (nvml != NULL) {
        if (nvml->events != NULL && nvml->nvmlEventSetFree != NULL) {
            nvml->nvmlEventSetFree(nvml->events);
        }
        nvml->nvmlShutdown();
        dlclose(nvml->library);
        free(nvml);
    }
}

/* ---- A device ---- */

static void set(json_t *object, const char *name, unsigned long long value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

typedef nvml_result (*get_number)(device_handle device, unsigned *value);
typedef nvml_result (*get_of_kind)(device_handle device, unsigned kind, unsigned *value);

static void set_number(json_t *object, const char *name, device_handle device, get_number get)
{
    unsigned value;

    if (get != NULL && get(device, &value) == SUCCESS) {
        set(object, name, value);
    }
}

static void set_of_kind(json_t *object, const char *name, device_handle device, get_of_kind get,
                        unsigned kind)
{
    unsigned value;

    if (get != NULL && get(device, kind, &value) == SUCCESS) {
        set(object, name, value);
    }
}

static void set_use(const struct nvml *nvml, json_t *object, device_handle device)
{
    struct utilization utilization;
    unsigned long long energy;
    struct memory memory;

    if (nvml->nvmlDeviceGetMemoryInfo != NULL &&
        nvml->nvmlDeviceGetMemoryInfo(device, &memory) == SUCCESS) {
        set(object, "memory_total", memory.total);
        set(object, "memory_used", memory.used);
        set(object, "memory_free", memory.free);
    }
    if (nvml->nvmlDeviceGetUtilizationRates != NULL &&
        nvml->nvmlDeviceGetUtilizationRates(device, &utilization) == SUCCESS) {
        set(object, "utilization", utilization.gpu);
        set(object, "utilization_memory", utilization.memory);
    }
    if (nvml->nvmlDeviceGetTotalEnergyConsumption != NULL &&
        nvml->nvmlDeviceGetTotalEnergyConsumption(device, &energy) == SUCCESS) {
        set(object, "energy_mj", energy);
    }
}

static void set_clocks(const struct nvml *nvml, json_t *object, device_handle device)
{
    /* nvmlClockType_t's numbers. */
    static const char *const now[] = {"clock_graphics_mhz", "clock_sm_mhz", "clock_memory_mhz"};
    static const char *const most[] = {"clock_max_graphics_mhz", "clock_max_sm_mhz",
                                       "clock_max_memory_mhz"};

    for (unsigned kind = 0; kind < 3; kind++) {
        set_of_kind(object, now[kind], device, nvml->nvmlDeviceGetClockInfo, kind);
        set_of_kind(object, most[kind], device, nvml->nvmlDeviceGetMaxClockInfo, kind);
    }
}

static void set_bus(const struct nvml *nvml, json_t *object, device_handle device)
{
    struct pci pci;

    if (nvml->nvmlDeviceGetPciInfo_v3 != NULL &&
        nvml->nvmlDeviceGetPciInfo_v3(device, &pci) == SUCCESS) {
        pci.bus_id[sizeof(pci.bus_id) - 1] = '\0';
        json_object_set_new(object, "pci_bus_id", json_string(pci.bus_id));
    }
    set_number(object, "pcie_gen", device, nvml->nvmlDeviceGetCurrPcieLinkGeneration);
    set_number(object, "pcie_width", device, nvml->nvmlDeviceGetCurrPcieLinkWidth);
    set_number(object, "pcie_replays", device, nvml->nvmlDeviceGetPcieReplayCounter);
}

static bool find_device(const struct nvml *nvml, const char *uuid, device_handle *device)
{
    return uuid != NULL && nvml->nvmlDeviceGetHandleByUUID(uuid, device) == SUCCESS;
}

void nvml_describe(struct nvml *nvml, json_t *object)
{
    device_handle device;

    if (nvml == NULL ||
        !find_device(nvml, json_string_value(json_object_get(object, "uuid")), &device)) {
        return;
    }
    set_use(nvml, object, device);
    set_clocks(nvml, object, device);
    set_bus(nvml, object, device);
    set_of_kind(object, "temperature_c", device, nvml->nvmlDeviceGetTemperature, 0);
    set_number(object, "power_mw", device, nvml->nvmlDeviceGetPowerUsage);
    set_number(object, "power_limit_mw", device, nvml->nvmlDeviceGetEnforcedPowerLimit);
    set_number(object, "fan_percent", device, nvml->nvmlDeviceGetFanSpeed);
    set_number(object, "pstate", device, nvml->nvmlDeviceGetPerformanceState);
    if (nvml->driver_version[0]) {
        json_object_set_new(object, "driver_version", json_string(nvml->driver_version));
    }
}

/* ---- Critical errors ---- */

bool nvml_watch_xid(struct nvml *nvml, const char *uuid)
{
    device_handle device;

    if (nvml == NULL || nvml->nvmlEventSetCreate == NULL || nvml->nvmlEventSetWait_v2 == NULL ||
        nvml->nvmlDeviceRegisterEvents == NULL || !find_device(nvml, uuid, &device)) {
        return false;
    }
    return (nvml->events != NULL || nvml->nvmlEventSetCreate(&nvml->events) == SUCCESS) &&
           nvml->nvmlDeviceRegisterEvents(device, EVENT_XID, nvml->events) == SUCCESS;
}

char *nvml_take_xid(struct nvml *nvml, unsigned *xid)
{
    struct event event;
    char uuid[UUID_SIZE];

    while (nvml != NULL && nvml->events != NULL &&
           nvml->nvmlEventSetWait_v2(nvml->events, &event, 0) == SUCCESS) {
        if (event.type == EVENT_XID && nvml->nvmlDeviceGetUUID != NULL &&
            nvml->nvmlDeviceGetUUID(event.device, uuid, sizeof(uuid)) == SUCCESS) {
            *xid = (unsigned)event.data;
            return strdup(uuid);
        }
    }
    return NULL;
}
