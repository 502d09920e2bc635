/* SPDX-License-Identifier: BSD-2-Clause */
/* Test harness, QEMU: see harness_qemu.h. */
#include "harness_qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WORDS_MAX 128
#define QEMU_DEADLINE_MS 300000u /* of a whole test; single steps have shorter ones */

/* ---- Command lines ---- */

struct command_line {
    const char *words[WORDS_MAX];
    size_t count;
    char *texts[8]; /* what words[] points into */
    size_t text_count;
};

static void add_word(struct command_line *line, const char *word)
{
    if (line->count + 1 >= WORDS_MAX) {
        harness_fail("more than %d words in a command line", WORDS_MAX);
    }
    line->words[line->count++] = word;
    line->words[line->count] = NULL;
}

/* Takes @text over. */
static void add_words(struct command_line *line, char *text)
{
    line->texts[line->text_count++] = text;
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        add_word(line, word);
    }
}

static char *format_list(const char *format, va_list arguments)
{
    char *text;

    if (vasprintf(&text, format, arguments) < 0) {
        abort();
    }
    return text;
}

static struct process *start(struct command_line *line, unsigned deadline_ms,
                             const char *const *environment)
{
    struct process_options options = {.deadline_ms = deadline_ms, .environment = environment};
    struct process *process = process_start(line->words, &options);

    for (size_t i = 0; i < line->text_count; i++) {
        free(line->texts[i]);
    }
    return process;
}

/* ---- Lines of JSON and of qtest ---- */

/* The next line, without its end, to be freed; NULL when none comes in time. */
static char *read_line(struct qemu *qemu, int fd, char **input, unsigned timeout_ms)
{
    uint64_t deadline_ms = harness_now_ms() + timeout_ms;

    for (;;) {
        char *end = *input != NULL ? strchr(*input, '\n') : NULL;
        char data[4096];
        ssize_t size;
        uint64_t now_ms;

        if (end != NULL) {
            char *line = harness_format("%.*s", (int)(end - *input), *input);
            memmove(*input, end + 1, strlen(end + 1) + 1);
            return line;
        }
        now_ms = harness_now_ms();
        if (!harness_wait_readable(fd,
                                   now_ms < deadline_ms ? (unsigned)(deadline_ms - now_ms) : 0)) {
            return NULL;
        }
        size = recv(fd, data, sizeof(data) - 1, MSG_DONTWAIT);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            harness_fail("QEMU has ended: %s", process_errors(qemu->process));
        }
        if (size > 0) {
            char *longer;

            data[size] = 0;
            longer = harness_format("%s%s", *input != NULL ? *input : "", data);
            free(*input);
            *input = longer;
        }
    }
}

/* ---- Start and end ---- */

char *qemu_path(const char *target)
{
    const char *named = getenv("BAREGPU_QEMU");
    char *path;

    if (named != NULL && strcmp(target, "aarch64") == 0) {
        return harness_format("%s", named);
    }
    path =
        harness_format("%s/qemu/qemu-system-%s", harness_setting("BAREGPU_BUILD", "build"), target);
    if (access(path, X_OK) != 0) {
        free(path);
        return NULL;
    }
    return path;
}

static void add_program(struct command_line *line, const char *target)
{
    char *path = qemu_path(target);

    if (path == NULL) {
        harness_fail("qemu-system-%s is not built", target);
    }
    line->texts[line->text_count++] = path;
    add_word(line, path);
    add_word(line, "-nodefaults");
    add_word(line, "-display");
    add_word(line, "none");
}

struct process *qemu_start_plain(const char *format, ...)
{
    struct command_line line = {0};
    va_list arguments;

    add_program(&line, "aarch64");
    va_start(arguments, format);
    add_words(&line, format_list(format, arguments));
    va_end(arguments);
    return start(&line, 0, NULL);
}

static int accept_from(struct process *process, int listener, const char *what)
{
    for (;;) {
        int fd = unix_accept(listener, 20);

        if (fd >= 0) {
            return fd;
        }
        if (process_has_ended(process, NULL)) {
            harness_fail("QEMU has ended before it connected to %s: %s", what,
                         process_errors(process));
        }
    }
}

static struct qemu *start_qtest(const char *target, char *words)
{
    static unsigned number;
    struct command_line line = {0};
    struct qemu *qemu = calloc(1, sizeof(*qemu));
    char *name = harness_format("qemu-%u.qtest", number);
    char *qtest_path = harness_temp_path(name);
    char *qmp_path = harness_format("%s/qemu-%u.qmp", harness_temp_dir(), number++);
    int qtest_listener = unix_listen(qtest_path, 1);
    int qmp_listener = unix_listen(qmp_path, 1);

    add_program(&line, target);
    add_words(&line, words);
    add_words(&line, harness_format("-accel qtest -qtest-log /dev/null -qtest unix:%s "
                                    "-chardev socket,id=qmp0,path=%s "
                                    "-mon chardev=qmp0,mode=control",
                                    qtest_path, qmp_path));
    qemu->process = start(&line, QEMU_DEADLINE_MS, NULL);
    qemu->qtest = qemu->qmp = -1;
    qemu->events = json_array();
    qemu->qmp = accept_from(qemu->process, qmp_listener, "QMP");
    qemu->qtest = accept_from(qemu->process, qtest_listener, "qtest");
    close(qtest_listener);
    close(qmp_listener);
    free(read_line(qemu, qemu->qmp, &qemu->qmp_input, HARNESS_TIMEOUT_MS)); /* its greeting */
    json_decref(qmp_command(qemu, "qmp_capabilities", NULL));
    free(name);
    free(qtest_path);
    free(qmp_path);
    return qemu;
}

struct qemu *qemu_start_qtest(const char *format, ...)
{
    char *words;
    va_list arguments;

    va_start(arguments, format);
    words = format_list(format, arguments);
    va_end(arguments);
    char *all = harness_format("%s %s", qtest_machine()->words, words);
    free(words);
    struct qemu *qemu = start_qtest(qtest_machine()->target, all);

    qtest_enable_ecam(qemu);
    return qemu;
}

const struct qtest_machine *qtest_machine(void)
{
    static const struct qtest_machine machines[] = {
        {"aarch64", "-M virt -cpu max -m 128M", 0x4010000000, 0x10000000, 0x8000000000, 0x40000000,
         0x0A000000, 0x200},
        {"x86_64", "-M q35 -m 128M -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
         0xB0000000, 0xC0000000, 0x8000000000, 0, 0, 0},
        {"riscv64", "-M virt -m 128M -bios none", 0x30000000, 0x40000000, 0x400000000, 0x80000000,
         0x10001000, 0x1000},
    };
    const char *target = harness_setting("BAREGPU_TARGET", "aarch64");

    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (strcmp(machines[i].target, target) == 0) {
            return &machines[i];
        }
    }
    harness_fail("BAREGPU_TARGET=%s: no machine is known", target);
}

bool qtest_is_aarch64(void)
{
    return strcmp(qtest_machine()->target, "aarch64") == 0;
}

void qemu_end(struct qemu *qemu)
{
    if (qemu == NULL) {
        return;
    }
    process_end(qemu->process);
    close(qemu->qtest);
    close(qemu->qmp);
    json_decref(qemu->events);
    free(qemu->qtest_input);
    free(qemu->qmp_input);
    free(qemu);
}

/* ---- qtest ---- */

/* The reply's words behind "OK", to be freed. Interrupt messages in between are skipped. */
static char *qtest_command(struct qemu *qemu, char *command)
{
    socket_write(qemu->qtest, command, strlen(command));
    for (;;) {
        char *line = read_line(qemu, qemu->qtest, &qemu->qtest_input, HARNESS_TIMEOUT_MS);

        if (line == NULL) {
            harness_fail("no answer to qtest's %s", command);
        }
        if (strncmp(line, "OK", 2) == 0) {
            char *rest = harness_format("%s", line[2] ? line + 3 : "");
            free(line);
            free(command);
            return rest;
        }
        if (strncmp(line, "IRQ ", 4) != 0) {
            harness_fail("qtest: %s: %s", command, line);
        }
        free(line);
    }
}

static char size_letter(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : 'q';
}

uint64_t qtest_read(struct qemu *qemu, unsigned size, uint64_t address)
{
    char *reply =
        qtest_command(qemu, harness_format("read%c 0x%" PRIx64 "\n", size_letter(size), address));
    uint64_t value = strtoull(reply, NULL, 0);

    free(reply);
    return value;
}

void qtest_write(struct qemu *qemu, unsigned size, uint64_t address, uint64_t value)
{
    free(qtest_command(qemu, harness_format("write%c 0x%" PRIx64 " 0x%" PRIx64 "\n",
                                            size_letter(size), address, value)));
}

void qtest_read_block(struct qemu *qemu, uint64_t address, void *data, size_t size)
{
    char *reply = qtest_command(qemu, harness_format("read 0x%" PRIx64 " 0x%zx\n", address, size));

    for (size_t i = 0; i < size; i++) {
        unsigned byte;

        if (sscanf(reply + 2 + 2 * i, "%2x", &byte) != 1) {
            harness_fail("qtest: odd reply to read");
        }
        ((uint8_t *)data)[i] = (uint8_t)byte;
    }
    free(reply);
}

void qtest_write_block(struct qemu *qemu, uint64_t address, const void *data, size_t size)
{
    char *digits = calloc(1, 2 * size + 1);

    if (digits == NULL) {
        abort();
    }
    for (size_t i = 0; i < size; i++) {
        sprintf(digits + 2 * i, "%02x", ((const uint8_t *)data)[i]);
    }
    free(qtest_command(qemu,
                       harness_format("write 0x%" PRIx64 " 0x%zx 0x%s\n", address, size, digits)));
    free(digits);
}

void qtest_clock_step_ns(struct qemu *qemu, uint64_t ns)
{
    free(qtest_command(qemu, harness_format("clock_step %" PRIu64 "\n", ns)));
}

static void write_port(struct qemu *qemu, unsigned port, uint32_t value)
{
    free(qtest_command(qemu, harness_format("outl 0x%x 0x%" PRIx32 "\n", port, value)));
}

/* q35's PCIEXBAR, which firmware would set. */
void qtest_enable_ecam(struct qemu *qemu)
{
    if (strcmp(qtest_machine()->target, "x86_64") == 0) {
        write_port(qemu, 0xCF8, 0x80000060);
        write_port(qemu, 0xCFC, (uint32_t)qtest_machine()->ecam | 1);
    }
}

uint64_t pci_config_address(unsigned bus, unsigned device, unsigned function, unsigned offset)
{
    return qtest_machine()->ecam + ((uint64_t)bus << 20 | device << 15 | function << 12 | offset);
}

/* ---- QMP ---- */

/* The next message that is no event; events are kept. NULL when none comes in time. */
static json_t *qmp_read(struct qemu *qemu, unsigned timeout_ms, bool until_event)
{
    uint64_t deadline_ms = harness_now_ms() + timeout_ms;

    for (;;) {
        uint64_t now_ms = harness_now_ms();
        char *line = read_line(qemu, qemu->qmp, &qemu->qmp_input,
                               now_ms < deadline_ms ? (unsigned)(deadline_ms - now_ms) : 0);
        json_t *message = line != NULL ? json_loads(line, 0, NULL) : NULL;

        if (line != NULL && message == NULL) {
            harness_fail("QMP: not JSON: %s", line);
        }
        free(line);
        if (message == NULL || json_object_get(message, "event") == NULL) {
            return message;
        }
        json_array_append_new(qemu->events, message);
        if (until_event) {
            return NULL;
        }
    }
}

static json_t *qmp_send(struct qemu *qemu, const char *command, json_t *arguments)
{
    json_t *message = json_pack("{s:s}", "execute", command);
    json_t *reply;
    char *text;

    if (arguments != NULL) {
        json_object_set_new(message, "arguments", arguments);
    }
    text = json_dumps(message, JSON_COMPACT);
    socket_write(qemu->qmp, text, strlen(text));
    socket_write(qemu->qmp, "\n", 1);
    reply = qmp_read(qemu, HARNESS_TIMEOUT_MS, false);
    if (reply == NULL) {
        harness_fail("no answer to QMP's %s", text);
    }
    free(text);
    json_decref(message);
    return reply;
}

static json_t *pack_arguments(const char *command, const char *format, va_list list)
{
    json_error_t error;
    json_t *arguments = format != NULL ? json_vpack_ex(&error, 0, format, list) : NULL;

    if (format != NULL && arguments == NULL) {
        harness_fail("QMP: arguments of %s: %s", command, error.text);
    }
    return arguments;
}

json_t *qmp_try_command(struct qemu *qemu, const char *command, const char *format, ...)
{
    va_list list;
    json_t *arguments;

    va_start(list, format);
    arguments = pack_arguments(command, format, list);
    va_end(list);
    return qmp_send(qemu, command, arguments);
}

json_t *qmp_command(struct qemu *qemu, const char *command, const char *format, ...)
{
    va_list list;
    json_t *arguments, *reply, *value;

    va_start(list, format);
    arguments = pack_arguments(command, format, list);
    va_end(list);
    reply = qmp_send(qemu, command, arguments);
    value = json_object_get(reply, "return");
    if (value == NULL) {
        harness_fail("QMP: %s: %s", command, json_dumps(reply, 0));
    }
    json_incref(value);
    json_decref(reply);
    return value;
}

json_t *qmp_wait_event(struct qemu *qemu, const char *name, unsigned timeout_ms)
{
    uint64_t deadline_ms = harness_now_ms() + timeout_ms;

    for (;;) {
        json_t *event;
        size_t i;
        uint64_t now_ms;

        json_array_foreach (qemu->events, i, event) {
            if (strcmp(json_string_value(json_object_get(event, "event")), name) == 0) {
                json_incref(event);
                json_array_remove(qemu->events, i);
                return event;
            }
        }
        now_ms = harness_now_ms();
        if (now_ms >= deadline_ms) {
            harness_fail("QMP: no event %s", name);
        }
        json_decref(qmp_read(qemu, (unsigned)(deadline_ms - now_ms), true));
    }
}

int64_t qmp_get_integer(struct qemu *qemu, const char *path, const char *property)
{
    json_t *value = qmp_command(qemu, "qom-get", "{s:s, s:s}", "path", path, "property", property);
    int64_t number = json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);

    json_decref(value);
    return number;
}

/* ---- Mediator ---- */

static int notify_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address))) {
        harness_fail("%s: %s", path, strerror(errno));
    }
    return fd;
}

static void wait_ready(struct process *process, int notify)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    char text[512];
    ssize_t size;

    while (harness_now_ms() < deadline_ms) {
        if (process_has_ended(process, NULL)) {
            harness_fail("the mediator has ended: %s%s", process_output(process),
                         process_errors(process));
        }
        if (!harness_wait_readable(notify, 20)) {
            continue;
        }
        size = recv(notify, text, sizeof(text) - 1, MSG_DONTWAIT);
        if (size > 0) {
            text[size] = 0;
            if (strstr(text, "READY=1") != NULL) {
                return;
            }
        }
    }
    harness_fail("the mediator does not get ready: %s%s", process_output(process),
                 process_errors(process));
}

struct process *mediator_start(const char *format, ...)
{
    static unsigned number;
    struct command_line line = {0};
    char *program = harness_build_path("host/baregpu-mediator");
    char *path = harness_format("%s/ready-%u", harness_temp_dir(), number++);
    char *variable = harness_format("NOTIFY_SOCKET=%s", path);
    const char *environment[] = {variable, NULL};
    int notify = notify_socket(path);
    struct process *process;
    va_list arguments;

    line.texts[line.text_count++] = program;
    add_word(&line, program);
    va_start(arguments, format);
    add_words(&line, format_list(format, arguments));
    va_end(arguments);
    process = start(&line, QEMU_DEADLINE_MS, environment);
    wait_ready(process, notify); /* the socket stays: the mediator says more at its end */
    free(path);
    free(variable);
    return process;
}

size_t mediator_workers(struct process *mediator, pid_t *workers, size_t max)
{
    char *pattern = harness_format("/proc/%d/task/*/children", process_pid(mediator));
    size_t count = 0;
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0) {
        harness_fail("%s: nothing there", pattern);
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "r"); /* a thread may have ended */

        while (file != NULL && count < max && fscanf(file, "%d", &workers[count]) == 1) {
            count++;
        }
        if (file != NULL) {
            fclose(file);
        }
    }
    globfree(&found);
    free(pattern);
    return count;
}

pid_t mediator_exporter(struct process *mediator)
{
    pid_t children[64];
    size_t count = mediator_workers(mediator, children, 64);

    for (size_t i = 0; i < count; i++) {
        char *path = harness_format("/proc/%d/comm", (int)children[i]), name[32] = "";
        FILE *file = fopen(path, "r");

        free(path);
        if (file != NULL) {
            (void)!fgets(name, sizeof(name), file);
            fclose(file);
        }
        if (strcmp(name, "baregpu-exporte\n") == 0) {
            return children[i];
        }
    }
    harness_fail("no exporter");
}

/* ---- Guest ---- */

char *harness_guest_image(const char *append, const char *format)
{
    bool is_test = append != NULL &&
                   (strstr(append, "run=test") != NULL || strstr(append, "run=bench") != NULL);
    char *name = harness_format("firmware/baregpu%s.%s", is_test ? "-test" : "", format);
    char *path = harness_build_path(name);

    free(name);
    return path;
}

struct process *guest_start(const struct guest_options *options)
{
    struct command_line line = {0};
    char *kernel = options->kernel != NULL ? harness_format("%s", options->kernel)
                                           : harness_guest_image(options->append, "elf");

    add_program(&line, "aarch64");
    line.texts[line.text_count++] = kernel;
    add_words(&line, harness_format("-M %s -cpu %s -m %s -serial stdio -semihosting-config "
                                    "enable=on,target=native %s",
                                    options->machine != NULL ? options->machine : "virt",
                                    options->cpu != NULL ? options->cpu : "max",
                                    options->memory != NULL ? options->memory : "256M",
                                    options->arguments != NULL ? options->arguments : ""));
    add_word(&line, "-kernel");
    add_word(&line, kernel);
    if (options->append != NULL) {
        add_word(&line, "-append");
        add_word(&line, options->append);
    }
    return start(&line, options->deadline_ms, NULL);
}

int guest_run(const struct guest_options *options, char **output)
{
    struct process *process = guest_start(options);
    int status = process_wait(process);

    if (output != NULL) {
        *output = harness_format("%s%s", process_output(process), process_errors(process));
    }
    process_end(process);
    return status;
}
