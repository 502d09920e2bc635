/* SPDX-License-Identifier: BSD-2-Clause */
// build: $(GPU_SRC) tests/fake/cuda_worker.c
// apart: $(GUEST_CUDA_SRC) firmware/vgpu/compute.c
// libs: -ldl
/* Arrays of one level and of several, copies with them, textures and surfaces. */
#include "tests/unit/cuda/fixture.h"

#define WIDTH 8u
#define HEIGHT 4u

/* read: out[i] = texel (i, y) of the texture; write: the surface's texel (i, y) is set to 100 + i.
 */
static const char text[] =
    ".version 8.0\n.target sm_80\n.address_size 64\n"
    ".visible .entry read(.param .u64 out, .param .u64 texture, .param .u32 y) { "
    ".reg .b32 %r<9>; .reg .b64 %d<4>; .reg .f32 %f<3>; ld.param.u64 %d1, [out]; "
    "ld.param.u64 %d2, [texture]; ld.param.u32 %r2, [y]; mov.u32 %r1, %tid.x; "
    "cvt.rn.f32.u32 %f1, %r1; cvt.rn.f32.u32 %f2, %r2; "
    "tex.2d.v4.u32.f32 {%r3, %r4, %r5, %r6}, [%d2, {%f1, %f2}]; "
    "mul.wide.u32 %d3, %r1, 4; add.s64 %d1, %d1, %d3; st.global.u32 [%d1], %r3; ret; }\n"
    ".visible .entry write(.param .u64 surface, .param .u32 y) { "
    ".reg .b32 %r<5>; .reg .b64 %d<2>; ld.param.u64 %d1, [surface]; ld.param.u32 %r2, [y]; "
    "mov.u32 %r1, %tid.x; add.u32 %r3, %r1, 100; shl.b32 %r4, %r1, 2; "
    "sust.b.2d.b32.trap [%d1, {%r4, %r2}], {%r3}; ret; }\n";

static const CUDA_ARRAY3D_DESCRIPTOR flat = {
    .Width = WIDTH,
    .Height = HEIGHT,
    .Format = CU_AD_FORMAT_UNSIGNED_INT32,
    .NumChannels = 1,
    .Flags = CUDA_ARRAY3D_SURFACE_LDST,
};

static const CUDA_TEXTURE_DESC sampler = {
    .addressMode = {CU_TR_ADDRESS_MODE_CLAMP, CU_TR_ADDRESS_MODE_CLAMP, CU_TR_ADDRESS_MODE_CLAMP},
    .flags = CU_TRSF_READ_AS_INTEGER,
    .borderColor = {1, 2, 3, 4},
};

static uint32_t texels[HEIGHT][WIDTH], back[HEIGHT][WIDTH];

static void fill_texels(void)
{
    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++) {
        texels[i / WIDTH][i % WIDTH] = i * 3 + 1;
    }
    memset(back, 0, sizeof(back));
}

static CUarray create_array(void)
{
    CUarray array;

    OK(cuArray3DCreate(&array, &flat));
    return array;
}

static CUDA_RESOURCE_DESC resource_of(CUarray array)
{
    return (CUDA_RESOURCE_DESC){.resType = CU_RESOURCE_TYPE_ARRAY, .res.array.hArray = array};
}

static void upload(CUarray array, size_t width, size_t height)
{
    const CUDA_MEMCPY2D copy = {
        .srcMemoryType = CU_MEMORYTYPE_HOST,
        .srcHost = texels,
        .srcPitch = sizeof(texels[0]),
        .dstMemoryType = CU_MEMORYTYPE_ARRAY,
        .dstArray = array,
        .WidthInBytes = width * 4,
        .Height = height,
    };

    fill_texels();
    OK(cuMemcpy2D(&copy));
}

/* ---- Arrays ---- */

static void test_array(void **state)
{
    CUDA_ARRAY_DESCRIPTOR small = {
        .Width = 16, .Format = CU_AD_FORMAT_UNSIGNED_INT8, .NumChannels = 1};
    CUDA_ARRAY3D_DESCRIPTOR found;
    CUarray array = create_array(), line;

    (void)state;
    OK(cuArray3DGetDescriptor(&found, array));
    assert_memory_equal(&found, &flat, sizeof(flat));
    small.Width = 1 << 17; /* longer than surfaces are */
    OK(cuArrayCreate(&line, &small));
    OK(cuArrayDestroy(line));
    small.Width = 16;
    OK(cuArrayCreate(&line, &small));
    small.Width = 0;
    OK(cuArrayGetDescriptor(&small, line));
    assert_int_equal(small.Width, 16);
    assert_int_equal(small.Height, 0);
    OK(cuArrayDestroy(line));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuArrayDestroy(line));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuArrayGetDescriptor(&small, line));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuArrayGetDescriptor(NULL, array));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuArrayCreate(&line, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuArrayCreate(NULL, &small));
    small.NumChannels = 3;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuArrayCreate(&line, &small));
    small.NumChannels = 1;
    small.Format = CU_AD_FORMAT_NV12;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuArrayCreate(&line, &small));
    OK(cuArrayDestroy(array));
}

static void test_copies(void **state)
{
    CUarray array = create_array(), second = create_array();
    CUdeviceptr pointer;

    (void)state;
    fill_texels();
    OK(cuMemcpyHtoA(array, 0, texels, sizeof(texels)));
    OK(cuMemcpyAtoH(back, array, 0, sizeof(back)));
    assert_memory_equal(back, texels, sizeof(texels));
    memset(back, 0, sizeof(back));
    OK(cuMemcpyAtoH(back, array, sizeof(texels[0]) + 8, 12)); /* within a row */
    assert_memory_equal(back, &texels[1][2], 12);
    OK(cuMemcpyAtoA(second, 0, array, 0, sizeof(texels)));
    OK(cuMemAlloc(&pointer, sizeof(texels)));
    OK(cuMemcpyAtoD(pointer, second, sizeof(texels[0]), 2 * sizeof(texels[0])));
    OK(cuMemcpyDtoH(back, pointer, 2 * sizeof(texels[0])));
    assert_memory_equal(back, texels[1], 2 * sizeof(texels[0]));
    OK(cuMemsetD32(pointer, 9, WIDTH));
    OK(cuMemcpyDtoA(second, 0, pointer, sizeof(texels[0])));
    OK(cuMemcpyAtoHAsync(back, second, 0, 4, NULL));
    assert_int_equal(back[0][0], 9);
    OK(cuMemcpyHtoAAsync(second, 4, &texels[3][3], 4, NULL));
    OK(cuMemcpyAtoH(back, second, 0, 8));
    assert_int_equal(back[0][1], texels[3][3]);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoA(array, 4, texels, sizeof(texels)));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMemcpyHtoA(array, 4, texels, sizeof(texels[0])));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuMemcpyHtoA(NO_HANDLE(CUarray), 0, texels, 4));
    OK(cuArrayDestroy(array));
    OK(cuArrayDestroy(second));
    OK(cuMemFree(pointer));
}

static void test_mipmaps(void **state)
{
    CUmipmappedArray mipmap;
    CUDA_ARRAY3D_DESCRIPTOR found;
    CUarray level, again;

    (void)state;
    OK(cuMipmappedArrayCreate(&mipmap, &flat, 99)); /* as many as there are */
    OK(cuMipmappedArrayGetLevel(&level, mipmap, 1));
    OK(cuMipmappedArrayGetLevel(&again, mipmap, 1));
    assert_ptr_equal(again, level);
    OK(cuArray3DGetDescriptor(&found, level));
    assert_int_equal(found.Width, WIDTH / 2);
    assert_int_equal(found.Height, HEIGHT / 2);
    upload(level, WIDTH / 2, HEIGHT / 2);
    OK(cuMemcpyAtoH(back, level, 0, 4 * WIDTH / 2 * HEIGHT / 2));
    assert_memory_equal(back, texels[0], 4 * WIDTH / 2);
    OK(cuMipmappedArrayGetLevel(&again, mipmap, 3));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMipmappedArrayGetLevel(&again, mipmap, 4));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMipmappedArrayGetLevel(NULL, mipmap, 0));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuArrayDestroy(level)); /* it goes with the others */
    OK(cuMipmappedArrayDestroy(mipmap));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuMipmappedArrayDestroy(mipmap));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuArray3DGetDescriptor(&found, level));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMipmappedArrayCreate(&mipmap, &flat, 0));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuMipmappedArrayCreate(&mipmap, NULL, 1));
}

/* ---- Textures, surfaces ---- */

static CUfunction load(const char *name)
{
    CUmodule module;
    CUfunction function;

    OK(cuModuleLoadData(&module, text));
    OK(cuModuleGetFunction(&function, module, name));
    return function;
}

/* Row y as a kernel reads it. */
static void read_row(CUtexObject texture, uint32_t y, unsigned width)
{
    CUfunction function = load("read");
    CUdeviceptr out;
    void *params[] = {&out, &texture, &y};

    OK(cuMemAlloc(&out, sizeof(back[0])));
    OK(cuLaunchKernel(function, 1, 1, 1, width, 1, 1, 0, NULL, params, NULL));
    OK(cuMemcpyDtoH(back[0], out, width * 4));
    OK(cuMemFree(out));
}

static void test_texture(void **state)
{
    CUarray array = create_array();
    CUDA_RESOURCE_DESC resource = resource_of(array), resource_back;
    CUDA_TEXTURE_DESC sampler_back;
    CUDA_RESOURCE_VIEW_DESC view;
    CUtexObject texture;

    (void)state;
    upload(array, WIDTH, HEIGHT);
    OK(cuTexObjectCreate(&texture, &resource, &sampler, NULL));
    read_row(texture, 2, WIDTH);
    assert_memory_equal(back[0], texels[2], sizeof(texels[0]));
    OK(cuTexObjectGetResourceDesc(&resource_back, texture));
    assert_ptr_equal(resource_back.res.array.hArray, array);
    OK(cuTexObjectGetTextureDesc(&sampler_back, texture));
    assert_memory_equal(&sampler_back, &sampler, sizeof(sampler));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuTexObjectGetResourceViewDesc(&view, texture));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuTexObjectGetTextureDesc(NULL, texture));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuSurfObjectDestroy(texture));
    OK(cuTexObjectDestroy(texture));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuTexObjectDestroy(texture));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuTexObjectCreate(&texture, &resource, NULL, NULL));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuTexObjectCreate(NULL, &resource, &sampler, NULL));
    resource.res.array.hArray = NO_HANDLE(CUarray);
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuTexObjectCreate(&texture, &resource, &sampler, NULL));
    resource.resType = (CUresourcetype)7;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuTexObjectCreate(&texture, &resource, &sampler, NULL));
    OK(cuArrayDestroy(array));
}

static void test_texture_of_memory(void **state)
{
    CUDA_RESOURCE_DESC resource = {.resType = CU_RESOURCE_TYPE_PITCH2D};
    CUtexObject texture;
    CUdeviceptr pointer;
    size_t pitch;

    (void)state;
    fill_texels();
    OK(cuMemAllocPitch(&pointer, &pitch, sizeof(texels[0]), HEIGHT, 4));
    for (unsigned y = 0; y < HEIGHT; y++) {
        OK(cuMemcpyHtoD(pointer + y * pitch, texels[y], sizeof(texels[0])));
    }
    resource.res.pitch2D.devPtr = pointer;
    resource.res.pitch2D.format = CU_AD_FORMAT_UNSIGNED_INT32;
    resource.res.pitch2D.numChannels = 1;
    resource.res.pitch2D.width = WIDTH;
    resource.res.pitch2D.height = HEIGHT;
    resource.res.pitch2D.pitchInBytes = pitch;
    OK(cuTexObjectCreate(&texture, &resource, &sampler, NULL));
    read_row(texture, 3, WIDTH);
    assert_memory_equal(back[0], texels[3], sizeof(texels[0]));
    OK(cuTexObjectDestroy(texture));
    resource.res.pitch2D.devPtr = 0x1000;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuTexObjectCreate(&texture, &resource, &sampler, NULL));
    OK(cuMemFree(pointer));
}

/* A level by itself, and all of them with a view of one. */
static void test_texture_of_levels(void **state)
{
    const CUDA_RESOURCE_VIEW_DESC view = {.firstMipmapLevel = 1, .lastMipmapLevel = 1};
    CUDA_TEXTURE_DESC levels = sampler;
    CUDA_RESOURCE_VIEW_DESC view_back;
    CUDA_RESOURCE_DESC resource;
    CUmipmappedArray mipmap;
    CUtexObject texture;
    CUarray level;

    (void)state;
    OK(cuMipmappedArrayCreate(&mipmap, &flat, 2));
    OK(cuMipmappedArrayGetLevel(&level, mipmap, 1));
    upload(level, WIDTH / 2, HEIGHT / 2);
    resource = resource_of(level);
    OK(cuTexObjectCreate(&texture, &resource, &sampler, NULL));
    read_row(texture, 1, WIDTH / 2);
    assert_memory_equal(back[0], texels[1], 4 * WIDTH / 2);
    OK(cuTexObjectDestroy(texture));
    resource = (CUDA_RESOURCE_DESC){.resType = CU_RESOURCE_TYPE_MIPMAPPED_ARRAY,
                                    .res.mipmap.hMipmappedArray = mipmap};
    levels.maxMipmapLevelClamp = 1;
    OK(cuTexObjectCreate(&texture, &resource, &levels, &view));
    OK(cuTexObjectGetResourceViewDesc(&view_back, texture));
    assert_int_equal(view_back.firstMipmapLevel, 1);
    OK(cuTexObjectDestroy(texture));
    OK(cuMipmappedArrayDestroy(mipmap));
}

static void test_surface(void **state)
{
    CUDA_ARRAY3D_DESCRIPTOR plain = flat;
    CUarray array = create_array(), no_surface;
    CUDA_RESOURCE_DESC resource = resource_of(array), resource_back;
    CUsurfObject surface;
    uint32_t y = 1;
    void *params[] = {&surface, &y};

    (void)state;
    upload(array, WIDTH, HEIGHT);
    OK(cuSurfObjectCreate(&surface, &resource));
    OK(cuLaunchKernel(load("write"), 1, 1, 1, WIDTH, 1, 1, 0, NULL, params, NULL));
    OK(cuMemcpyAtoH(back, array, 0, sizeof(back)));
    assert_int_equal(back[1][3], 103);
    assert_int_equal(back[2][3], texels[2][3]);
    OK(cuSurfObjectGetResourceDesc(&resource_back, surface));
    assert_ptr_equal(resource_back.res.array.hArray, array);
    OK(cuSurfObjectDestroy(surface));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuSurfObjectDestroy(surface));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuSurfObjectGetResourceDesc(&resource_back, surface));
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuSurfObjectCreate(NULL, &resource));
    plain.Flags = 0;
    OK(cuArray3DCreate(&no_surface, &plain));
    resource = resource_of(no_surface);
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuSurfObjectCreate(&surface, &resource));
    resource = resource_of(NO_HANDLE(CUarray));
    EXPECT(CUDA_ERROR_INVALID_HANDLE, cuSurfObjectCreate(&surface, &resource));
    resource.resType = CU_RESOURCE_TYPE_LINEAR;
    EXPECT(CUDA_ERROR_INVALID_VALUE, cuSurfObjectCreate(&surface, &resource));
}

/* Bookkeeping is given back, and numbers. */
static void test_many(void **state)
{
    CUmipmappedArray mipmap;
    CUtexObject texture;
    CUarray level;

    (void)state;
    for (unsigned i = 0; i < 1500; i++) {
        CUDA_RESOURCE_DESC resource;

        OK(cuMipmappedArrayCreate(&mipmap, &flat, 2));
        OK(cuMipmappedArrayGetLevel(&level, mipmap, 1));
        resource = resource_of(level);
        OK(cuTexObjectCreate(&texture, &resource, &sampler, NULL));
        OK(cuTexObjectDestroy(texture));
        OK(cuMipmappedArrayDestroy(mipmap));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_array),
        BOTH(test_copies),
        BOTH(test_mipmaps),
        BOTH(test_texture),
        BOTH(test_texture_of_memory),
        BOTH(test_texture_of_levels),
        BOTH(test_surface),
        RING(test_many),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
