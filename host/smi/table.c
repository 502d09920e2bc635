/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/smi/table.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "firmware/include/baregpu/version.h"
#include "host/smi/reading.h"

#define SHOWN 8
#define SHOWN_SIZE 32
/* Rows, and what stands above them. */
#define LISTENER "| %-16.16s %-9.9s %9s %5s %9s %10s %6s %-16.16s |\n"
#define SESSION "| %5s %7s  %-12.12s %10s %8s  %-15.15s %5s %9s %6s |\n"
#define RULE                                                                                       \
    "+-----------------------------------------------------------------------------------------+"

/* ---- Values ---- */

/* In the first unit that is short enough; the largest is cut. */
static const char *show_in(double value, double step, const char *const *units, const char *format,
                           unsigned width)
{
    static char texts[SHOWN][SHOWN_SIZE];
    static unsigned next;
    char *text = texts[next++ % SHOWN];
    int length;

    if (isnan(value)) {
        return READING_NONE;
    }
    do {
        char number[SHOWN_SIZE];

        snprintf(number, sizeof(number), "%.0f%s", value, *units);
        length = snprintf(text, SHOWN_SIZE, format, number);
        value /= step;
    } while (length > (int)width && *++units != NULL);
    text[width] = '\0';
    return text;
}

const char *table_show(double value, const char *format, unsigned width)
{
    static const char *const units[] = {"", "k", "M", "G", "T", "P", "E", NULL};

    return show_in(value, 1000, units, format, width);
}

const char *table_show_bytes(double bytes, unsigned width)
{
    static const char *const units[] = {"MiB", "GiB", "TiB", "PiB", "EiB", NULL};

    return show_in(bytes / (1 << 20), 1024, units, "%s", width);
}

const char *table_show_program(const json_t *session)
{
    const char *path = reading_text(session, "process_name");
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;

    return path == NULL ? READING_NONE : slash != NULL ? slash + 1 : path;
}

static const char *show_number(const json_t *object, const char *name, const char *format,
                               unsigned width)
{
    return table_show(reading_number(object, name), format, width);
}

static const char *show_text(const json_t *object, const char *name)
{
    const char *text = reading_text(object, name);

    return text != NULL ? text : READING_NONE;
}

void table_print_rule(void)
{
    puts(RULE);
}

/* ---- The head ---- */

static void print_date(void)
{
    time_t now = time(NULL);
    struct tm local;
    char text[64];

    localtime_r(&now, &local);
    strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &local);
    puts(text);
}

/* Of the first device: there is one driver for all GPUs. */
static const char *show_cuda_version(const json_t *reading)
{
    static char text[SHOWN_SIZE];
    double version =
        reading_number(json_array_get(reading_list(reading, "devices"), 0), "cuda_version");

    if (isnan(version)) {
        return READING_NONE;
    }
    snprintf(text, sizeof(text), "%.0f.%.0f", floor(version / 1000),
             floor(fmod(version, 1000) / 10));
    return text;
}

static const char *show_uptime(const json_t *reading)
{
    static char text[SHOWN_SIZE];
    double ms = reading_number(reading, "uptime_ms");
    double minutes = isnan(ms) ? 0 : floor(ms / 60000);

    snprintf(text, sizeof(text), "%.0fd %02.0f:%02.0f", floor(minutes / 1440),
             fmod(floor(minutes / 60), 24), fmod(minutes, 60));
    return text;
}

void table_print_head(const json_t *reading)
{
    char left[64], middle[64], right[64];

    print_date();
    snprintf(left, sizeof(left), "baregpu-smi %s", BAREGPU_VERSION);
    snprintf(middle, sizeof(middle), "mediator %s, up %s%s", show_text(reading, "version"),
             show_uptime(reading),
             json_is_true(json_object_get(reading, "draining")) ? ", stopping" : "");
    snprintf(right, sizeof(right), "CUDA Version: %s", show_cuda_version(reading));
    table_print_rule();
    printf("| %-26.26s %-38.38s %21.21s |\n", left, middle, right);
}

/* ---- Devices ---- */

static void print_power(const json_t *device, char *text, size_t size)
{
    const char *draw = table_show(reading_number(device, "power_mw") / 1000, "%sW", 9);
    const char *limit = table_show(reading_number(device, "power_limit_mw") / 1000, "%sW", 9);

    snprintf(text, size, "%s / %s", draw, limit);
}

static void print_device(const json_t *device)
{
    char memory[64], power[64];

    snprintf(memory, sizeof(memory), "%s / %s",
             table_show_bytes(reading_number(device, "memory_used"), 9),
             table_show_bytes(reading_number(device, "memory_total"), 9));
    print_power(device, power, sizeof(power));
    printf("| %3s  %-36.36s | %22s | %8s  %8s |\n", show_number(device, "index", "%s", 3),
           show_text(device, "model"), memory, show_number(device, "utilization", "%s%%", 8),
           show_number(device, "sessions", "%s", 8));
    printf("|      %-6s %-6s %-22.22s | %22s | %8s  %8s |\n",
           show_number(device, "temperature_c", "%sC", 6), show_number(device, "pstate", "P%s", 6),
           power, table_show_bytes(reading_number(device, "memory_guests"), 22), "",
           show_number(device, "waiting", "%s", 8));
}

void table_print_devices(const json_t *reading, int device)
{
    const json_t *devices = reading_list(reading, "devices");

    puts("|-------------------------------------------+------------------------+-------------------"
         "-|");
    puts("| GPU  Name                                 |           Memory-Usage | GPU-Util  "
         "Sessions |");
    puts("|      Temp   Perf   Pwr:Usage/Cap          |          of its guests |            "
         "Waiting |");
    puts("|===========================================+========================+==================="
         "=|");
    for (size_t i = 0; i < json_array_size(devices); i++) {
        if (reading_is_of(json_array_get(devices, i), "index", device)) {
            print_device(json_array_get(devices, i));
        }
    }
    table_print_rule();
}

void table_print_list(const json_t *reading, int device)
{
    const json_t *devices = reading_list(reading, "devices");

    for (size_t i = 0; i < json_array_size(devices); i++) {
        const json_t *object = json_array_get(devices, i);

        if (reading_is_of(object, "index", device)) {
            printf("GPU %zu: %s (UUID: %s)\n", i, show_text(object, "model"),
                   show_text(object, "uuid"));
        }
    }
}

/* ---- Listeners ---- */

static const char *show_state(const json_t *listener)
{
    bool draining = json_is_true(json_object_get(listener, "draining"));

    if (json_is_true(json_object_get(listener, "quarantined"))) {
        return draining ? "quarantined, drained" : "quarantined";
    }
    return draining ? "drained" : "";
}

static void print_listener(const json_t *listener)
{
    char sessions[64], guests[64] = "";
    double quarantined = reading_number(listener, "quarantined_guests");

    snprintf(sessions, sizeof(sessions), "%s/%s", show_number(listener, "sessions", "%s", 4),
             show_number(listener, "max_sessions", "%s", 4));
    if (quarantined > 0) {
        snprintf(guests, sizeof(guests), "%s in quarantine", table_show(quarantined, "%s", 4));
    }
    printf(LISTENER, show_text(listener, "name"), show_text(listener, "device"),
           strstr(sessions, READING_NONE) == NULL ? sessions : READING_NONE,
           show_number(listener, "utilization", "%s%%", 5),
           table_show_bytes(reading_number(listener, "memory_used"), 9),
           show_number(listener, "requests", "%s", 10), show_number(listener, "faults", "%s", 6),
           *show_state(listener) ? show_state(listener) : guests);
}

static void print_listeners(const json_t *reading)
{
    const json_t *listeners = reading_list(reading, "listeners");

    printf(LISTENER, "Listener", "Device", "Sessions", "Util", "Memory", "Requests", "Faults",
           "State");
    puts("|========================================================================================"
         "=|");
    for (size_t i = 0; i < json_array_size(listeners); i++) {
        print_listener(json_array_get(listeners, i));
    }
    table_print_rule();
}

/* ---- Sessions ---- */

static void print_session(const json_t *session)
{
    printf(SESSION, show_number(session, "gpu", "%s", 5), show_number(session, "session", "%s", 7),
           show_text(session, "listener"), show_number(session, "vm_id", "%s", 10),
           show_number(session, "peer_pid", "%s", 8), table_show_program(session),
           show_number(session, "utilization", "%s%%", 5),
           table_show_bytes(reading_number(session, "memory_used"), 9),
           show_number(session, "queued", "%s", 6));
}

static void print_sessions(const json_t *reading, int device)
{
    const json_t *sessions = reading_list(reading, "sessions");
    unsigned count = 0;

    printf(SESSION, "GPU", "Session", "Listener", "VM_ID", "PID", "Process", "Util", "Memory",
           "Queued");
    puts("|========================================================================================"
         "=|");
    for (size_t i = 0; i < json_array_size(sessions); i++) {
        if (reading_is_of(json_array_get(sessions, i), "gpu", device)) {
            print_session(json_array_get(sessions, i));
            count++;
        }
    }
    if (count == 0) {
        printf("| %-87s |\n", "No sessions");
    }
    table_print_rule();
}

void table_print(const json_t *reading, int device)
{
    table_print_head(reading);
    table_print_devices(reading, device);
    print_listeners(reading);
    print_sessions(reading, device);
}
