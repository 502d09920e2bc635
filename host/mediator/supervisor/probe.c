/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* pipe2 */
#include "host/mediator/supervisor/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/mediator/worker/device.h"

/* A machine with eight GPUs and no persistence daemon takes some ten seconds. */
#define PROBE_LIMIT_NS (60 * NS_PER_S)

extern char **environ;

/* ---- The child ---- */

static void write_uuid(char text[PROBE_UUID_SIZE], const CUuuid *uuid)
{
    size_t used = (size_t)sprintf(text, "GPU-");

    for (unsigned i = 0; i < sizeof(uuid->bytes); i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        used += (size_t)sprintf(text + used, "%s%02x", dash ? "-" : "", (uint8_t)uuid->bytes[i]);
    }
}

/* A device is its number. */
static void describe_device(const struct cuda_driver *driver, int device, struct probe *probe)
{
    size_t memory = 0;
    CUuuid uuid;

    driver->cuDeviceGetName(probe->names[device], PROBE_NAME_SIZE, device);
    if (driver->cuDeviceTotalMem(&memory, device) == CUDA_SUCCESS) {
        probe->memory[device] = memory;
    }
    if (driver->cuDeviceGetUuid != NULL && driver->cuDeviceGetUuid(&uuid, device) == CUDA_SUCCESS) {
        write_uuid(probe->uuids[device], &uuid);
    }
}

static bool find_devices(const struct cuda_driver *driver, struct probe *probe)
{
    CUresult result = driver->cuInit(0);
    const char *called = "cuInit";
    int count = 0;

    if (result == CUDA_SUCCESS) {
        result = driver->cuDeviceGetCount(&count);
        called = "cuDeviceGetCount";
    }
    if (result != CUDA_SUCCESS || count <= 0) {
        snprintf(probe->reason, sizeof(probe->reason), "%s: %s, %d devices", called,
                 cuda_driver_error_name(driver, result), count);
        return false;
    }
    cuda_driver_tell_path(driver, probe->path, sizeof(probe->path));
    driver->cuDriverGetVersion(&probe->version);
    for (int i = 0; i < count && i < PROBE_DEVICES; i++) {
        describe_device(driver, i, probe);
    }
    probe->count = count;
    return true;
}

/* As a worker will, which then finds the kernels compiled. */
static void try_kernels(const struct cuda_driver *driver, struct probe *probe)
{
    static struct gpu gpu;

    if (!gpu_open(&gpu, driver, 0) || gpu_prepare(&gpu) != BG_COMPUTE_OK) {
        snprintf(probe->reason, sizeof(probe->reason), "%s", gpu.error);
        probe->count = 0;
    }
}

static void find_computing(const char *name, struct probe *probe)
{
    bool on_cpu = strcmp(name, DEVICE_CPU) == 0;
    const struct cuda_driver *driver;

    cuda_driver_take_folder();
    driver = on_cpu ? cuda_driver_load_cpu(probe->reason) : cuda_driver_load_nvidia(probe->reason);
    if (driver != NULL && find_devices(driver, probe) && on_cpu) {
        try_kernels(driver, probe);
    }
}

int probe_main(const char *name, void (*find_drawing)(const char *wanted, struct probe *probe))
{
    struct probe probe = {0};

    if (strncmp(name, DEVICE_VULKAN, strlen(DEVICE_VULKAN)) == 0) {
        find_drawing(name + strlen(DEVICE_VULKAN), &probe);
    } else {
        find_computing(name, &probe);
    }
    return write(STDOUT_FILENO, &probe, sizeof(probe)) == sizeof(probe) ? 0 : 1;
}

/* ---- The parent ---- */

static int start_child(const char *driver, int device_folder, int out, pid_t *child)
{
    char *const arguments[] = {(char *)"baregpu-mediator", (char *)PROBE_ARGUMENT, (char *)driver,
                               NULL};
    posix_spawn_file_actions_t actions;
    int result;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (device_folder >= 0) {
        posix_spawn_file_actions_adddup2(&actions, device_folder, CUDA_DRIVER_FOLDER_FD);
    }
    /* What NVIDIA's driver has to say could be more than anybody reads: the child would wait. Ours
     * says what keeps it from compiling. */
    if (strcmp(driver, DEVICE_CPU) != 0) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    result = posix_spawn(child, "/proc/self/exe", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

/* False when its time is over, or it has ended. */
static bool read_answer(int in, struct probe *probe)
{
    uint64_t until_ns = clock_now_ns() + PROBE_LIMIT_NS;
    struct pollfd polled = {.fd = in, .events = POLLIN};
    size_t used = 0;

    while (used < sizeof(*probe)) {
        uint64_t now_ns = clock_now_ns();
        ssize_t received;

        if (now_ns >= until_ns) {
            return false;
        }
        if (poll(&polled, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) <= 0) {
            continue;
        }
        received = read(in, (char *)probe + used, sizeof(*probe) - used);
        if (received <= 0) {
            return false;
        }
        used += (size_t)received;
    }
    return true;
}

__attribute__((format(printf, 2, 3))) static void fail(struct probe *probe, const char *format, ...)
{
    va_list arguments;

    *probe = (struct probe){0};
    va_start(arguments, format);
    vsnprintf(probe->reason, sizeof(probe->reason), format, arguments);
    va_end(arguments);
}

void probe_run(const char *driver, int device_folder, struct probe *probe)
{
    int pipes[2], status = 0, result;
    pid_t child;

    if (pipe2(pipes, O_CLOEXEC) != 0) {
        fail(probe, "pipe: %s", strerror(errno));
        return;
    }
    result = start_child(driver, device_folder, pipes[1], &child);
    close(pipes[1]);
    if (result != 0) {
        fail(probe, "no probe process: %s", strerror(result));
        close(pipes[0]);
        return;
    }
    bool answered = read_answer(pipes[0], probe);
    close(pipes[0]);
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!answered) {
        fail(probe, WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL
                        ? "the driver crashed its process"
                        : "the driver does not answer");
    }
}
