/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/check/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct report_place {
    enum check_kind kind;
    uint32_t line, column;
    char *kernel, *file; /* "": none */
    uint64_t count;
};

static const char *const kind_names[CHECK_KINDS] = {
    [CHECK_MEMORY] = "memory", [CHECK_RACE] = "race", [CHECK_INIT] = "init",
    [CHECK_SYNC] = "sync",     [CHECK_LEAK] = "leak",
};

static const char *const verbs[] = {
    [FINDING_NONE] = "touches",
    [FINDING_READ] = "reads",
    [FINDING_WRITE] = "writes",
    [FINDING_ATOMIC] = "atomically changes",
};

static const char *const access_names[] = {
    [FINDING_NONE] = "none",
    [FINDING_READ] = "read",
    [FINDING_WRITE] = "write",
    [FINDING_ATOMIC] = "atomic",
};

const char *report_kind_name(enum check_kind kind)
{
    return kind_names[kind];
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* ---- For people ---- */

static void print_position(FILE *out, const char *file, uint32_t line, uint32_t column)
{
    if (line) {
        fprintf(out, "%s:%" PRIu32 ":%" PRIu32 ": ", *file != '\0' ? file : "ptx", line, column);
    }
}

static void print_thread(FILE *out, const struct finding *finding,
                         const struct finding_thread *thread)
{
    fprintf(out,
            "thread (%" PRIu32 ", %" PRIu32 ", %" PRIu32 ") of block (%" PRIu32 ", %" PRIu32
            ", %" PRIu32 ")",
            thread->thread[0], thread->thread[1], thread->thread[2], thread->block[0],
            thread->block[1], thread->block[2]);
    if (thread->place.file) {
        fprintf(out, ", %s:%" PRIu32, places_name(finding->places, thread->place.file),
                thread->place.source_line);
    }
}

/* "allocation 3", "variable x", "shared memory". */
static void print_name(FILE *out, const struct finding_memory *memory)
{
    fputs(memory->kind, out);
    if (memory->name != NULL) {
        fprintf(out, " %s", memory->name);
    } else if (memory->number) {
        fprintf(out, " %" PRIu32, memory->number);
    }
}

/* has_access: there is an address in it, or near it. */
static void print_memory(FILE *out, const struct finding_memory *memory, bool has_access)
{
    int64_t size = (int64_t)memory->size;

    if (!has_access) {
        fputs("  ", out);
    } else if (memory->offset < 0) {
        fprintf(out, "  %" PRId64 " bytes before ", -memory->offset);
    } else if (memory->offset >= size) {
        fprintf(out, "  %" PRId64 " bytes behind ", memory->offset - size);
    } else {
        fprintf(out, "  byte %" PRId64 " of ", memory->offset);
    }
    print_name(out, memory);
    fprintf(out, ": %" PRIu64 " bytes at 0x%" PRIx64, memory->size, memory->start);
    if (memory->was_freed) {
        fprintf(out, ", freed after %" PRIu32 " launches", memory->freed);
    }
    fputc('\n', out);
}

static void print_text(FILE *out, const struct finding *finding)
{
    print_position(out, or_empty(finding->file), finding->by.place.line, finding->by.place.column);
    fprintf(out, "%s: ", kind_names[finding->kind]);
    if (finding->kernel != NULL) {
        fprintf(out, "%s%s", finding->kernel, finding->size ? " " : ": ");
    }
    if (finding->size) {
        fprintf(out, "%s %" PRIu32 " bytes at 0x%" PRIx64 ", ", verbs[finding->by.access],
                finding->size, finding->address);
    }
    fprintf(out, "%s\n", finding->what);
    if (finding->kernel != NULL) {
        fputs("  ", out);
        print_thread(out, finding, &finding->by);
        fputc('\n', out);
    }
    if (finding->other.access != FINDING_NONE) {
        fputs("  ", out);
        print_thread(out, finding, &finding->other);
        fprintf(out, " %s it at %" PRIu32 ":%" PRIu32 "\n", verbs[finding->other.access],
                finding->other.place.line, finding->other.place.column);
    }
    if (finding->memory.kind != NULL) {
        print_memory(out, &finding->memory, finding->size != 0);
    }
}

/* ---- JSON: RFC 8259 ---- */

/* How long the character of several bytes is that begins there; 0: there is none. RFC 3629, 4. */
static size_t utf8_length(const unsigned char *bytes)
{
    unsigned char lead = bytes[0], least = 0x80, most = 0xBF;
    size_t length = lead >= 0xC2 && lead <= 0xDF   ? 2
                    : lead >= 0xE0 && lead <= 0xEF ? 3
                    : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                   : 0;

    least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : least; /* shorter ones are there */
    most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : most;   /* surrogates; beyond Unicode */
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] < least || bytes[i] > most) {
            return 0;
        }
        least = 0x80;
        most = 0xBF;
    }
    return length;
}

/* One character of a string, and how many bytes it was. What is no UTF-8 is U+FFFD. */
static size_t json_character(FILE *out, const char *text)
{
    unsigned char first = (unsigned char)*text;
    size_t length = 1;

    if (first >= 0x80) {
        length = utf8_length((const unsigned char *)text);
        fwrite(text, 1, length, out);
        fputs(length ? "" : "\\ufffd", out);
    } else if (first == '"' || first == '\\') {
        fprintf(out, "\\%c", first);
    } else if (first < 0x20 || first == 0x7F) {
        fprintf(out, "\\u%04x", first);
    } else {
        fputc(first, out);
    }
    return length ? length : 1;
}

static void json_string(FILE *out, const char *key, const char *text)
{
    fprintf(out, "\"%s\":\"", key);
    while (*text != '\0') {
        text += json_character(out, text);
    }
    fputc('"', out);
}

static void json_vector(FILE *out, const char *key, const uint32_t values[3])
{
    fprintf(out, "\"%s\":[%" PRIu32 ",%" PRIu32 ",%" PRIu32 "]", key, values[0], values[1],
            values[2]);
}

static void json_thread(FILE *out, const struct finding *finding,
                        const struct finding_thread *thread)
{
    fprintf(out, "\"line\":%" PRIu32 ",\"column\":%" PRIu32 ",", thread->place.line,
            thread->place.column);
    if (thread->place.file) {
        json_string(out, "source", places_name(finding->places, thread->place.file));
        fprintf(out, ",\"source_line\":%" PRIu32 ",", thread->place.source_line);
    }
    json_vector(out, "block", thread->block);
    fputc(',', out);
    json_vector(out, "thread", thread->thread);
    if (thread->access != FINDING_NONE) {
        fputc(',', out);
        json_string(out, "access", access_names[thread->access]);
    }
}

static void json_memory(FILE *out, const struct finding_memory *memory)
{
    fputs(",\"memory\":{", out);
    json_string(out, "kind", memory->kind);
    if (memory->name != NULL) {
        fputc(',', out);
        json_string(out, "name", memory->name);
    }
    if (memory->number) {
        fprintf(out, ",\"number\":%" PRIu32, memory->number);
    }
    fprintf(out, ",\"address\":\"0x%" PRIx64 "\",\"size\":%" PRIu64 ",\"offset\":%" PRId64,
            memory->start, memory->size, memory->offset);
    if (memory->was_freed) {
        fprintf(out, ",\"freed_after_launches\":%" PRIu32, memory->freed);
    }
    fputc('}', out);
}

static void print_json(FILE *out, const struct finding *finding)
{
    fputc('{', out);
    json_string(out, "kind", kind_names[finding->kind]);
    fputc(',', out);
    json_string(out, "what", finding->what);
    if (finding->kernel != NULL) {
        fputc(',', out);
        json_string(out, "kernel", finding->kernel);
        fputc(',', out);
        json_string(out, "file", or_empty(finding->file));
        fputc(',', out);
        json_thread(out, finding, &finding->by);
    }
    if (finding->size) {
        fprintf(out, ",\"address\":\"0x%" PRIx64 "\",\"size\":%" PRIu32, finding->address,
                finding->size);
    }
    if (finding->other.access != FINDING_NONE) {
        fputs(",\"other\":{", out);
        json_thread(out, finding, &finding->other);
        fputc('}', out);
    }
    if (finding->memory.kind != NULL) {
        json_memory(out, &finding->memory);
    }
    fputs("}\n", out);
}

/* ---- Each place once ---- */

static struct report_place *find_place(const struct report *report, const struct finding *finding)
{
    const struct place *at = &finding->by.place;

    for (size_t i = 0; at->line && i < report->count; i++) {
        struct report_place *place = &report->places[i];

        if (place->kind == finding->kind && place->line == at->line &&
            place->column == at->column && strcmp(place->kernel, or_empty(finding->kernel)) == 0 &&
            strcmp(place->file, or_empty(finding->file)) == 0) {
            return place;
        }
    }
    return NULL;
}

/* False: no memory; then the place counts as beyond the limit. */
static bool add_place(struct report *report, const struct finding *finding)
{
    struct report_place place = {
        .kind = finding->kind,
        .line = finding->by.place.line,
        .column = finding->by.place.column,
        .kernel = strdup(or_empty(finding->kernel)),
        .file = strdup(or_empty(finding->file)),
        .count = 1,
    };

    if (report->count == report->capacity) {
        size_t capacity = report->capacity ? report->capacity * 2 : 16;
        struct report_place *places = realloc(report->places, capacity * sizeof(*places));

        if (places != NULL) {
            report->places = places;
            report->capacity = capacity;
        }
    }
    if (report->count == report->capacity || place.kernel == NULL || place.file == NULL) {
        free(place.kernel);
        free(place.file);
        return false;
    }
    report->places[report->count++] = place;
    return true;
}

bool report_is_full(const struct report *report)
{
    return report->count >= report->options.limit;
}

void report_add(struct report *report, const struct finding *finding)
{
    struct report_place *place = find_place(report, finding);

    report->errors++;
    if (place != NULL) {
        place->count++;
        return;
    }
    if (report_is_full(report) || !add_place(report, finding)) {
        report->is_cut = true;
        return;
    }
    if (report->options.text != NULL) {
        print_text(report->options.text, finding);
    }
    if (report->options.json != NULL) {
        print_json(report->options.json, finding);
    }
}

/* ---- The sum ---- */

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void sum_text(FILE *out, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct report_place *place = &report->places[i];

        if (place->count > 1) {
            print_position(out, place->file, place->line, place->column);
            fprintf(out, "%s: %" PRIu64 " times\n", kind_names[place->kind], place->count);
        }
    }
    fprintf(out, "%" PRIu64 " error%s in %zu place%s%s\n", report->errors, plural(report->errors),
            report->count, plural(report->count), report->is_cut ? ", and more places" : "");
}

static void sum_json(FILE *out, const struct report *report)
{
    fprintf(out, "{\"kind\":\"sum\",\"errors\":%" PRIu64 ",\"places\":[", report->errors);
    for (size_t i = 0; i < report->count; i++) {
        const struct report_place *place = &report->places[i];

        fputs(i ? ",{" : "{", out);
        json_string(out, "kind", kind_names[place->kind]);
        fprintf(out, ",\"line\":%" PRIu32 ",\"column\":%" PRIu32 ",\"count\":%" PRIu64 "}",
                place->line, place->column, place->count);
    }
    fprintf(out, "],\"more\":%s}\n", report->is_cut ? "true" : "false");
}

void report_sum(struct report *report)
{
    if (report->errors && report->options.text != NULL) {
        sum_text(report->options.text, report);
    }
    if (report->errors && report->options.json != NULL) {
        sum_json(report->options.json, report);
    }
    for (size_t i = 0; i < report->count; i++) {
        free(report->places[i].kernel);
        free(report->places[i].file);
    }
    free(report->places);
}
