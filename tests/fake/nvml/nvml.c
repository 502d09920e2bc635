/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NVIDIA's management library for tests of who reads it: of the devices of tests/fake/gpu, all
 * alike, with figures that are always the same. Found through LD_LIBRARY_PATH.
 *
 *   FAKE_NVML_WITHOUT=NAME,...  these functions say "not supported" (their names without nvml)
 *   FAKE_NVML_XID=N             one critical error of this number, when it is asked for
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUCCESS 0
#define INVALID_ARGUMENT 2
#define NOT_SUPPORTED 3
#define NOT_FOUND 6
#define TIMEOUT 10
#define UUID "GPU-66616b65-2047-5055-0000-000000000000" /* "fake GPU" */
#define EVENT_XID 8ULL

typedef unsigned long long u64;

static bool is_without(const char *name)
{
    const char *list = getenv("FAKE_NVML_WITHOUT"), *at = list;
    size_t length = strlen(name);

    while (at != NULL && (at = strstr(at, name)) != NULL) {
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length])) {
            return true;
        }
        at += length;
    }
    return false;
}

int nvmlInit_v2(void)
{
    return is_without("Init") ? NOT_SUPPORTED : SUCCESS;
}

int nvmlShutdown(void)
{
    return SUCCESS;
}

int nvmlSystemGetDriverVersion(char *text, unsigned size)
{
    snprintf(text, size, "580.01.02");
    return SUCCESS;
}

static char the_device[1];

int nvmlDeviceGetHandleByUUID(const char *uuid, void **device)
{
    *device = the_device;
    return strcmp(uuid, UUID) == 0 ? SUCCESS : NOT_FOUND;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned size)
{
    snprintf(uuid, size, UUID);
    return device == the_device ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetMemoryInfo(void *device, u64 memory[3])
{
    memory[0] = 16384ULL << 20;
    memory[1] = 16000ULL << 20;
    memory[2] = 384ULL << 20;
    return device == the_device ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned rates[2])
{
    rates[0] = 37;
    rates[1] = 12;
    return device == the_device ? SUCCESS : INVALID_ARGUMENT;
}

struct pci {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

int nvmlDeviceGetPciInfo_v3(void *device, struct pci *pci)
{
    snprintf(pci->bus_id, sizeof(pci->bus_id), "00000000:65:00.0");
    return device == the_device ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, u64 *mj)
{
    *mj = 123456789;
    return device == the_device ? SUCCESS : INVALID_ARGUMENT;
}

#define NUMBER(name, number)                                                                       \
    int nvml##name(void *device, unsigned *value)                                                  \
    {                                                                                              \
        *value = number;                                                                           \
        return device != the_device ? INVALID_ARGUMENT                                             \
               : is_without(#name)  ? NOT_SUPPORTED                                                \
                                    : SUCCESS;                                                      \
    }

NUMBER(DeviceGetPowerUsage, 123456)
NUMBER(DeviceGetEnforcedPowerLimit, 700000)
NUMBER(DeviceGetFanSpeed, 30)
NUMBER(DeviceGetPerformanceState, 2)
NUMBER(DeviceGetCurrPcieLinkGeneration, 5)
NUMBER(DeviceGetCurrPcieLinkWidth, 16)
NUMBER(DeviceGetPcieReplayCounter, 0)

int nvmlDeviceGetTemperature(void *device, unsigned sensor, unsigned *value)
{
    *value = 54;
    return device == the_device && sensor == 0 ? SUCCESS : INVALID_ARGUMENT;
}

static int get_clock(void *device, unsigned kind, unsigned base, unsigned *value)
{
    *value = base + kind;
    return device == the_device && kind < 3 ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceGetClockInfo(void *device, unsigned kind, unsigned *value)
{
    return get_clock(device, kind, 1500, value);
}

int nvmlDeviceGetMaxClockInfo(void *device, unsigned kind, unsigned *value)
{
    return get_clock(device, kind, 1980, value);
}

/* ---- Events ---- */

struct event {
    void *device;
    u64 type, data;
    unsigned gpu_instance, compute_instance;
};

static bool registered, told;

int nvmlEventSetCreate(void **set)
{
    *set = &registered;
    return SUCCESS;
}

int nvmlEventSetFree(void *set)
{
    return set == &registered ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlDeviceRegisterEvents(void *device, u64 types, void *set)
{
    registered = device == the_device && types == EVENT_XID && set == &registered;
    return registered ? SUCCESS : INVALID_ARGUMENT;
}

int nvmlEventSetWait_v2(void *set, struct event *event, unsigned timeout_ms)
{
    const char *xid = getenv("FAKE_NVML_XID");

    if (set != &registered || !registered || xid == NULL || told || timeout_ms != 0) {
        return TIMEOUT;
    }
    told = true;
    *event = (struct event){.device = the_device, .type = EVENT_XID, .data = (u64)atoi(xid)};
    return SUCCESS;
}
