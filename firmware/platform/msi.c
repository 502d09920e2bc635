/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of PCI functions (baregpu/hal.h): which controller takes them, as msi-map says. */
#include <stddef.h>

#include "baregpu/error.h"
#include "baregpu/hal.h"
#include "firmware/platform/cpu.h"
#include "firmware/platform/gic_its.h"
#include "firmware/platform/interrupt.h"
#include "firmware/platform/machine.h"

static const char *problem;

static int fail(int error, const char *what)
{
    problem = what;
    return error;
}

const char *interrupt_msi_problem(void)
{
    return problem;
}

/* The controller of a requester, and the requester's name there. */
static const struct machine_msi_map *map_find(uint32_t requester, uint32_t *device)
{
    for (uint32_t i = 0; i < machine.pci_msi_map_count; i++) {
        const struct machine_msi_map *map = &machine.pci_msi_map[i];

        if (requester < map->requester_first || requester - map->requester_first >= map->count) {
            continue;
        }
        *device = map->device_first + (requester - map->requester_first);
        return map;
    }
    return NULL;
}

static bool is_its(const struct machine_msi_map *map)
{
    return machine.gic_its.size && map->controller == machine.gic_its_phandle;
}

static int alloc_from_its(const struct bg_hal_msi_request *request, uint32_t device,
                          struct bg_hal_msi *messages)
{
    uint32_t cpu = request->cpu == BG_HAL_CPU_SELF ? cpu_index() : request->cpu - BG_HAL_CPU(0);
    uint64_t state;
    int result;

    if (cpu >= machine.cpu_count) {
        return BG_ERR_INVALID;
    }
    state = interrupt_lock();
    result = its_init();
    if (result > 0) {
        result = interrupt_lpis_begin((uint32_t)result);
    }
    if (!result) {
        result = its_alloc(device, request->count, request->is_block, cpu, messages);
    }
    interrupt_unlock(state);
    return result < 0 ? fail(result, its_problem()) : result;
}

static int alloc_from_frame(const struct bg_hal_msi_request *request, uint32_t phandle,
                            struct bg_hal_msi *messages)
{
    uint64_t state = interrupt_lock();
    int result = v2m_alloc(phandle, request->count, request->is_block, messages);

    interrupt_unlock(state);
    if (result == BG_ERR_NOT_FOUND) {
        return fail(BG_ERR_UNSUPPORTED, "msi-map names a controller that is not known");
    }
    if (result == BG_ERR_NO_SPACE) {
        return fail(result, "all SPIs of the v2m frame are in use");
    }
    return result;
}

int bg_hal_msi_alloc(const struct bg_hal_msi_request *request, struct bg_hal_msi *messages)
{
    const struct machine_msi_map *map;
    uint32_t device;

    if (request->count == 0 || (request->is_block && (request->count & (request->count - 1)))) {
        return BG_ERR_INVALID;
    }
    if (interrupt_init_cpu()) {
        return fail(BG_ERR_UNSUPPORTED, interrupt_problem());
    }
    if (machine.pci_msi_map_count == 0) {
        return fail(BG_ERR_UNSUPPORTED, "the machine has no controller for messages");
    }
    map = map_find(request->requester_id, &device);
    if (map == NULL) {
        return fail(BG_ERR_INVALID, "msi-map has no place for this requester");
    }
    return is_its(map) ? alloc_from_its(request, device, messages)
                       : alloc_from_frame(request, map->controller, messages);
}

void bg_hal_msi_free(const struct bg_hal_msi_request *request, const struct bg_hal_msi *messages,
                     unsigned count)
{
    uint32_t device;
    const struct machine_msi_map *map = map_find(request->requester_id, &device);
    uint64_t state;

    if (map == NULL) {
        return;
    }
    state = interrupt_lock();
    if (is_its(map)) {
        its_free(device, messages, count);
    } else {
        v2m_free(map->controller, messages, count);
    }
    interrupt_unlock(state);
}
