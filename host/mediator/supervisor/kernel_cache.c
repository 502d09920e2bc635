/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/kernel_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* docs/cuda-cpu.md */
#define VARIABLE "BAREGPU_CUDA_CACHE"
#define SHARED "BAREGPU_CUDA_CACHE_SHARED"

#define NAME "baregpu-cuda."
#define TRIES 8

static char folder[PATH_MAX];
static int directory = -1; /* locked as long as it is ours; -1: there is none */

static bool is_usable(const char *variable)
{
    const char *path = getenv(variable);

    return path != NULL && path[0] == '/' && access(path, W_OK | X_OK) == 0;
}

static void for_each_file(int fd, void (*do_it)(int fd, const char *name))
{
    int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again >= 0 ? fdopendir(again) : NULL;

    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] != '.') {
            do_it(fd, entry->d_name);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
}

static void remove_file(int fd, const char *name)
{
    unlinkat(fd, name, 0);
}

/* ---- Folders of mediators that were killed ---- */

static bool is_own_folder(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Nobody lives who has it locked. */
static void remove_left(int parent, const char *name)
{
    int fd = strncmp(name, NAME, strlen(NAME)) == 0
                 ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;

    if (fd < 0) {
        return;
    }
    if (is_own_folder(fd) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        for_each_file(fd, remove_file);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    close(fd);
}

static void remove_all_left(const char *parent)
{
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        for_each_file(fd, remove_left);
        close(fd);
    }
}

/* ---- Ours ---- */

/* Another one that starts may take it for one that was left, until it is locked. */
static bool make_folder(const char *parent)
{
    struct stat status;

    snprintf(folder, sizeof(folder), "%s/" NAME "XXXXXX", parent);
    if (mkdtemp(folder) == NULL) {
        return false;
    }
    directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0 && flock(directory, LOCK_EX) == 0 && fstat(directory, &status) == 0 &&
        status.st_nlink > 0) {
        return true;
    }
    close(directory);
    directory = -1;
    return false;
}

bool kernel_cache_open(bool other_users)
{
    const char *parent = is_usable("TMPDIR") ? getenv("TMPDIR") : "/tmp";

    if (!other_users &&
        (getenv(VARIABLE) != NULL || is_usable("XDG_CACHE_HOME") || is_usable("HOME"))) {
        return true;
    }
    remove_all_left(parent);
    for (int i = 0; i < TRIES && !make_folder(parent); i++) {
    }
    return directory >= 0 && setenv(VARIABLE, folder, 1) == 0;
}

static void share_file(int fd, const char *name)
{
    (void)!fchmodat(fd, name, 0444, 0); /* who cannot read it compiles */
}

void kernel_cache_share(void)
{
    if (directory >= 0) {
        for_each_file(directory, share_file);
        if (fchmod(directory, 0755) == 0) {
            setenv(SHARED, "1", 1);
        }
    }
}

void kernel_cache_close(void)
{
    if (directory >= 0) {
        for_each_file(directory, remove_file);
        rmdir(folder);
        close(directory);
        directory = -1;
    }
}
