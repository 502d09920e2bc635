/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/worker/sandbox.c host/mediator/pvgpu/vulkan/files.c
// build: host/common/jail.c host/common/jail_calls.c host/common/jail_root.c
// libs: -lseccomp -ldl
// needs: build/tests/fake/nvml/libnvidia-ml.so.1
/* What of the outside a worker's jail has: what it computes on, what it draws on, and no more. A
 * library that does nothing plays the Vulkan driver. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/mediator/pvgpu/vulkan/files.h"
#include "host/mediator/worker/device.h"
#include "host/mediator/worker/sandbox.h"

#define NODE 129
#define NO_SANDBOX 99
#define NO_NAMESPACES 98
#define WRONG 2 /* the sanitizer ends a process with 1 */

static const struct worker_kind kind;
static char directory[] = "/tmp/baregpu-sandbox-XXXXXX";
static char driver[PATH_MAX], link_directory[PATH_MAX], driver_link[PATH_MAX];

/* ---- The device, without one ---- */

unsigned device_threads(void)
{
    return 0;
}

bool device_runs_code(void)
{
    return false;
}

const struct cuda_driver *device_get_cuda(void)
{
    return NULL;
}

void control_tell(int socket, const struct control_message *message)
{
    (void)socket;
    (void)message;
}

/* ---- The driver ---- */

static void copy_file(const char *from, const char *to)
{
    FILE *source = fopen(from, "rb"), *copy = fopen(to, "wb");
    char bytes[4096];
    size_t size;

    assert_non_null(source);
    assert_non_null(copy);
    while ((size = fread(bytes, 1, sizeof(bytes), source)) > 0) {
        assert_int_equal(fwrite(bytes, 1, size, copy), size);
    }
    fclose(source);
    assert_int_equal(fclose(copy), 0);
}

/* driver/libdriver.so, which is opened as links/libdriver.so. */
static int open_driver(void **state)
{
    const char *build = getenv("BAREGPU_BUILD");
    char name[PATH_MAX];

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(driver, sizeof(driver), "%s/driver", directory);
    snprintf(link_directory, sizeof(link_directory), "%s/links", directory);
    assert_int_equal(mkdir(driver, 0755) ?: mkdir(link_directory, 0755), 0);
    snprintf(name, sizeof(name), "%s/tests/fake/nvml/libnvidia-ml.so.1", build ? build : "build");
    snprintf(driver, sizeof(driver), "%s/driver/libdriver.so", directory);
    snprintf(driver_link, sizeof(driver_link), "%s/links/libdriver.so", directory);
    copy_file(name, driver);
    assert_int_equal(symlink("../driver/libdriver.so", driver_link), 0);
    assert_non_null(dlopen(driver_link, RTLD_NOW | RTLD_LOCAL));
    return 0;
}

static int remove_driver(void **state)
{
    (void)state;
    unlink(driver_link);
    unlink(driver);
    *strrchr(driver, '/') = '\0';
    return rmdir(driver) ?: rmdir(link_directory) ?: rmdir(directory);
}

/* ---- Lists ---- */

static unsigned count_of(const struct jail_path *paths, const char *pattern)
{
    unsigned count = 0;

    for (; paths != NULL && paths->pattern != NULL; paths++) {
        count += strcmp(paths->pattern, pattern) == 0;
    }
    return count;
}

static unsigned count_below(const struct jail_path *paths, const char *start)
{
    unsigned count = 0;

    for (; paths != NULL && paths->pattern != NULL; paths++) {
        count += strncmp(paths->pattern, start, strlen(start)) == 0;
    }
    return count;
}

static struct jail describe(enum worker_drawing drawing, bool computes, int node)
{
    struct worker worker = {.kind = &kind, .drawing = drawing};
    struct jail jail = {.calls = 0};

    worker.start.cuda_possible = computes;
    if (drawing != WORKER_DRAWS_NOTHING && drawing != WORKER_DRAWS_ON_CPU) {
        worker.drawing_files = vulkan_files_find(node);
    }
    sandbox_describe(&worker, &jail);
    return jail;
}

static void expect_driver_once(const struct jail *jail, unsigned times)
{
    char real[PATH_MAX];

    snprintf(real, sizeof(real), "%s/driver", directory);
    assert_int_equal(count_of(jail->paths, real), times);
    assert_int_equal(count_of(jail->paths, link_directory), times);
}

static void test_a_render_node(void **state)
{
    struct jail jail = describe(WORKER_DRAWS_ON_DRM, false, NODE);

    (void)state;
    expect_driver_once(&jail, 1);
    assert_int_equal(count_below(jail.paths, "/dev/dri"), 1);
    assert_int_equal(count_of(jail.paths, "/dev/dri/renderD129"), 1);
    assert_int_equal(count_below(jail.paths, "/dev/nvidia"), 0);
    assert_int_equal(count_of(jail.paths, "/usr/share/vulkan/icd.d"), 1);
    assert_true(jail.calls & JAIL_CALLS_NODE);
}

static void test_nvidia_without_cuda(void **state)
{
    struct jail jail = describe(WORKER_DRAWS_ON_NVIDIA, false, VULKAN_NO_NODE);

    (void)state;
    expect_driver_once(&jail, 1);
    assert_int_equal(count_of(jail.paths, "/dev/nvidia*"), 1);
    assert_int_equal(count_below(jail.paths, "/dev/dri"), 0);
    assert_false(jail.calls & JAIL_CALLS_NODE);
}

static void test_nvidia_with_cuda(void **state)
{
    struct jail jail = describe(WORKER_DRAWS_ON_NVIDIA, true, VULKAN_NO_NODE);

    (void)state;
    expect_driver_once(&jail, 1);
    assert_int_equal(count_of(jail.paths, "/dev/nvidia*"), 1); /* though both need them */
}

/* On another GPU than the one that computes, or on none. */
static void test_who_draws_elsewhere(void **state)
{
    struct jail jail = describe(WORKER_DRAWS_ON_DRM, true, NODE);

    (void)state;
    assert_int_equal(count_of(jail.paths, "/dev/nvidia*"), 1);
    assert_int_equal(count_below(jail.paths, "/dev/dri"), 1);
    jail = describe(WORKER_DRAWS_ON_CPU, true, VULKAN_NO_NODE);
    expect_driver_once(&jail, 0);
    assert_int_equal(count_below(jail.paths, "/dev/dri"), 0);
    assert_null(describe(WORKER_DRAWS_ON_CPU, false, VULKAN_NO_NODE).paths);
    assert_null(describe(WORKER_DRAWS_NOTHING, false, VULKAN_NO_NODE).paths);
}

/* ---- In the jail ---- */

static bool can_open(const char *path, int flags)
{
    return syscall(SYS_openat, AT_FDCWD, path, flags, 0) >= 0;
}

/* In a child: how it ended. */
static int look_around(struct jail *jail)
{
    char exposed[JAIL_TEXT_SIZE];

    if (jail_enter(jail, exposed) != 0) {
        return NO_SANDBOX;
    }
    if (exposed[0]) {
        return NO_NAMESPACES;
    }
    return can_open(driver, O_RDONLY) && can_open(driver_link, O_RDONLY) &&
                   !can_open(driver, O_RDWR) && !can_open("/etc/passwd", O_RDONLY)
               ? 0
               : WRONG;
}

static void test_the_driver_is_there(void **state)
{
    struct jail jail = describe(WORKER_DRAWS_ON_DRM, false, NODE);
    pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        syscall(SYS_exit_group, look_around(&jail));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_NAMESPACES) {
        print_message("this system has no namespaces for us\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_render_node),       cmocka_unit_test(test_nvidia_without_cuda),
        cmocka_unit_test(test_nvidia_with_cuda),    cmocka_unit_test(test_who_draws_elsewhere),
        cmocka_unit_test(test_the_driver_is_there),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("sandbox", tests, open_driver, remove_driver);
}
