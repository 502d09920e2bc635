/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* O_PATH */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/common/jail_parts.h"

/* Any directory that each system has: the root is built there. */
#define PLACE "/tmp"
#define SOURCES_MAX 256u

/* A path of the outside, held by a descriptor: the new root covers some of them. */
struct source {
    char path[PATH_MAX];
    enum jail_kind kind;
    int fd;
};

struct sources {
    struct source list[SOURCES_MAX];
    unsigned count;
};

static int fail(char text[JAIL_TEXT_SIZE], const char *path)
{
    snprintf(text, JAIL_TEXT_SIZE, "no root: %.80s: %s", path, strerror(errno));
    return -1;
}

/* ---- What there is outside ---- */

/* What cannot be opened is left out, and what has no place below a root. */
static int add_source(struct sources *sources, const char *path, enum jail_kind kind)
{
    struct source *source = &sources->list[sources->count];
    int fd = path[0] == '/' ? open(path, O_PATH | O_CLOEXEC) : -1;

    if (fd < 0) {
        return 0;
    }
    if (sources->count == SOURCES_MAX || strlen(path) >= sizeof(source->path)) {
        close(fd);
        errno = E2BIG;
        return -1;
    }
    strcpy(source->path, path);
    source->kind = kind;
    source->fd = fd;
    sources->count++;
    return 0;
}

static int find_sources(struct sources *sources, const struct jail_path *paths)
{
    int result = 0;

    for (; result == 0 && paths != NULL && paths->pattern != NULL; paths++) {
        glob_t found = {0};

        /* A name that only looks like a pattern is itself. */
        if (glob(paths->pattern, GLOB_NOCHECK | GLOB_NOESCAPE, NULL, &found) == 0) {
            for (size_t i = 0; result == 0 && i < found.gl_pathc; i++) {
                result = add_source(sources, found.gl_pathv[i], paths->kind);
            }
        }
        globfree(&found);
    }
    return result;
}

static void close_sources(struct sources *sources)
{
    for (unsigned i = 0; i < sources->count; i++) {
        close(sources->list[i].fd);
    }
    free(sources);
}

/* ---- What is there inside ---- */

static int make_directories(char *path)
{
    for (char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path, 0755);
        *slash = '/';
        if (result != 0 && errno != EEXIST) {
            return -1;
        }
    }
    return 0;
}

/* Something of the same kind to mount on. */
static int make_place(const struct source *source, char *place)
{
    struct stat status;

    if (fstat(source->fd, &status) != 0 || make_directories(place) != 0) {
        return -1;
    }
    if (S_ISDIR(status.st_mode)) {
        return mkdir(place, 0755) == 0 || errno == EEXIST ? 0 : -1;
    }
    int fd = open(place, O_CREAT | O_WRONLY | O_CLOEXEC, 0444);
    return fd < 0 ? -1 : close(fd);
}

/* Flags that the outside has set cannot be taken back. */
static unsigned long mount_flags(const struct source *source)
{
    const unsigned long kept = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    unsigned long flags = MS_RDONLY | MS_NOSUID;
    struct statvfs status = {0};

    fstatvfs(source->fd, &status); /* its ST_ flags are mount's */
    flags |= status.f_flag & kept;
    flags |= source->kind != JAIL_DEVICE ? MS_NODEV : 0;
    flags |= source->kind != JAIL_LIBRARY ? MS_NOEXEC : 0;
    return flags;
}

/* With what is mounted below: driver libraries are in containers. */
static int bind(const struct source *source, const char *place)
{
    char name[32];

    snprintf(name, sizeof(name), "/proc/self/fd/%d", source->fd);
    if (mount(name, place, NULL, MS_BIND | MS_REC, NULL) != 0) {
        return -1;
    }
    return mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | mount_flags(source), NULL);
}

static int attach(const struct source *source)
{
    char place[PATH_MAX + 1];

    snprintf(place, sizeof(place), "%s", source->path + 1); /* below the current directory */
    return make_place(source, place) ?: bind(source, place);
}

/* Where the first root cannot be moved away (an initial ramfs), it is covered: no descriptor leads
 * under it, and the system calls that would are refused. */
static int switch_root(void)
{
    if (syscall(SYS_pivot_root, ".", ".") == 0) {
        return umount2(".", MNT_DETACH);
    }
    return mount(".", "/", NULL, MS_MOVE, NULL) ?: chroot(".");
}

static int build_root(const struct sources *sources, char text[JAIL_TEXT_SIZE])
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", PLACE, "tmpfs", flags, "size=4k,nr_inodes=4k,mode=0555") != 0 ||
        chdir(PLACE) != 0) {
        return fail(text, PLACE);
    }
    for (unsigned i = 0; i < sources->count; i++) {
        if (attach(&sources->list[i]) != 0) {
            return fail(text, sources->list[i].path);
        }
    }
    if (switch_root() != 0 || chdir("/") != 0 ||
        mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) != 0) {
        return fail(text, "/");
    }
    return 0;
}

int jail_root_enter(const struct jail_path *paths, char text[JAIL_TEXT_SIZE])
{
    struct sources *sources = calloc(1, sizeof(*sources));

    if (sources == NULL) {
        return fail(text, "/");
    }
    int result = find_sources(sources, paths);
    result = result != 0 ? fail(text, "too many paths") : build_root(sources, text);
    close_sources(sources);
    return result;
}
