/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baregpu/error.h"
#include "firmware/apps/app.h"
#include "firmware/platform/bootargs.h"
#include "firmware/platform/machine.h"
#include "firmware/platform/semihosting.h"

#define APP_DEFAULT "demo"
#define APP_NAME_BYTES_MAX 64
#define NUMBER_BYTES_MAX 32 /* with its NUL; what may have been cut is none */
#define EXIT_STATUS_UNKNOWN 2
#define KERNEL_OPTIONS "run console timer" /* everybody's */

extern const struct app __apps_start[], __apps_end[];

bool app_option(const char *key, char *value, size_t size)
{
    char line[MACHINE_BOOTARGS_BYTES_MAX];

    if (bootargs_get(machine.bootargs, key, value, size)) {
        return true;
    }
    return semihosting_command_line(line, sizeof(line)) >= 0 &&
           bootargs_get(line, key, value, size);
}

static bool read_number(const char *text, int64_t *number)
{
    const char *digits = text + (*text == '-');
    char *end;

    if (!isdigit((unsigned char)*digits) || strlen(text) == NUMBER_BYTES_MAX - 1) {
        return false;
    }
    errno = 0;
    *number = strtoll(text, &end, digits[0] == '0' && digits[1] == 'x' ? 16 : 10);
    return *end == '\0' && errno == 0;
}

int64_t app_option_number(const char *key, int64_t otherwise, int64_t min, int64_t max)
{
    char text[NUMBER_BYTES_MAX];
    int64_t number;

    if (!app_option(key, text, sizeof(text))) {
        return otherwise;
    }
    if (!read_number(text, &number) || number < min || number > max) {
        printf("%s=%s is refused: it takes a number from %" PRId64 " to %" PRId64 ".\n", key, text,
               min, max);
        exit(EXIT_STATUS_UNKNOWN);
    }
    return number;
}

/* A dash and an underscore are the same: test-boot is test_boot. */
static bool names_match(const char *name, const char *asked)
{
    for (; *name && *asked; name++, asked++) {
        if (*name != *asked && !(*name == '_' && *asked == '-')) {
            return false;
        }
    }
    return *name == *asked;
}

static bool is_listed(const char *list, const char *key)
{
    size_t length = strlen(key);

    while (*list) {
        size_t word = strcspn(list, " ");

        if (word == length && !strncmp(list, key, length)) {
            return true;
        }
        list += word;
        list += strspn(list, " ");
    }
    return false;
}

/* Only the bootargs are looked at: the semihosting command line begins with the kernel's path. */
static bool knows_options(const struct app *app)
{
    char key[APP_NAME_BYTES_MAX];
    const char *line = app->options != NULL ? machine.bootargs : "";

    while ((line = bootargs_next(line, key, sizeof(key))) != NULL) {
        if (is_listed(KERNEL_OPTIONS, key) || is_listed(app->options, key)) {
            continue;
        }
        printf("%s has no option \"%s\".%s%s\n", app->name, key, app->options[0] ? " It has: " : "",
               app->options);
        return false;
    }
    return true;
}

static void list_apps(void)
{
    printf("Apps, chosen by run=<name>:\n");
    for (const struct app *app = __apps_start; app < __apps_end; app++) {
        printf("  %-20s %s\n", app->name, app->summary);
    }
}

/* Where there are bootargs it only repeats them, behind the kernel's path. */
static bool semihosting_line_is_read(void)
{
    char line[MACHINE_BOOTARGS_BYTES_MAX];

    if (machine.bootargs[0] != '\0' ||
        semihosting_command_line(line, sizeof(line)) != BG_ERR_TOO_LARGE) {
        return true;
    }
    printf("The semihosting command line is too long: %u bytes are allowed.\n",
           MACHINE_BOOTARGS_BYTES_MAX - 1);
    return false;
}

int app_main(void)
{
    char name[APP_NAME_BYTES_MAX] = APP_DEFAULT;

    if (!semihosting_line_is_read()) {
        return EXIT_STATUS_UNKNOWN;
    }
    app_option("run", name, sizeof(name));
    for (const struct app *app = __apps_start; app < __apps_end; app++) {
        if (names_match(app->name, name)) {
            return knows_options(app) ? app->run() : EXIT_STATUS_UNKNOWN;
        }
    }
    printf("There is no app \"%s\".\n", name);
    list_apps();
    return EXIT_STATUS_UNKNOWN;
}
