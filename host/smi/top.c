/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/smi/top.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "host/common/clock.h"
#include "host/smi/reading.h"
#include "host/smi/table.h"

#define CLEAR "\033[H\033[J"
#define ROWS 24 /* where the terminal does not tell */
/* A row, and what stands above them. */
#define SESSION "| %5s %5s  %-12.12s %10s %8s  %-12.12s %9s %10s %6s |\n"
#define HEAD_ROWS 9 /* beside those of devices and sessions, and the line of the cursor */

/* ---- The terminal: keys come at once, and are not shown ---- */

static struct termios before;
static bool changed;

static void restore_terminal(void)
{
    if (changed) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
        changed = false;
    }
}

static void end_by_signal(int signal_number)
{
    restore_terminal();
    _exit(128 + signal_number);
}

static void prepare_terminal(void)
{
    struct termios now;

    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return; /* it is none: no keys */
    }
    now = before;
    now.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    changed = tcsetattr(STDIN_FILENO, TCSANOW, &now) == 0;
    atexit(restore_terminal);
    signal(SIGINT, end_by_signal);
    signal(SIGTERM, end_by_signal);
}

static unsigned count_rows(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : ROWS;
}

/* True: the user has seen enough. */
static bool wait_for_key(unsigned seconds)
{
    uint64_t until_ns = clock_now_ns() + seconds * NS_PER_S, now_ns;
    struct pollfd polled = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;

    while ((now_ns = clock_now_ns()) < until_ns) {
        if (poll(&polled, 1, (int)((until_ns - now_ns) / NS_PER_MS) + 1) > 0) {
            if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q') {
                return true;
            }
        }
    }
    return false;
}

/* ---- A frame ---- */

/* With what the sessions did since the last one. */
struct frame {
    const json_t *reading, *last; /* last NULL: this is the first */
    double seconds;               /* between the two */
};

static const json_t *find_last(const struct frame *frame, double session)
{
    const json_t *sessions = frame->last != NULL ? reading_list(frame->last, "sessions") : NULL;

    for (size_t i = 0; i < json_array_size(sessions); i++) {
        if (reading_number(json_array_get(sessions, i), "session") == session) {
            return json_array_get(sessions, i);
        }
    }
    return NULL;
}

static double rate_of(const struct frame *frame, const json_t *session, const char *name)
{
    const json_t *last = find_last(frame, reading_number(session, "session"));

    return (reading_number(session, name) - reading_number(last, name)) / frame->seconds;
}

/* The busiest first; those without a figure last. */
static int compare(const void *left, const void *right)
{
    double a = reading_number(*(json_t *const *)left, "utilization");
    double b = reading_number(*(json_t *const *)right, "utilization");

    a = isnan(a) ? -1 : a;
    b = isnan(b) ? -1 : b;
    return (b > a) - (b < a);
}

/* What is less than a MiB in a second is something, too. */
static const char *show_rate(double bytes, char text[16])
{
    double rate = bytes / (1 << 20);

    if (!(fabs(rate) < 1000)) {
        return table_show(rate, "%s", 6);
    }
    snprintf(text, 16, "%.1f", rate);
    return text;
}

static void print_session(const struct frame *frame, const json_t *session)
{
    const char *listener = reading_text(session, "listener");
    char rate[16];

    printf(SESSION, table_show(reading_number(session, "utilization"), "%s%%", 5),
           table_show(reading_number(session, "gpu"), "%s", 5),
           listener != NULL ? listener : READING_NONE,
           table_show(reading_number(session, "vm_id"), "%s", 10),
           table_show(reading_number(session, "peer_pid"), "%s", 8), table_show_program(session),
           table_show_bytes(reading_number(session, "memory_used"), 9),
           table_show(rate_of(frame, session, "requests"), "%s", 10),
           show_rate(rate_of(frame, session, "bytes_in") + rate_of(frame, session, "bytes_out"),
                     rate));
}

static void print_sessions(const struct frame *frame, int device, unsigned most)
{
    const json_t *sessions = reading_list(frame->reading, "sessions");
    size_t count = json_array_size(sessions);
    const json_t **order = calloc(count + 1, sizeof(*order));

    for (size_t i = 0; order != NULL && i < count; i++) {
        order[i] = json_array_get(sessions, i);
    }
    if (order != NULL) {
        qsort(order, count, sizeof(*order), compare);
    }
    printf(SESSION, "Util", "GPU", "Listener", "VM_ID", "PID", "Process", "Memory", "Requests/s",
           "MiB/s");
    for (size_t i = 0; order != NULL && i < count && most > 0; i++) {
        if (reading_is_of(order[i], "gpu", device)) {
            print_session(frame, order[i]);
            most--;
        }
    }
    table_print_rule();
    free(order);
}

static void print_frame(const struct frame *frame, int device)
{
    unsigned devices = (unsigned)json_array_size(reading_list(frame->reading, "devices"));
    unsigned rows = count_rows(), used = HEAD_ROWS + 2 * (device < 0 ? devices : 1);

    fputs(CLEAR, stdout);
    table_print_head(frame->reading);
    table_print_devices(frame->reading, device);
    print_sessions(frame, device, rows > used + 1 ? rows - used : 1);
    fflush(stdout);
}

enum mediator_exit top_run(const char *path, struct nvml *nvml, int device, unsigned seconds,
                           unsigned frames)
{
    enum mediator_exit status = MEDIATOR_EXIT_OK;
    json_t *last = NULL, *reading;
    uint64_t last_ns = 0;

    if (!isatty(STDOUT_FILENO)) {
        fprintf(stderr, "baregpu-smi: top needs a terminal; -l SECONDS prints again and again\n");
        return MEDIATOR_EXIT_USAGE;
    }
    prepare_terminal();
    for (unsigned i = 0; frames == 0 || i < frames; i++) {
        if ((i > 0 && wait_for_key(seconds)) ||
            (reading = reading_take(path, nvml, &status)) == NULL) {
            break;
        }
        uint64_t now_ns = clock_now_ns();
        const struct frame frame = {
            .reading = reading, .last = last, .seconds = (double)(now_ns - last_ns) / NS_PER_S};
        print_frame(&frame, device);
        json_decref(last);
        last = reading;
        last_ns = now_ns;
    }
    json_decref(last);
    return status;
}
