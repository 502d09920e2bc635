/* SPDX-License-Identifier: BSD-2-Clause */
// build: firmware/apps/draw/scene.c
// libs: -lm
/* The scene of run=pvgpu-draw: meshes that are closed to their outside, a camera that sees it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "firmware/apps/draw/scene.h"

static struct scene_vertex vertices[SCENE_VERTICES];
static uint16_t indices[SCENE_INDICES];

static float dot(const float *a, const float *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* ---- Meshes ---- */

/* Positive: clockwise, seen from where the normals point. */
static float turn_of(const struct scene_vertex *const corners[3])
{
    float a[3], b[3];

    for (int i = 0; i < 3; i++) {
        a[i] = corners[1]->position[i] - corners[0]->position[i];
        b[i] = corners[2]->position[i] - corners[0]->position[i];
    }
    const float across[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                             a[0] * b[1] - a[1] * b[0]};

    return dot(across, corners[0]->normal);
}

static void check_triangles(uint32_t first, uint32_t end, uint32_t base, uint32_t count)
{
    for (uint32_t i = first; i < end; i += 3) {
        const struct scene_vertex *corners[3];

        for (uint32_t j = 0; j < 3; j++) {
            assert_true(indices[i + j] < count);
            corners[j] = &vertices[base + indices[i + j]];
        }
        assert_true(turn_of(corners) > 0);
    }
}

static void meshes(void **state)
{
    (void)state;
    scene_mesh(vertices, indices);
    for (uint32_t i = 0; i < SCENE_VERTICES; i++) {
        assert_true(fabsf(dot(vertices[i].normal, vertices[i].normal) - 1) < 1e-5f);
    }
    check_triangles(0, SCENE_RING_INDICES, 0, SCENE_RING_VERTICES);
    check_triangles(SCENE_RING_INDICES, SCENE_INDICES, SCENE_RING_VERTICES, 4);
}

static void instances_and_particles(void **state)
{
    static struct scene_instance instances[SCENE_INSTANCES];
    static struct scene_particle particles[SCENE_PARTICLES];

    (void)state;
    scene_instances(instances);
    for (uint32_t i = 0; i < SCENE_INSTANCES; i++) {
        assert_true(instances[i].place[3] > 0);
        assert_true(instances[i].tint >> 24 == 255);
    }
    scene_particles(particles);
    for (uint32_t i = 0; i < SCENE_PARTICLES; i++) {
        assert_true(particles[i].age >= 0 && particles[i].age < 1);
    }
    assert_int_equal(SCENE_PARTICLES % SCENE_PARTICLES_PER_GROUP, 0);
}

/* ---- The texture ---- */

static void levels(void **state)
{
    static uint32_t texels[SCENE_TEXTURE_TEXELS];
    uint64_t sum = 0;

    (void)state;
    scene_texture(texels);
    for (uint32_t i = 0; i < SCENE_TEXTURE_SIDE * SCENE_TEXTURE_SIDE; i++) {
        assert_int_equal(texels[i] >> 24, 255);
        sum += texels[i] & 0xFF;
    }
    int mean = (int)(sum / (SCENE_TEXTURE_SIDE * SCENE_TEXTURE_SIDE));
    int last = (int)(texels[SCENE_TEXTURE_TEXELS - 1] & 0xFF);

    assert_int_equal(SCENE_TEXTURE_SIDE, 1u << (SCENE_TEXTURE_LEVELS - 1));
    assert_true(abs(last - mean) <= (int)SCENE_TEXTURE_LEVELS); /* a rounding for each level */
}

/* ---- The camera ---- */

/* Of a point, after the division. */
static void project(const struct scene_frame *frame, const float point[3], float seen[3])
{
    float clip[4];

    for (int i = 0; i < 4; i++) {
        clip[i] = frame->to_clip[3][i];
        for (int j = 0; j < 3; j++) {
            clip[i] += frame->to_clip[j][i] * point[j];
        }
    }
    assert_true(clip[3] > 0);
    for (int i = 0; i < 3; i++) {
        seen[i] = clip[i] / clip[3];
    }
}

static void camera(void **state)
{
    const float middle[3] = {0, 1.2f, 0}, above[3] = {0, 2, 0};
    struct scene_frame frame;

    (void)state;
    for (uint32_t number = 0; number < 1800; number += 100) {
        float seen[3], higher[3], near[3], halfway[3];

        scene_frame(&frame, number, 1280, 720);
        project(&frame, middle, seen);
        project(&frame, above, higher);
        for (int i = 0; i < 3; i++) {
            halfway[i] = (frame.eye[i] + middle[i]) / 2;
        }
        project(&frame, halfway, near);
        assert_true(fabsf(seen[0]) < 1e-4f && fabsf(seen[1]) < 1e-4f);
        assert_true(seen[2] > 0 && seen[2] < 1);
        assert_true(higher[1] > seen[1]);
        assert_true(near[2] > 0 && near[2] < seen[2]);
    }
}

/* From +z, x runs to the left: y up, z away, x right. */
static void camera_is_left_handed(void **state)
{
    const float right_of_it[3] = {-1, 1.2f, 0}; /* the eye stands at +z at first */
    struct scene_frame frame;
    float seen[3];

    (void)state;
    scene_frame(&frame, 0, 1280, 720);
    assert_true(frame.eye[2] > 0 && fabsf(frame.eye[0]) < 1e-4f);
    project(&frame, right_of_it, seen);
    assert_true(seen[0] > 0);
    assert_int_equal(sizeof(frame) % 16, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meshes),
        cmocka_unit_test(instances_and_particles),
        cmocka_unit_test(levels),
        cmocka_unit_test(camera),
        cmocka_unit_test(camera_is_left_handed),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
