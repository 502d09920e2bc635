/* SPDX-License-Identifier: BSD-2-Clause */
/* Apps: what the kernel runs. `run=<name>` in the bootargs chooses; its result is the status. */
#ifndef FIRMWARE_APPS_APP_H
#define FIRMWARE_APPS_APP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app {
    const char *name;    /* an identifier in lower case */
    const char *summary; /* one line */
    int (*run)(void);    /* returns the exit status, 0 to 255 */
    const char *options; /* their keys, separated by spaces; NULL: any */
};

/*
 * APP(test_boot, "what it does", function, "its options' keys"); at file scope, once per app (also
 * run=test-boot). Bootargs with other keys are an error; without the last argument none are.
 */
#define APP(app_name, app_summary, ...)                                                            \
    static const struct app app_entry_##app_name                                                   \
        __attribute__((used, aligned(8), section(".apps." #app_name))) = {                         \
            #app_name, (app_summary), APP_WITH_OPTIONS(__VA_ARGS__, NULL, NULL)}
#define APP_WITH_OPTIONS(function, options, ...) (function), (options)

/* Runs the chosen app and returns its status; an unknown name lists the apps and fails. */
int app_main(void);

/*
 * The value of `key=value` in the bootargs, or in the semihosting command line; false if neither
 * has it. Apps read their own options with it.
 */
bool app_option(const char *key, char *value, size_t size);

/*
 * The same for a number from `min` to `max`, decimal or 0x and hexadecimal; `otherwise`, whatever
 * it is, without that option. Another value ends the run with status 2 and says what is allowed, so
 * apps read their options before they begin. On CPU 0.
 */
int64_t app_option_number(const char *key, int64_t otherwise, int64_t min, int64_t max);

#endif
