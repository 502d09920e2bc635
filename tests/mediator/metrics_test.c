/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/client.c tests/mediator/fixture.c tests/mediator/service.c
// build: tests/mediator/processes.c host/common/fd_message.c tests/mediator/exposition.c
// needs: build/host/baregpu-mediator build/host/baregpu-exporter
// needs: build/tests/fake/gpu/libcuda.so.1 build/tests/fake/nvml/libnvidia-ml.so.1
/* The daemon's metrics over HTTP: what scrapers get, and what they cannot do to it. */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
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
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "host/exporter/exporter.h"
#include "tests/mediator/client.h"
#include "tests/mediator/exposition.h"
#include "tests/mediator/fixture.h"
#include "tests/mediator/service.h"

#define PAGE_SIZE (1u << 18)
#define CONNECTIONS 16 /* that the exporter has at once */
#define LIFE_MS 10000u /* of one */
#define SMALL 800u

static char *metrics; /* the path of its socket */
static char page[PAGE_SIZE];

static int setup(void **state)
{
    fixture_setup(state);
    metrics = harness_temp_path("metrics.sock");
    return 0;
}

static int teardown(void **state)
{
    unsetenv("LD_LIBRARY_PATH");
    unsetenv("FAKE_NVML_XID");
    free(metrics);
    return fixture_teardown(state);
}

static void start(const char *backend)
{
    fixture_start_with(backend,
                       "[mediator]\nmetrics = %s\n[listener one]\npath = %s\n"
                       "memory_limit = 64M\n",
                       metrics, path);
}

/* All that comes back until the exporter closes. */
static const char *talk(int fd, const char *request)
{
    if (!socket_write(fd, request, strlen(request))) {
        page[0] = '\0';
        return page;
    }
    page[socket_read(fd, page, sizeof(page) - 1, CLIENT_TIMEOUT_MS)] = '\0';
    return page;
}

static const char *ask(const char *request)
{
    int fd = unix_connect(metrics, CLIENT_TIMEOUT_MS);
    const char *answer = talk(fd, request);

    close(fd);
    return answer;
}

/* The text of the answer, which is valid. */
static const char *check_answer(const char *answer)
{
    char error[EXPOSITION_ERROR_SIZE];
    const char *text = strstr(answer, "\r\n\r\n");

    if (strncmp(answer, "HTTP/1.1 200 OK\r\n", 17) != 0 || text == NULL) {
        fail_msg("answer: %.200s", answer);
    }
    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    if (!exposition_check(text + 4, error)) {
        fail_msg("%s", error);
    }
    return text + 4;
}

static const char *scrape(void)
{
    return check_answer(ask("GET /metrics HTTP/1.1\r\nHost: one\r\n\r\n"));
}

/* One that the exporter has not kept for a second: until a figure is this. */
static void wait_value(const char *name, const char *label, double value)
{
    uint64_t until_ms = harness_now_ms() + CLIENT_TIMEOUT_MS;
    double found;

    while ((found = exposition_find(scrape(), name, label)) != value) {
        if (harness_now_ms() > until_ms) {
            fail_msg("%s of %s is %g instead of %g", name, label, found, value);
        }
        usleep(50000); /* what is looked at again */
    }
}

static void test_figures(void **state)
{
    static const uint8_t data[SMALL];
    struct request alloc = request_alloc(1 << 20);

    (void)state;
    start("cpu");
    wait_value("baregpu_sessions", "listener=\"one\"", 0);
    struct client client = client_open(path, 1);
    struct request write = request_write(client_expect_ok(&client, &alloc), data, SMALL);
    client_expect_ok(&client, &write);
    wait_value("baregpu_requests_total", "listener=\"one\"", 2);
    const char *text = scrape();
    assert_true(exposition_find(text, "baregpu_sessions", "listener=\"one\"") == 1);
    assert_true(exposition_find(text, "baregpu_copied_in_bytes_total", "listener=\"one\"") ==
                SMALL);
    assert_true(exposition_find(text, "DCGM_FI_DEV_FB_USED", "gpu=\"0\"") == 1);
    assert_true(exposition_find(text, "baregpu_start_wait_seconds_count", "\"one\"") == 1);
    assert_false(exposition_has(text, "DCGM_FI_DEV_GPU_TEMP"));
    client_close(&client);
    wait_value("baregpu_sessions", "listener=\"one\"", 0);
    assert_true(exposition_find(scrape(), "baregpu_requests_total", "listener=\"one\"") == 2);
    assert_true(exposition_find(scrape(), "DCGM_FI_DEV_FB_USED", "gpu=\"0\"") == 0);
}

static void test_a_gpu(void **state)
{
    (void)state;
    fixture_use_fake_gpu();
    setenv("FAKE_NVML_XID", "79", 1);
    start("cuda");
    const char *text = scrape(), *label = "UUID=\"GPU-66616b65-2047-5055-0000-000000000000\"";
    assert_true(exposition_find(text, "DCGM_FI_DEV_GPU_TEMP", label) == 54);
    assert_true(exposition_find(text, "DCGM_FI_DEV_POWER_USAGE", label) == 123.456);
    assert_true(exposition_find(text, "DCGM_FI_DEV_GPU_UTIL", label) == 37);
    assert_true(exposition_find(text, "DCGM_FI_DEV_XID_ERRORS", label) == 79);
    assert_true(exposition_find(text, "DCGM_FI_DEV_SM_CLOCK", label) == 1501);
}

static void test_requests(void **state)
{
    static char long_head[65536];

    (void)state;
    start("cpu");
    assert_int_equal(strncmp(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 ", 13), 0);
    assert_int_equal(
        strncmp(ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 405 ", 13), 0);
    assert_int_equal(strncmp(ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 ", 13),
                     0);
    /* Whatever comes is answered or ended. */
    ask("\x16\x03\x01\x02\x00\x01\r\n\r\n");
    ask("GET\r\n\r\n");
    ask("GET /metrics HTTP/9.9\r\n\r\n");
    memset(long_head, 'a', sizeof(long_head) - 1);
    memcpy(long_head, "GET /metrics HTTP/1.1\r\nx: ", 26);
    ask(long_head);
    scrape();
}

/* Those that say and read nothing are ended, and keep nobody else waiting for long; the mediator
 * has no part in it. */
static void test_slow_scrapers(void **state)
{
    struct request add = request_add(1, 2);
    int fds[CONNECTIONS];

    (void)state;
    start("cpu");
    scrape();
    for (int i = 0; i < CONNECTIONS; i++) {
        fds[i] = unix_connect(metrics, CLIENT_TIMEOUT_MS);
        socket_write(fds[i], "GET /metr", 9);
    }
    struct client client = client_open(path, 1);
    for (int i = 0; i < 20; i++) { /* a byte now and then keeps none alive */
        client_expect_ok(&client, &add);
        usleep(100000);
        for (int j = 0; j < CONNECTIONS; j++) {
            socket_write(fds[j], "i", 1);
        }
    }
    json_decref(admin_status(path));
    uint64_t start_ms = harness_now_ms();
    scrape();
    assert_true(harness_now_ms() - start_ms < LIFE_MS + 5000);
    for (int i = 0; i < CONNECTIONS; i++) {
        assert_true(socket_wait_closed(fds[i], CLIENT_TIMEOUT_MS));
        close(fds[i]);
    }
    client_close(&client);
}

/* It is in a jail, and comes back. */
static void test_its_process(void **state)
{
    struct request add = request_add(1, 2);

    (void)state;
    start("cpu");
    struct client client = client_open(path, 1);
    client_expect_ok(&client, &add);
    scrape();
    pid_t exporter = mediator_exporter(mediator);
    char *status = harness_format("/proc/%d/status", (int)exporter), line[256];
    FILE *file = fopen(status, "r");
    bool filtered = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        filtered = filtered || strcmp(line, "Seccomp:\t2\n") == 0;
    }
    fclose(file);
    free(status);
    assert_true(filtered);
    assert_int_equal(kill(exporter, SIGKILL), 0);
    process_wait_text(mediator, "the exporter of metrics was ended by signal 9");
    scrape(); /* the socket is the mediator's: who connects waits */
    client_expect_ok(&client, &add);
    client_close(&client);
    process_signal(mediator, SIGTERM);
    assert_int_equal(process_wait(mediator), 0);
    assert_int_equal(access(metrics, F_OK), -1);
}

/* A port that nobody has. */
static int find_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void scrape_port(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    check_answer(talk(fd, "GET /metrics HTTP/1.0\r\n\r\n"));
    close(fd);
}

static void test_tcp(void **state)
{
    int port = find_port();

    (void)state;
    free(metrics);
    metrics = harness_format("127.0.0.1:%d", port);
    start("cpu");
    scrape_port(port);
}

/* Under the next mediator there is another exporter, and a session's requests of before do not
 * count again. */
static void check_restart(const char *address, int signal_number)
{
    char *config = harness_temp_path("restart.ini");
    struct request add = request_add(1, 2);
    struct service service;

    harness_write_file(config,
                       "[mediator]\nrestart_s = 10\nadmin_socket = %s.admin\nmetrics = %s\n"
                       "[listener one]\npath = %s\n",
                       path, address, path);
    service_open(&service);
    service_start(&service, config);
    struct client client = client_open(path, 1);
    for (int i = 0; i < 10; i++) {
        client_expect_ok(&client, &add);
    }
    wait_value("baregpu_requests_total", "listener=\"one\"", 10);
    service_stop(&service, signal_number);
    service_start(&service, config);
    wait_value("baregpu_sessions", "listener=\"one\"", 1);
    double kept = exposition_find(scrape(), "baregpu_requests_total", "listener=\"one\"");
    assert_true(kept == 10 || (kept < 10 && signal_number == SIGKILL)); /* of a second before */
    client_expect_ok(&client, &add);
    wait_value("baregpu_requests_total", "listener=\"one\"", kept + 1);
    client_close(&client);
    service_close(&service);
    free(config);
}

static void test_restart(void **state)
{
    (void)state;
    check_restart(metrics, SIGTERM);
}

static void test_restart_after_a_crash(void **state)
{
    (void)state;
    check_restart(metrics, SIGKILL);
}

/* One that stands still leaves the address to the next mediator's. */
static void check_exporter_stands_still(int signal_number)
{
    char *config = harness_temp_path("still.ini");
    struct service service;
    int port = find_port();

    harness_write_file(config, "[mediator]\nmetrics = 127.0.0.1:%d\n[listener one]\npath = %s\n",
                       port, path);
    service_open(&service);
    service_start(&service, config);
    scrape_port(port);
    assert_int_equal(kill(mediator_exporter(service.process), SIGSTOP), 0);
    service_stop(&service, signal_number);
    service_start(&service, config);
    scrape_port(port);
    service_close(&service);
    free(config);
}

static void test_exporter_stands_still(void **state)
{
    (void)state;
    check_exporter_stands_still(SIGTERM);
    check_exporter_stands_still(SIGKILL);
}

static void test_address_in_use(void **state)
{
    char *program = harness_build_path("host/baregpu-mediator");
    char *config = harness_temp_path("second.ini"), *other = harness_temp_path("second.sock");
    const char *const words[] = {program, "--backend", "cpu", "--config", config, NULL};

    (void)state;
    start("cpu");
    harness_write_file(config, "[mediator]\nmetrics = %s\n[listener two]\npath = %s\n", metrics,
                       other);
    struct process *process = process_start(words, NULL);
    assert_int_equal(process_wait(process), 3);
    assert_non_null(strstr(process_errors(process), "somebody listens there already"));
    process_end(process);
    scrape();
    free(other);
    free(config);
    free(program);
}

/* ---- In the exporter's place ---- */

#define QUESTIONS 4

static void expect_line(int fd)
{
    char byte = 0;

    while (byte != '\n') {
        if (!harness_wait_readable(fd, CLIENT_TIMEOUT_MS) || read(fd, &byte, 1) != 1) {
            _exit(1);
        }
    }
}

/* One that is in somebody's hands: it has the next question there before it has an answer. */
static void ask_without_end(void)
{
    static const char *const questions[] = {"{\"command\":\"status\"}\n", "rubbish\n"};
    uint64_t start_ms = harness_now_ms();

    for (unsigned i = 0; i < QUESTIONS; i++) {
        (void)!write(EXPORTER_CHANNEL_FD, questions[i % 2], strlen(questions[i % 2]));
        expect_line(EXPORTER_CHANNEL_FD);
    }
    fprintf(stderr, "%d answers in %llu ms\n", QUESTIONS,
            (unsigned long long)(harness_now_ms() - start_ms));
    pause();
}

static void copy(const char *from, const char *to)
{
    const char *const words[] = {"cp", from, to, NULL};
    struct process *process = process_start(words, NULL);

    assert_int_equal(process_wait(process), 0);
    process_end(process);
}

/* A folder with the mediator, and with this program as its exporter. */
static char *make_folder(void)
{
    char *folder = harness_temp_path("host"), *own = harness_format("/proc/%d/exe", getpid());
    char *mediator_from = harness_build_path("host/baregpu-mediator");
    char *device_from = harness_build_path("host/cuda-cpu");
    char *device_path = realpath(device_from, NULL);
    char *to = harness_format("%s/baregpu-mediator", folder);
    char *device = harness_format("%s/cuda-cpu", folder);
    char *exporter = harness_format("%s/" EXPORTER_PROGRAM, folder);

    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(symlink(device_path, device), 0);
    copy(mediator_from, to);
    copy(own, exporter);
    free(folder);
    free(own);
    free(mediator_from);
    free(device_from);
    free(device_path);
    free(device);
    free(exporter);
    return to;
}

static void test_exporter_asks_without_end(void **state)
{
    char *program = make_folder(), *config = harness_temp_path("asks.ini");
    const char *const words[] = {program, "--backend", "cpu", "--config", config, NULL};
    unsigned ms = 0;

    (void)state;
    harness_write_file(config, "[mediator]\nmetrics = %s\n[listener one]\npath = %s\n", metrics,
                       path);
    mediator = process_start(words, NULL);
    process_wait_text(mediator, "answers in");
    const char *said = strstr(process_errors(mediator), "answers in");
    assert_int_equal(sscanf(said, "answers in %u ms", &ms), 1);
    assert_in_range(ms, (QUESTIONS - 1) * 900, CLIENT_TIMEOUT_MS);
    free(program);
    free(config);
}

int main(int count, char **texts)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_figures),
        TEST(test_a_gpu),
        TEST(test_requests),
        TEST(test_slow_scrapers),
        TEST(test_its_process),
        TEST(test_tcp),
        TEST(test_address_in_use),
        TEST(test_restart),
        TEST(test_restart_after_a_crash),
        TEST(test_exporter_stands_still),
        TEST(test_exporter_asks_without_end),
#undef TEST
    };

    if (strcmp(texts[0], EXPORTER_PROGRAM) == 0) {
        ask_without_end();
    }
    service_main(count, texts);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
