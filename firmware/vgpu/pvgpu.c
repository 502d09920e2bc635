/* SPDX-License-Identifier: BSD-2-Clause */
/* The pvgpu device: finding it, starting a session, losing it, starting over. */
#include "firmware/vgpu/pvgpu_internal.h"

#include "baregpu/mmio.h"
#include "firmware/common/mem.h"

#define DISPLAY_REFRESH_MAX_HZ 1000u

/* Between two resets of one start: backends that end one after the other do not make us a flood. */
#define RESET_PAUSE_NS 1000000u

static uint32_t read_register(const struct bg_pvgpu *gpu, uint32_t reg)
{
    return bg_mmio_read32(gpu->registers, reg);
}

/* ---- What the device says about its memory ---- */

static bool is_power_of_two(uint32_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* The control region's constants, each read once. */
static int take_layout(struct bg_pvgpu *gpu, uint8_t *shmem, uint64_t shmem_size)
{
    const struct bg_pvgpu_control *control = gpu->control;
    uint32_t magic = bg_load_once32(&control->magic), version = bg_load_once32(&control->version);
    uint64_t ring_offset = bg_load_once32(&control->ring_offset);
    uint32_t ring_size = bg_load_once32(&control->ring_size);
    uint64_t heap_offset = bg_load_once32(&control->heap_offset);
    uint32_t heap_size = bg_load_once32(&control->heap_size);

    if (magic != BG_PVGPU_MAGIC) {
        return BG_ERR_PROTOCOL;
    }
    if (version >> 16 != BG_PVGPU_VERSION >> 16) {
        return BG_ERR_UNSUPPORTED;
    }
    if (!is_power_of_two(ring_size) || ring_size < 2 * BG_PVGPU_COMMAND_SIZE_MAX ||
        ring_offset < sizeof(*control) || ring_offset % BG_PVGPU_COMMAND_ALIGN != 0 ||
        ring_offset + ring_size > shmem_size) {
        return BG_ERR_PROTOCOL;
    }
    if (heap_offset < sizeof(*control) || heap_offset % BG_PVGPU_HEAP_ALIGN != 0 ||
        heap_offset + heap_size > shmem_size ||
        (heap_offset < ring_offset + ring_size && ring_offset < heap_offset + heap_size)) {
        return BG_ERR_PROTOCOL;
    }
    gpu->ring = shmem + ring_offset;
    gpu->ring_size = ring_size;
    gpu->ring_mask = ring_size - 1;
    gpu->heap = shmem + heap_offset;
    gpu->heap_size = heap_size;
    return 0;
}

/* ---- Starting a session ---- */

/* Is a backend there that has carried out our reset? */
static bool is_started(const struct bg_pvgpu *gpu)
{
    uint32_t status = bg_mmio_read_status32(gpu->registers, BG_PVGPU_REG_STATUS);
    const struct bg_pvgpu_control *control = gpu->control;

    if (status == UINT32_MAX || !(status & BG_PVGPU_STATUS_CONNECTED)) {
        return false;
    }
    if (!(read_register(gpu, BG_PVGPU_REG_FEATURES_HI) &
          PVGPU_HIGH(BG_PVGPU_FEATURE_CONTROL_WORDS))) {
        return true;
    }
    return bg_load_acquire32(&control->reset_done) == bg_load_once32(&control->reset_request) &&
           bg_load_acquire32(&control->status) & BG_PVGPU_CONTROL_READY;
}

/*
 * Was it lost since the reset, too? A backend's end can be seen in the control region before the
 * device hears of it: then the reset comes first, and the loss, which stays until the next one,
 * after it.
 */
static bool is_lost_again(const struct bg_pvgpu *gpu)
{
    const struct bg_pvgpu_control *control = gpu->control;

    return bg_load_acquire32(&control->reset_done) == bg_load_once32(&control->reset_request) &&
           bg_load_acquire32(&control->status) & BG_PVGPU_CONTROL_DEVICE_LOST;
}

static int start(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    uint64_t reset_ns = bg_hal_time_ns();

    bg_mmio_notify32(gpu->registers, BG_PVGPU_REG_RESET, BG_PVGPU_RESET_VALUE);
    for (;;) {
        uint64_t now_ns = bg_hal_time_ns();

        if (is_started(gpu)) {
            return 0;
        }
        /* Looked at before the refusal, which a backend writes before that it is lost. */
        bool is_lost = is_lost_again(gpu);
        int error = pvgpu_refusal(gpu);

        if (error != 0) {
            gpu->loss = error;
            gpu->loss_code = BG_PVGPU_ERROR_DEVICE_LOST;
            return error;
        }
        if (now_ns >= deadline_ns) {
            return BG_ERR_UNAVAILABLE;
        }
        if (is_lost && now_ns - reset_ns >= RESET_PAUSE_NS) {
            reset_ns = now_ns;
            bg_mmio_notify32(gpu->registers, BG_PVGPU_REG_RESET, BG_PVGPU_RESET_VALUE);
        }
        bg_hal_wait(deadline_ns);
    }
}

int pvgpu_restart(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    int error;

    if (gpu->blocks == NULL) {
        return gpu->loss; /* never came so far */
    }
    gpu->loss = BG_ERR_UNAVAILABLE; /* until it works */
    gpu->loss_code = BG_PVGPU_ERROR_BACKEND_DISCONNECTED;
    gpu->features = 0;
    error = start(gpu, deadline_ns);
    if (error < 0) {
        return error;
    }
    gpu->features = read_register(gpu, BG_PVGPU_REG_FEATURES_LO) |
                    (uint64_t)read_register(gpu, BG_PVGPU_REG_FEATURES_HI) << 32;
    if (!bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_D3D11)) {
        gpu->loss = BG_ERR_UNSUPPORTED;
        return gpu->loss;
    }
    error = pvgpu_ring_start(gpu);
    if (error < 0) {
        gpu->loss = error;
        return error;
    }
    pvgpu_jobs_reset(gpu);
    gpu->last_resource = 0;
    gpu->last_view = 0;
    gpu->last_object = 0;
    gpu->loss = 0;
    gpu->loss_code = BG_PVGPU_OK;
    return 0;
}

int bg_pvgpu_restart(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    return OWNED(gpu, pvgpu_restart(gpu, deadline_ns));
}

/* Everything that does not need a backend. */
static int prepare(struct bg_pvgpu *gpu, uint8_t *shmem, uint64_t shmem_size,
                   const struct bg_pvgpu_options *options)
{
    if (read_register(gpu, BG_PVGPU_REG_VERSION) >> 16 != BG_PVGPU_VERSION >> 16) {
        return BG_ERR_UNSUPPORTED;
    }
    if (shmem_size < BG_PVGPU_CONTROL_SIZE) {
        return BG_ERR_PROTOCOL;
    }
    return take_layout(gpu, shmem, shmem_size)
               ?: pvgpu_heap_init(gpu, options->blocks, options->block_count);
}

int bg_pvgpu_attach(struct bg_pvgpu *gpu, void *registers, void *shmem, uint64_t shmem_size,
                    const struct bg_pvgpu_options *options, uint64_t deadline_ns)
{
    int error;

    memset(gpu, 0, sizeof(*gpu));
    gpu->registers = registers;
    gpu->control = shmem;
    gpu->room_timeout_ns =
        options->room_timeout_ns != 0 ? options->room_timeout_ns : BG_PVGPU_ROOM_TIMEOUT_NS;
    gpu->suppressed = BG_PVGPU_IRQ_FENCE | BG_PVGPU_IRQ_ERROR;
    error = prepare(gpu, shmem, shmem_size, options);
    if (error < 0) {
        *gpu = (struct bg_pvgpu){.registers = registers, .control = shmem, .loss = error};
        return error;
    }
    return pvgpu_restart(gpu, deadline_ns);
}

/* A memory BAR of at least this size? One without an address is found out by who maps it. */
static bool has_bar(const struct bg_pci_device *device, unsigned bar, uint64_t size)
{
    const struct bg_pci_resource *resource = &device->bars[bar];

    return !resource->is_io && resource->state != BG_PCI_RESOURCE_ABSENT && resource->size >= size;
}

int bg_pvgpu_open(struct bg_pvgpu *gpu, const struct bg_pci_host *host,
                  const struct bg_pvgpu_options *options, uint64_t deadline_ns)
{
    const struct bg_pci_device *device = options->device;
    void *registers, *shmem;
    int error;

    if (device == NULL) {
        device = bg_pci_find_id(host, BG_PVGPU_PCI_VENDOR_ID, BG_PVGPU_PCI_DEVICE_ID, NULL);
    }
    if (device == NULL || !has_bar(device, BG_PVGPU_BAR_REGISTERS, BG_PVGPU_REGISTERS_SIZE) ||
        !has_bar(device, BG_PVGPU_BAR_SHMEM, BG_PVGPU_CONTROL_SIZE)) {
        return BG_ERR_NOT_FOUND;
    }
    error = bg_pci_device_enable(host, device, BG_PCI_COMMAND_MEMORY)
                ?: bg_pci_bar_map(host, device, BG_PVGPU_BAR_REGISTERS, BG_HAL_MEMORY_DEVICE,
                                  &registers)
                ?: bg_pci_bar_map(host, device, BG_PVGPU_BAR_SHMEM, BG_HAL_MEMORY_NORMAL, &shmem);
    if (error == 0) {
        error = bg_pvgpu_attach(gpu, registers, shmem, device->bars[BG_PVGPU_BAR_SHMEM].size,
                                options, deadline_ns);
        gpu->host = host;
        gpu->device = device;
    }
    return error;
}

static int stop(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    const struct bg_pvgpu_control *control = gpu->control;
    bool is_told = bg_pvgpu_has(gpu, BG_PVGPU_FEATURE_CONTROL_WORDS);

    gpu->loss = BG_ERR_UNAVAILABLE;
    bg_mmio_notify32(gpu->registers, BG_PVGPU_REG_RESET, BG_PVGPU_RESET_VALUE);
    while (is_told &&
           bg_load_acquire32(&control->reset_done) != bg_load_once32(&control->reset_request)) {
        if (bg_hal_time_ns() >= deadline_ns) {
            return BG_ERR_TIMEOUT;
        }
        bg_hal_wait(deadline_ns);
    }
    return 0;
}

int bg_pvgpu_close(struct bg_pvgpu *gpu, uint64_t deadline_ns)
{
    return OWNED(gpu, stop(gpu, deadline_ns));
}

/* ---- Display ---- */

int bg_pvgpu_get_display(struct bg_pvgpu *gpu, struct bg_pvgpu_display *display)
{
    const struct bg_pvgpu_control *control = gpu->control;
    const struct bg_pvgpu_display now = {
        .width = bg_load_once32(&control->display_width),
        .height = bg_load_once32(&control->display_height),
        .refresh_hz = bg_load_once32(&control->display_refresh),
        .format = bg_load_once32(&control->display_format),
    };

    if (now.width == 0 || now.width > BG_PVGPU_TEXTURE_SIDE_MAX || now.height == 0 ||
        now.height > BG_PVGPU_TEXTURE_SIDE_MAX || now.refresh_hz == 0 ||
        now.refresh_hz > DISPLAY_REFRESH_MAX_HZ || bg_pvgpu_format_size(now.format) == 0) {
        return BG_ERR_PROTOCOL;
    }
    *display = now;
    return 0;
}
