/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c tests/system/sst_guest.c
// needs: build/host/baregpu-sst-sim
/* The simulator's jail, from outside, and that it begins and ends as if there were none. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "sst_guest.h"

static char *path;
static struct process *simulator;

static void on_failure(const char *message)
{
    fail_msg("%s", message);
}

static int setup(void **state)
{
    (void)state;
    harness_on_failure = on_failure;
    path = harness_temp_path("sst.sock");
    simulator = sst_simulator_start("%s", path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    process_end(simulator);
    unlink(path);
    free(path);
    return 0;
}

static bool says(const char *line)
{
    char *name = harness_format("/proc/%d/status", process_pid(simulator)), text[4096];
    FILE *file = fopen(name, "r");
    size_t length = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

    assert_non_null(file);
    fclose(file);
    free(name);
    text[length] = '\0';
    return strstr(text, line) != NULL;
}

static ino_t namespace_of(pid_t process, const char *kind)
{
    char *name = harness_format("/proc/%d/ns/%s", process, kind);
    struct stat status = {0};

    assert_int_equal(stat(name, &status), 0);
    free(name);
    return status.st_ino;
}

static void expect_empty_root(void)
{
    char *root = harness_format("/proc/%d/root", process_pid(simulator));
    DIR *directory = opendir(root);

    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        assert_true(entry->d_name[0] == '.');
    }
    closedir(directory);
    free(root);
}

static void test_it_is_alone(void **state)
{
    static const char *const kinds[] = {"user", "mnt", "ipc", "net", "uts"};

    (void)state;
    assert_true(says("Seccomp:\t2"));
    assert_true(says("NoNewPrivs:\t1"));
    assert_true(says("CapEff:\t0000000000000000"));
    if (strstr(process_errors(simulator), "not alone") != NULL) {
        print_message("this system has no namespaces for it\n");
        skip();
    }
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        assert_int_not_equal(namespace_of(process_pid(simulator), kinds[i]),
                             namespace_of(getpid(), kinds[i]));
    }
    expect_empty_root();
}

static bool can_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int result = connect(fd, (struct sockaddr *)&address, sizeof(address));
    close(fd);
    return result == 0;
}

static void test_its_end_removes_the_socket(void **state)
{
    (void)state;
    assert_true(can_connect());
    process_signal(simulator, SIGTERM);
    assert_int_equal(process_wait(simulator), 0);
    assert_int_equal(access(path, F_OK), -1);
}

/* Its second process keeps no socket open, and does not outlive it. */
static void test_when_killed_it_leaves_nobody(void **state)
{
    (void)state;
    process_signal(simulator, SIGKILL);
    process_wait(simulator);
    assert_false(can_connect());
    process_end(simulator);
    simulator = sst_simulator_start("%s", path);
    assert_true(can_connect());
}

/* Somebody else's file of that name is left alone. */
static void test_another_file_stays(void **state)
{
    (void)state;
    assert_int_equal(unlink(path), 0);
    int other = unix_listen(path, 1);
    process_signal(simulator, SIGTERM);
    assert_int_equal(process_wait(simulator), 0);
    assert_int_equal(access(path, F_OK), 0);
    close(other);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_alone),
        TEST(test_its_end_removes_the_socket),
        TEST(test_when_killed_it_leaves_nobody),
        TEST(test_another_file_stays),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
