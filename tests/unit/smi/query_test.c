/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/smi/query.c host/smi/table.c host/smi/reading.c host/smi/nvml.c
// build: host/mediator/admin_client.c host/common/listener.c
/* What baregpu-smi prints of a status, whatever is in it or is not. */
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/common/listener.h"
#include "host/mediator/admin_client.h"
#include "host/smi/query.h"
#include "host/smi/reading.h"
#include "host/smi/table.h"

static char text[16384];
static int captured, captured_copy;

/* Until end_capture(), what is written to this descriptor goes into `text`. */
static FILE *begin_capture(int descriptor)
{
    FILE *file = tmpfile();

    fflush(stdout);
    captured = descriptor;
    captured_copy = dup(descriptor);
    dup2(fileno(file), descriptor);
    return file;
}

static void end_capture(FILE *file)
{
    fflush(stdout);
    dup2(captured_copy, captured);
    close(captured_copy);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
}

static json_t *read_status(const char *status)
{
    json_t *reading = json_loads(status, 0, NULL);

    assert_true(reading_complete(reading, NULL));
    return reading;
}

static void print(const char *status, enum query_kind kind, const char *fields, const char *format)
{
    json_t *reading = read_status(status);
    struct query query = {0};
    FILE *file;

    assert_true(query_parse(&query, kind, fields));
    assert_true(query_parse_format(&query, format));
    file = begin_capture(STDOUT_FILENO);
    query_print_header(&query);
    query_print(&query, reading, -1);
    end_capture(file);
    json_decref(reading);
}

#define EMPTY "{\"devices\": [{}], \"listeners\": [{}], \"sessions\": [{}]}"

static void test_nothing_is_known(void **state)
{
    (void)state;
    print(EMPTY, QUERY_GPU, "name, memory.used,pstate, power.draw,uuid,index,count",
          "csv,noheader");
    assert_string_equal(text, "[N/A], [N/A], [N/A], [N/A], [N/A], 0, 1\n");
    print(EMPTY, QUERY_COMPUTE_APPS, "pid,gpu_name,used_memory", "csv,nounits");
    assert_string_equal(text, "pid, gpu_name, used_gpu_memory [MiB]\n[N/A], [N/A], [N/A]\n");
}

/* A guest's process can be called what its user likes. */
static void test_hostile_names(void **state)
{
    static const char status[] =
        "{\"devices\": [{\"name\": \"cpu\", \"model\": \"m\"}], \"listeners\": [],"
        " \"sessions\": [{\"device\": \"cpu\", \"listener\": \"a\\u001b[2Jb,c\\nd\\u009b\"}]}";

    (void)state;
    print(status, QUERY_COMPUTE_APPS, "baregpu.listener,gpu_name", "csv, noheader");
    assert_string_equal(text, "a?[2Jb?c?d??, m\n");
}

static void test_what_is_no_status(void **state)
{
    static const char *const wrong[] = {"[]", "{}", "{\"devices\": [], \"sessions\": []}",
                                        "{\"devices\": {}, \"listeners\": [], \"sessions\": []}"};

    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        json_t *reading = json_loads(wrong[i], 0, NULL);

        assert_false(reading_complete(reading, NULL));
        json_decref(reading);
    }
}

/* Of whoever answers in a mediator's place. */
static void test_hostile_numbers(void **state)
{
    static const char status[] =
        "{\"devices\": [{\"busy_us\": 1, \"memory_total\": -9223372036854775808, "
        "\"memory_used\": 9223372036854775807, \"cuda_version\": 1e308}], "
        "\"listeners\": [7], \"sessions\": [null, []], \"uptime_ms\": -1e308}";
    json_t *reading;
    FILE *file;

    (void)state;
    print(status, QUERY_GPU, "memory.used, memory.free", "csv, noheader");
    assert_string_equal(text, "8796093022208 MiB, [N/A]\n");
    reading = read_status(status);
    file = begin_capture(STDOUT_FILENO);
    table_print(reading, -1);
    end_capture(file);
    json_decref(reading);
}

#define REFUSALS 100 /* of each kind */
#define WAIT_MS 10000

/* Ends connections at whatever moment, in the middle of a command, and after it; then itself, while
 * somebody waits. */
static void *refuse_all(void *context)
{
    struct listener_socket *listener = context;
    struct pollfd polled = {.fd = listener->fd, .events = POLLIN};

    for (int i = 0; i < 3 * REFUSALS; i++) {
        int fd = accept(listener->fd, NULL, NULL);
        char byte = i % 3 == 0 ? '\n' : ' ';

        while (byte != '\n' && recv(fd, &byte, 1, 0) == 1 && i % 3 == 2) {
        }
        close(fd);
    }
    poll(&polled, 1, WAIT_MS);
    listener_close(listener);
    return NULL;
}

static void expect_refusal(const char *path)
{
    enum mediator_exit status;
    FILE *file = begin_capture(STDERR_FILENO);
    json_t *answer = admin_client_ask(path, json_pack("{ss}", "command", "status"), &status);

    end_capture(file);
    assert_null(answer);
    assert_int_equal(status, MEDIATOR_EXIT_NOT_RUNNING);
    if (strstr(text, ": no mediator answers at /tmp/smi-refused-") == NULL) {
        fail_msg("%s", text);
    }
}

/* One that has too many clients, or is at its end, is as none at all. */
static void test_refused(void **state)
{
    struct listener_socket listener;
    char path[] = "/tmp/smi-refused-XXXXXX";
    pthread_t thread;

    (void)state;
    close(mkstemp(path));
    unlink(path);
    assert_int_equal(listener_open(&listener, path, 0600), LISTENER_OK);
    fcntl(listener.fd, F_SETFL, 0);
    pthread_create(&thread, NULL, refuse_all, &listener);
    for (int i = 0; i < 3 * REFUSALS + 1; i++) {
        expect_refusal(path);
    }
    pthread_join(thread, NULL);
    expect_refusal(path);
}

/* The frame of the table stands, however long what is in it is. */
static void test_table(void **state)
{
    static const char status[] =
        "{\"devices\": [{\"model\": \"a name that is much longer than there is room for it here\","
        "  \"memory_total\": 206158430208, \"busy_us\": 1, \"memory_used\": 1234567890,"
        "  \"utilization\": 100}],"
        " \"listeners\": [{\"name\": \"a-listener-of-a-long-name\", \"requests\": 1}, {}],"
        " \"sessions\": [{\"session\": 9999999, \"listener\": \"another-long-one\"}]}";
    static const char large[] =
        "{\"devices\": [{\"busy_us\": 1, \"memory_total\": 9223372036854775807,"
        "  \"memory_used\": 9223372036854775807, \"memory_guests\": 1e308, \"sessions\": "
        "99999999999,"
        "  \"utilization\": 1e12, \"waiting\": 99999999999, \"temperature_c\": -1e20}],"
        " \"listeners\": [{\"requests\": 12345678901, \"faults\": 1234567, \"sessions\": 40960,"
        "  \"max_sessions\": 40960, \"memory_used\": 9223372036854775807, \"quarantined_guests\": "
        "1e9},"
        "  {\"requests\": 1e308, \"sessions\": -1e308, \"max_sessions\": 1, \"utilization\": "
        "1e308}],"
        " \"sessions\": [{\"session\": 4294967295, \"vm_id\": 99999999999, \"peer_pid\": 1e15,"
        "  \"queued\": 12345678, \"memory_used\": 9223372036854775807, \"utilization\": 123456}]}";
    json_t *readings[] = {read_status(EMPTY), read_status(status), read_status(large)};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        FILE *file = begin_capture(STDOUT_FILENO);
        char *rest = text, *line;

        table_print(readings[i], -1);
        end_capture(file);
        strsep(&rest, "\n"); /* the date */
        while ((line = strsep(&rest, "\n")) != NULL && *line) {
            if (strlen(line) != 91 || strchr("|+", line[0]) == NULL ||
                strchr("|+", line[90]) == NULL) {
                fail_msg("%zu characters: %s", strlen(line), line);
            }
        }
        json_decref(readings[i]);
    }
}

static void test_units(void **state)
{
    static const struct {
        double value;
        unsigned width;
        const char *number, *bytes;
    } cases[] = {
        {0, 9, "0%", "0MiB"},
        {99999999, 9, "99999999%", "95MiB"},
        {999999999, 9, "1000000k%", "954MiB"},
        {12345678901, 9, "12346M%", "11774MiB"},
        {9223372036854775807, 9, "9223372T%", "8192PiB"},
        {NAN, 9, "[N/A]", "[N/A]"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(table_show(cases[i].value, "%s%%", cases[i].width), cases[i].number);
        assert_string_equal(table_show_bytes(cases[i].value, cases[i].width), cases[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_known),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_hostile_numbers),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_what_is_no_status),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_units),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
