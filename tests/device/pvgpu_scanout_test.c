/* SPDX-License-Identifier: BSD-2-Clause */
// build: tests/device/pvgpu_fixture.c
/* pvgpu: what a backend presents, compared pixel by pixel with a screendump; pictures given back;
 * backends that lie about them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pvgpu_fixture.h"

static int start(void **state)
{
    *state = pvgpu_start(true, "");
    pvgpu_connect(*state);
    return 0;
}

static int end(void **state)
{
    pvgpu_end(*state);
    return 0;
}

/* ---- The backend's pictures ---- */

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct pictures {
    struct bg_pvgpu_scanout_buffer buffer;
    int fd;
    uint8_t *data;
};

static struct pictures new_pictures(uint32_t number, uint32_t slots, uint64_t slot_size)
{
    struct pictures pictures = {
        .buffer = {.buffer = number,
                   .slots = slots,
                   .slot_size = slot_size,
                   .size = slots * slot_size},
        .fd = memfd_create("pictures", MFD_CLOEXEC | MFD_ALLOW_SEALING),
    };

    assert_true(pictures.fd >= 0);
    assert_int_equal(ftruncate(pictures.fd, (off_t)pictures.buffer.size), 0);
    assert_int_equal(fcntl(pictures.fd, F_ADD_SEALS, SEALS), 0);
    pictures.data =
        mmap(NULL, pictures.buffer.size, PROT_READ | PROT_WRITE, MAP_SHARED, pictures.fd, 0);
    assert_true(pictures.data != MAP_FAILED);
    return pictures;
}

static void free_pictures(struct pictures *pictures)
{
    munmap(pictures->data, pictures->buffer.size);
    close(pictures->fd);
}

static void send_buffer(struct bg_pvgpu *pvgpu, const struct pictures *pictures)
{
    pvgpu_send_fd(pvgpu, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &pictures->buffer,
                  sizeof(pictures->buffer), pictures->fd);
}

/* The whole of slot @slot, without gaps. */
static struct bg_pvgpu_scanout whole(const struct pictures *pictures, uint32_t slot, uint32_t width,
                                     uint32_t height)
{
    return (struct bg_pvgpu_scanout){
        .buffer = pictures->buffer.buffer,
        .slot = slot,
        .width = width,
        .height = height,
        .stride = width * 4,
        .format = BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
        .damage_width = width,
        .damage_height = height,
    };
}

static uint32_t colour(uint32_t seed, uint32_t x, uint32_t y)
{
    uint32_t value = (x * 2654435761u) ^ (y * 40503u) ^ (seed * 97u);

    return (value ^ value >> 13) & 0xFFFFFF;
}

/* Red, green, blue in the bits of a number, as bytes of the format. */
static void draw(const struct pictures *pictures, const struct bg_pvgpu_scanout *scanout,
                 uint32_t seed)
{
    uint8_t *picture = pictures->data + scanout->slot * pictures->buffer.slot_size;
    bool red_first = scanout->format == BG_PVGPU_FORMAT_R8G8B8A8_UNORM;

    for (uint32_t y = 0; y < scanout->height; y++) {
        for (uint32_t x = 0; x < scanout->width; x++) {
            uint8_t *pixel = picture + (size_t)y * scanout->stride + 4 * x;
            uint32_t value = colour(seed, x, y);

            pixel[red_first ? 0 : 2] = (uint8_t)(value >> 16);
            pixel[1] = (uint8_t)(value >> 8);
            pixel[red_first ? 2 : 0] = (uint8_t)value;
            pixel[3] = (uint8_t)(x + y); /* alpha, not looked at */
        }
    }
}

static void show(struct bg_pvgpu *pvgpu, const struct bg_pvgpu_scanout *scanout)
{
    int64_t before = pvgpu_statistic(pvgpu, "stat-scanouts");

    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT, scanout, sizeof(*scanout));
    pvgpu_wait_statistic(pvgpu, "stat-scanouts", before + 1);
}

static void expect_done(struct bg_pvgpu *pvgpu, uint32_t buffer, uint32_t slot)
{
    struct bg_pvgpu_scanout_done done;

    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_SCANOUT_DONE, &done, sizeof(done));
    assert_int_equal(done.buffer, buffer);
    assert_int_equal(done.slot, slot);
}

/* ---- The screen ---- */

/* QEMU pads each row to four bytes, which the format does not know. */
static uint8_t *screendump(struct bg_pvgpu *pvgpu, unsigned *width, unsigned *height, size_t *row)
{
    char *path = harness_temp_path("screen.ppm");
    FILE *file;
    long begin;
    uint8_t *pixels;
    size_t size;

    json_decref(
        qmp_command(pvgpu->qemu, "screendump", "{s:s, s:s}", "filename", path, "device", "gpu"));
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "P6 %u %u 255", width, height), 2);
    fgetc(file);
    begin = ftell(file);
    fseek(file, 0, SEEK_END);
    size = (size_t)(ftell(file) - begin);
    *row = size / *height;
    assert_in_range(*row, 3 * *width, 3 * *width + 3);
    fseek(file, begin, SEEK_SET);
    pixels = malloc(size);
    assert_int_equal(fread(pixels, 1, size, file), size);
    fclose(file);
    unlink(path);
    free(path);
    return pixels;
}

static void expect_screen(struct bg_pvgpu *pvgpu, uint32_t width, uint32_t height, uint32_t seed)
{
    unsigned shown_width, shown_height;
    size_t row;
    uint8_t *pixels = screendump(pvgpu, &shown_width, &shown_height, &row);

    assert_int_equal(shown_width, width);
    assert_int_equal(shown_height, height);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            const uint8_t *pixel = pixels + y * row + 3 * x;
            uint32_t value = (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 | pixel[2];

            if (value != colour(seed, x, y)) {
                fail_msg("pixel %u, %u is %06x, not %06x", x, y, value, colour(seed, x, y));
            }
        }
    }
    free(pixels);
}

/* A screen that QEMU draws by itself: nothing of ours. */
static void expect_placeholder(struct bg_pvgpu *pvgpu, uint32_t seed)
{
    unsigned width, height, equal = 0;
    size_t row;
    uint8_t *pixels = screendump(pvgpu, &width, &height, &row);

    for (uint32_t x = 0; x < width && x < 64; x++) {
        const uint8_t *pixel = pixels + (height - 1) * row + 3 * x;
        uint32_t value = (uint32_t)pixel[0] << 16 | (uint32_t)pixel[1] << 8 | pixel[2];

        equal += value == colour(seed, x, height - 1);
    }
    assert_true(equal < 8);
    free(pixels);
}

/* ---- Tests ---- */

static void test_picture(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, 2, 0x200000);
    struct bg_pvgpu_scanout scanout = whole(&pictures, 0, 640, 480);

    send_buffer(pvgpu, &pictures);
    draw(&pictures, &scanout, 1);
    show(pvgpu, &scanout);
    expect_screen(pvgpu, 640, 480, 1);
    pvgpu_expect_nothing(pvgpu); /* the picture that is shown is kept */
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-protocol-errors"), 0);
    free_pictures(&pictures);
}

static void test_formats(void **state)
{
    static const uint32_t formats[] = {BG_PVGPU_FORMAT_B8G8R8A8_UNORM,
                                       BG_PVGPU_FORMAT_B8G8R8X8_UNORM,
                                       BG_PVGPU_FORMAT_R8G8B8A8_UNORM};
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, 2, 0x100000);

    send_buffer(pvgpu, &pictures);
    for (uint32_t i = 0; i < 3; i++) {
        struct bg_pvgpu_scanout scanout = whole(&pictures, i % 2, 333, 77);

        scanout.format = formats[i];
        draw(&pictures, &scanout, 10 + i);
        show(pvgpu, &scanout);
        expect_screen(pvgpu, 333, 77, 10 + i);
    }
    free_pictures(&pictures);
}

/* Rows farther apart than they are long; odd sizes; the last byte of the slot is used. */
static void test_strides_and_sizes(void **state)
{
    static const struct {
        uint32_t width, height, stride;
    } cases[] = {{1, 1, 4},       {7, 5, 32},      {1000, 3, 4004},
                 {64, 1024, 256}, {16, 16, 16384}, {1, 65536 / 4, 4}};
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, 2, 0x40000);

    send_buffer(pvgpu, &pictures);
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bg_pvgpu_scanout scanout = whole(&pictures, i % 2, cases[i].width, cases[i].height);

        scanout.stride = cases[i].stride;
        memset(pictures.data + (i % 2) * 0x40000, 0xEE, 0x40000);
        draw(&pictures, &scanout, 20 + i);
        show(pvgpu, &scanout);
        expect_screen(pvgpu, cases[i].width, cases[i].height, 20 + i);
    }
    free_pictures(&pictures);
}

/* Each picture comes back as soon as the next is shown. */
static void test_all_slots(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, BG_PVGPU_SCANOUT_SLOTS_MAX, 0x100000);

    send_buffer(pvgpu, &pictures);
    for (uint32_t i = 0; i < 20; i++) {
        struct bg_pvgpu_scanout scanout =
            whole(&pictures, i % BG_PVGPU_SCANOUT_SLOTS_MAX, 320, 240);

        draw(&pictures, &scanout, i);
        show(pvgpu, &scanout);
        if (i) {
            expect_done(pvgpu, 1, (i - 1) % BG_PVGPU_SCANOUT_SLOTS_MAX);
        }
        pvgpu_expect_nothing(pvgpu);
        expect_screen(pvgpu, 320, 240, i);
    }
    free_pictures(&pictures);
}

/* The picture that is shown, again, with other damage: nothing to give back. */
static void test_same_picture_again(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, 2, 0x100000);
    struct bg_pvgpu_scanout scanout = whole(&pictures, 1, 320, 240);

    send_buffer(pvgpu, &pictures);
    for (uint32_t i = 0; i < 3; i++) {
        draw(&pictures, &scanout, i);
        show(pvgpu, &scanout);
        scanout.damage_x = 320;
        scanout.damage_width = 0;
        show(pvgpu, &scanout);
        scanout = whole(&pictures, 1, 320, 240);
        expect_screen(pvgpu, 320, 240, i);
    }
    scanout.width = scanout.damage_width = 100; /* the same slot with another shape */
    draw(&pictures, &scanout, 5);
    show(pvgpu, &scanout);
    expect_screen(pvgpu, 100, 240, 5);
    pvgpu_expect_nothing(pvgpu);
    free_pictures(&pictures);
}

/* The window's size changes with a new buffer; the old one's pictures need not come back. */
static void test_resize(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures first = new_pictures(1, 2, 0x100000), second = new_pictures(2, 3, 0x800000);
    struct bg_pvgpu_scanout scanout = whole(&first, 0, 320, 240);

    send_buffer(pvgpu, &first);
    draw(&first, &scanout, 1);
    show(pvgpu, &scanout);
    send_buffer(pvgpu, &second);
    free_pictures(&first);
    expect_screen(pvgpu, 320, 240, 1); /* until there is another */
    scanout = whole(&second, 2, 1920, 1080);
    draw(&second, &scanout, 2);
    show(pvgpu, &scanout);
    expect_screen(pvgpu, 1920, 1080, 2);
    pvgpu_expect_nothing(pvgpu);
    scanout = whole(&second, 0, 1920, 1080);
    show(pvgpu, &scanout);
    expect_done(pvgpu, 2, 2);
    free_pictures(&second);
}

static void test_hide(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, 2, 0x100000);
    struct bg_pvgpu_scanout scanout = whole(&pictures, 1, 320, 240), nothing = {0};

    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT, &nothing, sizeof(nothing)); /* before any */
    send_buffer(pvgpu, &pictures);
    draw(&pictures, &scanout, 4);
    show(pvgpu, &scanout);
    expect_screen(pvgpu, 320, 240, 4);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT, &nothing, sizeof(nothing));
    expect_done(pvgpu, 1, 1);
    expect_placeholder(pvgpu, 4);
    show(pvgpu, &scanout);
    expect_screen(pvgpu, 320, 240, 4);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-protocol-errors"), 0);
    free_pictures(&pictures);
}

/* A session that ends leaves its last picture; the next one begins to count anew. */
static void test_session_ends(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(7, 2, 0x100000);
    struct bg_pvgpu_scanout scanout = whole(&pictures, 0, 320, 240);

    send_buffer(pvgpu, &pictures);
    draw(&pictures, &scanout, 1);
    show(pvgpu, &scanout);
    pvgpu_hang_up(pvgpu);
    pvgpu_wait_statistic(pvgpu, "connected", 0);
    expect_screen(pvgpu, 320, 240, 1);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu);
    expect_screen(pvgpu, 320, 240, 1);
    pictures.buffer.buffer = 1;
    send_buffer(pvgpu, &pictures);
    scanout = whole(&pictures, 0, 320, 240);
    draw(&pictures, &scanout, 2);
    show(pvgpu, &scanout);
    pvgpu_expect_nothing(pvgpu); /* slot 0 of the other session is not this one's */
    expect_screen(pvgpu, 320, 240, 2);
    free_pictures(&pictures);
}

static void test_system_reset(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, 2, 0x100000);
    struct bg_pvgpu_scanout scanout = whole(&pictures, 1, 320, 240);
    uint32_t count;

    send_buffer(pvgpu, &pictures);
    draw(&pictures, &scanout, 1);
    show(pvgpu, &scanout);
    json_decref(qmp_command(pvgpu->qemu, "system_reset", NULL));
    json_decref(qmp_wait_event(pvgpu->qemu, "RESET", HARNESS_TIMEOUT_MS));
    pvgpu_expect(pvgpu, BG_PVGPU_MESSAGE_RESET, &count, sizeof(count));
    expect_done(pvgpu, 1, 1);
    expect_placeholder(pvgpu, 1);
    free_pictures(&pictures);
}

/* ---- A window: VNC ---- */

static uint32_t read_be(int fd, unsigned size)
{
    uint8_t bytes[4];
    uint32_t value = 0;

    assert_int_equal(socket_read(fd, bytes, size, HARNESS_TIMEOUT_MS), size);
    for (unsigned i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* RFB 3.8 without a password; the screen has the size of the picture that is shown. */
static int vnc_connect(const char *path, uint32_t width, uint32_t height)
{
    static const uint8_t raw_only[] = {2, 0, 0, 1, 0, 0, 0, 0};
    uint8_t text[256];
    int fd = unix_connect(path, HARNESS_TIMEOUT_MS);
    uint32_t count;

    assert_true(fd >= 0);
    assert_int_equal(socket_read(fd, text, 12, HARNESS_TIMEOUT_MS), 12);
    assert_memory_equal(text, "RFB 003.008\n", 12);
    assert_true(socket_write(fd, text, 12));
    count = read_be(fd, 1);
    assert_int_equal(socket_read(fd, text, count, HARNESS_TIMEOUT_MS), count);
    assert_non_null(memchr(text, 1, count));
    assert_true(socket_write(fd, "\1", 1)); /* no password */
    assert_int_equal(read_be(fd, 4), 0);
    assert_true(socket_write(fd, "\1", 1));
    assert_int_equal(read_be(fd, 2), width);
    assert_int_equal(read_be(fd, 2), height);
    assert_int_equal(socket_read(fd, text, 16, HARNESS_TIMEOUT_MS), 16);
    assert_int_equal(text[0], 32); /* bits per pixel */
    count = read_be(fd, 4);
    assert_in_range(count, 0, sizeof(text));
    assert_int_equal(socket_read(fd, text, count, HARNESS_TIMEOUT_MS), count);
    assert_true(socket_write(fd, raw_only, sizeof(raw_only)));
    return fd;
}

static void vnc_request(int fd, bool changes_only)
{
    const uint8_t request[] = {3, changes_only, 0, 0, 0, 0, 0x40, 0, 0x40, 0};

    assert_true(socket_write(fd, request, sizeof(request)));
}

/* One update, whose rectangles must lie in the damage, and be of that picture. Their area. */
static uint32_t vnc_take_update(int fd, const struct bg_pvgpu_scanout *damage, uint32_t seed)
{
    uint32_t area = 0;

    assert_int_equal(read_be(fd, 2), 0);
    for (uint32_t count = read_be(fd, 2); count; count--) {
        uint32_t x = read_be(fd, 2), y = read_be(fd, 2), width = read_be(fd, 2);
        uint32_t height = read_be(fd, 2), *pixels = malloc(4 * width * height + 4);

        assert_int_equal(read_be(fd, 4), 0);
        assert_int_equal(socket_read(fd, pixels, 4 * width * height, HARNESS_TIMEOUT_MS),
                         4 * width * height);
        assert_in_range(x, damage->damage_x, damage->damage_x + damage->damage_width - width);
        assert_in_range(y, damage->damage_y, damage->damage_y + damage->damage_height - height);
        for (uint32_t i = 0; i < width * height; i++) {
            assert_int_equal(pixels[i] & 0xFFFFFF, colour(seed, x + i % width, y + i / width));
        }
        area += width * height;
        free(pixels);
    }
    return area;
}

/* Only what is said to be damaged is drawn: all of the picture is another, but a client sees that
 * part alone. */
static void test_damage(void **state)
{
    char *vnc = harness_temp_path("vnc");
    char *line = harness_format("-vnc unix:%s -device pvgpu,id=gpu,addr=%d,shmem_size=64M,"
                                "backend_pipe=%%s",
                                vnc, PVGPU_SLOT);
    struct bg_pvgpu *pvgpu = pvgpu_start_line(true, line);
    struct pictures pictures = new_pictures(1, 2, 0x100000);
    struct bg_pvgpu_scanout scanout = whole(&pictures, 0, 320, 240);
    uint32_t area = 0;
    int fd;

    (void)state;
    pvgpu_enable(pvgpu, 0, PVGPU_SLOT);
    pvgpu_connect(pvgpu);
    send_buffer(pvgpu, &pictures);
    draw(&pictures, &scanout, 1);
    show(pvgpu, &scanout);
    fd = vnc_connect(vnc, 320, 240);
    vnc_request(fd, false);
    while (area < 320 * 240) {
        area += vnc_take_update(fd, &scanout, 1);
    }

    draw(&pictures, &scanout, 2);
    scanout.damage_x = 32;
    scanout.damage_y = 50;
    scanout.damage_width = 64;
    scanout.damage_height = 30;
    vnc_request(fd, true);
    show(pvgpu, &scanout);
    area = 0;
    while (area < 64 * 30) {
        area += vnc_take_update(fd, &scanout, 2);
        vnc_request(fd, true);
    }
    assert_int_equal(area, 64 * 30);
    assert_false(harness_wait_readable(fd, 200)); /* several of the window's refreshs */

    scanout = whole(&pictures, 1, 320, 240); /* another picture is another surface */
    draw(&pictures, &scanout, 3);
    show(pvgpu, &scanout);
    area = 0;
    while (area < 320 * 240) {
        area += vnc_take_update(fd, &scanout, 3);
        vnc_request(fd, true);
    }
    expect_done(pvgpu, 1, 0);
    close(fd);
    free(vnc);
    free(line);
    free_pictures(&pictures);
    pvgpu_end(pvgpu);
}

/* ---- Lies: each ends the session, and nothing else ---- */

static void expect_refused(struct bg_pvgpu *pvgpu, const char *why)
{
    assert_true(socket_wait_closed(pvgpu->peer, HARNESS_TIMEOUT_MS));
    process_wait_text(pvgpu->qemu->process, why);
    assert_int_equal(pvgpu_statistic(pvgpu, "stat-protocol-errors"), 1);
    pvgpu_step_retry(pvgpu);
    pvgpu_connect(pvgpu); /* and it works again */
}

static void test_bad_scanouts(void **state)
{
    static const struct {
        struct bg_pvgpu_scanout scanout;
        const char *why;
    } bad[] = {
        {{2, 0, 8, 8, 32, 87, 0, 0, 8, 8}, "no such picture"},
        {{0, 0, 8, 8, 32, 87, 0, 0, 8, 8}, "no such picture"},
        {{1, 2, 8, 8, 32, 87, 0, 0, 8, 8}, "no such picture"},
        {{1, 0xFFFFFFFF, 8, 8, 32, 87, 0, 0, 8, 8}, "no such picture"},
        {{1, 0, 8, 0, 32, 87, 0, 0, 8, 0}, "bad width or height"},
        {{1, 0, 16385, 1, 65540, 87, 0, 0, 8, 1}, "bad width or height"},
        {{1, 0, 0x40000001, 1, 4, 87, 0, 0, 1, 1}, "bad width or height"},
        {{1, 0, 1, 0xFFFFFFFF, 4, 87, 0, 0, 1, 1}, "bad width or height"},
        {{1, 0, 8, 8, 32, 0, 0, 0, 8, 8}, "a format that cannot be shown"},
        {{1, 0, 8, 8, 32, 2, 0, 0, 8, 8}, "a format that cannot be shown"},
        {{1, 0, 8, 8, 28, 87, 0, 0, 8, 8}, "a stride that does not fit"},
        {{1, 0, 8, 8, 33, 87, 0, 0, 8, 8}, "a stride that does not fit"},
        {{1, 0, 8, 2, 0x80000000, 87, 0, 0, 8, 2}, "a stride that does not fit"},
        {{1, 0, 16, 16384, 16388, 87, 0, 0, 1, 1}, "a stride that does not fit"},
        {{1, 0, 256, 257, 1024, 87, 0, 0, 1, 1}, "a stride that does not fit"},
        {{1, 0, 8, 8, 32, 87, 9, 0, 0, 0}, "damage outside of the picture"},
        {{1, 0, 8, 8, 32, 87, 1, 0, 8, 8}, "damage outside of the picture"},
        {{1, 0, 8, 8, 32, 87, 0, 8, 8, 1}, "damage outside of the picture"},
        {{1, 0, 8, 8, 32, 87, 2, 2, 0xFFFFFFFF, 1}, "damage outside of the picture"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bg_pvgpu *pvgpu;
        struct pictures pictures = new_pictures(1, 2, 0x40000);

        start((void **)&pvgpu);
        send_buffer(pvgpu, &pictures);
        pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT, &bad[i].scanout, sizeof(bad[i].scanout));
        expect_refused(pvgpu, bad[i].why);
        end((void **)&pvgpu);
        free_pictures(&pictures);
    }
    (void)state;
}

static void test_bad_buffers(void **state)
{
    static const struct {
        struct bg_pvgpu_scanout_buffer buffer;
        const char *why;
    } bad[] = {
        {{0, 2, 0x1000, 0x2000}, "its number does not count up"},
        {{1, 1, 0x2000, 0x2000}, "too few or too many slots"},
        {{1, 5, 0x1000, 0x5000}, "too few or too many slots"},
        {{1, 0xFFFFFFFF, 0x1000, 0x2000}, "too few or too many slots"},
        {{1, 2, 0, 0}, "bad slot size"},
        {{1, 2, 0x800, 0x1000}, "bad slot size"},
        {{1, 2, 0x8000000000000000, 0}, "bad slot size"},
        {{1, 2, 0x40001000, 0x80002000}, "bad slot size"},
        {{1, 2, 0x2000, 0x4000}, "its size is not that of its slots"}, /* file: 0x2000 */
        {{1, 2, 0x1000, 0x3000}, "its size is not that of its slots"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bg_pvgpu *pvgpu;
        struct pictures pictures = new_pictures(1, 2, 0x1000);
        int file_fd = pictures.fd;

        start((void **)&pvgpu);
        pvgpu_send_fd(pvgpu, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &bad[i].buffer, sizeof(bad[i].buffer),
                      file_fd);
        expect_refused(pvgpu, bad[i].why);
        end((void **)&pvgpu);
        free_pictures(&pictures);
    }
    (void)state;
}

/* A file that could shrink under QEMU, or is none of memory, is not mapped. */
static void test_files_that_cannot_be_trusted(void **state)
{
    const struct bg_pvgpu_scanout_buffer buffer = {1, 2, 0x1000, 0x2000};

    for (unsigned i = 0; i < 5; i++) {
        struct bg_pvgpu *pvgpu;
        char *path = harness_temp_path("file");
        int fd = i < 3    ? memfd_create("pictures", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                 : i == 3 ? open(path, O_RDWR | O_CREAT, 0600)
                          : open("/dev/zero", O_RDWR);

        if (i < 4) {
            assert_int_equal(ftruncate(fd, 0x2000), 0);
        }
        if (i < 3) { /* all but one of the three */
            assert_int_equal(fcntl(fd, F_ADD_SEALS,
                                   SEALS & ~(i == 0   ? F_SEAL_SHRINK
                                             : i == 1 ? F_SEAL_GROW
                                                      : F_SEAL_SEAL)),
                             0);
        }
        start((void **)&pvgpu);
        pvgpu_send_fd(pvgpu, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &buffer, sizeof(buffer), fd);
        expect_refused(pvgpu, "not a memfd sealed");
        end((void **)&pvgpu);
        close(fd);
        unlink(path);
        free(path);
    }
    (void)state;
}

/* The number must grow within a session; without its descriptor a buffer is none. */
static void test_buffer_numbers_and_descriptors(void **state)
{
    struct pictures pictures = new_pictures(3, 2, 0x1000);
    struct bg_pvgpu *pvgpu;

    (void)state;
    start((void **)&pvgpu);
    send_buffer(pvgpu, &pictures);
    send_buffer(pvgpu, &pictures);
    expect_refused(pvgpu, "its number does not count up");
    end((void **)&pvgpu);

    start((void **)&pvgpu);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &pictures.buffer, sizeof(pictures.buffer));
    expect_refused(pvgpu, "without its descriptor");
    end((void **)&pvgpu);

    start((void **)&pvgpu); /* descriptors with messages that have none: too many */
    pvgpu_send_fd(pvgpu, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, pictures.fd);
    pvgpu_send_fd(pvgpu, BG_PVGPU_MESSAGE_PAUSED, NULL, 0, pictures.fd);
    expect_refused(pvgpu, "more descriptors");
    end((void **)&pvgpu);

    start((void **)&pvgpu);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT, "short", 5);
    expect_refused(pvgpu, "too short");
    end((void **)&pvgpu);
    free_pictures(&pictures);
}

/* Messages in one write, cut anywhere, with the descriptor in the middle of it. */
static void test_buffer_behind_other_messages(void **state)
{
    struct bg_pvgpu *pvgpu = *state;
    struct pictures pictures = new_pictures(1, 2, 0x100000);
    struct bg_pvgpu_scanout scanout = whole(&pictures, 0, 320, 240);
    uint32_t unknown = 0x7777;

    draw(&pictures, &scanout, 3);
    pvgpu_send(pvgpu, 0x2345, &unknown, sizeof(unknown));
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &unknown, sizeof(unknown));
    send_buffer(pvgpu, &pictures);
    pvgpu_send(pvgpu, 0x1FFF, NULL, 0);
    show(pvgpu, &scanout);
    expect_screen(pvgpu, 320, 240, 3);
    free_pictures(&pictures);
}

/* An old backend knows none of this: what looks like it is a message of an unknown type. */
static void test_old_backend_has_no_scanout(void **state)
{
    struct bg_pvgpu *pvgpu = pvgpu_start(true, "");
    struct bg_pvgpu_scanout scanout = {0};

    (void)state;
    pvgpu_connect_old(pvgpu, 0);
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT, &scanout, sizeof(scanout));
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_SCANOUT_BUFFER, &scanout, sizeof(scanout));
    pvgpu_send(pvgpu, BG_PVGPU_MESSAGE_IRQ, &scanout, 4);
    pvgpu_wait(pvgpu, BG_PVGPU_REG_IRQ_STATUS, 1);
    assert_int_equal(pvgpu_statistic(pvgpu, "connected"), 1);
    pvgpu_end(pvgpu);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_picture),
        TEST(test_formats),
        TEST(test_strides_and_sizes),
        TEST(test_all_slots),
        TEST(test_same_picture_again),
        TEST(test_resize),
        TEST(test_hide),
        TEST(test_session_ends),
        TEST(test_system_reset),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_bad_scanouts),
        cmocka_unit_test(test_bad_buffers),
        cmocka_unit_test(test_files_that_cannot_be_trusted),
        cmocka_unit_test(test_buffer_numbers_and_descriptors),
        TEST(test_buffer_behind_other_messages),
        cmocka_unit_test(test_old_backend_has_no_scanout),
    };

    pvgpu_use_cmocka();
    return cmocka_run_group_tests_name("pvgpu scanout", tests, NULL, NULL);
}
