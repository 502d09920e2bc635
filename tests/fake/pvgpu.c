/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fake/pvgpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "baregpu/barrier.h"
#include "tests/fake/hal.h"

struct fake_pvgpu fake;
struct bg_pvgpu gpu;
struct bg_pvgpu_block fake_blocks[64];

/* ---- The device ---- */

static void init_control(struct fake_pvgpu *device)
{
    struct bg_pvgpu_control *control = device->control;

    memset(control, 0, BG_PVGPU_CONTROL_SIZE);
    control->magic = BG_PVGPU_MAGIC;
    control->version = BG_PVGPU_VERSION;
    control->ring_offset = FAKE_PVGPU_RING_OFFSET;
    control->ring_size = FAKE_PVGPU_RING;
    control->heap_offset = FAKE_PVGPU_HEAP_OFFSET;
    control->heap_size = FAKE_PVGPU_HEAP;
    control->display_width = BG_PVGPU_DISPLAY_WIDTH_DEFAULT;
    control->display_height = BG_PVGPU_DISPLAY_HEIGHT_DEFAULT;
    control->display_refresh = BG_PVGPU_DISPLAY_REFRESH_DEFAULT;
    control->display_format = BG_PVGPU_DISPLAY_FORMAT_DEFAULT;
}

static void start_backend(struct fake_pvgpu *device)
{
    bool is_lost =
        device->control->status & BG_PVGPU_CONTROL_DEVICE_LOST; /* until the next reset */

    if (device->features & BG_PVGPU_FEATURE_CONTROL_WORDS && !is_lost) {
        __atomic_store_n(&device->control->status, BG_PVGPU_CONTROL_READY, __ATOMIC_RELEASE);
    }
}

static void reset(struct fake_pvgpu *device)
{
    struct bg_pvgpu_control *control = device->control;

    device->resets++;
    device->status = BG_PVGPU_STATUS_READY;
    device->irq_status = 0;
    control->reset_request++;
    if (!device->keeps_pointers) {
        control->producer_ptr = control->consumer_ptr = 0;
    }
    control->guest_fence_request = control->host_fence_completed = 0;
    control->status = control->error_code = control->error_data = control->error_count = 0;
    control->backend_sleeping = 0;
    if (device->is_connected && device->refuses_with == 0) {
        start_backend(device);
    } else if (device->is_connected) {
        fake_pvgpu_log(device, 0, BG_PVGPU_ERROR_DEVICE_LOST, device->refuses_with);
        control->status |= BG_PVGPU_CONTROL_DEVICE_LOST | BG_PVGPU_CONTROL_SHUTDOWN;
    }
    if (device->late_losses != 0) {
        device->late_losses--;
        fake_pvgpu_kill(device);
    }
    if (!device->never_resets) {
        __atomic_store_n(&control->reset_done, control->reset_request, __ATOMIC_RELEASE);
    }
}

static uint64_t read_register(void *context, uint64_t address, unsigned width)
{
    struct fake_pvgpu *device = context;
    uint64_t offset = address - device->base;
    uint64_t features = device->is_connected ? device->features : 0;

    device->violations += width != 4 || offset % 4 != 0 || offset >= BG_PVGPU_REGISTERS_SIZE;
    if (device->is_gone) {
        return UINT32_MAX;
    }
    switch (offset) {
    case BG_PVGPU_REG_VERSION:
        return device->version;
    case BG_PVGPU_REG_FEATURES_LO:
        return (uint32_t)features;
    case BG_PVGPU_REG_FEATURES_HI:
        return features >> 32;
    case BG_PVGPU_REG_STATUS:
        return device->status | (device->is_connected ? BG_PVGPU_STATUS_CONNECTED : 0);
    case BG_PVGPU_REG_IRQ_STATUS:
        return device->irq_status;
    case BG_PVGPU_REG_IRQ_MASK:
        return device->irq_mask;
    case BG_PVGPU_REG_SHMEM_SIZE:
        return FAKE_PVGPU_SHMEM;
    case BG_PVGPU_REG_RING_SIZE:
        return FAKE_PVGPU_RING;
    default:
        return 0;
    }
}

static void write_register(void *context, uint64_t address, unsigned width, uint64_t value)
{
    struct fake_pvgpu *device = context;

    if (width != 4) {
        device->violations++;
    }
    switch (address - device->base) {
    case BG_PVGPU_REG_DOORBELL:
        __atomic_add_fetch(&device->doorbells, 1, __ATOMIC_SEQ_CST);
        break;
    case BG_PVGPU_REG_IRQ_STATUS:
        device->irq_status &= ~(uint32_t)value;
        break;
    case BG_PVGPU_REG_IRQ_MASK:
        device->irq_mask = (uint32_t)value;
        break;
    case BG_PVGPU_REG_STATUS:
        device->status &= ~((uint32_t)value & BG_PVGPU_STATUS_ERROR);
        break;
    case BG_PVGPU_REG_RESET:
        device->violations += value != BG_PVGPU_RESET_VALUE;
        reset(device);
        break;
    default:
        device->violations++;
        break;
    }
}

void fake_pvgpu_kill(struct fake_pvgpu *device)
{
    struct bg_pvgpu_control *control = device->control;

    device->is_connected = false;
    device->status |= BG_PVGPU_STATUS_ERROR;
    control->error_code = BG_PVGPU_ERROR_BACKEND_DISCONNECTED;
    __atomic_fetch_and(&control->status, ~BG_PVGPU_CONTROL_READY, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&control->status, BG_PVGPU_CONTROL_DEVICE_LOST | BG_PVGPU_CONTROL_ERROR,
                      __ATOMIC_SEQ_CST);
    if (device->interrupt != NULL) {
        device->interrupt(device, BG_PVGPU_IRQ_ERROR);
    }
}

/* ---- The backend ---- */

static void interrupt(struct fake_pvgpu *device, uint32_t bits)
{
    struct bg_pvgpu_control *control = device->control;

    bg_barrier_full(); /* the fence or the count before suppress_interrupts */
    if (device->features & BG_PVGPU_FEATURE_CONTROL_WORDS) {
        bits &= ~__atomic_load_n(&control->suppress_interrupts, __ATOMIC_RELAXED);
    }
    if (bits != 0) {
        device->interrupts++;
        if (device->interrupt != NULL) {
            device->interrupt(device, bits);
        }
    }
}

void fake_pvgpu_log(struct fake_pvgpu *device, uint64_t position, uint32_t code, uint32_t detail)
{
    struct bg_pvgpu_control *control = device->control;
    uint32_t count = control->error_count;

    if (device->features & BG_PVGPU_FEATURE_CONTROL_WORDS) {
        control->error_log[count % BG_PVGPU_ERROR_LOG_SIZE] =
            (struct bg_pvgpu_error_record){position, code, detail};
    }
    control->error_data = (uint32_t)(position % FAKE_PVGPU_RING);
    control->error_code = code;
    __atomic_fetch_or(&control->status, BG_PVGPU_CONTROL_ERROR, __ATOMIC_SEQ_CST);
    if (device->features & BG_PVGPU_FEATURE_CONTROL_WORDS) {
        __atomic_store_n(&control->error_count, count + 1, __ATOMIC_RELEASE);
    }
    interrupt(device, BG_PVGPU_IRQ_ERROR);
}

static void fence(struct fake_pvgpu *device, const struct fake_pvgpu_command *command)
{
    uint64_t value = command->words[0] | (uint64_t)command->words[1] << 32;

    if (device->is_dead_at_fence) {
        device->is_dead_at_fence = false;
        fake_pvgpu_kill(device);
        return;
    }
    device->fences++;
    if (value > device->control->host_fence_completed) {
        __atomic_store_n(&device->control->host_fence_completed, value, __ATOMIC_RELEASE);
        interrupt(device, BG_PVGPU_IRQ_FENCE);
    }
}

static uint8_t *heap(struct fake_pvgpu *device, uint64_t offset, uint64_t size)
{
    if (offset > FAKE_PVGPU_HEAP || size > FAKE_PVGPU_HEAP - offset) {
        device->violations++;
        return device->shmem + FAKE_PVGPU_HEAP_OFFSET;
    }
    return device->shmem + FAKE_PVGPU_HEAP_OFFSET + offset;
}

static void add_words(struct fake_pvgpu *device, const uint32_t *p)
{
    uint64_t count = p[10], size = 4 * count;
    uint32_t *c = (uint32_t *)(void *)heap(device, p[4], size);
    const uint32_t *a = (const uint32_t *)(const void *)heap(device, p[6], size);
    const uint32_t *b = (const uint32_t *)(const void *)heap(device, p[8], size);

    for (uint64_t i = 0; i < count; i++) {
        c[i] = a[i] + b[i];
    }
}

static void compute(struct fake_pvgpu *device, const struct fake_pvgpu_command *command)
{
    const uint32_t *words = command->words, *params = words + 8;
    struct bg_compute_device_info info = {.backend = BG_COMPUTE_BACKEND_CPU, .multiprocessors = 2};
    struct bg_pvgpu_compute_result *result;

    if (words[0] == BG_PVGPU_NO_RESULT) {
        return;
    }
    result = (struct bg_pvgpu_compute_result *)(void *)heap(device, words[0], sizeof(*result));
    device->violations += words[0] % 8 != 0 || result->done != 0;
    result->status = device->compute_status;
    result->exec_time_us = 12;
    switch (command->header.type) {
    case BG_COMPUTE_VECTOR_ADD_BASIC:
        result->results[0] = params[0] + params[1];
        result->result_count = 1;
        break;
    case BG_COMPUTE_MEMORY_ALLOC:
        result->results[0] = device->next_handle;
        result->result_count = 1;
        break;
    case BG_COMPUTE_GET_DEVICE_INFO:
        memset(info.name, 'x', sizeof(info.name)); /* no NUL */
        memcpy(heap(device, words[3], words[4]), &info, sizeof(info));
        result->data_size = sizeof(info);
        break;
    case BG_COMPUTE_VECTOR_ADD_MEMORY:
        if ((params[1] | params[2] | params[3]) == 0) {
            add_words(device, params);
        }
        break;
    case BG_COMPUTE_NOP:
    case BG_COMPUTE_SYNCHRONIZE:
    case BG_COMPUTE_MEMORY_FREE:
    case BG_COMPUTE_MEMORY_COPY:
        break;
    default:
        result->status = BG_COMPUTE_UNSUPPORTED_OPERATION;
        break;
    }
    if (!device->keeps_no_results) {
        __atomic_store_n(&result->done, 1, __ATOMIC_RELEASE);
    }
}

/* Copies out of the ring, around its end. */
static void copy_ring(const struct fake_pvgpu *device, uint64_t position, void *to, uint32_t size)
{
    const uint8_t *ring = device->shmem + FAKE_PVGPU_RING_OFFSET;
    uint32_t at = (uint32_t)(position % FAKE_PVGPU_RING);
    uint32_t first = FAKE_PVGPU_RING - at < size ? FAKE_PVGPU_RING - at : size;

    memcpy(to, ring + at, first);
    memcpy((uint8_t *)to + first, ring, size - first);
}

static void execute(struct fake_pvgpu *device, const struct fake_pvgpu_command *command)
{
    uint32_t type = command->header.type;

    if (device->fail_code != 0 && type == device->fail_type) {
        fake_pvgpu_log(device, command->position, device->fail_code, type);
    } else if (type == BG_PVGPU_CMD_FENCE) {
        fence(device, command);
    } else if (type >= BG_PVGPU_CMD_COMPUTE_FIRST && type <= BG_PVGPU_CMD_COMPUTE_LAST) {
        compute(device, command);
    }
}

unsigned fake_pvgpu_step(struct fake_pvgpu *device, unsigned budget)
{
    struct bg_pvgpu_control *control = device->control;
    unsigned count = 0;

    if (!device->is_connected || device->is_stuck) {
        return 0;
    }
    __atomic_store_n(&control->backend_sleeping, 0, __ATOMIC_RELAXED);
    for (; budget == 0 || count < budget; count++) {
        uint64_t position = control->consumer_ptr;
        uint64_t produced = __atomic_load_n(&control->producer_ptr, __ATOMIC_ACQUIRE);
        struct fake_pvgpu_command *command = &device->kept[device->commands % FAKE_PVGPU_KEPT];

        if (position == produced || !device->is_connected) {
            break;
        }
        copy_ring(device, position, &command->header, sizeof(command->header));
        uint32_t size = command->header.size;

        if (produced - position > FAKE_PVGPU_RING || size < 16 || size % 16 != 0 ||
            size > BG_PVGPU_COMMAND_SIZE_MAX || size > produced - position) {
            device->violations++;
            device->is_stuck = true;
            break;
        }
        command->position = position;
        copy_ring(device, position + 16, command->words, size - 16);
        device->commands++;
        execute(device, command);
        if (device->is_connected) {
            __atomic_store_n(&control->consumer_ptr, position + size, __ATOMIC_RELEASE);
        }
    }
    return count;
}

bool fake_pvgpu_sleep(struct fake_pvgpu *device)
{
    struct bg_pvgpu_control *control = device->control;

    __atomic_store_n(&control->backend_sleeping, 1, __ATOMIC_RELAXED);
    bg_barrier_full(); /* before producer_ptr */
    if (__atomic_load_n(&control->producer_ptr, __ATOMIC_ACQUIRE) != control->consumer_ptr) {
        return false;
    }
    device->sleeps++;
    return true;
}

/* The driver waits: the backend works, unless it sleeps and nobody rang. */
static void work(void *context)
{
    struct fake_pvgpu *device = context;

    if (device->connects_on_wait) {
        device->connects_on_wait = device->late_losses != 0;
        device->is_connected = true;
        start_backend(device);
    }
    if (device->control->backend_sleeping != 0 && device->doorbells_seen == device->doorbells) {
        return;
    }
    device->doorbells_seen = device->doorbells;
    if (fake_pvgpu_step(device, device->budget) == 0 && device->is_connected && !device->is_stuck) {
        fake_pvgpu_sleep(device);
    }
}

const struct fake_pvgpu_command *fake_pvgpu_last(unsigned back)
{
    assert_true(back < fake.commands && back < FAKE_PVGPU_KEPT);
    return &fake.kept[(fake.commands - 1 - back) % FAKE_PVGPU_KEPT];
}

/* ---- Fixture ---- */

void fake_pvgpu_begin(void)
{
    uint8_t *memory = mmap(NULL, 2 * FAKE_PVGPU_SHMEM, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(memory, MAP_FAILED);
    memset(&fake, 0, sizeof(fake));
    memset(&gpu, 0xA5, sizeof(gpu));
    memset(&fake_hal, 0, sizeof(fake_hal));
    fake.shmem = (uint8_t *)(((uintptr_t)memory + FAKE_PVGPU_SHMEM - 1) / FAKE_PVGPU_SHMEM *
                             FAKE_PVGPU_SHMEM);
    fake.mapping = memory;
    fake.control = (struct bg_pvgpu_control *)(void *)fake.shmem;
    fake.base = 0x10000000;
    fake.version = BG_PVGPU_VERSION;
    fake.status = BG_PVGPU_STATUS_READY;
    fake.features = FAKE_PVGPU_FEATURES;
    fake.is_connected = true;
    fake.next_handle = 7;
    init_control(&fake);
    fake_hal.device = &fake;
    fake_hal.read = read_register;
    fake_hal.write = write_register;
    fake_hal.on_wait = work;
    fake_hal.wait_ns = 10000;
}

void fake_pvgpu_end(void)
{
    munmap(fake.mapping, 2 * FAKE_PVGPU_SHMEM);
    assert_int_equal(fake.violations, 0);
}

int fake_pvgpu_attach(void)
{
    const struct bg_pvgpu_options options = {.blocks = fake_blocks, .block_count = 64};

    return bg_pvgpu_attach(&gpu, (void *)(uintptr_t)fake.base, fake.shmem, FAKE_PVGPU_SHMEM,
                           &options, fake_hal.now_ns + 1000000000);
}

int pvgpu_setup(void **state)
{
    (void)state;
    fake_pvgpu_begin();
    assert_int_equal(fake_pvgpu_attach(), 0);
    return 0;
}

int pvgpu_teardown(void **state)
{
    (void)state;
    fake_pvgpu_end();
    return 0;
}
