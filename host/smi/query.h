/* SPDX-License-Identifier: BSD-2-Clause */
/* --query-gpu and --query-compute-apps: fields of devices and sessions by nvidia-smi's names. */
#ifndef SMI_QUERY_H
#define SMI_QUERY_H

#include <jansson.h>
#include <stdbool.h>

#define QUERY_FIELDS_MAX 64

enum query_kind {
    QUERY_GPU,
    QUERY_COMPUTE_APPS, /* sessions */
};

struct query_field;

struct query {
    enum query_kind kind;
    const struct query_field *fields[QUERY_FIELDS_MAX];
    unsigned count;
    bool no_header, no_units;
};

/* A list of fields, separated by commas. False after a message. */
bool query_parse(struct query *query, enum query_kind kind, const char *list);

/* "csv", with noheader and nounits. False after a message. */
bool query_parse_format(struct query *query, const char *format);

void query_print_header(const struct query *query);

/* A line for each device, or for each session; of one device, unless it is -1. */
void query_print(const struct query *query, const json_t *reading, int device);

/* Names and what they are. */
void query_print_help(enum query_kind kind);

#endif
