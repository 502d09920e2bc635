/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/mediator/config.c host/mediator/config_value.c host/mediator/log.c host/common/address.c
/* The configuration file: what it sets, and that each error names file, line, key and remedy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/mediator/config.h"

static struct config config;
static char error[CONFIG_ERROR_SIZE];

static void load(const char *text)
{
    if (config_load_text(&config, text, "test.ini", error) != 0) {
        fail_msg("%s", error);
    }
}

static void expect_error(const char *text, const char *where, const char *what)
{
    assert_int_equal(config_load_text(&config, text, "test.ini", error), -1);
    if (strncmp(error, where, strlen(where)) != 0 || strstr(error, what) == NULL) {
        fail_msg("\"%s\" does not begin with \"%s\" and say \"%s\"", error, where, what);
    }
}

static void test_default(void **state)
{
    char path[CONFIG_PATH_SIZE], expected[CONFIG_PATH_SIZE];

    (void)state;
    config_set_default(&config);
    assert_int_equal(config.listener_count, 2);
    /* Where /run/baregpu is there and this user's, the sockets are in it. */
    const char *directory =
        strncmp(config.listeners[0].path, "/run/", 5) == 0 ? "/run/baregpu" : "/tmp";
    snprintf(expected, sizeof(expected), "%s/vgpu-mediator.sock", directory);
    assert_string_equal(config.listeners[0].path, expected);
    assert_int_equal(config.listeners[0].device, CONFIG_LISTENER_VGPU_STUB);
    snprintf(expected, sizeof(expected), "%s/pvgpu.sock", directory);
    assert_string_equal(config.listeners[1].path, expected);
    assert_int_equal(config.listeners[1].device, CONFIG_LISTENER_PVGPU);
    assert_true(config.default_listeners);
    assert_int_equal(config.listeners[0].mode, 0600);
    assert_int_equal(config.pools[0].device_count, 1);
    assert_int_equal(config.pools[1].device_count, 1);
    assert_int_equal(config.pools[0].devices[0].kind, CONFIG_DEVICE_AUTO);
    assert_true(config.listeners[0].limits.request_timeout_ms < 25000); /* the device's own */
    config_get_admin_path(&config, path);
    snprintf(expected, sizeof(expected), "%s/vgpu-mediator.sock.admin", directory);
    assert_string_equal(path, expected);
    /* An empty file means the same. */
    load("");
    assert_int_equal(config.listener_count, 2);
    assert_string_equal(config.listeners[0].name, "default");
    assert_string_equal(config.listeners[1].name, "pvgpu");
    assert_int_equal(config.pools[0].device_count, 1);
}

static void test_everything(void **state)
{
    const struct config_listener *listener;

    (void)state;
    load("; a comment\n"
         "[mediator]\nmax_sessions = 10\nspare_workers=0\nadmin_socket = /run/a.sock\n"
         "metrics = [::1]:9400\n"
         "log_level = debug\ncuda_sandbox = loose\nvulkan_device = llvmpipe\nuser = "
         "root\nworker_uids = 70000-70009\n"
         "[pool A]\ndevices = cuda:0, cuda:3 cpu\n"
         "[listener one]\npath = /run/one.sock\nmode = 0660\npools = A\nmax_priority = medium\n"
         "allow_users = root, 1234\nmemory_limit = 2G\nmax_queued = 5\nrequests_per_s = 100\n"
         "burst = 7\nrequest_timeout_ms = 2000\nmax_sessions = 3\nquarantine_faults = 2\n"
         "quarantine_window_s = 30\n"
         "quarantine_s = 7\n"
         "weight = 300\n"
         "connections_per_s = 55\n"
         "guest_connections_per_s = 0\n"
         "checks = init race, init\n"
         "cuda_threads = 6\n"
         "[listener two]\npath = /run/two.sock\nrequests_per_s = 50\ndevice = pvgpu\ndraw = on\n");
    assert_int_equal(config.max_sessions, 10);
    assert_int_equal(config.spare_workers, 0);
    assert_true(config.cuda_loose);
    assert_string_equal(config.vulkan_device, "llvmpipe");
    assert_string_equal(config.user_name, "root");
    assert_int_equal(config.user_uid, 0);
    assert_int_equal(config.worker_first_uid, 70000);
    assert_int_equal(config.worker_uid_count, 10);
    assert_string_equal(config.admin_socket, "/run/a.sock");
    assert_string_equal(config.metrics, "[::1]:9400");
    assert_int_equal(config.log_level, MEDIATOR_LOG_DEBUG);
    assert_int_equal(config.pools[0].device_count, 3);
    assert_int_equal(config.pools[0].devices[1].kind, CONFIG_DEVICE_CUDA);
    assert_int_equal(config.pools[0].devices[1].ordinal, 3);
    assert_int_equal(config.pools[0].devices[2].kind, CONFIG_DEVICE_CPU);
    assert_int_equal(config.pools[1].device_count, 0); /* B is served by nothing */
    assert_int_equal(config.listener_count, 2);
    listener = &config.listeners[0];
    assert_string_equal(listener->path, "/run/one.sock");
    assert_int_equal(listener->mode, 0660);
    assert_true(listener->pools[0]);
    assert_string_equal(listener->checks, "race,init");
    assert_false(listener->pools[1]);
    assert_int_equal(listener->limits.max_priority, BG_VGPU_STUB_PRIORITY_MEDIUM);
    assert_int_equal(listener->allow_user_count, 2);
    assert_int_equal(listener->allow_users[0], 0);
    assert_int_equal(listener->allow_users[1], 1234);
    assert_int_equal(listener->limits.memory_limit, UINT64_C(2) << 30);
    assert_int_equal(listener->limits.max_queued, 5);
    assert_int_equal(listener->limits.requests_per_s, 100);
    assert_int_equal(listener->limits.burst, 7);
    assert_int_equal(listener->limits.request_timeout_ms, 2000);
    assert_int_equal(listener->limits.cuda_threads, 6);
    assert_int_equal(config.listeners[1].limits.cuda_threads, 0);
    assert_int_equal(listener->max_sessions, 3);
    assert_int_equal(listener->quarantine_faults, 2);
    assert_int_equal(listener->quarantine_window_s, 30);
    assert_int_equal(listener->quarantine_s, 7);
    assert_int_equal(listener->weight, 300);
    assert_int_equal(config.listeners[1].weight, 100);
    assert_int_equal(listener->draw, CONFIG_DRAW_AUTO);
    assert_int_equal(config.listeners[1].draw, CONFIG_DRAW_ON);
    assert_int_equal(listener->connections_per_s, 55);
    assert_int_equal(listener->guest_connections_per_s, 0);
    assert_int_equal(config.listeners[1].limits.burst, 50); /* a second's worth */
}

static void test_errors(void **state)
{
#define LISTENER "[listener one]\npath = /x\n"
    (void)state;
    expect_error("[mediator]\nmax_session = 1\n", "test.ini:2:", "unknown key max_session in");
    expect_error("[mediator]\ncuda_sandbox = off\n", "test.ini:2:", "strict or loose");
    expect_error("[mediator]\nmetrics = 9400\n", "test.ini:2:", "an address such as");
    expect_error("[mediator]\nmetrics = localhost:9400\n", "test.ini:2:", "an address such as");
    expect_error("[mediator]\nmetrics = 127.0.0.1:0\n", "test.ini:2:", "an address such as");
    expect_error("[mediator]\nmetrics = [::1:9400\n", "test.ini:2:", "an address such as");
    expect_error("[mediator]\nmetrics = run/metrics\n", "test.ini:2:", "an address such as");
    expect_error("[mediator]\nvulkan_device =\n", "test.ini:2:", "bytes of its name");
    expect_error("[mediator]\nuser = nobody-of-this-name\n", "test.ini:2:", "no user of that");
    expect_error("[mediator]\nworker_uids = 200000\n", "test.ini:2:", "200000-265535");
    expect_error("[mediator]\nworker_uids = 0-65535\n", "test.ini:2:", "a range is allowed");
    expect_error("[mediator]\nworker_uids = 9-8\n", "test.ini:2:", "a range is allowed");
    expect_error("[mediator]\nworker_uids = 1-4294967295\n", "test.ini:2:", "a range is");
    expect_error("[mediator]\nworker_uids = 1000-1255\n", "test.ini:2:", "need 257 together");
    expect_error("[mediator]\nuser = nobody\nworker_uids = 65000-66000\n",
                 "test.ini:3:", "user nobody in it");
    expect_error("[mediators]\nx = 1\n", "test.ini:1:", "[pool A]");
    expect_error("[pool C]\ndevices = cpu\n", "test.ini:1:", "unknown section [pool C]");
    expect_error("x = 1\n", "test.ini:1:", "x is in no section: [mediator]");
    expect_error("[listener a\npath = /x\n", "test.ini:1:", "neither a [section]");
    expect_error("[listener a\nx = 1 ; ]\n", "test.ini:1:", "neither a [section]");
    expect_error("[mediator]\nrestart_s = 5\n", "test.ini:2:", "0, or a number from 10 to 3600");
    expect_error("[mediator]\nrestart_s = 3601\n", "test.ini:2:", "0, or a number from 10");
    expect_error(LISTENER "weigth = 5\n", "test.ini:3:", "quarantine_s are allowed");
    expect_error("[pool A]\ndevice = cpu\n", "test.ini:2:", "devices is allowed");
    expect_error("[pool A]\ndevices = gpu\n", "test.ini:2:", "auto, cpu and cuda:N");
    expect_error("[pool A]\ndevices = cuda:64\n", "test.ini:2:", "cuda:64");
    expect_error("[pool A]\ndevices = cuda:-1\n", "test.ini:2:", "cuda:-1");
    expect_error("[pool A]\ndevices = ,\n", "test.ini:2:", "devices is empty");
    expect_error("[listener a b]\npath = /x\n", "test.ini:1:", "letters, digits, _ and -");
    expect_error("[listener one]\npath = x\n", "test.ini:2:", "absolute path");
    expect_error("\n[listener one]\nmode = 0600\n", "test.ini:2:", "[listener one] has no path");
    expect_error(LISTENER "draw = yes\n", "test.ini:3:", "auto, on or off");
    expect_error(LISTENER "draw = on\n", "test.ini:1:", "draw = on goes with device = pvgpu");
    expect_error(LISTENER "mode = 1777\n", "test.ini:3:", "0000 to 0777");
    expect_error(LISTENER "mode = rw\n", "test.ini:3:", "octal");
    expect_error(LISTENER "pools = C\n", "test.ini:3:", "A and B");
    expect_error(LISTENER "pools = ,\n", "test.ini:3:", "pools is empty");
    expect_error(LISTENER "checks = memory leak\n", "test.ini:3:", "memory, race, init and sync");
    expect_error(LISTENER "cuda_threads = 65\n", "test.ini:3:", "64");
    expect_error(LISTENER "max_priority = 2\n", "test.ini:3:", "low, medium or high");
    expect_error(LISTENER "allow_users = nobody-of-this-name\n", "test.ini:3:", "no user");
    expect_error(LISTENER "memory_limit = 1X\n", "test.ini:3:", "512M");
    expect_error(LISTENER "memory_limit = 0\n", "test.ini:3:", "memory_limit = 0");
    expect_error(LISTENER "memory_limit = 99999999T\n", "test.ini:3:", "a size");
    expect_error(LISTENER "memory_limit = -1\n", "test.ini:3:", "a size");
    expect_error(LISTENER "max_queued = 0\n", "test.ini:3:", "from 1 to 1024");
    expect_error(LISTENER "max_queued = 1025\n", "test.ini:3:", "from 1 to 1024");
    expect_error(LISTENER "request_timeout_ms = soon\n", "test.ini:3:", "a number from 1 to");
    expect_error(LISTENER "weight = 0\n", "test.ini:3:", "from 1 to 10000");
    expect_error(LISTENER "weight = 10001\n", "test.ini:3:", "from 1 to 10000");
    expect_error(LISTENER "quarantine_faults = 65\n", "test.ini:3:", "from 0 to 64");
    expect_error(LISTENER "\n\nnonsense\n", "test.ini:5:", "key = value");
    expect_error(LISTENER "[listener two]\npath = /x\n", "test.ini:3:", "the same path");
    expect_error(LISTENER "[mediator]\nlog_level = loud\n", "test.ini:4:", "error, warning, info");
}

/* Nothing of a file is taken for less than it says. */
static void test_said_twice(void **state)
{
    (void)state;
    expect_error(LISTENER "[listener two]\npath = /y\n[listener one]\n",
                 "test.ini:5:", "[listener one] is there already, in line 1");
    expect_error("[mediator]\n[mediator]\n", "test.ini:2:", "[mediator] is there already");
    expect_error("[pool B]\n[pool A]\n[pool B]\n", "test.ini:3:", "[pool B] is there already");
    expect_error("[mediator]\nrestart_s = 0\nrestart_s = 20\n",
                 "test.ini:3:", "restart_s has a value already");
    load(LISTENER "weight = 5\n[listener two]\npath = /y\nweight = 6\n");
    assert_int_equal(config.listeners[1].weight, 6);
}

static void test_lines(void **state)
{
    char text[900], users[600];

    (void)state;
    expect_error(LISTENER "allow_users = 1,\n  2\n", "test.ini:4:", "which are one line each");
    load("  # of /x\n\t[listener one] # mine\r\n\tpath : /x;y#z\t; mine\r\n weight = 7 # x");
    assert_string_equal(config.listeners[0].path, "/x;y#z");
    assert_int_equal(config.listeners[0].weight, 7);
    /* However long. */
    snprintf(text, sizeof(text), "; %0600d\n" LISTENER "weight = 0\n", 0);
    expect_error(text, "test.ini:4:", "weight = 0");
    snprintf(text, sizeof(text), LISTENER "allow_users =%*s\n", 400, "5");
    load(text);
    assert_int_equal(config.listeners[0].allow_users[0], 5);
    memset(users, ',', sizeof(users));
    users[sizeof(users) - 1] = '\0';
    snprintf(text, sizeof(text), LISTENER "pools = A%sC\n", users);
    expect_error(text, "test.ini:3:", "pools: at most 511 bytes");
    snprintf(text, sizeof(text), LISTENER "checks = race%sleak\n", users);
    expect_error(text, "test.ini:3:", "checks: at most 511 bytes");
}

/* A section says something without any keys, too. */
static void test_empty_sections(void **state)
{
    (void)state;
    expect_error("\n[foo]\n", "test.ini:2:", "unknown section [foo]");
    expect_error("[pool C]", "test.ini:1:", "unknown section [pool C]");
    expect_error(LISTENER "  [foo]\n", "test.ini:3:", "unknown section [foo]");
    expect_error("[mediator]\n[listener x]\n" LISTENER, "test.ini:2:", "[listener x] has no path");
    expect_error(LISTENER "[listener x]\n", "test.ini:3:", "[listener x] has no path");
    expect_error("[listener]\n", "test.ini:1:", "unknown section [listener]");
    expect_error("[listener a-name-of-more-than-thirty-one-letters]\n", "test.ini:1:", "most 31");
    expect_error("[mediator\n", "test.ini:1:", "neither a [section]");
    load("[mediator]\n; [foo]\n[pool A]\n[pool B]\ndevices = cpu ; [foo]\n");
    assert_int_equal(config.listener_count, 2);
    assert_int_equal(config.pools[0].device_count, 1); /* as its key's default says */
    assert_int_equal(config.pools[0].devices[0].kind, CONFIG_DEVICE_AUTO);
    assert_int_equal(config.pools[1].device_count, 1);
    assert_int_equal(config.pools[1].devices[0].kind, CONFIG_DEVICE_CPU);
}

static void test_socket_option(void **state)
{
    char path[200];

    (void)state;
    config_set_default(&config);
    assert_int_equal(config_set_socket(&config, CONFIG_LISTENER_VGPU_STUB, "/run/x.sock", error),
                     0);
    assert_int_equal(config_set_socket(&config, CONFIG_LISTENER_PVGPU, "/run/p.sock", error), 0);
    assert_string_equal(config.listeners[0].path, "/run/x.sock");
    assert_string_equal(config.listeners[1].path, "/run/p.sock");
    memset(path, 'x', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(config_set_socket(&config, CONFIG_LISTENER_VGPU_STUB, path, error), -1);
    assert_non_null(strstr(error, "107"));
    load("[listener a]\npath=/a\n[listener b]\npath=/b\n");
    assert_int_equal(config_set_socket(&config, CONFIG_LISTENER_VGPU_STUB, "/c", error), -1);
    assert_non_null(strstr(error, "has 2"));
    assert_false(config.default_listeners);
    load("[listener a]\npath=/a\ndevice=pvgpu\n");
    assert_int_equal(config.listeners[0].device, CONFIG_LISTENER_PVGPU);
    assert_int_equal(config_set_socket(&config, CONFIG_LISTENER_VGPU_STUB, "/c", error), -1);
    assert_non_null(strstr(error, "has 0"));
    config_set_default(&config);
    config_drop_listeners(&config, CONFIG_LISTENER_VGPU_STUB);
    assert_int_equal(config.listener_count, 1);
    assert_string_equal(config.listeners[0].name, "pvgpu");
}

static void test_relative_path(void **state)
{
    char here[1024], text[200], path[CONFIG_PATH_SIZE];

    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir("/usr"), 0);
    assert_int_equal(config_parse_path("--x", "a/b.sock", path, error), 0);
    assert_string_equal(path, "/usr/a/b.sock");
    config_set_default(&config);
    assert_int_equal(config_set_socket(&config, CONFIG_LISTENER_PVGPU, "p.sock", error), 0);
    assert_string_equal(config.listeners[1].path, "/usr/p.sock");
    assert_int_equal(config_parse_path("--x", "", path, error), -1);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(config_parse_path("--x", "b.sock", path, error), 0);
    assert_string_equal(path, "/b.sock");
    /* The longest: 107 bytes with the folder. */
    snprintf(text, sizeof(text), "%0106d", 0);
    assert_int_equal(config_parse_path("--x", text, path, error), 0);
    assert_int_equal(strlen(path), 107);
    snprintf(text, sizeof(text), "%0107d", 0);
    assert_int_equal(config_parse_path("--x", text, path, error), -1);
    assert_non_null(strstr(error, "--x 000"));
    assert_int_equal(chdir(here), 0);
}

static void test_missing_file(void **state)
{
    (void)state;
    assert_int_equal(config_load_file(&config, "/nonexistent/mediator.ini", error), -1);
    assert_non_null(strstr(error, "/nonexistent/mediator.ini"));
}

static void expect_file_error(const char *path, const char *what)
{
    assert_int_equal(config_load_file(&config, path, error), -1);
    if (strncmp(error, path, strlen(path)) != 0 || strstr(error, what) == NULL) {
        fail_msg("\"%s\" does not begin with \"%s\" and say \"%s\"", error, path, what);
    }
}

/* What cannot be read to its end is no file with less in it. */
static void test_unreadable_file(void **state)
{
    char path[] = "/tmp/config_test.XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    expect_file_error("/tmp", "Is a directory");
    expect_file_error("/proc/self/mem", "Input/output error");
    expect_file_error("/dev/zero", "a text of at most 1048576 bytes");
    assert_int_equal(write(fd, "[mediator]\0x", 12), 12);
    close(fd);
    expect_file_error(path, "a text of at most");
    unlink(path);
}

/* The longest path still gets an admin path that is another one. */
static void test_admin_path_of_longest(void **state)
{
    char longest[CONFIG_PATH_SIZE], path[CONFIG_PATH_SIZE];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    config_set_default(&config);
    assert_int_equal(config_set_socket(&config, CONFIG_LISTENER_VGPU_STUB, longest, error), 0);
    config_get_admin_path(&config, path);
    assert_string_not_equal(path, longest);
    assert_true(strlen(path) < sizeof(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),         cmocka_unit_test(test_everything),
        cmocka_unit_test(test_errors),          cmocka_unit_test(test_socket_option),
        cmocka_unit_test(test_missing_file),    cmocka_unit_test(test_admin_path_of_longest),
        cmocka_unit_test(test_empty_sections),  cmocka_unit_test(test_relative_path),
        cmocka_unit_test(test_said_twice),      cmocka_unit_test(test_lines),
        cmocka_unit_test(test_unreadable_file),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
