/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest_tap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fail_test(const char *message)
{
    fail_msg("%s", message);
}

void guest_tap_setup(void)
{
    harness_on_failure = fail_test;
    cmocka_set_message_output(CM_OUTPUT_TAP);
}

/* As TAP comments, so that the reader of a failed run has it. */
static void show(const char *output)
{
    const char *line = output;

    while (*line != '\0') {
        size_t length = strcspn(line, "\n");

        printf("# | %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
    fflush(stdout);
}

char *guest_expect(const struct guest_options *options, int status)
{
    struct guest_options once = *options;
    char *output;

    /* By one way: the kernel speaks over the UART as well as over semihosting. */
    once.append =
        harness_format("%s console=semihosting", options->append != NULL ? options->append : "");
    int got = guest_run(&once, &output);

    free((char *)once.append);
    if (got != status) {
        show(output);
        fail_msg("%s: exit status %d, not %d", options->append ? options->append : "guest", got,
                 status);
    }
    return output;
}

void guest_expect_text(const char *output, const char *text)
{
    if (strstr(output, text) == NULL) {
        show(output);
        fail_msg("the guest did not say \"%s\"", text);
    }
}

char *guest_tap_run(const struct guest_options *options)
{
    char *output = guest_expect(options, 0);
    unsigned good = 0, bad = 0, planned = 0;

    for (const char *line = output; line != NULL && *line != '\0';) {
        good += strncmp(line, "ok ", 3) == 0;
        bad += strncmp(line, "not ok ", 7) == 0 || strncmp(line, "Bail out!", 9) == 0;
        if (sscanf(line, "1..%u", &planned) != 1) {
            /* not the plan */
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    if (bad != 0 || good == 0 || good != planned) {
        show(output);
        fail_msg("%s: %u good, %u bad, %u planned", options->append, good, bad, planned);
    }
    return output;
}
