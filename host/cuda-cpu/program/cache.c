/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1 /* secure_getenv */
#include "host/cuda-cpu/program/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cuda-cpu/device/warp.h"
#include "host/cuda-cpu/program/digest.h"
#include "host/cuda-cpu/program/processor.h"

#define MAGIC "BGPTXC1"
#define NAME_LENGTH (2 * DIGEST_SIZE)
#define TEMPORARY "new."
#define NAME_SIZE 96
#define SHARE 4 /* so much less than its size is left when entries go */

static int directory = -1;
static bool is_shared; /* somebody else's, who is trusted: nothing is kept there */
static uint64_t size_max;

/* What an entry begins with; the answer's bytes are behind it. */
struct entry {
    char magic[8];
    unsigned char digest[DIGEST_SIZE]; /* of all that follows */
    struct source llvm;
    uint64_t size;
};

/* ---- The directory ---- */

static bool make_directories(const char *path)
{
    char part[PATH_MAX];

    if (path[0] != '/' || strlen(path) >= sizeof(part)) {
        return false;
    }
    strcpy(part, path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(part, 0700); /* what is missing afterwards cannot be opened */
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool is_trusted(int fd, mode_t type)
{
    struct stat status;

    if (fstat(fd, &status) != 0 || (status.st_mode & S_IFMT) != type) {
        return false;
    }
    if (is_shared) {
        return (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    }
    return status.st_uid == geteuid() && (status.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

bool cache_open(const char *path, uint64_t size)
{
    cache_close();
    if (!is_shared && !make_directories(path)) {
        return false;
    }
    directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    size_max = size;
    if (directory >= 0 && !is_trusted(directory, S_IFDIR)) {
        cache_close();
    }
    return directory >= 0;
}

void cache_open_default(void)
{
    const char *given = secure_getenv("BAREGPU_CUDA_CACHE");
    const char *users = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
    const char *shared = secure_getenv("BAREGPU_CUDA_CACHE_SHARED");
    char path[PATH_MAX] = "";

    is_shared = given != NULL && shared != NULL && strcmp(shared, "1") == 0;
    if (given != NULL) {
        snprintf(path, sizeof(path), "%s", given);
    } else if (users != NULL && users[0] == '/') {
        snprintf(path, sizeof(path), "%s/baregpu/cuda", users);
    } else if (home != NULL && home[0] == '/') {
        snprintf(path, sizeof(path), "%s/.cache/baregpu/cuda", home);
    }
    cache_open(path, CACHE_SIZE);
}

void cache_close(void)
{
    if (directory >= 0) {
        close(directory);
    }
    directory = -1;
}

/* ---- Keys ---- */

/* Member by member: what lies between them is anything. */
static void add_options(struct digest *digest, const struct kernel_options *options)
{
    const uint32_t words[] = {options->isa,        options->machine,   options->has_fma,
                              options->has_f16,    options->has_masks, options->row,
                              options->is_stacked, options->is_full,   options->masked_alone,
                              options->is_checked};

    _Static_assert(sizeof(*options) == 20, "all members are above");
    digest_add(digest, words, sizeof(words));
}

/* Everything that the answer depends on, but for LLVM: that it was the same shows the entry. */
static void make_name(const struct compile_request *request, char name[NAME_SIZE])
{
    const uint64_t sizes[] = {sizeof(struct warp), request->what, request->text_size};
    const char *kernel = request->kernel != NULL ? request->kernel : "";
    struct source compiler = compiler_source();
    uint32_t processor[PROCESSOR_WORDS];
    unsigned char result[DIGEST_SIZE];
    struct digest digest;

    memset(compiler.path, 0, sizeof(compiler.path)); /* there may be several to one file */
    processor_name(processor);
    digest_start(&digest);
    digest_add(&digest, sizes, sizeof(sizes));
    digest_add(&digest, &compiler, sizeof(compiler));
    digest_add(&digest, processor, sizeof(processor));
    add_options(&digest, &request->options);
    digest_add(&digest, kernel, strlen(kernel) + 1);
    digest_add(&digest, request->text, request->text_size);
    digest_finish(&digest, result);
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        snprintf(name + 2 * i, 3, "%02x", result[i]);
    }
}

static void digest_entry(const struct entry *entry, const void *bytes,
                         unsigned char result[DIGEST_SIZE])
{
    struct digest digest;

    digest_start(&digest);
    digest_add(&digest, &entry->llvm, sizeof(entry->llvm));
    digest_add(&digest, bytes, entry->size);
    digest_finish(&digest, result);
}

/* ---- Finding ---- */

static bool read_all(int fd, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = read(fd, (char *)bytes + done, size - done);

        if (count == 0 || (count < 0 && errno != EINTR)) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool read_entry(int fd, uint64_t limit, struct compile_answer *answer)
{
    struct entry entry;
    unsigned char result[DIGEST_SIZE];

    if (!is_trusted(fd, S_IFREG) || !read_all(fd, &entry, sizeof(entry)) ||
        memcmp(entry.magic, MAGIC, sizeof(entry.magic)) != 0 || entry.size > limit) {
        return false;
    }
    answer->bytes = malloc(entry.size ? entry.size : 1);
    if (answer->bytes == NULL || !read_all(fd, answer->bytes, entry.size)) {
        return false;
    }
    answer->size = entry.size;
    answer->llvm = entry.llvm;
    digest_entry(&entry, answer->bytes, result);
    return memcmp(result, entry.digest, sizeof(result)) == 0 && source_is_current(&entry.llvm);
}

bool cache_find(const struct compile_request *request, struct compile_answer *answer)
{
    char name[NAME_SIZE];
    bool found;
    int fd;

    *answer = (struct compile_answer){0};
    if (directory < 0) {
        return false;
    }
    make_name(request, name);
    fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    found = read_entry(fd, request->limits.answer, answer);
    if (found) {
        futimens(fd, NULL); /* the oldest is the one that nobody asked for */
    } else {
        free(answer->bytes);
        *answer = (struct compile_answer){0};
    }
    close(fd);
    return found;
}

/* ---- Keeping ---- */

static bool write_all(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t count = write(fd, (const char *)bytes + done, size - done);

        if (count < 0 && errno != EINTR) {
            return false;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool write_entry(int fd, const struct compile_answer *answer)
{
    struct entry entry = {.magic = MAGIC, .llvm = answer->llvm, .size = answer->size};

    digest_entry(&entry, answer->bytes, entry.digest);
    return write_all(fd, &entry, sizeof(entry)) && write_all(fd, answer->bytes, answer->size);
}

struct file {
    char name[NAME_SIZE];
    struct timespec modified;
    uint64_t size;
};

struct files {
    struct file *list;
    size_t count, capacity;
    uint64_t size;
};

static bool is_ours(const char *name)
{
    return (strlen(name) == NAME_LENGTH && strspn(name, "0123456789abcdef") == NAME_LENGTH) ||
           (strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0 && strlen(name) < NAME_SIZE);
}

static void add_file(struct files *files, const char *name)
{
    struct stat status;

    if (!is_ours(name) || fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? files->capacity * 2 : 64;
        struct file *list = realloc(files->list, capacity * sizeof(*list));

        if (list == NULL) {
            return;
        }
        files->list = list;
        files->capacity = capacity;
    }
    struct file *file = &files->list[files->count++];
    strcpy(file->name, name);
    file->modified = status.st_mtim;
    file->size = (uint64_t)status.st_size;
    files->size += file->size;
}

static int compare_age(const void *left, const void *right)
{
    const struct timespec *a = &((const struct file *)left)->modified;
    const struct timespec *b = &((const struct file *)right)->modified;

    if (a->tv_sec != b->tv_sec) {
        return a->tv_sec < b->tv_sec ? -1 : 1;
    }
    return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

/* Another process may remove the same ones: what is gone is gone. */
static void remove_oldest(struct files *files)
{
    uint64_t wanted = size_max - size_max / SHARE;

    qsort(files->list, files->count, sizeof(*files->list), compare_age);
    for (size_t i = 0; i < files->count && files->size > wanted; i++) {
        unlinkat(directory, files->list[i].name, 0);
        files->size -= files->list[i].size;
    }
}

static void bound_size(void)
{
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *open_directory = again >= 0 ? fdopendir(again) : NULL;
    struct files files = {0};

    if (open_directory == NULL) {
        return;
    }
    for (struct dirent *entry = readdir(open_directory); entry != NULL;
         entry = readdir(open_directory)) {
        add_file(&files, entry->d_name);
    }
    closedir(open_directory);
    if (files.size > size_max) {
        remove_oldest(&files);
    }
    free(files.list);
}

void cache_keep(const struct compile_request *request, const struct compile_answer *answer)
{
    static _Atomic unsigned count;
    char name[NAME_SIZE], temporary[NAME_SIZE];
    int fd;

    if (directory < 0 || is_shared) {
        return;
    }
    make_name(request, name);
    snprintf(temporary, sizeof(temporary), TEMPORARY "%d.%u", (int)getpid(),
             atomic_fetch_add(&count, 1));
    unlinkat(directory, temporary, 0); /* of a process before that had our number */
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return;
    }
    bool done = write_entry(fd, answer);
    done = close(fd) == 0 && done;
    if (!done || renameat(directory, temporary, directory, name) != 0) {
        unlinkat(directory, temporary, 0);
    }
    bound_size();
}
