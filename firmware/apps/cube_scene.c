/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/apps/cube_scene.h"

#include <string.h>

#define TILT_DEGREES 30.0f
#define DISTANCE 5.0f
#define NEAR_PLANE 1.0f
#define FAR_PLANE 20.0f
#define FOCAL_LENGTH 2.0f /* of half the screen's height */

/* ---- Geometry: six faces of four corners, each of one colour ---- */

static const struct {
    float normal[3], right[3], up[3], color[3];
} faces[6] = {
    {{1, 0, 0}, {0, 0, -1}, {0, 1, 0}, {0.9f, 0.2f, 0.2f}},
    {{-1, 0, 0}, {0, 0, 1}, {0, 1, 0}, {0.2f, 0.9f, 0.9f}},
    {{0, 1, 0}, {1, 0, 0}, {0, 0, -1}, {0.2f, 0.9f, 0.2f}},
    {{0, -1, 0}, {1, 0, 0}, {0, 0, 1}, {0.9f, 0.2f, 0.9f}},
    {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}, {0.2f, 0.3f, 0.9f}},
    {{0, 0, -1}, {-1, 0, 0}, {0, 1, 0}, {0.9f, 0.9f, 0.2f}},
};

void cube_vertices(struct cube_vertex vertices[CUBE_VERTICES])
{
    for (unsigned face = 0; face < 6; face++) {
        for (unsigned corner = 0; corner < 4; corner++) {
            struct cube_vertex *vertex = &vertices[face * 4 + corner];
            float right = corner & 1 ? 1 : -1, up = corner & 2 ? 1 : -1;

            for (unsigned i = 0; i < 3; i++) {
                vertex->position[i] =
                    faces[face].normal[i] + right * faces[face].right[i] + up * faces[face].up[i];
            }
            memcpy(vertex->normal, faces[face].normal, sizeof(vertex->normal));
            memcpy(vertex->color, faces[face].color, sizeof(vertex->color));
        }
    }
}

void cube_indices(uint16_t indices[CUBE_INDICES])
{
    static const uint16_t corners[6] = {0, 1, 2, 2, 1, 3};

    for (unsigned i = 0; i < CUBE_INDICES; i++) {
        indices[i] = (uint16_t)(i / 6 * 4 + corners[i % 6]);
    }
}

/* ---- Shaders ---- */

/* Diffuse light on 0.25 of ambient light. */
const char cube_vertex_shader[] = "VERT\n"
                                  "DCL IN[0]\n"
                                  "DCL IN[1]\n"
                                  "DCL IN[2]\n"
                                  "DCL OUT[0], POSITION\n"
                                  "DCL OUT[1], GENERIC[0]\n"
                                  "DCL CONST[0..7]\n"
                                  "DCL TEMP[0..1]\n"
                                  "IMM[0] FLT32 { 0.0, 0.25, 0.75, 1.0 }\n"
                                  "  0: DP4 OUT[0].x, IN[0], CONST[0]\n"
                                  "  1: DP4 OUT[0].y, IN[0], CONST[1]\n"
                                  "  2: DP4 OUT[0].z, IN[0], CONST[2]\n"
                                  "  3: DP4 OUT[0].w, IN[0], CONST[3]\n"
                                  "  4: DP3 TEMP[0].x, IN[1], CONST[4]\n"
                                  "  5: DP3 TEMP[0].y, IN[1], CONST[5]\n"
                                  "  6: DP3 TEMP[0].z, IN[1], CONST[6]\n"
                                  "  7: DP3 TEMP[1].x, TEMP[0], CONST[7]\n"
                                  "  8: MAX TEMP[1].x, TEMP[1].xxxx, IMM[0].xxxx\n"
                                  "  9: MAD TEMP[1].x, TEMP[1].xxxx, IMM[0].zzzz, IMM[0].yyyy\n"
                                  " 10: MUL OUT[1].xyz, IN[2], TEMP[1].xxxx\n"
                                  " 11: MOV OUT[1].w, IMM[0].wwww\n"
                                  " 12: END\n";

const char cube_fragment_shader[] = "FRAG\n"
                                    "DCL IN[0], GENERIC[0], PERSPECTIVE\n"
                                    "DCL OUT[0], COLOR\n"
                                    "  0: MOV OUT[0], IN[0]\n"
                                    "  1: END\n";

/* ---- Where it is ---- */

/* Good to the seventh digit: Taylor's series up to x^11, between -90 and 90 degrees. */
static float sine(float degrees)
{
    degrees -= 360.0f * (float)(int)(degrees / 360.0f);
    if (degrees > 180.0f) {
        degrees -= 360.0f;
    } else if (degrees < -180.0f) {
        degrees += 360.0f;
    }
    if (degrees > 90.0f) {
        degrees = 180.0f - degrees;
    } else if (degrees < -90.0f) {
        degrees = -180.0f - degrees;
    }
    float x = degrees * 0.01745329252f, square = x * x, term = x, sum = x;

    for (int i = 2; i <= 10; i += 2) {
        term *= -square / (float)(i * (i + 1));
        sum += term;
    }
    return sum;
}

static float cosine(float degrees)
{
    return sine(degrees + 90.0f);
}

/* Around y by `degrees`, then around x by the tilt. */
static void rotate(float rotation[3][3], float degrees)
{
    float c = cosine(degrees), s = sine(degrees);
    float ct = cosine(TILT_DEGREES), st = sine(TILT_DEGREES);
    const float rows[3][3] = {
        {c, 0, s},
        {st * s, ct, -st * c},
        {-ct * s, st, ct * c},
    };

    memcpy(rotation, rows, sizeof(rows));
}

void cube_constants(struct cube_constants *constants, float degrees, uint32_t width,
                    uint32_t height)
{
    float rotation[3][3];
    float aspect = (float)width / (float)height;
    float depth_scale = (FAR_PLANE + NEAR_PLANE) / (NEAR_PLANE - FAR_PLANE);
    float depth_offset = 2.0f * FAR_PLANE * NEAR_PLANE / (NEAR_PLANE - FAR_PLANE);

    *constants = (struct cube_constants){.light = {0.36f, 0.48f, 0.8f, 0}};
    rotate(rotation, degrees);
    for (unsigned i = 0; i < 3; i++) {
        constants->to_clip[0][i] = FOCAL_LENGTH / aspect * rotation[0][i];
        constants->to_clip[1][i] = FOCAL_LENGTH * rotation[1][i];
        constants->to_clip[2][i] = depth_scale * rotation[2][i];
        constants->to_clip[3][i] = -rotation[2][i];
        memcpy(constants->rotation[i], rotation[i], sizeof(rotation[i]));
    }
    /* The eye looks along -z and is DISTANCE away. */
    constants->to_clip[2][3] = depth_scale * -DISTANCE + depth_offset;
    constants->to_clip[3][3] = DISTANCE;
}
