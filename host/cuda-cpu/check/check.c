/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/cuda-cpu/check/check.h"

#include <stdlib.h>
#include <string.h>

#include "host/cuda-cpu/check/state.h"

bool check_parse(const char *list, unsigned *kinds)
{
    *kinds = 0;
    while (*list != '\0') {
        size_t length = strcspn(list, ",");
        unsigned found = length == 3 && strncmp(list, "all", 3) == 0 ? CHECK_ALL : 0;

        for (unsigned i = 0; i < CHECK_KINDS; i++) {
            const char *name = report_kind_name((enum check_kind)i);

            found |= strlen(name) == length && strncmp(list, name, length) == 0 ? 1u << i : 0;
        }
        if (!found) {
            return false;
        }
        *kinds |= found;
        list += length + (list[length] == ',');
    }
    return *kinds != 0;
}

struct check *check_create(const struct check_options *options)
{
    struct check *check = calloc(1, sizeof(*check));

    if (check == NULL) {
        return NULL;
    }
    pthread_mutex_init(&check->running, NULL);
    pthread_mutex_init(&check->lock, NULL);
    check->kinds = options->kinds;
    check->report.options = *options;
    return check;
}

struct check *check_open(const char *list, const char **problem)
{
    const char *path = getenv("BAREGPU_CUDA_CHECK_JSON");
    struct check_options options = {.limit = CHECK_LIMIT, .text = stderr};
    struct check *check;

    *problem = NULL;
    list = list != NULL ? list : getenv("BAREGPU_CUDA_CHECK");
    if (list == NULL || *list == '\0') {
        return NULL;
    }
    if (!check_parse(list, &options.kinds)) {
        *problem = "checks are all, or some of memory,race,init,sync,leak";
        return NULL;
    }
    if (path != NULL && (options.json = fopen(path, "a")) == NULL) {
        *problem = "the file of BAREGPU_CUDA_CHECK_JSON cannot be written";
        return NULL;
    }
    check = check_create(&options);
    if (check == NULL) {
        *problem = "no memory";
    } else {
        check->own_file = options.json;
    }
    return check;
}

static void report_leak(struct check *check, const struct region *region)
{
    const struct finding finding = {
        .kind = CHECK_LEAK,
        .what = "never freed",
        .memory =
            {
                .kind = "allocation",
                .number = region->number,
                .start = region->start,
                .size = region->end - region->start,
            },
    };

    report_add(&check->report, &finding);
}

uint64_t check_destroy(struct check *check)
{
    uint64_t errors;

    for (size_t i = 0; i < check->region_count; i++) {
        struct region *region = check->regions[i];

        if (region->name == NULL && check->kinds >> CHECK_LEAK & 1) {
            report_leak(check, region);
        }
        region_release(region);
        free(region);
    }
    errors = check->report.errors;
    report_sum(&check->report);
    if (check->own_file != NULL) {
        fclose(check->own_file);
    }
    clock_destroy(&check->clock);
    free(check->regions);
    pthread_mutex_destroy(&check->lock);
    pthread_mutex_destroy(&check->running);
    free(check);
    return errors;
}
