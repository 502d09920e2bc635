/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c firmware/virtio/gpu/format.c firmware/apps/draw/draw.c
// build: firmware/apps/draw/font.c firmware/apps/draw/picture.c firmware/apps/draw/pvgpu_picture.c
// build: $(BUILD)/firmware/font/console_font.c
/*
 * Guest, pvgpu device and mediator together, as a user has them: every command, what the console
 * shows, backends that are killed at work, several guests.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/apps/draw/picture.h"
#include "firmware/apps/draw/pvgpu_picture.h"
#include "guest_tap.h"

#define WORKERS_MAX 16
#define LOSSES 25u
#define LOSSES_SOAK 1000u
#define LOSS_DEADLINE_MS 30000u /* for each: the device's next try may be a second away */

/* Of its own for each test: what a failed one left behind does not disturb the next. */
static char *new_socket_path(void)
{
    static unsigned number;

    return harness_format("%s/pvgpu-%u.sock", harness_temp_dir(), number++);
}

/* A mediator that forgives workers that die again and again, and has none in reserve: each that is
 * there belongs to a guest. */
static struct process *start_mediator_with(const char *socket, const char *more_keys)
{
    char *path = harness_temp_path("pvgpu.ini");
    FILE *file = fopen(path, "w");
    struct process *mediator;

    assert_non_null(file);
    fprintf(file,
            "[mediator]\nspare_workers = 0\n"
            "[listener guests]\npath = %s\ndevice = pvgpu\n%s\n",
            socket, more_keys);
    fclose(file);
    mediator = mediator_start("--backend cpu --config %s", path);
    free(path);
    return mediator;
}

static struct process *start_mediator(const char *socket)
{
    return start_mediator_with(socket, "quarantine_faults = 0");
}

static struct process *start_mediator_that_draws_nothing(const char *socket)
{
    return start_mediator_with(socket, "quarantine_faults = 0\ndraw = off");
}

/* `more`: further properties, and then further words. */
static char *pvgpu(const char *socket, const char *more)
{
    return harness_format("-device pvgpu,id=gpu0,backend_pipe=%s%s", socket, more);
}

static bool has_said(struct process *process, const char *text)
{
    return strstr(process_output(process), text) != NULL ||
           strstr(process_errors(process), text) != NULL;
}

/* Its output says little about a guest that was ended from outside, or with its QEMU. */
static void expect_success(struct process *guest)
{
    int status = process_wait(guest);

    if (status != 0) {
        process_show(guest);
        print_error("%s %d\n", status < 0 ? "QEMU was ended by signal" : "exit status",
                    abs(status));
    }
    assert_int_equal(status, 0);
}

/* ---- Every command ---- */

static void run_tap_with(struct process *(*start)(const char *socket), const char *machine,
                         const char *before, const char *more)
{
    char *socket = new_socket_path(), *device = pvgpu(socket, more);
    char *arguments = harness_format("%s %s", before, device);
    struct process *mediator = start(socket);
    const struct guest_options options = {
        .machine = machine, .append = "run=test-pvgpu", .arguments = arguments};

    free(guest_tap_run(&options));
    process_end(mediator);
    free(arguments);
    free(device);
    free(socket);
}

static void run_tap(const char *machine, const char *before, const char *more)
{
    run_tap_with(start_mediator, machine, before, more);
}

static void commands(void **state)
{
    (void)state;
    run_tap(NULL, "", "");
}

static void commands_where_nothing_draws(void **state)
{
    (void)state;
    run_tap_with(start_mediator_that_draws_nothing, NULL, "", "");
}

static void commands_on_other_machines(void **state)
{
    (void)state;
    run_tap("virt,highmem=off", "", "");
    run_tap("virt,gic-version=3", "-smp 2", "");
    run_tap("virt,its=off,gic-version=3", "", ",shmem_size=64M"); /* INTx alone */
}

static void commands_behind_bridges(void **state)
{
    (void)state;
    run_tap(NULL, "-device pcie-root-port,id=rp,chassis=1", ",bus=rp,shmem_size=64M");
}

static void two_guests_at_once(void **state)
{
    char *socket = new_socket_path(), *arguments[2];
    struct process *mediator = start_mediator(socket), *guests[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        const struct guest_options options = {
            .append = "run=test-pvgpu console=semihosting",
            .arguments = arguments[i] =
                harness_format("-device pvgpu,backend_pipe=%s,vm_id=%d", socket, i),
        };

        guests[i] = guest_start(&options);
    }
    for (int i = 0; i < 2; i++) {
        expect_success(guests[i]);
        process_end(guests[i]);
        free(arguments[i]);
    }
    process_end(mediator);
    free(socket);
}

/* ---- Draws that do not end ---- */

/* They end their guest's sessions, while another one draws. */
static void endless_draws_are_one_guests(void **state)
{
    static const char *const programs[] = {"test-pvgpu-draw-long", "test-pvgpu-draw"};
    char *socket = new_socket_path(), *arguments[2], *append[2];
    struct process *mediator =
        start_mediator_with(socket, "quarantine_faults = 0\nrequest_timeout_ms = 2000");
    struct process *guests[2];

    (void)state;
    if (!has_said(mediator, "drawing: ")) {
        process_end(mediator);
        skip();
    }
    for (int i = 0; i < 2; i++) {
        const struct guest_options options = {
            .append = append[i] = harness_format("run=%s console=semihosting", programs[i]),
            .arguments = arguments[i] =
                harness_format("-device pvgpu,backend_pipe=%s,vm_id=%d", socket, i),
        };

        guests[i] = guest_start(&options);
    }
    for (int i = 0; i < 2; i++) {
        expect_success(guests[i]);
        process_end(guests[i]);
        free(arguments[i]);
        free(append[i]);
    }
    process_end(mediator);
    free(socket);
}

/* ---- What the console shows ---- */

struct image {
    uint32_t width, height;
    uint32_t *pixels; /* 0xRRGGBB */
};

static struct image new_image(uint32_t width, uint32_t height)
{
    struct image image = {width, height, calloc((size_t)width * height, sizeof(uint32_t))};

    assert_non_null(image.pixels);
    return image;
}

static struct canvas canvas_of(const struct image *image)
{
    return (struct canvas){
        .pixels = image->pixels,
        .width = (int32_t)image->width,
        .height = (int32_t)image->height,
        .stride = (int32_t)image->width,
        .format = BG_VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
    };
}

/* A binary PPM; QEMU pads rows to four bytes (ppm_save of ui/ui-qmp-cmds.c), the format does not
 * know that. */
static struct image read_ppm(const char *path)
{
    FILE *file = fopen(path, "rb");
    unsigned width, height;
    struct image image;
    uint8_t *row;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "P6 %u %u 255", &width, &height), 2);
    fgetc(file);
    size_t row_size = (3 * (size_t)width + 3) / 4 * 4;

    image = new_image(width, height);
    row = malloc(row_size);
    assert_non_null(row);
    for (uint32_t y = 0; y < height; y++) {
        assert_true(fread(row, 1, row_size, file) >= 3 * width);
        for (uint32_t x = 0; x < width; x++) {
            image.pixels[(size_t)y * width + x] =
                (uint32_t)row[3 * x] << 16 | (uint32_t)row[3 * x + 1] << 8 | row[3 * x + 2];
        }
    }
    free(row);
    fclose(file);
    return image;
}

static struct image expected_of(const char *stage, uint32_t width, uint32_t height)
{
    struct image image = new_image(width, height);
    const struct canvas canvas = canvas_of(&image);
    struct bg_virtio_gpu_rect changed;

    if (strcmp(stage, "pvgpu-animation") == 0) {
        for (unsigned frame = 0; frame <= 10; frame++) {
            picture_draw_frame(&canvas, frame, &changed);
        }
        return image;
    }
    draw_fill(&canvas, 0, 0, (int32_t)width, (int32_t)height, PVGPU_PICTURE_BACKGROUND);
    if (strcmp(stage, "pvgpu-copies") == 0) {
        struct pvgpu_picture_size size = pvgpu_picture_size(width, height);

        for (unsigned n = 0; n < PVGPU_PICTURE_COPIES; n++) {
            uint32_t x, y;

            pvgpu_picture_place(size, n, &x, &y);
            const struct canvas part = draw_part(&canvas, (int32_t)x, (int32_t)y,
                                                 (int32_t)size.width, (int32_t)size.height);

            pvgpu_picture_draw(&part);
        }
    }
    return image;
}

static void compare(struct qemu *qemu, const char *stage)
{
    char *path = harness_temp_path("pvgpu.ppm");

    json_decref(qmp_command(qemu, "screendump", "{s:s, s:s}", "filename", path, "device", "gpu0"));
    struct image shown = read_ppm(path);
    struct image expected = expected_of(stage, 640, 400);
    size_t wrong = 0;

    assert_int_equal(shown.width, expected.width);
    assert_int_equal(shown.height, expected.height);
    for (size_t i = 0; i < 640 * 400; i++) {
        if (shown.pixels[i] != (expected.pixels[i] & 0xFFFFFF) && wrong++ == 0) {
            print_error("%s: pixel %zu, %zu is %06x, not %06x\n", stage, i % 640, i / 640,
                        shown.pixels[i], expected.pixels[i] & 0xFFFFFF);
        }
    }
    assert_int_equal(wrong, 0);
    free(shown.pixels);
    free(expected.pixels);
    unlink(path);
    free(path);
}

/* QMP begins with a greeting, a line. */
static void start_qmp(struct qemu *qemu, int listener)
{
    char c = 0;

    qemu->qtest = -1;
    qemu->qmp = unix_accept(listener, HARNESS_TIMEOUT_MS);
    assert_true(qemu->qmp >= 0);
    while (c != '\n' && socket_read(qemu->qmp, &c, 1, HARNESS_TIMEOUT_MS) == 1) {
    }
    qemu->events = json_array();
    json_decref(qmp_command(qemu, "qmp_capabilities", NULL));
    close(listener);
}

/* The guest asks over its UART, "@shot NAME", and goes on when it reads a line. */
static void the_console(void **state)
{
    static const char *const stages[] = {"pvgpu-fill", "pvgpu-copies", "pvgpu-animation"};
    char *socket = new_socket_path(), *qmp = harness_temp_path("pvgpu.qmp");
    int listener = unix_listen(qmp, 1);
    char *more =
        harness_format(" -chardev socket,id=qmp0,path=%s -mon chardev=qmp0,mode=control", qmp);
    char *arguments = pvgpu(socket, more);
    struct process *mediator = start_mediator(socket);
    const struct guest_options options = {
        .append = "run=pvgpu count=100000 frames=10 width=640 height=400 shots=1 "
                  "console=semihosting",
        .arguments = arguments,
    };
    struct qemu qemu = {.process = guest_start(&options)};

    (void)state;
    start_qmp(&qemu, listener);
    for (size_t i = 0; i < 3; i++) {
        char *question = harness_format("@shot %s", stages[i]);

        process_wait_text(qemu.process, question);
        compare(&qemu, stages[i]);
        process_write(qemu.process, "ok\n");
        free(question);
    }
    assert_int_equal(process_wait(qemu.process), 0);
    close(qemu.qmp);
    json_decref(qemu.events);
    free(qemu.qmp_input);
    process_end(qemu.process);
    process_end(mediator);
    free(arguments);
    free(more);
    unlink(qmp);
    free(qmp);
    free(socket);
}

/* ---- Nobody there ---- */

static void without_a_mediator(void **state)
{
    char *socket = new_socket_path(), *arguments = pvgpu(socket, "");
    const struct guest_options options = {.append = "run=pvgpu", .arguments = arguments};
    char *output = guest_expect(&options, 1);

    (void)state;
    guest_expect_text(output, "nobody answers behind it");
    guest_expect_text(output, "--pvgpu-socket");
    free(output);
    free(arguments);
    free(socket);
}

static void without_the_device(void **state)
{
    const struct guest_options options = {.append = "run=pvgpu"};
    char *output = guest_expect(&options, 1);

    (void)state;
    guest_expect_text(output, "There is no pvgpu device");
    free(output);
}

/* ---- Losses ---- */

/* Does it still run? One that has ended stays a child until the mediator has looked after it. */
static bool is_alive(pid_t pid)
{
    char *path = harness_format("/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    char state = 'X';

    if (file != NULL) {
        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
            state = 'X';
        }
        fclose(file);
    }
    free(path);
    return state != 'Z' && state != 'X';
}

static size_t find_workers(struct process *mediator, pid_t *workers)
{
    size_t all = mediator_workers(mediator, workers, WORKERS_MAX), count = 0;

    for (size_t i = 0; i < all; i++) {
        if (is_alive(workers[i])) {
            workers[count++] = workers[i];
        }
    }
    return count;
}

/* The only one there is, once that of a guest which has ended, or one that was killed, is gone. */
static void kill_worker(struct process *mediator)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    uint64_t deadline_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
    pid_t workers[WORKERS_MAX];
    size_t count;

    while ((count = find_workers(mediator, workers)) != 1 && harness_now_ms() < deadline_ms) {
        nanosleep(&moment, NULL);
    }
    assert_int_equal(count, 1);
    kill(workers[0], SIGKILL);
}

/* Not to wait for anything: so that the moment differs each time. */
static void dawdle(unsigned loss)
{
    const struct timespec moment = {.tv_nsec = (long)(loss * 7919 % 30) * 1000000 / 7};

    nanosleep(&moment, NULL);
}

static struct process *start_recovery(const char *socket, unsigned losses)
{
    char *append = harness_format("run=test-pvgpu-recovery losses=%u console=semihosting", losses);
    char *arguments = pvgpu(socket, "");
    const struct guest_options options = {
        .append = append, .arguments = arguments, .deadline_ms = losses * LOSS_DEADLINE_MS};
    struct process *guest = guest_start(&options);

    free(append);
    free(arguments);
    return guest;
}

/* Waits for "WORD number". */
static void wait_number(struct process *guest, const char *word, unsigned number)
{
    char *text = harness_format("# %s %u", word, number);

    process_wait_text(guest, text);
    free(text);
}

/* Workers are killed in the middle of their work; each fence is accounted for. */
static void workers_are_killed(void **state)
{
    unsigned losses = getenv("BAREGPU_SOAK") != NULL ? LOSSES_SOAK : LOSSES;
    char *socket = new_socket_path();
    struct process *mediator = start_mediator(socket);
    struct process *guest = start_recovery(socket, losses);

    (void)state;
    for (unsigned loss = 1; loss <= losses; loss++) {
        wait_number(guest, "working", loss);
        dawdle(loss);
        kill_worker(mediator);
    }
    expect_success(guest);
    process_end(guest);
    process_signal(mediator, SIGTERM);
    assert_int_equal(process_wait(mediator), 0);
    process_end(mediator);
    free(socket);
}

/* A guest whose workers die too often is told that it is not served any more. */
static void a_guest_in_quarantine(void **state)
{
    char *socket = new_socket_path();
    struct process *mediator = start_mediator_with(socket, "quarantine_faults = 2");
    struct process *guest = start_recovery(socket, 5);

    (void)state;
    for (unsigned loss = 1; loss <= 2; loss++) {
        wait_number(guest, "working", loss);
        kill_worker(mediator);
        wait_number(guest, "lost", loss);
    }
    assert_int_equal(process_wait(guest), 1);
    assert_true(has_said(guest, "work goes on: this guest is quarantined"));
    process_end(guest);
    process_end(mediator);
    free(socket);
}

/* The whole mediator goes, by turns killed and asked to end, and comes back. */
static void mediators_are_restarted(void **state)
{
    enum { TIMES = 4 };
    char *socket = new_socket_path();
    struct process *mediator = start_mediator(socket);
    struct process *guest = start_recovery(socket, TIMES);

    (void)state;
    for (unsigned loss = 1; loss <= TIMES; loss++) {
        wait_number(guest, "working", loss);
        process_signal(mediator, loss % 2 ? SIGKILL : SIGTERM);
        process_wait(mediator);
        process_end(mediator);
        wait_number(guest, "lost", loss);
        mediator = start_mediator(socket);
    }
    expect_success(guest);
    process_end(guest);
    process_end(mediator);
    free(socket);
}

/* One guest's worker dies, again and again; the other guest does not notice. */
static void a_loss_is_one_guests(void **state)
{
    char *socket = new_socket_path(), *arguments = pvgpu(socket, ",vm_id=2");
    struct process *mediator = start_mediator(socket);
    struct process *victim = start_recovery(socket, 2);
    const struct guest_options options = {
        .append = "run=test-pvgpu console=semihosting",
        .arguments = arguments,
    };
    struct process *other;
    pid_t workers[WORKERS_MAX];

    (void)state;
    wait_number(victim, "working", 1);
    assert_int_equal(find_workers(mediator, workers), 1);
    other = guest_start(&options);
    process_wait_text(other, "ok 10");
    kill(workers[0], SIGKILL);
    wait_number(victim, "working", 2);
    expect_success(other);
    kill_worker(mediator);
    expect_success(victim);
    process_end(other);
    process_end(victim);
    process_end(mediator);
    free(arguments);
    free(socket);
}

/* With an argument: only the tests of that name, which may have * and ?. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands),
        cmocka_unit_test(commands_where_nothing_draws),
        cmocka_unit_test(commands_on_other_machines),
        cmocka_unit_test(commands_behind_bridges),
        cmocka_unit_test(two_guests_at_once),
        cmocka_unit_test(endless_draws_are_one_guests),
        cmocka_unit_test(the_console),
        cmocka_unit_test(without_a_mediator),
        cmocka_unit_test(without_the_device),
        cmocka_unit_test(workers_are_killed),
        cmocka_unit_test(a_guest_in_quarantine),
        cmocka_unit_test(mediators_are_restarted),
        cmocka_unit_test(a_loss_is_one_guests),
    };

    guest_tap_setup();
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
