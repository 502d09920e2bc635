/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/mediator/exposition.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE 128
#define LABELS_SIZE 1024
#define FAMILIES_MAX 256
#define SAMPLES_MAX 4096
#define LINE_SIZE 2048

enum type { UNTYPED, COUNTER, GAUGE, HISTOGRAM };

struct sample {
    char name[NAME_SIZE], labels[LABELS_SIZE]; /* without le */
    double value, le;
};

struct parser {
    char *error;
    unsigned line;
    char families[FAMILIES_MAX][NAME_SIZE];
    unsigned family_count;
    enum type type; /* of the last family */
    bool has_type;  /* its TYPE came */
    unsigned first; /* its first sample */
    struct sample *samples;
    unsigned sample_count;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *parser, const char *format,
                                                       ...)
{
    int used = snprintf(parser->error, EXPOSITION_ERROR_SIZE, "line %u: ", parser->line);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(parser->error + used, EXPOSITION_ERROR_SIZE - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- Words ---- */

static size_t name_length(const char *text, bool colons)
{
    size_t length = 0;

    while (isalpha((unsigned char)text[length]) || text[length] == '_' ||
           (colons && text[length] == ':') ||
           (length > 0 && isdigit((unsigned char)text[length]))) {
        length++;
    }
    return length;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool take_name(struct parser *parser, const char **text, char name[NAME_SIZE])
{
    size_t length = name_length(*text, true);

    if (length == 0 || length >= NAME_SIZE) {
        return fail(parser, "no name: %.40s", *text);
    }
    memcpy(name, *text, length);
    name[length] = '\0';
    *text += length;
    return true;
}

/* ---- Families ---- */

static const char *family(const struct parser *parser)
{
    return parser->families[parser->family_count - 1];
}

/* Of one label set: all of the histogram's samples with these labels. */
static bool check_histogram(struct parser *parser, const char *labels)
{
    double last = 0, last_le = -INFINITY, count = NAN, sum = NAN;

    for (unsigned i = parser->first; i < parser->sample_count; i++) {
        const struct sample *sample = &parser->samples[i];

        if (strcmp(sample->labels, labels) != 0) {
            continue;
        }
        if (ends_with(sample->name, "_bucket")) {
            if (isnan(sample->le) || sample->le <= last_le || sample->value < last) {
                return fail(parser, "%s: a bucket out of order", family(parser));
            }
            last = sample->value;
            last_le = sample->le;
        } else if (ends_with(sample->name, "_sum")) {
            sum = sample->value;
        } else {
            count = sample->value;
        }
    }
    return (isinf(last_le) && count == last && !isnan(sum)) ||
           fail(parser, "%s: a histogram that is not whole", family(parser));
}

static bool end_family(struct parser *parser)
{
    if (parser->family_count == 0) {
        return true;
    }
    if (parser->sample_count == parser->first) {
        return fail(parser, "%s has no sample", family(parser));
    }
    for (unsigned i = parser->first; i < parser->sample_count && parser->type == HISTOGRAM; i++) {
        if (!check_histogram(parser, parser->samples[i].labels)) {
            return false;
        }
    }
    return true;
}

static bool take_help(struct parser *parser, const char *text)
{
    char name[NAME_SIZE];

    if (!end_family(parser) || !take_name(parser, &text, name)) {
        return false;
    }
    if (text[0] != ' ' || !text[1]) {
        return fail(parser, "%s: no help", name);
    }
    for (unsigned i = 0; i < parser->family_count; i++) {
        if (strcmp(parser->families[i], name) == 0) {
            return fail(parser, "%s came before", name);
        }
    }
    if (parser->family_count == FAMILIES_MAX) {
        return fail(parser, "too many families");
    }
    strcpy(parser->families[parser->family_count++], name);
    parser->has_type = false;
    parser->first = parser->sample_count;
    return true;
}

static bool take_type(struct parser *parser, const char *text)
{
    static const char *const names[] = {
        [COUNTER] = " counter", [GAUGE] = " gauge", [HISTOGRAM] = " histogram"};
    char name[NAME_SIZE];

    if (!take_name(parser, &text, name)) {
        return false;
    }
    if (parser->family_count == 0 || strcmp(name, family(parser)) != 0 || parser->has_type) {
        return fail(parser, "%s: a TYPE that does not follow its HELP", name);
    }
    parser->type = HISTOGRAM;
    while (parser->type != UNTYPED && strcmp(text, names[parser->type]) != 0) {
        parser->type--;
    }
    parser->has_type = true;
    if (parser->type == UNTYPED) {
        return fail(parser, "%s: type%s", name, text);
    }
    bool is_total = ends_with(name, "_total"), is_ours = strncmp(name, "baregpu_", 8) == 0;
    return !is_ours || is_total == (parser->type == COUNTER) ||
           fail(parser, "%s: counters end with _total, and nothing else does", name);
}

/* ---- Samples ---- */

static bool belongs(const struct parser *parser, const char *name)
{
    size_t length = strlen(family(parser));

    if (strncmp(name, family(parser), length) != 0) {
        return false;
    }
    return parser->type != HISTOGRAM
               ? !name[length]
               : strcmp(name + length, "_bucket") == 0 || strcmp(name + length, "_sum") == 0 ||
                     strcmp(name + length, "_count") == 0;
}

/* Behind the quotation mark. False: an escape that there is not, or no end. */
static bool take_label_value(const char **text)
{
    const char *at = *text;

    while (*at && *at != '"') {
        if (*at == '\\' && *++at != '\\' && *at != '"' && *at != 'n') {
            return false;
        }
        at++;
    }
    *text = at + 1;
    return *at == '"';
}

static bool add_label(struct parser *parser, struct sample *sample, const char *label,
                      size_t name_size, size_t size)
{
    char start[NAME_SIZE + 4];

    snprintf(start, sizeof(start), ",%.*s=\"", (int)name_size, label);
    if (strstr(sample->labels, start) != NULL) {
        return fail(parser, "a label twice: %.*s", (int)name_size, label);
    }
    if (name_size == 2 && strncmp(label, "le", 2) == 0) {
        char *end;

        sample->le = strtod(label + 4, &end);
        return *end == '"' || fail(parser, "le is no number");
    }
    if (strlen(sample->labels) + size + 2 > LABELS_SIZE) {
        return fail(parser, "labels too long");
    }
    strcat(sample->labels, ",");
    strncat(sample->labels, label, size);
    return true;
}

static bool take_labels(struct parser *parser, const char **text, struct sample *sample)
{
    do {
        const char *label = ++*text;
        size_t length = name_length(label, false);

        if (length == 0 || length >= NAME_SIZE || strncmp(label, "__", 2) == 0 ||
            strncmp(label + length, "=\"", 2) != 0) {
            return fail(parser, "no label: %.40s", label);
        }
        *text = label + length + 2;
        if (!take_label_value(text) ||
            !add_label(parser, sample, label, length, (size_t)(*text - label))) {
            return parser->error[0] ? false : fail(parser, "a label's value: %.40s", label);
        }
    } while (**text == ',');
    if (**text != '}') {
        return fail(parser, "labels without an end");
    }
    ++*text;
    return true;
}

static bool is_new(struct parser *parser, const struct sample *sample)
{
    for (unsigned i = parser->first; i < parser->sample_count; i++) {
        const struct sample *other = &parser->samples[i];

        if (strcmp(other->name, sample->name) == 0 && strcmp(other->labels, sample->labels) == 0 &&
            (isnan(sample->le) || other->le == sample->le)) {
            return fail(parser, "%s with the same labels twice", sample->name);
        }
    }
    return true;
}

static bool take_sample(struct parser *parser, const char *text)
{
    struct sample *sample = &parser->samples[parser->sample_count];
    char *end;

    if (parser->sample_count == SAMPLES_MAX) {
        return fail(parser, "too many samples");
    }
    *sample = (struct sample){.le = NAN};
    if (!take_name(parser, &text, sample->name)) {
        return false;
    }
    if (parser->family_count == 0 || !parser->has_type || !belongs(parser, sample->name)) {
        return fail(parser, "%s is not of the family before it", sample->name);
    }
    if (*text == '{' && !take_labels(parser, &text, sample)) {
        return false;
    }
    if (*text != ' ') {
        return fail(parser, "%s: no value", sample->name);
    }
    sample->value = strtod(text + 1, &end);
    if (end == text + 1 || *end || isspace((unsigned char)text[1]) || isnan(sample->value)) {
        return fail(parser, "%s:%s is no value", sample->name, text);
    }
    if (parser->type != GAUGE && sample->value < 0) {
        return fail(parser, "%s is negative", sample->name);
    }
    if (!is_new(parser, sample)) {
        return false;
    }
    parser->sample_count++;
    return true;
}

/* ---- The whole ---- */

static bool take_line(struct parser *parser, const char *line)
{
    if (strncmp(line, "# HELP ", 7) == 0) {
        return take_help(parser, line + 7);
    }
    if (strncmp(line, "# TYPE ", 7) == 0) {
        return take_type(parser, line + 7);
    }
    return take_sample(parser, line);
}

static bool take_text(struct parser *parser, const char *text)
{
    char line[LINE_SIZE];
    const char *end;

    for (; *text; text = end + 1) {
        parser->line++;
        end = strchr(text, '\n');
        if (end == NULL || (size_t)(end - text) >= sizeof(line)) {
            return fail(parser, "a line without its end, or too long");
        }
        memcpy(line, text, (size_t)(end - text));
        line[end - text] = '\0';
        if (!take_line(parser, line)) {
            return false;
        }
    }
    return end_family(parser) && (parser->family_count > 0 || fail(parser, "nothing"));
}

static struct parser *parse(const char *text, char error[EXPOSITION_ERROR_SIZE], bool *good)
{
    struct parser *parser = calloc(1, sizeof(*parser));

    parser->samples = calloc(SAMPLES_MAX, sizeof(*parser->samples));
    parser->error = error;
    error[0] = '\0';
    *good = take_text(parser, text);
    return parser;
}

static void forget(struct parser *parser)
{
    free(parser->samples);
    free(parser);
}

bool exposition_check(const char *text, char error[EXPOSITION_ERROR_SIZE])
{
    bool good;

    forget(parse(text, error, &good));
    return good;
}

double exposition_find(const char *text, const char *name, const char *label)
{
    char error[EXPOSITION_ERROR_SIZE];
    double value = NAN;
    bool good;
    struct parser *parser = parse(text, error, &good);

    for (unsigned i = 0; i < parser->sample_count && isnan(value); i++) {
        if (strcmp(parser->samples[i].name, name) == 0 &&
            strstr(parser->samples[i].labels, label) != NULL) {
            value = parser->samples[i].value;
        }
    }
    forget(parser);
    return value;
}

bool exposition_has(const char *text, const char *name)
{
    return !isnan(exposition_find(text, name, ""));
}
