/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/exporter/metrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/smi/reading.h"

#define MIB (1.0 / (1 << 20))
#define SECONDS_OF_US 1e-6
#define EXACT 9007199254740992.0 /* up to here a double has every whole number */

enum type { GAUGE, COUNTER, HISTOGRAM };

struct metric {
    const char *name;
    enum type type;
    const char *key;
    double scale;
    const char *help;
};

/* Of a device, by dcgm-exporter's names. */
static const struct metric dcgm_metrics[] = {
    {"DCGM_FI_DEV_GPU_UTIL", GAUGE, "utilization", 1, "Utilization of the device, in percent."},
    {"DCGM_FI_DEV_MEM_COPY_UTIL", GAUGE, "utilization_memory", 1,
     "Utilization of its memory, in percent."},
    {"DCGM_FI_DEV_FB_USED", GAUGE, "memory_used", MIB, "Memory in use, in MiB."},
    {"DCGM_FI_DEV_FB_FREE", GAUGE, "memory_free", MIB, "Memory that is free, in MiB."},
    {"DCGM_FI_DEV_SM_CLOCK", GAUGE, "clock_sm_mhz", 1, "Clock of the multiprocessors, in MHz."},
    {"DCGM_FI_DEV_MEM_CLOCK", GAUGE, "clock_memory_mhz", 1, "Clock of the memory, in MHz."},
    {"DCGM_FI_DEV_GPU_TEMP", GAUGE, "temperature_c", 1, "Temperature, in degrees Celsius."},
    {"DCGM_FI_DEV_POWER_USAGE", GAUGE, "power_mw", 1e-3, "Power, in watts."},
    {"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", COUNTER, "energy_mj", 1,
     "Energy since the driver was loaded, in millijoules."},
    {"DCGM_FI_DEV_FAN_SPEED", GAUGE, "fan_percent", 1, "Speed of the fan, in percent."},
    {"DCGM_FI_DEV_PCIE_REPLAY_COUNTER", COUNTER, "pcie_replays", 1, "Retries on PCIe."},
    {"DCGM_FI_DEV_XID_ERRORS", GAUGE, "xid", 1, "Number of the last critical error."},
    {0},
};

static const struct metric device_metrics[] = {
    {"baregpu_device_sessions", GAUGE, "sessions", 1, "Sessions on the device."},
    {"baregpu_device_leases", GAUGE, "room", 1, "Sessions that may compute at once."},
    {"baregpu_device_waiting", GAUGE, "waiting", 1, "Sessions that wait for the device."},
    {"baregpu_device_guest_memory_bytes", GAUGE, "memory_guests", 1,
     "Memory that sessions have of the device."},
    {"baregpu_device_memory_bytes", GAUGE, "memory_total", 1, "Memory of the device."},
    {"baregpu_device_busy_seconds_total", COUNTER, "busy_us", SECONDS_OF_US,
     "Processor time that sessions had of the CPU device."},
    {0},
};

static const struct metric listener_metrics[] = {
    {"baregpu_sessions", GAUGE, "sessions", 1, "Sessions, with those that wait for a worker."},
    {"baregpu_sessions_max", GAUGE, "max_sessions", 1, "Sessions that there may be."},
    {"baregpu_connections_accepted_total", COUNTER, "accepted", 1, "Connections that were served."},
    {"baregpu_connections_refused_total", COUNTER, "refused", 1, "Connections that were refused."},
    {"baregpu_requests_total", COUNTER, "requests", 1, "Requests that were answered."},
    {"baregpu_request_errors_total", COUNTER, "errors", 1, "Those with another status than OK."},
    {"baregpu_queued_requests", GAUGE, "queued", 1, "Requests that wait in their sessions."},
    {"baregpu_memory_bytes", GAUGE, "memory_used", 1, "Device memory that sessions have."},
    {"baregpu_busy_seconds_total", COUNTER, "busy_us", SECONDS_OF_US,
     "Processor time that sessions had of the CPU device."},
    {"baregpu_copied_in_bytes_total", COUNTER, "bytes_in", 1, "Bytes copied to devices."},
    {"baregpu_copied_out_bytes_total", COUNTER, "bytes_out", 1, "Bytes copied from devices."},
    {"baregpu_faults_total", COUNTER, "faults", 1, "Faults of guests."},
    {"baregpu_quarantines_total", COUNTER, "quarantines", 1, "Quarantines that faults led to."},
    {"baregpu_quarantined_guests", GAUGE, "quarantined_guests", 1, "Guests in quarantine."},
    {"baregpu_listener_quarantined", GAUGE, "quarantined", 1, "1: an operator's, of all guests."},
    {"baregpu_listener_drained", GAUGE, "draining", 1, "1: an operator drains it."},
    {0},
};

static const struct metric mediator_metrics[] = {
    {"baregpu_uptime_seconds", GAUGE, "uptime_ms", 1e-3, "Time since the mediator's start."},
    {"baregpu_stopping", GAUGE, "draining", 1, "1: the mediator is about to end."},
    {0},
};

static const struct metric wait_metrics[] = {
    {"baregpu_lease_wait_seconds", HISTOGRAM, "lease_waits", SECONDS_OF_US,
     "Time from asking for a device to having it."},
    {"baregpu_start_wait_seconds", HISTOGRAM, "start_waits", SECONDS_OF_US,
     "Time that connections waited for a worker."},
    {0},
};

/* ---- Text ---- */

/* A label's value: the format's escapes. */
static void write_label(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s=\"", name);
    for (const char *c = value != NULL ? value : ""; *c; c++) {
        if (*c == '\n') {
            fputs("\\n", out);
        } else {
            fprintf(out, *c == '\\' || *c == '"' ? "\\%c" : "%c", *c);
        }
    }
    fputc('"', out);
}

static void write_value(FILE *out, double value)
{
    fprintf(out, value == floor(value) && fabs(value) <= EXACT ? " %.0f\n" : " %.9g\n", value);
}

static void write_head(FILE *out, const struct metric *metric)
{
    static const char *const types[] = {
        [GAUGE] = "gauge", [COUNTER] = "counter", [HISTOGRAM] = "histogram"};

    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
            types[metric->type]);
}

/* NAN: it has none. */
static double find_value(const json_t *object, const struct metric *metric)
{
    const json_t *value = json_object_get(object, metric->key);

    return json_is_boolean(value) ? json_is_true(value)
                                  : reading_number(object, metric->key) * metric->scale;
}

/* ---- Who it is of ---- */

struct scope {
    const char *hostname;
    void (*write_labels)(FILE *out, const struct scope *scope, const json_t *object);
};

static void write_device_labels(FILE *out, const struct scope *scope, const json_t *device)
{
    fprintf(out, "gpu=\"%.0f\",", reading_number(device, "index"));
    write_label(out, "UUID", json_string_value(json_object_get(device, "uuid")));
    fputc(',', out);
    write_label(out, "device", json_string_value(json_object_get(device, "name")));
    fputc(',', out);
    write_label(out, "modelName", json_string_value(json_object_get(device, "model")));
    fputc(',', out);
    write_label(out, "Hostname", scope->hostname);
}

static void write_listener_labels(FILE *out, const struct scope *scope, const json_t *listener)
{
    (void)scope;
    write_label(out, "listener", json_string_value(json_object_get(listener, "name")));
    fputc(',', out);
    write_label(out, "device", json_string_value(json_object_get(listener, "device")));
}

/* ---- Metrics ---- */

/* Without any sample it has no head. */
static void write_metric(FILE *out, const struct metric *metric, const struct scope *scope,
                         const json_t *list)
{
    bool begun = false;

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);
        double value = find_value(object, metric);

        if (isnan(value)) {
            continue;
        }
        if (!begun) {
            write_head(out, metric);
            begun = true;
        }
        fprintf(out, "%s{", metric->name);
        scope->write_labels(out, scope, object);
        fputc('}', out);
        write_value(out, value);
    }
}

static void write_metrics(FILE *out, const struct metric *metrics, const struct scope *scope,
                          const json_t *list)
{
    for (; metrics->name != NULL; metrics++) {
        write_metric(out, metrics, scope, list);
    }
}

static void write_mediator(FILE *out, const json_t *reading)
{
    fputs("# HELP baregpu_info Which mediator this is.\n# TYPE baregpu_info gauge\nbaregpu_info{",
          out);
    write_label(out, "version", json_string_value(json_object_get(reading, "version")));
    fputs("} 1\n", out);
    for (const struct metric *metric = mediator_metrics; metric->name != NULL; metric++) {
        write_head(out, metric);
        fputs(metric->name, out);
        write_value(out, find_value(reading, metric));
    }
}

/* ---- Histograms ---- */

static void write_bucket(FILE *out, const struct metric *metric, const struct scope *scope,
                         const json_t *listener, double bound, double count)
{
    fprintf(out, "%s_bucket{", metric->name);
    scope->write_labels(out, scope, listener);
    if (isinf(bound)) {
        fputs(",le=\"+Inf\"}", out);
    } else {
        fprintf(out, ",le=\"%.9g\"}", bound);
    }
    write_value(out, count);
}

static void write_part(FILE *out, const struct metric *metric, const char *part,
                       const struct scope *scope, const json_t *listener, double value)
{
    fprintf(out, "%s_%s{", metric->name, part);
    scope->write_labels(out, scope, listener);
    fputc('}', out);
    write_value(out, value);
}

/* The mediator counts each class by itself; here a bucket has all below its bound. */
static void write_histogram(FILE *out, const struct metric *metric, const struct scope *scope,
                            const json_t *listener, const json_t *bounds)
{
    const json_t *waits = json_object_get(listener, metric->key);
    const json_t *counts = json_object_get(waits, "counts");
    double sum = 0;

    for (size_t i = 0; i < json_array_size(counts); i++) {
        const json_t *bound = json_array_get(bounds, i);

        sum += json_number_value(json_array_get(counts, i));
        write_bucket(out, metric, scope, listener,
                     bound != NULL ? json_number_value(bound) * metric->scale : INFINITY, sum);
    }
    write_part(out, metric, "sum", scope, listener,
               reading_number(waits, "sum_us") * metric->scale);
    write_part(out, metric, "count", scope, listener, sum);
}

static void write_histograms(FILE *out, const struct scope *scope, const json_t *reading)
{
    const json_t *listeners = reading_list(reading, "listeners");
    const json_t *bounds = reading_list(reading, "wait_bounds_us");

    for (const struct metric *metric = wait_metrics; metric->name != NULL; metric++) {
        write_head(out, metric);
        for (size_t i = 0; i < json_array_size(listeners); i++) {
            write_histogram(out, metric, scope, json_array_get(listeners, i), bounds);
        }
    }
}

char *metrics_write(const json_t *reading, const char *hostname, size_t *length)
{
    const struct scope devices = {.hostname = hostname, .write_labels = write_device_labels};
    const struct scope listeners = {.write_labels = write_listener_labels};
    char *text = NULL;
    FILE *out = open_memstream(&text, length);

    if (out == NULL) {
        return NULL;
    }
    write_mediator(out, reading);
    write_metrics(out, dcgm_metrics, &devices, reading_list(reading, "devices"));
    write_metrics(out, device_metrics, &devices, reading_list(reading, "devices"));
    write_metrics(out, listener_metrics, &listeners, reading_list(reading, "listeners"));
    write_histograms(out, &listeners, reading);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
