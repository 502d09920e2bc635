/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* dlinfo, O_PATH */
#include "host/mediator/compute/cuda_driver.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/common/symbol.h"
#include "protocol/cuda_rules.h"

#define NAME "libcuda.so.1"
#define TEXT(name) #name /* as it is exported: with its version */
#define BESIDE_PROGRAM "/cuda-cpu"
#define BY_DESCRIPTOR "/proc/self/fd/"

static int folder = -1; /* the CPU device's; -1: it is found by its path */

static bool find(void *library, const char *symbol, void *field, const char **missing)
{
    bool is_there = symbol_find(library, symbol, field);

    if (!is_there && *missing == NULL) {
        *missing = symbol;
    }
    return is_there;
}

static bool find_all(void *library, struct cuda_driver *driver, char *reason)
{
    struct link_map *map;
    const char *missing = NULL;
    bool done = dlinfo(library, RTLD_DI_LINKMAP, &map) == 0;

    driver->path = done ? map->l_name : NAME;
#define CUDA_DRIVER_FIND(name) done = find(library, TEXT(name), &driver->name, &missing) && done;
    CUDA_DRIVER_FUNCTIONS(CUDA_DRIVER_FIND)
#undef CUDA_DRIVER_FIND
#define CUDA_DRIVER_FIND(name) find(library, TEXT(name), &driver->name, &driver->missing);
    CUDA_DRIVER_GUEST_FUNCTIONS(CUDA_DRIVER_FIND)
#undef CUDA_DRIVER_FIND
    if (driver->on_cpu) {
        done = find(library, "cudaCpuSetHost", &driver->set_host, &missing) && done;
    }
    if (missing != NULL) {
        snprintf(reason, CUDA_DRIVER_REASON_SIZE, "%s has no %s: too old", NAME, missing);
    }
    return done;
}

static bool load(struct cuda_driver *driver, const char *name, char *reason)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

    if (library == NULL) {
        snprintf(reason, CUDA_DRIVER_REASON_SIZE, "%s", dlerror());
        return false;
    }
    return find_all(library, driver, reason);
}

/* False: this program's folder is not known. */
static bool find_folder(char path[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof(BESIDE_PROGRAM));

    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    strcpy(strrchr(path, '/'), BESIDE_PROGRAM);
    return true;
}

int cuda_driver_open_folder(void)
{
    char path[PATH_MAX];
    int fd = find_folder(path) ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    int higher = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, CUDA_DRIVER_FOLDER_FD + 1) : -1;

    if (fd >= 0) {
        close(fd);
    }
    return higher;
}

void cuda_driver_take_folder(void)
{
    struct stat status;

    if (fstat(CUDA_DRIVER_FOLDER_FD, &status) == 0 && S_ISDIR(status.st_mode) &&
        faccessat(CUDA_DRIVER_FOLDER_FD, NAME, R_OK, 0) == 0 &&
        fcntl(CUDA_DRIVER_FOLDER_FD, F_SETFD, FD_CLOEXEC) == 0) {
        folder = CUDA_DRIVER_FOLDER_FD;
    } else {
        close(CUDA_DRIVER_FOLDER_FD);
    }
}

void cuda_driver_close_folder(void)
{
    if (folder >= 0) {
        close(folder);
    }
    folder = -1;
}

/* As find_folder. */
static bool find_library(char path[PATH_MAX])
{
    if (folder >= 0) {
        snprintf(path, PATH_MAX, BY_DESCRIPTOR "%d/" NAME, folder);
        return true;
    }
    if (!find_folder(path) || strlen(path) + sizeof("/" NAME) > PATH_MAX) {
        return false;
    }
    strcat(path, "/" NAME);
    return true;
}

void cuda_driver_tell_path(const struct cuda_driver *driver, char *path, size_t size)
{
    char real[PATH_MAX];

    if (strncmp(driver->path, BY_DESCRIPTOR, strlen(BY_DESCRIPTOR)) == 0 && find_folder(real)) {
        snprintf(path, size, "%s/" NAME, real);
    } else {
        snprintf(path, size, "%s", driver->path);
    }
}

static bool is_same_file(const char *one, const char *other)
{
    struct stat first, second;

    return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

const struct cuda_driver *cuda_driver_load_nvidia(char reason[CUDA_DRIVER_REASON_SIZE])
{
    static struct cuda_driver driver;
    char own[PATH_MAX];

    if (driver.path == NULL && !load(&driver, NAME, reason)) {
        return NULL;
    }
    if (find_library(own) && is_same_file(driver.path, own)) {
        snprintf(reason, CUDA_DRIVER_REASON_SIZE, "%s is the CUDA device on the CPU", NAME);
        return NULL;
    }
    return &driver;
}

const struct cuda_driver *cuda_driver_load_cpu(char reason[CUDA_DRIVER_REASON_SIZE])
{
    static struct cuda_driver driver = {.on_cpu = true};
    char path[PATH_MAX];

    if (driver.path != NULL) {
        return &driver;
    }
    /* Until a session says more (worker/device.c) it starts no threads. */
    setenv("BAREGPU_CUDA_THREADS", "0", 1);
    snprintf(reason, CUDA_DRIVER_REASON_SIZE, "this program's folder is not known");
    return find_library(path) && load(&driver, path, reason) ? &driver : NULL;
}

const char *cuda_driver_error_name(const struct cuda_driver *driver, CUresult result)
{
    static _Thread_local char number[24];
    const char *name = NULL;

    if (driver->cuGetErrorName(result, &name) != CUDA_SUCCESS || name == NULL) {
        snprintf(number, sizeof(number), "CUDA error %d", (int)result);
        name = number;
    }
    return name;
}

bool cuda_result_is_fatal(CUresult result)
{
    return result == CUDA_ERROR_NOT_INITIALIZED || result == CUDA_ERROR_INVALID_CONTEXT ||
           cuda_result_ends_context(result);
}
