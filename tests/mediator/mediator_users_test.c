/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/processes.c tests/mediator/fixture.c
// build: host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* Whose the mediator's processes are: `user` and `worker_uids`; and what they find compiled. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "host/cuda-cpu/process/wire.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

#define FIRST 200000u
#define COUNT 300u
#define WORKER_UIDS "worker_uids = 200000-200299\n"
#define NOBODY "user = nobody\n"

/* In a user namespace root cannot become everybody. */
static bool can_become(uid_t user)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        _exit(setresuid(user, user, user) != 0);
    }
    waitpid(child, &status, 0);
    return status == 0;
}

static void skip_unless_root(void)
{
    if (geteuid() != 0 || !can_become(FIRST) || !can_become(65534)) {
        print_message("only root can become other users\n");
        skip();
    }
}

/* As this user, until it says so: sockets listen by then. */
static void start_program(const char *program, uid_t user, const char *keys, const char *text)
{
    char *config = harness_temp_path("users.ini");
    const char *const arguments[] = {program, "--backend", "cpu", "--config", config, NULL};
    const struct process_options options = {.uid = user};
    FILE *file = fopen(config, "w");

    assert_non_null(file);
    fprintf(file, "[mediator]\n%s[listener one]\npath = %s\n", keys, path);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(harness_temp_dir(), 01777), 0); /* for whoever it is */
    setenv("TMPDIR", harness_temp_dir(), 1);
    mediator = process_start(arguments, &options);
    process_wait_text(mediator, text);
    free(config);
}

static void start(uid_t user, const char *keys, const char *text)
{
    char *program = harness_build_path("host/baregpu-mediator");

    start_program(program, user, keys, text);
    free(program);
}

static int teardown(void **state)
{
    char *admin = harness_format("%s.admin", path);

    unlink(admin); /* in root's directory the user that it became could not */
    free(admin);
    chmod(harness_temp_dir(), 0700);
    return fixture_teardown(state);
}

/* A line of /proc/PID/status, behind its name; to be freed. */
static char *get_status(pid_t process, const char *name)
{
    char *file_name = harness_format("/proc/%d/status", process), line[4096], *value = NULL;
    FILE *file = fopen(file_name, "r");
    size_t length = strlen(name);

    assert_non_null(file);
    while (value == NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, length) == 0) {
            line[strcspn(line, "\n")] = '\0';
            value = harness_format("%s", line + length);
        }
    }
    fclose(file);
    free(file_name);
    assert_non_null(value);
    return value;
}

static void expect_status(pid_t process, const char *name, const char *expected)
{
    char *value = get_status(process, name);

    assert_string_equal(value, expected);
    free(value);
}

/* All four of them, and of its group; it has no other groups. */
static unsigned get_user(pid_t process)
{
    char *users = get_status(process, "Uid:\t"), *groups = get_status(process, "Gid:\t");
    unsigned user = (unsigned)strtoul(users, NULL, 10);
    char *expected = harness_format("%u\t%u\t%u\t%u", user, user, user, user);

    assert_string_equal(users, expected);
    assert_string_equal(groups, expected);
    free(users);
    free(groups);
    free(expected);
    expect_status(process, "Groups:\t", " ");
    return user;
}

static void expect_own_users(void)
{
    struct request add = request_add(1, 2);
    struct client one = client_open(path, 1), two = client_open(path, 2);

    client_expect_ok(&one, &add);
    client_expect_ok(&two, &add);
    unsigned first = get_user(admin_worker_pid(path, 1));
    unsigned second = get_user(admin_worker_pid(path, 2));
    assert_in_range(first, FIRST, FIRST + COUNT - 1);
    assert_in_range(second, FIRST, FIRST + COUNT - 1);
    assert_int_not_equal(first, second);
    client_close(&one);
    client_close(&two);
}

static void test_workers_have_own_users(void **state)
{
    (void)state;
    skip_unless_root();
    start(0, WORKER_UIDS, "listener one");
    expect_own_users();
    admin_wait_sessions(path, 0);
    expect_own_users();
}

/* One that answers nobody any more. */
static void expect_end_at_once(void)
{
    struct request add = request_add(1, 2);
    struct client client = client_open(path, 1);

    client_expect_ok(&client, &add);
    assert_int_equal(kill(admin_worker_pid(path, 1), SIGSTOP), 0);
    process_signal(mediator, SIGTERM);
    process_wait_text(mediator, "stopping:");
    process_signal(mediator, SIGTERM);
    assert_int_equal(process_wait(mediator), 0);
    client_close(&client);
}

static void test_mediator_has_another_user(void **state)
{
    (void)state;
    skip_unless_root();
    start(0, NOBODY, "user nobody");
    struct request add = request_add(1, 2);
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &add);
    client_close(&client);
    expect_status(process_pid(mediator), "Uid:\t", "65534\t65534\t65534\t65534");
    expect_status(process_pid(mediator), "CapPrm:\t", "0000000000000000");
    expect_end_at_once();
}

/* What it keeps of root is setting groups and users, and signals: bits 5 to 7. */
static void test_both(void **state)
{
    (void)state;
    skip_unless_root();
    start(0, NOBODY WORKER_UIDS, "user nobody");
    expect_own_users();
    expect_status(process_pid(mediator), "Uid:\t", "65534\t65534\t65534\t65534");
    expect_status(process_pid(mediator), "CapPrm:\t", "00000000000000e0");
    expect_end_at_once();
}

/* A program and its device in a folder that is root's alone. */
static char *copy_into_closed_folder(void)
{
    char *folder = harness_temp_path("closed");
    char *program = harness_build_path("host/baregpu-mediator");
    char *device = harness_build_path("host/cuda-cpu");
    const char *const arguments[] = {"cp", "-r", program, device, folder, NULL};
    const struct process_options options = {0};
    struct process *copy;

    assert_int_equal(mkdir(folder, 0700), 0);
    copy = process_start(arguments, &options);
    assert_int_equal(process_wait(copy), 0);
    process_end(copy);
    free(program);
    free(device);
    program = harness_format("%s/baregpu-mediator", folder);
    free(folder);
    return program;
}

static void test_program_where_workers_cannot_go(void **state)
{
    static const char *const users[] = {WORKER_UIDS, NOBODY WORKER_UIDS};
    char *program;

    (void)state;
    skip_unless_root();
    program = copy_into_closed_folder();
    for (size_t i = 0; i < 2; i++) {
        start_program(program, 0, users[i], "listener one");
        expect_own_users();
        process_signal(mediator, SIGTERM);
        assert_int_equal(process_wait(mediator), 0);
        assert_null(strstr(process_errors(mediator), "cuda:")); /* the compiler starts, too */
        process_end(mediator);
        mediator = NULL;
    }
    free(program);
}

/* As anybody who does not know that it takes root: the one goes on without, the other does not. */
static void test_without_root(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        skip_unless_root();
    }
    start(geteuid() == 0 ? 65534 : 0, WORKER_UIDS "user = root\n",
          "worker_uids: only root can give workers users of their own");
    process_wait_text(mediator, "user = root: Operation not permitted");
    assert_int_equal(process_wait(mediator), 1);
}

/* ---- Kernels ---- */

/* Where all users can run it: a folder above the build may be its owner's alone. */
static char *copy_compiler(void)
{
    char *compiler = harness_build_path("host/cuda-cpu/baregpu-ptxc");
    char *copy = harness_temp_path("baregpu-ptxc");
    int from = open(compiler, O_RDONLY), to = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0755);

    assert_true(from >= 0 && to >= 0);
    while (sendfile(to, from, NULL, 1 << 20) > 0) {
    }
    assert_int_equal(lseek(from, 0, SEEK_CUR), lseek(from, 0, SEEK_END));
    close(from);
    assert_int_equal(close(to), 0);
    free(compiler);
    return copy;
}

/* A compiler that starts in a worker, and answers nothing there. */
static void compile_in_no_worker(void)
{
    char *real = copy_compiler(), *script = harness_temp_path("ptxc");
    FILE *file = fopen(script, "w");

    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\n[ -z \"$BAREGPU_CUDA_SEALED\" ] || { printf %c >&%u; exit; }\n"
            "exec '%s' \"$@\"\n",
            WIRE_READY, WIRE_SOCKET, real);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(script, 0755), 0);
    setenv("BAREGPU_PTXC", script, 1);
    free(script);
    free(real);
}

static void compute_in_workers(const char *keys, const char *text)
{
    struct request add = request_add(1, 2);

    start(0, keys, text);
    for (uint32_t vm = 1; vm <= 3; vm++) {
        struct client client = client_open(path, vm);

        client_expect_ok(&client, &add);
        client_close(&client);
    }
    process_signal(mediator, SIGTERM);
    assert_int_equal(process_wait(mediator), 0);
    process_end(mediator);
    mediator = NULL;
}

/* Whoever the workers are, and whether the user has a folder for it or not. */
static void test_kernels_are_compiled_before(void **state)
{
    bool as_root = geteuid() == 0 && can_become(FIRST) && can_become(65534);

    (void)state;
    compile_in_no_worker();
    unsetenv("BAREGPU_CUDA_CACHE");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/nonexistent", 1);
    compute_in_workers("", "device cpu");
    if (as_root) {
        compute_in_workers(WORKER_UIDS, "device cpu");
        compute_in_workers(NOBODY, "device cpu");
        compute_in_workers(NOBODY WORKER_UIDS, "device cpu");
    }
    setenv("HOME", harness_temp_dir(), 1);
    compute_in_workers("", "device cpu");
    unsetenv("BAREGPU_PTXC");
}

/* In the temporary folder. */
static char *make_left_folder(const char *name)
{
    char *folder = harness_temp_path(name), *file = harness_format("%s/kernel", folder);
    FILE *kernel;

    assert_int_equal(mkdir(folder, 0700), 0);
    kernel = fopen(file, "w");
    assert_non_null(kernel);
    fclose(kernel);
    free(file);
    return folder;
}

/* A folder of kernels is somebody's who lives as long as it is locked. */
static void test_folders_that_were_left(void **state)
{
    char *dead = make_left_folder("baregpu-cuda.dead");
    char *living = make_left_folder("baregpu-cuda.living");
    char *file = harness_temp_path("baregpu-cuda.file"), *kernel;
    int lock = open(living, O_RDONLY | O_DIRECTORY);

    (void)state;
    assert_int_equal(flock(lock, LOCK_EX), 0);
    assert_int_equal(symlink(living, file), 0);
    unsetenv("BAREGPU_CUDA_CACHE");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/nonexistent", 1);
    start(0, "", "device cpu");
    assert_int_equal(access(dead, F_OK), -1);
    kernel = harness_format("%s/kernel", living);
    assert_int_equal(access(kernel, F_OK), 0);
    assert_int_equal(access(file, F_OK), 0);
    unlink(kernel);
    rmdir(living);
    unlink(file);
    close(lock);
    free(kernel);
    free(file);
    free(living);
    free(dead);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_workers_have_own_users),
        TEST(test_mediator_has_another_user),
        TEST(test_both),
        TEST(test_without_root),
        TEST(test_program_where_workers_cannot_go),
        TEST(test_kernels_are_compiled_before),
        TEST(test_folders_that_were_left),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
