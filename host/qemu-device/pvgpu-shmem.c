/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pvgpu: the shared-memory object, see the header. */
#include "qemu/osdep.h"
#include <dirent.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/memfd.h"
#include "qemu/units.h"
#include "pvgpu-shmem.h"
#include "trace.h"

/* Where the C library keeps POSIX shared memory (shm_overview(7)). */
#define SHMEM_FOLDER "/dev/shm"

/* Names are tried one after the other, as long as somebody has taken them. */
#define NAMES_MAX 1000

/* True when @name (without its slash) still leads to what @fd is open on. */
static bool is_named(int fd, const char *name)
{
    g_autofree char *path = g_strdup_printf(SHMEM_FOLDER "/%s", name);
    struct stat opened, named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
           opened.st_ino == named.st_ino;
}

/* Only names of the form that we make: other programs' objects begin alike, and have no lock. */
static bool is_our_name(const char *name)
{
    const char *prefix = BG_PVGPU_SHMEM_NAME_PREFIX + 1;
    unsigned process, count;
    int end = 0;

    if (!g_str_has_prefix(name, prefix)) {
        return false;
    }
    name += strlen(prefix);
    return sscanf(name, "%8u_%8u%n", &process, &count, &end) == 2 && name[end] == '\0';
}

/*
 * Removes @name if a crash has left it: ours, and not locked. The lock is held while its name is
 * removed, so that nobody who just makes it takes it for good; see create_named().
 */
static bool remove_stale(const char *name)
{
    g_autofree char *shm_name = g_strdup_printf("/%s", name);
    int fd = shm_open(shm_name, O_RDWR | O_NOFOLLOW, 0);
    struct stat status;
    bool removed = false;

    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, name)) {
        removed = shm_unlink(shm_name) == 0;
        if (removed) {
            trace_pvgpu_shmem_stale(shm_name);
        }
    }
    close(fd);
    return removed;
}

static unsigned remove_all_stale(void)
{
    DIR *folder = opendir(SHMEM_FOLDER);
    struct dirent *entry;
    unsigned count = 0;

    if (folder == NULL) {
        return 0;
    }
    while ((entry = readdir(folder)) != NULL) {
        count += is_our_name(entry->d_name) && remove_stale(entry->d_name);
    }
    closedir(folder);
    return count;
}

/* A new object with a name that was free, or -1. */
static int create_named(PVGPUShmem *shmem, Error **errp)
{
    static unsigned count;

    for (unsigned i = 0; i < NAMES_MAX; i++) {
        int fd;

        snprintf(shmem->name, sizeof(shmem->name), BG_PVGPU_SHMEM_NAME_PREFIX "%u_%u",
                 (unsigned)getpid(), count++ % 100000000);
        fd = shm_open(shmem->name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0 && errno != EEXIST) {
            break;
        }
        /* Whoever cleans up may have seen it before it was locked: it is gone then. */
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(fd, shmem->name + 1)) {
            return fd;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    error_setg_errno(errp, errno, "cannot make shared memory %s", shmem->name);
    shmem->name[0] = '\0';
    return -1;
}

/* Memory that is missing when somebody first touches it ends the process. */
static bool check_room(int fd, uint64_t size, Error **errp)
{
    struct statvfs room;
    uint64_t free_bytes;

    if (fstatvfs(fd, &room) < 0 || room.f_blocks == 0) {
        return true; /* no limit */
    }
    free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
    if (size <= free_bytes) {
        return true;
    }
    error_setg(errp,
               SHMEM_FOLDER " lacks %" PRIu64 " MiB: it has room for %" PRIu64 " of %" PRIu64
                            " MiB. Enlarge it (mount -o remount,size=..., docker run "
                            "--shm-size=...), or use a backend that takes descriptors",
               DIV_ROUND_UP(size - free_bytes, MiB), free_bytes / MiB, size / MiB);
    return false;
}

static bool reserve_memory(int fd, uint64_t size, Error **errp)
{
    int error = posix_fallocate(fd, 0, size);
    struct stat status = {0};

    if (error == 0) {
        return true;
    }
    fstat(fd, &status);
    error_setg_errno(errp, error,
                     "shmem_size is %" PRIu64 " MiB, of which %" PRIu64
                     " MiB are missing on this host: make it smaller, or free memory",
                     size / MiB, (size - MIN(size, (uint64_t)status.st_blocks * 512)) / MiB);
    return false;
}

static bool make_object(PVGPUShmem *shmem, uint64_t size, Error **errp)
{
    shmem->lock_fd = create_named(shmem, errp);
    if (shmem->lock_fd < 0) {
        return false;
    }
    if (ftruncate(shmem->lock_fd, size) < 0) {
        error_setg_errno(errp, errno, "cannot make shared memory of %" PRIu64 " MiB", size / MiB);
        pvgpu_shmem_remove(shmem);
        return false;
    }
    trace_pvgpu_shmem_create(shmem->name, size);
    return true;
}

int pvgpu_shmem_create(PVGPUShmem *shmem, uint64_t size, bool reserve, bool named,
                       unsigned *removed, Error **errp)
{
    int fd;

    *removed = remove_all_stale();
    shmem->is_named = false;
    shmem->name[0] = '\0';
    fd =
        qemu_memfd_create("pvgpu", size, false, 0, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, errp);
    if (fd < 0) {
        return -1;
    }
    if ((reserve && !reserve_memory(fd, size, errp)) ||
        (named && !make_object(shmem, size, errp))) {
        close(fd);
        return -1;
    }
    return fd;
}

bool pvgpu_shmem_describe(PVGPUShmem *shmem, const struct bg_pvgpu_control *control, Error **errp)
{
    if (!shmem->name[0] ||
        pwrite(shmem->lock_fd, control, sizeof(*control), 0) == sizeof(*control)) {
        return true;
    }
    error_setg_errno(errp, errno,
                     SHMEM_FOLDER " has no room for an object's first page: free some, or say "
                                  "shmem_named=off where no older backend is used");
    return false;
}

/* The object is sparse: pages of zeroes are there already. */
static bool copy_memory(int fd, const uint8_t *memory, uint64_t size)
{
    const size_t step = 64 * KiB;

    for (uint64_t at = 0; at < size; at += step) {
        if ((at == 0 || !buffer_is_zero(memory + at, step)) &&
            pwrite(fd, memory + at, step, at) != (ssize_t)step) {
            return false;
        }
    }
    return true;
}

int pvgpu_shmem_move_to_name(PVGPUShmem *shmem, void *memory, uint64_t size, Error **errp)
{
    int fd;

    if (!check_room(shmem->lock_fd, size, errp) || !reserve_memory(shmem->lock_fd, size, errp)) {
        return -1;
    }
    /* One of its own: the lock is not for others. */
    fd = shm_open(shmem->name, O_RDWR, 0);
    if (fd < 0 || !copy_memory(fd, memory, size) ||
        mmap(memory, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
        error_setg_errno(errp, errno, "cannot use shared memory %s", shmem->name);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    shmem->is_named = true;
    return fd;
}

void pvgpu_shmem_remove(PVGPUShmem *shmem)
{
    if (!shmem->name[0]) {
        return;
    }
    shm_unlink(shmem->name);
    close(shmem->lock_fd);
    shmem->name[0] = '\0';
}
