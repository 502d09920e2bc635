/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/mediator/supervisor/kernel_cache.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* docs/cuda-cpu.md */
#define VARIABLE "BAREGPU_CUDA_CACHE"
#define SHARED "BAREGPU_CUDA_CACHE_SHARED"

static char folder[PATH_MAX];
static bool is_made;

static bool is_usable(const char *variable)
{
    const char *path = getenv(variable);

    return path != NULL && path[0] == '/' && access(path, W_OK | X_OK) == 0;
}

bool kernel_cache_open(bool other_users)
{
    if (!other_users &&
        (getenv(VARIABLE) != NULL || is_usable("XDG_CACHE_HOME") || is_usable("HOME"))) {
        return true;
    }
    snprintf(folder, sizeof(folder), "%s/baregpu-cuda.XXXXXX",
             is_usable("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    is_made = mkdtemp(folder) != NULL && setenv(VARIABLE, folder, 1) == 0;
    return is_made;
}

static void for_each_file(void (*do_it)(int directory, const char *name))
{
    DIR *directory = is_made ? opendir(folder) : NULL;

    if (directory == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] != '.') {
            do_it(dirfd(directory), entry->d_name);
        }
    }
    closedir(directory);
}

static void share_file(int directory, const char *name)
{
    (void)!fchmodat(directory, name, 0444, 0); /* who cannot read it compiles */
}

void kernel_cache_share(void)
{
    for_each_file(share_file);
    if (is_made && chmod(folder, 0755) == 0) {
        setenv(SHARED, "1", 1);
    }
}

static void remove_file(int directory, const char *name)
{
    unlinkat(directory, name, 0);
}

void kernel_cache_close(void)
{
    for_each_file(remove_file);
    if (is_made) {
        rmdir(folder);
    }
}
