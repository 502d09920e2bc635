/* SPDX-License-Identifier: BSD-2-Clause */
// build: host/exporter/metrics.c host/smi/reading.c host/smi/nvml.c
// build: host/mediator/admin_client.c host/common/listener.c tests/mediator/exposition.c
/* Metrics are valid text of Prometheus's, whatever names say; the dashboard asks for no others. */
#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/exporter/metrics.h"
#include "host/smi/reading.h"
#include "tests/mediator/exposition.h"

#define DASHBOARD "docs/grafana/baregpu.json"

/* All that a status can have: a GPU, the CPU device, two listeners. */
static const char everything[] =
    "{\"version\": \"1.2.3\", \"uptime_ms\": 1500, \"draining\": false,"
    " \"wait_bounds_us\": [10, 1000],"
    " \"devices\": ["
    "  {\"name\": \"cuda:0\", \"model\": \"a \\\"GPU\\\" \\\\ of\\nlines, 1\","
    "   \"uuid\": \"GPU-1\", \"sessions\": 3, \"room\": 1, \"waiting\": 2,"
    "   \"memory_total\": 1073741824, \"memory_used\": 1048576},"
    "  {\"name\": \"cpu\", \"model\": \"CPU\", \"uuid\": \"GPU-2\", \"sessions\": 0,"
    "   \"room\": 2, \"waiting\": 0, \"memory_total\": 2097152, \"memory_used\": 1048576,"
    "   \"busy_us\": 2500000, \"utilization\": 40}],"
    " \"sessions\": [],"
    " \"listeners\": ["
    "  {\"name\": \"one\", \"device\": \"pvgpu\", \"sessions\": 3, \"max_sessions\": 8,"
    "   \"accepted\": 5, \"refused\": 1, \"requests\": 12345678901, \"errors\": 2,"
    "   \"queued\": 4, \"memory_used\": 4096, \"busy_us\": 1, \"bytes_in\": 7,"
    "   \"bytes_out\": 8, \"faults\": 9, \"quarantines\": 1, \"quarantined_guests\": 1,"
    "   \"quarantined\": true, \"draining\": false,"
    "   \"lease_waits\": {\"counts\": [1, 2, 3], \"sum_us\": 1000000},"
    "   \"start_waits\": {\"counts\": [0, 0, 0], \"sum_us\": 0}},"
    "  {\"name\": \"two\", \"device\": \"vgpu-stub\", \"requests\": 0,"
    "   \"lease_waits\": {\"counts\": [0, 0, 0], \"sum_us\": 0},"
    "   \"start_waits\": {\"counts\": [0, 0, 0], \"sum_us\": 0}}]}";

/* What NVML and the exporter add to a GPU. */
static const char nvml[] =
    "{\"memory_used\": 2097152, \"memory_free\": 4194304, \"utilization\": 37,"
    " \"utilization_memory\": 12, \"temperature_c\": 54, \"power_mw\": 123456,"
    " \"energy_mj\": 123456789, \"clock_sm_mhz\": 1501, \"clock_memory_mhz\": 1502,"
    " \"fan_percent\": 30, \"pcie_replays\": 1, \"xid\": 79}";

/* To be freed. */
static char *render(bool with_nvml)
{
    json_t *reading = json_loads(everything, 0, NULL), *more = json_loads(nvml, 0, NULL);
    size_t length;

    assert_true(reading_complete(reading, NULL));
    if (with_nvml) {
        json_object_update(json_array_get(json_object_get(reading, "devices"), 0), more);
    }
    char *text = metrics_write(reading, "host\"1", &length);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    json_decref(reading);
    json_decref(more);
    return text;
}

static void expect(const char *text, const char *name, const char *label, double value)
{
    double found = exposition_find(text, name, label);

    if (found != value) {
        fail_msg("%s of %s is %g, not %g", name, label, found, value);
    }
}

static void test_everything(void **state)
{
    char error[EXPOSITION_ERROR_SIZE], *text = render(true);

    (void)state;
    if (!exposition_check(text, error)) {
        fail_msg("%s\n%s", error, text);
    }
    expect(text, "DCGM_FI_DEV_GPU_UTIL", "UUID=\"GPU-1\"", 37);
    expect(text, "DCGM_FI_DEV_GPU_UTIL", "UUID=\"GPU-2\"", 40);
    expect(text, "DCGM_FI_DEV_FB_USED", "gpu=\"0\"", 2);
    expect(text, "DCGM_FI_DEV_FB_FREE", "gpu=\"0\"", 4);
    expect(text, "DCGM_FI_DEV_FB_FREE", "gpu=\"1\"", 1);
    expect(text, "DCGM_FI_DEV_POWER_USAGE", "Hostname=\"host\\\"1\"", 123.456);
    expect(text, "DCGM_FI_DEV_GPU_TEMP", "modelName=\"a \\\"GPU\\\" \\\\ of\\nlines, 1\"", 54);
    expect(text, "DCGM_FI_DEV_SM_CLOCK", "gpu=\"0\"", 1501);
    expect(text, "DCGM_FI_DEV_XID_ERRORS", "gpu=\"0\"", 79);
    expect(text, "baregpu_device_busy_seconds_total", "device=\"cpu\"", 2.5);
    expect(text, "baregpu_device_guest_memory_bytes", "device=\"cuda:0\"", 1048576);
    expect(text, "baregpu_requests_total", "listener=\"one\"", 12345678901);
    expect(text, "baregpu_listener_quarantined", "listener=\"one\"", 1);
    expect(text, "baregpu_uptime_seconds", "", 1.5);
    expect(text, "baregpu_lease_wait_seconds_count", "listener=\"one\"", 6);
    expect(text, "baregpu_lease_wait_seconds_sum", "listener=\"one\"", 1);
    assert_non_null(strstr(text, "lease_wait_seconds_bucket{listener=\"one\",device=\"pvgpu\","
                                 "le=\"0.001\"} 3\n"));
    free(text);
}

/* What is not known is not there. */
static void test_without_nvml(void **state)
{
    char error[EXPOSITION_ERROR_SIZE], *text = render(false);

    (void)state;
    assert_true(exposition_check(text, error));
    assert_false(exposition_has(text, "DCGM_FI_DEV_GPU_TEMP"));
    assert_true(isnan(exposition_find(text, "DCGM_FI_DEV_FB_USED", "gpu=\"0\"")));
    assert_true(isnan(exposition_find(text, "DCGM_FI_DEV_GPU_UTIL", "gpu=\"0\"")));
    expect(text, "DCGM_FI_DEV_FB_USED", "gpu=\"1\"", 1);
    free(text);
}

/* The parser of these tests takes nothing that is wrong. */
static void test_strictness(void **state)
{
    static const char *const wrong[] = {
        "",
        "a 1\n",
        "# HELP a b\n# TYPE a gauge\na 1",
        "# HELP a b\n# TYPE a gauge\n",
        "# HELP a\n# TYPE a gauge\na 1\n",
        "# TYPE a gauge\na 1\n",
        "# HELP a b\na 1\n",
        "# HELP a b\n# TYPE a summary\na 1\n",
        "# HELP a b\n# TYPE a gauge\nb 1\n",
        "# HELP a b\n# TYPE a gauge\na one\n",
        "# HELP a b\n# TYPE a gauge\na 1 \n",
        "# HELP a b\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a b\n# TYPE a gauge\na{b=\"1\"} 1\na{b=\"1\"} 2\n",
        "# HELP a b\n# TYPE a gauge\na{b=\"1\",b=\"2\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{b=\"\\x\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{b=\"1} 1\n",
        "# HELP a b\n# TYPE a gauge\na{1=\"1\"} 1\n",
        "# HELP a b\n# TYPE a gauge\na{} 1\n",
        "# HELP a b\n# TYPE a counter\na -1\n",
        "# HELP baregpu_a b\n# TYPE baregpu_a counter\nbaregpu_a 1\n",
        "# HELP baregpu_a_total b\n# TYPE baregpu_a_total gauge\nbaregpu_a_total 1\n",
        "# HELP a b\n# TYPE a gauge\na 1\n# HELP b b\n# TYPE b gauge\nb 1\n# HELP a b\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
        "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\n"
        "a_count 1\n",
    };
    char error[EXPOSITION_ERROR_SIZE];

    (void)state;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (exposition_check(wrong[i], error)) {
            fail_msg("taken: %s", wrong[i]);
        }
        assert_true(error[0]);
    }
    assert_true(exposition_check("# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\n"
                                 "a_bucket{le=\"+Inf\"} 2\na_sum 1\na_count 2\n",
                                 error));
}

/* ---- The dashboard ---- */

/* Every name of ours in an expression. */
static void check_expression(const char *expression, const char *text, unsigned *names)
{
    char name[128];

    for (const char *at = expression; *at; at++) {
        size_t length = 0;

        if (strncmp(at, "baregpu_", 8) != 0 && strncmp(at, "DCGM_", 5) != 0) {
            continue;
        }
        while (isalnum((unsigned char)at[length]) || at[length] == '_') {
            length++;
        }
        snprintf(name, sizeof(name), "%.*s", (int)length, at);
        if (!exposition_has(text, name)) {
            fail_msg("%s has %s, which is not exported", expression, name);
        }
        at += length - 1;
        ++*names;
    }
}

static void check_panel(const json_t *panel, const char *text)
{
    const json_t *targets = json_object_get(panel, "targets");
    unsigned names = 0;

    assert_non_null(json_string_value(json_object_get(panel, "title")));
    assert_true(json_is_object(json_object_get(panel, "gridPos")));
    assert_true(json_array_size(targets) > 0);
    for (size_t i = 0; i < json_array_size(targets); i++) {
        const char *expression =
            json_string_value(json_object_get(json_array_get(targets, i), "expr"));

        assert_non_null(expression);
        check_expression(expression, text, &names);
    }
    assert_true(names > 0);
}

static void test_dashboard(void **state)
{
    json_error_t error;

    (void)state;
    if (access(DASHBOARD, F_OK) != 0) {
        skip(); /* not in the source tree */
    }
    json_t *dashboard = json_load_file(DASHBOARD, JSON_REJECT_DUPLICATES, &error);
    char *text = render(true);
    if (dashboard == NULL) {
        fail_msg(DASHBOARD ":%d: %s", error.line, error.text);
    }
    const json_t *panels = json_object_get(dashboard, "panels");
    assert_true(json_array_size(panels) >= 8);
    assert_non_null(json_string_value(json_object_get(dashboard, "title")));
    assert_true(json_is_integer(json_object_get(dashboard, "schemaVersion")));
    for (size_t i = 0; i < json_array_size(panels); i++) {
        check_panel(json_array_get(panels, i), text);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(
                json_integer_value(json_object_get(json_array_get(panels, i), "id")),
                json_integer_value(json_object_get(json_array_get(panels, j), "id")));
        }
    }
    free(text);
    json_decref(dashboard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_without_nvml),
        cmocka_unit_test(test_strictness),
        cmocka_unit_test(test_dashboard),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
