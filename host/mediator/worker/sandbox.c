/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/worker/sandbox.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/mediator/worker/device.h"

/* Program, libraries, two stacks, malloc's arenas (which reserve 128 MiB to use some of it). */
#define ADDRESS_SPACE_OVERHEAD (UINT64_C(1) << 30)
#define ADDRESS_SPACE_OF_THREAD (UINT64_C(144) << 20) /* one of each */
/* Mesa draws with as many threads as processors, at most; computes with as many others; and has one
 * that tells them what. Its LLVM is not ours. */
#define DRAWING_THREADS_MAX 32
#define ADDRESS_SPACE_OF_DRAWING (UINT64_C(1) << 30)
#define CPU_DESCRIPTORS 64
#define CUDA_DESCRIPTORS 1024
#define PATHS_MAX 64u

static uint64_t count_drawing(const struct worker *worker)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t threads = processors > 0 && processors < DRAWING_THREADS_MAX ? (uint64_t)processors
                                                                          : DRAWING_THREADS_MAX;

    return worker->drawing == WORKER_DRAWS_ON_CPU
               ? ADDRESS_SPACE_OF_DRAWING + (2 * threads + 1) * ADDRESS_SPACE_OF_THREAD
               : 0;
}

/* Without a GPU: nothing but memory; files are the pictures' memory only. */
static void describe_cpu(struct jail *jail, const struct worker *worker)
{
    uint64_t memory = worker->start.limits.memory_limit;
    uint64_t more = worker->shared_size + ADDRESS_SPACE_OVERHEAD +
                    device_threads() * ADDRESS_SPACE_OF_THREAD + count_drawing(worker);
    bool memfd = worker->kind->hands_out_memory;

    jail->calls = JAIL_CALLS_THREADS | (memfd ? JAIL_CALLS_MEMFD : 0);
    jail->descriptors = CPU_DESCRIPTORS;
    jail->file_size = memfd ? memory : 0;
    jail->address_space = memory < UINT64_MAX - more ? memory + more : JAIL_NO_LIMIT;
}

static void cut_name(char *path)
{
    *strrchr(path, '/') = '\0';
}

/* Where the driver's library is, and where a link to it is: it finds the others beside it. */
static void find_driver(char *directory, char *link)
{
    const struct cuda_driver *driver = device_get_cuda();

    if (driver != NULL && realpath(driver->path, directory) != NULL) {
        snprintf(link, PATH_MAX, "%s", driver->path);
        cut_name(directory);
        cut_name(link);
    }
}

/* What drivers of GPUs are known to open. Not the PCI devices of /sys: a file there is a device's
 * memory, and root's, which a worker of root's still is for files. */
static const struct jail_path driver_files[] = {
    {"/dev/null", JAIL_DEVICE},         {"/dev/zero", JAIL_DEVICE},
    {"/dev/urandom", JAIL_DEVICE},      {"/proc/self", JAIL_DATA},
    {"/proc/cpuinfo", JAIL_DATA},       {"/proc/devices", JAIL_DATA},
    {"/proc/filesystems", JAIL_DATA},   {"/proc/meminfo", JAIL_DATA},
    {"/proc/modules", JAIL_DATA},       {"/proc/stat", JAIL_DATA},
    {"/proc/sys/vm", JAIL_DATA},        {"/proc/version", JAIL_DATA},
    {"/sys/devices/system", JAIL_DATA}, {"/etc/ld.so.cache", JAIL_DATA},
    {"/etc/alternatives", JAIL_DATA},   {NULL, JAIL_DATA},
};

static const struct jail_path nvidia_files[] = {
    {"/dev/nvidia*", JAIL_DEVICE},
    {"/proc/driver/nvidia*", JAIL_DATA},
    {"/sys/module/nvidia*/initstate", JAIL_DATA},
    {"/sys/module/nvidia*/parameters", JAIL_DATA},
    {"/sys/module/nvidia*/version", JAIL_DATA},
    {NULL, JAIL_DATA},
};

/* Lists of all that one worker needs; static, as what they are made of. */
static struct {
    struct jail_path paths[PATHS_MAX + 1];
    unsigned count;
} root;

static bool root_has(const char *pattern)
{
    for (unsigned i = 0; i < root.count; i++) {
        if (strcmp(root.paths[i].pattern, pattern) == 0) {
            return true;
        }
    }
    return false;
}

/* To the end, or NULL. */
static void add_files(const struct jail_path *files)
{
    for (; files != NULL && files->pattern != NULL && root.count < PATHS_MAX; files++) {
        if (!root_has(files->pattern)) {
            root.paths[root.count++] = *files;
        }
    }
    root.paths[root.count] = (struct jail_path){.pattern = NULL};
}

static void add_cuda(void)
{
    static char libraries[PATH_MAX], links[PATH_MAX];
    const struct jail_path files[] = {
        {links, JAIL_LIBRARY}, {libraries, JAIL_LIBRARY}, {NULL, JAIL_DATA}};

    find_driver(libraries, links);
    add_files(files);
}

/* Each worker has the devices of what it computes and draws on, and no others. */
static void describe_driver(struct jail *jail, const struct worker *worker)
{
    bool loose = worker->start.cuda_loose;

    root.count = 0;
    add_files(driver_files);
    if (worker->start.cuda_possible || worker->drawing == WORKER_DRAWS_ON_NVIDIA) {
        add_files(nvidia_files);
    }
    if (worker->start.cuda_possible) {
        add_cuda();
    }
    add_files(worker->drawing_files);
    jail->paths = root.paths;
    jail->keeps_root = loose;
    jail->calls = loose ? JAIL_CALLS_LOOSE : JAIL_CALLS_DRIVER | JAIL_CALLS_MEMFD;
    jail->calls |= !loose && worker->drawing == WORKER_DRAWS_ON_DRM ? JAIL_CALLS_NODE : 0;
    jail->descriptors = CUDA_DESCRIPTORS;
    jail->file_size = jail->address_space = JAIL_NO_LIMIT; /* the driver reserves terabytes */
}

/* A GPU's, for what it computes or for what it draws. */
static bool needs_driver(const struct worker *worker)
{
    return worker->start.cuda_possible || worker->drawing == WORKER_DRAWS_ON_NVIDIA ||
           worker->drawing == WORKER_DRAWS_ON_DRM;
}

void sandbox_describe(const struct worker *worker, struct jail *jail)
{
    if (needs_driver(worker)) {
        describe_driver(jail, worker);
    } else {
        describe_cpu(jail, worker);
    }
    jail->calls |= device_runs_code() ? JAIL_CALLS_CODE : 0;
    jail->calls |= worker->drawing == WORKER_DRAWS_ON_CPU ? JAIL_CALLS_CODE | JAIL_CALLS_DRAW : 0;
}

int sandbox_enter(const struct worker *worker)
{
    /* Nobody else is the first process that it sees: the nursery made its namespaces. */
    struct jail jail = {.isolated = getpid() == 1};
    struct control_message message = {.type = CONTROL_EXPOSED};

    sandbox_describe(worker, &jail);
    int result = jail_enter(&jail, message.reason);
    if (message.reason[0]) {
        control_tell(worker->control, &message);
    }
    return result;
}

int sandbox_close(const struct worker *worker)
{
    bool makes_threads =
        needs_driver(worker) || device_threads() > 0 || worker->drawing != WORKER_DRAWS_NOTHING;

    return makes_threads ? 0 : jail_forbid_threads();
}
