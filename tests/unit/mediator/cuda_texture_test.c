/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC)
// libs: -ldl
/* A guest's arrays, and its kernels' textures and surfaces of them. */
#include "tests/unit/mediator/cuda_fixture.h"

#define WIDTH 8u
#define HEIGHT 4u
#define SAMPLE 0u
#define PUT 1u
#define HEAP_PLACE 16384u /* in the heap, of texels */

/* p[y * 8 + x] = t(x, y); s(x, y) = 10 * y + x */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry sample(.param .u64 t, .param .u64 p) {\n"
    ".reg .b32 %r<8>; .reg .b64 %d<4>;\n"
    "ld.param.u64 %d1, [t]; ld.param.u64 %d2, [p]; mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y;\n"
    "tex.2d.v4.u32.s32 {%r3, %r4, %r5, %r6}, [%d1, {%r1, %r2}];\n"
    "mad.lo.u32 %r7, %r2, 8, %r1; mul.wide.u32 %d3, %r7, 4; add.s64 %d2, %d2, %d3;\n"
    "st.global.u32 [%d2], %r3; ret; }\n"
    ".visible .entry put(.param .u64 s, .param .u64 p) {\n"
    ".reg .b32 %r<8>; .reg .b64 %d<4>;\n"
    "ld.param.u64 %d1, [s]; mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y;\n"
    "mad.lo.u32 %r3, %r2, 10, %r1; shl.b32 %r4, %r1, 2;\n"
    "sust.b.2d.b32.trap [%d1, {%r4, %r2}], {%r3}; ret; }\n";

static struct bg_cuda_array_create make_array(uint32_t array)
{
    return (struct bg_cuda_array_create){
        .array = array,
        .format = CU_AD_FORMAT_UNSIGNED_INT32,
        .channels = 1,
        .flags = CUDA_ARRAY3D_SURFACE_LDST,
        .width = WIDTH,
        .height = HEIGHT,
    };
}

static CUresult create_array(uint32_t array)
{
    struct bg_cuda_array_create create = make_array(array);

    return ASK(BG_CUDA_ARRAY_CREATE, create);
}

/* Between the array and the heap, all of its first level. */
static struct bg_cuda_copy_box make_box(uint32_t array)
{
    return (struct bg_cuda_copy_box){
        .to = {.place = {.kind = BG_CUDA_PLACE_ARRAY, .array = array}},
        .from = {.place = {.kind = BG_CUDA_PLACE_HEAP, .offset = HEAP_PLACE},
                 .pitch = WIDTH * 4,
                 .height = HEIGHT},
        .width = WIDTH * 4,
        .height = HEIGHT,
        .depth = 1,
    };
}

static CUresult copy_out(uint32_t array)
{
    struct bg_cuda_copy_box box = make_box(array);
    struct bg_cuda_box_side to = box.to;

    box.to = box.from;
    box.from = to;
    return ASK(BG_CUDA_COPY_BOX, box);
}

static uint32_t *texels(void)
{
    return (uint32_t *)(void *)(heap + HEAP_PLACE);
}

static void fill_array(uint32_t array)
{
    struct bg_cuda_copy_box box = make_box(array);

    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        texels()[i] = i * 3;
    }
    OK(ASK(BG_CUDA_COPY_BOX, box));
}

static struct bg_cuda_texture_create make_texture(uint32_t array)
{
    return (struct bg_cuda_texture_create){
        .resource = BG_CUDA_RESOURCE_ARRAY,
        .array = array,
        .address_mode = {CU_TR_ADDRESS_MODE_CLAMP, CU_TR_ADDRESS_MODE_CLAMP,
                         CU_TR_ADDRESS_MODE_CLAMP},
        .flags = CU_TRSF_READ_AS_INTEGER,
    };
}

static uint64_t object(void)
{
    uint64_t number;

    assert_int_equal(done.answer_size, sizeof(number));
    memcpy(&number, done.answer, sizeof(number));
    assert_true(number != 0);
    return number;
}

static CUresult launch(uint32_t function, uint64_t number, uint64_t pointer)
{
    const struct {
        struct bg_cuda_launch head;
        uint64_t object, pointer;
    } launch = {
        .head = {.function = function,
                 .grid = {1, 1, 1},
                 .block = {WIDTH, HEIGHT, 1},
                 .param_size = 16},
        .object = number,
        .pointer = pointer,
    };

    return ASK(BG_CUDA_LAUNCH, launch);
}

static void expect_texels(const uint32_t *read)
{
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        assert_int_equal(read[i], i * 3);
    }
}

static void expect_sampled(const struct bg_cuda_texture_create *create)
{
    uint64_t memory = allocate(WIDTH * HEIGHT * 4), texture;

    OK(ASK(BG_CUDA_TEXTURE_CREATE, *create));
    texture = object();
    OK(launch(SAMPLE, texture, memory));
    OK(ASK(BG_CUDA_TEXTURE_DESTROY, (struct bg_cuda_object){texture})); /* once it has run */
    expect_texels(read_memory(memory, WIDTH * HEIGHT * 4));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           ASK(BG_CUDA_TEXTURE_DESTROY, (struct bg_cuda_object){texture}));
    OK(give_back(memory));
}

static void test_texture(void **state)
{
    struct bg_cuda_texture_create create = make_texture(7);

    (void)state;
    OK(load_module(0, text));
    OK(create_array(7));
    fill_array(7);
    expect_sampled(&create);
    create.has_view = 1;
    create.view_format = CU_RES_VIEW_FORMAT_UINT_1X32;
    create.view_width = WIDTH;
    create.view_height = HEIGHT;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, ASK(BG_CUDA_TEXTURE_CREATE, create)); /* by this device */
    OK(ASK_HANDLE(BG_CUDA_ARRAY_DESTROY, 7));
}

static void test_texture_of_memory(void **state)
{
    uint64_t memory = allocate(WIDTH * HEIGHT * 4);
    struct bg_cuda_texture_create create = make_texture(0);
    uint32_t values[WIDTH * HEIGHT];

    (void)state;
    OK(load_module(0, text));
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        values[i] = i * 3;
    }
    write_memory(memory, values, sizeof(values));
    create.resource = BG_CUDA_RESOURCE_PITCH2D;
    create.address = memory;
    create.format = CU_AD_FORMAT_UNSIGNED_INT32;
    create.channels = 1;
    create.width = WIDTH;
    create.height = HEIGHT;
    create.pitch = WIDTH * 4;
    expect_sampled(&create);
    create.height = HEIGHT + 1;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_TEXTURE_CREATE, create));
    create.height = UINT64_MAX;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_TEXTURE_CREATE, create));
    create.height = HEIGHT;
    create.width = WIDTH + 1;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_TEXTURE_CREATE, create));
    create.resource = BG_CUDA_RESOURCE_LINEAR;
    create.size = sizeof(values);
    OK(ASK(BG_CUDA_TEXTURE_CREATE, create));
    create.size = sizeof(values) + 1;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_TEXTURE_CREATE, create));
    create.size = 0;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_TEXTURE_CREATE, create));
    OK(give_back(memory));
}

static void test_surface(void **state)
{
    uint64_t surface;

    (void)state;
    OK(load_module(0, text));
    OK(create_array(0));
    OK(ASK(BG_CUDA_SURFACE_CREATE, (struct bg_cuda_surface_create){0, 0}));
    surface = object();
    OK(launch(PUT, surface, 0));
    OK(copy_out(0));
    OK(sync_stream(0));
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        assert_int_equal(texels()[i], i / WIDTH * 10 + i % WIDTH);
    }
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           ASK(BG_CUDA_TEXTURE_DESTROY, (struct bg_cuda_object){surface}));
    OK(ASK(BG_CUDA_SURFACE_DESTROY, (struct bg_cuda_object){surface}));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK(BG_CUDA_SURFACE_DESTROY, (struct bg_cuda_object){0}));
}

static void test_mipmapped(void **state)
{
    struct bg_cuda_array_create create = make_array(1);
    struct bg_cuda_texture_create texture = make_texture(1);
    struct bg_cuda_copy_box box = make_box(1);

    (void)state;
    create.levels = 3;
    OK(ASK(BG_CUDA_ARRAY_CREATE, create));
    assert_int_equal(session->memory_used, (8 * 4 + 4 * 2 + 2) * 4);
    OK(ASK(BG_CUDA_COPY_BOX, box));
    box.to.level = 1;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_COPY_BOX, box)); /* it is smaller */
    box.width = 16;
    box.height = 2;
    OK(ASK(BG_CUDA_COPY_BOX, box));
    box.to.level = 3;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_COPY_BOX, box));
    texture.level = 2;
    OK(ASK(BG_CUDA_TEXTURE_CREATE, texture));
    texture.level = 3;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_TEXTURE_CREATE, texture));
    texture.resource = BG_CUDA_RESOURCE_MIPMAPPED;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_TEXTURE_CREATE, texture));
    texture.level = 0;
    OK(ASK(BG_CUDA_TEXTURE_CREATE, texture));
    OK(ASK(BG_CUDA_SURFACE_CREATE, (struct bg_cuda_surface_create){1, 2}));
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           ASK(BG_CUDA_SURFACE_CREATE, (struct bg_cuda_surface_create){1, 3}));
    OK(ASK_HANDLE(BG_CUDA_ARRAY_DESTROY, 1));
    create.levels = 18; /* there are as many as there can be */
    OK(ASK(BG_CUDA_ARRAY_CREATE, create));
    box.to.level = 3;
    box.width = 4;
    box.height = 1;
    OK(ASK(BG_CUDA_COPY_BOX, box));
    box.to.level = 4;
    EXPECT(CUDA_ERROR_INVALID_VALUE, ASK(BG_CUDA_COPY_BOX, box));
}

static void test_boxes(void **state)
{
    struct bg_cuda_copy_box box = make_box(0);

    (void)state;
    OK(create_array(0));
    OK(ASK(BG_CUDA_COPY_BOX, box));
#define BAD(error, change)                                                                         \
    do {                                                                                           \
        struct bg_cuda_copy_box bad = box;                                                         \
        change;                                                                                    \
        EXPECT(error, ASK(BG_CUDA_COPY_BOX, bad));                                                 \
    } while (0)
    BAD(CUDA_ERROR_INVALID_HANDLE, bad.to.place.array = 1);
    BAD(CUDA_ERROR_INVALID_HANDLE, bad.to.place.array = UINT32_MAX);
    BAD(CUDA_ERROR_INVALID_VALUE, bad.to.place.offset = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, bad.to.x = 4);
    BAD(CUDA_ERROR_INVALID_VALUE, bad.to.x = UINT64_MAX);
    BAD(CUDA_ERROR_INVALID_VALUE, bad.to.y = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, bad.to.z = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, bad.to.level = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, bad.depth = 2);
#undef BAD
}

static void test_bad_arrays(void **state)
{
    (void)state;
    OK(create_array(0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create_array(0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, create_array(BG_CUDA_ARRAYS_MAX));
#define BAD(error, change)                                                                         \
    do {                                                                                           \
        struct bg_cuda_array_create bad = make_array(1);                                           \
        bad.change;                                                                                \
        EXPECT(error, ASK(BG_CUDA_ARRAY_CREATE, bad));                                             \
    } while (0)
    BAD(CUDA_ERROR_INVALID_VALUE, format = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, format = UINT32_MAX);
    BAD(CUDA_ERROR_INVALID_VALUE, channels = 3);
    BAD(CUDA_ERROR_INVALID_VALUE, channels = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, flags = 0x40000000);
    BAD(CUDA_ERROR_INVALID_VALUE, levels = 19);
    BAD(CUDA_ERROR_INVALID_VALUE, width = 0);
    BAD(CUDA_ERROR_INVALID_VALUE, width = UINT64_MAX);
    BAD(CUDA_ERROR_INVALID_VALUE, height = (1 << 17) + 1);
    BAD(CUDA_ERROR_INVALID_VALUE, depth = UINT64_MAX);
    BAD(CUDA_ERROR_OUT_OF_MEMORY, height = 1 << 16; bad.width = 1 << 11);
#undef BAD
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_ARRAY_DESTROY, 1));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK_HANDLE(BG_CUDA_ARRAY_DESTROY, UINT32_MAX));
    assert_int_equal(session->memory_used, WIDTH * HEIGHT * 4);
}

static void test_bad_objects(void **state)
{
    struct bg_cuda_array_create plain = make_array(1);

    (void)state;
    plain.flags = 0;
    OK(create_array(0));
    OK(ASK(BG_CUDA_ARRAY_CREATE, plain));
#define BAD(error, change)                                                                         \
    do {                                                                                           \
        struct bg_cuda_texture_create bad = make_texture(0);                                       \
        bad.change;                                                                                \
        EXPECT(error, ASK(BG_CUDA_TEXTURE_CREATE, bad));                                           \
    } while (0)
    BAD(CUDA_ERROR_INVALID_VALUE, resource = 4);
    BAD(CUDA_ERROR_INVALID_HANDLE, array = 2);
    BAD(CUDA_ERROR_INVALID_HANDLE, array = UINT32_MAX);
    BAD(CUDA_ERROR_INVALID_VALUE, level = 1);
    BAD(CUDA_ERROR_INVALID_VALUE, resource = BG_CUDA_RESOURCE_MIPMAPPED);
    BAD(CUDA_ERROR_INVALID_VALUE, address_mode[2] = 4);
    BAD(CUDA_ERROR_INVALID_VALUE, filter_mode = 2);
    BAD(CUDA_ERROR_INVALID_VALUE, mipmap_filter_mode = 2);
    BAD(CUDA_ERROR_INVALID_VALUE, flags = 0x100);
    BAD(CUDA_ERROR_INVALID_VALUE, max_anisotropy = 17);
    BAD(CUDA_ERROR_INVALID_VALUE, has_view = 2);
    BAD(CUDA_ERROR_INVALID_VALUE, view_format = 35);
#undef BAD
    EXPECT(CUDA_ERROR_INVALID_VALUE,
           ASK(BG_CUDA_SURFACE_CREATE, (struct bg_cuda_surface_create){1, 0}));
    EXPECT(CUDA_ERROR_INVALID_HANDLE,
           ASK(BG_CUDA_SURFACE_CREATE, (struct bg_cuda_surface_create){2, 0}));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, ASK(BG_CUDA_TEXTURE_DESTROY, (struct bg_cuda_object){1}));
}

static void test_many_objects(void **state)
{
    const struct bg_cuda_surface_create create = {0, 0};
    const struct bg_cuda_texture_create texture = make_texture(0);
    uint64_t first;

    (void)state;
    OK(create_array(0));
    OK(ASK(BG_CUDA_SURFACE_CREATE, create));
    first = object();
    for (uint32_t i = 1; i < BG_CUDA_OBJECTS_MAX; i++) {
        OK(ASK(BG_CUDA_SURFACE_CREATE, create));
    }
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, ASK(BG_CUDA_SURFACE_CREATE, create));
    EXPECT(CUDA_ERROR_OUT_OF_MEMORY, ASK(BG_CUDA_TEXTURE_CREATE, texture));
    OK(ASK(BG_CUDA_SURFACE_DESTROY, (struct bg_cuda_object){first}));
    OK(ASK(BG_CUDA_TEXTURE_CREATE, texture));
}

/* Those that wait behind a stream that the guest holds are the session's until they are gone. */
static void test_waiting_objects_count(void **state)
{
    const struct bg_cuda_texture_create create = make_texture(0);
    struct bg_cuda_texture_create refused = create;
    uint64_t before, until_ns = clock_now_ns() + DEADLINE_NS;

    (void)state;
    OK(create_array(0));
    before = session->memory_used;
    OK(ASK(BG_CUDA_STREAM_HOST, (struct bg_cuda_mark){0, 0, 1}));
    for (uint32_t i = 0; i < 4; i++) {
        OK(ASK(BG_CUDA_TEXTURE_CREATE, create));
        OK(ASK(BG_CUDA_TEXTURE_DESTROY, (struct bg_cuda_object){object()}));
    }
    assert_int_equal(session->memory_used, before + 4 * UINT64_C(4096));
    wait_until_reached(&page()->completed[0], 1);
    __atomic_store_n(&page()->acknowledged[0], 1, __ATOMIC_RELEASE);
    while (cuda_is_busy(session)) {
        assert_true(clock_now_ns() < until_ns);
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    assert_int_equal(session->memory_used, before);
    refused.has_view = 1; /* which the driver refuses */
    refused.view_format = CU_RES_VIEW_FORMAT_UINT_4X32;
    EXPECT(CUDA_ERROR_NOT_SUPPORTED, ASK(BG_CUDA_TEXTURE_CREATE, refused));
    assert_int_equal(session->memory_used, before);
}

/* As on a GPU, where nobody else has seen to it that an array is zero. */
static void test_zeroed_by_copies(void **state)
{
    struct bg_cuda_array_create create = make_array(0);

    (void)state;
    driver.on_cpu = false;
    create.levels = 2;
    create.depth = 3;
    create.flags |= CUDA_ARRAY3D_LAYERED;
    OK(ASK(BG_CUDA_ARRAY_CREATE, create));
    memset(texels(), 0xA5, WIDTH * HEIGHT * 4);
    OK(copy_out(0));
    OK(sync_stream(0));
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        assert_int_equal(texels()[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_texture),
        TEST(test_texture_of_memory),
        TEST(test_surface),
        TEST(test_mipmapped),
        TEST(test_boxes),
        TEST(test_bad_arrays),
        TEST(test_bad_objects),
        TEST(test_many_objects),
        TEST(test_waiting_objects_count),
        TEST(test_zeroed_by_copies),
#undef TEST
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
