/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/smi/query.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/smi/reading.h"

#define MIB (1.0 / (1 << 20))
#define FORMATS "csv, with noheader and nounits if wanted, such as csv,noheader"

enum value {
    TEXT,
    NUMBER,
    TIMESTAMP, /* of the reading */
    COUNT,     /* of devices */
    DEVICE,    /* a session's: the same field of its device */
};

struct query_field {
    const char *name, *short_name; /* the second may be NULL */
    const char *key;               /* in the device or session */
    enum value value;
    const char *unit; /* NULL: none */
    double scale;
    int decimals;
    const char *prefix; /* NULL: none */
    const char *help;
};

static const struct query_field gpu_fields[] = {
    {"timestamp", NULL, NULL, TIMESTAMP, NULL, 0, 0, NULL, "when it was read"},
    {"driver_version", NULL, "driver_version", TEXT, NULL, 0, 0, NULL, "of NVIDIA's driver"},
    {"count", NULL, NULL, COUNT, NULL, 1, 0, NULL, "of devices"},
    {"name", "gpu_name", "model", TEXT, NULL, 0, 0, NULL, "the device's name"},
    {"index", NULL, "index", NUMBER, NULL, 1, 0, NULL, "its number, from 0"},
    {"uuid", "gpu_uuid", "uuid", TEXT, NULL, 0, 0, NULL, "which stays the same"},
    {"pci.bus_id", "gpu_bus_id", "pci_bus_id", TEXT, NULL, 0, 0, NULL,
     "domain:bus:device.function"},
    {"pcie.link.gen.current", NULL, "pcie_gen", NUMBER, NULL, 1, 0, NULL, "of the PCIe link"},
    {"pcie.link.width.current", NULL, "pcie_width", NUMBER, NULL, 1, 0, NULL, "lanes"},
    {"fan.speed", NULL, "fan_percent", NUMBER, "%", 1, 0, NULL, "of what is possible"},
    {"pstate", NULL, "pstate", NUMBER, NULL, 1, 0, "P", "from P0, the fastest, to P12"},
    {"memory.total", NULL, "memory_total", NUMBER, "MiB", MIB, 0, NULL, "that the device has"},
    {"memory.used", NULL, "memory_used", NUMBER, "MiB", MIB, 0, NULL, "by anybody"},
    {"memory.free", NULL, "memory_free", NUMBER, "MiB", MIB, 0, NULL, "what is left"},
    {"utilization.gpu", NULL, "utilization", NUMBER, "%", 1, 0, NULL,
     "of the last second: a GPU's time with kernels, the CPU device's processor time"},
    {"utilization.memory", NULL, "utilization_memory", NUMBER, "%", 1, 0, NULL,
     "of the time, while its memory was read or written"},
    {"temperature.gpu", NULL, "temperature_c", NUMBER, NULL, 1, 0, NULL, "degrees Celsius"},
    {"power.draw", NULL, "power_mw", NUMBER, "W", 1e-3, 2, NULL, "of the board"},
    {"power.limit", NULL, "power_limit_mw", NUMBER, "W", 1e-3, 2, NULL, "that is enforced"},
    {"clocks.current.graphics", "clocks.gr", "clock_graphics_mhz", NUMBER, "MHz", 1, 0, NULL,
     "now"},
    {"clocks.current.sm", "clocks.sm", "clock_sm_mhz", NUMBER, "MHz", 1, 0, NULL, "now"},
    {"clocks.current.memory", "clocks.mem", "clock_memory_mhz", NUMBER, "MHz", 1, 0, NULL, "now"},
    {"clocks.max.graphics", "clocks.max.gr", "clock_max_graphics_mhz", NUMBER, "MHz", 1, 0, NULL,
     "at the most"},
    {"clocks.max.sm", NULL, "clock_max_sm_mhz", NUMBER, "MHz", 1, 0, NULL, "at the most"},
    {"clocks.max.memory", "clocks.max.mem", "clock_max_memory_mhz", NUMBER, "MHz", 1, 0, NULL,
     "at the most"},
    {"baregpu.device", NULL, "name", TEXT, NULL, 0, 0, NULL, "as the configuration has it"},
    {"baregpu.memory.guests", NULL, "memory_guests", NUMBER, "MiB", MIB, 0, NULL,
     "that the mediator's sessions have"},
    {"baregpu.sessions", NULL, "sessions", NUMBER, NULL, 1, 0, NULL, "on it"},
    {"baregpu.waiting", NULL, "waiting", NUMBER, NULL, 1, 0, NULL, "sessions that wait for it"},
    {"baregpu.leases", NULL, "room", NUMBER, NULL, 1, 0, NULL, "that compute at once"},
    {0},
};

static const struct query_field session_fields[] = {
    {"timestamp", NULL, NULL, TIMESTAMP, NULL, 0, 0, NULL, "when it was read"},
    {"gpu_name", NULL, "model", DEVICE, NULL, 0, 0, NULL, "its device's name"},
    {"gpu_bus_id", NULL, "pci_bus_id", DEVICE, NULL, 0, 0, NULL, "its device's place"},
    {"gpu_uuid", NULL, "uuid", DEVICE, NULL, 0, 0, NULL, "its device's"},
    {"pid", NULL, "peer_pid", NUMBER, NULL, 1, 0, NULL, "the guest's process"},
    {"process_name", "name", "process_name", TEXT, NULL, 0, 0, NULL, "what that is"},
    {"used_gpu_memory", "used_memory", "memory_used", NUMBER, "MiB", MIB, 0, NULL,
     "that the session has"},
    {"baregpu.session", NULL, "session", NUMBER, NULL, 1, 0, NULL, "its number"},
    {"baregpu.listener", NULL, "listener", TEXT, NULL, 0, 0, NULL, "where it connected"},
    {"baregpu.vm_id", NULL, "vm_id", NUMBER, NULL, 1, 0, NULL, "what the guest calls itself"},
    {"baregpu.worker_pid", NULL, "worker_pid", NUMBER, NULL, 1, 0, NULL, "the process that serves"},
    {"baregpu.utilization", NULL, "utilization", NUMBER, "%", 1, 0, NULL,
     "of the CPU device, in the last second"},
    {"baregpu.memory.limit", NULL, "memory_limit", NUMBER, "MiB", MIB, 0, NULL, "that it may have"},
    {"baregpu.requests", NULL, "requests", NUMBER, NULL, 1, 0, NULL, "that were answered"},
    {"baregpu.errors", NULL, "errors", NUMBER, NULL, 1, 0, NULL, "of them"},
    {"baregpu.queued", NULL, "queued", NUMBER, NULL, 1, 0, NULL, "requests that wait"},
    {"baregpu.bytes_in", NULL, "bytes_in", NUMBER, NULL, 1, 0, NULL, "copied to the device"},
    {"baregpu.bytes_out", NULL, "bytes_out", NUMBER, NULL, 1, 0, NULL, "copied from it"},
    {"baregpu.lease", NULL, "lease", TEXT, NULL, 0, 0, NULL, "none, waiting or held"},
    {0},
};

static const struct query_field *fields_of(enum query_kind kind)
{
    return kind == QUERY_GPU ? gpu_fields : session_fields;
}

static const char *option_of(enum query_kind kind)
{
    return kind == QUERY_GPU ? "gpu" : "compute-apps";
}

/* ---- What is asked for ---- */

static const struct query_field *find_field(enum query_kind kind, const char *name)
{
    for (const struct query_field *field = fields_of(kind); field->name != NULL; field++) {
        if (strcmp(name, field->name) == 0 ||
            (field->short_name != NULL && strcmp(name, field->short_name) == 0)) {
            return field;
        }
    }
    return NULL;
}

static bool add_field(struct query *query, const char *name)
{
    const struct query_field *field = find_field(query->kind, name);

    if (field == NULL) {
        fprintf(stderr,
                "baregpu-smi: Field \"%s\" is not a valid field to query; --help-query-%s lists "
                "them\n",
                name, option_of(query->kind));
    } else if (query->count == QUERY_FIELDS_MAX) {
        fprintf(stderr, "baregpu-smi: at most %d fields\n", QUERY_FIELDS_MAX);
        field = NULL;
    } else {
        query->fields[query->count++] = field;
    }
    return field != NULL;
}

bool query_parse(struct query *query, enum query_kind kind, const char *list)
{
    char *copy = strdup(list), *rest = copy, *word;
    bool good = copy != NULL;

    query->kind = kind;
    query->count = 0;
    while (good && (word = strsep(&rest, ",")) != NULL) {
        word += strspn(word, " ");
        word[strcspn(word, " ")] = '\0';
        good = add_field(query, word);
    }
    free(copy);
    return good;
}

bool query_parse_format(struct query *query, const char *format)
{
    char *copy = strdup(format), *rest = copy, *word;
    bool csv = false, good = copy != NULL;

    while (good && (word = strsep(&rest, ", ")) != NULL) {
        if (strcmp(word, "csv") == 0) {
            csv = true;
        } else if (strcmp(word, "noheader") == 0) {
            query->no_header = true;
        } else if (strcmp(word, "nounits") == 0) {
            query->no_units = true;
        } else {
            good = !*word;
        }
    }
    free(copy);
    if (!good || !csv) {
        fprintf(stderr, "baregpu-smi: --format=%s: " FORMATS " is allowed\n", format);
    }
    return good && csv;
}

/* ---- What is printed ---- */

void query_print_header(const struct query *query)
{
    for (unsigned i = 0; i < query->count && !query->no_header; i++) {
        const struct query_field *field = query->fields[i];

        printf("%s%s", i > 0 ? ", " : "", field->name);
        if (field->unit != NULL) {
            printf(" [%s]", field->unit);
        }
    }
    if (!query->no_header) {
        putchar('\n');
    }
}

static void print_number(const struct query *query, const struct query_field *field, double value)
{
    if (isnan(value)) {
        fputs(READING_NONE, stdout);
        return;
    }
    printf("%s%.*f", field->prefix != NULL ? field->prefix : "", field->decimals,
           value * field->scale);
    if (field->unit != NULL && !query->no_units) {
        printf(" %s", field->unit);
    }
}

static void print_text(const json_t *object, const char *key)
{
    const char *text = reading_text(object, key);

    fputs(text != NULL ? text : READING_NONE, stdout);
}

static void print_timestamp(void)
{
    struct timespec now;
    struct tm local;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(text, sizeof(text), "%Y/%m/%d %H:%M:%S", &local);
    printf("%s.%03ld", text, now.tv_nsec / 1000000);
}

static const json_t *device_of(const json_t *reading, const json_t *session)
{
    const json_t *index = json_object_get(session, "gpu");

    return index == NULL ? NULL
                         : json_array_get(reading_list(reading, "devices"),
                                          (size_t)json_integer_value(index));
}

static void print_field(const struct query *query, const struct query_field *field,
                        const json_t *reading, const json_t *object)
{
    switch (field->value) {
    case TEXT:
        print_text(object, field->key);
        break;
    case NUMBER:
        print_number(query, field, reading_number(object, field->key));
        break;
    case TIMESTAMP:
        print_timestamp();
        break;
    case COUNT:
        print_number(query, field, (double)json_array_size(reading_list(reading, "devices")));
        break;
    case DEVICE:
        print_text(device_of(reading, object), field->key);
        break;
    }
}

static void print_line(const struct query *query, const json_t *reading, const json_t *object)
{
    for (unsigned i = 0; i < query->count; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        print_field(query, query->fields[i], reading, object);
    }
    putchar('\n');
}

void query_print(const struct query *query, const json_t *reading, int device)
{
    bool gpu = query->kind == QUERY_GPU;
    const json_t *list = reading_list(reading, gpu ? "devices" : "sessions");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);

        if (reading_is_of(object, gpu ? "index" : "gpu", device)) {
            print_line(query, reading, object);
        }
    }
}

void query_print_help(enum query_kind kind)
{
    printf("Fields of --query-%s, as a list with commas; what is not known is " READING_NONE
           ":\n\n",
           option_of(kind));
    for (const struct query_field *field = fields_of(kind); field->name != NULL; field++) {
        printf("\"%s\"", field->name);
        if (field->short_name != NULL) {
            printf(" or \"%s\"", field->short_name);
        }
        printf("\n    %s%s%s\n", field->help, field->unit != NULL ? ", in " : "",
               field->unit != NULL ? field->unit : "");
    }
}
