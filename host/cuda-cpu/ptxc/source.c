/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/ptxc/source.h"

#include <string.h>
#include <sys/stat.h>

#include "host/common/clock.h"

struct source source_of(const char *path)
{
    struct source source = {0};
    struct stat status;

    if (strlen(path) < sizeof(source.path) && stat(path, &status) == 0) {
        strcpy(source.path, path);
        source.size = (uint64_t)status.st_size;
        source.inode = (uint64_t)status.st_ino;
        source.modified_ns =
            (uint64_t)status.st_mtim.tv_sec * NS_PER_S + (uint64_t)status.st_mtim.tv_nsec;
    }
    return source;
}

bool source_is_current(const struct source *source)
{
    struct source now = {0};

    if (memchr(source->path, '\0', sizeof(source->path)) != NULL) {
        now = source_of(source->path);
    }
    return memcmp(&now, source, sizeof(now)) == 0;
}
