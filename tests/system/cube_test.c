/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c
// libs: -lm
/*
 * run=cube on virtio-gpu-gl, with software OpenGL on an X server without a screen. QEMU cannot dump
 * a screen that OpenGL has drawn, so the picture is taken from the X server's framebuffer, a file
 * in the format of xwd. It is compared with a model: the cube cut by a ray for each pixel.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_tap.h"

#define WIDTH 640
#define HEIGHT 480
#define BACKGROUND 0x203048u
#define TOLERANCE 2 /* of a face's colour, in 255ths: the host may round otherwise */
#define PICTURE_TIMEOUT_MS 60000u
#define HOLD "hold=55"

static const char *why_not; /* a reason why nothing can be drawn in 3D here */
static struct process *x_server;

static void need_gl(void)
{
    if (why_not != NULL) {
        printf("# SKIP: %s\n", why_not);
        skip();
    }
}

/* Between two looks at what tells nobody when it changes. */
static void pause_ms(unsigned ms)
{
    const struct timespec moment = {.tv_nsec = ms * 1000000};

    nanosleep(&moment, NULL);
}

/* ---- The model ---- */

#define TILT_DEGREES 30
#define DISTANCE 5.0
#define FOCAL_LENGTH 2.0

struct model {
    double rotation[3][3]; /* from the cube's space to the eye's */
};

static struct model model_at(double degrees)
{
    double a = degrees * M_PI / 180, t = TILT_DEGREES * M_PI / 180;

    return (struct model){{
        {cos(a), 0, sin(a)},
        {sin(t) * sin(a), cos(t), -sin(t) * cos(a)},
        {-cos(t) * sin(a), sin(t), cos(t) * cos(a)},
    }};
}

static double component_along(const struct model *model, unsigned axis, const double v[3])
{
    return model->rotation[0][axis] * v[0] + model->rotation[1][axis] * v[1] +
           model->rotation[2][axis] * v[2];
}

/* 0 to 5: +x, -x, +y, -y, +z, -z; -1: the ray through this pixel goes past the cube. */
static int model_face(const struct model *model, int x, int y)
{
    const double direction[3] = {
        ((x + 0.5) / WIDTH * 2 - 1) * WIDTH / HEIGHT / FOCAL_LENGTH,
        (1 - (y + 0.5) / HEIGHT * 2) / FOCAL_LENGTH,
        -1,
    };
    const double eye[3] = {0, 0, DISTANCE}; /* from the cube's middle */
    double enter = 0, leave = INFINITY;
    int face = -1;

    for (unsigned axis = 0; axis < 3; axis++) {
        double from = component_along(model, axis, eye);
        double along = component_along(model, axis, direction);
        double sign = along < 0 ? 1 : -1; /* of the face where the ray comes in */
        double in = (sign - from) / along, out = (-sign - from) / along;

        if (in > enter) {
            enter = in;
            face = (int)axis * 2 + (sign < 0);
        }
        leave = fmin(leave, out);
    }
    return enter < leave ? face : -1;
}

static uint32_t model_color(const struct model *model, int face)
{
    static const double colors[6][3] = {
        {0.9, 0.2, 0.2}, {0.2, 0.9, 0.9}, {0.2, 0.9, 0.2},
        {0.9, 0.2, 0.9}, {0.2, 0.3, 0.9}, {0.9, 0.9, 0.2},
    };
    static const double light[3] = {0.36, 0.48, 0.8};
    uint32_t color = 0;

    if (face < 0) {
        return BACKGROUND;
    }
    double facing = component_along(model, (unsigned)face / 2, light) * (face % 2 ? -1 : 1);
    double brightness = 0.25 + 0.75 * fmax(0, facing);

    for (unsigned i = 0; i < 3; i++) {
        color = color << 8 | (uint32_t)lround(colors[face][i] * brightness * 255);
    }
    return color;
}

static bool is_like(uint32_t a, uint32_t b)
{
    for (unsigned shift = 0; shift < 24; shift += 8) {
        if (abs((int)(a >> shift & 0xFF) - (int)(b >> shift & 0xFF)) > TOLERANCE) {
            return false;
        }
    }
    return true;
}

/* ---- The picture ---- */

struct picture {
    uint32_t pixels[HEIGHT][WIDTH];
};

static uint32_t word_at(const uint8_t *bytes, unsigned index)
{
    uint32_t word;

    memcpy(&word, bytes + 4 * index, sizeof(word));
    return ntohl(word);
}

/* Cuts the window, which lies on black, out of the X server's file. False: it is not there yet. */
static bool take_picture(struct picture *picture)
{
    static uint8_t file[4 << 20];
    char *path = harness_temp_path("Xvfb_screen0");
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, file, sizeof(file));

    free(path);
    close(fd);
    if (size < 100) {
        return false;
    }
    uint32_t width = word_at(file, 4), height = word_at(file, 5), line = word_at(file, 12);
    size_t start = word_at(file, 0) + 12 * word_at(file, 19);

    assert_int_equal(word_at(file, 1), 7);         /* the format's version */
    assert_int_equal(word_at(file, 11), 32);       /* bits of a pixel */
    assert_int_equal(word_at(file, 14), 0xFF0000); /* where red is */
    assert_true(start + (size_t)line * height <= (size_t)size);
    for (uint32_t i = 0; i < width * height; i++) {
        uint32_t x = i % width, y = i / width, pixel;

        memcpy(&pixel, file + start + (size_t)y * line + 4 * x, sizeof(pixel));
        if ((pixel & 0xFFFFFF) != 0) {
            if (x + WIDTH > width || y + HEIGHT > height) {
                return false;
            }
            for (unsigned row = 0; row < HEIGHT; row++) {
                memcpy(picture->pixels[row], file + start + (size_t)(y + row) * line + 4 * x,
                       sizeof(picture->pixels[row]));
            }
            return true;
        }
    }
    return false;
}

/* How many pixels are not as the model at this angle has them; what lies beside an edge does not
 * count. *where tells about the first. */
static unsigned count_wrong(const struct picture *picture, double degrees, char **where)
{
    static int8_t faces[HEIGHT][WIDTH];
    const struct model model = model_at(degrees);
    unsigned wrong = 0;

    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            faces[y][x] = (int8_t)model_face(&model, x, y);
        }
    }
    for (int y = 1; y < HEIGHT - 1; y++) {
        for (int x = 1; x < WIDTH - 1; x++) {
            int face = faces[y][x];
            uint32_t got = picture->pixels[y][x] & 0xFFFFFF, want = model_color(&model, face);

            if (faces[y][x - 1] != face || faces[y][x + 1] != face || faces[y - 1][x] != face ||
                faces[y + 1][x] != face || (face < 0 ? got == want : is_like(got, want))) {
                continue;
            }
            if (wrong++ == 0 && where != NULL) {
                free(*where);
                *where =
                    harness_format("%d,%d is #%06x, not #%06x (face %d)", x, y, got, want, face);
            }
        }
    }
    return wrong;
}

/* ---- Guests ---- */

static struct process *start_cube(const char *device, const char *append)
{
    char *line = harness_format("console=pl011 run=cube %s", append);
    char *arguments = harness_format("-display sdl,gl=on %s", device);
    const struct guest_options options = {.append = line, .arguments = arguments};
    struct process *guest = guest_start(&options);

    free(line);
    free(arguments);
    return guest;
}

#define PCI_GPU "-device virtio-gpu-gl-pci,xres=640,yres=480"

/* Until the window shows the model at this angle. */
static void expect_picture(struct process *guest, double degrees)
{
    static struct picture picture;
    uint64_t deadline_ms = harness_now_ms() + PICTURE_TIMEOUT_MS;
    char *where = harness_format("there is no window");

    while (!take_picture(&picture) || count_wrong(&picture, degrees, &where) > 0) {
        if (process_has_ended(guest, NULL) || harness_now_ms() > deadline_ms) {
            fail_msg("at %g degrees: %s\n%s%s", degrees, where, process_output(guest),
                     process_errors(guest));
        }
        pause_ms(20);
    }
    free(where);
}

static void expect_center(struct process *guest, double degrees)
{
    const struct model model = model_at(degrees);
    const char *text = strstr(process_output(guest), "centre #");
    uint32_t want = model_color(&model, model_face(&model, WIDTH / 2, HEIGHT / 2));

    if (text == NULL || !is_like((uint32_t)strtoul(text + 8, NULL, 16), want)) {
        fail_msg("the guest does not read #%06x back:\n%s", want, process_output(guest));
    }
}

/* The host tells nobody but its log when it refuses a command. */
static void expect_no_complaints(struct process *guest)
{
    const char *errors = process_errors(guest);

    if (strstr(errors, "context error") != NULL || strstr(errors, "failed to dispatch") != NULL ||
        strstr(errors, "unknown format") != NULL) {
        fail_msg("the host has refused something:\n%s", errors);
    }
}

static void expect_cube(const char *device, const char *append, double degrees)
{
    need_gl();
    struct process *guest = start_cube(device, append);

    process_wait_text(guest, "The picture stays");
    expect_picture(guest, degrees);
    expect_center(guest, degrees);
    expect_no_complaints(guest);
    process_end(guest);
}

/* ---- Tests ---- */

static void shaded_faces_front_and_left(void **state)
{
    (void)state;
    expect_cube(PCI_GPU, "frames=1 angle=30 " HOLD, 30);
}

/* The faces that are drawn first are in front here, and the last ones there. */
static void faces_drawn_first_in_front(void **state)
{
    (void)state;
    expect_cube(PCI_GPU, "frames=1 angle=290 " HOLD, 290);
}

static void faces_drawn_last_in_front(void **state)
{
    (void)state;
    expect_cube(PCI_GPU, "frames=1 angle=160 " HOLD, 160);
}

static void rotation(void **state)
{
    (void)state;
    expect_cube(PCI_GPU, "frames=46 angle=30 step=5 " HOLD, 255);
}

static void on_mmio_with_packed_rings(void **state)
{
    (void)state;
    expect_cube("-global virtio-mmio.force-legacy=false "
                "-device virtio-gpu-gl-device,xres=640,yres=480,packed=on",
                "frames=2 angle=10 " HOLD, 11);
}

static void in_a_small_window(void **state)
{
    (void)state;
    need_gl();
    struct process *guest =
        start_cube("-device virtio-gpu-gl-pci,xres=300,yres=8", "frames=1 angle=30 depth_test=1");

    if (process_wait(guest) != 0) {
        fail_msg("%s%s", process_output(guest), process_errors(guest));
    }
    process_end(guest);
}

/* That the tests above would see it: the face that is drawn last is in front, but it is the one at
 * the back. */
static void without_depth_test(void **state)
{
    static struct picture picture;
    const struct model model = model_at(290);
    const uint32_t last = model_color(&model, 5);
    uint64_t deadline_ms = harness_now_ms() + PICTURE_TIMEOUT_MS;
    unsigned count = 0;

    (void)state;
    need_gl();
    struct process *guest = start_cube(PCI_GPU, "frames=1 angle=290 depth_test=0 " HOLD);

    while (count < 5000) {
        assert_true(harness_now_ms() < deadline_ms);
        pause_ms(20);
        count = 0;
        if (take_picture(&picture)) {
            for (unsigned i = 0; i < WIDTH * HEIGHT; i++) {
                count += is_like(picture.pixels[i / WIDTH][i % WIDTH], last);
            }
        }
    }
    assert_true(count_wrong(&picture, 290, NULL) > 4000);
    process_end(guest);
}

static void ends_well(void **state)
{
    (void)state;
    need_gl();
    struct process *guest = start_cube(PCI_GPU, "frames=30");
    int status = process_wait(guest);

    if (status != 0) {
        fail_msg("status %d:\n%s%s", status, process_output(guest), process_errors(guest));
    }
    expect_no_complaints(guest);
    guest_expect_text(process_output(guest), "30 frames of 640 x 480 in ");
    guest_expect_text(process_output(guest), " frames per second");
    process_end(guest);
}

static void no_3d(void **state)
{
    const struct guest_options options = {.append = "run=cube",
                                          .arguments = "-device virtio-gpu-pci"};

    (void)state;
    char *output = guest_expect(&options, 1);

    guest_expect_text(output, "draws in 2D only.");
    guest_expect_text(output, "qemu-system-aarch64 -M virt ");
    guest_expect_text(output, "-device virtio-gpu-gl-pci");
    free(output);
}

static void no_gpu(void **state)
{
    const struct guest_options options = {.append = "run=cube"};

    (void)state;
    char *output = guest_expect(&options, 1);

    guest_expect_text(output, "There is no virtio GPU.");
    free(output);
}

/* ---- What is here ---- */

/* Whether it prints `text` when asked so. */
static bool program_says(const char *program, const char *option, const char *value,
                         const char *text)
{
    const char *const words[] = {program, option, value, NULL};
    struct process *process = process_start(words, NULL);
    bool is_there = process_wait(process) == 0 && (strstr(process_output(process), text) != NULL ||
                                                   strstr(process_errors(process), text) != NULL);

    process_end(process);
    return is_there;
}

static bool is_in_path(const char *program)
{
    const char *const words[] = {"sh", "-c", "command -v \"$0\"", program, NULL};
    struct process *process = process_start(words, NULL);
    bool is_there = process_wait(process) == 0;

    process_end(process);
    return is_there;
}

static bool has_gl(const char *qemu)
{
    return program_says(qemu, "-device", "help", "\"virtio-gpu-gl-pci\"") &&
           program_says(qemu, "-display", "help", "sdl");
}

/* Ours when it is built with OpenGL, else the distribution's. */
static bool choose_qemu(void)
{
    char *ours = qemu_path("aarch64");
    bool is_found = ours != NULL && has_gl(ours);

    if (!is_found && getenv("BAREGPU_QEMU") == NULL && is_in_path("qemu-system-aarch64") &&
        has_gl("qemu-system-aarch64")) {
        is_found = true;
        setenv("BAREGPU_QEMU", "qemu-system-aarch64", 1);
        printf("# with the distribution's QEMU: ours is built without OpenGL\n");
    }
    free(ours);
    return is_found;
}

static void start_x_server(void)
{
    const char *const words[] = {"Xvfb",      "-displayfd", "1",        "-screen",
                                 "0",         "800x600x24", "-fbdir",   harness_temp_dir(),
                                 "-nolisten", "tcp",        "-noreset", NULL};
    const struct process_options options = {.deadline_ms = 600000};

    x_server = process_start(words, &options);
    /* A line with its number. (It complains elsewhere about numbers that are taken.) */
    for (uint64_t end_ms = harness_now_ms() + HARNESS_TIMEOUT_MS;
         strchr(process_output(x_server), '\n') == NULL; pause_ms(10)) {
        if (process_has_ended(x_server, NULL) || harness_now_ms() > end_ms) {
            why_not = "Xvfb does not start";
            return;
        }
    }
    char *display = harness_format(":%d", atoi(process_output(x_server)));

    setenv("DISPLAY", display, 1);
    setenv("SDL_VIDEODRIVER", "x11", 1);
    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1); /* the same picture everywhere */
    free(display);
}

/* A frame, to see whether QEMU gets OpenGL from this machine at all. */
static bool try_gl(void)
{
    struct process *guest = start_cube(PCI_GPU, "frames=1");

    process_wait(guest);
    bool is_there = strstr(process_output(guest), "GPU at") != NULL;

    if (!is_there) {
        printf("# %s\n", process_errors(guest));
    }
    process_end(guest);
    return is_there;
}

static void look_around(void)
{
    if (!is_in_path("Xvfb")) {
        why_not = "there is no Xvfb";
    } else if (!choose_qemu()) {
        why_not = "there is no QEMU with virtio-gpu-gl-pci and -display sdl";
    } else {
        start_x_server();
        if (why_not == NULL && !try_gl()) {
            why_not = "QEMU finds no OpenGL here";
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shaded_faces_front_and_left),
        cmocka_unit_test(faces_drawn_first_in_front),
        cmocka_unit_test(faces_drawn_last_in_front),
        cmocka_unit_test(rotation),
        cmocka_unit_test(on_mmio_with_packed_rings),
        cmocka_unit_test(in_a_small_window),
        cmocka_unit_test(without_depth_test),
        cmocka_unit_test(ends_well),
        cmocka_unit_test(no_3d),
        cmocka_unit_test(no_gpu),
    };

    look_around();
    guest_tap_setup();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    process_end(x_server);
    return failed;
}
