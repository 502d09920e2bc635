/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/smi/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/mediator/admin_client.h"

#define TEXTS 4
#define TEXT_SIZE 256

/* ---- What the mediator does not know ---- */

static bool read_program(json_int_t process, char name[PATH_MAX])
{
    char path[64];
    ssize_t length;

    snprintf(path, sizeof(path), "/proc/%lld/exe", (long long)process);
    length = readlink(path, name, PATH_MAX - 1);
    if (length < 0) { /* another user's: its short name can be read */
        snprintf(path, sizeof(path), "/proc/%lld/comm", (long long)process);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        length = fd < 0 ? -1 : read(fd, name, 64);
        if (fd >= 0) {
            close(fd);
        }
        length -= length > 0; /* the line's end */
    }
    name[length > 0 ? length : 0] = '\0';
    return length > 0;
}

static void name_processes(json_t *sessions)
{
    char name[PATH_MAX];
    json_t *session;
    size_t i;

    json_array_foreach (sessions, i, session) {
        json_int_t process = json_integer_value(json_object_get(session, "peer_pid"));

        if (process > 0 && read_program(process, name)) {
            json_object_set_new(session, "process_name", json_string(name));
        }
    }
}

static json_int_t find_device(const json_t *devices, const char *name)
{
    for (size_t i = 0; name != NULL && i < json_array_size(devices); i++) {
        const char *other = json_string_value(json_object_get(json_array_get(devices, i), "name"));

        if (other != NULL && strcmp(name, other) == 0) {
            return (json_int_t)i;
        }
    }
    return -1;
}

static void find_devices(json_t *sessions, const json_t *devices)
{
    json_t *session;
    size_t i;

    json_array_foreach (sessions, i, session) {
        json_int_t device =
            find_device(devices, json_string_value(json_object_get(session, "device")));

        if (device >= 0) {
            json_object_set_new(session, "gpu", json_integer(device));
        }
    }
}

/* What the guests have of the CPU device is all that is used of it; of a GPU others may have some.
 */
static void complete_device(json_t *device, struct nvml *nvml)
{
    json_t *used = json_object_get(device, "memory_used");
    json_int_t total = json_integer_value(json_object_get(device, "memory_total"));
    bool on_cpu = json_object_get(device, "busy_us") != NULL;

    json_object_set(device, "memory_guests", used);
    if (on_cpu && json_integer_value(used) >= 0 && json_integer_value(used) <= total) {
        json_object_set_new(device, "memory_free", json_integer(total - json_integer_value(used)));
    } else if (!on_cpu) {
        json_object_del(device, "memory_used");
        nvml_describe(nvml, device);
    }
}

bool reading_complete(json_t *reading, struct nvml *nvml)
{
    json_t *devices = json_object_get(reading, "devices"), *device;
    json_t *sessions = json_object_get(reading, "sessions");
    size_t i;

    if (!json_is_array(devices) || !json_is_array(sessions) ||
        !json_is_array(json_object_get(reading, "listeners"))) {
        return false;
    }
    json_array_foreach (devices, i, device) {
        json_object_set_new(device, "index", json_integer((json_int_t)i));
        complete_device(device, nvml);
    }
    find_devices(sessions, devices);
    return true;
}

json_t *reading_take(const char *path, struct nvml *nvml, enum mediator_exit *status)
{
    json_t *reading = admin_client_ask(path, json_pack("{ss}", "command", "status"), status);

    if (reading != NULL && !reading_complete(reading, nvml)) {
        fprintf(stderr, "%s: %s: no status of a mediator\n", program_invocation_short_name, path);
        *status = MEDIATOR_EXIT_NOT_RUNNING;
        json_decref(reading);
        return NULL;
    }
    if (reading != NULL) {
        name_processes(json_object_get(reading, "sessions"));
    }
    return reading;
}

/* ---- Values ---- */

const json_t *reading_list(const json_t *reading, const char *name)
{
    return json_object_get(reading, name);
}

double reading_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_number(value) ? json_number_value(value) : NAN;
}

bool reading_is_of(const json_t *object, const char *name, int device)
{
    return device < 0 || reading_number(object, name) == device;
}

const char *reading_text(const json_t *object, const char *name)
{
    static char texts[TEXTS][TEXT_SIZE];
    static unsigned next;
    const char *value = json_string_value(json_object_get(object, name));
    char *text = texts[next++ % TEXTS];

    if (value == NULL) {
        return NULL;
    }
    snprintf(text, TEXT_SIZE, "%s", value);
    for (char *c = text; *c; c++) {
        *c = *c < ' ' || *c > '~' || *c == ',' ? '?' : *c;
    }
    return text;
}
