/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* dl_iterate_phdr */
#include "host/mediator/pvgpu/vulkan/files.h"

#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORIES_MAX 16u

static const struct jail_path settings[] = {
    {"/etc/vulkan/icd.d", JAIL_DATA}, {"/usr/share/vulkan/icd.d", JAIL_DATA},
    {"/etc/drirc", JAIL_DATA},        {"/usr/share/drirc.d", JAIL_DATA},
    {"/usr/share/libdrm", JAIL_DATA}, {"/usr/share/nvidia", JAIL_DATA},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static struct {
    char node[32];
    char directories[DIRECTORIES_MAX][PATH_MAX];
    unsigned directory_count;
    struct jail_path paths[DIRECTORIES_MAX + SETTINGS + 2]; /* the node, and the end */
    unsigned count;
} files;

static void add(const char *pattern, enum jail_kind kind)
{
    files.paths[files.count++] = (struct jail_path){pattern, kind};
}

/* The directory of this file, once. */
static void add_directory(const char *file)
{
    char *directory;

    if (files.directory_count == DIRECTORIES_MAX || strlen(file) >= PATH_MAX) {
        return;
    }
    directory = files.directories[files.directory_count];
    strcpy(directory, file);
    *strrchr(directory, '/') = '\0';
    for (unsigned i = 0; i < files.directory_count; i++) {
        if (strcmp(files.directories[i], directory) == 0) {
            return;
        }
    }
    files.directory_count++;
    add(directory, JAIL_LIBRARY);
}

/* By the name under which it was found, and where it is: others are found beside either. */
static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    char path[PATH_MAX];

    (void)size;
    (void)context;
    if (info->dlpi_name != NULL && info->dlpi_name[0] == '/' &&
        realpath(info->dlpi_name, path) != NULL) {
        add_directory(info->dlpi_name);
        add_directory(path);
    }
    return 0;
}

const struct jail_path *vulkan_files_find(int node)
{
    files.count = files.directory_count = 0;
    dl_iterate_phdr(visit, NULL);
    for (unsigned i = 0; i < SETTINGS; i++) {
        add(settings[i].pattern, settings[i].kind);
    }
    if (node != VULKAN_NO_NODE) {
        snprintf(files.node, sizeof(files.node), "/dev/dri/renderD%d", node);
        add(files.node, JAIL_DEVICE);
    }
    add(NULL, JAIL_DATA);
    return files.paths;
}
