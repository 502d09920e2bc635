/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator build/host/baregpu-smi
// needs: build/tests/fake/gpu/libcuda.so.1 build/tests/fake/nvml/libnvidia-ml.so.1
/*
 * baregpu-smi as people and scripts use it: with the CPU device, and with what plays a GPU and its
 * management library (tests/fake/gpu, tests/fake/nvml), which shows nothing about real ones.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "protocol/pvgpu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/processes.h"

#define MIB (UINT64_C(1) << 20)
#define WORDS_MAX 16

static char *program;

static int setup(void **state)
{
    (void)state;
    program = harness_build_path("host/baregpu-smi");
    return 0;
}

static int teardown(void **state)
{
    unsetenv("LD_LIBRARY_PATH");
    unsetenv("FAKE_NVML_WITHOUT");
    return fixture_teardown(state);
}

static void start(void)
{
    fixture_start("one", "vgpu-stub", "memory_limit = 64M\n");
}

static void start_gpu(void)
{
    fixture_use_fake_gpu();
    fixture_start_with("cuda", "[listener one]\npath = %s\n", path);
}

/* baregpu-smi with these words, cut at blanks, of the mediator that runs. */
static struct process *smi(const char *words)
{
    char *admin = harness_format("%s.admin", path), *copy = strdup(words), *rest = copy, *word;
    const char *arguments[WORDS_MAX + 4] = {program, "--admin-socket", admin};
    unsigned count = 3;

    while ((word = strsep(&rest, " ")) != NULL && count < WORDS_MAX + 3) {
        if (*word) {
            arguments[count++] = word;
        }
    }
    struct process *process = process_start(arguments, NULL);
    free(copy);
    free(admin);
    return process;
}

/* Its output, to be freed; its exit status is that. */
static char *run(int status, const char *words)
{
    struct process *process = smi(words);
    char *output;

    if (process_wait(process) != status) {
        process_show(process);
        fail_msg("%s: not status %d", words, status);
    }
    output = strdup(*process_output(process) ? process_output(process) : process_errors(process));
    process_end(process);
    return output;
}

static void expect(int status, const char *words, const char *text)
{
    char *output = run(status, words);

    if (strstr(output, text) == NULL) {
        fail_msg("%s: \"%s\" does not have \"%s\"", words, output, text);
    }
    free(output);
}

static void expect_all(const char *words, const char *text)
{
    char *output = run(0, words);

    assert_string_equal(output, text);
    free(output);
}

static void test_the_cpu_device(void **state)
{
    struct request alloc = request_alloc(32 * MIB);

    (void)state;
    start();
    struct client client = client_open(path, 77);
    client_expect_ok(&client, &alloc);
    expect_all("-L", "GPU 0: baregpu CPU device (sm_90) (UUID: "
                     "GPU-62617265-6770-752d-6375-64612d637075)\n");
    expect_all("--query-gpu=index,memory.used,baregpu.sessions,power.draw,driver_version,count "
               "--format=csv",
               "index, memory.used [MiB], baregpu.sessions, power.draw [W], driver_version, "
               "count\n0, 32 MiB, 1, [N/A], [N/A], 1\n");
    expect_all("--query-gpu=name,memory.used,temperature.gpu --format=csv,noheader,nounits",
               "baregpu CPU device (sm_90), 32, [N/A]\n");
    expect_all("--query-compute-apps=gpu_uuid,used_memory,baregpu.listener,baregpu.vm_id,"
               "baregpu.memory.limit,gpu_bus_id --format=csv,noheader",
               "GPU-62617265-6770-752d-6375-64612d637075, 32 MiB, one, 77, 64 MiB, [N/A]\n");
    char *own = harness_format("%d, ", (int)getpid());
    expect(0, "--query-compute-apps=pid,name --format=csv,noheader", own);
    free(own);
    expect(0, "--query-compute-apps=process_name --format=csv,noheader", "smi_test\n");
    expect(0, "", "| one              vgpu-stub     1/256");
    expect(0, "", "|       32MiB / ");
    expect(0, "", "smi_test");
    expect(0, "-i GPU-62617265-6770-752d-6375-64612d637075 -L", "GPU 0");
    client_close(&client);
    admin_wait_sessions(path, 0);
    expect(0, "", "No sessions");
    expect_all("--query-compute-apps=pid --format=csv,noheader", "");
}

static void test_json(void **state)
{
    (void)state;
    start();
    char *output = run(0, "--json");
    json_t *json = json_loads(output, 0, NULL);
    json_t *device = json_array_get(json_object_get(json, "devices"), 0);

    assert_non_null(json);
    assert_int_equal(json_integer_value(json_object_get(device, "index")), 0);
    assert_int_equal(json_integer_value(json_object_get(device, "memory_guests")), 0);
    assert_null(json_object_get(device, "temperature_c"));
    assert_true(json_is_array(json_object_get(json, "sessions")));
    json_decref(json);
    free(output);
}

static void test_a_gpu(void **state)
{
    (void)state;
    start_gpu();
    expect_all("--query-gpu=uuid,driver_version,pci.bus_id,memory.total,memory.used,memory.free,"
               "utilization.gpu,utilization.memory,temperature.gpu,power.draw,power.limit,"
               "clocks.gr,clocks.sm,clocks.mem,clocks.max.sm,pstate,fan.speed,"
               "pcie.link.gen.current,pcie.link.width.current --format=csv,noheader",
               "GPU-66616b65-2047-5055-0000-000000000000, 580.01.02, 00000000:65:00.0, 16384 MiB, "
               "384 MiB, 16000 MiB, 37 %, 12 %, 54, 123.46 W, 700.00 W, 1500 MHz, 1501 MHz, "
               "1502 MHz, 1981 MHz, P2, 30 %, 5, 16\n");
    expect(0, "", "|      54C    P2     123W / 700W ");
    expect(0, "", "384MiB / 16384MiB |      37% ");
    setenv("FAKE_NVML_WITHOUT", "DeviceGetFanSpeed,DeviceGetPowerUsage", 1);
    expect_all("--query-gpu=fan.speed,power.draw,power.limit --format=csv,noheader",
               "[N/A], [N/A], 700.00 W\n");
    /* Without the library nothing is made up: who else uses the GPU is not known. */
    setenv("FAKE_NVML_WITHOUT", "Init", 1);
    expect_all("--query-gpu=name,memory.used,memory.free,utilization.gpu,temperature.gpu,"
               "baregpu.memory.guests --format=csv,noheader",
               "fake GPU 0 (no GPU at all), [N/A], [N/A], [N/A], [N/A], 0 MiB\n");
}

static void test_again_and_again(void **state)
{
    (void)state;
    start();
    expect_all("--query-gpu=index --format=csv -l 1 -n 2", "index\n0\n0\n");
    struct process *process = smi("--query-gpu=index,uuid --format=csv -l 1");
    process_wait_text(process, "0, GPU-");
    process_signal(mediator, SIGTERM);
    assert_int_equal(process_wait(process), 5); /* the mediator has ended */
    process_end(process);
}

static void test_top(void **state)
{
    struct request nop = request_nop();

    (void)state;
    start();
    struct client client = client_open(path, 4711);
    client_expect_ok(&client, &nop);
    expect(2, "top", "top needs a terminal");
    char *command = harness_format("%s --admin-socket %s.admin top -n 2", program, path);
    const char *const words[] = {"script", "-qec", command, "/dev/null", NULL};
    struct process *process = process_start(words, NULL);
    assert_int_equal(process_wait(process), 0);
    assert_non_null(strstr(process_output(process), "4711"));
    assert_non_null(strstr(process_output(process), "\033[H\033[J"));
    process_end(process);
    free(command);
    client_close(&client);
}

static void test_what_is_done_to_guests(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start();
    struct client client = client_open(path, 7);
    client_expect_ok(&client, &add);
    expect_all("quarantine one:7", "quarantine: 1 guest, 1 session\n");
    assert_int_equal(client_call(&client, &add).type, BG_VGPU_STUB_MESSAGE_QUARANTINED);
    expect(0, "", "1 in quarantine");
    expect_all("release one:7", "release: 1 guest, 1 session\n");
    client_expect_ok(&client, &add);
    expect_all("drain one", "drain: 0 guests, 1 session\n");
    assert_int_equal(client_receive(&client).type, 0);
    expect(0, "", "drained");
    expect(0, "release one", "release: 0 guests");
    expect(6, "release one:7", "no such guest is in quarantine");
    expect(6, "drain two", "baregpu-smi: there is no such listener\n");
    client_close(&client);
}

/* Who connects, says nothing and goes has no name. */
static void test_looks_are_no_guests(void **state)
{
    (void)state;
    start();
    close(processes_connect(0, path));
    process_wait_text(mediator, "left before it had a worker");
    expect(6, "quarantine one:0", "no such guest is known");
}

/* Without options all the places of mediators without a configuration are named. */
static void test_nobody_anywhere(void **state)
{
    struct process *asked = process_start((const char *const[]){program, NULL}, NULL);
    int status = process_wait(asked);

    (void)state;
    if (status != 5 || access("/etc/baregpu/mediator.ini", F_OK) == 0 ||
        strstr(process_errors(asked), "Connection refused") != NULL) {
        process_end(asked);
        skip(); /* this machine has a mediator, or had one */
    }
    assert_non_null(strstr(process_errors(asked), "/run/baregpu/admin.sock, "));
    assert_non_null(strstr(process_errors(asked), ", " BG_PVGPU_SOCKET_PATH ".admin; "));
    process_end(asked);
}

static void test_errors(void **state)
{
    (void)state;
    expect(5, "", "no mediator answers at");
    start();
    expect(2, "--query-gpu=nonsense --format=csv",
           "Field \"nonsense\" is not a valid field to query; --help-query-gpu lists them");
    expect(2, "--query-compute-apps=temperature.gpu --format=csv", "--help-query-compute-apps");
    expect(2, "--query-gpu=index", "needs --format=csv");
    expect(2, "--query-gpu=index --format=xml", "csv, with noheader and nounits");
    expect(2, "--format=csv", "--format goes with");
    expect(2, "-l 0", "a number from 1 to");
    expect(2, "-L --json", "one of -L, --json");
    expect(2, "stop one", "top, quarantine, drain and release");
    expect(2, "drain", "drain needs LISTENER");
    expect(2, "drain one:x", "LISTENER:VM_ID is needed");
    expect(2, "drain one two", "LISTENER:VM_ID is needed");
    expect(2, "top one", "LISTENER:VM_ID is needed");
    expect(6, "-i 7", "no device 7; -L lists them");
    expect(0, "--help-query-gpu", "\"memory.used\"\n    by anybody, in MiB\n");
    expect(0, "--help-query-compute-apps", "\"used_gpu_memory\" or \"used_memory\"");
    expect(0, "--help", "--query-gpu=FIELDS");
    expect(0, "--version", "baregpu-smi ");
}

/* Who may not ask is told so. */
static void test_permission(void **state)
{
    const struct process_options options = {.uid = HARNESS_NOBODY};
    char *admin = harness_format("%s.admin", path);
    const char *const words[] = {program, "--admin-socket", admin, NULL};

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    start();
    struct process *process = process_start(words, &options);
    int status = process_wait(process);
    /* The harness's directory is closed to others, which is as good. */
    assert_int_equal(status, 7);
    assert_non_null(strstr(process_errors(process), "only root and the mediator's own user"));
    process_end(process);
    free(admin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, teardown)
        TEST(test_the_cpu_device),
        TEST(test_json),
        TEST(test_a_gpu),
        TEST(test_again_and_again),
        TEST(test_top),
        TEST(test_what_is_done_to_guests),
        TEST(test_looks_are_no_guests),
        TEST(test_nobody_anywhere),
        TEST(test_errors),
        TEST(test_permission),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, NULL);
}
