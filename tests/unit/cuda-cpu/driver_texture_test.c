/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(call PTX_ROOM,ptx compile check device ptxc program driver) tests/unit/cuda-cpu/driver_fixture.c
// libs: -ldl
/* Arrays, textures and surfaces through the driver API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cuda-cpu/driver_fixture.h"

#define WIDTH 20
#define HEIGHT 6
#define ALL (WIDTH * HEIGHT)

/* Threads are 20 x 6; each writes a word. */
#define KERNEL(name, parameters, statements)                                                       \
    ".visible .entry " name "(.param .u64 out, .param .u64 object" parameters ")\n{\n"             \
    ".reg .b32 %r<12>; .reg .f32 %f<8>; .reg .b64 %rd<4>;\n"                                       \
    "mov.u32 %r0, %tid.x; mov.u32 %r1, %tid.y; mad.lo.u32 %r2, %r1, 20, %r0; "                     \
    "ld.param.u64 %rd0, [out]; mad.wide.u32 %rd0, %r2, 4, %rd0; ld.param.u64 %rd1, [object];\n"    \
    "cvt.rn.f32.u32 %f0, %r0; cvt.rn.f32.u32 %f1, %r1;\n" statements                               \
    " st.global.u32 [%rd0], %r4; ret;\n}\n"

static const char module_text[] = ".version 8.0\n.target sm_90\n.address_size 64\n"
                                  ".visible .global .texref image;\n"
                                  ".visible .global .surfref canvas;\n" //
    KERNEL("fetch", "", "tex.2d.v4.u32.f32 {%r4, %r5, %r6, %r7}, [%rd1, {%f0, %f1}];")
        KERNEL("index", "", "tex.1d.v4.u32.s32 {%r4, %r5, %r6, %r7}, [%rd1, {%r2}];") KERNEL(
            "level", "",
            "mov.f32 %f2, 0f3F800000; "
            "tex.level.2d.v4.u32.f32 {%r4, %r5, %r6, %r7}, [%rd1, {%f0, %f1}], %f2;")
            KERNEL("layer", "",
                   "mov.u32 %r3, 1; "
                   "tex.a2d.v4.u32.f32 {%r4, %r5, %r6, %r7}, [%rd1, {%r3, %f0, %f1, %f1}];")
                KERNEL("named", "", "tex.2d.v4.u32.f32 {%r4, %r5, %r6, %r7}, [image, {%f0, %f1}];")
                    KERNEL("draw", "",
                           "shl.b32 %r3, %r0, 2; mad.lo.u32 %r4, %r1, 1000, %r0; "
                           "sust.b.2d.b32.trap [%rd1, {%r3, %r1}], %r4;")
                        KERNEL("draw_named", "",
                               "shl.b32 %r3, %r0, 2; mad.lo.u32 %r4, %r1, 3000, %r0; "
                               "sust.b.2d.b32.trap [canvas, {%r3, %r1}], %r4;");

static CUdeviceptr out;
static uint32_t words[2 * ALL], results[ALL];

static int setup(void **state)
{
    (void)state;
    open_device(module_text);
    OK(cuMemAlloc(&out, sizeof(results)));
    for (unsigned i = 0; i < 2 * ALL; i++) {
        words[i] = i * 2654435761u;
    }
    return 0;
}

static CUresult launch(const char *name, uint64_t object)
{
    void *parameters[] = {&out, &object};
    CUfunction function;
    CUresult result;

    OK(cuModuleGetFunction(&function, module, name));
    OK(cuLaunchKernel(function, 1, 1, 1, WIDTH, HEIGHT, 1, 0, NULL, parameters, NULL));
    result = cuCtxSynchronize();
    if (result == CUDA_SUCCESS) {
        OK(cuMemcpyDtoH(results, out, sizeof(results)));
    }
    return result;
}

/* ---- Arrays ---- */

static CUarray make_array(size_t width, size_t height, size_t depth, unsigned flags)
{
    const CUDA_ARRAY3D_DESCRIPTOR descriptor = {
        .Width = width,
        .Height = height,
        .Depth = depth,
        .Format = CU_AD_FORMAT_UNSIGNED_INT32,
        .NumChannels = 1,
        .Flags = flags,
    };
    CUarray array;

    OK(cuArray3DCreate(&array, &descriptor));
    return array;
}

static void copy_to(CUarray array, const void *from, size_t width, size_t height, size_t depth)
{
    const CUDA_MEMCPY3D copy = {
        .srcMemoryType = CU_MEMORYTYPE_HOST,
        .srcHost = from,
        .srcPitch = width * 4,
        .srcHeight = height,
        .dstMemoryType = CU_MEMORYTYPE_ARRAY,
        .dstArray = array,
        .WidthInBytes = width * 4,
        .Height = height,
        .Depth = depth,
    };

    OK(cuMemcpy3D(&copy));
}

static void test_arrays(void **state)
{
    CUarray array = make_array(WIDTH, HEIGHT, 0, 0), other = make_array(WIDTH, HEIGHT, 0, 0);
    CUDA_ARRAY_DESCRIPTOR flat;
    CUDA_ARRAY3D_DESCRIPTOR descriptor;

    (void)state;
    OK(cuArrayGetDescriptor(&flat, array));
    assert_int_equal(flat.Width, WIDTH);
    assert_int_equal(flat.Height, HEIGHT);
    assert_int_equal(flat.Format, CU_AD_FORMAT_UNSIGNED_INT32);
    OK(cuArray3DGetDescriptor(&descriptor, array));
    assert_int_equal(descriptor.Depth, 0);
    OK(cuMemcpyHtoA(array, 0, words, sizeof(results))); /* whole rows */
    OK(cuMemcpyHtoA(array, WIDTH * 4 + 8, words, 12));  /* within one */
    memcpy(words + WIDTH + 2, words, 12);
    OK(cuMemcpyAtoA(other, 0, array, 0, sizeof(results)));
    OK(cuMemcpyAtoD(out, other, 0, sizeof(results)));
    OK(cuMemcpyDtoH(results, out, sizeof(results)));
    assert_memory_equal(results, words, sizeof(results));
    OK(cuMemcpyAtoH(results, other, WIDTH * 4, 8));
    assert_memory_equal(results, words + WIDTH, 8);
    assert_int_equal(cuMemcpyHtoA(array, 4, words, sizeof(results)), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemcpyHtoA(array, WIDTH * 4, words, sizeof(results)),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemcpyHtoA(array, UINT64_MAX - 3, words, 4), CUDA_ERROR_INVALID_VALUE);
    OK(cuArrayDestroy(array));
    assert_int_equal(cuArrayDestroy(array), CUDA_ERROR_INVALID_HANDLE);
    assert_int_equal(cuMemcpyHtoA(array, 0, words, 4), CUDA_ERROR_INVALID_HANDLE);
}

/* A part of one, in rows. */
static void test_boxes(void **state)
{
    CUarray array = make_array(WIDTH, HEIGHT, 0, 0);
    CUDA_MEMCPY2D copy = {
        .srcMemoryType = CU_MEMORYTYPE_HOST,
        .srcHost = words,
        .srcPitch = 16,
        .dstMemoryType = CU_MEMORYTYPE_ARRAY,
        .dstArray = array,
        .dstXInBytes = 8,
        .dstY = 3,
        .WidthInBytes = 16,
        .Height = 3,
    };

    (void)state;
    OK(cuMemcpy2D(&copy));
    OK(cuMemcpyAtoH(results, array, 0, sizeof(results)));
    for (unsigned i = 0; i < ALL; i++) {
        unsigned x = i % WIDTH, y = i / WIDTH;
        bool inside = x >= 2 && x < 6 && y >= 3;

        assert_int_equal(results[i], inside ? words[(y - 3) * 4 + x - 2] : 0);
    }
    copy.dstY = 4;
    assert_int_equal(cuMemcpy2D(&copy), CUDA_ERROR_INVALID_VALUE);
    copy.dstY = 0;
    copy.dstXInBytes = WIDTH * 4 - 12;
    assert_int_equal(cuMemcpy2D(&copy), CUDA_ERROR_INVALID_VALUE);
    copy.dstXInBytes = SIZE_MAX - 7;
    assert_int_equal(cuMemcpy2D(&copy), CUDA_ERROR_INVALID_VALUE);
}

static void test_what_is_no_array(void **state)
{
    CUDA_ARRAY3D_DESCRIPTOR descriptors[] = {
        {0, 1, 0, CU_AD_FORMAT_FLOAT, 1, 0},
        {8, 8, 0, CU_AD_FORMAT_FLOAT, 3, 0},
        {8, 8, 0, CU_AD_FORMAT_NV12, 1, 0},
        {8, 0, 8, CU_AD_FORMAT_FLOAT, 1, 0},
        {8, 8, 0, CU_AD_FORMAT_FLOAT, 1, CUDA_ARRAY3D_LAYERED},
        {8, 8, 5, CU_AD_FORMAT_FLOAT, 1, CUDA_ARRAY3D_CUBEMAP},
        {8, 4, 6, CU_AD_FORMAT_FLOAT, 1, CUDA_ARRAY3D_CUBEMAP},
        {SIZE_MAX, SIZE_MAX, 0, CU_AD_FORMAT_FLOAT, 4, 0},
        {8, 8, 0, CU_AD_FORMAT_FLOAT, 1, 0x8000},
    };
    CUarray array;

    (void)state;
    for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++) {
        assert_int_equal(cuArray3DCreate(&array, &descriptors[i]), CUDA_ERROR_INVALID_VALUE);
    }
    descriptors[0] = (CUDA_ARRAY3D_DESCRIPTOR){1 << 14, 1 << 14, 1 << 14, CU_AD_FORMAT_FLOAT, 4, 0};
    assert_int_equal(cuArray3DCreate(&array, &descriptors[0]), CUDA_ERROR_OUT_OF_MEMORY);
}

static size_t limit(CUdevice_attribute attribute)
{
    int value;

    OK(cuDeviceGetAttribute(&value, attribute, 0));
    return (size_t)value;
}

/* As large as the device says, and one texel larger. */
static void test_how_large_arrays_are(void **state)
{
    const CUarray_format format = CU_AD_FORMAT_UNSIGNED_INT8;
    const size_t line = limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_WIDTH);
    const size_t surface = limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_SURFACE1D_WIDTH);
    const size_t height = limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_HEIGHT);
    const size_t layers = limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_LAYERED_LAYERS);
    const size_t depth = limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE3D_DEPTH_ALTERNATE);
    const size_t mipmap = limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE1D_MIPMAPPED_WIDTH);
    const size_t gather = limit(CU_DEVICE_ATTRIBUTE_MAXIMUM_TEXTURE2D_GATHER_WIDTH);
    const CUDA_ARRAY3D_DESCRIPTOR largest[] = {
        {line, 0, 0, format, 1, 0},   {surface, 0, 0, format, 1, CUDA_ARRAY3D_SURFACE_LDST},
        {1, height, 0, format, 1, 0}, {1, 0, layers, format, 1, CUDA_ARRAY3D_LAYERED},
        {1, 1, depth, format, 1, 0},  {gather, 1, 0, format, 1, CUDA_ARRAY3D_TEXTURE_GATHER},
    };
    const CUDA_ARRAY_DESCRIPTOR flat = {line, 0, format, 1};
    CUDA_ARRAY3D_DESCRIPTOR descriptor;
    CUmipmappedArray levels;
    CUarray array;

    (void)state;
    for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
        descriptor = largest[i];
        OK(cuArray3DCreate(&array, &descriptor));
        OK(cuArrayDestroy(array));
        descriptor.Width += descriptor.Width > 1;
        descriptor.Height += descriptor.Height > 1;
        descriptor.Depth += descriptor.Depth > 1;
        assert_int_equal(cuArray3DCreate(&array, &descriptor), CUDA_ERROR_INVALID_VALUE);
    }
    OK(cuArrayCreate(&array, &flat));
    OK(cuArrayDestroy(array));
    descriptor = (CUDA_ARRAY3D_DESCRIPTOR){mipmap, 0, 0, format, 1, 0};
    OK(cuMipmappedArrayCreate(&levels, &descriptor, 2));
    OK(cuMipmappedArrayDestroy(levels));
    descriptor.Width++;
    assert_int_equal(cuMipmappedArrayCreate(&levels, &descriptor, 2), CUDA_ERROR_INVALID_VALUE);
}

/* ---- Textures ---- */

static CUDA_RESOURCE_DESC of_array(CUarray array)
{
    return (CUDA_RESOURCE_DESC){.resType = CU_RESOURCE_TYPE_ARRAY, .res.array.hArray = array};
}

static CUtexObject make_texture(const CUDA_RESOURCE_DESC *resource)
{
    const CUDA_TEXTURE_DESC sampler = {
        .addressMode = {CU_TR_ADDRESS_MODE_CLAMP, CU_TR_ADDRESS_MODE_CLAMP,
                        CU_TR_ADDRESS_MODE_CLAMP},
        .flags = CU_TRSF_READ_AS_INTEGER,
        .maxMipmapLevelClamp = 10,
    };
    CUtexObject texture;

    OK(cuTexObjectCreate(&texture, resource, &sampler, NULL));
    return texture;
}

static void test_texture_of_array(void **state)
{
    CUarray array = make_array(WIDTH, HEIGHT, 0, 0);
    CUDA_RESOURCE_DESC resource = of_array(array), told;
    CUDA_TEXTURE_DESC sampler;
    CUDA_RESOURCE_VIEW_DESC view;
    CUtexObject texture = make_texture(&resource);

    (void)state;
    OK(cuMemcpyHtoA(array, 0, words, sizeof(results)));
    OK(launch("fetch", texture));
    assert_memory_equal(results, words, sizeof(results));
    OK(cuTexObjectGetResourceDesc(&told, texture));
    assert_ptr_equal(told.res.array.hArray, array);
    OK(cuTexObjectGetTextureDesc(&sampler, texture));
    assert_int_equal(sampler.flags, CU_TRSF_READ_AS_INTEGER);
    assert_int_equal(cuTexObjectGetResourceViewDesc(&view, texture), CUDA_ERROR_INVALID_VALUE);
    OK(cuTexObjectDestroy(texture));
    assert_int_equal(cuTexObjectDestroy(texture), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch("fetch", texture), CUDA_ERROR_ILLEGAL_ADDRESS);
}

/* The kernel's fault is the program's. */
static void test_array_that_is_gone(void **state)
{
    CUarray array = make_array(WIDTH, HEIGHT, 0, 0);
    CUDA_RESOURCE_DESC resource = of_array(array);
    CUtexObject texture = make_texture(&resource);

    (void)state;
    OK(cuArrayDestroy(array));
    assert_int_equal(launch("fetch", texture), CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void test_textures_of_memory(void **state)
{
    CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_LINEAR};
    CUtexObject texture;
    CUdeviceptr memory;

    (void)state;
    OK(cuMemAlloc(&memory, sizeof(words)));
    OK(cuMemcpyHtoD(memory, words, sizeof(words)));
    resource.res.linear.devPtr = memory;
    resource.res.linear.format = CU_AD_FORMAT_UNSIGNED_INT32;
    resource.res.linear.numChannels = 1;
    resource.res.linear.sizeInBytes = 200;
    texture = make_texture(&resource);
    OK(launch("index", texture));
    for (unsigned i = 0; i < ALL; i++) {
        assert_int_equal(results[i], i < 50 ? words[i] : 0);
    }
    resource = (CUDA_RESOURCE_DESC){.resType = CU_RESOURCE_TYPE_PITCH2D};
    resource.res.pitch2D.devPtr = memory;
    resource.res.pitch2D.format = CU_AD_FORMAT_UNSIGNED_INT32;
    resource.res.pitch2D.numChannels = 1;
    resource.res.pitch2D.width = 10;
    resource.res.pitch2D.height = HEIGHT;
    resource.res.pitch2D.pitchInBytes = 128;
    texture = make_texture(&resource);
    OK(launch("fetch", texture));
    for (unsigned i = 0; i < ALL; i++) {
        unsigned x = i % WIDTH < 10 ? i % WIDTH : 9;

        assert_int_equal(results[i], words[i / WIDTH * 32 + x]);
    }
}

static void test_layers_and_levels(void **state)
{
    const CUDA_ARRAY3D_DESCRIPTOR descriptor = {40, 12, 0, CU_AD_FORMAT_UNSIGNED_INT32, 1, 0};
    CUarray layers = make_array(WIDTH, HEIGHT, 2, CUDA_ARRAY3D_LAYERED), level;
    CUDA_RESOURCE_DESC resource = of_array(layers);
    CUmipmappedArray mipmap;

    (void)state;
    copy_to(layers, words, WIDTH, HEIGHT, 2);
    OK(launch("layer", make_texture(&resource)));
    assert_memory_equal(results, words + ALL, sizeof(results));
    OK(cuMipmappedArrayCreate(&mipmap, &descriptor, 99));
    OK(cuMipmappedArrayGetLevel(&level, mipmap, 5)); /* 40, 20, 10, 5, 2, 1 */
    assert_int_equal(cuMipmappedArrayGetLevel(&level, mipmap, 6), CUDA_ERROR_INVALID_VALUE);
    OK(cuMipmappedArrayGetLevel(&level, mipmap, 1));
    assert_int_equal(cuArrayDestroy(level), CUDA_ERROR_INVALID_HANDLE);
    OK(cuMemcpyHtoA(level, 0, words, sizeof(results)));
    resource = (CUDA_RESOURCE_DESC){.resType = CU_RESOURCE_TYPE_MIPMAPPED_ARRAY,
                                    .res.mipmap.hMipmappedArray = mipmap};
    OK(launch("level", make_texture(&resource)));
    assert_memory_equal(results, words, sizeof(results));
    OK(cuMipmappedArrayDestroy(mipmap));
    assert_int_equal(cuMipmappedArrayDestroy(mipmap), CUDA_ERROR_INVALID_HANDLE);
}

static void test_what_is_no_texture(void **state)
{
    CUDA_TEXTURE_DESC sampler = {.filterMode = (CUfilter_mode)7};
    CUDA_RESOURCE_DESC resource = of_array((CUarray)(uintptr_t)0x1234);
    CUtexObject texture;

    (void)state;
    assert_int_equal(cuTexObjectCreate(&texture, &resource, &(CUDA_TEXTURE_DESC){0}, NULL),
                     CUDA_ERROR_INVALID_HANDLE);
    resource = of_array(make_array(4, 4, 0, 0));
    assert_int_equal(cuTexObjectCreate(&texture, &resource, &sampler, NULL),
                     CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexObjectCreate(&texture, &resource, NULL, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuSurfObjectCreate(&texture, &resource), CUDA_ERROR_INVALID_VALUE);
    resource.resType = CU_RESOURCE_TYPE_LINEAR;
    memset(&resource.res, 0, sizeof(resource.res));
    assert_int_equal(cuTexObjectCreate(&texture, &resource, &(CUDA_TEXTURE_DESC){0}, NULL),
                     CUDA_ERROR_INVALID_VALUE);
}

static void test_operands(void **state)
{
#define TEX(words, operands)                                                                       \
    ".version 8.0\n.target sm_90\n.address_size 64\n.entry k(.param .u64 p) {\n"                   \
    ".reg .b32 %r<8>; .reg .f32 %f<4>; .reg .b64 %d;\n"                                            \
    "tex" words " {%r0, %r1, %r2, %r3}, " operands ";\nret; }\n"
    static const char *const texts[] = {
        TEX(".2d.v4.u32.f32", "[%d]"),
        TEX(".2d.v4.u32.f32", "[k, {%f0, %f1}]"),
        TEX(".2d.v4.u32.f32", "[p, {%f0, %f1}]"),
        TEX(".level.2d.v4.u32.f32", "[%d, {%f0, %f1}]"),
        TEX(".grad.2d.v4.u32.f32", "[%d, {%f0, %f1}]"),
        TEX(".grad.2d.v4.u32.f32", "[%d, {%f0, %f1}], {%f0, %f1}"),
        TEX(".2dms.v4.u32.s32", "[%d, {%r0, %r1, %r2, %r3}]"),
    };
    CUmodule refused;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_true(cuModuleLoadData(&refused, texts[i]) != CUDA_SUCCESS);
    }
    OK(cuModuleLoadData(&refused, TEX(".2d.v4.u32.f32", "[%d, {%f0, %f1}]")));
}

/* ---- Surfaces, and names ---- */

static void test_surface(void **state)
{
    CUarray array = make_array(WIDTH, HEIGHT, 0, CUDA_ARRAY3D_SURFACE_LDST);
    CUDA_RESOURCE_DESC resource = of_array(array), told;
    CUsurfObject surface;

    (void)state;
    OK(cuSurfObjectCreate(&surface, &resource));
    OK(launch("draw", surface));
    OK(cuMemcpyAtoH(results, array, 0, sizeof(results)));
    for (unsigned i = 0; i < ALL; i++) {
        assert_int_equal(results[i], i / WIDTH * 1000 + i % WIDTH);
    }
    OK(cuSurfObjectGetResourceDesc(&told, surface));
    assert_ptr_equal(told.res.array.hArray, array);
    OK(cuSurfObjectDestroy(surface));
    assert_int_equal(launch("draw", surface), CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void test_references(void **state)
{
    CUarray array = make_array(WIDTH, HEIGHT, 0, CUDA_ARRAY3D_SURFACE_LDST), bound;
    CUtexref image, again;
    CUsurfref canvas;
    CUfilter_mode mode;

    (void)state;
    OK(cuModuleGetSurfRef(&canvas, module, "canvas"));
    OK(cuSurfRefSetArray(canvas, array, 0));
    OK(launch("draw_named", 0));
    OK(cuModuleGetTexRef(&image, module, "image"));
    OK(cuModuleGetTexRef(&again, module, "image"));
    assert_ptr_equal(image, again);
    assert_int_equal(cuModuleGetTexRef(&again, module, "none"), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(cuTexRefGetArray(&bound, image), CUDA_ERROR_INVALID_VALUE);
    OK(cuTexRefSetArray(image, array, CU_TRSA_OVERRIDE_FORMAT));
    OK(cuTexRefGetArray(&bound, image));
    assert_ptr_equal(bound, array);
    OK(cuTexRefSetAddressMode(image, 0, CU_TR_ADDRESS_MODE_CLAMP));
    OK(cuTexRefSetFlags(image, CU_TRSF_READ_AS_INTEGER));
    OK(cuTexRefSetFilterMode(image, CU_TR_FILTER_MODE_POINT));
    OK(cuTexRefGetFilterMode(&mode, image));
    assert_int_equal(mode, CU_TR_FILTER_MODE_POINT);
    OK(launch("named", 0));
    for (unsigned i = 0; i < ALL; i++) {
        assert_int_equal(results[i], i / WIDTH * 3000 + i % WIDTH);
    }
    assert_int_equal(cuTexRefSetFlags((CUtexref)(void *)canvas, 0), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuTexRefDestroy(image), CUDA_ERROR_INVALID_VALUE);
    OK(cuModuleUnload(module));
    assert_int_equal(cuTexRefSetFlags(image, 0), CUDA_ERROR_INVALID_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_arrays, setup, close_device),
        cmocka_unit_test_setup_teardown(test_boxes, setup, close_device),
        cmocka_unit_test_setup_teardown(test_what_is_no_array, setup, close_device),
        cmocka_unit_test_setup_teardown(test_how_large_arrays_are, setup, close_device),
        cmocka_unit_test_setup_teardown(test_texture_of_array, setup, close_device),
        cmocka_unit_test_setup_teardown(test_array_that_is_gone, setup, close_device),
        cmocka_unit_test_setup_teardown(test_textures_of_memory, setup, close_device),
        cmocka_unit_test_setup_teardown(test_layers_and_levels, setup, close_device),
        cmocka_unit_test_setup_teardown(test_what_is_no_texture, setup, close_device),
        cmocka_unit_test_setup_teardown(test_operands, setup, close_device),
        cmocka_unit_test_setup_teardown(test_surface, setup, close_device),
        cmocka_unit_test_setup_teardown(test_references, setup, close_device),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
