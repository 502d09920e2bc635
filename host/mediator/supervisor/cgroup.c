/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* O_PATH */
#include "host/mediator/supervisor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/mediator/log.h"

#define NEST_PREFIX "baregpu-"
#define SUPERVISOR "supervisor"
/* A worker's threads: its own, and a driver's. */
#define WORKER_PIDS "256" /* its own, those of kernels, twice, of its compiler, of drawing */
/* A worker's is 100: the supervisor is needed by all of them. */
#define SUPERVISOR_WEIGHT "1000"

static const char *const controllers[] = {"memory", "pids", "cpu"};
#define CONTROLLERS (sizeof(controllers) / sizeof(controllers[0]))

struct cgroup {
    char path[PATH_MAX];
    char name[32];
    bool placed;  /* systemd did, in a group of its own */
    bool is_root; /* of the whole system: it has all the processes that nobody put elsewhere */
    int own;      /* the group that this process was started in */
    int nest;     /* locked as long as this process is there */
};

/* ---- Files ---- */

static int write_file(int directory, const char *file, const char *text)
{
    int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);

    if (fd < 0) {
        return -1;
    }
    ssize_t written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return written < 0 ? -1 : 0;
}

/* What fits; 0 when it cannot be read. */
static size_t read_file(int directory, const char *file, char *text, size_t size)
{
    int fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

    if (fd >= 0) {
        close(fd);
    }
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

static int open_directory(int directory, const char *name)
{
    return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A worker's file, such as 12/memory.max. */
static int write_slot(struct cgroup *cgroup, unsigned slot, const char *file, const char *text)
{
    char path[64];

    snprintf(path, sizeof(path), "%u/%s", slot, file);
    return write_file(cgroup->nest, path, text);
}

/* ---- Where we are ---- */

/* Of "0::/a/b" the path; version 1's lines have other numbers. */
static bool find_group(FILE *groups, char *group, size_t size)
{
    char line[PATH_MAX];

    while (fgets(line, sizeof(line), groups) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0 && strncmp(line, "0::/..", 6) != 0) {
            snprintf(group, size, "%s", line + 3);
            return true;
        }
    }
    return false;
}

/* Below `root`, where a mount point shows that part of the tree only; NULL: not there. */
static const char *strip(const char *group, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);

    if (strncmp(group, root, length) != 0 || (group[length] != '/' && group[length] != '\0')) {
        return NULL;
    }
    return group + length;
}

bool cgroup_find(FILE *groups, FILE *mounts, char *path, size_t size)
{
    char group[PATH_MAX], line[2 * PATH_MAX], root[PATH_MAX], point[PATH_MAX];

    if (groups == NULL || mounts == NULL || !find_group(groups, group, sizeof(group))) {
        return false;
    }
    while (fgets(line, sizeof(line), mounts) != NULL) {
        const char *below;

        /* number, parent, device, root, mount point, options ..., "-", type */
        if (strstr(line, " - cgroup2 ") != NULL &&
            sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) == 2 &&
            (below = strip(group, root)) != NULL) {
            below = strcmp(below, "/") == 0 ? "" : below;
            return (size_t)snprintf(path, size, "%s%s", point, below) < size;
        }
    }
    return false;
}

static bool find_own(char *path, size_t size)
{
    FILE *groups = fopen("/proc/self/cgroup", "re"), *mounts = fopen("/proc/self/mountinfo", "re");
    bool found = cgroup_find(groups, mounts, path, size);

    if (groups != NULL) {
        fclose(groups);
    }
    if (mounts != NULL) {
        fclose(mounts);
    }
    return found;
}

/* Others there were not asked, and keep the controllers from being enabled. */
static bool is_alone(int own)
{
    char text[64], expected[32];

    snprintf(expected, sizeof(expected), "%d\n", (int)getpid());
    read_file(own, "cgroup.procs", text, sizeof(text));
    return strcmp(text, expected) == 0;
}

/* ---- What was left ---- */

static void remove_group(int directory, const char *name)
{
    int group = open_directory(directory, name);

    if (group >= 0) {
        write_file(group, "cgroup.kill", "1");
        close(group);
    }
    unlinkat(directory, name, AT_REMOVEDIR);
}

/* All of them (is_taken NULL), or workers' that are nobody's. */
static void remove_groups_in(int nest, bool (*is_taken)(void *owner, unsigned slot), void *owner)
{
    int copy = fcntl(nest, F_DUPFD_CLOEXEC, 0);
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        char *end;
        unsigned slot = (unsigned)strtoul(entry->d_name, &end, 10);

        if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
            (is_taken == NULL || (*end == '\0' && !is_taken(owner, slot)))) {
            remove_group(nest, entry->d_name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

/* Of a process that is no more; one that is may not have locked it yet. What still dies in there is
 * for the next one. */
static void remove_left(int own, const char *name)
{
    int process = atoi(name + sizeof(NEST_PREFIX) - 1);
    int nest = open_directory(own, name);

    if (nest >= 0 && kill(process, 0) != 0 && errno == ESRCH &&
        flock(nest, LOCK_EX | LOCK_NB) == 0) {
        remove_groups_in(nest, NULL, NULL);
        unlinkat(own, name, AT_REMOVEDIR);
    }
    if (nest >= 0) {
        close(nest);
    }
}

static void remove_all_left(int own)
{
    int copy = open_directory(own, ".");
    DIR *directory = copy < 0 ? NULL : fdopendir(copy);

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        if (strncmp(entry->d_name, NEST_PREFIX, sizeof(NEST_PREFIX) - 1) == 0) {
            remove_left(own, entry->d_name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

/* ---- Making it ---- */

/* One of a mediator before this one, with its workers, if it is where this one's is to be. */
static bool take_nest(struct cgroup *cgroup, int directory)
{
    char link[32], path[PATH_MAX];
    ssize_t length;
    struct stat one, two;
    const char *name;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
    length = directory < 0 ? -1 : readlink(link, path, sizeof(path) - 1);
    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    name = strrchr(path, '/');
    if (name == NULL || strlen(name + 1) >= sizeof(cgroup->name) || fstat(directory, &one) != 0 ||
        fstatat(cgroup->own, name + 1, &two, 0) != 0 || one.st_ino != two.st_ino ||
        one.st_dev != two.st_dev) {
        return false;
    }
    strcpy(cgroup->name, name + 1);
    cgroup->nest = directory;
    return true;
}

/* Nobody else can open it, and so keep the lock. */
static int make_nest(struct cgroup *cgroup)
{
    if (mkdirat(cgroup->own, cgroup->name, 0700) != 0 && errno != EEXIST) {
        return -1;
    }
    cgroup->nest = open_directory(cgroup->own, cgroup->name);
    if (cgroup->nest < 0 || flock(cgroup->nest, LOCK_EX) != 0) {
        return -1;
    }
    remove_groups_in(cgroup->nest, NULL, NULL); /* left by one that had our number */
    return 0;
}

static int enter(struct cgroup *cgroup)
{
    if (cgroup->placed) {
        return 0;
    }
    if (mkdirat(cgroup->nest, SUPERVISOR, 0700) != 0 && errno != EEXIST) {
        return -1;
    }
    return write_file(cgroup->nest, SUPERVISOR "/cgroup.procs", "0");
}

/* For all below; the names of those that are not to be had. */
static void enable_controllers(struct cgroup *cgroup, char missing[64])
{
    missing[0] = '\0';
    for (unsigned i = 0; i < CONTROLLERS; i++) {
        char text[16];

        snprintf(text, sizeof(text), "+%s", controllers[i]);
        if (write_file(cgroup->own, "cgroup.subtree_control", text) != 0 ||
            write_file(cgroup->nest, "cgroup.subtree_control", text) != 0) {
            snprintf(missing + strlen(missing), 64 - strlen(missing), "%s%s",
                     missing[0] ? ", " : "", controllers[i]);
        }
    }
    write_file(cgroup->nest, SUPERVISOR "/cpu.weight", SUPERVISOR_WEIGHT);
}

static int give_group(int group, const struct config *config)
{
    static const char *const names[] = {".", "cgroup.procs", "cgroup.subtree_control"};
    int result = 0;

    for (unsigned i = 0; i < 3 && result == 0; i++) {
        result = fchownat(group, names[i], config->user_uid, config->user_gid, 0);
    }
    return result;
}

/* So that it can make groups and remove them, and move processes. */
static void give_away(struct cgroup *cgroup, const struct config *config)
{
    if (config->user_name[0] && ((!cgroup->is_root && give_group(cgroup->own, config) != 0) ||
                                 give_group(cgroup->nest, config) != 0)) {
        log_warning("cgroups: not for user %s: %m", config->user_name);
    }
}

static struct cgroup *give_up(struct cgroup *cgroup, const char *why)
{
    log_info("workers have no cgroups of their own: %s; a service with Delegate=yes has them", why);
    cgroup_close(cgroup);
    return NULL;
}

/* Where systemd has made a group for it in the service's. */
static void leave_subgroup(struct cgroup *cgroup)
{
    char *name = strrchr(cgroup->path, '/');

    cgroup->placed = name != NULL && name != cgroup->path && strcmp(name + 1, SUPERVISOR) == 0;
    if (cgroup->placed) {
        *name = '\0';
    }
}

struct cgroup *cgroup_open(const struct config *config, int directory)
{
    struct cgroup *cgroup = calloc(1, sizeof(*cgroup));
    char missing[64];

    if (cgroup == NULL) {
        return NULL;
    }
    cgroup->own = cgroup->nest = -1;
    snprintf(cgroup->name, sizeof(cgroup->name), NEST_PREFIX "%d", (int)getpid());
    if (!find_own(cgroup->path, sizeof(cgroup->path))) {
        return give_up(cgroup, "there is no cgroup of version 2");
    }
    leave_subgroup(cgroup);
    cgroup->own = open_directory(AT_FDCWD, cgroup->path);
    if (cgroup->own < 0) {
        return give_up(cgroup, strerror(errno));
    }
    cgroup->is_root = faccessat(cgroup->own, "cgroup.type", F_OK, 0) != 0;
    remove_all_left(cgroup->own);
    if (!cgroup->is_root && !cgroup->placed && !is_alone(cgroup->own)) {
        return give_up(cgroup, "the mediator's own has other processes");
    }
    bool taken = take_nest(cgroup, directory);

    if (!taken && directory >= 0) {
        close(directory);
    }
    if ((!taken && make_nest(cgroup) != 0) || enter(cgroup) != 0) {
        return give_up(cgroup, strerror(errno));
    }
    enable_controllers(cgroup, missing);
    give_away(cgroup, config);
    if (missing[0]) {
        log_info("workers' cgroups in %s/%s: no limits of %s, which are not delegated",
                 cgroup->path, cgroup->name, missing);
    } else {
        log_info("workers' cgroups in %s/%s limit memory, pids and cpu", cgroup->path,
                 cgroup->name);
    }
    return cgroup;
}

int cgroup_get_directory(const struct cgroup *cgroup)
{
    return cgroup != NULL ? cgroup->nest : -1;
}

void cgroup_sweep(struct cgroup *cgroup, bool (*is_taken)(void *owner, unsigned slot), void *owner)
{
    if (cgroup != NULL) {
        remove_groups_in(cgroup->nest, is_taken, owner);
    }
}

/* ---- Workers ---- */

void cgroup_add(struct cgroup *cgroup, unsigned slot, pid_t process)
{
    char text[16];

    if (cgroup == NULL) {
        return;
    }
    snprintf(text, sizeof(text), "%u", slot);
    mkdirat(cgroup->nest, text, 0700);
    write_slot(cgroup, slot, "pids.max", WORKER_PIDS);
    write_slot(cgroup, slot, "memory.oom.group", "1");
    snprintf(text, sizeof(text), "%d", (int)process);
    if (write_slot(cgroup, slot, "cgroup.procs", text) != 0) {
        log_warning("worker %d has no cgroup: %m", (int)process);
    }
}

void cgroup_limit_memory(struct cgroup *cgroup, unsigned slot, uint64_t bytes)
{
    char text[32];

    if (cgroup != NULL) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
        write_slot(cgroup, slot, "memory.max", text);
        write_slot(cgroup, slot, "memory.swap.max", "0"); /* it would be the same memory twice */
    }
}

bool cgroup_was_too_large(struct cgroup *cgroup, unsigned slot)
{
    char path[64], text[512];
    const char *kills;

    if (cgroup == NULL) {
        return false;
    }
    snprintf(path, sizeof(path), "%u/memory.events", slot);
    read_file(cgroup->nest, path, text, sizeof(text));
    kills = strstr(text, "oom_kill ");
    return kills != NULL && strtoul(kills + strlen("oom_kill "), NULL, 10) > 0;
}

void cgroup_remove(struct cgroup *cgroup, unsigned slot)
{
    char name[16];

    if (cgroup != NULL) {
        snprintf(name, sizeof(name), "%u", slot);
        remove_group(cgroup->nest, name);
    }
}

/* ---- The end ---- */

/* The others in the system's root may have had them enabled before, and need them still. */
static void disable_controllers(struct cgroup *cgroup)
{
    for (unsigned i = 0; i < CONTROLLERS && !cgroup->is_root; i++) {
        char text[16];

        snprintf(text, sizeof(text), "-%s", controllers[i]);
        write_file(cgroup->nest, "cgroup.subtree_control", text);
        write_file(cgroup->own, "cgroup.subtree_control", text);
    }
}

void cgroup_close(struct cgroup *cgroup)
{
    if (cgroup == NULL) {
        return;
    }
    if (cgroup->nest >= 0) {
        if (!cgroup->placed) {
            disable_controllers(cgroup);
            write_file(cgroup->own, "cgroup.procs", "0");
            unlinkat(cgroup->nest, SUPERVISOR, AT_REMOVEDIR);
        }
        unlinkat(cgroup->own, cgroup->name, AT_REMOVEDIR);
        close(cgroup->nest);
    }
    if (cgroup->own >= 0) {
        close(cgroup->own);
    }
    free(cgroup);
}
