/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c
// build: tests/mediator/processes.c host/common/fd_message.c
// needs: build/host/baregpu-mediator build/tests/fake/gpu/libcuda.so.1
/*
 * The daemon with a GPU. First the CUDA device on the CPU plays NVIDIA's driver (tests/fake/gpu),
 * which tests how the daemon uses and survives one and shows nothing about a GPU; at the end, on a
 * machine that has one, the same operations on the real GPU.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/client.h"
#include "tests/mediator/fixture.h"

static char *program, *fake_directory;
static bool has_gpu;

/* Whether `--backend cuda` starts; with a driver found in `directory`, or the host's. */
static bool can_start(const char *directory)
{
    char *variable = harness_format("LD_LIBRARY_PATH=%s", directory != NULL ? directory : "");
    const char *const environment[] = {variable, NULL};
    const struct process_options options = {.environment = directory != NULL ? environment : NULL,
                                            .deadline_ms = 90000};
    const char *const arguments[] = {program, "--backend",   "cuda", "--socket",
                                     path,    "--log-level", "info", NULL};
    struct process *process = process_start(arguments, &options);
    bool started = true;
    int status;

    for (;;) {
        if (process_has_ended(process, &status)) {
            started = false;
            break;
        }
        if (strstr(process_errors(process), "listener default") != NULL) {
            break;
        }
    }
    process_end(process);
    free(variable);
    return started;
}

static int setup(void **state)
{
    fixture_setup(state);
    program = harness_build_path("host/baregpu-mediator");
    fake_directory = realpath(harness_build_path("tests/fake/gpu"), NULL);
    has_gpu = can_start(NULL);
    print_message("real GPU: %s\n", has_gpu ? "yes" : "none");
    return fixture_teardown(state);
}

/* After every test: no settings of the fake for the next. */
static int teardown(void **state)
{
    static const char *const names[] = {"FAKE_GPU_FAIL",    "FAKE_GPU_FAULT", "FAKE_GPU_HANG",
                                        "FAKE_GPU_DEVICES", "FAKE_GPU_TRACE", "FAKE_GPU_SYSTEM",
                                        "FAKE_GPU_ATTACK",  "LD_LIBRARY_PATH"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unsetenv(names[i]);
    }
    return fixture_teardown(state);
}

static void start_fake(const char *keys)
{
    setenv("LD_LIBRARY_PATH", fake_directory, 1);
    fixture_start_with("cuda", "[listener one]\npath = %s\n%s", path, keys);
}

/* Every operation, on whatever is there. */
static void use_everything(struct client *client, struct bg_compute_device_info *info)
{
    const uint32_t a[] = {1, UINT32_MAX, 7}, b[] = {2, 1, 8}, sums[] = {3, 0, 15};
    uint32_t inline_data[6];
    struct request information = {.opcode = BG_VGPU_STUB_OP_GET_DEVICE_INFO};
    struct request sync = {.opcode = BG_VGPU_STUB_OP_SYNCHRONIZE}, basic = request_add(100, 200);
    struct request alloc = request_alloc(4096);
    struct answer answer = client_call(client, &information);

    assert_int_equal(answer.status, BG_COMPUTE_OK);
    memcpy(info, answer.data, sizeof(*info));
    assert_int_equal(client_expect_ok(client, &basic), 300);
    uint32_t ha = client_expect_ok(client, &alloc), hb = client_expect_ok(client, &alloc);
    struct request write_a = request_write(ha, a, sizeof(a));
    struct request write_b = request_write(hb, b, sizeof(b));
    struct request add = {
        .opcode = BG_COMPUTE_VECTOR_ADD_MEMORY,
        .flags = BG_VGPU_STUB_FLAG_ASYNC,
        .param_count = 12,
        .params = {BG_COMPUTE_ELEMENT_UINT32, hb, ha, hb, 0, 0, 0, 0, 0, 0, 3, 0}};
    struct request read_b = request_read(hb, sizeof(sums));
    struct request move = request_move(ha, hb, 4096), read_a = request_read(ha, sizeof(sums));
    client_expect_ok(client, &write_a);
    client_expect_ok(client, &write_b);
    client_expect_ok(client, &add);
    client_expect_ok(client, &sync);
    answer = client_call(client, &read_b);
    assert_memory_equal(answer.data, sums, sizeof(sums));
    client_expect_ok(client, &move);
    answer = client_call(client, &read_a);
    assert_memory_equal(answer.data, sums, sizeof(sums));
    memcpy(inline_data, a, sizeof(a));
    memcpy(inline_data + 3, b, sizeof(b));
    struct request inlined = {.opcode = BG_COMPUTE_VECTOR_ADD_INLINE,
                              .param_count = 2,
                              .params = {BG_COMPUTE_ELEMENT_INT32, 3},
                              .data = inline_data,
                              .data_length = sizeof(inline_data)};
    answer = client_call(client, &inlined);
    assert_int_equal(answer.status, BG_COMPUTE_OK);
    assert_memory_equal(answer.data, sums, sizeof(sums));
    struct request release = request_free(ha);
    client_expect_ok(client, &release);
    assert_int_equal(client_call(client, &release).status, BG_COMPUTE_INVALID_HANDLE);
}

static void test_fake_operations(void **state)
{
    struct bg_compute_device_info info;

    (void)state;
    start_fake("");
    struct client client = client_open(path, 1), other = client_open(path, 2);
    use_everything(&client, &info);
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CUDA);
    assert_string_equal(info.name, "fake GPU 0 (no GPU at all)");
    use_everything(&other, &info); /* takes the lease over, asynchronous work done */
    use_everything(&client, &info);
    client_close(&client);
    client_close(&other);
}

/* An addition in device memory that is answered before it is done. */
static void start_async_add(struct client *client)
{
    struct request alloc = request_alloc(4096);
    uint32_t handle = client_expect_ok(client, &alloc);
    struct request add = {
        .opcode = BG_COMPUTE_VECTOR_ADD_MEMORY,
        .flags = BG_VGPU_STUB_FLAG_ASYNC,
        .param_count = 12,
        .params = {BG_COMPUTE_ELEMENT_UINT32, handle, handle, handle, 0, 0, 0, 0, 0, 0, 1024, 0}};

    client_expect_ok(client, &add);
}

/* Who has the lease has the GPU to itself: what the last one started is done by then. */
static void test_fake_release_waits(void **state)
{
    struct request alloc = request_alloc(64); /* launches nothing */
    const char *launch, *done, *granted;

    (void)state;
    setenv("FAKE_GPU_TRACE", "1", 1);
    start_fake("");
    struct client client = client_open(path, 1), other = client_open(path, 2);
    start_async_add(&client); /* and asks for nothing more: the release is due at once */
    client_expect_ok(&other, &alloc);
    process_wait_text(mediator, "(one, vm 2): lease granted");
    launch = strstr(process_errors(mediator), "fake GPU: launch\n");
    assert_non_null(launch);
    granted = strstr(launch, "(one, vm 2): lease granted");
    done = strstr(launch, "fake GPU: launched work is done");
    assert_non_null(granted);
    assert_true(done && done < granted);
    client_close(&client);
    client_close(&other);
}

/* What the wait finds ends the session that started it, and the lease goes on. */
static void test_fake_release_finds_a_fault(void **state)
{
    struct request alloc = request_alloc(64);

    (void)state;
    setenv("FAKE_GPU_FAULT", "1", 1);
    start_fake("");
    struct client client = client_open(path, 1), other = client_open(path, 2);
    start_async_add(&client);
    client_expect_ok(&other, &alloc);
    assert_int_equal(client_receive(&client).type, 0);
    process_wait_text(mediator, "vm 1): ended by a fault: asynchronous work: CUDA_ERROR_ILLEGAL");
    client_close(&client);
    client_close(&other);
}

/* A kernel that faults costs its own session and nobody else's. */
static void test_fake_fault(void **state)
{
    struct request nop = request_nop(), add = request_add(1, 2);

    (void)state;
    setenv("FAKE_GPU_FAULT", "1", 1);
    start_fake("quarantine_faults = 2\n");
    struct client other = client_open_from(1, path, 2);
    client_expect_ok(&other, &nop);
    for (int i = 0; i < 2; i++) {
        struct client client = client_open(path, 1);

        assert_int_equal(client_call(&client, &add).status, BG_COMPUTE_CUDA_ERROR);
        assert_int_equal(client_receive(&client).type, 0);
        client_close(&client);
        admin_wait_sessions(path, 1);
    }
    process_wait_text(mediator, "CUDA_ERROR_ILLEGAL_ADDRESS");
    process_wait_text(mediator, "vm 1: quarantined after 2 faults");
    client_expect_ok(&other, &nop);
    client_close(&other);
}

/* A GPU that never finishes: TIMEOUT, the worker ends, the mediator goes on. */
static void test_fake_hang(void **state)
{
    struct request alloc = request_alloc(64), nop = request_nop();

    (void)state;
    setenv("FAKE_GPU_HANG", "cuStreamSynchronize", 1);
    start_fake("request_timeout_ms = 300\n");
    struct client client = client_open(path, 1), other = client_open(path, 2);
    client_send(&client, &alloc);
    client_send_ping(&client, 9, false); /* answered while the GPU hangs */
    assert_int_equal(client_receive(&client).type, BG_VGPU_STUB_MESSAGE_PONG);
    assert_int_equal(client_receive(&client).status, BG_COMPUTE_TIMEOUT);
    assert_int_equal(client_receive(&client).type, 0);
    client_expect_ok(&other, &nop);
    admin_wait_sessions(path, 1);
    client_close(&client);
    client_close(&other);
}

/* The driver refuses the context: the request ends with an error, the session with it. */
static void test_fake_no_context(void **state)
{
    struct request add = request_add(1, 2),
                   information = {.opcode = BG_VGPU_STUB_OP_GET_DEVICE_INFO};

    (void)state;
    setenv("FAKE_GPU_FAIL", "cuDevicePrimaryCtxRetain:1:46", 1);
    start_fake("");
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &information); /* needs none */
    assert_int_equal(client_call(&client, &add).status, BG_COMPUTE_CUDA_ERROR);
    assert_int_equal(client_receive(&client).type, 0);
    process_wait_text(mediator, "the device cannot be used: cuDevicePrimaryCtxRetain");
    client_close(&client);
}

static void test_fake_devices(void **state)
{
    struct bg_compute_device_info info;

    (void)state;
    setenv("FAKE_GPU_DEVICES", "2", 1);
    start_fake("[pool A]\ndevices = cuda:1\n[pool B]\ndevices = cuda:0\n");
    struct client client = client_open(path, 1);
    use_everything(&client, &info);
    assert_string_equal(info.name, "fake GPU 1 (no GPU at all)");
    client_close(&client);
    client = client_open(path, 1);
    client.pool_id = 'B';
    use_everything(&client, &info);
    assert_string_equal(info.name, "fake GPU 0 (no GPU at all)");
    client_close(&client);
}

/* Drivers that crash or hang while they are asked what there is do not take the daemon along. */
static void test_fake_driver_that_crashes(void **state)
{
    (void)state;
    setenv("FAKE_GPU_FAIL", "cuInit:1:100", 1);
    assert_false(can_start(fake_directory));
    setenv("FAKE_GPU_DEVICES", "0", 1);
    unsetenv("FAKE_GPU_FAIL");
    assert_false(can_start(fake_directory));
    /* auto goes on without. */
    setenv("LD_LIBRARY_PATH", fake_directory, 1);
    mediator = mediator_start("--backend auto --socket %s", path);
    process_wait_text(mediator, "no GPU: cuDeviceGetCount");
}

/* ---- In the sandbox ---- */

/* What the fake driver says of its attempts is in the log, once it has said all. */
static const char *try_in_sandbox(const char *keys, const char *setting, const char *value,
                                  const char *last)
{
    struct request add = request_add(1, 2);

    setenv(setting, value, 1);
    start_fake(keys);
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &add); /* it computes as ever after that */
    process_wait_text(mediator, last);
    client_close(&client);
    return process_errors(mediator);
}

static void test_sandbox_has_what_a_driver_needs(void **state)
{
    (void)state;
    if (access("/sys/devices/system/cpu", F_OK) != 0) {
        print_message("there is no /sys here\n");
        skip();
    }
    const char *log = try_in_sandbox("", "FAKE_GPU_SYSTEM", "1", "system tried");
    assert_null(strstr(log, "fails"));
    assert_null(strstr(log, "refused by the sandbox"));
}

/* Not what is not there: the process that it names is the test's, in no namespace of the worker. */
static void test_sandbox_against_attacks(void **state)
{
    char *self = harness_format("%d", (int)getpid());

    (void)state;
    const char *log = try_in_sandbox("", "FAKE_GPU_ATTACK", self, "attack tried");
    free(self);
    if (strstr(log, "workers are not alone") != NULL) {
        print_message("this system has no namespaces for us\n");
        skip();
    }
    assert_null(strstr(log, "works"));
    assert_non_null(strstr(log, "refused by the sandbox: system call"));
    assert_non_null(strstr(log, "(execve)"));
}

/* For a driver that needs more: files are there, processes and signals are not. */
static void test_loose_sandbox(void **state)
{
    char *self = harness_format("%d", (int)getpid());

    (void)state;
    const char *log = try_in_sandbox("[mediator]\ncuda_sandbox = loose\n", "FAKE_GPU_ATTACK", self,
                                     "attack tried");
    free(self);
    assert_non_null(strstr(log, "attack read works"));
    assert_non_null(strstr(log, "attack process fails"));
    assert_non_null(strstr(log, "attack program fails"));
    assert_non_null(strstr(log, "attack signal fails"));
    assert_non_null(strstr(log, "attack trace fails"));
    assert_non_null(strstr(log, "attack namespace fails"));
}

static void test_real_gpu(void **state)
{
    struct bg_compute_device_info info;

    (void)state;
    if (!has_gpu) {
        print_message("no GPU\n");
        skip();
    }
    mediator = mediator_start("--backend cuda --log-level debug --socket %s", path);
    struct client client = client_open(path, 1), other = client_open(path, 2);
    use_everything(&client, &info);
    print_message("%s, compute capability %u.%u\n", info.name, info.capability_major,
                  info.capability_minor);
    assert_int_equal(info.backend, BG_COMPUTE_BACKEND_CUDA);
    use_everything(&other, &info);
    client_close(&client);
    client_close(&other);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fake_release_waits),
        TEST(test_fake_release_finds_a_fault),
        TEST(test_fake_operations),
        TEST(test_fake_fault),
        TEST(test_fake_hang),
        TEST(test_fake_no_context),
        TEST(test_fake_devices),
        TEST(test_fake_driver_that_crashes),
        TEST(test_sandbox_has_what_a_driver_needs),
        TEST(test_sandbox_against_attacks),
        TEST(test_loose_sandbox),
        TEST(test_real_gpu),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, setup, NULL);
}
