/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/system/guest_tap.c tests/system/rfb.c firmware/virtio/gpu/format.c
// build: firmware/apps/draw/draw.c firmware/apps/draw/font.c firmware/apps/draw/picture.c
// build: firmware/apps/draw/text_console.c $(BUILD)/firmware/font/console_font.c
// build: tests/guest/lib/screen_content.c
/*
 * What QEMU's virtio GPUs show, pixel by pixel: the guest's test-screen says what there has to be
 * (its words are explained there), this draws the same and compares it with a screendump. Windows
 * are resized, and cursors seen, through VNC; where a cursor is, QEMU's trace tells.
 *
 * Not here, because this QEMU cannot offer it without udmabuf: blobs. tests/unit/gpu_*_test.c have
 * them, against a fake device.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "firmware/apps/draw/picture.h"
#include "firmware/apps/draw/text_console.h"
#include "tests/guest/lib/screen_content.h"
#include "guest_tap.h"
#include "rfb.h"

#define MODERN_MMIO "-global virtio-mmio.force-legacy=false "
#define TRACE "virtio_gpu_update_cursor scanout"

/* The guest, and what looks at it. */
struct session {
    struct qemu qemu;
    struct rfb *vnc; /* NULL: there is none */
    bool has_trace;
    size_t output_read;
    unsigned checks; /* pictures that were compared */
    unsigned cursors_seen;
    unsigned width, height; /* of run=screen's pictures */
};

/* ---- Pictures ---- */

struct image {
    uint32_t width, height;
    uint32_t *pixels; /* 0xRRGGBB */
};

static struct image new_image(uint32_t width, uint32_t height)
{
    return (struct image){width, height, calloc((size_t)width * height, sizeof(uint32_t))};
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

/*
 * A binary PPM, as QEMU writes it: with the padding of its buffer, to four bytes, at the end of
 * each row (ppm_save of ui/ui-qmp-cmds.c), which the format does not know.
 */
static struct image read_ppm(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct image image;
    unsigned width, height;
    size_t row_size;
    uint8_t *row;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "P6 %u %u 255", &width, &height), 2);
    fgetc(file);
    long start = ftell(file);

    fseek(file, 0, SEEK_END);
    row_size = (size_t)(ftell(file) - start) / height;
    assert_true(row_size >= 3 * width && row_size < 3 * width + 4);
    fseek(file, start, SEEK_SET);
    image = new_image(width, height);
    row = malloc(row_size);
    for (uint32_t y = 0; y < height; y++) {
        assert_int_equal(fread(row, 1, row_size, file), row_size);
        for (uint32_t x = 0; x < width; x++) {
            image.pixels[(size_t)y * width + x] =
                (uint32_t)row[3 * x] << 16 | (uint32_t)row[3 * x + 1] << 8 | row[3 * x + 2];
        }
    }
    free(row);
    fclose(file);
    return image;
}

static struct image screendump(struct session *session, unsigned scanout)
{
    char *path = harness_temp_path("screen.ppm");
    struct image image;

    json_decref(qmp_command(&session->qemu, "screendump", "{s:s, s:s, s:i}", "filename", path,
                            "device", "gpu0", "head", (int)scanout));
    image = read_ppm(path);
    unlink(path);
    free(path);
    return image;
}

/* Compares a screen with what it has to be; frees `expected`. */
static bool compare(struct session *session, unsigned scanout, struct image *expected)
{
    struct image shown = screendump(session, scanout);
    size_t wrong = 0, count = (size_t)expected->width * expected->height, first = 0;
    bool is_good = shown.width == expected->width && shown.height == expected->height;

    if (!is_good) {
        printf("# the screen is %u x %u, not %u x %u\n", shown.width, shown.height, expected->width,
               expected->height);
    }
    for (size_t i = 0; is_good && i < count; i++) {
        if (shown.pixels[i] != (expected->pixels[i] & 0xFFFFFF) && wrong++ == 0) {
            first = i;
        }
    }
    if (wrong > 0) {
        printf("# %zu of %zu pixels are wrong, the first at %zu, %zu: %06x, not %06x\n", wrong,
               count, first % expected->width, first / expected->width, shown.pixels[first],
               expected->pixels[first] & 0xFFFFFF);
    }
    free(shown.pixels);
    free(expected->pixels);
    session->checks++;
    return is_good && wrong == 0;
}

/* "SCANOUT STEP WIDTH HEIGHT FROM_X FROM_Y [X Y W H STEP2] [as PATTERN_SCANOUT]" */
static bool check_pattern(struct session *session, const char *words)
{
    unsigned scanout, step, width, height, from_x, from_y, x = 0, y = 0, w = 0, h = 0, step2 = 0;
    const char *as = strstr(words, " as ");
    int count = sscanf(words, "%u %u %u %u %u %u %u %u %u %u %u", &scanout, &step, &width, &height,
                       &from_x, &from_y, &x, &y, &w, &h, &step2);
    unsigned pattern;
    struct image expected;

    if (count != 6 && count != 11) {
        return false;
    }
    pattern = as != NULL ? (unsigned)atoi(as + 4) : scanout;
    expected = new_image(width, height);
    for (uint32_t row = 0; row < height; row++) {
        for (uint32_t column = 0; column < width; column++) {
            bool is_in = column - x < w && row - y < h;

            expected.pixels[(size_t)row * width + column] =
                picture_pattern(column + from_x, row + from_y, pattern, is_in ? step2 : step);
        }
    }
    return compare(session, scanout, &expected);
}

static bool check_picture(struct session *session, unsigned width, unsigned height)
{
    struct image expected = new_image(width, height);
    const struct canvas canvas = canvas_of(&expected);

    picture_draw(&canvas);
    return compare(session, 0, &expected);
}

static bool check_frame(struct session *session, unsigned width, unsigned height, unsigned number)
{
    struct image expected = new_image(width, height);
    const struct canvas canvas = canvas_of(&expected);
    struct bg_virtio_gpu_rect changed;

    for (unsigned frame = 0; frame <= number; frame++) {
        picture_draw_frame(&canvas, frame, &changed);
    }
    return compare(session, 0, &expected);
}

static bool check_console(struct session *session, unsigned width, unsigned height)
{
    struct image expected = new_image(width, height);
    const struct canvas canvas = canvas_of(&expected);
    struct text_console console;
    char *text = calloc(PICTURE_CONSOLE_LINES, PICTURE_CONSOLE_LINE_SIZE), *end = text;

    text_console_init(&console, &canvas, &font_normal);
    for (unsigned i = 0; i < PICTURE_CONSOLE_LINES; i++) {
        picture_console_line(i, end);
        end += strlen(end);
    }
    text_console_write(&console, text, (size_t)(end - text));
    free(text);
    return compare(session, 0, &expected);
}

/* ---- Cursor ---- */

/* The last line that QEMU's trace has about it: "virtio_gpu_update_cursor scanout 0, x 1, y 2,
 * move, res 0x5". */
static bool check_trace(struct session *session, unsigned x, unsigned y, bool is_visible)
{
    const char *line = NULL, *next = process_errors(session->qemu.process);
    unsigned scanout, at_x, at_y, resource;
    char what[16];

    while ((next = strstr(next, TRACE)) != NULL) {
        line = next++;
    }
    if (line == NULL || sscanf(line, TRACE " %u, x %u, y %u, %15[a-z], res 0x%x", &scanout, &at_x,
                               &at_y, what, &resource) != 5) {
        printf("# no trace of the cursor\n");
        return false;
    }
    if ((resource != 0) != is_visible || (is_visible && (at_x != x || at_y != y))) {
        printf("# the cursor: %.60s\n", line);
        return false;
    }
    return true;
}

static bool check_cursor(struct session *session, unsigned x, unsigned y)
{
    static uint32_t expected[BG_VIRTIO_GPU_CURSOR_SIZE * BG_VIRTIO_GPU_CURSOR_SIZE];

    if (session->vnc != NULL && session->cursors_seen == 0) {
        rfb_wait_cursor(session->vnc, 0);
        session->cursors_seen = session->vnc->cursors;
        picture_draw_pointer(expected);
        if (session->vnc->cursor_width != BG_VIRTIO_GPU_CURSOR_SIZE ||
            session->vnc->cursor_height != BG_VIRTIO_GPU_CURSOR_SIZE ||
            session->vnc->hot_x != PICTURE_POINTER_HOT ||
            session->vnc->hot_y != PICTURE_POINTER_HOT ||
            memcmp(session->vnc->cursor, expected, sizeof(expected)) != 0) {
            printf("# another cursor: %u x %u, hot spot %u, %u\n", session->vnc->cursor_width,
                   session->vnc->cursor_height, session->vnc->hot_x, session->vnc->hot_y);
            return false;
        }
    }
    session->checks++;
    return !session->has_trace || check_trace(session, x, y, true);
}

/* ---- The guest's questions ---- */

static const char *resize(struct session *session, unsigned width, unsigned height)
{
    if (session->vnc == NULL) {
        return "skip";
    }
    rfb_poll(session->vnc, 10);
    if (!session->vnc->can_resize) {
        return "skip";
    }
    rfb_resize(session->vnc, (uint16_t)width, (uint16_t)height);
    return "done";
}

static const char *verdict(bool is_good)
{
    return is_good ? "ok" : "bad";
}

static const char *answer(struct session *session, const char *line)
{
    unsigned a = 0, b = 0, c = 0;
    char what[16] = "";

    sscanf(line, "@%15s", what);
    if (strcmp(what, "pattern") == 0) {
        return verdict(check_pattern(session, line + strlen("@pattern ")));
    }
    sscanf(line, "@%*s %u %u %u", &a, &b, &c);
    if (strcmp(what, "picture") == 0) {
        return verdict(check_picture(session, a, b));
    }
    if (strcmp(what, "frame") == 0) {
        return verdict(check_frame(session, a, b, c));
    }
    if (strcmp(what, "console") == 0) {
        return verdict(check_console(session, a, b));
    }
    if (strcmp(what, "cursor") == 0) {
        return verdict(check_cursor(session, a, b));
    }
    if (strcmp(what, "nocursor") == 0) {
        return verdict(!session->has_trace || check_trace(session, 0, 0, false));
    }
    if (strcmp(what, "resize") == 0) {
        return resize(session, a, b);
    }
    if (strcmp(line, "@shot picture") == 0) { /* run=screen */
        return verdict(check_picture(session, session->width, session->height));
    }
    if (strcmp(line, "@shot animation") == 0) {
        return verdict(check_frame(session, session->width, session->height, 239));
    }
    if (strcmp(line, "@shot console") == 0) {
        return "ok";
    }
    return "bad";
}

/* The next line that begins with '@', to be freed; NULL when the guest has ended, or says nothing
 * for as long as it may take in all. */
static char *next_question(struct session *session)
{
    uint64_t deadline_ms = harness_now_ms() + HARNESS_PROCESS_TIMEOUT_MS;

    while (harness_now_ms() < deadline_ms) {
        bool has_ended = process_has_ended(session->qemu.process, NULL);
        const char *output = process_output(session->qemu.process) + session->output_read;
        const char *end = strchr(output, '\n');

        while (end != NULL) {
            size_t length = (size_t)(end - output);

            session->output_read += length + 1;
            if (output[0] == '@') {
                length -= length > 0 && output[length - 1] == '\r';
                return harness_format("%.*s", (int)length, output);
            }
            output = end + 1;
            end = strchr(output, '\n');
        }
        if (has_ended) {
            return NULL;
        }
        harness_wait_readable(session->qemu.qmp, 2);
    }
    return NULL;
}

/* ---- Running ---- */

/* QMP begins with a greeting, a line. */
static void start_qmp(struct session *session, int listener)
{
    char c = 0;

    session->qemu.qmp = unix_accept(listener, HARNESS_TIMEOUT_MS);
    if (session->qemu.qmp < 0) {
        harness_fail("QEMU does not connect: %s", process_errors(session->qemu.process));
    }
    while (c != '\n' && socket_read(session->qemu.qmp, &c, 1, HARNESS_TIMEOUT_MS) == 1) {
    }
    session->qemu.events = json_array();
    json_decref(qmp_command(&session->qemu, "qmp_capabilities", NULL));
}

static void start_session(struct session *session, const char *append, const char *arguments,
                          bool has_window)
{
    char *qmp_path = harness_temp_path("qmp"), *vnc_path = harness_temp_path("vnc");
    int listener = unix_listen(qmp_path, 1);
    char *window = has_window
                       ? harness_format("-vnc unix:%s -trace virtio_gpu_update_cursor", vnc_path)
                       : harness_format("%s", "");
    char *all = harness_format("%s %s -chardev socket,id=qmp0,path=%s "
                               "-mon chardev=qmp0,mode=control",
                               arguments, window, qmp_path);
    char *line = harness_format("%s shots=1 console=semihosting", append);
    const struct guest_options options = {.append = line, .arguments = all};

    session->qemu.process = guest_start(&options);
    session->qemu.qtest = -1;
    session->has_trace = has_window;
    start_qmp(session, listener);
    if (has_window) {
        session->vnc = rfb_connect(vnc_path);
    }
    close(listener);
    unlink(qmp_path);
    free(line);
    free(all);
    free(window);
    free(vnc_path);
    free(qmp_path);
}

static void answer_all(struct session *session)
{
    char *line;

    while ((line = next_question(session)) != NULL) {
        char *reply = harness_format("%s\n", answer(session, line));

        if (session->vnc != NULL) {
            rfb_poll(session->vnc, 0);
        }
        if (strcmp(reply, "bad\n") == 0) {
            printf("# answered \"%s\" with bad\n", line);
        }
        process_write(session->qemu.process, reply);
        free(reply);
        free(line);
    }
}

/* Runs a guest to its end, which has to be good, with at least `checks` looks at its screens. */
static void run_session(struct session session, const char *append, const char *arguments,
                        bool has_window, unsigned checks)
{
    int status;

    start_session(&session, append, arguments, has_window);
    answer_all(&session);
    status = process_wait(session.qemu.process);
    if (status != 0 || strstr(process_output(session.qemu.process), "not ok") != NULL) {
        process_show(session.qemu.process);
    }
    assert_int_equal(status, 0);
    assert_null(strstr(process_output(session.qemu.process), "\nnot ok"));
    assert_true(session.checks >= checks);
    rfb_end(session.vnc);
    close(session.qemu.qmp);
    json_decref(session.qemu.events);
    free(session.qemu.qmp_input);
    process_end(session.qemu.process);
}

static void run_guest(const char *append, const char *arguments, bool has_window, unsigned checks)
{
    run_session((struct session){0}, append, arguments, has_window, checks);
}

static void run(const char *options, const char *arguments)
{
    char *append = harness_format("run=test-screen %s", options);

    run_guest(append, arguments, false, 26);
    free(append);
}

static void pci_with_window(void **state)
{
    (void)state;
    run_guest("run=test-screen packed=0", "-device virtio-gpu-pci,id=gpu0", true, 26);
}

static void sizes_and_outputs(void **state)
{
    (void)state;
    run("scanouts=4", "-device virtio-gpu-pci,id=gpu0,max_outputs=4,xres=1024,yres=768");
    run("scanouts=16", "-device virtio-gpu-pci,id=gpu0,max_outputs=16,xres=1920,yres=1080");
}

static void packed(void **state)
{
    (void)state;
    run("packed=1 event_idx=1 indirect=1", "-device virtio-gpu-pci,id=gpu0,packed=on");
    run("packed=1 event_idx=0 indirect=0",
        "-device virtio-gpu-pci,id=gpu0,packed=on,event_idx=off,indirect_desc=off");
}

static void split(void **state)
{
    (void)state;
    run("packed=0 event_idx=0 indirect=0",
        "-device virtio-gpu-pci,id=gpu0,event_idx=off,indirect_desc=off,edid=off");
}

static void behind_an_smmu(void **state)
{
    (void)state;
    run("smmu=1", "-machine iommu=smmuv3 -device virtio-gpu-pci,id=gpu0,iommu_platform=on");
}

static void mmio(void **state)
{
    (void)state;
    run("packed=0", MODERN_MMIO "-device virtio-gpu-device,id=gpu0");
    run("packed=0", "-device virtio-gpu-device,id=gpu0"); /* version 1, which is QEMU's default */
    run("packed=1 scanouts=2",
        MODERN_MMIO "-device virtio-gpu-device,id=gpu0,packed=on,max_outputs=2");
}

static void behind_bridge(void **state)
{
    (void)state;
    run("", "-device pcie-root-port,id=rp,chassis=1 -device virtio-gpu-pci,id=gpu0,bus=rp");
}

static void screen_app(void **state)
{
    (void)state;
    run_session((struct session){.width = 1280, .height = 800}, "run=screen",
                "-device virtio-gpu-pci,id=gpu0", false, 2);
    /* QEMU shows nothing below 16 x 16, and the ball wants 64. */
    run_session((struct session){.width = 640, .height = 64}, "run=screen",
                "-device virtio-gpu-pci,id=gpu0,xres=640,yres=8", false, 2);
    run_session((struct session){.width = 64, .height = 64}, "run=screen",
                "-device virtio-gpu-pci,id=gpu0,xres=1,yres=1", false, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pci_with_window), cmocka_unit_test(sizes_and_outputs),
        cmocka_unit_test(packed),          cmocka_unit_test(split),
        cmocka_unit_test(behind_an_smmu),  cmocka_unit_test(mmio),
        cmocka_unit_test(behind_bridge),   cmocka_unit_test(screen_app),
    };

    guest_tap_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
