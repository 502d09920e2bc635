/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/service.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* SIGHUP: a new configuration counts as a whole or not at all, and no session is lost. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/service.h"

static struct service service;
static char *config_path, *one, *two;
static const char *log_level;

static void on_failure(const char *message)
{
    fail_msg("%s", message);
}

static int setup(void **state)
{
    (void)state;
    harness_on_failure = on_failure;
    config_path = harness_temp_path("mediator.ini");
    one = harness_temp_path("one.sock");
    two = harness_temp_path("two.sock");
    log_level = "debug";
    service_open(&service);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    service_close(&service);
    unlink(one);
    unlink(two);
    free(config_path);
    free(one);
    free(two);
    return 0;
}

static void write_config(const char *format, ...)
{
    FILE *file = fopen(config_path, "w");
    va_list arguments;

    assert_non_null(file);
    va_start(arguments, format);
    fprintf(file, "[mediator]\nlog_level = %s\nadmin_socket = %s.admin\n", log_level, one);
    vfprintf(file, format, arguments);
    va_end(arguments);
    assert_int_equal(fclose(file), 0);
}

static void start(const char *keys)
{
    write_config("[listener one]\npath = %s\n%s", one, keys);
    service_start(&service, config_path);
}

static void expect_served(const char *path)
{
    struct request add = request_add(20, 22);
    struct client client = client_open(path, 9);

    assert_int_equal(client_expect_ok(&client, &add), 42);
    client_close(&client);
}

static uint32_t allocate(struct client *client, uint64_t size)
{
    struct request alloc = request_alloc(size);

    return client_call(client, &alloc).status;
}

static unsigned count_text(const char *text)
{
    unsigned count = 0;

    for (const char *at = process_errors(service.process); (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    return count;
}

/* A session keeps the limits that it began with; those that come later have the new ones. */
static void test_limits(void **state)
{
    (void)state;
    start("memory_limit = 1M\n");
    struct client before = client_open(one, 1);
    assert_int_equal(allocate(&before, 2 << 20), BG_COMPUTE_OUT_OF_MEMORY);
    write_config("[listener one]\npath = %s\nmemory_limit = 4M\nmax_sessions = 2\n", one);
    service_reload(&service);
    assert_int_equal(service.reloading, 1);
    assert_int_equal(allocate(&before, 2 << 20), BG_COMPUTE_OUT_OF_MEMORY);
    assert_int_equal(allocate(&before, 1 << 19), BG_COMPUTE_OK);
    struct client after = client_open(one, 2);
    assert_int_equal(allocate(&after, 2 << 20), BG_COMPUTE_OK);
    struct client third = client_open(one, 3);
    assert_int_equal(client_receive(&third).type, 0);
    process_wait_text(service.process, "listener one: all its 2 sessions are in use");
    client_close(&before);
    client_close(&after);
    client_close(&third);
}

static json_int_t get_figure(json_t *status, const char *name)
{
    json_t *session = json_array_get(json_object_get(status, "sessions"), 0);

    return json_integer_value(json_object_get(session, name));
}

/* What a session has is what it has, also where the next one may not have as much. */
static void test_lower_limit(void **state)
{
    (void)state;
    start("memory_limit = 4M\n");
    struct client client = client_open(one, 1);
    assert_int_equal(allocate(&client, 2 << 20), BG_COMPUTE_OK);
    write_config("[listener one]\npath = %s\nmemory_limit = 1M\n", one);
    service_reload(&service);
    json_t *status = admin_status(one);
    assert_int_equal(get_figure(status, "memory_used"), 2 << 20);
    assert_int_equal(get_figure(status, "memory_limit"), 4 << 20);
    json_decref(status);
    client_close(&client);
}

/* Sessions that began since then, their sockets and their cgroups go on under the next mediator. */
static void test_restart_is_wanted_now(void **state)
{
    struct request add = request_add(5, 6);

    (void)state;
    start("");
    write_config("restart_s = 10\n[listener one]\npath = %s\n", one);
    service_reload(&service);
    struct client client = client_open(one, 1);
    assert_int_equal(client_expect_ok(&client, &add), 11);
    json_t *status = admin_status(one);
    json_decref(status);
    service_stop(&service, SIGTERM);
    assert_int_equal(service_count(&service, "listener-one"), 1);
    assert_int_equal(service_count(&service, "session-1"), 4);
    assert_int_equal(access(one, F_OK), 0);
    service_start(&service, config_path);
    process_wait_text(service.process, "session 1 (one, vm 1): goes on");
    assert_int_equal(client_expect_ok(&client, &add), 11);
    client_close(&client);
}

/* A socket unit's is there again, for a listener that was left out for a while. */
static void test_socket_unit(void **state)
{
    (void)state;
    service_store(&service, "baregpu-mediator.socket", unix_listen(two, 8));
    start("");
    for (int i = 0; i < 2; i++) {
        write_config("[listener one]\npath = %s\n[listener two]\npath = %s\n", one, two);
        service_reload(&service);
        expect_served(two);
        write_config("[listener one]\npath = %s\n", one);
        service_reload(&service);
        process_wait_text(service.process, "listener two has ended");
    }
    assert_int_equal(count_text("stays as it was"), 0);
    service_stop(&service, SIGINT);
    assert_int_equal(access(two, F_OK), 0);
}

/* More sessions than there were places for at the start. */
static void test_more_sessions(void **state)
{
    enum { CLIENTS = 6 };
    struct client clients[CLIENTS];
    struct request add = request_add(1, 2);

    (void)state;
    write_config("max_sessions = 1\n[listener one]\npath = %s\n", one);
    service_start(&service, config_path);
    write_config("max_sessions = %d\n[listener one]\npath = %s\n", CLIENTS, one);
    service_reload(&service);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        clients[i] = client_open(one, i);
        assert_int_equal(client_expect_ok(&clients[i], &add), 3);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        client_close(&clients[i]);
    }
}

static void test_bad_file_changes_nothing(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start("");
    struct client client = client_open(one, 1);
    client_expect_ok(&client, &add);
    write_config("[listener one]\npath = %s\nmax_sessions = 1\n[listener two]\npath = %s\n"
                 "weight = much\n",
                 one, two);
    service_reload(&service);
    process_wait_text(service.process, "mediator.ini:9: weight = much: a number from 1 to 10000");
    process_wait_text(service.process, "the configuration stays as it was");
    assert_int_equal(access(two, F_OK), -1);
    expect_served(one);
    assert_int_equal(client_expect_ok(&client, &add), 3);
    client_close(&client);
}

/* The last of three cannot be opened: the others are as they were. */
static void test_listener_that_cannot_be(void **state)
{
    (void)state;
    start("mode = 0600\n");
    write_config("[listener one]\npath = %s\nmode = 0660\n[listener two]\npath = %s\n"
                 "[listener three]\npath = /no-such-directory/x\n[pool A]\ndevices = cuda:3\n",
                 one, two);
    service_reload(&service);
    process_wait_text(service.process,
                      "listener three: cannot listen at /no-such-directory/x: No such file");
    process_wait_text(service.process, "the configuration stays as it was");
    assert_int_equal(count_text("needs a restart"), 0); /* nothing is said of what is not done */
    assert_int_equal(access(two, F_OK), -1);
    expect_served(one);
}

/* As an editor leaves the file for a moment. */
static void test_no_listener_ends_none(void **state)
{
    (void)state;
    start("");
    assert_int_equal(truncate(config_path, 0), 0);
    service_reload(&service);
    process_wait_text(service.process, "the file has no [listener]");
    process_wait_text(service.process, "the configuration stays as it was");
    expect_served(one);
    write_config("[listener two]\npath = %s\n", two);
    service_reload(&service);
    expect_served(two);
}

static void test_listeners_come_and_go(void **state)
{
    struct request add = request_add(3, 4);

    (void)state;
    start("");
    struct client client = client_open(one, 1);
    client_expect_ok(&client, &add);
    write_config("[listener two]\npath = %s\n", two);
    service_reload(&service);
    process_wait_text(service.process, "one.sock; 1 of its sessions go on");
    assert_int_equal(access(one, F_OK), -1);
    expect_served(two);
    assert_int_equal(client_expect_ok(&client, &add), 7); /* its session goes on */
    write_config("[listener two]\npath = %s\n[listener one]\npath = %s\n", two, one);
    service_reload(&service);
    expect_served(one);
    expect_served(two);
    assert_int_equal(client_expect_ok(&client, &add), 7);
    client_close(&client);
}

/* Places are used again, however often listeners change. */
static void test_places_are_used_again(void **state)
{
    (void)state;
    start("");
    for (int i = 0; i < 40; i++) {
        write_config("[listener name%d]\npath = %s\n", i, i % 2 == 0 ? two : one);
        service_reload(&service);
        assert_int_equal(service.ready, (unsigned)i + 2);
    }
    expect_served(one);
    process_wait_text(service.process, "; none of its sessions go on");
    assert_int_equal(count_text("stays as it was"), 0);
}

/* Another tenant at the same path: who waits in the socket is served by the new one. */
static void test_renamed(void **state)
{
    struct stat before, after;

    (void)state;
    start("");
    assert_int_equal(stat(one, &before), 0);
    write_config("[listener other]\npath = %s\nmode = 0640\n", one);
    service_reload(&service);
    assert_int_equal(stat(one, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(after.st_mode & 0777, 0640);
    expect_served(one);
    json_t *status = admin_status(one);
    json_t *listeners = json_object_get(status, "listeners");
    assert_int_equal(json_array_size(listeners), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(listeners, 0), "name")),
                        "other");
    json_decref(status);
}

static void test_paths_change_places(void **state)
{
    (void)state;
    write_config("[listener a]\npath = %s\n[listener b]\npath = %s\n", one, two);
    service_start(&service, config_path);
    write_config("[listener a]\npath = %s\n[listener b]\npath = %s\n", two, one);
    service_reload(&service);
    assert_int_equal(count_text("stays as it was"), 0);
    expect_served(one);
    expect_served(two);
}

static void test_what_needs_a_restart(void **state)
{
    (void)state;
    start("");
    write_config("vulkan_device = 7\nworker_uids = 200000-265535\n[pool A]\ndevices = cuda:3\n"
                 "[listener one]\npath = %s\nweight = 7\n",
                 one);
    service_reload(&service);
    process_wait_text(service.process, "vulkan_device: a change needs a restart");
    process_wait_text(service.process, "worker_uids: a change needs a restart");
    process_wait_text(service.process, "[pool A] devices: a change needs a restart");
    process_wait_text(service.process, "the configuration was read anew");
    expect_served(one);
}

static void test_log_level(void **state)
{
    (void)state;
    start("");
    log_level = "warning";
    write_config("[listener one]\npath = %s\n", one);
    service_reload(&service);
    expect_served(one);
    assert_int_equal(count_text("session 1"), 0);
}

int main(int count, char **texts)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_limits),
        TEST(test_lower_limit),
        TEST(test_restart_is_wanted_now),
        TEST(test_socket_unit),
        TEST(test_more_sessions),
        TEST(test_bad_file_changes_nothing),
        TEST(test_listener_that_cannot_be),
        TEST(test_no_listener_ends_none),
        TEST(test_listeners_come_and_go),
        TEST(test_places_are_used_again),
        TEST(test_renamed),
        TEST(test_paths_change_places),
        TEST(test_what_needs_a_restart),
        TEST(test_log_level),
    };

    service_main(count, texts);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
