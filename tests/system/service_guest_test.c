/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/mediator/service.c host/common/fd_message.c
// needs: build/host/baregpu-mediator
/* A guest whose mediator is replaced, again and again, while it works: it notices nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "harness.h"
#include "harness_qemu.h"
#include "tests/mediator/service.h"

static struct service service;
static char *config_path, *path;

static void on_failure(const char *message)
{
    fail_msg("%s", message);
}

static int setup(void **state)
{
    (void)state;
    harness_on_failure = on_failure;
    config_path = harness_temp_path("mediator.ini");
    path = harness_temp_path("pvgpu.sock");
    service_open(&service);
    harness_write_file(config_path,
                       "[mediator]\nrestart_s = 60\n[listener guests]\ndevice = pvgpu\n"
                       "path = %s\n",
                       path);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    service_close(&service);
    unlink(path);
    free(path);
    free(config_path);
    return 0;
}

static void replace_mediator(int signal_number)
{
    service_stop(&service, signal_number);
    service_start(&service, config_path);
    process_wait_text(service.process, "1 sessions go on");
}

/* The guest asks for a look at its screen between its stages, and goes on when it reads a line: the
 * first mediator ends while it waits, the others while it works. */
static void test_replaced(void **state)
{
    char *arguments = harness_format("-device pvgpu,backend_pipe=%s", path);
    const struct guest_options options = {
        .append = "run=pvgpu count=1000000 frames=60 width=320 height=200 shots=1 "
                  "console=semihosting",
        .arguments = arguments,
    };

    (void)state;
    service_start(&service, config_path);
    struct process *guest = guest_start(&options);
    process_wait_text(guest, "@shot pvgpu-fill");
    replace_mediator(SIGTERM);
    process_write(guest, "ok\n");
    replace_mediator(SIGKILL);
    process_wait_text(guest, "@shot pvgpu-copies");
    process_write(guest, "ok\n");
    replace_mediator(SIGTERM);
    replace_mediator(SIGKILL);
    process_wait_text(guest, "@shot pvgpu-animation");
    process_write(guest, "ok\n");
    assert_int_equal(process_wait(guest), 0);
    process_wait_text(service.process, "session 1 (guests"); /* the first one, to its end */
    process_wait_text(service.process, "ended, ");
    service_wait_gone(&service, "session-1");
    service_wait_gone(&service, "session-2");
    process_end(guest);
    free(arguments);
}

int main(int count, char **texts)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
    };

    service_main(count, texts);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
