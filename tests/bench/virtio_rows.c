/* SPDX-License-Identifier: BSD-2-Clause */
/* make bench: virtqueues, screens, and the time to the first pixel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/rows.h"
#include "harness_qemu.h"

/* Instructions of the driver for a chain of two segments, from adding it to taking it back. */
#define LIMIT_CYCLE_INSTRUCTIONS 500.0

#define SCREEN "virtio-gpu-pci,xres=1920,yres=1080"
#define FRAME_BYTES (1920u * 1080u * 4u)
#define MEMCPY_NS 200000000.0

/* QEMU's trace says when it is worth looking: one screendump after the other would keep the virtual
 * CPU from all devices, for as long as one takes. */
#define TRACE "virtio_gpu_cmd_res_flush"
#define PIXEL_DEADLINE_NS 15e9
#define PIXEL_GOAL (1.0 / 20)

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static char *run_guest(const char *append, const char *arguments)
{
    const struct guest_options options = {.append = append, .arguments = arguments};

    return run_guest_to_end(&options);
}

/* ---- Virtqueues ---- */

static void bench_queues(void)
{
    static const char *const cycles[] = {"virtq_split_cycle", "virtq_split_cycle_indirect",
                                         "virtq_packed_cycle", "virtq_packed_cycle_indirect"};
    static const char *const single[] = {"virtq_split_cycle", "virtq_packed_cycle"};
    char *output = run_guest("run=bench-virtqueue", "-icount shift=0,sleep=off");

    for (size_t i = 0; i < sizeof(cycles) / sizeof(cycles[0]); i++) {
        add_row(cycles[i], find_figure(output, cycles[i], "value"), "instr", "limit",
                LIMIT_CYCLE_INSTRUCTIONS, LESS_IS_BETTER, 1.0);
    }
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++) {
        char *name = harness_format("%s_batch16", single[i]);

        add_row(name, find_figure(output, name, "value"), "instr", "a notification per chain",
                find_figure(output, single[i], "value"), LESS_IS_BETTER, 1.0);
        free(name);
    }
    free(output);
}

/* ---- Screens ---- */

/* Frames that this machine copies in memory, per second. */
static double copies_per_s(void)
{
    static char *from, *to;
    double start_ns, spent_ns;
    unsigned count = 0;

    if (from == NULL) {
        from = malloc(FRAME_BYTES);
        to = malloc(FRAME_BYTES);
    }
    if (from == NULL || to == NULL) {
        harness_fail("no memory for two frames");
    }
    memset(from, 0x5A, FRAME_BYTES);
    memset(to, 0xA5, FRAME_BYTES);
    start_ns = now_ns();
    do {
        memcpy(to, from, FRAME_BYTES);
        __asm__ volatile("" : : "r"(to), "r"(from) : "memory");
        count++;
        spent_ns = now_ns() - start_ns;
    } while (spent_ns < MEMCPY_NS);
    return count * 1e9 / spent_ns;
}

enum { FULLSCREEN, FLUSH, FLIP, RECTANGLE, SCREEN_FIGURES };

static const struct {
    const char *name, *row;
} screen_figures[SCREEN_FIGURES] = {
    [FULLSCREEN] = {"gpu_fullscreen", "gpu_fullscreen_fps"},
    [FLUSH] = {"gpu_flush", "gpu_flush_fps"},
    [FLIP] = {"gpu_flip", "gpu_flip_fps"},
    [RECTANGLE] = {"gpu_rectangle", "gpu_small_updates"},
};

static void bench_screen(void)
{
    double per_s[SCREEN_FIGURES][ROUNDS], copies[ROUNDS], copy_rate;
    double frames = 0, notifications = 0, accesses = 0;

    for (int round = 0; round < ROUNDS; round++) {
        char *output = run_guest("run=bench-gpu", "-device " SCREEN);

        copies[round] = copies_per_s();
        for (int i = 0; i < SCREEN_FIGURES; i++) {
            const char *name = screen_figures[i].name;

            if (find_figure(output, name, "width") * find_figure(output, name, "height") * 4 !=
                FRAME_BYTES) {
                harness_fail("the screen is not 1920 x 1080:\n%s", output);
            }
            per_s[i][round] = find_figure(output, name, "per_s");
            frames += find_figure(output, name, "n");
            notifications += find_figure(output, name, "notifications");
            accesses += find_figure(output, name, "accesses");
        }
        free(output);
    }
    copy_rate = median(copies, ROUNDS);
    for (int i = 0; i < SCREEN_FIGURES; i++) {
        if (i != RECTANGLE) {
            add_row(screen_figures[i].row, median(per_s[i], ROUNDS), "1/s",
                    "memcpy of 1920 x 1080 pixels on the host", copy_rate, MORE_IS_BETTER, 0);
        }
    }
    add_row(screen_figures[RECTANGLE].row, median(per_s[RECTANGLE], ROUNDS), "1/s",
            "full-screen frames; these have 64 x 64 pixels", median(per_s[FULLSCREEN], ROUNDS),
            MORE_IS_BETTER, 0);
    add_row("gpu_notifications_per_frame", notifications / frames, "1", "limit", 1, LESS_IS_BETTER,
            1.0);
    add_row("gpu_exits_per_frame", accesses / frames, "1",
            "notifications; the rest: is a silent device well?", notifications / frames,
            LESS_IS_BETTER, 0);
}

/* ---- Boot to pixel ---- */

/* A file that screendump has written. */
struct dump {
    char *bytes;
    size_t size, capacity;
};

static void take_dump(struct qemu *qemu, const char *path, struct dump *dump)
{
    FILE *file;

    json_decref(qmp_command(qemu, "screendump", "{s:s}", "filename", path));
    file = fopen(path, "rb");
    if (file == NULL) {
        harness_fail("no screendump in %s", path);
    }
    for (dump->size = 0;;) {
        size_t got;

        if (dump->size == dump->capacity) {
            dump->capacity = dump->capacity ? 2 * dump->capacity : 8u << 20;
            dump->bytes = realloc(dump->bytes, dump->capacity);
            if (dump->bytes == NULL) {
                harness_fail("no memory for a screendump");
            }
        }
        got = fread(dump->bytes + dump->size, 1, dump->capacity - dump->size, file);
        if (got == 0) {
            break;
        }
        dump->size += got;
    }
    fclose(file);
}

/* Behind "P6\nWIDTH HEIGHT\n255\n", is anything not black? */
static bool is_lit(const struct dump *dump)
{
    size_t at = 0;

    for (int lines = 0; lines < 3 && at < dump->size; at++) {
        lines += dump->bytes[at] == '\n';
    }
    while (at < dump->size && dump->bytes[at] == 0) {
        at++;
    }
    return at < dump->size;
}

struct pixel_times {
    double changed_ns, lit_ns; /* the first other picture; the first other one that is not black */
};

static void start_stopped(struct qemu *qemu, const char *words)
{
    char *path = harness_temp_path("pixel.qmp");
    int listener = unix_listen(path, 1);
    char c = 0;

    memset(qemu, 0, sizeof(*qemu));
    qemu->process = qemu_start_plain("-M virt -cpu max -m 256M -device virtio-gpu-pci -S %s "
                                     "-trace " TRACE " -chardev socket,id=qmp0,path=%s "
                                     "-mon chardev=qmp0,mode=control",
                                     words, path);
    qemu->qtest = -1;
    qemu->qmp = unix_accept(listener, HARNESS_TIMEOUT_MS);
    if (qemu->qmp < 0) {
        harness_fail("QEMU does not connect: %s", process_errors(qemu->process));
    }
    while (c != '\n' && socket_read(qemu->qmp, &c, 1, HARNESS_TIMEOUT_MS) == 1) {
    }
    qemu->events = json_array();
    json_decref(qmp_command(qemu, "qmp_capabilities", NULL));
    close(listener);
    unlink(path);
    free(path);
}

/* Until the guest has flushed more often than *flushes times. False at the deadline. */
static bool wait_flush(struct qemu *qemu, unsigned *flushes, double deadline_ns)
{
    while (now_ns() < deadline_ns) {
        unsigned count = 0;

        for (const char *at = process_errors(qemu->process); (at = strstr(at, TRACE)) != NULL;
             at++) {
            count++;
        }
        if (count > *flushes) {
            *flushes = count;
            return true;
        }
        if (process_has_ended(qemu->process, NULL)) {
            harness_fail("QEMU has ended: %s", process_errors(qemu->process));
        }
        harness_wait_readable(qemu->qmp, 1);
    }
    return false;
}

/* From `cont` to the end of the screendump that shows it. */
static struct pixel_times measure_pixel(const char *words)
{
    struct qemu qemu;
    struct dump before = {0}, now = {0};
    struct pixel_times times = {0};
    char *path = harness_temp_path("pixel.ppm");
    unsigned flushes = 0;
    double start_ns;

    start_stopped(&qemu, words);
    take_dump(&qemu, path, &before);
    start_ns = now_ns();
    json_decref(qmp_command(&qemu, "cont", NULL));
    while (times.lit_ns == 0) {
        double taken_ns;

        if (!wait_flush(&qemu, &flushes, start_ns + PIXEL_DEADLINE_NS)) {
            harness_fail("no picture of QEMU with %s", words);
        }
        take_dump(&qemu, path, &now);
        taken_ns = now_ns() - start_ns;
        if (now.size == before.size && memcmp(now.bytes, before.bytes, now.size) == 0) {
            continue;
        }
        if (times.changed_ns == 0) {
            times.changed_ns = taken_ns;
        }
        if (is_lit(&now)) {
            times.lit_ns = taken_ns;
        }
    }
    process_end(qemu.process);
    close(qemu.qmp);
    json_decref(qemu.events);
    free(qemu.qmp_input);
    unlink(path);
    free(path);
    free(before.bytes);
    free(now.bytes);
    return times;
}

/* Debian's qemu-efi-aarch64, or what BAREGPU_EDK2 names; NULL: there is none. */
static const char *edk2_path(void)
{
    const char *path = harness_setting("BAREGPU_EDK2", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd");

    return access(path, R_OK) == 0 ? path : NULL;
}

static void add_pixel_row(const char *name, double *ours, double *theirs, bool has_reference,
                          double goal)
{
    const struct bench_row row = {
        .name = name,
        .value = median(ours, ROUNDS),
        .unit = "ns",
        .reference = has_reference ? "EDK2 on the same QEMU"
                                   : "EDK2: not installed (Debian: qemu-efi-aarch64)",
        .reference_value = has_reference ? median(theirs, ROUNDS) : 0,
        .has_no_reference = !has_reference,
        .better = LESS_IS_BETTER,
        .goal = goal,
    };

    add_row_of(&row);
}

static void bench_boot_to_pixel(void)
{
    char *kernel = harness_build_path("firmware/baregpu-test.elf");
    char *ours = harness_format("-kernel %s -append run=bench-pixel", kernel);
    const char *edk2 = edk2_path();
    char *theirs = edk2 != NULL ? harness_format("-bios %s", edk2) : NULL;
    double changed[ROUNDS], lit[ROUNDS], their_changed[ROUNDS], their_lit[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        struct pixel_times times = measure_pixel(ours);

        changed[round] = times.changed_ns;
        lit[round] = times.lit_ns;
        if (theirs != NULL) {
            times = measure_pixel(theirs);
            their_changed[round] = times.changed_ns;
            their_lit[round] = times.lit_ns;
        }
    }
    add_pixel_row("boot_to_pixel", changed, their_changed, theirs, PIXEL_GOAL);
    add_pixel_row("boot_to_lit_pixel", lit, their_lit, theirs, 0);
    free(theirs);
    free(ours);
    free(kernel);
}

void bench_virtio(void)
{
    bench_queues();
    bench_screen();
    bench_boot_to_pixel();
}
